//! What the node is called, how wide it works and how it ends (spec: `config.md` 8.3, `names.md`).

use std::{path::Path, time::Duration};

use crate::config::{files::Files, reader::Reader, settings::kind::Kind, vars::Vars};

/// Where Linux, then other systems, keep the host name. Read as files, because the standard library
/// has no call for it.
const HOST_NAME_FILES: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];

/// Longest host name file; the kernel's names have at most 64 bytes.
const HOST_NAME_BYTES_MAX: u64 = 1024;

/// The name of a machine that does not tell its own. Good enough for one node; a cluster of such
/// nodes needs `NODE_NAME`.
const NAMELESS: &str = "localhost";

/// The two phases of a stop, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// `SHUTDOWN_DELAY`: unready, but still accepting, so that load balancers can turn away.
    pub delay: Duration,
    /// `SHUTDOWN_TIMEOUT`: not accepting; what is in flight may end. Zero cuts it off at once.
    pub timeout: Duration,
}

// === impl Shutdown ===

impl Shutdown {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            delay: reader.time("SHUTDOWN_DELAY"),
            timeout: reader.time("SHUTDOWN_TIMEOUT"),
        }
    }
}

/// `NODE_NAME`, else `NODE_HOST`, else the machine's name. A node of a cluster must be told from others
/// by it.
pub(super) fn name(reader: &mut Reader<'_>, is_clustered: bool) -> String {
    let name = reader.text("NODE_NAME");
    let host = reader.text("NODE_HOST");
    if let Some(name) = name {
        return name;
    }
    match host {
        Some(host) if Kind::Name.text(&host).is_none() => {
            reader.fault(
                "NODE_HOST",
                "it is too long to be the name of the node: set NODE_NAME",
            );
            host
        }
        Some(host) => host,
        None => {
            let name = machine_name(reader.files(), reader.environment());
            if is_clustered && name == NAMELESS {
                reader.warn(format!(
                    "this node is named {NAMELESS}, for the machine tells no other name: set \
                     NODE_NAME, nodes with the same name count as one"
                ));
            }
            name
        }
    }
}

/// `WORKERS`, else the number of cores this process may use.
pub(super) fn workers(reader: &mut Reader<'_>) -> usize {
    reader.size("WORKERS").unwrap_or_else(|| {
        // Unknown only on exotic systems; one worker works everywhere.
        std::thread::available_parallelism().map_or(1, usize::from)
    })
}

fn machine_name(files: &dyn Files, environment: &dyn Vars) -> String {
    let read = |path: &&str| {
        let bytes = files.read(Path::new(path), HOST_NAME_BYTES_MAX).ok()?;
        String::from_utf8(bytes).ok()
    };
    HOST_NAME_FILES
        .iter()
        .filter_map(read)
        .chain(environment.get("HOSTNAME"))
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty() && Kind::Name.text(name).is_some())
        .unwrap_or_else(|| NAMELESS.to_owned())
}

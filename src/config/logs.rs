//! What is logged and counted (spec: `config.md` 8.8, `proxying.md` 3.10).

use log::LevelFilter;

use crate::{config::reader::Reader, telemetry::logging::Format};

/// What is logged, and how lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// `LOG_LEVEL`
    pub level: LevelFilter,
    /// `LOG_FMT`
    pub format: Format,
    /// `REQUEST_LOG` holds `console`: a line per proxied request.
    pub requests: bool,
}

// === impl Log ===

impl Log {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            level: reader
                .word("LOG_LEVEL")
                .parse()
                .unwrap_or(LevelFilter::Info),
            format: Format::named(reader.word("LOG_FMT")).unwrap_or_default(),
            requests: request_log(reader),
        }
    }
}

fn request_log(reader: &mut Reader<'_>) -> bool {
    let words = reader.words("REQUEST_LOG");
    if words.contains(&"kafka") {
        reader.fault(
            "REQUEST_LOG",
            "kafka is not supported yet, it needs a broker: remove it",
        );
    }
    words.contains(&"console")
}

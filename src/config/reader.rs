//! Reads settings one by one and remembers every fault, so that all are reported at once.
//!
//! Order: flag, environment, default; an empty value counts as unset; secrets also come from the
//! file that `<VARIABLE>_FILE` names. A faulty setting reads as its default, so that the rest can
//! still be checked; nothing is started with it, for the fault is kept.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;

use crate::config::{
    faults::{ConfigFault, ConfigFaults, shown},
    files::{self, Files},
    secret::Secret,
    settings::{self, Setting, kind::Quantity, places, values},
    vars::{Flags, Vars},
};

/// Longest file with a secret; an RSA key of 16,384 bits in PEM has 13 KiB.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Longest file with certificates; a system's whole trust store has a quarter of it.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Most items of a faulty list that are shown; the rest is likely wrong in the same way.
const CULPRITS_MAX: usize = 8;

/// The sources of settings, and what was wrong so far.
pub(super) struct Reader<'a> {
    flags: &'a Flags,
    environment: &'a dyn Vars,
    files: &'a dyn Files,
    faults: Vec<ConfigFault>,
    warnings: Vec<String>,
    /// Variables that are faulty, without their flags.
    faulty: Vec<&'static str>,
}

/// A value somebody gave.
struct Given {
    text: String,
    /// The variable, and the flag if it came from there.
    name: String,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    /// A reader without faults.
    pub(super) fn new(flags: &'a Flags, environment: &'a dyn Vars, files: &'a dyn Files) -> Self {
        Self {
            flags,
            environment,
            files,
            faults: Vec::new(),
            warnings: Vec::new(),
            faulty: Vec::new(),
        }
    }

    /// The files settings may name.
    pub(super) fn files(&self) -> &'a dyn Files {
        self.files
    }

    /// The environment, for variables that are not settings.
    pub(super) fn environment(&self) -> &'a dyn Vars {
        self.environment
    }

    /// Remembers a fault of `variable`.
    pub(super) fn fault(&mut self, variable: &'static str, message: impl Into<String>) {
        self.faulty.push(variable);
        self.faults.push(ConfigFault::new(variable, message));
    }

    /// Remembers something an operator should look at.
    pub(super) fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    /// The warnings so far, each given once.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// `variable` already has a fault, so what depends on it need not complain as well.
    pub(super) fn is_faulty(&self, variable: &str) -> bool {
        self.faulty.contains(&variable)
    }

    /// What was read, if there was no fault; else all of them, in the order found.
    pub(super) fn finish<T>(self, read: T) -> Result<T, ConfigFaults> {
        if self.faults.is_empty() {
            Ok(read)
        } else {
            Err(ConfigFaults(self.faults))
        }
    }

    /// Somebody gave a value, right or wrong.
    pub(super) fn is_given(&self, variable: &str) -> bool {
        let set = |vars: &dyn Vars| vars.get(variable).is_some_and(|value| !value.is_empty());
        set(self.flags) || set(self.environment)
    }

    /// A text; `None` if it is unset and has no default.
    pub(super) fn text(&mut self, variable: &'static str) -> Option<String> {
        self.value(variable, |setting, text| setting.kind.text(text))
    }

    /// A secret.
    pub(super) fn secret(&mut self, variable: &'static str) -> Option<Secret> {
        self.text(variable).map(Secret::new)
    }

    /// Yes or no; no without a default.
    pub(super) fn switch(&mut self, variable: &'static str) -> bool {
        self.value(variable, |_, text| values::switch(text))
            .unwrap_or_default()
    }

    /// An address to listen on; loopback without a default.
    pub(super) fn address(&mut self, variable: &'static str) -> IpAddr {
        self.value(variable, |_, text| values::address(text))
            .unwrap_or(IpAddr::from([127, 0, 0, 1]))
    }

    /// Networks; none without a default.
    pub(super) fn networks(&mut self, variable: &'static str) -> Vec<IpNet> {
        self.value(variable, |_, text| values::networks(text))
            .unwrap_or_default()
    }

    /// An address with a port; `None` without a default.
    pub(super) fn socket(&mut self, variable: &'static str) -> Option<SocketAddr> {
        self.value(variable, |_, text| places::socket(text))
    }

    /// Nodes, each as `host:port`; none without a default.
    pub(super) fn peers(&mut self, variable: &'static str) -> Vec<String> {
        self.value(variable, |_, text| places::peers(text))
            .unwrap_or_default()
    }

    /// A name to look up, as `host:port`; `None` without a default.
    pub(super) fn lookup(&mut self, variable: &'static str) -> Option<String> {
        self.value(variable, |_, text| places::lookup(text))
    }

    /// Words of a list; none without a default.
    pub(super) fn words(&mut self, variable: &'static str) -> Vec<&'static str> {
        self.value(variable, |setting, text| setting.kind.words(text))
            .unwrap_or_default()
    }

    /// One word; empty without a default.
    pub(super) fn word(&mut self, variable: &'static str) -> &'static str {
        self.words(variable).first().copied().unwrap_or_default()
    }

    /// What is in a file that [`Self::file`] found.
    pub(super) fn content(&mut self, variable: &'static str, place: &Path) -> Option<Vec<u8>> {
        match self.files.read(place, PEM_BYTES_MAX) {
            Ok(content) => Some(content),
            Err(error) => {
                self.fault(variable, format!("{place:?} cannot be read: {error}"));
                None
            }
        }
    }

    /// A file that exists, where it was found.
    pub(super) fn file(&mut self, variable: &'static str) -> Option<PathBuf> {
        let path = self.text(variable)?;
        match files::find(self.files, &path) {
            Ok(place) => Some(place),
            Err(reason) => {
                // The original's words, which operators may search for.
                self.fault(variable, format!("Could not resolve {variable}: {reason}"));
                None
            }
        }
    }

    /// A port; 0 without a default.
    pub(super) fn port(&mut self, variable: &'static str) -> u16 {
        let port = self.limit(variable).unwrap_or_default();
        u16::try_from(port).unwrap_or_default()
    }

    /// A number of things or bytes that fits the address space.
    pub(super) fn size(&mut self, variable: &'static str) -> Option<usize> {
        self.limit(variable)
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// A time that is never off; zero without a default.
    pub(super) fn time(&mut self, variable: &'static str) -> Duration {
        self.time_limit(variable).unwrap_or_default()
    }

    /// A time, or `None` if it is off.
    pub(super) fn time_limit(&mut self, variable: &'static str) -> Option<Duration> {
        self.limit(variable).map(Duration::from_millis)
    }

    /// A number, or `None` if it is off or unset without default.
    pub(super) fn limit(&mut self, variable: &'static str) -> Option<u64> {
        match self.value(variable, |setting, text| setting.kind.quantity(text))? {
            Quantity::Amount(amount) => Some(amount),
            Quantity::Off => None,
        }
    }

    /// What was given, else the default; a given value that does not parse is a fault.
    fn value<T>(
        &mut self,
        variable: &'static str,
        parse: impl Fn(&Setting, &str) -> Option<T>,
    ) -> Option<T> {
        let setting = settings::named(variable).expect("only settings of the table are read");
        if let Some(given) = self.given(setting) {
            match parse(setting, &given.text) {
                Some(value) if !given.text.contains(char::REPLACEMENT_CHARACTER) => {
                    return Some(value);
                }
                Some(_) => self.refuse(setting, given.name, "is not valid UTF-8".to_owned()),
                None => {
                    let is_culprit = |item: &&str| parse(setting, item).is_none();
                    let message = complaint(setting, &given.text, is_culprit);
                    self.refuse(setting, given.name, message);
                }
            }
        }
        parse(setting, setting.default_value()?)
    }

    /// The value of the first source that has one.
    fn given(&mut self, setting: &'static Setting) -> Option<Given> {
        let flags: (&dyn Vars, bool) = (self.flags, true);
        let environment: (&dyn Vars, bool) = (self.environment, false);
        for (vars, is_flag) in [flags, environment] {
            let get = |variable: &str| vars.get(variable).filter(|value| !value.is_empty());
            let name = |variable: &str| {
                if is_flag {
                    format!("{variable} (--{})", settings::flag(variable))
                } else {
                    variable.to_owned()
                }
            };
            let file_variable = setting.file_variable();
            let path = file_variable.as_deref().and_then(get);
            match (get(setting.variable), file_variable, path) {
                (Some(_), Some(file_variable), Some(_)) => {
                    let message = format!("{file_variable} is set as well: keep one of them");
                    self.refuse(setting, name(setting.variable), message);
                    return None;
                }
                (Some(text), _, _) => {
                    return Some(Given {
                        text,
                        name: name(setting.variable),
                    });
                }
                (None, Some(file_variable), Some(path)) => {
                    return match self.secret_in(&path) {
                        Ok(text) => Some(Given {
                            text,
                            name: name(&file_variable),
                        }),
                        Err(reason) => {
                            self.refuse(setting, name(&file_variable), reason);
                            None
                        }
                    };
                }
                (None, _, _) => {}
            }
        }
        None
    }

    fn secret_in(&self, path: &str) -> Result<String, String> {
        let place = files::find(self.files, path)?;
        let unreadable = |error| format!("{place:?} cannot be read: {error}");
        let bytes = self
            .files
            .read(&place, SECRET_BYTES_MAX)
            .map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{place:?} is not UTF-8 text"))?;
        // Editors and `echo` end a file with a line break that nobody means as part of the secret.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(format!("{place:?} is empty"));
        }
        Ok(text.to_owned())
    }

    fn refuse(&mut self, setting: &Setting, name: String, message: String) {
        self.faulty.push(setting.variable);
        self.faults.push(ConfigFault::new(name, message));
    }
}

/// What is wrong with a value; of a list, only the items that are.
fn complaint(setting: &Setting, text: &str, is_culprit: impl Fn(&&str) -> bool) -> String {
    let expects = setting.kind.expects();
    let culprits: Vec<String> = values::items(text)
        .filter(|item| setting.kind.is_list() && is_culprit(item))
        .take(CULPRITS_MAX)
        .map(shown)
        .collect();
    match culprits.as_slice() {
        [] => format!("{} is not {expects}", shown(text)),
        [culprit] => format!("{culprit} does not belong in {expects}"),
        culprits => format!("{} do not belong in {expects}", culprits.join(", ")),
    }
}

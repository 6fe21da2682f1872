//! What a setting may hold.
//!
//! Every reader gives `None` for a value it does not understand; the sentence an operator reads then
//! comes from [`Kind::expects`], which the generated documentation prints too. Needs: values.

mod amount;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::config::settings::{
    kind::amount::{ByteSize, Milliseconds, or_off},
    values::{
        POINTER_BYTES_MAX, is_host_name, is_json_pointer, is_url, items, number, scaled, spelled,
    },
};

/// Longest node name and API id in bytes, for the cluster carries names in every message
/// (cluster.md, part 6).
pub const NAME_BYTES_MAX: usize = 128;

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text, taken as it is.
    Text,
    /// Any text; never shown; also read from the file that `<VARIABLE>_FILE` names.
    Secret,
    /// A text that can be sent as the value of a header.
    HeaderValue,
    /// A host name or an IP address.
    HostName,
    /// A name of at most [`NAME_BYTES_MAX`] bytes without control characters.
    Name,
    /// An `http` or `https` URL.
    Url,
    /// A file, as given or below the data directory.
    File,
    /// API definitions: a file, or the JSON itself.
    Definitions,
    /// Extractors: a file, or the JSON itself.
    Extractors,
    /// A JSON pointer to a part of a document.
    JsonPointer,
    /// Who decides: a word, or an `http` or `https` URL.
    Check,
    /// Yes or no.
    Switch,
    /// An IP address to listen on.
    Address,
    /// A comma list of networks.
    Networks,
    /// An IP address with a port.
    Socket,
    /// A comma list of nodes.
    Peers,
    /// A name that is looked up, with or without a port.
    Lookup,
    /// A TCP port; 0 lets the system choose.
    Port,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
    /// A comma list of these words, in any case.
    SomeOf(&'static [&'static str]),
    /// A whole number.
    Number {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A number of bytes.
    Bytes {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
        /// `off` and 0 mean: no limit.
        off: bool,
    },
    /// A time in milliseconds.
    Time {
        /// The unit of a plain number.
        unit: Unit,
        /// Least, in milliseconds.
        min: u64,
        /// Most, in milliseconds.
        max: u64,
        /// `off` and 0 mean: no limit.
        off: bool,
    },
}

/// The unit of a time that is written as a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// As the original counts its time limits.
    Milliseconds,
    /// For what an operator thinks of in seconds.
    Seconds,
}

/// A number that a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// There is no limit.
    Off,
    /// So much: as it is, in bytes or in milliseconds.
    Amount(u64),
}

/// The word of a check that allows everything.
pub const NO_CHECK: &str = "no_check";

/// The word of a check that asks for a valid token.
pub const JWT_VALIDATION: &str = "jwt_validation";

/// The words of a check.
pub const CHECKS: &[&str] = &[NO_CHECK, JWT_VALIDATION];

/// How many bytes a suffix stands for.
const BYTE_UNITS: [(&str, u64); 7] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("b", 1),
];

/// How many milliseconds a suffix stands for; `ms` before `s`, for it ends in `s` too.
const TIME_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

// === impl Kind ===

impl Kind {
    /// The number in `text`, or `None` if it is none of this kind or out of range.
    pub fn quantity(&self, text: &str) -> Option<Quantity> {
        let text = text.trim();
        let (amount, min, max, off) = match *self {
            Self::Port => (number(text), 0, u64::from(u16::MAX), false),
            Self::Number { min, max } => (number(text), min, max, false),
            Self::Bytes { min, max, off } => (scaled(text, &BYTE_UNITS, 1), min, max, off),
            Self::Time {
                unit,
                min,
                max,
                off,
            } => (
                scaled(text, &TIME_UNITS, unit.milliseconds()),
                min,
                max,
                off,
            ),
            Self::Text
            | Self::Secret
            | Self::HeaderValue
            | Self::HostName
            | Self::Name
            | Self::Url
            | Self::File
            | Self::Definitions
            | Self::Extractors
            | Self::JsonPointer
            | Self::Check
            | Self::Switch
            | Self::Address
            | Self::Networks
            | Self::Socket
            | Self::Peers
            | Self::Lookup
            | Self::OneOf(_)
            | Self::SomeOf(_) => return None,
        };
        if off && (amount == Some(0) || text.eq_ignore_ascii_case("off")) {
            return Some(Quantity::Off);
        }
        amount
            .filter(|amount| (min..=max).contains(amount))
            .map(Quantity::Amount)
    }

    /// `text`, if it is a text of this kind.
    pub fn text(&self, text: &str) -> Option<String> {
        let fits = match self {
            Self::HeaderValue => {
                text.trim() == text && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            }
            Self::HostName => is_host_name(text),
            Self::Name => text.len() <= NAME_BYTES_MAX && !text.contains(char::is_control),
            Self::Url => is_url(text),
            Self::JsonPointer => is_json_pointer(text),
            Self::Check => spelled(text.trim(), CHECKS).is_some() || is_url(text),
            Self::Text
            | Self::Secret
            | Self::File
            | Self::Definitions
            | Self::Extractors
            | Self::Switch
            | Self::Address
            | Self::Networks
            | Self::Socket
            | Self::Peers
            | Self::Lookup
            | Self::Port
            | Self::OneOf(_)
            | Self::SomeOf(_)
            | Self::Number { .. }
            | Self::Bytes { .. }
            | Self::Time { .. } => true,
        };
        fits.then(|| text.to_owned())
    }

    /// The words in `text` as [`Kind::OneOf`] or [`Kind::SomeOf`] spells them.
    pub fn words(&self, text: &str) -> Option<Vec<&'static str>> {
        match *self {
            Self::OneOf(words) => spelled(text.trim(), words).map(|word| vec![word]),
            Self::SomeOf(words) => items(text).map(|item| spelled(item, words)).collect(),
            Self::Text
            | Self::Secret
            | Self::HeaderValue
            | Self::HostName
            | Self::Name
            | Self::Url
            | Self::File
            | Self::Definitions
            | Self::Extractors
            | Self::JsonPointer
            | Self::Check
            | Self::Switch
            | Self::Address
            | Self::Networks
            | Self::Socket
            | Self::Peers
            | Self::Lookup
            | Self::Port
            | Self::Number { .. }
            | Self::Bytes { .. }
            | Self::Time { .. } => None,
        }
    }

    /// The value is a comma list, whose items can be looked at one by one.
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::Networks | Self::Peers | Self::SomeOf(_))
    }

    /// What stands for the value in `--help`.
    pub const fn placeholder(&self) -> &'static str {
        match self {
            Self::Text | Self::HeaderValue => "TEXT",
            Self::Secret => "SECRET",
            Self::HostName => "HOST",
            Self::Name => "NAME",
            Self::Url => "URL",
            Self::File => "FILE",
            Self::Definitions | Self::Extractors => "FILE|JSON",
            Self::JsonPointer => "POINTER",
            Self::Check => "WORD|URL",
            Self::Switch => "BOOLEAN",
            Self::Address => "ADDRESS",
            Self::Networks => "CIDR,...",
            Self::Socket => "ADDRESS:PORT",
            Self::Peers => "HOST:PORT,...",
            Self::Lookup => "HOST[:PORT]",
            Self::Port => "PORT",
            Self::OneOf(_) => "WORD",
            Self::SomeOf(_) => "WORD,...",
            Self::Number { .. } => "NUMBER",
            Self::Bytes { .. } => "BYTES",
            Self::Time { .. } => "TIME",
        }
    }

    /// What the value must be, as the end of a sentence that begins "it must be".
    pub fn expects(&self) -> String {
        match *self {
            Self::Text | Self::Secret => "a text".to_owned(),
            Self::HeaderValue => "visible ASCII, as a header can carry it".to_owned(),
            Self::HostName => "a host name or an IP address".to_owned(),
            Self::Name => {
                format!("a name of at most {NAME_BYTES_MAX} bytes without control characters")
            }
            Self::Url => "an http or https URL without user name".to_owned(),
            Self::File => "a file".to_owned(),
            Self::Definitions => "a file with a JSON list of API definitions, or that list".into(),
            Self::Extractors => "a file with a JSON object of extractors, or that object".into(),
            Self::JsonPointer => format!(
                "a JSON pointer such as /jti (RFC 6901) of at most {POINTER_BYTES_MAX} bytes, where \
                 only 0 or 1 follow a ~"
            ),
            Self::Check => format!(
                "one of {}, or an http or https URL without user name",
                CHECKS.join(", ")
            ),
            Self::Switch => "true, 1, yes or false, 0, no".to_owned(),
            Self::Address => "an IP address".to_owned(),
            Self::Networks => "a comma list of networks such as 10.0.0.0/8".to_owned(),
            Self::Socket => {
                "an IP address with a port, such as 127.0.0.1:4020 or /ip4/127.0.0.1/tcp/4020"
                    .into()
            }
            Self::Peers => "a comma list of nodes such as node-b:4020, [2001:db8::1]:4020 or \
                 /dns4/node-b/tcp/4020"
                .into(),
            Self::Lookup => "a host name, with or without a port".to_owned(),
            Self::Port => "a port from 0 (the system chooses) to 65535".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::SomeOf(words) => format!("a comma list of {}", words.join(", ")),
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Bytes { min, max, off } => format!(
                "a number of bytes, or with KiB, MiB, GiB, kB, MB, GB, from {} to {}{}",
                ByteSize(min),
                ByteSize(max),
                or_off(off)
            ),
            Self::Time {
                unit,
                min,
                max,
                off,
            } => format!(
                "a number of {unit}, or with ms, s, m, h, from {} to {}{}",
                Milliseconds(min),
                Milliseconds(max),
                or_off(off)
            ),
        }
    }
}

// === impl Unit ===

impl Unit {
    const fn milliseconds(self) -> u64 {
        match self {
            Self::Milliseconds => 1,
            Self::Seconds => 1_000,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
        })
    }
}

//! Scheme, host and port of an HTTP target (spec: `api-definitions.md` 1.4).

use crate::core::api::Address;

/// Where connections of an API go. Nothing a client sends can change it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `true`: TLS.
    pub https: bool,
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Origin {
    /// Resolves `address`, looking variables up in `environment`; an unset or empty variable means
    /// `localhost`.
    pub fn resolve(_address: &Address, _environment: impl Fn(&str) -> Option<String>) -> Self {
        todo!()
    }

    /// `host[:port]` for the `host` header: the port is left out where it is the scheme's default,
    /// IPv6 addresses are bracketed.
    pub fn authority(&self) -> String {
        todo!()
    }
}

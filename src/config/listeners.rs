//! What is listened on, and who may talk to the management API (spec: `config.md` 8.2).
//!
//! Deliberately absent: sockets. What a certificate must be is asked of `http::tls`.

use std::{fmt, net::IpAddr, path::PathBuf};

use crate::{
    config::{cluster::Cluster, faults::shown, reader::Reader, secret::Secret},
    http::tls::{self, CertificateError},
};

/// The proxy's listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbound {
    /// `INBOUND_BIND`
    pub bind: IpAddr,
    /// `INBOUND_PORT`; 0: the system chooses.
    pub port: u16,
    /// `INBOUND_HTTPS_PORT`; open only if [`super::Config::tls`] is there.
    pub https_port: u16,
}

/// The management API's listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// `API_BIND`
    pub bind: IpAddr,
    /// `API_HTTP_PORT`; 0: the system chooses.
    pub port: u16,
    /// `API_HTTPS_PORT`; open only if [`super::Config::tls`] is there.
    pub https_port: u16,
    /// Who may talk to it.
    pub guard: Guard,
}

/// Who may talk to the management API. `Display` is the boot line that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Whoever presents this bearer token (`API_TOKEN`).
    Token(Secret),
    /// Everybody on this machine; it is bound to loopback only.
    Loopback,
    /// Everybody who reaches it (`API_INSECURE`).
    Nobody,
}

/// The files for HTTPS, which held a certificate and its key when they were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM certificate chain.
    pub certfile: PathBuf,
    /// PEM private key.
    pub keyfile: PathBuf,
    /// Pass phrase, if the key is encrypted.
    pub keyfile_pass: Option<Secret>,
}

// === impl Inbound ===

impl Inbound {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            bind: reader.address("INBOUND_BIND"),
            port: reader.port("INBOUND_PORT"),
            https_port: reader.port("INBOUND_HTTPS_PORT"),
        }
    }
}

// === impl Admin ===

impl Admin {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let bind = reader.address("API_BIND");
        Self {
            bind,
            port: reader.port("API_HTTP_PORT"),
            https_port: reader.port("API_HTTPS_PORT"),
            guard: Guard::read(reader, bind),
        }
    }
}

// === impl Guard ===

impl Guard {
    fn read(reader: &mut Reader<'_>, bind: IpAddr) -> Self {
        let token = token(reader);
        let insecure = reader.switch("API_INSECURE");
        match token {
            Some(token) => {
                if insecure {
                    reader.warn("API_INSECURE has no effect: the token of API_TOKEN is asked for");
                }
                Self::Token(token)
            }
            None if insecure => Self::Nobody,
            None if bind.to_canonical().is_loopback() => Self::Loopback,
            None => {
                if !["API_TOKEN", "API_INSECURE", "API_BIND"]
                    .iter()
                    .any(|v| reader.is_faulty(v))
                {
                    let message = format!(
                        "{bind} can be reached from other machines: set API_TOKEN, or \
                         API_INSECURE=true to leave the management API open to everybody"
                    );
                    reader.fault("API_BIND", message);
                }
                Self::Loopback
            }
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "the management API asks for the bearer token of API_TOKEN",
            Self::Loopback => {
                "the management API is open to everybody on this machine and bound to loopback; \
                 set API_TOKEN to ask for a token"
            }
            Self::Nobody => "the management API is open to everybody who reaches it (API_INSECURE)",
        })
    }
}

// === impl TlsFiles ===

impl TlsFiles {
    /// The files, if HTTPS is wanted. The sentences for half a configuration are the original's.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let wanted = |reader: &Reader<'_>, variable| reader.is_given(variable);
        let certificate = wanted(reader, "HTTPS_CERTFILE");
        let key = wanted(reader, "HTTPS_KEYFILE");
        let certfile = reader.file("HTTPS_CERTFILE");
        let keyfile = reader.file("HTTPS_KEYFILE");
        let keyfile_pass = reader.secret("HTTPS_KEYFILE_PASS");
        match (certificate, key) {
            (true, true) => {}
            (true, false) => reader.fault(
                "HTTPS_KEYFILE",
                "Please also set HTTPS_KEYFILE to enable HTTPS.",
            ),
            (false, true) => reader.fault(
                "HTTPS_CERTFILE",
                "Please also set HTTPS_CERTFILE to enable HTTPS.",
            ),
            (false, false) if keyfile_pass.is_some() => reader.fault(
                "HTTPS_KEYFILE_PASS",
                "Please also set HTTPS_CERTFILE and HTTPS_KEYFILE to enable HTTPS.",
            ),
            (false, false) => reader.warn(
                "HTTPS is off, HTTP only: set HTTPS_CERTFILE and HTTPS_KEYFILE to change that",
            ),
        }
        let files = Self {
            certfile: certfile?,
            keyfile: keyfile?,
            keyfile_pass,
        };
        if !reader.is_faulty("HTTPS_KEYFILE_PASS") {
            files.check(reader);
        }
        Some(files)
    }

    /// Looks into the files, so that what is wrong there is reported with all other faults.
    fn check(&self, reader: &mut Reader<'_>) {
        let pass = self.keyfile_pass.as_ref().map(Secret::expose);
        let chain = reader
            .content("HTTPS_CERTFILE", &self.certfile)
            .map(|pem| tls::certificates(&pem));
        let key = reader
            .content("HTTPS_KEYFILE", &self.keyfile)
            .map(|pem| tls::private_key(&pem, pass));
        let (Some(chain), Some(key)) = (chain, key) else {
            return;
        };
        let faults = match (chain, key) {
            (Ok(chain), Ok(key)) => vec![tls::pair(chain, key).err()],
            (chain, key) => vec![chain.err(), key.err()],
        };
        for fault in faults.into_iter().flatten() {
            match fault {
                CertificateError::Certificate(reason) => reader.fault("HTTPS_CERTFILE", reason),
                CertificateError::Key(reason) => reader.fault("HTTPS_KEYFILE", reason),
                CertificateError::Pair(error) => reader.fault(
                    "HTTPS_KEYFILE",
                    format!("it cannot be used with HTTPS_CERTFILE: {error}"),
                ),
            }
        }
    }
}

/// `API_TOKEN`, alone for those who only ask the management API.
pub(super) fn token(reader: &mut Reader<'_>) -> Option<Secret> {
    let token = reader.secret("API_TOKEN")?;
    // Anything else cannot arrive in an authorization header (RFC 6750, 2.1), so nobody could ever
    // get in.
    if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        reader.fault("API_TOKEN", "it must be visible ASCII without spaces");
    }
    Some(token)
}

/// Two listeners that want the same port would, with port sharing between workers, both start and
/// take each other's connections.
pub(super) fn check_ports(
    reader: &mut Reader<'_>,
    inbound: &Inbound,
    admin: &Admin,
    tls: Option<&TlsFiles>,
    cluster: Option<&Cluster>,
) {
    let mut listeners = vec![
        ("INBOUND_PORT", inbound.bind, inbound.port),
        ("API_HTTP_PORT", admin.bind, admin.port),
    ];
    if tls.is_some() {
        listeners.push(("INBOUND_HTTPS_PORT", inbound.bind, inbound.https_port));
        listeners.push(("API_HTTPS_PORT", admin.bind, admin.https_port));
    }
    if let Some(cluster) = cluster {
        let listen = cluster.listen;
        listeners.push(("CLUSTER_LISTEN", listen.ip(), listen.port()));
    }
    while let Some((later, its_bind, its_port)) = listeners.pop() {
        for (earlier, bind, port) in &listeners {
            if *port == its_port && its_port != 0 && overlap(*bind, its_bind) {
                let port = shown(&port.to_string());
                reader.fault(later, format!("{port} is the port of {earlier} as well"));
            }
        }
    }
}

/// Both addresses can receive the same connection.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| {
        wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
    };
    let (one, other) = (one.to_canonical(), other.to_canonical());
    one == other || covers(one, other) || covers(other, one)
}

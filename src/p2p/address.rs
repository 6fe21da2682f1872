//! Where a peer may be found, as an operator writes it, and the step from and to libp2p's
//! multiaddresses.
//!
//! Pure text work: names are resolved in `resolver`. Only TCP over IP exists here. Deliberately
//! absent: link-local IPv6 (needs a zone, which multiaddresses cannot carry to another node).
//! Multiaddress: <https://github.com/multiformats/multiaddr>.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use thiserror::Error;

/// Longest host name, RFC 1035 2.3.4.
const HOST_BYTES_MAX: usize = 253;
/// Listen addresses taken from one identify message; a node has few interfaces that others can see.
const LISTENS_MAX: usize = 8;

/// A place to dial: an IP address and port, or a name that is looked up again and again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A fixed address.
    Socket(SocketAddr),
    /// A host name and a port.
    Name {
        /// The host name, 1 to 253 bytes of letters, digits, `-`, `_` and `.`.
        host: String,
        /// The TCP port, never 0.
        port: u16,
    },
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No `:port`, or not 1 to 65535.
    #[error("\"{0}\" needs a port from 1 to 65535, like host:4020")]
    Port(String),
    /// Not a host name.
    #[error("\"{0}\" is not a host name or IP address")]
    Host(String),
    /// A multiaddress of another kind.
    #[error("\"{0}\" is not a multiaddress of the form /ip4|ip6|dns/HOST/tcp/PORT")]
    Multiaddr(String),
}

// === impl Address ===

impl Address {
    /// The fixed address, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Socket(socket) => Some(*socket),
            Self::Name { .. } => None,
        }
    }

    fn of(host: &str, port: u16, text: &str) -> Result<Self, AddressError> {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self::Socket(SocketAddr::new(ip.to_canonical(), port)));
        }
        let named = (1..=HOST_BYTES_MAX).contains(&host.len())
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        // A dotted number that is no address ("10.0.0.256") would only become a slow failed lookup.
        let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !named || numeric {
            return Err(AddressError::Host(text.to_owned()));
        }
        Ok(Self::Name {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    fn from_multiaddr(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Multiaddr(text.to_owned());
        let address: Multiaddr = text.parse().map_err(|_| wrong())?;
        let mut parts = address.iter();
        let host = match parts.next().ok_or_else(wrong)? {
            Protocol::Ip4(ip) => ip.to_string(),
            Protocol::Ip6(ip) => ip.to_string(),
            Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => name.into_owned(),
            _ => return Err(wrong()),
        };
        let Some(Protocol::Tcp(port)) = parts.next() else {
            return Err(wrong());
        };
        // A trailing /p2p/ID is accepted and not used: identities live as long as a process.
        if !matches!(parts.next(), None | Some(Protocol::P2p(_))) || parts.next().is_some() {
            return Err(wrong());
        }
        Self::of(&host, port, text)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `host:port`, `1.2.3.4:port`, `[::1]:port` or a multiaddress. Port 0 is for listening
    /// only.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('/') {
            return Self::from_multiaddr(text);
        }
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| AddressError::Port(text.to_owned()))?;
        let port = port
            .parse()
            .map_err(|_| AddressError::Port(text.to_owned()))?;
        match Self::of(host, port, text)? {
            Self::Name { port: 0, .. } => Err(AddressError::Port(text.to_owned())),
            address => Ok(address),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(socket) => socket.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// The IP and TCP port a multiaddress begins with; IPv4 inside IPv6 is unwrapped, so that allow
/// lists see one form.
pub(crate) fn socket_of(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip.to_canonical(), port)),
        _ => None,
    }
}

/// `/ip4/…/tcp/…` or `/ip6/…/tcp/…`.
pub(crate) fn multiaddr_of(socket: SocketAddr) -> Multiaddr {
    Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port()))
}

/// Whether an address that `teller` (an IP we really talk to) claims is worth a dial.
///
/// Loopback is believed only from a loopback teller: elsewhere it would mean ourselves.
pub(crate) fn is_dialable(socket: SocketAddr, teller: IpAddr) -> bool {
    let ip = socket.ip();
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    socket.port() != 0
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && !link_local
        && (!ip.is_loopback() || teller.is_loopback())
}

/// A peer's listen addresses as far as its connection bears them out: the IP we see, or that IP
/// with its port.
pub(crate) fn confirmed(claimed: &[Multiaddr], seen: IpAddr) -> Vec<SocketAddr> {
    let claimed: Vec<_> = claimed
        .iter()
        .filter_map(socket_of)
        .take(LISTENS_MAX * 4)
        .collect();
    let mut listens: Vec<_> = claimed
        .iter()
        .copied()
        .filter(|address| address.ip() == seen)
        .collect();
    if listens.is_empty() {
        // Behind address translation, or on another of its interfaces: the port is still the likely
        // one.
        listens = claimed
            .iter()
            .map(|address| SocketAddr::new(seen, address.port()))
            .collect();
    }
    listens.sort_unstable();
    listens.dedup();
    listens.retain(|address| is_dialable(*address, seen));
    listens.truncate(LISTENS_MAX);
    listens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_or_a_multiaddress() {
        for (text, expected) in [
            ("10.0.0.1:4020", "10.0.0.1:4020"),
            ("[::1]:4020", "[::1]:4020"),
            ("[::ffff:10.0.0.1]:4020", "10.0.0.1:4020"),
            ("Node-1.Example.org:4020", "node-1.example.org:4020"),
            ("/ip4/10.0.0.1/tcp/4020", "10.0.0.1:4020"),
            ("/ip6/::1/tcp/4020", "[::1]:4020"),
            ("/dns4/seed/tcp/4020", "seed:4020"),
            ("127.0.0.1:0", "127.0.0.1:0"),
        ] {
            assert_eq!(
                text.parse::<Address>().map(|a| a.to_string()).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_that_is_no_address_says_what_is_missing() {
        for text in ["", "seed", "seed:", "seed:70000", "seed:0"] {
            assert!(
                matches!(text.parse::<Address>(), Err(AddressError::Port(_))),
                "{text}"
            );
        }
        for text in [
            ":4020",
            "a b:4020",
            "http://x:1",
            "10.0.0.256:1",
            "::1:4020:x:1",
        ] {
            assert!(
                matches!(text.parse::<Address>(), Err(AddressError::Host(_))),
                "{text}"
            );
        }
        for text in [
            "/ip4/1.2.3.4",
            "/ip4/1.2.3.4/udp/1",
            "/ip4/1.2.3.4/tcp/1/ws",
            "/x",
        ] {
            assert!(
                matches!(text.parse::<Address>(), Err(AddressError::Multiaddr(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_claimed_loopback_address_is_believed_only_from_loopback() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (near, far) = (at("127.0.0.1:1").ip(), at("10.0.0.9:1").ip());
        assert!(is_dialable(at("127.0.0.1:4020"), near));
        assert!(!is_dialable(at("127.0.0.1:4020"), far));
        assert!(is_dialable(at("10.0.0.1:4020"), far));
        for never in [
            "10.0.0.1:0",
            "0.0.0.0:1",
            "224.0.0.1:1",
            "169.254.1.1:1",
            "[fe80::1]:1",
            "255.255.255.255:1",
        ] {
            assert!(!is_dialable(at(never), near), "{never}");
        }
    }

    #[test]
    fn listen_addresses_are_believed_as_far_as_the_connection_bears_them_out() {
        let claimed = [
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/10.0.0.1/tcp/1",
            "/ip4/10.0.0.2/tcp/1",
            "/ip4/10.0.0.1/udp/9",
        ];
        let claimed: Vec<Multiaddr> = claimed.iter().map(|text| text.parse().unwrap()).collect();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(
            confirmed(&claimed, at("10.0.0.1:9").ip()),
            [at("10.0.0.1:1")]
        );
        assert_eq!(
            confirmed(&claimed, at("192.168.0.1:9").ip()),
            [at("192.168.0.1:1")]
        );
        assert_eq!(
            confirmed(&claimed, at("127.0.0.1:9").ip()),
            [at("127.0.0.1:1")]
        );
        assert_eq!(confirmed(&[], at("10.0.0.1:9").ip()), []);
    }
}

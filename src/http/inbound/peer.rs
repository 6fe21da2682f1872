//! What is known of the client at the other end of a connection.

use std::{net::IpAddr, rc::Rc};

use http::HeaderValue;
use ipnet::IpNet;

/// Facts of one client connection, made once and used by each of its requests.
#[derive(Debug)]
pub struct Peer {
    /// The client's address; IPv4-mapped addresses as IPv4.
    pub ip: IpAddr,
    /// `ip` as `x-forwarded-for` spells it.
    pub ip_text: HeaderValue,
    /// `for=…;by=…` (RFC 7239).
    pub forwarded: HeaderValue,
    /// On `TRUSTED_PROXIES`: its forwarding headers are kept and extended.
    pub trusted: bool,
    /// The connection is TLS.
    pub https: bool,
}

impl Peer {
    /// The facts of a connection from `ip`; `by` is this gateway's own address or name.
    pub fn new(ip: IpAddr, https: bool, by: &str, trusted: &[IpNet]) -> Rc<Self> {
        let ip = ip.to_canonical();
        let node = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            // RFC 7239, 6: IPv6 is bracketed, and quoted because of the colons.
            IpAddr::V6(ip) => format!("\"[{ip}]\""),
        };
        // Addresses and host names are valid header text; the fallbacks only satisfy the types.
        let text = |text: String, fallback: &'static str| {
            HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(fallback))
        };
        Rc::new(Self {
            ip_text: text(ip.to_string(), "unknown"),
            forwarded: text(format!("for={node};by={by}"), "for=unknown"),
            trusted: trusted.iter().any(|net| net.contains(&ip)),
            https,
            ip,
        })
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_spelled_as_the_standards_want() {
        let v4 = Peer::new("192.0.2.1".parse().unwrap(), false, "127.0.0.1", &[]);
        assert_eq!(v4.forwarded, "for=192.0.2.1;by=127.0.0.1");
        let v6 = Peer::new("2001:db8::1".parse().unwrap(), true, "127.0.0.1", &[]);
        assert_eq!(v6.forwarded, "for=\"[2001:db8::1]\";by=127.0.0.1");
        assert_eq!(v6.ip_text, "2001:db8::1");
        let mapped = Peer::new("::ffff:192.0.2.1".parse().unwrap(), false, "gw", &[]);
        assert_eq!(mapped.ip_text, "192.0.2.1");
    }

    #[test]
    fn only_listed_networks_are_trusted() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert!(Peer::new("10.1.2.3".parse().unwrap(), false, "gw", &trusted).trusted);
        assert!(!Peer::new("11.1.2.3".parse().unwrap(), false, "gw", &trusted).trusted);
    }
}

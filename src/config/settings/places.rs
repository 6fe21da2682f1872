//! Small parsers for where nodes are found: `host:port` or a multiaddress, over TCP only.
//!
//! Text in, text or address out; names are looked up elsewhere. Deliberately absent: IPv6 zones, which
//! mean nothing on another machine. Spec: `names.md`, <https://github.com/multiformats/multiaddr>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    config::settings::values::{address, is_host_name, items},
    p2p::config::DEFAULT_PORT,
};

/// An address of a machine, port 0 included: `ip:port`, `localhost:port`, `/ip4/IP/tcp/PORT` or
/// `/ip6/IP/tcp/PORT`. Names are not looked up.
pub fn socket(text: &str) -> Option<SocketAddr> {
    let (host, port) = host_and_port(text.trim())?;
    Some(SocketAddr::new(address(&host)?, port))
}

/// A comma list of peers, each as `host:port`; every one is given once.
pub fn peers(text: &str) -> Option<Vec<String>> {
    let mut peers = Vec::new();
    for item in items(text) {
        let (host, port) = host_and_port(item).filter(|(_, port)| *port != 0)?;
        let peer = format!("{host}:{port}");
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    Some(peers)
}

/// A name that stands for all nodes, as `host:port`; the port may be missing.
pub fn lookup(text: &str) -> Option<String> {
    let text = text.trim();
    let (host, port) = match host(text) {
        Some(host) => (host, DEFAULT_PORT),
        None => host_and_port(text).filter(|(_, port)| *port != 0)?,
    };
    Some(format!("{host}:{port}"))
}

/// The host as it stands in `host:port`, so an IPv6 address in brackets, and the port.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    if let Some(multiaddress) = text.strip_prefix('/') {
        return of_multiaddress(multiaddress);
    }
    let (before, after) = text.rsplit_once(':')?;
    // Without its brackets, an IPv6 address could not be told from its port.
    if before.contains(':') && !before.starts_with('[') {
        return None;
    }
    Some((host(before)?, port(after)?))
}

/// `ip4/IP/tcp/PORT` and its kin. A `/p2p/ID` at the end is dropped, for ids live as long as a process.
fn of_multiaddress(text: &str) -> Option<(String, u16)> {
    let parts: Vec<&str> = text.split('/').collect();
    let (protocol, value, number) = match *parts.as_slice() {
        [protocol, value, "tcp", number] => (protocol, value, number),
        [protocol, value, "tcp", number, "p2p", id] if !id.is_empty() => (protocol, value, number),
        _ => return None,
    };
    let fits = match protocol {
        "ip4" => value.parse::<Ipv4Addr>().is_ok(),
        "ip6" => value.parse::<Ipv6Addr>().is_ok(),
        "dns" | "dns4" | "dns6" => value.parse::<IpAddr>().is_err() && !value.starts_with('['),
        _ => false,
    };
    let host = host(value).filter(|_| fits)?;
    Some((host, port(number)?))
}

/// A host name in lower case, or an address in its shortest form, an IPv6 one in brackets.
fn host(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        let is_odd = bare != text && ip.is_ipv4();
        return (!is_odd).then(|| match ip.to_canonical() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
    }
    // Digits and dots that are no address, such as 10.0.0.256, would only be a lookup that fails.
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_host_name(text) && !is_number).then(|| text.to_ascii_lowercase())
}

fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{lookup, peers, socket};
    use crate::p2p::address::Address;

    #[test]
    fn a_peer_is_a_host_with_a_port_or_a_multiaddress() {
        for (text, expected) in [
            ("10.0.0.1:4020", "10.0.0.1:4020"),
            ("[::1]:4020", "[::1]:4020"),
            ("[2001:DB8:0::1]:1", "[2001:db8::1]:1"),
            ("[::ffff:10.0.0.1]:4020", "10.0.0.1:4020"),
            ("Node-1.Example.org:65535", "node-1.example.org:65535"),
            ("rig_seed:4020", "rig_seed:4020"),
            ("/ip4/1.2.3.4/tcp/4020", "1.2.3.4:4020"),
            ("/ip6/::1/tcp/4020", "[::1]:4020"),
            ("/dns/seed/tcp/1", "seed:1"),
            ("/dns4/seed/tcp/4020", "seed:4020"),
            ("/dns6/seed/tcp/4020", "seed:4020"),
            ("/ip4/1.2.3.4/tcp/4020/p2p/12D3KooW", "1.2.3.4:4020"),
        ] {
            assert_eq!(peers(text), Some(vec![expected.to_owned()]), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_no_peer() {
        for text in [
            "seed",
            "seed:",
            "seed:0",
            "seed:+1",
            "seed:65536",
            ":4020",
            "a b:1",
            "10.0.0.256:1",
            "::1:4020",
            "[10.0.0.1]:1",
            "[seed]:1",
            "http://seed:1",
            "/ip4/1.2.3.4",
            "/ip4/seed/tcp/1",
            "/ip4/::1/tcp/1",
            "/ip6/1.2.3.4/tcp/1",
            "/dns4/1.2.3.4/tcp/1",
            "/dns6/[::1]/tcp/1",
            "/ip4/1.2.3.4/tcp/0",
            "/ip4/1.2.3.4/udp/1",
            "/ip4/1.2.3.4/tcp/1/ws",
            "/ip4/1.2.3.4/tcp/1/p2p/",
            "//ip4/1.2.3.4/tcp/1",
            "/ip4/1.2.3.4/tcp/1/",
        ] {
            assert_eq!(peers(text), None, "{text:?}");
            assert_eq!(peers(&format!("seed:1,{text}")), None, "{text:?}");
        }
    }

    #[test]
    fn a_list_of_peers_names_each_once() {
        assert_eq!(
            peers(" a:1, ,B:2,A:1,/dns4/b/tcp/2 "),
            Some(vec!["a:1".to_owned(), "b:2".to_owned()])
        );
        assert_eq!(peers(" , "), Some(Vec::new()));
    }

    #[test]
    fn a_socket_is_an_address_that_needs_no_lookup() {
        for (text, expected) in [
            ("0.0.0.0:4020", Some("0.0.0.0:4020")),
            (" 127.0.0.1:0 ", Some("127.0.0.1:0")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("[::]:4020", Some("[::]:4020")),
            ("/ip4/0.0.0.0/tcp/0", Some("0.0.0.0:0")),
            ("/ip6/::/tcp/4020", Some("[::]:4020")),
            ("gateway.example:1", None),
            ("/dns4/gateway.example/tcp/1", None),
            ("0.0.0.0", None),
            ("4020", None),
            (":4020", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(socket(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_name_to_look_up_may_come_without_its_port() {
        for (text, expected) in [
            ("localhost", Some("localhost:4020")),
            (
                "rig.default.svc.cluster.local",
                Some("rig.default.svc.cluster.local:4020"),
            ),
            ("RIG:5000", Some("rig:5000")),
            ("10.0.0.1", Some("10.0.0.1:4020")),
            ("::1", Some("[::1]:4020")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("rig:0", None),
            ("rig:x", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(lookup(text).as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>()) {
            let _ = (socket(&text), peers(&text), lookup(&text));
        }

        #[test]
        fn what_was_understood_can_be_dialled(
            text in "(/(ip4|ip6|dns4)/)?[a-z0-9.:\\[\\]]{1,12}(:|/tcp/)[0-9]{1,5}"
        ) {
            if let Some(peers) = peers(&text) {
                for peer in &peers {
                    let dialled = peer.parse::<Address>().map(|address| address.to_string());
                    prop_assert_eq!(dialled.as_ref(), Ok(peer));
                }
                prop_assert_eq!(super::peers(&peers.join(",")), Some(peers));
            }
        }
    }
}

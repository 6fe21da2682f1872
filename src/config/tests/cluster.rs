//! The cluster: when there is one, who may join it, and how its nodes are found.

use super::{Config, Flags, Secret, drawer, faults, good, lines, vars};
use crate::config::cluster::Cluster;

const COOKIE: (&str, &str) = ("NODE_COOKIE", "sixteen bytes !!");

/// The cluster of an environment with a secret.
fn cluster(environment: &[(&str, &str)]) -> Cluster {
    let mut environment = environment.to_vec();
    environment.push(COOKIE);
    good(&environment).cluster.expect("a cluster")
}

fn warnings(environment: &[(&str, &str)]) -> String {
    good(environment).warnings.join("\n")
}

#[test]
fn there_is_a_cluster_once_somebody_says_where_or_how() {
    for environment in [
        &[][..],
        &[COOKIE],
        &[("CLUSTER_NAME", "x")],
        &[("CLUSTER_PEERS", " , ")],
        &[("DISCOVERY_TYPE", "")],
    ] {
        assert_eq!(good(environment).cluster, None, "{environment:?}");
    }
    for (variable, value, listen) in [
        ("CLUSTER_LISTEN", "127.0.0.1:0", "127.0.0.1:0"),
        ("CLUSTER_LISTEN", "/ip6/::/tcp/5020", "[::]:5020"),
        ("CLUSTER_PEERS", "seed:4020", "0.0.0.0:4020"),
        ("DISCOVERY_TYPE", "mdns", "0.0.0.0:4020"),
    ] {
        let cluster = cluster(&[(variable, value)]);
        assert_eq!(cluster.listen.to_string(), listen, "{variable}");
    }
}

#[test]
fn a_cluster_is_what_its_settings_say() {
    let all = cluster(&[
        ("CLUSTER_LISTEN", "/ip4/0.0.0.0/tcp/5020"),
        ("CLUSTER_ADVERTISE", "192.0.2.1:6020"),
        (
            "CLUSTER_PEERS",
            "a:1,/ip4/10.0.0.2/tcp/4020, /dns4/b/tcp/2 ,A:1",
        ),
        ("CLUSTER_NAME", "blue"),
        ("CLUSTER_ALLOW", "10.0.0.0/8,::1"),
        ("DISCOVERY_TYPE", "DNS, mdns"),
        ("DNS_NAME", "rig.example"),
    ]);
    let expected = Cluster {
        name: "blue".to_owned(),
        listen: "0.0.0.0:5020".parse().expect("it is one"),
        advertise: Some("192.0.2.1:6020".parse().expect("it is one")),
        peers: ["a:1", "10.0.0.2:4020", "b:2"].map(str::to_owned).into(),
        allow: ["10.0.0.0/8", "::1/128"]
            .map(|network| network.parse().expect("it is one"))
            .into(),
        mdns: true,
        dns: Some("rig.example:4020".to_owned()),
        secret: Some(Secret::new(COOKIE.1)),
    };
    assert_eq!(all, expected);
    let least = cluster(&[("CLUSTER_LISTEN", "0.0.0.0:4020")]);
    assert_eq!((least.name.as_str(), least.advertise), ("rig", None));
    assert!(least.peers.is_empty() && least.allow.is_empty());
    assert_eq!((least.mdns, least.dns), (false, None));
    let dns = cluster(&[("DISCOVERY_TYPE", "dns")]).dns;
    assert_eq!(dns.as_deref(), Some("localhost:4020"), "as the original");
}

#[test]
fn beyond_loopback_nobody_starts_without_a_secret() {
    for environment in [
        [("CLUSTER_LISTEN", "0.0.0.0:4020")],
        [("CLUSTER_LISTEN", "192.0.2.1:0")],
        [("CLUSTER_LISTEN", "[::]:4020")],
        [("CLUSTER_PEERS", "seed:4020")],
        [("DISCOVERY_TYPE", "dns")],
    ] {
        let faults = faults(&environment);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("NODE_COOKIE: it is missing"),
            "{faults:?}"
        );
        assert!(faults[0].contains("openssl rand -hex 32"), "{faults:?}");
    }
    for listen in [
        "127.0.0.1:4020",
        "[::1]:4020",
        "[::ffff:127.0.0.1]:4020",
        "localhost:0",
    ] {
        let environment = [("CLUSTER_LISTEN", listen)];
        let cluster = good(&environment).cluster.expect("a cluster");
        assert_eq!(cluster.secret, None);
        assert!(
            warnings(&environment).contains("the cluster has no secret"),
            "{listen}"
        );
    }
    let guarded = warnings(&[("CLUSTER_LISTEN", "127.0.0.1:4020"), COOKIE]);
    assert!(!guarded.contains("secret"), "{guarded}");
}

#[test]
fn a_secret_is_long_enough_and_never_shown() {
    let listen = ("CLUSTER_LISTEN", "0.0.0.0:4020");
    for environment in [
        &[("NODE_COOKIE", "fifteen hunter2")][..],
        &[("NODE_COOKIE", "fifteen hunter2"), listen],
    ] {
        let faults = faults(environment);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("NODE_COOKIE: 15 bytes are too few"),
            "{faults:?}"
        );
        assert!(!faults[0].contains("hunter2"), "{faults:?}");
    }
    // Bytes count, not characters.
    assert!(
        good(&[
            (
                "NODE_COOKIE",
                "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}"
            ),
            listen
        ])
        .cluster
        .is_some()
    );
    let text = format!("{:?}", good(&[COOKIE, listen]));
    assert!(
        text.contains("Secret(***)") && !text.contains("sixteen"),
        "{text}"
    );
}

#[test]
fn the_secret_comes_from_a_file_too() {
    let environment = vars(&[
        ("CLUSTER_LISTEN", "0.0.0.0:4020"),
        ("NODE_COOKIE_FILE", "cookie"),
    ]);
    let load = |content| Config::load(&Flags::new(), &environment, &drawer(&[("cookie", content)]));
    let cluster = load("sixteen bytes !!\n").expect("no fault").cluster;
    assert_eq!(
        cluster.expect("one").secret,
        Some(Secret::new("sixteen bytes !!"))
    );
    assert_eq!(
        lines(load("sixteen bytes !\n")).len(),
        1,
        "the line break does not count"
    );
    assert_eq!(lines(load("")), ["NODE_COOKIE_FILE: \"cookie\" is empty"]);
}

#[test]
fn a_faulty_item_is_named_and_the_good_ones_are_not() {
    for (variable, value, expected) in [
        (
            "CLUSTER_PEERS",
            "a:1,seed,b:0",
            "CLUSTER_PEERS: \"seed\", \"b:0\" do not belong in a comma list of nodes",
        ),
        (
            "CLUSTER_PEERS",
            "/ip4/1.2.3.4/udp/1",
            "CLUSTER_PEERS: \"/ip4/1.2.3.4/udp/1\" does not belong in a comma list of nodes",
        ),
        (
            "CLUSTER_ALLOW",
            "10.0.0.0/8,10.0.0.0/33",
            "CLUSTER_ALLOW: \"10.0.0.0/33\" does not belong in a comma list of networks",
        ),
        (
            "DISCOVERY_TYPE",
            "dns,consul",
            "DISCOVERY_TYPE: \"consul\" does not belong in a comma list of mdns, dns",
        ),
        (
            "CLUSTER_LISTEN",
            "gateway:4020",
            "CLUSTER_LISTEN: \"gateway:4020\" is not an IP address with a port",
        ),
        (
            "CLUSTER_ADVERTISE",
            "192.0.2.1",
            "CLUSTER_ADVERTISE: \"192.0.2.1\" is not an IP address with a port",
        ),
        (
            "DNS_NAME",
            "a b",
            "DNS_NAME: \"a b\" is not a host name, with or without a port",
        ),
    ] {
        let faults = faults(&[(variable, value)]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
    }
    let flags = vars(&[("CLUSTER_PEERS", "seed")]);
    let faults = lines(Config::load(&flags, &Flags::new(), &drawer(&[])));
    assert!(
        faults[0].starts_with("CLUSTER_PEERS (--cluster-peers): \"seed\""),
        "{faults:?}"
    );
}

#[test]
fn a_long_faulty_list_is_shown_in_part() {
    let faults = faults(&[("CLUSTER_PEERS", &"seed,".repeat(10_000))]);
    assert_eq!(faults[0].matches("\"seed\"").count(), 8, "{faults:?}");
}

#[test]
fn others_are_told_an_address_they_can_connect_to() {
    for address in ["0.0.0.0:4020", "[::]:4020", "192.0.2.1:0", "224.0.0.1:4020"] {
        let faults = faults(&[
            ("CLUSTER_LISTEN", "0.0.0.0:4020"),
            ("CLUSTER_ADVERTISE", address),
            COOKIE,
        ]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("CLUSTER_ADVERTISE: nobody can connect to"),
            "{faults:?}"
        );
    }
}

#[test]
fn peers_are_bounded() {
    let peers = |count: usize| {
        (0..count)
            .map(|n| format!("n{n}:1"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(cluster(&[("CLUSTER_PEERS", &peers(256))]).peers.len(), 256);
    let dns = ("DISCOVERY_TYPE", "dns");
    for environment in [
        &[("CLUSTER_PEERS", &*peers(257)), COOKIE][..],
        &[("CLUSTER_PEERS", &*peers(256)), COOKIE, dns],
    ] {
        let faults = faults(environment);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("CLUSTER_PEERS: 25"), "{faults:?}");
    }
}

#[test]
fn the_port_of_the_cluster_is_its_own() {
    assert_eq!(
        faults(&[
            ("INBOUND_PORT", "4020"),
            ("CLUSTER_PEERS", "seed:1"),
            COOKIE
        ]),
        ["CLUSTER_LISTEN: \"4020\" is the port of INBOUND_PORT as well"]
    );
    assert_eq!(good(&[("INBOUND_PORT", "4020")]).inbound.port, 4020);
}

#[test]
fn what_has_no_effect_is_warned_of() {
    for (environment, sentence) in [
        (
            &[("CLUSTER_NAME", "x")][..],
            "CLUSTER_NAME has no effect: there is no cluster",
        ),
        (
            &[("CLUSTER_ALLOW", "::1")],
            "CLUSTER_ALLOW has no effect: there is no cluster",
        ),
        (
            &[("DNS_NAME", "x")],
            "DNS_NAME has no effect: there is no cluster",
        ),
        (
            &[("DNS_NAME", "x"), ("DISCOVERY_TYPE", "mdns"), COOKIE],
            "DNS_NAME has no effect without DISCOVERY_TYPE=dns",
        ),
        (
            &[
                ("CLUSTER_LISTEN", "127.0.0.1:0"),
                ("DISCOVERY_TYPE", "mdns"),
            ],
            "mdns finds nodes on the network, but 127.0.0.1:0",
        ),
        (
            &[
                ("CLUSTER_PEERS", "10.0.0.1:1,192.0.2.1:1,seed:1"),
                ("CLUSTER_ALLOW", "10.0.0.0/8"),
                COOKIE,
            ],
            "CLUSTER_PEERS: 192.0.2.1:1 is in no network of CLUSTER_ALLOW",
        ),
        (
            &[("CLUSTER_LISTEN", "127.0.0.1:0")],
            "this node is named localhost",
        ),
    ] {
        let warnings = warnings(environment);
        assert_eq!(
            warnings.matches(sentence).count(),
            1,
            "{sentence}\n{warnings}"
        );
    }
    let fine = warnings(&[
        ("CLUSTER_PEERS", "10.0.0.1:1"),
        ("CLUSTER_ALLOW", "10.0.0.0/8"),
        ("DISCOVERY_TYPE", "dns,mdns"),
        ("DNS_NAME", "rig"),
        ("NODE_NAME", "a"),
        COOKIE,
    ]);
    for word in ["CLUSTER", "DNS", "NODE", "secret", "mdns"] {
        assert!(!fine.contains(word), "{fine}");
    }
    assert!(
        !warnings(&[COOKIE]).contains("NODE_COOKIE"),
        "it has further uses"
    );
}

//! Nine nodes on one machine: what they are told, and what wins over it.

use std::collections::BTreeSet;

use super::{Local, NODES_MAX, overrides};
use crate::config::{Config, faults::ConfigFaults, files::Drawer, settings, vars::Flags};

fn vars(pairs: &[(&str, &str)]) -> Flags {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The settings of node `node` in an environment that has a secret.
fn load(node: u8, flags: &[(&str, &str)], more: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    let mut environment = vars(&[("NODE_COOKIE", "sixteen bytes !!")]);
    environment.extend(vars(more));
    let flags = vars(flags);
    let local = Local::new(node, &flags, &environment)?;
    Config::load(&flags, &local, &Drawer::new())
}

#[test]
fn every_node_has_ports_of_its_own_on_loopback() {
    let mut ports = BTreeSet::new();
    for node in 1..=NODES_MAX {
        let config = load(node, &[], &[]).unwrap_or_else(|faults| panic!("{faults}"));
        let cluster = config.cluster.expect("a cluster");
        let step = 100 * (u16::from(node) - 1);
        assert_eq!(config.inbound.port, 4000 + step);
        assert_eq!(config.admin.port, 4010 + step);
        assert_eq!(cluster.listen.port(), 4020 + step);
        assert_eq!(config.node_name, format!("local-{node}"));
        for ip in [config.inbound.bind, config.admin.bind, cluster.listen.ip()] {
            assert!(ip.is_loopback(), "{ip}");
        }
        assert_eq!(cluster.peers.len(), 9);
        assert!(cluster.peers.contains(&cluster.listen.to_string()));
        ports.extend([
            config.inbound.port,
            config.inbound.https_port,
            config.admin.port,
            config.admin.https_port,
            cluster.listen.port(),
        ]);
    }
    assert_eq!(ports.len(), 9 * 5);
}

#[test]
fn the_overrides_are_settings() {
    for (variable, value) in overrides(1) {
        assert!(settings::named(variable).is_some(), "{variable}");
        assert!(!value.is_empty(), "{variable}");
    }
}

#[test]
fn what_was_set_explicitly_wins() {
    let config = load(
        2,
        &[("INBOUND_PORT", "5000")],
        &[
            ("API_HTTP_PORT", "5010"),
            ("NODE_NAME", ""),
            ("CLUSTER_PEERS", "127.0.0.1:1"),
        ],
    )
    .unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!((config.inbound.port, config.admin.port), (5000, 5010));
    assert_eq!(config.inbound.https_port, 4101);
    assert_eq!(
        config.node_name, "local-2",
        "an empty value counts as unset"
    );
    let cluster = config.cluster.expect("a cluster");
    assert_eq!(cluster.peers, ["127.0.0.1:1"]);
    assert_eq!(cluster.secret.expect("one").expose(), "sixteen bytes !!");
}

#[test]
fn a_given_secret_needs_no_file() {
    // There is no home in these environments, so a file could not be made.
    let (none, given) = (Flags::new(), vars(&[("NODE_COOKIE_FILE", "cookie")]));
    assert!(Local::new(1, &given, &none).is_ok());
    assert!(Local::new(1, &none, &given).is_ok());
    let faults = Local::new(1, &none, &vars(&[("NODE_COOKIE", "")]))
        .err()
        .expect("a fault");
    assert!(
        faults.to_string().contains("--local: there is no place"),
        "{faults}"
    );
}

#[test]
fn without_a_secret_the_nodes_of_a_user_share_one() {
    let home = tempfile::tempdir().expect("a directory");
    let environment = vars(&[("HOME", &home.path().display().to_string())]);
    let secret = |node| {
        let none = Flags::new();
        let local =
            Local::new(node, &none, &environment).unwrap_or_else(|faults| panic!("{faults}"));
        let config = Config::load(&none, &local, &Drawer::new()).expect("no fault");
        config.cluster.expect("a cluster").secret.expect("a secret")
    };
    assert_eq!(secret(1), secret(9));
}

//! Settings from flags, environment and files, all of them made up.

use std::{cell::RefCell, net::IpAddr, path::PathBuf, time::Duration};

use log::LevelFilter;

use super::{
    Config,
    faults::ConfigFaults,
    files::{Disk, Drawer},
    listeners::Guard,
    secret::Secret,
    settings::{self, later::LATER},
    vars::{Flags, Vars},
};
use crate::telemetry::logging::Format;

mod cluster;
mod definitions;
mod doors;
mod events;
mod sources;
mod tokens;

fn vars(pairs: &[(&str, &str)]) -> Flags {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn drawer(files: &[(&str, &str)]) -> Drawer {
    files
        .iter()
        .map(|(path, content)| (PathBuf::from(path), content.as_bytes().to_vec()))
        .collect()
}

fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    Config::load(&Flags::new(), &vars(environment), &Drawer::new())
}

/// The settings of an environment without faults.
fn good(environment: &[(&str, &str)]) -> Config {
    load(environment).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The faults of an environment, as lines.
fn faults(environment: &[(&str, &str)]) -> Vec<String> {
    lines(load(environment))
}

fn lines(loaded: Result<Config, ConfigFaults>) -> Vec<String> {
    match loaded {
        Ok(config) => panic!("no fault in {config:?}"),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn an_empty_environment_gives_the_documented_defaults() {
    let config = good(&[]);
    assert_eq!(
        (config.inbound.bind, config.inbound.port),
        (ip("0.0.0.0"), 4000)
    );
    assert_eq!(config.inbound.https_port, 4001);
    assert_eq!(
        (config.admin.bind, config.admin.port),
        (ip("127.0.0.1"), 4010)
    );
    assert_eq!(
        (config.admin.https_port, config.admin.guard),
        (4011, Guard::Loopback)
    );
    assert_eq!((config.tls, config.cluster), (None, None));
    assert_eq!(
        (config.host.as_str(), config.cors.allow_origin.as_str()),
        ("localhost", "*")
    );
    assert_eq!(config.proxy.recv_timeout, Duration::from_secs(5));
    assert_eq!(config.proxy.connect_timeout, Duration::from_secs(2));
    assert_eq!(config.proxy.stream_idle_timeout, None);
    assert_eq!(config.limits.header_bytes_max, 131_072);
    assert_eq!(config.limits.header_timeout, Duration::from_secs(30));
    assert_eq!(config.limits.body_timeout, Some(Duration::from_secs(60)));
    assert_eq!(config.limits.body_bytes_max, None);
    assert_eq!(config.limits.connections_max, 20_000);
    assert_eq!(config.limits.definition_bytes_max, 1_048_576);
    assert_eq!(config.shutdown.delay, Duration::ZERO);
    assert_eq!(config.shutdown.timeout, Duration::from_secs(30));
    assert_eq!(
        (config.log.level, config.log.format),
        (LevelFilter::Info, Format::Text)
    );
    assert!(config.metrics && !config.log.requests && config.workers >= 1);
    assert!(config.trusted_proxies.is_empty() && config.seeds.is_empty());
    assert_eq!(
        (config.jwt.algorithm.as_str(), config.jwt.algorithm_given),
        ("HS256", false)
    );
}

/// A source that is empty and remembers what it was asked for.
#[derive(Default)]
struct Eavesdropper(RefCell<Vec<String>>);

impl Vars for Eavesdropper {
    fn get(&self, name: &str) -> Option<String> {
        self.0.borrow_mut().push(name.to_owned());
        None
    }
}

#[test]
fn every_setting_of_the_table_is_read() {
    let environment = Eavesdropper::default();
    Config::load(&Flags::new(), &environment, &Drawer::new()).expect("no fault");
    let asked = environment.0.into_inner();
    for setting in settings::all() {
        assert!(
            asked.iter().any(|name| name == setting.variable),
            "{}",
            setting.variable
        );
        if let Some(variable) = setting.file_variable() {
            assert!(asked.contains(&variable), "{variable}");
        }
    }
}

#[test]
fn a_variable_is_either_a_setting_or_comes_later() {
    let mut names: Vec<&str> = settings::all().map(|setting| setting.variable).collect();
    names.extend(LATER.iter().flat_map(|later| later.variables));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn all_faults_are_reported_at_once_each_with_its_variable() {
    let faults = faults(&[
        ("INBOUND_PORT", "http"),
        ("API_HTTP_PORT", "70000"),
        ("HOST", "a b"),
        ("CORS", "a\nb"),
        ("TRUSTED_PROXIES", "10.0.0.0/64"),
        ("JWT_ALG", "none"),
        ("JWT_JWKS_URL", "keys.json"),
        ("PROXY_RECV_TIMEOUT", "soon"),
        ("PROXY_CA_CERTFILE", "ca.pem"),
        ("MAX_HEADER_BYTES", "1KiB"),
        ("DEFINITION_BYTES_MAX", "9MiB"),
        ("WORKERS", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FMT", "xml"),
        ("PROMETHEUS_METRICS_ENABLED", "maybe"),
        ("NODE_NAME", "a\tb"),
    ]);
    assert_eq!(faults.len(), 16, "{faults:#?}");
    for line in [
        "INBOUND_PORT: \"http\" is not a port from 0 (the system chooses) to 65535",
        "JWT_ALG: \"none\" is not one of HS256, HS384, HS512, RS256, RS384, RS512, ES256, EdDSA",
        "PROXY_CA_CERTFILE: Could not resolve PROXY_CA_CERTFILE: there is no file \"ca.pem\" or \
         \"priv/ca.pem\"",
        "WORKERS: \"0\" is not a whole number from 1 to 1024",
        "LOG_LEVEL: \"loud\" is not one of debug, info, warn, error",
    ] {
        assert!(
            faults.iter().any(|fault| fault == line),
            "{line}\n{faults:#?}"
        );
    }
}

#[test]
fn times_and_sizes_are_read_in_their_units() {
    let config = good(&[
        ("PROXY_RECV_TIMEOUT", "250"),
        ("PROXY_CONNECT_TIMEOUT", "1s"),
        ("PROXY_STREAM_IDLE_TIMEOUT", "2m"),
        ("HEADER_TIMEOUT", "5"),
        ("BODY_TIMEOUT", "off"),
        ("SHUTDOWN_DELAY", "1500ms"),
        ("SHUTDOWN_TIMEOUT", "0"),
        ("MAX_BODY_BYTES", "10MB"),
    ]);
    assert_eq!(config.proxy.recv_timeout, Duration::from_millis(250));
    assert_eq!(config.proxy.connect_timeout, Duration::from_secs(1));
    assert_eq!(
        config.proxy.stream_idle_timeout,
        Some(Duration::from_secs(120))
    );
    assert_eq!(config.limits.header_timeout, Duration::from_secs(5));
    assert_eq!(config.limits.body_timeout, None);
    assert_eq!(config.shutdown.delay, Duration::from_millis(1500));
    assert_eq!(config.shutdown.timeout, Duration::ZERO);
    assert_eq!(config.limits.body_bytes_max, Some(10_000_000));
}

#[test]
fn a_time_limit_that_must_hold_cannot_be_switched_off() {
    for variable in [
        "PROXY_RECV_TIMEOUT",
        "PROXY_CONNECT_TIMEOUT",
        "HEADER_TIMEOUT",
    ] {
        assert_eq!(faults(&[(variable, "0")]).len(), 1, "{variable}");
        assert_eq!(faults(&[(variable, "off")]).len(), 1, "{variable}");
    }
}

#[test]
fn log_words_are_understood_in_any_case() {
    let config = good(&[("LOG_LEVEL", "Warn"), ("LOG_FMT", "GCL")]);
    assert_eq!(
        (config.log.level, config.log.format),
        (LevelFilter::Warn, Format::Gcl)
    );
    assert_eq!(good(&[("LOG_FMT", "erlang")]).log.format, Format::Text);
}

#[test]
fn the_request_log_goes_to_the_console_only() {
    assert!(good(&[("REQUEST_LOG", "console")]).log.requests);
    assert!(!good(&[("REQUEST_LOG", " , ")]).log.requests);
    assert_eq!(
        faults(&[("REQUEST_LOG", "console,kafka")]),
        ["REQUEST_LOG: kafka is not supported yet, it needs a broker: remove it"]
    );
    assert_eq!(
        faults(&[("REQUEST_LOG", "console,file")]),
        ["REQUEST_LOG: \"file\" does not belong in a comma list of console, kafka"]
    );
}

#[test]
fn later_settings_draw_a_warning_without_their_value() {
    let config = good(&[
        ("KAFKA_SASL", "plain:me:hunter2"),
        ("JAEGER_HOST", ""),
        ("API_PORT", "1"),
    ]);
    let warning = "KAFKA_SASL has no effect: Kafka is not supported yet";
    assert!(
        config.warnings.iter().any(|line| line == warning),
        "{:?}",
        config.warnings
    );
    let text = format!("{:?}", config.warnings);
    for absent in ["hunter2", "JAEGER_HOST", "API_PORT"] {
        assert!(!text.contains(absent), "{text}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let config = good(&[("API_TOKEN", "hunter2"), ("JWT_SECRET_KEY", "hunter2")]);
    assert_eq!(config.jwt.secret_key, Some(Secret::new("hunter2")));
    let text = format!("{config:?}");
    assert!(
        text.contains("Secret(***)") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn the_node_is_named_by_its_name_its_address_or_its_machine() {
    let named = |environment: &[(&str, &str)], files: &[(&str, &str)]| {
        Config::load(&Flags::new(), &vars(environment), &drawer(files))
            .expect("no fault")
            .node_name
    };
    let machine: &[(&str, &str)] = &[("/etc/hostname", "box\n")];
    assert_eq!(
        named(&[("NODE_NAME", "a"), ("NODE_HOST", "10.0.0.1")], machine),
        "a"
    );
    assert_eq!(named(&[("NODE_HOST", "10.0.0.1")], machine), "10.0.0.1");
    assert_eq!(named(&[("HOSTNAME", "env")], machine), "box");
    assert_eq!(named(&[("HOSTNAME", "env")], &[]), "env");
    assert_eq!(named(&[], &[]), "localhost");
    let long = "a".repeat(129);
    assert_eq!(
        faults(&[("NODE_HOST", &long)]),
        ["NODE_HOST: it is too long to be the name of the node: set NODE_NAME"]
    );
}

//! Starting: what is refused, with which words and which exit code, and what is only warned of
//! (spec: `config.md`, `api-definitions.md` 1.9; `docs/settings.md`).

use std::{fs, net::TcpListener, path::Path};

use serde_json::json;
use tempfile::tempdir;

use crate::support::{
    client::{Request, ask},
    definition::{api, endpoint, guarded_api},
    gateway::Gateway,
    puppet::Puppet,
    tls::Pair,
};

#[test]
fn all_faults_are_told_at_once_before_any_port_is_opened() {
    let directory = tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    Pair::new(1).write(directory.path());
    fs::write(path("other.pem"), Pair::new(2).key()).expect("written");
    // If a port were opened before, this would be told, with exit code 1.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").port().to_string();
    let ended = Gateway::builder()
        .env("INBOUND_PORT", &taken)
        .env("API_BIND", "0.0.0.0")
        .env("HTTPS_CERTFILE", &path("certificate.pem"))
        .env("HTTPS_KEYFILE", &path("other.pem"))
        .env("JWT_ALG", "RS256")
        .env("JWT_SECRET_KEY", "hunter2")
        .env("LOG_LEVEL", "loud")
        .env("PROXY_CA_CERTFILE", &path("key.pem"))
        .env("PROXY_CONFIG_FILE", r#"[{"id":"a"}]"#)
        .env("REQUEST_LOG", "kafka")
        .env("WORKERS", "0")
        .run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.out, "", "nothing was started, so there is no log");
    for name in [
        "API_BIND: 0.0.0.0 can be reached",
        "HTTPS_KEYFILE: it cannot be used with HTTPS_CERTFILE",
        "JWT_SECRET_KEY: JWT_ALG RS256 needs PEM text",
        "LOG_LEVEL: \"loud\"",
        "PROXY_CA_CERTFILE: ",
        "PROXY_CONFIG_FILE: ",
        "REQUEST_LOG: kafka",
        "WORKERS: \"0\"",
        "rig: the configuration has 8 faults",
    ] {
        assert!(ended.err.contains(name), "{name}\n{}", ended.err);
    }
    assert!(!ended.err.contains("hunter2") && !ended.err.contains("cannot listen"));
}

#[test]
fn a_port_that_is_taken_ends_the_start_with_a_sentence_about_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    for (variable, listener) in [("INBOUND_PORT", "inbound"), ("API_HTTP_PORT", "api")] {
        let ended = Gateway::builder()
            .env(variable, &address.port().to_string())
            .run();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let sentence = format!("{listener} cannot listen on {address}: ");
        assert!(ended.out.contains(&sentence), "{sentence}\n{}", ended.out);
    }
}

#[test]
fn definitions_are_loaded_from_a_file_and_served() {
    let backend = Puppet::obliging();
    let directory = tempdir().expect("a directory");
    let file = directory.path().join("apis.json");
    let open = endpoint("list", "GET", "/shop/([a-z]+)", json!({}));
    let secured = endpoint("till", "POST", "/till", json!({"secured": true}));
    let definitions = json!([
        api("shop", backend.address(), &[open]),
        guarded_api("till", backend.address(), &[secured]),
    ]);
    fs::write(&file, definitions.to_string()).expect("written");
    let gateway = Gateway::builder()
        .env("JWT_SECRET_KEY", "mysecret")
        .env("PROXY_CONFIG_FILE", &file.display().to_string())
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    for (method, target, status) in [
        ("GET", "/shop/hats", 200),
        ("POST", "/till", 401),
        ("GET", "/shop/1", 404),
    ] {
        let answer = ask(gateway.inbound(), &Request::new(method, target)).expect("an answer");
        assert_eq!(answer.status, status, "{method} {target}");
    }
    gateway.await_log("2 APIs with 2 endpoints", 1, std::time::Duration::ZERO);
}

/// As two of the original's sample files are: no `name`, and no `proxy`.
const INCOMPLETE: &str = r#"[
    {"id":"my-service",
     "version_data":{"default":{"endpoints":[{"id":"e","method":"GET","path_regex":"/"}]}},
     "proxy":{"use_env":true,"target_url":"API_HOST","port":3000}},
    {"id":"my-kafka-service",
     "version_data":{"default":{"endpoints":[
        {"id":"e","method":"POST","path_regex":"/","target":"kafka","topic":"example"}]}}}
]"#;

#[test]
fn definitions_with_faults_are_refused_and_every_fault_is_named() {
    let ended = Gateway::builder()
        .env("PROXY_CONFIG_FILE", INCOMPLETE)
        .run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for part in [
        "my-service",
        "my-kafka-service",
        r#"{"name":"must be string"}"#,
        r#"{"proxy":"must be present"}"#,
    ] {
        assert!(ended.err.contains(part), "{part}\n{}", ended.err);
    }
}

#[test]
fn a_flag_beats_the_environment() {
    let gateway = Gateway::builder()
        .env("PROXY_CONFIG_FILE", "[]")
        .env("WORKERS", "none")
        .env("API_TOKEN", "of the environment")
        .arg("--workers")
        .arg("1")
        .arg("--api-token=of-the-flag")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    for (token, status) in [("of the environment", 401), ("of-the-flag", 200)] {
        let request =
            Request::new("GET", "/v3/apis").with("authorization", &format!("Bearer {token}"));
        let answer = ask(gateway.api(), &request).expect("an answer");
        assert_eq!(answer.status, status, "{token}");
    }
}

#[test]
fn help_and_version_are_told_without_starting() {
    let version = Gateway::builder().arg("--version").run();
    assert_eq!(version.code, Some(0));
    assert_eq!(version.out, format!("rig {}", env!("CARGO_PKG_VERSION")));
    let help = Gateway::builder().arg("--help").run();
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    for part in [
        "--inbound-port",
        "[env: INBOUND_PORT]",
        "rig check",
        "Exit codes",
    ] {
        assert!(help.out.contains(part), "{part}\n{}", help.out);
    }
    let unknown = Gateway::builder().arg("--inbond-port=1").run();
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""));
    assert!(unknown.err.contains("--inbond-port"), "{}", unknown.err);
}

#[test]
fn settings_without_effect_are_warned_of_and_their_values_are_not_shown() {
    let gateway = Gateway::builder()
        .env("KAFKA_SASL", "plain:me:hunter2")
        .env("NATS_SERVERS", "nats://me:hunter2@nats.example")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let lines = gateway.log_lines();
    let warned = |sentence: &str| {
        let of = |line: &&serde_json::Value| {
            let message = line["message"].as_str().unwrap_or_default();
            line["severity"] == "warn" && message.contains(sentence)
        };
        lines.iter().filter(of).count()
    };
    assert_eq!(
        warned("KAFKA_SASL has no effect: Kafka is not supported yet"),
        1
    );
    assert_eq!(warned("NATS_SERVERS has no effect"), 1);
    assert_eq!(warned("HTTPS is off"), 1);
    assert_eq!(
        warned("JWT_SECRET_KEY"),
        1,
        "one warning that no token passes"
    );
    assert!(!gateway.log().contains("hunter2"));
}

#[test]
fn beyond_loopback_the_management_api_asks_for_its_token() {
    let refused = Gateway::builder().env("API_BIND", "0.0.0.0").run();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("API_TOKEN") && refused.err.contains("API_INSECURE"));

    let gateway = Gateway::builder()
        .env("API_BIND", "0.0.0.0")
        .env("API_TOKEN", "s3cret")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let status = |path: &str, token: Option<&str>| {
        let mut request = Request::new("GET", path);
        if let Some(token) = token {
            request = request.with("authorization", &format!("Bearer {token}"));
        }
        ask(gateway.api(), &request).expect("an answer").status
    };
    assert_eq!(status("/v3/apis", None), 401);
    assert_eq!(status("/v3/apis", Some("wrong")), 401);
    assert_eq!(status("/v3/apis", Some("s3cret")), 200);
    for open in ["/health", "/health/live", "/health/ready", "/metrics"] {
        assert_eq!(status(open, None), 200, "{open}");
    }
    assert!(!gateway.log().contains("s3cret"));
}

#[test]
fn an_open_management_api_beyond_loopback_is_warned_of() {
    let gateway = Gateway::builder()
        .env("API_BIND", "0.0.0.0")
        .env("API_INSECURE", "true")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let request = Request::new("GET", "/v3/apis");
    assert_eq!(ask(gateway.api(), &request).expect("an answer").status, 200);
    let warning = gateway.log_lines().into_iter().find(|line| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.contains("API_INSECURE"))
    });
    assert_eq!(warning.expect("a warning")["severity"], "warn");
}

#[test]
fn check_judges_definitions_without_a_gateway() {
    let directory = tempdir().expect("a directory");
    let file = directory.path().join("apis.json");
    let check = |subject: &str| Gateway::builder().arg("check").arg(subject).run();
    let backend = "127.0.0.1:1".parse().expect("an address");
    let list = endpoint("list", "GET", "/a", json!({}));
    let hidden = endpoint("again", "GET", "/a", json!({}));
    let good = json!([api("shop", backend, &[list, hidden])]).to_string();
    fs::write(&file, &good).expect("written");
    for subject in [&*good, &*file.display().to_string()] {
        let ended = check(subject);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.starts_with("ok: 1 API, 2 endpoints"), "{ended:?}");
    }
    let missing = Path::new("/nowhere/apis.json").display().to_string();
    for (subject, part) in [
        (INCOMPLETE, "my-kafka-service"),
        ("{}", "list"),
        ("[", "neither a readable JSON file nor JSON"),
        (&missing, "does not exist"),
    ] {
        let ended = check(subject);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(part), "{part}\n{}", ended.err);
    }
}

#[test]
fn the_demo_brings_a_key_and_does_not_complain_that_there_is_none() {
    let demo = Gateway::builder().arg("demo").start().expect("a demo");
    let guarded = ask(demo.inbound(), &Request::new("GET", "/till")).expect("an answer");
    assert_eq!(guarded.status, 401);
    assert!(
        !demo.log().contains("every token is rejected"),
        "{}",
        demo.log()
    );
}

#[test]
fn the_demo_shows_the_extractors_that_are_in_force() {
    let demo = Gateway::builder().arg("demo").start().expect("a demo");
    let shown = ask(demo.api(), &Request::new("GET", "/v3/extractors")).expect("an answer");
    let room = &shown.json()["chatroom_message"]["room"];
    assert!(room.is_object(), "{}", shown.json());
}

//! HTTPS on both ports, and a certificate that is replaced while connections stay
//! (spec: `config.md` 8.2).

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::support::{
    client::{Request, ask},
    definition::{api, endpoint},
    gateway::{Builder, Gateway},
    puppet::Puppet,
    tls::{Pair, TlsConnection},
};

const SOON: Duration = Duration::from_secs(5);

/// HTTPS with what is in `directory`.
fn builder(directory: &Path) -> Builder {
    let path = |name: &str| directory.join(name).display().to_string();
    Gateway::builder()
        .env("API_HTTPS_PORT", "0")
        .env("INBOUND_HTTPS_PORT", "0")
        .env("HTTPS_CERTFILE", &path("certificate.pem"))
        .env("HTTPS_KEYFILE", &path("key.pem"))
}

fn written(pair: &Pair) -> TempDir {
    let directory = tempdir().expect("a directory");
    pair.write(directory.path());
    directory
}

#[test]
fn both_ports_are_served_over_tls_beside_the_plain_ones() {
    let backend = Puppet::start(|arrived, stream| {
        let proto = arrived.head.header("x-forwarded-proto").unwrap_or("none");
        crate::support::puppet::answer(stream, &[("x-proto", proto)], "ok")
    });
    let pair = Pair::new(7);
    let directory = written(&pair);
    let any = endpoint("any", "GET", "/any", json!({}));
    let gateway = builder(directory.path())
        .config_json(&[api("a", backend.address(), &[any])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let open = |address| TlsConnection::open(address, &pair.certificate).expect("a connection");
    let (mut inbound, mut admin) = (open(gateway.inbound_tls()), open(gateway.api_tls()));
    assert_eq!((inbound.serial(), admin.serial()), (7, 7));
    for _ in 0..2 {
        let answer = inbound
            .ask(&Request::new("GET", "/any"))
            .expect("an answer");
        assert_eq!(
            (answer.status, answer.header("x-proto")),
            (200, Some("https"))
        );
        let answer = admin
            .ask(&Request::new("GET", "/v3/apis"))
            .expect("an answer");
        assert_eq!(
            (answer.status, answer.json()[0]["id"].as_str()),
            (200, Some("a"))
        );
    }
    let answer = ask(gateway.inbound(), &Request::new("GET", "/any")).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("x-proto")),
        (200, Some("http"))
    );
    let other = Pair::new(7);
    assert!(
        TlsConnection::open(gateway.inbound_tls(), &other.certificate).is_err(),
        "a client that trusts another certificate must notice"
    );
}

#[test]
fn an_encrypted_key_is_opened_with_its_pass_phrase_and_with_no_other() {
    let pair = Pair::new(8);
    let directory = written(&pair);
    fs::write(
        directory.path().join("key.pem"),
        pair.encrypted_key("hunter2"),
    )
    .expect("written");
    let gateway = builder(directory.path())
        .env("HTTPS_KEYFILE_PASS", "hunter2")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut client =
        TlsConnection::open(gateway.inbound_tls(), &pair.certificate).expect("a connection");
    let answer = client
        .ask(&Request::new("GET", "/_rig/health"))
        .expect("an answer");
    assert_eq!((answer.status, client.serial()), (200, 8));
    assert!(!gateway.log().contains("hunter2"));
    for (pass, sentence) in [
        (
            "hunter3",
            "HTTPS_KEYFILE: HTTPS_KEYFILE_PASS does not open it",
        ),
        ("", "HTTPS_KEYFILE: it is encrypted; set HTTPS_KEYFILE_PASS"),
    ] {
        let ended = builder(directory.path())
            .env("HTTPS_KEYFILE_PASS", pass)
            .run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(sentence), "{ended:?}");
        assert!(!ended.err.contains("hunter"), "{ended:?}");
    }
}

#[test]
fn half_a_certificate_is_a_fault() {
    let directory = written(&Pair::new(9));
    let whole = builder(directory.path());
    for (missing, sentence) in [
        (
            "HTTPS_KEYFILE",
            "Please also set HTTPS_KEYFILE to enable HTTPS.",
        ),
        (
            "HTTPS_CERTFILE",
            "Please also set HTTPS_CERTFILE to enable HTTPS.",
        ),
    ] {
        let ended = whole.clone().env(missing, "").run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(sentence), "{ended:?}");
    }
}

#[test]
fn sighup_replaces_the_certificate_and_a_broken_file_does_not() {
    let (old, new) = (Pair::new(1), Pair::new(2));
    let directory = written(&old);
    let gateway = builder(directory.path())
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let serials = |pair: &Pair| {
        [gateway.inbound_tls(), gateway.api_tls()].map(|address| {
            let client = TlsConnection::open(address, &pair.certificate);
            client.map(|client| client.serial()).ok()
        })
    };
    assert_eq!(serials(&old), [Some(1), Some(1)]);
    let mut early =
        TlsConnection::open(gateway.inbound_tls(), &old.certificate).expect("a connection");

    new.write(directory.path());
    gateway.signal("HUP");
    gateway.await_log("SIGHUP: certificate reloaded", 1, SOON);
    assert_eq!(serials(&new), [Some(2), Some(2)]);
    assert_eq!(serials(&old), [None, None]);
    let health = Request::new("GET", "/_rig/health");
    assert_eq!(early.ask(&health).expect("an answer").status, 200);

    for (count, name, broken) in [
        (1, "certificate.pem", "not a certificate".to_owned()),
        (2, "certificate.pem", old.certificate.clone()),
        (3, "key.pem", String::new()),
    ] {
        new.write(directory.path());
        fs::write(directory.path().join(name), broken).expect("written");
        gateway.signal("HUP");
        gateway.await_log("the certificate in use stays", count, SOON);
        assert_eq!(serials(&new), [Some(2), Some(2)], "{name}");
    }
    assert_eq!(early.ask(&health).expect("an answer").status, 200);
}

#[test]
fn sighup_without_a_certificate_changes_nothing() {
    let gateway = Gateway::builder()
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    gateway.signal("HUP");
    gateway.await_log("no certificate to reload", 1, SOON);
    let health = Request::new("GET", "/health/ready");
    assert_eq!(ask(gateway.api(), &health).expect("an answer").status, 200);
}

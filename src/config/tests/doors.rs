//! Listeners: who may come in, HTTPS, clashing ports; and what is warned of.

use std::path::PathBuf;

use super::{Config, Drawer, Flags, Guard, Secret, drawer, faults, good, ip, lines, vars};

/// A new certificate and its key, PEM.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn the_management_api_leaves_loopback_only_with_a_decision() {
    let token = || Guard::Token(Secret::new("t"));
    for (bind, more, expected) in [
        ("127.0.0.1", None, Guard::Loopback),
        ("127.1.2.3", None, Guard::Loopback),
        ("::1", None, Guard::Loopback),
        ("::ffff:127.0.0.1", None, Guard::Loopback),
        ("127.0.0.1", Some(("API_TOKEN", "t")), token()),
        ("0.0.0.0", Some(("API_TOKEN", "t")), token()),
        ("::", Some(("API_INSECURE", "yes")), Guard::Nobody),
    ] {
        let mut environment = vec![("API_BIND", bind)];
        environment.extend(more);
        assert_eq!(good(&environment).admin.guard, expected, "{environment:?}");
    }
    for bind in ["0.0.0.0", "::", "192.0.2.1", "[2001:db8::1]"] {
        let faults = faults(&[("API_BIND", bind), ("API_INSECURE", "false")]);
        assert_eq!(faults.len(), 1, "{bind}");
        assert!(faults[0].starts_with("API_BIND: "), "{faults:?}");
        assert!(faults[0].contains("API_TOKEN") && faults[0].contains("API_INSECURE=true"));
    }
}

#[test]
fn a_token_that_could_not_be_read_is_one_fault_not_two() {
    let faults = faults(&[("API_BIND", "0.0.0.0"), ("API_TOKEN_FILE", "missing")]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("API_TOKEN_FILE: "));
}

#[test]
fn a_token_no_header_can_carry_is_a_fault() {
    for token in ["a b", "ä", "a\tb"] {
        assert_eq!(
            faults(&[("API_TOKEN", token)]),
            ["API_TOKEN: it must be visible ASCII without spaces"],
            "{token:?}"
        );
    }
}

#[test]
fn the_boot_log_says_who_may_come_in() {
    let said = |environment: &[(&str, &str)]| {
        let config = good(environment);
        (config.notices.join("\n"), config.warnings.join("\n"))
    };
    let (notices, _) = said(&[]);
    assert!(notices.contains("bound to loopback"), "{notices}");
    let (notices, warnings) = said(&[("API_TOKEN", "t"), ("API_INSECURE", "true")]);
    assert!(notices.contains("bearer token of API_TOKEN"), "{notices}");
    assert!(
        warnings.contains("API_INSECURE has no effect"),
        "{warnings}"
    );
    let (notices, warnings) = said(&[("API_BIND", "0.0.0.0"), ("API_INSECURE", "true")]);
    assert!(!notices.contains("management API"), "{notices}");
    assert!(
        warnings.contains("everybody who reaches it (API_INSECURE)"),
        "{warnings}"
    );
    let (_, warnings) = said(&[("API_TOKEN", "t"), ("API_INSECURE", "false")]);
    assert!(!warnings.contains("API_INSECURE"), "{warnings}");
}

#[test]
fn https_needs_certificate_and_key_and_says_what_is_missing() {
    let (chain, private) = certificate();
    let load = |environment: &[(&str, &str)]| {
        let files = drawer(&[("c.pem", &chain), ("priv/k.pem", &private)]);
        Config::load(&Flags::new(), &vars(environment), &files)
    };
    let certificate = ("HTTPS_CERTFILE", "c.pem");
    let key = ("HTTPS_KEYFILE", "k.pem");
    let pass = ("HTTPS_KEYFILE_PASS", "hunter2");
    let tls = load(&[certificate, key, pass])
        .expect("no fault")
        .tls
        .expect("HTTPS is on");
    assert_eq!(tls.certfile, PathBuf::from("c.pem"));
    assert_eq!(tls.keyfile, PathBuf::from("priv/k.pem"));
    assert_eq!(tls.keyfile_pass, Some(Secret::new("hunter2")));
    for (environment, sentence) in [
        (
            &[certificate][..],
            "Please also set HTTPS_KEYFILE to enable HTTPS.",
        ),
        (
            &[certificate, pass],
            "Please also set HTTPS_KEYFILE to enable HTTPS.",
        ),
        (&[key], "Please also set HTTPS_CERTFILE to enable HTTPS."),
        (
            &[key, pass],
            "Please also set HTTPS_CERTFILE to enable HTTPS.",
        ),
        (
            &[pass],
            "Please also set HTTPS_CERTFILE and HTTPS_KEYFILE to enable HTTPS.",
        ),
    ] {
        let faults = lines(load(environment));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].ends_with(sentence), "{faults:?}");
    }
}

#[test]
fn https_files_that_are_not_there_are_both_named() {
    let faults = faults(&[("HTTPS_CERTFILE", "/c.pem"), ("HTTPS_KEYFILE", "k.pem")]);
    assert_eq!(
        faults,
        [
            "HTTPS_CERTFILE: Could not resolve HTTPS_CERTFILE: there is no file \"/c.pem\"",
            "HTTPS_KEYFILE: Could not resolve HTTPS_KEYFILE: there is no file \"k.pem\" or \
             \"priv/k.pem\"",
        ]
    );
}

#[test]
fn https_files_are_looked_into_and_each_is_named() {
    let (chain, private) = certificate();
    let (other, _) = certificate();
    for (chain, private, expected) in [
        (&*chain, &*private, &[][..]),
        (
            "",
            "",
            &[
                "HTTPS_CERTFILE: it holds no PEM certificate",
                "HTTPS_KEYFILE: it holds no",
            ],
        ),
        (
            &private,
            &private,
            &["HTTPS_CERTFILE: it holds no PEM certificate"],
        ),
        (
            &chain,
            &chain,
            &["HTTPS_KEYFILE: it holds no usable PEM key"],
        ),
        (
            &other,
            &private,
            &["HTTPS_KEYFILE: it cannot be used with HTTPS_CERTFILE"],
        ),
        (
            &chain,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            &["HTTPS_KEYFILE: it is encrypted; set HTTPS_KEYFILE_PASS"],
        ),
        (
            &chain,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED",
            &["HTTPS_KEYFILE: it is encrypted in OpenSSL's old form"],
        ),
    ] {
        let environment = vars(&[("HTTPS_CERTFILE", "c.pem"), ("HTTPS_KEYFILE", "k.pem")]);
        let files = drawer(&[("c.pem", chain), ("k.pem", private)]);
        let found = match Config::load(&Flags::new(), &environment, &files) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        };
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[test]
fn further_authorities_are_looked_into() {
    let (chain, private) = certificate();
    let load = |pem: &str| {
        let environment = vars(&[("PROXY_CA_CERTFILE", "ca.pem")]);
        Config::load(&Flags::new(), &environment, &drawer(&[("ca.pem", pem)]))
    };
    assert!(load(&chain).is_ok());
    assert_eq!(
        lines(load(&private)),
        ["PROXY_CA_CERTFILE: \"ca.pem\" cannot be used: it holds no PEM certificate"]
    );
}

#[test]
fn ports_must_not_clash_where_addresses_overlap() {
    let api = |bind, port| {
        [
            ("API_BIND", bind),
            ("API_HTTP_PORT", port),
            ("API_TOKEN", "t"),
        ]
    };
    assert_eq!(
        faults(&api("127.0.0.1", "4000")),
        ["API_HTTP_PORT: \"4000\" is the port of INBOUND_PORT as well"]
    );
    assert_eq!(faults(&api("0.0.0.0", "4000")).len(), 1);
    assert_eq!(faults(&api("::", "4000")).len(), 1);
    assert_eq!(good(&api("::1", "4000")).admin.port, 4000);
    // Closed without a certificate, so there is nothing to clash with.
    assert_eq!(good(&api("127.0.0.1", "4001")).admin.port, 4001);
    let mut separate = vec![("INBOUND_BIND", "127.0.0.2")];
    separate.extend(api("127.0.0.1", "4000"));
    assert_eq!(good(&separate).admin.port, 4000);
    assert_eq!(
        good(&[("INBOUND_PORT", "0"), ("API_HTTP_PORT", "0")])
            .inbound
            .port,
        0
    );
}

#[test]
fn https_ports_clash_once_they_are_open() {
    let environment = vars(&[
        ("HTTPS_CERTFILE", "c.pem"),
        ("HTTPS_KEYFILE", "k.pem"),
        ("INBOUND_HTTPS_PORT", "4010"),
    ]);
    let (chain, private) = certificate();
    let files: Drawer = drawer(&[("c.pem", &chain), ("k.pem", &private)]);
    assert_eq!(
        lines(Config::load(&Flags::new(), &environment, &files)),
        ["INBOUND_HTTPS_PORT: \"4010\" is the port of API_HTTP_PORT as well"]
    );
}

#[test]
fn addresses_may_be_given_in_brackets_or_as_localhost() {
    assert_eq!(good(&[("INBOUND_BIND", "[::1]")]).inbound.bind, ip("::1"));
    assert_eq!(
        good(&[("INBOUND_BIND", "localhost")]).inbound.bind,
        ip("127.0.0.1")
    );
    assert_eq!(faults(&[("INBOUND_BIND", "gateway.example")]).len(), 1);
}

#[test]
fn what_is_odd_but_works_is_warned_of() {
    for (environment, sentence) in [
        (&[][..], "HTTPS is off"),
        (&[], "set JWT_SECRET_KEY or JWT_JWKS_URL"),
        (
            &[("JWT_JWKS_URL", "http://keys.example/")],
            "JWT_JWKS_URL is not https",
        ),
        (
            &[("TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0")],
            "TRUSTED_PROXIES holds every address",
        ),
    ] {
        let warnings = good(environment).warnings;
        assert!(
            warnings.iter().any(|line| line.contains(sentence)),
            "{sentence}: {warnings:?}"
        );
    }
}

#[test]
fn what_is_not_odd_is_not_warned_of() {
    for environment in [
        &[("JWT_JWKS_URL", "https://keys.example/")][..],
        &[("JWT_JWKS_URL", "http://127.0.0.1:8080/keys")],
        &[("JWT_JWKS_URL", "http://[::1]/keys")],
        &[("JWT_SECRET_KEY", "k"), ("TRUSTED_PROXIES", "10.0.0.0/8")],
    ] {
        let warnings = good(environment).warnings;
        assert_eq!(warnings.len(), 1, "only that HTTPS is off: {warnings:?}");
    }
}

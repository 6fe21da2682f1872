//! Which source wins, and secrets from files.

use super::{Config, Drawer, Flags, Secret, drawer, faults, good, lines, load, vars};

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_default() {
    let environment = vars(&[("INBOUND_PORT", "5000"), ("API_HTTP_PORT", "5010")]);
    let flags = vars(&[("INBOUND_PORT", "6000")]);
    let config = Config::load(&flags, &environment, &Drawer::new()).expect("no fault");
    assert_eq!(config.inbound.port, 6000);
    assert_eq!(config.admin.port, 5010);
    assert_eq!(config.inbound.https_port, 4001);
}

#[test]
fn an_empty_value_counts_as_unset() {
    let environment = vars(&[
        ("INBOUND_PORT", "5000"),
        ("CORS", ""),
        ("JWT_SECRET_KEY", ""),
    ]);
    let flags = vars(&[("INBOUND_PORT", "")]);
    let config = Config::load(&flags, &environment, &Drawer::new()).expect("no fault");
    assert_eq!(config.inbound.port, 5000);
    assert_eq!(config.cors.allow_origin, "*");
    assert_eq!(config.jwt.secret_key, None);
}

#[test]
fn a_faulty_flag_is_named_and_does_not_fall_back_to_the_environment() {
    let environment = vars(&[("INBOUND_PORT", "5000")]);
    let flags = vars(&[("INBOUND_PORT", "x")]);
    let faults = lines(Config::load(&flags, &environment, &Drawer::new()));
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].starts_with("INBOUND_PORT (--inbound-port): \"x\" is not"),
        "{faults:?}"
    );
}

#[test]
fn a_value_that_is_not_utf_8_is_a_fault() {
    assert_eq!(
        faults(&[("JWT_SECRET_KEY", "a\u{FFFD}b")]),
        ["JWT_SECRET_KEY: is not valid UTF-8"]
    );
}

#[test]
fn a_secret_comes_from_a_file_without_its_last_line_break() {
    for (content, expected) in [
        ("a b\n", "a b"),
        ("a\r\n", "a"),
        ("a", "a"),
        ("a\n\n", "a\n"),
        (" a ", " a "),
    ] {
        let environment = vars(&[("JWT_SECRET_KEY_FILE", "key")]);
        let files = drawer(&[("priv/key", content)]);
        let config = Config::load(&Flags::new(), &environment, &files).expect("no fault");
        assert_eq!(
            config.jwt.secret_key,
            Some(Secret::new(expected)),
            "{content:?}"
        );
    }
}

#[test]
fn a_secret_that_is_set_twice_is_a_fault() {
    assert_eq!(
        faults(&[("API_TOKEN", "a"), ("API_TOKEN_FILE", "b")]),
        ["API_TOKEN: API_TOKEN_FILE is set as well: keep one of them"]
    );
}

#[test]
fn a_flag_wins_over_a_secret_file_of_the_environment() {
    let environment = vars(&[("API_TOKEN_FILE", "missing")]);
    let flags = vars(&[("API_TOKEN", "a")]);
    assert!(Config::load(&flags, &environment, &Drawer::new()).is_ok());
}

#[test]
fn a_secret_file_that_cannot_be_used_is_a_fault() {
    let with = |content: &[u8]| {
        let files = Drawer::from([("key".into(), content.to_vec())]);
        let environment = vars(&[("JWT_SECRET_KEY_FILE", "key")]);
        lines(Config::load(&Flags::new(), &environment, &files))
    };
    assert_eq!(with(b"\n"), ["JWT_SECRET_KEY_FILE: \"key\" is empty"]);
    assert_eq!(
        with(b"\xff"),
        ["JWT_SECRET_KEY_FILE: \"key\" is not UTF-8 text"]
    );
    assert!(with(&[b'a'; 65_537])[0].contains("longer than 65536 bytes"));
    assert_eq!(
        faults(&[("JWT_SECRET_KEY_FILE", "key")]),
        ["JWT_SECRET_KEY_FILE: there is no file \"key\" or \"priv/key\""]
    );
}

#[test]
fn a_setting_that_is_no_secret_has_no_file_variable() {
    assert!(load(&[("HOST_FILE", "missing")]).is_ok());
}

#[test]
fn algorithms_are_found_in_any_case() {
    let jwt = good(&[("JWT_ALG", "eddsa")]).jwt;
    assert_eq!(
        (jwt.algorithm.as_str(), jwt.algorithm_given),
        ("EdDSA", true)
    );
    assert_eq!(good(&[("JWT_ALG", "hs512")]).jwt.algorithm, "HS512");
}

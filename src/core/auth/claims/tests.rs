//! Lifetime and required claims.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: u64 = 1000;

fn read(payload: &str, requirements: &Requirements) -> Result<Claims, Rejection> {
    Claims::read(&URL_SAFE_NO_PAD.encode(payload), requirements, NOW)
}

fn outcome(payload: &str) -> Option<Rejection> {
    read(payload, &Requirements::default()).err()
}

#[test]
fn exp_is_required_numeric_and_after_now() {
    for (payload, expected) in [
        (r#"{"exp":1001}"#, None),
        (r#"{"exp":1000.5}"#, None),
        (r#"{"exp":1e9}"#, None),
        (r#"{"exp":18446744073709551615}"#, None),
        (r#"{"exp":99999999999999999999999}"#, None),
        (r#"{"exp":1000}"#, Some(Rejection::Expired)),
        (r#"{"exp":1000.0}"#, Some(Rejection::Expired)),
        (r#"{"exp":999.9}"#, Some(Rejection::Expired)),
        (r#"{"exp":0}"#, Some(Rejection::Expired)),
        (r#"{"exp":-1}"#, Some(Rejection::Expired)),
        (r#"{"exp":-1e300}"#, Some(Rejection::Expired)),
        ("{}", Some(Rejection::Expired)),
        (r#"{"EXP":2000}"#, Some(Rejection::Expired)),
        (r#"{"exp":null}"#, Some(Rejection::Expired)),
        (r#"{"exp":true}"#, Some(Rejection::Expired)),
        (r#"{"exp":"2000"}"#, Some(Rejection::Expired)),
        (r#"{"exp":"\u0032000"}"#, Some(Rejection::Expired)),
        (r#"{"exp":[2000]}"#, Some(Rejection::Expired)),
        (r#"{"exp":{"$numberLong":2000}}"#, Some(Rejection::Expired)),
        (r#"{"exp":1e999}"#, Some(Rejection::Unreadable)),
        (r#"{"exp":2000,"exp":3000}"#, Some(Rejection::Unreadable)),
    ] {
        assert_eq!(outcome(payload), expected, "{payload}");
    }
}

#[test]
fn nbf_is_honoured() {
    for (nbf, expected) in [
        ("1000", None),
        ("999.9", None),
        ("0", None),
        ("-5", None),
        ("1000.1", Some(Rejection::NotYetValid)),
        ("1001", Some(Rejection::NotYetValid)),
        ("1e300", Some(Rejection::NotYetValid)),
        ("null", Some(Rejection::NotYetValid)),
        ("\"5\"", Some(Rejection::NotYetValid)),
        ("[]", Some(Rejection::NotYetValid)),
        ("{}", Some(Rejection::NotYetValid)),
        ("false", Some(Rejection::NotYetValid)),
    ] {
        let payload = format!(r#"{{"nbf":{nbf},"exp":2000}}"#);
        assert_eq!(outcome(&payload), expected, "{nbf}");
    }
    let both = r#"{"nbf":1001,"exp":999}"#;
    assert_eq!(outcome(both), Some(Rejection::Expired));
}

#[test]
fn a_payload_that_is_no_json_object_could_not_be_verified() {
    for payload in [
        "",
        "null",
        "1",
        "\"exp\"",
        "[2000]",
        "[2000,1]",
        r#"[{"exp":2000}]"#,
        r#"{"exp":2000"#,
        r#"{"exp":2000}{"exp":2000}"#,
        r#"{"exp":2000,}"#,
        "{exp:2000}",
    ] {
        assert_eq!(outcome(payload), Some(Rejection::Unreadable), "{payload}");
    }
    let bad = [b"{\"exp\":2000,\"sub\":\"".as_slice(), &[0xff], b"\"}"].concat();
    for payload in [
        URL_SAFE_NO_PAD.encode(bad),
        "!".to_owned(),
        "e30=".to_owned(),
    ] {
        let result = Claims::read(&payload, &Requirements::default(), NOW);
        assert_eq!(result, Err(Rejection::Unreadable), "{payload}");
    }
}

#[test]
fn the_required_issuer_and_audience_must_be_there() {
    let issuer = Requirements {
        issuer: Some("us".into()),
        audience: None,
    };
    let audience = Requirements {
        issuer: None,
        audience: Some("rig".into()),
    };
    let both = Requirements {
        issuer: Some("us".into()),
        audience: Some("rig".into()),
    };
    let other_issuer = Some(Rejection::OtherIssuer);
    let other_audience = Some(Rejection::OtherAudience);
    for (requirements, claims, expected) in [
        (&issuer, json!({"iss": "us"}), None),
        (&issuer, json!({"iss": "US"}), other_issuer.clone()),
        (&issuer, json!({"iss": ["us"]}), other_issuer.clone()),
        (&issuer, json!({"iss": null}), other_issuer.clone()),
        (&issuer, json!({}), other_issuer.clone()),
        (&audience, json!({"aud": "rig"}), None),
        (&audience, json!({"aud": ["a", "rig"]}), None),
        (&audience, json!({"aud": "rigor"}), other_audience.clone()),
        (&audience, json!({"aud": ["a"]}), other_audience.clone()),
        (&audience, json!({"aud": []}), other_audience.clone()),
        (&audience, json!({"aud": [["rig"]]}), other_audience.clone()),
        (
            &audience,
            json!({"aud": {"rig": 1}}),
            other_audience.clone(),
        ),
        (&audience, json!({}), other_audience.clone()),
        (&both, json!({"iss": "us", "aud": "rig"}), None),
        (&both, json!({"iss": "us"}), other_audience),
        (&both, json!({"aud": "rig"}), other_issuer),
    ] {
        let mut claims = claims;
        claims["exp"] = json!(2000);
        let result = read(&claims.to_string(), requirements).err();
        assert_eq!(result, expected, "{claims}");
    }
    let twice = r#"{"exp":2000,"iss":"them","iss":"us"}"#;
    assert_eq!(read(twice, &issuer), Err(Rejection::Unreadable));
    let anything = r#"{"exp":2000,"iss":5,"aud":{},"typ":[],"iat":9999}"#;
    assert_eq!(outcome(anything), None);
}

#[test]
fn all_claims_are_there_on_demand() {
    let claims = read(
        r#"{"exp":1500.2,"jti":"s1","deep":{"list":[1]}}"#,
        &Requirements::default(),
    )
    .unwrap();
    assert_eq!(claims.expires(), 1501);
    let value = Value::Object(claims.value().unwrap());
    assert_eq!(value.pointer("/jti"), Some(&json!("s1")));
    assert_eq!(value.pointer("/deep/list/0"), Some(&json!(1)));
    assert_eq!(format!("{claims:?}"), "Claims(expires 1501)");

    let odd = read(r#"{"exp":2000,"big":1e999}"#, &Requirements::default()).unwrap();
    assert_eq!(odd.value(), Err(Rejection::Unreadable));
}

proptest! {
    #[test]
    fn no_payload_panics_and_none_passes_without_a_later_exp(payload in "\\PC{0,60}") {
        prop_assert!(outcome(&payload).is_some());
    }

    #[test]
    fn a_date_is_compared_as_a_number(seconds in -3000.0..3000.0f64) {
        let payload = json!({"exp": seconds}).to_string();
        prop_assert_eq!(outcome(&payload).is_none(), seconds > 1000.0);
        let payload = json!({"exp": 9000, "nbf": seconds}).to_string();
        prop_assert_eq!(outcome(&payload).is_none(), seconds <= 1000.0);
    }
}

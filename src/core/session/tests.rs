//! Which session a token belongs to.

use serde_json::{Value, json};

use super::*;
use crate::core::auth::{
    algorithm::Algorithm,
    fixture::{ANYBODY, NOW, key_set, sign},
    token::verify,
};

fn find(field: &str, claims: &Value) -> Found {
    Field::parse(field)
        .unwrap()
        .find(claims.as_object().unwrap())
}

fn session(text: &str) -> Found {
    Found::Session(Name::new(text).unwrap())
}

fn verified(claims: &Value) -> Claims {
    let token = sign(Algorithm::Hs256, claims);
    verify(&token, &key_set(Algorithm::Hs256), &ANYBODY, NOW).unwrap()
}

#[test]
fn a_session_is_a_non_empty_string_or_a_number_that_the_pointer_finds() {
    let claims = json!({
        "jti": "s1", "n": 5, "f": 1.5, "e": "", "b": true, "z": null, "o": {"s": "deep", "": "blank"},
        "l": [{"x": "first"}, "second"], "a/b": "slash", "m~n": "tilde", "": "nameless",
    });
    for (field, expected) in [
        ("/jti", session("s1")),
        ("/n", session("5")),
        ("/f", session("1.5")),
        ("/o/s", session("deep")),
        ("/o/", session("blank")),
        ("/l/0/x", session("first")),
        ("/l/1", session("second")),
        ("/a~1b", session("slash")),
        ("/m~0n", session("tilde")),
        ("/", session("nameless")),
        ("/none", Found::Absent),
        ("/l/2", Found::Absent),
        ("/l/-", Found::Absent),
        ("/l/00", Found::Absent),
        ("/jti/x", Found::Absent),
        ("/e", Found::Unusable),
        ("/b", Found::Unusable),
        ("/z", Found::Unusable),
        ("/o", Found::Unusable),
        ("/l", Found::Unusable),
    ] {
        assert_eq!(find(field, &claims), expected, "{field}");
    }
}

#[test]
fn the_field_is_a_json_pointer_or_refused() {
    for good in ["/jti", "/", "/a/b", "/a~0b~1", "/~01"] {
        assert_eq!(Field::parse(good).unwrap().as_str(), good);
    }
    let long = format!("/{}", "x".repeat(POINTER_BYTES_MAX));
    for bad in ["", "jti", "#/jti", "/a~", "/a~2", "/~~0", &long] {
        assert_eq!(Field::parse(bad), Err(FieldFault), "{bad}");
    }
    assert_eq!(Field::default().as_str(), "/jti");
}

#[test]
fn a_name_that_is_too_long_is_its_digest() {
    let longest = "x".repeat(NAME_BYTES_MAX);
    assert_eq!(Name::new(&longest).unwrap().as_str(), longest);
    let (one, other) = (format!("{longest}x"), format!("{longest}y"));
    let (one, other) = (Name::new(&one).unwrap(), Name::new(&other).unwrap());
    assert!(one.as_str().starts_with("sha256:") && one.as_str().len() < NAME_BYTES_MAX);
    assert_ne!(one, other);
    assert_eq!(Name::new(""), None);
}

#[test]
fn a_token_can_be_revoked_by_its_jti_and_by_its_session() {
    let names = |claims: Value, field: &str| {
        let names = revocable(&verified(&claims), &Field::parse(field).unwrap()).unwrap();
        let names = names.into_iter().flatten();
        names
            .map(|name| name.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let exp = NOW + 60;
    for (claims, field, expected) in [
        (
            json!({"exp": exp, "jti": "a", "sid": "b"}),
            "/jti",
            vec!["a"],
        ),
        (
            json!({"exp": exp, "jti": "a", "sid": "b"}),
            "/sid",
            vec!["a", "b"],
        ),
        (json!({"exp": exp, "sid": "b"}), "/sid", vec!["b"]),
        (json!({"exp": exp, "jti": 7}), "/jti", vec!["7"]),
        (json!({"exp": exp, "jti": ["a"], "sid": {}}), "/sid", vec![]),
        (json!({"exp": exp}), "/jti", vec![]),
        (json!({"exp": exp, "jti": null}), "/jti", vec![]),
    ] {
        assert_eq!(names(claims.clone(), field), expected, "{claims} {field}");
    }
}

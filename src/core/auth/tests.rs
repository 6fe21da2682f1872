//! Whole requests: the recordings of the original, with the answers ours has to give.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::core::auth::{
    algorithm::Algorithm,
    cache::SignatureCache,
    fixture::{self, ANYBODY, NOW, RSA_PKCS8, SECRET, with},
    jwks::Jwks,
    keys::KeySet,
};

/// Valid until 1795460942, `jti` is `s1`.
const VALID: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiJzMSIsInN1YiI6InUiLCJleHAiOjE3OTU0NjA5NDJ9.JF_B3O4Gp9Y8sWvxoueIn_35N8SI8gKI7IVLk7OIdfU";
const EXPIRED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiJzMSIsImV4cCI6MTc5NTQ2MDMzMn0.pwisT4DDp5E4-hO34JJhwU7Hpn95r_ZJ7hcWDlL6R-k";

fn source(header: Option<&str>, query: Option<&str>) -> Auth {
    Auth {
        jwt: true,
        header: header.map(str::to_owned),
        query: query.map(str::to_owned),
    }
}

fn ask(
    auth: &Auth,
    lines: &[(&str, String)],
    query: Option<&str>,
    keys: &KeySet,
) -> Result<Claims, Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let mut cache = SignatureCache::new();
    authenticate(auth, &headers, query, |token| {
        token::verify_cached(token, keys, &ANYBODY, NOW, &mut cache)
    })
}

/// Asks with the secret of the recordings; the outcome is the rejection, if any.
fn outcome(auth: &Auth, lines: &[(&str, String)], query: Option<&str>) -> Option<Refused> {
    let keys = KeySet::new(Algorithm::Hs256, Some(SECRET)).unwrap();
    ask(auth, lines, query, &keys).err()
}

fn rejected(rejection: Rejection) -> Option<Refused> {
    Some(Refused::Rejected(rejection))
}

#[test]
fn recorded_tokens_in_the_authorization_header() {
    let head = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    for (case, token, expected) in [
        ("ah_bearer_valid", VALID.to_owned(), None),
        ("ah_bearer_expired", EXPIRED.to_owned(), rejected(Rejection::Expired)),
        ("ah_bearer_noexp", format!("{head}.eyJzdWIiOiJ1In0.nixaVqqE7zE6iN930LZ5wW4tw5Wgd8tJP1sAsfPb_l0"), rejected(Rejection::Expired)),
        ("ah_bearer_badsig", format!("{head}.eyJleHAiOjE3OTU0NjA5NDJ9.18MbxYq7FDNZl53y_IXLwOrng_d1Qod311-p3pf3pXQ"), rejected(Rejection::Forged)),
        ("ah_bearer_algnone", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHAiOjE3OTU0NjA5NDJ9.".to_owned(), rejected(Rejection::Forged)),
        ("ah_bearer_hs384", "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTU0NjA5NDJ9.VbkGh4bs7BwQcwADIJyWvVXjKUxa8qUwZAuSgjBHCf6xwcCCJ7mdjVZI_XUPxnIt".to_owned(), rejected(Rejection::Forged)),
        ("ah_bearer_hs512", "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTU0NjA5NDJ9.NfGuOadaWbpiKmsEaf_FFlw5SQ7q76NCHs5v0xRs3nge4oVZD5heHJoT3sstTv-haiv5Up6aVNZ3558Q2X-Vqg".to_owned(), rejected(Rejection::Forged)),
        ("ah_bearer_garbage", "abc".to_owned(), rejected(Rejection::Forged)),
        // The original let the next two pass.
        ("ah_bearer_nbf_future", format!("{head}.eyJleHAiOjE3OTU0NjA5NDIsIm5iZiI6MTc5NTQ2MDY0Mn0.Ntnr-qY6V8TpINw9XcNty5i0mTlny9dxnywr3J56UAI"), rejected(Rejection::NotYetValid)),
        ("ah_bearer_exp_string", format!("{head}.eyJleHAiOiIxNzk1NDYwOTQyIn0.Tq2kOEpTBzO-7hadneLjl2kNh5_kTmMnJZspUYkkBGs"), rejected(Rejection::Expired)),
        ("ah_bearer_exp_float", format!("{head}.eyJleHAiOjE3OTU0NjA5NDIuNX0.HDNmwYxXy1vi9YLGTYnGg_00JrawrXlMBHn1iHTM-Xs"), None),
        ("ah_bearer_empty_claims", format!("{head}.e30.rXr7y9H5-fBXgq0bPARRqn1uY1rEwd65regdC9TIcLI"), rejected(Rejection::Expired)),
        ("ah_bearer_iat_future", format!("{head}.eyJpYXQiOjE3OTU0NjA4NDIsImV4cCI6MTc5NTQ2MDk0Mn0.6QR4l3AHfo3tF9AGJKodHcTgVnp6ItbyVsCx92DbmXk"), None),
        ("ah_bearer_jti_number", format!("{head}.eyJqdGkiOjUsImV4cCI6MTc5NTQ2MDk0Mn0.OD6yvOSTSj-QxgGa_GHYyADUdaQiajgb10gbQzr3ChI"), None),
    ] {
        let lines = [("authorization", format!("Bearer {token}"))];
        let auth = source(Some("authorization"), None);
        assert_eq!(outcome(&auth, &lines, None), expected, "{case}");
    }
}

#[test]
fn recorded_forms_of_the_authorization_header() {
    let one = |form: &str| vec![("authorization", form.replace('@', VALID))];
    let no_token = Some(Refused::NoToken);
    for (case, lines, expected) in [
        ("ah_no_token", vec![], no_token.clone()),
        // The original refused the next three.
        ("ah_header_lower_bearer", one("bearer @"), None),
        ("ah_header_uppercase", one("BEARER @"), None),
        ("ah_header_two_spaces", one("Bearer  @"), None),
        ("ah_header_no_scheme", one("@"), no_token.clone()),
        ("ah_header_basic", one("Basic @"), no_token.clone()),
        ("ah_header_token_scheme", one("Token @"), no_token.clone()),
        ("ah_header_empty", one(""), no_token.clone()),
        ("ah_header_bearer_only", one("Bearer"), no_token),
        (
            "ah_header_multi_comma_bad_first",
            one("Bearer abc, Bearer @"),
            None,
        ),
        (
            "ah_header_multi_comma_good_first",
            one("Bearer @, Bearer abc"),
            None,
        ),
        (
            "ah_header_basic_and_bearer",
            one("Basic Zm9v, Bearer @"),
            None,
        ),
        ("ah_header_trailing_space", one("Bearer @ "), None),
        (
            "ah_header_quoted",
            one("Bearer \"@\""),
            rejected(Rejection::Forged),
        ),
        (
            "ah_two_auth_headers",
            [one("Bearer abc"), one("Bearer @")].concat(),
            None,
        ),
    ] {
        let auth = source(Some("authorization"), None);
        assert_eq!(outcome(&auth, &lines, None), expected, "{case}");
    }
    let query = format!("token={VALID}");
    let auth = source(Some("authorization"), None);
    assert_eq!(outcome(&auth, &[], Some(&query)), Some(Refused::NoToken));
}

#[test]
fn recorded_tokens_in_the_query() {
    // The original never found a token here.
    for (case, query, expected) in [
        ("aq_no_token", String::new(), Some(Refused::NoToken)),
        ("aq_query_valid", format!("token={VALID}"), None),
        (
            "aq_query_bad",
            "token=abc".to_owned(),
            rejected(Rejection::Forged),
        ),
        (
            "aq_query_expired",
            format!("token={EXPIRED}"),
            rejected(Rejection::Expired),
        ),
        ("aq_query_multi", format!("token=abc,{VALID}"), None),
        (
            "aq_token_empty",
            "token=".to_owned(),
            Some(Refused::NoToken),
        ),
    ] {
        let auth = source(Some("authorization"), Some("token"));
        assert_eq!(outcome(&auth, &[], Some(&query)), expected, "{case}");
    }
    let lines = [("authorization", format!("Bearer {VALID}"))];
    let both = source(Some("authorization"), Some("token"));
    assert_eq!(outcome(&both, &lines, None), None);
    let query_only = source(None, Some("token"));
    assert_eq!(outcome(&query_only, &lines, None), Some(Refused::NoToken));
}

#[test]
fn recorded_tokens_in_a_header_of_the_definition() {
    // The original went on looking at `authorization` instead.
    let auth = source(Some("x-token"), None);
    for (case, lines, expected) in [
        ("ax_valid", vec![("x-token", VALID.to_owned())], None),
        (
            "ax_bearer_prefix",
            vec![("x-token", format!("Bearer {VALID}"))],
            None,
        ),
        ("ax_no", vec![], Some(Refused::NoToken)),
        (
            "ax_authorization_header",
            vec![("authorization", format!("Bearer {VALID}"))],
            Some(Refused::NoToken),
        ),
    ] {
        assert_eq!(outcome(&auth, &lines, None), expected, "{case}");
    }
}

#[test]
fn an_endpoint_without_a_source_is_closed() {
    let lines = [("authorization", format!("Bearer {VALID}"))];
    let query = format!("token={VALID}");
    let mut without_type = source(Some("authorization"), Some("token"));
    without_type.jwt = false;
    for auth in [source(None, None), Auth::default(), without_type] {
        let refused = outcome(&auth, &lines, Some(&query));
        assert_eq!(refused, Some(Refused::NoSource));
    }
}

#[test]
fn the_claims_of_the_first_valid_token_are_returned() {
    let keys = KeySet::new(Algorithm::Hs256, Some(SECRET)).unwrap();
    let other = fixture::sign(Algorithm::Hs256, &json!({"exp": NOW + 1, "jti": "s2"}));
    let lines = [(
        "authorization",
        format!("Bearer {EXPIRED}, Bearer {VALID}, Bearer {other}"),
    )];
    let auth = source(Some("authorization"), None);
    let claims = ask(&auth, &lines, None, &keys).unwrap();
    assert_eq!(claims.value().unwrap().get("jti"), Some(&json!("s1")));
}

#[test]
fn the_last_reason_is_told_but_an_unknown_key_always() {
    let auth = source(Some("x-token"), None);
    let lines = |tokens: &[&str]| -> Vec<(&str, String)> {
        tokens
            .iter()
            .map(|t| ("x-token", (*t).to_owned()))
            .collect()
    };
    assert_eq!(
        outcome(&auth, &lines(&["abc", EXPIRED]), None),
        rejected(Rejection::Expired)
    );
    assert_eq!(
        outcome(&auth, &lines(&[EXPIRED, "abc"]), None),
        rejected(Rejection::Forged)
    );

    let jwk = with(fixture::jwk(Algorithm::Rs256, RSA_PKCS8), "kid", json!("a"));
    let set: Value = json!({ "keys": [jwk] });
    let jwks = Jwks::parse(Algorithm::Rs256, set.to_string().as_bytes()).unwrap();
    let keys = KeySet::new(Algorithm::Rs256, None)
        .unwrap()
        .with_published(jwks);
    let known = fixture::sign_rs256(RSA_PKCS8, Some("a"));
    let unknown = fixture::sign_rs256(RSA_PKCS8, Some("b"));
    let expected = Refused::Rejected(Rejection::UnknownKid("b".into()));
    let refused = ask(&auth, &lines(&[&unknown, "abc"]), None, &keys).err();
    assert_eq!(refused, Some(expected));
    assert!(ask(&auth, &lines(&[&unknown, &known]), None, &keys).is_ok());
}

#[test]
fn a_valid_token_behind_too_many_others_does_not_count() {
    let auth = source(Some("authorization"), None);
    let behind = |count: usize| {
        let line = format!("{}Bearer {VALID}", "Bearer abc,".repeat(count));
        outcome(&auth, &[("authorization", line)], None)
    };
    assert_eq!(behind(extract::CANDIDATES_MAX - 1), None);
    assert_eq!(behind(extract::CANDIDATES_MAX), rejected(Rejection::Forged));
}

//! Tokens, their sessions, and keys that are fetched meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix::{Actor, Context, Handler};
use jsonwebtoken::{EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use super::*;
use crate::core::{
    auth::{algorithm::Algorithm, jwks::Jwks},
    session::blacklist::Blacklist,
};

const FOR_EVER: u64 = u64::MAX / 2;

fn token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(b"secret");
    encode(&Header::default(), claims, &key).unwrap()
}

fn with(field: &str, revoked: &[&str]) -> Gate {
    let keys = KeySet::new(Algorithm::Hs256, Some("secret")).unwrap();
    let (cell, mut blacklist) = (SessionCell::new(), Blacklist::new());
    for name in revoked {
        blacklist
            .revoke(&Name::new(name).unwrap(), FOR_EVER, 0)
            .unwrap();
    }
    cell.publish(&mut blacklist);
    cell.set_complete();
    Gate::new(
        Arc::new(ArcSwap::from_pointee(keys)),
        Requirements::default(),
        None,
        Arc::new(cell),
        Field::parse(field).unwrap(),
    )
}

async fn verdict(gate: &Gate, token: &str) -> String {
    match gate.verify(token).await {
        Ok(_claims) => "ok".to_owned(),
        Err(rejection) => rejection.to_string(),
    }
}

#[actix_rt::test]
async fn a_token_is_accepted_or_refused_in_the_documented_words() {
    let gate = with("/jti", &["gone", "7"]);
    let good = token(&json!({"exp": FOR_EVER, "jti": "here"}));
    let forged = format!("{good}x");
    for (token, expected) in [
        (good, "ok"),
        (String::new(), "not a token: \"\""),
        (forged, "Invalid signature"),
        (token(&json!(["exp"])), "Could not verify token"),
        (token(&json!({"exp": 1})), "token expired"),
        (token(&json!({"jti": "here"})), "token expired"),
        (
            token(&json!({"exp": FOR_EVER, "jti": "gone"})),
            "Ignoring blacklisted JWT with ID \"gone\".",
        ),
        (
            token(&json!({"exp": FOR_EVER, "jti": 7})),
            "Ignoring blacklisted JWT with ID \"7\".",
        ),
        (token(&json!({"exp": FOR_EVER, "jti": ["gone"]})), "ok"),
        (token(&json!({"exp": FOR_EVER, "sid": "gone"})), "ok"),
    ] {
        assert_eq!(verdict(&gate, &token).await, expected);
    }
}

#[actix_rt::test]
async fn the_session_field_and_jti_are_both_looked_at() {
    let gate = with("/session/id", &["s", "j"]);
    for (claims, expected) in [
        (
            json!({"session": {"id": "s"}}),
            "Ignoring blacklisted JWT with ID \"s\".",
        ),
        (
            json!({"jti": "j", "session": {"id": "t"}}),
            "Ignoring blacklisted JWT with ID \"j\".",
        ),
        (json!({"jti": "k", "session": {"id": "t"}}), "ok"),
        (json!({}), "ok"),
    ] {
        let mut claims = claims;
        claims["exp"] = json!(FOR_EVER);
        assert_eq!(verdict(&gate, &token(&claims)).await, expected, "{claims}");
    }
}

#[actix_rt::test]
async fn a_connection_knows_its_session_and_hears_of_a_revocation_in_between() {
    let gate = with("/sid", &["gone"]);
    for (sid, expected) in [
        (json!("here"), Some("here")),
        (json!(5), Some("5")),
        (json!(""), None),
        (json!({}), None),
        (Value::Null, None),
    ] {
        let claims = gate
            .verify(&token(&json!({"exp": FOR_EVER, "sid": sid})))
            .await
            .unwrap();
        let session = gate.session(&claims);
        assert_eq!(session.as_ref().map(Name::as_str), expected, "{sid}");
        assert!(!session.is_some_and(|session| gate.is_revoked(&session)));
    }
    assert!(gate.is_revoked(&Name::new("gone").unwrap()));
}

#[test]
fn the_gate_opens_when_the_blacklist_is_complete() {
    let keys = KeySet::new(Algorithm::Hs256, Some("secret")).unwrap();
    let cell = Arc::new(SessionCell::new());
    let keys = Arc::new(ArcSwap::from_pointee(keys));
    let gate = Gate::new(
        keys,
        Requirements::default(),
        None,
        Arc::clone(&cell),
        Field::default(),
    );
    assert!(!gate.is_open());
    cell.set_complete();
    assert!(gate.is_open());
}

fn issuers_key() -> EncodingKey {
    let pem = include_bytes!("../../../core/auth/fixture/ec.pkcs8.pem");
    EncodingKey::from_ec_pem(pem).unwrap()
}

/// Publishes the key `k` when it is asked to.
struct Issuer {
    keys: Arc<ArcSwap<KeySet>>,
    asked: Arc<AtomicUsize>,
}

impl Actor for Issuer {
    type Context = Context<Self>;
}

impl Handler<RefreshKeys> for Issuer {
    type Result = ();

    fn handle(&mut self, refresh: RefreshKeys, _context: &mut Self::Context) {
        assert_eq!(refresh.known, self.keys.load().generation());
        self.asked.fetch_add(1, Ordering::SeqCst);
        let jwk = Jwk::from_encoding_key(&issuers_key(), jsonwebtoken::Algorithm::ES256).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!("k");
        let set = json!({"keys": [jwk]}).to_string();
        let jwks = Jwks::parse(Algorithm::Es256, set.as_bytes()).unwrap();
        let keys = self.keys.load().with_published(jwks);
        self.keys.store(Arc::new(keys));
    }
}

#[actix_rt::test]
async fn an_unknown_key_is_fetched_once_and_then_known() {
    let keys = KeySet::new(Algorithm::Es256, None).unwrap();
    let keys = Arc::new(ArcSwap::from_pointee(keys.awaiting_published().unwrap()));
    let asked = Arc::new(AtomicUsize::new(0));
    let issuer = Issuer {
        keys: Arc::clone(&keys),
        asked: Arc::clone(&asked),
    };
    let refresh = Some(issuer.start().recipient());
    let cell = Arc::new(SessionCell::new());
    let gate = Gate::new(
        keys,
        Requirements::default(),
        refresh,
        cell,
        Field::default(),
    );
    let header = Header {
        kid: Some("k".to_owned()),
        ..Header::new(jsonwebtoken::Algorithm::ES256)
    };
    let token = encode(&header, &json!({"exp": FOR_EVER}), &issuers_key()).unwrap();
    for _again in 0..2 {
        assert_eq!(verdict(&gate, &token).await, "ok");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

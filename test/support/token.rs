//! Signs the tokens of `golden/tokens.json` so that they relate to the present as the recorded ones
//! related to the moment of recording.
//!
//! A claim `{"now": 600}` becomes the present plus 600 seconds, with `"as": "text"` as a string. A
//! token stays as good or as bad as it was: another key stays another key, `none` stays unsigned.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A token of the table.
#[derive(Debug, Deserialize)]
struct Recipe {
    /// `HS256`, `HS384`, `HS512` or `none`.
    alg: String,
    /// Secret; unused for `none`.
    key: String,
    /// Claims, times relative.
    claims: Map<String, Value>,
}

/// `text` with every `{token:NAME}` replaced by the token of that name, signed at `now` (seconds
/// since the epoch).
///
/// # Panics
/// The table is malformed, or a name is not in it.
pub(crate) fn fill(text: &str, now: u64) -> String {
    let table: BTreeMap<String, Recipe> =
        serde_json::from_str(include_str!("../golden/tokens.json")).expect("a table of recipes");
    let filled = table.iter().fold(text.to_owned(), |text, (name, recipe)| {
        text.replace(&format!("{{token:{name}}}"), &recipe.sign(now))
    });
    let unknown = filled
        .find("{token:")
        .map(|at| &filled[at..filled.len().min(at + 40)]);
    assert_eq!(
        unknown, None,
        "a token that golden/tokens.json does not have"
    );
    filled
}

// === impl Recipe ===

impl Recipe {
    fn sign(&self, now: u64) -> String {
        let claims: Map<_, _> = self
            .claims
            .iter()
            .map(|(name, value)| (name.clone(), at(value, now)))
            .collect();
        let header =
            BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": self.alg, "typ": "JWT"}).to_string());
        let claims = BASE64_URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string());
        let message = format!("{header}.{claims}");
        let algorithm = match self.alg.as_str() {
            "none" => return format!("{message}."),
            "HS256" => Algorithm::HS256,
            "HS384" => Algorithm::HS384,
            "HS512" => Algorithm::HS512,
            other => panic!("no recipe uses {other}"),
        };
        let key = EncodingKey::from_secret(self.key.as_bytes());
        let signature = crypto::sign(message.as_bytes(), &key, algorithm).expect("an HMAC");
        format!("{message}.{signature}")
    }
}

/// A claim's value at `now`.
fn at(value: &Value, now: u64) -> Value {
    let Some(offset) = value.get("now") else {
        return value.clone();
    };
    match (offset.as_i64(), value.get("as")) {
        (Some(offset), None) => json!(now.saturating_add_signed(offset)),
        (Some(offset), Some(_)) => json!(now.saturating_add_signed(offset).to_string()),
        // Seconds since the epoch are exact in a float.
        (None, _) => json!(now as f64 + offset.as_f64().expect("a number")),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use jsonwebtoken::{Algorithm, DecodingKey, crypto};
    use serde_json::{Value, json};

    use super::fill;

    const NOW: u64 = 2_000_000_000;

    fn parts(name: &str) -> (String, Value, String) {
        let token = fill(&format!("{{token:{name}}}"), NOW);
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let claims = message.split('.').nth(1).expect("claims");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims = serde_json::from_slice(&claims).expect("JSON");
        (message.to_owned(), claims, signature.to_owned())
    }

    fn verifies(name: &str, algorithm: Algorithm) -> bool {
        let (message, _, signature) = parts(name);
        let key = DecodingKey::from_secret(b"mysecret");
        crypto::verify(&signature, message.as_bytes(), &key, algorithm).expect("comparable")
    }

    #[test]
    fn times_keep_their_relation_to_the_present() {
        for (name, claims) in [
            ("valid", json!({"jti": "s1", "sub": "u", "exp": NOW + 600})),
            ("expired", json!({"jti": "s1", "exp": NOW - 10})),
            ("nbf_future", json!({"exp": NOW + 600, "nbf": NOW + 300})),
            ("exp_string", json!({"exp": (NOW + 600).to_string()})),
            ("exp_float", json!({"exp": 2_000_000_600.5})),
            ("jti_number", json!({"jti": 5, "exp": NOW + 600})),
        ] {
            assert_eq!(parts(name).1, claims, "{name}");
        }
    }

    #[test]
    fn good_signatures_are_good_and_bad_ones_stay_bad() {
        assert!(verifies("valid", Algorithm::HS256));
        assert!(verifies("hs384", Algorithm::HS384));
        assert!(verifies("hs512", Algorithm::HS512));
        assert!(!verifies("badsig", Algorithm::HS256));
        assert_eq!(parts("algnone").2, "");
    }

    #[test]
    #[should_panic(expected = "golden/tokens.json")]
    fn an_unknown_token_is_noticed() {
        fill("Bearer {token:nobody}", NOW);
    }
}

//! When two JSON documents are the same: members in any order, `"*"` for text nobody can know.

use serde_json::Value;

/// `got` is `wanted`, where the string `"*"` stands for any string but the empty one.
pub(super) fn same(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::String(wanted), Value::String(got)) if wanted == "*" => !got.is_empty(),
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(a, b)| same(a, b))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            let found = |(name, value)| got.get(name).is_some_and(|got| same(value, got));
            wanted.len() == got.len() && wanted.iter().all(found)
        }
        _ => wanted == got,
    }
}

/// A success message without its warnings, which the original does not have (names.md); warnings of
/// another shape stay, and differ.
pub(super) fn without_warnings(document: &Value) -> Value {
    let mut document = document.clone();
    let shaped = |warning: &Value| warning["path"].is_string() && warning["message"].is_string();
    let warned = document["message"] == "ok"
        && document["warnings"]
            .as_array()
            .is_some_and(|warnings| !warnings.is_empty() && warnings.iter().all(shaped));
    if let (true, Some(members)) = (warned, document.as_object_mut()) {
        members.remove("warnings");
    }
    document
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{same, without_warnings};

    #[test]
    fn documents_are_the_same_in_any_order_and_stars_stand_for_text() {
        let wanted = json!({"a": [1, {"b": null}], "t": "*"});
        for (got, fine) in [
            (json!({"t": "now", "a": [1, {"b": null}]}), true),
            (json!({"t": "", "a": [1, {"b": null}]}), false),
            (json!({"t": 5, "a": [1, {"b": null}]}), false),
            (json!({"t": "now", "a": [1, {}]}), false),
            (
                json!({"t": "now", "a": [1, {"b": null}], "phx_ref": "x"}),
                false,
            ),
            (Value::Null, false),
        ] {
            assert_eq!(same(&wanted, &got), fine, "{got}");
        }
    }

    #[test]
    fn warnings_are_taken_off_a_success_message_only_if_they_have_their_shape() {
        let ok = json!({"message": "ok"});
        let warned = json!({"message": "ok", "warnings": [{"path": "a/b", "message": "m"}]});
        assert_eq!(without_warnings(&warned), ok);
        for odd in [
            json!({"message": "ok", "warnings": []}),
            json!({"message": "ok", "warnings": ["text"]}),
            json!({"message": "no", "warnings": [{"path": "a/b", "message": "m"}]}),
        ] {
            assert_eq!(without_warnings(&odd), odd);
        }
    }
}

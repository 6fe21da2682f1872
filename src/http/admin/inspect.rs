//! JSON values as the original's runtime shows them in its messages: `nil`, `%{"a" => 1}`
//! (spec: `management-api.md` 2.6 and 2.7).
//!
//! Pure. Deliberately absent: its limits on long lists; what is shown is cut off as a whole.

use std::fmt::Write;

use serde_json::Value;

/// Longest text: it tells a value from another, and needs not hold a whole body.
const SHOWN_BYTES_MAX: usize = 256;

/// `value` as text of at most [`SHOWN_BYTES_MAX`] bytes and three dots.
pub(super) fn inspect(value: &Value) -> String {
    let mut shown = String::new();
    show(value, &mut shown);
    if shown.len() > SHOWN_BYTES_MAX {
        let mut end = SHOWN_BYTES_MAX;
        while !shown.is_char_boundary(end) {
            end -= 1;
        }
        shown.truncate(end);
        shown.push_str("...");
    }
    shown
}

/// A string in quotes.
pub(super) fn inspect_text(text: &str) -> String {
    inspect(&Value::String(text.to_owned()))
}

fn show(value: &Value, shown: &mut String) {
    if shown.len() > SHOWN_BYTES_MAX {
        return;
    }
    match value {
        Value::Null => shown.push_str("nil"),
        Value::Bool(flag) => shown.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{number}");
        }
        Value::String(text) => show_text(text, shown),
        Value::Array(items) => {
            shown.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, shown);
                show(item, shown);
            }
            shown.push(']');
        }
        Value::Object(members) => {
            shown.push_str("%{");
            for (at, (name, member)) in members.iter().enumerate() {
                separate(at, shown);
                show_text(name, shown);
                shown.push_str(" => ");
                show(member, shown);
            }
            shown.push('}');
        }
    }
}

fn separate(at: usize, shown: &mut String) {
    if at > 0 {
        shown.push_str(", ");
    }
}

fn show_text(text: &str, shown: &mut String) {
    shown.push('"');
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if shown.len() > SHOWN_BYTES_MAX {
            break;
        }
        match character {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '#' if rest.peek() == Some(&'{') => shown.push_str("\\#"),
            other if other.is_control() => {
                let _ = write!(shown, "\\x{{{:X}}}", u32::from(other));
            }
            other => shown.push(other),
        }
    }
    shown.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::inspect;

    #[test]
    fn values_look_as_in_the_original() {
        for (value, expected) in [
            (json!(null), "nil"),
            (json!(true), "true"),
            (json!(-1), "-1"),
            (json!(1.5), "1.5"),
            (json!(""), r#""""#),
            (json!("a\"b\\c\n\u{1}#{x} #"), r#""a\"b\\c\n\x{1}\#{x} #""#),
            (json!([]), "[]"),
            (json!(["a", 1, [null]]), r#"["a", 1, [nil]]"#),
            (json!({}), "%{}"),
            (json!({"a": 1, "b": {}}), r#"%{"a" => 1, "b" => %{}}"#),
        ] {
            assert_eq!(inspect(&value), expected);
        }
    }

    #[test]
    fn a_long_value_is_cut_off_between_characters() {
        for value in [
            json!("\u{20ac}".repeat(1_000)),
            json!(vec![7; 10_000]),
            json!("\u{1}".repeat(900)),
        ] {
            let shown = inspect(&value);
            assert!(shown.len() <= 256 + 3 && shown.ends_with("..."), "{shown}");
        }
    }
}

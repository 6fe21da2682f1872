//! JSON as text for a terminal: a list of objects as a table, an object as lines.
//!
//! Knows no field: what a newer node tells in addition is shown too, and what an older one leaves out
//! is a dash. Deliberately absent: colours, and control characters, which a terminal would obey.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What stands where there is nothing.
const NOTHING: &str = "-";

/// Digits of a hash that are shown: as many as in an `ETag`.
const HASH_DIGITS: usize = 16;

/// Between two columns.
const GAP: &str = "  ";

/// `rows` as a table: the columns of `first` in that order, then all others by name.
pub(super) fn table(rows: &[Value], first: &[&str]) -> String {
    let objects: Vec<&Map<String, Value>> = rows.iter().filter_map(Value::as_object).collect();
    let columns = columns(&objects, first);
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|name| heading(name)).collect()];
    for object in &objects {
        let text = |name: &&str| object.get(*name).map_or_else(|| NOTHING.to_owned(), cell);
        lines.push(columns.iter().map(text).collect());
    }
    aligned(&lines)
}

/// An object as one line per field; lists of objects follow as tables below their name.
pub(super) fn facts(object: &Map<String, Value>) -> String {
    let mut text = String::new();
    let mut tables = String::new();
    for (name, value) in object {
        match rows(value) {
            Some(rows) => {
                let _ = write!(tables, "{}:\n{}", plain(name), table(rows, &[]));
            }
            None => {
                let _ = writeln!(text, "{}: {}", plain(name), cell(value));
            }
        }
    }
    text + &tables
}

/// A value on one line.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => plain(short(text)),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => {
            let separator = if rows(value).is_some() { "; " } else { ", " };
            items.iter().map(cell).collect::<Vec<_>>().join(separator)
        }
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| format!("{}={}", plain(name), cell(value));
            fields.iter().map(field).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The objects of a list of nothing but objects.
fn rows(value: &Value) -> Option<&[Value]> {
    let rows = value.as_array()?;
    (!rows.is_empty() && rows.iter().all(Value::is_object)).then_some(rows.as_slice())
}

/// Those of `first` that any object has, then the others.
fn columns<'a>(objects: &[&'a Map<String, Value>], first: &[&'a str]) -> Vec<&'a str> {
    let is_used = |name: &&&str| objects.iter().any(|object| object.contains_key(**name));
    let mut columns: Vec<&str> = first.iter().filter(is_used).copied().collect();
    let mut others: Vec<&str> = objects
        .iter()
        .flat_map(|object| object.keys().map(String::as_str))
        .filter(|name| !columns.contains(name))
        .collect();
    others.sort_unstable();
    others.dedup();
    columns.extend(others);
    columns
}

fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let count = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let padded = line.iter().zip(&widths);
        let padded: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(padded.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

fn heading(name: &str) -> String {
    plain(name).to_uppercase().replace('_', " ")
}

/// A hash by its beginning, which is how people compare them.
fn short(text: &str) -> &str {
    let is_hash = text.len() >= 2 * HASH_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash {
        text.get(..HASH_DIGITS).unwrap_or(text)
    } else {
        text
    }
}

/// `text` with control characters escaped.
pub(super) fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut plain, char| {
        if char.is_control() {
            plain.extend(char.escape_default());
        } else {
            plain.push(char);
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{cell, facts, table};

    #[test]
    fn a_table_has_known_columns_first_and_loses_none() {
        let rows = [
            json!({"name": "a", "apis": 12, "zone": "x"}),
            json!({"name": "node-b", "in_sync": true, "peer": null}),
            json!("not a row"),
        ];
        assert_eq!(
            table(&rows, &["name", "in_sync", "absent", "apis"]),
            "NAME    IN SYNC  APIS  PEER  ZONE\n\
             a       -        12    -     x\n\
             node-b  yes      -     -     -\n"
        );
    }

    #[test]
    fn a_cell_is_one_line_of_plain_text() {
        let hash = "0123456789abcdef".repeat(4);
        for (value, expected) in [
            (json!(null), "-"),
            (json!(false), "no"),
            (json!(-1.5), "-1.5"),
            (json!(""), "-"),
            (json!([]), "-"),
            (json!(["a", 1]), "a, 1"),
            (
                json!({"votes": 2, "digest": hash}),
                "digest=0123456789abcdef votes=2",
            ),
            (json!([{"a": 1}, {"a": 2}]), "a=1; a=2"),
            (json!("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb"),
            (json!("0123456789abcdef"), "0123456789abcdef"),
            (json!("ä b"), "ä b"),
        ] {
            assert_eq!(cell(&value), expected);
        }
    }

    #[test]
    fn an_object_is_shown_as_lines_and_tables() {
        let object = json!({
            "change": "shop@1-a",
            "nodes": ["a", "b"],
            "missing": [{"name": "c", "reason": "unreachable"}],
        });
        assert_eq!(
            facts(object.as_object().expect("it is one")),
            "change: shop@1-a\nnodes: a, b\nmissing:\nNAME  REASON\nc     unreachable\n"
        );
    }
}

//! A value that constraints compare: a string, a boolean or a number (spec: `events.md` 5.9).
//!
//! Numbers compare by value (1 = 1.0 = 1e0), exactly, whatever their size: doubles would make
//! neighbours of large ids equal and show one customer's events to another. Deliberately absent:
//! null, arrays and objects, which are no values here, and any conversion between kinds.

use serde_json::Value;

use super::{
    Pointer,
    json::{self, Piece},
    outline::Outline,
};

/// A comparable value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A number, by value.
    Number(Number),
    /// A string.
    Text(Box<str>),
}

/// A decimal number in its only form: `digits` times ten to the `exponent`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    negative: bool,
    exponent: i64,
    /// No zeros around; zero itself has none at all.
    digits: Box<str>,
}

// === impl Scalar ===

impl Scalar {
    /// The value of a parsed document. `None` for null, arrays and objects. Numbers are those the
    /// parser made of the text; of a number that needs more than a double's 17 digits, or an integer
    /// beyond 64 bits, only [`Scalar::parse`] knows the value.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            Value::Bool(value) => Some(Self::Boolean(*value)),
            Value::Number(number) => Number::parse(&number.to_string()).map(Self::Number),
            Value::String(text) => Some(Self::Text(text.as_str().into())),
        }
    }

    /// The value that a JSON text stands for. `None` for null, arrays, objects, and what is no JSON.
    pub fn parse(text: &str) -> Option<Self> {
        Outline::of(text).scalar(text, &Pointer::default())
    }

    /// The value of a piece of valid JSON.
    pub(super) fn read(piece: Piece, text: &str) -> Option<Self> {
        match piece {
            Piece::String => json::unquoted(text).map(|text| Self::Text(text.into())),
            Piece::Number => Number::parse(text).map(Self::Number),
            Piece::Boolean => Some(Self::Boolean(text == "true")),
            Piece::ObjectBegin
            | Piece::ObjectEnd
            | Piece::ArrayBegin
            | Piece::ArrayEnd
            | Piece::Name
            | Piece::Null => None,
        }
    }
}

// === impl Number ===

impl Number {
    /// The value of a JSON number. `None`: the exponent does not fit into 64 bits, so that nothing
    /// could tell it from others of its size.
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = [whole, fraction].concat();
        let significant = written.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                exponent: 0,
                digits: "".into(),
            });
        }
        let zeros = i64::try_from(significant.len() - digits.len()).ok()?;
        let behind_point = i64::try_from(fraction.len()).ok()?;
        let exponent = exponent
            .parse::<i64>()
            .ok()?
            .checked_add(zeros)?
            .checked_sub(behind_point)?;
        Some(Self {
            negative,
            exponent,
            digits: digits.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Scalar;

    fn number(text: &str) -> Scalar {
        Scalar::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn numbers_are_equal_if_their_values_are() {
        for same in [
            &["1", "1.0", "1e0", "1E+0", "10e-1", "0.1e1", "1.000"][..],
            &["0", "-0", "0.0", "0e5", "-0.0e-7", "0e99999999999999999999"],
            &["100", "1e2", "1.00e2", "0.001e5", "10E1"],
            &["-12.5", "-1.25e1", "-1250e-2"],
            &["18446744073709551617", "1.8446744073709551617e19"],
            &["0.1", "1e-1", "0.10"],
        ] {
            for text in same {
                assert_eq!(number(text), number(same[0]), "{text}");
            }
        }
    }

    #[test]
    fn neighbours_are_not_equal_however_large() {
        for (one, other) in [
            ("1", "-1"),
            ("1", "2"),
            ("1", "10"),
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551616", "18446744073709551617"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567891",
            ),
            ("0.1", "0.10000000000000001"),
            ("1e400", "1e401"),
            ("1e-400", "0"),
        ] {
            assert_ne!(number(one), number(other));
        }
    }

    #[test]
    fn kinds_are_not_converted_and_containers_are_no_values() {
        assert_ne!(Scalar::parse("1"), Scalar::parse("\"1\""));
        assert_ne!(Scalar::parse("true"), Scalar::parse("\"true\""));
        for text in [
            "null",
            "[]",
            "[1]",
            "{}",
            "{\"a\":1}",
            "",
            "1 2",
            "01",
            "1e99999999999999999999",
        ] {
            assert_eq!(Scalar::parse(text), None, "{text}");
        }
        assert_eq!(Scalar::of(&json!(null)), None);
        assert_eq!(Scalar::of(&json!([1])), None);
        assert_eq!(Scalar::of(&json!({})), None);
    }

    #[test]
    fn a_parsed_document_and_a_text_yield_the_same() {
        for (value, text) in [
            (json!(1), "1.0"),
            (json!(1.0), "1"),
            (json!(-0.5), "-5e-1"),
            (json!(1e300), "1e300"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(i64::MIN), "-9223372036854775808"),
            (json!("a\nb"), "\"a\\nb\""),
            (json!("é"), "\"\\u00e9\""),
            (json!(true), "true"),
        ] {
            assert_eq!(Scalar::of(&value), Scalar::parse(text), "{text}");
        }
    }
}

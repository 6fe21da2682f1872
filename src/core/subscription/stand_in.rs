//! Stands in for `core::event::{Pointer, Scalar}` and `Event::scalar` until they are merged; then this
//! file goes, and the `use` lines that name it say `crate::core::event`.

use std::sync::Arc;

use serde_json::{Number, Value};

use crate::core::event::Event;

/// A JSON pointer that is not empty (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(String);

/// Why a text is not a pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON pointer such as \"/data/name\"")]
pub struct PointerFault;

/// A value that can be compared; numbers by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// true or false.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// The bits of any other number.
    Float(u64),
    /// A string.
    Text(Arc<str>),
}

// === impl Pointer ===

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// It does not begin with a slash, or has a tilde that is no escape.
    pub fn parse(text: &str) -> Result<Self, PointerFault> {
        let escapes = text.split('~').skip(1);
        let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
        if text.starts_with('/') && escapes.into_iter().all(is_escaped) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PointerFault)
        }
    }
}

// === impl Scalar ===

impl Scalar {
    /// A JSON value; `None` for null, lists and objects.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(bool) => Some(Self::Bool(*bool)),
            Value::Number(number) => Self::of_number(number),
            Value::String(text) => Some(Self::Text(text.as_str().into())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    fn of_number(number: &Number) -> Option<Self> {
        if let Some(integer) = number.as_i128() {
            return Some(Self::Integer(integer));
        }
        let float = number.as_f64()?;
        if float.fract() == 0.0 && float.abs() < 1e30 {
            return Some(Self::Integer(float as i128));
        }
        Some(Self::Float(float.to_bits()))
    }
}

// === impl Event ===

impl Event {
    /// The value `pointer` points at, if it is there and scalar.
    pub fn scalar(&self, pointer: &Pointer) -> Option<Scalar> {
        let value: Value = serde_json::from_slice(&self.text).ok()?;
        Scalar::of(value.pointer(&pointer.0)?)
    }
}

impl Event {
    /// Of a text as tests write it.
    #[cfg(test)]
    pub fn parse(text: bytes::Bytes) -> Option<Self> {
        let value: Value = serde_json::from_slice(&text).ok()?;
        let event_type = value.get("type")?.as_str()?.into();
        let id = value.get("id")?.as_str()?.into();
        Some(Self {
            text,
            event_type,
            id,
        })
    }
}

//! Reading members of a document: what counts as text, as blank, as a number; and where their
//! faults go (spec: `api-definitions.md` 1.8).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::core::api::{
    API_ID_BYTES_MAX,
    faults::{API_GROUP, Faults},
};

/// Whose faults these are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group<'a> {
    /// Group `api`.
    Api,
    /// Group `<api id>`.
    Definition(&'a str),
    /// Group `<api id>/<endpoint id>`.
    Endpoint(&'a str, &'a str),
}

/// Where the faults of one group go. The group's key is only spelled out for a fault, as ten
/// thousand faultless endpoints need none.
pub(super) struct Scope<'a> {
    faults: &'a mut Faults,
    group: Group<'a>,
}

/// The member is there, but not what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongType;

// === impl Group ===

impl<'a> Group<'a> {
    fn key(self) -> Cow<'a, str> {
        match self {
            Self::Api => Cow::Borrowed(API_GROUP),
            Self::Definition(api) => Cow::Borrowed(api),
            Self::Endpoint(api, endpoint) => Cow::Owned(format!("{api}/{endpoint}")),
        }
    }
}

// === impl Scope ===

impl<'a> Scope<'a> {
    pub(super) const fn new(faults: &'a mut Faults, group: Group<'a>) -> Self {
        Self { faults, group }
    }

    pub(super) fn fault(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.faults.push(&self.group.key(), field, message);
    }

    /// The rule pair "must be string", "must have a length of at least 1". What is blank breaks
    /// both (unless it is a string), as it has no length either.
    pub(super) fn required_text<'d>(
        &mut self,
        members: &'d Map<String, Value>,
        field: &'static str,
    ) -> Option<&'d str> {
        let value = members.get(field);
        match value {
            Some(Value::String(text)) if !text.is_empty() => return Some(text),
            Some(Value::String(_)) => {}
            _ => self.fault(field, "must be string"),
        }
        if is_blank(value) {
            self.fault(field, "must have a length of at least 1");
        }
        None
    }

    /// A string that may be absent, `null` or empty, all of which mean "not given".
    pub(super) fn optional_text<'d>(
        &mut self,
        members: &'d Map<String, Value>,
        field: &'static str,
    ) -> Result<Option<&'d str>, WrongType> {
        match members.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => {
                self.fault(field, "must be string");
                Err(WrongType)
            }
        }
    }

    /// A whole number from `min` to `max` that may be absent or `null`.
    pub(super) fn optional_integer(
        &mut self,
        members: &Map<String, Value>,
        field: &'static str,
        min: u64,
        max: u64,
    ) -> Option<u64> {
        let value = members.get(field).filter(|value| !value.is_null())?;
        let number = value.as_u64().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.fault(field, "must be integer");
        }
        number
    }
}

/// Missing, null, `false`, `""`, `[]`, `{}`.
pub(super) fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Bool(flag)) => !flag,
        Some(Value::Number(_)) => false,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
    }
}

/// Literally `true`; nothing else turns a switch on.
pub(super) fn is_true(members: &Map<String, Value>, field: &str) -> bool {
    members.get(field) == Some(&Value::Bool(true))
}

/// An id as group keys show it, whatever its type; what has no short text is shown empty.
pub(super) fn label(id: Option<&Value>) -> Cow<'_, str> {
    match id {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        Some(Value::Bool(flag)) => Cow::Borrowed(if *flag { "true" } else { "false" }),
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => Cow::Borrowed(""),
    }
}

/// [`label`] of an API, cut at the longest id there may be: it is repeated for every endpoint.
pub(super) fn api_label(id: Option<&Value>) -> Cow<'_, str> {
    match label(id) {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(text),
    }
}

/// The longest beginning of `text` that may be an id.
fn cut(text: &str) -> &str {
    let end = text
        .char_indices()
        .map(|(start, character)| start + character.len_utf8())
        .take_while(|end| *end <= API_ID_BYTES_MAX)
        .last();
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

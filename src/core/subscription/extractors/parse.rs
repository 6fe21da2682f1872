//! From a document to extractors, with all its faults (spec: `events.md` 5.8).
//!
//! Members the rules do not name are allowed and kept in the document, as in the original.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::core::{
    event::Pointer,
    subscription::{
        TYPE_BYTES_MAX,
        extractors::{
            DOCUMENT_BYTES_MAX, Extractors, FIELDS_MAX, Field, Fields, INDEX_MAX, TYPES_MAX,
            fault::{ExtractorFaults, FaultReason},
        },
        list::fits,
    },
};

// === impl Extractors ===

impl Extractors {
    /// The extractors of a document: event type to field name to where the field is.
    ///
    /// # Errors
    /// All faults; nothing can be used of a document with one.
    pub fn parse(text: &str) -> Result<Self, ExtractorFaults> {
        let document = serde_json::from_str(text)
            .map_err(|error| ExtractorFaults::whole(FaultReason::NotJson(error.to_string())))?;
        Self::of(document)
    }

    /// As [`Self::parse`], from JSON that is decoded already.
    ///
    /// # Errors
    /// All faults; nothing can be used of a document with one.
    pub fn of(document: Value) -> Result<Self, ExtractorFaults> {
        let Value::Object(entries) = &document else {
            return Err(ExtractorFaults::whole(FaultReason::NotAMap));
        };
        if !fits(&document, DOCUMENT_BYTES_MAX) {
            return Err(ExtractorFaults::whole(FaultReason::TooLong));
        }
        if entries.len() > TYPES_MAX {
            let reason = FaultReason::TooManyTypes(entries.len());
            return Err(ExtractorFaults::whole(reason));
        }
        let mut faults = ExtractorFaults::default();
        let types = entries
            .iter()
            .map(|(event_type, entry)| {
                check_type(event_type, &mut faults);
                let fields = fields(event_type, entry, &mut faults);
                (Arc::from(event_type.as_str()), fields)
            })
            .collect();
        faults.or(Self { document, types })
    }
}

fn check_type(event_type: &str, faults: &mut ExtractorFaults) {
    let reason = match event_type {
        "" => FaultReason::TypeEmpty,
        "*" => FaultReason::Wildcard,
        long if long.len() > TYPE_BYTES_MAX => FaultReason::TypeTooLong,
        wildcard if wildcard.ends_with(".*") => FaultReason::Wildcard,
        _ => return,
    };
    faults.push(&[event_type], reason);
}

/// Those that are right.
fn fields(event_type: &str, entry: &Value, faults: &mut ExtractorFaults) -> Fields {
    let Value::Object(entries) = entry else {
        faults.push(&[event_type], FaultReason::NotAMap);
        return Fields::new();
    };
    if entries.len() > FIELDS_MAX {
        faults.push(&[event_type], FaultReason::TooManyFields(entries.len()));
        return Fields::new();
    }
    let mut indices: BTreeMap<u64, &str> = BTreeMap::new();
    let mut fields = Fields::new();
    for (name, entry) in entries {
        let mut fault = |reason| faults.push(&[event_type, name], reason);
        let Value::Object(members) = entry else {
            fault(FaultReason::NotAMap);
            continue;
        };
        if name.is_empty() {
            fault(FaultReason::FieldEmpty);
        }
        let index = members.get("stable_field_index").and_then(Value::as_u64);
        match index.filter(|index| *index <= INDEX_MAX) {
            None => fault(FaultReason::Index),
            Some(index) => match indices.insert(index, name) {
                None => {}
                Some(other) => fault(FaultReason::IndexTaken {
                    index,
                    other: other.to_owned(),
                }),
            },
        }
        let event = event(members);
        let jwt = jwt(members);
        match (event, jwt) {
            (Ok(event), Ok(jwt)) => {
                fields.insert(name.as_str().into(), Field { event, jwt });
            }
            (event, jwt) => {
                event.err().into_iter().chain(jwt.err()).for_each(fault);
            }
        }
    }
    fields
}

fn event(members: &Map<String, Value>) -> Result<Pointer, FaultReason> {
    let pointer = members
        .get("event")
        .and_then(json_pointer)
        .ok_or(FaultReason::Event)?;
    Pointer::parse(pointer).map_err(FaultReason::EventPointer)
}

fn jwt(members: &Map<String, Value>) -> Result<Option<String>, FaultReason> {
    let Some(jwt) = members.get("jwt") else {
        return Ok(None);
    };
    let pointer = json_pointer(jwt).ok_or(FaultReason::Jwt)?;
    Pointer::parse(pointer).map_err(FaultReason::JwtPointer)?;
    Ok(Some(pointer.to_owned()))
}

/// Not the empty one: it leads to the whole document, which is no scalar.
fn json_pointer(object: &Value) -> Option<&str> {
    let pointer = object.get("json_pointer")?.as_str()?;
    (!pointer.is_empty()).then_some(pointer)
}

//! The list of subscriptions that clients send, in a query or a body (spec: `events.md` 5.4, 5.7).
//!
//! In two steps, because other checks stand between them: text to JSON, JSON to subscriptions. All or
//! nothing: one bad entry refuses the list. Deliberately absent: whether constraints name known
//! fields ([`super::extractors::Extractors::check`]).

use std::io;

use serde_json::{Map, Value};

use crate::core::subscription::{
    CONSTRAINTS_MAX, Constraint, FIELDS_MAX, LIST_BYTES_MAX, SUBSCRIPTIONS_MAX, Subscription,
    TypePattern,
    fault::{Door, Reason, SubscriptionFault, shown},
};

/// Names of the member with the event type; the first that is there counts.
const TYPE_NAMES: [&str; 2] = ["event_type", "eventType"];

/// Names of the member with the constraints; the first that is there counts.
const CONSTRAINTS_NAMES: [&str; 3] = ["constraints", "one_of", "oneOf"];

/// The member that holds the list in a body.
const SUBSCRIPTIONS: &str = "subscriptions";

/// The JSON of the query parameter `subscriptions`. An empty one is an empty list, though it counts
/// as absent for the subscription check. Long polling also takes `{"subscriptions": [...]}`.
///
/// # Errors
/// It is not JSON.
pub fn decode(parameter: &str, door: Door) -> Result<Value, SubscriptionFault> {
    if parameter.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    let value = serde_json::from_str(parameter)
        .map_err(|error| SubscriptionFault::NotJson(error.to_string()))?;
    Ok(match (door, value) {
        (Door::LongPolling, Value::Object(mut members)) => match members.remove(SUBSCRIPTIONS) {
            Some(list) => list,
            None => Value::Object(members),
        },
        (Door::LongPolling | Door::Stream | Door::Put, value) => value,
    })
}

/// The member `subscriptions` of a PUT's body.
///
/// # Errors
/// The body is not JSON, or has no such member.
pub fn in_body(body: &[u8]) -> Result<Value, SubscriptionFault> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| SubscriptionFault::NotJson(error.to_string()))?;
    let member = match body {
        Value::Object(mut members) => members.remove(SUBSCRIPTIONS),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    };
    member.ok_or(SubscriptionFault::NoSubscriptions)
}

/// The subscriptions of a list, in its order.
///
/// # Errors
/// It is not a list, is too long, or holds a faulty entry; the first fault is told.
pub fn parse(list: &Value) -> Result<Vec<Subscription>, SubscriptionFault> {
    let Value::Array(entries) = list else {
        return Err(SubscriptionFault::NotAList(shown(list)));
    };
    if entries.len() > SUBSCRIPTIONS_MAX {
        return Err(SubscriptionFault::TooMany(entries.len()));
    }
    if !fits(list, LIST_BYTES_MAX) {
        return Err(SubscriptionFault::TooLong);
    }
    read(entries)
}

/// The subscriptions of a list that a node wrote with [`to_json`](super::to_json): what was accepted
/// once, with what a token adds, is not measured again.
///
/// # Errors
/// It is not a list, or holds a faulty entry.
pub fn rewritten(list: &Value) -> Result<Vec<Subscription>, SubscriptionFault> {
    let entries = list.as_array();
    read(entries.ok_or_else(|| SubscriptionFault::NotAList(shown(list)))?)
}

/// Whether an entry names its types or its constraints twice, in different spellings: others may take
/// another one than [`parse`] does.
pub fn is_ambiguous(list: &Value) -> bool {
    let entries = list.as_array().into_iter().flatten();
    let names = |members: &Map<String, Value>, names: &[&str]| {
        let named = names.iter().filter(|name| members.contains_key(**name));
        named.count()
    };
    entries
        .filter_map(Value::as_object)
        .any(|members| names(members, &TYPE_NAMES) > 1 || names(members, &CONSTRAINTS_NAMES) > 1)
}

fn read(entries: &[Value]) -> Result<Vec<Subscription>, SubscriptionFault> {
    entries
        .iter()
        .map(|entry| {
            subscription(entry).map_err(|reason| SubscriptionFault::invalid(reason, entry))
        })
        .collect()
}

fn subscription(entry: &Value) -> Result<Subscription, Reason> {
    let members = entry.as_object().ok_or(Reason::NotAMap)?;
    let types = first(members, &TYPE_NAMES).ok_or(Reason::TypeNotFound)?;
    let types = TypePattern::parse(types.as_str().unwrap_or_default())?;
    let one_of = match first(members, &CONSTRAINTS_NAMES) {
        None => Vec::new(),
        Some(Value::Array(constraints)) if constraints.len() > CONSTRAINTS_MAX => {
            return Err(Reason::TooManyConstraints);
        }
        Some(Value::Array(constraints)) => constraints
            .iter()
            .map(constraint)
            .collect::<Result<_, _>>()?,
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_),
        ) => return Err(Reason::ConstraintsNotAList),
    };
    Ok(Subscription { types, one_of })
}

fn constraint(clause: &Value) -> Result<Constraint, Reason> {
    let fields = clause.as_object().ok_or(Reason::ConstraintNotAMap)?;
    if fields.contains_key("") {
        return Err(Reason::FieldEmpty);
    }
    if fields.len() > FIELDS_MAX {
        return Err(Reason::TooManyFields);
    }
    Ok(Constraint(fields.clone()))
}

fn first<'v>(members: &'v Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| members.get(*name))
}

/// The compact JSON of `value` has at most `bytes_max` bytes.
pub(super) fn fits(value: &Value, bytes_max: usize) -> bool {
    serde_json::to_writer(Allowance(bytes_max), value).is_ok()
}

/// Takes so many bytes, keeps none, and refuses more.
struct Allowance(usize);

impl io::Write for Allowance {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                Ok(bytes.len())
            }
            None => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Events that the gateway itself makes (spec: `events.md` 5.5).

use std::{fmt::Write, sync::OnceLock};

use bytes::Bytes;
use serde_json::Value;

use super::Event;

/// `source` of the gateway's events.
const SOURCE: &str = "rig";

/// An event of the gateway: version 0.2, members sorted, no `data` if there is none. `id` is a UUID
/// and `time` an RFC 3339 time with microseconds and `+00:00`, both as text; `event_type` is not
/// empty.
pub fn gateway(event_type: &str, data: Option<Value>, id: &str, time: &str) -> Event {
    let mut text = String::from("{");
    if let Some(data) = data {
        member(&mut text, "data", &data);
        text.push(',');
    }
    for (name, value) in [("id", id), ("source", SOURCE), ("specversion", "0.2")] {
        member(&mut text, name, &Value::from(value));
        text.push(',');
    }
    member(&mut text, "time", &Value::from(time));
    text.push(',');
    member(&mut text, "type", &Value::from(event_type));
    text.push('}');
    Event {
        text: Bytes::from(text.into_bytes().into_boxed_slice()),
        event_type: event_type.into(),
        id: id.into(),
        is_ambiguous: false,
        outline: OnceLock::new(),
    }
}

fn member(text: &mut String, name: &str, value: &Value) {
    // Writing to a string cannot fail.
    let _infallible = write!(text, "\"{name}\":{value}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::Event, gateway};

    #[test]
    fn an_event_of_the_gateway_is_composed_as_it_always_was() {
        let event = gateway(
            "rig.connection.create",
            Some(json!({"connection_token": "abc"})),
            "2b6cff8f-2a5b-4b1c-9a3e-7f6a2d1b9c55",
            "2026-11-24T08:52:33.000001+00:00",
        );
        assert_eq!(
            event.text,
            r#"{"data":{"connection_token":"abc"},"id":"2b6cff8f-2a5b-4b1c-9a3e-7f6a2d1b9c55","source":"rig","specversion":"0.2","time":"2026-11-24T08:52:33.000001+00:00","type":"rig.connection.create"}"#
        );
        assert_eq!(Event::parse(event.text.clone()).unwrap(), event);
    }

    #[test]
    fn an_event_without_data_has_no_such_member() {
        let event = gateway("rig.session_killed", None, "i", "t");
        assert_eq!(
            event.text,
            r#"{"id":"i","source":"rig","specversion":"0.2","time":"t","type":"rig.session_killed"}"#
        );
        assert_eq!(&*event.event_type, "rig.session_killed");
        assert_eq!(&*event.id, "i");
    }
}

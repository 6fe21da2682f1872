//! What stories about events ask of a gateway besides opening connections.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Request, ask},
    gateway::{Builder, Gateway},
    issuer::hs256,
};

/// The secret of all tokens here.
pub(crate) const SECRET: &str = "mysecret";

/// A gateway that knows [`SECRET`].
pub(crate) fn builder() -> Builder {
    Gateway::builder().env("JWT_SECRET_KEY", SECRET)
}

/// The same, running.
pub(crate) fn start() -> Gateway {
    run(builder())
}

/// A running gateway.
pub(crate) fn run(builder: Builder) -> Gateway {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

/// A valid token with these claims.
pub(crate) fn token(claims: Value) -> String {
    hs256(SECRET, claims)
}

/// The query that subscribes to these.
pub(crate) fn subscriptions(list: &Value) -> String {
    format!("subscriptions={}", encoded(&list.to_string()))
}

/// The query that subscribes to all events of these types.
pub(crate) fn types(types: &[&str]) -> String {
    let list = types.iter().map(|name| json!({ "eventType": name }));
    subscriptions(&list.collect())
}

/// Percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The path of a connection's subscriptions.
pub(crate) fn path(kind: &str, connection_token: &str) -> String {
    format!("/_rig/v1/connection/{kind}/{connection_token}/subscriptions")
}

// === impl Gateway ===

impl Gateway {
    /// Submits an event of this type and id on the management port.
    pub(crate) fn submit(&self, event_type: &str, id: &str) {
        self.submit_event(event_type, id, json!({}));
    }

    /// The same with data.
    pub(crate) fn submit_event(&self, event_type: &str, id: &str, data: Value) {
        let event = json!({
            "specversion": "0.2", "type": event_type, "id": id, "source": "/test", "data": data,
        });
        let request = Request::json("POST", "/v3/messages", &event);
        let answer = ask(self.api(), &request).expect("an answer");
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Replaces a connection's subscriptions, with these additional headers.
    pub(crate) fn subscribe_with(
        &self,
        connection_token: &str,
        list: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = json!({ "subscriptions": list });
        let mut request = Request::json("PUT", &path("sse", connection_token), &body);
        for (name, value) in headers {
            request = request.with(name, value);
        }
        ask(self.inbound(), &request).expect("an answer")
    }

    /// Replaces a connection's subscriptions by all events of these types.
    pub(crate) fn subscribe(&self, connection_token: &str, types: &[&str]) {
        let list = types.iter().map(|name| json!({ "eventType": name }));
        let answer = self.subscribe_with(connection_token, &list.collect(), &[]);
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// Revokes a session.
    pub(crate) fn revoke(&self, session: &str) {
        let body = json!({ "sessionId": session, "validityInSeconds": 60 });
        let request = Request::json("POST", "/v3/session-blacklist", &body);
        let answer = ask(self.api(), &request).expect("an answer");
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Waits until so many connections of this transport are open.
    pub(crate) fn until_open(&self, transport: &str, count: u32) {
        let name = format!("rig_connections_current{{type=\"{transport}\"}}");
        self.until_metric_is(&name, f64::from(count));
    }

    /// Waits until so many connections of this transport have ended for this reason.
    pub(crate) fn until_ended(&self, transport: &str, reason: &str, count: u32) {
        let name = "rig_connections_closed_total";
        let name = format!("{name}{{reason=\"{reason}\",type=\"{transport}\"}}");
        self.until_metric_is(&name, f64::from(count));
    }
}

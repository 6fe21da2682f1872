//! Events that the gateway itself creates for one line (spec: `events.md` 5.5).

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::core::{
    event::{Event, gateway},
    subscription::{self, Subscription},
};

/// First event of every connection.
pub fn connection_create(token: &str) -> Arc<Event> {
    create(
        "rig.connection.create",
        Some(json!({ "connection_token": token })),
    )
}

/// What the connection is subscribed to from now on.
pub fn subscriptions_set(subscriptions: &[Subscription]) -> Arc<Event> {
    create(
        "rig.subscriptions_set",
        Some(subscription::to_json(subscriptions)),
    )
}

/// The connection ends because its session was revoked.
pub fn session_killed() -> Arc<Event> {
    create("rig.session_killed", None)
}

/// The connection ends because its token has expired.
pub fn token_expired() -> Arc<Event> {
    create("rig.token_expired", None)
}

/// Events may be missing between these two positions (names.md: gap event).
pub fn gap(from: &str, to: &str) -> Arc<Event> {
    create("rig.gap", Some(json!({ "from": from, "to": to })))
}

fn create(event_type: &str, data: Option<Value>) -> Arc<Event> {
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, false);
    let id = uuid(fastrand::u128(..));
    Arc::new(gateway(event_type, data, &id, &time))
}

/// A random UUID (RFC 9562, 5.4). It has to be unique, not secret.
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}

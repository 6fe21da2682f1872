//! What is remembered about a connection on all nodes, so that what a PUT set survives a reconnect
//! anywhere.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    core::{
        session::Name,
        subscription::{self, Subscription, list},
    },
    http::inbound::events::{
        frame::KEY_CHARS,
        reception::{Reception, now},
    },
};

/// A connection's manual state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// All its subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// The sessions it belongs to.
    pub sessions: Vec<Name>,
    /// The second since 1970 at which it ends.
    pub expires: Option<u64>,
}

// === impl Memo ===

impl Memo {
    /// Has all nodes remember it.
    pub fn remember(&self, reception: &Reception, key: &[u8; KEY_CHARS]) {
        let sessions: Vec<&str> = self.sessions.iter().map(Name::as_str).collect();
        let memo = json!({
            "subscriptions": subscription::to_json(&self.subscriptions),
            "sessions": sessions,
            "expires": self.expires,
        });
        let value = Bytes::from(memo.to_string());
        reception.hub.remember(Bytes::copy_from_slice(key), value);
    }

    /// What is remembered; nothing if one of its sessions is revoked, or its time is over.
    pub async fn recall(reception: &Reception, key: &[u8; KEY_CHARS]) -> Option<Self> {
        let value = reception.hub.recall(Bytes::copy_from_slice(key)).await?;
        let memo: Value = serde_json::from_slice(&value).ok()?;
        let sessions = memo.get("sessions")?.as_array()?;
        let memo = Self {
            subscriptions: list::rewritten(memo.get("subscriptions")?).ok()?,
            sessions: sessions
                .iter()
                .map(|name| Name::new(name.as_str()?))
                .collect::<Option<_>>()?,
            expires: memo.get("expires").and_then(Value::as_u64),
        };
        let is_revoked = |name| reception.gate.is_revoked(name);
        let is_over = memo.expires.is_some_and(|second| second <= now());
        (!is_over && !memo.sessions.iter().any(is_revoked)).then_some(memo)
    }
}

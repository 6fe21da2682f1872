//! The rows of the table about events and their connections (spec: `config.md`, `names.md`).
//!
//! What they mean together is checked in `config::events`.

use crate::config::settings::{
    Setting,
    defaults::{
        CONNECTIONS_PER_MINUTE, DEFAULT_CONNECTION_QUEUE_BYTES, DEFAULT_JWT_SESSION_FIELD,
        DEFAULT_MAX_CONNECTIONS_PER_MINUTE, DEFAULT_PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT,
        DEFAULT_REPLAY_BUFFER_BYTES, PROXY_TIME, QUEUE_BYTES, REPLAY_BYTES,
    },
    kind::{Kind, NO_CHECK},
};

/// The word of `SUBMISSION_ACK` for this node alone.
pub const LOCAL: &str = "local";

/// The word of `SUBMISSION_ACK` for another member as well.
pub const CLUSTER: &str = "cluster";

/// In the order they are shown.
pub(super) const EVENTS: &[Setting] = &[
    Setting::new(
        "SUBSCRIPTION_CHECK",
        Kind::Check,
        NO_CHECK,
        "Who may subscribe: everybody, who has a valid token, or whom a service behind a URL allows",
    ),
    Setting::new(
        "SUBMISSION_CHECK",
        Kind::Check,
        NO_CHECK,
        "Who may submit events on the proxy's ports, in the same way; the management API is not \
         asked",
    ),
    Setting::unset(
        "EXTRACTORS",
        Kind::Extractors,
        "Fields that constraints of subscriptions can name, and the claims that subscribe by \
         themselves: a file, as given or below priv/, or the JSON itself",
    ),
    Setting::new(
        "JWT_SESSION_FIELD",
        Kind::JsonPointer,
        DEFAULT_JWT_SESSION_FIELD,
        "Where in a token's claims the name of its session is, which the session blacklist holds",
    ),
    Setting::new(
        "MAX_CONNECTIONS_PER_MINUTE",
        CONNECTIONS_PER_MINUTE,
        DEFAULT_MAX_CONNECTIONS_PER_MINUTE,
        "New event connections in a minute, all transports together; then 429",
    ),
    Setting::new(
        "CONNECTION_QUEUE_BYTES",
        QUEUE_BYTES,
        DEFAULT_CONNECTION_QUEUE_BYTES,
        "Events that may wait for one connection; a client that reads slower is disconnected and can \
         resume",
    ),
    Setting::new(
        "REPLAY_BUFFER_BYTES",
        REPLAY_BYTES,
        DEFAULT_REPLAY_BUFFER_BYTES,
        "Events this node keeps for clients that come back; what is older is reported as a gap",
    ),
    Setting::new(
        "SUBMISSION_ACK",
        Kind::OneOf(&[LOCAL, CLUSTER]),
        LOCAL,
        "When an event is accepted (202): once this node holds it, or only once another member of \
         the cluster does too",
    ),
    Setting::new(
        "PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT",
        PROXY_TIME,
        DEFAULT_PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT,
        "How long a client waits for an answer that comes by a later request (response_from: \
         http_async)",
    ),
];

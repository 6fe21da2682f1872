//! Who may open a connection, and with what: the checks of `events.md` 5.4, in their order.
//!
//! The same for all transports; how a refusal is told is theirs.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::{
    core::{
        auth::claims::Claims,
        session::Name,
        subscription::{Subscription, extractors, fault::Door, list, to_json, union},
    },
    http::inbound::events::{
        checks::Checks,
        frame::KEY_CHARS,
        memo::Memo,
        reception::{Reception, now},
        resume::{Resume, last_event_id},
        ticket::Ticket,
        token::Address,
    },
};

/// The header in which browsers say what they saw last.
const LAST_EVENT_ID: &str = "last-event-id";

/// What a client asks for.
#[derive(Debug, Default)]
pub struct Wish {
    jwt: Option<String>,
    subscriptions: Option<String>,
    last_event_id: Option<String>,
    connection_token: Option<String>,
    /// The client has been let in before; only what is remembered counts.
    is_continued: bool,
}

/// A client that is let in.
#[derive(Debug)]
pub struct Admitted {
    /// All it is subscribed to at first.
    pub subscriptions: Vec<Subscription>,
    /// Sessions it belongs to.
    pub sessions: Vec<Name>,
    /// Second since 1970 at which its token expires.
    pub expires: Option<u64>,
    /// Where it was before.
    pub resume: Option<Resume>,
    /// The subscriptions cannot be found in a later request of the client.
    pub to_remember: bool,
    /// They are those of an earlier connection.
    pub is_restored: bool,
}

/// A client that is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// For transports that have one.
    pub status: StatusCode,
    /// For the client.
    pub text: String,
    /// For metrics.
    pub reason: &'static str,
}

// === impl Refused ===

impl Refused {
    /// 400, with this text.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            text: text.into(),
            reason: "bad_request",
        }
    }

    fn denied() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            text: "Subscription denied (not authorized).".to_owned(),
            reason: "denied",
        }
    }

    fn rate() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            text: "Reached maximum number of connections".to_owned(),
            reason: "rate",
        }
    }

    /// 503, for this reason.
    pub fn unavailable(reason: &'static str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: "Service unavailable.".to_owned(),
            reason,
        }
    }
}

// === impl Wish ===

impl Wish {
    /// Reads query and headers; empty parameters are absent.
    ///
    /// # Errors
    /// The query's percent-encoding is broken.
    pub fn read(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Refused> {
        let mut wish = Self::default();
        for (name, value) in pairs(query.unwrap_or_default()) {
            let (name, value) = (decoded(name)?, decoded(value)?);
            let place = match &*name {
                "jwt" => &mut wish.jwt,
                "subscriptions" => &mut wish.subscriptions,
                "last_event_id" => &mut wish.last_event_id,
                "connection_token" => &mut wish.connection_token,
                _ => continue,
            };
            if place.is_none() && !value.is_empty() {
                *place = Some(value.into_owned());
            }
        }
        if let Some(id) = headers.get(LAST_EVENT_ID)
            && let Ok(id) = std::str::from_utf8(id.as_bytes())
            && !id.is_empty()
        {
            wish.last_event_id = Some(id.to_owned());
        }
        Ok(wish)
    }

    /// The wish of a long-polling client that continues here what a node that is gone began.
    pub fn continued(ticket: &Ticket) -> Self {
        Self {
            last_event_id: Some(last_event_id(&ticket.position, &ticket.address.key)),
            is_continued: true,
            ..Self::default()
        }
    }

    /// Goes through all checks.
    ///
    /// # Errors
    /// The first that fails.
    pub async fn admit(
        self,
        reception: &Reception,
        checks: &Checks,
        door: Door,
    ) -> Result<Admitted, Refused> {
        if !reception.gate.is_open() {
            return Err(Refused::unavailable("starting"));
        }
        let list = match &self.subscriptions {
            Some(text) => Some(
                list::decode(text, door).map_err(|fault| Refused::bad_request(fault.text(door)))?,
            ),
            None => None,
        };
        let claims = match &self.jwt {
            Some(jwt) => Some(verify(reception, jwt).await?),
            None => None,
        };
        let extractors = reception.extractors.load_full();
        let inferred = match &claims {
            Some(claims) => extractors.infer(&object(claims)),
            None => Vec::new(),
        };
        let named = match &list {
            Some(list) => parsed(list, &extractors, door)?,
            None => Vec::new(),
        };
        let resume = self.resume(reception);
        let memo = match &resume {
            Some((_, Some(key))) => Memo::recall(reception, key).await,
            Some((_, None)) | None => None,
        };
        let asked = match (&memo, list.is_some()) {
            (Some(_), _) if self.is_continued => None,
            (Some(memo), _) => Some(memo.subscriptions.as_slice()),
            (None, true) => Some(named.as_slice()),
            (None, false) => None,
        };
        if let Some(asked) = asked {
            let asked = json!({ "subscriptions": to_json(asked) });
            let asked = Bytes::from(asked.to_string());
            if !checks.connecting(self.jwt.as_deref(), asked).await {
                return Err(Refused::denied());
            }
        }
        if !reception.rate.admit(now()) {
            return Err(Refused::rate());
        }
        // A long-polling client says only once what it wants.
        let is_restored = memo.is_some();
        let to_remember = is_restored || door == Door::LongPolling;
        let mut sessions: Vec<Name> = claims
            .iter()
            .filter_map(|claims| reception.gate.session(claims))
            .collect();
        let mut expires = claims.as_ref().map(Claims::expires);
        let subscriptions = match memo {
            Some(memo) => {
                sessions.extend(memo.sessions);
                // A new token counts from now on; without one, the time goes on that the old one had.
                expires = expires.or(memo.expires);
                memo.subscriptions
            }
            None => union(inferred, named),
        };
        Ok(Admitted {
            subscriptions,
            sessions,
            expires,
            resume: resume.map(|(resume, _key)| resume),
            to_remember,
            is_restored,
        })
    }

    /// Where the client was, and under which key its subscriptions may be remembered.
    fn resume(&self, reception: &Reception) -> Option<(Resume, Option<[u8; KEY_CHARS]>)> {
        let text = self.last_event_id.as_ref()?;
        let token = self.connection_token.as_ref();
        let address = token.and_then(|token| Address::open(token, &reception.sealer).ok());
        let address = address.map(|(address, _seen)| address);
        let (resume, key) = Resume::read(text, address.map(|address| address.node));
        Some((resume, key.or(address.map(|address| address.key))))
    }
}

async fn verify(reception: &Reception, jwt: &str) -> Result<Claims, Refused> {
    reception
        .gate
        .verify(jwt)
        .await
        .map_err(|rejection| Refused {
            status: StatusCode::BAD_REQUEST,
            text: format!("could not parse subscriptions: could not decode JWT: {rejection}"),
            reason: "token",
        })
}

/// The claims as JSON; a valid token's are an object.
pub fn object(claims: &Claims) -> Value {
    match claims.value() {
        Ok(claims) => extractors::merged([claims]),
        Err(_unreadable) => json!({}),
    }
}

fn parsed(
    list: &Value,
    extractors: &extractors::Extractors,
    door: Door,
) -> Result<Vec<Subscription>, Refused> {
    let subscriptions =
        list::parse(list).map_err(|fault| Refused::bad_request(fault.text(door)))?;
    extractors
        .check(&subscriptions)
        .map_err(|fault| Refused::bad_request(fault.text(door)))?;
    Ok(subscriptions)
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// One part of a query, `application/x-www-form-urlencoded`.
fn decoded(part: &str) -> Result<Cow<'_, str>, Refused> {
    let broken = || Refused::bad_request("The query string is not percent-encoded correctly.");
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let is_escape = [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()));
            if !is_escape {
                return Err(broken());
            }
        }
    }
    let part: Cow<'_, str> = if part.contains('+') {
        part.replace('+', " ").into()
    } else {
        part.into()
    };
    match part {
        Cow::Borrowed(part) => percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .map_err(|_no_text| broken()),
        Cow::Owned(part) => percent_encoding::percent_decode_str(&part)
            .decode_utf8()
            .map(|text| Cow::Owned(text.into_owned()))
            .map_err(|_no_text| broken()),
    }
}

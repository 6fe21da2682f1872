//! What a long-polling client's cookies say: which session is its own, and how far it is
//! (spec: `events.md` 5.6).
//!
//! `last_event_id` is as the original wrote it. How many events the client has, and where in the
//! cluster that is, stands sealed in `connection_token` behind the [`Address`]: another node may need
//! it, and ids can repeat.

use http::HeaderMap;

use crate::http::{
    inbound::events::{
        cookies::{cookie, cookie_id, quoted, set_cookie},
        mailbox::Seen,
        reception::{PollOrder, Polled},
        resume::position_of,
        token::Address,
    },
    sealer::Sealer,
};

/// The cookie that names the session.
const CONNECTION_TOKEN: &str = "connection_token";

/// The cookie with the last event's id, as JSON.
const LAST_EVENT_ID: &str = "last_event_id";

/// Longest position in a cookie, in bytes: of about a hundred nodes. Sealed it must not be longer than a
/// token may be ([`crate::core::seal::TOKEN_BYTES_MAX`]). The id of an event can be longer, too.
const POSITION_BYTES_MAX: usize = 2_000;

/// A session, and how far its client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Where the session is.
    pub address: Address,
    /// What the client has.
    pub seen: Seen,
    /// Where in the cluster it is then ([`crate::http::inbound::events::resume`]).
    pub position: String,
}

// === impl Ticket ===

impl Ticket {
    /// How far a client is that was given `polled`.
    pub fn after(address: Address, polled: &Polled) -> Self {
        Self {
            address,
            seen: Seen {
                id: Some(polled.last.clone()),
                number: Some(polled.number),
            },
            position: polled.cursor.clone(),
        }
    }

    /// What the cookies say; `None` if they name no session that could have been ours.
    pub fn read(headers: &HeaderMap, sealer: &Sealer) -> Option<Self> {
        let token = cookie(headers, CONNECTION_TOKEN)?;
        let id: Option<String> =
            cookie(headers, LAST_EVENT_ID).and_then(|last| serde_json::from_str(last).ok());
        let (address, behind) = Address::open(token, sealer).ok()?;
        let (number, position) = match behind.split_first_chunk() {
            Some((number, position)) => (
                Some(u64::from_be_bytes(*number)),
                String::from_utf8(position.to_vec()).ok()?,
            ),
            // The token of `rig.connection.create`, from a client that keeps no cookies of ours.
            None => (None, position_of(id.as_deref().unwrap_or_default())),
        };
        Some(Self {
            address,
            seen: Seen { id, number },
            position,
        })
    }

    /// Has the client keep it.
    pub fn write(&self, headers: &mut HeaderMap, sealer: &Sealer) {
        // Without it, another node tells the client of a gap.
        let position = match self.position.len() {
            ..=POSITION_BYTES_MAX => self.position.as_str(),
            _ => "",
        };
        let mut behind = self.seen.number.unwrap_or_default().to_be_bytes().to_vec();
        behind.extend_from_slice(position.as_bytes());
        let token = self.address.seal_with(&behind, sealer);
        set_cookie(headers, CONNECTION_TOKEN, &token);
        let id = self.seen.id.as_deref().unwrap_or_default();
        set_cookie(headers, LAST_EVENT_ID, &quoted(&cookie_id(id)));
    }

    /// What to ask of the session.
    pub fn order(&self) -> PollOrder {
        PollOrder {
            line: self.address.line,
            key: self.address.key,
            seen: self.seen.clone(),
            waits: true,
            bytes_max: usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{
        HeaderValue,
        header::{COOKIE, SET_COOKIE},
    };

    use super::*;
    use crate::{
        core::{hub::position::NodeId, seal::Purpose},
        http::{inbound::events::seats::LineId, sealer::Secret},
    };

    /// What a client sends that keeps `cookies` in which `change` was made.
    fn sent(ticket: &Ticket, sealer: &Sealer, change: impl Fn(&str) -> String) -> HeaderMap {
        let mut answer = HeaderMap::new();
        ticket.write(&mut answer, sealer);
        let mut request = HeaderMap::new();
        for cookie in answer.get_all(SET_COOKIE) {
            let (pair, _rest) = cookie
                .to_str()
                .expect("text")
                .split_once(';')
                .expect("path");
            let pair = change(pair);
            request.append(COOKIE, HeaderValue::try_from(pair).expect("header"));
        }
        request
    }

    fn sealer() -> Sealer {
        Sealer::new(&Secret::shared(b"secret"), Purpose::Connection)
    }

    fn ticket() -> Ticket {
        Ticket {
            address: Address {
                node: NodeId::new(1),
                desk: 2,
                line: LineId::from_u64(3),
                key: [b'k'; 16],
            },
            seen: Seen {
                id: Some("e.1".to_owned()),
                number: Some(4),
            },
            position: "cursor".to_owned(),
        }
    }

    #[test]
    fn the_client_brings_back_what_it_was_given() {
        let sealer = sealer();
        for length in [0, 6, POSITION_BYTES_MAX] {
            let ticket = Ticket {
                position: "c".repeat(length),
                ..ticket()
            };
            let request = sent(&ticket, &sealer, str::to_owned);
            assert_eq!(Ticket::read(&request, &sealer), Some(ticket));
        }
        let too_long = Ticket {
            position: "~".repeat(POSITION_BYTES_MAX + 1),
            ..ticket()
        };
        let request = sent(&too_long, &sealer, str::to_owned);
        let read = Ticket::read(&request, &sealer).expect("a ticket");
        assert_eq!((read.address, &*read.position), (too_long.address, ""));
    }

    #[test]
    fn the_token_of_another_connection_names_its_session_too() {
        let sealer = sealer();
        let token = ticket().address.seal(&sealer);
        let request = sent(&ticket(), &sealer, |pair| match pair.split_once('=') {
            Some(("connection_token", _)) => format!("connection_token={token}"),
            _ => pair.to_owned(),
        });
        let read = Ticket::read(&request, &sealer).expect("a ticket");
        assert_eq!(read.address, ticket().address);
        assert_eq!((read.seen.number, &*read.position), (None, "~ZS4x"));
    }
}

//! The attributes an event must have, by version (spec: `events.md` 5.2; CloudEvents 1.0.2, 3.1).
//!
//! Deliberately absent: all other attributes. They are the submitter's and are passed on unseen.

use std::{borrow::Cow, ops::Range, sync::Arc};

use super::{
    EventFault,
    json::{self, Piece, Sink},
};

/// A version of CloudEvents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 0.1
    V01,
    /// 0.2
    V02,
    /// 1.0
    V10,
}

/// What is remembered of an event besides its text.
#[derive(Debug)]
pub(super) struct Head {
    /// Its type; never empty.
    pub(super) event_type: Arc<str>,
    /// Its id; a number or boolean as it is written.
    pub(super) id: Arc<str>,
    /// A member that is looked at is there more than once.
    pub(super) is_ambiguous: bool,
}

/// The members of an event that are looked at.
const NAMES: [&str; 7] = [
    "specversion",
    "type",
    "id",
    "source",
    "cloudEventsVersion",
    "eventType",
    "eventID",
];

/// A member's value: how it begins, and where it stands.
type Found = (Piece, Range<usize>);

/// Notes the members with one of [`NAMES`], each the first time.
struct Members<'t> {
    text: &'t str,
    depth: usize,
    is_object: bool,
    /// The member whose value comes next, as its place in `found`.
    awaited: Option<usize>,
    found: [Option<Found>; NAMES.len()],
    is_repeated: bool,
}

/// Reads the attributes of the event with this text.
pub(super) fn read(text: &[u8]) -> Result<Head, EventFault> {
    let text = json::utf8(text).map_err(|_fault| EventFault::NotJson)?;
    let mut members = Members {
        text,
        depth: 0,
        is_object: false,
        awaited: None,
        found: Default::default(),
        is_repeated: false,
    };
    let read = json::read(text, &mut members);
    let version = members.version();
    match (read, version) {
        (Ok(()), Some(version)) => members.head(version),
        (Ok(()), None) if members.is_object => Err(EventFault::UnknownVersion),
        (Ok(()), None) => Err(EventFault::NotAnObject),
        (Err(fault), Some(_)) => Err(EventFault::Broken(fault)),
        (Err(_fault), None) => Err(EventFault::NotJson),
    }
}

// === impl Members ===

impl Sink for Members<'_> {
    fn take(&mut self, piece: Piece, at: Range<usize>) -> bool {
        match piece {
            Piece::ObjectEnd | Piece::ArrayEnd => {
                self.depth = self.depth.saturating_sub(1);
                return true;
            }
            Piece::Name if self.depth == 1 => {
                let name = self.text.get(at).and_then(json::unquoted);
                self.awaited = name.and_then(|name| place(&name));
                return true;
            }
            Piece::Name
            | Piece::ObjectBegin
            | Piece::ArrayBegin
            | Piece::String
            | Piece::Number
            | Piece::Boolean
            | Piece::Null => {}
        }
        if let Some(awaited) = self.awaited.take()
            && let Some(found) = self.found.get_mut(awaited)
        {
            self.is_repeated |= found.is_some();
            found.get_or_insert((piece, at));
        }
        if matches!(piece, Piece::ObjectBegin | Piece::ArrayBegin) {
            self.is_object |= self.depth == 0 && piece == Piece::ObjectBegin;
            self.depth += 1;
        }
        true
    }
}

impl<'t> Members<'t> {
    fn version(&self) -> Option<Version> {
        match self.string("specversion").as_deref() {
            Some("1.0") => Some(Version::V10),
            Some("0.2") => Some(Version::V02),
            Some(_) | None => {
                let old = self.string("cloudEventsVersion");
                (old.as_deref() == Some("0.1")).then_some(Version::V01)
            }
        }
    }

    fn head(&self, version: Version) -> Result<Head, EventFault> {
        let (event_type, id) = match version {
            Version::V10 => {
                self.text_of("source")?;
                (self.text_of("type")?, self.text_of("id")?)
            }
            Version::V02 => (self.text_of("type")?, self.scalar_of("id")?),
            Version::V01 => (self.text_of("eventType")?, self.scalar_of("eventID")?),
        };
        Ok(Head {
            event_type: event_type.into(),
            id: id.into(),
            is_ambiguous: self.is_repeated,
        })
    }

    /// A required attribute that must be a non-empty string.
    fn text_of(&self, attribute: &'static str) -> Result<Cow<'t, str>, EventFault> {
        if self.member(attribute).is_none() {
            return Err(EventFault::Missing(attribute));
        }
        self.string(attribute)
            .filter(|text| !text.is_empty())
            .ok_or(EventFault::Invalid {
                attribute,
                wanted: "a non-empty string",
            })
    }

    /// A required attribute that may be of any kind a subscriber can print (spec: `events.md` 5.2).
    fn scalar_of(&self, attribute: &'static str) -> Result<Cow<'t, str>, EventFault> {
        match self.member(attribute) {
            Some((Piece::Number | Piece::Boolean, at)) => {
                let text = self.text.get(at.clone()).unwrap_or_default();
                Ok(Cow::Borrowed(text))
            }
            Some((Piece::String, _)) => self.text_of(attribute),
            None => Err(EventFault::Missing(attribute)),
            Some(_) => Err(EventFault::Invalid {
                attribute,
                wanted: "a non-empty string or a number",
            }),
        }
    }

    fn string(&self, name: &str) -> Option<Cow<'t, str>> {
        match self.member(name)? {
            (Piece::String, at) => json::unquoted(self.text.get(at.clone())?),
            _ => None,
        }
    }

    fn member(&self, name: &str) -> Option<&Found> {
        self.found.get(place(name)?)?.as_ref()
    }
}

fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

//! Whether the numbers of a message can be counted on from: none that stands for a position, a version
//! or a round is above `cursor::SEQ_MAX`, which no node reaches. So `+ 1` is safe everywhere behind
//! this. Depends on `wire`, `cursor`. Deliberately absent: times, which are only compared or added with
//! saturation.

use super::{Answer, Batch, Events, EventsWanted, Hello, Interest, Memo, Numbered, Request};
use crate::core::hub::cursor::SEQ_MAX;

/// A message that can be checked.
pub(in crate::core::hub) trait Sound {
    /// Whether all its numbers are possible.
    fn is_sound(&self) -> bool;
}

impl Sound for Request {
    fn is_sound(&self) -> bool {
        match self {
            Self::Hello(hello) => hello.is_sound(),
            Self::Interest(interest) => interest.is_sound(),
            Self::Batch(batch) => batch.is_sound(),
            Self::Events(wanted) => wanted.is_sound(),
            Self::Memos(memos) => memos.iter().all(Sound::is_sound),
            Self::Farewell { node: _, head } => is_possible(*head),
            Self::Locate(_)
            | Self::Recall(_)
            | Self::Carry { .. }
            | Self::Revoke(_)
            | Self::Compare(..)
            | Self::Bucket { .. } => true,
        }
    }
}

impl Sound for Answer {
    fn is_sound(&self) -> bool {
        match self {
            Self::Hello(hello) => hello.is_sound(),
            Self::Known { version, head, .. } => is_possible(*version) && is_possible(*head),
            Self::Took { have, kept } => is_possible(*have) && is_possible(kept.unwrap_or(0)),
            Self::Stale { version } => is_possible(*version),
            Self::Events(events) => events.is_sound(),
            Self::Memo(memo) => memo.is_sound(),
            Self::Later
            | Self::Done
            | Self::Unknown
            | Self::Located(_)
            | Self::Carried(_)
            | Self::Differing(_)
            | Self::Bucket { .. } => true,
        }
    }
}

impl Sound for Hello {
    fn is_sound(&self) -> bool {
        is_possible(self.head)
    }
}

impl Sound for Interest {
    fn is_sound(&self) -> bool {
        let have = self.have.unwrap_or(0);
        [have, self.version, self.round]
            .into_iter()
            .all(is_possible)
    }
}

impl Sound for Batch {
    fn is_sound(&self) -> bool {
        let (lost, keep) = (self.lost.unwrap_or(0), self.keep.unwrap_or(0));
        [self.version, self.from, self.to, lost, keep]
            .into_iter()
            .all(is_possible)
            && self.events.iter().all(Sound::is_sound)
    }
}

impl Sound for EventsWanted {
    fn is_sound(&self) -> bool {
        is_possible(self.after) && is_possible(self.version.unwrap_or(0))
    }
}

impl Sound for Events {
    fn is_sound(&self) -> bool {
        is_possible(self.from) && is_possible(self.to) && self.events.iter().all(Sound::is_sound)
    }
}

impl Sound for Numbered {
    fn is_sound(&self) -> bool {
        is_possible(self.seq)
    }
}

impl Sound for Memo {
    fn is_sound(&self) -> bool {
        is_possible(self.version)
    }
}

const fn is_possible(number: u64) -> bool {
    number <= SEQ_MAX
}

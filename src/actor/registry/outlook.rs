//! What this node sees of its cluster over time, beyond what the replica needs: since when a member's
//! registry differs, whose clock is off, whose connection was refused, whether the port is open, and
//! what the own file said (cluster.md, part 8). Time is an argument. Deliberately absent: deciding
//! anything; nothing here travels.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

use crate::core::{
    replica::{
        id::{ApiId, PeerId},
        members::Member,
    },
    version::Version,
};

/// A root that this node had so long ago, in milliseconds, still counts as equal: a member tells its
/// root every 5 s, so it may tell one that is so old, and one notice may get lost.
const ROOTS_KEPT_MS: u64 = 10_000;

/// Roots remembered: a change every 5 ms in that time.
const ROOTS_MAX: usize = 2_048;

/// A refusal is shown for so long, in milliseconds. Both ends try again every few seconds, and the
/// network part tells of each address once a minute.
const REFUSED_KEPT_MS: u64 = 3 * 60_000;

/// Refused addresses remembered; the oldest gives way.
const REFUSED_MAX: usize = 64;

/// A clock that is off by more than this, in milliseconds, is told of, once.
const CLOCK_OFF_MS: u64 = 1_000;

/// ... and again only after it was nearer than this.
const CLOCK_FINE_MS: u64 = 500;

/// The cluster port of this node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Port {
    /// There is no cluster.
    #[default]
    None,
    /// Not open yet.
    Opening,
    /// Others can connect.
    Open,
    /// Tried again every few seconds; the system's words.
    Failed(String),
    /// The node has left.
    Left,
}

/// A refused connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) address: IpAddr,
    pub(super) reason: &'static str,
    pub(super) words: String,
    /// Monotonic milliseconds.
    pub(super) at: u64,
}

/// A member over time.
#[derive(Debug, Clone, Copy, Default)]
struct Sighting {
    differs_since: Option<u64>,
    clock_told: bool,
}

/// Something to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClockOff {
    pub(super) name: String,
    /// The member's clock minus this node's, in milliseconds.
    pub(super) offset: i64,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    pub(super) port: Port,
    /// The definitions of the own file, as they were loaded.
    pub(super) filed: BTreeMap<ApiId, Version>,
    refused: VecDeque<Refused>,
    sightings: BTreeMap<PeerId, Sighting>,
    /// This node's roots, with the time from which on each was none any more; the last one still is.
    roots: VecDeque<(u64, u64)>,
    clock_offset: i64,
}

// === impl Outlook ===

impl Outlook {
    /// The members are these now, this node's root is `own_root`; what is news about clocks.
    pub(super) fn look<'a>(
        &mut self,
        own_root: u64,
        members: impl Iterator<Item = (&'a PeerId, &'a Member)>,
        now: u64,
    ) -> Vec<ClockOff> {
        self.had(own_root, now);
        let mut news = Vec::new();
        let mut seen = BTreeMap::new();
        self.clock_offset = 0;
        for (peer, member) in members {
            let mut sighting = self.sightings.get(peer).copied().unwrap_or_default();
            let known = member.presence.root;
            let equal = self.roots.iter().any(|(root, _)| *root == known);
            sighting.differs_since = (!equal).then(|| sighting.differs_since.unwrap_or(now));
            let offset = member.clock_offset;
            if offset.unsigned_abs() > CLOCK_OFF_MS && !sighting.clock_told {
                sighting.clock_told = true;
                let name = member.presence.name.clone();
                news.push(ClockOff { name, offset });
            }
            sighting.clock_told &= offset.unsigned_abs() >= CLOCK_FINE_MS;
            if offset.unsigned_abs() > self.clock_offset.unsigned_abs() {
                self.clock_offset = offset;
            }
            seen.insert(peer.clone(), sighting);
        }
        self.sightings = seen;
        news
    }

    /// This node and `peer` exchanged what differed: if they do again, it is from now on.
    pub(super) fn came_together(&mut self, peer: &PeerId, now: u64) {
        if let Some(sighting) = self.sightings.get_mut(peer)
            && sighting.differs_since.is_some()
        {
            sighting.differs_since = Some(now);
        }
    }

    /// Members whose registry differs.
    pub(super) fn differing(&self) -> usize {
        let differs = |sighting: &&Sighting| sighting.differs_since.is_some();
        self.sightings.values().filter(differs).count()
    }

    /// How long the one has differed that has for longest, in milliseconds.
    pub(super) fn differs_for(&self, now: u64) -> u64 {
        let since = self.sightings.values().filter_map(|one| one.differs_since);
        since.min().map_or(0, |since| now.saturating_sub(since))
    }

    /// The largest clock offset of a member, in milliseconds.
    pub(super) fn clock_offset(&self) -> i64 {
        self.clock_offset
    }

    /// A connection was refused.
    pub(super) fn refuse(&mut self, refused: Refused) {
        self.refused
            .retain(|one| (one.address, one.reason) != (refused.address, refused.reason));
        if self.refused.len() >= REFUSED_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(refused);
    }

    /// The addresses refused in the last minutes, the latest last.
    pub(super) fn refused(&mut self, now: u64) -> impl ExactSizeIterator<Item = &Refused> {
        self.refused.retain(|one| one.at + REFUSED_KEPT_MS > now);
        self.refused.iter()
    }

    /// How many entries of the file are not what is served: those whose API has a higher ref, and
    /// those that lost a vote.
    pub(super) fn file_deviations(
        &self,
        serving: impl Fn(&ApiId) -> Option<Version>,
    ) -> (i64, i64) {
        let (mut older_ref, mut outvoted) = (0, 0);
        for (id, filed) in &self.filed {
            match serving(id) {
                Some(served) if served.digest == filed.digest => {}
                Some(served) if served.ref_number > filed.ref_number => older_ref += 1,
                Some(_) | None => outvoted += 1,
            }
        }
        (older_ref, outvoted)
    }

    fn had(&mut self, own_root: u64, now: u64) {
        if let Some((_, until)) = self.roots.back_mut() {
            *until = now;
        }
        if self.roots.back().is_none_or(|(root, _)| *root != own_root) {
            self.roots.push_back((own_root, now));
        }
        while self.roots.len() > ROOTS_MAX
            || self
                .roots
                .front()
                .is_some_and(|(_, until)| until + ROOTS_KEPT_MS <= now)
        {
            self.roots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        digest::Digest,
        replica::{id::Voter, wire::Presence},
    };

    fn peer() -> PeerId {
        PeerId::new(b"p")
    }

    fn member(root: u64, clock_offset: i64) -> Member {
        let presence = Presence {
            peer: peer(),
            name: "b".to_owned(),
            software: "1".to_owned(),
            apis: 0,
            root,
            wall: 7,
        };
        Member {
            voter: Voter::of("c", "b"),
            incarnation: 1,
            established: true,
            presence,
            clock_offset,
            seen_at: 0,
        }
    }

    fn look(outlook: &mut Outlook, own_root: u64, member: &Member, now: u64) -> Vec<ClockOff> {
        let peer = peer();
        outlook.look(own_root, [(&peer, member)].into_iter(), now)
    }

    #[test]
    fn a_member_that_tells_a_root_of_a_moment_ago_does_not_differ() {
        let mut outlook = Outlook::default();
        let told = member(1, 0);
        look(&mut outlook, 1, &told, 0);
        // Changes here: its last notice is older than they are.
        for now in 1..=5 {
            look(&mut outlook, 1 + now, &told, now * 1_000);
        }
        assert_eq!((outlook.differing(), outlook.differs_for(5_000)), (0, 0));
        // It never followed.
        for now in [9_000, 12_000, 20_000] {
            look(&mut outlook, 6, &told, now);
        }
        assert_eq!(outlook.differing(), 1);
        assert_eq!(outlook.differs_for(20_000), 8_000);
        outlook.came_together(&peer(), 20_500);
        look(&mut outlook, 6, &told, 21_000);
        assert_eq!(outlook.differs_for(21_000), 500);
        look(&mut outlook, 6, &member(6, 0), 22_000);
        assert_eq!((outlook.differing(), outlook.differs_for(22_000)), (0, 0));
    }

    #[test]
    fn roots_are_remembered_within_a_bound() {
        let mut outlook = Outlook::default();
        for root in 0..10_000 {
            look(&mut outlook, root, &member(0, 0), 1);
        }
        assert_eq!(outlook.roots.len(), ROOTS_MAX);
    }

    #[test]
    fn a_clock_that_is_off_is_told_once_until_it_was_right_again() {
        let mut outlook = Outlook::default();
        let told: Vec<usize> = [0, 1_001, 1_500, 700, -1_200, 400, -1_200, -5_000]
            .map(|offset| look(&mut outlook, 0, &member(0, offset), 0).len())
            .to_vec();
        assert_eq!(told, [0, 1, 0, 0, 0, 0, 1, 0]);
        assert_eq!(outlook.clock_offset(), -5_000);
        outlook.look(0, std::iter::empty(), 1);
        assert_eq!(outlook.clock_offset(), 0);
    }

    #[test]
    fn refusals_are_shown_for_some_minutes_within_a_bound() {
        let mut outlook = Outlook::default();
        let refused = |last: u8, at: u64| Refused {
            address: IpAddr::from([10, 0, 0, last]),
            reason: "handshake",
            words: String::new(),
            at,
        };
        for at in 0..200 {
            outlook.refuse(refused(u8::try_from(at).unwrap(), at));
        }
        outlook.refuse(refused(199, 200));
        assert_eq!(outlook.refused(200).len(), REFUSED_MAX);
        assert_eq!(outlook.refused(199 + REFUSED_KEPT_MS).len(), 1);
        assert_eq!(outlook.refused(200 + REFUSED_KEPT_MS).len(), 0);
    }

    #[test]
    fn a_file_deviates_as_long_as_something_else_is_served() {
        let version = |ref_number, deleted: bool| Version {
            ref_number,
            digest: if deleted {
                Digest::DELETED
            } else {
                crate::core::digest::Body::from(&b"x"[..]).digest()
            },
        };
        let mut outlook = Outlook::default();
        outlook
            .filed
            .insert(ApiId::new("a").unwrap(), version(1, false));
        for (serving, expected) in [
            (Some(version(1, false)), (0, 0)),
            (Some(version(1, true)), (0, 1)),
            (Some(version(2, true)), (1, 0)),
            (Some(version(3, false)), (0, 0)),
        ] {
            assert_eq!(outlook.file_deviations(|_| serving), expected);
        }
    }
}

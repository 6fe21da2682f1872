//! Who is in the cluster, as far as this node knows (cluster.md, part 5): the processes whose
//! presence notice it holds, not only its direct neighbours. Depends on `id`, `round`.
//! Deliberately absent: connections themselves, sending notices.

use std::collections::BTreeMap;

use super::{
    id::{PeerId, Voter},
    limits::HEARSAY_MAX,
    round::Round,
    wire::{Hearsay, Presence, Sender},
};

/// Another process of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its vote.
    pub voter: Voter,
    /// Its process start.
    pub incarnation: u64,
    /// Whether its membership was calm once.
    pub established: bool,
    /// Its last notice; its root is of the last comparison if that was later.
    pub presence: Presence,
    /// Its wall clock minus ours, in milliseconds, when the notice came.
    pub clock_offset: i64,
    /// When it last said anything (monotonic).
    pub seen_at: u64,
}

/// An open connection.
#[derive(Debug, Clone, Copy)]
struct Link {
    opened_at: u64,
    /// Whether a sync over it succeeded.
    synced: bool,
}

/// The members and the open connections.
#[derive(Debug, Clone, Default)]
pub struct Members {
    members: BTreeMap<PeerId, Member>,
    links: BTreeMap<PeerId, Link>,
    /// When a connection closed: older hearsay about its peer is outdated.
    closed: BTreeMap<PeerId, u64>,
    changed_at: u64,
    heard_established: bool,
}

// === impl Members ===

impl Members {
    /// Nobody yet; calm is counted from `started_at`.
    pub fn new(started_at: u64) -> Self {
        Self {
            changed_at: started_at,
            ..Self::default()
        }
    }

    /// All members in peer order.
    pub fn iter(&self) -> impl Iterator<Item = (&PeerId, &Member)> {
        self.members.iter()
    }

    /// One member.
    pub fn get(&self, peer: &PeerId) -> Option<&Member> {
        self.members.get(peer)
    }

    /// Number of members, this node not counted.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether this node knows nobody.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Peers with an open connection, in order.
    pub fn links(&self) -> impl Iterator<Item = &PeerId> {
        self.links.keys()
    }

    /// Whether there is a connection to `peer`.
    pub fn linked(&self, peer: &PeerId) -> bool {
        self.links.contains_key(peer)
    }

    /// Whether an established node was heard in this life (rule N).
    pub fn heard_established(&self) -> bool {
        self.heard_established
    }

    /// A connection opened.
    pub fn open(&mut self, peer: PeerId, now: u64) {
        let link = Link {
            opened_at: now,
            synced: false,
        };
        if self.links.insert(peer, link).is_none() {
            self.changed_at = now;
        }
    }

    /// A connection closed: its peer is no member any more, until somebody forwards its notice.
    pub fn close(&mut self, peer: &PeerId, now: u64) {
        let linked = self.links.remove(peer).is_some();
        self.closed.insert(peer.clone(), now);
        if self.members.remove(peer).is_some() || linked {
            self.changed_at = now;
        }
    }

    /// A comparison showed the root of `peer`; newer than what its last notice told.
    pub fn compared(&mut self, peer: &PeerId, root: u64) {
        if let Some(member) = self.members.get_mut(peer) {
            member.presence.root = root;
        }
    }

    /// A member is gone, as it or an operator says. Older hearsay about it is outdated. Returns it, if
    /// it was one.
    pub fn forget(&mut self, peer: &PeerId, now: u64) -> Option<Member> {
        let member = self.members.remove(peer)?;
        self.closed.insert(peer.clone(), now);
        self.changed_at = now;
        Some(member)
    }

    /// A presence notice came. Returns whether the membership changed.
    pub fn notice(&mut self, presence: Presence, sender: &Sender, wall: u64, now: u64) -> bool {
        self.heard_established |= sender.established;
        let offset = i128::from(presence.wall) - i128::from(wall);
        let limit = i128::from(i64::MAX);
        let clock_offset = i64::try_from(offset.clamp(-limit, limit)).unwrap_or(i64::MAX);
        let peer = presence.peer.clone();
        let member = Member {
            voter: sender.voter,
            incarnation: sender.incarnation,
            established: sender.established,
            presence,
            clock_offset,
            seen_at: now,
        };
        let voter = member.voter;
        let known = self.members.insert(peer, member);
        let changed = known.is_none_or(|known| known.voter != voter);
        if changed {
            self.changed_at = now;
        }
        changed
    }

    /// What this node can tell of others to a peer.
    pub fn hearsay(&self, to: &PeerId, cluster: &str, now: u64) -> Vec<Hearsay> {
        let others = self.members.iter().filter(|(peer, _)| *peer != to);
        let tell = |(_, member): (&PeerId, &Member)| Hearsay {
            sender: Sender {
                cluster: cluster.to_owned(),
                voter: member.voter,
                incarnation: member.incarnation,
                established: member.established,
            },
            presence: member.presence.clone(),
            age: now.saturating_sub(member.seen_at),
        };
        others.take(HEARSAY_MAX - 1).map(tell).collect()
    }

    /// A peer told of a member. Returns whether the membership changed.
    pub fn heard_of(&mut self, hearsay: Hearsay, expiry: u64, wall: u64, now: u64) -> bool {
        let Hearsay {
            sender,
            presence,
            age,
        } = hearsay;
        let seen_at = now.saturating_sub(age);
        let closed = self
            .closed
            .get(&presence.peer)
            .is_some_and(|at| *at >= seen_at);
        let known = self
            .members
            .get(&presence.peer)
            .is_some_and(|known| known.seen_at >= seen_at);
        if age >= expiry || closed || known {
            return false;
        }
        let peer = presence.peer.clone();
        let changed = self.notice(presence, &sender, wall.saturating_sub(age), now);
        if let Some(member) = self.members.get_mut(&peer) {
            member.seen_at = seen_at;
        }
        changed
    }

    /// Any other message of `peer`: it lives, so its notice stays valid. Loss of some notices in a
    /// row must not make a talking member look gone.
    pub fn heard(&mut self, peer: &PeerId, sender: &Sender, now: u64) {
        self.heard_established |= sender.established;
        if let Some(member) = self.members.get_mut(peer)
            && member.voter == sender.voter
            && member.incarnation <= sender.incarnation
        {
            member.incarnation = sender.incarnation;
            member.established |= sender.established;
            member.seen_at = now;
        }
    }

    /// Forgets members that were silent for `expiry`. Returns whether any was.
    pub fn expire(&mut self, now: u64, expiry: u64) -> bool {
        // Hearsay that is older than this is not taken anyway.
        self.closed.retain(|_, at| *at + expiry > now);
        let before = self.members.len();
        self.members
            .retain(|_, member| member.seen_at + expiry > now);
        let changed = self.members.len() < before;
        if changed {
            self.changed_at = now;
        }
        changed
    }

    /// When the next member expires.
    pub fn expires_at(&self, expiry: u64) -> Option<u64> {
        self.members
            .values()
            .map(|member| member.seen_at + expiry)
            .min()
    }

    /// From when on the membership counts as calm, if nothing changes until then.
    pub fn calm_at(&self, calm: u64) -> u64 {
        self.changed_at + calm
    }

    /// Whether every other member has a ballot, and one that can be counted. A connection whose peer has not introduced itself
    /// yet is a member whose vote is unknown, for as long as a notice may take.
    pub fn all_voted(&self, round: &Round, now: u64, expiry: u64) -> bool {
        round.is_complete()
            && self.missing(round).next().is_none()
            && self.links.iter().all(|(peer, link)| {
                self.members.contains_key(peer) || link.opened_at + expiry <= now
            })
    }

    /// A sync with `peer` succeeded.
    pub fn synced(&mut self, peer: &PeerId) {
        if let Some(link) = self.links.get_mut(peer) {
            link.synced = true;
        }
    }

    /// Until when this node may not know what its neighbours run: there is a connection over which
    /// no sync succeeded yet. It is waited for so long only, so that one dead line does not keep a
    /// node new.
    pub fn blind_until(&self, patience: u64) -> Option<u64> {
        let links = self.links.values().filter(|link| !link.synced);
        links.map(|link| link.opened_at + patience).max()
    }

    /// The members without a ballot.
    pub fn missing<'a>(&'a self, round: &'a Round) -> impl Iterator<Item = &'a PeerId> {
        self.members
            .iter()
            .filter(|(_, member)| round.ballots().get(&member.voter).is_none())
            .map(|(peer, _)| peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(established: bool) -> Sender {
        let voter = Voter::of("c", "b");
        Sender {
            cluster: "c".to_owned(),
            voter,
            incarnation: 1,
            established,
        }
    }

    fn presence(peer: &PeerId) -> Presence {
        let (name, software) = ("b".to_owned(), "1".to_owned());
        Presence {
            peer: peer.clone(),
            name,
            software,
            apis: 0,
            root: 0,
            wall: 7,
        }
    }

    #[test]
    fn a_silent_member_expires_and_a_talking_one_does_not() {
        let peer = PeerId::new(b"p");
        let mut members = Members::new(0);
        assert!(members.notice(presence(&peer), &sender(false), 0, 1_000));
        members.heard(&peer, &sender(true), 10_000);
        assert!(members.heard_established());
        assert!(!members.expire(16_000, 15_000));
        assert!(members.expire(25_000, 15_000));
        assert_eq!(members.calm_at(5_000), 30_000);
    }

    #[test]
    fn a_closed_connection_removes_at_once_and_is_a_change() {
        let peer = PeerId::new(b"p");
        let mut members = Members::new(0);
        members.open(peer.clone(), 1);
        members.notice(presence(&peer), &sender(false), 0, 2);
        members.close(&peer, 9);
        assert!(members.is_empty() && !members.linked(&peer));
        assert_eq!(members.calm_at(0), 9);
    }
}

//! Members that are gone: this node leaves, another one left, or an operator says that one will not
//! come back. Depends on the machine. Deliberately absent: ballots; what a node has voted stays
//! (cluster.md, part 11, "winner's voters die").

use super::{
    Replica,
    id::PeerId,
    limits::{GONE_MAX, SYNC_RETRIES},
    output::Fact,
    stamp::Now,
    wire::Gossip,
};

impl Replica {
    /// An operator says that these are gone: nobody waits for their votes any more. All are told, they
    /// too; one that lives after all says so and is a member again.
    pub(super) fn forget(&mut self, mut peers: Vec<PeerId>, now: Now) {
        peers.retain(|peer| self.members.get(peer).is_some());
        peers.truncate(GONE_MAX);
        if peers.is_empty() {
            return;
        }
        self.publish(Gossip::Gone(peers.clone()));
        self.part_with(&peers, false, now);
    }

    /// `author` says that these are gone.
    pub(super) fn gone(&mut self, author: &PeerId, mut peers: Vec<PeerId>, now: Now) {
        peers.truncate(GONE_MAX);
        if peers.contains(&self.identity.peer) && !self.life.left {
            self.life.presence_at = now.monotonic;
            self.tell(Fact::Forgotten);
        }
        let (left, forgotten): (Vec<PeerId>, Vec<PeerId>) =
            peers.into_iter().partition(|peer| peer == author);
        self.part_with(&left, true, now);
        self.part_with(&forgotten, false, now);
    }

    /// The last word of a node that leaves.
    pub(super) fn say_farewell(&mut self) {
        self.publish(Gossip::Gone(vec![self.identity.peer.clone()]));
    }

    /// Compares with every neighbour.
    pub(super) fn compare_all(&mut self, now: Now) {
        for peer in self.members.links().cloned().collect::<Vec<_>>() {
            self.start_sync(&peer, SYNC_RETRIES, now);
        }
    }

    fn part_with(&mut self, peers: &[PeerId], left: bool, now: Now) {
        self.receipts.expect_no_more(peers);
        let mut changed = false;
        for peer in peers {
            if let Some(member) = self.members.forget(peer, now.monotonic) {
                changed = true;
                let name = member.presence.name;
                self.tell(Fact::Gone { name, left });
            }
        }
        if changed {
            self.look_all(now);
        }
    }
}

//! Carrying out what the replica says: one exhaustive match, each output one action.

use crate::{
    actor::registry::{RegistryActor, facts, outlook::Port},
    core::{
        digest::Content,
        registry::extractors,
        replica::{
            id::ApiId,
            output::{Fact, Output, SyncResult},
        },
        version::Version,
    },
    message::cluster::Tell,
};

impl RegistryActor {
    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::Publish { bytes } => self.tell(Tell::Everybody { bytes }),
            Output::Ask {
                to,
                exchange,
                bytes,
            } => {
                self.metrics.sent(bytes.len());
                self.tell(Tell::Ask {
                    to,
                    exchange,
                    bytes,
                });
            }
            Output::Reply { exchange, bytes } => {
                self.metrics.sent(bytes.len());
                self.tell(Tell::Reply { exchange, bytes });
            }
            Output::Disconnect { peer, refuse_for } => {
                self.tell(Tell::Refuse {
                    peer,
                    for_ms: refuse_for,
                });
            }
            Output::Serve {
                id,
                version,
                content,
                cause,
            } => {
                self.metrics.served(cause);
                self.serve(&id, version, &content);
            }
            Output::Answered { ticket: _, result } => self.answered = Some(result),
            Output::Receipt(receipt) => {
                if let Some(told) = self.receipts.remove(&receipt.ticket) {
                    // Whoever waited may have left.
                    let _unheard = told.send(receipt);
                }
            }
            Output::Diffed { ticket, diff } => {
                if let Some(told) = self.diffs.remove(&ticket) {
                    let _unheard = told.send(diff);
                }
            }
            Output::Ready => {
                self.tell_alone();
                if let Some(told) = self.ready.take() {
                    let _unheard = told.send(());
                }
            }
            // The rest is for the network part, which says when it is closed.
            Output::Left if self.cluster.is_some() => self.tell(Tell::Close),
            Output::Left => self.left(),
            Output::Fact(fact) => {
                if let Fact::Synced {
                    peer,
                    result: SyncResult::Delta,
                } = &fact
                {
                    let now = self.now().monotonic;
                    self.outlook.came_together(peer, now);
                }
                facts::tell(&fact, &self.replica, &self.metrics);
            }
        }
    }

    /// A node that is ready without having met another one looks like a cluster of its own. That is
    /// right for the first one, and wrong for one that was refused.
    fn tell_alone(&mut self) {
        if self.cluster.is_none() || self.replica.members().next().is_some() {
            return;
        }
        let now = self.now().monotonic;
        let refused: Vec<String> = self
            .outlook
            .refused(now)
            .map(|refused| format!("{} ({})", refused.address, refused.words))
            .collect();
        match &self.outlook.port {
            Port::Failed(reason) => {
                log::warn!("ready, but alone: the cluster port is not open: {reason}");
            }
            Port::None | Port::Opening | Port::Open | Port::Left if refused.is_empty() => {
                log::info!("ready, and alone: no other node was met");
            }
            Port::None | Port::Opening | Port::Open | Port::Left => log::warn!(
                "ready, but alone: connections were refused, here or by the other end: {}",
                refused.join(", ")
            ),
        }
    }

    fn tell(&self, told: Tell) {
        if let Some(cluster) = &self.cluster {
            // Bounded by what the replica lets be under way; the network part has bounds of its own.
            cluster.do_send(told);
        }
    }

    fn serve(&mut self, id: &ApiId, version: Version, content: &Content) {
        if extractors::is_id(id) {
            self.serve_extractors(version, content);
            return;
        }
        let stamp = self
            .replica
            .registry()
            .get(id)
            .and_then(|round| round.candidates().get(&version.digest))
            .map_or(0, |candidate| candidate.stamp.millis());
        self.changed = true;
        if let Err(faults) = self.registry.serve(id, version, stamp, content) {
            log::error!("{} at {version} cannot be served:\n{faults}", id.as_str());
        }
    }
}

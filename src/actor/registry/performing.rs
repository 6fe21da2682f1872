//! Carrying out what the replica says: one exhaustive match, each output one action.

use crate::{
    actor::registry::{RegistryActor, facts},
    core::{
        digest::Content,
        replica::{id::ApiId, output::Output},
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
            } => self.tell(Tell::Ask {
                to,
                exchange,
                bytes,
            }),
            Output::Reply { exchange, bytes } => self.tell(Tell::Reply { exchange, bytes }),
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
            Output::Ready => {
                if let Some(told) = self.ready.take() {
                    let _unheard = told.send(());
                }
            }
            Output::Left => {
                self.left = true;
                for told in self.leaving.drain(..) {
                    let _unheard = told.send(());
                }
            }
            Output::Fact(fact) => facts::tell(&fact, &self.metrics),
        }
    }

    fn tell(&self, told: Tell) {
        if let Some(cluster) = &self.cluster {
            // Bounded by what the replica lets be under way; the network part has bounds of its own.
            cluster.do_send(told);
        }
    }

    fn serve(&mut self, id: &ApiId, version: Version, content: &Content) {
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

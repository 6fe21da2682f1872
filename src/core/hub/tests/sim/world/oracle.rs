//! What clients must have at the end.

use super::{World, client::Stage};
use crate::core::hub::params::Ack;

impl World {
    /// What is wrong, at most a dozen.
    pub(in super::super) fn verdict(mut self) -> Vec<String> {
        for (number, client) in self.clients.iter().enumerate() {
            let Some(effective) = client.effective else {
                continue;
            };
            if !matches!(client.stage, Stage::Live) {
                self.objections.push(format!("client {number} is not live"));
            }
            for ((origin, seq), accepted) in &self.accepted {
                let is_wanted = accepted.at > effective
                    && (client.types.iter()).any(|pattern| pattern.covers(&accepted.event_type));
                if !is_wanted || client.got.contains_key(&(*origin, *seq)) {
                    continue;
                }
                let is_reported = client.gaps.iter().any(|(node, from, to)| {
                    node.is_none_or(|node| node == *origin)
                        && from <= seq
                        && to.is_none_or(|to| *seq <= to)
                });
                // A confirmed event must arrive, reported or not, if its copies are good for anything.
                let is_safe =
                    self.plan.ack == Ack::Cluster && self.confirmed.contains(&accepted.ticket);
                if !is_reported || is_safe {
                    self.objections.push(format!(
                        "client {number} lacks {origin}:{seq} ({}) of {}, reported: {is_reported}",
                        accepted.event_type, accepted.at
                    ));
                }
            }
        }
        self.objections.truncate(12);
        self.objections
    }
}

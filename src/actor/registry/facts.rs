//! What the replica tells, as log lines and counts (cluster.md, part 8).

use crate::{
    core::{
        registry::extractors,
        replica::{Replica, id::ApiId, output::Fact},
        version::Version,
    },
    telemetry::cluster::{ClusterMetrics, decided_by},
};

/// Logs and counts `fact`, told by `replica`.
pub(super) fn tell(fact: &Fact, replica: &Replica, metrics: &ClusterMetrics) {
    match fact {
        Fact::Decided(conflict) => {
            metrics.decided(conflict.decided_by, conflict.duration);
            log::info!(
                "conflict about {} at ref {} decided by {}: {} is served",
                named(&conflict.id),
                conflict.ref_number,
                decided_by(conflict.decided_by),
                conflict.winner.prefix()
            );
        }
        Fact::Superseded {
            id,
            lost,
            winner,
            by_ref,
        } => {
            metrics.superseded(*by_ref);
            superseded(id, *lost, *winner, *by_ref);
        }
        Fact::FileDeviates { id, older_ref } => {
            file_deviates(id, *older_ref);
        }
        Fact::FileTimeReplaced { id } => log::warn!(
            "{}: the file's timestamp lies in the future; now is used",
            named(id)
        ),
        Fact::FileRefCut { id } => {
            log::warn!("{}: the file's ref_number was above the limit", named(id))
        }
        Fact::NotActivatable { id, version } => {
            metrics.not_activatable.inc();
            log::error!(
                "{} at {version} cannot be activated by this software; the last good version \
                 is served; update this node",
                named(id)
            );
        }
        Fact::Cast {
            id,
            digest,
            concession,
        } => {
            metrics.cast(*concession);
            log::debug!("voted for {} of {}", digest.prefix(), named(id));
        }
        Fact::Outbid { incarnation } => log::info!("this node's incarnation is now {incarnation}"),
        Fact::NameClash { voter } => {
            metrics.name_clashes.inc();
            log::error!(
                "another node is named {}, as this one: give each node a NODE_NAME of its own; voting \
                 as {voter:?} from now on",
                replica.identity().name
            );
        }
        // The outlook tells this, also of a clock that goes wrong later.
        Fact::ClockOffset { .. } => {}
        Fact::Gone { name, left: true } => log::info!("node {name} has left the cluster"),
        Fact::Gone { name, left: false } => {
            log::warn!("node {name} was forgotten, as an operator asked for");
        }
        Fact::Forgotten => log::warn!(
            "an operator had this node forgotten, but it lives: told the others so; to remove it, \
             stop it"
        ),
        Fact::Synced { peer: _, result } => metrics.synced(*result),
        Fact::Rejected { peer, reason } => {
            metrics.rejected(*reason);
            log::debug!("dropped a message of {peer:?}: {reason:?}");
        }
    }
}

fn superseded(id: &ApiId, lost: Version, winner: Version, by_ref: bool) {
    let rule = if by_ref {
        "a higher ref_number"
    } else {
        "the vote"
    };
    log::warn!(
        "a change of {} accepted here, {lost}, was superseded by {winner} through {rule}",
        named(id)
    );
}

fn file_deviates(id: &ApiId, older_ref: bool) {
    let why = if older_ref {
        "has an older ref_number"
    } else {
        "was outvoted"
    };
    // The extractors of the settings have no number of their own.
    let how = if extractors::is_id(id) {
        "put the document to /v3/extractors"
    } else {
        "raise ref_number"
    };
    log::warn!(
        "{}: this node's file {why}, the cluster uses another version; {how} to roll the file out",
        named(id)
    );
}

/// What an id stands for, in words.
fn named(id: &ApiId) -> String {
    if extractors::is_id(id) {
        return "the extractors".to_owned();
    }
    format!("API {}", id.as_str())
}

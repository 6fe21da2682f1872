//! What operators are shown of the cluster (cluster.md, part 8). Every answer says whose view it is.

use std::collections::BTreeMap;

use actix::{Context, Handler, MessageResult};

use crate::{
    actor::registry::{RegistryActor, outlook::Port},
    core::{
        digest::Digest,
        replica::{
            conflicts::Conflict,
            id::{ApiId, Voter},
            input::Tag,
            view::{Phase, RoundView},
        },
        version::Version,
    },
    message::registry::{
        CandidateLine, ClusterView, ConflictLine, FindChange, Found, NetworkLine, NodeLine,
        RefusedLine, RoundLine, RoundsSeen, ShowCluster, ShowConflicts, ShowRounds, View,
    },
    telemetry::cluster::decided_by,
};

impl RegistryActor {
    pub(super) fn view(&mut self) -> View {
        View {
            node: self.replica.identity().name.clone(),
            members: self.replica.members().count() + 1,
            root: root(self.replica.root()),
        }
    }

    fn own_line(&mut self) -> NodeLine {
        let identity = self.replica.identity().clone();
        NodeLine {
            name: identity.name,
            voter: self.replica.voter().to_string(),
            peer: identity.peer.to_string(),
            incarnation: self.replica.incarnation().to_string(),
            established: self.replica.is_established(),
            software: identity.software,
            apis: self.replica.apis(),
            root: root(self.replica.root()),
            in_sync: true,
            clock_offset_ms: 0,
            last_seen_ms: 0,
        }
    }

    fn nodes(&mut self) -> Vec<NodeLine> {
        let (own_root, now) = (self.replica.root(), self.now().monotonic);
        let mut nodes = vec![self.own_line()];
        nodes.extend(self.replica.members().map(|(id, member)| NodeLine {
            name: member.presence.name.clone(),
            voter: member.voter.to_string(),
            peer: id.to_string(),
            incarnation: member.incarnation.to_string(),
            established: member.established,
            software: member.presence.software.clone(),
            apis: member.presence.apis,
            root: root(member.presence.root),
            in_sync: member.presence.root == own_root,
            clock_offset_ms: member.clock_offset,
            last_seen_ms: now.saturating_sub(member.seen_at),
        }));
        nodes
    }

    /// Names of voters, as far as their nodes are members now.
    fn names(&self) -> BTreeMap<Voter, String> {
        let own = (self.replica.voter(), self.replica.identity().name.clone());
        let members = self.replica.members();
        members
            .map(|(_, member)| (member.voter, member.presence.name.clone()))
            .chain([own])
            .collect()
    }

    fn round_line(&self, round: &RoundView, names: &BTreeMap<Voter, String>) -> RoundLine {
        let candidates = round
            .candidates
            .iter()
            .map(|(digest, stamp, voters)| CandidateLine {
                digest: short(digest),
                timestamp_ms: stamp.millis(),
                votes: voters.len(),
                voters: voters
                    .iter()
                    .map(|id| names.get(id).cloned().unwrap_or_else(|| id.to_string()))
                    .collect(),
                served_here: round.serving.is_some_and(|served| served.digest == *digest),
                winner: round.winner == Some(*digest),
            });
        let missing = round.missing.iter().map(|id| {
            let member = self.replica.members().find(|(other, _)| *other == id);
            member.map_or_else(
                || id.to_string(),
                |(_, member)| member.presence.name.clone(),
            )
        });
        RoundLine {
            id: round.id.as_str().to_owned(),
            ref_number: round.ref_number,
            state: phase(round.phase).to_owned(),
            candidates: candidates.collect(),
            missing: missing.collect(),
            open_ms: round.age,
            unchanged_ms: round.quiet,
        }
    }

    fn network(&mut self) -> NetworkLine {
        let now = self.now().monotonic;
        let refused = self.outlook.refused(now).map(|refused| RefusedLine {
            address: refused.address.to_string(),
            reason: refused.reason.to_owned(),
            last_seen_ms: now.saturating_sub(refused.at),
        });
        let refused = refused.collect();
        let (port, problem) = match &self.outlook.port {
            Port::None => ("none", None),
            Port::Opening => ("opening", None),
            Port::Open => ("open", None),
            Port::Failed(reason) => ("failed", Some(reason.clone())),
            Port::Left => ("left", None),
        };
        NetworkLine {
            port: port.to_owned(),
            problem,
            refused,
        }
    }

    fn find(&self, id: &ApiId, tag: &Tag) -> Option<Found> {
        let round = self.replica.registry().get(id)?;
        let ref_number = round.ref_number();
        let version = |digest: &Digest| Version {
            ref_number,
            digest: *digest,
        };
        if ref_number > tag.ref_number {
            let current = version(&round.winner()?);
            return Some(Found::Outdated { current });
        }
        let mut versions = round.candidates().keys().map(version);
        let version = versions.find(|version| Tag::of(version) == *tag)?;
        let contested = self.replica.is_open(id);
        Some(Found::Current { version, contested })
    }
}

impl Handler<ShowCluster> for RegistryActor {
    type Result = MessageResult<ShowCluster>;

    fn handle(&mut self, _show: ShowCluster, _ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(ClusterView {
            view: self.view(),
            nodes: self.nodes(),
            network: self.network(),
        })
    }
}

impl Handler<ShowRounds> for RegistryActor {
    type Result = MessageResult<ShowRounds>;

    fn handle(&mut self, show: ShowRounds, _ctx: &mut Context<Self>) -> Self::Result {
        let (names, now) = (self.names(), self.now());
        let mut rounds = self.replica.contested(now);
        if let Some(state) = &show.state {
            rounds.retain(|round| phase(round.phase) == state);
        }
        let shown = rounds.iter().take(show.limit);
        let lines: Vec<RoundLine> = shown.map(|round| self.round_line(round, &names)).collect();
        MessageResult(RoundsSeen {
            view: self.view(),
            left_out: rounds.len() - lines.len(),
            rounds: lines,
        })
    }
}

impl Handler<ShowConflicts> for RegistryActor {
    type Result = MessageResult<ShowConflicts>;

    fn handle(&mut self, show: ShowConflicts, _ctx: &mut Context<Self>) -> Self::Result {
        let lines = self
            .replica
            .conflicts_since(show.since_ms)
            .map(conflict_line)
            .collect();
        MessageResult((self.view(), lines))
    }
}

impl Handler<FindChange> for RegistryActor {
    type Result = MessageResult<FindChange>;

    fn handle(&mut self, find: FindChange, _ctx: &mut Context<Self>) -> Self::Result {
        let id = ApiId::new(&find.id).ok();
        let found = id.and_then(|id| self.find(&id, &find.tag));
        MessageResult(found.unwrap_or(Found::Unknown))
    }
}

fn conflict_line(conflict: &Conflict) -> ConflictLine {
    ConflictLine {
        time_ms: conflict.wall,
        id: conflict.id.as_str().to_owned(),
        ref_number: conflict.ref_number,
        winner: short(&conflict.winner),
        losers: conflict.losers.iter().map(short).collect(),
        decided_by: decided_by(conflict.decided_by).to_owned(),
        votes: conflict
            .votes
            .iter()
            .map(|(digest, votes)| (short(digest), *votes))
            .collect(),
        own_client_lost: conflict.own_client_lost,
        duration_ms: conflict.duration,
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Collecting => "collecting",
        Phase::Decided => "decided",
        Phase::Conceded => "conceded",
    }
}

pub(super) fn short(digest: &Digest) -> String {
    if digest.is_deleted() {
        "deleted".to_owned()
    } else {
        digest.prefix()
    }
}

fn root(root: u64) -> String {
    format!("{root:016x}")
}

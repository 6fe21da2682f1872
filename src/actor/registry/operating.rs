//! What operators ask to be done about other nodes: compare, connect, forget (issue 3). Nothing here
//! changes a definition.

use actix::{ActorFutureExt, Context, Handler, ResponseActFuture, WrapFuture, fut};
use tokio::sync::oneshot;

use crate::{
    actor::registry::{RegistryActor, views::short},
    core::replica::{
        diff::{Difference, Side},
        id::PeerId,
        input::Input,
    },
    message::{
        cluster::Tell,
        registry::{
            CompareAll, DiffView, DiffWith, DifferenceLine, Forget, Join, PeerFault, SideLine,
        },
    },
};

impl RegistryActor {
    /// The processes of other nodes with this name: one as a rule.
    fn named(&self, name: &str) -> Result<Vec<PeerId>, PeerFault> {
        let members = self.replica.members();
        let named: Vec<PeerId> = members
            .filter(|(_, member)| member.presence.name == name)
            .map(|(peer, _)| peer.clone())
            .collect();
        match named.is_empty() {
            false => Ok(named),
            true if self.replica.identity().name == name => Err(PeerFault::Own),
            true => Err(PeerFault::Unknown),
        }
    }
}

impl Handler<CompareAll> for RegistryActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _compare: CompareAll, ctx: &mut Context<Self>) -> Self::Result {
        let (told, compared) = oneshot::channel();
        self.comparing.retain(|waiting| !waiting.is_closed());
        self.comparing.push(told);
        self.step(Input::Compare);
        self.settle(ctx);
        Box::pin(async move { drop(compared.await) }.into_actor(self))
    }
}

impl Handler<DiffWith> for RegistryActor {
    type Result = ResponseActFuture<Self, Result<DiffView, PeerFault>>;

    fn handle(&mut self, with: DiffWith, ctx: &mut Context<Self>) -> Self::Result {
        let peer = match self.named(&with.node) {
            Ok(named) => named.into_iter().next(),
            Err(fault) => return Box::pin(fut::ready(Err(fault))),
        };
        let Some(peer) = peer else {
            return Box::pin(fut::ready(Err(PeerFault::Unknown)));
        };
        let ticket = self.ticket();
        let (told, diff) = oneshot::channel();
        self.diffs.insert(ticket, told);
        self.step(Input::Diff { ticket, peer });
        self.settle(ctx);
        let diff = async move { diff.await.ok().flatten() }.into_actor(self);
        Box::pin(diff.map(|diff, actor: &mut Self, _ctx| {
            let diff = diff.ok_or(PeerFault::Unreachable)?;
            Ok(DiffView {
                view: actor.view(),
                node: with.node,
                differences: diff.differences.iter().map(difference_line).collect(),
                left_out: diff.left_out,
            })
        }))
    }
}

impl Handler<Forget> for RegistryActor {
    type Result = Result<(), PeerFault>;

    fn handle(&mut self, forget: Forget, ctx: &mut Context<Self>) -> Self::Result {
        let peers = self.named(&forget.node)?;
        self.step(Input::Forget(peers));
        self.settle(ctx);
        Ok(())
    }
}

impl Handler<Join> for RegistryActor {
    type Result = bool;

    fn handle(&mut self, join: Join, _ctx: &mut Context<Self>) -> bool {
        let Some(cluster) = &self.cluster else {
            return false;
        };
        cluster.do_send(Tell::Dial {
            address: join.address,
        });
        true
    }
}

fn difference_line(difference: &Difference) -> DifferenceLine {
    let side = |side: &Side| SideLine {
        ref_number: side.version.ref_number,
        digest: short(&side.version.digest),
        state: match (side.contested, side.version.digest.is_deleted()) {
            (true, _) => "contested",
            (false, true) => "deleted",
            (false, false) => "active",
        }
        .to_owned(),
    };
    DifferenceLine {
        id: difference.id.as_str().to_owned(),
        here: difference.here.as_ref().map(side),
        there: difference.there.as_ref().map(side),
    }
}

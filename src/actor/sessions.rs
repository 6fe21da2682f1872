//! Revoked sessions of a node that is alone: stands in for the hub actor, which also tells the other
//! nodes.

use std::{sync::Arc, time::SystemTime};

use actix::{Actor, AsyncContext, Context, Handler, Supervised};

use crate::{
    actor::MAILBOX_MESSAGES_MAX,
    core::session::blacklist::{Blacklist, Full},
    message::{
        hub::{Revoke, Revoked},
        session::SessionCell,
    },
};

/// How often expired entries are removed.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(60);

/// Owns the blacklist.
#[derive(Debug)]
pub struct SessionsActor {
    blacklist: Blacklist,
    cell: Arc<SessionCell>,
    node_name: String,
}

// === impl SessionsActor ===

impl SessionsActor {
    /// Publishes to `cell`.
    pub fn new(cell: Arc<SessionCell>, node_name: String) -> Self {
        Self {
            blacklist: Blacklist::new(),
            cell,
            node_name,
        }
    }
}

impl Actor for SessionsActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        self.cell.publish(&mut self.blacklist);
        self.cell.set_complete();
        ctx.run_interval(SWEEP, |actor, _ctx| {
            actor.blacklist.expire(now());
            actor.cell.publish(&mut actor.blacklist);
        });
    }
}

impl Supervised for SessionsActor {}

impl Handler<Revoke> for SessionsActor {
    type Result = Result<Revoked, Full>;

    fn handle(&mut self, revoke: Revoke, _ctx: &mut Self::Context) -> Self::Result {
        self.blacklist
            .revoke(&revoke.session, revoke.until_s, now())?;
        self.cell.publish(&mut self.blacklist);
        Ok(Revoked {
            confirmed: vec![self.node_name.clone()],
            missing: Vec::new(),
        })
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_secs())
}

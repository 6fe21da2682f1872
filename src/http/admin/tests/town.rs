//! For stories of two nodes: a registry behind the port, and another node whose messages the test
//! carries.

use std::sync::{Arc, Mutex};

use actix::{Actor, Addr, Context, Handler};
use serde_json::json;

use super::{Answer, Desk, definition, registry, state};
use crate::{
    actor::registry::{RegistryActor, wall_ms},
    core::{
        api::digest::canonical,
        digest::Body,
        registry::activatable,
        replica::{
            Identity, Replica,
            id::{ApiId, PeerId},
            input::{Action, Input, Write},
            output::Output,
            params::Params,
            stamp::Now,
        },
    },
    message::cluster::{Heard, Tell},
};

/// When the other node is heard: later than its start by more than any of its periods.
const MINUTE: u64 = 60_000;

/// A desk, its registry, and another node.
pub(super) struct Town {
    pub(super) desk: Desk,
    registry: Addr<RegistryActor>,
    pub(super) other: Replica,
}

/// Stands in for the cluster actor.
pub(super) struct Mouth(pub(super) Arc<Mutex<Vec<Tell>>>);

// === impl Town ===

impl Town {
    pub(super) fn settle() -> Self {
        let registry = registry();
        Self {
            desk: Desk::with(|desk| *desk = state(&registry)),
            registry,
            other: replica("node-2"),
        }
    }

    /// What the other node says about `input` reaches the registry.
    pub(super) async fn other(&mut self, input: Input) {
        let author = self.other.identity().peer.clone();
        for output in self.other.step(now(MINUTE), input) {
            if let Output::Publish { bytes } = output {
                let relay = author.clone();
                let author = author.clone();
                let gossip = Input::Gossip {
                    relay,
                    author,
                    bytes,
                };
                self.registry.send(Heard::Input(gossip)).await.unwrap();
            }
        }
    }

    /// A client of the other node writes.
    pub(super) async fn other_writes(&mut self, action: fn(Body) -> Action, name: &str) {
        self.other_writes_api(action, "shop", name).await;
    }

    /// The same for any API.
    pub(super) async fn other_writes_api(
        &mut self,
        action: fn(Body) -> Action,
        id: &str,
        name: &str,
    ) {
        let mut document = definition(id);
        document["name"] = json!(name);
        let body = canonical(document.as_object().unwrap());
        let write = Write {
            ticket: 1,
            id: ApiId::new(id).unwrap(),
            action: action(body),
            if_match: None,
        };
        self.other(Input::Write(write)).await;
    }

    pub(super) async fn change(&self, change: &str) -> Answer {
        let path = format!("/v3/cluster/changes/{change}?timeout=0.01");
        self.desk.get(&path).await
    }
}

// === impl Mouth ===

impl Actor for Mouth {
    type Context = Context<Self>;
}

impl Handler<Tell> for Mouth {
    type Result = ();

    fn handle(&mut self, told: Tell, _context: &mut Self::Context) {
        self.0.lock().unwrap().push(told);
    }
}

/// A replica that takes writes.
pub(super) fn replica(name: &str) -> Replica {
    let identity = Identity {
        cluster: String::new(),
        name: name.to_owned(),
        peer: PeerId::new(name.as_bytes()),
        software: "1.2.3".to_owned(),
    };
    let params = Params {
        join_timeout: 0,
        ..Params::default()
    };
    let mut replica = Replica::new(identity, params, Arc::new(activatable), 2, now(0));
    replica.step(now(0), Input::Tick);
    replica
}

fn now(monotonic: u64) -> Now {
    Now {
        monotonic,
        wall: wall_ms(),
    }
}

//! What happens when an actor stops, and when it dies.

use std::sync::Arc;

use actix::{Actor, ActorContext, Addr, Handler, Message, Supervised, Supervisor};
use actix_rt::System;
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Alarm, keys::KeysActor, proxy::ProxyActor, registry::RegistryActor};
use crate::{
    core::{
        api::document::Document,
        auth::{algorithm::Algorithm, keys::KeySet},
        registry::{Change, Preconditions},
    },
    message::{
        proxy::{ApisPublished, SnapshotCell},
        registry::{ListApis, ProposeChange},
    },
    telemetry::metrics::Metrics,
    upstream::tls::client_config,
};

/// Ends an actor as its supervisor expects it to end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

/// Kills an actor: a bug that panics.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Poison;

macro_rules! mortal {
    ($actor:ty) => {
        impl Handler<Stop> for $actor {
            type Result = ();

            fn handle(&mut self, _stop: Stop, ctx: &mut Self::Context) {
                ctx.stop();
            }
        }

        impl Handler<Poison> for $actor {
            type Result = ();

            fn handle(&mut self, _poison: Poison, _ctx: &mut Self::Context) {
                panic!("a bug, for a test");
            }
        }
    };
}

mortal!(RegistryActor);
mortal!(ProxyActor);
mortal!(KeysActor);

/// Both actors of the definitions, and who is told of deaths.
struct Node {
    registry: Addr<RegistryActor>,
    proxy: Addr<ProxyActor>,
    snapshot: Arc<SnapshotCell>,
    deaths: UnboundedReceiver<&'static str>,
}

impl Node {
    fn start() -> Self {
        let (bell, deaths) = unbounded_channel();
        let snapshot = Arc::new(SnapshotCell::default());
        let proxy = {
            let (snapshot, alarm) = (Arc::clone(&snapshot), Alarm::new("proxy", &bell));
            let metrics = Metrics::new().expect("meters");
            Supervisor::start(move |_| ProxyActor::new(snapshot, metrics, |_| None, alarm))
        };
        let registry = {
            let (proxy, alarm) = (proxy.clone().recipient(), Alarm::new("registry", &bell));
            Supervisor::start(move |_| RegistryActor::lone(proxy, 1 << 20, alarm))
        };
        Self {
            registry,
            proxy,
            snapshot,
            deaths,
        }
    }

    /// Stores an API with one endpoint; says whether that worked.
    async fn create(&self, id: &str) -> bool {
        let proposed = ProposeChange {
            change: Change::Create(document(id)),
            preconditions: Preconditions::default(),
        };
        matches!(self.registry.send(proposed).await, Ok(Ok(_)))
    }

    /// Ids the registry shows, and the number of endpoints that are routed.
    async fn shown(&self) -> (Vec<String>, usize) {
        let all = self.registry.send(ListApis).await.expect("a registry");
        let id = |document: &Document| document["id"].as_str().map(str::to_owned);
        let ids = all.iter().filter_map(|api| id(&api.document)).collect();
        (ids, self.snapshot.load().table.routes().len())
    }
}

fn document(id: &str) -> Document {
    let definition = json!({
        "id": id,
        "name": id,
        "version_data": {"default": {"endpoints": [{"id": "e", "method": "GET", "path_regex": "/e"}]}},
        "proxy": {"target_url": "localhost", "port": 80},
    });
    match definition {
        Value::Object(document) => document,
        other => panic!("no object: {other}"),
    }
}

/// A supervisor hears of a stop only when it polls the actor again; a message makes it.
async fn stop<A>(actor: &Addr<A>)
where
    A: Actor<Context = actix::Context<A>> + Supervised + Handler<Stop>,
{
    actor.send(Stop).await.expect("a mailbox");
}

#[test]
fn an_alarm_rings_once_unless_it_is_disarmed() {
    let (bell, mut deaths) = unbounded_channel();
    drop(Alarm::new("a", &bell));
    Alarm::new("b", &bell).disarm();
    drop(Alarm::new("c", &bell));
    drop(bell);
    let rung: Vec<_> = std::iter::from_fn(|| deaths.blocking_recv()).collect();
    assert_eq!(rung, ["a", "c"]);
}

#[test]
fn a_registry_that_stops_is_restarted_with_its_definitions() {
    System::new().block_on(async {
        let mut node = Node::start();
        assert!(node.create("a").await);
        for more in ["b", "c"] {
            stop(&node.registry).await;
            assert!(node.create(more).await, "{more}");
        }
        let (ids, routes) = node.shown().await;
        assert_eq!((ids.join(" ").as_str(), routes), ("a b c", 3));
        assert!(node.deaths.try_recv().is_err(), "nobody died");
    });
}

#[test]
fn a_proxy_actor_that_stops_is_restarted_and_its_snapshot_stays() {
    System::new().block_on(async {
        let mut node = Node::start();
        assert!(node.create("a").await);
        stop(&node.proxy).await;
        assert_eq!(node.shown().await.1, 1);
        assert!(node.create("b").await);
        assert_eq!(node.shown().await.1, 2);
        assert!(node.deaths.try_recv().is_err(), "nobody died");
    });
}

#[test]
fn a_registry_that_dies_rings_its_alarm_and_answers_nobody() {
    System::new().block_on(async {
        let mut node = Node::start();
        assert!(node.create("a").await);
        assert!(node.registry.send(Poison).await.is_err());
        assert_eq!(node.deaths.recv().await, Some("registry"));
        assert!(!node.create("b").await);
        // Requests are routed by the snapshot until the process ends.
        assert_eq!(node.snapshot.load().table.routes().len(), 1);
    });
}

#[test]
fn a_proxy_actor_that_dies_rings_its_alarm_and_no_change_is_called_done() {
    System::new().block_on(async {
        let mut node = Node::start();
        assert!(node.create("a").await);
        assert!(node.proxy.send(Poison).await.is_err());
        assert_eq!(node.deaths.recv().await, Some("proxy"));
        assert!(!node.create("b").await, "nobody routes it");
        let nothing = ApisPublished {
            apis: Vec::new(),
            changed: None,
        };
        assert!(node.proxy.send(nothing).await.is_err());
        assert_eq!(node.snapshot.load().table.routes().len(), 1);
    });
}

#[test]
fn a_keys_actor_that_dies_rings_its_alarm_and_its_keys_stay() {
    System::new().block_on(async {
        let (bell, mut deaths) = unbounded_channel();
        let keys = KeySet::new(Algorithm::Rs256, None).expect("no key");
        let keys = keys.awaiting_published().expect("an asymmetric algorithm");
        let keys = Arc::new(ArcSwap::from_pointee(keys));
        let tls = client_config(None).expect("a trust store");
        let actor = {
            let (keys, alarm) = (Arc::clone(&keys), Alarm::new("keys", &bell));
            // Nobody listens there, so every fetch fails.
            let url = "http://127.0.0.1:9/".to_owned();
            Supervisor::start(move |_| KeysActor::new(url, tls, keys, alarm))
        };
        let before = keys.load().generation();
        stop(&actor).await;
        assert!(actor.send(Poison).await.is_err());
        assert_eq!(deaths.recv().await, Some("keys"));
        assert_eq!(keys.load().generation(), before);
    });
}

//! A node in this process: what ends it besides signals.

use std::{process::ExitCode, sync::Arc};

use actix_rt::System;

use super::{Running, drain::EXIT_BROKEN, start};
use crate::{
    actor::tests::Poison,
    config::{Config, files::Drawer, vars::Flags},
    telemetry::health::{Health, Phase},
};

/// A node on free loopback ports, with one worker.
async fn node() -> Running {
    let settings = [
        ("API_HTTP_PORT", "0"),
        ("INBOUND_BIND", "127.0.0.1"),
        ("INBOUND_PORT", "0"),
        ("WORKERS", "1"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(&Flags::from(settings), &Flags::new(), &Drawer::new());
    start(config.expect("no fault")).await.expect("a node")
}

/// What a node ends with after `deed`, and what it told load balancers last.
fn end(deed: impl FnOnce(&Running)) -> (String, Phase) {
    System::new().block_on(async {
        let running = node().await;
        let health: Arc<Health> = Arc::clone(&running.health);
        assert!(health.is_ready());
        deed(&running);
        let code = running.until_stopped().await;
        (format!("{code:?}"), health.phase())
    })
}

fn broken() -> (String, Phase) {
    (format!("{:?}", ExitCode::from(EXIT_BROKEN)), Phase::Broken)
}

#[test]
fn a_node_whose_registry_dies_is_taken_out_of_service_and_ends() {
    assert_eq!(EXIT_BROKEN, 70);
    assert_eq!(
        end(|running| running.actors.registry.do_send(Poison)),
        broken()
    );
}

#[test]
fn a_node_that_loses_a_worker_is_taken_out_of_service_and_ends() {
    let kill = |running: &Running| {
        assert!(running.inbound.workers.iter().all(actix_rt::Arbiter::stop));
    };
    assert_eq!(end(kill), broken());
}

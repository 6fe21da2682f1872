//! What a running gateway tells of itself: metrics, memory, and whether changes were taken.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    client::{Request, ask},
    gateway::Gateway,
    peer::WAIT_MAX,
};

/// Pause between two looks at what cannot be waited on.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

impl Gateway {
    /// Value of a metric; its labels are part of the name.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        self.find_metric(name)
            .unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// The same, if it is there.
    pub(crate) fn find_metric(&self, name: &str) -> Option<f64> {
        let answer = ask(self.api(), &Request::new("GET", "/metrics")).expect("metrics");
        String::from_utf8_lossy(&answer.body.bytes)
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// Waits until a metric has this value; one that is not there yet has none.
    pub(crate) fn until_metric_is(&self, name: &str, value: f64) {
        let start = Instant::now();
        loop {
            let now = self.find_metric(name);
            if now.is_some_and(|now| (now - value).abs() < f64::EPSILON) {
                return;
            }
            assert!(
                start.elapsed() < WAIT_MAX,
                "{name} stays {now:?} instead of {value}"
            );
            thread::sleep(LOOK_PAUSE);
        }
    }

    /// Waits until no request is in flight and no connection to a target is open.
    pub(crate) fn until_nothing_is_held(&self) {
        self.until_metric_is("rig_proxy_requests_in_flight", 0.0);
        self.until_metric_is("rig_upstream_connections", 0.0);
    }

    /// Stores `definition` in place of the one with its id.
    pub(crate) fn replace(&self, definition: &Value) {
        let id = definition["id"].as_str().expect("an id");
        self.manage(&Request::json("PUT", &format!("/v3/apis/{id}"), definition));
    }

    /// Removes the definition `id`.
    pub(crate) fn remove(&self, id: &str) {
        self.manage(&Request::new("DELETE", &format!("/v3/apis/{id}")));
    }

    fn manage(&self, request: &Request) {
        let answer = ask(self.api(), request).expect("an answer");
        assert!(answer.status < 300, "{request:?}: {answer:?}");
    }

    /// Resident memory in KiB: now, and at most so far.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a child");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.expect("a number")
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

//! What is written and counted when a request is over (spec: `proxying.md` 3.10 and 3.13).
//!
//! Never logged: query strings, headers, bodies (they may hold tokens).

use std::{rc::Rc, sync::Arc, time::Instant};

use http::{Method, StatusCode};

use crate::{
    http::inbound::worker::Held,
    telemetry::metrics::{Metrics, NOT_APPLICABLE, Outcome, RouteLabels, method_label},
};

/// One request, from its head to the end of its answer. Writing happens when it is dropped, so
/// that a client that leaves early is counted too.
pub struct Record {
    started: Instant,
    metrics: Arc<Metrics>,
    snapshot: Rc<Held>,
    route: Option<u32>,
    method: Method,
    outcome: Outcome,
    line: Option<Box<Line>>,
}

/// Facts only the request log needs.
struct Line {
    path: String,
    status: StatusCode,
    bytes: u64,
    cut_off: bool,
}

// === impl Record ===

impl Record {
    /// Starts the clock. Until told otherwise the outcome is that the client left.
    pub fn start(
        metrics: &Arc<Metrics>,
        snapshot: &Rc<Held>,
        method: &Method,
        log_path: Option<&str>,
    ) -> Self {
        metrics.in_flight.inc();
        let line = log_path.map(|path| {
            let path = path.to_owned();
            Box::new(Line {
                path,
                status: StatusCode::OK,
                bytes: 0,
                cut_off: false,
            })
        });
        Self {
            started: Instant::now(),
            metrics: Arc::clone(metrics),
            snapshot: Rc::clone(snapshot),
            route: None,
            method: method.clone(),
            outcome: Outcome::ClientClosed,
            line,
        }
    }

    /// The route that answers.
    pub fn set_route(&mut self, index: usize) {
        self.route = u32::try_from(index).ok();
    }

    /// The head is decided.
    pub fn set_outcome(&mut self, outcome: Outcome, status: StatusCode) {
        self.outcome = outcome;
        if let Some(line) = &mut self.line {
            line.status = status;
        }
    }

    /// More of the answer went out.
    pub fn add_bytes(&mut self, bytes: usize) {
        if let Some(line) = &mut self.line {
            line.bytes += bytes as u64;
        }
    }

    /// The answer ended early.
    pub fn cut_off(&mut self) {
        self.metrics.answers_cut_off.inc();
        if let Some(line) = &mut self.line {
            line.cut_off = true;
        }
    }

    fn count(&self) {
        let elapsed = self.started.elapsed();
        let Some(index) = self.route else {
            let labels = RouteLabels {
                method: method_label(self.method.as_str()),
                path_regex: NOT_APPLICABLE.to_owned(),
                target: NOT_APPLICABLE,
                response_from: NOT_APPLICABLE,
            };
            self.metrics.series(&labels, self.outcome).record(elapsed);
            return;
        };
        let index = index as usize;
        if self.outcome == Outcome::Ok {
            self.snapshot.meter(index, &self.metrics).record(elapsed);
        } else if let Some(route) = self.snapshot.table.routes().get(index) {
            let labels = crate::message::proxy::labels(route);
            self.metrics.series(&labels, self.outcome).record(elapsed);
        }
    }

    fn write(&self, line: &Line) {
        let route = self
            .route
            .and_then(|index| self.snapshot.table.routes().get(index as usize));
        let (id, pattern, target, upstream) = match route {
            Some(route) => (
                route.endpoint().id.as_str(),
                route.endpoint().pattern.source(),
                route.api.proxy.target_url.as_str(),
                route.origin.authority(),
            ),
            None => (
                NOT_APPLICABLE,
                NOT_APPLICABLE,
                NOT_APPLICABLE,
                NOT_APPLICABLE.to_owned(),
            ),
        };
        log::info!(
            target: "rig::request",
            path = line.path.as_str(),
            status = line.status.as_u16(),
            outcome = self.outcome.as_str(),
            bytes = line.bytes,
            cut_off = line.cut_off,
            duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            upstream = upstream.as_str();
            "CALL: [{id}] {} {pattern} => {target}",
            self.method
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        self.count();
        if let Some(line) = &self.line {
            self.write(line);
        }
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

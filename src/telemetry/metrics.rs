//! What is counted, as Prometheus sees it (spec: `observability.md` 9.2, `proxying.md` 3.13).
//!
//! Labels are bounded: a path is always the endpoint's `path_regex`, a method one of a fixed list,
//! and series of routes that no longer exist are dropped once there are many. The data plane holds
//! ready-made [`Series`], so a request costs a few atomic additions and no look-up.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder, process_collector::ProcessCollector,
};

/// Label names of the request counter. `path` is the original's name, `path_regex` the documented
/// one; both carry the pattern, so that dashboards written for either work.
const COUNTER_LABELS: [&str; 6] = [
    "method",
    "path",
    "path_regex",
    "target",
    "response_from",
    "status",
];

/// Label names of the duration histogram.
const DURATION_LABELS: [&str; 5] = ["method", "path_regex", "target", "response_from", "status"];

/// Seconds. From a cache hit on the same host to the longest usual time limit.
const DURATION_BUCKETS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Series of routes that were removed may outlive them up to this many beyond the live routes, so
/// that an ordinary change does not rake through all of them.
const STALE_SERIES_MAX: usize = 1_000;

/// Why a limit closes a client connection; the words of `http/inbound/listener`. Their series are there
/// from the start: a rise from nothing to 1 is none for `increase()`.
const INBOUND_REFUSED: [&str; 4] = [
    "max_connections",
    "header_timeout",
    "tls_handshake",
    "accept",
];

/// Label value where no route applies.
pub const NOT_APPLICABLE: &str = "N/A";

/// How a proxied request ended, as label `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The target answered, whatever its status code.
    Ok,
    /// No route.
    NotFound,
    /// The request itself is unusable.
    BadRequest,
    /// No valid token.
    Unauthorized,
    /// The route's method is not one that is forwarded.
    MethodNotAllowed,
    /// The request body is larger than allowed.
    PayloadTooLarge,
    /// The client paused too long within its body.
    ClientTimeout,
    /// The client went away before the answer's head.
    ClientClosed,
    /// The target cannot be reached or broke off.
    Unreachable,
    /// The target did not answer in time.
    RequestTimeout,
    /// The target accepted the request, but the answer did not come in time.
    ResponseTimeout,
    /// The route's target is of a kind that this node cannot serve.
    Unavailable,
}

/// What identifies the series of one route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteLabels {
    /// One of a fixed list ([`method_label`]).
    pub method: &'static str,
    /// The endpoint's `path_regex`, or [`NOT_APPLICABLE`].
    pub path_regex: String,
    /// Target word, or [`NOT_APPLICABLE`].
    pub target: &'static str,
    /// Answer word, or [`NOT_APPLICABLE`].
    pub response_from: &'static str,
}

/// Counter and histogram of one route and outcome.
#[derive(Debug, Clone)]
pub struct Series {
    requests: IntCounter,
    duration: Histogram,
}

/// All meters of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
    /// Requests whose answer is not complete yet (`rig_proxy_requests_in_flight`).
    pub in_flight: IntGauge,
    /// Open connections to targets (`rig_upstream_connections`).
    pub upstream_connections: IntGauge,
    /// Requests sent again after a pooled connection turned out dead.
    pub upstream_retries: IntCounter,
    /// Open client connections on the inbound ports.
    pub inbound_connections: IntGauge,
    /// Client connections closed by a limit, by `reason`.
    pub inbound_refused: IntCounterVec,
    /// Answers cut off because the target broke off within the body.
    pub answers_cut_off: IntCounter,
    /// Requests that wait for an asynchronous answer.
    pub awaited_answers: IntGauge,
    /// Active API definitions.
    pub apis: IntGauge,
    /// Routed endpoints.
    pub endpoints: IntGauge,
    /// Label sets that have series, for pruning.
    known: Mutex<HashSet<RouteLabels>>,
}

// === impl Outcome ===

impl Outcome {
    const ALL: [Self; 12] = [
        Self::Ok,
        Self::NotFound,
        Self::BadRequest,
        Self::Unauthorized,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::ClientTimeout,
        Self::ClientClosed,
        Self::Unreachable,
        Self::RequestTimeout,
        Self::ResponseTimeout,
        Self::Unavailable,
    ];

    /// The label value; the original's words where it has one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::ClientTimeout => "client_timeout",
            Self::ClientClosed => "client_closed",
            Self::Unreachable => "unreachable",
            Self::RequestTimeout => "request_timeout",
            Self::ResponseTimeout => "response_timeout",
            Self::Unavailable => "unavailable",
        }
    }
}

// === impl Series ===

impl Series {
    /// Counts one finished request.
    pub fn record(&self, duration: Duration) {
        self.requests.inc();
        self.duration.observe(duration.as_secs_f64());
    }
}

// === impl Metrics ===

impl Metrics {
    /// Meters at zero, the process's own among them.
    ///
    /// # Errors
    /// Never in practice: two meters of one name, which a test would show.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        registry.register(Box::new(build_info()?))?;
        let gauge = |name: &str, help: &str| register(&registry, IntGauge::new(name, help)?);
        let counter = |name: &str, help: &str| register(&registry, IntCounter::new(name, help)?);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(
                &registry,
                IntCounterVec::new(Opts::new(name, help), labels)?,
            )
        };
        let inbound_refused = counters(
            "rig_inbound_connections_refused_total",
            "Client connections closed by a limit.",
            &["reason"],
        )?;
        for reason in INBOUND_REFUSED {
            inbound_refused.with_label_values(&[reason]).inc_by(0);
        }
        Ok(Arc::new(Self {
            requests: counters(
                "rig_proxy_requests_total",
                "Requests handled by the proxy.",
                &COUNTER_LABELS,
            )?,
            duration: register(&registry, duration()?)?,
            in_flight: gauge("rig_proxy_requests_in_flight", "Requests being answered.")?,
            upstream_connections: gauge("rig_upstream_connections", "Connections to targets.")?,
            upstream_retries: counter(
                "rig_upstream_retries_total",
                "Requests sent again because a pooled connection was dead.",
            )?,
            inbound_connections: gauge("rig_inbound_connections", "Client connections.")?,
            inbound_refused,
            answers_cut_off: counter(
                "rig_proxy_answers_cut_off_total",
                "Answers cut off because the target broke off within the body.",
            )?,
            awaited_answers: gauge(
                "rig_proxy_awaited_answers",
                "Requests that wait for an asynchronous answer.",
            )?,
            apis: gauge("rig_apis", "Active API definitions.")?,
            endpoints: gauge("rig_endpoints", "Routed endpoints.")?,
            known: Mutex::default(),
            registry: registry.clone(),
        }))
    }

    /// The series of one route and outcome; made on first use.
    pub fn series(&self, labels: &RouteLabels, outcome: Outcome) -> Series {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(labels) {
            known.insert(labels.clone());
        }
        // Made while the lock is held: a prune in between would leave a series nobody shows.
        Series {
            requests: self
                .requests
                .with_label_values(&counter_values(labels, outcome)),
            duration: self
                .duration
                .with_label_values(&duration_values(labels, outcome)),
        }
    }

    /// Drops the series of routes that `live` does not name, if there are many.
    pub fn prune(&self, live_count: usize, live: impl FnOnce() -> HashSet<RouteLabels>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() <= live_count + STALE_SERIES_MAX {
            return;
        }
        let live = live();
        known.retain(|labels| {
            let keep = live.contains(labels) || labels.path_regex == NOT_APPLICABLE;
            if !keep {
                for outcome in Outcome::ALL {
                    // An error only says that this outcome never happened.
                    drop(
                        self.requests
                            .remove_label_values(&counter_values(labels, outcome)),
                    );
                    drop(
                        self.duration
                            .remove_label_values(&duration_values(labels, outcome)),
                    );
                }
            }
            keep
        });
    }

    /// Shows `collector` with the others.
    ///
    /// # Errors
    /// There is a meter of that name already.
    pub fn register<C>(&self, collector: C) -> Result<C, prometheus::Error>
    where
        C: prometheus::core::Collector + Clone + 'static,
    {
        register(&self.registry, collector)
    }

    /// The text exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            log::error!("metrics cannot be rendered: {error}");
        }
        text
    }
}

fn build_info() -> Result<IntGauge, prometheus::Error> {
    let opts = Opts::new("rig_build_info", "Constant 1, with the version as label.")
        .const_label("version", env!("CARGO_PKG_VERSION"));
    let build = IntGauge::with_opts(opts)?;
    build.set(1);
    Ok(build)
}

fn duration() -> Result<HistogramVec, prometheus::Error> {
    let opts = HistogramOpts::new(
        "rig_proxy_request_duration_seconds",
        "Time from a request's head to the last byte of its answer.",
    );
    HistogramVec::new(opts.buckets(DURATION_BUCKETS.to_vec()), &DURATION_LABELS)
}

fn counter_values(labels: &RouteLabels, outcome: Outcome) -> [&str; 6] {
    let RouteLabels {
        method,
        path_regex,
        target,
        response_from,
    } = labels;
    [
        method,
        path_regex,
        path_regex,
        target,
        response_from,
        outcome.as_str(),
    ]
}

fn duration_values(labels: &RouteLabels, outcome: Outcome) -> [&str; 5] {
    let RouteLabels {
        method,
        path_regex,
        target,
        response_from,
    } = labels;
    [method, path_regex, target, response_from, outcome.as_str()]
}

fn register<C>(registry: &Registry, collector: C) -> Result<C, prometheus::Error>
where
    C: prometheus::core::Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// `method` as a bounded label: HEAD counts as GET (as in the original), and whatever is not a
/// common method as `OTHER`.
pub fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 8] = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    if method == "HEAD" {
        return "GET";
    }
    KNOWN
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(path_regex: &str) -> RouteLabels {
        RouteLabels {
            method: "GET",
            path_regex: path_regex.to_owned(),
            target: "http",
            response_from: "http",
        }
    }

    #[test]
    fn a_request_is_counted_under_both_names_of_the_path_label() {
        let metrics = Metrics::new().unwrap();
        metrics
            .series(&labels("/a"), Outcome::Ok)
            .record(Duration::from_millis(3));
        let text = metrics.render();
        assert!(text.contains(
            r#"rig_proxy_requests_total{method="GET",path="/a",path_regex="/a",response_from="http",status="ok",target="http"} 1"#
        ), "{text}");
        assert!(
            text.contains("rig_proxy_request_duration_seconds_count"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }

    #[test]
    fn series_of_removed_routes_do_not_pile_up() {
        let metrics = Metrics::new().unwrap();
        for n in 0..=STALE_SERIES_MAX {
            metrics
                .series(&labels(&format!("/gone/{n}")), Outcome::Ok)
                .record(Duration::ZERO);
        }
        metrics
            .series(&labels("/live"), Outcome::Ok)
            .record(Duration::ZERO);
        metrics.prune(1, || HashSet::from([labels("/live")]));
        let text = metrics.render();
        assert!(text.contains("/live"));
        assert!(!text.contains("/gone/"));
    }

    #[test]
    fn a_made_up_method_cannot_make_a_new_series() {
        assert_eq!(method_label("HEAD"), "GET");
        assert_eq!(method_label("BREW"), "OTHER");
    }
}

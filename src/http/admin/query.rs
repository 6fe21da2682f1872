//! The parameters of queries that routes of the port know (names.md: receipts, cluster views).
//!
//! May depend on `core` for times and faults. Read before anything is changed, so that a slip in a
//! parameter never leaves a change behind. Percent-encoding is undone; `+` stays what it is, since a
//! time's offset begins with it. Deliberately absent: parameters nobody knows; they are ignored.

use std::time::Duration;

use actix_web::HttpRequest;
use chrono::DateTime;
use percent_encoding::percent_decode_str;

use crate::{
    core::{
        api::faults::Faults,
        registry::Rejection,
        replica::input::{UNTIL_RULE, Until},
    },
    http::problem::Problem,
};

/// Key of the error map under which faults of parameters are listed.
const GROUP: &str = "query";

/// How long a write waits for its receipt where `timeout` does not say (cluster.md, part 5.3).
pub(super) const TIMEOUT_OF_WRITES: Duration = Duration::from_secs(5);

/// The same where only a receipt is asked for: neighbours answer within milliseconds.
pub(super) const TIMEOUT_OF_LOOKS: Duration = Duration::from_secs(1);

/// Longest `timeout`, in seconds: what proxies in front of this port let a request take.
const TIMEOUT_S_MAX: f64 = 60.0;

/// What `timeout` has to be.
const TIMEOUT_RULE: &str = "must be a number of seconds above 0 and at most 60";

/// Shortest `timeout`: what clocks here can tell.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// Rounds shown where `limit` does not say: about 500 KiB.
const LIMIT: usize = 1_000;

/// Most rounds shown.
const LIMIT_MAX: usize = 10_000;

/// Which rounds are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    /// Only those in this state; `None`: all.
    pub(super) state: Option<String>,
    /// How many at most.
    pub(super) limit: usize,
}

/// What a client waits for, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// How far the change should spread; `None`: `wait` is not asked for.
    pub(super) until: Option<Until>,
    /// For how long at most.
    pub(super) timeout: Duration,
}

/// A query, and what is wrong with it so far.
struct Query<'a> {
    raw: &'a str,
    faults: Faults,
}

/// Reads `wait` and `timeout`.
///
/// # Errors
/// 400 with all faults.
pub(super) fn patience(request: &HttpRequest, timeout: Duration) -> Result<Patience, Problem> {
    let mut query = Query::of(request);
    let until = query.read("wait", UNTIL_RULE, |text| text.parse().ok());
    let asked = query.read("timeout", TIMEOUT_RULE, seconds);
    query.finish(Patience {
        until,
        timeout: asked.unwrap_or(timeout),
    })
}

/// Reads `wait`, which only knows `all`, and `timeout`: how long to wait, `None` for not at all.
///
/// # Errors
/// 400 with all faults.
pub(super) fn wait_for_all(
    request: &HttpRequest,
    timeout: Duration,
) -> Result<Option<Duration>, Problem> {
    let mut query = Query::of(request);
    let wait = query.read("wait", "must be all", |text| (text == "all").then_some(()));
    let asked = query.read("timeout", TIMEOUT_RULE, seconds);
    query.finish(wait.map(|()| asked.unwrap_or(timeout)))
}

/// Reads `since`, in milliseconds since the epoch; 0 if it is not there.
///
/// # Errors
/// 400 with the fault.
pub(super) fn since(request: &HttpRequest) -> Result<u64, Problem> {
    let mut query = Query::of(request);
    let rule = "must be milliseconds since the epoch or a time as in RFC 3339";
    let since = query.read("since", rule, moment);
    query.finish(since.unwrap_or(0))
}

/// Reads `state` and `limit`.
///
/// # Errors
/// 400 with all faults.
pub(super) fn selection(request: &HttpRequest) -> Result<Selection, Problem> {
    let mut query = Query::of(request);
    let rule = "must be contested, collecting, decided or conceded";
    let state = query.read("state", rule, |text| {
        ["contested", "collecting", "decided", "conceded"]
            .contains(&text)
            .then(|| text.to_owned())
    });
    let limit = query.read("limit", "must be a number from 1 to 10000", |text| {
        let limit = digits(text)?.parse().ok()?;
        (1..=LIMIT_MAX).contains(&limit).then_some(limit)
    });
    query.finish(Selection {
        // Every listed round is contested.
        state: state.filter(|state| state != "contested"),
        limit: limit.unwrap_or(LIMIT),
    })
}

// === impl Query ===

impl<'a> Query<'a> {
    fn of(request: &'a HttpRequest) -> Self {
        Self {
            raw: request.query_string(),
            faults: Faults::default(),
        }
    }

    /// The value of parameter `name`, which has to keep to `rule`.
    fn read<T>(
        &mut self,
        name: &'static str,
        rule: &'static str,
        read: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let mut values = self.raw.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode_str(key).decode_utf8().ok()? == name).then_some(value)
        });
        let value = values.next()?;
        if values.next().is_some() {
            self.faults.push(GROUP, name, "must be given once");
            return None;
        }
        let value = percent_decode_str(value).decode_utf8().ok();
        let read = value.and_then(|value| read(&value));
        if read.is_none() {
            self.faults.push(GROUP, name, rule);
        }
        read
    }

    fn finish<T>(self, value: T) -> Result<T, Problem> {
        if self.faults.is_empty() {
            return Ok(value);
        }
        Err(Rejection::Invalid(self.faults).into())
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    if !text.bytes().all(is_plain) {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    let allowed = seconds > 0.0 && seconds <= TIMEOUT_S_MAX;
    allowed.then(|| Duration::from_secs_f64(seconds).max(TIMEOUT_MIN))
}

/// Milliseconds since the epoch; a time before it counts as 0.
fn moment(text: &str) -> Option<u64> {
    if let Some(digits) = digits(text) {
        return digits.parse().ok();
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(u64::try_from(time.timestamp_millis()).unwrap_or(0))
}

/// `text`, if it is a number without sign.
pub(super) fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::{HttpRequest, ResponseError, body::MessageBody, test::TestRequest};

    use super::{LIMIT, Patience, TIMEOUT_OF_WRITES, patience, selection, since, wait_for_all};
    use crate::{core::replica::input::Until, http::problem::Problem};

    fn asked(query: &str) -> HttpRequest {
        TestRequest::with_uri(&format!("/x?{query}")).to_http_request()
    }

    fn words(problem: &Problem) -> String {
        let response = problem.error_response();
        assert_eq!(response.status(), 400);
        let body = response.into_body().try_into_bytes().ok().unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn how_long_and_how_far_a_client_waits_is_read_from_the_query() {
        let ms = Duration::from_millis;
        for (query, until, timeout) in [
            ("", None, TIMEOUT_OF_WRITES),
            ("other=1&&waiting=x", None, TIMEOUT_OF_WRITES),
            ("wait=all", Some(Until::All), TIMEOUT_OF_WRITES),
            ("timeout=2.5&wait=settled", Some(Until::Settled), ms(2_500)),
            ("wait=1&timeout=60", Some(Until::Count(1)), ms(60_000)),
            ("w%61it=%33&timeout=.2", Some(Until::Count(3)), ms(200)),
            ("wait=all&timeout=0.00000001", Some(Until::All), ms(1)),
        ] {
            let expected = Patience { until, timeout };
            assert_eq!(
                patience(&asked(query), TIMEOUT_OF_WRITES),
                Ok(expected),
                "{query}"
            );
        }
    }

    #[test]
    fn a_bad_wait_or_timeout_is_named() {
        let wait =
            r#"{"query":[{"wait":"must be all, settled or a number of nodes, at least 1"}]}"#;
        let timeout =
            r#"{"query":[{"timeout":"must be a number of seconds above 0 and at most 60"}]}"#;
        for (query, expected) in [
            ("wait", wait),
            ("wait=", wait),
            ("wait=ALL", wait),
            ("wait=0", wait),
            ("wait=-1", wait),
            ("wait=+1", wait),
            ("wait=1.5", wait),
            ("wait=99999999999999999999999", wait),
            ("wait=%ff", wait),
            (
                "wait=all&wait=1",
                r#"{"query":[{"wait":"must be given once"}]}"#,
            ),
            ("timeout=0", timeout),
            ("timeout=0.0", timeout),
            ("timeout=60.1", timeout),
            ("timeout=-1", timeout),
            ("timeout=NaN", timeout),
            ("timeout=inf", timeout),
            ("timeout=1e1", timeout),
            ("timeout=1.2.3", timeout),
            ("timeout=.", timeout),
            ("timeout=5s", timeout),
            ("timeout=", timeout),
        ] {
            let problem = patience(&asked(query), TIMEOUT_OF_WRITES).unwrap_err();
            assert_eq!(words(&problem), expected, "{query}");
        }
        let both = patience(&asked("timeout=x&wait=y"), TIMEOUT_OF_WRITES).unwrap_err();
        assert_eq!(words(&both).matches("must be").count(), 2);
    }

    #[test]
    fn waiting_for_all_nodes_is_asked_for_or_not() {
        let second = Duration::from_secs(1);
        for (query, expected) in [
            ("", None),
            ("timeout=3", None),
            ("wait=all", Some(second)),
            ("wait=all&timeout=.5", Some(second / 2)),
        ] {
            assert_eq!(wait_for_all(&asked(query), second), Ok(expected), "{query}");
        }
        for query in ["wait=1", "wait=settled", "wait="] {
            let problem = wait_for_all(&asked(query), second).unwrap_err();
            assert_eq!(words(&problem), r#"{"query":[{"wait":"must be all"}]}"#);
        }
    }

    #[test]
    fn a_time_is_milliseconds_or_rfc_3339() {
        for (query, expected) in [
            ("", 0),
            ("since=0", 0),
            ("since=1646118429123", 1_646_118_429_123),
            ("since=2022-03-01T07:07:09.123Z", 1_646_118_429_123),
            ("since=2022-03-01T08:07:09.123+01:00", 1_646_118_429_123),
            ("since=2022-03-01T08:07:09.123%2B01:00", 1_646_118_429_123),
            ("since=1900-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(since(&asked(query)), Ok(expected), "{query}");
        }
        for query in [
            "since=",
            "since=-1",
            "since=2022-03-01",
            "since=yesterday",
            "since=99999999999999999999",
        ] {
            let problem = since(&asked(query)).unwrap_err();
            assert!(words(&problem).contains(r#"{"since":"must be"#), "{query}");
        }
    }

    #[test]
    fn contested_means_every_round_and_what_is_faulty_is_named() {
        for (query, state, limit) in [
            ("", None, LIMIT),
            ("state=contested", None, LIMIT),
            ("state=decided&limit=1", Some("decided"), 1),
            ("limit=10000", None, 10_000),
        ] {
            let selected = selection(&asked(query)).unwrap();
            assert_eq!((selected.state.as_deref(), selected.limit), (state, limit));
        }
        for (query, name) in [
            ("state=open", "state"),
            ("limit=0", "limit"),
            ("limit=10001", "limit"),
            ("limit=-1", "limit"),
            ("limit=99999999999999999999", "limit"),
        ] {
            let problem = selection(&asked(query)).unwrap_err();
            let named = format!("{{\"{name}\":\"must be");
            assert!(words(&problem).contains(&named), "{query}");
        }
    }
}

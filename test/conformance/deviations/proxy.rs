//! `proxy.jsonl`: bodies and queries verbatim, whole-path matching, streaming, no 500.

use crate::support::{
    change::{
        Cases,
        Change::{
            self, AsSent, Chunked, Cors, Cut, Echo, Json, Line, Lines, Malformed, NotFound, NotSaw,
            Own, Passed, Query, Retried, Saw, SentBody, Status, Streamed, With,
        },
        Deviation,
    },
    expected::Want,
    golden::File::Proxy,
};

pub(super) fn table() -> Vec<Deviation> {
    let mut table = requests();
    table.extend(queries());
    table.extend(headers());
    table.extend(paths());
    table.extend(answers());
    table.extend(targets());
    table
}

fn named(
    cases: &'static [&'static str],
    spec: &'static str,
    why: &'static str,
    changes: &'static [Change],
) -> Deviation {
    Deviation {
        cases: Cases::Named(Proxy, cases),
        spec,
        why,
        changes,
    }
}

/// Methods and bodies.
fn requests() -> Vec<Deviation> {
    vec![
        named(
            &["method_DELETE", "get_with_body"],
            "proxying.md 3.4",
            "a body is forwarded with every method",
            &[Echo, SentBody],
        ),
        named(
            &["method_HEAD"],
            "proxying.md 3.1",
            "HEAD is forwarded as HEAD",
            &[Line("HEAD /p/any?a=1")],
        ),
        named(
            &["head_on_get_endpoint"],
            "proxying.md 3.1",
            "a GET endpoint serves HEAD, forwarded as HEAD",
            &[Line("HEAD /headonly/get")],
        ),
        named(
            &["post_empty", "post_cl0"],
            "proxying.md 3.5.2",
            "no content type is invented",
            &[NotSaw("content-type")],
        ),
        named(
            &["post_chunked"],
            "proxying.md 3.5.2",
            "a body keeps the client's framing: it is streamed",
            &[Saw("transfer-encoding", "chunked")],
        ),
        named(
            &["expect_100"],
            "proxying.md 3.5.1",
            "the gateway answers the expectation and drops it",
            &[NotSaw("expect")],
        ),
    ]
}

/// Query strings.
fn queries() -> Vec<Deviation> {
    vec![
        named(
            &[
                "query:a=1&a=2",
                "query:a",
                "query:a=%20b+c",
                "query:a=1&&b=2",
                "query:b=2&a=1&c=3",
                "query:a=1;b=2",
                "query:x=a/b:c@d",
                "query:q=%zz",
                "query:z=1&_method=POST",
                "query:a=1?b=2",
                "query:%5B%5D=1",
                "query:key%20with%20space=1",
                "query:a=1%26b=2",
                "query:a=*()!'",
            ],
            "proxying.md 3.3",
            "the query is forwarded verbatim",
            &[Query],
        ),
        named(
            &["query:a=%ff"],
            "proxying.md 3.3",
            "the query is forwarded verbatim, whatever it decodes to",
            &[Echo, AsSent],
        ),
        named(
            &["query:a=\u{fc}"],
            "proxying.md 3.12",
            "a raw byte beyond ASCII has no place in a request target (RFC 3986): malformed",
            &[Malformed],
        ),
    ]
}

/// Request headers.
fn headers() -> Vec<Deviation> {
    vec![
        named(
            &["reqheader:trailer=x-t"],
            "proxying.md 3.5.1",
            "trailers belong to one connection (RFC 9110, 7.6.1)",
            &[NotSaw("trailer")],
        ),
        named(
            &["reqheader:proxy-authorization=Basic abc"],
            "proxying.md 3.5.1",
            "credentials for a proxy end at the proxy",
            &[NotSaw("proxy-authorization")],
        ),
        named(
            &["reqheader_connection_named"],
            "proxying.md 3.5.1",
            "what `connection` names belongs to one connection (RFC 9110, 7.6.1)",
            &[NotSaw("x-foo")],
        ),
        named(
            &["absolute_uri"],
            "proxying.md 3.12",
            "absolute form is accepted: its path is routed, its authority replaces host (RFC 9112, \
             3.2.2)",
            &[Echo, Line("GET /p/any?x=1")],
        ),
        named(
            &[
                "transform_get",
                "transform_get_no_headers",
                "transform_post",
            ],
            "proxying.md 3.5.3",
            "a configured host is sent to the target",
            &[Saw("host", "changed.example")],
        ),
    ]
}

/// Matching and rewriting.
fn paths() -> Vec<Deviation> {
    vec![
        named(
            &["path:/p/named/zed"],
            "proxying.md 3.3",
            "named groups work",
            &[Echo, Line("GET /n/zed")],
        ),
        named(
            &["path:/x/p/any", "path:/p/alt1x", "path:/xx/p/alt2"],
            "proxying.md 3.2.2",
            "a pattern matches the whole path",
            &[NotFound],
        ),
        named(
            &["path:/p/norepl/%2e%2e/x"],
            "proxying.md 3.2.2",
            "dot segments, also escaped ones, are removed before matching: this is /p/x",
            &[NotFound],
        ),
        named(
            &["path:/p/%61ny"],
            "proxying.md 3.2.2",
            "escapes of unreserved characters are decoded before matching",
            &[Echo, Line("GET /p/any")],
        ),
        named(
            &["path:/p/qsrepl/5?fixed=2"],
            "proxying.md 3.3",
            "the query is verbatim; parameters of the replacement that it lacks stand in front",
            &[Line("GET /q?id=5&fixed=2")],
        ),
        named(
            &["path:/p/absrepl/a"],
            "proxying.md 3.3",
            "a replacement that is a URL is refused at definition time; the endpoint is left out",
            &[NotFound],
        ),
    ]
}

/// Answers of the back end.
fn answers() -> Vec<Deviation> {
    vec![
        named(
            &["backend_hdrs"],
            "proxying.md 3.7",
            "original order, duplicates as separate lines",
            &[
                Lines("set-cookie", &["a=1; Path=/", "b=2; HttpOnly"]),
                Lines("vary", &["Origin", "Accept"]),
            ],
        ),
        named(
            &["backend_chunked", "backend_http10", "backend_nolen"],
            "proxying.md 3.6",
            "answers are streamed: without a length of the back end's they are chunked",
            &[Chunked],
        ),
        named(
            &["backend_slowchunk"],
            "proxying.md 3.6",
            "answers are streamed: the first byte arrives at once",
            &[Chunked, Streamed],
        ),
        named(
            &["backend_short"],
            "proxying.md 3.6",
            "a failure in the middle of a body aborts the client's connection",
            &[Cut("short")],
        ),
        named(
            &["backend_close", "backend_garbage"],
            "src/http/inbound/forward.rs",
            "an idempotent request whose pooled connection fails before an answer is sent once \
             more on a new one (RFC 9110, 9.2.2)",
            &[Retried],
        ),
        named(
            &["backend_status_299"],
            "proxying.md 3.7",
            "every status passes",
            &[Passed(299)],
        ),
        named(
            &["backend_status_599"],
            "proxying.md 3.7",
            "every status passes",
            &[Passed(599)],
        ),
        named(
            &["backend_status_600"],
            "proxying.md 3.7",
            "every status passes",
            &[Passed(600)],
        ),
        named(
            &["backend_status_999"],
            "proxying.md 3.7",
            "every status passes",
            &[Passed(999)],
        ),
        named(
            &["backend_timeout_5s_default"],
            "proxying.md 3.12",
            "too slow is not unreachable (RFC 9110, 15.6.5)",
            &[Own(504, "Gateway timeout.")],
        ),
    ]
}

/// Targets and definitions.
fn targets() -> Vec<Deviation> {
    vec![
        named(
            &[
                "target_kafka_without_kafka_configured",
                "target_nats_without_nats",
            ],
            "names.md, last row",
            "targets that are not supported yet: nothing is called upstream",
            &[
                Cors(503, "Service unavailable.", "content-type,authorization"),
                With(|expected, _| expected.set("retry-after", [Want::Present])),
            ],
        ),
        named(
            &["target_unknown"],
            "proxying.md 3.8",
            "an unknown target is refused at definition time; the API is left out",
            &[NotFound],
        ),
        named(
            &["badregex_registered"],
            "proxying.md 3.2.4",
            "a pattern that does not compile is refused",
            &[
                Status(400),
                Json(r#"{"zbadrx/a":[{"path_regex":"must be a valid regular expression"}]}"#),
            ],
        ),
        named(
            &["other_route_while_bad_regex_present_get"],
            "proxying.md 3.2.4",
            "no definition breaks the requests of others",
            &[Echo, AsSent],
        ),
        named(
            &["unknown_route_while_bad_regex_present"],
            "proxying.md 3.2.4",
            "no definition breaks the requests of others",
            &[NotFound],
        ),
        named(
            &["bad_regex_delete"],
            "proxying.md 3.2.4",
            "there is nothing to delete",
            &[
                Status(404),
                Json(r#"{"message":"API with id=zbadrx doesn't exists."}"#),
            ],
        ),
    ]
}

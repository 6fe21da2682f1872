//! What holds for every answer of a kind, and for every request that reaches the back end.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::{
    change::{Cases, Change, Deviation, to_api},
    expected::{Body, Expected, Want},
    golden::{Case, Content, Origin},
    wire::header,
};

/// Everything but the unreserved characters of RFC 3986, 2.3.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn table() -> Vec<Deviation> {
    vec![
        Deviation {
            cases: Cases::Every(|case, expected| {
                let text = matches!(&expected.body, Body::Bytes(bytes) if !bytes.is_empty());
                expected.origin == Origin::Gateway && !to_api(case) && text
            }),
            spec: "proxying.md 3.12",
            why: "texts have a content type",
            changes: &[Change::Header("content-type", "text/plain; charset=utf-8")],
        },
        Deviation {
            cases: Cases::Every(|case, expected| {
                let own = expected.origin == Origin::Gateway && !to_api(case);
                own && expected.status == 404
            }),
            spec: "proxying.md 3.12",
            why: "the JSON of \"not found\" has its content type",
            changes: &[Change::Header(
                "content-type",
                "application/json; charset=utf-8",
            )],
        },
        Deviation {
            cases: Cases::Every(|case, expected| {
                let own = expected.origin == Origin::Gateway && !to_api(case);
                own && expected.status == 401
            }),
            spec: "proxying.md 3.9",
            why: "a 401 names the scheme (RFC 9110, 11.6.1)",
            changes: &[Change::Header("www-authenticate", "Bearer")],
        },
        Deviation {
            cases: Cases::Every(|case, expected| {
                let path = case.send.path.as_str();
                let one = path.starts_with("/v3/apis/") && path != "/v3/apis/";
                let read = one && matches!(case.send.method.as_str(), "GET" | "PUT");
                let created = path == "/v3/apis" && expected.status == 201;
                to_api(case) && (created || read && expected.status == 200)
            }),
            spec: "management-api.md 2.4",
            why: "optimistic concurrency: 200 and 201 about one API carry its entity tag",
            changes: &[Change::With(|expected, _| {
                expected.set("etag", [Want::Tag])
            })],
        },
        round_header(),
        Deviation {
            cases: Cases::Every(|case, expected| {
                let creates = case.send.method == "POST" && case.send.path == "/v3/apis";
                to_api(case) && creates && expected.status == 201
            }),
            spec: "RFC 9110, 10.2.2",
            why: "a 201 tells where the new API is",
            changes: &[Change::With(location)],
        },
        Deviation {
            cases: Cases::Every(|case, _| to_api(case)),
            spec: "hardening, src/http/admin/request_id.rs",
            why: "a browser must not guess another type for what a client stored here",
            changes: &[Change::Header("x-content-type-options", "nosniff")],
        },
        Deviation {
            cases: Cases::Every(|_, expected| !expected.saw.is_empty()),
            spec: "proxying.md 3.5.2",
            why: "x-forwarded-*, via and x-request-id are created; what a client that is not \
                  trusted says of forwarding is dropped",
            changes: &[Change::With(forwarding)],
        },
    ]
}

/// GET of one API says whether its round is open.
fn round_header() -> Deviation {
    Deviation {
        cases: Cases::Every(|case, expected| {
            let path = case.send.path.as_str();
            let one = path.starts_with("/v3/apis/") && path != "/v3/apis/";
            to_api(case) && one && case.send.method == "GET" && expected.status == 200
        }),
        spec: "cluster.md, part 8",
        why: "a reader is told whether the nodes still vote about what it reads",
        changes: &[Change::Header("x-rig-round", "settled")],
    }
}

/// `location` of the API that the request posted.
fn location(expected: &mut Expected, case: &Case) {
    let Some(Content::Json(document)) = &case.send.body else {
        panic!("{} is created from no JSON", case.name);
    };
    let id = document["id"].as_str().unwrap_or_default();
    let path = format!("/v3/apis/{}", utf8_percent_encode(id, &SEGMENT));
    expected.set("location", [Want::Exactly(path)]);
}

/// The headers that tell the back end of the client.
fn forwarding(expected: &mut Expected, case: &Case) {
    let sent = |name| header(&case.send.headers, name).map(str::to_owned);
    let host = match (&case.send.raw, case.send.path.strip_prefix("http://")) {
        (Some(_), _) => Some("a"),
        (None, Some(rest)) => rest.split('/').next(),
        (None, None) => (!case.send.no_host).then(|| case.send.host()),
    };
    let request_id = match sent("x-request-id") {
        Some(id) if (20..=200).contains(&id.len()) => Want::Exactly(id),
        // Too short to be taken over; the spec leaves open whether it is passed on or replaced.
        Some(_) => Want::Present,
        None => Want::RequestId,
    };
    let version = case
        .send
        .version
        .clone()
        .unwrap_or_else(|| "1.1".to_owned());
    for arrival in &mut expected.saw {
        arrival.set("x-forwarded-for", [Want::Exactly("127.0.0.1".to_owned())]);
        arrival.set("x-forwarded-proto", [Want::Exactly("http".to_owned())]);
        arrival.set(
            "x-forwarded-host",
            host.map(|host| Want::Exactly(host.to_owned())),
        );
        arrival.set(
            "via",
            [Want::Via(sent("via").unwrap_or_default(), version.clone())],
        );
        arrival.set("x-request-id", [request_id.clone()]);
    }
}

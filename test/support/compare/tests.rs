//! The comparison accepts what is expected of every case, and notices every kind of difference.

mod perfect;

use perfect::perfect;

use super::{Got, compare};
use crate::{
    conformance::deviations,
    support::{
        backend::Seen,
        change::expected,
        client::Answer,
        expected::Expected,
        golden::{Case, File, Ports},
        wire::Framing,
    },
};

const PORTS: Ports = Ports {
    backend: 11,
    closed: 12,
};

/// Every case with what is expected of it.
fn all() -> impl Iterator<Item = (Case, Expected)> {
    File::ALL.into_iter().flat_map(|file| {
        let table = deviations::table();
        file.cases(PORTS).into_iter().map(move |case| {
            let expected = expected(&table, file, &case, PORTS);
            (case, expected)
        })
    })
}

fn case(name: &str) -> (Case, Expected) {
    all()
        .find(|(case, _)| case.name == name)
        .expect("a recorded case")
}

/// The differences once `spoil` has changed what a perfect gateway gives.
fn spoilt(name: &str, spoil: impl FnOnce(&mut Answer, &mut Vec<Seen>)) -> Vec<String> {
    let (case, expected) = case(name);
    let (mut got, mut seen) = perfect(&case, &expected);
    spoil(&mut got.answers.as_mut().expect("answers")[0], &mut seen);
    compare(&case, &expected, &got, &seen)
}

#[test]
fn what_is_expected_of_a_case_is_accepted() {
    for (case, expected) in all() {
        let (got, seen) = perfect(&case, &expected);
        assert_eq!(
            compare(&case, &expected, &got, &seen),
            [""; 0],
            "{}",
            case.name
        );
    }
}

#[test]
fn another_status_or_request_line_is_noticed_in_every_case() {
    for (case, expected) in all() {
        let (mut got, mut seen) = perfect(&case, &expected);
        got.answers.as_mut().expect("answers")[0].status += 1;
        assert!(
            !compare(&case, &expected, &got, &seen).is_empty(),
            "{}",
            case.name
        );
        let (got, _) = perfect(&case, &expected);
        match seen.pop() {
            Some(last) => {
                assert!(
                    !compare(&case, &expected, &got, &seen).is_empty(),
                    "{}",
                    case.name
                );
                seen.push(Seen {
                    line: format!("{}x", last.line),
                    ..last
                });
            }
            None => seen.push(Seen::default()),
        }
        assert!(
            !compare(&case, &expected, &got, &seen).is_empty(),
            "{}",
            case.name
        );
    }
}

/// One of `differences` is about `what`.
fn assert_noticed(what: &str, differences: &[String]) {
    let start = format!("{what}: ");
    let noticed = differences.iter().any(|line| line.starts_with(&start));
    assert!(noticed, "{what}: {differences:?}");
}

#[test]
fn headers_too_few_and_too_many_are_noticed() {
    for (name, header, surplus) in [
        ("get_ok", "content-type", None),
        ("get_ok", "etag", None),
        ("get_ok", "x-request-id", None),
        ("get_ok", "cache-control", Some("no-store")),
        ("post_ok", "location", None),
        ("backend_down_get", "content-type", None),
        ("ah_no_token", "www-authenticate", None),
        ("ah_no_token", "traceparent", None),
        ("method_GET", "date", None),
        ("method_GET", "server", None),
        ("method_GET", "traceparent", Some("x")),
        ("method_GET", "x-more", Some("1")),
    ] {
        let differences = spoilt(name, |answer, _| match surplus {
            Some(value) => answer.headers.push((header.to_owned(), value.to_owned())),
            None => answer
                .headers
                .retain(|(known, _)| !known.eq_ignore_ascii_case(header)),
        });
        assert_noticed(&format!("header {header}"), &differences);
    }
    let reversed = spoilt("backend_hdrs", |answer, _| answer.headers.reverse());
    assert_noticed("header set-cookie", &reversed);
}

#[test]
fn other_bodies_are_noticed() {
    for name in [
        "method_GET",
        "get_ok",
        "backend_down_get",
        "backend_bin",
        "method_TRACE",
    ] {
        let longer = spoilt(name, |answer, _| answer.body.bytes.push(b'}'));
        assert_noticed("body", &longer);
        let cut = spoilt(name, |answer, _| answer.body.complete = false);
        assert_noticed("body complete", &cut);
    }
    let clean = spoilt("backend_short", |answer, _| answer.body.complete = true);
    assert_noticed("body complete", &clean);
    let whole = spoilt("backend_slowchunk", |answer, _| {
        answer.body.first_byte_at = None
    });
    assert_noticed("first byte before the last was sent", &whole);
}

#[test]
fn other_framing_is_noticed() {
    let chunked = spoilt("method_GET", |answer, _| answer.framing = Framing::Chunked);
    assert_noticed("framing", &chunked);
    let close = spoilt("backend_nolen", |answer, _| answer.framing = Framing::Close);
    assert_noticed("framing", &close);
    let length = ("content-length".to_owned(), "0".to_owned());
    let surplus = spoilt("backend_status_204", |answer, _| {
        answer.headers.push(length)
    });
    assert_noticed("content-length", &surplus);
    let lacking = spoilt("method_HEAD", |answer, _| answer.headers.clear());
    assert_noticed("content-length", &lacking);
}

#[test]
fn every_kind_of_difference_at_the_back_end_is_noticed() {
    let traced = "reqheader:traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let other = "00-0123456789abcdef0123456789abcdef-fedcba9876543210-01";
    for (name, what, header, value) in [
        (
            "method_POST",
            "header content-length",
            "content-length",
            None,
        ),
        ("method_GET", "header host", "host", Some("localhost")),
        ("method_GET", "header x-more", "x-more", Some("1")),
        (
            "method_GET",
            "header x-forwarded-for",
            "x-forwarded-for",
            None,
        ),
        (
            "reqheader:via=1.1 other",
            "header via",
            "via",
            Some("1.1 rig"),
        ),
        ("reqheader:te=trailers", "header te", "te", None),
        ("reqheader_dup", "header x-a", "x-a", Some("2, 1")),
        ("method_GET", "traceparent", "traceparent", None),
        (traced, "traceparent", "traceparent", Some(other)),
    ] {
        let differences = spoilt(name, |_, seen| {
            let headers = &mut seen[0].headers;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(header));
            headers.extend(value.map(|value| (header.to_owned(), value.to_owned())));
        });
        assert_noticed(&format!("back end's {what}"), &differences);
    }
    let empty = spoilt("method_POST", |_, seen| seen[0].body.bytes.clear());
    assert_noticed("back end's body", &empty);
    let cut = spoilt("method_POST", |_, seen| seen[0].body.complete = false);
    assert_noticed("back end's body complete", &cut);
}

#[test]
fn no_answer_and_an_open_connection_are_noticed_and_a_cut_before_the_head_is_a_cut() {
    let (get, wanted) = case("method_GET");
    let (_, seen) = perfect(&get, &wanted);
    let none = || Got {
        answers: Err("closed".to_owned()),
        closed: false,
    };
    assert_eq!(compare(&get, &wanted, &none(), &seen).len(), 1);
    let (short, wanted) = case("backend_short");
    let (_, seen) = perfect(&short, &wanted);
    assert!(compare(&short, &wanted, &none(), &seen).is_empty());
    let (trace, wanted) = case("method_TRACE");
    let (got, seen) = perfect(&trace, &wanted);
    let open = Got {
        closed: false,
        ..got
    };
    assert_eq!(
        compare(&trace, &wanted, &open, &seen),
        ["connection: expected closed, got open"]
    );
}

#[test]
fn lines_of_one_name_may_arrive_joined_or_apart() {
    let apart = spoilt("reqheader_dup", |_, seen| {
        seen[0]
            .headers
            .retain(|(name, _)| name != "x-a" && name != "cookie");
        for (name, value) in [
            ("x-a", "1"),
            ("cookie", "a=1"),
            ("x-a", "2"),
            ("cookie", "b=2"),
        ] {
            seen[0].headers.push((name.to_owned(), value.to_owned()));
        }
    });
    assert!(apart.is_empty(), "{apart:?}");
}

#[test]
fn only_a_request_that_may_be_retried_may_arrive_twice() {
    let twice = |_: &mut Answer, seen: &mut Vec<Seen>| seen.extend(seen.clone());
    assert!(spoilt("backend_close", twice).is_empty());
    assert_noticed("requests at the back end", &spoilt("backend_short", twice));
    let thrice = spoilt("backend_close", |_, seen| *seen = vec![seen[0].clone(); 3]);
    assert_noticed("requests at the back end", &thrice);
}

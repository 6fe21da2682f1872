//! Which parts of a request count as tokens.

use http::HeaderName;
use proptest::prelude::*;

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn auth(header: Option<&str>, query: Option<&str>) -> Auth {
    Auth {
        jwt: true,
        header: header.map(str::to_owned),
        query: query.map(str::to_owned),
    }
}

fn check_header(name: &str, values: &[&str], expected: &[&str]) {
    let lines: Vec<(&str, &str)> = values.iter().map(|value| (name, *value)).collect();
    let headers = headers(&lines);
    let found = candidates(&auth(Some(name), None), &headers, None);
    assert_eq!(found, expected, "{values:?}");
}

#[test]
fn authorization_gives_the_bearer_items_of_its_comma_lists() {
    for (values, expected) in [
        (&["Bearer a"][..], &["a"][..]),
        (&["bearer a"], &["a"]),
        (&["BEARER a"], &["a"]),
        (&["bEaReR \t  a \t"], &["a"]),
        (&["Bearer\ta"], &["a"]),
        (&["Bearer a, Bearer b,bearer c"], &["a", "b", "c"]),
        (&["Basic Zm9v, Bearer a"], &["a"]),
        (&["Bearer a", "Bearer b"], &["a", "b"]),
        (&[",, Bearer a ,,"], &["a"]),
        (&["Bearer \"a\""], &["\"a\""]),
        (&["Bearer a b"], &["a b"]),
        (&[""], &[]),
        (&["a"], &[]),
        (&["Bearer"], &[]),
        (&["Bearer "], &[]),
        (&["Bearer,a"], &[]),
        (&["Bearera"], &[]),
        (&["Token a", "Basic a", "Bearers a"], &[]),
        (&["\u{fc}Bearer a"], &[]),
    ] {
        check_header("authorization", values, expected);
    }
}

#[test]
fn any_other_header_gives_each_line_with_or_without_scheme() {
    for (values, expected) in [
        (&["a"][..], &["a"][..]),
        (&["Bearer a"], &["a"]),
        (&["bearer  a"], &["a"]),
        (&["a", "Bearer b"], &["a", "b"]),
        (&["a,b"], &["a,b"]),
        (&["", " ", "Bearer "], &["Bearer"]),
        (&["Basic a"], &["Basic a"]),
    ] {
        check_header("x-token", values, expected);
    }
}

#[test]
fn the_query_parameter_is_decoded_and_split_at_commas() {
    let headers = headers(&[("authorization", "Bearer h")]);
    for (query, expected) in [
        ("token=a", &["a"][..]),
        ("x=1&token=a,b&y", &["a", "b"]),
        ("token=a%2Cb", &["a", "b"]),
        ("token=a%2eb%2Ec", &["a.b.c"]),
        ("%74oken=a", &["a"]),
        ("token=a&token=b", &["a", "b"]),
        ("token=a=b", &["a=b"]),
        ("token=,a,,%20b%20,", &["a", "b"]),
        ("token=a+b", &["a+b"]),
        ("token=a%", &["a%"]),
        ("token=", &[]),
        ("token", &[]),
        ("Token=a", &[]),
        ("tokens=a", &[]),
        ("token=%ff", &[]),
        ("x=token=a", &[]),
        ("", &[]),
        ("&&=&", &[]),
    ] {
        let found = candidates(&auth(None, Some("token")), &headers, Some(query));
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn headers_come_before_the_query_and_only_named_sources_count() {
    let headers = headers(&[("authorization", "Bearer h"), ("x-token", "x")]);
    let find = |header, query| candidates(&auth(header, query), &headers, Some("token=q&other=o"));
    assert_eq!(find(Some("authorization"), Some("token")), ["h", "q"]);
    assert_eq!(find(Some("x-token"), None), ["x"]);
    assert_eq!(find(Some("x-absent"), Some("absent")), [""; 0]);
    assert_eq!(find(Some("not a header name"), None), [""; 0]);
    assert_eq!(find(Some(""), None), [""; 0]);
    assert_eq!(find(None, None), [""; 0]);
}

#[test]
fn candidates_are_bounded_over_all_sources() {
    let many = "Bearer t,".repeat(CANDIDATES_MAX - 1);
    let headers = headers(&[("authorization", &many)]);
    let query = format!("token={}&token=last", "q,".repeat(CANDIDATES_MAX));
    let source = auth(Some("authorization"), Some("token"));
    let found = candidates(&source, &headers, Some(&query));
    assert_eq!(found.len(), CANDIDATES_MAX);
    assert_eq!(found.last().map(AsRef::as_ref), Some("q"));

    let mut lines = HeaderMap::new();
    for _ in 0..2 * CANDIDATES_MAX {
        lines.append("x-token", HeaderValue::from_static("t"));
    }
    let found = candidates(&auth(Some("x-token"), None), &lines, None);
    assert_eq!(found.len(), CANDIDATES_MAX);
    let encoded = format!("token={}", "q%2C".repeat(2 * CANDIDATES_MAX));
    let found = candidates(&source, &lines, Some(&encoded));
    assert_eq!(found.len(), CANDIDATES_MAX);
}

#[test]
fn a_check_takes_bare_items_too_and_inference_only_bearer_tokens() {
    for (lines, bearer, all) in [
        (
            &[("authorization", "Bearer a, bearer  b ,BEARER\tc")][..],
            &["a", "b", "c"][..],
            &["a", "b", "c"][..],
        ),
        (
            &[("authorization", "a"), ("authorization", "Bearer b")],
            &["b"],
            &["a", "b"],
        ),
        (&[("authorization", "Basic Zm9v, x.y.z")], &[], &["x.y.z"]),
        (&[("authorization", ""), ("x-token", "x")], &[], &[]),
        (&[("authorization", ", ,Bearer ,")], &[], &["Bearer"]),
    ] {
        let headers = headers(lines);
        assert_eq!(bearer_tokens(&headers), bearer, "{lines:?}");
        assert_eq!(check_tokens(&headers), all, "{lines:?}");
    }
    let many = headers(&[("authorization", &"t,".repeat(3 * CANDIDATES_MAX))]);
    assert_eq!(check_tokens(&many).len(), CANDIDATES_MAX);
}

proptest! {
    #[test]
    fn no_request_panics(
        value in proptest::collection::vec(any::<u8>().prop_filter("header byte", |b| *b >= 32 && *b != 127), 0..80),
        query in "\\PC{0,60}",
    ) {
        let mut map = HeaderMap::new();
        map.append("authorization", HeaderValue::from_bytes(&value).unwrap());
        map.append("x-token", HeaderValue::from_bytes(&value).unwrap());
        for header in ["authorization", "x-token"] {
            let found = candidates(&auth(Some(header), Some("token")), &map, Some(&query));
            prop_assert!(found.len() <= CANDIDATES_MAX);
            prop_assert!(found.iter().all(|token| !token.is_empty()));
        }
    }
}

use std::collections::BTreeSet;

use proptest::prelude::*;
use regex::RegexBuilder;

use super::*;
use crate::core::{
    api::Address,
    route::table::fixture::{api, table},
};

fn head<'a>(method: &'a str, target: &'a str) -> RequestHead<'a> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    RequestHead {
        method,
        path,
        query,
    }
}

/// `api/endpoint target`, or the refusal.
fn answer(table: &RouteTable, method: &str, target: &str) -> String {
    match table.plan(head(method, target)) {
        Ok(plan) => {
            let sent = plan.target.as_deref().unwrap_or(target);
            format!("{}/{} {sent}", plan.route.api.id, plan.route.endpoint().id)
        }
        Err(refusal) => refusal.to_string(),
    }
}

/// The API that the recordings of the original were made with, as far as it concerns routing.
fn recorded() -> RouteTable {
    table([api(
        "p",
        &[
            ("GET", "/p/any", ""),
            ("POST", "/p/any", ""),
            ("PROPFIND", "/p/any", ""),
            ("GET", "/p/rx/(.+)/to/(.+)", "/moved/\\2/then/\\1"),
            ("GET", "^/p/anch/[0-9]+$", ""),
            ("GET", "/p/case/ABC", ""),
            ("GET", "/p/named/(?<x>[^/]+)", "/n/\\g{x}"),
            ("GET", "/p/norepl/.*", ""),
            ("GET", "/p/qsrepl/(.*)", "/q?fixed=1&id=\\1"),
            ("GET", "/p/relrepl/(.*)", "rel/\\1"),
            ("GET", "/p/dotrepl/(.*)", "/a/../b/./\\1"),
            ("GET", "/p/whole", "/w\\0"),
            ("GET", "/p/alt1|/p/alt2", ""),
            ("GET", "/p/dup", "/dup/first"),
            ("GET", "/p/dup", "/dup/second"),
        ],
    )])
}

#[test]
fn recorded_requests_are_answered_as_the_spec_says() {
    let table = recorded();
    for (target, expected) in [
        ("/p/any?a=1", "p/e0 /p/any?a=1"),
        ("/p/any?a=1&a=2", "p/e0 /p/any?a=1&a=2"),
        (
            "/p/any?a[]=1&b;c&=1&%5B%5D=%zz%ff",
            "p/e0 /p/any?a[]=1&b;c&=1&%5B%5D=%zz%ff",
        ),
        ("/p/any?a=1?b=2", "p/e0 /p/any?a=1?b=2"),
        ("/p/any?", "p/e0 /p/any"),
        ("/p/rx/one/to/two", "p/e3 /moved/two/then/one"),
        ("/p/rx/a%20b/to/c%2Fd", "p/e3 /moved/c%2Fd/then/a%20b"),
        ("/p/rx/x/y/to/z?q", "p/e3 /moved/z/then/x/y?q"),
        ("/p/rx/one/to/", "no endpoint matches"),
        ("/p/anch/123", "p/e4 /p/anch/123"),
        ("/x/p/anch/123", "no endpoint matches"),
        ("/p/anch/12a", "no endpoint matches"),
        ("/p/anch/123/", "no endpoint matches"),
        ("/P/CASE/abc", "p/e5 /P/CASE/abc"),
        ("/p/named/zed", "p/e6 /n/zed"),
        ("/p/norepl/a/b%20c?x=y", "p/e7 /p/norepl/a/b%20c?x=y"),
        ("/p/norepl/ü", "malformed path"),
        ("/p/norepl/%zz", "malformed path"),
        ("/p/norepl/%C3%BC", "p/e7 /p/norepl/%C3%BC"),
        ("/p/norepl/a//b", "p/e7 /p/norepl/a//b"),
        ("/p/norepl/../any?x", "p/e0 /p/any?x"),
        ("/p/norepl/%2e%2e/x", "no endpoint matches"),
        ("/p/norepl/%2e%2e/any?", "p/e0 /p/any"),
        ("/p/qsrepl/5", "p/e8 /q?fixed=1&id=5"),
        ("/p/qsrepl/5?z=9", "p/e8 /q?fixed=1&id=5&z=9"),
        ("/p/qsrepl/5?fixed=2", "p/e8 /q?id=5&fixed=2"),
        ("/p/qsrepl/5&admin=1?", "p/e8 /q?fixed=1&id=5%26admin=1"),
        ("/p/relrepl/a", "p/e9 /rel/a"),
        ("/p/dotrepl/c", "p/e10 /b/c"),
        ("/p/whole", "p/e11 /w/p/whole"),
        ("/p/alt1", "p/e12 /p/alt1"),
        ("/p/alt1x", "no endpoint matches"),
        ("/xx/p/alt2", "no endpoint matches"),
        ("/p/dup", "p/e13 /dup/first"),
        ("/p/any/", "no endpoint matches"),
        ("/p/anyx", "no endpoint matches"),
        ("/p/any/more", "no endpoint matches"),
        ("/p/any%0a", "no endpoint matches"),
        ("/x/p/any", "no endpoint matches"),
        ("/p/ANY", "p/e0 /p/ANY"),
        ("/p/any;v=1", "no endpoint matches"),
        ("/p/%61ny", "p/e0 /p/any"),
        ("/%ff", "no endpoint matches"),
        ("*", "malformed path"),
        ("", "no endpoint matches"),
        ("http://evil/p/any", "malformed path"),
    ] {
        assert_eq!(answer(&table, "GET", target), expected, "{target}");
    }
}

#[test]
fn what_goes_out_as_it_came_in_is_not_copied() {
    let table = recorded();
    for (target, copied) in [
        ("/p/any", false),
        ("/p/any?a=1", false),
        ("/p/any?", true),
        ("/p/%61ny", true),
    ] {
        let plan = table.plan(head("GET", target)).unwrap();
        assert_eq!(plan.target.is_some(), copied, "{target}");
    }
}

#[test]
fn only_forwarded_methods_pass_spelled_as_they_must_be() {
    let table = recorded();
    let refused = Refusal::MethodNotAllowed.to_string();
    for (method, expected) in [
        ("GET", "p/e0 /p/any"),
        ("POST", "p/e1 /p/any"),
        ("HEAD", "p/e0 /p/any"),
        ("get", &refused),
        ("head", &refused),
        ("PROPFIND", &refused),
        ("propfind", &refused),
        ("PUT", "no endpoint matches"),
        ("BADMETHOD", "no endpoint matches"),
        ("", "no endpoint matches"),
    ] {
        assert_eq!(answer(&table, method, "/p/any"), expected, "{method}");
    }
}

#[test]
fn head_endpoints_serve_head_first_and_get_endpoints_else() {
    let table = table([
        api("a", &[("GET", "/x.*", "")]),
        api(
            "b",
            &[("HEAD", "/x", ""), ("HEAD", "/x/.*", ""), ("GET", "/y", "")],
        ),
    ]);
    for (target, expected) in [
        ("/x", "b/e0 /x"),
        ("/x/y", "b/e1 /x/y"),
        ("/xx", "a/e0 /xx"),
        ("/y", "b/e2 /y"),
    ] {
        assert_eq!(answer(&table, "HEAD", target), expected, "{target}");
    }
    assert_eq!(answer(&table, "GET", "/x"), "a/e0 /x");
    assert_eq!(table.matches(head("HEAD", "/x")), [1, 0]);
    assert_eq!(table.matches(head("GET", "/x")), [0]);
}

#[test]
fn the_first_match_by_api_id_then_list_position_wins() {
    let apis = [
        api(
            "o1",
            &[("GET", "/over/.*", "/from/o1"), ("GET", "/over/lap", "")],
        ),
        api(
            "o0",
            &[("GET", "/other", ""), ("GET", "/over/lap", "/from/o0")],
        ),
        api(
            "O2",
            &[
                ("GET", "/.*lap", "/from/O2"),
                ("GET", "/over/(lap|top)", ""),
            ],
        ),
    ];
    let table = table(apis);
    let ids: Vec<_> = table.routes().iter().map(|route| &*route.api.id).collect();
    assert_eq!(ids, ["O2", "O2", "o0", "o0", "o1", "o1"]);
    assert_eq!(answer(&table, "GET", "/over/lap"), "O2/e0 /from/O2");
    assert_eq!(answer(&table, "GET", "/over/top"), "O2/e1 /over/top");
    assert_eq!(answer(&table, "GET", "/over/else"), "o1/e0 /from/o1");
    assert_eq!(table.matches(head("GET", "/over/lap")), [0, 1, 3, 4, 5]);
    assert_eq!(table.matches(head("GET", "/over/%zz")), [0; 0]);
}

#[test]
fn versioned_apis_are_left_out_and_endpoints_of_an_api_share_their_origin() {
    let mut versioned = Arc::into_inner(api("a", &[("GET", "/x", "")])).unwrap();
    versioned.versioned = true;
    let mut by_name = Arc::into_inner(api("b", &[("GET", "/x", ""), ("GET", "/y", "")])).unwrap();
    by_name.proxy = Address {
        target_url: "B_HOST".to_owned(),
        port: 81,
        use_env: true,
    };
    let apis = [Arc::new(versioned), Arc::new(by_name)];
    let table = RouteTable::build(apis, |name| {
        (name == "B_HOST").then(|| "https://b".to_owned())
    });
    assert_eq!(answer(&table, "GET", "/x"), "b/e0 /x");
    let [x, y] = table.routes() else {
        panic!("two routes")
    };
    assert!(Arc::ptr_eq(&x.origin, &y.origin));
    assert_eq!(
        (x.origin.https, x.origin.authority().as_str()),
        (true, "b:81")
    );
}

#[test]
fn an_empty_table_matches_nothing() {
    for table in [RouteTable::default(), table([]), table([api("a", &[])])] {
        assert_eq!(answer(&table, "GET", "/"), "no endpoint matches");
    }
}

/// The attack: let the path name another host, by `//host`, by a URL, or through a replacement
/// that starts with a group.
#[test]
fn no_path_chooses_the_target() {
    let table = table([api(
        "a",
        &[
            ("GET", "/r(.*)", "\\1"),
            ("GET", "/s/(.*)", "\\1"),
            ("GET", ".*", ""),
        ],
    )]);
    for (target, expected) in [
        ("//evil.example/x", "a/e2 //evil.example/x"),
        ("/r//evil.example/x", "a/e0 //evil.example/x"),
        ("/r@evil.example/x", "a/e0 /@evil.example/x"),
        ("/r:80/x", "a/e0 /:80/x"),
        ("/s/http://evil.example", "a/e1 /http://evil.example"),
        ("/s/../..//evil", "a/e2 //evil"),
        ("/s/%2e%2e/r/..//evil", "a/e2 //evil"),
    ] {
        assert_eq!(answer(&table, "GET", target), expected, "{target}");
    }
}

#[test]
fn ten_thousand_routes_are_told_apart() {
    let endpoints: Vec<(String, String)> = (0..100)
        .map(|at| {
            (
                format!("/items/{at}"),
                format!("/items/{at}/([^/]+)/parts/.*"),
            )
        })
        .collect();
    let endpoint = |(literal, open): &(String, String), api: usize| {
        [
            ("GET", format!("/api{api}{literal}")),
            ("GET", format!("/api{api}{open}")),
        ]
    };
    let apis = (0..50).map(|number| {
        let all: Vec<_> = endpoints
            .iter()
            .flat_map(|pair| endpoint(pair, number))
            .collect();
        let all: Vec<_> = all
            .iter()
            .map(|(method, regex)| (*method, regex.as_str(), ""))
            .collect();
        api(&format!("{number:03}"), &all)
    });
    let table = table(apis);
    assert_eq!(table.routes().len(), 10_000);
    for (number, at) in [(0, 0), (0, 99), (7, 7), (12, 34), (49, 99)] {
        let base = format!("/api{number}/items/{at}");
        for (path, expected) in [
            (base.clone(), Ok(number * 200 + at * 2)),
            (base.to_uppercase(), Ok(number * 200 + at * 2)),
            (format!("{base}/x/parts/a/b"), Ok(number * 200 + at * 2 + 1)),
            (format!("{base}/"), Err(Refusal::NotFound)),
            (format!("{base}/x/y/parts/z"), Err(Refusal::NotFound)),
        ] {
            let found = table.plan(head("GET", &path)).map(|plan| plan.index);
            assert_eq!(found, expected, "{path}");
        }
    }
}

fn routes() -> impl Strategy<Value = Vec<(&'static str, &'static str, String)>> {
    let id = prop::sample::select(vec!["a", "b", "c"]);
    let method = prop::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST"]);
    let part = prop::sample::select(vec![
        "/", "/", "a", "b", "ab", "A", "[^/]+", "(.*)", ".+", "(a|b)", "/?", "(/a)?", "a+",
    ]);
    let regex = prop::collection::vec(part, 0..5).prop_map(|parts| format!("/{}", parts.concat()));
    prop::collection::vec((id, method, regex), 0..24)
}

proptest! {
    #[test]
    fn the_table_decides_as_a_linear_search_does(
        routes in routes(),
        requests in prop::collection::vec(("GET|HEAD|POST", "/([abAB/.]|%61){0,6}"), 16),
    ) {
        let ids: BTreeSet<_> = routes.iter().map(|(id, ..)| *id).collect();
        let of = |id| routes.iter().filter(move |(other, ..)| *other == id);
        let apis = ids.iter().rev().map(|id| {
            let endpoints = of(*id).map(|(_, method, regex)| (*method, regex.as_str(), ""));
            let endpoints: Vec<_> = endpoints.collect();
            api(id, &endpoints)
        });
        let table = table(apis);
        let naive: Vec<_> = ids.iter().flat_map(|id| of(*id)).map(|(_, method, regex)| {
            let regex = RegexBuilder::new(&format!("^(?:{regex})$")).case_insensitive(true).build();
            (*method, regex.unwrap())
        }).collect();
        for (method, raw) in &requests {
            let path = path::normalise(raw).unwrap();
            let search = |method: &str| -> Vec<usize> {
                let all = naive.iter().enumerate();
                let found = all.filter(|(_, (own, regex))| *own == method && regex.is_match(&path));
                found.map(|(at, _)| at).collect()
            };
            let mut expected = search(method);
            if method == "HEAD" {
                expected.extend(search("GET"));
            }
            let found = table.plan(head(method, raw)).map(|plan| plan.index);
            prop_assert_eq!(found.ok(), expected.first().copied(), "{} {}", method, raw);
            prop_assert_eq!(table.matches(head(method, raw)), expected, "{} {}", method, raw);
        }
    }

    #[test]
    fn what_is_sent_is_always_a_path_of_the_apis_own_target(
        path in "/([a./:@%2]|//|\\.\\.|%2e|%2f|%5c|\\\\|http:){0,10}",
        query in prop::option::of("[a&=%;+/?:]{0,6}"),
        replacement in "(\\\\1|\\\\2|[./a:%2eü ])(\\\\[0-2]|[./a:%?&=]|\\.\\.){0,6}",
    ) {
        let pattern = crate::core::pattern::Pattern::compile("/(.?)(.*)").unwrap();
        prop_assume!(crate::core::pattern::Replacement::compile(&replacement, &pattern).is_ok());
        for replacement in ["", &replacement] {
            let table = table([api("a", &[("GET", "/(.?)(.*)", replacement)])]);
            let head = RequestHead { method: "GET", path: &path, query: query.as_deref() };
            if let Ok(Plan { target: Some(target), .. }) = table.plan(head) {
                let (sent, query) = target.split_once('?').unwrap_or((&target, "none"));
                let normal = path::normalise(sent);
                prop_assert_eq!(normal.as_deref(), Ok(sent), "{}", target);
                let is_allowed = |byte| matches!(byte, 0x21..=0x7e) && byte != b'#';
                prop_assert!(target.bytes().all(is_allowed), "{}", target);
                prop_assert_ne!(query, "");
            }
        }
    }
}

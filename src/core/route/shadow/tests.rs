use super::*;
use crate::core::route::table::fixture::{api, table};

fn told(table: &RouteTable, id: &str) -> Vec<String> {
    let name = |route: &Route| format!("{}/{}", route.api.id, route.endpoint().id);
    let told = shadows(table, id);
    told.iter()
        .map(|shadow| format!("{} < {}", name(shadow.hidden), name(shadow.by)))
        .collect()
}

#[test]
fn endpoints_behind_equal_wider_or_catch_all_patterns_are_told() {
    let table = table([api(
        "a",
        &[
            ("GET", "/x", ""),
            ("GET", "/X", ""),
            ("GET", "^/x$", ""),
            ("POST", "/x", ""),
            ("HEAD", "/x", ""),
            ("GET", "/u/[^/]+", ""),
            ("GET", "/u/[0-9]+", ""),
            ("GET", "/u/me", ""),
            ("GET", "/u/me/x", ""),
            ("GET", "/f/.+", ""),
            ("GET", "/f/", ""),
            ("GET", "/f/(a|b)", ""),
            ("GET", "/f/(a|b)?", ""),
            ("GET", "/f/(a|b)?", ""),
        ],
    )]);
    assert_eq!(
        told(&table, "a"),
        [
            "a/e1 < a/e0",
            "a/e2 < a/e0",
            "a/e6 < a/e5",
            "a/e7 < a/e5",
            "a/e11 < a/e9",
            "a/e13 < a/e12",
        ]
    );
    assert_eq!(
        shadows(&table, "a")[0].to_string(),
        "`a/e1` is never reached: `a/e0` comes first and takes all its GET requests"
    );
}

#[test]
fn shadows_of_other_apis_are_told_only_if_the_api_casts_or_suffers_them() {
    let table = table([
        api("a", &[("GET", "/a/.*", ""), ("GET", "/a/b", "")]),
        api(
            "b",
            &[("GET", "/a/c", ""), ("GET", "/b/.*", ""), ("GET", "/d", "")],
        ),
        api(
            "c",
            &[
                ("GET", "/a/c", ""),
                ("GET", "/b/[0-9]+", ""),
                ("GET", "/D", ""),
                ("GET", "/e", ""),
            ],
        ),
    ]);
    assert_eq!(
        told(&table, "a"),
        ["a/e1 < a/e0", "b/e0 < a/e0", "c/e0 < a/e0"]
    );
    assert_eq!(
        told(&table, "b"),
        ["b/e0 < a/e0", "c/e1 < b/e1", "c/e2 < b/e2"]
    );
    assert_eq!(
        told(&table, "c"),
        ["c/e0 < a/e0", "c/e1 < b/e1", "c/e2 < b/e2"]
    );
    assert_eq!(told(&table, "d"), [""; 0]);
}

#[test]
fn a_later_endpoint_hides_nothing_before_it() {
    let table = table([
        api("a", &[("GET", "/a", ""), ("GET", "/b/[0-9]+", "")]),
        api("b", &[("GET", ".*", "")]),
    ]);
    assert_eq!(told(&table, "a"), [""; 0]);
    assert_eq!(told(&table, "b"), [""; 0]);
}

#[test]
fn the_number_of_shadows_told_is_bounded() {
    let regexes: Vec<_> = (0..2 * SHADOWS_MAX).map(|at| format!("/{at}")).collect();
    let endpoints: Vec<_> = regexes
        .iter()
        .map(|regex| ("GET", regex.as_str(), ""))
        .collect();
    let table = table([api("a", &[("GET", "/.*", "")]), api("b", &endpoints)]);
    assert_eq!(shadows(&table, "a").len(), SHADOWS_MAX);
    assert_eq!(shadows(&table, "b").len(), SHADOWS_MAX);
}

#[test]
fn patterns_that_all_begin_alike_do_not_make_it_slow() {
    let regexes: Vec<_> = (0..10_000).map(|at| format!("/[^/]+/{at}")).collect();
    let endpoints: Vec<_> = regexes
        .iter()
        .map(|regex| ("GET", regex.as_str(), ""))
        .collect();
    let table = table([api("a", &endpoints)]);
    let mut comparisons = COMPARISONS_MAX;
    let casters = (0..10_000).filter_map(|at| caster(&table, at, &mut comparisons));
    assert_eq!(casters.count(), 0);
    assert_eq!(comparisons, 0);
}

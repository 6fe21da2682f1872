use proptest::prelude::*;
use regex::bytes::RegexBuilder;

use super::*;

fn pattern(source: &str) -> Pattern {
    Pattern::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn is_linear(source: &str) -> bool {
    matches!(pattern(source).matcher, Matcher::Linear(_))
}

fn check(source: &str, path: &str, expected: bool) {
    let compiled = pattern(source);
    assert_eq!(compiled.is_match(path), expected, "{source} {path}");
    assert_eq!(compiled.groups(path).is_some(), expected, "{source} {path}");
}

#[test]
fn a_pattern_serves_whole_paths_in_any_case() {
    for (source, path, expected) in [
        ("/foo", "/foo", true),
        ("/foo", "/foo/", false),
        ("/foo", "/foox", false),
        ("/foo", "/x/foo", false),
        ("/docs/123/tables", "/docs/123/tables/456", false),
        ("/docs/(.+)/tables/(.+)", "/docs/123/tables/456", true),
        ("/myapi/detail/(.+)", "/myapi/detail/first.user", true),
        // Case.
        ("/FOO", "/foo", true),
        ("/p/case/ABC", "/P/CASE/abc", true),
        ("/%C3%bc", "/%c3%BC", true),
        ("/[a-c]+", "/ABC", true),
        ("/(?-i)foo", "/foo", true),
        ("/(?-i)foo", "/FOO", false),
        ("/(?-i)[a-c]+", "/ABC", false),
        // Anchors.
        ("^/p/anch/[0-9]+$", "/p/anch/123", true),
        ("^/p/anch/[0-9]+$", "/p/anch/12a", false),
        ("^/p/anch/[0-9]+$", "/p/anch/123/", false),
        ("^/p/anch/[0-9]+$", "/x/p/anch/123", false),
        ("^^/a$$", "/a", true),
        ("(^/a$)", "/a", true),
        ("/a$b", "/a$b", false),
        ("/dollar\\$", "/dollar$", true),
        ("/dollar\\$", "/dollar$more", false),
        ("/a|/b", "/a", true),
        ("/a|/b", "/b", true),
        ("/a|/b", "/ax", false),
        ("/a|/b", "/x/b", false),
        // Without a leading slash.
        ("todos/1", "/todos/1", true),
        ("todos/1", "/a/todos/1", false),
        ("a|b|/c", "/b", true),
        ("a|b|/c", "/c", true),
        ("a|", "/", false),
        ("%41", "/%41", true),
        ("(/a)", "/a", true),
        (".*", "/a", true),
        ("[/]a", "/a", true),
        ("\\/a", "/a", true),
    ] {
        check(source, path, expected);
    }
}

#[test]
fn characters_that_a_path_cannot_hold_raw_are_encoded_in_the_pattern() {
    for (source, path, expected) in [
        ("/ü", "/%C3%BC", true),
        ("/ü", "/%c3%bc", true),
        ("ü", "/%C3%BC", true),
        ("ü|ö", "/%C3%B6", true),
        ("/ü+x", "/%C3%BC%C3%BCx", true),
        ("/\\x{fc}\\xFC", "/%C3%BC%c3%bc", true),
        ("/€", "/%E2%82%AC", true),
        ("/a b", "/a%20b", true),
    ] {
        check(source, path, expected);
    }
}

#[test]
fn the_syntax_is_that_of_regular_expressions() {
    for (source, path, expected) in [
        ("/p/any", "/p/any;v=1", false),
        ("/foo/?", "/foo/", true),
        ("/foo/?", "/foo", true),
        ("/shop(/.*)?", "/shop", true),
        ("/shop(/.*)?", "/shop/a/b", true),
        ("/shop(/.*)?", "/shopping", false),
        ("/f/(?<x>[^/]+)", "/f/zed", true),
        ("/f/(?P<x>[^/]+)", "/f/", false),
        ("/.+/to/.{2,}", "/a/to/b/to/c", true),
        ("/.+/to/.{2,}", "/a/to/b", false),
        ("/.{2,}/to/.+/to/.+", "/a/to/b/to/c", false),
        ("/.{2,}/to/.+/to/.+", "/ab/to/b/to/c", true),
        ("/[ab]*\\d*b", "/ab", true),
        ("/b\\d*[ab]*", "/bb", true),
        ("/.*[ab]*/x", "/bb/x", true),
        ("/\\d{2}-\\w*", "/12-a_9", true),
        ("/\\d{2}-\\w*", "/123-a", false),
        ("/\\p{L}+", "/abc", true),
        ("/\\p{L}+", "/ab1", false),
        ("/\\p{Greek}*", "/", true),
        ("/a.c", "/a%c", true),
        ("/a\\.c", "/abc", false),
        ("(?x) /foo  # the foo", "/foo", true),
        ("(?x) /foo | /bar # both", "/bar", true),
        ("(?x) # both\n /foo | # or\n /bar", "/bar", true),
        ("/a|(?x: /b )| c", "/b", true),
        ("/a| c", "/%20c", true),
        ("/(?i:A)\\b/b", "/a/b", true),
        ("//", "//", true),
        ("//", "/", false),
    ] {
        check(source, path, expected);
    }
}

#[test]
fn what_cannot_be_compiled_is_refused_with_the_reason() {
    for (source, reason) in [
        ("", "1 to 4096 bytes"),
        ("/a(", "unclosed group"),
        ("/a)(b", "unopened group"),
        ("/a)|(/b", "unopened group"),
        ("/[z-a]", "character 3"),
        ("*", "missing expression"),
        ("+a", "missing expression"),
        ("/a{b}", "decimal"),
        ("/(?=a)", "look-around is not supported (character 2)"),
        ("/(?!a).*", "look-around"),
        ("/(?<=a)b", "look-around"),
        ("/(?<!a)b", "look-around"),
        ("/(a)\\1", "back-references are not supported (character 5)"),
        ("/\\p{Nonsense}", "not found"),
        ("/[ü]", "'ü'"),
        ("/[^ü]", "'ü'"),
        ("/[a-ü]", "'ü'"),
        ("/[\\x{fc}&&a]", "'ü'"),
        ("/(.+){5000}(.+){5000}", "too large"),
        ("/((a{100}){100}|b){100}", "too large"),
        ("/(?<x>a)(?<x>b)", "duplicate"),
        (&"(".repeat(1000), "unclosed"),
        (
            &format!("{}/a{}", "(".repeat(300), ")".repeat(300)),
            "nested",
        ),
    ] {
        let error = Pattern::compile(source).expect_err(source);
        assert!(error.0.contains(reason), "{source}: {error}");
        assert!(!error.0.contains('\n'), "{source}: {error}");
    }
    assert!(Pattern::compile(&"/a".repeat(2049)).is_err());
    assert!(Pattern::compile(&"/a".repeat(2048)).is_ok());
}

#[test]
fn the_prefix_is_what_every_match_begins_with_in_lower_case() {
    for (source, prefix, literal) in [
        ("/foo", "/foo", true),
        ("/FOO", "/foo", true),
        ("^/Foo\\.html$", "/foo.html", true),
        ("todos/1", "/todos/1", true),
        ("/ü", "/%c3%bc", true),
        ("/k(?:\\p{L}){0}", "/k", true),
        ("(/a)", "/a", true),
        ("()", "", true),
        ("/(?-i)Foo", "/foo", false),
        ("/docs/([^/]+)/tables", "/docs/", false),
        ("/foo/?", "/foo", false),
        ("/p/rx/(.+)/to/(.+)", "/p/rx/", false),
        ("/p/alt1|/p/alt2", "/p/alt", false),
        ("/v(1|2)/x", "/v", false),
        ("/a+b", "/a", false),
        ("/(?:ab)+", "/ab", false),
        ("/a*b", "/", false),
        ("/a{3}", "/a", false),
        (".*", "", false),
        ("\\b/a", "/a", false),
        ("/a|b", "/", false),
    ] {
        let compiled = pattern(source);
        assert_eq!(
            (compiled.prefix(), compiled.is_literal()),
            (prefix, literal),
            "{source}"
        );
        assert_eq!(compiled.source(), source);
    }
}

#[test]
fn groups_tell_where_they_matched() {
    for (source, path, expected) in [
        (
            "/docs/([^/]+)/t/([^/]+)",
            "/docs/12/t/3",
            vec![Some("12"), Some("3")],
        ),
        (
            "/p/rx/(.+)/to/(.+)",
            "/p/rx/x/to/y/to/z",
            vec![Some("x/to/y"), Some("z")],
        ),
        (
            "/p/rx/(.+?)/to/(.+)",
            "/p/rx/x/to/y/to/z",
            vec![Some("x"), Some("y/to/z")],
        ),
        ("/q/(.*)", "/q/", vec![Some("")]),
        ("/s(/.*)?", "/s", vec![None]),
        ("/(A)b(c)()", "/abc", vec![Some("a"), Some("c"), Some("")]),
        (
            "(/((a)[0-9]*))/(x)",
            "/a12/x",
            vec![Some("/a12"), Some("a12"), Some("a"), Some("x")],
        ),
        ("/([a-z]+)([0-9]+)", "/ab12", vec![Some("ab"), Some("12")]),
        ("(/)?/a", "//a", vec![Some("/")]),
    ] {
        let groups = pattern(source).groups(path).expect(source);
        assert_eq!(groups[0], Some(0..path.len()), "{source}");
        let texts: Vec<_> = groups[1..]
            .iter()
            .map(|span| span.clone().map(|span| &path[span]))
            .collect();
        assert_eq!(texts, expected, "{source}");
        assert_eq!(pattern(source).group_count(), expected.len());
    }
    assert_eq!(pattern("/(a)(?<y>b)(?P<x>(c))").group_named("x"), Some(3));
    assert_eq!(pattern("/(a)(?<y>b)").group_named("z"), None);
}

#[test]
fn ordinary_patterns_need_no_program() {
    for source in [
        "/foo",
        "/foo/?",
        "/a|/b",
        "/docs/([^/]+)/tables/([^/]+)",
        "/docs/(.+)/tables/(.+)",
        "/docs/(.+)/tables/([^/]+)",
        "/a/.*/b/(.+)/c/.*\\.html",
        "/files/.*",
        "/files/(.+)",
        "/files/(.*)\\.(\\w+)",
        "/files/(.+?)/x",
        "^/p/anch/[0-9]+$",
        "/u/[0-9a-f]{8}-[0-9a-f]{4}",
        "/(?<x>[^/]+)/[a-z]+\\.html",
        "/([a-z-]+)-(\\d+)",
        "/\\p{L}+/x{0}1",
    ] {
        assert!(is_linear(source), "{source}");
    }
    for source in [
        "/ab|/ba",
        "/s(/.*)?",
        "/(.+?)/to/(.+)",
        "/(.+)/([a-z]+)/(.+)",
        "/(.+)(.+)",
        "/[a-z]+a[a-z]+",
        "/.+a.{1,3}b.+",
        "/(?-i)a",
        "/(ab)+",
    ] {
        assert!(!is_linear(source), "{source}");
    }
}

#[test]
fn a_pattern_covers_another_only_if_it_takes_all_its_paths() {
    for (own, other, expected) in [
        ("/a", "/A", true),
        ("/a", "/b", false),
        ("/a.*", "/a", true),
        ("/a.+", "/a", false),
        ("/a.*", "/ab", true),
        ("/a/.*", "/a/b/[^/]+", true),
        ("/a/.+", "/a/[^/]*", false),
        ("/a/.+", "/a/[^/]+", true),
        ("/a/.{2,}", "/a/b[^/]*", false),
        ("/a/.{2,}", "/a/b[^/]+", true),
        ("/a/.{0,9}", "/a/b[^/]*", false),
        ("/a.*", "/a/(.+)/to/(.+)", true),
        ("/a/.+", "/a/(b|c)?", false),
        (".*", "/a|/b", true),
        ("/b.*", "/a(b|c)", false),
        ("/u/[^/]+", "/u/[0-9]+", true),
        ("/u/[^/]+", "/u/([0-9]{2})", true),
        ("/u/[0-9]+", "/u/[^/]+", false),
        ("/u/[0-9]+", "/u/[0-9]*", false),
        ("/u/[0-9]{1,2}", "/u/[0-9]+", false),
        ("/u/[0-9]*", "/u/[0-9]+", true),
        ("/u/[^/]+", "/u/me", true),
        ("/u/[^/]+", "/u/me/x", false),
        ("/u/[^/]+/x", "/u/[0-9]+/x", true),
        ("/u/[^/]+/.*", "/u/[0-9]+/x/[^/]+", true),
        ("/u/[^/]+", "/u/[^/]+/x", false),
        ("/u/[^/]+/x", "/u/[^/]+", false),
        ("/u/(me|you)", "/u/me", true),
        ("/u/(?-i)(me|you)", "/u/me", false),
        ("/u/(me|you)", "/u/(me|you)", true),
        ("/u/(me|you)", "/u/(you|me)", false),
        ("/u/(me|you)", "/u/[^/]+", false),
        ("/a.*", "/(?-i)A", true),
    ] {
        assert_eq!(
            pattern(own).covers(&pattern(other)),
            expected,
            "{own} {other}"
        );
    }
}

#[test]
fn a_pattern_that_would_explode_by_backtracking_stays_linear() {
    let path = format!("/{}b", "a".repeat(20_000));
    for source in [
        "/(a+)+$",
        "/(a|aa)*c",
        "/(a*)*(a*)*(a*)*c",
        "/(.*)(.*)(.*)(.*)c",
    ] {
        assert!(!pattern(source).is_match(&path), "{source}");
        assert!(pattern(source).groups(&path).is_none(), "{source}");
    }
}

#[test]
fn a_program_is_not_kept_before_it_is_needed() {
    let lazy = pattern("/ab|/ba");
    let built = |pattern: &Pattern| match &pattern.matcher {
        Matcher::Program(program) => program.regex.get().is_some(),
        Matcher::Linear(_) => panic!("not a program"),
    };
    assert!(!built(&lazy));
    assert!(lazy.is_match("/ba"));
    assert!(built(&lazy));
}

/// Patterns, most of them linear, each with a path that it probably matches.
fn source() -> impl Strategy<Value = (String, String)> {
    let part = prop::sample::select(vec![
        ("/", "/"),
        ("a", "A"),
        ("B", "b"),
        ("1", "1"),
        ("\\.", "."),
        ("-", "-"),
        ("[^/]+", "a1"),
        ("[^/]*", ""),
        ("([^/]+)", "b"),
        ("(.*)", "a/b"),
        (".+", "/a"),
        (".+", "b/b/"),
        (".{2,}", "1a"),
        ("(/.+)", "/1/a"),
        ("[ab]", "B"),
        ("[a-b]{2}", "ab"),
        ("(\\d+)", "11"),
        ("\\d*", "1"),
        ("(", ""),
        (")", ""),
        ("a?", "a"),
        ("/?", ""),
        ("(a)", "a"),
        ("(?:b1)", "b1"),
        ("b{1,2}", "bb"),
        ("|/", ""),
        ("^", ""),
        ("$", ""),
        ("(?-i)", ""),
        ("[^a]*?", "b"),
        (".+?", "/b"),
        ("\\w+", "a1"),
        ("ü", "%C3%BC"),
    ]);
    prop::collection::vec(part, 0..8).prop_map(|parts| {
        let (sources, samples): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (
            format!("/{}", sources.concat()),
            format!("/{}", samples.concat()),
        )
    })
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("/[aAbB1/.%-]{0,8}", 4)
}

proptest! {
    #[test]
    fn steps_match_and_capture_as_the_program_would(
        (source, sample) in source(),
        paths in paths(),
    ) {
        if let Ok(compiled) = Pattern::compile(&source) {
            let text = format!("^(?:{})$", source.replace('ü', "(?:%C3%BC)"));
            let reference = RegexBuilder::new(&text).case_insensitive(true).build().unwrap();
            for path in paths.iter().chain([&sample]) {
                let expected = reference.captures(path.as_bytes()).map(|captures| -> Vec<_> {
                    captures.iter().map(|group| group.map(|group| group.range())).collect()
                });
                let is_match = expected.is_some();
                prop_assert_eq!(compiled.is_match(path), is_match, "{} {}", source, path);
                prop_assert_eq!(compiled.groups(path), expected, "{} {}", source, path);
                let begins = path.to_ascii_lowercase().starts_with(compiled.prefix());
                prop_assert!(!is_match || begins && path.len() >= compiled.length_min);
            }
        }
    }

    #[test]
    fn what_is_covered_is_matched(
        (own, _) in source(),
        (other, sample) in source(),
        paths in paths(),
    ) {
        if let (Ok(own), Ok(other)) = (Pattern::compile(&own), Pattern::compile(&other))
            && own.covers(&other)
        {
            for path in paths.iter().chain([&sample]) {
                prop_assert!(own.is_match(path) || !other.is_match(path), "{path}");
            }
        }
    }

    #[test]
    fn any_source_is_compiled_or_refused(
        source in "[/a(){}\\[\\]|*+?.^$\\\\<>!=:P,0-9üx#& -]{0,24}",
        path in "/[!-~]{0,12}",
    ) {
        if let Ok(pattern) = Pattern::compile(&source) {
            prop_assert_eq!(pattern.is_match(&path), pattern.groups(&path).is_some());
        }
    }
}

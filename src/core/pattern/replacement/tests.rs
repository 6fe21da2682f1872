use proptest::prelude::*;

use super::*;
use crate::core::path;

fn expand(regex: &str, replacement: &str, path: &str) -> (String, String) {
    let pattern = Pattern::compile(regex).unwrap();
    let replacement = Replacement::compile(replacement, &pattern).expect(replacement);
    let Expansion { path, query } = replacement.expand(&pattern, path).expect(path);
    (path, query)
}

#[test]
fn replacements_expand_as_the_table_says() {
    for (regex, replacement, path, expected) in [
        (
            "/docs/([^/]+)/tables/([^/]+)",
            "/mytables/\\1/\\2",
            "/docs/123/tables/456",
            "/mytables/123/456",
        ),
        (
            "/p/rx/(.+)/to/(.+)",
            "/moved/\\2/then/\\1",
            "/p/rx/a%20b/to/c%2Fd",
            "/moved/c%2Fd/then/a%20b",
        ),
        (
            "/p/named/(?<x>[^/]+)",
            "/n/\\g{x}",
            "/p/named/zed",
            "/n/zed",
        ),
        ("/p/(a)(b)", "/\\g{2}1\\g{1}\\g{0}", "/p/ab", "/b1a/p/ab"),
        ("/p/relrepl/(.*)", "rel/\\1", "/p/relrepl/a", "/rel/a"),
        (
            "/p/dotrepl/(.*)",
            "/a/../b/./\\1",
            "/p/dotrepl/c",
            "/a/../b/./c",
        ),
        ("/p/whole", "/w\\0", "/p/whole", "/w/p/whole"),
        ("/p/whole", "\\0", "/p/WHOLE", "/p/WHOLE"),
        ("/p/(.*)", "\\1", "/p/http://evil/x", "/http://evil/x"),
        ("/p(.*)", "\\1", "/p//evil.example/x", "//evil.example/x"),
        ("/p/(.*)", "/x\\1", "/p/", "/x"),
        ("/s(/.*)?", "/x\\1", "/s", "/x"),
        (
            "/a(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)",
            "/\\10",
            "/abcdefghijk",
            "/k",
        ),
        ("/p", "/a\\\\b", "/p", "/a%5Cb"),
        (
            "/p",
            "/a b/ü/\"<>^`{|}\u{7}",
            "/p",
            "/a%20b/%C3%BC/%22%3C%3E%5E%60%7B%7C%7D%07",
        ),
        ("/p", "/100%/%zz/%4", "/p", "/100%25/%25zz/%254"),
        (
            "/p",
            "/%2f%C3%bc[1]@:;=&+$,!*'()~",
            "/p",
            "/%2f%C3%bc[1]@:;=&+$,!*'()~",
        ),
        ("/p/(.*)2F", "/\\1/x", "/p/a%2F", "/a%25/x"),
        ("/p/(.*)F", "/\\1f", "/p/a%2F", "/a%252f"),
        ("/p/%2F(.*)", "/\\1", "/p/%2F%2F", "/%2F"),
    ] {
        let (path, query) = expand(regex, replacement, path);
        assert_eq!(
            (path.as_str(), query.as_str()),
            (expected, ""),
            "{regex} {replacement}"
        );
    }
}

#[test]
fn a_query_in_the_replacement_is_cut_off_at_its_own_question_mark_and_groups_cannot_add_to_it() {
    for (replacement, path, expected_path, expected_query) in [
        ("/q?fixed=1&id=\\1", "/p/5", "/q", "fixed=1&id=5"),
        ("/q?", "/p/5", "/q", ""),
        ("?a=\\1", "/p/5", "/", "a=5"),
        ("/q?a=?\\1?", "/p/5", "/q", "a=?5?"),
        ("/q?\\0", "/p/5", "/q", "/p/5"),
        ("/q?a b=ü", "/p/5", "/q", "a%20b=%C3%BC"),
        (
            "/q?role=user&id=\\1",
            "/p/5&role=admin;x+y",
            "/q",
            "role=user&id=5%26role=admin%3Bx%2By",
        ),
        ("/\\1?id=\\1", "/p/a&b+c", "/a&b+c", "id=a%26b%2Bc"),
        ("/q?\\\\", "/p/5", "/q", "%5C"),
    ] {
        let (path, query) = expand("/p/(.*)", replacement, path);
        assert_eq!(
            (path.as_str(), query.as_str()),
            (expected_path, expected_query),
            "{replacement}"
        );
    }
}

#[test]
fn what_is_no_path_or_refers_to_nothing_is_refused() {
    let pattern = Pattern::compile("/p/(.*)/(?<x>y)").unwrap();
    for source in [
        "",
        "http://127.0.0.1:7070/abs/\\1",
        "HTTPS://x",
        "//evil/\\1",
        "mailto:x",
        "a+b-c.d1:x",
        "javascript:\\1",
        "/a#b",
        "/a?b#c",
        &"/".repeat(2),
        &format!("/{}", "a".repeat(4096)),
    ] {
        let refused = Replacement::compile(source, &pattern).unwrap_err();
        assert_eq!(refused, ReplacementError::NotAPath, "{source}");
    }
    for source in [
        "/\\3",
        "/\\10",
        "/\\99999999999999999999999",
        "/\\g{3}",
        "/\\g{y}",
        "/\\g{}",
        "/\\g{1",
        "/\\g1",
        "/\\g",
        "/\\",
        "/\\a",
        "/\\.",
        "/\\?",
        "/\\g{+1}",
        "/\\g{-1}",
        "/\\g{ 1}",
        "/?\\3",
        "/\\\\\\",
    ] {
        let refused = Replacement::compile(source, &pattern).unwrap_err();
        assert_eq!(refused, ReplacementError::BadReference, "{source}");
    }
    for source in [
        "/a:b",
        "a/b:c",
        "1:2",
        "/http://x",
        "\\1://x",
        "x\\1://y",
        " http://x",
        "/\\g{02}",
        "/?//x",
    ] {
        assert!(Replacement::compile(source, &pattern).is_ok(), "{source}");
    }
}

#[test]
fn a_path_that_does_not_match_is_not_expanded() {
    let pattern = Pattern::compile("/p/(.*)").unwrap();
    let replacement = Replacement::compile("/\\1", &pattern).unwrap();
    assert_eq!(replacement.expand(&pattern, "/q/a"), None);
}

proptest! {
    #[test]
    fn what_comes_out_can_always_be_sent_as_a_path_and_query(
        replacement in "(\\\\[0-2]|\\\\g\\{x\\}|[/a.?&=:%2ü ])\\PC{0,3}(\\\\[0-2]|[/a.?&=:%2eE]){0,6}",
        path in "/([a./&+;=:@!%\\\\\"]|%2e|%2F|%c3){0,10}",
    ) {
        let pattern = Pattern::compile("(.)(?<x>.*)").unwrap();
        if let (Ok(path), Ok(replacement)) =
            (path::normalise(&path), Replacement::compile(&replacement, &pattern))
        {
            let expansion = replacement.expand(&pattern, &path).unwrap();
            let sent = path::normalise(&expansion.path);
            prop_assert!(sent.is_ok_and(|path| path.starts_with('/')), "{expansion:?}");
            let of_query = |byte| path::is_path_byte(byte) || byte == b'?';
            prop_assert!(expansion.query.bytes().all(of_query), "{expansion:?}");
        }
    }
}

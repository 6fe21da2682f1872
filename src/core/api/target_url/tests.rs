//! What is a host or a URL.

use super::{NotATarget, TargetUrl};

#[test]
fn hosts_and_urls_are_read() {
    for (text, https, host, port, path) in [
        ("localhost", false, "localhost", None, ""),
        ("http://127.0.0.1", false, "127.0.0.1", None, ""),
        ("HTTPS://Example.COM", true, "Example.COM", None, ""),
        ("https://example.com/", true, "example.com", None, "/"),
        ("http://svc:81/base", false, "svc", Some(81), "/base"),
        ("host:8080", false, "host", Some(8080), ""),
        ("host:8080/base", false, "host", Some(8080), "/base"),
        ("host/base", false, "host", None, "/base"),
        (
            "my_service-1.example.",
            false,
            "my_service-1.example.",
            None,
            "",
        ),
        ("[::1]", false, "::1", None, ""),
        (
            "http://[2001:db8::1]:443/x",
            false,
            "2001:db8::1",
            Some(443),
            "/x",
        ),
        ("2001:db8::1", false, "2001:db8::1", None, ""),
        ("http://h/a@b", false, "h", None, "/a@b"),
    ] {
        let expected = TargetUrl {
            https,
            host,
            port,
            path,
        };
        assert_eq!(TargetUrl::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_could_never_be_a_host_is_refused() {
    let long = "a".repeat(254);
    for text in [
        "",
        " ",
        "local host",
        " localhost",
        "localhost\n",
        "h\u{0}",
        "/",
        "//",
        "//host",
        "/base",
        "http://",
        "http:///x",
        "https://:80",
        ":80",
        "ftp://h",
        "mailto:x",
        "http:h",
        "h:x",
        "h:",
        "[::1]:",
        "h:+80",
        "h:65536",
        "h:1:2",
        "user@h",
        "http://user:pw@h",
        "http://@h",
        "h?a=b",
        "h#f",
        "http://h/x?a",
        "http://h/#",
        "[::1",
        "[::1]x",
        "[h]",
        "[]",
        "::g",
        "fe80::1%eth0",
        "h\\x",
        "b\u{fc}cher.example",
        "h%41",
        "${HOST}",
        ".",
        "..",
        "-",
        "http://http://h",
        &long,
    ] {
        assert_eq!(TargetUrl::parse(text), Err(NotATarget), "{text:?}");
    }
}

//! Small parsers for the text of a setting, each with its tests below.
//!
//! They give `None` for what they do not understand; what to say then is [`super::kind`]'s business.
//! Spec: `config.md` 8.1. Deliberately absent: names of settings.

use std::net::IpAddr;

use ipnet::IpNet;

/// `true`, `1`, `yes` or `false`, `0`, `no`, in any case (spec: `config.md` 8.1).
pub fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// An IP address, an IPv6 one also in brackets; `localhost` is 127.0.0.1. Other names are not looked
/// up: what is listened on should not depend on a resolver.
pub fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().filter(IpAddr::is_ipv6),
        None => text.parse().ok(),
    }
}

/// A comma list of CIDRs; an address alone is a network of one.
pub fn networks(text: &str) -> Option<Vec<IpNet>> {
    items(text)
        .map(|item| {
            item.parse()
                .ok()
                .or_else(|| item.parse().ok().map(IpAddr::into))
        })
        .collect()
}

/// The items of a comma list, trimmed, empty ones dropped (spec: `config.md` 8.1).
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// The one of `words` that `text` is, in any case.
pub(in crate::config) fn spelled(
    text: &str,
    words: &'static [&'static str],
) -> Option<&'static str> {
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .copied()
}

/// Digits only, with an optional plus sign.
pub(super) fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// A number with a suffix of `units`, or a plain one that counts `plain` each.
pub(super) fn scaled(text: &str, units: &[(&str, u64)], plain: u64) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let suffixed = units
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)));
    let (digits, factor) = suffixed.unwrap_or((&text, plain));
    number(digits.trim_end())?.checked_mul(factor)
}

/// Names, and addresses with or without brackets. Strict about the characters only, for the value is
/// written into the `forwarded` header.
pub(super) fn is_host_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_address = bare.unwrap_or(text).parse::<IpAddr>().is_ok();
    // 253 bytes: the longest name DNS can carry (RFC 1035).
    is_address || (bare.is_none() && (1..=253).contains(&text.len()) && text.chars().all(allowed))
}

/// Longest JSON pointer in bytes; claims are not nested that deep.
pub(super) const POINTER_BYTES_MAX: usize = 1_024;

/// A way into a document (RFC 6901), not the document as a whole.
pub(super) fn is_json_pointer(text: &str) -> bool {
    let mut after_tildes = text.split('~').skip(1);
    text.starts_with('/')
        && text.len() <= POINTER_BYTES_MAX
        && after_tildes.all(|rest| rest.starts_with(['0', '1']))
}

/// A user name in the URL would be a secret in a place that is shown in faults and logs.
pub(super) fn is_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return false;
    };
    let has_host = uri
        .authority()
        .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    has_host && matches!(uri.scheme_str(), Some("http" | "https"))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::{
        address, is_host_name, is_json_pointer, is_url, items, networks, number, scaled, switch,
    };

    #[test]
    fn a_switch_has_three_words_for_each_side_in_any_case() {
        for (text, expected) in [
            ("true", Some(true)),
            ("YES", Some(true)),
            (" 1 ", Some(true)),
            ("False", Some(false)),
            ("no", Some(false)),
            ("0", Some(false)),
            ("on", None),
            ("2", None),
            ("", None),
        ] {
            assert_eq!(switch(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_address_is_an_ip_address_or_localhost() {
        for (text, expected) in [
            ("127.0.0.1", Some("127.0.0.1")),
            (" 0.0.0.0 ", Some("0.0.0.0")),
            ("::1", Some("::1")),
            ("[::1]", Some("::1")),
            ("LocalHost", Some("127.0.0.1")),
            ("[127.0.0.1]", None),
            ("gateway.example", None),
            ("127.0.0.1:4000", None),
            ("", None),
        ] {
            let expected: Option<IpAddr> = expected.map(|ip| ip.parse().unwrap());
            assert_eq!(address(text), expected, "{text:?}");
        }
    }

    #[test]
    fn networks_are_cidrs_and_single_addresses() {
        let parsed = networks("10.0.0.0/8, 192.0.2.7,,2001:db8::/32 ,::1").unwrap();
        let texts: Vec<String> = parsed.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"]
        );
        assert_eq!(networks("").map(|all| all.len()), Some(0));
        assert_eq!(networks("10.0.0.0/33"), None);
        assert_eq!(networks("10.0.0.0/8, proxy.example"), None);
    }

    #[test]
    fn items_are_trimmed_and_empty_ones_dropped() {
        assert_eq!(items(" a,, b ,").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(items("").count(), 0);
    }

    #[test]
    fn numbers_are_digits_of_the_whole_text() {
        assert_eq!(number("+5"), Some(5));
        for text in [
            "",
            "-1",
            "5x",
            "0x10",
            "1e3",
            "1_000",
            "99999999999999999999",
        ] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_suffix_wins_over_the_plain_unit() {
        let units = [("ms", 1), ("s", 1_000)];
        for (text, expected) in [
            ("5", Some(5_000)),
            ("5s", Some(5_000)),
            ("250ms", Some(250)),
            ("250 MS", Some(250)),
            ("5d", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(scaled(text, &units, 1_000), expected, "{text:?}");
        }
    }

    #[test]
    fn a_host_name_holds_nothing_that_could_end_a_header_parameter() {
        for good in [
            "localhost",
            "gateway-1.example",
            "a_b",
            "192.0.2.1",
            "::1",
            "[2001:db8::1]",
        ] {
            assert!(is_host_name(good), "{good:?}");
        }
        for bad in [
            "",
            "a;b",
            "a,b",
            "a b",
            "a\"b",
            "a:80",
            "[a]",
            "a\r\nb",
            "ä.example",
        ] {
            assert!(!is_host_name(bad), "{bad:?}");
        }
        assert!(!is_host_name(&"a".repeat(254)));
    }

    #[test]
    fn a_url_is_http_with_a_host_and_without_a_user() {
        for good in [
            "http://a",
            "https://a.example:8443/keys?x=1",
            "HTTP://[::1]/",
        ] {
            assert!(is_url(good), "{good:?}");
        }
        for bad in [
            "",
            "a",
            "/a",
            "ftp://a",
            "http://",
            "http://u:p@a/",
            "http:///a",
            "https://a b",
        ] {
            assert!(!is_url(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_json_pointer_begins_with_a_slash_and_escapes_its_tildes() {
        for good in ["/jti", "/", "/a/0/b", "/a~0b~1c", "/ä"] {
            assert!(is_json_pointer(good), "{good:?}");
        }
        for bad in ["", "jti", "#/jti", "/a~", "/a~2", " /jti"] {
            assert!(!is_json_pointer(bad), "{bad:?}");
        }
        assert!(!is_json_pointer(&format!("/{}", "a".repeat(1_024))));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>()) {
            let _ = (switch(&text), address(&text), networks(&text), is_url(&text));
            let _ = (is_host_name(&text), scaled(&text, &[("kib", 1024)], 1));
        }
    }
}

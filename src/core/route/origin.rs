//! Scheme, host and port of an HTTP target (spec: `api-definitions.md` 1.4; RFC 3986 3.2).
//!
//! Everything else an address may carry (user-info, path, query, fragment, its own port) is
//! dropped: a literal `target_url` with such parts is refused or warned about when the definition
//! is checked, a variable can hold anything. Deliberately absent: name resolution.

use std::net::Ipv6Addr;

use crate::core::api::Address;

/// Where connections of an API go. Nothing a client sends can change it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `true`: TLS.
    pub https: bool,
    /// Host name or address, lower-case, IPv6 without brackets. Empty if the address was unusable
    /// (only through a variable); no connection to it can succeed, which fails closed: a guess
    /// could send a request to the wrong host, or in the clear.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Where an API goes whose variable is not set.
const HOST_DEFAULT: &str = "localhost";

// === impl Origin ===

impl Origin {
    /// Resolves `address`, looking variables up in `environment`; an unset or empty variable means
    /// `localhost`.
    pub fn resolve(address: &Address, environment: impl Fn(&str) -> Option<String>) -> Self {
        let variable = address.use_env.then(|| {
            environment(&address.target_url)
                .filter(|value| !value.trim().is_empty())
                .unwrap_or_else(|| HOST_DEFAULT.to_owned())
        });
        let url = variable.as_deref().unwrap_or(&address.target_url);
        Self::parse(url, address.port).unwrap_or(Self {
            https: false,
            host: String::new(),
            port: address.port,
        })
    }

    /// Reads a URL or a bare host (`host`, `host:8080`, `[::1]`, `::1`); `port` wins over the one
    /// in `url`. `None` for any other scheme than `http` and `https`, and where no host is left.
    pub fn parse(url: &str, port: u16) -> Option<Self> {
        let url = url.trim();
        let (https, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, _)) if is_scheme(scheme) => return None,
            _ => (false, url.strip_prefix("//").unwrap_or(url)),
        };
        let authority = rest.split(['/', '\\', '?', '#']).next()?;
        let host = authority.rsplit('@').next().and_then(host_of)?;
        Some(Self {
            https,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// `host[:port]` for the `host` header: the port is left out where it is the scheme's default,
    /// IPv6 addresses are bracketed.
    pub fn authority(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        let (open, close) = if self.host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        let host = &self.host;
        if self.port == default {
            format!("{open}{host}{close}")
        } else {
            format!("{open}{host}{close}:{}", self.port)
        }
    }
}

/// The host of `host[:port]`, without brackets.
fn host_of(authority: &str) -> Option<&str> {
    let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return (is_ipv6(host) && (after.is_empty() || after.starts_with(':'))).then_some(host);
    }
    if is_ipv6(authority) {
        return Some(authority);
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!host.is_empty() && host.bytes().all(is_host) && port.bytes().all(|b| b.is_ascii_digit()))
        .then_some(host)
}

/// RFC 3986 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(target_url: &str, port: u16, use_env: bool) -> Address {
        Address {
            target_url: target_url.into(),
            port,
            use_env,
        }
    }

    fn literal(target_url: &str, port: u16) -> Origin {
        Origin::resolve(&address(target_url, port, false), |_| None)
    }

    #[test]
    fn a_literal_address_gives_scheme_and_host_and_its_port_is_the_field() {
        for (url, https, host) in [
            ("https://example.com", true, "example.com"),
            ("http://example.com", false, "example.com"),
            ("HTTPS://Example.COM", true, "example.com"),
            ("example.com", false, "example.com"),
            ("http://svc:81/base", false, "svc"),
            ("host:8080", false, "host"),
            ("host:", false, "host"),
            ("https", false, "https"),
            ("//svc", false, "svc"),
            ("svc/base?x#y", false, "svc"),
            ("http://svc?x", false, "svc"),
            ("http://svc/?next=https://other", false, "svc"),
            ("svc/?next=https://other", false, "svc"),
            ("http://user:pass@svc:81/", false, "svc"),
            ("http://a@b@svc", false, "svc"),
            ("user@svc", false, "svc"),
            ("http://svc\\@evil", false, "svc"),
            ("  https://svc \n", true, "svc"),
            ("127.0.0.1", false, "127.0.0.1"),
            ("[::1]", false, "::1"),
            ("[::1]:99", false, "::1"),
            ("::1", false, "::1"),
            ("https://[2001:DB8::1]:8443/x", true, "2001:db8::1"),
            ("my_service.ns.svc.", false, "my_service.ns.svc."),
        ] {
            let expected = Origin {
                https,
                host: host.into(),
                port: 7070,
            };
            assert_eq!(literal(url, 7070), expected, "{url}");
        }
    }

    #[test]
    fn an_address_without_a_usable_host_has_none() {
        for url in [
            "",
            " ",
            "http://",
            "http:///x",
            "ftp://svc",
            "wss://svc",
            "https:svc",
            "a b",
            "http://a b",
            "müller.de",
            "[::1",
            "[::g]",
            "[::1]x",
            "[svc]",
            "a:b",
            "a:1:2",
            "http://@",
            "%41",
            "/x",
            "?",
            "://x",
        ] {
            assert_eq!(literal(url, 1).host, "", "{url}");
        }
    }

    #[test]
    fn a_variable_is_looked_up_and_unset_or_empty_means_localhost() {
        let of = |value: Option<&str>| {
            Origin::resolve(&address("SHOP_HOST", 8080, true), |name| {
                assert_eq!(name, "SHOP_HOST");
                value.map(str::to_owned)
            })
        };
        let local = Origin {
            https: false,
            host: "localhost".into(),
            port: 8080,
        };
        assert_eq!(of(None), local);
        assert_eq!(of(Some("")), local);
        assert_eq!(of(Some(" ")), local);
        assert_eq!(of(Some("https://shop:9/x")).authority(), "shop:8080");
        assert!(of(Some("https://shop")).https);
        assert_eq!(of(Some("localhost:7070")).authority(), "localhost:8080");
    }

    #[test]
    fn a_literal_address_never_reads_the_environment() {
        let origin = Origin::resolve(&address("HOME", 80, false), |_| Some("evil".into()));
        assert_eq!(origin.host, "home");
    }

    #[test]
    fn the_authority_leaves_the_default_port_out_and_brackets_ipv6() {
        for (url, port, authority) in [
            ("https://example.com", 81, "example.com:81"),
            ("https://example.com", 443, "example.com"),
            ("http://example.com", 443, "example.com:443"),
            ("example.com", 80, "example.com"),
            ("[::1]", 80, "[::1]"),
            ("::1", 7070, "[::1]:7070"),
        ] {
            assert_eq!(literal(url, port).authority(), authority, "{url} {port}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_an_origin_whose_host_is_a_host(
            url in "(https?://)?[a-z0-9:/@\\[\\]?#%. ü\\\\-]{0,16}",
        ) {
            let host = literal(&url, 80).host;
            prop_assert!(host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b)));
        }
    }
}

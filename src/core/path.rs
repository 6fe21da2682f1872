//! The request path that matching, authorisation and forwarding all use
//! (spec: `proxying.md` 3.2.2; RFC 3986 5.2.4 and 6.2.2).
//!
//! One spelling for all three, so that no path is checked under one name and served under another.
//! Deliberately absent: decoding of reserved characters (`%2f` is data, `/` is structure) and
//! merging of double slashes, both of which back ends may tell apart.

use std::borrow::Cow;

/// The path cannot be used: not a path, a byte outside printable ASCII, or a broken percent escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path has a raw non-ASCII byte or a malformed percent escape")]
pub struct BadPath;

/// `raw` with dot segments (also as `%2e`) removed and escapes of unreserved characters decoded;
/// double slashes and every other escape stay as received. Borrowed if nothing changed.
///
/// The result starts with `/` and consists of printable ASCII without space, `?` and `#`. An empty
/// path is `/` (RFC 9110 4.2.3). The `*` of `OPTIONS *` asks about the gateway, not about a
/// resource behind it, so it is no path.
///
/// # Errors
/// [`BadPath`], also for what does not start with `/` and for a query or fragment left in `raw`.
pub fn normalise(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    match raw.as_bytes() {
        [] => Ok(Cow::Borrowed("/")),
        [b'/', ..] if is_normal(raw.as_bytes())? => Ok(Cow::Borrowed(raw)),
        [b'/', ..] => rewrite(raw).map(Cow::Owned),
        _ => Err(BadPath),
    }
}

/// Whether `byte` may stand in a path as it is (escapes are checked elsewhere).
pub const fn is_path_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'?' | b'#')
}

/// Bytes of which the common case takes no notice.
const PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([false; 256], 0);
    while byte < 128 {
        plain[byte] = is_path_byte(byte as u8) && !matches!(byte as u8, b'.' | b'%');
        byte += 1;
    }
    plain
};

/// The common case: one pass, nothing to change. Stops at the first change; [`rewrite`] then
/// checks the rest.
fn is_normal(path: &[u8]) -> Result<bool, BadPath> {
    let mut at = 0;
    while let Some(plain) = path[at..]
        .iter()
        .position(|&byte| !PLAIN[usize::from(byte)])
    {
        at += plain;
        let unchanged = match &path[at..] {
            [b'.', ..] => !path[..at].ends_with(b"/") || !starts_with_dot_segment(&path[at..]),
            [b'%', digits @ ..] => !is_unreserved(unescape(digits)?),
            _ => return Err(BadPath),
        };
        if !unchanged {
            return Ok(false);
        }
        at += 1;
    }
    Ok(true)
}

/// Escapes are decoded before segments are judged, so that `%2e.` is `..`.
fn rewrite(path: &str) -> Result<String, BadPath> {
    let mut out = String::with_capacity(path.len());
    let mut ends_in_dots = false;
    for segment in path.split('/').skip(1) {
        let start = out.len();
        out.push('/');
        decode_onto(&mut out, segment.as_bytes())?;
        let up = match &out[start + 1..] {
            "." => start,
            ".." => out[..start].rfind('/').unwrap_or(0),
            _ => {
                ends_in_dots = false;
                continue;
            }
        };
        out.truncate(up);
        ends_in_dots = true;
    }
    if ends_in_dots {
        out.push('/');
    }
    Ok(out)
}

fn decode_onto(out: &mut String, segment: &[u8]) -> Result<(), BadPath> {
    let mut bytes = segment.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'%' => {
                let decoded = unescape(bytes.as_slice())?;
                if is_unreserved(decoded) {
                    out.push(char::from(decoded));
                    bytes.nth(1);
                } else {
                    out.push('%');
                }
            }
            _ if is_path_byte(byte) => out.push(char::from(byte)),
            _ => return Err(BadPath),
        }
    }
    Ok(())
}

fn starts_with_dot_segment(tail: &[u8]) -> bool {
    matches!(
        tail,
        [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..]
    )
}

/// The byte that the two hex digits after a `%` stand for.
fn unescape(digits: &[u8]) -> Result<u8, BadPath> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    match digits {
        [high, low, ..] => match (digit(high), digit(low)) {
            (Some(high), Some(low)) => Ok((high << 4 | low) as u8),
            _ => Err(BadPath),
        },
        _ => Err(BadPath),
    }
}

/// RFC 3986 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_normalised_as_the_table_says() {
        for (raw, expected) in [
            ("", "/"),
            ("/", "/"),
            ("/p/any", "/p/any"),
            ("/p/%61ny", "/p/any"),
            ("/p/%41%2D%2e%5F%7Ex", "/p/A-._~x"),
            (
                "/a%2fb%2Fc%C3%bc%ff%00%25%20",
                "/a%2fb%2Fc%C3%bc%ff%00%25%20",
            ),
            ("/p/norepl/../any", "/p/any"),
            ("/p/norepl/%2e%2e/x", "/p/x"),
            ("/p/%2E./x", "/x"),
            ("/p/.%2e/x", "/x"),
            ("/public/../secret", "/secret"),
            ("/a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/../../../etc", "/etc"),
            ("/.", "/"),
            ("/...", "/..."),
            ("/.a/..b/c./d..", "/.a/..b/c./d.."),
            ("//a///b", "//a///b"),
            ("//..//evil", "//evil"),
            ("/..//evil", "//evil"),
            ("/a//../b", "/a/b"),
            ("/a/../..//", "//"),
            ("/%252e%252e/x", "/%252e%252e/x"),
            (
                "/a;v=1/b:c@d!$&'()*+,=\"<>[]\\^`{|}",
                "/a;v=1/b:c@d!$&'()*+,=\"<>[]\\^`{|}",
            ),
        ] {
            assert_eq!(normalise(raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for raw in [
            "*",
            "a",
            "a/b",
            "http://a/b",
            "/ü",
            "/a b",
            "/a\n",
            "/\u{7f}",
            "/\0",
            "/%",
            "/%a",
            "/%zz",
            "/%a/",
            "/%%61",
            "/%+1",
            "/a?b",
            "/a#b",
            "/a/../%zz",
            "/../ü",
            "/%61 ",
        ] {
            assert_eq!(normalise(raw), Err(BadPath), "{raw:?}");
        }
    }

    #[test]
    fn a_path_that_needs_no_change_is_borrowed() {
        for raw in ["/p/any", "//a//", "/%2F%c3", "/a.b/.c"] {
            assert!(matches!(normalise(raw), Ok(Cow::Borrowed(_))), "{raw}");
        }
    }

    /// RFC 3986 5.2.4 word for word, as the reference.
    fn remove_dot_segments(path: &str) -> String {
        let (mut input, mut output) = (path.to_owned(), String::new());
        while !input.is_empty() {
            if input.starts_with("/./") {
                input.replace_range(..3, "/");
            } else if input == "/." {
                input = "/".into();
            } else if input.starts_with("/../") || input == "/.." {
                input.replace_range(..input.len().min(4), "/");
                output.truncate(output.rfind('/').unwrap_or(0));
            } else {
                let end = input[1..].find('/').map_or(input.len(), |at| at + 1);
                output.extend(input.drain(..end));
            }
        }
        output
    }

    proptest! {
        #[test]
        fn a_normal_path_is_rooted_printable_free_of_dot_segments_and_stays_as_it_is(
            raw in "/([a./]|%2[eEfF]|%61|\\.\\.|/|[ -~]|%[0-9a-f]{2}){0,12}",
        ) {
            if let Ok(path) = normalise(&raw) {
                prop_assert!(path.starts_with('/'));
                prop_assert!(path.bytes().all(is_path_byte));
                prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert_eq!(normalise(&path), Ok(Cow::Borrowed(&*path)));
            }
        }

        #[test]
        fn dots_are_removed_as_the_rfc_says(raw in "(/|/[a.]{0,3}){1,8}") {
            prop_assert_eq!(normalise(&raw).unwrap(), remove_dot_segments(&raw));
        }

        #[test]
        fn any_text_is_answered(raw in "\\PC{0,20}") {
            let _ = normalise(&raw);
        }
    }
}

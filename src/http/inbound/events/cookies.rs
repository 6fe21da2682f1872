//! Cookies as long polling needs them: read, written, and able to hold the id of any event.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use crate::core::digest::Digest;

/// Longest id as it stands in a cookie. Browsers drop cookies of more than 4,096 bytes, and clients that
/// limit heads would fail at every poll.
const ID_BYTES_MAX: usize = 1_024;

/// What a cookie calls an event with this id: by the id, or by its SHA-256 if it is too long.
pub fn cookie_id(id: &str) -> Cow<'_, str> {
    if id.len() <= ID_BYTES_MAX && quoted(id).len() <= ID_BYTES_MAX {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("sha256:{}", Digest::of(id.as_bytes())))
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, _value)| *other == name)
        .map(|(_name, value)| value)
}

/// Has the client keep a cookie.
pub fn set_cookie(headers: &mut HeaderMap, name: &str, value: &str) {
    if let Ok(cookie) = HeaderValue::try_from(format!("{name}={value}; path=/; HttpOnly")) {
        headers.append(SET_COOKIE, cookie);
    }
}

/// A text as JSON. What a cookie cannot hold is written as JSON escapes (RFC 6265, 4.1.1).
pub fn quoted(text: &str) -> String {
    let mut value = String::from('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b'!' | b'#'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~')) => {
                value.push(char::from(byte));
            }
            Ok(_) | Err(_) => value.push_str(&format!("\\u{unit:04x}")),
        }
    }
    value.push('"');
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_holds_any_id_as_json() {
        assert_eq!(quoted("first_event"), "\"first_event\"");
        for id in ["a;b", "\"quoted\\\"", "ü😀", "", " , "] {
            let value = quoted(id);
            let inner = &value[1..value.len() - 1];
            assert!(
                inner
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"\",;".contains(&byte)),
                "{value}"
            );
            assert_eq!(serde_json::from_str::<String>(&value).expect("JSON"), id);
        }
    }

    #[test]
    fn a_long_id_is_called_by_its_digest() {
        for short in ["", "a", &"x".repeat(1_022)] {
            assert_eq!(cookie_id(short), short);
        }
        // Each of these takes six bytes.
        for long in [&"x".repeat(1_023), &"ü".repeat(171), &"y".repeat(100_000)] {
            let name = cookie_id(long);
            assert_eq!(name.len(), 7 + 64, "{name}");
        }
        assert_ne!(cookie_id(&"x".repeat(2_000)), cookie_id(&"y".repeat(2_000)));
    }
}

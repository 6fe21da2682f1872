//! A JSON pointer (RFC 6901): the way to a value inside an event. Indices of arrays are allowed,
//! fragments (`#/...`) are not.

use std::fmt;

/// Steps from the whole document to a value; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Pointer {
    steps: Box<[Box<str>]>,
}

/// Why a text is not a pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerFault {
    /// RFC 6901, 3: every step begins with a slash.
    #[error("the pointer must begin with `/`, as in `/data/id`")]
    NoSlash,
    /// RFC 6901, 6: the form for URLs.
    #[error("the pointer must not be a URL fragment; leave out the `#`")]
    Fragment,
    /// RFC 6901, 3: a tilde is only followed by 0 or 1.
    #[error("a `~` in the pointer must be written `~0`, and a `/` inside a name `~1`")]
    BadEscape,
}

// === impl Pointer ===

impl Pointer {
    /// Reads a pointer. The empty one leads to the whole document.
    ///
    /// # Errors
    /// [`PointerFault`]
    pub fn parse(text: &str) -> Result<Self, PointerFault> {
        if text.starts_with('#') {
            return Err(PointerFault::Fragment);
        }
        let mut steps = text.split('/');
        if steps.next().is_some_and(|before| !before.is_empty()) {
            return Err(PointerFault::NoSlash);
        }
        let steps = steps.map(unescaped).collect::<Result<_, _>>()?;
        Ok(Self { steps })
    }

    /// The names and indices on the way, decoded.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| &**step)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps()
            .try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// The place in an array that `step` names (RFC 6901, 4: no leading zeros).
pub(super) fn index(step: &str) -> Option<usize> {
    let plain = step.bytes().all(|byte| byte.is_ascii_digit());
    let leads_with_zero = step.len() > 1 && step.starts_with('0');
    if plain && !leads_with_zero {
        step.parse().ok()
    } else {
        None
    }
}

fn unescaped(step: &str) -> Result<Box<str>, PointerFault> {
    let mut parts = step.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix('0') {
            name.push('~');
            name.push_str(rest);
        } else if let Some(rest) = part.strip_prefix('1') {
            name.push('/');
            name.push_str(rest);
        } else {
            return Err(PointerFault::BadEscape);
        }
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::{Pointer, PointerFault, index};

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for (text, steps) in [
            ("", vec![]),
            ("/foo", vec!["foo"]),
            ("/foo/0", vec!["foo", "0"]),
            ("/", vec![""]),
            ("/a~1b", vec!["a/b"]),
            ("/c%d", vec!["c%d"]),
            ("/m~0n", vec!["m~n"]),
            ("/~01", vec!["~1"]),
            ("/ ", vec![" "]),
        ] {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.steps().collect::<Vec<_>>(), steps, "{text}");
            assert_eq!(pointer.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused_with_the_reason() {
        for (text, fault) in [
            ("data", PointerFault::NoSlash),
            ("data/id", PointerFault::NoSlash),
            ("#/data", PointerFault::Fragment),
            ("#", PointerFault::Fragment),
            ("/a~", PointerFault::BadEscape),
            ("/a~2", PointerFault::BadEscape),
        ] {
            assert_eq!(Pointer::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn an_index_has_digits_only_and_no_leading_zero() {
        for (step, wanted) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("01", None),
            ("-1", None),
            ("+1", None),
            ("-", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(index(step), wanted, "{step}");
        }
    }
}

//! A `path_replacement`, parsed once (spec: `proxying.md` 3.3, step 1).
//!
//! References: `\N` (all digits that follow), `\g{N}`, `\g{name}`; `\0` is the whole path, `\\` a
//! backslash. What a group holds is data: it can end neither the path nor a parameter, and what
//! comes out is used as a path and query, never as a URL. Deliberately absent: removal of dot
//! segments, which needs the whole result ([`crate::core::path`]).

use std::{fmt::Write as _, ops::Range};

use crate::core::pattern::Pattern;

/// Longest `path_replacement` in bytes, as for patterns.
pub const REPLACEMENT_BYTES_MAX: usize = 4096;

/// A parsed `path_replacement`.
#[derive(Debug)]
pub struct Replacement {
    path: Template,
    query: Template,
    /// Refers to other groups than the whole path.
    needs_groups: bool,
}

/// Why a `path_replacement` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplacementError {
    /// Starts with a scheme or `//`, so it would choose the target; or is empty or too long, or has
    /// a fragment.
    #[error("must be a path")]
    NotAPath,
    /// Refers to a group that the pattern does not have, or has a malformed reference.
    #[error("must be a path")]
    BadReference,
}

/// What a replacement makes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// Starts with `/` and has only well-formed escapes; dot segments are still in it.
    pub path: String,
    /// Parameters for the target's query, without `?`; may be empty.
    pub query: String,
}

#[derive(Debug, Default)]
struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
}

// === impl Replacement ===

impl Replacement {
    /// Parses `source`; `pattern` tells which groups exist. An empty `path_replacement` means "no
    /// rewrite", which the caller expresses by having no [`Replacement`].
    ///
    /// # Errors
    /// [`ReplacementError`]
    pub fn compile(source: &str, pattern: &Pattern) -> Result<Self, ReplacementError> {
        if source.is_empty() || source.len() > REPLACEMENT_BYTES_MAX || names_a_target(source) {
            return Err(ReplacementError::NotAPath);
        }
        let (path, query) = source.split_once('?').unwrap_or((source, ""));
        let (path, query) = (
            Template::parse(path, pattern)?,
            Template::parse(query, pattern)?,
        );
        let mut parts = path.0.iter().chain(&query.0);
        let needs_groups = parts.any(|part| matches!(part, Part::Group(1..)));
        Ok(Self {
            path,
            query,
            needs_groups,
        })
    }

    /// What becomes of `path`, which `pattern` matches; `None` if it does not.
    pub fn expand(&self, pattern: &Pattern, path: &str) -> Option<Expansion> {
        let groups = if self.needs_groups {
            pattern.groups(path)?
        } else {
            vec![Some(0..path.len())]
        };
        let mut expanded = self.path.expand(path, &groups, "");
        if !expanded.starts_with('/') {
            expanded.insert(0, '/');
        }
        // What separates parameters, and the `+` that means a space in them but not in a path.
        let query = self.query.expand(path, &groups, "&;+");
        Some(Expansion {
            path: expanded,
            query,
        })
    }
}

// === impl Template ===

impl Template {
    fn parse(source: &str, pattern: &Pattern) -> Result<Self, ReplacementError> {
        let (mut template, mut rest) = (Self::default(), source.chars());
        while let Some(c) = rest.next() {
            match c {
                '#' => return Err(ReplacementError::NotAPath),
                '\\' if rest.as_str().starts_with('\\') => {
                    rest.next();
                    template.push_encoded('\\');
                }
                '\\' => {
                    let (group, behind) =
                        reference(rest.as_str(), pattern).ok_or(ReplacementError::BadReference)?;
                    template.0.push(Part::Group(group));
                    rest = behind.chars();
                }
                '%' if !is_escape(rest.clone()) => template.push_text("%25"),
                _ if is_allowed(c) => template.push_text(c.encode_utf8(&mut [0; 4])),
                _ => template.push_encoded(c),
            }
        }
        Ok(template)
    }

    /// Puts the groups of `path` in their places, with `reserved` characters in them encoded.
    fn expand(&self, path: &str, groups: &[Option<Range<usize>>], reserved: &str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number) => {
                    let span = groups.get(*number).cloned().flatten();
                    let data = span.and_then(|span| path.get(span)).unwrap_or_default();
                    push_data(&mut out, data, reserved);
                }
            }
        }
        out
    }

    fn push_text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            Some(Part::Group(_)) | None => self.0.push(Part::Text(text.to_owned())),
        }
    }

    fn push_encoded(&mut self, c: char) {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.push_text(&format!("%{byte:02X}"));
        }
    }
}

/// Appends what a group holds. It was cut out of a path, so an escape at its end may be incomplete;
/// the `%` of such a one is encoded.
fn push_data(out: &mut String, data: &str, reserved: &str) {
    let cut = data.len().saturating_sub(2);
    for (at, c) in data.char_indices() {
        if reserved.contains(c) || c == '%' && at >= cut {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
}

/// The group that the text behind a backslash refers to, and what follows the reference; `None` if
/// it is malformed or there is no such group.
fn reference<'s>(text: &'s str, pattern: &Pattern) -> Option<(usize, &'s str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (name, behind) = match text.strip_prefix("g{") {
        Some(braced) => braced.split_once('}')?,
        None => text.split_at(digits),
    };
    let group = if name.bytes().all(|byte| byte.is_ascii_digit()) {
        name.parse().ok()?
    } else {
        pattern.group_named(name)?
    };
    (group <= pattern.group_count()).then_some((group, behind))
}

/// Whether `source` would choose scheme or host if it were taken as a URL (RFC 3986 4.2).
fn names_a_target(source: &str) -> bool {
    let is_scheme_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let scheme = source.split_once(':').map_or("", |(scheme, _)| scheme);
    source.starts_with("//")
        || scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(is_scheme_byte)
}

/// Whether a `%` is followed by two hex digits.
fn is_escape(mut rest: impl Iterator<Item = char>) -> bool {
    let mut digit = || rest.next().is_some_and(|c| c.is_ascii_hexdigit());
    digit() && digit()
}

/// What back ends and their proxies take in a request target as it is (RFC 3986 3.3 and 3.4, and
/// brackets, which are common in queries).
const fn is_allowed(c: char) -> bool {
    matches!(c, '!'..='~') && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
}

#[cfg(test)]
mod tests;

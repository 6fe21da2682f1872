//! A `path_regex`, compiled once and anchored at both ends (spec: `proxying.md` 3.2.2).
//!
//! Matches whole normalised paths ([`crate::core::path`]), ignoring ASCII case. Most patterns are
//! matched step by step (`linear.rs`); the others by a program of the `regex` crate, whose time is
//! linear in the path whatever the pattern. Deliberately absent: look-around and back-references,
//! which cannot be had in linear time.

mod linear;
pub mod replacement;
mod spelling;
#[cfg(test)]
mod tests;

use std::{ops::Range, sync::OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::{
    ast::Ast,
    hir::{Hir, HirKind, translate::TranslatorBuilder},
};

pub use replacement::{Replacement, ReplacementError};

use self::{linear::Linear, spelling::Spelling};

/// Longest `path_regex` in bytes. Paths longer than this are rare, patterns have no reason to be.
pub const PATTERN_BYTES_MAX: usize = 4096;

/// Largest compiled program in bytes, some 1,200 states: room for any counted repetition that a
/// path segment needs. The worst patterns of this size take 70 ms for a path of 8 KiB (measured).
const PROGRAM_BYTES_MAX: usize = 128 * 1024;

/// Largest cache of a program's lazily built automaton, in bytes for each direction and thread;
/// ordinary patterns take a tenth. When it is full, matching goes on at a slower pace.
const AUTOMATON_BYTES_MAX: usize = 256 * 1024;

/// A compiled `path_regex`.
#[derive(Debug)]
pub struct Pattern {
    source: Box<str>,
    prefix: Box<str>,
    length_min: usize,
    /// Names of the groups from 1 on.
    groups: Box<[Option<Box<str>>]>,
    matcher: Matcher,
}

/// Why a `path_regex` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(pub String);

#[derive(Debug)]
enum Matcher {
    Linear(Linear),
    Program(Program),
}

/// A pattern for the `regex` crate. Checked when the definition is, but built when first needed: a
/// program that has been used takes 30 KiB, and few routes get most of the requests.
#[derive(Debug)]
struct Program {
    /// With both anchors.
    text: Box<str>,
    unicode: bool,
    /// `None` inside cannot happen, as the same build has succeeded; it would match nothing.
    regex: OnceLock<Option<Regex>>,
}

// === impl Pattern ===

impl Pattern {
    /// Compiles `source` for case-insensitive matching of whole normalised paths.
    ///
    /// # Errors
    /// Empty or too long, not a regular expression, uses look-around or back-references, has a
    /// non-ASCII character in a class, or is too large when compiled.
    pub fn compile(source: &str) -> Result<Self, PatternError> {
        if source.is_empty() || source.len() > PATTERN_BYTES_MAX {
            return Err(PatternError(format!(
                "must have 1 to {PATTERN_BYTES_MAX} bytes"
            )));
        }
        let spelling = Spelling::of(source)?;
        let (hir, unicode) = translate(&spelling.text, &spelling.ast)?;
        let matcher = match Linear::of(&hir) {
            Some(linear) => Matcher::Linear(linear),
            None => Matcher::Program(Program::check(&spelling, unicode)?),
        };
        let mut prefix = String::new();
        extend_prefix(&mut prefix, &hir);
        let mut groups = vec![None; hir.properties().explicit_captures_len()];
        name_groups(&mut groups, &hir);
        Ok(Self {
            source: source.into(),
            prefix: prefix.into(),
            length_min: hir.properties().minimum_len().unwrap_or(0),
            groups: groups.into(),
            matcher,
        })
    }

    /// The `path_regex` as the definition spells it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What every matching path begins with, in lower case; may be empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the [prefix](Self::prefix) is the only path that matches (ignoring case).
    pub fn is_literal(&self) -> bool {
        match &self.matcher {
            Matcher::Linear(linear) => linear.is_literal(&self.prefix),
            Matcher::Program(_) => false,
        }
    }

    /// How many groups there are besides group 0, the whole path.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The number of the group called `name`.
    pub fn group_named(&self, name: &str) -> Option<usize> {
        let at = (self.groups.iter()).position(|group| group.as_deref() == Some(name))?;
        Some(at + 1)
    }

    /// Whether the whole of `path`, a normalised path, matches.
    pub fn is_match(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Linear(linear) => linear.is_match(path),
            Matcher::Program(program) => program
                .regex()
                .is_some_and(|regex| regex.is_match(path.as_bytes())),
        }
    }

    /// Where the groups are in `path`, group 0 first; `None` for one that took no part. `None` as a
    /// whole if `path` does not match.
    pub fn groups(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
        match &self.matcher {
            Matcher::Linear(linear) => linear.groups(path),
            Matcher::Program(program) => {
                let regex = program.regex()?;
                let mut places = regex.capture_locations();
                regex.captures_read(&mut places, path.as_bytes())?;
                let group = |at| places.get(at).map(|(start, end)| start..end);
                Some((0..places.len()).map(group).collect())
            }
        }
    }

    /// Whether every path that `other` matches matches here too, so that `other` behind this one is
    /// never reached. Errs on the side of `false`: a cheap comparison, not a proof search.
    pub fn covers(&self, other: &Self) -> bool {
        if other.is_literal() {
            // Both cases, as this pattern may turn case-insensitivity off.
            return self.is_match(&other.prefix)
                && self.is_match(&other.prefix.to_ascii_uppercase());
        }
        match (&self.matcher, &other.matcher) {
            (Matcher::Linear(own), Matcher::Linear(other)) => own.covers(other),
            (Matcher::Linear(own), Matcher::Program(_)) => {
                own.covers_all_below(&other.prefix, other.length_min)
            }
            (Matcher::Program(own), Matcher::Program(other)) => own.text == other.text,
            (Matcher::Program(_), Matcher::Linear(_)) => false,
        }
    }
}

// === impl Program ===

impl Program {
    /// Builds the program once, to be sure that it can be built, and drops it again.
    fn check(spelling: &Spelling<'_>, unicode: bool) -> Result<Self, PatternError> {
        let line_end = if spelling.ends_in_comment { "\n" } else { "" };
        let text = format!("^(?:{}{line_end})$", spelling.text).into();
        let program = Self {
            text,
            unicode,
            regex: OnceLock::new(),
        };
        match program.build() {
            Ok(_) => Ok(program),
            Err(regex::Error::CompiledTooBig(_)) => Err(PatternError(
                "too large when compiled; shorten it, or lower the counts of its repetitions"
                    .to_owned(),
            )),
            Err(error) => Err(PatternError(error.to_string())),
        }
    }

    fn build(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.text)
            .case_insensitive(true)
            .unicode(self.unicode)
            .size_limit(PROGRAM_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .build()
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| self.build().ok()).as_ref()
    }
}

/// Paths are ASCII, so byte classes do and are much smaller; Unicode classes only where the
/// pattern asks for them (`\p{..}`).
fn translate(text: &str, ast: &Ast) -> Result<(Hir, bool), PatternError> {
    let with = |unicode| {
        TranslatorBuilder::new()
            .case_insensitive(true)
            .utf8(false)
            .unicode(unicode)
            .build()
            .translate(text, ast)
            .map(|hir| (hir, unicode))
    };
    with(false).or_else(|_| with(true)).map_err(|error| {
        PatternError(format!(
            "{} (character {})",
            error.kind(),
            error.span().start.column
        ))
    })
}

/// Appends what every text matched by `hir` begins with, in lower case; whether that is all of it.
fn extend_prefix(prefix: &mut String, hir: &Hir) -> bool {
    match hir.kind() {
        // Assertions take no room.
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            let ascii = literal.0.iter().take_while(|byte| byte.is_ascii());
            prefix.extend(ascii.map(|byte| char::from(byte.to_ascii_lowercase())));
            literal.0.is_ascii()
        }
        HirKind::Class(class) => match linear::caseless_letter(class) {
            Some(letter) => {
                prefix.push(char::from(letter));
                true
            }
            None => false,
        },
        HirKind::Alternation(_) => false,
        HirKind::Repetition(repetition) => {
            if repetition.min > 0 {
                extend_prefix(prefix, &repetition.sub);
            }
            false
        }
        HirKind::Capture(capture) => extend_prefix(prefix, &capture.sub),
        HirKind::Concat(parts) => parts.iter().all(|part| extend_prefix(prefix, part)),
    }
}

fn name_groups(groups: &mut [Option<Box<str>>], hir: &Hir) {
    if let HirKind::Capture(capture) = hir.kind() {
        let group = (capture.index as usize).checked_sub(1);
        if let Some(group) = group.and_then(|at| groups.get_mut(at)) {
            group.clone_from(&capture.name);
        }
    }
    for part in hir.kind().subs() {
        name_groups(groups, part);
    }
}

//! From a `path_regex` as people write it to the expression that is compiled
//! (spec: `proxying.md` 3.2.2).
//!
//! Two things are rewritten: an alternative that does not begin like a path gets its `/`, and
//! characters that a normalised path never holds raw are percent-encoded. Deliberately absent:
//! escapes that stand in the pattern already; `%C3` and `%c3` are the same anyway.

use std::{borrow::Cow, fmt::Write as _, slice};

use regex_syntax::ast::{self, Ast, ClassSetItem, ErrorKind, parse::Parser};

use crate::core::pattern::PatternError;

/// What is compiled, and its syntax tree.
#[derive(Debug)]
pub(super) struct Spelling<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) ast: Ast,
    /// The text ends in a comment of verbose mode, which would swallow whatever is put behind it.
    pub(super) ends_in_comment: bool,
}

/// Replaces `start..end` of the source.
#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// Collects the characters to encode, and refuses those that cannot be.
struct Encoder<'e> {
    edits: &'e mut Vec<Edit>,
}

// === impl Spelling ===

impl<'s> Spelling<'s> {
    pub(super) fn of(source: &'s str) -> Result<Self, PatternError> {
        let spelling = Self::parse(Cow::Borrowed(source))?;
        let mut edits = Vec::new();
        root_alternatives(source, &spelling.ast, &mut edits);
        ast::visit(&spelling.ast, Encoder { edits: &mut edits })?;
        if edits.is_empty() {
            return Ok(spelling);
        }
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let (mut text, mut copied) = (String::with_capacity(source.len() + 16), 0);
        for edit in &edits {
            text.push_str(&source[copied..edit.start]);
            text.push_str(&edit.text);
            copied = edit.end;
        }
        text.push_str(&source[copied..]);
        Self::parse(Cow::Owned(text))
    }

    fn parse(text: Cow<'s, str>) -> Result<Self, PatternError> {
        let parsed = Parser::new()
            .parse_with_comments(&text)
            .map_err(|error| refusal(&error))?;
        let ends_in_comment = parsed
            .comments
            .last()
            .is_some_and(|comment| comment.span.end.offset == text.len());
        Ok(Self {
            ast: parsed.ast,
            ends_in_comment,
            text,
        })
    }
}

// === impl Encoder ===

impl ast::Visitor for Encoder<'_> {
    type Output = ();
    type Err = PatternError;

    fn finish(self) -> Result<(), PatternError> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), PatternError> {
        if let Ast::Literal(literal) = ast
            && !matches!(literal.c, '!'..='~')
        {
            let (start, end) = (literal.span.start.offset, literal.span.end.offset);
            // A group, so that a quantifier behind the character still repeats all of it.
            let mut text = "(?:".to_owned();
            for byte in literal.c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(text, "%{byte:02X}");
            }
            text.push(')');
            self.edits.push(Edit { start, end, text });
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), PatternError> {
        let (first, last) = match item {
            ClassSetItem::Literal(literal) => (literal.c, literal.c),
            ClassSetItem::Range(range) => (range.start.c, range.end.c),
            // Sets by name, and parts that are visited on their own.
            ClassSetItem::Empty(_)
            | ClassSetItem::Ascii(_)
            | ClassSetItem::Unicode(_)
            | ClassSetItem::Perl(_)
            | ClassSetItem::Bracketed(_)
            | ClassSetItem::Union(_) => return Ok(()),
        };
        if first.is_ascii() && last.is_ascii() {
            return Ok(());
        }
        Err(PatternError(format!(
            "the character class has the non-ASCII character '{last}', which takes several \
             characters in a path; use alternatives, such as (?:ä|ö)"
        )))
    }
}

/// Puts a `/` before each top-level alternative that would not begin like a path otherwise. An
/// empty alternative stays empty: it matches no path, and must not become one that matches `/`.
fn root_alternatives(source: &str, ast: &Ast, edits: &mut Vec<Edit>) {
    let alternatives = match ast {
        Ast::Alternation(alternation) => alternation.asts.as_slice(),
        single => slice::from_ref(single),
    };
    for alternative in alternatives {
        // The first part, as the whole may begin with the white space of verbose mode.
        let first = match alternative {
            Ast::Concat(concat) => concat.asts.first().unwrap_or(alternative),
            single => single,
        };
        let start = first.span().start.offset;
        let begins_like_a_path = source[start..].starts_with(['/', '^', '(', '.', '[', '\\']);
        if !begins_like_a_path && !matches!(alternative, Ast::Empty(_)) {
            edits.push(Edit {
                start,
                end: start,
                text: "/".to_owned(),
            });
        }
    }
}

/// Says in words of the definition's author what the parser found.
fn refusal(error: &ast::Error) -> PatternError {
    let column = error.span().start.column;
    PatternError(match error.kind() {
        ErrorKind::UnsupportedLookAround => format!(
            "look-around is not supported (character {column}): every pattern is matched in time \
             linear in the path; spell out what may stand there"
        ),
        ErrorKind::UnsupportedBackreference => format!(
            "back-references are not supported (character {column}): every pattern is matched in \
             time linear in the path"
        ),
        kind => format!("{kind} (character {column})"),
    })
}

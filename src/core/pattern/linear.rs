//! Patterns that can be matched in one pass without a regex program: literals and runs of one
//! character class, where a look at the next byte tells whether a run goes on.
//!
//! `/shops/([^/]+)/items/[0-9]+`, `/files/.*` and plain `/login` are of this kind, and so is nearly
//! every route of a gateway. They take some hundred bytes each where a program takes kilobytes
//! (measured: docs/adr), and there is only one way in which they can match, so greediness does not
//! matter. Everything else (alternatives, `(.+)/to/(.+)`, optional groups) is left to `regex`.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use crate::core::path::is_path_byte;

/// A pattern as a sequence of steps that match in exactly one way.
#[derive(Debug)]
pub(super) struct Linear {
    steps: Box<[Step]>,
    /// Where the explicit groups begin and end, in order of their numbers.
    groups: Box<[(Place, Place)]>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Lower-case, compared ignoring ASCII case, never empty, never two in a row.
    Literal(Box<str>),
    Run(Run),
}

/// As many bytes of `set` as there are, at least `min` and at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    set: ByteSet,
    min: usize,
    /// `usize::MAX`: no limit.
    max: usize,
}

/// A set of ASCII bytes; paths have no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ByteSet(u128);

/// `plus` bytes behind the start of step `step`, which is a literal if `plus` is not 0; the step
/// behind the last one is the end of the path.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    step: usize,
    plus: usize,
}

#[derive(Default)]
struct Draft {
    steps: Vec<DraftStep>,
    groups: Vec<(Place, Place)>,
    /// `$` was seen: nothing may follow.
    ended: bool,
}

enum DraftStep {
    Literal(String),
    Run(Run),
}

// === impl Linear ===

impl Linear {
    /// `None` if `hir`, translated for case-insensitive matching, is not of this kind.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let mut draft = Draft::default();
        draft
            .groups
            .resize(hir.properties().explicit_captures_len(), Default::default());
        draft.add(hir)?;
        let steps: Box<[Step]> = draft.steps.into_iter().map(Step::from).collect();
        let is_determined = |(at, step): (usize, &Step)| match step {
            Step::Literal(_) => true,
            Step::Run(run) => run.min == run.max || !run.set.meets_start_of(steps.get(at + 1)),
        };
        let determined = steps.iter().enumerate().all(is_determined);
        determined.then(|| Self {
            groups: draft.groups.into(),
            steps,
        })
    }

    /// Whether `text` is the only matching path (ignoring case).
    pub(super) fn is_literal(&self, text: &str) -> bool {
        match &*self.steps {
            [] => text.is_empty(),
            [Step::Literal(own)] => **own == *text,
            _ => false,
        }
    }

    pub(super) fn is_match(&self, path: &str) -> bool {
        self.scan(path, |_| {})
    }

    /// The spans of group 0 (the whole path) and of all explicit groups.
    pub(super) fn groups(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
        let mut starts = Vec::with_capacity(self.steps.len() + 1);
        if !self.scan(path, |at| starts.push(at)) {
            return None;
        }
        starts.push(path.len());
        let position = |place: &Place| starts[place.step] + place.plus;
        let explicit = self
            .groups
            .iter()
            .map(|(start, end)| Some(position(start)..position(end)));
        Some([Some(0..path.len())].into_iter().chain(explicit).collect())
    }

    /// Whether every path that `other` matches matches here too. `false` may also mean "not
    /// obviously".
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mut pairs = self.steps.iter().zip(&*other.steps).enumerate();
        let apart = pairs.find(|(_, pair)| match pair {
            (Step::Literal(a), Step::Literal(b)) => a != b,
            (Step::Run(a), Step::Run(b)) => !a.contains(b),
            (Step::Literal(_), Step::Run(_)) | (Step::Run(_), Step::Literal(_)) => true,
        });
        let Some((at, pair)) = apart else {
            // One is a prefix of the other.
            let at = self.steps.len().min(other.steps.len());
            return match &self.steps[at..] {
                [] => other.steps.len() == at,
                rest => self.is_rest_covered(rest, length_min(&other.steps[at..])),
            };
        };
        let after = length_min(&other.steps[at + 1..]);
        match pair {
            (Step::Literal(a), Step::Literal(b)) if b.starts_with(&**a) => {
                let left = after.saturating_add(b.len() - a.len());
                self.is_rest_covered(&self.steps[at + 1..], left)
            }
            (_, other) => {
                let left = after.saturating_add(other.length_min());
                self.is_rest_covered(&self.steps[at..], left)
            }
        }
    }

    /// Whether every path that begins with `prefix` and has at least `length_min` bytes matches.
    pub(super) fn covers_all_below(&self, prefix: &str, length_min: usize) -> bool {
        match &*self.steps {
            [Step::Literal(own), rest @ ..] if prefix.starts_with(&**own) => {
                self.is_rest_covered(rest, length_min.saturating_sub(own.len()))
            }
            [Step::Literal(_), ..] => false,
            rest => self.is_rest_covered(rest, length_min),
        }
    }

    /// Whether the last steps match any text of at least `length` bytes.
    fn is_rest_covered(&self, rest: &[Step], length: usize) -> bool {
        match rest {
            [Step::Run(run)] => run.takes_anything() && run.min <= length,
            _ => false,
        }
    }

    /// Tells `at_step` where each step begins.
    fn scan(&self, path: &str, mut at_step: impl FnMut(usize)) -> bool {
        let mut rest = path.as_bytes();
        for (number, step) in self.steps.iter().enumerate() {
            at_step(path.len() - rest.len());
            let taken = match step {
                Step::Literal(text) => match rest.get(..text.len()) {
                    Some(start) if start.eq_ignore_ascii_case(text.as_bytes()) => text.len(),
                    _ => return false,
                },
                Step::Run(run) => {
                    let is_last = number + 1 == self.steps.len();
                    match run.taken_from(rest, is_last) {
                        Some(taken) => taken,
                        None => return false,
                    }
                }
            };
            rest = &rest[taken..];
        }
        rest.is_empty()
    }
}

// === impl Step ===

impl Step {
    fn length_min(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::Run(run) => run.min,
        }
    }
}

impl From<DraftStep> for Step {
    fn from(step: DraftStep) -> Self {
        match step {
            DraftStep::Literal(text) => Self::Literal(text.into()),
            DraftStep::Run(run) => Self::Run(run),
        }
    }
}

// === impl Run ===

impl Run {
    fn taken_from(&self, rest: &[u8], is_last: bool) -> Option<usize> {
        let taken = if self.min == self.max {
            let fixed = rest.get(..self.min)?;
            fixed
                .iter()
                .all(|&byte| self.set.has(byte))
                .then_some(self.min)?
        } else if is_last && self.takes_anything() {
            rest.len()
        } else {
            let end = rest.iter().position(|&byte| !self.set.has(byte));
            end.unwrap_or(rest.len())
        };
        (self.min..=self.max).contains(&taken).then_some(taken)
    }

    /// Whether no byte of a path ends this run.
    fn takes_anything(&self) -> bool {
        self.max == usize::MAX && self.set.contains(ByteSet::PATH)
    }

    fn contains(&self, other: &Self) -> bool {
        self.set.contains(other.set) && self.min <= other.min && self.max >= other.max
    }
}

// === impl ByteSet ===

impl ByteSet {
    /// Every byte of a normalised path.
    const PATH: Self = {
        let (mut set, mut byte) = (0, 0);
        while byte < 128 {
            if is_path_byte(byte) {
                set |= 1 << byte;
            }
            byte += 1;
        }
        Self(set)
    };

    fn of(class: &Class) -> Self {
        let mut set = 0;
        let mut add = |start: u32, end: u32| {
            for byte in start..=end.min(127) {
                set |= 1 << byte;
            }
        };
        match class {
            Class::Bytes(class) => {
                (class.ranges().iter()).for_each(|r| add(r.start().into(), r.end().into()));
            }
            Class::Unicode(class) => {
                (class.ranges().iter()).for_each(|r| add(r.start().into(), r.end().into()));
            }
        }
        Self(set)
    }

    const fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a byte of this set may also be where `next` begins.
    fn meets_start_of(self, next: Option<&Step>) -> bool {
        match next {
            None => false,
            Some(Step::Literal(text)) => text
                .bytes()
                .next()
                .is_none_or(|byte| self.has(byte) || self.has(byte.to_ascii_uppercase())),
            Some(Step::Run(run)) => run.min == 0 || self.0 & run.set.0 != 0,
        }
    }

    /// The lower-case byte if this set is one character in both cases.
    fn caseless(self) -> Option<u8> {
        let byte = 127_u32.checked_sub(self.0.leading_zeros())? as u8;
        let both = 1 << byte.to_ascii_lowercase() | 1 << byte.to_ascii_uppercase();
        (self.0 == both).then_some(byte.to_ascii_lowercase())
    }
}

// === impl Draft ===

impl Draft {
    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Look(Look::Start) if self.steps.is_empty() => Some(()),
            HirKind::Look(Look::End) => {
                self.ended = true;
                Some(())
            }
            HirKind::Look(_) | HirKind::Alternation(_) => None,
            HirKind::Literal(literal) => literal.0.iter().try_for_each(|&byte| self.add_byte(byte)),
            HirKind::Class(class) => match caseless_letter(class) {
                Some(letter) => self.push_byte(letter),
                None => self.add_run(ByteSet::of(class), 1, Some(1)),
            },
            HirKind::Repetition(repetition) => self.add_repetition(repetition),
            HirKind::Capture(capture) => {
                let start = self.place();
                self.add(&capture.sub)?;
                let end = self.place();
                let group = usize::try_from(capture.index).ok()?.checked_sub(1)?;
                *self.groups.get_mut(group)? = (start, end);
                Some(())
            }
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part)),
        }
    }

    fn add_repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let set = match repetition.sub.kind() {
            HirKind::Class(class) => ByteSet::of(class),
            HirKind::Literal(literal) => match *literal.0 {
                [byte] if byte.is_ascii() => ByteSet(1 << byte),
                _ => return None,
            },
            HirKind::Empty
            | HirKind::Look(_)
            | HirKind::Repetition(_)
            | HirKind::Capture(_)
            | HirKind::Concat(_)
            | HirKind::Alternation(_) => return None,
        };
        self.add_run(set, repetition.min, repetition.max)
    }

    fn add_run(&mut self, set: ByteSet, min: u32, max: Option<u32>) -> Option<()> {
        let limit = |count: u32| usize::try_from(count).ok();
        let max = max.map_or(Some(usize::MAX), limit)?;
        let run = Run {
            set,
            min: limit(min)?,
            max,
        };
        (!self.ended).then(|| self.steps.push(DraftStep::Run(run)))
    }

    /// A letter that stands for itself only (`(?-i)a`) is beyond caseless steps.
    fn add_byte(&mut self, byte: u8) -> Option<()> {
        let plain = byte.is_ascii() && !byte.is_ascii_alphabetic();
        plain.then(|| self.push_byte(byte))?
    }

    fn push_byte(&mut self, byte: u8) -> Option<()> {
        if self.ended {
            return None;
        }
        match self.steps.last_mut() {
            Some(DraftStep::Literal(text)) => text.push(char::from(byte)),
            _ => self
                .steps
                .push(DraftStep::Literal(char::from(byte).to_string())),
        }
        Some(())
    }

    /// Where the next step begins: within a literal that is still growing, the literal counts.
    fn place(&self) -> Place {
        match self.steps.last() {
            Some(DraftStep::Literal(text)) => Place {
                step: self.steps.len() - 1,
                plus: text.len(),
            },
            _ => Place {
                step: self.steps.len(),
                plus: 0,
            },
        }
    }
}

/// The letter, in lower case, that `class` stands for ignoring case, if it is one letter.
pub(super) fn caseless_letter(class: &Class) -> Option<u8> {
    ByteSet::of(class).caseless()
}

fn length_min(steps: &[Step]) -> usize {
    steps
        .iter()
        .fold(0, |sum, step| sum.saturating_add(step.length_min()))
}

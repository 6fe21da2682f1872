//! Patterns that are matched without a regex program: sequences of literals and runs of one
//! character class that can match a path in one way only, or in a best way that is easily found.
//!
//! Such a pattern is matched from both ends. From the left go the steps that the next byte ends,
//! as in `/shops/([^/]+)/items/`; from the right those that the byte before ends, as in
//! `/([^/]+)`; what is left for the middle is one run, or a chain such as `.+/to/.+` whose literals
//! belong as far to the right as possible, since its runs are greedy. Nearly every route of a
//! gateway is of this kind. Kept this way it takes about half a kilobyte, where a program that has
//! been used takes thirty, and is matched faster than by the program. Alternatives and optional
//! groups are left to the `regex` crate.

mod draft;
mod step;

use std::ops::Range;

use regex_syntax::hir::Hir;

pub(super) use self::step::caseless_letter;
use self::{
    draft::Draft,
    step::{Run, Step},
};

/// A pattern as a sequence of steps.
#[derive(Debug)]
pub(super) struct Linear {
    steps: Box<[Step]>,
    /// The steps that are matched last, between those before and those behind them. Empty, or one
    /// run, or runs that take anything with single literals between them.
    middle: Range<usize>,
    /// Where the explicit groups begin and end, in order of their numbers.
    groups: Box<[(Place, Place)]>,
}

/// `plus` bytes behind the start of step `step`, which is a literal if `plus` is not 0; the step
/// behind the last one is the end of the path. The end of a literal is named so too, never as the
/// start of the run behind it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    step: usize,
    plus: usize,
}

// === impl Linear ===

impl Linear {
    /// `None` if `hir`, translated for case-insensitive matching, is not of this kind.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let Draft { steps, groups, .. } = Draft::of(hir)?;
        let middle = middle(&steps)?;
        Some(Self {
            steps: steps.into(),
            middle,
            groups: groups.into(),
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
        self.scan(path, |_, _| {}).is_some()
    }

    /// The spans of group 0 (the whole path) and of all explicit groups.
    pub(super) fn groups(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
        let mut starts = vec![path.len(); self.steps.len() + 1];
        self.scan(path, |step, at| starts[step] = at)?;
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
        let same = self
            .steps
            .iter()
            .zip(&*other.steps)
            .take_while(|(own, other)| own.covers(other));
        let same = same.count();
        match (&self.steps[same..], &other.steps[same..]) {
            ([], []) => true,
            ([Step::Literal(own), rest @ ..], [Step::Literal(other), others @ ..])
                if other.starts_with(&**own) =>
            {
                take_anything(
                    rest,
                    length_min(others).saturating_add(other.len() - own.len()),
                )
            }
            (rest, others) => take_anything(rest, length_min(others)),
        }
    }

    /// Whether every path that begins with `prefix` and has at least `length_min` bytes matches.
    pub(super) fn covers_all_below(&self, prefix: &str, length_min: usize) -> bool {
        match &*self.steps {
            [Step::Literal(own), rest @ ..] => {
                prefix.starts_with(&**own)
                    && take_anything(rest, length_min.saturating_sub(own.len()))
            }
            rest => take_anything(rest, length_min),
        }
    }

    /// Tells `at` where each step begins that a [`Place`] can name, in no order; `None` if `path`
    /// does not match.
    fn scan(&self, path: &str, mut at: impl FnMut(usize, usize)) -> Option<()> {
        let path = path.as_bytes();
        let (mut start, mut end) = (0, path.len());
        for (number, step) in self.steps[..self.middle.start].iter().enumerate() {
            at(number, start);
            start += step.length_at_start(&path[start..])?;
        }
        for number in (self.middle.end..self.steps.len()).rev() {
            end -= self.steps[number].length_at_end(&path[start..end])?;
            at(number, end);
        }
        // Bytes that the run behind the literal at hand needs at least.
        let mut needed = 0;
        for number in self.middle.clone().rev() {
            match &self.steps[number] {
                Step::Run(run) if number > self.middle.start => needed = run.min,
                Step::Run(run) => {
                    at(number, start);
                    return run.fits(&path[start..end]).then_some(());
                }
                Step::Literal(text) => {
                    let room = &path[start..end.checked_sub(needed).filter(|end| *end >= start)?];
                    end = start + step::find_last(room, text)?;
                    at(number, end);
                }
            }
        }
        (start == end).then_some(())
    }
}

/// The steps that neither end of the path determines; `None` if they are not of a kind that is
/// matched in one pass.
fn middle(steps: &[Step]) -> Option<Range<usize>> {
    type Meets = fn(&Run, Option<&Step>) -> bool;
    let is_open = |at: usize, neighbour: Option<&Step>, meets: Meets| match &steps[at] {
        Step::Literal(_) => false,
        Step::Run(run) => run.min != run.max && meets(run, neighbour),
    };
    let mut numbers = 0..steps.len();
    let Some(first) = numbers.find(|&at| is_open(at, steps.get(at + 1), Run::meets_start_of))
    else {
        return Some(steps.len()..steps.len());
    };
    let before = |at: usize| at.checked_sub(1).and_then(|at| steps.get(at));
    let last = numbers.rfind(|&at| is_open(at, before(at), Run::meets_end_of));
    let middle = first..last.unwrap_or(first) + 1;
    let is_chain = || {
        let mut parts = steps[middle.clone()].chunks(2);
        parts.all(|part| match part {
            [Step::Run(run)] | [Step::Run(run), Step::Literal(_)] => {
                run.takes_anything() && run.greedy
            }
            _ => false,
        })
    };
    (middle.len() == 1 || is_chain()).then_some(middle)
}

/// Whether `steps` match any text of at least `length` bytes.
fn take_anything(steps: &[Step], length: usize) -> bool {
    match steps {
        [Step::Run(run)] => run.takes_anything() && run.min <= length,
        _ => false,
    }
}

fn length_min(steps: &[Step]) -> usize {
    steps
        .iter()
        .fold(0, |sum, step| sum.saturating_add(step.length_min()))
}

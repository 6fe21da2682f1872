//! From the syntax of a pattern to its steps.

use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use super::{
    Place,
    step::{ByteSet, Run, Step, caseless_letter},
};

/// Steps and groups while they are collected.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    pub(super) groups: Vec<(Place, Place)>,
    /// The literal that the next step ends.
    literal: String,
    /// `$` was seen: nothing may follow.
    ended: bool,
}

// === impl Draft ===

impl Draft {
    /// `None` if `hir` is no sequence of literals and runs.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let groups = vec![Default::default(); hir.properties().explicit_captures_len()];
        let mut draft = Self {
            groups,
            ..Self::default()
        };
        draft.add(hir)?;
        draft.end_literal();
        Some(draft)
    }

    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Look(Look::Start) if self.steps.is_empty() && self.literal.is_empty() => {
                Some(())
            }
            HirKind::Look(Look::End) => {
                self.ended = true;
                Some(())
            }
            HirKind::Look(_) | HirKind::Alternation(_) => None,
            HirKind::Literal(literal) => literal.0.iter().try_for_each(|&byte| {
                // A letter that stands for itself only, by `(?-i)`, is beyond caseless steps.
                let plain = byte.is_ascii() && !byte.is_ascii_alphabetic();
                plain.then_some(byte).and_then(|byte| self.add_byte(byte))
            }),
            HirKind::Class(class) => match caseless_letter(class) {
                Some(letter) => self.add_byte(letter),
                None => self.add_run(Run {
                    set: ByteSet::of(class),
                    min: 1,
                    max: 1,
                    greedy: true,
                }),
            },
            HirKind::Repetition(repetition) => self.add_repetition(repetition),
            HirKind::Capture(capture) => {
                let start = self.place();
                self.add(&capture.sub)?;
                let group = usize::try_from(capture.index).ok()?.checked_sub(1)?;
                *self.groups.get_mut(group)? = (start, self.place());
                Some(())
            }
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part)),
        }
    }

    fn add_repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let set = match repetition.sub.kind() {
            HirKind::Class(class) => ByteSet::of(class),
            HirKind::Literal(literal) => match *literal.0 {
                [byte] => ByteSet::single(byte),
                _ => return None,
            },
            HirKind::Empty
            | HirKind::Look(_)
            | HirKind::Repetition(_)
            | HirKind::Capture(_)
            | HirKind::Concat(_)
            | HirKind::Alternation(_) => return None,
        };
        let limit = |count: u32| usize::try_from(count).ok();
        let max = repetition.max.map_or(Some(usize::MAX), limit)?;
        self.add_run(Run {
            set,
            min: limit(repetition.min)?,
            max,
            greedy: repetition.greedy,
        })
    }

    fn add_run(&mut self, run: Run) -> Option<()> {
        self.end_literal();
        (!self.ended).then(|| self.steps.push(Step::Run(run)))
    }

    fn add_byte(&mut self, byte: u8) -> Option<()> {
        (!self.ended).then(|| self.literal.push(char::from(byte)))
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.steps.push(Step::Literal(literal.into()));
        }
    }

    /// Where the next step begins, which may still become part of a growing literal.
    fn place(&self) -> Place {
        Place {
            step: self.steps.len(),
            plus: self.literal.len(),
        }
    }
}

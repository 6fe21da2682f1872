//! One step of a linear pattern: a literal, or a run of one character class.

use regex_syntax::hir::Class;

use crate::core::path::is_path_byte;

#[derive(Debug)]
pub(super) enum Step {
    /// Lower-case, compared ignoring ASCII case, never empty, never two in a row.
    Literal(Box<str>),
    Run(Run),
}

/// At least `min` and at most `max` bytes of `set`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) set: ByteSet,
    pub(super) min: usize,
    /// `usize::MAX`: no limit.
    pub(super) max: usize,
    /// Takes as much as it can where there is a choice.
    pub(super) greedy: bool,
}

/// A set of ASCII bytes; paths have no others.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteSet(u128);

// === impl Step ===

impl Step {
    pub(super) fn length_min(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::Run(run) => run.min,
        }
    }

    /// How much of the start of `text` this step takes, if what is behind it ends it.
    pub(super) fn length_at_start(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Literal(own) => {
                let start = text.get(..own.len())?;
                start
                    .eq_ignore_ascii_case(own.as_bytes())
                    .then_some(own.len())
            }
            Self::Run(run) if run.min == run.max => {
                run.fits(text.get(..run.min)?).then_some(run.min)
            }
            Self::Run(run) => {
                let end = text.iter().position(|&byte| !run.set.has(byte));
                run.allows(end.unwrap_or(text.len()))
            }
        }
    }

    /// How much of the end of `text` this step takes, if what is before it ends it.
    pub(super) fn length_at_end(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Literal(own) => {
                let end = &text[text.len().checked_sub(own.len())?..];
                end.eq_ignore_ascii_case(own.as_bytes())
                    .then_some(own.len())
            }
            Self::Run(run) if run.min == run.max => {
                let end = &text[text.len().checked_sub(run.min)?..];
                run.fits(end).then_some(run.min)
            }
            Self::Run(run) => {
                let start = text.iter().rposition(|&byte| !run.set.has(byte));
                run.allows(text.len() - start.map_or(0, |at| at + 1))
            }
        }
    }

    /// Whether every text that `other` matches matches here too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(own), Self::Literal(other)) => own == other,
            (Self::Run(own), Self::Run(other)) => {
                own.set.contains(other.set) && own.min <= other.min && own.max >= other.max
            }
            (Self::Literal(_), Self::Run(_)) | (Self::Run(_), Self::Literal(_)) => false,
        }
    }
}

// === impl Run ===

impl Run {
    /// Whether the whole of `text` matches.
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        let fits = self.takes_anything() || text.iter().all(|&byte| self.set.has(byte));
        fits && self.allows(text.len()).is_some()
    }

    /// Whether no byte of a path ends this run.
    pub(super) fn takes_anything(&self) -> bool {
        self.max == usize::MAX && self.set.contains(ByteSet::PATH)
    }

    /// Whether this run can go on where `next` may begin; the end of the path, `None`, is not a
    /// byte that ends it.
    pub(super) fn meets_start_of(&self, next: Option<&Step>) -> bool {
        match next {
            None => true,
            Some(Step::Literal(text)) => self.set.has_caseless(text.bytes().next()),
            Some(Step::Run(run)) => self.meets(run),
        }
    }

    /// Whether this run can begin earlier where `previous` may end.
    pub(super) fn meets_end_of(&self, previous: Option<&Step>) -> bool {
        match previous {
            None => true,
            Some(Step::Literal(text)) => self.set.has_caseless(text.bytes().next_back()),
            Some(Step::Run(run)) => self.meets(run),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        other.min == 0 || self.set.0 & other.set.0 != 0
    }

    fn allows(&self, length: usize) -> Option<usize> {
        (self.min..=self.max).contains(&length).then_some(length)
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

    /// Exactly `byte`; empty if that is not ASCII.
    pub(super) const fn single(byte: u8) -> Self {
        Self(if byte < 128 { 1 << byte } else { 0 })
    }

    pub(super) fn of(class: &Class) -> Self {
        let mut set = Self(0);
        match class {
            Class::Bytes(class) => {
                let ranges = class.ranges().iter();
                ranges.for_each(|range| set.add(range.start().into(), range.end().into()));
            }
            Class::Unicode(class) => {
                let ranges = class.ranges().iter();
                ranges.for_each(|range| set.add(range.start().into(), range.end().into()));
            }
        }
        set
    }

    fn add(&mut self, start: u32, end: u32) {
        (start..=end.min(127)).for_each(|byte| self.0 |= 1 << byte);
    }

    const fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    fn has_caseless(self, byte: Option<u8>) -> bool {
        byte.is_none_or(|byte| self.has(byte) || self.has(byte.to_ascii_uppercase()))
    }

    const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The letter, in lower case, that `class` stands for ignoring case, if it is one letter.
pub(in crate::core::pattern) fn caseless_letter(class: &Class) -> Option<u8> {
    let set = ByteSet::of(class).0;
    let letter = 127_u32.checked_sub(set.leading_zeros())? as u8;
    let both = 1 << letter.to_ascii_lowercase() | 1 << letter.to_ascii_uppercase();
    (set == both).then_some(letter.to_ascii_lowercase())
}

/// Where `own`, in lower case, is found last in `text`, ignoring case.
pub(super) fn find_last(text: &[u8], own: &str) -> Option<usize> {
    let is_here = |window: &[u8]| window.eq_ignore_ascii_case(own.as_bytes());
    text.windows(own.len()).rposition(is_here)
}

//! Which event types the connections of this node want, as told to the other nodes: types and
//! prefixes, not subscriptions. Depends on `core/subscription`. Deliberately absent: connections and
//! constraints; the desks match.
//!
//! Changes are collected into *versions*. A peer is sent what changed since the version it confirmed.
//! A new version is not made before the one before it had time to arrive (see [`Interest::mint`]):
//! batches made under an older version are sent back ([`super::receive`]), and without the pause a
//! storm of connections with types of their own would send them back for ever.
//!
//! Bounded: beyond `WISHES_MAX` patterns a node wants everything, which costs network and loses
//! nothing, until it is half of that again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::limits::{ADDITIONS_MAX, INTEREST_PAGE_BYTES, REMOVALS_MAX, WISHES_MAX};
use crate::core::subscription::{PatternMap, TypePattern};

/// What this node wants.
#[derive(Debug)]
pub(super) struct Interest {
    /// Every wanted pattern, with how many desks want it.
    wanted: PatternMap<Wanted>,
    /// Patterns no desk wants any more, by when they were given up; taken back only after a while, so
    /// that reconnecting clients cause no traffic.
    idle: BTreeSet<(u64, TypePattern)>,
    /// Taken back, with the version that did it; the oldest are forgotten.
    removed: VecDeque<(u64, TypePattern)>,
    /// What each of the latest versions added, and the number of all; for peers that lack only these.
    added: BTreeMap<u64, Vec<TypePattern>>,
    added_len: usize,
    /// The last version whose additions are not among them.
    added_before: u64,
    /// Wanted, but in no version yet.
    fresh: Vec<TypePattern>,
    /// The latest version, and the last one that added something.
    pub(super) version: u64,
    pub(super) added_version: u64,
    /// When the latest version was made.
    pub(super) minted_at: u64,
    /// Everything is wanted, since there are too many patterns to tell.
    is_everything: bool,
    /// The version in which that changed: what was told before no longer counts.
    turned: u64,
    patterns_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    desks: u32,
    /// Since when no desk wants it.
    idle_since: Option<u64>,
    /// When the first desk wished it.
    since: u64,
    /// The version that added it; `None`: not yet.
    version: Option<u64>,
}

/// A piece of a node's interest, as sent.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What was there before no longer counts; this is all.
    pub(super) reset: bool,
    /// Wanted from now on, with their age in milliseconds when the pages were made.
    pub(super) added: Vec<(TypePattern, u64)>,
    /// No longer wanted.
    pub(super) removed: Vec<TypePattern>,
}

// === impl Interest ===

impl Interest {
    /// Nothing is wanted. More than `patterns_max` patterns will be told as everything.
    fn up_to(patterns_max: usize) -> Self {
        Self {
            wanted: PatternMap::default(),
            idle: BTreeSet::new(),
            removed: VecDeque::new(),
            added: BTreeMap::new(),
            added_len: 0,
            added_before: 0,
            fresh: Vec::new(),
            version: 0,
            added_version: 0,
            minted_at: 0,
            is_everything: false,
            turned: 0,
            patterns_max,
        }
    }

    /// A desk wants `added` from now on and `removed` no longer.
    pub(super) fn change(&mut self, added: Vec<TypePattern>, removed: &[TypePattern], now: u64) {
        for pattern in added {
            if let Some(wanted) = self.wanted.get_mut(&pattern) {
                wanted.desks = wanted.desks.saturating_add(1);
                if let Some(since) = wanted.idle_since.take() {
                    self.idle.remove(&(since, pattern));
                }
                continue;
            }
            let wanted = Wanted {
                desks: 1,
                idle_since: None,
                since: now,
                version: None,
            };
            self.fresh.push(pattern.clone());
            self.wanted.insert(&pattern, wanted);
        }
        for pattern in removed {
            let Some(wanted) = self.wanted.get_mut(pattern) else {
                continue;
            };
            wanted.desks = wanted.desks.saturating_sub(1);
            if wanted.desks == 0 && wanted.idle_since.is_none() {
                wanted.idle_since = Some(now);
                self.idle.insert((now, pattern.clone()));
            }
        }
    }

    /// Whether something is in no version yet.
    pub(super) fn is_stale(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Makes a version of what was added and, if they were given up before `idle_before`, removed.
    /// Returns whether there is a new version.
    pub(super) fn mint(&mut self, now: u64, idle_before: u64) -> bool {
        let next = self.version + 1;
        let is_gone = |idle: &BTreeSet<(u64, TypePattern)>| {
            idle.first().is_some_and(|(since, _)| *since < idle_before)
        };
        if self.fresh.is_empty() && !is_gone(&self.idle) {
            return false;
        }
        while is_gone(&self.idle)
            && let Some((_since, pattern)) = self.idle.pop_first()
        {
            self.wanted.remove(&pattern);
            self.removed.push_back((next, pattern));
        }
        while self.removed.len() > REMOVALS_MAX {
            self.removed.pop_front();
        }
        let fresh = std::mem::take(&mut self.fresh).into_iter();
        let added: Vec<TypePattern> = fresh
            .filter(|pattern| {
                let wanted = self.wanted.get_mut(pattern);
                let wanted = wanted.filter(|wanted| wanted.version.is_none());
                wanted.map(|wanted| wanted.version = Some(next)).is_some()
            })
            .collect();
        // Whoever sends everything sends these, too.
        if !added.is_empty() && !self.is_everything {
            self.added_version = next;
        }
        self.note_added(next, added);
        let is_everything = if self.is_everything {
            // Half, so that it does not go back and forth at the limit.
            self.wanted.len() > self.patterns_max / 2
        } else {
            self.wanted.len() > self.patterns_max
        };
        if is_everything != self.is_everything {
            self.is_everything = is_everything;
            self.turned = next;
            self.added_version = next;
        }
        self.version = next;
        self.minted_at = now;
        true
    }

    /// Remembers what a version added, and forgets what older ones did if that is too much.
    fn note_added(&mut self, version: u64, added: Vec<TypePattern>) {
        self.added_len += added.len();
        self.added.insert(version, added);
        while self.added_len > ADDITIONS_MAX || self.added.len() > ADDITIONS_MAX {
            let Some((version, forgotten)) = self.added.pop_first() else {
                return;
            };
            self.added_len -= forgotten.len();
            self.added_before = version;
        }
    }

    /// What was added behind `version` and is wanted, with its age.
    fn added_since(&self, version: u64, now: u64) -> Vec<(TypePattern, u64)> {
        let age = |wanted: &Wanted| now.saturating_sub(wanted.since);
        if version < self.added_before {
            let all = self.wanted.iter();
            let added =
                all.filter(|(_pattern, wanted)| wanted.version.is_some_and(|at| at > version));
            return added
                .map(|(pattern, wanted)| (pattern, age(wanted)))
                .collect();
        }
        let latest = self.added.range(version + 1..);
        let latest = latest.flat_map(|(at, added)| added.iter().map(move |pattern| (at, pattern)));
        latest
            .filter_map(|(at, pattern)| {
                let wanted = self.wanted.get(pattern)?;
                // It may have been removed since, and added again.
                (wanted.version == Some(*at)).then(|| (pattern.clone(), age(wanted)))
            })
            .collect()
    }

    /// When the oldest pattern nobody wants was given up.
    pub(super) fn idle_since(&self) -> Option<u64> {
        self.idle.first().map(|(since, _pattern)| *since)
    }

    /// Whether a connection of this node may want events of this type.
    pub(super) fn covers(&self, event_type: &str) -> bool {
        self.wanted.covers(event_type)
    }

    /// Number of patterns.
    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// What a peer that confirmed `version` lacks (`None`: it knows nothing yet), in pages.
    pub(super) fn since(&self, version: Option<u64>, now: u64) -> Vec<Changes> {
        let forgotten = self
            .removed
            .front()
            .map_or(self.version, |(first, _)| *first);
        // With removals dropped, those of `forgotten` itself may be incomplete, which a peer that knows
        // this version does not need.
        let is_full = self.removed.len() == REMOVALS_MAX;
        let reset =
            version.is_none_or(|version| (is_full && version < forgotten) || version < self.turned);
        let version = if reset { 0 } else { version.unwrap_or(0) };
        let mut pages = vec![Changes {
            reset,
            ..Changes::default()
        }];
        if self.is_everything {
            if let Some(page) = pages.first_mut().filter(|page| page.reset) {
                // From as long ago as possible: of what was wanted all the time nothing may be left out.
                page.added.push((TypePattern::Prefix("".into()), now));
            }
            return pages;
        }
        let mut bytes = 0;
        let mut room = |pages: &mut Vec<Changes>, pattern: &TypePattern| {
            bytes += pattern.text().len() + 16;
            if bytes > INTEREST_PAGE_BYTES {
                bytes = 0;
                pages.push(Changes::default());
            }
        };
        if !reset {
            for (_version, pattern) in self.removed.iter().filter(|(at, _)| *at > version) {
                // Wanted again since: then it is among the added, or not in a version yet.
                room(&mut pages, pattern);
                if let Some(page) = pages.last_mut() {
                    page.removed.push(pattern.clone());
                }
            }
        }
        for (pattern, age) in self.added_since(version, now) {
            room(&mut pages, &pattern);
            if let Some(page) = pages.last_mut() {
                page.added.push((pattern, age));
            }
        }
        pages
    }
}

impl Default for Interest {
    fn default() -> Self {
        Self::up_to(WISHES_MAX)
    }
}

/// What a peer wants, and since when (in this node's milliseconds).
#[derive(Debug, Default)]
pub(super) struct Wishes(PatternMap<u64>);

// === impl Wishes ===

impl Wishes {
    /// `pattern` is wanted, for events from `since` on.
    pub(super) fn add(&mut self, pattern: TypePattern, since: u64) {
        match self.0.get_mut(&pattern) {
            Some(known) => *known = since.min(*known),
            None => {
                self.0.insert(&pattern, since);
            }
        }
    }

    /// `pattern` is no longer wanted.
    pub(super) fn remove(&mut self, pattern: &TypePattern) {
        self.0.remove(pattern);
    }

    /// Whether an event of this type that came at `at` is wanted.
    pub(super) fn cover(&self, event_type: &str, at: u64) -> bool {
        self.0.covering(event_type).any(|since| at >= *since)
    }

    /// Whether something was wanted of the events that came at `at`.
    pub(super) fn reach_back_to(&self, at: u64) -> bool {
        self.0.iter().any(|(_pattern, since)| *since <= at)
    }

    /// Whether `pattern` is among them.
    pub(super) fn knows(&self, pattern: &TypePattern) -> bool {
        self.0.get(pattern).is_some()
    }

    /// Number of patterns.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(number: u32) -> TypePattern {
        TypePattern::Exact(format!("t{number}").into())
    }

    /// What a peer that knew `version` knows after it was told.
    fn told(interest: &Interest, version: Option<u64>, wishes: &mut Wishes) {
        for page in interest.since(version, 10_000) {
            if page.reset {
                *wishes = Wishes::default();
            }
            for pattern in &page.removed {
                wishes.remove(pattern);
            }
            for (pattern, age) in page.added {
                wishes.add(pattern, 10_000 - age);
            }
        }
    }

    #[test]
    fn too_many_patterns_are_told_as_everything_until_it_is_half_of_that() {
        let mut interest = Interest::up_to(4);
        let mut wishes = Wishes::default();
        let mut version = None;
        // Wanted from now on (with a minus: no longer), how many patterns are told, and whether an
        // event that nobody wants is sent.
        for (change, patterns, everything) in [
            (&[1, 2, 3, 4][..], 4, false),
            (&[5], 1, true),
            (&[6, -1, -2], 1, true),
            (&[-3], 1, true),
            (&[-4], 2, false),
            (&[7], 3, false),
        ] {
            let of = |sign: i64| {
                let numbers = change.iter().filter(move |number| **number * sign > 0);
                let numbers = numbers.map(|number| u32::try_from(number.abs()).unwrap());
                numbers.map(exact).collect::<Vec<_>>()
            };
            interest.change(of(1), &of(-1), 5_000);
            assert!(interest.mint(6_000, 6_000));
            told(&interest, version, &mut wishes);
            version = Some(interest.version);
            assert_eq!(wishes.len(), patterns, "{change:?}");
            assert_eq!(wishes.cover("unwanted", 10_000), everything, "{change:?}");
            assert!(wishes.cover("t4", 10_000) || !interest.covers("t4"));
        }
        // Who is new is told the same.
        let mut anew = Wishes::default();
        told(&interest, None, &mut anew);
        assert_eq!(anew.len(), wishes.len());
    }

    #[test]
    fn everything_is_wanted_from_the_beginning_on() {
        let mut interest = Interest::up_to(1);
        interest.change(vec![exact(1)], &[], 0);
        interest.mint(100, 0);
        interest.change(vec![exact(2)], &[], 0);
        interest.mint(9_000, 0);
        let mut wishes = Wishes::default();
        told(&interest, Some(1), &mut wishes);
        assert!(wishes.cover("t1", 200));
    }

    #[test]
    fn after_many_removals_changes_are_told_as_changes() {
        let mut interest = Interest::up_to(WISHES_MAX);
        let number = |count: usize| u32::try_from(count).unwrap();
        let all: Vec<_> = (0..number(REMOVALS_MAX) + 10).map(exact).collect();
        interest.change(all.clone(), &all, 0);
        interest.mint(0, 0);
        // All are removed in one version.
        interest.mint(20_000, 10_000);
        let version = interest.version;
        interest.change(vec![exact(7)], &[], 20_000);
        interest.mint(20_100, 10_000);
        let is_reset = |version| {
            interest
                .since(version, 30_000)
                .iter()
                .any(|page| page.reset)
        };
        assert!(!is_reset(Some(version)));
        // Who missed some that are forgotten is told all.
        assert!(is_reset(Some(version - 1)));
    }

    #[test]
    fn who_wants_everything_makes_nobody_send_batches_anew_for_more() {
        let mut interest = Interest::up_to(1);
        interest.change(vec![exact(1), exact(2)], &[], 0);
        interest.mint(0, 0);
        let added = interest.added_version;
        interest.change(vec![exact(3)], &[], 100);
        assert!(interest.mint(200, 0));
        assert_eq!(interest.added_version, added);
        // Until everything is no longer wanted.
        interest.change(Vec::new(), &[exact(1), exact(2), exact(3)], 300);
        interest.mint(400, 350);
        assert!(interest.added_version > added);
    }

    proptest! {
        #[test]
        fn what_is_remembered_by_version_is_what_going_through_all_finds(
            changes in prop::collection::vec((0_u32..12, any::<bool>()), 1..60),
            forgotten in 0_u64..4,
        ) {
            let mut interest = Interest::default();
            for (at, (number, is_added)) in (0..).zip(changes) {
                if is_added {
                    interest.change(vec![exact(number)], &[], at);
                } else {
                    interest.change(Vec::new(), &[exact(number)], at);
                }
                interest.mint(at, at.saturating_sub(5));
            }
            interest.added_before = forgotten;
            let all = |interest: &Interest| {
                let versions = 0..=interest.version;
                let added = versions.map(|version| {
                    let mut added = interest.added_since(version, 100);
                    added.sort();
                    added
                });
                added.collect::<Vec<_>>()
            };
            let remembered = all(&interest);
            interest.added_before = u64::MAX;
            prop_assert_eq!(remembered, all(&interest));
        }
    }

    #[test]
    fn what_versions_added_is_remembered_within_its_bound() {
        let mut interest = Interest::default();
        let count = u32::try_from(ADDITIONS_MAX).unwrap();
        for first in [0, count / 2, count] {
            let added = (first..first + count / 2).map(exact).collect();
            interest.change(added, &[], 0);
            interest.mint(0, 0);
        }
        assert_eq!(
            (interest.added_len, interest.added_before),
            (ADDITIONS_MAX, 1)
        );
        assert_eq!(interest.added_since(1, 0).len(), ADDITIONS_MAX);
        assert_eq!(interest.added_since(0, 0).len(), ADDITIONS_MAX / 2 * 3);
    }
}

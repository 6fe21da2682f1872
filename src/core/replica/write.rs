//! Rules W and L: changes that enter at this node (cluster.md, part 5 and 5.2).
//! Depends on the machine. Deliberately absent: validation of definitions, HTTP.

use super::{
    Replica,
    digest::{Content, Digest},
    id::ApiId,
    input::{Action, Loaded, Tag, Write},
    limits::{ANCESTORS_MAX, FILE_REF_MAX, REF_MAX},
    lineage::Lineage,
    output::{Fact, Output, Refusal, ServeCause},
    round::{Candidate, Round},
    stamp::{Now, Stamp},
    wire::Version,
};

impl Replica {
    pub(super) fn load(&mut self, entries: Vec<Loaded>, now: Now) {
        for entry in entries {
            self.load_one(entry, now);
        }
    }

    pub(super) fn write(&mut self, write: Write, now: Now) {
        let result = self.next_round(&write, now).map(|(round, version)| {
            self.take_write(&write.id, &round, version, now);
            version
        });
        // The delta goes out before the client gets its answer.
        self.flush(now);
        self.out.push(Output::Answered {
            ticket: write.ticket,
            result,
        });
    }

    fn load_one(&mut self, entry: Loaded, now: Now) {
        let mut ref_number = entry.ref_number;
        if ref_number > FILE_REF_MAX {
            ref_number = FILE_REF_MAX;
            self.tell(Fact::FileRefCut {
                id: entry.id.clone(),
            });
        }
        let mut stamp = Stamp::at(entry.wall);
        if entry.wall > now.wall.saturating_add(self.params.clock_drift_max) {
            stamp = self.clock.tick(now.wall);
            self.tell(Fact::FileTimeReplaced {
                id: entry.id.clone(),
            });
        }
        let digest = entry.content.digest();
        let round = Round::new(ref_number, digest, Candidate::new(entry.content, stamp));
        self.clock
            .observe(stamp, now.wall, self.params.clock_drift_max);
        let change = self.registry.join(&entry.id, &round);
        if change.ref_grew {
            let local = self.locals.entry(entry.id.clone()).or_default();
            local.claim = Some(digest);
            local.file = Some(Version { ref_number, digest });
            self.serve_winner(&entry.id, ServeCause::Load);
        } else if change.any() {
            self.react(&entry.id, change, None, now);
        }
    }

    /// The round a write would make, or why it is refused.
    fn next_round(&mut self, write: &Write, now: Now) -> Result<(Round, Version), Refusal> {
        if !self.life.ready || self.life.leaving.is_some() {
            return Err(Refusal::NotReady);
        }
        let serving = self.locals.get(&write.id).and_then(|local| local.serving);
        let active = serving.is_some_and(|version| !version.digest.is_deleted());
        self.allowed(write, serving, active)?;
        let ref_number = match self.registry.get(&write.id) {
            Some(round) => round.ref_number() + 1,
            None => 0,
        };
        if ref_number > REF_MAX {
            return Err(Refusal::RefExhausted);
        }
        let content = match &write.action {
            Action::Create(body) | Action::Replace(body) => Content::Defined(body.clone()),
            Action::Delete => Content::Deleted,
        };
        let digest = content.digest();
        let candidate = Candidate {
            ancestors: self.lineage_of_next(&write.id),
            ..Candidate::new(content, self.clock.tick(now.wall))
        };
        Ok((
            Round::new(ref_number, digest, candidate),
            Version { ref_number, digest },
        ))
    }

    fn allowed(
        &self,
        write: &Write,
        serving: Option<Version>,
        active: bool,
    ) -> Result<(), Refusal> {
        match (&write.action, active) {
            (Action::Create(_), true) => return Err(Refusal::Exists),
            (Action::Replace(_) | Action::Delete, false) => return Err(Refusal::Unknown),
            (Action::Create(body) | Action::Replace(body), _)
                if body.len() > self.params.definition_bytes_max =>
            {
                return Err(Refusal::TooLarge);
            }
            (Action::Create(_) | Action::Replace(_) | Action::Delete, _) => {}
        }
        match (&write.if_match, serving) {
            (None, _) => Ok(()),
            (Some(tags), Some(version)) if tags.contains(&Tag::of(&version)) => Ok(()),
            (Some(_), Some(_) | None) => Err(Refusal::Stale),
        }
    }

    fn take_write(&mut self, id: &ApiId, round: &Round, version: Version, now: Now) {
        let before = self.before_decision(id);
        self.registry.join(id, round);
        self.end_round(id, &before, now);
        let local = self.locals.entry(id.clone()).or_default();
        local.claim = None;
        local.file = None;
        if local.wrote.len() >= ANCESTORS_MAX {
            // The oldest one: all later ones were made on top of it.
            local.wrote.remove(0);
        }
        local.wrote.push(version);
        self.serve_winner(id, ServeCause::Write);
        self.outbox.updates.insert(id.clone());
    }
}

// === impl Candidate ===

impl Candidate {
    /// A candidate of this content and age, made on top of nothing.
    pub fn new(content: Content, stamp: Stamp) -> Self {
        match content {
            Content::Deleted => Self {
                stamp,
                body: None,
                ancestors: Lineage::default(),
            },
            Content::Defined(body) => Self {
                stamp,
                body: Some(body),
                ancestors: Lineage::default(),
            },
        }
    }

    /// What it consists of.
    pub fn content(&self) -> Content {
        match &self.body {
            Some(body) => Content::Defined(body.clone()),
            None => Content::Deleted,
        }
    }
}

/// Whether `digest` needs a body.
pub(super) fn has_body(digest: &Digest) -> bool {
    !digest.is_deleted()
}

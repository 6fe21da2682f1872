//! This node's copy of all definitions, and the rules by which a client's change is accepted
//! (spec: `management-api.md` 2.4, cluster.md 5 rule W and 5.2).
//!
//! One version per id: the highest `ref_number` this node has accepted. A removed API leaves a
//! tombstone, so that an old file or node cannot bring it back. Deliberately absent: other nodes.
//! The replica of the cluster issue takes over the version order; this room then keeps only what
//! concerns one node's clients.

pub mod change;
pub mod version;

use std::{collections::BTreeMap, sync::Arc};

use crate::core::api::{
    Api,
    digest::Digest,
    document::{self, Document},
    faults::Faults,
    seed::Seed,
    validate::{Surroundings, validate},
};

pub use change::{Accepted, Change, Preconditions, Rejection};
pub use version::Version;

/// All definitions of this node by id.
#[derive(Debug)]
pub struct Registry {
    entries: BTreeMap<Arc<str>, Entry>,
    surroundings: Surroundings,
    definition_bytes_max: usize,
    /// Newest timestamp given to a write; writes are strictly ordered even if the clock steps back.
    last_write_ms: u64,
}

/// What is known of one id.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// Milliseconds since the epoch at which this version was made.
    pub timestamp_ms: u64,
    /// The definition; `None`: a tombstone.
    pub body: Option<Body>,
}

/// A stored definition and its model.
#[derive(Debug, Clone)]
pub struct Body {
    /// As submitted (after the PUT merge).
    pub document: Arc<Document>,
    /// What routing reads.
    pub api: Arc<Api>,
}

// === impl Registry ===

impl Registry {
    /// An empty registry. Definitions whose canonical JSON is longer than `definition_bytes_max`
    /// are refused.
    pub fn new(surroundings: Surroundings, definition_bytes_max: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            surroundings,
            definition_bytes_max,
            last_write_ms: 0,
        }
    }

    /// Takes the start-up definitions (cluster.md rule L). An id that is already known is kept.
    pub fn load(&mut self, seeds: Vec<Seed>, now_ms: u64) {
        for seed in seeds {
            let digest = Digest::of(&seed.document);
            let entry = Entry {
                version: Version {
                    ref_number: seed.ref_number,
                    digest,
                },
                timestamp_ms: seed.timestamp_ms.unwrap_or(now_ms),
                body: Some(Body {
                    document: Arc::new(seed.document),
                    api: Arc::new(seed.api),
                }),
            };
            let id = entry.body.as_ref().map(|body| Arc::clone(&body.api.id));
            if let Some(id) = id {
                self.entries.entry(id).or_insert(entry);
            }
        }
    }

    /// Accepts or refuses a client's change. A refusal changes nothing.
    ///
    /// # Errors
    /// [`Rejection`]
    pub fn propose(
        &mut self,
        change: Change,
        preconditions: &Preconditions,
        now_ms: u64,
    ) -> Result<Accepted, Rejection> {
        match change {
            Change::Create(document) => self.create(document, preconditions, now_ms),
            Change::Replace { id, document } => self.replace(&id, document, preconditions, now_ms),
            Change::Delete { id } => self.delete(&id, preconditions, now_ms),
        }
    }

    /// The entry of an active id.
    pub fn active(&self, id: &str) -> Option<(&Entry, &Body)> {
        let entry = self.entries.get(id)?;
        entry.body.as_ref().map(|body| (entry, body))
    }

    /// All active entries, ordered by id.
    pub fn all_active(&self) -> impl Iterator<Item = (&Entry, &Body)> {
        self.entries
            .values()
            .filter_map(|entry| entry.body.as_ref().map(|body| (entry, body)))
    }

    fn create(
        &mut self,
        document: Document,
        preconditions: &Preconditions,
        now_ms: u64,
    ) -> Result<Accepted, Rejection> {
        let document = document::without_bookkeeping(document);
        let checked = validate(&document, None, &self.surroundings).map_err(Rejection::Invalid)?;
        let id = Arc::clone(&checked.api.id);
        let current = self.entries.get(&id);
        let active = current.filter(|entry| entry.body.is_some());
        if !preconditions.hold(active.map(|entry| &entry.version)) {
            return Err(Rejection::Stale(id.to_string()));
        }
        if active.is_some() {
            return Err(Rejection::Exists(id.to_string()));
        }
        let ref_number = current.map_or(0, |entry| entry.version.ref_number + 1);
        let version = self.store(ref_number, document, checked.api, now_ms)?;
        Ok(Accepted {
            id,
            version,
            warnings: checked.warnings,
        })
    }

    fn replace(
        &mut self,
        id: &str,
        document: Document,
        preconditions: &Preconditions,
        now_ms: u64,
    ) -> Result<Accepted, Rejection> {
        let mut document = document::without_bookkeeping(document);
        document.insert("id".to_owned(), id.into());
        // The request is judged before existence, and by itself: a partial update is impossible.
        // Its patterns come from the version it replaces, so an unchanged one costs nothing.
        let previous = self.active(id).map(|(_, body)| Arc::clone(&body.api));
        let submitted = validate(&document, previous.as_deref(), &self.surroundings)
            .map_err(Rejection::Invalid)?;
        let Some((entry, body)) = self.active(id) else {
            return Err(Rejection::NotFound(id.to_owned()));
        };
        if !preconditions.hold(Some(&entry.version)) {
            return Err(Rejection::Stale(id.to_owned()));
        }
        let ref_number = entry.version.ref_number + 1;
        let merged = document::merged(&body.document, document);
        let checked = validate(&merged, Some(&submitted.api), &self.surroundings)
            .map_err(Rejection::Invalid)?;
        let id = Arc::clone(&checked.api.id);
        let version = self.store(ref_number, merged, checked.api, now_ms)?;
        Ok(Accepted {
            id,
            version,
            warnings: checked.warnings,
        })
    }

    fn delete(
        &mut self,
        id: &str,
        preconditions: &Preconditions,
        now_ms: u64,
    ) -> Result<Accepted, Rejection> {
        let Some((entry, body)) = self.active(id) else {
            return Err(Rejection::NotFound(id.to_owned()));
        };
        if !preconditions.hold(Some(&entry.version)) {
            return Err(Rejection::Stale(id.to_owned()));
        }
        let version = Version {
            ref_number: entry.version.ref_number + 1,
            digest: Digest::deleted(),
        };
        let id = Arc::clone(&body.api.id);
        let timestamp_ms = self.tick(now_ms);
        self.entries.insert(
            Arc::clone(&id),
            Entry {
                version: version.clone(),
                timestamp_ms,
                body: None,
            },
        );
        Ok(Accepted {
            id,
            version,
            warnings: Vec::new(),
        })
    }

    fn store(
        &mut self,
        ref_number: u64,
        document: Document,
        api: Api,
        now_ms: u64,
    ) -> Result<Version, Rejection> {
        let canonical = Digest::canonical(&document);
        if canonical.len() > self.definition_bytes_max {
            return Err(Rejection::TooLarge {
                bytes: canonical.len(),
                max: self.definition_bytes_max,
            });
        }
        let version = Version {
            ref_number,
            digest: Digest::of_canonical(&canonical),
        };
        let timestamp_ms = self.tick(now_ms);
        let id = Arc::clone(&api.id);
        let body = Body {
            document: Arc::new(document),
            api: Arc::new(api),
        };
        self.entries.insert(
            id,
            Entry {
                version: version.clone(),
                timestamp_ms,
                body: Some(body),
            },
        );
        Ok(version)
    }

    fn tick(&mut self, now_ms: u64) -> u64 {
        self.last_write_ms = now_ms.max(self.last_write_ms + 1);
        self.last_write_ms
    }
}

impl From<Faults> for Rejection {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

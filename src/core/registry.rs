//! What this node serves, and the rules by which a client's change is taken
//! (spec: `management-api.md` 2.4, cluster.md 5.2).
//!
//! Holds the models and documents of the versions that the replica
//! ([`crate::core::replica`]) says are served here, and checks what clients want before the replica
//! hears of it. The extractors ([`extractors`]) are one document among the definitions, under an id that
//! no API can have. Deliberately absent: which version wins; that is the replica's alone.

pub mod change;
pub mod extractors;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use crate::core::{
    api::{
        Api,
        digest::canonical,
        document::{self, Document},
        faults::{Faults, Warning},
        validate::{Surroundings, validate},
    },
    digest::{Body, Content, Digest},
    replica::{id::ApiId, input::Action},
    version::Version,
};

pub use change::{Accepted, Change, Preconditions, Rejection};
use extractors::InForce;

/// All definitions served by this node, by id.
#[derive(Debug)]
pub struct Registry {
    entries: BTreeMap<Arc<str>, Entry>,
    extractors: InForce,
    surroundings: Surroundings,
    definition_bytes_max: usize,
    /// Models that were just checked, so that serving them does not check them again.
    checked: Option<(Digest, Served)>,
}

/// A served version.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// Milliseconds since the epoch at which this version was made.
    pub timestamp_ms: u64,
    /// The definition.
    pub served: Served,
}

/// A definition and its model.
#[derive(Debug, Clone)]
pub struct Served {
    /// As submitted (after the PUT merge).
    pub document: Arc<Document>,
    /// What routing reads.
    pub api: Arc<Api>,
}

/// A change that passed all checks of this node; the replica gives it its version.
#[derive(Debug)]
pub struct Prepared {
    /// The API.
    pub id: ApiId,
    /// What the replica is to do.
    pub action: Action,
    /// What is odd about the definition.
    pub warnings: Vec<Warning>,
}

// === impl Registry ===

impl Registry {
    /// An empty registry. Definitions whose canonical JSON is longer than `definition_bytes_max`
    /// are refused.
    pub fn new(surroundings: Surroundings, definition_bytes_max: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            extractors: InForce::default(),
            surroundings,
            definition_bytes_max,
            checked: None,
        }
    }

    /// Checks a client's change. Nothing is served by it yet.
    ///
    /// # Errors
    /// [`Rejection`]; nothing was changed.
    pub fn prepare(
        &mut self,
        change: Change,
        preconditions: &Preconditions,
    ) -> Result<Prepared, Rejection> {
        match change {
            Change::Create(document) => self.create(document, preconditions),
            Change::Replace { id, document } => self.replace(&id, document, preconditions),
            Change::Delete { id } => self.delete(&id, preconditions),
            Change::Extractors(extractors) => self.change_extractors(&extractors, preconditions),
        }
    }

    /// Serves `content` as `version` of `id` from now on, because the replica says so.
    ///
    /// # Errors
    /// The definition is faulty. The replica's judge ([`activatable`]) said otherwise, so this
    /// does not happen; the version served so far stays.
    pub fn serve(
        &mut self,
        id: &ApiId,
        version: Version,
        timestamp_ms: u64,
        content: &Content,
    ) -> Result<(), Faults> {
        let Content::Defined(body) = content else {
            self.entries.remove(id.as_str());
            return Ok(());
        };
        let served = match self.checked.take() {
            Some((digest, served)) if digest == version.digest => served,
            Some(_) | None => {
                let previous = self
                    .entries
                    .get(id.as_str())
                    .map(|entry| &*entry.served.api);
                read(id, body, previous, &self.surroundings)?
            }
        };
        let id = Arc::clone(&served.api.id);
        self.entries.insert(
            id,
            Entry {
                version,
                timestamp_ms,
                served,
            },
        );
        Ok(())
    }

    /// What is served for `id`; never a reserved document.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// All that is served, ordered by id.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    fn create(
        &mut self,
        document: Document,
        preconditions: &Preconditions,
    ) -> Result<Prepared, Rejection> {
        let document = document::without_bookkeeping(document);
        let checked = validate(&document, None, &self.surroundings).map_err(Rejection::Invalid)?;
        let id = Arc::clone(&checked.api.id);
        let current = self.entries.get(&id);
        if !preconditions.hold(current.map(|entry| &entry.version)) {
            return Err(Rejection::Stale(id.to_string()));
        }
        if current.is_some() {
            return Err(Rejection::Exists(id.to_string()));
        }
        self.prepared(document, checked.api, checked.warnings, Action::Create)
    }

    fn replace(
        &mut self,
        id: &str,
        document: Document,
        preconditions: &Preconditions,
    ) -> Result<Prepared, Rejection> {
        let mut document = document::without_bookkeeping(document);
        document.insert("id".to_owned(), id.into());
        // The request is judged before existence, and by itself: a partial update is impossible.
        // Its patterns come from the version it replaces, so an unchanged one costs nothing.
        let previous = self.entries.get(id).map(|entry| &*entry.served.api);
        let submitted =
            validate(&document, previous, &self.surroundings).map_err(Rejection::Invalid)?;
        let Some(entry) = self.entries.get(id) else {
            return Err(Rejection::NotFound(id.to_owned()));
        };
        if !preconditions.hold(Some(&entry.version)) {
            return Err(Rejection::Stale(id.to_owned()));
        }
        let merged = document::merged(&entry.served.document, document);
        let checked = validate(&merged, Some(&submitted.api), &self.surroundings)
            .map_err(Rejection::Invalid)?;
        self.prepared(merged, checked.api, checked.warnings, Action::Replace)
    }

    fn delete(&self, id: &str, preconditions: &Preconditions) -> Result<Prepared, Rejection> {
        let Some(entry) = self.entries.get(id) else {
            return Err(Rejection::NotFound(id.to_owned()));
        };
        if !preconditions.hold(Some(&entry.version)) {
            return Err(Rejection::Stale(id.to_owned()));
        }
        let id = ApiId::new(id).map_err(|_no_such_id| Rejection::NotFound(id.to_owned()))?;
        Ok(Prepared {
            id,
            action: Action::Delete,
            warnings: Vec::new(),
        })
    }

    fn prepared(
        &mut self,
        document: Document,
        api: Api,
        warnings: Vec<Warning>,
        action: fn(Body) -> Action,
    ) -> Result<Prepared, Rejection> {
        let body = canonical(&document);
        if body.len() > self.definition_bytes_max {
            return Err(Rejection::TooLarge {
                bytes: body.len(),
                max: self.definition_bytes_max,
            });
        }
        // Validation demands what an id demands, so this cannot fail on a checked document.
        let id = ApiId::new(&api.id).map_err(|_fault| Rejection::NotFound(api.id.to_string()))?;
        let served = Served {
            document: Arc::new(document),
            api: Arc::new(api),
        };
        self.checked = Some((body.digest(), served));
        Ok(Prepared {
            id,
            action: action(body),
            warnings,
        })
    }
}

/// Whether this software can serve `body` as definition of `id` (cluster.md rule V). A reserved id
/// that it does not know belongs to newer software.
pub fn activatable(id: &ApiId, body: &Body) -> bool {
    if extractors::is_id(id) {
        return extractors::read(body).is_ok();
    }
    read(id, body, None, &Surroundings { has_key: true }).is_ok()
}

/// The document and model of a canonical body.
fn read(
    id: &ApiId,
    body: &Body,
    previous: Option<&Api>,
    surroundings: &Surroundings,
) -> Result<Served, Faults> {
    // What is no JSON object has the faults of an empty one.
    let document: Document = serde_json::from_slice(body.as_bytes()).unwrap_or_default();
    let checked = validate(&document, previous, surroundings)?;
    if *checked.api.id != *id.as_str() {
        let mut faults = Faults::default();
        faults.push("api", "id", "must be the id it is stored under");
        return Err(faults);
    }
    Ok(Served {
        document: Arc::new(document),
        api: Arc::new(checked.api),
    })
}

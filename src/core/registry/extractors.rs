//! The extractors as a document of the registry: agreed on among nodes like API definitions, under a
//! reserved id (issue 4; spec: `events.md` 5.8).
//!
//! There always is a document: as long as nobody has set one it is `{}`. Deliberately absent: the rules
//! for documents, which are [`crate::core::subscription::extractors`]'s, and whom to tell.

use std::sync::Arc;

use serde_json::Value;

use crate::core::{
    digest::{Body, Content},
    registry::{Preconditions, Prepared, Registry, Rejection},
    replica::{
        id::{ApiId, NameFault},
        input::Action,
    },
    subscription::extractors::{Extractors, fault::ExtractorFaults},
    version::Version,
};

/// The id under which nodes exchange the document; it begins with
/// [`RESERVED_PREFIX`](crate::core::replica::id::RESERVED_PREFIX).
pub const ID: &str = "$rig/extractors";

/// The document in force.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    /// What it says.
    pub extractors: Arc<Extractors>,
    /// `None`: nobody has set one yet.
    set: Option<Version>,
}

// === impl InForce ===

impl InForce {
    /// Its version. The one that nobody has set has that of a first `{}`: the same content, so that a
    /// tag never stands for two.
    pub fn version(&self) -> Version {
        self.set.unwrap_or_else(|| Version {
            ref_number: 0,
            digest: body(&Extractors::default()).digest(),
        })
    }

    /// Somebody has set it.
    pub const fn is_set(&self) -> bool {
        self.set.is_some()
    }
}

// === impl Registry ===

impl Registry {
    /// The extractors in force.
    pub const fn extractors(&self) -> &InForce {
        &self.extractors
    }

    /// `content` is in force as `version` from now on, because the replica says so.
    ///
    /// # Errors
    /// The document is faulty. The replica's judge said otherwise, so this does not happen; the one in
    /// force so far stays.
    pub fn serve_extractors(
        &mut self,
        version: Version,
        content: &Content,
    ) -> Result<(), ExtractorFaults> {
        let extractors = match content {
            // Nobody can ask for this; a later version of the software may.
            Content::Deleted => Extractors::default(),
            Content::Defined(body) => read(body)?,
        };
        self.extractors = InForce {
            extractors: Arc::new(extractors),
            set: Some(version),
        };
        Ok(())
    }

    /// Checks a client's document.
    pub(super) fn change_extractors(
        &self,
        extractors: &Extractors,
        preconditions: &Preconditions,
    ) -> Result<Prepared, Rejection> {
        if !preconditions.hold(Some(&self.extractors.version())) {
            return Err(Rejection::Stale(ID.to_owned()));
        }
        let body = body(extractors);
        if body.len() > self.definition_bytes_max {
            return Err(Rejection::TooLarge {
                bytes: body.len(),
                max: self.definition_bytes_max,
            });
        }
        let exists = self.extractors.set.filter(|set| !set.digest.is_deleted());
        Ok(Prepared {
            id: id().map_err(|_no_id| Rejection::NotFound(ID.to_owned()))?,
            action: match exists {
                Some(_) => Action::Replace(body),
                None => Action::Create(body),
            },
            warnings: Vec::new(),
        })
    }
}

/// [`ID`] for the replica.
///
/// # Errors
/// Never; the text is a name.
pub fn id() -> Result<ApiId, NameFault> {
    ApiId::new(ID)
}

/// Whether `id` is [`ID`].
pub fn is_id(id: &ApiId) -> bool {
    id.as_str() == ID
}

/// The canonical form of a document (RFC 8785); its SHA-256 is the digest of its version. All members
/// count, as they are event types.
pub fn body(extractors: &Extractors) -> Body {
    let document = extractors.document();
    // Names are text and JSON numbers finite, so there always is a canonical form.
    serde_json_canonicalizer::to_vec(document)
        .unwrap_or_else(|_| document.to_string().into_bytes())
        .into()
}

/// The extractors of a canonical form.
///
/// # Errors
/// All faults.
pub fn read(body: &Body) -> Result<Extractors, ExtractorFaults> {
    // What is no JSON has the faults of what is no object.
    Extractors::of(serde_json::from_slice(body.as_bytes()).unwrap_or(Value::Null))
}

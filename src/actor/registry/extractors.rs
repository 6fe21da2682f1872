//! The extractors, which the replica agrees on as on a definition: from the start-up settings into the
//! replica, and from there to the connections (issue 4).

use std::sync::Arc;

use actix::{Context, Handler, MessageResult};

use crate::{
    actor::registry::RegistryActor,
    core::{
        digest::Content, registry::extractors, replica::input::Loaded,
        subscription::extractors::Extractors, version::Version,
    },
    message::extractors::{CurrentExtractors, ExtractorsCell, GetExtractors},
};

/// What `EXTRACTORS` gives.
#[derive(Debug, Clone)]
pub struct Given {
    /// The extractors.
    pub extractors: Arc<Extractors>,
    /// Their age: milliseconds since the epoch of the file's last change, or of the start.
    pub wall_ms: u64,
}

// === impl Given ===

impl Given {
    /// As an entry of a file without a `ref_number`.
    pub(super) fn loaded(&self) -> Option<Loaded> {
        Some(Loaded {
            id: extractors::id().ok()?,
            ref_number: 0,
            content: Content::Defined(extractors::body(&self.extractors)),
            wall: self.wall_ms,
        })
    }
}

impl RegistryActor {
    /// Publishes the extractors in `cell` from now on.
    pub fn publish_extractors(&mut self, cell: ExtractorsCell) {
        if self.registry.extractors().is_set() {
            cell.publish(&self.registry.extractors().extractors);
        }
        self.extractors = Some(cell);
    }

    pub(super) fn serve_extractors(&mut self, version: Version, content: &Content) {
        match self.registry.serve_extractors(version, content) {
            Ok(()) => {
                log::info!("the extractors are now at {version}");
                if let Some(cell) = &self.extractors {
                    cell.publish(&self.registry.extractors().extractors);
                }
            }
            Err(faults) => {
                log::error!("the extractors at {version} cannot be served:\n{faults}");
            }
        }
    }
}

impl Handler<GetExtractors> for RegistryActor {
    type Result = MessageResult<GetExtractors>;

    fn handle(&mut self, _get: GetExtractors, _ctx: &mut Context<Self>) -> Self::Result {
        let in_force = self.registry.extractors();
        let id = extractors::id();
        MessageResult(CurrentExtractors {
            version: in_force.version(),
            extractors: Arc::clone(&in_force.extractors),
            contested: id.is_ok_and(|id| self.replica.is_open(&id)),
        })
    }
}

//! The answer to an accepted write: that it is routed here and, if the client waits, how far it has
//! spread (names.md: `ETag`, change id, receipts; cluster.md, part 5.3).
//!
//! May depend on `core` and the receipts. Whatever becomes of the wait, the write stands, and the
//! answer names its change. Deliberately absent: writing.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};

use super::{X_RIG_CHANGE, insert};
use crate::{
    core::{api::faults::Warning, registry::Accepted},
    http::{
        admin::{
            AdminState,
            cluster::{
                changes::ChangeId,
                receipt::{Reason, Standing, Wanted},
            },
            query::Patience,
        },
        problem::{PLAIN, json_answer},
    },
};

/// What an accepted write answers at once.
#[derive(Debug, serde::Serialize)]
struct Done<'a> {
    message: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Warning],
}

/// An accepted write, and how it is answered.
pub(in crate::http::admin) struct Written {
    /// What was accepted.
    pub(in crate::http::admin) accepted: Accepted,
    /// The status if nobody waits; with 204 there is no body, and no `ETag` of a version that
    /// cannot be read.
    pub(in crate::http::admin) status: StatusCode,
    /// Where the definition can be read, if it is new.
    pub(in crate::http::admin) location: Option<String>,
}

// === impl Written ===

impl Written {
    /// The answer; waits first if the client does.
    pub(in crate::http::admin) async fn answer(
        self,
        state: &AdminState,
        patience: Patience,
    ) -> HttpResponse {
        let change = ChangeId::of(&self.accepted.id, &self.accepted.version).to_string();
        let Some(until) = patience.until else {
            let mut response = self.at_once();
            self.mark(&mut response, &change);
            return response;
        };
        let wanted = Wanted {
            change: change.clone(),
            id: &self.accepted.id,
            version: self.accepted.version,
            until,
            timeout: patience.timeout,
            // Served here once, so the definition can be activated.
            unserved: Reason::Contested,
        };
        let mut answer = match wanted.receipt(state).await {
            Ok(answer) => answer,
            Err(problem) => {
                let mut response = problem.error_response();
                insert(&mut response, X_RIG_CHANGE, &change);
                return response;
            }
        };
        answer.warnings.clone_from(&self.accepted.warnings);
        let mut response = answer.response(if self.status == StatusCode::NO_CONTENT {
            StatusCode::OK
        } else {
            self.status
        });
        match answer.standing() {
            Standing::Done | Standing::Pending => self.mark(&mut response, &change),
            // The version is not the current one, or may not be when the client tries again.
            Standing::Superseded | Standing::Busy => insert(&mut response, X_RIG_CHANGE, &change),
        }
        response
    }

    fn at_once(&self) -> HttpResponse {
        if self.status == StatusCode::NO_CONTENT {
            return HttpResponse::NoContent()
                .insert_header((header::CONTENT_TYPE, PLAIN))
                .finish();
        }
        let body = Done {
            message: "ok",
            warnings: &self.accepted.warnings,
        };
        json_answer(self.status, &body)
    }

    /// Adds the headers that tell what was written.
    fn mark(&self, response: &mut HttpResponse, change: &str) {
        insert(response, X_RIG_CHANGE, change);
        if self.status != StatusCode::NO_CONTENT {
            insert(response, header::ETAG, &self.accepted.version.etag());
        }
        if let Some(location) = &self.location {
            insert(response, header::LOCATION, location);
        }
    }
}

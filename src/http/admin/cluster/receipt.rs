//! Receipts as clients read them: how far has a change spread (cluster.md, part 5.3; names.md:
//! receipts)?
//!
//! May depend on `core` and `message`. The registry waits and decides; here its answer gets a status,
//! words, and the names of the nodes. Deliberately absent: which answers carry one.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core::{
        api::faults::Warning,
        registry::extractors,
        replica::{
            input::Until,
            receipt::{Missing, Outcome, Receipt},
        },
        version::Version,
    },
    http::{
        admin::{ANSWER_MAX, AdminState, ask, ask_within, openapi::schema::ProxyAPIWarning},
        problem::{Problem, RETRY_AFTER_S, json_answer},
    },
    message::registry::{AwaitSpread, ShowCluster, View},
    telemetry::cluster::decided_by,
};

/// How far a change has spread.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangeReceipt {
    /// The change id, as in `x-rig-change`.
    #[schema(example = "shop@1-0ebeb6a1dfb71e73")]
    pub change: String,
    /// How it stands.
    pub outcome: Standing,
    /// Names of the nodes that serve it: the answering one, then the others by name.
    pub serving: Vec<String>,
    /// The members that do not; none if it was superseded.
    pub missing: Vec<MissingNode>,
    /// The version that took its place, spelled as in an `ETag`; only if it was superseded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2-91aa63c10f0df1c2")]
    pub winner: Option<String>,
    /// The rule by which it did: `ref`, `votes`, `timestamp` or `tie`; only if it was superseded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<&'static str>,
}

/// How a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has spread as far as asked.
    Done,
    /// It has not yet.
    Pending,
    /// Another version took its place.
    Superseded,
    /// Nobody was asked, since too many receipts are awaited.
    Busy,
}

/// A member that does not serve a change.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingNode {
    /// Its name.
    pub node: String,
    /// Why.
    pub reason: Reason,
}

/// Why a member does not serve a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It did not answer, or has no connection with the answering node.
    Unreachable,
    /// The change has not arrived there.
    Behind,
    /// The vote is not over there.
    Contested,
    /// Its software cannot activate the definition.
    NotActivatable,
}

/// A receipt, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptAnswer {
    /// `ok` if the change is as far as asked, else a sentence.
    #[schema(example = "ok")]
    pub message: String,
    /// The receipt.
    pub receipt: ChangeReceipt,
    /// Whose view.
    pub view: View,
    /// What is odd about the definition; only if there is something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<ProxyAPIWarning>, nullable = false)]
    pub warnings: Vec<Warning>,
}

/// A change whose receipt is wanted.
pub(in crate::http::admin) struct Wanted<'a> {
    /// Its id.
    pub(in crate::http::admin) change: String,
    /// The API.
    pub(in crate::http::admin) id: &'a str,
    /// The version.
    pub(in crate::http::admin) version: Version,
    /// How far it should spread.
    pub(in crate::http::admin) until: Until,
    /// For how long to wait at most.
    pub(in crate::http::admin) timeout: Duration,
    /// The reason, if this node itself does not serve it although nothing took its place.
    pub(in crate::http::admin) unserved: Reason,
}

// === impl Wanted ===

impl Wanted<'_> {
    /// Waits until the change has spread as far as wanted, or has lost, or the time is over.
    ///
    /// # Errors
    /// The registry does not answer.
    pub(in crate::http::admin) async fn receipt(
        self,
        state: &AdminState,
    ) -> Result<ReceiptAnswer, Problem> {
        let message = AwaitSpread {
            id: self.id.to_owned(),
            version: self.version,
            until: self.until,
            timeout: self.timeout,
        };
        let longest = self.timeout + ANSWER_MAX;
        // None: the registry was restarted meanwhile.
        let receipt = ask_within(longest, &state.cluster.spread, message)
            .await?
            .ok_or(Problem::Unavailable)?;
        let seen = ask(&state.cluster.nodes, ShowCluster).await?;
        Ok(self.told(&receipt, seen.view))
    }

    fn told(self, receipt: &Receipt, view: View) -> ReceiptAnswer {
        let own = view.node.clone();
        let mut serving = receipt.serving.clone();
        let mut missing: Vec<MissingNode> = receipt
            .missing
            .iter()
            .map(|(name, why)| MissingNode {
                node: name.clone(),
                reason: Reason::from(*why),
            })
            .collect();
        serving.sort_unstable();
        missing.sort_unstable_by(|one, other| one.node.cmp(&other.node));
        let (outcome, winner) = match receipt.outcome {
            Outcome::Done => (Standing::Done, None),
            Outcome::Pending => (Standing::Pending, None),
            Outcome::Superseded { winner, by } => {
                // Nobody is to serve it any more.
                missing.clear();
                (Standing::Superseded, Some((winner, by)))
            }
            Outcome::Busy => (Standing::Busy, None),
        };
        if receipt.here {
            serving.insert(0, own);
        } else if outcome == Standing::Pending || outcome == Standing::Done {
            let reason = self.unserved;
            missing.insert(0, MissingNode { node: own, reason });
        }
        ReceiptAnswer {
            message: message(self.id, outcome, winner.map(|(winner, _)| winner)),
            receipt: ChangeReceipt {
                change: self.change,
                outcome,
                serving,
                missing,
                winner: winner.map(|(winner, _)| winner.to_string()),
                decided_by: winner.map(|(_, by)| decided_by(by)),
            },
            view,
            warnings: Vec::new(),
        }
    }
}

// === impl ReceiptAnswer ===

impl ReceiptAnswer {
    /// The answer; `done` is its status if the change is as far as asked.
    pub(in crate::http::admin) fn response(&self, done: StatusCode) -> HttpResponse {
        let status = match self.receipt.outcome {
            Standing::Done => done,
            Standing::Pending => StatusCode::ACCEPTED,
            Standing::Superseded => StatusCode::CONFLICT,
            Standing::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut response = json_answer(status, self);
        if self.receipt.outcome == Standing::Busy {
            let after = header::HeaderValue::from_static(RETRY_AFTER_S);
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }

    /// How the change stands.
    pub(in crate::http::admin) fn standing(&self) -> Standing {
        self.receipt.outcome
    }
}

// === impl Reason ===

impl From<Missing> for Reason {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Unreachable => Self::Unreachable,
            Missing::Behind => Self::Behind,
            Missing::Contested => Self::Contested,
            Missing::NotActivatable => Self::NotActivatable,
        }
    }
}

/// What happened, in a sentence.
pub(super) fn message(id: &str, standing: Standing, winner: Option<Version>) -> String {
    match (standing, winner) {
        (Standing::Done, _) => "ok".to_owned(),
        (Standing::Pending, _) => "The change has not spread as far as asked.".to_owned(),
        (Standing::Superseded, winner) if id == extractors::ID => match winner {
            Some(winner) => format!("The extractors are at {winner} now."),
            None => "The extractors were changed.".to_owned(),
        },
        (Standing::Superseded, Some(winner)) => format!("API with id={id} is at {winner} now."),
        (Standing::Superseded, None) => format!("API with id={id} was changed."),
        (Standing::Busy, _) => {
            "Too many receipts are awaited; nothing is undone, ask for this one later.".to_owned()
        }
    }
}

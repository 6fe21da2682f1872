//! `GET /v3/cluster/changes/{change}`: the receipt of a change, later (cluster.md, part 5.3).
//!
//! A change id has only the beginning of a digest. The registry finds the version it means among those
//! of the API's current `ref_number`; below it the change was superseded by that number, whatever it
//! was; anything else is 404. May depend on `core` and `message`. Deliberately absent: a memory of
//! changes. What a node knows follows from what it holds, so every node can be asked.

use std::fmt;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};

use crate::{
    core::{
        replica::{
            input::{Tag, Until},
            round::DecidedBy,
        },
        version::Version,
    },
    http::{
        admin::{
            AdminState,
            apis::{escaped, path_text},
            ask,
            cluster::receipt::{ChangeReceipt, Reason, ReceiptAnswer, Standing, Wanted, message},
            openapi::schema::{ErrorBody, ErrorMap, ProxyAPIResponse},
            query::{self, Patience, TIMEOUT_OF_LOOKS, digits},
        },
        problem::Problem,
    },
    message::registry::{FindChange, Found, ShowCluster},
    telemetry::cluster::decided_by,
};

/// Key of the error map under which faults of a change id are listed.
const GROUP: &str = "path";

/// Hex digits of a digest in a change id.
const PREFIX_DIGITS: usize = 16;

/// A change id, as `x-rig-change` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http::admin) struct ChangeId {
    id: String,
    tag: Tag,
}

// === impl ChangeId ===

impl ChangeId {
    /// The id of the change that made `version` of API `id`.
    pub(in crate::http::admin) fn of(id: &str, version: &Version) -> Self {
        Self {
            id: id.to_owned(),
            tag: Tag::of(version),
        }
    }

    /// Reads `<id>@<ref_number>-<16 hex digits>`, the id not escaped any more. It may have any
    /// characters, so its end is the last `@`.
    fn parse(text: &str) -> Option<Self> {
        let (id, version) = text.rsplit_once('@')?;
        let (ref_number, prefix) = version.split_once('-')?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if id.is_empty() || prefix.len() != PREFIX_DIGITS || !prefix.bytes().all(is_hex) {
            return None;
        }
        let ref_number = digits(ref_number)?.parse().ok()?;
        Some(Self {
            id: id.to_owned(),
            tag: Tag {
                ref_number,
                prefix: prefix.to_owned(),
            },
        })
    }
}

/// The id percent-encoded, fit for headers and paths.
impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tag { ref_number, prefix } = &self.tag;
        write!(f, "{}@{ref_number}-{prefix}", escaped(&self.id))
    }
}

/// Tells how far a change has spread. Any node can be asked.
#[utoipa::path(
    get, path = "/v3/cluster/changes/{change}", operation_id = "get_change", tag = "Cluster",
    params(
        ("change" = String, Path, description = "The change id, as in `x-rig-change`."),
        ("wait" = Option<String>, Query, description = "`all` (every member serves it), a number of nodes, or `settled` (no vote about it is going on). Default: `all`."),
        ("timeout" = Option<f64>, Query, description = "Seconds to wait at most, up to 60. Default: 1."),
    ),
    responses(
        (status = 200, description = "It has spread as far as asked.", body = ReceiptAnswer),
        (status = 202, description = "It has not yet; the receipt names who is missing and why.", body = ReceiptAnswer),
        (status = 400, description = "The change id or the query is faulty (or, as `errors`, the path is not UTF-8).", body = ErrorMap),
        (status = 404, description = "This node knows no such change.", body = ProxyAPIResponse),
        (status = 409, description = "Another version took its place.", body = ReceiptAnswer),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(in crate::http::admin) async fn show(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Some(change) = ChangeId::parse(&path_text(&request)?) else {
        let rule = "must be <id>@<ref_number>-<16 hex digits>, as in x-rig-change";
        return Err(Problem::invalid(GROUP, "change", rule));
    };
    let Patience { until, timeout } = query::patience(&request, TIMEOUT_OF_LOOKS)?;
    let find = FindChange {
        id: change.id.clone(),
        tag: change.tag.clone(),
    };
    let answer = match ask(&state.cluster.find, find).await? {
        Found::Unknown => return Err(Problem::UnknownChange(change.to_string())),
        Found::Outdated { current } => outdated(&state, &change, current).await?,
        Found::Current { version, contested } => {
            let wanted = Wanted {
                change: change.to_string(),
                id: &change.id,
                version,
                until: until.unwrap_or(Until::All),
                timeout,
                unserved: if contested {
                    Reason::Contested
                } else {
                    Reason::NotActivatable
                },
            };
            wanted.receipt(&state).await?
        }
    };
    Ok(answer.response(StatusCode::OK))
}

/// The receipt of a change with a lower `ref_number` than the API has. Nobody needs to be asked:
/// it is served nowhere for long.
async fn outdated(
    state: &AdminState,
    change: &ChangeId,
    current: Version,
) -> Result<ReceiptAnswer, Problem> {
    let outcome = Standing::Superseded;
    Ok(ReceiptAnswer {
        message: message(&change.id, outcome, Some(current)),
        receipt: ChangeReceipt {
            change: change.to_string(),
            outcome,
            serving: Vec::new(),
            missing: Vec::new(),
            winner: Some(current.to_string()),
            decided_by: Some(decided_by(DecidedBy::Ref)),
        },
        view: ask(&state.cluster.nodes, ShowCluster).await?.view,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::ChangeId;

    #[test]
    fn a_change_id_is_read_as_it_is_written() {
        for (text, id, written) in [
            ("shop@0-0ebeb6a1dfb71e73", "shop", "shop@0-0ebeb6a1dfb71e73"),
            (
                "a@b/ü@9007199254740991-0000000000000000",
                "a@b/ü",
                "a%40b%2F%C3%BC@9007199254740991-0000000000000000",
            ),
        ] {
            let change = ChangeId::parse(text).unwrap();
            assert_eq!(change.id, id);
            assert_eq!(change.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_change_id_is_refused() {
        for text in [
            "",
            "shop",
            "shop@",
            "@0-0ebeb6a1dfb71e73",
            "shop@0ebeb6a1dfb71e73",
            "shop@-0ebeb6a1dfb71e73",
            "shop@+1-0ebeb6a1dfb71e73",
            "shop@1-0ebeb6a1dfb71e7",
            "shop@1-0ebeb6a1dfb71e730",
            "shop@1-0EBEB6A1DFB71E73",
            "shop@1-0ebeb6a1dfb71e7g",
            "shop@99999999999999999999-0ebeb6a1dfb71e73",
        ] {
            assert_eq!(ChangeId::parse(text), None, "{text}");
        }
    }
}

//! The whole body of a request, for what cannot be passed on piece by piece.

use bytes::Bytes;
use http::{Version, header::CONTENT_LENGTH, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::http::inbound::{
    connection::Client, forward::blame, refusal::Refusal, request_body::RequestBody,
};

/// Reads a body of at most `bytes_max`, and at most `MAX_BODY_BYTES`, into a buffer of its own: events
/// are kept for long, and must not keep a connection's buffers with them.
///
/// # Errors
/// It is too large, too slow, malformed or broken off.
pub async fn whole(
    client: &Client,
    head: &Parts,
    body: Incoming,
    bytes_max: u64,
) -> Result<Bytes, Refusal> {
    let settings = &client.worker.shared.settings;
    let bytes_max = settings
        .body_bytes_max
        .map_or(bytes_max, |configured| configured.min(bytes_max));
    let declared = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > bytes_max) {
        return Err(Refusal::PayloadTooLarge);
    }
    let multiplexed = head.version == Version::HTTP_2;
    let (mut body, progress) =
        RequestBody::new(body, multiplexed, Some(bytes_max), settings.body_pause_max);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_failure| blame(progress.as_deref()))?;
        if let Some(data) = frame.data_ref() {
            whole.extend_from_slice(data);
        }
    }
    Ok(Bytes::from(whole.into_boxed_slice()))
}

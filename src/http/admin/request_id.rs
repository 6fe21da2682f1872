//! What every answer of the port carries (spec: `management-api.md` 2.1): the request's id, cache
//! rules, and a word against content sniffing. Also the request's line in the log.
//!
//! May depend on actix-web, log, fastrand. Deliberately absent from the log: query strings, headers
//! and bodies.

use std::time::Instant;

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
};

/// The header with the request's id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// `server` of every answer.
const SERVER: &str = "rig";

/// Definitions change at any time, so answers are asked for again.
const CACHE_CONTROL: &str = "max-age=0, private, must-revalidate";

/// Stamps the answer and logs it: reads at `debug`, the rest, which may change something, at `info`.
///
/// # Errors
/// What the handler fails with.
pub async fn stamp(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let id = chosen(request.headers().get(&X_REQUEST_ID));
    let method = request.method().clone();
    let path = request.path().to_owned();
    let mut response = next.call(request).await?.map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.clone());
    headers.insert(header::SERVER, HeaderValue::from_static(SERVER));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(CACHE_CONTROL),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let level = match method {
        Method::GET | Method::HEAD => log::Level::Debug,
        _ => log::Level::Info,
    };
    log::log!(
        level,
        request_id = id.to_str().unwrap_or("(not ASCII)");
        "{method} {path}: {} in {} ms",
        response.status().as_u16(),
        begun.elapsed().as_millis(),
    );
    Ok(response)
}

/// The client's id if it has 20 to 200 bytes, else a new one.
fn chosen(sent: Option<&HeaderValue>) -> HeaderValue {
    match sent {
        Some(id) if (20..=200).contains(&id.len()) => id.clone(),
        Some(_) | None => new_id(),
    }
}

fn new_id() -> HeaderValue {
    // Hex digits are always a valid value; the fallback is unreachable and harmless.
    HeaderValue::from_str(&format!("{:032x}", fastrand::u128(..)))
        .unwrap_or_else(|_| HeaderValue::from_static("00000000000000000000000000000000"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::chosen;

    #[test]
    fn ids_of_20_to_200_bytes_are_kept_and_others_replaced() {
        for (length, kept) in [
            (0, false),
            (19, false),
            (20, true),
            (200, true),
            (201, false),
        ] {
            let sent = HeaderValue::from_str(&"i".repeat(length)).unwrap();
            assert_eq!(chosen(Some(&sent)) == sent, kept, "{length} bytes");
        }
    }

    #[test]
    fn new_ids_differ_and_would_be_kept_by_the_next_hop() {
        let (one, two) = (chosen(None), chosen(None));
        assert_ne!(one, two);
        assert_eq!(chosen(Some(&one)), one);
    }
}

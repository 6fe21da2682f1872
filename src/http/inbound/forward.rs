//! One request: plan it on the snapshot, send it to its target, stream the answer back.

use std::{future::poll_fn, rc::Rc, task::Poll, time::Duration};

use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONTENT_LENGTH, ORIGIN, SERVER, TRANSFER_ENCODING},
    request::Parts,
    uri::PathAndQuery,
};
use hyper::{
    body::{Body, Incoming},
    upgrade::OnUpgrade,
};

use crate::{
    core::{
        api::validate::is_supported_yet,
        route::{
            Plan, Route,
            headers::{Aim, Hop, X_REQUEST_ID, toward_client, toward_target},
            table,
        },
    },
    http::{
        awaited::{LateAnswer, Waiting},
        inbound::{
            activity::Busy,
            answer::Answer,
            connection::Client,
            events, gate,
            head::{
                expects_body, is_undone_coding, join_cookies, plan, sound, via, wanted_upgrade,
            },
            late,
            refusal::{Refusal, SERVER_NAME},
            request_body::{Progress, RequestBody, State},
            request_log::Record,
            span::Span,
            system,
            tunnel::{Held, carry},
        },
    },
    telemetry::metrics::Outcome,
    upstream::{ConnectError, Lease},
};

/// Bodies up to this length fit into the system's buffers, so that no target can stall them.
const STALL_BYTES_MIN: u64 = 16 * 1024;

/// The answer to one request of `client`.
pub async fn handle(client: Rc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let busy = client.activity.begin();
    let shared = &client.worker.shared;
    let snapshot = client.worker.snapshot();
    let span = Span::of(request.headers());
    if request.uri().path().starts_with(system::PREFIX)
        && let Some(mut answer) = system::answer(
            request.method(),
            request.uri().path(),
            &shared.health,
            || span.marks(request.headers()),
        )
    {
        answer.body_mut().hold(busy);
        return answer;
    }
    if let Some(route) = events::Route::of(request.method(), request.uri().path()) {
        // Boxed, because it must not make the future of every request larger.
        return Box::pin(events::answer(&client, request, route, &span, busy)).await;
    }
    let log_path = shared.settings.request_log.then(|| request.uri().path());
    let mut record = Record::start(&shared.metrics, &snapshot, request.method(), log_path);
    if request.version() == Version::HTTP_10 {
        client.activity.set_unframed();
    }
    let has_body = !request.body().is_end_stream();
    let origin = request.headers().get(ORIGIN).cloned();
    let kept_id = request.headers().get(X_REQUEST_ID).cloned();
    let exchange = Exchange {
        client: Rc::clone(&client),
        span,
    };
    match exchange.run(&snapshot.table, request, &mut record).await {
        Ok(Done::Answered(response)) => {
            record.set_outcome(Outcome::Ok, response.status());
            kept(response, record, busy)
        }
        Ok(Done::Late(late)) => {
            record.set_outcome(Outcome::Ok, late.status);
            let marks = exchange.span.marks_for(kept_id.as_ref());
            let (tracestate, cors) = (exchange.span.tracestate(), &shared.settings.cors);
            let response = late::respond(*late, marks, tracestate, cors, origin.as_ref());
            kept(response, record, busy)
        }
        Ok(Done::Upgraded { response, ends }) => {
            record.set_outcome(Outcome::Ok, response.status());
            let held = Held {
                open: Some(Rc::clone(&client.open)),
                busy,
                record,
            };
            actix_rt::spawn(carry(ends.client, ends.target, held));
            response
        }
        Err(refusal) => {
            if has_body {
                client.activity.leave_unread();
                // hyper looks at the body that was just dropped before it writes the answer's head:
                // one that has arrived is skipped, on any other the head says `connection: close`.
                tokio::task::yield_now().await;
            }
            record.set_outcome(refusal.outcome(), refusal.status());
            let marks = exchange.span.marks_for(kept_id.as_ref());
            let response = refusal.answer(marks, &shared.settings.cors, origin.as_ref());
            kept(response, record, busy)
        }
    }
}

/// Has the end of `response` written to the log, and its connection busy until then.
fn kept(mut response: Response<Answer>, record: Record, busy: Busy) -> Response<Answer> {
    response.body_mut().record(record);
    response.body_mut().hold(busy);
    response
}

/// How an exchange with a target went well.
enum Done {
    /// An ordinary answer.
    Answered(Response<Answer>),
    /// An asynchronous answer.
    Late(Box<LateAnswer>),
    /// A 101, after which bytes pass both ways.
    Upgraded {
        response: Response<Answer>,
        ends: Ends,
    },
}

/// Both ends of a tunnel to be.
struct Ends {
    client: OnUpgrade,
    target: OnUpgrade,
}

/// One request's way to its target.
struct Exchange {
    client: Rc<Client>,
    span: Span,
}

// === impl Exchange ===

impl Exchange {
    async fn run(
        &self,
        table: &table::RouteTable,
        mut request: Request<Incoming>,
        record: &mut Record,
    ) -> Result<Done, Refusal> {
        if *request.method() == Method::TRACE || *request.method() == Method::CONNECT {
            return Err(Refusal::NotImplemented);
        }
        let host = sound(&request, &self.client.activity)?;
        let plan = plan(table, &request)?;
        record.set_route(plan.index);
        let route = plan.route;
        gate::check(&self.client, route, &request).await?;
        let endpoint = route.endpoint();
        if !is_supported_yet(endpoint.target, endpoint.response_from) {
            return Err(Refusal::Unavailable);
        }
        let waiting = self.waiting(route)?;
        let upgrade = match &waiting {
            // A tunnel has no answer that could come later.
            Some(_) => None,
            None => wanted_upgrade(&request),
        };
        let client_end = upgrade
            .as_ref()
            .map(|_protocol| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let (body, progress) = self.body(route, &parts, body)?;
        self.rewrite(&mut parts, &plan, host, upgrade, progress.is_some())?;
        if let Some(waiting) = &waiting {
            set_correlation(&mut parts, &waiting.id)?;
        }
        let request = Request::from_parts(parts, body);
        if let Some(client_end) = client_end {
            return Box::pin(self.send_upgrade(route, request, client_end)).await;
        }
        let Some(waiting) = waiting else {
            let sent = self.send(route, request, progress).await;
            return sent.map(Done::Answered);
        };
        Box::pin(self.send_and_wait(route, request, progress, waiting)).await
    }

    /// Has the request wait for an asynchronous answer, if its endpoint has such answers. Before it
    /// is sent, for the answer may come before the 202.
    fn waiting(&self, route: &Route) -> Result<Option<Box<Waiting>>, Refusal> {
        if !late::is_awaited(route.endpoint()) {
            return Ok(None);
        }
        let waiting = self.client.worker.shared.events.awaited.wait();
        let waiting = waiting.ok_or(Refusal::Unavailable)?;
        Ok(Some(Box::new(waiting)))
    }

    /// Sends `request` and, if the target accepts it with 202, waits for the asynchronous answer.
    async fn send_and_wait(
        &self,
        route: &Route,
        request: Request<RequestBody>,
        progress: Option<Rc<Progress>>,
        waiting: Box<Waiting>,
    ) -> Result<Done, Refusal> {
        let response = self.send(route, request, progress.clone()).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Ok(Done::Answered(response));
        }
        let timeout = self.client.worker.shared.settings.late_answer_timeout;
        let late = late::wait(waiting, response, timeout).await?;
        if progress.is_some_and(|progress| progress.state() != State::Done) {
            self.client.activity.leave_unread();
        }
        Ok(Done::Late(late))
    }

    /// Wraps the request's body, or refuses it because its declared length is too large.
    fn body(
        &self,
        route: &Route,
        head: &Parts,
        body: Incoming,
    ) -> Result<(RequestBody, Option<Rc<Progress>>), Refusal> {
        let settings = &self.client.worker.shared.settings;
        let bytes_max = route.endpoint().body_bytes_max.or(settings.body_bytes_max);
        let declared = head
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<u64>().ok());
        if let (Some(declared), Some(max)) = (declared, bytes_max)
            && declared > max
        {
            return Err(Refusal::PayloadTooLarge);
        }
        let multiplexed = head.version == Version::HTTP_2;
        let (body, progress) =
            RequestBody::new(body, multiplexed, bytes_max, settings.body_pause_max);
        if let Some(progress) = &progress
            && settings.body_pause_max.is_some()
            && declared.is_none_or(|declared| declared > STALL_BYTES_MIN)
        {
            self.client.worker.watch_upload(progress);
        }
        Ok((body, progress))
    }

    /// Turns the client's head into the one for the target.
    fn rewrite(
        &self,
        parts: &mut Parts,
        plan: &Plan<'_>,
        host: Option<HeaderValue>,
        upgrade: Option<HeaderValue>,
        has_body: bool,
    ) -> Result<(), Refusal> {
        let route = plan.route;
        let peer = &self.client.peer;
        let endpoint = route.endpoint();
        let has_length = parts.headers.contains_key(CONTENT_LENGTH);
        let hop = Hop {
            forwarded: &peer.forwarded,
            peer: &peer.ip_text,
            trusted: peer.trusted,
            scheme: peer.scheme(),
            host,
            via: via(parts.version),
            request_id: self.span.request_id(),
            traceparent: self.span.traceparent(),
            tracestate: self.span.tracestate(),
            upgrade,
        };
        if parts.version == Version::HTTP_2 {
            join_cookies(&mut parts.headers);
        }
        let add_headers = if endpoint.transform {
            &*route.api.add_headers
        } else {
            &[]
        };
        toward_target(
            &mut parts.headers,
            hop,
            Aim {
                authority: route.authority.clone(),
                add_headers,
            },
        );
        if has_body && !has_length {
            // Said explicitly, because hyper would send a GET without its body otherwise.
            parts
                .headers
                .insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        } else if !has_length && expects_body(&parts.method) {
            parts
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let target = match &plan.target {
            Some(target) => {
                PathAndQuery::try_from(target.as_str()).map_err(|_invalid| Refusal::BadRequest)?
            }
            None => parts
                .uri
                .path_and_query()
                .cloned()
                .ok_or(Refusal::BadRequest)?,
        };
        parts.uri = Uri::from(target);
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        Ok(())
    }

    /// Sends `request`, on a pooled connection if there is one, and once more on a new one if the
    /// pooled connection proves dead and sending again cannot do anything twice.
    async fn send(
        &self,
        route: &Route,
        mut request: Request<RequestBody>,
        progress: Option<Rc<Progress>>,
    ) -> Result<Response<Answer>, Refusal> {
        let pool = &self.client.worker.pool;
        let limit = self.head_limit(route);
        let mut pooled = pool.checkout(&route.origin);
        loop {
            let lease = match pooled.take() {
                Some(lease) => lease,
                // Boxed, as all that is rarely done: it must not make every request's future
                // larger, which hyper moves once per request and keeps while an answer is awaited.
                None => Box::pin(pool.connect(&route.origin))
                    .await
                    .map_err(|error| unreachable(route, &error))?,
            };
            let reused = lease.reused;
            let spare = if reused {
                spare(&request, progress.is_some())
            } else {
                None
            };
            match exchange(lease, request, progress.clone(), limit).await {
                Ok((response, lease)) => return self.answer(response, lease, progress),
                Err(failure) => match failure.unsent.map(|unsent| *unsent).or(spare) {
                    Some(again) if reused && failure.died => request = again,
                    Some(_) | None => return Err(failure.refusal),
                },
            }
            self.client.worker.shared.metrics.upstream_retries.inc();
        }
    }

    /// Asks the target to upgrade, on a connection of its own.
    async fn send_upgrade(
        &self,
        route: &Route,
        request: Request<RequestBody>,
        client_end: OnUpgrade,
    ) -> Result<Done, Refusal> {
        let pool = &self.client.worker.pool;
        let lease = pool
            .connect_for_upgrade(&route.origin)
            .await
            .map_err(|error| unreachable(route, &error))?;
        let (mut response, lease) = exchange(lease, request, None, self.head_limit(route))
            .await
            .map_err(|failure| failure.refusal)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self.answer(response, lease, None).map(Done::Answered);
        }
        lease.let_go();
        let ends = Ends {
            client: client_end,
            target: hyper::upgrade::on(&mut response),
        };
        toward_client(response.headers_mut(), true);
        let response = response.map(|_no_body| Answer::complete(bytes::Bytes::new()));
        Ok(Done::Upgraded { response, ends })
    }

    fn head_limit(&self, route: &Route) -> Duration {
        route
            .endpoint()
            .timeout
            .unwrap_or(self.client.worker.shared.settings.head_timeout)
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        mut lease: Lease<RequestBody>,
        progress: Option<Rc<Progress>>,
    ) -> Result<Response<Answer>, Refusal> {
        let (mut parts, body) = response.into_parts();
        if parts.version == Version::HTTP_10 {
            // hyper would send what follows as HTTP/1.0, which knows no chunks.
            lease.retire();
        }
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            log::debug!("a target switched protocols although it was not asked to");
            return Err(Refusal::BadGateway);
        }
        if parts.headers.contains_key(TRANSFER_ENCODING) {
            if !is_undone_coding(&parts.headers) {
                log::debug!("a target used a transfer coding that nobody asked for");
                return Err(Refusal::BadGateway);
            }
            // RFC 9112, 6.3: the body ends where its chunks do, and whoever believed the length
            // would take the rest for the next answer.
            parts.headers.remove(CONTENT_LENGTH);
        }
        toward_client(&mut parts.headers, false);
        if parts.status == StatusCode::NO_CONTENT || parts.status == StatusCode::NOT_MODIFIED {
            parts.headers.remove(CONTENT_LENGTH);
        }
        parts
            .headers
            .entry(SERVER)
            .or_insert(HeaderValue::from_static(SERVER_NAME));
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        let pause_max = self.client.worker.shared.settings.answer_pause_max;
        Ok(Response::from_parts(
            parts,
            Answer::stream(body, lease, progress, pause_max),
        ))
    }
}

/// Has the target told under which id it has to answer.
fn set_correlation(parts: &mut Parts, id: &str) -> Result<(), Refusal> {
    let target = late::with_correlation(&parts.uri.to_string(), id);
    let target = PathAndQuery::try_from(target).map_err(|_too_long| Refusal::BadRequest)?;
    parts.uri = Uri::from(target);
    Ok(())
}

/// A request that failed before its answer's head.
struct Failure {
    refusal: Refusal,
    /// The connection was closed before any of an answer arrived.
    died: bool,
    /// The request, if nothing of it was written.
    unsent: Option<Box<Request<RequestBody>>>,
}

/// Sends `request` on `lease` and waits for the answer's head.
async fn exchange(
    mut lease: Lease<RequestBody>,
    request: Request<RequestBody>,
    progress: Option<Rc<Progress>>,
    limit: Duration,
) -> Result<(Response<Incoming>, Lease<RequestBody>), Failure> {
    // A pooled connection may need a moment to notice that its last answer is over.
    if !lease.sender.is_ready() && lease.sender.ready().await.is_err() {
        let unsent = Some(Box::new(request));
        return Err(Failure {
            refusal: Refusal::BadGateway,
            died: true,
            unsent,
        });
    }
    let mut answer = std::pin::pin!(lease.sender.try_send_request(request));
    let mut deadline = crate::http::inbound::request_body::AfterBody::new(progress.clone(), limit);
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        deadline.poll(cx).map(|()| None)
    })
    .await;
    match outcome {
        None => Err(Failure {
            refusal: Refusal::GatewayTimeout,
            died: false,
            unsent: None,
        }),
        Some(Ok(response)) => Ok((response, lease)),
        Some(Err(mut error)) => {
            let unsent = error.take_message().map(Box::new);
            let refusal = blame(progress.as_deref());
            if refusal == Refusal::BadGateway {
                log::debug!("a target broke off: {}", error.error());
            }
            // A malformed answer is an answer: whoever sent it has seen the request.
            let died = refusal == Refusal::BadGateway && !error.error().is_parse();
            Err(Failure {
                refusal,
                died,
                unsent,
            })
        }
    }
}

/// Whose fault it is that a request could not be sent.
pub(super) fn blame(progress: Option<&Progress>) -> Refusal {
    match progress.map(Progress::state) {
        Some(State::TooLarge) => Refusal::PayloadTooLarge,
        Some(State::TimedOut) => Refusal::ClientTimeout,
        Some(State::Malformed) => Refusal::BadRequest,
        Some(State::Broken) => Refusal::ClientClosed,
        Some(State::Stalled) => Refusal::GatewayTimeout,
        Some(State::Abandoned | State::Sending | State::Done) | None => Refusal::BadGateway,
    }
}

fn unreachable(route: &Route, error: &ConnectError) -> Refusal {
    log::warn!(
        "{}/{}: {} is unreachable: {error}",
        route.api.id,
        route.endpoint().id,
        route.origin.authority()
    );
    Refusal::BadGateway
}

/// A copy to send if the original is lost with a dead connection: only for requests that may be
/// sent twice (RFC 9110, 9.2.2) and have no body, which could not be sent twice.
fn spare(request: &Request<RequestBody>, has_body: bool) -> Option<Request<RequestBody>> {
    if has_body || !request.method().is_idempotent() {
        return None;
    }
    let mut spare = Request::new(RequestBody::Empty);
    *spare.method_mut() = request.method().clone();
    *spare.uri_mut() = request.uri().clone();
    *spare.headers_mut() = request.headers().clone();
    Some(spare)
}

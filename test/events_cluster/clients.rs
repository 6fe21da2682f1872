//! Clients that may change the node: of server-sent events, WebSocket and long polling. They keep
//! what a browser keeps, and say what they heard by the ids of events.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Request, ask},
    event_stream::{EventStream, Frame, PATH},
    fleet::until as until_seen,
    peer::Peer,
    websocket::WebSocket,
};

const POLLING: &str = "/_rig/v1/connection/longpolling";

/// A stream and where its client is.
pub(super) struct Stream {
    stream: EventStream,
    /// The last `id`; empty before the first.
    pub(super) last: String,
    /// For PUT.
    pub(super) token: String,
    /// What `rig.subscriptions_set` said.
    pub(super) set: Value,
    /// Between which positions the last gap was, if there was one.
    pub(super) gap: Option<(String, String)>,
}

/// What a client heard next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// An event of a back end.
    Event(String),
    /// Events may be missing.
    Gap,
}

/// A long-polling client with its cookies.
#[derive(Debug, Clone, Default)]
pub(super) struct Poller {
    cookies: Option<(String, String)>,
}

/// The extractor of the type `limited`: constraints on `name`.
pub(super) fn extractors() -> String {
    let name = json!({"stable_field_index": 0, "event": {"json_pointer": "/data/name"}});
    json!({"limited": {"name": name}}).to_string()
}

// === impl Heard ===

impl Heard {
    /// The event's id.
    pub(super) fn id(&self) -> Option<&String> {
        match self {
            Self::Event(id) => Some(id),
            Self::Gap => None,
        }
    }
}

// === impl Stream ===

impl Stream {
    /// Opens a stream; the welcome has been read.
    pub(super) fn open(at: SocketAddr, query: &str) -> Self {
        Self::resumed(at, query, "")
    }

    /// The same from behind the event with this `id`.
    pub(super) fn resumed(at: SocketAddr, query: &str, last: &str) -> Self {
        Self::over(Peer::connect(at), query, last)
    }

    /// The same; `None` if the node is about to be gone.
    pub(super) fn attempt(at: SocketAddr, query: &str, last: &str) -> Option<Self> {
        let socket = TcpStream::connect(at).ok()?;
        let answers = socket.try_clone().ok()?;
        let mut peer = Peer::plain(socket);
        peer.try_say(Self::request(query, last)).ok()?;
        (answers.peek(&mut [0]).ok()? > 0).then(|| Self::begun(peer, last))
    }

    /// The same on this connection.
    pub(super) fn over(mut peer: Peer, query: &str, last: &str) -> Self {
        peer.say(Self::request(query, last));
        Self::begun(peer, last)
    }

    fn request(query: &str, last: &str) -> String {
        let header = match last {
            "" => String::new(),
            last => format!("last-event-id: {last}\r\n"),
        };
        format!("GET {PATH}?{query} HTTP/1.1\r\nhost: a\r\n{header}\r\n")
    }

    fn begun(mut peer: Peer, last: &str) -> Self {
        let head = peer.status(200);
        let mut stream = Self {
            stream: EventStream::begun(peer, &head),
            last: last.to_owned(),
            token: String::new(),
            set: Value::Null,
            gap: None,
        };
        let create = stream.frame().json();
        assert_eq!(create["type"], "rig.connection.create");
        stream.token = create["data"]["connection_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        let set = stream.frame().json();
        assert_eq!(set["type"], "rig.subscriptions_set");
        stream.set = set["data"].clone();
        stream
    }

    /// Waits longer for each frame from now on.
    pub(super) fn be_patient(&mut self, wait: Duration) {
        self.stream.be_patient(wait);
    }

    /// The next frame that is no heartbeat.
    pub(super) fn frame(&mut self) -> Frame {
        let frame = self.stream.next();
        let id = frame.ids.last().expect("every event has an id");
        self.last.clone_from(id);
        frame
    }

    /// The next event or gap.
    pub(super) fn heard(&mut self) -> Heard {
        let event = self.frame().json();
        let heard = heard(&event);
        if heard == Heard::Gap {
            self.gap = Some(gap(&event));
        }
        heard
    }

    /// What is heard up to and with the event with this id.
    pub(super) fn heard_until(&mut self, id: &str) -> Vec<Heard> {
        heard_until(id, || self.heard())
    }

    /// The next event or gap; `None` if the stream has ended, however.
    pub(super) fn try_heard(&mut self) -> Option<Heard> {
        loop {
            let frame = self.stream.try_next().ok().flatten()?;
            if !frame.event.is_empty() {
                self.last.clone_from(frame.ids.last()?);
                return Some(heard(&frame.json()));
            }
        }
    }

    /// The ids of the next events, sorted; a gap is no event.
    pub(super) fn ids(&mut self, count: usize) -> Vec<String> {
        sorted(count, || self.heard())
    }

    /// The subscriptions have been replaced.
    pub(super) fn is_set(&mut self) -> Value {
        let set = self.frame().json();
        assert_eq!(set["type"], "rig.subscriptions_set");
        set["data"].clone()
    }

    /// Its session is revoked; the stream ends.
    pub(super) fn hears_that_it_is_killed(mut self) {
        let killed = self.frame().json();
        assert_eq!(killed["type"], "rig.session_killed");
        self.stream.ends();
    }
}

/// The ids of the next events of a WebSocket, sorted.
pub(super) fn socket_ids(socket: &mut WebSocket, count: usize) -> Vec<String> {
    sorted(count, || socket_heard(socket))
}

/// The next event or gap of a WebSocket.
pub(super) fn socket_heard(socket: &mut WebSocket) -> Heard {
    let (_text, payload) = socket.frame();
    heard(&serde_json::from_slice(&payload).expect("JSON"))
}

/// What is heard up to and with the event with this id.
pub(super) fn heard_until(id: &str, mut next: impl FnMut() -> Heard) -> Vec<Heard> {
    let mut all = Vec::new();
    while all.last() != Some(&Heard::Event(id.to_owned())) {
        all.push(next());
    }
    all
}

/// Each event once, all of `expected`, or a gap that says that some may be missing.
pub(super) fn is_exact_or_gap(heard: &[Heard], expected: &[String]) {
    is_within(heard, expected, expected);
}

/// The same where more than `expected` may be heard: what was submitted without an answer.
pub(super) fn is_within(heard: &[Heard], expected: &[String], possible: &[String]) {
    let mut ids: Vec<&String> = heard.iter().filter_map(Heard::id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    let places = |id: &String| -> Vec<usize> {
        let all = heard.iter().enumerate();
        all.filter(|(_, heard)| heard.id() == Some(id))
            .map(|(place, _)| place)
            .collect()
    };
    let twice = ids.iter().map(|id| (id, places(id)));
    let twice: Vec<_> = twice.filter(|(_, places)| places.len() > 1).collect();
    let gaps: Vec<_> = (0..heard.len())
        .filter(|place| heard[*place] == Heard::Gap)
        .collect();
    assert_eq!(
        ids.len(),
        count,
        "twice: {twice:?}; gaps at {gaps:?} of {}: {heard:?}",
        heard.len()
    );
    let missing: Vec<_> = (expected.iter())
        .filter(|id| ids.binary_search(id).is_err())
        .collect();
    let is_told = heard.contains(&Heard::Gap);
    assert!(
        missing.is_empty() || is_told,
        "lost without a word: {missing:?} of {heard:?}"
    );
    assert!(
        ids.iter().all(|id| possible.contains(id)),
        "{heard:?} beyond {possible:?}"
    );
}

fn sorted(count: usize, mut next: impl FnMut() -> Heard) -> Vec<String> {
    let mut ids: Vec<String> = (0..count)
        .map(|_| match next() {
            Heard::Event(id) => id,
            Heard::Gap => "a gap".to_owned(),
        })
        .collect();
    ids.sort();
    ids
}

/// What `event` is to its client.
pub(super) fn heard(event: &Value) -> Heard {
    match event["type"].as_str() {
        Some("rig.gap") => {
            gap(event);
            Heard::Gap
        }
        _ => Heard::Event(event["id"].as_str().expect("an id").to_owned()),
    }
}

/// Between which positions events may be missing (names.md): nothing else is told, and the second is one
/// that the client can go on from.
pub(super) fn gap(event: &Value) -> (String, String) {
    assert_eq!(event["type"], "rig.gap", "{event}");
    let data = event["data"].as_object().expect("an object");
    assert!(data.keys().eq(["from", "to"]), "{event}");
    let side = |name: &str| data[name].as_str().expect("a text").to_owned();
    let (from, to) = (side("from"), side("to"));
    assert_ne!(to, "", "{event}");
    (from, to)
}

// === impl Poller ===

impl Poller {
    /// Opens a session with this query and reads the welcome.
    pub(super) fn open(at: SocketAddr, query: &str) -> Self {
        let mut poller = Self::default();
        let answer = poller.ask(at, query);
        assert_eq!((answer.status, answer.json()), (200, json!("ok")));
        let welcome = poller.poll(at);
        assert_eq!(welcome[0]["type"], "rig.connection.create");
        assert_eq!(welcome[1]["type"], "rig.subscriptions_set");
        poller
    }

    /// One request, whatever comes of it.
    pub(super) fn ask(&mut self, at: SocketAddr, query: &str) -> Answer {
        let mut request = Request::new("GET", &format!("{POLLING}?{query}"));
        if let Some((token, last)) = &self.cookies {
            let cookies = format!("connection_token={token}; last_event_id={last}");
            request = request.with("cookie", &cookies);
        }
        let answer = ask(at, &request).expect("an answer");
        let cookie = |name: &str| {
            let lines = answer
                .headers
                .iter()
                .filter(|(line, _)| line == "set-cookie");
            let found = lines
                .filter_map(|(_, value)| value.strip_prefix(name))
                .next();
            found.map(|value| value.split(';').next().unwrap_or_default().to_owned())
        };
        if let (Some(token), Some(last)) = (cookie("connection_token="), cookie("last_event_id=")) {
            self.cookies = Some((token, last));
        }
        answer
    }

    /// The events of one poll.
    pub(super) fn poll(&mut self, at: SocketAddr) -> Vec<Value> {
        // A node that has just been killed is not known to be gone at once: "try again" is an answer.
        let answer = until_seen("an answer to a poll", || {
            let answer = self.ask(at, "");
            (answer.status != 503).then_some(answer)
        });
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        body["events"]
            .as_array()
            .unwrap_or_else(|| panic!("{body}"))
            .clone()
    }

    /// The events of one poll but for the welcome.
    pub(super) fn heard(&mut self, at: SocketAddr) -> Vec<Heard> {
        let is_welcome = |event: &&Value| {
            event["type"] == "rig.connection.create" || event["type"] == "rig.subscriptions_set"
        };
        let events = self.poll(at);
        events
            .iter()
            .filter(|event| !is_welcome(event))
            .map(heard)
            .collect()
    }

    /// Polls until there are `count` events of back ends, or a gap; their ids, sorted.
    pub(super) fn ids(&mut self, at: SocketAddr, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        while found.len() < count {
            let heard = self.heard(at).into_iter();
            found.extend(heard.map(|heard| match heard {
                Heard::Event(id) => id,
                Heard::Gap => "a gap".to_owned(),
            }));
        }
        found.sort();
        found
    }
}

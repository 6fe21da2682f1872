//! How a line begins: seated, subscribed, welcomed, and given what its client missed.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    core::{
        event::Event,
        hub::input::From,
        subscription::{TypePattern, index::Index},
    },
    http::inbound::{
        connection::Client,
        events::{
            admission::{Admitted, Resume},
            desk::{Desk, LineId, Seated},
            frame::KEY_CHARS,
            gateway,
            line::{Line, Wire},
            mailbox::Mailbox,
            memo::Memo,
            reception::{Reception, fresh_key},
        },
    },
    message::hub::Delivery,
};

/// Pause before a replay goes on for a client that has not taken the last page yet, or is asked for
/// again because too many clients resume at once.
const REPLAY_PAUSE: Duration = Duration::from_millis(50);

/// Times that a replay is asked for again before the client is told that there is a gap.
const REPLAY_TRIES_MAX: u32 = 100;

/// Seats a client that was let in, and says what a connection says first. `head` goes before all.
pub fn open(client: &Client, admitted: Admitted, wire: Wire, head: bytes::Bytes) -> Seated {
    let desk = &client.worker.desk;
    let queue_bytes_max = client.worker.shared.events.queue_bytes_max;
    let line = Line::new(fresh_key(), wire, queue_bytes_max, Rc::clone(&client.open));
    if !head.is_empty() {
        line.send_raw(head, &mut Vec::new());
    }
    let key = line.key;
    // What comes before the client is told that it is subscribed waits until then.
    let seated = desk.seat(line, true);
    if let Some(welcome) = begin(client, seated.id(), key, admitted) {
        actix_rt::spawn(welcome.confirm());
    }
    seated
}

/// Opens a long-polling session for a client that was let in; completes when all nodes know what it
/// wants.
pub async fn open_mailbox(client: &Client, admitted: Admitted) -> (LineId, [u8; KEY_CHARS]) {
    let mailbox = Mailbox::new(client.worker.shared.events.queue_bytes_max);
    let key = fresh_key();
    let id = client.worker.desk.seat_mailbox(mailbox, key, true);
    if let Some(welcome) = begin(client, id, key, admitted) {
        welcome.confirm().await;
    }
    (id, key)
}

/// Subscribes, welcomes, and has what was missed fetched; gives the rest of the welcome of a client
/// that has missed nothing.
fn begin(client: &Client, id: LineId, key: [u8; KEY_CHARS], admitted: Admitted) -> Option<Welcome> {
    let (desk, reception) = (&client.worker.desk, &client.worker.shared.events);
    desk.associate(id, &admitted.sessions);
    if let Some(second) = admitted.expires {
        desk.expire_at(id, second);
    }
    // Where the client was, until it has what it missed: it may have to begin again.
    let cursor = match &admitted.resume {
        Some(resume) => resume.text.as_str().into(),
        None => desk.cursor(),
    };
    let token = reception.token(desk.number(), id, key);
    let create = gateway::connection_create(&token);
    desk.send(id, create, Arc::clone(&cursor));
    desk.subscribe(id, &admitted.subscriptions);
    let set = gateway::subscriptions_set(&admitted.subscriptions);
    if admitted.to_remember {
        let memo = Memo {
            subscriptions: admitted.subscriptions.clone(),
            sessions: admitted.sessions.clone(),
            expires: admitted.expires,
        };
        memo.remember(reception, &key);
    }
    // A session may have been revoked between the check of the token and the association.
    let is_revoked = |session| reception.gate.is_revoked(session);
    if admitted.sessions.iter().any(is_revoked) {
        desk.kill(id);
    }
    let Some(resume) = admitted.resume else {
        return Some(Welcome {
            desk: Rc::clone(desk),
            reception: Arc::clone(reception),
            id,
            set,
            cursor,
        });
    };
    let mut filter = Index::new(reception.extractors.load_full());
    filter.replace((), &admitted.subscriptions);
    let replay = Replay {
        desk: Rc::clone(desk),
        reception: Arc::clone(reception),
        id,
        set,
        cursor,
        types: (admitted.subscriptions.into_iter())
            .map(|subscription| subscription.types)
            .collect(),
        filter,
    };
    actix_rt::spawn(replay.run(resume));
    None
}

/// What a client is told once all nodes know its subscriptions.
struct Welcome {
    desk: Rc<Desk>,
    reception: Arc<Reception>,
    id: LineId,
    set: Arc<Event>,
    /// Where the client began.
    cursor: Arc<str>,
}

// === impl Welcome ===

impl Welcome {
    /// A client that hears that it is subscribed may submit, through any node, and expect an answer:
    /// so the others have to know first.
    async fn confirm(self) {
        self.desk.flush_interest(&self.reception.hub).await;
        self.desk.send(self.id, self.set, self.cursor);
        self.desk.release(self.id, None);
    }
}

/// Fetching what a client missed.
struct Replay {
    desk: Rc<Desk>,
    reception: Arc<Reception>,
    id: LineId,
    set: Arc<Event>,
    /// Where the client was.
    cursor: Arc<str>,
    types: Vec<TypePattern>,
    filter: Index<()>,
}

// === impl Replay ===

impl Replay {
    async fn run(self, resume: Resume) {
        // First all nodes know what this line wants, then they are asked for what they had before:
        // so there is no moment between the two.
        self.desk.flush_interest(&self.reception.hub).await;
        let (set, cursor) = (Arc::clone(&self.set), Arc::clone(&self.cursor));
        self.desk.send(self.id, set, cursor);
        let mut from = resume.from;
        let mut tries = 0;
        loop {
            let page = self.reception.hub.replay(from.clone(), self.types.clone());
            let Some(page) = page.await else {
                tries += 1;
                if tries > REPLAY_TRIES_MAX || self.desk.backlog(self.id).is_none() {
                    self.give_up(&resume.text);
                    return;
                }
                sleep(REPLAY_PAUSE).await;
                continue;
            };
            for gap in &page.gaps {
                let told = gateway::gap(&resume.text, &gap.cursor);
                self.desk.send(self.id, told, Arc::clone(&gap.cursor));
            }
            for delivery in page.events.iter().filter(|event| self.is_wanted(event)) {
                let (event, cursor) = (Arc::clone(&delivery.event), Arc::clone(&delivery.cursor));
                self.desk.send(self.id, event, cursor);
            }
            if !page.more {
                self.desk.release(self.id, Some(page.upto));
                return;
            }
            from = From::Vector(page.upto);
            if !self.has_room().await {
                return;
            }
        }
    }

    /// Waits until the client has taken half of what it was given; false when it is gone.
    async fn has_room(&self) -> bool {
        loop {
            match self.desk.backlog(self.id) {
                None => return false,
                Some(bytes) if bytes <= self.reception.queue_bytes_max / 2 => return true,
                Some(_slow) => sleep(REPLAY_PAUSE).await,
            }
        }
    }

    fn give_up(&self, from: &str) {
        let cursor = self.desk.cursor();
        let told = gateway::gap(from, &cursor);
        self.desk.send(self.id, told, cursor);
        self.desk.release(self.id, None);
    }

    fn is_wanted(&self, delivery: &Delivery) -> bool {
        let mut found = Vec::new();
        self.filter.matching(&delivery.event, &mut found);
        !found.is_empty()
    }
}

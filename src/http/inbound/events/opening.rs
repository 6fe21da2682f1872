//! How a line begins: seated, subscribed, welcomed, and given what its client missed.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::sleep};

use crate::{
    core::{
        hub::{cursor, delivery::Replayed, input::From},
        subscription::{Subscription, index::Index},
    },
    http::inbound::{
        connection::Client,
        events::{
            admission::Admitted,
            desk::{Desk, LineId, Seated},
            frame::KEY_CHARS,
            gateway,
            line::{Line, Wire},
            mailbox::{FIRST_EVENT, Mailbox, Seen},
            memo::Memo,
            reception::{Reception, fresh_key},
            resume::Resume,
            ticket::Ticket,
            token::Address,
        },
    },
};

/// Pause before a replay goes on for a client that has not taken the last events yet, or is asked for
/// again because too many clients resume at once.
const REPLAY_PAUSE: Duration = Duration::from_millis(50);

/// Times that a page is asked for again before the client is told that there is a gap.
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
    let seated = desk.seat(line, admitted.is_to_wait());
    if let Some(welcome) = begin(client, seated.id(), key, admitted) {
        actix_rt::spawn(welcome.run());
    }
    seated
}

/// Opens a long-polling session for a client that was let in; completes when all nodes know what it
/// wants.
pub async fn open_mailbox(client: &Client, admitted: Admitted) -> Ticket {
    let (desk, reception) = (&client.worker.desk, &client.worker.shared.events);
    let start = admitted.start(desk);
    let mailbox = Mailbox::new(reception.queue_bytes_max, Arc::clone(&start));
    let key = fresh_key();
    let line = desk.seat_mailbox(mailbox, key, admitted.is_to_wait());
    if let Some(welcome) = begin(client, line, key, admitted) {
        let (told, done) = oneshot::channel();
        // A task of its own: the session has to get its events even if nobody waits for this answer.
        actix_rt::spawn(async move {
            welcome.run().await;
            let _gone = told.send(());
        });
        let _ended = done.await;
    }
    Ticket {
        address: Address {
            node: reception.node,
            desk: desk.number(),
            line,
            key,
        },
        seen: Seen {
            id: Some(FIRST_EVENT.to_owned()),
            number: Some(0),
        },
        position: start.to_string(),
    }
}

// === impl Admitted ===

impl Admitted {
    /// What comes before all nodes know what the client wants, or before it has what it missed, waits.
    fn is_to_wait(&self) -> bool {
        self.resume.is_some() || !self.subscriptions.is_empty()
    }

    /// Where the client is, until it has what it missed: it may have to begin again.
    fn start(&self, desk: &Desk) -> Arc<str> {
        match &self.resume {
            Some(resume) => Arc::clone(&resume.position),
            None => desk.cursor(),
        }
    }
}

/// Subscribes a client and begins to welcome it; gives what is left of that.
fn begin(client: &Client, id: LineId, key: [u8; KEY_CHARS], admitted: Admitted) -> Option<Welcome> {
    let (desk, reception) = (&client.worker.desk, &client.worker.shared.events);
    desk.associate(id, &admitted.sessions);
    if let Some(second) = admitted.expires {
        desk.expire_at(id, second);
    }
    let start = admitted.start(desk);
    let token = reception.token(desk.number(), id, key);
    desk.send(id, gateway::connection_create(&token), Arc::clone(&start));
    desk.subscribe(id, &admitted.subscriptions);
    if admitted.to_remember {
        let memo = Memo {
            subscriptions: admitted.subscriptions.clone(),
            sessions: admitted.sessions.clone(),
            expires: admitted.expires,
        };
        memo.remember(reception, &key);
    }
    let is_to_wait = admitted.is_to_wait();
    let welcome = Welcome {
        desk: Rc::clone(desk),
        reception: Arc::clone(reception),
        id,
        subscriptions: admitted.subscriptions,
        start,
        resume: admitted.resume,
    };
    if !is_to_wait {
        welcome.confirm();
    }
    // A session may have been revoked between the check of the token and the association.
    let is_revoked = |session| reception.gate.is_revoked(session);
    if admitted.sessions.iter().any(is_revoked) {
        let desk = Rc::clone(desk);
        actix_rt::spawn(async move { desk.kill_in_turn(id).await });
    }
    is_to_wait.then_some(welcome)
}

/// What a client is told and given until it takes part in what happens now.
struct Welcome {
    desk: Rc<Desk>,
    reception: Arc<Reception>,
    id: LineId,
    subscriptions: Vec<Subscription>,
    /// Where the client began.
    start: Arc<str>,
    resume: Option<Resume>,
}

// === impl Welcome ===

impl Welcome {
    /// A client that hears that it is subscribed may submit, through any node, and expect an answer:
    /// so the others have to know first. Then they are asked for what they had before: so there is no
    /// moment between the two.
    async fn run(mut self) {
        self.desk.flush_interest(&self.reception.hub).await;
        self.renew();
        self.confirm();
        match self.resume.take() {
            Some(resume) => self.replay(resume.from, resume.text).await,
            None if self.desk.release(self.id, &self.start, None) => {}
            // More came meanwhile than is held.
            None => match cursor::decode(&self.start) {
                Ok(start) => {
                    let text = self.start.to_string();
                    self.replay(From::Vector(start), text).await;
                }
                Err(_nowhere) => self.give_up(&self.start),
            },
        }
    }

    fn confirm(&self) {
        let set = gateway::subscriptions_set(&self.subscriptions);
        self.desk.send(self.id, set, Arc::clone(&self.start));
    }

    /// Gives the client what it missed, until it has all that does not come by itself. `text`: where it
    /// was, as it is told.
    async fn replay(&mut self, mut from: From, mut text: String) {
        let mut filter = self.filter();
        loop {
            let Some(page) = self.page(from.clone()).await else {
                return self.give_up(&text);
            };
            if self.renew() {
                // The page lacks what the client wants meanwhile, and would count as had.
                filter = self.filter();
                continue;
            }
            let upto = cursor::encode(&page.upto);
            if let Some(gap) = page.gaps.first() {
                let told = gateway::gap(&text, &upto);
                self.desk.send(self.id, told, Arc::clone(&gap.cursor));
            }
            if !self.give(&page, &filter).await {
                return;
            }
            if !page.more && self.desk.release(self.id, &upto, Some(page.upto.clone())) {
                return;
            }
            from = From::Vector(page.upto);
            text = upto.to_string();
        }
    }

    /// What the client wants may change until it has what it missed; whether it has changed.
    fn renew(&mut self) -> bool {
        let renewed = self.desk.take_renewed(self.id);
        let is_new = renewed.is_some();
        self.subscriptions = renewed.unwrap_or_else(|| std::mem::take(&mut self.subscriptions));
        is_new
    }

    fn filter(&self) -> Index<()> {
        let mut filter = Index::new(self.reception.extractors.load_full());
        filter.replace((), &self.subscriptions);
        filter
    }

    /// The next page of what was missed; `None`: nobody has time for it, or the client is gone.
    async fn page(&self, from: From) -> Option<Replayed> {
        let types: Vec<_> = (self.subscriptions.iter())
            .map(|subscription| subscription.types.clone())
            .collect();
        for _try in 0..REPLAY_TRIES_MAX {
            self.desk.backlog(self.id)?;
            let page = self.reception.hub.replay(from.clone(), types.clone()).await;
            if page.is_some() {
                return page;
            }
            sleep(REPLAY_PAUSE).await;
        }
        None
    }

    /// Gives the client what it wants of a page, as fast as it takes it; false when it is gone.
    async fn give(&self, page: &Replayed, filter: &Index<()>) -> bool {
        let mut found = Vec::new();
        for delivery in &page.events {
            filter.matching(&delivery.event, &mut found);
            if found.is_empty() {
                continue;
            }
            if !self.has_room().await {
                return false;
            }
            let (event, cursor) = (Arc::clone(&delivery.event), Arc::clone(&delivery.cursor));
            self.desk.send(self.id, event, cursor);
        }
        self.has_room().await
    }

    /// Waits until at most half of what may wait for the client does; false when it is gone.
    async fn has_room(&self) -> bool {
        loop {
            match self.desk.backlog(self.id) {
                None => return false,
                Some(bytes) if bytes <= self.reception.queue_bytes_max / 2 => return true,
                Some(_slow) => sleep(REPLAY_PAUSE).await,
            }
        }
    }

    /// The client goes on from now, and is told so.
    fn give_up(&self, from: &str) {
        let now = self.desk.cursor();
        let told = gateway::gap(from, &now);
        self.desk.send(self.id, told, Arc::clone(&now));
        if !self.desk.release(self.id, &now, None) {
            // What was too much came before `now`; since then nothing has come.
            let _released = self.desk.release(self.id, &now, None);
        }
    }
}

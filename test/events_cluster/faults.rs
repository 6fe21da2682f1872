//! Nodes that are killed under load, clients that do not read, and all of them coming back at once.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    clients::{Heard, Stream, is_exact_or_gap, is_within},
    running,
};
use crate::support::{
    client::{Connection, Request},
    fleet::until,
    frontend::types,
    long,
};

const ANY_NUMBER: (&str, &str) = ("MAX_CONNECTIONS_PER_MINUTE", "1000000");

/// A node that is gone is taken for dead after 10 s.
const DEATH_MAX: Duration = Duration::from_secs(30);

/// What a publisher did.
#[derive(Debug, Default)]
struct Published {
    accepted: Vec<String>,
    /// Also those without an answer.
    submitted: Vec<String>,
}

/// Submits events at this rate, in turn to each node that answers, until told to stop.
fn publish(nodes: &[SocketAddr], pause: Duration, stop: &AtomicBool) -> Published {
    let mut published = Published::default();
    let mut links: Vec<Option<Connection>> = nodes.iter().map(|_| None).collect();
    let begun = Instant::now();
    let mut number = 0_u32;
    while !stop.load(Ordering::SeqCst) {
        let place = number as usize % nodes.len();
        let id = format!("event-{number}");
        number += 1;
        let event = json!({"specversion": "0.2", "type": "t", "id": id, "source": "/test"});
        let request = Request::json("POST", "/_rig/v1/events", &event);
        if links[place].is_none() {
            links[place] = Connection::open(nodes[place]).ok();
        }
        if let Some(link) = &mut links[place] {
            published.submitted.push(id.clone());
            match link.ask(&request) {
                Ok(answer) if answer.status == 202 => published.accepted.push(id),
                Ok(_) => {}
                Err(_gone) => links[place] = None,
            }
        }
        // The rate is part of the story.
        thread::sleep((pause * number).saturating_sub(begun.elapsed()));
    }
    published
}

/// A client that comes back, to the next node that answers, whenever its stream ends; until it has
/// heard all of `ends` and a gap. Counted in `here` once it is welcome.
fn stay(nodes: &[SocketAddr], first: usize, ends: &[String], here: &AtomicUsize) -> Vec<Heard> {
    let query = types(&["t", "end"]);
    let mut heard: Vec<Heard> = Vec::new();
    let (mut place, mut last) = (first, String::new());
    let mut is_counted = false;
    loop {
        let Some(mut stream) = Stream::attempt(nodes[place], &query, &last) else {
            place = (place + 1) % nodes.len();
            continue;
        };
        if !std::mem::replace(&mut is_counted, true) {
            here.fetch_add(1, Ordering::SeqCst);
        }
        stream.be_patient(DEATH_MAX);
        while let Some(next) = stream.try_heard() {
            heard.push(next);
            let has = |end: &String| heard.contains(&Heard::Event(end.clone()));
            // Who is connected to a survivor is told of the dead node's last events after 10 s.
            if ends.iter().all(has) && heard.contains(&Heard::Gap) {
                return heard;
            }
        }
        last.clone_from(&stream.last);
    }
}

/// Kills a node while events flow; every client ends with each event once, or a gap.
fn killed_under_load(clients: usize, before: Duration, after: Duration) {
    let mut fleet = running(3, &[ANY_NUMBER]);
    let nodes: Vec<_> = fleet.live().map(|node| node.inbound()).collect();
    let ends = ["end-0".to_owned(), "end-2".to_owned()];
    let stop = AtomicBool::new(false);
    let here = AtomicUsize::new(0);
    let (published, heard) = thread::scope(|scope| {
        let (nodes, ends, stop, here) = (&nodes, &ends, &stop, &here);
        let staying: Vec<_> = (0..clients)
            .map(|client| scope.spawn(move || stay(nodes, client % 3, ends, here)))
            .collect();
        until("all clients", || {
            (here.load(Ordering::SeqCst) == clients).then_some(())
        });
        let publisher = scope.spawn(move || publish(nodes, Duration::from_millis(5), stop));
        // Load, a fault, load: durations are part of the story.
        thread::sleep(before);
        fleet.kill(1);
        thread::sleep(after);
        stop.store(true, Ordering::SeqCst);
        let published = publisher.join().expect("a publisher");
        for node in [0, 2] {
            fleet.node(node).submit("end", &format!("end-{node}"));
        }
        let heard = staying
            .into_iter()
            .map(|client| client.join().expect("a client"));
        (published, heard.collect::<Vec<_>>())
    });
    let Published {
        mut accepted,
        mut submitted,
    } = published;
    println!("{} events accepted of {}", accepted.len(), submitted.len());
    accepted.extend(ends.clone());
    submitted.extend(ends);
    // Only what the dead node took can be gone, and a gap tells of it.
    let (excused, kept): (Vec<_>, Vec<_>) = accepted.iter().partition(|id| place_of(id) == Some(1));
    let mut lacking = 0;
    for heard in &heard {
        is_within(heard, &accepted, &submitted);
        let gaps = heard.iter().filter(|heard| **heard == Heard::Gap).count();
        // Who comes back before the node is taken for dead hears of it then, and once more later.
        assert!((1..=2).contains(&gaps), "{heard:?}");
        let ids: BTreeSet<&String> = heard.iter().filter_map(Heard::id).collect();
        let lost: Vec<_> = kept.iter().filter(|id| !ids.contains(**id)).collect();
        assert!(lost.is_empty(), "taken by survivors: {lost:?}");
        lacking += excused.iter().filter(|id| !ids.contains(**id)).count();
    }
    println!("{lacking} times a client lacks an event of the dead node, and was told of a gap");
}

/// Whom [`publish`] gave this event.
fn place_of(id: &str) -> Option<usize> {
    let number: usize = id.strip_prefix("event-")?.parse().ok()?;
    Some(number % 3)
}

#[test]
fn a_node_that_is_killed_under_load_costs_no_client_an_event_without_a_word() {
    killed_under_load(30, Duration::from_secs(1), Duration::from_secs(3));
}

#[test]
fn the_same_for_longer_with_more_clients() {
    if long::is_wanted() {
        killed_under_load(300, Duration::from_secs(5), Duration::from_secs(30));
    }
}

#[test]
fn a_client_that_does_not_read_is_disconnected_and_holds_nobody_up() {
    let fleet = running(2, &[("CONNECTION_QUEUE_BYTES", "300000")]);
    let query = types(&["t"]);
    let at = fleet.node(1).inbound();
    let mut slow = Stream::open(at, &query);
    let mut fast = Stream::open(at, &query);
    let data = json!({"filling": "x".repeat(100_000)});
    let mut ids = Vec::new();
    let closed = "rig_connections_closed_total{reason=\"slow_consumer\",type=\"sse\"}";
    while fleet.node(1).metric(closed) < 1.0 {
        assert!(ids.len() < 2_000, "the system takes it all");
        let id = format!("event-{:04}", ids.len());
        fleet
            .node(ids.len() % 2)
            .submit_event("t", &id, data.clone());
        assert_eq!(fast.heard(), Heard::Event(id.clone()));
        ids.push(id);
    }
    let mut heard = Vec::new();
    while let Some(next) = slow.try_heard() {
        heard.push(next);
    }
    assert!(heard.len() < ids.len());
    let last = slow.last.clone();
    let mut again = Stream::resumed(at, &query, &last);
    fleet.node(0).submit("t", "last");
    ids.push("last".to_owned());
    // In the order of each node, but not of both.
    while heard.len() < ids.len() && !heard.contains(&Heard::Gap) {
        heard.push(again.heard());
    }
    is_exact_or_gap(&heard, &ids);
}

/// A client that leaves and comes back.
#[derive(Default)]
struct Seat {
    stream: Option<Stream>,
    /// The `id` of what it heard last.
    last: String,
    /// It was told of a gap when it last came back.
    has_gap: bool,
}

/// All clients leave and come back at once, some times; what the nodes use does not grow.
fn all_come_back(clients: usize, rounds: usize) {
    const THREADS: usize = 32;
    let fleet = running(3, &[ANY_NUMBER]);
    let nodes: Vec<_> = fleet.live().map(|node| node.inbound()).collect();
    let query = types(&["t"]);
    let seats: Vec<_> = (0..clients).map(|_| Mutex::new(Seat::default())).collect();
    type Work<'w> = dyn Fn(usize, &mut Seat) + Sync + 'w;
    let each = |work: &Work<'_>| {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        let Some(seat) = seats.get(number) else { break };
                        work(
                            number,
                            &mut seat.lock().unwrap_or_else(PoisonError::into_inner),
                        );
                    }
                });
            }
        });
    };
    each(&|number, seat| seat.stream = Some(Stream::open(nodes[number % 3], &query)));
    let mut levels = Vec::new();
    let gaps = AtomicUsize::new(0);
    for round in 0..rounds {
        let seen = format!("seen-{round}");
        fleet.node(round % 3).submit("t", &seen);
        each(&|_number, seat| {
            let stream = seat.stream.as_mut().expect("a stream");
            let heard = stream.heard_until(&seen);
            // Only with a gap it was not known how much would follow.
            assert!(heard.len() == 1 || seat.has_gap, "{heard:?}");
            seat.last.clone_from(&stream.last);
        });
        each(&|_number, seat| seat.stream = None);
        let missed: Vec<_> = (0..5).map(|number| format!("{round}-{number}")).collect();
        for (number, id) in missed.iter().enumerate() {
            fleet.node(number % 3).submit("t", id);
        }
        let begun = Instant::now();
        each(&|number, seat| {
            let mut stream = Stream::resumed(nodes[(number + round + 1) % 3], &query, &seat.last);
            let mut heard = Vec::new();
            while heard.len() < missed.len() && !heard.contains(&Heard::Gap) {
                heard.push(stream.heard());
            }
            is_exact_or_gap(&heard, &missed);
            seat.has_gap = heard.contains(&Heard::Gap);
            gaps.fetch_add(usize::from(seat.has_gap), Ordering::SeqCst);
            seat.stream = Some(stream);
        });
        let levelled: Vec<u64> = fleet.live().map(|node| node.memory().0).collect();
        println!(
            "{clients} back after {:?}; KiB {levelled:?}",
            begun.elapsed()
        );
        levels.push(levelled);
    }
    // A node that does not answer in time is a gap; on this machine others may take all the time.
    let gaps = gaps.into_inner();
    println!("{gaps} gaps for {clients} clients that came back {rounds} times");
    assert!(gaps * 100 <= clients * rounds, "{gaps} gaps");
    for (first, last) in levels[0].iter().zip(&levels[rounds - 1]) {
        assert!(
            *last < first + first / 2 + 16 * 1024,
            "memory grows: {levels:?}"
        );
    }
}

#[test]
fn clients_that_come_back_all_at_once_get_what_they_missed_and_memory_stays() {
    all_come_back(2_000, 3);
}

#[test]
fn ten_thousand_clients_come_back_at_once() {
    if long::is_wanted() {
        all_come_back(10_000, 4);
    }
}

//! Two nodes on a link whose messages take their time: what is on its way while something happens.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::town::peer;
use crate::core::{
    event::Event,
    hub::{Hub, input::Input, output::Output, params::Params, position::NodeId},
    replica::stamp::Now,
    subscription::TypePattern,
};

/// Two nodes, and what is on its way between them.
struct Link {
    hubs: [Hub; 2],
    now: u64,
    /// How long a message of each node travels.
    delays: [u64; 2],
    travelling: BTreeMap<(u64, u64), (usize, Input)>,
    next: u64,
    /// Who asked, by the number the answering node was told.
    asked: Vec<(usize, u64)>,
    said: [Vec<Output>; 2],
}

impl Link {
    fn open() -> Self {
        let hub = |number: u64| {
            let name = format!("node-{number}");
            Hub::new(NodeId::new(number), name, Params::default(), Now::default())
        };
        let mut link = Self {
            hubs: [hub(1), hub(2)],
            now: 0,
            delays: [5, 5],
            travelling: BTreeMap::new(),
            next: 0,
            asked: Vec::new(),
            said: [Vec::new(), Vec::new()],
        };
        link.join();
        link.pass(1_000);
        assert!(link.hubs.iter().all(Hub::is_ready));
        link
    }

    fn join(&mut self) {
        self.step(0, Input::LinkOpened(peer(1)));
        self.step(1, Input::LinkOpened(peer(0)));
    }

    fn cut(&mut self) {
        self.travelling.clear();
        self.step(0, Input::LinkClosed(peer(1)));
        self.step(1, Input::LinkClosed(peer(0)));
    }

    fn step(&mut self, node: usize, input: Input) {
        let now = Now {
            monotonic: self.now,
            wall: self.now,
        };
        let other = 1 - node;
        for output in self.hubs[node].step(now, input) {
            match output {
                Output::Ask {
                    exchange, bytes, ..
                } => {
                    self.asked.push((node, exchange));
                    let input = Input::Request {
                        from: peer(node),
                        exchange: self.asked.len() as u64 - 1,
                        bytes,
                    };
                    self.send(node, (other, input));
                }
                Output::Reply { exchange, bytes } => {
                    let (asker, exchange) = self.asked[usize::try_from(exchange).unwrap()];
                    self.send(node, (asker, Input::Answer { exchange, bytes }));
                }
                output => self.said[node].push(output),
            }
        }
    }

    fn send(&mut self, from: usize, message: (usize, Input)) {
        self.next += 1;
        let at = self.now + self.delays[from];
        self.travelling.insert((at, self.next), message);
    }

    /// Lets time pass, with everything that arrives meanwhile.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let arrival = self.travelling.keys().next().map(|(at, _number)| *at);
            let wakeups = self.hubs.iter().map(Hub::next_wakeup);
            let next = arrival.into_iter().chain(wakeups).min().unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if arrival == Some(next)
                && let Some((_key, (node, input))) = self.travelling.pop_first()
            {
                self.step(node, input);
                continue;
            }
            for node in 0..2 {
                if self.hubs[node].next_wakeup() <= self.now {
                    self.step(node, Input::Tick);
                }
            }
            // Nobody is called more often than every millisecond.
            self.now += u64::from(self.hubs.iter().any(|hub| hub.next_wakeup() <= self.now));
        }
        self.now = end;
    }

    /// Node 1 wants these from now on.
    fn want(&mut self, types: impl IntoIterator<Item = String>) {
        let added = types.into_iter();
        let added = added.map(|name| TypePattern::Exact(name.into()));
        let input = Input::InterestChanged {
            ticket: 1,
            added: added.collect(),
            removed: Vec::new(),
        };
        self.step(1, input);
    }

    /// Node 0 accepts an event.
    fn submit(&mut self, event_type: &str) {
        let text =
            format!(r#"{{"specversion":"1.0","type":"{event_type}","id":"e","source":"x"}}"#);
        let events = vec![Arc::new(Event::parse(Bytes::from(text)).unwrap())];
        self.step(0, Input::Submit { ticket: 1, events });
    }

    /// What node 1 has said about its wishes (whether all nodes know them), and its events and gaps.
    fn heard(&mut self) -> (Vec<bool>, usize, usize) {
        let (mut known, mut events, mut gaps) = (Vec::new(), 0, 0);
        for output in std::mem::take(&mut self.said[1]) {
            match output {
                Output::InterestKnown { missing, .. } => known.push(missing == 0),
                Output::Deliver(_) => events += 1,
                Output::Gap(_) => gaps += 1,
                _other => {}
            }
        }
        (known, events, gaps)
    }
}

#[test]
fn what_is_accepted_while_a_wish_travels_for_long_is_not_lost() {
    let mut link = Link::open();
    link.delays[1] = 2_600;
    link.want(["a".to_owned()]);
    link.pass(2_100);
    // Its client takes part now, although node 0 knows nothing of it yet.
    assert_eq!(link.heard(), (vec![false], 0, 0));
    link.submit("a");
    link.pass(5_000);
    assert_eq!(link.heard(), (vec![], 1, 0));
}

#[test]
fn nothing_is_lost_while_a_long_list_of_wishes_is_told() {
    // Five pages.
    let types = || (0..1_200).map(|number| format!("{number}.{}", "x".repeat(1_000)));
    // Whether they are told as a change, or as a whole when a link is mended.
    for is_whole in [false, true] {
        let mut link = Link::open();
        if is_whole {
            link.cut();
        } else {
            link.delays = [500, 500];
        }
        link.want(types());
        link.pass(2_500);
        let (known, events, gaps) = link.heard();
        assert_eq!((known, events, gaps), (vec![is_whole], 0, 0));
        for event_type in types() {
            link.submit(&event_type);
        }
        if is_whole {
            link.delays = [500, 500];
            link.join();
        }
        link.pass(30_000);
        assert_eq!(link.heard(), (vec![], 1_200, 0), "{is_whole}");
    }
}

#[test]
fn a_storm_of_new_types_does_not_hold_up_events_however_slow_the_link_is() {
    for delay in [5, 250, 500] {
        let mut link = Link::open();
        link.want(["a".to_owned()]);
        link.pass(1_000);
        link.heard();
        link.delays = [delay, delay];
        for number in 0..1_000 {
            link.want([format!("x{number}")]);
            if number % 10 == 0 {
                link.submit("a");
            }
            link.pass(10);
        }
        // Some may be on their way.
        let (_known, events, _gaps) = link.heard();
        assert!(
            events > 60,
            "{events} of 100 arrived in 10 s, {delay} ms away"
        );
    }
}

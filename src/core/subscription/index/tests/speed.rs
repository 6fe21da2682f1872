//! How the time and the memory of the index grow. Measured on demand, as figures of a busy machine
//! mean nothing: `cargo test --profile sim --lib index::tests::speed -- --ignored --nocapture`.

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Event, Index, event, extractors, flat, subscriptions};

const FEW: u32 = 100;
const MANY: u32 = 100_000;

/// What one key wants, by its number.
type Wish = fn(u32) -> Value;

/// Constraints as people write them; an event with the same data reaches this key alone.
const WISHES: [(&str, Wish); 4] = [
    (
        "one field",
        |key| json!([{"eventType": "order.shipped", "oneOf": [{"customer": format!("c-{key}")}]}]),
    ),
    ("two fields, one of them common", |key| {
        let one = json!({"customer": format!("c-{key}"), "country": "AT"});
        json!([{"eventType": "order.shipped", "oneOf": [one]}])
    }),
    ("two fields, rare only together", |key| {
        let one = json!({"customer": format!("c-{}", key / 300), "page": key % 300});
        json!([{"eventType": "order.shipped", "oneOf": [one]}])
    }),
    (
        "a prefix and one field",
        |key| json!([{"eventType": "order.*", "oneOf": [{"customer": format!("c-{key}")}]}]),
    ),
];

fn filled(count: u32, wish: Wish) -> Index<u32> {
    let mut document = flat("order.shipped", &["customer", "country", "page"]);
    document["news"] = json!({});
    let mut index = Index::new(extractors(document));
    for key in 0..count {
        index.replace(key, &subscriptions(wish(key)));
    }
    index
}

/// An index, and events of which each reaches one of its keys.
struct Trial {
    index: Index<u32>,
    events: Vec<Event>,
    keys: Vec<u32>,
}

impl Trial {
    fn among(count: u32, wish: Wish) -> Self {
        const TIMES: u32 = 5_000;
        // A prime step, to jump about.
        let keys: Vec<u32> = (0..TIMES).map(|at| (at * 7_919) % count).collect();
        let datas = keys.iter().map(|key| wish(*key)[0]["oneOf"][0].clone());
        let events = datas.map(|data| event("order.shipped", &data)).collect();
        let index = filled(count, wish);
        Self {
            index,
            events,
            keys,
        }
    }

    /// The time of one match. Every match is of another event, parsed anew as a real one is, so that
    /// nothing is found in the processor's cache that would not be there in real life.
    fn run(&self) -> Duration {
        let events = self.events.clone();
        let mut found = Vec::new();
        let start = Instant::now();
        for (event, key) in events.iter().zip(&self.keys) {
            self.index.matching(black_box(event), &mut found);
            assert_eq!(found, [*key]);
        }
        start.elapsed() / u32::try_from(self.keys.len()).expect("few")
    }
}

#[test]
#[ignore = "measures; see the head of the file"]
fn a_match_among_100_000_takes_less_than_twice_as_long_as_among_100() {
    for (name, wish) in WISHES {
        let (few, many) = (Trial::among(FEW, wish), Trial::among(MANY, wish));
        // In turn, and the least of each, which is the one nobody disturbed.
        let runs = (0..20).map(|_| (few.run(), many.run()));
        let least =
            |(few, many): (Duration, Duration), (one, other)| (few.min(one), many.min(other));
        let (few, many) = runs.reduce(least).expect("runs");
        println!("{name}: {few:?} among {FEW}, {many:?} among {MANY}");
        assert!(many < few * 2, "{name}");
    }
}

#[test]
#[ignore = "measures; see the head of the file"]
fn a_plain_subscription_takes_less_than_500_bytes() {
    let resident = || {
        let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
        let pages = pages.split(' ').nth(1).expect("the second number");
        pages.parse::<usize>().expect("a number") * 4096
    };
    let one: Wish = |_| json!([{"eventType": "chatroom_message"}]);
    for (name, wish) in [("plain", one)].into_iter().chain(WISHES) {
        let before = resident();
        let index = filled(MANY, wish);
        let each = (resident().saturating_sub(before)) / MANY as usize;
        println!("{name}: {each} bytes for each of {}", index.len());
        assert!(each < 500, "{name}");
        // Kept, so that the next one cannot use its memory.
        std::mem::forget(index);
    }
}

#[test]
#[ignore = "measures; see the head of the file"]
fn a_key_is_replaced_and_removed_as_fast_among_many() {
    let wish: Wish = |_| json!([{"eventType": "a"}, {"eventType": "b.*"}]);
    let mut times = Vec::new();
    for count in [FEW, MANY] {
        let mut index = filled(count, wish);
        let list = subscriptions(wish(0));
        let mut run = || {
            let start = Instant::now();
            for key in 0..FEW {
                index.remove(key);
                index.replace(key, &list);
            }
            start.elapsed() / FEW
        };
        let best = std::iter::repeat_with(&mut run).take(50).min();
        times.push(best.expect("runs"));
        println!("replace and remove among {count}: {:?}", times.last());
    }
    assert!(times.last() < times.first().map(|few| *few * 3).as_ref());
}

//! Reading and writing trace context.

use proptest::prelude::*;

use super::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parse(text: &str) -> Option<String> {
    Context::parse(text.as_bytes()).map(|context| context.to_string())
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

#[test]
fn a_valid_traceparent_is_read_and_written_back() {
    for (text, written) in [
        (GOOD.to_owned(), GOOD.to_owned()),
        (GOOD.to_uppercase(), GOOD.to_owned()),
        (format!("{}00", &GOOD[..53]), format!("{}00", &GOOD[..53])),
        (format!("{}02", &GOOD[..53]), format!("{}00", &GOOD[..53])),
        (format!("{}03", &GOOD[..53]), GOOD.to_owned()),
        (format!("{}fF", &GOOD[..53]), GOOD.to_owned()),
        (format!("{GOOD}-more"), GOOD.to_owned()),
        (format!("{GOOD}x"), GOOD.to_owned()),
        (format!("{GOOD}\u{fc}"), GOOD.to_owned()),
        (
            "00-00000000000000000000000000000001-0000000000000001-01".to_owned(),
            "00-00000000000000000000000000000001-0000000000000001-01".to_owned(),
        ),
    ] {
        assert_eq!(parse(&text).as_deref(), Some(written.as_str()), "{text}");
    }
    let context = Context::parse(GOOD.as_bytes()).unwrap();
    assert_eq!(context.trace_id[..3], [0x0a, 0xf7, 0x65]);
    assert_eq!(context.span_id[5..], [0x20, 0x33, 0x31]);
    assert!(context.sampled);
}

#[test]
fn anything_else_starts_a_new_trace() {
    for text in [
        "",
        "00",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
        "00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_root_is_sampled_and_a_child_keeps_trace_and_sampling() {
    let root = Context::root([0xab; 16], [1; 8]);
    assert_eq!(
        root.to_string(),
        "00-abababababababababababababababab-0101010101010101-01"
    );
    let child = root.child([2; 8]);
    assert_eq!(
        child.to_string(),
        "00-abababababababababababababababab-0202020202020202-01"
    );
    let unsampled = Context {
        sampled: false,
        ..root
    };
    assert!(!unsampled.child([2; 8]).sampled);
}

#[test]
fn an_all_zero_id_is_never_written() {
    let root = Context::root([0; 16], [0; 8]);
    let written = "00-00000000000000000000000000000001-0000000000000001-01";
    assert_eq!(root.to_string(), written);
    assert_eq!(root.child([0; 8]).to_string(), written);
}

#[test]
fn state_lines_are_joined_in_order() {
    let long = format!("a={}", "x".repeat(TRACESTATE_BYTES_MAX - 2));
    let half = "h".repeat(TRACESTATE_BYTES_MAX / 2);
    let longer = format!("{long}x");
    for (lines, expected) in [
        (vec![], None),
        (vec![""], None),
        (vec!["a=1"], Some("a=1".to_owned())),
        (vec!["a=1, b=2"], Some("a=1, b=2".to_owned())),
        (
            vec!["a=1", "", "b=2", "c=3"],
            Some("a=1,b=2,c=3".to_owned()),
        ),
        (vec![long.as_str()], Some(long.clone())),
        (vec![longer.as_str()], None),
        (
            vec![half.as_str(), &half[1..]],
            Some(format!("{half},{}", &half[1..])),
        ),
        (vec![half.as_str(), half.as_str()], None),
        (vec!["a=\u{fc}"], None),
        (vec!["a=1", "b=\u{fc}"], None),
    ] {
        let mut all = vec![("traceparent", GOOD)];
        all.extend(lines.iter().map(|line| ("tracestate", *line)));
        let trace = Trace::read(&headers(&all)).unwrap();
        let state = trace.state.map(|state| state.to_str().unwrap().to_owned());
        assert_eq!(state, expected, "{lines:?}");
    }
}

#[test]
fn state_without_a_valid_traceparent_is_dropped() {
    let state = ("tracestate", "a=1");
    assert_eq!(Trace::read(&headers(&[state])), None);
    let invalid = ("traceparent", "00-1-2-01");
    assert_eq!(Trace::read(&headers(&[invalid, state])), None);
    let good = ("traceparent", GOOD);
    assert_eq!(Trace::read(&headers(&[good, good, state])), None);
    assert_eq!(Trace::read(&headers(&[good, invalid])), None);
}

#[test]
fn a_child_hands_the_state_on() {
    let trace = Trace::read(&headers(&[("traceparent", GOOD), ("tracestate", "a=1")])).unwrap();
    let child = trace.child([3; 8]);
    assert_eq!(child.state, trace.state);
    assert_eq!(child.context, trace.context.child([3; 8]));
    assert_eq!(Trace::from(trace.context).state, None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..70), cut in 0usize..60) {
        let _ = Context::parse(&bytes);
        let mut text = GOOD.as_bytes().to_vec();
        text.truncate(cut);
        text.extend(&bytes);
        if let Some(context) = Context::parse(&text) {
            prop_assert_eq!(Context::parse(&context.to_traceparent()), Some(context));
        }
    }

    #[test]
    fn every_context_survives_writing_and_reading(
        trace_id in any::<[u8; 16]>(),
        span_id in any::<[u8; 8]>(),
        sampled in any::<bool>(),
    ) {
        let context = Context { sampled, ..Context::root(trace_id, span_id) };
        prop_assert_eq!(Context::parse(&context.to_traceparent()), Some(context));
    }
}

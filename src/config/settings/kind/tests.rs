//! Ranges, units and words of the kinds.

use super::{Kind, Quantity, Unit};

const BYTES: Kind = Kind::Bytes {
    min: 1_000,
    max: 8 << 20,
    off: true,
};
const MILLIS: Kind = Kind::Time {
    unit: Unit::Milliseconds,
    min: 1,
    max: 3_600_000,
    off: false,
};
const SECONDS: Kind = Kind::Time {
    unit: Unit::Seconds,
    min: 0,
    max: 3_600_000,
    off: true,
};

#[test]
fn quantities_know_their_unit_and_their_range() {
    let amount = |amount| Some(Quantity::Amount(amount));
    for (kind, text, expected) in [
        (Kind::Port, "0", amount(0)),
        (Kind::Port, " 65535 ", amount(65_535)),
        (Kind::Port, "65536", None),
        (Kind::Port, "off", None),
        (Kind::Number { min: 1, max: 9 }, "9", amount(9)),
        (Kind::Number { min: 1, max: 9 }, "0", None),
        (BYTES, "1000", amount(1_000)),
        (BYTES, "1kB", amount(1_000)),
        (BYTES, "1 KiB", amount(1_024)),
        (BYTES, "8MiB", amount(8 << 20)),
        (BYTES, "8388609", None),
        (BYTES, "1GiB", None),
        (BYTES, "5b", None),
        (BYTES, "Off", Some(Quantity::Off)),
        (BYTES, "0", Some(Quantity::Off)),
        (BYTES, "18446744073709551615GiB", None),
        (MILLIS, "5000", amount(5_000)),
        (MILLIS, "250ms", amount(250)),
        (MILLIS, "5s", amount(5_000)),
        (MILLIS, "2m", amount(120_000)),
        (MILLIS, "1h", amount(3_600_000)),
        (MILLIS, "2h", None),
        (MILLIS, "0", None),
        (MILLIS, "off", None),
        (SECONDS, "30", amount(30_000)),
        (SECONDS, "0s", Some(Quantity::Off)),
        (Kind::Text, "1", None),
    ] {
        assert_eq!(kind.quantity(text), expected, "{kind:?} {text:?}");
    }
}

#[test]
fn words_are_found_in_any_case_and_spelled_as_the_table_spells_them() {
    let one = Kind::OneOf(&["HS256", "EdDSA"]);
    assert_eq!(one.words("eddsa"), Some(vec!["EdDSA"]));
    assert_eq!(one.words("none"), None);
    assert_eq!(one.words("HS256,EdDSA"), None);
    let some = Kind::SomeOf(&["console", "kafka"]);
    assert_eq!(some.words("Kafka, console"), Some(vec!["kafka", "console"]));
    assert_eq!(some.words(" , "), Some(vec![]));
    assert_eq!(some.words("console, file"), None);
}

#[test]
fn texts_that_reach_a_header_are_checked() {
    assert_eq!(Kind::HeaderValue.text("*").as_deref(), Some("*"));
    for bad in ["a\r\nset-cookie: x", " padded", "ä"] {
        assert_eq!(Kind::HeaderValue.text(bad), None, "{bad:?}");
    }
    assert_eq!(Kind::Name.text(&"n".repeat(129)), None);
    assert_eq!(Kind::Name.text("n\n"), None);
    assert_eq!(Kind::Secret.text(" -\n ").as_deref(), Some(" -\n "));
}

#[test]
fn expectations_show_ranges_in_readable_units() {
    assert_eq!(
        BYTES.expects(),
        "a number of bytes, or with KiB, MiB, GiB, kB, MB, GB, from 1000 bytes to 8 MiB, or off"
    );
    assert_eq!(
        MILLIS.expects(),
        "a number of milliseconds, or with ms, s, m, h, from 1ms to 1h"
    );
}

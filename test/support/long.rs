//! Whether stories are told that take longer than everybody wants to wait for.

const SWITCH: &str = "RIG_TEST_LONG";

/// Whether long stories are wanted; says aloud if not.
pub(crate) fn is_wanted() -> bool {
    let wanted = std::env::var(SWITCH).as_deref() == Ok("1");
    if !wanted {
        println!("SKIPPED: takes minutes; set {SWITCH}=1");
    }
    wanted
}

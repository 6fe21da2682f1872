//! Upgraded connections: after a 101, bytes pass both ways and nothing is looked at.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use crate::http::inbound::{activity::Busy, request_log::Record, worker::Open};

/// What stays held while a tunnel is open: the client's place among the connections, its busy
/// mark, and the record that is written at the end.
pub struct Held {
    /// The connection counts as open.
    pub open: Option<std::rc::Rc<Open>>,
    /// The connection counts as busy.
    pub busy: Busy,
    /// Written when the tunnel closes.
    pub record: Record,
}

/// Carries bytes between `client` and `target` until both directions are closed.
pub async fn carry(client: OnUpgrade, target: OnUpgrade, held: Held) {
    let (client, target) = match tokio::try_join!(client, target) {
        Ok((client, target)) => (client, target),
        Err(error) => {
            log::debug!("an upgrade did not come about: {error}");
            return;
        }
    };
    let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
    // An error is one side leaving without a close, which is how most tunnels end.
    if let Err(error) = copy_bidirectional(&mut client, &mut target).await {
        log::debug!("a tunnel broke off: {error}");
    }
    drop(held);
}

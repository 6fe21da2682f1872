//! How a client's connection ends, so that the client hears its last answer whole, or sees that it
//! is cut off (RFC 9112, 9.6).
//!
//! HTTP/1.1 only: HTTP/2 says all of this in frames.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::http::inbound::client_stream::ClientStream;

/// How long a client may go on sending what nobody reads; nginx's pause limit of the same purpose.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// Read and thrown away at a time.
const SCRAP_BYTES: usize = 16 * 1024;

/// What a slow head gets before its connection is closed.
const SLOW_HEAD: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Why a connection ends, as far as it matters how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything is said.
    Plain,
    /// A request head takes too long.
    SlowHead,
    /// The last answer is on its way to a client that may still be sending.
    Unread,
    /// The connection goes on as a line of events.
    HandedOver,
    /// An answer that the connection's end would complete was cut off.
    CutOff,
}

/// Closes `stream`.
pub async fn part(stream: ClientStream, ending: Ending) {
    match ending {
        Ending::Plain | Ending::HandedOver => {}
        Ending::SlowHead => linger(stream, SLOW_HEAD).await,
        Ending::Unread => linger(stream, b"").await,
        Ending::CutOff => stream.reset_when_closed(),
    }
}

/// Says `last`, ends our half, then waits for the client's. Closing a socket with unread bytes in
/// it makes the system send a reset, on which the client's system may throw the answer away.
async fn linger(mut stream: ClientStream, last: &[u8]) {
    let mut scrap = vec![0; SCRAP_BYTES];
    let ended = async {
        stream.write_all(last).await?;
        stream.shutdown().await?;
        while stream.read(&mut scrap).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // A client that is gone, or does not stop, gets the reset.
    drop(timeout(LINGER_MAX, ended).await);
}

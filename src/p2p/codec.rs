//! Frames of the request protocols: opaque bytes with a length in front.
//!
//! Request: length (u32, big endian), bytes. Answer: status (0 = bytes follow, 1 = too busy), then
//! the same. A frame that claims more than the limit is not read; it is handed up as such, so that
//! its sender can be counted (request-response itself reports no unreadable requests). Memory grows
//! with what arrives, not with what is claimed.

use std::io;

use libp2p::StreamProtocol;
use libp2p::futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response::Codec;

use super::payload::{Budget, Payload};

/// First allocation for a frame; the rest follows the bytes that really come.
const FIRST_READ: usize = 64 * 1024;
const STATUS_BYTES: u8 = 0;
const STATUS_BUSY: u8 = 1;

/// Reads and writes frames, within limits and a memory budget.
#[derive(Clone)]
pub(crate) struct Frames {
    /// Largest request in bytes.
    pub(crate) request_max: usize,
    /// Largest answer in bytes.
    pub(crate) answer_max: usize,
    /// Where the memory for arriving frames comes from.
    pub(crate) budget: Budget,
}

/// A request as it arrived.
#[derive(Debug)]
pub(crate) enum Frame {
    Whole(Payload),
    /// It claimed this many bytes; none was read.
    TooLong(u32),
}

/// An answer to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Whole(Payload),
    Busy,
}

// === impl Frames ===

impl Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, self.request_max, &self.budget).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut status = [0];
        io.read_exact(&mut status).await?;
        match status {
            [STATUS_BUSY] => Ok(Answer::Busy),
            [STATUS_BYTES] => match read_frame(io, self.answer_max, &self.budget).await? {
                Frame::Whole(payload) => Ok(Answer::Whole(payload)),
                Frame::TooLong(bytes) => Err(malformed(format!("an answer of {bytes} bytes"))),
            },
            [other] => Err(malformed(format!("unknown answer status {other}"))),
        }
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Frame,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match request {
            Frame::Whole(payload) => write_frame(io, &payload).await,
            // Written as it was read: the claim alone. Only tests send one.
            Frame::TooLong(claimed) => io.write_all(&claimed.to_be_bytes()).await,
        }
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        answer: Answer,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match answer {
            Answer::Whole(payload) => {
                io.write_all(&[STATUS_BYTES]).await?;
                write_frame(io, &payload).await
            }
            Answer::Busy => io.write_all(&[STATUS_BUSY]).await,
        }
    }
}

async fn read_frame<T>(io: &mut T, max: usize, budget: &Budget) -> io::Result<Frame>
where
    T: AsyncRead + Unpin + Send,
{
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let claimed = u32::from_be_bytes(length);
    let bytes = usize::try_from(claimed).unwrap_or(usize::MAX);
    if bytes > max {
        return Ok(Frame::TooLong(claimed));
    }
    let share = budget
        .take(bytes)
        .await
        .ok_or_else(|| io::Error::other("the budget is closed"))?;
    let mut read = Vec::with_capacity(bytes.min(FIRST_READ));
    io.take(u64::from(claimed)).read_to_end(&mut read).await?;
    if read.len() < bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Frame::Whole(Payload::new(read, share)))
}

async fn write_frame<T>(io: &mut T, payload: &Payload) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let length =
        u32::try_from(payload.len()).map_err(|_| malformed("a frame above 4 GiB".to_owned()))?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(payload).await
}

fn malformed(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use libp2p::futures::io::Cursor;

    use super::*;

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/test/1");

    fn frames() -> Frames {
        Frames {
            request_max: 4,
            answer_max: 4,
            budget: Budget::of(64 * 1024),
        }
    }

    #[tokio::test]
    async fn a_request_of_the_largest_size_comes_back_whole() {
        for bytes in [&b""[..], b"abc", b"abcd"] {
            let mut wire = Cursor::new(Vec::new());
            let request = Frame::Whole(Payload::from(bytes.to_vec()));
            frames()
                .write_request(&PROTOCOL, &mut wire, request)
                .await
                .unwrap();
            let read = frames()
                .read_request(&PROTOCOL, &mut Cursor::new(wire.into_inner()))
                .await
                .unwrap();
            assert!(matches!(read, Frame::Whole(payload) if &*payload == bytes));
        }
    }

    #[tokio::test]
    async fn a_frame_above_the_limit_is_named_and_not_read() {
        let mut request = Cursor::new(vec![0, 0, 0, 5, 1, 2, 3, 4, 5]);
        assert!(matches!(
            frames().read_request(&PROTOCOL, &mut request).await,
            Ok(Frame::TooLong(5))
        ));
        let mut answer = Cursor::new(vec![0, 255, 255, 255, 255]);
        let error = frames()
            .read_response(&PROTOCOL, &mut answer)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_frame_that_ends_early_is_an_error() {
        for wire in [&b""[..], &[0, 0], &[0, 0, 0, 3, 1, 2]] {
            let error = frames()
                .read_request(&PROTOCOL, &mut Cursor::new(wire))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{wire:?}");
        }
    }

    #[tokio::test]
    async fn a_busy_peer_says_so_in_one_byte() {
        let mut wire = Cursor::new(Vec::new());
        frames()
            .write_response(&PROTOCOL, &mut wire, Answer::Busy)
            .await
            .unwrap();
        assert_eq!(wire.get_ref(), &[STATUS_BUSY]);
        wire.set_position(0);
        assert!(matches!(
            frames().read_response(&PROTOCOL, &mut wire).await,
            Ok(Answer::Busy)
        ));
        assert!(
            frames()
                .read_response(&PROTOCOL, &mut Cursor::new([9]))
                .await
                .is_err()
        );
    }
}

//! One end of a connection with the gateway, a client's or a target's, spoken by hand.
//!
//! A story says and hears byte for byte, in its own order, on one thread; what it hears has a
//! deadline, so no story hangs. Hearing anything unexpected panics. Deliberately absent: HTTP. A
//! story must be able to break off anywhere.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConnection, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::support::{
    client::{Answer, receive},
    wire::{Framing, Head},
};

/// Longest wait for anything a story expects; a busy machine takes a tenth of it. Shorter than the
/// gateway keeps an idle connection, so that no story takes that end for the one it waits for.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(8);

/// A write that stands still so long will stand still for ever: nothing but the other side's
/// reading can move it.
pub(crate) const STANDSTILL: Duration = Duration::from_millis(300);

/// More bytes than all buffers between two sides can hold.
pub(crate) const MORE_THAN_BUFFERS: u64 = 64 * 1024 * 1024;

/// One end of a connection.
pub(crate) struct Peer {
    reader: BufReader<Transport>,
}

/// What carries the bytes.
enum Transport {
    Plain(TcpStream),
    Client(Box<StreamOwned<ClientConnection, TcpStream>>),
    Server(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// How the other side ended its half of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN; with TLS, after a `close_notify`.
    Closed,
    /// RST.
    Reset,
    /// TLS without a `close_notify`.
    Truncated,
}

// === impl Peer ===

impl Peer {
    /// A plain client of `address`.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::plain(TcpStream::connect(address).expect("a listener"))
    }

    /// A TLS client of `address`.
    pub(crate) fn connect_tls(address: SocketAddr, config: Arc<rustls::ClientConfig>) -> Self {
        let tcp = TcpStream::connect(address).expect("a listener");
        let name = "localhost".try_into().expect("a name");
        let session = ClientConnection::new(config, name).expect("a session");
        Self::over(tcp, |tcp| {
            Transport::Client(Box::new(StreamOwned::new(session, tcp)))
        })
    }

    /// An accepted plain connection.
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self::over(tcp, Transport::Plain)
    }

    /// An accepted connection, on which the other side begins a TLS handshake.
    pub(crate) fn tls(tcp: TcpStream, config: Arc<rustls::ServerConfig>) -> Self {
        let session = ServerConnection::new(config).expect("a session");
        Self::over(tcp, |tcp| {
            Transport::Server(Box::new(StreamOwned::new(session, tcp)))
        })
    }

    fn over(tcp: TcpStream, transport: impl FnOnce(TcpStream) -> Transport) -> Self {
        tcp.set_read_timeout(Some(WAIT_MAX)).expect("a live socket");
        tcp.set_write_timeout(Some(WAIT_MAX))
            .expect("a live socket");
        tcp.set_nodelay(true).expect("a live socket");
        let reader = BufReader::new(transport(tcp));
        Self { reader }
    }

    fn tcp(&self) -> &TcpStream {
        match self.reader.get_ref() {
            Transport::Plain(tcp) => tcp,
            Transport::Client(stream) => &stream.sock,
            Transport::Server(stream) => &stream.sock,
        }
    }

    /// Sends `bytes`.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_say(bytes).expect("the gateway listens");
    }

    /// Sends `bytes`, to a side that may not want them.
    pub(crate) fn try_say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())?;
        self.reader.get_mut().flush()
    }

    /// Sends one chunk of a chunked body; an empty one is the last.
    pub(crate) fn say_chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.say([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat());
    }

    /// The next head.
    pub(crate) fn head(&mut self) -> Head {
        Head::read(&mut self.reader)
            .expect("a head")
            .expect("a head before the end")
    }

    /// The next answer's head, which must have this status.
    pub(crate) fn status(&mut self, status: u16) -> Head {
        let head = self.head();
        let line = format!("{} ", head.start);
        assert!(
            line.contains(&format!(" {status} ")),
            "wanted {status}, got {head:?}"
        );
        head
    }

    /// The next whole answer, to a request with `method`.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        receive(&mut self.reader, method).expect("an answer")
    }

    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        self.try_bytes(length).expect("more bytes")
    }

    /// The next `length` bytes, from a side that may not send any.
    pub(crate) fn try_bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).map(|()| bytes)
    }

    /// The next `text.len()` bytes, which must be `text`.
    pub(crate) fn hears(&mut self, text: &str) {
        let bytes = self.bytes(text.len());
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    /// The next chunk of a chunked body, which must be `text`.
    pub(crate) fn hears_chunk(&mut self, text: &str) {
        let chunk = self.chunk().expect("a chunk");
        assert_eq!(String::from_utf8_lossy(&chunk), text);
    }

    /// The next chunk of a chunked body; empty if it is the last.
    ///
    /// # Errors
    /// The connection ends or is silent.
    pub(crate) fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size)?;
        let length = usize::from_str_radix(size.trim_end(), 16);
        let length = length.map_err(|_none| io::ErrorKind::UnexpectedEof)?;
        let mut chunk = self.try_bytes(length + 2)?;
        assert!(chunk.ends_with(b"\r\n"), "a chunk of another length");
        chunk.truncate(length);
        Ok(chunk)
    }

    /// What there is next; empty at the connection's end.
    ///
    /// # Errors
    /// The connection is reset or silent.
    pub(crate) fn some(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.reader.fill_buf()?.to_vec();
        self.reader.consume(bytes.len());
        Ok(bytes)
    }

    /// Waits longer than [`WAIT_MAX`] from now on.
    pub(crate) fn be_patient(&mut self, wait: Duration) {
        let set = self.tcp().set_read_timeout(Some(wait));
        set.expect("a live socket");
    }

    /// Reads a body to its end and says how long it was; `None` if it was cut off.
    pub(crate) fn length_of_body(&mut self, head: &Head, otherwise: Framing) -> Option<u64> {
        let copy = |reader: &mut dyn Read| io::copy(reader, &mut io::sink()).ok();
        match head.framing(otherwise) {
            Framing::None => Some(0),
            Framing::Length(length) => {
                let read = copy(&mut (&mut self.reader).take(length))?;
                (read == length).then_some(length)
            }
            Framing::Close => copy(&mut self.reader),
            Framing::Chunked => {
                let mut total = 0;
                loop {
                    let mut line = String::new();
                    self.reader.read_line(&mut line).ok()?;
                    let size = u64::from_str_radix(line.trim_end(), 16).ok()?;
                    let read = copy(&mut (&mut self.reader).take(size + 2))?;
                    if read != size + 2 {
                        return None;
                    }
                    total += size;
                    if size == 0 {
                        return Some(total);
                    }
                }
            }
        }
    }

    /// Everything up to the other side's end, and that end.
    pub(crate) fn rest(&mut self) -> (String, End) {
        let mut bytes = Vec::new();
        let end = match self.reader.read_to_end(&mut bytes) {
            Ok(_) => End::Closed,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => End::Truncated,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => End::Reset,
            Err(error) => panic!("neither bytes nor an end: {error}"),
        };
        (String::from_utf8_lossy(&bytes).into_owned(), end)
    }

    /// The other side ends its half without another byte.
    pub(crate) fn end(&mut self) -> End {
        let (bytes, end) = self.rest();
        assert_eq!(bytes, "", "bytes before the end");
        end
    }

    /// Ends this side's half; the other half stays open.
    pub(crate) fn finish(&mut self) {
        match self.reader.get_mut() {
            Transport::Plain(_) => {}
            Transport::Client(stream) => stream.conn.send_close_notify(),
            Transport::Server(stream) => stream.conn.send_close_notify(),
        }
        self.reader.get_mut().flush().ok();
        self.tcp().shutdown(Shutdown::Write).ok();
    }

    /// Closes the connection without the farewell of TLS, if it is TLS.
    pub(crate) fn cut(self) {
        self.tcp().shutdown(Shutdown::Both).ok();
    }

    /// Closes the connection with a RST.
    pub(crate) fn reset(self) {
        SockRef::from(self.tcp())
            .set_linger(Some(Duration::ZERO))
            .expect("a live socket");
    }

    /// A second handle on the plain connection, to write from another thread.
    pub(crate) fn writer(&self) -> TcpStream {
        self.tcp().try_clone().expect("a descriptor")
    }
}

// === impl Transport ===

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Client(stream) => stream.read(buffer),
            Self::Server(stream) => stream.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Client(stream) => stream.write(buffer),
            Self::Server(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Client(stream) => stream.flush(),
            Self::Server(stream) => stream.flush(),
        }
    }
}

/// Writes `left` bytes, or as many as are taken before the connection ends or the stream's write
/// timeout passes; what is left.
pub(crate) fn pour(stream: &mut TcpStream, mut left: u64) -> u64 {
    let block = vec![b'x'; 64 * 1024];
    while left > 0 {
        let size = left.min(block.len() as u64);
        match stream.write(&block[..usize::try_from(size).expect("small")]) {
            Ok(written) => left -= written as u64,
            Err(_) => return left,
        }
    }
    left
}

/// Pours [`MORE_THAN_BUFFERS`] into the connection until it stands still; what is left, which must
/// be the better part.
pub(crate) fn pour_until_standstill(stream: &mut TcpStream) -> u64 {
    stream
        .set_write_timeout(Some(STANDSTILL))
        .expect("a live socket");
    let left = pour(stream, MORE_THAN_BUFFERS);
    assert!(
        left > MORE_THAN_BUFFERS / 2,
        "all but {left} bytes went somewhere"
    );
    stream.set_write_timeout(None).expect("a live socket");
    left
}

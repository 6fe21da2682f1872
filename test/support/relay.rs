//! A cable between a client and a gateway that a test can cut and mend.
//!
//! One thread per direction; they end with their connection. Deliberately absent: delays and loss; those
//! need a network of their own ([`lan`](crate::support::lan)).

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// A running relay; cut and gone when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    cable: Arc<Cable>,
}

#[derive(Default)]
struct Cable {
    is_cut: AtomicBool,
    is_gone: AtomicBool,
    /// Both ends of every connection so far.
    ends: Mutex<Vec<TcpStream>>,
}

// === impl Relay ===

impl Relay {
    /// Leads from a free loopback port to `target`.
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let cable = Arc::new(Cable::default());
        let relayed = Arc::clone(&cable);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if relayed.is_gone.load(Ordering::SeqCst) {
                    return;
                }
                // What cannot be connected is closed, as by a network that is down.
                relayed.connect(client, target).ok();
            }
        });
        Self { address, cable }
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections, and lets none through until mended.
    pub(crate) fn cut(&self) {
        self.cable.is_cut.store(true, Ordering::SeqCst);
        for end in self.cable.ends().drain(..) {
            end.shutdown(Shutdown::Both).ok();
        }
    }

    /// Lets new connections through again.
    pub(crate) fn mend(&self) {
        self.cable.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        self.cable.is_gone.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        TcpStream::connect(self.address).ok();
    }
}

// === impl Cable ===

impl Cable {
    fn ends(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, client: TcpStream, target: SocketAddr) -> io::Result<()> {
        // Under the lock, so that no connection slips through between the question and a cut.
        let mut ends = self.ends();
        if self.is_cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let gateway = TcpStream::connect(target)?;
        ends.extend([client.try_clone()?, gateway.try_clone()?]);
        let back = (gateway.try_clone()?, client.try_clone()?);
        thread::spawn(move || pass(client, gateway));
        thread::spawn(move || pass(back.0, back.1));
        Ok(())
    }
}

/// Passes bytes on until one side ends, then ends both.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

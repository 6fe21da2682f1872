//! The gateway as a process: signals, exit codes, what it wrote.

use std::{
    net::SocketAddr,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Builder, Gateway, Log};

/// How long a process that should end by itself may take.
const RUN_MAX: Duration = Duration::from_secs(20);

/// A process that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Everything it wrote to standard output.
    pub(crate) out: String,
    /// Everything it wrote to standard error.
    pub(crate) err: String,
}

// === impl Builder ===

impl Builder {
    /// Starts a process that is expected to end by itself.
    ///
    /// # Panics
    /// It cannot be started or goes on for [`RUN_MAX`].
    pub(crate) fn run(self) -> Ended {
        let mut child = self.spawn().expect("the gateway's binary");
        let (out, err) = (Log::default(), Log::default());
        let readers = [
            child.stdout.take().map(|stream| out.collect(stream, None)),
            child.stderr.take().map(|stream| err.collect(stream, None)),
        ];
        let code = ends_within(&mut child, RUN_MAX);
        if code.is_none() {
            child.kill().ok();
            child.wait().ok();
        }
        for reader in readers.into_iter().flatten() {
            reader.join().ok();
        }
        let ended = Ended {
            code: code.flatten(),
            out: out.text(),
            err: err.text(),
        };
        assert!(code.is_some(), "it goes on: {ended:?}");
        ended
    }
}

// === impl Gateway ===

impl Gateway {
    /// Address of the management API's HTTPS port.
    pub(crate) fn api_tls(&self) -> SocketAddr {
        self.listeners["api-tls"]
    }

    /// Sends a signal, `TERM` say.
    ///
    /// # Panics
    /// The process is gone.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("a kill command");
        assert!(sent.success(), "no process to send SIG{name} to");
    }

    /// The exit code, if the process ends within `deadline`; `None` inside if a signal ended it.
    pub(crate) fn ends_within(&mut self, deadline: Duration) -> Option<Option<i32>> {
        ends_within(&mut self.child, deadline)
    }

    /// The process has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Everything it wrote so far, both streams.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The log lines so far, for `LOG_FMT=json`; what is not JSON is left out.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        let text = self.log();
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits until the log has `count` lines with `part` in them.
    ///
    /// # Panics
    /// It has not within `deadline`.
    pub(crate) fn await_log(&self, part: &str, count: usize, deadline: Duration) {
        let start = Instant::now();
        let found = || {
            let text = self.log();
            text.lines().filter(|line| line.contains(part)).count()
        };
        while found() < count {
            assert!(start.elapsed() < deadline, "no {count} lines with {part:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn ends_within(child: &mut Child, deadline: Duration) -> Option<Option<i32>> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.code()),
            Ok(None) if start.elapsed() < deadline => thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => return None,
        }
    }
}

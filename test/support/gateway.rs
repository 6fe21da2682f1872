//! The real gateway as a child process.
//!
//! It gets a clean environment and free ports, tells its addresses in its boot log (one JSON line
//! per listener, message `listening`, metadata `listener` and `address`), is ready when
//! `GET /health/ready` says so, and is killed when dropped. Its log is printed if the test fails.

mod process;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::client::{Request, ask_until};

/// How long a start may take; a debug build on a busy machine takes a tenth of it.
const START_MAX: Duration = Duration::from_secs(20);
/// How long the end of a process that closed its streams may take to show.
const END_MAX: Duration = Duration::from_secs(1);

/// A running gateway.
pub(crate) struct Gateway {
    child: Child,
    listeners: BTreeMap<String, SocketAddr>,
    log: Log,
}

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Builder {
    program: String,
    wrapper: Vec<String>,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// Everything the child wrote, both streams, line by line.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

// === impl Gateway ===

impl Gateway {
    /// Free loopback ports, JSON log, nothing else set.
    pub(crate) fn builder() -> Builder {
        let environment = [
            ("API_BIND", "127.0.0.1"),
            ("API_HTTP_PORT", "0"),
            ("HOST", "localhost"),
            ("INBOUND_BIND", "127.0.0.1"),
            ("INBOUND_PORT", "0"),
            ("LOG_FMT", "json"),
            ("LOG_LEVEL", "info"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Builder {
            program: env!("CARGO_BIN_EXE_rig").to_owned(),
            wrapper: Vec::new(),
            arguments: Vec::new(),
            environment: environment.into(),
        }
    }

    /// Address of the proxy.
    pub(crate) fn inbound(&self) -> SocketAddr {
        self.listeners["inbound"]
    }

    /// Address of the proxy with TLS; there is one if there is a certificate.
    pub(crate) fn inbound_tls(&self) -> SocketAddr {
        self.listeners["inbound-tls"]
    }

    /// Address of the management API.
    pub(crate) fn api(&self) -> SocketAddr {
        self.listeners["api"]
    }

    /// The child process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprintln!("--- log of the gateway\n{}\n---", self.log.text());
        }
    }
}

// === impl Builder ===

impl Builder {
    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs another build of the gateway, given by its path.
    pub(crate) fn program(mut self, path: &str) -> Self {
        path.clone_into(&mut self.program);
        self
    }

    /// Runs the gateway by this command, given by its path, which must become the gateway.
    pub(crate) fn wrapped_in(mut self, command: &[&str]) -> Self {
        self.wrapper = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Definitions to start with.
    pub(crate) fn config_json(self, definitions: &[Value]) -> Self {
        self.env("PROXY_CONFIG_FILE", &Value::from(definitions).to_string())
    }

    /// Starts and waits until the gateway is ready.
    ///
    /// # Errors
    /// It ended, or was not ready in time; with its log.
    pub(crate) fn start(self) -> Result<Gateway, String> {
        let mut gateway = self.listen()?;
        let ready = Request::new("GET", "/health/ready");
        match ask_until(gateway.api(), &ready, START_MAX, |answer| {
            answer.status == 200
        }) {
            Ok(_) => Ok(gateway),
            Err(error) => Err(gateway.excuse(&error)),
        }
    }

    /// Starts and waits until the gateway listens, ready or not.
    ///
    /// # Errors
    /// It ended, or did not listen in time; with its log.
    pub(crate) fn listen(self) -> Result<Gateway, String> {
        let names = self.listeners();
        let mut child = self.spawn().map_err(|error| error.to_string())?;
        let log = Log::default();
        let (found, listening) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            log.collect(stdout, Some(found));
        }
        if let Some(stderr) = child.stderr.take() {
            log.collect(stderr, None);
        }
        let mut gateway = Gateway {
            child,
            listeners: BTreeMap::new(),
            log,
        };
        while !names
            .iter()
            .all(|name| gateway.listeners.contains_key(*name))
        {
            match listening.recv_timeout(START_MAX) {
                Ok((name, address)) => gateway.listeners.insert(name, address),
                Err(error) => return Err(gateway.excuse(&format!("no address: {error}"))),
            };
        }
        Ok(gateway)
    }
}

impl Builder {
    fn spawn(self) -> std::io::Result<Child> {
        let mut words = self.wrapper.into_iter().chain([self.program]);
        Command::new(words.next().unwrap_or_default())
            .args(words)
            .args(self.arguments)
            .env_clear()
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// The listeners that will tell their addresses.
    fn listeners(&self) -> &'static [&'static str] {
        if self.environment.contains_key("HTTPS_CERTFILE") {
            &["api", "api-tls", "inbound", "inbound-tls"]
        } else {
            &["api", "inbound"]
        }
    }
}

impl Gateway {
    /// What went wrong, with exit status and log.
    fn excuse(&mut self, what: &str) -> String {
        let asked = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.to_string(),
                // A process that ends closes its streams a moment before it can be waited for.
                Ok(None) if asked.elapsed() < END_MAX => thread::sleep(Duration::from_millis(5)),
                Ok(None) => break "still running".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        format!(
            "the gateway did not start: {what} ({status})\n{}",
            self.log.text()
        )
    }
}

// === impl Log ===

impl Log {
    /// Reads `stream` to its end on a thread; tells `found` of every listener.
    fn collect(
        &self,
        stream: impl Read + Send + 'static,
        found: Option<mpsc::Sender<(String, SocketAddr)>>,
    ) -> thread::JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let (Some(found), Some(listener)) = (&found, listener(&line)) {
                    found.send(listener).ok();
                }
                log.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        })
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }
}

/// Name and address, if `line` is the boot line of a listener.
fn listener(line: &str) -> Option<(String, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "listening" {
        return None;
    }
    let metadata = &line["metadata"];
    let address = metadata["address"].as_str()?.parse().ok()?;
    Some((metadata["listener"].as_str()?.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use super::{Gateway, listener};

    #[test]
    fn boot_lines_tell_listeners_and_other_lines_do_not() {
        let line = r#"{"time":"t","severity":"info","message":"listening","metadata":{"listener":"api","address":"127.0.0.1:4711"}}"#;
        let (name, address) = listener(line).expect("a listener");
        assert_eq!((name.as_str(), address.port()), ("api", 4711));
        for other in [
            "listening",
            "{}",
            r#"{"message":"ready"}"#,
            r#"{"message":"listening"}"#,
        ] {
            assert_eq!(listener(other), None, "{other}");
        }
    }

    #[test]
    fn a_gateway_that_refuses_to_start_is_reported() {
        let started = Gateway::builder().env("INBOUND_PORT", "no port").start();
        let error = started.err().expect("refused");
        assert!(error.contains("exit status"), "{error}");
    }
}

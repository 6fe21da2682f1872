//! A network namespace, what is started in it, and the process in it that passes requests on.
//!
//! Needs root, `ip` and `python3`. Deliberately absent: what the network looks like.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::gateway::{Builder, Gateway};

const IP_PROGRAMS: [&str; 4] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/// Asks the node beside it whatever it is told on standard input, a line of JSON per request and
/// answer.
const AGENT: &str = r"
import sys, json, http.client
for line in sys.stdin:
    ask = json.loads(line)
    try:
        link = http.client.HTTPConnection(ask['host'], ask['port'], timeout=10)
        body = None if ask['body'] is None else json.dumps(ask['body'])
        link.request(ask['method'], ask['path'], body, {'content-type': 'application/json'} if body else {})
        got = link.getresponse()
        text = got.read().decode('utf-8', 'replace')
        told = {'status': got.status, 'headers': {k.lower(): v for k, v in got.getheaders()}, 'text': text}
    except Exception as error:
        told = {'status': 0, 'headers': {}, 'text': repr(error)}
    print(json.dumps(told), flush=True)
";

/// Prints the data of every event of a stream.
const LISTENER: &str = r"
import sys, http.client
link = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
link.request('GET', sys.argv[3])
for line in link.getresponse():
    if line.startswith(b'data: '):
        print(line[6:].decode().strip(), flush=True)
";

/// How long a listener's next event may take; a cut is noticed, and mended, in less.
const EVENT_MAX: Duration = Duration::from_secs(60);

/// Removed when dropped.
pub(super) struct Namespace(String);

/// The process that passes requests on.
pub(super) struct Agent {
    child: Child,
    told: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// A client of server-sent events, in its namespace.
pub(crate) struct Listener {
    child: Child,
    events: mpsc::Receiver<Value>,
}

// === impl Namespace ===

impl Namespace {
    pub(super) fn add(name: &str) -> Result<Self, String> {
        run(ip_program()?, &["netns", "add", name])?;
        Ok(Self(name.to_owned()))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// An `ip` command in this namespace.
    pub(super) fn ip(&self, command: &str) -> Result<(), String> {
        let mut words = vec!["-n", &self.0];
        words.extend(command.split(' '));
        run(ip_program()?, &words)
    }

    /// A gateway to be started in this namespace.
    pub(super) fn gateway(&self) -> Result<Builder, String> {
        Ok(Gateway::builder().wrapped_in(&[ip_program()?, "netns", "exec", &self.0]))
    }

    pub(super) fn agent(&self) -> Result<Agent, String> {
        let mut child = Command::new(ip_program()?)
            .args(["netns", "exec", &self.0, "python3", "-c", AGENT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (told, answers) = (child.stdin.take(), child.stdout.take());
        let told = told.ok_or("no way to tell the agent")?;
        let answers = BufReader::new(answers.ok_or("no way to hear the agent")?);
        Ok(Agent {
            child,
            told,
            answers,
        })
    }

    pub(super) fn listen(&self, at: SocketAddr, target: &str) -> Result<Listener, String> {
        let (host, port) = (at.ip().to_string(), at.port().to_string());
        let mut child = Command::new(ip_program()?)
            .args(["netns", "exec", &self.0, "python3", "-c", LISTENER])
            .args([&host, &port, target])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let lines = BufReader::new(child.stdout.take().ok_or("no way to hear the listener")?);
        let (told, events) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_default();
                if told.send(event).is_err() {
                    break;
                }
            }
        });
        Ok(Listener { child, events })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip_program().and_then(|ip| run(ip, &["netns", "del", &self.0])) {
            eprintln!("{error}");
        }
    }
}

// === impl Agent ===

impl Agent {
    /// Passes a request on.
    ///
    /// # Panics
    /// The process is gone.
    pub(super) fn pass_on(&mut self, question: &Value) -> Value {
        writeln!(self.told, "{question}").expect("an agent");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an agent");
        serde_json::from_str(&line).expect("an answer of the agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

// === impl Listener ===

impl Listener {
    /// The next event.
    ///
    /// # Panics
    /// There is none in time.
    pub(crate) fn next(&self) -> Value {
        self.events.recv_timeout(EVENT_MAX).expect("an event")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn ip_program() -> Result<&'static str, String> {
    let found = IP_PROGRAMS.iter().find(|path| Path::new(path).exists());
    found
        .copied()
        .ok_or_else(|| "there is no ip program (package iproute2)".to_owned())
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let ran = Command::new(program)
        .args(words)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(format!("{program} {}: {}", words.join(" "), said.trim()))
}

//! A network of its own: real gateways in network namespaces, joined by a bridge.
//!
//! The bridge is in a namespace too, so that nothing of the machine's own network is touched, and
//! multicast reaches the nodes of the test only. Needs root, `ip` and `python3`; a process per
//! namespace passes requests on, because a thread cannot change its namespace safely. Everything is
//! removed when dropped. Deliberately absent: ways out of the network.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use crate::support::{
    fleet::until,
    gateway::{Builder, Gateway},
};

const IP_PROGRAMS: [&str; 4] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];
const COOKIE: &str = "a secret of the tests only";

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

/// Hosts on one network.
pub(crate) struct Lan {
    hosts: Vec<Host>,
    switch: Namespace,
}

/// One host and the gateway on it.
pub(crate) struct Host {
    gateway: Gateway,
    agent: Mutex<Agent>,
    namespace: Namespace,
}

/// Removed when dropped.
struct Namespace(String);

/// The process that passes requests on.
struct Agent {
    child: Child,
    told: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Told(Value);

// === impl Lan ===

impl Lan {
    /// `size` nodes that find each other by multicast; they have not met yet.
    ///
    /// # Errors
    /// The network cannot be made, with what `ip` says.
    pub(crate) fn running(size: u8) -> Result<Self, String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("rig{}-{number}", std::process::id());
        let switch = Namespace::add(&format!("{prefix}-switch"))?;
        switch.ip("link add bridge0 type bridge forward_delay 0 mcast_snooping 0")?;
        switch.ip("link set bridge0 up")?;
        let mut lan = Self {
            hosts: Vec::new(),
            switch,
        };
        for node in 0..size {
            let namespace = Namespace::add(&format!("{prefix}-{node}"))?;
            lan.plug(node, &namespace)?;
            let gateway = namespace.start(node)?;
            let agent = Mutex::new(namespace.agent()?);
            lan.hosts.push(Host {
                gateway,
                agent,
                namespace,
            });
        }
        for host in &lan.hosts {
            until("a ready node", || {
                (host.ask("GET", "/health/ready", None).status() == 200).then_some(())
            });
        }
        Ok(lan)
    }

    /// Lays the cable between a namespace and the bridge.
    fn plug(&self, node: u8, namespace: &Namespace) -> Result<(), String> {
        let Namespace(name) = namespace;
        self.switch.ip(&format!(
            "link add port{node} type veth peer name eth0 netns {name}"
        ))?;
        self.switch
            .ip(&format!("link set port{node} master bridge0 up"))?;
        namespace.ip("link set lo up")?;
        namespace.ip(&format!("addr add {}/24 dev eth0", address(node)))?;
        namespace.ip("link set eth0 up")
    }

    /// One node.
    pub(crate) fn node(&self, node: usize) -> &Host {
        &self.hosts[node]
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter()
    }

    /// Pulls the cable of a node at its own end, or plugs it in again.
    pub(crate) fn set_link(&self, node: usize, up: bool) {
        let state = if up { "up" } else { "down" };
        let set = self.hosts[node]
            .namespace
            .ip(&format!("link set eth0 {state}"));
        set.unwrap_or_else(|error| panic!("{error}"));
    }

    /// The same at the bridge's end, where the node's addresses stay.
    pub(crate) fn set_port(&self, node: usize, up: bool) {
        let state = if up { "up" } else { "down" };
        let set = self.switch.ip(&format!("link set port{node} {state}"));
        set.unwrap_or_else(|error| panic!("{error}"));
    }
}

// === impl Host ===

impl Host {
    /// A request to the management API.
    ///
    /// # Panics
    /// The agent is gone.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Told {
        self.ask_at(self.gateway.api(), method, path, body)
    }

    /// A request to the proxy.
    pub(crate) fn ask_proxy(&self, path: &str) -> Told {
        self.ask_at(self.gateway.inbound(), "GET", path, None)
    }

    fn ask_at(&self, at: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> Told {
        let question = json!({
            "host": at.ip().to_string(),
            "port": at.port(),
            "method": method,
            "path": path,
            "body": body,
        });
        let mut agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(agent.told, "{question}").expect("an agent");
        let mut line = String::new();
        agent.answers.read_line(&mut line).expect("an agent");
        Told(serde_json::from_str(&line).expect("an answer of the agent"))
    }

    /// Changes a definition, or creates it; gives the acknowledged version.
    ///
    /// # Panics
    /// It is refused.
    pub(crate) fn write(&self, definition: &Value) -> String {
        let id = definition["id"].as_str().expect("an id");
        let path = format!("/v3/apis/{id}");
        let told = match self.ask("GET", &path, None).status() {
            404 => self.ask("POST", "/v3/apis", Some(definition)),
            _ => self.ask("PUT", &path, Some(definition)),
        };
        told.version().unwrap_or_else(|| panic!("{told:?}"))
    }

    /// Version that this node shows.
    pub(crate) fn version(&self, id: &str) -> Option<String> {
        self.ask("GET", &format!("/v3/apis/{id}"), None).version()
    }

    /// Other members it counts.
    pub(crate) fn members(&self) -> usize {
        let told = self.ask("GET", "/metrics", None);
        let text = told.0["text"].as_str().unwrap_or_default();
        let mut lines = text.lines();
        lines
            .find_map(|line| line.strip_prefix("rig_registry_members ")?.parse().ok())
            .expect("a number of members")
    }

    /// The program.
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }
}

// === impl Told ===

impl Told {
    /// Status code; 0 if there was no answer.
    pub(crate) fn status(&self) -> u64 {
        self.0["status"].as_u64().unwrap_or_default()
    }

    fn version(&self) -> Option<String> {
        let tag = self.0["headers"]["etag"].as_str()?;
        Some(tag.trim_matches('"').to_owned())
    }
}

// === impl Namespace ===

impl Namespace {
    fn add(name: &str) -> Result<Self, String> {
        run(ip_program()?, &["netns", "add", name])?;
        Ok(Self(name.to_owned()))
    }

    /// An `ip` command in this namespace.
    fn ip(&self, command: &str) -> Result<(), String> {
        let mut words = vec!["-n", &self.0];
        words.extend(command.split(' '));
        run(ip_program()?, &words)
    }

    fn start(&self, node: u8) -> Result<Gateway, String> {
        let builder: Builder = Gateway::builder()
            .wrapped_in(&[ip_program()?, "netns", "exec", &self.0])
            .env("DISCOVERY_TYPE", "mdns")
            .env("NODE_COOKIE", COOKIE)
            .env("NODE_NAME", &format!("node-{node}"));
        builder.listen()
    }

    fn agent(&self) -> Result<Agent, String> {
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
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip_program().and_then(|ip| run(ip, &["netns", "del", &self.0])) {
            eprintln!("{error}");
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Address of a node in its network.
pub(crate) fn address(node: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, node + 1)
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

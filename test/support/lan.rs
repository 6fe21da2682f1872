//! A network of its own: real gateways in network namespaces, joined by a bridge.
//!
//! The bridge is in a namespace too, so that nothing of the machine's own network is touched, and
//! multicast reaches the nodes of the test only. A process per namespace passes requests on, because a
//! thread cannot change its namespace safely. Everything is removed when dropped. Deliberately absent:
//! ways out of the network.

mod namespace;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

pub(crate) use namespace::Listener;
use namespace::{Agent, Namespace};
use serde_json::{Value, json};

use crate::support::{
    fleet::until,
    gateway::{Builder, Gateway},
};

const COOKIE: &str = "a secret of the tests only";

/// Hosts on one network.
pub(crate) struct Lan {
    hosts: Vec<Host>,
    switch: Namespace,
}

/// One host and the gateway on it.
pub(crate) struct Host {
    builder: Builder,
    gateway: Option<Gateway>,
    agent: Mutex<Agent>,
    namespace: Namespace,
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Told(Value);

// === impl Lan ===

impl Lan {
    /// `size` hosts; no node runs.
    ///
    /// # Errors
    /// The network cannot be made, with what `ip` says.
    pub(crate) fn laid(size: u8) -> Result<Self, String> {
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
            let builder = namespace
                .gateway()?
                .env("DISCOVERY_TYPE", "mdns")
                .env("NODE_COOKIE", COOKIE)
                .env("NODE_NAME", &format!("node-{node}"));
            let agent = Mutex::new(namespace.agent()?);
            lan.hosts.push(Host {
                builder,
                gateway: None,
                agent,
                namespace,
            });
        }
        Ok(lan)
    }

    /// Lays the cable between a namespace and the bridge.
    fn plug(&self, node: u8, namespace: &Namespace) -> Result<(), String> {
        let name = namespace.name();
        self.switch.ip(&format!(
            "link add port{node} type veth peer name eth0 netns {name}"
        ))?;
        self.switch
            .ip(&format!("link set port{node} master bridge0 up"))?;
        namespace.ip("link set lo up")?;
        namespace.ip(&format!("addr add {}/24 dev eth0", address(node)))?;
        namespace.ip("link set eth0 up")
    }

    /// Ends all nodes that run and starts the first ones at the same time, each with its file; waits
    /// until they are ready and have met by multicast.
    ///
    /// # Panics
    /// They do not.
    pub(crate) fn start_all(&mut self, files: &[Vec<Value>]) {
        for host in &mut self.hosts {
            host.gateway = None;
        }
        thread::scope(|scope| {
            for (host, file) in self.hosts.iter_mut().zip(files) {
                scope.spawn(move || host.start(file));
            }
        });
        self.until_met();
    }

    /// Sets a variable of one node, for its next lives.
    pub(crate) fn set(&mut self, node: usize, name: &str, value: &str) {
        let host = &mut self.hosts[node];
        host.builder = host.builder.clone().env(name, value);
    }

    /// Ends a node with SIGKILL.
    pub(crate) fn kill(&mut self, node: usize) {
        self.hosts[node].gateway = None;
    }

    /// Starts a node with this file; waits until it is ready.
    pub(crate) fn start(&mut self, node: usize, file: &[Value]) {
        self.hosts[node].start(file);
    }

    /// Waits until every running node counts all others as members.
    pub(crate) fn until_met(&self) {
        let others = self.nodes().count() - 1;
        for node in self.nodes() {
            until(&format!("{others} members"), || {
                (node.members() == others).then_some(())
            });
        }
    }

    /// Waits until the running nodes are a cluster that newcomers find established.
    pub(crate) fn until_established(&self) {
        for node in self.nodes() {
            until("an established node", || {
                let own = node.view("nodes").into_iter().next();
                own.filter(|own| own["established"] == true)
            });
        }
    }

    /// One node.
    pub(crate) fn node(&self, node: usize) -> &Host {
        &self.hosts[node]
    }

    /// The nodes that run.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.gateway.is_some())
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

    /// Waits until all running nodes show the same version of `id`, twice in a row, and none has an
    /// unfinished vote about it; gives it, `None` if there is no such API.
    pub(crate) fn settled(&self, id: &str) -> Option<String> {
        let mut last = Vec::new();
        until(&format!("one version of {id}"), || {
            let seen: Vec<_> = self.nodes().map(|node| node.version(id)).collect();
            let agreed = seen.iter().all(|version| *version == seen[0])
                && seen == last
                && self.nodes().all(|node| {
                    let mut rounds = node.listed("rounds", id);
                    !rounds.any(|round| round["state"] == "collecting")
                });
            last.clone_from(&seen);
            agreed.then(|| seen[0].clone())
        })
    }

    /// Waits until all running nodes show this version of `id`.
    pub(crate) fn until_all_show(&self, id: &str, version: &str) {
        for node in self.nodes() {
            until(&format!("version {version} of {id}"), || {
                (node.version(id).as_deref() == Some(version)).then_some(())
            });
        }
    }
}

// === impl Host ===

impl Host {
    fn start(&mut self, file: &[Value]) {
        // The process before it, if any, has ended when its successor starts.
        self.gateway = None;
        let started = self.builder.clone().config_json(file).listen();
        self.gateway = Some(started.unwrap_or_else(|error| panic!("{error}")));
        until("a ready node", || {
            (self.ask("GET", "/health/ready", None).status() == 200).then_some(())
        });
    }

    /// A request to the management API.
    ///
    /// # Panics
    /// The agent is gone.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Told {
        self.ask_at(self.gateway().api(), method, path, body)
    }

    /// A request to the proxy.
    pub(crate) fn ask_proxy(&self, path: &str) -> Told {
        self.ask_at(self.gateway().inbound(), "GET", path, None)
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
        Told(agent.pass_on(&question))
    }

    /// Opens a stream of server-sent events on the same host.
    pub(crate) fn listen(&self, query: &str) -> Listener {
        let at = self.gateway().inbound();
        let listener = self
            .namespace
            .listen(at, &format!("/_rig/v1/connection/sse?{query}"));
        listener.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Creates, with POST.
    pub(crate) fn create(&self, definition: &Value) -> Told {
        self.ask("POST", "/v3/apis", Some(definition))
    }

    /// Changes, with PUT.
    pub(crate) fn update(&self, definition: &Value) -> Told {
        let id = definition["id"].as_str().expect("an id");
        self.ask("PUT", &format!("/v3/apis/{id}"), Some(definition))
    }

    /// Removes, with DELETE.
    pub(crate) fn delete(&self, id: &str) -> Told {
        self.ask("DELETE", &format!("/v3/apis/{id}"), None)
    }

    /// Changes a definition, or creates it; gives the acknowledged version.
    ///
    /// # Panics
    /// It is refused.
    pub(crate) fn write(&self, definition: &Value) -> String {
        let id = definition["id"].as_str().expect("an id");
        let told = match self.version(id) {
            None => self.create(definition),
            Some(_) => self.update(definition),
        };
        told.change().unwrap_or_else(|| panic!("{told:?}"))
    }

    /// Version that this node shows; `None` if it knows no such API.
    pub(crate) fn version(&self, id: &str) -> Option<String> {
        let told = self.ask("GET", &format!("/v3/apis/{id}"), None);
        match told.status() {
            200 => {
                let tag = told.0["headers"]["etag"].as_str().expect("an ETag");
                Some(tag.trim_matches('"').to_owned())
            }
            404 => None,
            _ => panic!("GET {id}: {told:?}"),
        }
    }

    /// What `/v3/cluster/<list>` has about this API: `rounds` or `conflicts`.
    pub(crate) fn listed(&self, list: &str, id: &str) -> impl Iterator<Item = Value> {
        let lines = self.view(list).into_iter();
        lines.filter(move |line| line["id"] == id)
    }

    /// The lines of `/v3/cluster/<list>`.
    fn view(&self, list: &str) -> Vec<Value> {
        let told = self.ask("GET", &format!("/v3/cluster/{list}"), None);
        let mut told: Value = serde_json::from_str(told.text()).expect("a view");
        match told[list].take() {
            Value::Array(lines) => lines,
            other => panic!("{list}: {other}"),
        }
    }

    /// Other members it counts.
    pub(crate) fn members(&self) -> usize {
        let told = self.ask("GET", "/metrics", None);
        let mut lines = told.text().lines();
        lines
            .find_map(|line| line.strip_prefix("rig_registry_members ")?.parse().ok())
            .expect("a number of members")
    }

    /// The program.
    ///
    /// # Panics
    /// It does not run.
    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("a running node")
    }
}

// === impl Told ===

impl Told {
    /// Status code; 0 if there was no answer.
    pub(crate) fn status(&self) -> u64 {
        self.0["status"].as_u64().unwrap_or_default()
    }

    /// The version that it acknowledges; `None` if it refuses.
    pub(crate) fn change(&self) -> Option<String> {
        let change = self.0["headers"]["x-rig-change"].as_str()?;
        let (_id, version) = change.rsplit_once('@')?;
        Some(version.to_owned())
    }

    fn text(&self) -> &str {
        self.0["text"].as_str().unwrap_or_default()
    }
}

/// Address of a node in its network.
fn address(node: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, node + 1)
}

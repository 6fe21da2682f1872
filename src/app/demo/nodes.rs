//! `rig demo --nodes N`: a cluster on one machine, as a tree of processes.
//!
//! Each node is the same program with its own ports, registry and memory; they meet over loopback as
//! nodes of a real cluster do. This process only runs the back end, labels the nodes' log lines and
//! passes the end on.

use std::{
    io,
    path::Path,
    process::{ExitCode, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::app::demo::{DEMO_SECRET, EXTRACTORS, leaflet};

/// The key, which a node has to be given at every start. Definitions and extractors it gets from the others.
const KEY: [(&str, &str); 2] = [("JWT_SECRET_KEY", DEMO_SECRET), ("JWT_ALG", "HS256")];

/// Runs `count` nodes with these definitions until this process is told to stop.
///
/// # Errors
/// The program cannot start itself.
pub(super) async fn run(count: u8, definitions: &Value, port: u16) -> io::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let definitions = definitions.to_string();
    let program = std::env::current_exe()?;
    let mut nodes = Vec::new();
    for number in 1..=count {
        nodes.push(start(&program, number, &definitions)?);
    }
    let again = command_line(&program, count);
    println!("{}", leaflet(count, port, &nodes, &again));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = all_ended(&mut nodes) => return Ok(ExitCode::FAILURE),
    }
    for node in &nodes {
        if let Some(pid) = pid(node) {
            // One that has gone already needs no word.
            let _gone = kill_process(pid, Signal::TERM);
        }
    }
    all_ended(&mut nodes).await;
    Ok(ExitCode::SUCCESS)
}

fn start(program: &Path, number: u8, definitions: &str) -> io::Result<Child> {
    let mut command = Command::new(program);
    let mut node = command
        .args(["--local", &number.to_string()])
        .env("PROXY_CONFIG_FILE", definitions)
        .envs(KEY)
        .env("EXTRACTORS", EXTRACTORS)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let label = format!("local-{number}");
    if let Some(lines) = node.stdout.take() {
        actix_rt::spawn(label_lines(label.clone(), lines));
    }
    if let Some(lines) = node.stderr.take() {
        actix_rt::spawn(label_lines(label, lines));
    }
    Ok(node)
}

async fn label_lines(label: String, lines: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        println!("[{label}] {line}");
    }
}

async fn all_ended(nodes: &mut [Child]) {
    for node in nodes {
        drop(node.wait().await);
    }
}

fn pid(node: &Child) -> Option<Pid> {
    node.id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw)
}

/// What starts a node again by hand, in whatever directory: this program need not be on the path.
fn command_line(program: &Path, number: u8) -> String {
    let key = KEY.map(|(name, value)| format!("{name}={}", quoted(value)));
    let program = quoted(&program.to_string_lossy());
    format!("{} {program} --local {number}", key.join(" "))
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn leaflet(count: u8, port: u16, nodes: &[Child], again: &str) -> String {
    let last = u16::from(count) - 1;
    let (proxy, api) = (4000 + 100 * last, 4010 + 100 * last);
    let victim = nodes.last().and_then(Child::id).unwrap_or_default();
    let definition = leaflet::definition(port);
    let renamed =
        |name: &str| definition.replace(r#""name":"mine""#, &format!(r#""name":"{name}""#));
    format!(
        r#"
{count} nodes: proxies on ports 4000, 4100, …, management on 4010, 4110, … Try, in another terminal:

# who is there, as node 1 sees it
curl http://127.0.0.1:4010/v3/cluster/nodes

# a change on node 1 is served by node {count} at once
curl -i -H 'content-type: application/json' 'http://127.0.0.1:4010/v3/apis?wait=all' -d '{definition}'
curl http://127.0.0.1:{proxy}/greet/you

# a conflict: two changes at the same moment on two nodes, and why one of them won
curl -X PUT -H 'content-type: application/json' http://127.0.0.1:4010/v3/apis/mine -d '{here}' & \
curl -X PUT -H 'content-type: application/json' http://127.0.0.1:{api}/v3/apis/mine -d '{there}'; wait
curl http://127.0.0.1:4010/v3/apis/mine
curl http://127.0.0.1:4010/v3/cluster/conflicts

# a page that gets events from node 1, and an event that is submitted to node {count}
http://127.0.0.1:4000/examples/sse.html
curl -i -H 'content-type: application/json' http://127.0.0.1:{proxy}/_rig/v1/events -d '{event}'

# a node dies; the others go on. Start it again and it has everything
kill -9 {victim}
curl http://127.0.0.1:4010/v3/cluster/nodes
{again}

Ctrl-C stops the demo."#,
        event = leaflet::CHAT_MESSAGE,
        here = renamed("changed on 1"),
        there = renamed(&format!("changed on {count}")),
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, process};

    use super::*;

    #[test]
    fn a_node_is_started_again_by_what_is_printed() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("Ann's $HOME; rig");
        let script = "#!/bin/sh\necho \"$JWT_SECRET_KEY $JWT_ALG $@\"\n";
        fs::write(&program, script).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a mode");
        let line = command_line(&program, 3);
        let ran = process::Command::new("/bin/sh")
            .args(["-c", &line])
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(said, format!("{DEMO_SECRET} HS256 --local 3\n"), "{line}");
        let leaflet = leaflet(3, 7070, &[], &line);
        assert!(leaflet.lines().any(|printed| printed == line), "{leaflet}");
    }
}

//! A real browser without a window, driven by the DevTools protocol over a pipe
//! (<https://chromedevtools.github.io/devtools-protocol/>): JSON messages, each ended by a NUL.
//!
//! It reaches nothing but loopback, and has a profile of its own that goes with it. Deliberately absent:
//! the protocol's events; tests look at pages until they show what is expected.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Set to 1 where a missing browser is a failure.
const WANTED: &str = "RIG_TEST_BROWSER";
/// Debian's name first.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// How long the browser may take for one answer, its start included, on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// How long a page may take to show something. `EventSource` waits some seconds before it reconnects.
const PAGE_MAX: Duration = Duration::from_secs(60);
/// How long the end may take before the browser is killed.
const END_MAX: Duration = Duration::from_secs(5);

/// Nothing but loopback is resolved, and nothing is fetched that no page asked for.
/// (`strace` shows TCP to 127.0.0.1 only. The one other address is a UDP socket that is connected to find
/// out whether there is a route for IPv6; nothing is sent on it.)
const FLAGS: [&str; 18] = [
    "--headless",
    "--remote-debugging-pipe",
    // Tests may run as root, for whom the sandbox refuses to start; the pages are our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--no-pings",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    commands: Option<ChildStdin>,
    answers: mpsc::Receiver<Value>,
    number: u64,
    /// Of the page, once there is one.
    session: Option<String>,
    _profile: TempDir,
}

// === impl Browser ===

impl Browser {
    /// Starts one; `None`, said aloud, if there is none and [`WANTED`] does not ask for it.
    ///
    /// # Panics
    /// It is wanted and missing, or does not start.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = program() else {
            let is_wanted = env::var(WANTED).is_ok_and(|value| value == "1");
            assert!(!is_wanted, "none of {NAMES:?} is there, and {WANTED}=1");
            println!("SKIPPED: there is no browser, none of {NAMES:?}");
            return None;
        };
        let profile = tempfile::tempdir().expect("a directory for the profile");
        // The protocol is spoken on descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 1>&2 </dev/null"#])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            // What a desktop session would offer is of no use.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("DISPLAY")
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let commands = child.stdin.take();
        let heard = child.stdout.take().expect("a pipe");
        let (told, answers) = mpsc::channel();
        thread::spawn(move || {
            for message in BufReader::new(heard).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap_or_default();
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            child,
            commands,
            answers,
            number: 0,
            session: None,
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        Some(browser)
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", json!({ "url": url }));
        assert_eq!(opened["errorText"], Value::Null, "{url}");
        let there = format!(
            "location.href === {} && document.readyState === 'complete'",
            json!(url)
        );
        self.wait_for(&there);
    }

    /// Presses the button with this id.
    pub(crate) fn press(&mut self, id: &str) {
        self.evaluate(&format!("document.getElementById('{id}').click()"))
            .unwrap_or_else(|error| panic!("no {id}: {error}"));
    }

    /// Types into the field with this id.
    pub(crate) fn fill(&mut self, id: &str, text: &str) {
        let text = json!(text);
        self.evaluate(&format!("document.getElementById('{id}').value = {text}"))
            .unwrap_or_else(|error| panic!("no {id}: {error}"));
    }

    /// What the element with this id shows.
    pub(crate) fn text(&mut self, id: &str) -> String {
        let text = self.evaluate(&format!("document.getElementById('{id}').textContent"));
        text.unwrap_or_else(|error| panic!("no {id}: {error}"))
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until the element with this id shows this text among others.
    pub(crate) fn wait_for_text(&mut self, id: &str, text: &str) {
        let text = json!(text);
        self.wait_for(&format!(
            "document.getElementById('{id}').textContent.includes({text})"
        ));
    }

    /// Waits until this expression is true.
    ///
    /// # Panics
    /// It is not within [`PAGE_MAX`]; with what the page shows.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let begun = Instant::now();
        // While a page is being left there is nothing that could be asked.
        while self.evaluate(expression) != Ok(Value::Bool(true)) {
            if begun.elapsed() > PAGE_MAX {
                let shown = self.evaluate("document.body.innerText");
                panic!("not within {PAGE_MAX:?}: {expression}\nthe page: {shown:#?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let mut evaluated = self.ask("Runtime.evaluate", parameters)?;
        if let Some(thrown) = evaluated.get("exceptionDetails") {
            return Err(thrown.to_string());
        }
        Ok(evaluated["result"]["value"].take())
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.ask(method, parameters)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.number += 1;
        let mut command = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let bytes = format!("{command}\0");
        let sent = self
            .commands
            .as_mut()
            .map(|to| to.write_all(bytes.as_bytes()));
        assert!(matches!(sent, Some(Ok(()))), "the browser is gone");
        loop {
            let mut answer = self
                .answers
                .recv_timeout(ANSWER_MAX)
                .unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            if answer["id"] != self.number {
                continue;
            }
            return match answer.get("error") {
                Some(error) => Err(error.to_string()),
                None => Ok(answer["result"].take()),
            };
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when nobody speaks to it any more.
        drop(self.commands.take());
        let asked = Instant::now();
        while asked.elapsed() < END_MAX {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    NAMES.iter().find_map(|name| {
        env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|program| program.is_file())
    })
}

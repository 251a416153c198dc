//! The binary itself, as an operator starts it.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::header;
use seatwise::simulator::Handle;
use serde_json::{Value, json};

use super::{PATIENCE, TOKEN, environment, tenant_settings};

/// SIGTERM ends a server within this, whatever it is doing.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// The last line of what a server prints when it has started, or the one before the first steps.
const GREETED: &str = "Queries: ";

/// The last line of what the demo prints.
const GREETED_BY_DEMO: &str = "Ctrl-C";

/// Settings of the environment, as a command gets them.
pub(crate) type Environment = Vec<(OsString, OsString)>;

/// A command of the binary, in a directory, with exactly this environment.
pub(crate) fn program(
    directory: &Path,
    environment: &[(OsString, OsString)],
    arguments: &[&str],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatwise"));
    command.args(arguments);
    prepare(&mut command, directory, environment);
    command
}

/// The same for a program that starts ours.
pub(crate) fn prepare(
    command: &mut Command,
    directory: &Path,
    environment: &[(OsString, OsString)],
) {
    command
        .current_dir(directory)
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// Runs a command to its end.
pub(crate) fn run(
    directory: &Path,
    environment: &[(OsString, OsString)],
    arguments: &[&str],
) -> Ended {
    let output = program(directory, environment, arguments).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The environment of a server for one tenant, its name in lower case, with settings on top.
pub(crate) fn environment_for(
    name: &str,
    microsoft: &Handle,
    settings: &[(&str, &str)],
) -> Environment {
    let mut all = settings_for(name, microsoft);
    let settings = settings.iter();
    all.extend(settings.map(|&(name, value)| (name.to_owned(), value.to_owned())));
    environment(&all)
}

/// The settings that point a tenant of any name at a simulator.
pub(crate) fn settings_for(name: &str, microsoft: &Handle) -> Vec<(String, String)> {
    let settings = tenant_settings(microsoft, "app").into_iter();
    settings
        .map(|(key, value)| (key.replace("CONTOSO", &name.to_uppercase()), value))
        .collect()
}

/// An environment without some of its settings.
pub(crate) fn without(environment: &[(OsString, OsString)], settings: &[&str]) -> Environment {
    let is_kept = |name: &OsString| {
        let mut dropped = settings.iter();
        !dropped.any(|dropped| *name == *format!("SEATWISE_{dropped}"))
    };
    let all = environment.iter().filter(|(name, _)| is_kept(name));
    all.cloned().collect()
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// That it ended with a code, and said nothing of a panic.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }
}

/// A server process; killed when dropped. What it is asked is in [`Asker`].
pub(crate) struct Process {
    child: Child,
    asker: Asker,
    /// The token that it made and printed, if it did.
    pub(crate) made_token: Option<String>,
    greeting: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// Whoever asks a server over HTTP.
#[derive(Clone)]
pub(crate) struct Asker {
    /// Where it listens, as it printed.
    pub(crate) url: String,
    /// An administrator's.
    pub(crate) token: String,
    client: reqwest::Client,
}

impl Deref for Process {
    type Target = Asker;

    fn deref(&self) -> &Asker {
        &self.asker
    }
}

impl Process {
    /// Starts `serve` and waits until it says where it listens, or ends.
    pub(crate) fn serve(
        directory: &Path,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, Ended> {
        Self::start(&mut program(directory, environment, &["serve"]))
    }

    /// Starts `demo` on a free port and waits until it says how it is asked, or ends.
    pub(crate) fn demo(directory: &Path, users: &str) -> Result<Self, Ended> {
        let arguments = ["demo", "--users", users, "--listen", "127.0.0.1:0"];
        let mut command = program(directory, &[], &arguments);
        Self::greeted(&mut command, GREETED_BY_DEMO, "Open   ")
    }

    /// The same for a command that becomes a server.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Ended> {
        Self::greeted(command, GREETED, "Seatwise listens on ")
    }

    /// Waits for the last line of a greeting; another one tells the address, and perhaps the token.
    fn greeted(command: &mut Command, last: &str, listens: &str) -> Result<Self, Ended> {
        let mut child = command.spawn().unwrap();
        // Both are read to their ends: what it prints must never fill a pipe.
        let stderr = read_on(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while stdout.read_line(&mut greeting).unwrap() > 0 {
            if greeting.lines().next_back().unwrap().starts_with(last) {
                break;
            }
        }
        let url = greeting.lines().find_map(|line| line.strip_prefix(listens));
        let Some(url) = url else {
            return Err(Ended {
                code: child.wait().unwrap().code(),
                stdout: greeting,
                stderr: stderr.join().unwrap(),
            });
        };
        let (url, token) = url.split_once("/#token=").unwrap_or((url, TOKEN));
        Ok(Self {
            child,
            asker: Asker {
                url: url.replace("localhost", "127.0.0.1"),
                token: token.to_owned(),
                client: reqwest::Client::builder()
                    .pool_max_idle_per_host(0)
                    .timeout(PATIENCE)
                    .build()
                    .unwrap(),
            },
            made_token: made_token(&greeting),
            greeting,
            stdout: Some(read_on(stdout)),
            stderr: Some(stderr),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whoever asks it, also after it is gone.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and what became of it. Past the time in which it must end, it is killed, and has no
    /// code.
    pub(crate) fn terminate(mut self) -> Ended {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let (ended, watched) = mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if watched.recv_timeout(ENDS_WITHIN) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        });
        // Its output ends with it; only after its last byte is it waited for, and its number free.
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        drop(ended);
        watchdog.join().unwrap();
        let status: ExitStatus = self.child.wait().unwrap();
        Ended {
            code: status.code(),
            stdout: self.greeting.clone() + &stdout,
            stderr,
        }
    }
}

impl Asker {
    /// Where the server listens, as a setting.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Status and text of a page.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let asked = self.client.get(format!("{}{path}", self.url)).send();
        let response = asked.await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// What `/healthz` says to an administrator.
    pub(crate) async fn health(&self) -> Value {
        let asked = self.client.get(format!("{}/healthz", self.url));
        let response = asked.bearer_auth(&self.token).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Asks with a token; the status and the whole answer.
    pub(crate) async fn query_as(
        &self,
        token: &str,
        document: &str,
        variables: Value,
    ) -> reqwest::Result<(u16, Value)> {
        let request = self
            .client
            .post(format!("{}/graphql", self.url))
            .bearer_auth(token)
            .json(&json!({"query": document, "variables": variables}));
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Asks as the administrator; the answer as it came, byte by byte.
    pub(crate) async fn raw(&self, document: &str, variables: &Value) -> String {
        let request = self
            .client
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.token)
            .json(&json!({"query": document, "variables": variables}));
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Asks by address as the administrator, who knows an answer by its tag already.
    pub(crate) async fn get_query(&self, document: &str, known: Option<&str>) -> reqwest::Response {
        let mut request = self
            .client
            .get(format!("{}/graphql", self.url))
            .query(&[("query", document)])
            .bearer_auth(&self.token);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        request.send().await.unwrap()
    }

    /// A number of `/metrics`; 0 where nothing was counted yet.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let asked = self.client.get(format!("{}/metrics", self.url));
        let response = asked.bearer_auth(&self.token).send().await.unwrap();
        let text = response.text().await.unwrap();
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
        let value = lines.find_map(|rest| rest.strip_prefix(' '));
        value.map_or(0, |value| value.parse::<f64>().unwrap() as u64)
    }

    /// Asks as the administrator; the whole answer.
    pub(crate) async fn query(&self, document: &str, variables: Value) -> Value {
        let asked = self.query_as(&self.token, document, variables).await;
        asked.unwrap().1
    }

    /// The data of an answer that must have no errors.
    pub(crate) async fn data(&self, document: &str) -> Value {
        let answer = self.query(document, json!({})).await;
        assert_eq!(answer.get("errors"), None, "{document}: {answer}");
        answer["data"].clone()
    }

    /// The global id of a tenant.
    pub(crate) async fn tenant(&self, key: &str) -> Value {
        let data = self.data("{tenants {id key}}").await;
        let tenants = data["tenants"].as_array().unwrap();
        let tenant = tenants.iter().find(|tenant| tenant["key"] == key);
        tenant.unwrap()["id"].clone()
    }

    /// Starts a sync; the whole answer.
    pub(crate) async fn start_sync(&self, tenant: &Value) -> Value {
        let start =
            "mutation ($tenant: ID!) {startSync(tenant: $tenant) {id state trigger problem}}";
        self.query(start, json!({"tenant": tenant})).await
    }

    /// Starts a sync and waits for its end.
    pub(crate) async fn sync(&self, tenant: &Value) -> Value {
        let started = self.start_sync(tenant).await;
        assert_eq!(started.get("errors"), None, "{started}");
        self.last_run(tenant).await
    }

    /// The newest run as it ended, or will have.
    pub(crate) async fn last_run(&self, tenant: &Value) -> Value {
        let last = self.follow(tenant, is_over).await;
        last.unwrap_or_else(|| panic!("the server is gone"))
    }

    /// The newest run once it is as wanted; `None` when the server went away before.
    pub(crate) async fn follow(
        &self,
        tenant: &Value,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        let document = "subscription ($tenant: ID!) {syncProgress(tenant: $tenant) {
            id trigger state problem datasets {dataset state rows problem}}}";
        let body = json!({"query": document, "variables": {"tenant": tenant}});
        let request = self
            .client
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.token)
            .header(header::ACCEPT, "text/event-stream")
            .json(&body);
        let mut response = request.send().await.ok()?;
        let mut text = String::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((line, rest)) = text.split_once('\n') {
                let event = line.strip_prefix("data: ").map(str::to_owned);
                text = rest.to_owned();
                let Some(event) = event else { continue };
                let event: Value = serde_json::from_str(&event).unwrap();
                let run = &event["data"]["syncProgress"];
                assert!(run.is_object(), "{event}");
                if is_wanted(run) {
                    return Some(run.clone());
                }
            }
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether nothing will happen to a run any more.
pub(crate) fn is_over(run: &Value) -> bool {
    !["QUEUED", "RUNNING"].contains(&run["state"].as_str().unwrap())
}

/// The token in what a server prints: alone, and set in, on its line.
pub(crate) fn made_token(printed: &str) -> Option<String> {
    let (_, rest) = printed.split_once("The administrator's token")?;
    let token = rest.lines().find_map(|line| line.strip_prefix("  "));
    token.map(str::to_owned)
}

/// Reads to the end on a thread of its own.
fn read_on(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

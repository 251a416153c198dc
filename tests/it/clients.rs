//! Other people's clients: the audit of GraphQL over HTTP, and both pages in a real browser.
//!
//! They need Node.js (and the browser check Chromium). A test whose tool is missing says so and passes;
//! under `SEATWISE_TEST_ALL=1`, as in `.ci/run`, it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use crate::support::{Options, Server, TOKEN};

/// The exit code by which a script says that a tool of its own is missing.
const TOOL_MISSING: i32 = 77;

#[tokio::test]
async fn all_checks_of_the_graphql_http_audit_pass() {
    let server = Server::demo().await;
    let environment = [
        ("AUDIT_URL", server.url("/graphql")),
        ("AUDIT_TOKEN", TOKEN.to_owned()),
    ];
    run_script("audits", &environment, "61 of 61").await;
}

#[tokio::test]
async fn both_pages_work_in_a_browser_and_no_request_leaves_the_host() {
    // Built without Node.js, the binary has plain pages that need no check.
    if !seatwise::api::pages::is_built() {
        return tool_is_missing("the pages, which the build makes with Node.js");
    }
    let server = Server::fresh(Options {
        users: 2_000,
        ..Options::default()
    })
    .await;
    let environment = [
        ("SEATWISE_URL", server.url("")),
        ("SEATWISE_TOKEN", TOKEN.to_owned()),
    ];
    run_script("browser", &environment, "").await;
}

/// Runs `node run.mjs` of a folder beside this one; it must succeed and say `expected`.
async fn run_script(folder: &str, environment: &[(&str, String)], expected: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let environment: Vec<(String, String)> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let ran =
        tokio::task::spawn_blocking(move || install(&folder).map(|()| run(&folder, &environment)));
    let output = match ran.await.unwrap() {
        Ok(output) => output,
        Err(missing) => return tool_is_missing(&missing),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(TOOL_MISSING) {
        return tool_is_missing(complained.trim());
    }
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains(expected), "{said}");
}

/// Installs what a script needs, once; what is missing where that cannot be.
fn install(folder: &PathBuf) -> Result<(), String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    if folder.join("node_modules").exists() {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder);
    let installed = npm
        .output()
        .map_err(|error| format!("npm ({error}); install Node.js"))?;
    if installed.status.success() {
        return Ok(());
    }
    Err(format!(
        "packages of {}: {}",
        folder.display(),
        String::from_utf8_lossy(&installed.stderr)
    ))
}

fn run(folder: &PathBuf, environment: &[(String, String)]) -> Output {
    let mut node = Command::new("node");
    node.arg("run.mjs")
        .current_dir(folder)
        .envs(environment.iter().cloned());
    node.output().unwrap()
}

#[allow(clippy::print_stderr, reason = "a test that was left out must say so")]
fn tool_is_missing(what: &str) {
    let must_run =
        std::env::vars_os().any(|(name, value)| name == "SEATWISE_TEST_ALL" && value == "1");
    assert!(!must_run, "missing: {what}");
    eprintln!("left out, missing: {what}");
}

//! Load by wrk: one thread, 16 connections that each ask again once they are answered.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Outcome;

const CONNECTIONS: u32 = 16;
/// The most seconds that are let go by before it counts.
const WARM_UP_MAX: u64 = 2;

/// How fast something answered.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Load {
    /// Requests answered in a second.
    pub(crate) rate: f64,
    /// Milliseconds within which half of them were answered.
    pub(crate) p50: f64,
    /// The same for 99 of a hundred.
    pub(crate) p99: f64,
    /// Bytes of an answer, with its head.
    pub(crate) bytes: f64,
    /// Answers that were none.
    pub(crate) failed: u64,
}

/// What makes load.
pub(crate) struct Loader {
    pub(crate) script: PathBuf,
    /// Where the bodies of requests are put.
    pub(crate) directory: PathBuf,
    pub(crate) seconds: u64,
}

impl Loader {
    /// Warms up, then measures.
    pub(crate) fn measure(&self, url: &str, token: &str, bodies: &[String]) -> Outcome<Load> {
        self.put(url, token, bodies, self.seconds.min(WARM_UP_MAX))?;
        self.put(url, token, bodies, self.seconds)
    }

    /// Load for so many seconds.
    pub(crate) fn put(
        &self,
        url: &str,
        token: &str,
        bodies: &[String],
        seconds: u64,
    ) -> Outcome<Load> {
        let file = self.directory.join("bodies");
        fs::write(&file, bodies.join("\n"))?;
        let output = Command::new("wrk")
            .args(["--threads", "1", "--timeout", "60s"])
            .args(["--connections", &CONNECTIONS.to_string()])
            .args(["--duration", &format!("{seconds}s")])
            .arg("--script")
            .arg(&self.script)
            .arg(url)
            .arg("--")
            .arg(&file)
            .arg(token)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("wrk cannot be started: {error}"))?;
        let told = String::from_utf8_lossy(&output.stdout);
        let line = told.lines().find(|line| line.starts_with('{'));
        let line = line.ok_or_else(|| {
            let error = String::from_utf8_lossy(&output.stderr);
            format!("wrk says {told} {error}")
        })?;
        let load: Load = serde_json::from_str(line)?;
        if load.failed > 0 {
            return Err(format!("{url} failed {} requests under load", load.failed).into());
        }
        Ok(load)
    }
}

//! Runs a step under callgrind.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::counts::Counts;
use crate::steps::Step;

/// Why instructions cannot be counted here, in one line; `None` where they can.
pub(crate) fn missing() -> Option<&'static str> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Some("the counts that are written down are of Linux on x86-64");
    }
    // Searching and hashing are done in wider steps where the processor has them.
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !processor.split_whitespace().any(|flag| flag == "avx2") {
        return Some("the counts that are written down are of a processor with AVX2");
    }
    let asked = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match asked.is_ok_and(|status| status.success()) {
        true => None,
        false => Some("valgrind is missing: apt-get install valgrind"),
    }
}

/// Counts the instructions of one step.
pub(crate) fn count(step: Step) -> Outcome<Counts> {
    let directory = tempfile::tempdir()?;
    let out = directory.path().join("callgrind.out");
    let program = std::env::current_exe()?;
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--quiet"])
        // Names are written out each time, addresses and lines not at all.
        .args(["--compress-strings=no", "--dump-line=no"])
        .arg(format!("--toggle-collect={}", step.counted()))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&program)
        .args(["--run", &step.name()])
        // Nothing of who asks: variables lie on the stack, and some are settings.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        return Err(format!("{} did not run: {said}", step.name()).into());
    }
    read(&out, &program)
}

fn read(out: &Path, program: &Path) -> Outcome<Counts> {
    let text = std::fs::read_to_string(out)?;
    Ok(Counts::of_callgrind(&text, &program.to_string_lossy())?)
}

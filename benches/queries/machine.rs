//! What the machine says: memory of a process, bytes of a directory, what it is itself.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// Bytes of a process that are in memory.
pub(crate) fn resident(process: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.ok_or("a process without memory")?.parse()?;
    Ok(kilobytes * 1024)
}

/// Bytes that a directory takes on disk.
pub(crate) fn on_disk(directory: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += match metadata.is_dir() {
            true => on_disk(&entry.path())?,
            false => metadata.blocks() * 512,
        };
    }
    Ok(bytes)
}

/// Cores, processor, memory and system in one line.
pub(crate) fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = value_of("/proc/cpuinfo", "model name", ':');
    let memory = value_of("/proc/meminfo", "MemTotal", ':');
    let gigabytes = memory
        .split(' ')
        .next()
        .and_then(|kilobytes| kilobytes.parse().ok());
    let gigabytes = gigabytes.unwrap_or(0.0) / 1024.0 / 1024.0;
    let system = value_of("/etc/os-release", "PRETTY_NAME", '=');
    format!(
        "{cores} cores of {processor}, {gigabytes:.0} GiB, {}",
        system.trim_matches('"')
    )
}

/// The first line that a program prints when it is asked for its version.
pub(crate) fn version(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines()
        .next()
        .unwrap_or("of unknown version")
        .to_owned()
}

/// The value of the first line that begins with a key.
fn value_of(file: &str, key: &str, separator: char) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines().filter(|line| line.starts_with(key));
    let value = lines.next().and_then(|line| line.split_once(separator));
    value
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned()
}

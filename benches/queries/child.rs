//! Processes that are told what to do, a line at a time, and answer each with a line of JSON.
//!
//! They end when their standard input does, so none outlives whoever started it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::Outcome;

/// How long an end in good order may take.
const END_MAX: Duration = Duration::from_secs(60);

/// A running part of the benchmark.
pub(crate) struct Part {
    name: &'static str,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Part {
    /// Starts this program in another mode and waits for its first line.
    pub(crate) fn start<T: DeserializeOwned>(
        name: &'static str,
        arguments: &[String],
    ) -> Outcome<(Self, T)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(name).args(arguments);
        Self::start_command(name, command)
    }

    /// Starts any program that tells in its first line what it is.
    pub(crate) fn start_command<T: DeserializeOwned>(
        name: &'static str,
        mut command: Command,
    ) -> Outcome<(Self, T)> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let output = output.ok_or("a process without output")?;
        let mut part = Self {
            name,
            process,
            input,
            output: BufReader::new(output),
        };
        let greeting = part.answer()?;
        Ok((part, greeting))
    }

    /// Tells it a line and waits for the answer.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, line: &str) -> Outcome<T> {
        let input = self.input.as_mut().ok_or("the process was ended")?;
        writeln!(input, "{line}")?;
        input.flush()?;
        self.answer()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        self.end()
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Outcome<T> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("{} ended without an answer", self.name).into());
        }
        serde_json::from_str(&line)
            .map_err(|error| format!("{} answered {line:?}: {error}", self.name).into())
    }

    fn end(&mut self) -> Outcome<()> {
        drop(self.input.take());
        let began = Instant::now();
        while began.elapsed() < END_MAX {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process.kill()?;
        self.process.wait()?;
        Err(format!("{} did not end by itself", self.name).into())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{error}");
        }
    }
}

/// Prints the line that the other side waits for.
pub(crate) fn tell(value: &impl serde::Serialize) -> Outcome<()> {
    let line = serde_json::to_string(value)?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

//! `seatwise completions SHELL`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::exit::Failure;
use super::{Cli, output};

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "seatwise",
        &mut script,
    );
    output::print(&String::from_utf8_lossy(&script));
    Ok(())
}

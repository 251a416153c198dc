//! Arguments, umask, then one command.

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = seatwise::cli::Cli::parse();
    // Whatever this process makes is its owner's alone: sled's files, too.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    seatwise::cli::run(arguments, std::env::vars_os().collect())
}

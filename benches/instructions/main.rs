//! How many instructions each step from a request to its answer takes, held against those that are
//! written down in `baseline.txt`: unlike times they are the same on a busy machine.
//!
//! `cargo bench --bench instructions` fails where a step takes over 5 % more, and says in which
//! functions; `-- --renew` writes down what it takes now. Counted by callgrind, each step in a process
//! of its own, and only inside the program: what the C library does depends on whose it is.
//!
//! gungraun would do the counting as well, but wants a second program of just its own version, and
//! keeps what it compares with outside the repository.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark is no product: it prints"
)]

mod baseline;
mod callgrind;
mod counts;
mod guard;
mod organization;
mod service;
mod steps;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use self::steps::Step;

/// What the server itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What may go wrong in a benchmark, with nobody but its reader to tell.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Parser)]
#[command(about = "Counts instructions of each step of a query", long_about = None)]
struct Arguments {
    /// Write down what the steps take now, instead of comparing
    #[arg(long)]
    renew: bool,
    /// Only the work of one step: what callgrind is given to run
    #[arg(long, hide = true)]
    run: Option<Step>,
}

fn main() -> ExitCode {
    // What Cargo adds when it starts a benchmark by itself.
    let arguments = std::env::args_os().filter(|argument| argument != "--bench");
    let arguments = Arguments::parse_from(arguments);
    let done = match arguments.run {
        Some(step) => step.run().map(|()| true),
        None => guard::guard(arguments.renew),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

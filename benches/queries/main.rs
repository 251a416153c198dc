//! How fast questions are answered, beside PostgreSQL with PostGraphile and beside the same bytes served
//! as they are. `bench/run` builds this, sets up what it needs and starts it.
//!
//! One program in several parts, each a process of its own, so that each takes its own memory and its
//! own core: `simulate` is Microsoft, `serve` is the product, `fixed` answers the same bytes to
//! everybody, and `measure` starts them all, asks, and prints what it saw.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark is no product: it prints, and it is its own clock"
)]

mod changes;
mod child;
mod clock;
mod export;
mod filters;
mod fixed;
mod graphql;
mod load;
mod machine;
mod measure;
mod peers;
mod questions;
mod report;
mod serve;
mod simulate;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

/// What the server itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What may go wrong in a benchmark, with nobody but its reader to tell.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Parser)]
#[command(about = "The parts of bench/run, which starts this", long_about = None)]
enum Mode {
    /// Measures everything and prints it
    Measure(measure::MeasureArgs),
    /// Microsoft, with an organization that is the same each time
    Simulate(simulate::SimulateArgs),
    /// The product
    Serve(serve::ServeArgs),
    /// The bytes of a file for every request, by the same kind of server
    Fixed(fixed::FixedArgs),
}

fn main() -> ExitCode {
    // What Cargo adds when it starts a benchmark by itself.
    let mode = Mode::parse_from(std::env::args_os().filter(|argument| argument != "--bench"));
    let done = match mode {
        Mode::Measure(arguments) => measure::run(&arguments),
        Mode::Simulate(arguments) => simulate::run(&arguments),
        Mode::Serve(arguments) => serve::run(&arguments),
        Mode::Fixed(arguments) => fixed::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

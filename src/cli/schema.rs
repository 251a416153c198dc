//! `seatwise schema`: the contract, for code generators and for reading.

use super::exit::Failure;
use crate::api::schema::sdl;

use super::output;

pub(super) fn run() -> Result<(), Failure> {
    output::print(&sdl());
    Ok(())
}

//! The rules at their boundaries, and what holds of all of them.

mod laws;
mod office;
mod people;
mod seats;
mod smaller;
mod spares;

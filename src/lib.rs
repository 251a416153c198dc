//! Seatwise: who holds which Microsoft 365 license, and who uses it.
//!
//! Imports point down only: `main -> cli -> app -> api -> sync -> {msgraph | store | engine} -> domain`.
//! A test holds the direction; ARCHITECTURE.md draws it.

// What a person runs.
pub mod app;
pub mod cli;
pub mod config;
pub mod telemetry;

// What a client asks.
pub mod api;

// What happens on its own: connecting, reading, scheduling.
pub mod sync;

// Three rooms that never meet.
pub mod engine;
pub mod msgraph;
pub mod store;

// The ground.
pub mod clock;
pub mod domain;

// A room apart: a simulated Microsoft, for the demo and the tests.
pub mod simulator;

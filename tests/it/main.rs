//! One test binary: the real server, the simulated Microsoft, and HTTP between them and us.
//!
//! Rules that are pure are tested beside the code. What is here goes through the front door; a test
//! of one mechanism of one room belongs into that room.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected ends there"
)]

// What the others stand on.
mod browser;
mod evidence;
mod hold;
mod search;
mod support;

// How the code is laid out, and what is promised to frontends.
mod architecture;
mod schema;

// What is asked.
mod activity;
mod asking;
mod export;
mod export_command;
mod export_stream;
mod filters;
mod findings;
mod money;
mod mutations;
mod pages;
mod plan_limits;
mod plans;
mod queries;

// What is refused, and what is never told.
mod limits;
mod secrets;

// What happens on its own.
mod bad_input;
mod calendar;
mod changes;
mod changes_history;
mod comings;
mod connect;
mod reclaim;
mod reports;
mod streams;
mod sync;
mod tokens;
mod webhook;

// The binary, as an operator meets it.
mod commands;
mod crash;
mod damage;
mod demo;
mod startup;

// Other people's clients.
mod clients;

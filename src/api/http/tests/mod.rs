//! The server as clients see it: over real HTTP, with a small schema behind it.

mod connecting;
mod door;
mod graphql;
mod harness;
mod logs;
mod pages;
mod streams;

//! GraphQL over HTTP.

// What an operator sets.
pub mod settings;

// Who asks, and what is wrong.
pub mod auth;
pub mod caller;
pub mod error;

// The way in: connections, the gate, one handler a transport.
mod connections;
pub mod gate;
pub mod http;
mod origin;
mod peer;
mod places;
pub mod server;
mod shell;
mod sse;
mod waiting;
mod websocket;

// What is answered: the schema, its roots, one file a noun.
mod cursor;
mod ids;
mod mutation;
mod plan;
mod query;
mod scalars;
pub mod schema;
mod subscription;
mod types;

// Beside GraphQL.
pub mod calendar;
pub mod connect;
pub mod export;
pub mod health;
mod metrics;
pub mod pages;
pub mod web;

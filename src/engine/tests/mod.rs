//! The read model against a plain list of users.

mod answers;
mod drafts;
mod memory;
mod model;
mod sharing;

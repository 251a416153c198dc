//! The read model against a plain list of users.

mod activity;
mod answers;
mod asked;
mod breakdowns;
mod changes;
mod drafts;
mod facts;
mod finding_lists;
mod findings;
mod history;
mod memory;
mod model;
mod sharing;
mod told;

//! The types of the schema, a file a noun. Doc comments on them are the schema's descriptions: they
//! speak to those who ask.

// What a request sees, and what every list shares.
pub(crate) mod paging;
pub(crate) mod reading;

// Nodes and what hangs on them.
pub(crate) mod activity;
pub(crate) mod calendar_feed;
pub(crate) mod catalog_update;
pub(crate) mod change;
pub(crate) mod finding;
pub(crate) mod group;
pub(crate) mod license;
pub(crate) mod license_assignment;
pub(crate) mod money;
pub(crate) mod node;
pub(crate) mod price;
pub(crate) mod reclaim_file;
pub(crate) mod reclaim_plan;
pub(crate) mod renewal;
pub(crate) mod sync_run;
pub(crate) mod tenant;
pub(crate) mod tenant_subscription;
pub(crate) mod terms;
pub(crate) mod usage;
pub(crate) mod user;
pub(crate) mod user_log;
pub(crate) mod viewer;
pub(crate) mod workload_activity;

// Lists of them.
pub(crate) mod change_connection;
pub(crate) mod finding_connection;
pub(crate) mod group_connection;
pub(crate) mod license_connection;
pub(crate) mod sync_run_connection;
pub(crate) mod user_connection;

// What is asked.
pub(crate) mod change_inputs;
pub(crate) mod filter_inputs;
pub(crate) mod finding_inputs;
pub(crate) mod group_inputs;
pub(crate) mod license_inputs;
pub(crate) mod money_inputs;
pub(crate) mod nesting;
pub(crate) mod order;
pub(crate) mod time_inputs;
pub(crate) mod user_inputs;

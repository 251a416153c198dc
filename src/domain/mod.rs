//! The ground: what a tenant, a user, a license and a sync run *are*, and what may be asked of them.
//!
//! Everything here is a value or a pure function. There is no I/O, no async, no clock, no serde and
//! no GraphQL: Graph's JSON, the records on disk and the API types are other shapes, each with one
//! mapping file of its own, so that Microsoft, the disk and the schema may change on different days.

pub mod activity;
pub mod audit;
pub mod calendar_feed;
pub mod catalog;
pub mod cell;
pub mod containment;
pub mod day;
pub mod declared;
pub mod filter;
pub mod finding;
pub mod finding_filter;
pub mod group;
pub mod group_filter;
pub mod ids;
pub mod license;
pub mod license_class;
pub mod license_filter;
pub mod money;
pub mod policy;
pub mod prices;
pub mod reclaim;
pub mod renewal;
pub mod rules;
pub mod service_plans;
pub mod seven_bits;
pub mod sign_in;
pub mod standing;
pub mod subscription;
pub mod sync_run;
pub mod tenant;
pub mod terms;
pub mod text;
pub mod usage;
pub mod user;
pub mod user_change;
pub mod user_fact;
pub mod webhook;

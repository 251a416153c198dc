//! The read model: columns, bit sets, orders, filters, pages and breakdowns.
//!
//! A [`World`] is immutable and swapped whole: a request takes one and answers everything from it.
//! What changed between two of them is copied, the rest is shared. It knows neither GraphQL nor disk.

// What a sync changes and a request reads.
mod changes;
mod directory;
mod draft;
mod history;
mod index;
mod licenses;
mod row;
mod world;

// Asking: a filter becomes a plan, a plan selects rows, a selection gives pages and counts.
mod breakdown;
mod filter;
pub mod gather;
mod page;
mod plan;
mod position;
mod rates;
mod rows;
mod scan;
mod select;
mod walk;

// What the rules find in a tenant.
mod findings;

// The users of a tenant as columns.
mod activity;
mod arrangement;
mod assignments;
mod dictionary;
mod facts;
mod flags;
mod ids;
mod labels;
mod managers;
mod orders;
mod pieces;
mod property;
mod texts;
mod times;
mod users;
mod values;

// What columns are made of.
mod bits;
mod chunked;
mod cores;
mod ends;
mod fit;
mod heap;
mod lookup;
mod marks;
mod order;

#[cfg(test)]
mod tests;

pub use breakdown::{Group, GroupDetail};
pub use changes::{
    ChangeRow, ChangeSelection, ChangedUsers, NewChanges, open_findings, select_changes,
};
pub use directory::{Directory, Named};
pub use draft::{Change, UsersDraft, UsersLoading};
pub use facts::CodedUsage;
pub use findings::{
    Decisions, FindingRow, FindingSelection, FindingWindow, Reclaim, select_findings,
};
pub use history::{CodedDay, Granularity, HistoryDraft, UsagePoint};
pub use index::{TenantIndex, TenantUpdate};
pub use licenses::{LicenseEntry, LicenseText, NameLicense};
pub use page::{Page, Window};
pub use position::Position;
pub use rates::UserCost;
pub use row::UserRow;
pub use select::{UserSelection, select, select_while};
pub use world::{Engine, World};

//! Microsoft Graph and its login service, and nothing else.
//!
//! What leaves this room are domain values and [`Problem`]s in words; what enters is hostile until
//! it is checked. Three rules hold everywhere in here: a token travels to its own origin only (one
//! function attaches it, [`Endpoints::authorized_get`]), everything that is read or waited for is
//! bounded, and no text of Microsoft's that could hold a name reaches a log or an error.
//!
//! It keeps no tokens (a [`TokenSource`] hands them out), writes nothing, and decides nothing about
//! the data: whether a half-read directory may be published is for the one who asked.

mod aadsts;
mod assignments;
mod auth;
mod certificate;
mod client;
mod directory;
#[cfg(test)]
mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod into_domain;
mod logs;
mod meter;
mod origin;
mod pace;
mod paging;
mod problem;
mod quota;
mod reports;
mod retry;
mod scalars;
#[cfg(test)]
mod sign_ins;
#[cfg(test)]
mod testing;
mod timing;
mod users;
mod wire;

pub use auth::{Credential, DELEGATED_SCOPES, Login, SignInError, SignInErrorKind, TokenAnswer};
pub use certificate::Certificate;
pub use client::{Client, Error, TokenSource};
pub use directory::{
    ChangePages, Changes, GroupLicenses, GroupPatch, SignInActivityPages, UserAssignments,
    UserPatch,
};
pub use http::{Http, NetworkSettings};
pub use logs::{DirectoryAudit, LogPages, SignIn};
pub use meter::Meter;
pub use origin::{Endpoints, bare_origin, is_loopback, is_private};
pub use paging::{Quarantined, Rows, quarantine_problem};
pub use problem::concealed_problem;
pub use reports::{Report, ReportAnswer, ReportKey, ReportRow, report_has_sums};
pub use users::{UserPages, UsersCheckpoint};

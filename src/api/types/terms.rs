//! For how long purchases bind.

use async_graphql::{Enum, SimpleObject};

use crate::api::scalars::Date;
use crate::domain::terms;

/// For how long a purchase binds, as the operator declared it: Microsoft Graph tells none of it. What was
/// not declared is UNKNOWN or null, and never guessed.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Terms {
    /// For how long it binds: within the term its seats can only become more.
    term: Term,
    /// When it is paid; a year may be paid by the month.
    billing: Billing,
    /// Whether it goes on by itself after its renewal.
    auto_renews: Option<bool>,
    /// The day that was declared, on which it renews or did once, in UTC.
    renews_on: Option<Date>,
}

impl From<terms::Terms> for Terms {
    fn from(terms: terms::Terms) -> Self {
        Self {
            term: terms.term.into(),
            billing: terms.billing.into(),
            auto_renews: terms.auto_renews,
            renews_on: terms.renews_on.map(Date),
        }
    }
}

/// For how long a purchase binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "terms::Term")]
pub(crate) enum Term {
    /// One month.
    Monthly,
    /// One year.
    Annual,
    /// Three years.
    ThreeYears,
    /// Nobody has declared it.
    Unknown,
}

/// When a purchase is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "terms::Billing")]
pub(crate) enum Billing {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Once, for the whole term.
    Upfront,
    /// Nobody has declared it.
    Unknown,
}

//! What a plan is made of: the fields of an answer, in its order, each with what it reads.

use jiff::Timestamp;
use jiff::civil::Date;

use super::arguments::Arguments;
use crate::domain::filter::{UserDimension, UserText};
use crate::domain::user::LicenseAssignment;
use crate::engine::{LicenseEntry, UserRow};

/// The fields of an object; at least one.
pub(super) struct Object<F> {
    pub(super) entries: Vec<Entry<F>>,
}

/// A field and what is written before it.
pub(super) struct Entry<F> {
    /// The brace or comma, the key, and the value too where it is the same for every object.
    pub(super) start: String,
    /// `None` where `start` is all of it.
    pub(super) field: Option<F>,
}

/// What can be asked of the root.
pub(super) enum RootField {
    Users(Arguments, Object<ConnectionField>),
    User(Arguments, Object<UserField>),
}

pub(super) enum ConnectionField {
    Nodes(Object<UserField>),
    Edges(Object<EdgeField>),
    PageInfo(Object<PageInfoField>),
    TotalCount,
    Breakdown {
        by: UserDimension,
        first: usize,
        fields: Object<GroupField>,
    },
}

pub(super) enum EdgeField {
    Cursor,
    Node(Object<UserField>),
}

pub(super) enum PageInfoField {
    HasNextPage,
    HasPreviousPage,
    StartCursor,
    EndCursor,
}

pub(super) enum GroupField {
    Key,
    Label,
    Count,
    ActiveCount,
    InactiveCount,
    UnknownCount,
}

impl GroupField {
    /// Whether it tells users apart by their activity.
    pub(super) fn tells_activity(&self) -> bool {
        match self {
            Self::Key | Self::Label | Self::Count => false,
            Self::ActiveCount | Self::InactiveCount | Self::UnknownCount => true,
        }
    }
}

pub(super) enum UserField {
    Id,
    ObjectId,
    Text(UserText),
    Flag(fn(&UserRow) -> bool),
    /// A value of an enum.
    Word(fn(&UserRow) -> Option<&'static str>),
    Day(fn(&UserRow) -> Option<Date>),
    Time(fn(&UserRow) -> Option<Timestamp>),
    LicenseNames,
    LicenseValues,
    MonthlyCost(Object<MoneyField>),
    UnpricedLicenses,
    Manager(Object<UserField>),
    Licenses(Object<AssignmentField>),
}

pub(super) enum MoneyField {
    Amount,
    Currency,
}

pub(super) enum AssignmentField {
    License(Object<LicenseField>),
    Error,
    Flag(fn(&LicenseAssignment) -> bool),
    Word(fn(&LicenseAssignment) -> &'static str),
    Time(fn(&LicenseAssignment) -> Option<Timestamp>),
}

pub(super) enum LicenseField {
    Id,
    SkuId,
    Text(fn(&LicenseEntry) -> &str),
    Flag(fn(&LicenseEntry) -> bool),
    Word(fn(&LicenseEntry) -> &'static str),
}

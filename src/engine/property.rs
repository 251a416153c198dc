//! The text properties of users, and where each is kept.

use crate::domain::filter::{UserDimension, UserOrderField};
use crate::domain::user::User;

use super::texts::{Texts, kept};
use super::values::Values;

/// The text properties with few distinct values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    Department,
    JobTitle,
    CompanyName,
    OfficeLocation,
    Country,
    UsageLocation,
    EmployeeType,
}

impl Property {
    pub(super) const ALL: [Self; 7] = [
        Self::Department,
        Self::JobTitle,
        Self::CompanyName,
        Self::OfficeLocation,
        Self::Country,
        Self::UsageLocation,
        Self::EmployeeType,
    ];

    /// What an account of memory calls it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Department => "departments",
            Self::JobTitle => "job titles",
            Self::CompanyName => "company names",
            Self::OfficeLocation => "office locations",
            Self::Country => "countries",
            Self::UsageLocation => "usage locations",
            Self::EmployeeType => "employee types",
        }
    }

    /// The property of a dimension; `None` for one that is no such text.
    pub(super) fn of_dimension(dimension: UserDimension) -> Option<Self> {
        Some(match dimension {
            UserDimension::Department => Self::Department,
            UserDimension::Company => Self::CompanyName,
            UserDimension::Country => Self::Country,
            UserDimension::UsageLocation => Self::UsageLocation,
            UserDimension::OfficeLocation => Self::OfficeLocation,
            UserDimension::JobTitle => Self::JobTitle,
            UserDimension::EmployeeType => Self::EmployeeType,
            UserDimension::Tenant
            | UserDimension::UserType
            | UserDimension::ResourceAccount
            | UserDimension::AccountEnabled
            | UserDimension::LicenseName
            | UserDimension::LicenseValue
            | UserDimension::ActivityState => return None,
        })
    }

    pub(super) fn of_user(self, user: &User) -> Option<&str> {
        let text = match self {
            Self::Department => &user.department,
            Self::JobTitle => &user.job_title,
            Self::CompanyName => &user.company_name,
            Self::OfficeLocation => &user.office_location,
            Self::Country => &user.country,
            Self::UsageLocation => &user.usage_location,
            Self::EmployeeType => &user.employee_type,
        };
        text.as_deref().map(kept)
    }
}

/// Where a text property is kept.
pub(super) enum TextPlace<'a> {
    /// Coded, with a set of rows for each value.
    Values(&'a Values),
    /// Row by row.
    Texts(&'a Texts),
    /// Row by row, and sorted by this.
    Sorted(&'a Texts, UserOrderField),
    /// Row by row; where it equals the user principal name only a flag says so.
    Mail,
}

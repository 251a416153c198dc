//! What is listed of all users: the whole of each, or some of its properties.

use std::borrow::Cow;

use jiff::Timestamp;

use super::part::Part;
use crate::domain::ids::ObjectId;
use crate::domain::sync_run::Dataset;
use crate::domain::user::User;
use crate::msgraph::paging::{Key, PAGE_ROWS_MAX, Query, Row};

/// Exactly what `domain::user::User` is made of: `$select` also halves what Microsoft charges. Trimming
/// the manager to its id needs `$levels`, and that an advanced query.
const USERS: List = List {
    dataset: Dataset::Users,
    columns: "$select=id,userPrincipalName,displayName,mail,employeeId,employeeType,jobTitle,department,companyName,officeLocation,country,usageLocation,userType,isResourceAccount,accountEnabled,createdDateTime,employeeHireDate,onPremisesSyncEnabled,assignedLicenses,licenseAssignmentStates&$expand=manager($levels=1;$select=id)",
    page_rows: PAGE_ROWS_MAX,
    is_always_advanced: true,
};

/// A list of all users.
pub struct List {
    pub(in crate::msgraph) dataset: Dataset,
    /// `$select`, with `id` and `createdDateTime`, and `$expand`.
    pub(in crate::msgraph) columns: &'static str,
    /// Rows a page of the first try.
    pub(in crate::msgraph) page_rows: u32,
    /// The columns are told in an advanced query only, such as one that counts.
    pub(in crate::msgraph) is_always_advanced: bool,
}

impl List {
    pub(super) fn query(&self, part: Part, page_rows: u32) -> Query {
        let is_advanced = part != Part::Uncounted;
        let mut query = self.columns.to_owned();
        if is_advanced {
            query.push_str("&$count=true");
        }
        if let Some(filter) = part.filter() {
            query.push_str("&$filter=");
            query.push_str(&filter);
        }
        Query {
            dataset: self.dataset,
            path: "users",
            query: Cow::Owned(query),
            is_advanced,
            page_rows: Some(page_rows),
        }
    }
}

/// What a list of all users tells of each. Public only because [`UserPages`](super::UserPages) asks for
/// it; nobody outside can name it.
pub trait UserRow: Sized + Send + 'static {
    /// The list that tells it.
    const LIST: List;
    /// Reads one element of `value`; the error names the property and never its value.
    fn read_listed(json: &str) -> Result<Listed<Self>, String>;
}

/// A row of a list of all users.
pub struct Listed<T> {
    /// Whose it is.
    pub(in crate::msgraph) object_id: ObjectId,
    /// When that user was created, which says to which part of the list the row belongs; `None` if
    /// Microsoft does not know.
    pub(in crate::msgraph) created_at: Option<Timestamp>,
    /// What it tells.
    pub(in crate::msgraph) row: T,
}

impl<T: UserRow> Row for Listed<T> {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        T::read_listed(json)
    }

    fn key(&self) -> Key {
        Key::Id(self.object_id.0)
    }
}

impl UserRow for User {
    const LIST: List = USERS;

    fn read_listed(json: &str) -> Result<Listed<Self>, String> {
        let user = Self::read(json)?;
        Ok(Listed {
            object_id: user.object_id,
            created_at: user.created_at,
            row: user,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sign_in::SignInActivity;

    #[track_caller]
    fn check(part: Part, expected: &str, is_advanced: bool) {
        let query = SignInActivity::LIST.query(part, 250);
        assert_eq!(query.query, expected);
        assert_eq!(
            (query.is_advanced, query.page_rows),
            (is_advanced, Some(250))
        );
    }

    #[test]
    fn parts_are_counted_advanced_and_filtered() {
        let columns = "$select=id,createdDateTime,signInActivity";
        check(Part::All, &format!("{columns}&$count=true"), true);
        check(Part::Uncounted, columns, false);
        let undated = format!("{columns}&$count=true&$filter=createdDateTime eq null");
        check(Part::Undated, &undated, true);
    }

    #[test]
    fn when_a_user_was_created_is_told_in_every_list() {
        let lists = [
            User::LIST,
            SignInActivity::LIST,
            crate::msgraph::UserAssignments::LIST,
        ];
        for list in lists {
            let columns = list.columns;
            assert!(columns.contains("=id,") && columns.contains(",createdDateTime,"));
        }
    }
}

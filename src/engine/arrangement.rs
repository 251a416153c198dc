//! The order in which rows lie in memory.
//!
//! What a page shows is read from as many places as it has rows, and the processor waits for each of them;
//! a set of rows that are scattered has a little in every block. Rows of a first list come as Microsoft
//! sends them, in no order that anybody asks for. So they are put in order once, before anything refers to
//! them: those of a department side by side, by name, as lists of people are mostly cut and sorted. Nothing
//! depends on it, and nothing keeps it up: users who come later are added behind, until the next start.

use crate::domain::ids::ObjectId;

use super::bits::Listed;
use super::cores::on_all_cores;
use super::property::Property;
use super::users::Users;

/// What becomes of each row.
pub(super) struct Arrangement {
    /// The rows in use, as they shall lie.
    rows: Vec<u32>,
    /// The user of each row, as rows lay before, and the place in `rows`; none is [`NOWHERE`].
    before: Vec<(ObjectId, u32)>,
}

/// The number of a row that is not in use.
const NOWHERE: u32 = u32::MAX;

impl Arrangement {
    /// By department, then by display name.
    pub(super) fn new(users: &Users) -> Self {
        let departments = users.values(Property::Department);
        let mut by_department = Listed::default();
        for row in users.live().iter() {
            by_department.push(departments.group(row), row);
        }
        let lists: Vec<&[u32]> = by_department.lists().map(|(_, rows)| rows).collect();
        // A few letters tell nearly all names apart; the others may stand either way.
        let start_of_name = |row: &u32| users.display_name_start(*row);
        let sorted = on_all_cores(&lists, |rows| {
            let mut rows = rows.to_vec();
            rows.sort_by_cached_key(start_of_name);
            rows
        });
        let rows = sorted.concat();
        let of_row = |row| (users.object_id(row), NOWHERE);
        let mut before: Vec<_> = (0..users.row_count()).map(of_row).collect();
        for (number, row) in (0..).zip(&rows) {
            before[*row as usize].1 = number;
        }
        Self { rows, before }
    }

    /// The rows in use, in their order.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// What number a row gets; `None` where it is not in use.
    pub(super) fn number_of(&self, row: u32) -> Option<u32> {
        let (_, number) = self.before.get(row as usize)?;
        Some(*number).filter(|number| *number != NOWHERE)
    }

    /// The number of a row that was somebody's, if it was; without a look at whose it is now.
    pub(super) fn number_of_user(&self, row: u32, user: ObjectId) -> Option<u32> {
        let (before, _) = self.before.get(row as usize)?;
        (*before == user).then(|| self.number_of(row)).flatten()
    }
}

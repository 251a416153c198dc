//! The lists that can be exported. One more is a file that says which columns it has and yields its
//! rows, and a line in [`LISTS`].

mod findings;
mod groups;
mod licenses;
mod prices;
mod users;

use std::io;
use std::sync::Arc;

use async_graphql::{InputType, Variables};

use super::cell::{Cell, Kind};
use super::column::{Column, Head};
use super::writer::Writer;
use crate::api::error::Error;
use crate::api::types::reading::Reading;
use crate::api::types::tenant::tenant_name;
use crate::engine::TenantIndex;

/// Every list, in the order in which they are told.
const LISTS: [List; 5] = [
    List::of::<users::Users>(),
    List::of::<licenses::Licenses>(),
    List::of::<groups::Groups>(),
    List::of::<findings::Findings>(),
    List::of::<prices::Prices>(),
];

/// What is known of a list before it is read.
#[derive(Debug)]
pub(super) struct List {
    /// In the address.
    pub(super) name: &'static str,
    /// Asks GraphQL for the list, and for nothing of it: whether the arguments are good.
    pub(super) question: &'static str,
    /// The arguments of the question.
    pub(super) takes: &'static [&'static str],
    /// A filter, for whoever wrote one that cannot be read.
    pub(super) example: &'static str,
    /// Its columns, in their order.
    pub(super) columns: fn() -> Vec<Head>,
    open: Open,
}

type Open = fn(&Arc<Reading>, &Variables, &dyn Fn() -> bool) -> Result<Box<dyn Readable>, Error>;

/// A list that can be exported, once it is opened under its arguments.
trait Listed: Sized + 'static {
    /// A handle of what a row is read from.
    type Row: 'static;

    const NAME: &'static str;
    const QUESTION: &'static str;
    const TAKES: &'static [&'static str];
    const EXAMPLE: &'static str;
    const COLUMNS: &'static [Column<Self::Row>];

    /// Selects its rows; the arguments are those that GraphQL has found good. What is selected once
    /// it is no longer wanted does not matter.
    fn open(
        reading: &Arc<Reading>,
        arguments: &Variables,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Self, Error>;

    /// How many rows it has in all.
    fn count(&self) -> u64;

    /// The next rows, at most so many; none at its end.
    fn next(&mut self, most: usize) -> Vec<Self::Row>;
}

/// An opened list, whatever its rows are.
pub(super) trait Readable {
    /// How many rows it has in all.
    fn count(&self) -> u64;

    /// Writes the columns of some places of all rows.
    fn write(&mut self, places: &[usize], writer: &mut Writer) -> io::Result<()>;
}

impl<L: Listed> Readable for L {
    fn count(&self) -> u64 {
        Listed::count(self)
    }

    fn write(&mut self, places: &[usize], writer: &mut Writer) -> io::Result<()> {
        let columns = places.iter().filter_map(|place| L::COLUMNS.get(*place));
        let columns: Vec<&Column<L::Row>> = columns.collect();
        loop {
            let rows = self.next(writer.rows_at_once());
            if rows.is_empty() {
                return Ok(());
            }
            writer.write(&columns, &rows)?;
        }
    }
}

impl List {
    const fn of<L: Listed>() -> Self {
        Self {
            name: L::NAME,
            question: L::QUESTION,
            takes: L::TAKES,
            example: L::EXAMPLE,
            columns: || L::COLUMNS.iter().map(|column| column.head).collect(),
            open: |reading, arguments, is_wanted| {
                let opened = L::open(reading, arguments, is_wanted)?;
                Ok(Box::new(opened))
            },
        }
    }

    /// Selects its rows.
    pub(super) fn open(
        &self,
        reading: &Arc<Reading>,
        arguments: &Variables,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Box<dyn Readable>, Error> {
        (self.open)(reading, arguments, is_wanted)
    }
}

/// The list of a name.
pub(super) fn find(name: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.name == name)
}

/// The names of all lists.
pub(super) fn names() -> String {
    LISTS.map(|list| list.name).join(", ")
}

/// An argument as the schema's type of it.
fn argument<T: InputType>(arguments: &Variables, name: &str) -> Result<T, Error> {
    T::parse(arguments.get(name).cloned())
        .map_err(|_| Error::internal("GraphQL took an argument that its own type refuses"))
}

/// A row of which the tenant is known: every list of them says first whose its rows are.
trait OfTenant {
    fn tenant(&self) -> &TenantIndex;
}

/// `tenant.key`
const fn tenant_key_column<R: OfTenant>() -> Column<R> {
    Column::each("tenant.key", Kind::Text, |row| {
        Cell::text(row.tenant().key().as_str())
    })
}

/// `tenant.name`
const fn tenant_name_column<R: OfTenant>() -> Column<R> {
    Column::each("tenant.name", Kind::Text, |row| {
        Cell::text(tenant_name(row.tenant()))
    })
}

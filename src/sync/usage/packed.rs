//! Report rows on their way from the network to the directory, in a few bytes each.
//!
//! A row as it was read takes some hundred bytes, and a first sync has a dozen answers of every report
//! waiting for the users. So a name is kept once for all answers, and numbers in seven bits a byte.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::domain::ids::ObjectId;
use crate::domain::seven_bits::{put, take};
use crate::domain::text::Folded;
use crate::domain::usage::{MailboxType, Metric, Values};
use crate::msgraph::{ReportKey, ReportRow};

/// By what a row says whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Person {
    /// The object id.
    Id(ObjectId),
    /// The user principal name.
    Name(Folded),
}

impl Person {
    /// `None` for a row that says nothing.
    pub(super) fn of(key: &ReportKey) -> Option<Self> {
        match key {
            ReportKey::Id(id) => Some(Self::Id(*id)),
            ReportKey::PrincipalName(name) => {
                let name = Folded::new(name);
                (!name.as_str().is_empty()).then_some(Self::Name(name))
            }
            ReportKey::Concealed | ReportKey::Nobody => None,
        }
    }
}

/// The people that the answers of a report name.
#[derive(Default)]
pub(super) struct People(HashMap<Person, u32>);

impl People {
    /// The place of a person; the next one for a new person.
    pub(super) fn place(&mut self, person: Person) -> u32 {
        let next = self.0.len() as u32; // Far fewer than rows are ever read.
        *self.0.entry(person).or_insert(next)
    }

    /// By place.
    pub(super) fn list(&self) -> Vec<&Person> {
        let mut list: Vec<(&Person, u32)> =
            self.0.iter().map(|(one, place)| (one, *place)).collect();
        list.sort_unstable_by_key(|(_, place)| *place);
        list.into_iter().map(|(person, _)| person).collect()
    }
}

/// Rows of one answer.
#[derive(Default)]
pub(super) struct PackedRows {
    /// Of each row: person, day, mailbox type, number of values, then column and value of each.
    bytes: Vec<u8>,
    /// The metrics that a column stands for.
    columns: Vec<Metric>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackedRow {
    /// The place in [`People`].
    pub(super) person: u32,
    pub(super) last_active_on: Option<Date>,
    pub(super) mailbox_type: Option<MailboxType>,
    pub(super) values: Values,
}

impl PackedRows {
    pub(super) fn push(&mut self, person: u32, row: &ReportRow) {
        put(&mut self.bytes, person.into());
        put(&mut self.bytes, packed_day(row.last_active_on));
        let mailbox_type = row.mailbox_type.map_or(0, |of| of as u64 + 1);
        put(&mut self.bytes, mailbox_type);
        put(&mut self.bytes, row.values.iter().count() as u64);
        for (metric, value) in row.values.iter() {
            let known = self.columns.iter().position(|own| *own == metric);
            let column = known.unwrap_or_else(|| {
                self.columns.push(metric);
                self.columns.len() - 1
            });
            put(&mut self.bytes, column as u64);
            put(&mut self.bytes, value);
        }
    }

    /// Every row, and where it is.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, PackedRow)> + '_ {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || {
            let place = self.bytes.len() - rest.len();
            (!rest.is_empty()).then(|| (place, self.take(&mut rest)))
        })
    }

    /// The row at a place that [`Self::iter`] gave.
    pub(super) fn at(&self, place: usize) -> PackedRow {
        self.take(&mut self.bytes.get(place..).unwrap_or_default())
    }

    fn take(&self, bytes: &mut &[u8]) -> PackedRow {
        let person = take(bytes) as u32; // Written from a u32.
        let last_active_on = unpacked_day(take(bytes));
        let mailbox_type = usize::try_from(take(bytes)).ok();
        let count = take(bytes);
        let values = (0..count).filter_map(|_| {
            let (column, value) = (take(bytes), take(bytes));
            let metric = self.columns.get(usize::try_from(column).ok()?)?;
            Some((*metric, value))
        });
        PackedRow {
            person,
            last_active_on,
            values: Values::new(values),
            mailbox_type: mailbox_type
                .and_then(|code| MailboxType::ALL.get(code.checked_sub(1)?).copied()),
        }
    }
}

/// 0 is no day, since no month is 0. Microsoft has no days before our era.
fn packed_day(day: Option<Date>) -> u64 {
    let Some(day) = day else {
        return 0;
    };
    let [year, month, day] = [day.year(), day.month().into(), day.day().into()].map(u64::try_from);
    match (year, month, day) {
        (Ok(year), Ok(month), Ok(day)) => year << 9 | month << 5 | day,
        _ => 0,
    }
}

fn unpacked_day(packed: u64) -> Option<Date> {
    let year = i16::try_from(packed >> 9).ok()?;
    Date::new(year, (packed >> 5 & 15) as i8, (packed & 31) as i8).ok() // Four and five bits.
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_row() -> impl Strategy<Value = ReportRow> {
        let metrics = [Metric::EmailsSent, Metric::MailboxBytes, Metric::HasArchive];
        let value = prop_oneof![0..200_u64, any::<u64>()];
        let values = prop::collection::vec((prop::sample::select(metrics.to_vec()), value), 0..4);
        let day = prop::option::of((0..9_999_i16, 1..=12_i8, 1..=28_i8));
        let mailbox = prop::option::of(prop::sample::select(MailboxType::ALL.to_vec()));
        (day, mailbox, values).prop_map(|(day, mailbox_type, values)| ReportRow {
            who: ReportKey::Nobody,
            is_deleted: false,
            last_active_on: day.map(|(year, month, day)| jiff::civil::date(year, month, day)),
            values: Values::new(values),
            mailbox_type,
        })
    }

    proptest! {
        #[test]
        fn rows_come_back_as_they_were(
            rows in prop::collection::vec((any::<u32>(), any_row()), 0..20),
        ) {
            let mut packed = PackedRows::default();
            for (person, row) in &rows {
                packed.push(*person, row);
            }
            let unpacked = rows.iter().map(|(person, row)| PackedRow {
                person: *person,
                last_active_on: row.last_active_on,
                mailbox_type: row.mailbox_type,
                values: row.values.clone(),
            });
            let found: Vec<_> = packed.iter().collect();
            prop_assert!(found.iter().all(|(place, row)| packed.at(*place) == *row));
            let found = found.into_iter().map(|(_, row)| row);
            prop_assert_eq!(found.collect::<Vec<_>>(), unpacked.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_person_is_one_however_the_name_is_written() {
        let mut people = People::default();
        let mut place = |key| people.place(Person::of(&key).unwrap());
        let name = |text: &str| ReportKey::PrincipalName(text.to_owned());
        assert_eq!(place(name("Ann@Contoso.com")), 0);
        assert_eq!(place(name("bo@contoso.com")), 1);
        assert_eq!(place(name(" ann@contoso.COM")), 0);
        assert_eq!(people.list().len(), 2);
        assert_eq!(Person::of(&name(" ")), None);
        assert_eq!(Person::of(&ReportKey::Nobody), None);
    }
}

//! The users of one tenant as columns: a row number for each, and a column for each property.
//!
//! A clone shares everything; a change copies what it touches. Sorted orders are brought up to date
//! by [`super::draft`], at the end of all changes.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::day::Day;
use crate::domain::filter::{UserFlag, UserOrderField, UserText};
use crate::domain::ids::ObjectId;
use crate::domain::user::{User, UserType};

use super::arrangement::Arrangement;
use super::assignments::Assignments;
use super::bits::Bits;
use super::chunked::{Chunked, Chunks, split_row};
use super::cores::{Work, all_at_once, on_all_cores};
use super::facts::Facts;
use super::flags::{Flag, Flags};
use super::heap::{Heap, Parts};
use super::ids::Ids;
use super::managers::Managers;
use super::orders::{Amount, FIELDS, Key, Orders};
use super::property::{Property, TextPlace};
use super::rates::Rates;
use super::texts::Texts;
use super::times::Times;
use super::values::Values;

/// With fewer users a second thread is not worth its start.
const TWO_THREADS_MIN: usize = 512;

/// What changed of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Anything at all.
    pub(super) anything: bool,
    /// What activity is judged by.
    pub(super) evidence: bool,
    /// What findings are judged by.
    pub(super) findings: bool,
    /// The keys of these orders, in the order of [`super::orders::FIELDS`].
    pub(super) orders: [bool; FIELDS.len()],
}

/// Where a text of one row is kept.
pub(super) enum Column<'a> {
    Texts(&'a Texts),
    Values(&'a Values),
}

/// All columns.
#[derive(Clone, Default)]
pub(super) struct Users {
    /// How many rows there are, used or free.
    rows: u32,
    /// Rows from here on are new: values, flags and products do not have them in their sets yet. A
    /// whole list is put there at once by [`Self::settle`], for a fraction of what it costs row by row.
    settled: u32,
    live: Bits,
    free: Bits,
    ids: Ids,
    principal_names: Texts,
    display_names: Texts,
    /// Without those that equal the user principal name.
    mails: Texts,
    employee_ids: Texts,
    /// At the place of each [`Property`].
    values: [Values; 7],
    flags: Flags,
    created_at: Chunks<Times>,
    hired_on: Chunked<u32>,
    managers: Managers,
    assignments: Assignments,
    facts: Facts,
    orders: Orders,
    /// What seats cost: of those of a product that is new, nothing is known until a world shows it.
    rates: Arc<Rates>,
}

impl Users {
    /// The rows in use.
    pub(super) fn live(&self) -> &Bits {
        &self.live
    }

    /// How many rows there are, used or free.
    pub(super) fn row_count(&self) -> u32 {
        self.rows
    }

    /// Blocks of bit sets that cover every row.
    pub(super) fn block_count(&self) -> usize {
        self.rows.div_ceil(super::bits::BLOCK_ROWS as u32) as usize
    }

    pub(super) fn find(&self, id: ObjectId) -> Option<u32> {
        self.ids.find(id)
    }

    /// Whether a row is in use, and by this user.
    pub(super) fn is_at(&self, row: u32, id: ObjectId) -> bool {
        row < self.rows && self.ids.get(row) == id && self.live.contains(row)
    }

    pub(super) fn object_id(&self, row: u32) -> ObjectId {
        self.ids.get(row)
    }

    pub(super) fn principal_name(&self, row: u32) -> &str {
        self.principal_names.get(row).unwrap_or_default()
    }

    pub(super) fn display_name(&self, row: u32) -> Option<&str> {
        self.display_names.get(row)
    }

    /// The beginning of the folded display name as a number that sorts as it does; 0 without a name.
    pub(super) fn display_name_start(&self, row: u32) -> u128 {
        let name = self.display_names.lowered(row);
        name.map_or(0, |name| name.prefix().0)
    }

    pub(super) fn mail(&self, row: u32) -> Option<&str> {
        if self.flags.has(row, Flag::MailIsPrincipalName) {
            self.principal_names.get(row)
        } else {
            self.mails.get(row)
        }
    }

    pub(super) fn employee_id(&self, row: u32) -> Option<&str> {
        self.employee_ids.get(row)
    }

    pub(super) fn values(&self, property: Property) -> &Values {
        &self.values[property as usize]
    }

    pub(super) fn flags(&self) -> &Flags {
        &self.flags
    }

    pub(super) fn user_type(&self, row: u32) -> UserType {
        if self.flags.has(row, Flag::Member) {
            UserType::Member
        } else if self.flags.has(row, Flag::Guest) {
            UserType::Guest
        } else {
            UserType::Unknown
        }
    }

    /// All of a row as the domain's value.
    pub(super) fn to_user(&self, row: u32) -> User {
        let value = |property| self.values(property).text(row).map(str::to_owned);
        User {
            object_id: self.object_id(row),
            user_principal_name: self.principal_name(row).to_owned(),
            display_name: self.display_name(row).map(str::to_owned),
            mail: self.mail(row).map(str::to_owned),
            employee_id: self.employee_id(row).map(str::to_owned),
            employee_type: value(Property::EmployeeType),
            job_title: value(Property::JobTitle),
            department: value(Property::Department),
            company_name: value(Property::CompanyName),
            office_location: value(Property::OfficeLocation),
            country: value(Property::Country),
            usage_location: value(Property::UsageLocation),
            user_type: self.user_type(row),
            is_resource_account: self.flags.has(row, Flag::ResourceAccount),
            account_enabled: self.flags.has(row, Flag::AccountEnabled),
            created_at: self.created_at(row),
            hired_on: self.hired_on(row),
            is_synced_from_on_premises: self.flags.has(row, Flag::SyncedFromOnPremises),
            manager: self.manager_id(row),
            assignments: self.assignments.get(row),
        }
    }

    /// The instants of creation, by chunks of rows.
    pub(super) fn created_column(&self) -> &Chunks<Times> {
        &self.created_at
    }

    pub(super) fn created_at(&self, row: u32) -> Option<Timestamp> {
        let (chunk, at) = split_row(row);
        self.created_at.get(chunk)?.get(at)
    }

    pub(super) fn hired_on(&self, row: u32) -> Option<Date> {
        unpacked(*self.hired_on.get(row as usize)?)
    }

    pub(super) fn manager_id(&self, row: u32) -> Option<ObjectId> {
        self.managers.get(row)
    }

    pub(super) fn assignments(&self) -> &Assignments {
        &self.assignments
    }

    /// What other datasets say.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    pub(super) fn ids(&self) -> &Ids {
        &self.ids
    }

    pub(super) fn last_active_on(&self, row: u32) -> Option<Day> {
        let days = self.facts.last_active_days();
        days.get(row as usize).copied().flatten()
    }

    pub(super) fn orders(&self) -> &Orders {
        &self.orders
    }

    pub(super) fn orders_mut(&mut self) -> &mut Orders {
        &mut self.orders
    }

    /// What seats cost.
    pub(super) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// The same users at these prices.
    pub(super) fn priced(mut self, rates: Rates) -> Self {
        if *self.rates != rates {
            self.rates = Arc::new(rates);
            Orders::reprice(&mut self);
        }
        self
    }

    /// Where a text of a row is kept.
    pub(super) fn column(&self, text: UserText, row: u32) -> Column<'_> {
        match self.text_place(text) {
            TextPlace::Values(values) => Column::Values(values),
            TextPlace::Texts(texts) | TextPlace::Sorted(texts, _) => Column::Texts(texts),
            TextPlace::Mail if self.flags.has(row, Flag::MailIsPrincipalName) => {
                Column::Texts(&self.principal_names)
            }
            TextPlace::Mail => Column::Texts(&self.mails),
        }
    }

    /// Where a text property is kept.
    pub(super) fn text_place(&self, text: UserText) -> TextPlace<'_> {
        let property = match text {
            UserText::UserPrincipalName => {
                return TextPlace::Sorted(&self.principal_names, UserOrderField::UserPrincipalName);
            }
            UserText::DisplayName => {
                return TextPlace::Sorted(&self.display_names, UserOrderField::DisplayName);
            }
            UserText::EmployeeId => return TextPlace::Texts(&self.employee_ids),
            UserText::Mail => return TextPlace::Mail,
            UserText::Department => Property::Department,
            UserText::JobTitle => Property::JobTitle,
            UserText::CompanyName => Property::CompanyName,
            UserText::OfficeLocation => Property::OfficeLocation,
            UserText::Country => Property::Country,
            UserText::UsageLocation => Property::UsageLocation,
            UserText::EmployeeType => Property::EmployeeType,
        };
        TextPlace::Values(self.values(property))
    }

    /// What a search looks at: display name, user principal name, mail and employee id. A mail
    /// address that is not kept twice is found as the user principal name.
    pub(super) fn searched(&self) -> [&Texts; 4] {
        [
            &self.display_names,
            &self.principal_names,
            &self.mails,
            &self.employee_ids,
        ]
    }

    /// User principal names, row by row.
    pub(super) fn principal_names(&self) -> &Texts {
        &self.principal_names
    }

    /// Mail addresses other than the user principal name, row by row.
    pub(super) fn other_mails(&self) -> &Texts {
        &self.mails
    }

    /// What an order sorts a row by; `None` where it has no value.
    pub(super) fn key(&self, field: UserOrderField, row: u32) -> Option<Key<'_>> {
        match field {
            UserOrderField::DisplayName => self.display_names.lowered(row).map(Key::Text),
            UserOrderField::UserPrincipalName => self.principal_names.lowered(row).map(Key::Text),
            UserOrderField::Department => {
                let values = self.values(Property::Department);
                let folded = values.dictionary().folded(values.group(row))?;
                Some(Key::folded(folded))
            }
            UserOrderField::CreatedAt => self.created_at(row).map(Key::Time),
            UserOrderField::LastActiveOn => self.last_active_on(row).map(Key::day),
            UserOrderField::LicenseCount => Some(Key::Count(self.assignments.seats(row))),
            UserOrderField::MonthlyCost => {
                let monthly = self.rates.cost(&self.assignments, row).monthly;
                monthly.map(|money| Key::Amount(Amount(money)))
            }
        }
    }

    /// Adds a user that is not there, and says in which row.
    pub(super) fn add(&mut self, user: &User) -> u32 {
        let row = self.new_row(user.object_id);
        for property in Property::ALL {
            self.values[property as usize].add(row, property.of_user(user));
        }
        self.flags.add(row, flags_of(user));
        self.assignments.add(row, &user.assignments);
        self.set_plain(row, user);
        row
    }

    /// Adds users behind all others, before there are any but those who were added so. None of them is found
    /// before [`Self::end_appending`].
    pub(super) fn append(&mut self, users: &[&User]) {
        let rows = self.rows..;
        let new: Vec<(u32, &User)> = rows.zip(users.iter().copied()).collect();
        self.ids.append(new.iter().map(|(_, user)| user.object_id));
        self.rows += new.len() as u32; // Fewer than 2^32 in all.
        self.fill(&new);
    }

    /// Makes the users who were added findable. Of those with one id the first stays.
    pub(super) fn end_appending(&mut self) {
        self.live = Bits::of_many(0..self.rows);
        for row in self.ids.look_up_all() {
            self.remove(row);
        }
    }

    /// A row for a user that is not there. Whoever asks for it fills it.
    fn new_row(&mut self, id: ObjectId) -> u32 {
        let row = self.free.first().unwrap_or(self.rows);
        self.free.remove(row);
        self.rows = self.rows.max(row + 1);
        self.live.insert(row);
        self.ids.add(row, id);
        row
    }

    /// Fills rows that are new, one column after the other: a column's chunk and its table stay near at
    /// hand. Columns know nothing of each other, so they are filled on all cores.
    fn fill(&mut self, users: &[(u32, &User)]) {
        let Self {
            principal_names,
            display_names,
            mails,
            employee_ids,
            values,
            flags,
            created_at,
            hired_on,
            managers,
            assignments,
            ..
        } = self;
        let mut work: Vec<Work<'_>> = Vec::new();
        for (property, values) in Property::ALL.into_iter().zip(values) {
            work.push(Box::new(move || {
                for (row, user) in users {
                    values.add(*row, property.of_user(user));
                }
            }));
        }
        work.push(Box::new(move || {
            for (row, user) in users {
                assignments.add(*row, &user.assignments);
            }
        }));
        work.push(set_texts(principal_names, users, |user| {
            Some(&user.user_principal_name)
        }));
        work.push(set_texts(display_names, users, |user| {
            user.display_name.as_deref()
        }));
        work.push(set_texts(mails, users, other_mail));
        work.push(set_texts(employee_ids, users, |user| {
            user.employee_id.as_deref()
        }));
        work.push(Box::new(move || {
            for (row, user) in users {
                managers.set(*row, user.manager);
            }
        }));
        work.push(Box::new(move || {
            for (row, user) in users {
                flags.add(*row, flags_of(user));
                hired_on.set(*row as usize, packed(user.hired_on));
                let (chunk, at) = split_row(*row);
                created_at.edit(chunk).set(at, user.created_at);
            }
        }));
        if users.len() < TWO_THREADS_MIN {
            work.into_iter().for_each(|work| work());
        } else {
            all_at_once(work);
        }
    }

    /// Makes a row what the user is now.
    pub(super) fn change(&mut self, row: u32, user: &User) -> Touched {
        let mut touched = self.set_plain(row, user);
        for property in Property::ALL {
            let changed = self.values[property as usize].change(row, property.of_user(user));
            touched.anything |= changed;
            touched.orders[UserOrderField::Department as usize] |=
                changed && property == Property::Department;
        }
        touched.anything |= self.flags.change(row, flags_of(user));
        let before = self.assignments.seats(row);
        touched.evidence = self.assignments.change(row, &user.assignments);
        touched.anything |= touched.evidence;
        // Rules ask of nearly everything.
        touched.findings = touched.anything;
        touched.orders[UserOrderField::LicenseCount as usize] =
            before != self.assignments.seats(row);
        touched.orders[UserOrderField::MonthlyCost as usize] = touched.evidence;
        touched
    }

    /// Frees a row.
    pub(super) fn remove(&mut self, row: u32) {
        self.live.remove(row);
        self.free.insert(row);
        self.ids.remove(row);
        for values in &mut self.values {
            values.remove(row);
        }
        self.flags.remove(row);
        self.assignments.remove(row);
        self.facts.clear(row);
        for texts in self.texts_mut() {
            texts.set(row, None);
        }
        self.set_created_at(row, None);
        self.hired_on.set(row as usize, 0);
        self.managers.set(row, None);
    }

    /// Brings all rows into another order. They must be new: in no set or order, and with no facts.
    pub(super) fn arrange(&mut self, arrangement: &Arrangement) {
        let rows = arrangement.rows();
        let Self {
            ids,
            principal_names,
            display_names,
            mails,
            employee_ids,
            values,
            flags,
            created_at,
            hired_on,
            managers,
            assignments,
            ..
        } = self;
        let mut work: Vec<Work<'_>> = Vec::new();
        for texts in [principal_names, display_names, mails, employee_ids] {
            work.push(Box::new(|| texts.arrange(rows)));
        }
        work.push(Box::new(|| {
            ids.arrange(rows, |row| arrangement.number_of(row).unwrap_or(row));
        }));
        work.push(Box::new(|| assignments.arrange(rows)));
        for values in values {
            work.push(Box::new(|| values.arrange(rows)));
        }
        work.push(Box::new(|| {
            flags.arrange(rows);
            *created_at = Times::arranged(created_at, rows);
            *hired_on = hired_on.arranged(rows);
            managers.arrange(rows);
        }));
        all_at_once(work);
        self.rows = rows.len() as u32; // As many as rows in use.
        self.live = Bits::of_many(0..self.rows);
        self.free = Bits::default();
    }

    /// Puts the rows that are new into the sets of what they have.
    pub(super) fn settle(&mut self) {
        let new: Vec<u32> = (self.settled..self.rows)
            .filter(|row| self.live.contains(*row))
            .collect();
        self.settled = self.rows;
        let Self {
            rows,
            values,
            flags,
            assignments,
            ..
        } = self;
        let settle_values = || {
            for values in values {
                values.settle(&new, *rows);
            }
        };
        let mut settle_rest = || {
            flags.settle(&new, *rows);
            assignments.settle(&new, *rows);
        };
        if new.len() < TWO_THREADS_MIN {
            settle_values();
            settle_rest();
        } else {
            std::thread::scope(|scope| {
                scope.spawn(settle_rest);
                settle_values();
            });
        }
    }

    /// Indexes texts of which too many are in no index, on all cores.
    pub(super) fn index_texts(&mut self) {
        let columns = [
            &self.principal_names,
            &self.display_names,
            &self.mails,
            &self.employee_ids,
        ];
        let due: Vec<(usize, usize)> = columns
            .iter()
            .enumerate()
            .flat_map(|(column, texts)| {
                texts
                    .unindexed()
                    .into_iter()
                    .map(move |block| (column, block))
            })
            .collect();
        let indexed = on_all_cores(&due, |(column, block)| columns[*column].indexed(*block));
        for ((column, block), pieces) in due.iter().zip(indexed) {
            self.texts_mut()[*column].take_index(*block, pieces);
        }
    }

    fn texts_mut(&mut self) -> [&mut Texts; 4] {
        [
            &mut self.principal_names,
            &mut self.display_names,
            &mut self.mails,
            &mut self.employee_ids,
        ]
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.ids.shrink();
        self.texts_mut().into_iter().for_each(Texts::shrink);
        for values in &mut self.values {
            values.shrink();
        }
        self.flags.shrink();
        self.created_at.shrink(Times::shrink);
        self.hired_on.shrink();
        self.managers.shrink();
        self.assignments.shrink();
        self.facts.shrink();
    }

    /// Sets the properties that have no sets of rows.
    fn set_plain(&mut self, row: u32, user: &User) -> Touched {
        let mut touched = Touched::default();
        let mut touches =
            |field: UserOrderField, changed: bool| touched.orders[field as usize] = changed;
        let principal_name = self
            .principal_names
            .set(row, Some(&user.user_principal_name));
        touches(UserOrderField::UserPrincipalName, principal_name);
        let display_name = self.display_names.set(row, user.display_name.as_deref());
        touches(UserOrderField::DisplayName, display_name);
        let created_at = self.set_created_at(row, user.created_at);
        touches(UserOrderField::CreatedAt, created_at);
        let mail = other_mail(user);
        // Every one is set, so no short-circuit.
        touched.anything = principal_name
            | display_name
            | created_at
            | self.mails.set(row, mail)
            | self.employee_ids.set(row, user.employee_id.as_deref())
            | self.hired_on.set(row as usize, packed(user.hired_on))
            | self.managers.set(row, user.manager);
        touched
    }

    fn set_created_at(&mut self, row: u32, created_at: Option<Timestamp>) -> bool {
        let changes = self.created_at(row) != created_at;
        if changes {
            let (chunk, at) = split_row(row);
            self.created_at.edit(chunk).set(at, created_at);
        }
        changes
    }
}

/// Sets one text of some rows.
fn set_texts<'a>(
    texts: &'a mut Texts,
    users: &'a [(u32, &'a User)],
    of_user: fn(&User) -> Option<&str>,
) -> Work<'a> {
    Box::new(move || {
        for (row, user) in users {
            texts.set(*row, of_user(user));
        }
    })
}

/// The mail address, unless it is kept as the user principal name.
fn other_mail(user: &User) -> Option<&str> {
    let mail = user.mail.as_deref();
    mail.filter(|_| !is_mail_principal_name(user))
}

fn is_mail_principal_name(user: &User) -> bool {
    user.mail.as_deref() == Some(&user.user_principal_name)
}

fn flags_of(user: &User) -> u8 {
    let user_type = match user.user_type {
        UserType::Member => Flag::Member,
        UserType::Guest => Flag::Guest,
        UserType::Unknown => Flag::UnknownType,
    };
    let held = |flag: Flag, holds: bool| if holds { flag.bit() } else { 0 };
    user_type.bit()
        | held(Flag::ResourceAccount, user.is_resource_account)
        | held(Flag::AccountEnabled, user.account_enabled)
        | held(Flag::SyncedFromOnPremises, user.is_synced_from_on_premises)
        | held(Flag::MailIsPrincipalName, is_mail_principal_name(user))
}

impl From<UserFlag> for Flag {
    fn from(flag: UserFlag) -> Self {
        match flag {
            UserFlag::ResourceAccount => Self::ResourceAccount,
            UserFlag::AccountEnabled => Self::AccountEnabled,
            UserFlag::SyncedFromOnPremises => Self::SyncedFromOnPremises,
        }
    }
}

/// A day in four bytes; 0 is no day, since no month is 0.
fn packed(day: Option<Date>) -> u32 {
    day.map_or(0, |day| {
        let [high, low] = day.year().to_be_bytes();
        u32::from_be_bytes([
            high,
            low,
            day.month().unsigned_abs(),
            day.day().unsigned_abs(),
        ])
    })
}

fn unpacked(day: u32) -> Option<Date> {
    let [high, low, month, day] = day.to_be_bytes();
    let year = i16::from_be_bytes([high, low]);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

impl Users {
    /// Bytes by part; see [`super::index::TenantIndex::heap_by_part`].
    pub(super) fn heap_by_part(&self, parts: &mut Parts) -> Vec<(&'static str, usize)> {
        let named = self.named_parts().into_iter();
        named
            .map(|(name, part)| (name, parts.grown_by(part)))
            .collect()
    }

    fn named_parts(&self) -> Vec<(&'static str, &dyn Heap)> {
        let mut named: Vec<(&'static str, &dyn Heap)> = vec![
            ("rows in use", &self.live),
            ("free rows", &self.free),
            ("ids", &self.ids),
            ("user principal names", self.principal_names.texts_only()),
            ("display names", self.display_names.texts_only()),
            ("mails", self.mails.texts_only()),
            ("employee ids", self.employee_ids.texts_only()),
            (
                "user principal names, pieces",
                self.principal_names.index_only(),
            ),
            ("display names, pieces", self.display_names.index_only()),
            ("mails, pieces", self.mails.index_only()),
            ("employee ids, pieces", self.employee_ids.index_only()),
            ("flags", &self.flags),
            ("created at", &self.created_at),
            ("hired on", &self.hired_on),
            ("managers", &self.managers),
            ("assignments", &self.assignments),
            ("facts", &self.facts),
            ("orders", &self.orders),
        ];
        let values = Property::ALL.into_iter().zip(&self.values);
        named.extend(values.map(|(property, values)| (property.label(), values as &dyn Heap)));
        named
    }
}

impl Heap for Users {
    fn heap(&self, parts: &mut Parts) -> usize {
        let named = self.named_parts().into_iter();
        named.map(|(_, part)| part.heap(parts)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_back_from_four_bytes() {
        for day in [
            Date::MIN,
            Date::ZERO,
            Date::constant(2026, 11, 23),
            Date::MAX,
        ] {
            assert_eq!(unpacked(packed(Some(day))), Some(day));
        }
        assert_eq!(unpacked(packed(None)), None);
    }
}

//! From what is asked to a plan for one tenant.

use std::collections::BTreeSet;

use crate::domain::day;
use crate::domain::filter::{
    DayCondition, ListCondition, TextCondition, TimeCondition, UserFilter, UserOrderField, UserText,
};
use crate::domain::text::Folded;
use crate::domain::user::UserType;

use super::bits::Bits;
use super::flags::Flag;
use super::index::TenantIndex;
use super::licenses::LicenseText;
use super::order::{Place, SortedRows};
use super::orders::Key;
use super::plan::Plan;
use super::property::TextPlace;
use super::scan::{Scan, TextScan, TextTest};
use super::texts::Texts;
use super::users::Users;
use super::values::Values;

/// A range of a sorted order becomes a sorted list of rows only up to one row in so many; beyond, a bit
/// for every row is cheaper.
const RANGE_SHARE: usize = 64;
/// Instants and days are compared many at once: a range of more than one row in so many is not worth
/// being looked up in their order.
const SCAN_SHARE: usize = 16;

/// The plan of a filter and of the words that must all be found.
pub(super) fn planned<'a>(
    tenant: &'a TenantIndex,
    filter: &UserFilter,
    search: &[Folded],
) -> Plan<'a> {
    let compiler = Compiler {
        tenant,
        users: tenant.users(),
    };
    let words = search.iter().map(|word| compiler.word(word));
    Plan::all(words.chain([compiler.filter(filter, true)]))
}

struct Compiler<'a> {
    tenant: &'a TenantIndex,
    users: &'a Users,
}

impl<'a> Compiler<'a> {
    /// The plan of a filter, or of its opposite where `holds` is false.
    fn filter(&self, filter: &UserFilter, holds: bool) -> Plan<'a> {
        match filter {
            UserFilter::And(parts) => {
                combined(parts.iter().map(|part| self.filter(part, holds)), holds)
            }
            UserFilter::Or(parts) => {
                combined(parts.iter().map(|part| self.filter(part, holds)), !holds)
            }
            UserFilter::Not(inner) => self.filter(inner, !holds),
            UserFilter::Text(text, condition) => self.text(*text, condition, holds),
            UserFilter::Flag(flag, value) => {
                let set = self.users.flags().set(Flag::from(*flag));
                Plan::of_set(set.clone(), *value == holds)
            }
            UserFilter::UserType(types) => self.user_type(types, holds),
            UserFilter::LicenseNames(condition) => {
                self.licenses(LicenseText::Name, condition, holds)
            }
            UserFilter::LicenseValues(condition) => {
                self.licenses(LicenseText::Value, condition, holds)
            }
            UserFilter::License(id) => match self.users.assignments().holders(*id) {
                Some(holders) => Plan::of_set(holders.clone(), holds),
                None if holds => Plan::Nobody,
                None => Plan::Everybody,
            },
            UserFilter::Tenant(keys) => {
                if keys.contains(self.tenant.key()) == holds {
                    Plan::Everybody
                } else {
                    Plan::Nobody
                }
            }
            UserFilter::CreatedAt(condition) => self.created_at(*condition, holds),
            UserFilter::Group(groups) => {
                let members = groups
                    .iter()
                    .filter_map(|group| self.users.facts().members(*group));
                combined(members.map(|set| Plan::of_set(set.clone(), holds)), !holds)
            }
            UserFilter::ActivityState(states) => {
                let activity = self.tenant.activity();
                let sets = states.iter().map(|state| activity.set(*state).clone());
                combined(sets.map(|set| Plan::of_set(set, holds)), !holds)
            }
            UserFilter::Finding(kinds) => {
                let findings = self.tenant.findings();
                let sets = kinds.iter().map(|kind| findings.set(*kind).clone());
                combined(sets.map(|set| Plan::of_set(set, holds)), !holds)
            }
            UserFilter::LastActiveOn(condition) => self.last_active_on(*condition, holds),
            UserFilter::LastSignInAt(condition) => Plan::Scan(Scan::Time {
                column: self.users.facts().succeeded_column(),
                condition: *condition,
                holds,
            }),
            UserFilter::WorkloadLastActiveOn(workload, condition) => Plan::Scan(Scan::Day {
                column: self.users.facts().workload_days(*workload),
                condition: *condition,
                holds,
            }),
        }
    }

    fn text(&self, text: UserText, condition: &TextCondition, holds: bool) -> Plan<'a> {
        match self.users.text_place(text) {
            TextPlace::Values(values) => of_values(values, condition, holds),
            TextPlace::Texts(texts) => scan(texts, TextTest::Condition(condition.clone()), holds),
            TextPlace::Sorted(texts, field) => match self.ranges(field, condition) {
                Some(set) => Plan::of_set(set, holds),
                None => scan(texts, TextTest::Condition(condition.clone()), holds),
            },
            TextPlace::Mail => self.mail(condition, holds),
        }
    }

    /// A mail address is the user principal name or kept on its own.
    fn mail(&self, condition: &TextCondition, holds: bool) -> Plan<'a> {
        let same = self.users.flags().set(Flag::MailIsPrincipalName);
        let test = || TextTest::Condition(condition.clone());
        let is_same = |holds| Plan::of_set(same.clone(), holds);
        let by_name = match self.ranges(UserOrderField::UserPrincipalName, condition) {
            Some(set) => Plan::of_set(set, holds),
            None => scan(self.users.principal_names(), test(), holds),
        };
        let by_name = [is_same(true), by_name];
        let by_own = [
            is_same(false),
            scan(self.users.other_mails(), test(), holds),
        ];
        Plan::any([Plan::all(by_name), Plan::all(by_own)])
    }

    /// One of the texts that are searched has a word that begins so.
    fn word(&self, word: &Folded) -> Plan<'a> {
        let test = || TextTest::Word(word.clone());
        Plan::any(
            self.users
                .searched()
                .map(|column| scan(column, test(), true)),
        )
    }

    /// The rows that a sorted order has side by side; `None` where it has not.
    fn ranges(&self, field: UserOrderField, condition: &TextCondition) -> Option<Bits> {
        let rows = &self.users.orders().get(field).present;
        let below = |text: &Folded| {
            let wanted = Key::folded(text.as_str());
            rows.partition(|row| self.users.key(field, row) < Some(wanted))
        };
        let ranges: Vec<(Place, Place)> = match condition {
            TextCondition::In(texts) => texts
                .iter()
                .map(|text| {
                    let wanted = Key::folded(text.as_str());
                    (
                        below(text),
                        rows.partition(|row| self.users.key(field, row) <= Some(wanted)),
                    )
                })
                .collect(),
            TextCondition::StartsWith(start) => {
                let begins = |row| match self.users.key(field, row) {
                    Some(Key::Text(text)) => text.starts_with(start.as_str()),
                    _ => false,
                };
                let wanted = Key::folded(start.as_str());
                let behind =
                    rows.partition(|row| self.users.key(field, row) < Some(wanted) || begins(row));
                vec![(below(start), behind)]
            }
            TextCondition::Contains(_) | TextCondition::IsAbsent => return None,
        };
        Some(self.set_of(rows, &ranges))
    }

    fn set_of(&self, rows: &SortedRows, ranges: &[(Place, Place)]) -> Bits {
        let count: usize = ranges
            .iter()
            .map(|(from, to)| rows.distance(*from, *to))
            .sum();
        let found = ranges
            .iter()
            .flat_map(|(from, to)| rows.between(*from, *to));
        if self.is_one_in(RANGE_SHARE, count) {
            found.collect()
        } else {
            Bits::of_many(found)
        }
    }

    /// The rows of a range of values that are compared fast; `None` where it is better to do so.
    fn small_set_of(&self, rows: &SortedRows, range: (Place, Place)) -> Option<Bits> {
        let count = rows.distance(range.0, range.1);
        self.is_one_in(SCAN_SHARE, count)
            .then(|| self.set_of(rows, &[range]))
    }

    /// Whether so many rows are at most one in `share` of all.
    fn is_one_in(&self, share: usize, count: usize) -> bool {
        count * share <= self.users.live().len() as usize
    }

    fn user_type(&self, types: &BTreeSet<UserType>, holds: bool) -> Plan<'a> {
        let sets = types.iter().map(|user_type| {
            let flag = match user_type {
                UserType::Member => Flag::Member,
                UserType::Guest => Flag::Guest,
                UserType::Unknown => Flag::UnknownType,
            };
            Plan::of_set(self.users.flags().set(flag).clone(), holds)
        });
        combined(sets, !holds)
    }

    fn licenses(&self, by: LicenseText, condition: &ListCondition, holds: bool) -> Plan<'a> {
        match condition {
            ListCondition::HasSome(texts) => {
                combined(texts.iter().map(|text| self.has(by, text, holds)), !holds)
            }
            ListCondition::HasEvery(texts) => {
                combined(texts.iter().map(|text| self.has(by, text, holds)), holds)
            }
            ListCondition::HasNone(texts) => {
                combined(texts.iter().map(|text| self.has(by, text, !holds)), holds)
            }
            ListCondition::IsEmpty => {
                Plan::of_set(self.users.assignments().unlicensed().clone(), holds)
            }
        }
    }

    /// Holds one of the products that are called so.
    fn has(&self, by: LicenseText, wanted: &Folded, holds: bool) -> Plan<'a> {
        let named = self
            .tenant
            .license_texts()
            .texts(by)
            .filter(|(_, text)| *text == wanted);
        let holders =
            named.filter_map(|(entry, _)| self.users.assignments().holders(entry.license.sku_id));
        combined(holders.map(|set| Plan::of_set(set.clone(), holds)), !holds)
    }

    fn last_active_on(&self, condition: DayCondition, holds: bool) -> Plan<'a> {
        let field = UserOrderField::LastActiveOn;
        let rows = &self.users.orders().get(field).present;
        let set = match condition {
            DayCondition::IsAbsent => None,
            DayCondition::Within { from, to } => {
                let below = |number| {
                    let wanted = Some(Key::of_day_number(number));
                    rows.partition(|row| self.users.key(field, row) < wanted)
                };
                let range = (
                    from.map_or(rows.start(), |from| below(day::number(from))),
                    to.map_or(rows.end(), |to| below(day::number(to) + 1)),
                );
                self.small_set_of(rows, range)
            }
        };
        match set {
            Some(set) => Plan::of_set(set, holds),
            None => Plan::Scan(Scan::Day {
                column: self.users.facts().last_active_days(),
                condition,
                holds,
            }),
        }
    }

    fn created_at(&self, condition: TimeCondition, holds: bool) -> Plan<'a> {
        let field = UserOrderField::CreatedAt;
        let rows = &self.users.orders().get(field).present;
        let set = match condition {
            TimeCondition::IsAbsent => None,
            TimeCondition::Within { from, before } => {
                let below =
                    |time| rows.partition(|row| self.users.key(field, row) < Some(Key::Time(time)));
                let range = (
                    from.map_or(rows.start(), below),
                    before.map_or(rows.end(), below),
                );
                self.small_set_of(rows, range)
            }
        };
        match set {
            Some(set) => Plan::of_set(set, holds),
            None => Plan::Scan(Scan::Time {
                column: self.users.created_column(),
                condition,
                holds,
            }),
        }
    }
}

/// Every plan where `every` is true, else any: the opposite of "all hold" is "one does not".
fn combined<'a>(plans: impl IntoIterator<Item = Plan<'a>>, every: bool) -> Plan<'a> {
    if every {
        Plan::all(plans)
    } else {
        Plan::any(plans)
    }
}

fn scan(column: &Texts, test: TextTest, holds: bool) -> Plan<'_> {
    Plan::Scan(Scan::Text(TextScan::new(column, test, holds)))
}

/// Asks each distinct value once and joins the sets of those that meet the condition.
fn of_values<'a>(values: &Values, condition: &TextCondition, holds: bool) -> Plan<'a> {
    let dictionary = values.dictionary();
    let every = 0..dictionary.group_count();
    let mut groups: Vec<u32> = match condition {
        TextCondition::In(texts) => texts
            .iter()
            .filter_map(|text| dictionary.find_group(text))
            .collect(),
        _ => every
            .clone()
            .filter(|group| condition.holds(dictionary.folded(*group)))
            .collect(),
    };
    groups.sort_unstable();
    let mut holds = holds;
    if groups.len() > every.len() / 2 {
        // Every row in use is in one set: fewer sets say who is not meant.
        let others = every.filter(|group| groups.binary_search(group).is_err());
        groups = others.collect();
        holds = !holds;
    }
    let sets = groups.iter().filter_map(|group| values.set(*group));
    combined(sets.map(|set| Plan::of_set(set.clone(), holds)), !holds)
}

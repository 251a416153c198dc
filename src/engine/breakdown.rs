//! Counting selected users by one property.
//!
//! Values that fold alike are one group, across tenants too.

use std::collections::{BTreeMap, HashMap};

use crate::domain::filter::UserDimension;
use crate::domain::ids::TenantKey;
#[allow(unused_imports, reason = "named by the documentation until it is used")]
use crate::domain::usage::ActivityState;

use super::bits::Bits;
use super::dictionary::ABSENT;
use super::flags::Flag;
use super::licenses::LicenseText;
use super::select::Part;
use super::users::Property;
use super::values::Values;

/// What looking at one row costs, against one word of a set.
const STEPS_PER_ROW: u64 = 4;
/// What one block of a set costs: its words.
const STEPS_PER_BLOCK: u64 = 512;

/// One group of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The value that the matching filter takes (a tenant's key for a tenant, "true", "MEMBER",
    /// the most frequent spelling of a text); `None` for users without one.
    pub key: Option<String>,
    /// How many of the selected users are in it; never 0.
    pub count: u64,
    /// The same by activity state, in the order of [`ActivityState::ALL`]; they add up to `count`.
    pub by_activity: [u64; 4],
}

/// Groups by folded value while they are counted; `None` for users without one.
#[derive(Default)]
struct Tally(HashMap<Option<String>, Counted>);

#[derive(Default)]
struct Counted {
    count: u64,
    /// How many users have each spelling, selected or not: what a group is called does not depend on
    /// the question.
    spellings: BTreeMap<String, u64>,
}

/// Counts the users of all parts, largest group first, ties by key, users without a value behind
/// those of equal count.
pub(super) fn breakdown(parts: &[Part], by: UserDimension, first: usize) -> Vec<Group> {
    let mut tally = Tally::default();
    for part in parts.iter().filter(|part| part.rows.count() > 0) {
        match by {
            UserDimension::Tenant => tally.add_tenant(part.tenant.key(), part.rows.count()),
            UserDimension::UserType => {
                tally.add_flag(part, "MEMBER", Flag::Member);
                tally.add_flag(part, "GUEST", Flag::Guest);
                tally.add_flag(part, "UNKNOWN", Flag::UnknownType);
            }
            UserDimension::ResourceAccount => tally.add_truth(part, Flag::ResourceAccount),
            UserDimension::AccountEnabled => tally.add_truth(part, Flag::AccountEnabled),
            UserDimension::LicenseName => tally.add_licenses(part, LicenseText::Name),
            UserDimension::LicenseValue => tally.add_licenses(part, LicenseText::Value),
            UserDimension::ActivityState => todo!(),
            UserDimension::Department
            | UserDimension::Company
            | UserDimension::Country
            | UserDimension::UsageLocation
            | UserDimension::OfficeLocation
            | UserDimension::JobTitle
            | UserDimension::EmployeeType => {
                if let Some(property) = Property::of_dimension(by) {
                    tally.add_values(part, part.tenant.users().values(property));
                }
            }
        }
    }
    tally.into_groups(first)
}

impl Tally {
    fn add(&mut self, folded: Option<&str>, count: u64) -> Option<&mut Counted> {
        if count == 0 {
            return None;
        }
        let counted = self.0.entry(folded.map(str::to_owned)).or_default();
        counted.count += count;
        Some(counted)
    }

    /// Adds to a group that has one spelling only.
    fn add_plain(&mut self, key: &str, count: u64) {
        if let Some(counted) = self.add(Some(key), count) {
            counted.called(key, 1);
        }
    }

    fn add_tenant(&mut self, key: &TenantKey, count: u64) {
        self.add_plain(key.as_str(), count);
    }

    fn add_flag(&mut self, part: &Part, key: &str, flag: Flag) {
        let set = part.tenant.users().flags().set(flag);
        self.add_plain(key, part.rows.count_in(set));
    }

    fn add_truth(&mut self, part: &Part, flag: Flag) {
        let set = part.tenant.users().flags().set(flag);
        let count = part.rows.count_in(set);
        self.add_plain("true", count);
        self.add_plain("false", part.rows.count() - count);
    }

    fn add_values(&mut self, part: &Part, values: &Values) {
        let dictionary = values.dictionary();
        for (group, count) in counts_of(part, values) {
            let Some(counted) = self.add(dictionary.folded(group), count) else {
                continue;
            };
            for (spelling, users) in dictionary.spellings(group) {
                counted.called(spelling, u64::from(users));
            }
        }
    }

    fn add_licenses(&mut self, part: &Part, by: LicenseText) {
        let assignments = part.tenant.users().assignments();
        let mut named: BTreeMap<&str, Vec<(&str, &Bits)>> = BTreeMap::new();
        for (entry, folded) in part.tenant.license_texts().texts(by) {
            if let Some(holders) = assignments.holders(entry.license.sku_id) {
                named
                    .entry(folded.as_str())
                    .or_default()
                    .push((by.of(entry), holders));
            }
        }
        for (folded, products) in named {
            let sets: Vec<&Bits> = products.iter().map(|(_, holders)| *holders).collect();
            let Some(counted) = self.add(Some(folded), part.rows.count_in_any(&sets)) else {
                continue;
            };
            for (spelling, holders) in products {
                counted.called(spelling, u64::from(holders.len()));
            }
        }
        self.add(None, part.rows.count_in(assignments.unlicensed()));
    }

    fn into_groups(self, first: usize) -> Vec<Group> {
        let mut groups: Vec<Group> = self
            .0
            .into_iter()
            .map(|(folded, counted)| Group {
                count: counted.count,
                by_activity: todo!(),
                key: folded.map(|folded| counted.most_frequent().unwrap_or(folded)),
            })
            .collect();
        groups.sort_by(|left, right| {
            let by_count = right.count.cmp(&left.count);
            by_count.then_with(|| {
                (left.key.is_none(), &left.key).cmp(&(right.key.is_none(), &right.key))
            })
        });
        groups.truncate(first);
        groups
    }
}

impl Counted {
    fn called(&mut self, spelling: &str, users: u64) {
        *self.spellings.entry(spelling.to_owned()).or_default() += users;
    }

    /// Of equally frequent spellings the first in order, so that the answer does not depend on chance.
    fn most_frequent(self) -> Option<String> {
        let by_users = |left: &(String, u64), right: &(String, u64)| {
            left.1.cmp(&right.1).then_with(|| right.0.cmp(&left.0))
        };
        self.spellings
            .into_iter()
            .max_by(by_users)
            .map(|(spelling, _)| spelling)
    }
}

/// How many selected rows each group has: by walking the selection or by meeting the groups' sets,
/// whichever is cheaper.
fn counts_of(part: &Part, values: &Values) -> Vec<(u32, u64)> {
    let groups = values.dictionary().group_count();
    let by_sets = u64::from(groups) * part.rows.block_count() as u64 * STEPS_PER_BLOCK;
    if by_sets < part.rows.count() * STEPS_PER_ROW {
        let count = |group| values.set(group).map_or(0, |set| part.rows.count_in(set));
        return (ABSENT..groups)
            .map(|group| (group, count(group)))
            .collect();
    }
    let mut counts = vec![0; groups as usize];
    for row in part.rows.iter() {
        if let Some(count) = counts.get_mut(values.group(row) as usize) {
            *count += 1;
        }
    }
    (ABSENT..).zip(counts).collect()
}

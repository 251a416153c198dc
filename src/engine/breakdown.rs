//! Counting selected users by one property.
//!
//! Values that fold alike are one group, across tenants too.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::domain::filter::UserDimension;
use crate::domain::usage::ActivityState;

use super::bits::Bits;
use super::dictionary::ABSENT;
use super::flags::Flag;
use super::index::TenantIndex;
use super::licenses::LicenseText;
use super::property::Property;
use super::rows::Rows;
use super::select::Part;
use super::values::Values;

/// What looking at one row costs, against one word of a set or one row of a list.
const STEPS_PER_ROW: u64 = 8;
/// What a set costs however small it is.
const STEPS_PER_SET: u64 = 32;

/// One group of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The value that the matching filter takes (a tenant's key for a tenant, "true", "MEMBER",
    /// the most frequent spelling of a text); `None` for users without one.
    pub key: Option<String>,
    /// How many of the selected users are in it; never 0.
    pub count: u64,
    /// The same by activity state, in the order of [`ActivityState::ALL`]; they add up to `count`. `None`
    /// where it was not asked for.
    pub by_activity: Option<[u64; 4]>,
}

/// What is told of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupDetail {
    /// How many users it has.
    Count,
    /// The same by activity state, which looks at everybody once for each state.
    Activity,
}

/// Users by activity state, in the order of [`ActivityState::ALL`]; where states are not told apart, all
/// of them in the first place.
type Counts = [u64; 4];

/// Groups by folded value while they are counted; `None` for users without one.
#[derive(Default)]
struct Tally<'a>(HashMap<Option<&'a str>, Counted<'a>, RandomState>);

#[derive(Default)]
struct Counted<'a> {
    counts: Counts,
    /// How many users of a tenant have each spelling, selected or not: what a group is called does not
    /// depend on the question.
    spellings: Vec<(&'a str, u64)>,
}

/// The selected users of one tenant.
struct Split<'a> {
    tenant: &'a TenantIndex,
    rows: SplitRows<'a>,
}

enum SplitRows<'a> {
    Whole(&'a Rows),
    /// Apart by activity state: each of them is in one.
    ByState([Rows; 4]),
}

/// Counts the users of all parts, largest group first, ties by key, users without a value behind
/// those of equal count.
pub(super) fn breakdown(
    parts: &[Part],
    by: UserDimension,
    first: usize,
    detail: GroupDetail,
) -> Vec<Group> {
    let mut tally = Tally::default();
    for part in parts.iter().filter(|part| part.rows.count() > 0) {
        // Groups by state are told apart by it anyhow.
        let split = match (by, detail) {
            (UserDimension::ActivityState, _) | (_, GroupDetail::Activity) => Split::by_state(part),
            (_, GroupDetail::Count) => Split::whole(part),
        };
        match by {
            UserDimension::Tenant => tally.add_plain(part.tenant.key().as_str(), split.counts()),
            UserDimension::UserType => {
                tally.add_flag(&split, "MEMBER", Flag::Member);
                tally.add_flag(&split, "GUEST", Flag::Guest);
                tally.add_flag(&split, "UNKNOWN", Flag::UnknownType);
            }
            UserDimension::ResourceAccount => tally.add_truth(&split, Flag::ResourceAccount),
            UserDimension::AccountEnabled => tally.add_truth(&split, Flag::AccountEnabled),
            UserDimension::LicenseName => tally.add_licenses(&split, LicenseText::Name),
            UserDimension::LicenseValue => tally.add_licenses(&split, LicenseText::Value),
            UserDimension::ActivityState => tally.add_states(&split),
            UserDimension::Department
            | UserDimension::Company
            | UserDimension::Country
            | UserDimension::UsageLocation
            | UserDimension::OfficeLocation
            | UserDimension::JobTitle
            | UserDimension::EmployeeType => {
                if let Some(property) = Property::of_dimension(by) {
                    tally.add_values(&split, split.tenant.users().values(property));
                }
            }
        }
    }
    tally.into_groups(first, detail)
}

impl<'a> Split<'a> {
    fn whole(part: &'a Part) -> Self {
        Self {
            tenant: &part.tenant,
            rows: SplitRows::Whole(&part.rows),
        }
    }

    fn by_state(part: &'a Part) -> Self {
        let sets = part.tenant.activity().sets();
        let by_state = sets.each_ref().map(|set| part.rows.kept_in(set));
        Self {
            tenant: &part.tenant,
            rows: SplitRows::ByState(by_state),
        }
    }

    /// At the places of their counts.
    fn rows(&self) -> &[Rows] {
        match &self.rows {
            SplitRows::Whole(rows) => std::slice::from_ref(*rows),
            SplitRows::ByState(rows) => rows,
        }
    }

    fn each(&self, count: impl Fn(&Rows) -> u64) -> Counts {
        let mut counts = [0; 4];
        for (sum, rows) in counts.iter_mut().zip(self.rows()) {
            *sum = count(rows);
        }
        counts
    }

    fn counts(&self) -> Counts {
        self.each(Rows::count)
    }

    fn counts_in(&self, set: &Bits) -> Counts {
        self.each(|rows| rows.count_in(set))
    }

    fn counts_in_any(&self, sets: &[&Bits]) -> Counts {
        self.each(|rows| rows.count_in_any(sets))
    }
}

impl<'a> Tally<'a> {
    fn add(&mut self, folded: Option<&'a str>, counts: Counts) -> Option<&mut Counted<'a>> {
        if counts == [0; 4] {
            return None;
        }
        let counted = self.0.entry(folded).or_default();
        for (sum, count) in counted.counts.iter_mut().zip(counts) {
            *sum += count;
        }
        Some(counted)
    }

    /// Adds to a group that has one spelling only.
    fn add_plain(&mut self, key: &'a str, counts: Counts) {
        if let Some(counted) = self.add(Some(key), counts) {
            counted.called(key, 1);
        }
    }

    fn add_flag(&mut self, split: &Split<'a>, key: &'a str, flag: Flag) {
        let set = split.tenant.users().flags().set(flag);
        self.add_plain(key, split.counts_in(set));
    }

    fn add_truth(&mut self, split: &Split<'a>, flag: Flag) {
        let set = split.tenant.users().flags().set(flag);
        let (all, held) = (split.counts(), split.counts_in(set));
        self.add_plain("true", held);
        let others = std::array::from_fn(|state| all[state] - held[state]);
        self.add_plain("false", others);
    }

    fn add_states(&mut self, split: &Split<'a>) {
        let all = split.counts();
        for state in ActivityState::ALL {
            let mut counts = [0; 4];
            counts[state as usize] = all[state as usize];
            self.add_plain(key_of_state(state), counts);
        }
    }

    fn add_values(&mut self, split: &Split<'a>, values: &'a Values) {
        let dictionary = values.dictionary();
        for (group, counts) in counts_of(split, values) {
            let Some(counted) = self.add(dictionary.folded(group), counts) else {
                continue;
            };
            for (spelling, users) in dictionary.spellings(group) {
                counted.called(spelling, u64::from(users));
            }
        }
    }

    fn add_licenses(&mut self, split: &Split<'a>, by: LicenseText) {
        let assignments = split.tenant.users().assignments();
        let mut named: BTreeMap<&str, Vec<(&str, &Bits)>> = BTreeMap::new();
        for (entry, folded) in split.tenant.license_texts().texts(by) {
            if let Some(holders) = assignments.holders(entry.license.sku_id) {
                named
                    .entry(folded.as_str())
                    .or_default()
                    .push((by.of(entry), holders));
            }
        }
        for (folded, products) in named {
            let sets: Vec<&Bits> = products.iter().map(|(_, holders)| *holders).collect();
            let Some(counted) = self.add(Some(folded), split.counts_in_any(&sets)) else {
                continue;
            };
            for (spelling, holders) in products {
                counted.called(spelling, u64::from(holders.len()));
            }
        }
        self.add(None, split.counts_in(assignments.unlicensed()));
    }

    fn into_groups(self, first: usize, detail: GroupDetail) -> Vec<Group> {
        let mut counted: Vec<(u64, Option<&str>, Counted<'_>)> = self
            .0
            .into_iter()
            .map(|(folded, counted)| (counted.counts.iter().sum(), folded, counted))
            .collect();
        // What a group is called is worked out where it may be among the first.
        if let Some(last) = first.checked_sub(1).filter(|last| *last < counted.len()) {
            counted.select_nth_unstable_by(last, |left, right| right.0.cmp(&left.0));
            let least = counted[last].0;
            counted.retain(|(count, ..)| *count >= least);
        }
        let group = |(count, folded, counted): (u64, Option<&str>, Counted<'_>)| Group {
            count,
            by_activity: (detail == GroupDetail::Activity).then_some(counted.counts),
            key: folded.map(|folded| counted.most_frequent().unwrap_or(folded).to_owned()),
        };
        let mut groups: Vec<Group> = counted.into_iter().map(group).collect();
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

impl<'a> Counted<'a> {
    fn called(&mut self, spelling: &'a str, users: u64) {
        self.spellings.push((spelling, users));
    }

    /// Of equally frequent spellings the first in order, so that the answer does not depend on chance.
    fn most_frequent(mut self) -> Option<&'a str> {
        self.spellings.sort_unstable();
        let alike = self.spellings.chunk_by(|left, right| left.0 == right.0);
        let summed = alike.map(|alike| (alike[0].0, alike.iter().map(|(_, users)| users).sum()));
        let by_users = |left: &(&str, u64), right: &(&str, u64)| {
            left.1.cmp(&right.1).then_with(|| right.0.cmp(left.0))
        };
        summed.max_by(by_users).map(|(spelling, _)| spelling)
    }
}

/// The key of the group of a state.
pub(super) fn key_of_state(state: ActivityState) -> &'static str {
    match state {
        ActivityState::Active => "ACTIVE",
        ActivityState::Inactive => "INACTIVE",
        ActivityState::NeverActive => "NEVER_ACTIVE",
        ActivityState::Unknown => "UNKNOWN",
    }
}

/// How many selected rows each group has: by walking the selection or by meeting the groups' sets,
/// whichever is cheaper.
fn counts_of(split: &Split<'_>, values: &Values) -> Vec<(u32, Counts)> {
    let groups = values.dictionary().group_count();
    let rows: u64 = split.counts().into_iter().sum();
    let by_rows = rows * STEPS_PER_ROW;
    let sets = (ABSENT..groups).map(|group| values.set(group));
    let mut by_set = sets.map(|set| STEPS_PER_SET + set.map_or(0, Bits::extent));
    let by_sets = by_set.try_fold(0, |steps, of_set| {
        let steps = steps + of_set * split.rows().len() as u64;
        (steps < by_rows).then_some(steps)
    });
    if by_sets.is_some() {
        let counts = |group| values.set(group).map_or([0; 4], |set| split.counts_in(set));
        return (ABSENT..groups)
            .map(|group| (group, counts(group)))
            .collect();
    }
    let mut counts = vec![[0; 4]; groups as usize];
    for (state, rows) in split.rows().iter().enumerate() {
        for row in rows.iter() {
            if let Some(counts) = counts.get_mut(values.group(row) as usize) {
                counts[state] += 1;
            }
        }
    }
    (ABSENT..).zip(counts).collect()
}

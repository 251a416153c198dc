//! What changed of users from one sync run to the next, in a byte or two a change.
//!
//! A run that moves a department, or a report that comes late, changes thousands of users alike: changes
//! are kept by what they are, each with the users of whom it holds. In memory and on disk they are the
//! same bytes. Numbers of this code are never reused: what was written once is read for as long as it is
//! told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::finding::{FindingKind, Placed as _};
use super::ids::{ObjectId, RunId, SkuId, TenantKey};
use super::seven_bits::{put, take};
use super::usage::{ActivityState, HistoryNumber};

/// What changed of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserChange {
    /// The directory has the user, and had not.
    Joined,
    /// The directory had the user, and has not.
    Left,
    /// Holds a seat of a license, and held none.
    LicenseAssigned(SkuId),
    /// Held a seat of a license, and holds none.
    LicenseRemoved(SkuId),
    /// Is in another department than before; `None` is none.
    DepartmentChanged {
        /// As it was spelled.
        from: Option<String>,
        /// As it is spelled.
        to: Option<String>,
    },
    /// Is judged to be in use, or not to be, otherwise than before.
    ActivityStateChanged {
        /// As judged before.
        from: ActivityState,
        /// As judged now.
        to: ActivityState,
    },
    /// There is a finding of a kind about the user, and was none.
    FindingOpened(FindingKind),
    /// There was a finding of a kind about the user, and is none.
    FindingClosed(FindingKind),
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the change of the same name")]
pub enum UserChangeKind {
    Joined,
    Left,
    LicenseAssigned,
    LicenseRemoved,
    DepartmentChanged,
    ActivityStateChanged,
    FindingOpened,
    FindingClosed,
}

impl UserChangeKind {
    /// Every kind, each at the place of its discriminant.
    pub const ALL: [Self; 8] = [
        Self::Joined,
        Self::Left,
        Self::LicenseAssigned,
        Self::LicenseRemoved,
        Self::DepartmentChanged,
        Self::ActivityStateChanged,
        Self::FindingOpened,
        Self::FindingClosed,
    ];
}

impl UserChange {
    /// Its kind.
    pub fn kind(&self) -> UserChangeKind {
        match self {
            Self::Joined => UserChangeKind::Joined,
            Self::Left => UserChangeKind::Left,
            Self::LicenseAssigned(_) => UserChangeKind::LicenseAssigned,
            Self::LicenseRemoved(_) => UserChangeKind::LicenseRemoved,
            Self::DepartmentChanged { .. } => UserChangeKind::DepartmentChanged,
            Self::ActivityStateChanged { .. } => UserChangeKind::ActivityStateChanged,
            Self::FindingOpened(_) => UserChangeKind::FindingOpened,
            Self::FindingClosed(_) => UserChangeKind::FindingClosed,
        }
    }

    /// The license that it is about.
    pub fn sku(&self) -> Option<SkuId> {
        match self {
            Self::LicenseAssigned(id) | Self::LicenseRemoved(id) => Some(*id),
            _ => None,
        }
    }

    /// Its kind's number, never 0, then what else there is to tell.
    fn put(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.kind() as u64 + 1);
        match self {
            Self::Joined | Self::Left => {}
            Self::LicenseAssigned(id) | Self::LicenseRemoved(id) => {
                bytes.extend_from_slice(id.0.as_bytes());
            }
            Self::DepartmentChanged { from, to } => {
                put_text(bytes, from.as_deref());
                put_text(bytes, to.as_deref());
            }
            Self::ActivityStateChanged { from, to } => {
                put(bytes, *from as u64);
                put(bytes, *to as u64);
            }
            Self::FindingOpened(kind) | Self::FindingClosed(kind) => {
                put(bytes, kind.place().into());
            }
        }
    }

    /// What [`Self::put`] wrote; `None` where the bytes say nothing that this version knows.
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let number = take(bytes).checked_sub(1)?;
        let kind = UserChangeKind::ALL.get(usize::try_from(number).ok()?)?;
        Some(match kind {
            UserChangeKind::Joined => Self::Joined,
            UserChangeKind::Left => Self::Left,
            UserChangeKind::LicenseAssigned => Self::LicenseAssigned(take_sku(bytes)?),
            UserChangeKind::LicenseRemoved => Self::LicenseRemoved(take_sku(bytes)?),
            UserChangeKind::DepartmentChanged => Self::DepartmentChanged {
                from: take_text(bytes)?,
                to: take_text(bytes)?,
            },
            UserChangeKind::ActivityStateChanged => Self::ActivityStateChanged {
                from: take_state(bytes)?,
                to: take_state(bytes)?,
            },
            UserChangeKind::FindingOpened => Self::FindingOpened(FindingKind::at(take(bytes))?),
            UserChangeKind::FindingClosed => Self::FindingClosed(FindingKind::at(take(bytes))?),
        })
    }
}

/// A length that counts one more, so that 0 is none.
fn put_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    put(bytes, text.map_or(0, |text| text.len() as u64 + 1));
    bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
}

fn take_text(bytes: &mut &[u8]) -> Option<Option<String>> {
    let Some(length) = take(bytes).checked_sub(1) else {
        return Some(None);
    };
    let (text, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(Some(std::str::from_utf8(text).ok()?.to_owned()))
}

fn take_sku(bytes: &mut &[u8]) -> Option<SkuId> {
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    Some(SkuId(uuid::Uuid::from_bytes(*id)))
}

fn take_state(bytes: &mut &[u8]) -> Option<ActivityState> {
    let place = usize::try_from(take(bytes)).ok()?;
    ActivityState::ALL.get(place).copied()
}

/// What one run changed of the users of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunChanges {
    /// The run.
    pub run: RunId,
    /// When they were seen, which is when the run ended. What the clock changes between two runs, the
    /// later one sees.
    pub seen_at: Timestamp,
    /// What changed.
    pub changes: CodedChanges,
    /// By number: who has another name since, or is gone. Whoever is not named in a later run has the
    /// name still.
    pub former: Vec<FormerUser>,
}

/// What a user was called until a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerUser {
    /// The user's number in the history.
    pub number: HistoryNumber,
    /// Until then.
    pub user_principal_name: String,
    /// Until then.
    pub display_name: Option<String>,
}

/// Changes with their users, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodedChanges(Box<[u8]>);

/// A change, and of whom it holds.
#[derive(Debug, Clone)]
pub struct ChangeGroup<'a> {
    /// What changed.
    pub change: UserChange,
    /// Of how many users.
    pub count: u32,
    /// From each number to the next.
    steps: &'a [u8],
}

impl CodedChanges {
    /// In fewer bytes.
    pub fn new(changes: &BTreeMap<UserChange, BTreeSet<HistoryNumber>>) -> Self {
        let (mut bytes, mut steps) = (Vec::new(), Vec::new());
        for (change, users) in changes.iter().filter(|(_, users)| !users.is_empty()) {
            steps.clear();
            let mut before = 0;
            for HistoryNumber(number) in users {
                put(&mut steps, u64::from(number - before));
                before = *number;
            }
            change.put(&mut bytes);
            put(&mut bytes, users.len() as u64);
            put(&mut bytes, steps.len() as u64);
            bytes.extend_from_slice(&steps);
        }
        Self::from_bytes(&bytes)
    }

    /// As they were written.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        // A copy: a block that has grown is not made smaller by giving back its end.
        Self(bytes.into())
    }

    /// As they are written.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// By what changed. Ends where the bytes say nothing that this version knows.
    pub fn groups(&self) -> impl Iterator<Item = ChangeGroup<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let change = UserChange::take(&mut rest)?;
            let count = u32::try_from(take(&mut rest)).ok()?;
            let length = usize::try_from(take(&mut rest)).ok()?;
            let (steps, behind) = rest.split_at_checked(length)?;
            rest = behind;
            // A change is of somebody, and every step takes a byte at least.
            Some(ChangeGroup {
                change,
                count,
                steps,
            })
            .filter(|group| (1..=group.steps.len()).contains(&(group.count as usize)))
        })
    }
}

impl ChangeGroup<'_> {
    /// Of whom it holds, in order.
    pub fn users(&self) -> impl Iterator<Item = HistoryNumber> + '_ {
        let (mut steps, mut number) = (self.steps, 0_u32);
        (0..self.count).map(move |_| {
            number = number.wrapping_add(take(&mut steps) as u32); // Written from a u32.
            HistoryNumber(number)
        })
    }
}

/// Which changes are wanted: those of which all of this is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChangeFilter {
    /// Of one tenant; of all when `None`.
    pub tenant: Option<TenantKey>,
    /// Seen on this day in UTC, or later.
    pub from: Date,
    /// Seen on this day in UTC, or earlier.
    pub to: Date,
    /// Of one of these kinds; of any when `None`.
    pub kinds: Option<BTreeSet<UserChangeKind>>,
    /// About one of these licenses.
    pub licenses: Vec<Among<SkuId>>,
    /// About one of these users.
    pub users: Vec<Among<ObjectId>>,
}

/// One of some things, each of a tenant, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Among<T> {
    /// The things.
    pub of_tenants: BTreeMap<TenantKey, BTreeSet<T>>,
    /// None of them, which is true of what is not there, too.
    pub is_negated: bool,
}

impl<T: Ord> Among<T> {
    /// Whether a tenant's thing, if there is one, is as wanted.
    pub fn has(&self, tenant: &TenantKey, one: Option<&T>) -> bool {
        let own = self.of_tenants.get(tenant);
        own.zip(one).is_some_and(|(own, one)| own.contains(one)) != self.is_negated
    }
}

/// A place among the changes of several tenants, which stand newest run first. Within a run they stand
/// as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChangePosition {
    /// When the run saw it.
    pub seen_at: Timestamp,
    /// Whose.
    pub tenant: TenantKey,
    /// The run.
    pub run: RunId,
    /// The place among all changes of the run.
    pub place: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    type Changes = BTreeMap<UserChange, BTreeSet<HistoryNumber>>;

    fn any_change() -> impl Strategy<Value = UserChange> {
        let sku = || any::<u128>().prop_map(|id| SkuId(Uuid::from_u128(id)));
        let state = || prop::sample::select(&ActivityState::ALL);
        let kind = || prop::sample::select(&FindingKind::ALL);
        let text = || prop::option::of(".{0,12}");
        prop_oneof![
            Just(UserChange::Joined),
            Just(UserChange::Left),
            sku().prop_map(UserChange::LicenseAssigned),
            sku().prop_map(UserChange::LicenseRemoved),
            (text(), text()).prop_map(|(from, to)| UserChange::DepartmentChanged { from, to }),
            (state(), state()).prop_map(|(from, to)| UserChange::ActivityStateChanged { from, to }),
            kind().prop_map(UserChange::FindingOpened),
            kind().prop_map(UserChange::FindingClosed),
        ]
    }

    fn any_changes() -> impl Strategy<Value = Changes> {
        let users = prop::collection::btree_set(any::<u32>().prop_map(HistoryNumber), 1..9);
        prop::collection::btree_map(any_change(), users, 0..9)
    }

    fn read(coded: &CodedChanges) -> Changes {
        let groups = coded.groups();
        groups
            .map(|group| (group.change.clone(), group.users().collect()))
            .collect()
    }

    proptest! {
        #[test]
        fn changes_read_back_as_they_were(changes in any_changes()) {
            let coded = CodedChanges::new(&changes);
            prop_assert_eq!(read(&coded), changes.clone());
            let counts: Vec<_> = coded.groups().map(|group| group.count as usize).collect();
            prop_assert_eq!(counts, changes.values().map(BTreeSet::len).collect::<Vec<_>>());
            prop_assert_eq!(CodedChanges::from_bytes(coded.bytes()), coded);
        }

        #[test]
        fn no_bytes_make_changes_panic(bytes: Vec<u8>) {
            let coded = CodedChanges::from_bytes(&bytes);
            for group in coded.groups() {
                prop_assert!(group.users().count() <= bytes.len());
            }
        }

        #[test]
        fn a_list_that_is_cut_has_the_changes_before_the_cut(changes in any_changes(), cut: prop::sample::Index) {
            let whole = CodedChanges::new(&changes);
            let coded = CodedChanges::from_bytes(&whole.bytes()[..cut.index(whole.bytes().len() + 1)]);
            let read = read(&coded);
            prop_assert!(read.iter().all(|(change, users)| changes.get(change) == Some(users)));
        }
    }

    #[test]
    fn the_numbers_of_kinds_never_change() {
        let first = |change: UserChange| {
            let users = BTreeSet::from([HistoryNumber(0)]);
            CodedChanges::new(&BTreeMap::from([(change, users)])).bytes()[0]
        };
        let sku = SkuId(Uuid::nil());
        let (from, to) = (None, None);
        let active = ActivityState::Active;
        let changes = [
            UserChange::Joined,
            UserChange::Left,
            UserChange::LicenseAssigned(sku),
            UserChange::LicenseRemoved(sku),
            UserChange::DepartmentChanged { from, to },
            UserChange::ActivityStateChanged {
                from: active,
                to: active,
            },
            UserChange::FindingOpened(FindingKind::Guest),
            UserChange::FindingClosed(FindingKind::Guest),
        ];
        assert_eq!(changes.map(first), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(ActivityState::ALL.map(|state| state as u8), [0, 1, 2, 3]);
    }

    #[test]
    fn a_thousand_changes_alike_take_a_byte_each() {
        let users = (0..1_000).map(|number| HistoryNumber(number * 50));
        let change = UserChange::ActivityStateChanged {
            from: ActivityState::Active,
            to: ActivityState::Unknown,
        };
        let coded = CodedChanges::new(&BTreeMap::from([(change, users.collect())]));
        assert!(coded.bytes().len() < 1_010, "{}", coded.bytes().len());
    }

    #[test]
    fn none_of_some_is_true_of_what_is_not_there() {
        let tenant = TenantKey::parse("contoso").unwrap();
        let other = TenantKey::parse("fabrikam").unwrap();
        let among = |is_negated| Among {
            of_tenants: BTreeMap::from([(tenant.clone(), BTreeSet::from([1, 2]))]),
            is_negated,
        };
        for (key, one, is_among) in [
            (&tenant, Some(&1), true),
            (&tenant, Some(&3), false),
            (&other, Some(&1), false),
            (&tenant, None, false),
        ] {
            assert_eq!(among(false).has(key, one), is_among);
            assert_eq!(among(true).has(key, one), !is_among);
        }
    }
}

//! What seats cost on a day: of a user, of a selection, of the groups of a breakdown.
//!
//! Prices are few and holders many, so sums are made product by product: who of a set holds a seat is
//! counted, and the count is multiplied once. That is exact in whatever order it happens.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::domain::declared::Declared;
use crate::domain::filter::UserDimension;
use crate::domain::ids::SkuId;
use crate::domain::license_class::LicenseClass;
use crate::domain::money::{Money, Rate, SeatCost};
use crate::domain::text::Folded;
use crate::domain::usage::ActivityState;

use super::assignments::Assignments;
use super::bits::Bits;
use super::breakdown::{Group, key_of_state};
use super::dictionary::ABSENT;
use super::flags::Flag;
use super::index::TenantIndex;
use super::licenses::LicenseText;
use super::property::Property;
use super::row::UserRow;
use super::rows::Rows;
use super::select::{Part, UserSelection};

/// What an assigned seat of each product costs, at the product's number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rates(Vec<SeatRate>);

/// What an assigned seat of a product costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum SeatRate {
    /// Nobody said.
    #[default]
    Unpriced,
    /// Nobody said, and nobody needs to: the product is free, or on trial.
    Free,
    At(Rate),
}

impl Rates {
    /// The rates of a tenant on a day.
    pub(super) fn new(tenant: &TenantIndex, declared: &Declared, day: Date) -> Self {
        let rate = |sku_id: SkuId| {
            let own = tenant.subscriptions().iter();
            let own = own.filter(|own| own.sku_id == sku_id).map(|own| own.id);
            match declared.seat_price(tenant.key(), sku_id, own, day) {
                Some(price) => SeatRate::At(price.rate),
                None => match tenant.class(sku_id) {
                    LicenseClass::Free | LicenseClass::Trial => SeatRate::Free,
                    LicenseClass::Paid | LicenseClass::Addon | LicenseClass::Unknown => {
                        SeatRate::Unpriced
                    }
                },
            }
        };
        let mut rates = Vec::new();
        for (sku_id, number) in tenant.users().assignments().numbers() {
            let number = number as usize;
            if rates.len() <= number {
                rates.resize(number + 1, SeatRate::Unpriced);
            }
            rates[number] = rate(sku_id);
        }
        // Of a product behind the last one nothing is known either.
        while rates.last() == Some(&SeatRate::Unpriced) {
            rates.pop();
        }
        Self(rates)
    }

    /// Whether anybody said what something costs.
    pub(super) fn has_prices(&self) -> bool {
        self.0.iter().any(|rate| matches!(rate, SeatRate::At(_)))
    }

    /// What the licenses of a row cost. Allocates nothing.
    pub(super) fn cost(&self, assignments: &Assignments, row: u32) -> UserCost {
        let held = assignments.grants(row).filter(|grant| grant.holds_seat());
        let (mut cost, mut is_mixed) = (UserCost::default(), false);
        for grant in held {
            let rate = match self.of_product(grant.product()) {
                SeatRate::At(rate) => rate,
                SeatRate::Free => continue,
                SeatRate::Unpriced => {
                    cost.unpriced_licenses += 1;
                    continue;
                }
            };
            let sum = cost
                .monthly
                .map_or(Some(rate.monthly()), |sum| sum.plus(rate.monthly()));
            is_mixed |= sum.is_none();
            cost.monthly = sum.or(cost.monthly);
        }
        cost.monthly = cost.monthly.filter(|_| !is_mixed);
        cost
    }

    fn of_product(&self, number: u32) -> SeatRate {
        self.0.get(number as usize).copied().unwrap_or_default()
    }
}

/// What the licenses of one user cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserCost {
    /// A month of all that have a price; `None` where none has, or in several currencies.
    pub monthly: Option<Money>,
    /// How many have none, though they may well cost something.
    pub unpriced_licenses: u32,
}

impl UserRow {
    /// What the user's licenses cost. Allocates nothing.
    pub fn cost(&self) -> UserCost {
        let users = self.users();
        users.rates().cost(users.assignments(), self.row())
    }
}

impl UserSelection {
    /// What the licenses of all selected users cost.
    pub fn cost(&self) -> SeatCost {
        let mut cost = SeatCost::default();
        for part in &self.parts {
            add(&mut cost, &part.tenant, |holders| {
                part.rows.count_in(holders)
            });
        }
        cost
    }

    /// The same for each group of a breakdown.
    pub fn costs_of(&self, by: UserDimension, groups: &[Group]) -> Vec<SeatCost> {
        let cost = |group: &Group| {
            let mut cost = SeatCost::default();
            for part in &self.parts {
                let members = Members::of(part, by, group.key.as_deref());
                add(&mut cost, &part.tenant, |holders| members.count_in(holders));
            }
            cost
        };
        groups.iter().map(cost).collect()
    }
}

/// Adds the seats of a tenant, of which `count` says how many are among the holders of a product.
fn add(cost: &mut SeatCost, tenant: &TenantIndex, count: impl Fn(&Bits) -> u64) {
    let assignments = tenant.users().assignments();
    for (sku_id, number) in assignments.numbers() {
        let seats = assignments.holders(sku_id).map_or(0, &count);
        match tenant.users().rates().of_product(number) {
            SeatRate::At(rate) => cost.add(Some(rate), seats),
            SeatRate::Unpriced => cost.add(None, seats),
            SeatRate::Free => {}
        }
    }
}

/// The selected rows of one tenant that are in a group.
pub(super) enum Members<'a> {
    All(&'a Rows),
    Some(Rows),
    /// All but these.
    Others(&'a Rows, Rows),
    None,
}

impl<'a> Members<'a> {
    pub(super) fn of(part: &'a Part, by: UserDimension, key: Option<&str>) -> Self {
        let (rows, users) = (&part.rows, part.tenant.users());
        let folded = key.map(Folded::new);
        let flag = |flag| users.flags().set(flag);
        let truth = |is_so: Flag| match key {
            Some("true") => Self::Some(rows.kept_in(flag(is_so))),
            _ => Self::Others(rows, rows.kept_in(flag(is_so))),
        };
        let licensed = |by| match &folded {
            Some(folded) => Self::within(rows, &holders(&part.tenant, by, folded)),
            None => Self::within(rows, users.assignments().unlicensed()),
        };
        match by {
            UserDimension::Tenant if key == Some(part.tenant.key().as_str()) => Self::All(rows),
            UserDimension::Tenant => Self::None,
            UserDimension::UserType => match key {
                Some("MEMBER") => Self::within(rows, flag(Flag::Member)),
                Some("GUEST") => Self::within(rows, flag(Flag::Guest)),
                _ => Self::within(rows, flag(Flag::UnknownType)),
            },
            UserDimension::ResourceAccount => truth(Flag::ResourceAccount),
            UserDimension::AccountEnabled => truth(Flag::AccountEnabled),
            UserDimension::LicenseName => licensed(LicenseText::Name),
            UserDimension::LicenseValue => licensed(LicenseText::Value),
            UserDimension::ActivityState => {
                let mut states = ActivityState::ALL.into_iter();
                let state = states.find(|state| Some(key_of_state(*state)) == key);
                let sets = part.tenant.activity().sets();
                state.map_or(Self::None, |state| {
                    Self::within(rows, &sets[state as usize])
                })
            }
            UserDimension::Department
            | UserDimension::Company
            | UserDimension::Country
            | UserDimension::UsageLocation
            | UserDimension::OfficeLocation
            | UserDimension::JobTitle
            | UserDimension::EmployeeType => {
                let values = Property::of_dimension(by).map(|property| users.values(property));
                let group = |folded: Option<&Folded>, values: &super::values::Values| match folded {
                    Some(folded) => values.dictionary().find_group(folded),
                    None => Some(ABSENT),
                };
                let set = values.and_then(|values| values.set(group(folded.as_ref(), values)?));
                set.map_or(Self::None, |set| Self::within(rows, set))
            }
        }
    }

    fn within(rows: &Rows, set: &Bits) -> Self {
        Self::Some(rows.kept_in(set))
    }

    /// Whether a selected row is in the group.
    pub(super) fn contains(&self, row: u32) -> bool {
        match self {
            Self::All(_) => true,
            Self::Some(rows) => rows.contains(row),
            Self::Others(_, rows) => !rows.contains(row),
            Self::None => false,
        }
    }

    fn count_in(&self, set: &Bits) -> u64 {
        match self {
            Self::All(rows) => rows.count_in(set),
            Self::Some(rows) => rows.count_in(set),
            Self::Others(all, rows) => all.count_in(set) - rows.count_in(set),
            Self::None => 0,
        }
    }
}

/// Who holds one of the products that are called so.
fn holders<'a>(tenant: &'a TenantIndex, by: LicenseText, folded: &Folded) -> Cow<'a, Bits> {
    let assignments = tenant.users().assignments();
    let texts = tenant.license_texts().texts(by);
    let called = texts.filter(|(_, text)| text.as_str() == folded.as_str());
    let mut sets = called.filter_map(|(entry, _)| assignments.holders(entry.license.sku_id));
    let Some(first) = sets.next() else {
        return Cow::Owned(Bits::default());
    };
    let mut all = Cow::Borrowed(first);
    for set in sets {
        let joined = all.to_mut();
        for row in set.iter() {
            joined.insert(row);
        }
    }
    all
}

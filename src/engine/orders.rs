//! The orders that are kept sorted: one per property that users can be sorted by.
//!
//! An order is sorted by the property, then by object id. Rows without a value are apart: they come
//! last whichever the direction.

use std::cmp::Ordering;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::day::Day;
use crate::domain::filter::{OrderDirection, UserOrderField};
use crate::domain::money::Money;

use super::cores::on_all_cores;
use super::heap::{Heap, Parts};
use super::labels::{Labels, Unlabeled};
use super::marks::Marks;
use super::order::SortedRows;
use super::property::Property;
use super::texts::Lowered;
use super::users::Users;

/// The properties, each at the place of its discriminant.
pub(super) const FIELDS: [UserOrderField; 7] = [
    UserOrderField::DisplayName,
    UserOrderField::UserPrincipalName,
    UserOrderField::Department,
    UserOrderField::CreatedAt,
    UserOrderField::LicenseCount,
    UserOrderField::LastActiveOn,
    UserOrderField::MonthlyCost,
];

/// When more than one row in so many changed its key, an order is sorted anew.
const REBUILD_SHARE: usize = 8;

/// What an order sorts by. Keys of one order are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key<'a> {
    Text(Lowered<'a>),
    Time(Timestamp),
    Count(u32),
    Amount(Amount),
}

/// Money as it is sorted: currencies are never compared, only put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount(pub(super) Money);

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        let currencies = self.0.currency().cmp(&other.0.currency());
        currencies.then_with(|| self.0.twelfths().cmp(&other.0.twelfths()))
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Amount {
    /// A number that sorts as it does, unless it is below zero; see [`Key::prefix`].
    fn prefix(self) -> (u128, bool) {
        let code = self.0.currency();
        let code = code.code().bytes();
        let code = code.fold(0, |all, letter| (all << 8) | u128::from(letter));
        // Prices have so many decimals at most, and a decimal takes 96 bits.
        let amount = self.0.twelfths().checked_mul(MILLION);
        let whole = amount.map_or(u128::MAX >> 32, |amount| {
            amount.trunc().mantissa().unsigned_abs()
        });
        let is_whole = amount.is_some_and(|amount| amount.fract().is_zero());
        ((code << 96) | whole, is_whole)
    }
}

const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

impl<'a> Key<'a> {
    /// The key of a folded text.
    pub(super) fn folded(text: &'a str) -> Self {
        Self::Text(Lowered::of_folded(text))
    }

    /// The key of a day: its number.
    pub(super) fn day(day: Day) -> Self {
        Self::of_day_number(day.number())
    }

    /// The key of a day that may be out of range; it sorts before or behind every key of a day then.
    pub(super) fn of_day_number(number: i64) -> Self {
        Self::Count(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    }

    /// A number that sorts as the key does, and whether equal numbers mean equal keys.
    fn prefix(self) -> (u128, bool) {
        match self {
            Self::Text(text) => text.prefix(),
            // Flipping the sign bit makes negative numbers sort before the others.
            Self::Time(time) => (time.as_nanosecond().cast_unsigned() ^ (1 << 127), true),
            Self::Count(count) => (u128::from(count), true),
            Self::Amount(amount) => amount.prefix(),
        }
    }
}

/// How two keys stand in a direction. Absent values are last in both.
pub(super) fn compare_keys(
    left: Option<Key<'_>>,
    right: Option<Key<'_>>,
    direction: OrderDirection,
) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => match direction {
            OrderDirection::Ascending => left.cmp(&right),
            OrderDirection::Descending => right.cmp(&left),
        },
    }
}

/// One order.
#[derive(Clone, Default)]
pub(super) struct Order {
    /// By key, then by object id.
    pub(super) present: SortedRows,
    /// By object id.
    pub(super) absent: SortedRows,
}

/// All orders.
#[derive(Clone, Default)]
pub(super) struct Orders {
    by_field: [Order; FIELDS.len()],
    /// Of the order that has them: see [`LABELED`].
    labels: Labels,
}

/// The order that lists are in when nothing else is asked for. Its rows have numbers that sort as they
/// stand.
pub(super) const LABELED: UserOrderField = UserOrderField::DisplayName;

impl Order {
    /// Whether it was made. One that would put all rows by id is not: it is hardly asked for.
    pub(super) fn is_made(&self) -> bool {
        self.lists().iter().any(|list| list.start() < list.end())
    }

    /// The rows that have a value, then those that have none.
    fn lists(&self) -> [&SortedRows; 2] {
        [&self.present, &self.absent]
    }
}

impl Orders {
    pub(super) fn get(&self, field: UserOrderField) -> &Order {
        &self.by_field[field as usize]
    }

    /// A number for each row that sorts as [`LABELED`] does, ascending.
    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Brings the orders from `base` to `next`, whose orders are still those of `base`. `touched`
    /// holds, for each field, the rows whose key may differ, were added or removed.
    pub(super) fn update(base: &Users, next: &mut Users, touched: &[Marks; FIELDS.len()]) {
        let live = next.live().len() as usize;
        let is_few = |touched: &Marks| touched.len() as usize * REBUILD_SHARE <= live;
        let is_kept = |field| field != UserOrderField::MonthlyCost || next.rates().has_prices();
        let changed = FIELDS.into_iter().zip(touched);
        let changed = changed.filter(|(field, touched)| is_kept(*field) && !touched.is_empty());
        let changed: Vec<_> = changed.collect();
        let ranks = match changed.iter().all(|(_, touched)| is_few(touched)) {
            true => Vec::new(),
            false => ranks_by_id(next),
        };
        let made = {
            let users = &*next;
            on_all_cores(&changed, |(field, touched)| match is_few(touched) {
                true => edited(base, users, *field, touched),
                false => sorted(users, *field, &ranks),
            })
        };
        for ((field, touched), order) in changed.into_iter().zip(made) {
            if field == LABELED {
                let labels = match is_few(touched) {
                    true => relabeled(next, &order, touched),
                    false => Labels::of(order.lists(), next.row_count()),
                };
                next.orders_mut().labels = labels;
            }
            next.orders_mut().by_field[field as usize] = order;
        }
    }
}

impl Orders {
    /// Sorts by what licenses cost, after prices changed; without prices that order is not kept.
    pub(super) fn reprice(users: &mut Users) {
        let field = UserOrderField::MonthlyCost;
        let order = match users.rates().has_prices() {
            true => sorted(users, field, &ranks_by_id(users)),
            false => Order::default(),
        };
        users.orders_mut().by_field[field as usize] = order;
    }
}

/// The order with the touched rows at their new places.
fn edited(base: &Users, next: &Users, field: UserOrderField, touched: &Marks) -> Order {
    let mut order = next.orders().get(field).clone();
    // First all of them leave, by their old keys: the list must be in order for one set of columns
    // whenever it is searched.
    for row in touched.iter().filter(|row| base.live().contains(*row)) {
        let (key, id) = (base.key(field, row), base.object_id(row));
        let list = if key.is_some() {
            &mut order.present
        } else {
            &mut order.absent
        };
        list.remove(row, |other| {
            (base.key(field, other), base.object_id(other)).cmp(&(key, id))
        });
    }
    for row in touched.iter().filter(|row| next.live().contains(*row)) {
        let (key, id) = (next.key(field, row), next.object_id(row));
        let list = if key.is_some() {
            &mut order.present
        } else {
            &mut order.absent
        };
        list.insert(row, |other| {
            (next.key(field, other), next.object_id(other)).cmp(&(key, id))
        });
    }
    order
}

/// The labels with those of the touched rows as the order has them now.
fn relabeled(next: &Users, order: &Order, touched: &Marks) -> Labels {
    let stands = |row| (next.key(LABELED, row), next.object_id(row));
    let live = touched.iter().filter(|row| next.live().contains(*row));
    let unlabeled = live.map(|row| {
        let list = usize::from(next.key(LABELED, row).is_none());
        let place = order.lists()[list].partition(|other| stands(other) < stands(row));
        Unlabeled { list, place, row }
    });
    let mut labels = next.orders().labels.clone();
    labels.update(order.lists(), next.row_count(), unlabeled.collect());
    labels
}

/// The place of each row among all rows by object id. Comparing places is cheaper than comparing ids,
/// and every order that is made anew needs them.
fn ranks_by_id(users: &Users) -> Vec<u32> {
    let id_and_row = |row| (users.object_id(row).0.as_u128(), row);
    let mut ids: Vec<(u128, u32)> = users.live().iter().map(id_and_row).collect();
    ids.sort_unstable();
    let mut ranks = vec![0; users.row_count() as usize];
    for (rank, (_, row)) in (0..).zip(ids) {
        ranks[row as usize] = rank;
    }
    ranks
}

/// What an order that is made anew compares. A third of it is the row and what stands for its id.
struct Entry {
    prefix: u128,
    row: u32,
    rank: u32,
    is_whole: bool,
}

/// The order made anew.
fn sorted(users: &Users, field: UserOrderField, ranks: &[u32]) -> Order {
    let groups = match field {
        UserOrderField::Department => users.values(Property::Department).group_ranks(),
        _ => Vec::new(),
    };
    let prefix_of = |row, key: Key<'_>| match field {
        // Few departments are held by many: their names are compared once, not for every two rows.
        UserOrderField::Department => {
            let group = users.values(Property::Department).group(row);
            (u128::from(groups[group as usize]), true)
        }
        _ => key.prefix(),
    };
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for row in users.live().iter() {
        let rank = ranks[row as usize];
        match users.key(field, row) {
            Some(key) => {
                let (prefix, is_whole) = prefix_of(row, key);
                present.push(Entry {
                    prefix,
                    row,
                    rank,
                    is_whole,
                });
            }
            None => absent.push((rank, row)),
        }
    }
    // Columns are read only where the beginnings of two texts do not decide.
    present.sort_unstable_by(|left, right| {
        let by_key = || match left.is_whole && right.is_whole {
            true => Ordering::Equal,
            false => users.key(field, left.row).cmp(&users.key(field, right.row)),
        };
        let by_prefix = left.prefix.cmp(&right.prefix);
        by_prefix.then_with(by_key).then(left.rank.cmp(&right.rank))
    });
    absent.sort_unstable();
    let present: Vec<u32> = present.into_iter().map(|entry| entry.row).collect();
    let absent: Vec<u32> = absent.into_iter().map(|(_, row)| row).collect();
    Order {
        present: SortedRows::from_sorted(&present),
        absent: SortedRows::from_sorted(&absent),
    }
}

impl Heap for Orders {
    fn heap(&self, parts: &mut Parts) -> usize {
        let of_order =
            |order: &Order, parts: &mut Parts| order.present.heap(parts) + order.absent.heap(parts);
        let orders: usize = self
            .by_field
            .iter()
            .map(|order| of_order(order, parts))
            .sum();
        orders + self.labels.heap(parts)
    }
}

//! Places in an ordered list, and how rows stand to them and to each other.

use std::cmp::Ordering;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::filter::{OrderDirection, UserOrder, UserOrderField};
use crate::domain::ids::{ObjectId, TenantKey};
use crate::domain::money::Money;

use super::orders::{Amount, Key, compare_keys};
use super::row::UserRow;
use super::texts::Lowered;
use super::users::Users;

/// The order of a list that asks for none.
const DEFAULT: [UserOrder; 1] = [UserOrder {
    field: UserOrderField::DisplayName,
    direction: OrderDirection::Ascending,
}];

/// The orders to sort by: those asked for, or display name ascending.
pub(super) fn effective(orders: &[UserOrder]) -> &[UserOrder] {
    if orders.is_empty() { &DEFAULT } else { orders }
}

/// A place in an ordered list: the sort keys and the id of the row that stood there. It stays a
/// place when that row is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// One for each order.
    keys: Vec<(UserOrder, Option<OwnedKey>)>,
    object_id: ObjectId,
    tenant: TenantKey,
}

/// A [`Key`] on its own.
#[derive(Clone, PartialEq)]
enum OwnedKey {
    /// Folded.
    Text(String),
    Time(Timestamp),
    Count(u32),
    Amount(Money),
}

impl Position {
    pub(super) fn of(row: &UserRow, orders: &[UserOrder]) -> Self {
        let key = |order: &UserOrder| row.users().key(order.field, row.row()).map(OwnedKey::from);
        Self {
            keys: effective(orders)
                .iter()
                .map(|order| (*order, key(order)))
                .collect(),
            object_id: row.object_id(),
            tenant: row.tenant().key().clone(),
        }
    }

    /// The position as bytes, for a cursor. They hold a person's name in plain: seal them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (order, key) in &self.keys {
            bytes.push(order_byte(*order));
            match key {
                None => bytes.push(0),
                Some(OwnedKey::Text(text)) => {
                    bytes.push(1);
                    bytes.extend((text.len() as u32).to_be_bytes()); // Kept texts are at most 4 KiB.
                    bytes.extend(text.as_bytes());
                }
                Some(OwnedKey::Time(time)) => {
                    bytes.push(2);
                    bytes.extend(time.as_nanosecond().to_be_bytes());
                }
                Some(OwnedKey::Count(count)) => {
                    bytes.push(3);
                    bytes.extend(count.to_be_bytes());
                }
                Some(OwnedKey::Amount(money)) => {
                    bytes.push(4);
                    bytes.extend(money.to_bytes());
                }
            }
        }
        bytes.extend(self.object_id.0.as_bytes());
        bytes.extend(self.tenant.as_str().as_bytes());
        bytes
    }

    /// `None` when these are not the bytes of a position in that order.
    pub fn from_bytes(bytes: &[u8], orders: &[UserOrder]) -> Option<Self> {
        let mut rest = bytes;
        let mut keys = Vec::new();
        for order in effective(orders) {
            let [of_order, kind] = take(&mut rest)?;
            if of_order != order_byte(*order) {
                return None;
            }
            let key = read_key(kind, &mut rest)?;
            if key.as_ref().is_some_and(|key| !key.is_of(order.field)) {
                return None;
            }
            keys.push((*order, key));
        }
        let object_id = ObjectId(Uuid::from_bytes(take(&mut rest)?));
        let tenant = TenantKey::parse(std::str::from_utf8(rest).ok()?).ok()?;
        Some(Self {
            keys,
            object_id,
            tenant,
        })
    }

    pub(super) fn object_id(&self) -> ObjectId {
        self.object_id
    }

    /// The key of the first order.
    pub(super) fn first_key(&self) -> Option<Key<'_>> {
        let (_, key) = self.keys.first()?;
        key.as_ref().map(OwnedKey::as_key)
    }

    /// How a row of a tenant stands to this position in its order.
    pub(super) fn compare_row(&self, users: &Users, row: u32, tenant: &TenantKey) -> Ordering {
        for (order, key) in &self.keys {
            let own = key.as_ref().map(OwnedKey::as_key);
            let ordering = compare_keys(users.key(order.field, row), own, order.direction);
            if ordering.is_ne() {
                return ordering;
            }
        }
        let ids = users.object_id(row).cmp(&self.object_id);
        ids.then_with(|| tenant.cmp(&self.tenant))
    }
}

/// How two rows of one tenant stand in an order. Never equal, unless they are the same.
pub(super) fn compare_rows(users: &Users, orders: &[UserOrder], left: u32, right: u32) -> Ordering {
    for order in orders {
        let (left, right) = (users.key(order.field, left), users.key(order.field, right));
        let ordering = compare_keys(left, right, order.direction);
        if ordering.is_ne() {
            return ordering;
        }
    }
    users.object_id(left).cmp(&users.object_id(right))
}

/// The same for rows of any two tenants.
pub(super) fn compare_handles(orders: &[UserOrder], left: &UserRow, right: &UserRow) -> Ordering {
    for order in orders {
        let key = |row: &UserRow| row.users().key(order.field, row.row()).map(OwnedKey::from);
        let (one, other) = (key(left), key(right));
        let (one, other) = (
            one.as_ref().map(OwnedKey::as_key),
            other.as_ref().map(OwnedKey::as_key),
        );
        let ordering = compare_keys(one, other, order.direction);
        if ordering.is_ne() {
            return ordering;
        }
    }
    let ids = left.object_id().cmp(&right.object_id());
    ids.then_with(|| left.tenant().key().cmp(right.tenant().key()))
}

impl OwnedKey {
    fn as_key(&self) -> Key<'_> {
        match self {
            Self::Text(text) => Key::Text(Lowered::of_folded(text)),
            Self::Time(time) => Key::Time(*time),
            Self::Count(count) => Key::Count(*count),
            Self::Amount(money) => Key::Amount(Amount(*money)),
        }
    }

    /// Whether it is the kind of key that an order of the field has.
    fn is_of(&self, field: UserOrderField) -> bool {
        match field {
            UserOrderField::DisplayName
            | UserOrderField::UserPrincipalName
            | UserOrderField::Department => {
                matches!(self, Self::Text(_))
            }
            UserOrderField::CreatedAt => matches!(self, Self::Time(_)),
            UserOrderField::LicenseCount | UserOrderField::LastActiveOn => {
                matches!(self, Self::Count(_))
            }
            UserOrderField::MonthlyCost => matches!(self, Self::Amount(_)),
        }
    }
}

impl From<Key<'_>> for OwnedKey {
    fn from(key: Key<'_>) -> Self {
        match key {
            Key::Text(text) => Self::Text(text.folded().into_owned()),
            Key::Time(time) => Self::Time(time),
            Key::Count(count) => Self::Count(count),
            Key::Amount(Amount(money)) => Self::Amount(money),
        }
    }
}

impl std::fmt::Debug for OwnedKey {
    /// The kind only: a key is a person's name.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text",
            Self::Time(_) => "Time",
            Self::Count(_) => "Count",
            Self::Amount(_) => "Amount",
        })
    }
}

/// An order as a byte; never given another meaning, since cursors outlive a release.
fn order_byte(order: UserOrder) -> u8 {
    let field = match order.field {
        UserOrderField::DisplayName => 0x10,
        UserOrderField::UserPrincipalName => 0x20,
        UserOrderField::Department => 0x30,
        UserOrderField::CreatedAt => 0x40,
        UserOrderField::LicenseCount => 0x50,
        UserOrderField::LastActiveOn => 0x60,
        UserOrderField::MonthlyCost => 0x70,
    };
    match order.direction {
        OrderDirection::Ascending => field,
        OrderDirection::Descending => field | 1,
    }
}

/// The key of a kind, or that it is absent; `None` when the bytes hold no such thing.
#[allow(
    clippy::option_option,
    reason = "the outer says whether the bytes are valid, the inner whether a key is there"
)]
fn read_key(kind: u8, rest: &mut &[u8]) -> Option<Option<OwnedKey>> {
    Some(match kind {
        0 => None,
        1 => {
            let length = u32::from_be_bytes(take(rest)?) as usize;
            let (text, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            Some(OwnedKey::Text(std::str::from_utf8(text).ok()?.to_owned()))
        }
        2 => {
            let nanoseconds = i128::from_be_bytes(take(rest)?);
            Some(OwnedKey::Time(
                Timestamp::from_nanosecond(nanoseconds).ok()?,
            ))
        }
        3 => Some(OwnedKey::Count(u32::from_be_bytes(take(rest)?))),
        4 => {
            let bytes = take(rest)?;
            let money = Money::from_bytes(bytes)?;
            Some(OwnedKey::Amount(
                (money.to_bytes() == bytes).then_some(money)?,
            ))
        }
        _ => return None,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}

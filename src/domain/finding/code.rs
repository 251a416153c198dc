//! Facts as bytes: a hundred thousand users have findings by the ten thousand, each with a handful of facts,
//! and most facts fit into five bytes. In memory findings stand so, and on disk what was saved does.
//!
//! Numbers of this code are never reused: what was written once is read for as long as it is told.

use crate::domain::day::Day;
use crate::domain::ids::SkuId;
use crate::domain::money::Money;
use crate::domain::seven_bits;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::AssignmentState;

use super::fact::{
    AddonProduct, ErrorCode, Fact, Note, Said, Source, SubscriptionStatus, Threshold, Unseen,
};
use super::{Confidence, FindingKind, FindingState, Rule};

/// Something out of a short list that never changes its places.
pub trait Placed: Copy + PartialEq + 'static {
    /// The list. New ones come last.
    const PLACES: &'static [Self];

    /// Its place.
    fn place(self) -> u8 {
        let place = Self::PLACES.iter().position(|own| *own == self);
        place
            .and_then(|place| u8::try_from(place).ok())
            .unwrap_or(0)
    }

    /// What is at a place.
    fn at(place: u64) -> Option<Self> {
        Self::PLACES.get(usize::try_from(place).ok()?).copied()
    }
}

macro_rules! placed {
    ($($name:ty: $places:expr;)*) => {
        $(impl Placed for $name {
            const PLACES: &'static [Self] = &$places;
        })*
    };
}

placed! {
    FindingKind: Self::ALL;
    FindingState: Self::ALL;
    Confidence: Self::ALL;
    Rule: Self::ALL;
    Dataset: Self::ALL;
    Workload: Self::ALL;
    MailboxType: Self::ALL;
    Unseen: Self::ALL;
    AssignmentState: [
        Self::Active, Self::ActiveWithError, Self::Disabled, Self::Error, Self::Unknown,
    ];
    AddonProduct: [Self::Visio, Self::Project, Self::PowerBi, Self::PowerPlatform];
    ErrorCode: [
        Self::CountViolation, Self::MutuallyExclusive, Self::Dependency,
        Self::ProhibitedInUsageLocation, Self::Uniqueness, Self::Other,
    ];
    SubscriptionStatus: [
        Self::Enabled, Self::Warning, Self::Suspended, Self::Deleted, Self::LockedOut, Self::Unknown,
    ];
    Threshold: [
        Self::InactiveAfterDays, Self::GraceDays, Self::DisabledGraceDays,
        Self::CopilotUnusedAfterDays, Self::CopilotHeldDays, Self::CopilotAppsMin,
        Self::AddonUnusedAfterDays, Self::HeadroomPercent, Self::SubscriptionChangeDays,
        Self::TrialEndingDays,
    ];
    Note: [
        Self::CheckRetention, Self::ReplaceByMailboxLicense, Self::Privileged, Self::SignsInOnly,
        Self::UseIsNotReported, Self::OtherServicesAreOn,
    ];
}

impl Fact {
    /// Writes the fact behind the bytes.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        let source = match self.source {
            Source::Policy => 0,
            Source::PriceBook => 1,
            Source::Seatwise => 2,
            Source::Dataset(dataset) => 3 + u64::from(dataset.place()),
        };
        seven_bits::put(bytes, source);
        put_day(bytes, self.as_of);
        put_said(bytes, self.said);
    }

    /// Takes the fact that [`put`](Self::put) wrote at the beginning of the bytes; `None` of bytes that no
    /// fact made.
    pub fn take(bytes: &mut &[u8]) -> Option<Self> {
        let source = match seven_bits::take(bytes) {
            0 => Source::Policy,
            1 => Source::PriceBook,
            2 => Source::Seatwise,
            dataset => Source::Dataset(Dataset::at(dataset - 3)?),
        };
        let as_of = take_day(bytes);
        Some(Self {
            said: take_said(bytes)?,
            source,
            as_of,
        })
    }

    /// All facts that were written one behind the other.
    pub fn take_all(mut bytes: &[u8]) -> Vec<Self> {
        let facts = std::iter::from_fn(|| match bytes.is_empty() {
            true => None,
            false => Self::take(&mut bytes),
        });
        facts.collect()
    }
}

fn put_said(bytes: &mut Vec<u8>, said: Said) {
    let mut number = |code: u8, value: u64| {
        bytes.push(code);
        seven_bits::put(bytes, value);
    };
    match said {
        Said::LastActive(workload, on) => {
            number(0, workload.place().into());
            put_day(bytes, on);
        }
        Said::LastSignIn(on) => number(1, day(on)),
        Said::Threshold(threshold, value) => {
            number(2, threshold.place().into());
            seven_bits::put(bytes, value.into());
        }
        Said::Disabled(on) => number(3, day(on)),
        Said::Created(on) => number(4, day(Some(on))),
        Said::HeldSince(on) => number(5, day(Some(on))),
        Said::Guest => bytes.push(6),
        Said::ResourceAccount => bytes.push(7),
        Said::SharedByPolicy => bytes.push(8),
        Said::Mailbox(kind) => number(9, kind.place().into()),
        Said::MailboxBytes(size) => number(10, size.map_or(0, |size| size.saturating_add(1))),
        Said::Archive(has) => number(11, has.map_or(0, |has| 1 + u64::from(has))),
        Said::FilesBytes(size) => number(12, size),
        Said::DesktopApps(used) => number(13, used.into()),
        Said::DesktopActivations(count) => number(14, count),
        Said::CopilotApps(count) => number(15, count.into()),
        Said::AddonUsed(product, on) => {
            number(16, product.place().into());
            put_day(bytes, on);
        }
        Said::GivenBy(sku) => put_sku(bytes, 17, sku),
        Said::PartOf(sku) => put_sku(bytes, 18, sku),
        Said::Enough(sku) => put_sku(bytes, 19, sku),
        Said::Unseen(unseen) => number(20, unseen.place().into()),
        Said::AlsoByGroups(count) => number(21, count.into()),
        Said::Assignment(state) => number(22, state.place().into()),
        Said::Error(code) => number(23, code.place().into()),
        Said::NoUsageLocation => bytes.push(24),
        Said::WorkloadPlans(count) => number(25, count.into()),
        Said::SeatsBought(count) => number(26, count.into()),
        Said::SeatsUsable(count) => number(27, count.into()),
        Said::SeatsConsumed(count) => number(28, count.into()),
        Said::SeatsReserved(count) => number(29, count.into()),
        Said::SeatsPlanned(count) => number(30, count.into()),
        Said::SeatsShort(count) => number(31, count.into()),
        Said::Status(status) => number(32, status.place().into()),
        Said::NextChange(on) => number(33, day(Some(on))),
        // The sign goes into the lowest bit.
        Said::DaysLeft(days) => number(34, ((days << 1) ^ (days >> 63)).cast_unsigned()),
        Said::Price(money) => put_money(bytes, 35, money),
        Said::ShortfallCost(money) => put_money(bytes, 36, money),
        Said::Note(note) => number(37, note.place().into()),
    }
}

fn take_said(bytes: &mut &[u8]) -> Option<Said> {
    let (&code, rest) = bytes.split_first()?;
    *bytes = rest;
    match code {
        6 => return Some(Said::Guest),
        7 => return Some(Said::ResourceAccount),
        8 => return Some(Said::SharedByPolicy),
        17..=19 => {
            let sku = SkuId(uuid::Uuid::from_bytes(take_some(bytes)?));
            return Some(match code {
                17 => Said::GivenBy(sku),
                18 => Said::PartOf(sku),
                _ => Said::Enough(sku),
            });
        }
        24 => return Some(Said::NoUsageLocation),
        35 => return Money::from_bytes(take_some(bytes)?).map(Said::Price),
        36 => return Money::from_bytes(take_some(bytes)?).map(Said::ShortfallCost),
        _ => {}
    }
    let value = seven_bits::take(bytes);
    let count = u32::try_from(value);
    Some(match code {
        0 => Said::LastActive(Workload::at(value)?, take_day(bytes)),
        1 => Said::LastSignIn(some_day(value)),
        2 => {
            let threshold = Threshold::at(value)?;
            Said::Threshold(threshold, u32::try_from(seven_bits::take(bytes)).ok()?)
        }
        3 => Said::Disabled(some_day(value)),
        4 => Said::Created(some_day(value)?),
        5 => Said::HeldSince(some_day(value)?),
        9 => Said::Mailbox(MailboxType::at(value)?),
        10 => Said::MailboxBytes(value.checked_sub(1)),
        11 => Said::Archive(value.checked_sub(1).map(|has| has > 0)),
        12 => Said::FilesBytes(value),
        13 => Said::DesktopApps(value > 0),
        14 => Said::DesktopActivations(value),
        15 => Said::CopilotApps(count.ok()?),
        16 => Said::AddonUsed(AddonProduct::at(value)?, take_day(bytes)),
        20 => Said::Unseen(Unseen::at(value)?),
        21 => Said::AlsoByGroups(count.ok()?),
        22 => Said::Assignment(AssignmentState::at(value)?),
        23 => Said::Error(ErrorCode::at(value)?),
        25 => Said::WorkloadPlans(count.ok()?),
        26 => Said::SeatsBought(count.ok()?),
        27 => Said::SeatsUsable(count.ok()?),
        28 => Said::SeatsConsumed(count.ok()?),
        29 => Said::SeatsReserved(count.ok()?),
        30 => Said::SeatsPlanned(count.ok()?),
        31 => Said::SeatsShort(count.ok()?),
        32 => Said::Status(SubscriptionStatus::at(value)?),
        33 => Said::NextChange(some_day(value)?),
        34 => Said::DaysLeft((value >> 1).cast_signed() ^ -(value & 1).cast_signed()),
        37 => Said::Note(Note::at(value)?),
        _ => return None,
    })
}

fn put_sku(bytes: &mut Vec<u8>, code: u8, sku: SkuId) {
    bytes.push(code);
    bytes.extend_from_slice(sku.0.as_bytes());
}

fn put_money(bytes: &mut Vec<u8>, code: u8, money: Money) {
    bytes.push(code);
    bytes.extend_from_slice(&money.to_bytes());
}

fn take_some<const LEN: usize>(bytes: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, rest) = bytes.split_first_chunk::<LEN>()?;
    *bytes = rest;
    Some(*taken)
}

/// No day has the number 0.
fn day(on: Option<Day>) -> u64 {
    on.map_or(0, |on| on.number().unsigned_abs())
}

fn some_day(number: u64) -> Option<Day> {
    Day::numbered(i64::try_from(number).ok()?)
}

fn put_day(bytes: &mut Vec<u8>, on: Option<Day>) {
    seven_bits::put(bytes, day(on));
}

fn take_day(bytes: &mut &[u8]) -> Option<Day> {
    some_day(seven_bits::take(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::money::{BillingPeriod, Currency, Rate, parse_amount};

    fn every_said() -> Vec<Said> {
        let on = Day::numbered(20_780);
        let some = on.unwrap();
        let sku = SkuId(uuid::Uuid::from_u128(7));
        let rate = Rate::new(
            parse_amount("36.10").unwrap(),
            Currency::parse("EUR").unwrap(),
            BillingPeriod::Month,
        );
        let money = rate.unwrap().monthly();
        let mut all = vec![
            Said::LastActive(Workload::Teams, on),
            Said::LastActive(Workload::Copilot, None),
            Said::LastSignIn(None),
            Said::LastSignIn(on),
            Said::Threshold(Threshold::TrialEndingDays, u32::MAX),
            Said::Disabled(None),
            Said::Disabled(on),
            Said::Created(some),
            Said::HeldSince(some),
            Said::Guest,
            Said::ResourceAccount,
            Said::SharedByPolicy,
            Said::Mailbox(MailboxType::Scheduling),
            Said::MailboxBytes(None),
            Said::MailboxBytes(Some(0)),
            Said::Archive(None),
            Said::Archive(Some(false)),
            Said::Archive(Some(true)),
            Said::FilesBytes(u64::MAX),
            Said::DesktopApps(true),
            Said::DesktopActivations(3),
            Said::CopilotApps(1),
            Said::AddonUsed(AddonProduct::Project, on),
            Said::GivenBy(sku),
            Said::PartOf(sku),
            Said::Enough(sku),
            Said::AlsoByGroups(2),
            Said::NoUsageLocation,
            Said::WorkloadPlans(0),
            Said::SeatsBought(1),
            Said::SeatsUsable(2),
            Said::SeatsConsumed(3),
            Said::SeatsReserved(4),
            Said::SeatsPlanned(5),
            Said::SeatsShort(6),
            Said::NextChange(some),
            Said::DaysLeft(-3),
            Said::DaysLeft(i64::MIN),
            Said::DaysLeft(120),
            Said::Price(money),
            Said::ShortfallCost(money.times(12)),
        ];
        all.extend(Unseen::PLACES.iter().map(|own| Said::Unseen(*own)));
        all.extend(
            AssignmentState::PLACES
                .iter()
                .map(|own| Said::Assignment(*own)),
        );
        all.extend(ErrorCode::PLACES.iter().map(|own| Said::Error(*own)));
        all.extend(
            SubscriptionStatus::PLACES
                .iter()
                .map(|own| Said::Status(*own)),
        );
        all.extend(Note::PLACES.iter().map(|own| Said::Note(*own)));
        all
    }

    #[test]
    fn every_fact_comes_back_as_it_was() {
        let mut facts = Vec::new();
        for said in every_said() {
            for (source, as_of) in [
                (Source::Policy, None),
                (Source::PriceBook, Day::numbered(1)),
                (Source::Seatwise, None),
                (
                    Source::Dataset(Dataset::CopilotUsage),
                    Day::numbered(65_535),
                ),
            ] {
                facts.push(Fact {
                    said,
                    source,
                    as_of,
                });
            }
        }
        let mut bytes = Vec::new();
        facts.iter().for_each(|fact| fact.put(&mut bytes));
        assert_eq!(Fact::take_all(&bytes), facts);
    }

    #[test]
    fn a_usual_fact_is_short() {
        let fact = Fact {
            said: Said::LastActive(Workload::Teams, Day::numbered(20_700)),
            source: Source::Dataset(Dataset::TeamsActivity),
            as_of: Day::numbered(20_780),
        };
        let mut bytes = Vec::new();
        fact.put(&mut bytes);
        // On disk, too: these bytes never mean anything else.
        assert_eq!(bytes, [14, 172, 162, 1, 0, 1, 220, 161, 1]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Fact::take_all(&bytes);
        }
    }
}

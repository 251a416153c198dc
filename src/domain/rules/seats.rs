//! Whole licenses: seats that nobody needs, and seats that nobody paid for.

use crate::domain::day::Day;
use crate::domain::finding::{Confidence, Fact, Finding, FindingKey, Rule, Said, Saving, Source};
use crate::domain::license::SeatCounts;
use crate::domain::policy::PolicySettings;
use crate::domain::sync_run::Dataset;

use super::ground::{Ground, LicenseGround};

/// R12 and R13.
pub(super) fn judge(ground: &Ground<'_>, findings: &mut Vec<Finding>) {
    for license in ground.licenses.iter().filter(|license| license.is_paid) {
        findings.extend(unassigned(ground, license));
        findings.extend(over_consumed(ground, license));
    }
}

/// Seats that may be assigned. Suspended and locked out ones may not; those in the time of grace may.
fn usable(seats: SeatCounts) -> u32 {
    seats.enabled.saturating_add(seats.warning)
}

/// Seats that nobody holds, beyond those kept in reserve and those for people about to come.
pub fn unassigned_seats(seats: SeatCounts, hires: u32, policy: &PolicySettings) -> u32 {
    let needed = seats.consumed.saturating_add(hires);
    usable(seats)
        .saturating_sub(needed)
        .saturating_sub(policy.buffer_seats(needed))
}

/// R12.
fn unassigned(ground: &Ground<'_>, license: &LicenseGround<'_>) -> Option<Finding> {
    let (own, policy) = (license.license, ground.policy);
    let hires = policy.planned_hires.get(&own.sku_id).copied().unwrap_or(0);
    let count = unassigned_seats(own.seats, hires, policy);
    if count == 0 {
        return None;
    }
    let reserved = policy.buffer_seats(own.seats.consumed.saturating_add(hires));
    let decided = |said| Fact {
        said,
        source: Source::Policy,
        as_of: None,
    };
    let mut facts = counts(ground, own.seats);
    facts.push(decided(Said::SeatsReserved(reserved)));
    facts.push(decided(Said::SeatsPlanned(hires)));
    facts.extend(price(ground, license));
    let rate = license.rate.map(|rate| rate.monthly().times(count.into()));
    Some(Finding {
        key: FindingKey::of_license(Rule::UnassignedSeats.kind(), own.sku_id),
        rule: Rule::UnassignedSeats,
        confidence: Confidence::High,
        seats: count,
        saving: rate.map_or(Saving::Unpriced, Saving::Monthly),
        is_primary: true,
        facts,
    })
}

/// R13.
fn over_consumed(ground: &Ground<'_>, license: &LicenseGround<'_>) -> Option<Finding> {
    let own = license.license;
    let short = own.seats.consumed.saturating_sub(usable(own.seats));
    if short == 0 {
        return None;
    }
    let mut facts = counts(ground, own.seats);
    facts.push(Fact {
        said: Said::SeatsShort(short),
        source: Source::Seatwise,
        as_of: None,
    });
    facts.extend(price(ground, license));
    facts.extend(license.rate.map(|rate| Fact {
        said: Said::ShortfallCost(rate.monthly().times(short.into())),
        source: Source::PriceBook,
        as_of: Day::numbered(ground.today),
    }));
    Some(Finding {
        key: FindingKey::of_license(Rule::OverConsumed.kind(), own.sku_id),
        rule: Rule::OverConsumed,
        confidence: Confidence::High,
        seats: short,
        saving: Saving::Nothing,
        is_primary: false,
        facts,
    })
}

fn counts(ground: &Ground<'_>, seats: SeatCounts) -> Vec<Fact> {
    let told = |said| Fact {
        said,
        source: Source::Dataset(Dataset::Licenses),
        as_of: ground.as_of(Dataset::Licenses),
    };
    vec![
        told(Said::SeatsUsable(usable(seats))),
        told(Said::SeatsConsumed(seats.consumed)),
    ]
}

fn price(ground: &Ground<'_>, license: &LicenseGround<'_>) -> Option<Fact> {
    license.rate.map(|rate| Fact {
        said: Said::Price(rate.monthly()),
        source: Source::PriceBook,
        as_of: Day::numbered(ground.today),
    })
}

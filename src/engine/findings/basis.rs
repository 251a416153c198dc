//! By what everybody of a tenant is judged. While two of them are equal, a user of whom nothing changed is
//! judged as before.

use std::collections::BTreeSet;

use crate::domain::activity::Horizon;
use crate::domain::day::{self, Day};
use crate::domain::ids::SkuId;
use crate::domain::license::{License, SeatCounts};
use crate::domain::license_class::{ClassFacts, LicenseClass};
use crate::domain::money::Rate;
use crate::domain::policy::Policy;
use crate::domain::rules::{LicenseFacts, OtherProduct};
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;

use super::decisions::Decisions;
use super::judge::Judged;

/// The license that a large shared mailbox needs, and that no ladder has to name.
const MAILBOX_LICENSE: &str = "EXCHANGEENTERPRISE";

#[derive(PartialEq)]
pub(super) struct Basis {
    /// By number: whoever is new is judged one day, and old enough the next.
    today: i64,
    policy: std::sync::Arc<Policy>,
    horizon: Horizon,
    /// By GUID.
    licenses: Vec<Priced>,
    others: Vec<Other>,
    /// In the order of the standings.
    datasets: Vec<Told>,
}

/// A license without its seats, which no user is judged by.
#[derive(PartialEq)]
struct Priced {
    license: License,
    class: LicenseClass,
    rate: Option<Rate>,
}

/// A product that the tenant has none of.
#[derive(PartialEq)]
struct Other {
    sku_id: SkuId,
    part_number: String,
    rate: Option<Rate>,
}

/// What is known of a dataset, by days: within one it is judged alike.
#[derive(PartialEq)]
struct Told {
    reported_on: Option<jiff::civil::Date>,
    read_on: Option<Day>,
    reaches: Option<jiff::civil::Date>,
    known_since: Option<Day>,
    is_concealed: bool,
}

impl Told {
    fn of(standing: &Standing) -> Self {
        Self {
            reported_on: standing.reported_on(None),
            read_on: standing.as_of.and_then(Day::of_instant),
            reaches: standing.reaches,
            known_since: standing.known_since().and_then(Day::of_instant),
            is_concealed: standing.is_concealed,
        }
    }
}

impl Basis {
    pub(super) fn new(by: &Judged<'_>) -> Self {
        let today = day::number_of_instant(by.now);
        let decisions = by.decisions;
        let on = day::date(today);
        let rate = |id| rate(by, id, on?);
        let licenses = by.licenses.entries().iter().map(|entry| {
            let id = entry.license.sku_id;
            let rate = rate(id);
            Priced {
                class: class(decisions, &entry.license, by.subscriptions, rate),
                license: License {
                    seats: SeatCounts::default(),
                    ..entry.license.clone()
                },
                rate,
            }
        });
        Self {
            today,
            policy: decisions.policy.clone(),
            horizon: by.horizon.clone(),
            others: others(decisions, by, rate),
            licenses: licenses.collect(),
            datasets: by.standings.iter().map(Told::of).collect(),
        }
    }

    /// The licenses as the rules take them, each with the seats that it has now.
    pub(super) fn license_facts<'a>(&self, by: &Judged<'a>) -> Vec<LicenseFacts<'a>> {
        let entries = by.licenses.entries().iter().zip(&self.licenses);
        let facts = entries.map(|(entry, priced)| LicenseFacts {
            license: &entry.license,
            class: priced.class,
            rate: priced.rate,
        });
        facts.collect()
    }

    pub(super) fn other_products(&self) -> Vec<OtherProduct<'_>> {
        let others = self.others.iter().map(|other| OtherProduct {
            sku_id: other.sku_id,
            part_number: &other.part_number,
            rate: other.rate,
        });
        others.collect()
    }

    /// What a license is to whoever pays.
    pub(super) fn class(&self, id: SkuId) -> LicenseClass {
        self.find(id)
            .map_or(LicenseClass::Unknown, |priced| priced.class)
    }

    /// What a seat of a license costs.
    pub(super) fn rate(&self, id: SkuId) -> Option<Rate> {
        self.find(id)?.rate
    }

    fn find(&self, id: SkuId) -> Option<&Priced> {
        let by_id = |priced: &Priced| priced.license.sku_id;
        let place = self.licenses.binary_search_by_key(&id, by_id).ok()?;
        self.licenses.get(place)
    }
}

fn class(
    decisions: &Decisions,
    license: &License,
    subscriptions: &[Subscription],
    rate: Option<Rate>,
) -> LicenseClass {
    let own = || {
        let all = subscriptions.iter();
        all.filter(|own| own.sku_id == license.sku_id)
    };
    let trials = own().filter(|own| own.is_trial == Some(true)).count();
    let facts = ClassFacts {
        part_number: &license.part_number,
        operator: decisions.class(license.sku_id),
        trials,
        purchases: own().count() - trials,
        is_priced: rate.is_some_and(|rate| rate.monthly().is_positive()),
        is_listed: decisions.catalog.product(license.sku_id).is_some(),
    };
    facts.class()
}

/// Products of the public list that a step down or a bundle may lead to.
/// What an assigned seat of a license costs on a day.
fn rate(by: &Judged<'_>, id: SkuId, on: jiff::civil::Date) -> Option<Rate> {
    let purchases = by.subscriptions.iter().filter(|own| own.sku_id == id);
    let purchases = purchases.map(|own| own.id);
    let declared = &by.decisions.declared;
    let price = declared.seat_price(by.tenant, id, purchases, on)?;
    Some(price.rate)
}

fn others(
    decisions: &Decisions,
    by: &Judged<'_>,
    rate: impl Fn(SkuId) -> Option<Rate>,
) -> Vec<Other> {
    let policy = decisions.policy.settings();
    let word = |text: &str| text.trim().to_ascii_uppercase();
    let ladders = policy.ladders.iter().map(|ladder| word(&ladder.to));
    let bundles = policy.bundles.iter().flat_map(|bundle| {
        let parts = bundle.parts.iter().chain([&bundle.whole]);
        parts.map(|part| word(part))
    });
    let wanted: BTreeSet<String> = ladders
        .chain(bundles)
        .chain([MAILBOX_LICENSE.to_owned()])
        .collect();
    let listed = decisions.catalog.products();
    let others = listed.filter(|(id, entry)| {
        wanted.contains(&word(&entry.value)) && by.licenses.get(*id).is_none()
    });
    let others = others.map(|(sku_id, entry)| Other {
        sku_id,
        part_number: entry.value.clone(),
        rate: rate(sku_id),
    });
    others.collect()
}

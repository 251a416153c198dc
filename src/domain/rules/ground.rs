//! What everybody of a tenant is judged by, worked out once.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::domain::activity::{Horizon, Workloads};
use crate::domain::containment::{Containment, Offer};
use crate::domain::day::{self, Day};
use crate::domain::finding::{AddonProduct, ErrorCode};
use crate::domain::ids::{PlanId, SkuId};
use crate::domain::license::{License, ServicePlan};
use crate::domain::license_class::LicenseClass;
use crate::domain::money::Rate;
use crate::domain::policy::{Ladder, Pattern, PolicySettings, Step, is_part_number};
use crate::domain::service_plans::workloads_of_plan;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;
use crate::domain::user::AssignmentState;

use super::addon::product_of;
use super::facts::{OtherProduct, TenantFacts};

/// The part number of the license that a large shared mailbox needs: Exchange Online (Plan 2).
const MAILBOX_LICENSE: &str = "EXCHANGEENTERPRISE";

/// What everybody of a tenant is judged by.
pub struct Ground<'a> {
    pub(super) policy: &'a PolicySettings,
    pub(super) horizon: &'a Horizon,
    /// The day of the judgement, by number.
    pub(super) today: i64,
    /// By GUID.
    pub(super) licenses: Vec<LicenseGround<'a>>,
    pub(super) bundles: Vec<BundleGround>,
    pub(super) mailbox_license: Option<Product>,
    pub(super) subscriptions: &'a [Subscription],
    containment: Containment,
    /// At the place of each [`Dataset`].
    datasets: [Told; 19],
}

/// What the rules need of a license.
pub(super) struct LicenseGround<'a> {
    pub(super) license: &'a License,
    pub(super) class: LicenseClass,
    pub(super) rate: Option<Rate>,
    /// Seats of it are money: paid for, and for users.
    pub(super) is_paid: bool,
    /// Rooms, devices and answering machines may hold it.
    pub(super) is_for_resources: bool,
    pub(super) is_mailbox_license: bool,
    /// The workloads that it opens when nothing is switched off.
    pub(super) workloads: Workloads,
    pub(super) addon: Option<AddonProduct>,
    pub(super) steps: Vec<StepDown>,
    /// Of two licenses that give the same, the one with the lower rank is kept.
    pub(super) keep_rank: usize,
}

/// A license that may be enough in place of another one.
pub(super) struct StepDown {
    pub(super) to: Product,
    pub(super) step: Step,
    /// What it offers; `None` where the tenant has none of it.
    pub(super) offer: Option<Offer>,
}

/// A bundle and its parts, of which the tenant has seats.
pub(super) struct BundleGround {
    pub(super) whole: SkuId,
    pub(super) rate: Rate,
    /// Places of licenses.
    pub(super) parts: Vec<usize>,
}

/// A product and its price.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) sku_id: SkuId,
    pub(super) rate: Option<Rate>,
}

/// What is known of a dataset as such.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// The day up to which it tells.
    as_of: Option<Day>,
    /// It is not too old and not concealed: what it says is so.
    is_fresh: bool,
    /// It had everybody of late: what it does not say is not so.
    is_whole: bool,
    /// Of a log: the day from which on it is known without a gap.
    known_since: Option<Day>,
}

/// What many assignments have in common, ready to be judged by. There are few distinct ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The place of the license.
    pub(super) license: usize,
    pub(super) state: AssignmentState,
    pub(super) error: Option<ErrorCode>,
    pub(super) is_direct: bool,
    pub(super) groups: u32,
    /// What it gives: nothing unless it is in force.
    pub(super) offer: Offer,
    pub(super) workloads: Workloads,
    pub(super) workload_plans: u32,
}

/// An assignment as the rules see it: a [`LicenseAssignment`](crate::domain::user::LicenseAssignment)
/// without its time.
#[derive(Debug, Clone, Copy)]
pub struct AssignmentFacts<'a> {
    /// `skuId`.
    pub sku_id: SkuId,
    /// The best state of all paths.
    pub state: AssignmentState,
    /// Microsoft's word for why a path fails.
    pub error: Option<&'a str>,
    /// A path that names no group.
    pub assigned_directly: bool,
    /// How many groups assign it.
    pub groups: usize,
    /// Service plans switched off on every path.
    pub disabled_plans: &'a [PlanId],
}

impl<'a> Ground<'a> {
    /// The ground of a tenant at a time.
    pub fn new(facts: &TenantFacts<'a>) -> Self {
        let policy = facts.policy.settings();
        let today = day::number_of_instant(facts.now);
        let plans = facts.licenses.iter();
        let plans = plans.map(|license| license.license.service_plans.as_slice());
        let containment = Containment::new(facts.families, plans);
        let products = Products::of(facts);
        let mut licenses: Vec<LicenseGround<'a>> = facts
            .licenses
            .iter()
            .map(|own| LicenseGround {
                license: own.license,
                class: own.class,
                rate: own.rate,
                is_paid: own.class.is_paid() && !own.license.is_company_wide,
                is_for_resources: is_any(&policy.resource_licenses, &own.license.part_number),
                is_mailbox_license: is_part_number(&own.license.part_number, MAILBOX_LICENSE),
                workloads: opened(&own.license.service_plans, &[]).0,
                addon: product_of(&own.license.part_number),
                steps: products.steps(own.license, &policy.ladders, &containment),
                keep_rank: 0,
            })
            .collect();
        licenses.sort_by_key(|own| own.license.sku_id);
        licenses.dedup_by_key(|own| own.license.sku_id);
        rank(&mut licenses);
        Self {
            bundles: products.bundles(policy, &licenses),
            mailbox_license: products.find(MAILBOX_LICENSE),
            subscriptions: facts.subscriptions,
            horizon: facts.horizon,
            datasets: Dataset::ALL.map(|dataset| Told::of(dataset, facts.standings, today, policy)),
            policy,
            today,
            licenses,
            containment,
        }
    }

    /// An assignment, ready to be judged by; `None` of a license that the ground does not know.
    pub fn grant(&self, facts: &AssignmentFacts<'_>) -> Option<Grant> {
        let (license, own) = self.find(facts.sku_id)?;
        let is_in_force = match facts.state {
            AssignmentState::Active
            | AssignmentState::ActiveWithError
            | AssignmentState::Unknown => true,
            AssignmentState::Disabled | AssignmentState::Error => false,
        };
        let plans: &[ServicePlan] = match is_in_force {
            true => &own.license.service_plans,
            false => &[],
        };
        let (workloads, workload_plans) = opened(plans, facts.disabled_plans);
        Some(Grant {
            license,
            state: facts.state,
            error: facts.error.map(ErrorCode::read),
            is_direct: facts.assigned_directly,
            groups: u32::try_from(facts.groups).unwrap_or(u32::MAX),
            offer: self.containment.offer(plans, facts.disabled_plans),
            workloads,
            workload_plans,
        })
    }

    /// The license of a grant.
    pub(super) fn license(&self, grant: &Grant) -> Option<&LicenseGround<'a>> {
        self.licenses.get(grant.license)
    }

    /// A license and its place.
    pub(super) fn find(&self, id: SkuId) -> Option<(usize, &LicenseGround<'a>)> {
        let by_id = |own: &LicenseGround<'_>| own.license.sku_id;
        let place = self.licenses.binary_search_by_key(&id, by_id).ok()?;
        Some((place, self.licenses.get(place)?))
    }

    /// How many days ago a day was; below zero of a day to come.
    pub(super) fn age(&self, on: Day) -> i64 {
        self.today - on.number()
    }

    /// Whether any rule may ask how long a seat is held that was held from this day on.
    pub fn asks_since(&self, on: Day) -> bool {
        let most = self.policy.grace_days.max(self.policy.copilot_held_days);
        self.age(on) <= i64::from(most)
    }

    /// The day up to which a dataset tells.
    pub(super) fn as_of(&self, dataset: Dataset) -> Option<Day> {
        self.told(dataset).as_of
    }

    /// Whether what a dataset says is so.
    pub(super) fn is_fresh(&self, dataset: Dataset) -> bool {
        self.told(dataset).is_fresh
    }

    /// Whether what a dataset does not say is not so.
    pub(super) fn is_whole(&self, dataset: Dataset) -> bool {
        self.told(dataset).is_whole
    }

    /// Whether a log is known without a gap for so many days.
    pub(super) fn reaches_back(&self, dataset: Dataset, days: u32) -> bool {
        let told = self.told(dataset);
        let since = told.known_since.map(|on| self.age(on));
        told.is_fresh && since.is_some_and(|age| age >= i64::from(days))
    }

    fn told(&self, dataset: Dataset) -> Told {
        self.datasets[dataset as usize]
    }
}

impl Told {
    fn of(dataset: Dataset, standings: &[Standing], today: i64, policy: &PolicySettings) -> Self {
        let Some(standing) = standings.iter().find(|own| own.dataset == dataset) else {
            return Self::default();
        };
        let days_max = i64::from(policy.freshness.days_max(dataset));
        let is_recent = |on: Option<Day>| {
            !standing.is_concealed && on.is_some_and(|on| today - on.number() <= days_max)
        };
        let as_of = match Dataset::REPORTS.contains(&dataset) {
            true => standing.reported_on(None).and_then(Day::of),
            false => standing.as_of.and_then(Day::of_instant),
        };
        Self {
            as_of,
            is_fresh: is_recent(as_of),
            is_whole: is_recent(standing.reaches.and_then(Day::of)),
            known_since: standing.known_since().and_then(Day::of_instant),
        }
    }
}

/// Products by part number: those of the tenant, and others that steps and bundles may lead to.
struct Products<'a> {
    by_part_number: BTreeMap<String, (Product, Option<&'a License>)>,
}

impl<'a> Products<'a> {
    fn of(facts: &TenantFacts<'a>) -> Self {
        let mut by_part_number = BTreeMap::new();
        let key = |part_number: &str| part_number.trim().to_ascii_uppercase();
        // One part number may have two GUIDs: the lowest counts, the tenant's own before others.
        let mut own: Vec<_> = facts.licenses.iter().collect();
        own.sort_by_key(|own| own.license.sku_id);
        for facts in own {
            let product = Product {
                sku_id: facts.license.sku_id,
                rate: facts.rate,
            };
            by_part_number
                .entry(key(&facts.license.part_number))
                .or_insert((product, Some(facts.license)));
        }
        let mut others: Vec<&OtherProduct<'_>> = facts.other_products.iter().collect();
        others.sort_by_key(|other| other.sku_id);
        for other in others {
            let product = Product {
                sku_id: other.sku_id,
                rate: other.rate,
            };
            by_part_number
                .entry(key(other.part_number))
                .or_insert((product, None));
        }
        Self { by_part_number }
    }

    fn get(&self, part_number: &str) -> Option<&(Product, Option<&'a License>)> {
        let key = part_number.trim().to_ascii_uppercase();
        self.by_part_number.get(&key)
    }

    fn find(&self, part_number: &str) -> Option<Product> {
        self.get(part_number).map(|(product, _)| *product)
    }

    fn steps(
        &self,
        from: &License,
        ladders: &[Ladder],
        containment: &Containment,
    ) -> Vec<StepDown> {
        let own = ladders
            .iter()
            .filter(|ladder| is_part_number(&ladder.from, &from.part_number));
        let steps = own.filter_map(|ladder| {
            let (to, license) = self.get(&ladder.to)?;
            Some(StepDown {
                to: *to,
                step: ladder.step,
                offer: license.map(|license| containment.offer(&license.service_plans, &[])),
            })
        });
        steps.collect()
    }

    fn bundles(
        &self,
        policy: &PolicySettings,
        licenses: &[LicenseGround<'_>],
    ) -> Vec<BundleGround> {
        let place_of = |part_number: &String| {
            let id = self.find(part_number)?.sku_id;
            let by_id = |own: &LicenseGround<'_>| own.license.sku_id;
            licenses.binary_search_by_key(&id, by_id).ok()
        };
        let bundles = policy.bundles.iter().filter_map(|bundle| {
            let whole = self.find(&bundle.whole)?;
            Some(BundleGround {
                whole: whole.sku_id,
                rate: whole.rate?,
                parts: bundle.parts.iter().map(place_of).collect::<Option<_>>()?,
            })
        });
        bundles.collect()
    }
}

fn is_any(patterns: &[Pattern], part_number: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.matches(part_number.trim()))
}

/// The workloads that service plans open when some are switched off, and how many plans open any.
fn opened(plans: &[ServicePlan], disabled: &[PlanId]) -> (Workloads, u32) {
    let enabled = plans
        .iter()
        .filter(|plan| !disabled.contains(&plan.plan_id));
    let opening = enabled
        .map(|plan| workloads_of_plan(&plan.value))
        .filter(|workloads: &&[Workload]| !workloads.is_empty());
    opening.fold((Workloads::default(), 0), |(all, count), workloads| {
        (all.and(workloads), count + 1)
    })
}

/// Ranks licenses by what is kept of two that give the same: the cheaper, and the lower GUID. What has no
/// price comes last, and currencies are not compared but put in order.
fn rank(licenses: &mut [LicenseGround<'_>]) {
    let mut places: Vec<usize> = (0..licenses.len()).collect();
    places.sort_by(|one, other| {
        let (one, other) = (&licenses[*one], &licenses[*other]);
        let by_price = match (one.rate, other.rate) {
            (Some(one), Some(other)) => {
                let by_currency = one.currency().cmp(&other.currency());
                by_currency.then_with(|| one.partial_cmp(&other).unwrap_or(Ordering::Equal))
            }
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        by_price.then_with(|| one.license.sku_id.cmp(&other.license.sku_id))
    });
    for (rank, place) in places.into_iter().enumerate() {
        licenses[place].keep_rank = rank;
    }
}

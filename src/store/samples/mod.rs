//! Facts and runs for tests: any that may be, and such as real organizations have.

mod datasets;
mod strategies;

use jiff::Timestamp;
use jiff::civil::Date;
use proptest::option::of;
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::ids::{ObjectId, OrganizationId, PlanId, RunId, SkuId, TenantKey};
use crate::domain::license::{License, SeatCounts, ServicePlan};
use crate::domain::sync_run::{Dataset, DatasetRun, Problem, SyncRun, SyncState, SyncTrigger};
use crate::domain::tenant::{Connection, Organization};
use crate::domain::user::{AssignmentState, LicenseAssignment, User, UserType};
use crate::store::numbers::Numbered;

pub(in crate::store) use self::datasets::*;
pub(in crate::store) use self::strategies::any_fact;

pub(in crate::store) fn tenant(text: &str) -> TenantKey {
    TenantKey::parse(text).unwrap()
}

pub(in crate::store) fn run_id(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

/// A finished run.
pub(in crate::store) fn run(tenant: &TenantKey, number: u128) -> SyncRun {
    let now = Timestamp::from_second(1_700_000_000 + number as i64).unwrap();
    let mut run = SyncRun::queued(run_id(number), tenant.clone(), SyncTrigger::Schedule, now);
    run.state = SyncState::Complete;
    run.finished_at = Some(now);
    run
}

fn any_numbered<T: Numbered + std::fmt::Debug>() -> impl Strategy<Value = T> {
    (1..20_u32).prop_filter_map("no such number", T::from_number)
}

fn any_guid() -> impl Strategy<Value = Uuid> {
    prop_oneof![any::<u128>(), 0..4_u128].prop_map(Uuid::from_u128)
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-cÄ😀 ]{0,3}"
}

pub(in crate::store) fn any_time() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let seconds = prop_oneof![first..=last, 1_700_000_000..1_700_000_100_i64];
    let nanos = prop_oneof![Just(0), -999_999_999..=999_999_999_i32];
    (seconds, nanos).prop_filter_map("out of range", |(seconds, nanos)| {
        Timestamp::new(seconds, nanos).ok()
    })
}

pub(in crate::store) fn any_date() -> impl Strategy<Value = Date> {
    (-9_999..=9_999_i16, 1..=12_i8, 1..=28_i8)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn any_assignment() -> impl Strategy<Value = LicenseAssignment> {
    let guids = || prop::collection::vec(any_guid(), 0..3);
    (
        any_guid(),
        any_numbered::<AssignmentState>(),
        of(any_text()),
        any::<bool>(),
        guids(),
        guids(),
        of(any_time()),
    )
        .prop_map(
            |(sku, state, error, assigned_directly, groups, plans, last_updated_at)| {
                LicenseAssignment {
                    sku_id: SkuId(sku),
                    state,
                    error,
                    assigned_directly,
                    assigned_by_groups: groups.into_iter().map(ObjectId).collect(),
                    disabled_plans: plans.into_iter().map(PlanId).collect(),
                    last_updated_at,
                }
            },
        )
}

pub(in crate::store) fn any_user() -> impl Strategy<Value = User> {
    let text = || of(any_text());
    let names = (
        any_guid(),
        any_text(),
        text(),
        text(),
        text(),
        text(),
        any::<bool>(),
    );
    let places = (text(), text(), text(), text(), text(), text());
    let rest = (
        any_numbered::<UserType>(),
        any::<[bool; 3]>(),
        of(any_time()),
        of(any_date()),
        of(any_guid()),
        prop::collection::vec(any_assignment(), 0..4),
    );
    (names, places, rest).prop_map(|(names, places, rest)| {
        let (id, name, display_name, mail, employee_id, employee_type, mail_is_name) = names;
        let (job_title, department, company_name, office_location, country, usage_location) =
            places;
        let (user_type, [resource, enabled, synced], created_at, hired_on, manager, assignments) =
            rest;
        User {
            object_id: ObjectId(id),
            mail: if mail_is_name {
                Some(name.clone())
            } else {
                mail
            },
            user_principal_name: name,
            display_name,
            employee_id,
            employee_type,
            job_title,
            department,
            company_name,
            office_location,
            country,
            usage_location,
            user_type,
            is_resource_account: resource,
            account_enabled: enabled,
            created_at,
            hired_on,
            is_synced_from_on_premises: synced,
            manager: manager.map(ObjectId),
            assignments,
        }
    })
}

pub(in crate::store) fn any_license() -> impl Strategy<Value = License> {
    let plan = (any_guid(), any_text()).prop_map(|(id, value)| ServicePlan {
        plan_id: PlanId(id),
        value,
    });
    (
        any_guid(),
        any_text(),
        any_text(),
        any::<bool>(),
        any::<[u32; 5]>(),
        prop::collection::vec(plan, 0..3),
    )
        .prop_map(
            |(sku, part_number, status, is_company_wide, seats, service_plans)| {
                let [enabled, warning, suspended, locked_out, consumed] = seats;
                License {
                    sku_id: SkuId(sku),
                    part_number,
                    status,
                    is_company_wide,
                    seats: SeatCounts {
                        enabled,
                        warning,
                        suspended,
                        locked_out,
                        consumed,
                    },
                    service_plans,
                }
            },
        )
}

pub(in crate::store) fn any_organization() -> impl Strategy<Value = Organization> {
    (
        any_guid(),
        of(any_text()),
        prop::collection::vec(any_text(), 0..3),
        of(any_text()),
    )
        .prop_map(|(id, display_name, domains, country)| Organization {
            id: OrganizationId(id),
            display_name,
            domains,
            country,
        })
}

pub(in crate::store) fn any_connection() -> impl Strategy<Value = Connection> {
    let scopes = of(prop::collection::vec(any_text(), 0..3));
    (any_numbered(), of(any_text()), scopes, of(any_guid())).prop_map(
        |(state, problem, granted_scopes, organization)| Connection {
            state,
            problem,
            granted_scopes,
            organization_id: organization.map(OrganizationId),
        },
    )
}

fn any_problem() -> impl Strategy<Value = Problem> {
    (any_numbered(), any_text()).prop_map(|(kind, message)| Problem { kind, message })
}

pub(in crate::store) fn any_run() -> impl Strategy<Value = SyncRun> {
    let part = (
        any_numbered::<Dataset>(),
        any_numbered(),
        any::<[u64; 5]>(),
        of(any_time()),
        of(any_time()),
        of(any_problem()),
    )
        .prop_map(
            |(
                dataset,
                state,
                [
                    rows,
                    quarantined_rows,
                    unmatched_rows,
                    requests,
                    throttled_requests,
                ],
                started_at,
                finished_at,
                problem,
            )| DatasetRun {
                dataset,
                state,
                rows,
                quarantined_rows,
                unmatched_rows,
                requests,
                throttled_requests,
                started_at,
                finished_at,
                problem,
            },
        );
    let times = (any_time(), of(any_time()), of(0.0..=1.0_f64));
    (
        any_guid(),
        any_numbered(),
        any_numbered(),
        times,
        of(any_problem()),
        prop::collection::vec(part, 0..4),
    )
        .prop_map(
            |(id, trigger, state, (started_at, finished_at, progress), problem, datasets)| {
                SyncRun {
                    id: RunId(id),
                    tenant: tenant("contoso"),
                    trigger,
                    state,
                    started_at,
                    finished_at,
                    progress,
                    problem,
                    datasets,
                }
            },
        )
}

/// Numbers that look random and are always the same (a `SplitMix64`).
pub(in crate::store) struct Random(pub(in crate::store) u64);

impl Random {
    pub(in crate::store) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(in crate::store) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Small numbers often, large ones seldom.
    pub(in crate::store) fn skewed(&mut self, bound: u64) -> u64 {
        let limit = self.below(bound) + 1;
        self.below(limit)
    }

    fn guid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }
}

/// The id of the `n`-th user: the same in every call.
pub(in crate::store) fn user_id(n: u64) -> ObjectId {
    ObjectId(Random(n << 20).guid())
}

const SYLLABLES: [&str; 24] = [
    "an", "ber", "chi", "da", "el", "fer", "gu", "han", "is", "ja", "kor", "lin", "mar", "na",
    "ol", "pe", "ra", "son", "ta", "ur", "ver", "wen", "xi", "yo",
];

fn name(random: &mut Random) -> String {
    let syllables = 2 + random.below(2);
    let name: String = (0..syllables)
        .map(|_| SYLLABLES[random.below(24) as usize])
        .collect();
    name[..1].to_uppercase() + &name[1..]
}

/// The first `count` users of an organization: names, departments, managers, a few products with
/// group assignments, and as much noise as real directories have.
pub(in crate::store) fn users(count: u64) -> Vec<User> {
    let mut random = Random(7);
    let skus: Vec<_> = (0..25).map(|_| SkuId(random.guid())).collect();
    let groups: Vec<_> = (0..40).map(|_| ObjectId(random.guid())).collect();
    let plans: Vec<_> = (0..60).map(|_| PlanId(random.guid())).collect();
    let moment = |random: &mut Random| {
        Timestamp::from_second(1_500_000_000 + random.below(200_000_000) as i64).unwrap()
    };
    (0..count)
        .map(|n| {
            let (first, last) = (name(&mut random), name(&mut random));
            let principal = format!(
                "{}.{}{n}@contoso.com",
                first.to_lowercase(),
                last.to_lowercase()
            );
            let department = random.skewed(30);
            let assignments = (0..random.below(4))
                .map(|index| LicenseAssignment {
                    sku_id: skus[(index * 6 + random.skewed(6)) as usize],
                    state: if random.below(50) == 0 {
                        AssignmentState::Error
                    } else {
                        AssignmentState::Active
                    },
                    error: None,
                    assigned_directly: random.below(4) == 0,
                    assigned_by_groups: vec![groups[random.skewed(40) as usize]],
                    disabled_plans: (0..random.skewed(3))
                        .map(|_| plans[random.skewed(8) as usize])
                        .collect(),
                    last_updated_at: Some(moment(&mut random)),
                })
                .collect();
            User {
                object_id: user_id(n),
                mail: (random.below(10) > 0).then(|| principal.clone()),
                user_principal_name: principal,
                display_name: Some(format!("{first} {last}")),
                employee_id: (random.below(5) > 0).then(|| format!("E{:06}", 100_000 + n * 7)),
                employee_type: Some(["Employee", "Contractor"][random.skewed(2) as usize].into()),
                job_title: Some(format!(
                    "{} Specialist {}",
                    SYLLABLES[department as usize % 24],
                    random.skewed(6)
                )),
                department: Some(format!(
                    "Department of {}",
                    SYLLABLES[department as usize % 24]
                )),
                company_name: Some("Contoso Ltd.".into()),
                office_location: Some(format!(
                    "Building {}/{}",
                    random.skewed(12),
                    random.below(40)
                )),
                country: Some(
                    ["Germany", "United States", "Japan", "Brazil"][random.skewed(4) as usize]
                        .into(),
                ),
                usage_location: Some(["DE", "US", "JP", "BR"][random.skewed(4) as usize].into()),
                user_type: if random.below(12) == 0 {
                    UserType::Guest
                } else {
                    UserType::Member
                },
                is_resource_account: random.below(40) == 0,
                account_enabled: random.below(15) > 0,
                created_at: Some(moment(&mut random)),
                hired_on: Some(
                    Date::new(
                        2000 + random.below(25) as i16,
                        1 + random.below(12) as i8,
                        1 + random.below(28) as i8,
                    )
                    .unwrap(),
                ),
                is_synced_from_on_premises: random.below(2) == 0,
                manager: (n > 0).then(|| user_id(random.below(n.div_ceil(10)))),
                assignments,
            }
        })
        .collect()
}

/// Products with their services.
pub(in crate::store) fn licenses(count: u64) -> Vec<License> {
    let mut random = Random(11);
    (0..count)
        .map(|n| License {
            sku_id: SkuId(random.guid()),
            part_number: format!("PRODUCT_{n}"),
            status: "Enabled".into(),
            is_company_wide: n % 9 == 0,
            seats: SeatCounts {
                enabled: 100,
                consumed: n as u32,
                ..Default::default()
            },
            service_plans: (0..n % 7)
                .map(|plan| ServicePlan {
                    plan_id: PlanId(random.guid()),
                    value: format!("PLAN_{plan}"),
                })
                .collect(),
        })
        .collect()
}

pub(in crate::store) fn organization(name: &str) -> Organization {
    Organization {
        id: OrganizationId(Uuid::from_u128(1)),
        display_name: Some(name.into()),
        domains: vec!["contoso.com".into(), "contoso.onmicrosoft.com".into()],
        country: Some("DE".into()),
    }
}

//! A tenant to be judged: everything is fresh, paid for and in use until a test says otherwise.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::activity::{Evidence, Horizon, Shown, Workloads};
use crate::domain::containment::Families;
use crate::domain::containment::tests::products;
use crate::domain::day::{self, Day};
use crate::domain::finding::{Finding, Saving};
use crate::domain::ids::{ObjectId, PlanId, SkuId, SubscriptionId};
use crate::domain::license::{License, SeatCounts, ServicePlan};
use crate::domain::license_class::LicenseClass;
use crate::domain::money::{BillingPeriod, Currency, Rate, parse_amount};
use crate::domain::policy::{Policy, PolicySettings};
use crate::domain::rules::{
    AssignmentFacts, Grant, Ground, Held, LicenseFacts, OtherProduct, TenantFacts, UsageNumbers,
    UserFacts, judge_tenant, judge_user,
};
use crate::domain::standing::{Fetch, Fetched, Span, Standing};
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::{AssignmentState, UserType};

/// 2026-11-23.
pub(super) const TODAY: i64 = 20_780;
/// How late reports are.
pub(super) const LAG: i64 = 2;

pub(super) fn instant(number: i64) -> Timestamp {
    Timestamp::from_second(number * 86_400 + 43_200).unwrap()
}

pub(super) fn days_ago(days: i64) -> Option<Day> {
    Day::numbered(TODAY - days)
}

/// Part numbers with the price of a seat a month. What has none costs nobody knows what.
const SHELVES: [(&str, &str); 21] = [
    ("AAD_PREMIUM_P2", "11"),
    ("DESKLESSPACK", "4"),
    ("EMS", "9"),
    ("EMSPREMIUM", "14.50"),
    ("ENTERPRISEPACK", "20"),
    ("ENTERPRISEPREMIUM", "33"),
    ("EXCHANGEENTERPRISE", "8"),
    ("EXCHANGESTANDARD", "4"),
    ("FLOW_FREE", ""),
    ("INTUNE_A", ""),
    ("M365_F1", "2.25"),
    ("MCOEV", "8"),
    ("Microsoft_365_Copilot", "30"),
    ("Microsoft_Teams_Rooms_Pro", "40"),
    ("POWER_BI_PRO", "10"),
    ("SPE_E3", "36"),
    ("SPE_E5", "60"),
    ("SPE_F1", "8"),
    ("STANDARDPACK", "8"),
    ("TEAMS_EXPLORATORY", ""),
    ("VISIOCLIENT", "15"),
];

#[derive(Clone)]
pub(super) struct Office {
    pub(super) policy: PolicySettings,
    pub(super) standings: Vec<Standing>,
    pub(super) shelves: Vec<Shelf>,
    pub(super) subscriptions: Vec<Subscription>,
}

#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) license: License,
    pub(super) class: LicenseClass,
    pub(super) rate: Option<Rate>,
}

/// A user and what is known of them.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) user_type: UserType,
    pub(super) is_resource_account: bool,
    pub(super) account_enabled: bool,
    pub(super) has_usage_location: bool,
    pub(super) disabled_on: Option<Day>,
    pub(super) created_on: Option<Day>,
    pub(super) hired_on: Option<Day>,
    pub(super) mailbox_type: Option<MailboxType>,
    pub(super) activity: Evidence,
    pub(super) usage: UsageNumbers,
    pub(super) held: Vec<Assigned>,
}

/// An assignment.
#[derive(Debug, Clone)]
pub(super) struct Assigned {
    pub(super) part_number: &'static str,
    pub(super) state: AssignmentState,
    pub(super) error: Option<&'static str>,
    pub(super) is_direct: bool,
    pub(super) groups: usize,
    pub(super) disabled: Vec<PlanId>,
    pub(super) since: Option<Day>,
}

pub(super) fn rate(amount: &str) -> Option<Rate> {
    let amount = parse_amount(amount).ok()?;
    Rate::new(
        amount,
        Currency::parse("EUR").unwrap(),
        BillingPeriod::Month,
    )
    .ok()
}

pub(super) fn sku(part_number: &str) -> SkuId {
    let place = SHELVES.iter().position(|(own, _)| *own == part_number);
    SkuId(Uuid::from_u128(place.unwrap_or(900) as u128 + 1))
}

/// A plan as products of Microsoft have it, else one of that name.
fn plan(value: &str, known: &BTreeMap<String, Vec<ServicePlan>>) -> ServicePlan {
    let mut plans = known.values().flatten();
    let found = plans.find(|plan| plan.value == value).cloned();
    found.unwrap_or_else(|| {
        let number = value.bytes().fold(7_u128, |number, byte| {
            number.wrapping_mul(31).wrapping_add(byte.into())
        });
        ServicePlan {
            plan_id: PlanId(Uuid::from_u128(number)),
            value: value.into(),
        }
    })
}

fn plans(part_number: &str, known: &BTreeMap<String, Vec<ServicePlan>>) -> Vec<ServicePlan> {
    let own: &[&str] = match part_number {
        "EXCHANGEENTERPRISE" => &["EXCHANGE_S_ENTERPRISE"],
        "Microsoft_365_Copilot" => &["M365_COPILOT_APPS", "M365_COPILOT_TEAMS"],
        "Microsoft_Teams_Rooms_Pro" => &["TEAMS1", "Teams_Rooms_Pro"],
        "TEAMS_EXPLORATORY" => &["TEAMS1", "EXCHANGE_S_STANDARD", "BPOS_S_TODO_1"],
        "FLOW_FREE" => &["FLOW_P2_VIRAL"],
        _ => return known[part_number].clone(),
    };
    own.iter().map(|value| plan(value, known)).collect()
}

impl Office {
    pub(super) fn open() -> Self {
        static OFFICE: LazyLock<Office> = LazyLock::new(Office::build);
        OFFICE.clone()
    }

    fn build() -> Self {
        let known = products();
        let shelf = |(part_number, price): &(&str, &str)| Shelf {
            license: License {
                sku_id: sku(part_number),
                part_number: (*part_number).into(),
                status: "Enabled".into(),
                is_company_wide: false,
                seats: SeatCounts {
                    enabled: 100,
                    consumed: 100,
                    ..SeatCounts::default()
                },
                service_plans: plans(part_number, &known),
            },
            class: match *part_number {
                "FLOW_FREE" => LicenseClass::Free,
                "TEAMS_EXPLORATORY" => LicenseClass::Trial,
                _ => LicenseClass::Paid,
            },
            rate: rate(price),
        };
        Self {
            policy: PolicySettings::default(),
            standings: Dataset::ALL.map(fresh).to_vec(),
            shelves: SHELVES.iter().map(shelf).collect(),
            subscriptions: Vec::new(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn standing(&mut self, dataset: Dataset) -> &mut Standing {
        let mut standings = self.standings.iter_mut();
        standings.find(|own| own.dataset == dataset).unwrap()
    }

    /// Makes a report, or what else is read, tell up to so many days ago.
    pub(super) fn age(&mut self, dataset: Dataset, days: i64) {
        *self.standing(dataset) = told_up_to(dataset, days);
    }

    pub(super) fn shelf(&mut self, part_number: &str) -> &mut Shelf {
        let mut shelves = self.shelves.iter_mut();
        let by_name = |own: &&mut Shelf| own.license.part_number == part_number;
        shelves.find(by_name).unwrap()
    }

    fn plan_ids(&self, part_number: &str) -> &[ServicePlan] {
        let mut shelves = self.shelves.iter();
        let by_name = |own: &&Shelf| own.license.part_number == part_number;
        &shelves.find(by_name).unwrap().license.service_plans
    }

    /// The plans of a license of which this holds.
    pub(super) fn plans_like(
        &self,
        part_number: &str,
        holds: impl Fn(&str) -> bool,
    ) -> Vec<PlanId> {
        let plans = self.plan_ids(part_number).iter();
        plans
            .filter(|plan| holds(&plan.value))
            .map(|plan| plan.plan_id)
            .collect()
    }

    pub(super) fn on_ground<T>(&self, judge: impl FnOnce(&Ground<'_>) -> T) -> T {
        static FAMILIES: LazyLock<Families> = LazyLock::new(Families::compiled_in);
        let policy = Policy::new(self.policy.clone()).unwrap();
        let shown = Shown {
            workloads: Workloads::default().and(&Workload::ALL),
            sign_ins: true,
        };
        let now = instant(TODAY);
        let find = |dataset| self.standings.iter().find(|own| own.dataset == dataset);
        let horizon = Horizon::new(now, find, shown, &policy);
        let licenses: Vec<LicenseFacts<'_>> = self
            .shelves
            .iter()
            .map(|shelf| LicenseFacts {
                license: &shelf.license,
                class: shelf.class,
                rate: shelf.rate,
            })
            .collect();
        judge(&Ground::new(&TenantFacts {
            now,
            policy: &policy,
            families: &FAMILIES,
            horizon: &horizon,
            standings: &self.standings,
            licenses: &licenses,
            other_products: &[OtherProduct {
                sku_id: SkuId(Uuid::from_u128(500)),
                part_number: "O365_BUSINESS_ESSENTIALS",
                rate: rate("6"),
            }],
            subscriptions: &self.subscriptions,
        }))
    }

    /// What is found of somebody.
    pub(super) fn judge(&self, person: &Person) -> Vec<Finding> {
        self.on_ground(|ground| {
            let grants: Vec<Grant> = person.held.iter().map(|own| own.grant(ground)).collect();
            let held: Vec<Held<'_>> = grants
                .iter()
                .zip(&person.held)
                .map(|(grant, own)| Held {
                    grant,
                    since: own.since,
                })
                .collect();
            let mut activity = person.activity;
            activity.licensed = grants
                .iter()
                .fold(Workloads::default(), |all, grant| all.or(grant.workloads));
            let mut findings = Vec::new();
            let facts = UserFacts {
                object_id: ObjectId(Uuid::from_u128(1)),
                user_principal_name: person.name,
                user_type: person.user_type,
                is_resource_account: person.is_resource_account,
                account_enabled: person.account_enabled,
                has_usage_location: person.has_usage_location,
                disabled_on: person.disabled_on,
                created_on: person.created_on,
                hired_on: person.hired_on,
                mailbox_type: person.mailbox_type,
                activity,
                held: &held,
                usage: &|| person.usage,
            };
            judge_user(ground, &facts, &mut findings);
            findings
        })
    }

    /// What is found of whole licenses and purchases.
    pub(super) fn judge_all(&self) -> Vec<Finding> {
        self.on_ground(|ground| {
            let mut findings = Vec::new();
            judge_tenant(ground, &mut findings);
            findings
        })
    }

    /// Says a finding in a few words: the rule, the license, how sure, what it saves (`-` nothing, `?`
    /// nobody knows).
    pub(super) fn say(&self, finding: &Finding) -> String {
        let sku = finding.key.sku.unwrap();
        let mut shelves = self.shelves.iter();
        let shelf = shelves.find(|own| own.license.sku_id == sku).unwrap();
        let saving = match finding.saving {
            Saving::Nothing => "-".into(),
            Saving::Unpriced => "?".into(),
            Saving::Monthly(money) => money.amount_text(),
        };
        let (rule, confidence) = (finding.rule, finding.confidence);
        format!(
            "{rule:?} {} {confidence:?} {saving}",
            shelf.license.part_number
        )
    }

    #[track_caller]
    pub(super) fn check(&self, person: &Person, expected: &[&str]) {
        let found = self.judge(person);
        let said: Vec<String> = found.iter().map(|finding| self.say(finding)).collect();
        assert_eq!(said, expected);
    }

    #[track_caller]
    pub(super) fn check_all(&self, expected: &[&str]) {
        let found = self.judge_all();
        let said: Vec<String> = found.iter().map(|finding| self.say(finding)).collect();
        assert_eq!(said, expected);
    }
}

fn fresh(dataset: Dataset) -> Standing {
    match Dataset::REPORTS.contains(&dataset) {
        true => told_up_to(dataset, LAG),
        false => told_up_to(dataset, 0),
    }
}

fn told_up_to(dataset: Dataset, days: i64) -> Standing {
    let on = day::date(TODAY - days);
    Standing {
        as_of: Some(instant(TODAY - days)),
        reaches: on,
        fetches: vec![Fetch {
            what: Fetched::Whole,
            at: instant(TODAY),
            reported_on: on,
            etag: None,
        }],
        covered: vec![Span {
            from: instant(TODAY - 200),
            until: instant(TODAY),
        }],
        ..Standing::new(dataset)
    }
}

impl Assigned {
    fn grant(&self, ground: &Ground<'_>) -> Grant {
        let facts = AssignmentFacts {
            sku_id: sku(self.part_number),
            state: self.state,
            error: self.error,
            assigned_directly: self.is_direct,
            groups: self.groups,
            disabled_plans: &self.disabled,
        };
        ground.grant(&facts).unwrap()
    }
}

/// Somebody who works in everything every day, and holds these licenses.
pub(super) fn worker(part_numbers: &[&'static str]) -> Person {
    let held = part_numbers.iter().map(|part_number| Assigned {
        part_number,
        state: AssignmentState::Active,
        error: None,
        is_direct: true,
        groups: 0,
        disabled: Vec::new(),
        since: days_ago(1000),
    });
    Person {
        name: "ada@contoso.com",
        user_type: UserType::Member,
        is_resource_account: false,
        account_enabled: true,
        has_usage_location: true,
        disabled_on: None,
        created_on: days_ago(1000),
        hired_on: None,
        mailbox_type: Some(MailboxType::User),
        activity: Evidence {
            last_active_on: [days_ago(LAG); 7],
            ..Evidence::default()
        },
        usage: UsageNumbers {
            mailbox_bytes: Some(60 << 30),
            has_archive: Some(false),
            files_bytes: Some(5 << 40),
            used_on_desktop: Some(true),
            desktop_activations: Some(1),
            copilot_apps: [days_ago(LAG); 8],
            ..UsageNumbers::default()
        },
        held: held.collect(),
    }
}

/// The same, last seen in every workload so many days before the day up to which reports tell.
pub(super) fn silent_for(days: i64, part_numbers: &[&'static str]) -> Person {
    let mut person = worker(part_numbers);
    person.activity.last_active_on = [days_ago(LAG + days); 7];
    person
}

/// The same, never seen.
pub(super) fn never_seen(part_numbers: &[&'static str]) -> Person {
    let mut person = worker(part_numbers);
    person.activity.last_active_on = [None; 7];
    person.usage = UsageNumbers::default();
    person
}

impl Person {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

pub(super) fn subscription(
    part_number: &str,
    status: &str,
    next_change_in: Option<i64>,
) -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::from_u128(77)),
        commerce_id: None,
        sku_id: sku(part_number),
        part_number: part_number.into(),
        status: status.into(),
        seats: Some(100),
        is_trial: Some(false),
        created_at: None,
        next_change_at: next_change_in.map(|days| instant(TODAY + days)),
    }
}

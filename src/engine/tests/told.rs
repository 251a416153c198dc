//! Invented facts of invented users, and the plain reading of them.
//!
//! What is said of a user follows from the user alone, so that a list of users is enough to know what
//! an index of them must answer.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::activity::{Evidence, Horizon, Reported, Shown, Workloads};
use crate::domain::audit::{DirectoryChange, DirectoryChangeKind, DirectoryChanges};
use crate::domain::day::{self, Day};
use crate::domain::group::Memberships;
use crate::domain::ids::{ApplicationId, ObjectId, TenantKey};
use crate::domain::policy::Policy;
use crate::domain::service_plans::workloads_of_plan;
use crate::domain::sign_in::{ApplicationUse, ApplicationUses, SignInActivity};
use crate::domain::standing::{Fetch, Fetched, Standing};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{ActivityState, MailboxType, Metric, Usage, Values, Workload};
use crate::domain::user::{AssignmentState, User};
use crate::domain::user_fact::UserFact;
use crate::engine::UsersDraft;

use super::model::{license, sku};

/// The datasets that say something of a user.
pub(super) const TELLING: [Dataset; 15] = [
    Dataset::Groups,
    Dataset::SignInActivity,
    Dataset::SignIns,
    Dataset::DirectoryAudits,
    Dataset::ActiveUsers,
    Dataset::EmailActivity,
    Dataset::MailboxUsage,
    Dataset::TeamsActivity,
    Dataset::OneDriveActivity,
    Dataset::OneDriveUsage,
    Dataset::SharePointActivity,
    Dataset::VivaEngageActivity,
    Dataset::AppsUsage,
    Dataset::AppsActivations,
    Dataset::CopilotUsage,
];

/// 2026-11-23.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(20_780 * 86_400 + 40_000).unwrap()
}

pub(super) fn days_ago(days: i64) -> Date {
    day::date(20_780 - days).unwrap()
}

pub(super) fn group_id(number: u32) -> ObjectId {
    // In another order than their numbers.
    ObjectId(Uuid::from_u128(u128::from(number * 7 % 5) << 64 | 9))
}

/// A number below `among`, always the same for a user and a question.
fn pick(user: &User, question: impl Hash, among: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (user.object_id, &user.display_name, user.account_enabled).hash(&mut hasher);
    question.hash(&mut hasher);
    hasher.finish() % among
}

pub(super) fn groups_of(user: &User) -> Vec<ObjectId> {
    let mut groups: Vec<ObjectId> = (0..5)
        .filter(|group| pick(user, ("group", group), 4) == 0)
        .map(group_id)
        .collect();
    groups.sort_unstable();
    groups
}

fn some_day(user: &User, question: (Dataset, usize)) -> Option<Date> {
    let days = pick(user, question, 200);
    (days > 20).then(|| days_ago(days as i64))
}

fn last_day_told(user: &User, dataset: Dataset) -> Option<Date> {
    some_day(user, (dataset, 99))
}

/// Whether a report has the user.
fn has_row(user: &User, dataset: Dataset) -> bool {
    pick(user, ("row", dataset), 5) == 0
}

fn active_users_days(user: &User) -> impl Iterator<Item = (Workload, Metric, Date)> {
    let days = [
        (Workload::Outlook, Metric::ExchangeOn),
        (Workload::OneDrive, Metric::OneDriveOn),
        (Workload::SharePoint, Metric::SharePointOn),
        (Workload::VivaEngage, Metric::YammerOn),
        (Workload::Teams, Metric::TeamsOn),
    ];
    days.into_iter().filter_map(|(workload, metric)| {
        let on = some_day(user, (Dataset::ActiveUsers, metric as usize))?;
        Some((workload, metric, on))
    })
}

fn usage(user: &User, dataset: Dataset) -> Usage {
    let number = |metric: Metric| pick(user, (dataset, metric as usize, "number"), 300);
    let sums = [Metric::EmailsSent, Metric::Posted].map(|metric| (metric, number(metric)));
    let days = active_users_days(user).map(|(_, metric, on)| (metric, day::number(on) as u64));
    Usage {
        object_id: user.object_id,
        dataset,
        last_active_on: last_day_told(user, dataset).filter(|_| dataset != Dataset::ActiveUsers),
        standing: match dataset {
            Dataset::ActiveUsers => Values::new(days),
            _ => Values::new([(Metric::MailboxBytes, number(Metric::MailboxBytes))]),
        },
        sums: [0, 1, 2, 3]
            .map(|period| (pick(user, (dataset, period), 2) == 0).then(|| Values::new(sums))),
        mailbox_type: (dataset == Dataset::MailboxUsage)
            .then(|| MailboxType::ALL[pick(user, "mailbox", 6) as usize]),
        is_left_out: pick(user, (dataset, "left out"), 9) == 0,
    }
}

pub(super) fn succeeded_at(user: &User) -> Option<Timestamp> {
    let days = pick(user, "success", 400) as i64;
    (days < 200).then(|| now() - SignedDuration::from_hours(days * 24 + 5))
}

fn attempted_at(user: &User) -> Option<Timestamp> {
    (pick(user, "attempt", 3) == 0).then(now)
}

fn application_uses(user: &User) -> Vec<ApplicationUse> {
    let uses = (0..3u32).filter(|number| pick(user, ("application", number), 4) == 0);
    let application = |number: u32| ApplicationUse {
        application: ApplicationId(Uuid::from_u128(u128::from(number))),
        name: (number > 0).then(|| format!("Application {number}")),
        succeeded_at: now(),
        successes: number,
    };
    uses.map(application).collect()
}

fn directory_changes(user: &User) -> Vec<DirectoryChange> {
    let changes = (0..pick(user, "changes", 3)).map(|number| DirectoryChange {
        at: now(),
        kind: DirectoryChangeKind::License,
        activity: "Change user license".to_owned(),
        succeeded: Some(number == 0),
        by_user: Some(user.object_id).filter(|_| number == 0),
        by_application: None,
    });
    changes.collect()
}

/// What a dataset says of a user.
pub(super) fn fact_of(user: &User, dataset: Dataset) -> Option<UserFact> {
    let object_id = user.object_id;
    match dataset {
        Dataset::Groups => {
            let groups = groups_of(user);
            let fact = Memberships { object_id, groups };
            (!fact.groups.is_empty()).then_some(UserFact::Memberships(fact))
        }
        Dataset::SignInActivity => {
            let fact = SignInActivity {
                object_id,
                succeeded_at: succeeded_at(user),
                attempted_at: attempted_at(user),
            };
            (fact.succeeded_at.is_some() || fact.attempted_at.is_some())
                .then_some(UserFact::SignInActivity(fact))
        }
        Dataset::SignIns => {
            let applications = application_uses(user);
            let fact = ApplicationUses {
                object_id,
                applications,
            };
            (!fact.applications.is_empty()).then_some(UserFact::ApplicationUses(fact))
        }
        Dataset::DirectoryAudits => {
            let changes = directory_changes(user);
            let fact = DirectoryChanges { object_id, changes };
            (!fact.changes.is_empty()).then_some(UserFact::DirectoryChanges(fact))
        }
        _ => has_row(user, dataset).then(|| UserFact::Usage(usage(user, dataset))),
    }
}

/// Says everything of a user, and nothing that was only said before.
pub(super) fn tell(draft: &mut UsersDraft, user: &User) {
    for dataset in TELLING {
        match fact_of(user, dataset) {
            Some(fact) => assert!(draft.set(&fact).is_some()),
            None => {
                draft.remove_fact(dataset, user.object_id);
            }
        }
    }
}

pub(super) fn workload_last_active_on(user: &User, workload: Workload) -> Option<Date> {
    let report = workload.dataset();
    let own = last_day_told(user, report).filter(|_| has_row(user, report));
    let days = active_users_days(user)
        .filter(|(other, _, _)| *other == workload && has_row(user, Dataset::ActiveUsers));
    own.max(days.map(|(_, _, on)| on).max())
}

pub(super) fn last_active_on(user: &User) -> Option<Date> {
    let workloads = Workload::ALL.map(|workload| workload_last_active_on(user, workload));
    let signed_in = succeeded_at(user).map(|at| day::date(day::number_of_instant(at)).unwrap());
    workloads.into_iter().flatten().chain(signed_in).max()
}

/// Every report is fresh but that of SharePoint.
pub(super) fn standings() -> Vec<Standing> {
    let reports = Workload::ALL.map(|workload| Standing {
        fetches: vec![Fetch {
            what: Fetched::Whole,
            at: now(),
            reported_on: Some(days_ago(match workload {
                Workload::SharePoint => 30,
                _ => 2,
            })),
            etag: None,
        }],
        reaches: (workload != Workload::VivaEngage).then(|| days_ago(3)),
        ..Standing::new(workload.dataset())
    });
    let sign_ins = Standing {
        as_of: Some(now()),
        ..Standing::new(Dataset::SignInActivity)
    };
    reports.into_iter().chain([sign_ins]).collect()
}

/// What is known of a tenant besides its users.
#[derive(Clone)]
pub(super) struct Tenant {
    pub(super) key: TenantKey,
    pub(super) standings: Vec<Standing>,
    pub(super) now: Timestamp,
    /// Somebody has a successful sign-in.
    has_sign_ins: bool,
}

/// The tenant of [`super::model::told_index_of`].
pub(super) fn tenant_of<'a>(key: &str, users: impl IntoIterator<Item = &'a User>) -> Tenant {
    let mut users = users.into_iter();
    Tenant {
        key: TenantKey::parse(key).unwrap(),
        standings: standings(),
        now: now(),
        has_sign_ins: users.any(|user| succeeded_at(user).is_some()),
    }
}

fn reported(user: &User) -> Reported {
    let mut reported = Reported::default();
    for workload in Workload::ALL {
        if let Some(UserFact::Usage(usage)) = fact_of(user, workload.dataset()) {
            let rows = match usage.is_left_out {
                true => &mut reported.left_out,
                false => &mut reported.told,
            };
            *rows = rows.and(&[workload]);
        }
    }
    reported
}

/// The state of a user, of licenses as Microsoft lists them.
pub(super) fn state_of(tenant: &Tenant, user: &User) -> ActivityState {
    let mut licensed = Workloads::default();
    for assignment in &user.assignments {
        let number = assignment.sku_id.0.as_u128() - 1;
        assert_eq!(assignment.sku_id, sku(number));
        let is_in_force = assignment.state == AssignmentState::Active;
        for plan in license(number).service_plans {
            if is_in_force && number < 4 && !assignment.disabled_plans.contains(&plan.plan_id) {
                licensed = licensed.and(workloads_of_plan(&plan.value));
            }
        }
    }
    let evidence = Evidence {
        last_active_on: Workload::ALL
            .map(|workload| workload_last_active_on(user, workload).and_then(Day::of)),
        succeeded_on: succeeded_at(user).and_then(Day::of_instant),
        was_attempted: attempted_at(user).is_some(),
        licensed,
        reported: reported(user),
    };
    let shown = Shown {
        workloads: Workloads::default().and(&Workload::ALL),
        sign_ins: tenant.has_sign_ins,
    };
    let standing = |dataset| tenant.standings.iter().find(|own| own.dataset == dataset);
    Horizon::new(tenant.now, standing, shown, &Policy::default()).judge(&evidence)
}

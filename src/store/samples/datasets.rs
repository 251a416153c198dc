//! Facts of the datasets beside users and licenses, such as real organizations have.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;
use crate::domain::audit::{DirectoryChange, DirectoryChangeKind, DirectoryChanges};
use crate::domain::day::Day;
use crate::domain::finding::{FindingKey, FindingKind, FindingsPast, PastFinding};
use crate::domain::group::{Group, Memberships};
use crate::domain::ids::{ApplicationId, RunId, SubscriptionId};
use crate::domain::sign_in::{ApplicationUse, ApplicationUses, SignInActivity};
use crate::domain::standing::{Fetch, Fetched, FormerName, Span, Standing};
use crate::domain::subscription::Subscription;
use crate::domain::usage::{
    ActivityState, HistoryNumber, HistoryUser, MailboxType, Metric, Period, Usage, UsageDay,
    Values, Workload,
};
use crate::domain::user_change::{CodedChanges, FormerUser, RunChanges, UserChange};
use crate::domain::user_fact::UserFact;
use crate::store::Fact;

const TODAY: Date = date(2026, 11, 20);

fn days_ago(days: u64) -> Date {
    TODAY
        .checked_sub(SignedDuration::from_hours(days as i64 * 24))
        .unwrap()
}

fn second(random: &mut Random) -> Timestamp {
    let ago = random.skewed(400 * 86_400) as i64;
    Timestamp::from_second(1_795_000_000 - ago).unwrap()
}

/// Facts of an organization of so many users, of every collection.
pub(in crate::store) fn facts(count: u64) -> Vec<Fact> {
    let mut facts = vec![Fact::Organization(organization("Contoso"))];
    facts.extend(licenses(12).into_iter().map(Fact::License));
    facts.extend(users(count).into_iter().map(Fact::User));
    let groups = groups(count / 25 + 2);
    facts.extend(groups.iter().cloned().map(Fact::Group));
    facts.extend(subscriptions(5).into_iter().map(Fact::Subscription));
    let mut random = Random(23);
    for n in 0..count {
        let of_user = [
            UserFact::Memberships(memberships(n, &groups, &mut random)),
            UserFact::SignInActivity(sign_in(n, &mut random)),
            UserFact::ApplicationUses(applications(n, &mut random)),
            UserFact::DirectoryChanges(changes(n, &mut random)),
        ];
        facts.extend(of_user.map(Fact::UserFact));
        let reports = Dataset::REPORTS.map(|report| usage(report, n, &mut random));
        facts.extend(reports.map(UserFact::Usage).map(Fact::UserFact));
        if n % 4 == 0 {
            facts.push(Fact::Findings(findings(n)));
        }
        facts.push(Fact::HistoryUser(HistoryUser {
            object_id: user_id(n),
            number: HistoryNumber(n as u32),
        }));
    }
    for workload in Workload::ALL {
        for ago in 0..3 {
            facts.push(Fact::UsageDay(usage_day(workload, ago, count, &mut random)));
        }
    }
    facts.extend(Dataset::ALL.map(|dataset| Fact::Standing(standing(dataset, count))));
    facts.extend((0..3).map(|ago| Fact::UserChanges(user_changes(ago, count, &mut random))));
    facts
}

/// What a run of an ordinary day changed: few come, go, move or get a license, more fall silent or are back,
/// and some findings follow.
pub(in crate::store) fn user_changes(ago: u64, count: u64, random: &mut Random) -> RunChanges {
    let skus: Vec<_> = licenses(12).iter().map(|license| license.sku_id).collect();
    let department = |n: u64| Some(format!("Department {n}"));
    let mut changes: BTreeMap<UserChange, BTreeSet<HistoryNumber>> = BTreeMap::new();
    let mut former = BTreeMap::new();
    for n in 0..count.div_ceil(100) {
        let number = HistoryNumber(random.below(count) as u32);
        let sku = skus[random.skewed(12) as usize];
        let kind = FindingKind::ALL[random.below(11) as usize];
        let change = match n % 12 {
            0 => UserChange::Joined,
            1 => UserChange::Left,
            2 => UserChange::LicenseAssigned(sku),
            3 => UserChange::LicenseRemoved(sku),
            4 => UserChange::DepartmentChanged {
                from: department(random.skewed(40)),
                to: department(random.skewed(40)),
            },
            5 | 6 => UserChange::FindingOpened(kind),
            7 => UserChange::FindingClosed(kind),
            odd => {
                let (from, to) = (ActivityState::Active, ActivityState::Inactive);
                match odd % 2 {
                    0 => UserChange::ActivityStateChanged { from, to },
                    _ => UserChange::ActivityStateChanged { from: to, to: from },
                }
            }
        };
        if change == UserChange::Left {
            let gone = name(random);
            former.insert(
                number,
                FormerUser {
                    number,
                    user_principal_name: format!("{}{n}@contoso.com", gone.to_lowercase()),
                    display_name: Some(gone),
                },
            );
        }
        changes.entry(change).or_default().insert(number);
    }
    RunChanges {
        run: RunId(Uuid::from_u128(u128::from(random.next()))),
        seen_at: Timestamp::from_second(1_795_000_000 - ago as i64 * 86_400).unwrap(),
        changes: CodedChanges::new(&changes),
        former: former.into_values().collect(),
    }
}

/// One finding that holds.
fn findings(n: u64) -> FindingsPast {
    let (user, sku) = (user_id(n), licenses(1)[0].sku_id);
    FindingsPast {
        about: Some(user),
        disabled_on: None,
        held_since: Vec::new(),
        findings: vec![PastFinding {
            key: FindingKey::of_seat(FindingKind::Inactive, user, sku),
            first_seen_on: Day::numbered(20_000 + n as i64 % 700).unwrap(),
            realized: None,
        }],
    }
}

pub(in crate::store) fn groups(count: u64) -> Vec<Group> {
    let mut random = Random(13);
    let skus: Vec<_> = licenses(12).iter().map(|license| license.sku_id).collect();
    (0..count)
        .map(|n| Group {
            object_id: ObjectId(random.guid()),
            display_name: Some(format!("Group of {} {n}", name(&mut random))),
            mail: (n % 3 == 0).then(|| format!("group{n}@contoso.com")),
            is_dynamic: n % 5 == 0,
            is_synced_from_on_premises: n % 2 == 0,
            assigns: skus.iter().skip(n as usize % 12).take(1).copied().collect(),
        })
        .collect()
}

pub(in crate::store) fn subscriptions(count: u64) -> Vec<Subscription> {
    let mut random = Random(17);
    (0..count)
        .map(|n| Subscription {
            id: SubscriptionId(random.guid()),
            commerce_id: Some(random.guid().to_string()),
            sku_id: SkuId(random.guid()),
            part_number: format!("PRODUCT_{n}"),
            status: "Enabled".into(),
            seats: Some(n as u32 * 100),
            is_trial: Some(n % 4 == 0),
            created_at: Some(second(&mut random)),
            next_change_at: Some(second(&mut random)),
        })
        .collect()
}

/// Of a user: one to twenty groups, large ones more often than small ones.
pub(in crate::store) fn memberships(n: u64, groups: &[Group], random: &mut Random) -> Memberships {
    let count = 1 + random.below(20);
    let mut own: Vec<_> = (0..count)
        .map(|_| groups[random.skewed(groups.len() as u64) as usize].object_id)
        .collect();
    own.sort_unstable();
    own.dedup();
    Memberships {
        object_id: user_id(n),
        groups: own,
    }
}

pub(in crate::store) fn sign_in(n: u64, random: &mut Random) -> SignInActivity {
    let succeeded_at = (random.below(10) > 0).then(|| second(random));
    let failed = random.below(3) == 0;
    SignInActivity {
        object_id: user_id(n),
        succeeded_at,
        attempted_at: if failed {
            Some(second(random))
        } else {
            succeeded_at
        },
    }
}

pub(in crate::store) fn applications(n: u64, random: &mut Random) -> ApplicationUses {
    let count = 1 + random.skewed(6);
    let used = (0..count).map(|index| {
        let application = index * 5 + random.skewed(5);
        ApplicationUse {
            application: ApplicationId(Random(application << 30).guid()),
            name: Some(format!("Application {application}")),
            succeeded_at: second(random),
            successes: 1 + random.skewed(90) as u32,
        }
    });
    ApplicationUses {
        object_id: user_id(n),
        applications: used.collect(),
    }
}

fn changes(n: u64, random: &mut Random) -> DirectoryChanges {
    let count = 1 + random.skewed(4);
    let changes = (0..count).map(|_| DirectoryChange {
        at: second(random),
        kind: DirectoryChangeKind::License,
        activity: "Change user license".into(),
        succeeded: Some(random.below(20) > 0),
        by_user: (random.below(3) > 0).then(|| user_id(random.below(5))),
        by_application: None,
    });
    DirectoryChanges {
        object_id: user_id(n),
        changes: changes.collect(),
    }
}

/// What a report says of a user: a fifth do nothing, few do much.
pub(in crate::store) fn usage(dataset: Dataset, n: u64, random: &mut Random) -> Usage {
    let metrics = metrics(dataset);
    let by_period = !matches!(
        dataset,
        Dataset::ActiveUsers
            | Dataset::MailboxUsage
            | Dataset::OneDriveUsage
            | Dataset::CopilotUsage
            | Dataset::AppsActivations
    );
    let is_active = random.below(5) > 0;
    let pace = if is_active { 1 + random.skewed(40) } else { 0 };
    let week: Vec<_> = metrics
        .iter()
        .map(|metric| (*metric, random.below(pace + 1)))
        .collect();
    let mut sums = [const { None }; 4];
    if by_period {
        for (sum, weeks) in sums.iter_mut().zip([1, 4, 13, 26]) {
            let value = |(metric, value): &(Metric, u64)| {
                let noise = if pace > 0 { random.below(pace) } else { 0 };
                (*metric, value * weeks + noise * (weeks - 1) / 4)
            };
            *sum = Some(Values::new(week.iter().map(value)));
        }
    }
    let standing = match (by_period, dataset) {
        (true, _) => Values::default(),
        (false, Dataset::MailboxUsage | Dataset::OneDriveUsage) => Values::new([
            (Metric::StorageBytes, random.skewed(50 << 30)),
            (Metric::MailboxQuotaBytes, 107_374_182_400),
        ]),
        (false, _) => Values::new(
            metrics
                .iter()
                .map(|metric| (*metric, 20_700 - random.skewed(180))),
        ),
    };
    Usage {
        object_id: user_id(n),
        dataset,
        last_active_on: is_active.then(|| days_ago(random.skewed(180))),
        standing,
        sums,
        mailbox_type: (dataset == Dataset::MailboxUsage).then_some(MailboxType::User),
        is_left_out: n % 1_000 == 7,
    }
}

fn metrics(dataset: Dataset) -> &'static [Metric] {
    use Metric::*;
    match dataset {
        Dataset::EmailActivity => &[
            EmailsSent,
            EmailsReceived,
            EmailsRead,
            MeetingsCreated,
            MeetingsInteracted,
        ],
        Dataset::TeamsActivity => &[
            ChannelMessages,
            ChatMessages,
            Calls,
            Meetings,
            MeetingsOrganized,
            MeetingsAttended,
            AudioSeconds,
            VideoSeconds,
            ScreenShareSeconds,
        ],
        Dataset::OneDriveActivity => &[ViewedOrEdited, Synced, SharedInternally, SharedExternally],
        Dataset::SharePointActivity => &[
            ViewedOrEdited,
            Synced,
            SharedInternally,
            SharedExternally,
            VisitedPages,
        ],
        Dataset::VivaEngageActivity => &[Posted, Read, Liked],
        Dataset::AppsUsage => &[OnWindows, OnMac, OnMobile, OnWeb],
        Dataset::ActiveUsers => &[ExchangeOn, OneDriveOn, SharePointOn, TeamsOn],
        Dataset::CopilotUsage => &[CopilotChatOn, CopilotTeamsOn, CopilotWordOn],
        _ => &[],
    }
}

/// Two thirds of the users used the workload.
pub(in crate::store) fn usage_day(
    workload: Workload,
    ago: u64,
    count: u64,
    random: &mut Random,
) -> UsageDay {
    let metrics = metrics(workload.dataset());
    let mut users = Vec::new();
    for n in 0..count {
        if random.below(3) > 0 {
            let value = |metric: &Metric| (*metric, random.skewed(30));
            let values = Values::new(metrics.iter().map(value));
            users.push((HistoryNumber(n as u32), values));
        }
    }
    UsageDay {
        workload,
        on: days_ago(ago),
        users,
    }
}

/// Those who used a workload, so many of a thousand, each at a pace that is its own. Most of what one may do
/// somebody does not do on a day.
pub(in crate::store) fn paced_day(
    workload: Workload,
    ago: u64,
    paces: &[u64],
    used_by: u64,
    random: &mut Random,
) -> UsageDay {
    let mut users = Vec::new();
    for (number, pace) in (0..).zip(paces) {
        if random.below(1_000) >= used_by {
            continue;
        }
        let values = (0_u64..)
            .zip(metrics(workload.dataset()))
            .map(|(place, metric)| {
                let value = match metric {
                    Metric::OnWindows => u64::from(random.below(10) > 0),
                    Metric::OnMac => u64::from(random.below(12) == 0),
                    Metric::OnMobile | Metric::OnWeb => u64::from(random.below(3) == 0),
                    // Seconds, of those who talked at all.
                    Metric::AudioSeconds | Metric::VideoSeconds | Metric::ScreenShareSeconds => {
                        let talked = random.below(place) < 2;
                        u64::from(talked) * random.skewed(180) * 60
                    }
                    // Days, of applications that are used now and then.
                    _ if workload == Workload::Copilot => 20_700 - random.skewed(30),
                    _ if random.below(place + 2) > 1 => 0,
                    _ => random.below(pace + 1),
                };
                (*metric, value)
            });
        users.push((HistoryNumber(number), Values::new(values)));
    }
    UsageDay {
        workload,
        on: days_ago(ago),
        users,
    }
}

pub(in crate::store) fn standing(dataset: Dataset, rows: u64) -> Standing {
    let mut random = Random(29);
    let now = second(&mut random);
    Standing {
        as_of: Some(now),
        rows,
        whole_at: Some(now),
        delta_link: Some(format!("https://graph.microsoft.com/v1.0/delta?{rows}")),
        fetches: Period::ALL
            .map(|period| Fetch {
                what: Fetched::Period(period),
                at: now,
                reported_on: Some(TODAY),
                etag: None,
            })
            .to_vec(),
        reaches: Some(TODAY),
        covered: vec![Span {
            from: Timestamp::UNIX_EPOCH,
            until: now,
        }],
        recent: (0..50).map(|_| random.next()).collect(),
        former_names: vec![FormerName {
            name: "anna@contoso.com".into(),
            object_id: user_id(1),
            until: now,
        }],
        names_since: Some(now),
        ..Standing::new(dataset)
    }
}

/// The fact as it is later: the same id, another content.
pub(in crate::store) fn later(fact: &Fact, stamp: u64) -> Fact {
    let mut fact = fact.clone();
    let text = Some(format!("Later {stamp}"));
    match &mut fact {
        Fact::Organization(fact) => fact.display_name = text,
        Fact::License(fact) => fact.seats.consumed = stamp as u32,
        Fact::User(fact) => fact.job_title = text,
        Fact::Group(fact) => fact.display_name = text,
        Fact::Subscription(fact) => fact.seats = Some(stamp as u32),
        Fact::UserFact(UserFact::Memberships(fact)) => {
            fact.groups.push(ObjectId(Uuid::from_u128(stamp.into())));
        }
        Fact::UserFact(UserFact::SignInActivity(fact)) => {
            fact.succeeded_at = Timestamp::from_second(stamp as i64).ok();
        }
        Fact::UserFact(UserFact::ApplicationUses(fact)) => {
            fact.applications[0].successes = stamp as u32;
        }
        Fact::UserFact(UserFact::DirectoryChanges(fact)) => fact.changes[0].by_application = text,
        Fact::UserFact(UserFact::Usage(fact)) => fact.standing.set(Metric::Calls, stamp),
        Fact::HistoryUser(fact) => fact.number = HistoryNumber(stamp as u32),
        Fact::UsageDay(fact) => {
            let values = Values::new([(Metric::Calls, stamp)]);
            fact.users.push((HistoryNumber(u32::MAX), values));
        }
        Fact::Standing(fact) => fact.rows = stamp,
        Fact::UserChanges(fact) => fact.former.push(FormerUser {
            number: HistoryNumber(u32::MAX),
            user_principal_name: format!("later{stamp}@contoso.com"),
            display_name: text,
        }),
        Fact::Findings(fact) => {
            let day = Day::numbered(stamp as i64 + 1).unwrap();
            for own in &mut fact.findings {
                own.first_seen_on = day;
            }
        }
    }
    fact
}

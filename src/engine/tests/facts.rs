//! Telling facts of users, joining names, and what it costs.

use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::group::{Group, Memberships};
use crate::domain::ids::{ObjectId, SkuId, SubscriptionId};
use crate::domain::sign_in::SignInActivity;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::text::Folded;
use crate::domain::usage::{MailboxType, Metric, Usage, Values, Workload};
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::{Change, Named, TenantIndex, TenantUpdate};

use super::memory::realistic;
use super::model::*;
use super::told::*;

/// Bytes that all periods of six reports may take of a user who works every day.
const BYTES_OF_USAGE_MAX: usize = 150;

fn usage(number: u32, dataset: Dataset, on: Option<Date>) -> UserFact {
    UserFact::Usage(Usage {
        last_active_on: on,
        ..Usage::nothing(dataset, object_id(number))
    })
}

fn members(number: u32, groups: &[u32]) -> UserFact {
    let mut groups: Vec<ObjectId> = groups.iter().map(|group| group_id(*group)).collect();
    groups.sort_unstable();
    UserFact::Memberships(Memberships {
        object_id: object_id(number),
        groups,
    })
}

fn two_users() -> Arc<TenantIndex> {
    index_of("one", &[plain(1), plain(2)])
}

#[test]
fn a_fact_is_added_changed_and_unchanged() {
    let base = two_users();
    let mut draft = base.draft();
    let on = |days| usage(1, Dataset::TeamsActivity, Some(days_ago(days)));
    assert_eq!(draft.set(&on(3)), Some(Change::Added));
    assert_eq!(draft.set(&on(3)), Some(Change::Unchanged));
    assert_eq!(draft.set(&on(2)), Some(Change::Changed));
    assert_eq!(
        draft.fact(Dataset::TeamsActivity, object_id(1)),
        Some(on(2))
    );
    assert_eq!(draft.fact(Dataset::EmailActivity, object_id(1)), None);
    assert_eq!(
        draft.set(&usage(9, Dataset::TeamsActivity, None)),
        None,
        "nobody"
    );
    assert!(draft.remove_fact(Dataset::TeamsActivity, object_id(1)));
    assert!(!draft.remove_fact(Dataset::TeamsActivity, object_id(1)));
    assert!(!draft.remove_fact(Dataset::TeamsActivity, object_id(9)));
    let next = published(&base, draft);
    assert_eq!(next.find(object_id(1)).unwrap().last_active_on(), None);
}

#[test]
fn a_fact_that_says_nothing_is_as_good_as_removed() {
    let base = two_users();
    let mut draft = base.draft();
    let signed_in = |succeeded_at| {
        UserFact::SignInActivity(SignInActivity {
            object_id: object_id(1),
            succeeded_at,
            attempted_at: None,
        })
    };
    assert_eq!(draft.set(&signed_in(None)), Some(Change::Unchanged));
    assert!(!draft.is_changed());
    assert_eq!(draft.set(&signed_in(Some(now()))), Some(Change::Added));
    assert_eq!(draft.set(&signed_in(None)), Some(Change::Changed));
    assert_eq!(draft.fact(Dataset::SignInActivity, object_id(1)), None);
    assert_eq!(draft.set(&members(1, &[0, 1])), Some(Change::Added));
    assert_eq!(draft.set(&members(1, &[])), Some(Change::Changed));
    assert_eq!(published(&base, draft).member_count(group_id(0)), 0);
}

#[test]
fn after_a_complete_reading_facts_that_were_not_told_again_are_gone() {
    let base = two_users();
    let mut draft = base.draft();
    for number in [1, 2] {
        draft.set(&usage(number, Dataset::TeamsActivity, None));
        draft.set(&usage(number, Dataset::EmailActivity, None));
        draft.set(&members(number, &[0]));
    }
    let base = published(&base, draft);
    let mut draft = base.draft();
    draft.set(&usage(2, Dataset::TeamsActivity, None));
    assert_eq!(
        draft.remove_unseen_facts(Dataset::TeamsActivity),
        [object_id(1)]
    );
    assert_eq!(draft.remove_unseen_facts(Dataset::SignIns), []);
    draft.set(&members(1, &[0]));
    assert_eq!(draft.remove_unseen_facts(Dataset::Groups), [object_id(2)]);
    let next = published(&base, draft);
    let row = |number| next.find(object_id(number)).unwrap();
    assert_eq!(row(1).usage(Dataset::TeamsActivity), None);
    assert!(row(2).usage(Dataset::TeamsActivity).is_some());
    assert!(
        row(1).usage(Dataset::EmailActivity).is_some(),
        "another dataset"
    );
    assert_eq!(next.member_count(group_id(0)), 1);
}

#[test]
fn whoever_takes_a_freed_row_has_nothing_of_who_had_it() {
    let told = plain(1);
    let base = told_index_of("one", &[told.clone(), plain(2)]);
    let mut draft = base.draft();
    draft.set(&usage(1, Dataset::TeamsActivity, Some(days_ago(1))));
    assert!(draft.remove(told.object_id));
    draft.merge(&plain(3));
    for dataset in TELLING {
        assert_eq!(draft.fact(dataset, object_id(3)), None, "{dataset:?}");
    }
    let next = published(&base, draft);
    let row = next.find(object_id(3)).unwrap();
    assert_eq!((row.last_active_on(), row.group_ids()), (None, Vec::new()));
    let all: u64 = (0..5).map(|group| next.member_count(group_id(group))).sum();
    assert_eq!(all as usize, groups_of(&plain(2)).len());
}

#[test]
fn a_day_that_no_service_can_mean_shows_nobody() {
    let base = two_users();
    let mut draft = base.draft();
    draft.set(&usage(1, Dataset::TeamsActivity, Some(Date::MAX)));
    draft.set(&usage(
        2,
        Dataset::TeamsActivity,
        Some(Date::constant(1, 1, 1)),
    ));
    let next = published(&base, draft);
    for number in [1, 2] {
        let row = next.find(object_id(number)).unwrap();
        assert_eq!(row.workload_last_active_on(Workload::Teams), None);
        assert_eq!(row.last_active_on(), None);
    }
}

#[test]
fn the_mailbox_report_says_what_a_mailbox_is_for() {
    let base = two_users();
    let mut draft = base.draft();
    let UserFact::Usage(report) = usage(1, Dataset::MailboxUsage, None) else {
        unreachable!("a usage fact");
    };
    draft.set(&UserFact::Usage(Usage {
        mailbox_type: Some(MailboxType::Room),
        ..report
    }));
    let next = published(&base, draft);
    let mailbox_type = |number| next.find(object_id(number)).unwrap().mailbox_type();
    assert_eq!(
        (mailbox_type(1), mailbox_type(2)),
        (Some(MailboxType::Room), None)
    );
}

#[test]
fn a_name_is_joined_to_its_one_user() {
    let named = |number, name: &str| User {
        user_principal_name: name.to_owned(),
        ..plain(number)
    };
    let users = [
        named(1, "Ann@contoso.example"),
        named(2, "STRASSE@contoso.example"),
        named(3, "twice@contoso.example"),
        named(4, "Twice@Contoso.example"),
    ];
    let mut draft = index_of("one", &users).draft();
    draft.remove(object_id(4));
    draft.merge(&named(5, "TWICE@contoso.example"));
    let directory = draft.directory();
    draft.remove(object_id(1));
    let find = |name: &str| directory.find(&Folded::new(name));
    assert_eq!(
        find(" ANN@contoso.example"),
        Named::One(object_id(1)),
        "as it was"
    );
    assert_eq!(find("straße@contoso.example"), Named::One(object_id(2)));
    assert_eq!(find("twice@contoso.example"), Named::Several);
    assert_eq!(find("ann@contoso.exampl"), Named::Nobody);
    assert_eq!(find(""), Named::Nobody);
    let many: Vec<User> = (0..3000).map(plain).collect();
    let directory = index_of("one", &many).draft().directory();
    for user in many {
        let name = Folded::new(&user.user_principal_name);
        assert_eq!(directory.find(&name), Named::One(user.object_id));
    }
}

#[test]
fn groups_subscriptions_and_standings_stay_until_others_come() {
    let group = |number| Group {
        object_id: group_id(number),
        display_name: Some(format!("Group {number}")),
        mail: None,
        is_dynamic: false,
        is_synced_from_on_premises: false,
        assigns: vec![sku(1)],
    };
    let subscription = |number| Subscription {
        id: SubscriptionId(uuid::Uuid::from_u128(number)),
        commerce_id: None,
        sku_id: SkuId(uuid::Uuid::from_u128(1)),
        part_number: String::new(),
        status: "Enabled".to_owned(),
        seats: None,
        is_trial: None,
        created_at: None,
        next_change_at: None,
    };
    let standing = |dataset, rows| Standing {
        rows,
        ..Standing::new(dataset)
    };
    let first = two_users().updated(
        TenantUpdate {
            groups: Some((0..5).map(group).collect()),
            subscriptions: Some(vec![subscription(7), subscription(3)]),
            standings: vec![standing(Dataset::Groups, 5), standing(Dataset::Users, 2)],
            ..nothing()
        },
        &name,
    );
    assert!(first.groups().is_sorted_by_key(|group| group.object_id));
    assert_eq!(first.groups().len(), 5);
    assert_eq!(first.group(group_id(3)), Some(&group(3)));
    assert_eq!(first.group(object_id(1)), None);
    let ids = first.subscriptions().iter().map(|own| own.id.0.as_u128());
    assert_eq!(ids.collect::<Vec<_>>(), [3, 7]);
    let second = first.updated(
        TenantUpdate {
            groups: Some(vec![group(1)]),
            standings: vec![standing(Dataset::Groups, 1)],
            ..nothing()
        },
        &name,
    );
    let rows = |dataset| second.standing(dataset).map(|standing| standing.rows);
    assert_eq!(rows(Dataset::Groups), Some(1));
    assert_eq!(rows(Dataset::Users), Some(2));
    assert_eq!(rows(Dataset::Licenses), None);
    assert_eq!(
        (second.groups().len(), second.subscriptions().len()),
        (1, 2)
    );
}

/// What six reports say of somebody who works every day, in four periods each.
fn working(number: u32) -> Vec<UserFact> {
    // Of 7 days; Microsoft's numbers of longer periods are larger.
    let reports: [(Dataset, &[(Metric, u64)]); 6] = [
        (
            Dataset::EmailActivity,
            &[
                (Metric::EmailsSent, 30),
                (Metric::EmailsReceived, 120),
                (Metric::EmailsRead, 80),
                (Metric::MeetingsCreated, 1),
                (Metric::MeetingsInteracted, 4),
            ],
        ),
        (
            Dataset::TeamsActivity,
            &[
                (Metric::ChannelMessages, 1),
                (Metric::ChatMessages, 45),
                (Metric::Calls, 2),
                (Metric::Meetings, 8),
                (Metric::MeetingsOrganized, 1),
                (Metric::MeetingsAttended, 7),
                (Metric::AudioSeconds, 9_000),
                (Metric::VideoSeconds, 3_000),
                (Metric::ScreenShareSeconds, 0),
            ],
        ),
        (
            Dataset::OneDriveActivity,
            &[
                (Metric::ViewedOrEdited, 12),
                (Metric::Synced, 3),
                (Metric::SharedInternally, 0),
                (Metric::SharedExternally, 0),
            ],
        ),
        (
            Dataset::SharePointActivity,
            &[
                (Metric::ViewedOrEdited, 6),
                (Metric::Synced, 0),
                (Metric::SharedInternally, 0),
                (Metric::SharedExternally, 0),
                (Metric::VisitedPages, 9),
            ],
        ),
        (
            Dataset::VivaEngageActivity,
            &[(Metric::Posted, 0), (Metric::Read, 2), (Metric::Liked, 0)],
        ),
        (
            Dataset::AppsUsage,
            &[
                (Metric::OnWindows, 1),
                (Metric::OnMac, 0),
                (Metric::OnMobile, 1),
                (Metric::OnWeb, 0),
            ],
        ),
    ];
    let fact = |(dataset, numbers): (Dataset, &[(Metric, u64)])| {
        let sums = [1, 4, 12, 24].map(|weeks| {
            let most = |metric| {
                if dataset == Dataset::AppsUsage {
                    1
                } else {
                    metric
                }
            };
            let sums = numbers
                .iter()
                .map(|(metric, weekly)| (*metric, most(weekly * weeks)));
            Some(Values::new(sums.map(|(metric, sum)| {
                match numbers.iter().find(|own| own.0 == metric) {
                    Some((_, 0)) => (metric, 0),
                    _ => (metric, sum + u64::from(number % 3)),
                }
            })))
        });
        UserFact::Usage(Usage {
            last_active_on: Some(days_ago(i64::from(2 + number % 4))),
            sums,
            ..Usage::nothing(dataset, object_id(number))
        })
    };
    reports.into_iter().map(fact).collect()
}

#[test]
fn six_reports_of_a_working_user_take_less_than_150_bytes_and_nothing_of_others() {
    const COUNT: u32 = 8_192;
    let users: Vec<User> = (0..COUNT).map(realistic).collect();
    let base = index_of("one", &users);
    let told = |numbers: std::ops::Range<u32>| {
        let mut draft = base.draft();
        for fact in numbers.flat_map(working) {
            assert_eq!(draft.set(&fact), Some(Change::Added));
        }
        published(&base, draft).heap_bytes() - base.heap_bytes()
    };
    let of_all = told(0..COUNT) / COUNT as usize;
    println!("{of_all} bytes for six reports of a working user");
    assert!(of_all < BYTES_OF_USAGE_MAX, "{of_all} bytes");
    // One user in so many costs its own chunks of columns; the others nothing.
    let of_one = told(0..1);
    println!("{of_one} bytes when they tell of one user of {COUNT}");
    assert!(of_one < 20_000, "{of_one} bytes");
}

//! Any facts of the datasets beside users and licenses.

use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::domain::audit::{DirectoryChange, DirectoryChangeKind, DirectoryChanges};
use crate::domain::day::Day;
use crate::domain::finding::{
    Confidence, Fact as Evidence, Finding, FindingKey, FindingKind, FindingsPast, PastFinding,
    Realized, Rule, Said, Saving, Source,
};
use crate::domain::group::{Group, Memberships};
use crate::domain::ids::{ApplicationId, RunId, SubscriptionId};
use crate::domain::sign_in::{ApplicationUse, ApplicationUses, SignInActivity};
use crate::domain::standing::{AbsentMember, Fetch, Fetched, FormerName, Span, Standing};
use crate::domain::subscription::Subscription;
use crate::domain::usage::{HistoryNumber, HistoryUser, Metric, Period, Usage, UsageDay, Values};
use crate::domain::user_change::{CodedChanges, FormerUser, RunChanges};
use crate::domain::user_fact::UserFact;
use crate::store::Fact;
use crate::store::collection::Collection;

/// Any fact of a collection.
pub(in crate::store) fn any_fact(collection: Collection) -> BoxedStrategy<Fact> {
    match collection {
        Collection::Standing(dataset) => any_standing(dataset).prop_map(Fact::Standing).boxed(),
        Collection::Organization => any_organization().prop_map(Fact::Organization).boxed(),
        Collection::Licenses => any_license().prop_map(Fact::License).boxed(),
        Collection::Users => any_user().prop_map(Fact::User).boxed(),
        Collection::Groups => any_group().prop_map(Fact::Group).boxed(),
        Collection::Subscriptions => any_subscription().prop_map(Fact::Subscription).boxed(),
        Collection::Memberships
        | Collection::SignInActivity
        | Collection::ApplicationUses
        | Collection::DirectoryChanges
        | Collection::Usage(_) => any_user_fact(collection).prop_map(Fact::UserFact).boxed(),
        Collection::HistoryUsers => (any_guid(), any::<u32>())
            .prop_map(|(id, number)| {
                Fact::HistoryUser(HistoryUser {
                    object_id: ObjectId(id),
                    number: HistoryNumber(number),
                })
            })
            .boxed(),
        Collection::Findings => any_findings().prop_map(Fact::Findings).boxed(),
        Collection::UserChanges => any_user_changes().prop_map(Fact::UserChanges).boxed(),
        Collection::UsageDays(workload) => {
            let user = (any::<u32>().prop_map(HistoryNumber), any_values());
            let users = prop::collection::vec(user, 0..5);
            (any_date(), users)
                .prop_map(move |(on, users)| {
                    Fact::UsageDay(UsageDay {
                        workload,
                        on,
                        users,
                    })
                })
                .boxed()
        }
    }
}

fn any_user_changes() -> impl Strategy<Value = RunChanges> {
    let former = (any::<u32>(), ".{0,9}", of(".{0,9}"));
    let former = former.prop_map(|(number, user_principal_name, display_name)| FormerUser {
        number: HistoryNumber(number),
        user_principal_name,
        display_name,
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let former = prop::collection::vec(former, 0..4);
    (any_guid(), any_time(), bytes, former).prop_map(|(run, seen_at, bytes, former)| RunChanges {
        run: RunId(run),
        seen_at,
        changes: CodedChanges::from_bytes(&bytes),
        former,
    })
}

fn any_findings() -> impl Strategy<Value = FindingsPast> {
    let day = || (1..=65_535_i64).prop_filter_map("no day", Day::numbered);
    let finding = (
        prop::sample::select(&FindingKind::ALL[..]),
        of(any_guid()),
        of(any_guid()),
        day(),
        of((day(), any::<[bool; 2]>(), any::<u32>())),
    );
    let findings = prop::collection::vec(finding, 0..4);
    let held = prop::collection::vec((any_guid().prop_map(SkuId), day()), 0..3);
    (of(any_guid()), of(day()), held, findings).prop_map(
        |(about, disabled_on, held_since, findings)| {
            let about = about.map(ObjectId);
            let past = findings
                .into_iter()
                .map(|(kind, sku, purchase, first, realized)| {
                    let key = FindingKey {
                        kind,
                        user: about,
                        sku: sku.map(SkuId),
                        subscription: purchase.map(SubscriptionId),
                    };
                    let realized = realized.map(|(on, [is_primary, is_free], seats)| Realized {
                        on,
                        finding: Finding {
                            key,
                            rule: Rule::UnionOverlap,
                            confidence: Confidence::Medium,
                            seats,
                            saving: match is_free {
                                true => Saving::Nothing,
                                false => Saving::Unpriced,
                            },
                            is_primary,
                            facts: vec![Evidence {
                                said: Said::SeatsUsable(seats),
                                source: Source::Seatwise,
                                as_of: Some(on),
                            }],
                        },
                    });
                    PastFinding {
                        key,
                        first_seen_on: first,
                        realized,
                    }
                });
            FindingsPast {
                about,
                disabled_on,
                held_since,
                findings: past.collect(),
            }
        },
    )
}

fn any_user_fact(collection: Collection) -> BoxedStrategy<UserFact> {
    let ids = || prop::collection::vec(any_guid().prop_map(ObjectId), 0..6);
    let id = any_guid().prop_map(ObjectId);
    match collection {
        Collection::Memberships => (id, ids())
            .prop_map(|(object_id, groups)| {
                UserFact::Memberships(Memberships { object_id, groups })
            })
            .boxed(),
        Collection::SignInActivity => (id, of(any_time()), of(any_time()), any::<bool>())
            .prop_map(|(object_id, succeeded_at, attempted_at, are_same)| {
                let attempted_at = if are_same { succeeded_at } else { attempted_at };
                UserFact::SignInActivity(SignInActivity {
                    object_id,
                    succeeded_at,
                    attempted_at,
                })
            })
            .boxed(),
        Collection::ApplicationUses => {
            let used = (any_guid(), of(any_text()), any_time(), any::<u32>());
            let used = used.prop_map(|(id, name, succeeded_at, successes)| ApplicationUse {
                application: ApplicationId(id),
                name,
                succeeded_at,
                successes,
            });
            (id, prop::collection::vec(used, 0..4))
                .prop_map(|(object_id, applications)| {
                    UserFact::ApplicationUses(ApplicationUses {
                        object_id,
                        applications,
                    })
                })
                .boxed()
        }
        Collection::DirectoryChanges => (id, prop::collection::vec(any_change(), 0..4))
            .prop_map(|(object_id, changes)| {
                UserFact::DirectoryChanges(DirectoryChanges { object_id, changes })
            })
            .boxed(),
        Collection::Usage(dataset) => any_usage(dataset).prop_map(UserFact::Usage).boxed(),
        other => panic!("{other:?} says nothing of users"),
    }
}

fn any_change() -> impl Strategy<Value = DirectoryChange> {
    (
        any_time(),
        any_numbered::<DirectoryChangeKind>(),
        any_text(),
        any::<Option<bool>>(),
        of(any_guid()),
        of(any_text()),
    )
        .prop_map(
            |(at, kind, activity, succeeded, by_user, by_application)| DirectoryChange {
                at,
                kind,
                activity,
                succeeded,
                by_user: by_user.map(ObjectId),
                by_application,
            },
        )
}

fn any_values() -> impl Strategy<Value = Values> {
    let metric = (1..=49_u32).prop_map(|number| Metric::from_number(number).unwrap());
    let value = prop_oneof![Just(0), 0..300_u64, any::<u64>()];
    prop::collection::vec((metric, value), 0..6).prop_map(Values::new)
}

fn any_usage(dataset: Dataset) -> impl Strategy<Value = Usage> {
    let sum = || of(any_values());
    (
        any_guid(),
        of(any_date()),
        any_values(),
        [sum(), sum(), sum(), sum()],
        of(any_numbered()),
        any::<bool>(),
    )
        .prop_map(
            move |(id, last_active_on, standing, sums, mailbox_type, is_left_out)| Usage {
                object_id: ObjectId(id),
                dataset,
                last_active_on,
                standing,
                sums,
                mailbox_type,
                is_left_out,
            },
        )
}

fn any_group() -> impl Strategy<Value = Group> {
    let assigns = prop::collection::vec(any_guid().prop_map(SkuId), 0..3);
    (
        any_guid(),
        of(any_text()),
        of(any_text()),
        any::<[bool; 2]>(),
        assigns,
    )
        .prop_map(
            |(id, display_name, mail, [is_dynamic, is_synced], assigns)| Group {
                object_id: ObjectId(id),
                display_name,
                mail,
                is_dynamic,
                is_synced_from_on_premises: is_synced,
                assigns,
            },
        )
}

fn any_subscription() -> impl Strategy<Value = Subscription> {
    let texts = (of(any_text()), any_text(), any_text());
    let numbers = (any::<Option<u32>>(), any::<Option<bool>>());
    let times = (of(any_time()), of(any_time()));
    (any_guid(), any_guid(), texts, numbers, times).prop_map(
        |(id, sku, (commerce_id, part_number, status), (seats, is_trial), (created, next))| {
            Subscription {
                id: SubscriptionId(id),
                commerce_id,
                sku_id: SkuId(sku),
                part_number,
                status,
                seats,
                is_trial,
                created_at: created,
                next_change_at: next,
            }
        },
    )
}

fn any_standing(dataset: Dataset) -> impl Strategy<Value = Standing> {
    let what = prop_oneof![
        any_numbered::<Period>().prop_map(Fetched::Period),
        any_date().prop_map(Fetched::Day),
        Just(Fetched::Whole),
    ];
    let fetch = (what, any_time(), of(any_date()), of(any_text())).prop_map(
        |(what, at, reported_on, etag)| Fetch {
            what,
            at,
            reported_on,
            etag,
        },
    );
    let span = (any_time(), any_time()).prop_map(|(from, until)| Span { from, until });
    let former = (any_text(), any_guid(), any_time()).prop_map(|(name, id, until)| FormerName {
        name,
        object_id: ObjectId(id),
        until,
    });
    let groups = prop::collection::vec(any_guid().prop_map(ObjectId), 0..4);
    let absent = (any_guid(), groups, any_time()).prop_map(|(id, groups, since)| AbsentMember {
        memberships: Memberships {
            object_id: ObjectId(id),
            groups,
        },
        since,
    });
    let lists = (
        prop::collection::vec(fetch, 0..4),
        prop::collection::vec(span, 0..4),
        prop::collection::vec(any::<u64>(), 0..4),
        prop::collection::vec(former, 0..4),
        prop::collection::vec(absent, 0..4),
        of(any_date()),
        of(any_time()),
    );
    (
        of(any_time()),
        any::<u64>(),
        of(any_time()),
        any::<bool>(),
        of(any_text()),
        any::<bool>(),
        lists,
    )
        .prop_map(
            move |(as_of, rows, whole_at, has_gaps, delta_link, is_concealed, lists)| {
                let (fetches, covered, recent, former_names, absent_members, reaches, names_since) =
                    lists;
                Standing {
                    dataset,
                    as_of,
                    rows,
                    whole_at,
                    has_gaps,
                    delta_link,
                    is_concealed,
                    fetches,
                    reaches,
                    covered,
                    recent,
                    former_names,
                    absent_members,
                    names_since,
                }
            },
        )
}

//! Whether a user is in use: the rule, as a function of what was read and when.
//!
//! To call somebody inactive who is not costs more trust than an unused seat costs money. So activity
//! counts wherever it shows, and silence only where everything that would show it was read of late: with
//! a row of the user, or in a report that had lost nobody's.
//!
//! Microsoft's last day of activity in Exchange is taken as given. It moves when a rule or a delegate
//! works in the mailbox; mail that merely arrives is counted elsewhere and does not move it.

use jiff::Timestamp;
use jiff::civil::Date;

use super::day::{self, Day};
use super::policy::Policy;
use super::standing::Standing;
use super::sync_run::Dataset;
use super::usage::{ActivityState, Metric, Workload};

/// Some of the workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Workloads(u8);

impl Workloads {
    /// The same and those of a list.
    pub fn and(self, others: &[Workload]) -> Self {
        let bits = others.iter().map(|workload| 1 << *workload as u8);
        Self(bits.fold(self.0, |bits, bit| bits | bit))
    }

    /// Those of both.
    pub fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether each of these is among others.
    pub fn are_all_in(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether a workload is among them.
    pub fn has(self, workload: Workload) -> bool {
        self.0 & (1 << workload as u8) != 0
    }

    /// Those that are among others too.
    pub fn among(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that are not among others.
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

/// What the newest answers of the workloads' reports have of one user: a row, or perhaps one that was
/// lost. Else the user was in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reported {
    /// A row.
    pub told: Workloads,
    /// See [`Usage::is_left_out`](super::usage::Usage::is_left_out).
    pub left_out: Workloads,
}

/// What is known of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The last day of activity, at the place of each [`Workload`].
    pub last_active_on: [Option<Day>; 7],
    /// The last successful sign-in.
    pub succeeded_on: Option<Day>,
    /// Somebody tried to sign in as the user, at any time.
    pub was_attempted: bool,
    /// The workloads that the user's licenses open.
    pub licensed: Workloads,
    /// What the reports have of the user.
    pub reported: Reported,
}

impl Evidence {
    /// The latest day on which a workload or a successful sign-in shows the user.
    pub fn last_seen_on(&self) -> Option<Day> {
        let workloads = self.last_active_on.into_iter().flatten();
        workloads.chain(self.succeeded_on).max()
    }

    fn was_ever_seen(&self) -> bool {
        self.last_seen_on().is_some() || self.was_attempted
    }
}

/// What shows anybody at all in a tenant: of what shows nobody, no age is ever measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// Somebody has a day of activity in these.
    pub workloads: Workloads,
    /// Somebody has a successful sign-in.
    pub sign_ins: bool,
}

/// From where ages are measured in one tenant, and whose silence counts.
///
/// Two that are equal judge everybody alike: while every report is fresh, the passing of time changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// The day from which activity is measured, at the place of each [`Workload`]; 0 where nobody
    /// has any.
    measured_from: [i64; 7],
    /// The workloads of which a row tells of late, so that no activity in it means none.
    fresh: Workloads,
    /// The workloads whose report was whole of late, so that nobody without a row was active.
    reached: Workloads,
    /// The day from which sign-ins are measured; 0 where nobody has one.
    sign_ins_from: i64,
    sign_ins: SignIns,
    /// Whoever shows no activity for so many days is no longer active.
    inactive_after_days: i64,
}

/// What the directory says of sign-ins in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignIns {
    /// It was never read.
    Unread,
    /// It was read, and has no successful sign-in of anybody.
    Silent,
    /// It has some, as they were when it was read too long ago.
    Stale,
    /// It has some.
    Fresh,
}

impl Horizon {
    /// The horizon at a time, by what is known of the tenant's datasets and what the operator decides.
    pub fn new<'a>(
        now: Timestamp,
        standing: impl Fn(Dataset) -> Option<&'a Standing>,
        shown: Shown,
        policy: &Policy,
    ) -> Self {
        let policy = policy.settings();
        let days_max = |dataset| i64::from(policy.freshness.days_max(dataset));
        let today = day::number_of_instant(now);
        let (mut fresh, mut reached) = (Workloads::default(), Workloads::default());
        let measured_from = Workload::ALL.map(|workload| {
            let report = standing(workload.dataset()).filter(|report| !report.is_concealed);
            let is_recent = |on: &i64| today - on <= days_max(workload.dataset());
            let of_late = |on: Option<Date>| on.map(day::number).filter(is_recent);
            let anchor = report.and_then(|report| of_late(report.reported_on(None)));
            if anchor.is_some() {
                fresh = fresh.and(&[workload]);
            }
            if report.is_some_and(|report| of_late(report.reaches).is_some()) {
                reached = reached.and(&[workload]);
            }
            let is_shown = Workloads::default()
                .and(&[workload])
                .are_all_in(shown.workloads);
            anchor.unwrap_or(today) * i64::from(is_shown)
        });
        let read_on = standing(Dataset::SignInActivity)
            .and_then(|standing| standing.as_of)
            .map(day::number_of_instant);
        let fresh_on =
            read_on.filter(|read_on| today - read_on <= days_max(Dataset::SignInActivity));
        Self {
            measured_from,
            fresh,
            reached,
            sign_ins_from: fresh_on.unwrap_or(today) * i64::from(shown.sign_ins),
            sign_ins: match (read_on, fresh_on, shown.sign_ins) {
                (None, _, _) => SignIns::Unread,
                (Some(_), _, false) => SignIns::Silent,
                (Some(_), None, true) => SignIns::Stale,
                (Some(_), Some(_), true) => SignIns::Fresh,
            },
            inactive_after_days: policy.inactive_after_days.into(),
        }
    }

    /// Judges one user.
    pub fn judge(&self, evidence: &Evidence) -> ActivityState {
        if self.shows_use(evidence) {
            return ActivityState::Active;
        }
        let never_or_inactive = match evidence.was_ever_seen() {
            true => ActivityState::Inactive,
            false => ActivityState::NeverActive,
        };
        if evidence.licensed.is_empty() {
            // No report has to show this user: only sign-ins would.
            return match self.sign_ins {
                SignIns::Fresh => never_or_inactive,
                SignIns::Unread | SignIns::Silent | SignIns::Stale => ActivityState::Unknown,
            };
        }
        if !evidence
            .licensed
            .are_all_in(self.telling_of(evidence.reported))
        {
            return ActivityState::Unknown;
        }
        match (self.sign_ins, never_or_inactive) {
            // That it says nothing of anybody makes it doubtful: "never" cannot be told.
            (SignIns::Silent, ActivityState::NeverActive) => ActivityState::Unknown,
            _ => never_or_inactive,
        }
    }

    /// Whether a workload's silence about a user counts.
    pub fn tells_of(&self, workload: Workload, reported: Reported) -> bool {
        self.telling_of(reported).has(workload)
    }

    /// Whether the directory's silence about a user's sign-ins counts.
    pub fn tells_of_sign_ins(&self) -> bool {
        self.sign_ins == SignIns::Fresh
    }

    /// Whether some workload shows that the user is in use, and not a sign-in alone.
    pub fn shows_work(&self, evidence: &Evidence) -> bool {
        let mut workloads = evidence.last_active_on.into_iter().zip(self.measured_from);
        workloads.any(|(on, from)| self.is_recent(on, from))
    }

    /// The workloads whose silence about a user counts.
    fn telling_of(&self, Reported { told, left_out }: Reported) -> Workloads {
        let absent = self.reached.without(told).without(left_out);
        told.among(self.fresh).or(absent)
    }

    fn shows_use(&self, evidence: &Evidence) -> bool {
        self.shows_work(evidence) || self.is_recent(evidence.succeeded_on, self.sign_ins_from)
    }

    fn is_recent(&self, on: Option<Day>, from: i64) -> bool {
        on.is_some_and(|on| from - on.number() < self.inactive_after_days)
    }
}

/// Where the report of active users has a workload's last day of activity, beside the workload's own
/// report.
pub fn active_users_metric(workload: Workload) -> Option<Metric> {
    match workload {
        Workload::Outlook => Some(Metric::ExchangeOn),
        Workload::Teams => Some(Metric::TeamsOn),
        Workload::OneDrive => Some(Metric::OneDriveOn),
        Workload::SharePoint => Some(Metric::SharePointOn),
        Workload::VivaEngage => Some(Metric::YammerOn),
        Workload::Apps | Workload::Copilot => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::policy::PolicySettings;
    use crate::domain::standing::{Fetch, Fetched};
    use crate::domain::usage::Period;

    const ACTIVE: ActivityState = ActivityState::Active;
    const INACTIVE: ActivityState = ActivityState::Inactive;
    const NEVER: ActivityState = ActivityState::NeverActive;
    const UNKNOWN: ActivityState = ActivityState::Unknown;

    /// 2026-11-23, at noon.
    const TODAY: i64 = 20_780;

    fn instant(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400 + 43_200).unwrap()
    }

    fn date(days_ago: i64) -> Date {
        day::date(TODAY - days_ago).unwrap()
    }

    /// A tenant whose reports tell up to so many days ago, and whose sign-ins were read so many.
    #[derive(Clone)]
    struct Tenant {
        /// `None`: not read.
        reports: [Option<i64>; 7],
        /// How many days before that the report was last whole; `None`: never.
        whole: Option<i64>,
        concealed: Option<Workload>,
        sign_ins: Option<i64>,
        has_sign_ins: bool,
        policy: Policy,
    }

    fn fresh() -> Tenant {
        Tenant {
            reports: [Some(2); 7],
            whole: Some(0),
            concealed: None,
            sign_ins: Some(0),
            has_sign_ins: true,
            policy: Policy::default(),
        }
    }

    fn horizon(tenant: &Tenant) -> Horizon {
        let report = |workload: Workload| {
            let on = tenant.reports[workload as usize]?;
            let fetch = |period, reported_on| Fetch {
                what: Fetched::Period(period),
                at: instant(TODAY),
                reported_on: Some(reported_on),
                etag: None,
            };
            Some(Standing {
                as_of: Some(instant(TODAY)),
                is_concealed: tenant.concealed == Some(workload),
                reaches: tenant.whole.map(|days| date(on + days)),
                fetches: vec![
                    fetch(Period::D180, date(on)),
                    fetch(Period::D7, date(on + 3)),
                ],
                ..Standing::new(workload.dataset())
            })
        };
        let mut standings: Vec<Standing> = Workload::ALL.into_iter().filter_map(report).collect();
        standings.extend(tenant.sign_ins.map(|days| Standing {
            as_of: Some(instant(TODAY - days)),
            ..Standing::new(Dataset::SignInActivity)
        }));
        let standing = |dataset| {
            standings
                .iter()
                .find(|standing| standing.dataset == dataset)
        };
        Horizon::new(
            instant(TODAY),
            standing,
            shown(tenant.has_sign_ins),
            &tenant.policy,
        )
    }

    fn shown(sign_ins: bool) -> Shown {
        Shown {
            workloads: Workloads::default().and(&Workload::ALL),
            sign_ins,
        }
    }

    fn days_ago(days: i64) -> Option<Day> {
        Day::numbered(TODAY - days)
    }

    fn nobody() -> Evidence {
        Evidence::default()
    }

    fn used(workload: Workload, days: i64) -> Evidence {
        let mut evidence = nobody();
        evidence.last_active_on[workload as usize] = days_ago(days);
        evidence
    }

    fn signed_in(days: i64) -> Evidence {
        Evidence {
            succeeded_on: days_ago(days),
            ..nobody()
        }
    }

    fn attempted() -> Evidence {
        Evidence {
            was_attempted: true,
            ..nobody()
        }
    }

    fn licensed(workloads: &[Workload], evidence: Evidence) -> Evidence {
        Evidence {
            licensed: Workloads::default().and(workloads),
            ..evidence
        }
    }

    #[track_caller]
    fn check(tenant: &Tenant, evidence: Evidence, state: ActivityState) {
        assert_eq!(horizon(tenant).judge(&evidence), state);
    }

    #[test]
    fn a_user_is_active_until_ninety_days_before_the_day_up_to_which_the_report_tells() {
        for workload in Workload::ALL {
            let user = |days| licensed(&[workload], used(workload, days));
            check(&fresh(), user(0), ACTIVE); // Another report may tell of a later day.
            check(&fresh(), user(2), ACTIVE);
            check(&fresh(), user(2 + 89), ACTIVE);
            check(&fresh(), user(2 + 90), INACTIVE);
            check(&fresh(), user(4000), INACTIVE);
        }
    }

    #[test]
    fn use_of_any_workload_is_activity_whether_licensed_or_not() {
        let mail = &[Workload::Outlook];
        check(
            &fresh(),
            licensed(mail, used(Workload::Copilot, 10)),
            ACTIVE,
        );
        check(&fresh(), used(Workload::Copilot, 10), ACTIVE);
        check(&fresh(), used(Workload::Copilot, 100), INACTIVE);
    }

    #[test]
    fn a_successful_sign_in_is_measured_from_when_sign_ins_were_read() {
        let mail = &[Workload::Outlook];
        let read = |days| Tenant {
            sign_ins: Some(days),
            ..fresh()
        };
        check(&read(0), licensed(mail, signed_in(89)), ACTIVE);
        check(&read(0), licensed(mail, signed_in(90)), INACTIVE);
        check(&read(7), licensed(mail, signed_in(96)), ACTIVE);
        check(&read(7), licensed(mail, signed_in(97)), INACTIVE);
        // Read longer ago, from now.
        check(&read(8), licensed(mail, signed_in(89)), ACTIVE);
        check(&read(8), licensed(mail, signed_in(90)), INACTIVE);
    }

    #[test]
    fn one_licensed_workload_that_is_not_fresh_makes_silence_mean_nothing() {
        let both = [Workload::Outlook, Workload::Teams];
        let teams = |on| {
            let mut tenant = fresh();
            tenant.reports[Workload::Teams as usize] = on;
            tenant
        };
        let silent = licensed(&both, used(Workload::Outlook, 200));
        check(&teams(Some(7)), silent, INACTIVE);
        check(&teams(Some(8)), silent, UNKNOWN);
        check(&teams(None), silent, UNKNOWN);
        let concealed = Tenant {
            concealed: Some(Workload::Teams),
            ..fresh()
        };
        check(&concealed, silent, UNKNOWN);
        // A workload that the user has no license for need not be fresh.
        let mail_only = licensed(&[Workload::Outlook], used(Workload::Outlook, 200));
        check(&teams(None), mail_only, INACTIVE);
    }

    #[test]
    fn silence_about_a_user_counts_where_the_report_has_not_lost_the_row() {
        let mail = Workloads::default().and(&[Workload::Outlook]);
        let both = [Workload::Outlook, Workload::Teams];
        let whole = |days| Tenant {
            whole: days,
            ..fresh()
        };
        let user = |reported| Evidence {
            reported,
            ..licensed(&[Workload::Outlook], used(Workload::Outlook, 200))
        };
        let absent = Reported::default();
        let told = Reported {
            told: mail,
            ..absent
        };
        let left_out = Reported {
            left_out: mail,
            ..absent
        };
        // Without a row: as long as the last whole answer is of late.
        check(&whole(Some(5)), user(absent), INACTIVE);
        check(&whole(Some(6)), user(absent), UNKNOWN);
        check(&whole(None), user(absent), UNKNOWN);
        check(&whole(None), licensed(&both, nobody()), UNKNOWN);
        // With a row: as long as the report is, whole or not.
        check(&whole(None), user(told), INACTIVE);
        let mut stale = whole(Some(0));
        stale.reports[Workload::Outlook as usize] = Some(8);
        check(&stale, user(told), UNKNOWN);
        // With a row that may have been lost: never, but activity counts as ever.
        check(&whole(Some(0)), user(left_out), UNKNOWN);
        let active = Evidence {
            reported: left_out,
            ..licensed(&[Workload::Outlook], used(Workload::Outlook, 80))
        };
        check(&whole(Some(0)), active, ACTIVE);
        // One workload does not speak for another.
        let of_two = Evidence {
            reported: told,
            ..licensed(&both, used(Workload::Outlook, 200))
        };
        check(&whole(None), of_two, UNKNOWN);
        check(&whole(Some(0)), of_two, INACTIVE);
        let concealed = Tenant {
            concealed: Some(Workload::Outlook),
            ..fresh()
        };
        check(&concealed, user(absent), UNKNOWN);
    }

    #[test]
    fn the_report_of_apps_may_be_two_weeks_old() {
        let apps = |days| {
            let mut tenant = fresh();
            tenant.reports[Workload::Apps as usize] = Some(days);
            tenant
        };
        let silent = licensed(&[Workload::Apps], used(Workload::Apps, 300));
        check(&apps(14), silent, INACTIVE);
        check(&apps(15), silent, UNKNOWN);
    }

    #[test]
    fn a_stale_report_shows_activity_measured_from_now() {
        let mut stale = fresh();
        stale.reports[Workload::Teams as usize] = Some(40);
        let user = |days| licensed(&[Workload::Teams], used(Workload::Teams, days));
        check(&stale, user(89), ACTIVE);
        check(&stale, user(90), UNKNOWN);
    }

    #[test]
    fn only_who_was_never_seen_anywhere_was_never_active() {
        let mail = &[Workload::Outlook];
        check(&fresh(), licensed(mail, nobody()), NEVER);
        check(&fresh(), licensed(mail, attempted()), INACTIVE);
        check(&fresh(), licensed(mail, signed_in(2000)), INACTIVE);
        check(
            &fresh(),
            licensed(mail, used(Workload::Teams, 2000)),
            INACTIVE,
        );
        let unread = Tenant {
            sign_ins: None,
            has_sign_ins: false,
            ..fresh()
        };
        check(&unread, licensed(mail, nobody()), NEVER);
        check(
            &unread,
            licensed(mail, used(Workload::Outlook, 100)),
            INACTIVE,
        );
        let silent = Tenant {
            has_sign_ins: false,
            ..fresh()
        };
        check(&silent, licensed(mail, nobody()), UNKNOWN);
    }

    #[test]
    fn whom_no_report_has_to_show_is_judged_by_sign_ins_alone() {
        check(&fresh(), nobody(), NEVER);
        check(&fresh(), signed_in(100), INACTIVE);
        check(&fresh(), signed_in(10), ACTIVE);
        check(&fresh(), attempted(), INACTIVE);
        let unread = Tenant {
            sign_ins: None,
            ..fresh()
        };
        let silent = Tenant {
            has_sign_ins: false,
            ..fresh()
        };
        let stale = Tenant {
            sign_ins: Some(8),
            ..fresh()
        };
        for tenant in [unread, silent, stale] {
            check(&tenant, nobody(), UNKNOWN);
            check(&tenant, used(Workload::Outlook, 100), UNKNOWN);
            check(&tenant, used(Workload::Outlook, 10), ACTIVE);
        }
    }

    #[test]
    fn while_everything_is_fresh_another_day_changes_nothing() {
        let standing = Standing {
            fetches: vec![Fetch {
                what: Fetched::Whole,
                at: instant(TODAY),
                reported_on: Some(date(2)),
                etag: None,
            }],
            reaches: Some(date(2)),
            as_of: Some(instant(TODAY)),
            ..Standing::new(Dataset::SignInActivity)
        };
        let judged_on = |day| {
            Horizon::new(
                instant(day),
                |_| Some(&standing),
                shown(true),
                &Policy::default(),
            )
        };
        assert_eq!(judged_on(TODAY), judged_on(TODAY + 5));
        assert_ne!(
            judged_on(TODAY),
            judged_on(TODAY + 6),
            "the reports are 8 days old"
        );
        let of_nothing =
            |day| Horizon::new(instant(day), |_| None, Shown::default(), &Policy::default());
        assert_eq!(of_nothing(TODAY), of_nothing(TODAY + 500));
    }

    #[test]
    fn the_operator_decides_how_long_silence_is_and_how_old_a_report_may_be() {
        let lenient = |inactive_after_days, reports_days| {
            let mut settings = PolicySettings {
                inactive_after_days,
                ..PolicySettings::default()
            };
            settings.freshness.reports_days = reports_days;
            Tenant {
                policy: Policy::new(settings).unwrap(),
                ..fresh()
            }
        };
        let silent = licensed(&[Workload::Teams], used(Workload::Teams, 2 + 60));
        check(&lenient(60, 7), silent, INACTIVE);
        check(&lenient(61, 7), silent, ACTIVE);
        check(&lenient(60, 2), silent, INACTIVE);
        check(&lenient(60, 1), silent, UNKNOWN);
        assert_ne!(horizon(&lenient(60, 7)), horizon(&lenient(61, 7)));
    }

    proptest! {
        #[test]
        fn more_activity_never_makes_anybody_less_active(
            reports in prop::array::uniform7(prop::option::of(0..20i64)),
            sign_ins in prop::option::of(0..20i64),
            has_sign_ins: bool,
            days in prop::array::uniform7(prop::option::of(0..200i64)),
            succeeded in prop::option::of(0..200i64),
            bits in 0..128u8,
            (told, left_out) in (0..128u8, 0..128u8),
            whole in prop::option::of(0..9i64),
            more in (0..7usize, 0..200i64),
        ) {
            let at = horizon(&Tenant { reports, whole, concealed: None, sign_ins, has_sign_ins, policy: Policy::default() });
            let evidence = Evidence {
                last_active_on: days.map(|days| days.and_then(days_ago)),
                succeeded_on: succeeded.and_then(days_ago),
                was_attempted: false,
                licensed: Workloads(bits),
                reported: Reported { told: Workloads(told & !left_out), left_out: Workloads(left_out) },
            };
            let mut active = evidence;
            let on = &mut active.last_active_on[more.0];
            *on = (*on).max(days_ago(more.1));
            let (before, after) = (at.judge(&evidence), at.judge(&active));
            // Where "never" cannot be told, some activity long ago says at least that it was not so.
            let was_untold = sign_ins.is_some() && !has_sign_ins && !evidence.was_ever_seen();
            let may_become = match before {
                NEVER => vec![NEVER, INACTIVE, ACTIVE],
                UNKNOWN if was_untold => vec![UNKNOWN, INACTIVE, ACTIVE],
                before => vec![before, ACTIVE],
            };
            prop_assert!(may_become.contains(&after), "{before:?} {after:?}");
        }
    }
}

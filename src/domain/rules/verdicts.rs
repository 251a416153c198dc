//! The findings about one user as they come together: one saving a seat.

use std::cell::OnceCell;

use crate::domain::day::Day;
use crate::domain::finding::{
    Confidence, Fact, Finding, FindingKey, Rule, Said, Saving, Source, Threshold,
};
use crate::domain::money::Money;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{ActivityState, MailboxType};

use super::facts::{Held, UsageNumbers, UserFacts};
use super::ground::{Grant, Ground, LicenseGround};

/// The most assignments of one user that are judged; nobody has a third as many.
pub(super) const SEATS_MAX: usize = 64;

/// A user on trial.
pub(super) struct Verdicts<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) user: &'a UserFacts<'a>,
    /// Judged once.
    pub(super) state: ActivityState,
    pub(super) nobodys: Nobodys,
    usage: OnceCell<UsageNumbers>,
    findings: &'a mut Vec<Finding>,
    /// Where the findings about this user begin.
    start: usize,
    /// Seats whose saving some finding carries already.
    pub(super) spoken_for: SeatSet,
    /// Those of them that go whatever their user does.
    pub(super) going_anyway: SeatSet,
    /// Seats that others make superfluous, whoever carries the saving.
    pub(super) dropped: SeatSet,
}

/// Who says that an account is no person's.
#[derive(Clone, Copy)]
pub(super) struct Nobodys {
    /// The mailbox, by its type.
    pub(super) by_mailbox: bool,
    /// The operator.
    pub(super) by_policy: bool,
    /// The directory, by a property that Microsoft calls reserved.
    pub(super) by_flag: bool,
}

impl Nobodys {
    fn of(ground: &Ground<'_>, user: &UserFacts<'_>) -> Self {
        let mut names = ground.policy.shared_accounts.iter();
        Self {
            by_mailbox: match user.mailbox_type {
                Some(
                    MailboxType::Shared
                    | MailboxType::Room
                    | MailboxType::Equipment
                    | MailboxType::Scheduling,
                ) => true,
                Some(MailboxType::User | MailboxType::Unknown) | None => false,
            },
            by_policy: names.any(|name| name.matches_account(user.user_principal_name)),
            by_flag: user.is_resource_account,
        }
    }

    /// Whether anybody says it.
    pub(super) fn is_said(self) -> bool {
        self.by_mailbox || self.by_policy || self.by_flag
    }
}

/// A seat, or an assignment that failed to get one.
#[derive(Clone, Copy)]
pub(super) struct Seat<'a> {
    /// Its place among those of the user.
    pub(super) place: usize,
    pub(super) held: &'a Held<'a>,
    pub(super) grant: &'a Grant,
    pub(super) license: &'a LicenseGround<'a>,
}

/// Some of a user's seats, by place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SeatSet(u64);

impl SeatSet {
    pub(super) fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }

    pub(super) fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What a finding would free.
#[derive(Clone, Copy)]
pub(super) enum Frees {
    /// The whole seat.
    Seat,
    /// So much a month of it.
    Some(Money),
    /// Some of it; how much is not known.
    Unknown,
    /// Nothing: the seat is not at stake.
    Nothing,
}

impl<'a> Verdicts<'a> {
    pub(super) fn new(
        ground: &'a Ground<'a>,
        user: &'a UserFacts<'a>,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Self {
            ground,
            user,
            state: ground.horizon.judge(&user.activity),
            nobodys: Nobodys::of(ground, user),
            usage: OnceCell::new(),
            start: findings.len(),
            findings,
            spoken_for: SeatSet::default(),
            going_anyway: SeatSet::default(),
            dropped: SeatSet::default(),
        }
    }

    /// Every assignment.
    pub(super) fn assignments(&self) -> impl Iterator<Item = Seat<'a>> + use<'a> {
        let ground = self.ground;
        let held = self.user.held.iter().take(SEATS_MAX).enumerate();
        held.filter_map(|(place, held)| {
            Some(Seat {
                place,
                held,
                grant: held.grant,
                license: ground.license(held.grant)?,
            })
        })
    }

    /// Every seat that costs money.
    pub(super) fn paid_seats(&self) -> impl Iterator<Item = Seat<'a>> + use<'a> {
        let assignments = self.assignments();
        assignments.filter(|seat| seat.license.is_paid && seat.grant.state.holds_seat())
    }

    /// The numbers that few rules ask for.
    pub(super) fn usage(&self) -> &UsageNumbers {
        self.usage.get_or_init(|| (self.user.usage)())
    }

    /// Adds a finding. The first about a seat that frees something carries the saving.
    pub(super) fn add(
        &mut self,
        seat: Seat<'_>,
        rule: Rule,
        confidence: Confidence,
        frees: Frees,
        mut facts: Vec<Fact>,
    ) {
        let price = seat.license.rate.map(|rate| rate.monthly());
        let is_primary = !matches!(frees, Frees::Nothing) && !self.spoken_for.has(seat.place);
        let saving = match (is_primary, frees) {
            (false, _) | (true, Frees::Nothing) => Saving::Nothing,
            (true, Frees::Seat) => price.map_or(Saving::Unpriced, Saving::Monthly),
            (true, Frees::Some(money)) => Saving::Monthly(money),
            (true, Frees::Unknown) => Saving::Unpriced,
        };
        if is_primary {
            self.spoken_for.insert(seat.place);
            if !rule.kind().is_by_silence() {
                self.going_anyway.insert(seat.place);
            }
            facts.extend(price.map(|price| Fact {
                said: Said::Price(price),
                source: Source::PriceBook,
                as_of: Day::numbered(self.ground.today),
            }));
        }
        let sku = seat.license.license.sku_id;
        self.findings.push(Finding {
            key: FindingKey::of_seat(rule.kind(), self.user.object_id, sku),
            rule,
            confidence,
            seats: 1,
            saving,
            is_primary,
            facts,
        });
    }

    /// What was found of the user so far.
    pub(super) fn found(&mut self) -> &mut [Finding] {
        self.findings.get_mut(self.start..).unwrap_or_default()
    }

    /// Puts what was found in the order of keys, whatever the order of assignments was.
    pub(super) fn finish(self) {
        if let Some(found) = self.findings.get_mut(self.start..) {
            found.sort_unstable_by_key(|finding| finding.key);
        }
    }

    /// Whether the user is too new for silence to count: by the account, the hiring or the seat.
    pub(super) fn is_in_grace(&self, seat: &Seat<'_>) -> bool {
        let grace = i64::from(self.ground.policy.grace_days);
        let latest = self.latest_beginning(seat);
        latest.is_some_and(|on| self.ground.age(on) <= grace)
    }

    /// The latest of the days on which something about the user and the seat began.
    pub(super) fn latest_beginning(&self, seat: &Seat<'_>) -> Option<Day> {
        let user = self.user;
        user.created_on.max(user.hired_on).max(seat.held.since)
    }

    /// A fact that Microsoft tells in a dataset.
    pub(super) fn told(&self, dataset: Dataset, said: Said) -> Fact {
        Fact {
            said,
            source: Source::Dataset(dataset),
            as_of: self.ground.as_of(dataset),
        }
    }

    /// Since when the account is there and the seat is held.
    pub(super) fn beginnings(&self, seat: &Seat<'_>) -> impl Iterator<Item = Fact> {
        let created = self.user.created_on.map(Said::Created);
        let since = seat.held.since.map(Said::HeldSince);
        let facts = [created, since].into_iter().flatten();
        facts.map(|said| self.told(Dataset::Users, said))
    }
}

/// A number of the policy.
pub(super) fn decided(threshold: Threshold, value: u32) -> Fact {
    Fact {
        said: Said::Threshold(threshold, value),
        source: Source::Policy,
        as_of: None,
    }
}

/// What we say ourselves.
pub(super) fn concluded(said: Said) -> Fact {
    Fact {
        said,
        source: Source::Seatwise,
        as_of: None,
    }
}

//! What every account does from day to day: a function of (seed, account, day), so that nothing is
//! kept, and any sum over days is looked up, not added up. Days are in UTC and count from 1970.

mod apps;
mod deed;
mod happened;
mod year;

use super::person::Kind;
use super::person::Person;
use super::person::SERVICE_ACCOUNT;
pub(crate) use apps::AppsUsed;
pub(crate) use apps::CopilotPlace;
pub(crate) use deed::Deed;
pub(crate) use deed::Workload;
pub(crate) use deed::brings;
pub(crate) use happened::Happened;
use year::Course;
use year::WEEKS;
use year::YEARS;
use year::Year;

use crate::simulator::random::Draws;
use crate::simulator::random::Stream;

/// 2026-10-31: who stopped before the organization was founded, stopped before this day.
pub(crate) const FOUNDED_ON: i64 = 20_757;
const DAY: i64 = 86_400;
/// Nobody stops being active, and no account is disabled, before or after these.
const ALWAYS: i64 = i64::MAX;
const NEVER: i64 = i64::MIN;

/// The life of one account.
pub(crate) struct Life {
    seed: u64,
    index: u64,
    kind: Kind,
    /// The day after it was made: the first one that it can be active on.
    pub(crate) made_on: i64,
    year: &'static Year,
    /// Weeks by which the year is moved, in days.
    shift: i64,
    /// By workload, whether it is licensed.
    licensed: [bool; 7],
    /// By workload, the last day on which it may be active.
    until: [i64; 7],
    /// The last day on which it receives anything.
    ends_on: i64,
}

impl Life {
    /// The life of an account; `disabled_on` is when it was disabled, if that is known.
    pub(crate) fn of(seed: u64, person: &Person, disabled_on: Option<i64>) -> Self {
        let mut draws = Draws::about(seed, Stream::Life, person.index);
        let year = year_of(person.kind, &mut draws);
        let shift = 7 * draws.below(WEEKS) as i64;
        let left_on = FOUNDED_ON - 5 - draws.below(500) as i64;
        let ends_on = match person.is_enabled {
            true => ALWAYS,
            false => disabled_on.unwrap_or(left_on),
        };
        let licensed = Workload::ALL.map(|workload| workload.is_held(person.held));
        let fate = Fate::of(person, &mut draws);
        let until = Workload::ALL.map(|workload| {
            let (never, lapsed) = workload.abstainers();
            let lapsed_on = FOUNDED_ON - 95 - draws.below(400) as i64;
            let luck = draws.below(1000);
            let own = match fate {
                _ if !takes_part(person.kind, workload, licensed[workload as usize]) => NEVER,
                Fate::Eager => ALWAYS,
                Fate::Idle => NEVER,
                Fate::Lapsed(on) => on,
                Fate::Usual if luck < never => NEVER,
                Fate::Usual if luck < never + lapsed => lapsed_on,
                Fate::Usual => ALWAYS,
            };
            own.min(ends_on)
        });
        Self {
            seed,
            index: person.index,
            kind: person.kind,
            made_on: person.since.div_euclid(DAY) + 1,
            year: Year::numbered(year),
            shift,
            licensed,
            until,
            ends_on: ALWAYS,
        }
    }

    /// The same, which ends on the day that the account was removed, if it was.
    pub(crate) fn ending_on(mut self, removed_on: Option<i64>) -> Self {
        let removed_on = removed_on.unwrap_or(ALWAYS);
        self.until = self.until.map(|until| until.min(removed_on));
        self.ends_on = removed_on;
        self
    }

    /// Whether a license brings the workload.
    pub(crate) fn is_licensed(&self, workload: Workload) -> bool {
        self.licensed[workload as usize]
    }

    /// Whether the reports about the workload name the account: by its license, or as a guest who was
    /// seen there.
    pub(crate) fn is_listed(&self, workload: Workload) -> bool {
        self.is_licensed(workload)
            || (self.kind == Kind::Guest && self.until[workload as usize] != NEVER)
    }

    /// How often a deed was done from `first` to `last`, both included.
    pub(crate) fn sum(&self, deed: Deed, first: i64, last: i64) -> u64 {
        let manner = deed.manner();
        let rate = self.rate(deed);
        if rate == 0 {
            return 0;
        }
        let sum = match manner.course {
            Course::Always if !self.is_licensed(manner.workload) => 0,
            Course::Always => self.by_course(Course::Always, first, last, self.ends_on),
            course => self.by_course(course, first, last, self.until[manner.workload as usize]),
        };
        sum * rate
    }

    /// The last day, up to `day`, on which the workload was used; mail that comes in does not count.
    pub(crate) fn latest(&self, workload: Workload, day: i64) -> Option<i64> {
        self.latest_on(workload, workload.course(), day)
    }

    /// Whether the workload was used on that day.
    pub(crate) fn is_active(&self, workload: Workload, day: i64) -> bool {
        self.latest(workload, day) == Some(day)
    }

    /// The last day, up to `day`, on which anything was used.
    pub(crate) fn latest_of_all(&self, day: i64) -> Option<i64> {
        Workload::ALL
            .iter()
            .filter_map(|&workload| self.latest(workload, day))
            .max()
    }

    /// Something that the account keeps for good: below `end`, the same for the same `trait_number`.
    pub(crate) fn trait_below(&self, trait_number: u64, end: u64) -> u64 {
        Draws::about(self.seed, Stream::Trait, self.index * 64 + trait_number).below(end)
    }

    fn latest_on(&self, workload: Workload, course: Course, day: i64) -> Option<i64> {
        let until = self.until[workload as usize];
        if until == NEVER {
            return None;
        }
        let day = self.year.latest(course, day.min(until) + self.shift)? - self.shift;
        (day >= self.made_on).then_some(day)
    }

    fn by_course(&self, course: Course, first: i64, last: i64, until: i64) -> u64 {
        let (first, last) = (first.max(self.made_on), last.min(until));
        if last < first {
            return 0;
        }
        let sum = self.year.sum(course, first + self.shift, last + self.shift);
        sum.unsigned_abs()
    }

    /// How much of it the account does; 0 if it never does.
    fn rate(&self, deed: Deed) -> u64 {
        let manner = deed.manner();
        let mut draws = Draws::about(self.seed, Stream::Deed, self.index * 64 + deed as u64);
        if self.kind == Kind::Guest && manner.share < 1000 {
            return 0;
        }
        if draws.chance(manner.share) {
            1 + draws.below(manner.range)
        } else {
            0
        }
    }
}

/// What becomes of an account altogether.
enum Fate {
    /// Uses everything, every day.
    Eager,
    Usual,
    /// Was never used.
    Idle,
    /// Was last used before this day.
    Lapsed(i64),
}

impl Fate {
    fn of(person: &Person, draws: &mut Draws) -> Self {
        let lapsed_on = FOUNDED_ON - 95 - draws.below(400) as i64;
        let luck = draws.below(1000);
        match person.kind {
            Kind::Employee if person.index < SERVICE_ACCOUNT + 2 => Self::Eager,
            Kind::Employee if luck < 25 => Self::Idle,
            Kind::Employee if luck < 95 => Self::Lapsed(lapsed_on),
            Kind::Employee => Self::Usual,
            Kind::Guest if luck < 350 => Self::Usual,
            Kind::ServiceAccount if luck < 500 => Self::Usual,
            // Rooms and shared mailboxes only receive.
            _ => Self::Idle,
        }
    }
}

/// Whether an account of this kind uses the workload at all.
fn takes_part(kind: Kind, workload: Workload, is_licensed: bool) -> bool {
    match kind {
        Kind::Guest => matches!(workload, Workload::Teams | Workload::SharePoint),
        Kind::ServiceAccount => is_licensed && workload == Workload::Outlook,
        _ => is_licensed,
    }
}

/// Most people are at work nearly every day; few, and all guests, come by now and then.
fn year_of(kind: Kind, draws: &mut Draws) -> u64 {
    let diligence = match (kind, draws.below(1000)) {
        (Kind::Guest, _) => 7,
        (_, luck @ 0..850) => luck % 5,
        (_, 850..930) => 5,
        (_, 930..980) => 6,
        _ => 7,
    };
    diligence + 8 * draws.below(YEARS / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 42;

    fn lives(count: u64) -> Vec<(Person, Life)> {
        let people = (0..count).map(|index| Person::new(SEED, index));
        let life = |person: Person| {
            let life = Life::of(SEED, &person, None);
            (person, life)
        };
        people.map(life).collect()
    }

    #[test]
    fn a_period_is_the_sum_of_its_days_and_ends_with_the_last_activity() {
        let deeds = [
            Deed::MailRead,
            Deed::MailReceived,
            Deed::Call,
            Deed::EngageLiked,
        ];
        for (person, life) in lives(120) {
            for deed in deeds {
                let days: u64 = (20_600..=20_779).map(|day| life.sum(deed, day, day)).sum();
                assert_eq!(life.sum(deed, 20_600, 20_779), days, "{deed:?}");
            }
            let active: Vec<i64> = (20_600..=20_779)
                .filter(|&day| life.sum(Deed::MailRead, day, day) > 0)
                .collect();
            let latest = life.latest(Workload::Outlook, 20_779);
            match active.last() {
                Some(&day) => assert_eq!(latest, Some(day), "{}", person.index),
                None => assert!(latest.is_none_or(|day| day < 20_600), "{}", person.index),
            }
        }
    }

    #[test]
    fn people_differ_and_some_have_stopped_or_never_began() {
        let lives = lives(2000);
        let holders = lives
            .iter()
            .filter(|(person, life)| {
                person.kind == Kind::Employee
                    && person.is_enabled
                    && life.is_licensed(Workload::Outlook)
            })
            .map(|(_, life)| life.latest(Workload::Outlook, 20_779));
        let (mut recent, mut old, mut never, mut all) = (0, 0, 0, 0);
        for latest in holders {
            all += 1;
            match latest {
                None => never += 1,
                Some(day) if day < 20_779 - 90 => old += 1,
                Some(_) => recent += 1,
            }
        }
        assert!(recent * 100 / all >= 80, "{recent} of {all}");
        assert!(old * 100 / all >= 5, "{old} of {all}");
        assert!(never * 100 / all >= 2, "{never} of {all}");
    }

    #[test]
    fn the_disabled_stop_and_resources_only_receive() {
        let (mut disabled, mut resources) = (0, 0);
        for (person, life) in lives(3000) {
            let latest = life.latest_of_all(30_000);
            let receives = life.sum(Deed::MailReceived, 20_700, 20_779) > 0;
            match person.kind {
                Kind::Employee if !person.is_enabled => {
                    disabled += 1;
                    assert!(latest.is_none_or(|day| day < FOUNDED_ON));
                    assert_eq!(
                        receives,
                        life.is_licensed(Workload::Outlook) && life.made_on <= 20_779
                    );
                }
                Kind::Room | Kind::SharedMailbox => {
                    resources += 1;
                    assert_eq!(latest, None);
                }
                _ => {}
            }
            assert!(latest.is_none_or(|day| day >= life.made_on));
        }
        assert!(disabled > 50 && resources > 20);
    }

    #[test]
    fn an_account_that_is_disabled_stops_on_that_day_and_keeps_its_past() {
        let mut person = Person::new(SEED, 2);
        let before = Life::of(SEED, &person, None);
        person.is_enabled = false;
        let after = Life::of(SEED, &person, Some(20_760));
        assert_eq!(
            before.sum(Deed::MailRead, 20_600, 20_760),
            after.sum(Deed::MailRead, 20_600, 20_760)
        );
        assert!(before.sum(Deed::MailRead, 20_761, 20_790) > 0);
        assert_eq!(after.sum(Deed::MailRead, 20_761, 20_790), 0);
    }

    #[test]
    fn who_was_removed_neither_acts_nor_receives_any_more() {
        let life = || Life::of(SEED, &Person::new(SEED, 2), None);
        let (stays, goes) = (life(), life().ending_on(Some(20_760)));
        for deed in [Deed::MailRead, Deed::MailReceived] {
            let of = |life: &Life, first, last| life.sum(deed, first, last);
            assert_eq!(of(&goes, 20_600, 20_760), of(&stays, 20_600, 20_760));
            assert!(of(&stays, 20_761, 20_790) > 0);
            assert_eq!(of(&goes, 20_761, 20_790), 0, "{deed:?}");
        }
        assert!(goes.latest_of_all(20_790).is_some_and(|day| day <= 20_760));
    }

    #[test]
    fn guests_do_little_and_only_where_they_were_invited() {
        let mut seen = 0;
        for (_, life) in lives(2000)
            .iter()
            .filter(|(person, _)| person.kind == Kind::Guest)
        {
            for workload in Workload::ALL {
                let is_open = matches!(workload, Workload::Teams | Workload::SharePoint);
                assert!(is_open || life.latest(workload, 20_779).is_none());
            }
            let messages = life.sum(Deed::PrivateChatMessage, 20_600, 20_779);
            assert!(messages < 1000, "{messages}");
            seen += u64::from(life.is_listed(Workload::Teams));
        }
        assert!(seen > 20, "{seen}");
    }
}

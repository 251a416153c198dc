//! A log of any length, of which nothing is kept: each entry is worked out from its position, and
//! positions are in the order of time.

use serde_json::Value;

use super::directory_audits;
use super::filter::Filter;
use super::filter::Property;
use super::sign_ins;
use crate::simulator::organization::View;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::usage::Happened;
use crate::simulator::organization::usage::Life;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::world::World;

/// Logs count time in tenths of a microsecond: seven digits of a second.
pub(super) const TICKS: i64 = 10_000_000;
const DAY: i64 = 86_400 * TICKS;
/// An entry that is late arrives within so many seconds.
const LATE_MAX: u64 = 4 * 3600;

/// What a log is made of.
pub(super) struct Log {
    /// As its path and its context call it.
    pub(super) name: &'static str,
    /// Which of the logs it is.
    pub(super) number: usize,
    /// The property that entries are in the order of.
    pub(super) time: &'static str,
    /// What else may be filtered by.
    pub(super) properties: &'static [Property],
    /// Whether it is an error to ask for what is no longer kept.
    pub(super) refuses_older: bool,
    /// At most so many entries on a weekday, by the number of accounts.
    pub(super) entries_a_day: fn(u64) -> u64,
    /// The entry at a moment; `None` is none.
    pub(super) entry: fn(&Ledger, Moment) -> Option<Value>,
}

/// In which order a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// When something may have happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The day since 1970, and which of its entries it is.
    pub(super) position: u64,
    pub(super) day: i64,
    /// Ticks since 1970.
    pub(super) at: i64,
    /// When it is in the log: minutes later, a few times hours.
    arrives_at: i64,
}

/// Entries that are held back: a stretch of positions of each log.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldBack([Option<(u64, u64)>; 2]);

impl HeldBack {
    /// The newest `count` entries of each log.
    pub(crate) fn newest(world: &World, count: usize) -> Self {
        let ledger = Ledger::open(world);
        Self([&sign_ins::LOG, &directory_audits::LOG].map(|log| {
            let everything = Filter::default();
            let mut entries = ledger
                .entries(log, &everything, Order::NewestFirst, None)
                .take(count)
                .map(|(position, _)| position);
            let newest = entries.next()?;
            Some((entries.last().unwrap_or(newest), newest))
        }))
    }

    fn has(&self, log: &Log, position: u64) -> bool {
        self.0[log.number].is_some_and(|(from, to)| (from..=to).contains(&position))
    }
}

/// All that the logs are read from, as it is now.
pub(super) struct Ledger<'a> {
    pub(super) world: &'a World,
    pub(super) view: View<'a>,
    /// Ticks since 1970.
    pub(super) now: i64,
    happened: Happened,
    held_back: HeldBack,
}

impl<'a> Ledger<'a> {
    pub(super) fn open(world: &'a World) -> Self {
        Self {
            world,
            happened: world.happened().clone(),
            held_back: world.held_back().clone(),
            view: world.organization.view(),
            now: (world.now().as_nanosecond() / 100) as i64,
        }
    }

    /// The draws about one moment of a log.
    pub(super) fn draws(&self, stream: Stream, moment: Moment) -> Draws {
        Draws::about(self.world.organization.seed, stream, moment.position)
    }

    /// One of the accounts that were there from the start, and how it lives. Those that are added later
    /// are in no log: entries must not move when somebody comes.
    pub(super) fn somebody(&self, draws: &mut Draws) -> (Person, Life) {
        let organization = &self.world.organization;
        let index = draws.below(organization.founded_with());
        let person = self.view.person_or_former(index);
        let disabled_on = self.happened.disabled.get(&index).copied();
        let life = Life::of(organization.seed, &person, disabled_on);
        let removed_on = self.happened.removed.get(&index).copied();
        (person, life.ending_on(removed_on))
    }

    /// Entries with their positions, from position `first` on if there is one.
    pub(super) fn entries(
        &self,
        log: &'a Log,
        filter: &Filter,
        order: Order,
        first: Option<u64>,
    ) -> impl Iterator<Item = (u64, Value)> {
        let from = filter.from.unwrap_or(i64::MIN).max(self.now - 40 * DAY);
        let to = filter.to.unwrap_or(i64::MAX).min(self.now);
        let begin = first.map_or_else(
            || match order {
                Order::NewestFirst => self.place_at(log, to),
                Order::OldestFirst => self.place_at(log, from),
            },
            |position| ((position >> 32) as i64, position & u64::from(u32::MAX)),
        );
        let places = std::iter::successors(Some(begin), move |&(day, slot)| {
            Some(match order {
                Order::NewestFirst if slot == 0 => (day - 1, self.slots(log, day - 1) - 1),
                Order::NewestFirst => (day, slot - 1),
                Order::OldestFirst if slot + 1 >= self.slots(log, day) => (day + 1, 0),
                Order::OldestFirst => (day, slot + 1),
            })
        });
        places
            .map(move |(day, slot)| self.moment(log, day, slot))
            .take_while(move |moment| match order {
                Order::NewestFirst => moment.at >= from,
                Order::OldestFirst => moment.at <= to,
            })
            .filter(move |moment| (from..=to).contains(&moment.at))
            .filter(move |moment| self.has_arrived(log, *moment))
            .filter_map(move |moment| Some((moment.position, (log.entry)(self, moment)?)))
            .filter(move |(_, entry)| filter.admits(entry))
    }

    fn has_arrived(&self, log: &Log, moment: Moment) -> bool {
        moment.arrives_at <= self.now && !self.held_back.has(log, moment.position)
    }

    /// The day and the entry of that day that is nearest before `at`.
    fn place_at(&self, log: &Log, at: i64) -> (i64, u64) {
        let day = at.div_euclid(DAY);
        let slots = self.slots(log, day);
        let slot = i128::from(at.rem_euclid(DAY)) * i128::from(slots) / i128::from(DAY);
        (day, slot as u64)
    }

    fn moment(&self, log: &Log, day: i64, slot: u64) -> Moment {
        let position = ((day as u64) << 32) | slot;
        let width = DAY / self.slots(log, day).cast_signed();
        let number = position ^ ((log.number as u64) << 31);
        let mut draws = Draws::about(self.world.organization.seed, Stream::Moment, number);
        let within = draws.below(width.unsigned_abs()).cast_signed();
        let at = day * DAY + slot.cast_signed() * width + within;
        let lateness = match draws.below(100) {
            0..3 => draws.below(LATE_MAX),
            _ => 60 + draws.below(600),
        };
        Moment {
            position,
            day,
            at,
            arrives_at: at + lateness.cast_signed() * TICKS,
        }
    }

    /// The most entries that a day has; weekends have few.
    fn slots(&self, log: &Log, day: i64) -> u64 {
        let most = (log.entries_a_day)(self.world.organization.founded_with());
        // 1970-01-01 was a Thursday.
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        if is_weekend { most / 10 + 1 } else { most }
    }
}

/// `2020-03-13T19:15:41.6195833Z`.
pub(super) fn written(ticks: i64) -> String {
    let at = jiff::Timestamp::from_second(ticks.div_euclid(TICKS)).unwrap_or_default();
    let fraction = ticks.rem_euclid(TICKS);
    format!("{}.{fraction:07}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
}

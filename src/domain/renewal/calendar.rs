//! Renewals as a calendar (RFC 5545) that people subscribe to.
//!
//! Each step of the ladder is an event of its own on the day that it begins, and none has an alarm: Google's
//! calendar ignores the alarms of a subscribed calendar, Outlook drops them and Apple's offers to, so an
//! alarm before the renewal would remind nobody, while an event stands in the week in which there is
//! something to do. All are all-day and leave the day free.
//!
//! The id of an event has its day in it: a renewal that moves is another event, and the old one leaves
//! the calendar. So the time of an event never changes, `SEQUENCE` is 0 for good, and nothing has to be
//! remembered of what was told before. No event names a person or an amount of money: the
//! calendars of people are kept where the operator has no say.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Purchase;
use super::lines::Lines;
use super::milestones::{Change, Milestone};
use super::reminder::Reminder;
use crate::domain::day;
use crate::domain::ids::TenantKey;
use crate::domain::terms::TermsPolicy;

/// How often a calendar program may look: as often as tenants are read unless somebody says otherwise.
const LOOK_EVERY: &str = "PT6H";

/// A purchase, as far as the calendar tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Whose.
    pub tenant: &'a TenantKey,
    /// What the license is called.
    pub license: &'a str,
    /// The purchase.
    pub purchase: Purchase<'a>,
    /// Seats of the license that are in use.
    pub assigned: u32,
    /// When the facts were read.
    pub as_of: Timestamp,
}

/// Which calendar, and as of when.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// What calendar programs call it.
    pub name: &'a str,
    /// Whether every event says whose it is.
    pub names_tenants: bool,
    /// The day that it is, in UTC.
    pub today: Date,
    /// What holds for every purchase.
    pub policy: TermsPolicy,
}

/// The calendar as text: the next renewal of each purchase with the steps before it, and the last one
/// as long as its seats may still become fewer.
pub fn write<'a>(heading: Heading<'_>, listed: impl IntoIterator<Item = Listed<'a>>) -> String {
    let mut lines = Lines::default();
    lines.push("BEGIN", "VCALENDAR");
    lines.push("VERSION", "2.0");
    lines.push("PRODID", "-//Seatwise//Renewals//EN");
    lines.push("CALSCALE", "GREGORIAN");
    lines.push_text("NAME", heading.name);
    lines.push_text("X-WR-CALNAME", heading.name);
    lines.push("REFRESH-INTERVAL;VALUE=DURATION", LOOK_EVERY);
    lines.push("X-PUBLISHED-TTL", LOOK_EVERY);
    for own in listed {
        for milestone in milestones(&own, heading) {
            events(&mut lines, heading, &own, milestone);
        }
    }
    lines.push("END", "VCALENDAR");
    lines.into_text()
}

/// The lines of a calendar that tell something. A new reading of the same facts changes only when they
/// were read, which is no reason to fetch the calendar again.
pub fn telling(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split("\r\n");
    lines.filter(|line| !line.starts_with("DTSTAMP:") && !line.starts_with("LAST-MODIFIED:"))
}

fn milestones(own: &Listed<'_>, heading: Heading<'_>) -> impl Iterator<Item = Milestone> + use<> {
    let window = i64::from(heading.policy.reduction_window_days);
    let since = day::date(day::number(heading.today) - window).unwrap_or(heading.today);
    let last = own.purchase.next_milestone(since);
    let next = own.purchase.next_milestone(heading.today);
    let last = last.filter(|last| next.is_none_or(|next| next.on != last.on));
    last.into_iter().chain(next)
}

fn events(lines: &mut Lines, heading: Heading<'_>, own: &Listed<'_>, milestone: Milestone) {
    let whose = match heading.names_tenants {
        true => format!("{}: ", own.tenant),
        false => String::new(),
    };
    let license = own.license;
    for (step, begins) in own.purchase.steps_before(milestone.on) {
        let summary = format!("{whose}{} - {license}", task(step));
        event(lines, own, milestone, (step, begins), (heading, &summary));
    }
    let summary = match milestone.change {
        Change::Renews => format!("{whose}{license} renews"),
        Change::Ends => format!("{whose}{license} ends unless it is renewed"),
        Change::TrialEnds => format!("{whose}The trial of {license} ends"),
        Change::ChangesState => format!("{whose}{license} renews or changes its state"),
    };
    let last = (Reminder::ReductionWindow, milestone.on);
    event(lines, own, milestone, last, (heading, &summary));
}

fn event(
    lines: &mut Lines,
    own: &Listed<'_>,
    milestone: Milestone,
    (step, begins): (Reminder, Date),
    (heading, summary): (Heading<'_>, &str),
) {
    // The calendar ends in the year 9999, and an event there would have no end.
    let Some(ends) = day::date(day::number(begins) + 1) else {
        return;
    };
    let id = format!(
        "{}.{}.{}@{}.seatwise",
        own.purchase.subscription.id,
        basic(milestone.on),
        word(step),
        own.tenant
    );
    let as_of = own.as_of.to_zoned(TimeZone::UTC);
    let as_of = as_of.strftime("%Y%m%dT%H%M%SZ").to_string();
    lines.push("BEGIN", "VEVENT");
    lines.push("UID", &id);
    lines.push("DTSTAMP", &as_of);
    lines.push("LAST-MODIFIED", &as_of);
    lines.push("SEQUENCE", "0");
    lines.push("DTSTART;VALUE=DATE", &basic(begins));
    lines.push("DTEND;VALUE=DATE", &basic(ends));
    lines.push_text("SUMMARY", summary);
    lines.push_text("DESCRIPTION", &description(heading, own, milestone, step));
    lines.push("TRANSP", "TRANSPARENT");
    lines.push("END", "VEVENT");
}

fn description(
    heading: Heading<'_>,
    own: &Listed<'_>,
    Milestone { change, on }: Milestone,
    step: Reminder,
) -> String {
    let subscription = own.purchase.subscription;
    let mut text = match change {
        Change::Renews => format!("Renews on {on}."),
        Change::Ends => format!("Ends on {on} unless it is renewed."),
        Change::TrialEnds => format!("The trial ends on {on}; who uses it loses it then."),
        Change::ChangesState => format!(
            "Microsoft changes its state on {on}, which need not be the renewal: declare its terms."
        ),
    };
    let window = heading.policy.reduction_window_days;
    let closes = day::date(day::number(on) + i64::from(window));
    if let (Reminder::ReductionWindow, true, Some(closes)) = (step, change.is_declared(), closes) {
        text += &format!(" Seats may still become fewer until {closes}.");
    }
    if let Some(seats) = subscription.seats {
        text += &format!("\nSeats bought: {seats}");
    }
    text += &format!("\nSeats of the license in use: {}", own.assigned);
    text += &format!("\nSubscription: {}", subscription.id);
    text
}

/// What to do, as the ladder says.
fn task(step: Reminder) -> &'static str {
    match step {
        Reminder::Review => "Review who needs a seat",
        Reminder::EvidenceFreeze => "Keep the evidence for the renewal",
        Reminder::Decide => "Decide how many seats to renew",
        Reminder::Order => "Order the renewal",
        Reminder::LastCheck => "Last check before the renewal",
        Reminder::ReductionWindow => "Renewal",
    }
}

/// The step in the id of an event; never to be changed.
fn word(step: Reminder) -> &'static str {
    match step {
        Reminder::Review => "review",
        Reminder::EvidenceFreeze => "evidence",
        Reminder::Decide => "decide",
        Reminder::Order => "order",
        Reminder::LastCheck => "check",
        Reminder::ReductionWindow => "renewal",
    }
}

fn basic(day: Date) -> String {
    day.strftime("%Y%m%d").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::samples::{day, subscription, terms};
    use super::*;
    use crate::domain::subscription::Subscription;
    use crate::domain::terms::{Term, Terms};

    fn at(today: &str) -> Heading<'static> {
        Heading {
            name: "Seatwise renewals",
            names_tenants: false,
            today: day(today),
            policy: TermsPolicy::default(),
        }
    }

    fn written(heading: Heading<'_>, subscription: &Subscription, terms: Terms) -> String {
        let tenant = TenantKey::parse("contoso").unwrap();
        let listed = Listed {
            tenant: &tenant,
            license: "Microsoft 365 E3, EEA",
            purchase: Purchase {
                subscription,
                terms,
                rate: None,
            },
            assigned: 88,
            as_of: "2026-03-15T08:30:00.5Z".parse().unwrap(),
        };
        write(heading, [listed])
    }

    fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let lines = text.lines();
        lines.filter_map(|line| line.strip_prefix(name)).collect()
    }

    fn days_of(today: &str, terms: Terms) -> Vec<String> {
        let text = written(at(today), &subscription(1, Some(100)), terms);
        let days = values(&text, "DTSTART;VALUE=DATE:").into_iter();
        days.map(str::to_owned).collect()
    }

    #[test]
    fn a_renewal_is_an_event_with_nothing_left_to_guess() {
        let monthly = terms(Term::Monthly, "2026-03-20");
        let text = written(at("2026-03-15"), &subscription(1, Some(100)), monthly);
        let expected = "BEGIN:VCALENDAR\r\n\
            VERSION:2.0\r\n\
            PRODID:-//Seatwise//Renewals//EN\r\n\
            CALSCALE:GREGORIAN\r\n\
            NAME:Seatwise renewals\r\n\
            X-WR-CALNAME:Seatwise renewals\r\n\
            REFRESH-INTERVAL;VALUE=DURATION:PT6H\r\n\
            X-PUBLISHED-TTL:PT6H\r\n\
            BEGIN:VEVENT\r\n\
            UID:00000000-0000-0000-0000-000000000001.20260320.check@contoso.seatwise\r\n\
            DTSTAMP:20260315T083000Z\r\n\
            LAST-MODIFIED:20260315T083000Z\r\n\
            SEQUENCE:0\r\n\
            DTSTART;VALUE=DATE:20260313\r\n\
            DTEND;VALUE=DATE:20260314\r\n\
            SUMMARY:Last check before the renewal - Microsoft 365 E3\\, EEA\r\n\
            DESCRIPTION:Renews on 2026-03-20.\\nSeats bought: 100\\nSeats of the license \r\n \
             in use: 88\\nSubscription: 00000000-0000-0000-0000-000000000001\r\n\
            TRANSP:TRANSPARENT\r\n\
            END:VEVENT\r\n\
            BEGIN:VEVENT\r\n\
            UID:00000000-0000-0000-0000-000000000001.20260320.renewal@contoso.seatwise\r\n\
            DTSTAMP:20260315T083000Z\r\n\
            LAST-MODIFIED:20260315T083000Z\r\n\
            SEQUENCE:0\r\n\
            DTSTART;VALUE=DATE:20260320\r\n\
            DTEND;VALUE=DATE:20260321\r\n\
            SUMMARY:Microsoft 365 E3\\, EEA renews\r\n\
            DESCRIPTION:Renews on 2026-03-20. Seats may still become fewer until 2026-0\r\n \
            3-27.\\nSeats bought: 100\\nSeats of the license in use: 88\\nSubscription: 0\r\n \
            0000000-0000-0000-0000-000000000001\r\n\
            TRANSP:TRANSPARENT\r\n\
            END:VEVENT\r\n\
            END:VCALENDAR\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn each_step_of_the_ladder_has_its_day_and_the_renewal_is_the_last() {
        let days = days_of("2026-03-15", terms(Term::Annual, "2026-05-14"));
        let expected = [
            "20260114", "20260213", "20260315", "20260414", "20260507", "20260514",
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn a_renewal_stays_while_its_seats_may_still_become_fewer() {
        let annual = terms(Term::Annual, "2026-03-15");
        let renewals = |today| {
            let days = days_of(today, annual);
            days.into_iter().filter(|day| day.ends_with("0315")).count()
        };
        assert_eq!(renewals("2026-03-15"), 1);
        assert_eq!(renewals("2026-03-16"), 2, "the last one and the next");
        assert_eq!(renewals("2026-03-22"), 2);
        assert_eq!(renewals("2026-03-23"), 1);
    }

    #[test]
    fn what_happens_is_said_as_far_as_it_is_known() {
        let summary = |subscription: &Subscription, terms| {
            let text = written(at("2026-03-15"), subscription, terms);
            values(&text, "SUMMARY:").last().unwrap().to_string()
        };
        let changing = Subscription {
            next_change_at: "2026-04-15T00:00:00Z".parse().ok(),
            ..subscription(1, None)
        };
        let told = summary(&changing, Terms::UNKNOWN);
        assert_eq!(told, "Microsoft 365 E3\\, EEA renews or changes its state");
        let trial = Subscription {
            is_trial: Some(true),
            ..changing.clone()
        };
        let told = summary(&trial, Terms::UNKNOWN);
        assert_eq!(told, "The trial of Microsoft 365 E3\\, EEA ends");
        let ending = Terms {
            auto_renews: Some(false),
            ..terms(Term::Annual, "2026-04-15")
        };
        let told = summary(&changing, ending);
        assert_eq!(told, "Microsoft 365 E3\\, EEA ends unless it is renewed");
    }

    #[test]
    fn a_calendar_of_several_tenants_says_whose_each_event_is() {
        let heading = Heading {
            names_tenants: true,
            ..at("2026-03-15")
        };
        let monthly = terms(Term::Monthly, "2026-03-20");
        let text = written(heading, &subscription(1, None), monthly);
        let summaries = values(&text, "SUMMARY:");
        assert!(summaries.iter().all(|own| own.starts_with("contoso: ")));
    }

    #[test]
    fn another_reading_of_the_same_facts_tells_the_same() {
        let monthly = terms(Term::Monthly, "2026-03-20");
        let text = written(at("2026-03-15"), &subscription(1, None), monthly);
        let later = text.replace("T083000Z", "T143000Z");
        assert_ne!(text, later);
        assert!(telling(&text).eq(telling(&later)));
        let more = text.replace("in use: 88", "in use: 89");
        assert!(!telling(&text).eq(telling(&more)));
    }

    proptest! {
        #[test]
        fn a_calendar_is_sound_whatever_the_days(
            renews in 0i64..2_932_896,
            today in 0i64..2_932_896,
            term in prop::sample::select(vec![Term::Monthly, Term::Annual, Term::ThreeYears, Term::Unknown]),
        ) {
            let renews_on = day::date(renews);
            let terms = Terms { renews_on, ..terms(term, "") };
            let heading = Heading { today: day::date(today).unwrap(), ..at("2026-03-15") };
            let text = written(heading, &subscription(1, Some(5)), terms);
            let ids = values(&text, "UID:");
            prop_assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
            let counted = |line: &str| text.lines().filter(|own| *own == line).count();
            prop_assert_eq!(counted("BEGIN:VEVENT"), ids.len());
            prop_assert_eq!(counted("END:VEVENT"), ids.len());
            prop_assert!(values(&text, "DTSTART;VALUE=DATE:").iter().all(|day| day.len() == 8));
            prop_assert!(text.split("\r\n").all(|line| line.len() <= 75));
        }
    }
}

//! What people do in Viva Engage, which the reports still call Yammer.

use super::report::Report;
use super::report::line_of;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use super::table::day;
use crate::simulator::organization::usage::Deed;
use crate::simulator::organization::usage::Workload;

pub(super) const ACTIVITY: Report = Report::of(
    "getYammerActivityUserDetail",
    &[Workload::Engage],
    |subject| line_of(subject, Workload::Engage),
    COLUMNS,
);

#[rustfmt::skip] // One line a column.
const COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Display Name", |line| line.display_name()),
    ("User State", |line| state(line).map_or(Cell::Blank, |(state, _)| Cell::Word(state))),
    ("State Change Date", |line| day(state(line).map(|(_, since)| since))),
    ("Last Activity Date", |line| line.last(Workload::Engage)),
    ("Posted Count", |line| line.count(Deed::EngagePosted)),
    ("Read Count", |line| line.count(Deed::EngageRead)),
    ("Liked Count", |line| line.count(Deed::EngageLiked)),
    ("Assigned Products", |line| line.assigned_products()),
    ("Report Period", |line| line.period()),
];

/// The state and since when; nobody has one before the first visit.
fn state(line: &Line) -> Option<(&'static str, i64)> {
    let subject = line.subject;
    let life = &subject.life;
    if let Some(deleted_on) = subject.deleted_on {
        return Some(("deleted", deleted_on));
    }
    let visited_on = life.latest(Workload::Engage, line.asked.refreshed_on)?;
    Some(match subject.person.is_enabled {
        true => ("active", life.made_on),
        false => ("suspended", visited_on + 1),
    })
}

//! What people do in Teams. The order of the columns is that of the wire, not that of the manual; it
//! is the only report with object ids.

use super::report::Report;
use super::report::line_of;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use super::table::yes;
use crate::simulator::organization::usage::Deed;
use crate::simulator::organization::usage::Workload;

pub(super) const ACTIVITY: Report = Report::of(
    "getTeamsUserActivityUserDetail",
    &[Workload::Teams],
    |subject| line_of(subject, Workload::Teams),
    COLUMNS,
);

#[rustfmt::skip] // One line a column.
const COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Id", |line| line.object_id()),
    ("User Principal Name", |line| line.principal_name()),
    ("Last Activity Date", |line| line.last(Workload::Teams)),
    ("Is Deleted", |line| line.is_deleted()),
    ("Deleted Date", |line| line.deleted_on()),
    ("Assigned Products", |line| line.assigned_products()),
    ("Team Chat Message Count", |line| line.count(Deed::TeamChatMessage)),
    ("Private Chat Message Count", |line| line.count(Deed::PrivateChatMessage)),
    ("Call Count", |line| line.count(Deed::Call)),
    ("Meeting Count", |line| Cell::Number(attended(line))),
    ("Meetings Organized Count", |line| Cell::Number(total(line, ORGANIZED))),
    ("Meetings Attended Count", |line| Cell::Number(attended(line))),
    ("Ad Hoc Meetings Organized Count", |line| line.count(Deed::AdHocOrganized)),
    ("Ad Hoc Meetings Attended Count", |line| line.count(Deed::AdHocAttended)),
    ("Scheduled One-time Meetings Organized Count", |line| line.count(Deed::OneTimeOrganized)),
    ("Scheduled One-time Meetings Attended Count", |line| line.count(Deed::OneTimeAttended)),
    ("Scheduled Recurring Meetings Organized Count", |line| line.count(Deed::RecurringOrganized)),
    ("Scheduled Recurring Meetings Attended Count", |line| line.count(Deed::RecurringAttended)),
    ("Audio Duration", |line| Cell::Span(seconds(line, 0))),
    ("Video Duration", |line| Cell::Span(seconds(line, 1))),
    ("Screen Share Duration", |line| Cell::Span(seconds(line, 2))),
    ("Audio Duration In Seconds", |line| Cell::Number(seconds(line, 0))),
    ("Video Duration In Seconds", |line| Cell::Number(seconds(line, 1))),
    ("Screen Share Duration In Seconds", |line| Cell::Number(seconds(line, 2))),
    ("Has Other Action", |line| yes(line.sum(Deed::ReplyMessage) > 0)),
    ("Urgent Messages", |line| line.count(Deed::UrgentMessage)),
    ("Post Messages", |line| line.count(Deed::PostMessage)),
    ("Tenant Display Name", |line| Cell::Text(line.asked.tenant_name.clone())),
    ("Shared Channel Tenant Display Names", |_| Cell::Blank),
    ("Reply Messages", |line| line.count(Deed::ReplyMessage)),
    ("Is Licensed", |line| yes(line.subject.life.is_licensed(Workload::Teams))),
    ("Report Period", |line| line.period()),
];

const ORGANIZED: [Deed; 3] = [
    Deed::AdHocOrganized,
    Deed::OneTimeOrganized,
    Deed::RecurringOrganized,
];
const ATTENDED: [Deed; 3] = [
    Deed::AdHocAttended,
    Deed::OneTimeAttended,
    Deed::RecurringAttended,
];

fn total(line: &Line, deeds: [Deed; 3]) -> u64 {
    deeds.into_iter().map(|deed| line.sum(deed)).sum()
}

fn attended(line: &Line) -> u64 {
    total(line, ATTENDED)
}

/// Time in calls and meetings: with sound, of that with the camera on, of that sharing the screen.
fn seconds(line: &Line, kind: u64) -> u64 {
    let life = &line.subject.life;
    let longest = [2400, 1500, 400];
    let each = life.trait_below(60 + kind, longest[kind as usize]);
    (line.sum(Deed::Call) + attended(line)) * each
}

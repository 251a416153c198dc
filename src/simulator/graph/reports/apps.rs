//! Microsoft 365 Apps: who used which of them where, and on how many devices they are activated.

use super::report::Arguments;
use super::report::Report;
use super::report::line_of;
use super::subject::Subject;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use super::table::day;
use super::table::truth;
use super::table::yes;
use crate::simulator::organization::usage::Workload;
use crate::simulator::organization::usage::brings;

pub(super) const USAGE: Report = Report::of(
    "getM365AppUserDetail",
    &[Workload::Apps],
    |subject| line_of(subject, Workload::Apps),
    USAGE_COLUMNS,
);

#[rustfmt::skip] // One line a column.
const USAGE_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Last Activation Date", |line| day(activated_on(line))),
    ("Last Activity Date", |line| line.last(Workload::Apps)),
    ("Report Period", |line| line.period()),
    ("Windows", |line| somewhere(line, 0)),
    ("Mac", |line| somewhere(line, 1)),
    ("Mobile", |line| somewhere(line, 2)),
    ("Web", |line| somewhere(line, 3)),
    ("Outlook", |line| something(line, 0)),
    ("Word", |line| something(line, 1)),
    ("Excel", |line| something(line, 2)),
    ("PowerPoint", |line| something(line, 3)),
    ("OneNote", |line| something(line, 4)),
    ("Teams", |line| something(line, 5)),
    ("Outlook (Windows)", |line| used(line, 0, 0)),
    ("Word (Windows)", |line| used(line, 1, 0)),
    ("Excel (Windows)", |line| used(line, 2, 0)),
    ("PowerPoint (Windows)", |line| used(line, 3, 0)),
    ("OneNote (Windows)", |line| used(line, 4, 0)),
    ("Teams (Windows)", |line| used(line, 5, 0)),
    ("Outlook (Mac)", |line| used(line, 0, 1)),
    ("Word (Mac)", |line| used(line, 1, 1)),
    ("Excel (Mac)", |line| used(line, 2, 1)),
    ("PowerPoint (Mac)", |line| used(line, 3, 1)),
    ("OneNote (Mac)", |line| used(line, 4, 1)),
    ("Teams (Mac)", |line| used(line, 5, 1)),
    ("Outlook (Mobile)", |line| used(line, 0, 2)),
    ("Word (Mobile)", |line| used(line, 1, 2)),
    ("Excel (Mobile)", |line| used(line, 2, 2)),
    ("PowerPoint (Mobile)", |line| used(line, 3, 2)),
    ("OneNote (Mobile)", |line| used(line, 4, 2)),
    ("Teams (Mobile)", |line| used(line, 5, 2)),
    ("Outlook (Web)", |line| used(line, 0, 3)),
    ("Word (Web)", |line| used(line, 1, 3)),
    ("Excel (Web)", |line| used(line, 2, 3)),
    ("PowerPoint (Web)", |line| used(line, 3, 3)),
    ("OneNote (Web)", |line| used(line, 4, 3)),
    ("Teams (Web)", |line| used(line, 5, 3)),
];

fn somewhere(line: &Line, platform: usize) -> Cell {
    yes(line.apps().has_platform(platform))
}

fn something(line: &Line, application: usize) -> Cell {
    yes(line.apps().has_application(application))
}

fn used(line: &Line, application: usize, platform: usize) -> Cell {
    yes(line.apps().has(application, platform))
}

pub(super) const ACTIVATIONS: Report = Report {
    arguments: Arguments::Nothing,
    ..Report::of(
        "getOffice365ActivationsUserDetail",
        &[Workload::Apps],
        |subject| clients(subject).count(),
        ACTIVATION_COLUMNS,
    )
};

#[rustfmt::skip] // One line a column.
const ACTIVATION_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Display Name", |line| line.display_name()),
    ("Product Type", |line| clients(line.subject).nth(line.part).map_or(Cell::Blank, Cell::Word)),
    ("Last Activated Date", |line| day(activated_on(line))),
    ("Windows", |line| Cell::Number(devices(line, 0))),
    ("Mac", |line| Cell::Number(devices(line, 1))),
    ("Windows 10 Mobile", |_| Cell::Number(0)),
    ("iOS", |line| Cell::Number(devices(line, 2))),
    ("Android", |line| Cell::Number(devices(line, 3))),
    ("Activated On Shared Computer", |line| truth(line.subject.life.trait_below(7, 100) < 4)),
];

/// Programs that the account may install: a line each.
fn clients(subject: &Subject) -> impl Iterator<Item = &'static str> {
    let held = subject.person.held;
    [
        ("MICROSOFT 365 APPS FOR ENTERPRISE", "OFFICESUBSCRIPTION"),
        ("PROJECT CLIENT", "PROJECT_CLIENT_SUBSCRIPTION"),
        ("VISIO CLIENT", "VISIO_CLIENT_SUBSCRIPTION"),
    ]
    .into_iter()
    .filter(move |&(_, plan)| brings(held, &[plan]))
    .map(|(name, _)| name)
}

/// The day of the last activation; whoever never uses the applications has none, nor who shares computers.
fn activated_on(line: &Line) -> Option<i64> {
    let life = &line.subject.life;
    if life.trait_below(56, 1000) < 60 {
        return None;
    }
    let used_on = life.latest(Workload::Apps, line.asked.refreshed_on)?;
    let ago = life.trait_below(48, 300) as i64;
    Some((used_on - ago).max(life.made_on))
}

/// Of Project and Visio nobody has more than one copy, on Windows.
fn devices(line: &Line, column: usize) -> u64 {
    if activated_on(line).is_none() {
        return 0;
    }
    let [windows, mac, mobile, _] = line.subject.life.devices();
    let is_office =
        clients(line.subject).nth(line.part) == Some("MICROSOFT 365 APPS FOR ENTERPRISE");
    let has_iphone = line.subject.life.trait_below(49, 2) == 0;
    match column {
        0 if is_office => windows,
        0 => windows.min(1),
        1 if is_office => mac,
        2 if is_office && has_iphone => mobile,
        3 if is_office && !has_iphone => mobile,
        _ => 0,
    }
}

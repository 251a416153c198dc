//! Where holders of a Copilot license used it last. This report comes at once, without a redirect.

use super::report::Arguments;
use super::report::Report;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use super::table::day;
use crate::simulator::organization::usage::CopilotPlace;
use crate::simulator::organization::usage::Workload;

pub(super) const USAGE: Report = Report {
    arguments: Arguments::Period,
    ..Report::of(
        "getMicrosoft365CopilotUsageUserDetail",
        &[Workload::Copilot],
        |subject| usize::from(subject.life.is_licensed(Workload::Copilot)),
        COLUMNS,
    )
};

#[rustfmt::skip] // One line a column.
const COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Display Name", |line| line.display_name()),
    ("Last Activity Date", |line| line.last(Workload::Copilot)),
    ("Copilot Chat Last Activity Date", |line| last(line, CopilotPlace::Chat)),
    ("Microsoft Teams Copilot Last Activity Date", |line| last(line, CopilotPlace::Teams)),
    ("Word Copilot Last Activity Date", |line| last(line, CopilotPlace::Word)),
    ("Excel Copilot Last Activity Date", |line| last(line, CopilotPlace::Excel)),
    ("PowerPoint Copilot Last Activity Date", |line| last(line, CopilotPlace::PowerPoint)),
    ("Outlook Copilot Last Activity Date", |line| last(line, CopilotPlace::Outlook)),
    ("OneNote Copilot Last Activity Date", |line| last(line, CopilotPlace::OneNote)),
    ("Loop Copilot Last Activity Date", |line| last(line, CopilotPlace::Loop)),
    ("Report Period", |line| line.period()),
];

fn last(line: &Line, place: CopilotPlace) -> Cell {
    day(line
        .subject
        .life
        .latest_copilot(place, line.asked.refreshed_on))
}

//! Who was last active in which service, and has a license of it since when.

use super::report::Report;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use super::table::day;
use super::table::truth;
use crate::simulator::organization::usage::Workload;
use crate::simulator::organization::usage::brings;

const WORKLOADS: &[Workload] = &[
    Workload::Outlook,
    Workload::OneDrive,
    Workload::SharePoint,
    Workload::Engage,
    Workload::Teams,
];

pub(super) const DETAIL: Report = Report::of(
    "getOffice365ActiveUserDetail",
    WORKLOADS,
    |subject| {
        usize::from(
            WORKLOADS
                .iter()
                .any(|&workload| subject.life.is_listed(workload)),
        )
    },
    COLUMNS,
);

#[rustfmt::skip] // One line a column.
const COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Display Name", |line| line.display_name()),
    ("Is Deleted", |line| line.is_deleted()),
    ("Deleted Date", |line| line.deleted_on()),
    ("Has Exchange License", |line| truth(line.subject.life.is_licensed(Workload::Outlook))),
    ("Has OneDrive License", |line| truth(line.subject.life.is_licensed(Workload::OneDrive))),
    ("Has SharePoint License", |line| truth(line.subject.life.is_licensed(Workload::SharePoint))),
    ("Has Skype For Business License", |line| truth(has_skype(line))),
    ("Has Yammer License", |line| truth(line.subject.life.is_licensed(Workload::Engage))),
    ("Has Teams License", |line| truth(line.subject.life.is_licensed(Workload::Teams))),
    ("Exchange Last Activity Date", |line| line.last(Workload::Outlook)),
    ("OneDrive Last Activity Date", |line| line.last(Workload::OneDrive)),
    ("SharePoint Last Activity Date", |line| line.last(Workload::SharePoint)),
    ("Skype For Business Last Activity Date", |_| Cell::Blank),
    ("Yammer Last Activity Date", |line| line.last(Workload::Engage)),
    ("Teams Last Activity Date", |line| line.last(Workload::Teams)),
    ("Exchange License Assign Date", |line| licensed_on(line, line.subject.life.is_licensed(Workload::Outlook))),
    ("OneDrive License Assign Date", |line| licensed_on(line, line.subject.life.is_licensed(Workload::OneDrive))),
    ("SharePoint License Assign Date", |line| licensed_on(line, line.subject.life.is_licensed(Workload::SharePoint))),
    ("Skype For Business License Assign Date", |line| licensed_on(line, has_skype(line))),
    ("Yammer License Assign Date", |line| licensed_on(line, line.subject.life.is_licensed(Workload::Engage))),
    ("Teams License Assign Date", |line| licensed_on(line, line.subject.life.is_licensed(Workload::Teams))),
    ("Assigned Products", |line| line.assigned_products()),
];

fn has_skype(line: &Line) -> bool {
    brings(line.subject.person.held, &["MCOSTANDARD"])
}

fn licensed_on(line: &Line, is_licensed: bool) -> Cell {
    day(is_licensed.then_some(line.subject.life.made_on))
}

//! What people do with files in OneDrive and on SharePoint sites, and how much room those take.

use super::report::Report;
use super::report::line_of;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use crate::simulator::organization::usage::Deed;
use crate::simulator::organization::usage::Workload;

pub(super) const ONEDRIVE_ACTIVITY: Report = Report::of(
    "getOneDriveActivityUserDetail",
    &[Workload::OneDrive],
    |subject| line_of(subject, Workload::OneDrive),
    ONEDRIVE_COLUMNS,
);

#[rustfmt::skip] // One line a column.
const ONEDRIVE_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Is Deleted", |line| line.is_deleted()),
    ("Deleted Date", |line| line.deleted_on()),
    ("Last Activity Date", |line| line.last(Workload::OneDrive)),
    ("Viewed Or Edited File Count", |line| line.count(Deed::DriveFileViewed)),
    ("Synced File Count", |line| line.count(Deed::DriveFileSynced)),
    ("Shared Internally File Count", |line| line.count(Deed::DriveSharedInternally)),
    ("Shared Externally File Count", |line| line.count(Deed::DriveSharedExternally)),
    ("Assigned Products", |line| line.assigned_products()),
    ("Report Period", |line| line.period()),
];

pub(super) const SHAREPOINT_ACTIVITY: Report = Report::of(
    "getSharePointActivityUserDetail",
    &[Workload::SharePoint],
    |subject| line_of(subject, Workload::SharePoint),
    SHAREPOINT_COLUMNS,
);

#[rustfmt::skip] // One line a column.
const SHAREPOINT_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Is Deleted", |line| line.is_deleted()),
    ("Deleted Date", |line| line.deleted_on()),
    ("Last Activity Date", |line| line.last(Workload::SharePoint)),
    ("Viewed Or Edited File Count", |line| line.count(Deed::SiteFileViewed)),
    ("Synced File Count", |line| line.count(Deed::SiteFileSynced)),
    ("Shared Internally File Count", |line| line.count(Deed::SiteSharedInternally)),
    ("Shared Externally File Count", |line| line.count(Deed::SiteSharedExternally)),
    ("Visited Page Count", |line| line.count(Deed::SitePageVisited)),
    ("Assigned Products", |line| line.assigned_products()),
    ("Report Period", |line| line.period()),
];

pub(super) const ONEDRIVE_USAGE: Report = Report::of(
    "getOneDriveUsageAccountDetail",
    &[Workload::OneDrive],
    |subject| line_of(subject, Workload::OneDrive),
    USAGE_COLUMNS,
);

#[rustfmt::skip] // One line a column.
const USAGE_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("Site Id", site_id),
    ("Site URL", site_url),
    ("Owner Display Name", |line| line.display_name()),
    ("Is Deleted", |line| line.is_deleted()),
    ("Last Activity Date", |line| line.last(Workload::OneDrive)),
    ("File Count", |line| Cell::Number(files(line))),
    ("Active File Count", |line| Cell::Number(files(line).min(line.sum(Deed::DriveFileViewed)))),
    ("Storage Used (Byte)", |line| Cell::Number(files(line) * bytes_per_file(line))),
    ("Storage Allocated (Byte)", |_| Cell::Number(1 << 40)),
    ("Owner Principal Name", |line| line.principal_name()),
    ("Report Period", |line| line.period()),
];

fn site_id(line: &Line) -> Cell {
    let id = line.subject.object_id.as_u128().rotate_left(41);
    let id = match line.asked.shape.conceals_names {
        true => uuid::Uuid::nil(),
        false => uuid::Uuid::from_u128(id),
    };
    Cell::Text(id.to_string())
}

fn site_url(line: &Line) -> Cell {
    if line.asked.shape.conceals_names {
        return Cell::Blank;
    }
    let name = line.subject.principal_name.to_ascii_lowercase();
    let (_, domain) = name.split_once('@').unwrap_or_default();
    let host = domain.split('.').next().unwrap_or_default();
    let path = name.replace(['@', '.', '#'], "_");
    Cell::Text(format!("https://{host}-my.sharepoint.com/personal/{path}"))
}

fn files(line: &Line) -> u64 {
    let life = &line.subject.life;
    let days = (line.asked.refreshed_on - life.made_on).clamp(0, 2000);
    life.trait_below(4, 80) + days.unsigned_abs() * life.trait_below(5, 5)
}

fn bytes_per_file(line: &Line) -> u64 {
    200_000 + line.subject.life.trait_below(6, 2_000_000)
}

//! What people do with mail, and how large their mailboxes are.

use super::report::Arguments;
use super::report::Report;
use super::report::line_of;
use super::subject::Subject;
use super::table::Cell;
use super::table::Column;
use super::table::Line;
use super::table::truth;
use crate::simulator::organization::person::Kind;
use crate::simulator::organization::usage::Deed;
use crate::simulator::organization::usage::Workload;
use crate::simulator::organization::usage::brings;

pub(super) const ACTIVITY: Report = Report::of(
    "getEmailActivityUserDetail",
    &[Workload::Outlook],
    |subject| line_of(subject, Workload::Outlook),
    ACTIVITY_COLUMNS,
);

#[rustfmt::skip] // One line a column.
const ACTIVITY_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Display Name", |line| line.display_name()),
    ("Is Deleted", |line| line.is_deleted()),
    ("Deleted Date", |line| line.deleted_on()),
    ("Last Activity Date", |line| line.last(Workload::Outlook)),
    ("Send Count", |line| line.count(Deed::MailSent)),
    ("Receive Count", |line| line.count(Deed::MailReceived)),
    ("Read Count", |line| line.count(Deed::MailRead)),
    ("Meeting Created Count", |line| line.count(Deed::MeetingCreated)),
    ("Meeting Interacted Count", |line| line.count(Deed::MeetingInteracted)),
    ("Assigned Products", |line| line.assigned_products()),
    ("Report Period", |line| line.period()),
];

pub(super) const MAILBOXES: Report = Report {
    arguments: Arguments::Period,
    ..Report::of(
        "getMailboxUsageDetail",
        &[Workload::Outlook],
        mailboxes,
        MAILBOX_COLUMNS,
    )
};

#[rustfmt::skip] // One line a column.
const MAILBOX_COLUMNS: &[Column] = &[
    ("Report Refresh Date", |line| line.refreshed_on()),
    ("User Principal Name", |line| line.principal_name()),
    ("Display Name", |line| line.display_name()),
    ("Is Deleted", |line| line.is_deleted()),
    ("Deleted Date", |line| line.deleted_on()),
    ("Created Date", |line| Cell::Day(line.subject.life.made_on)),
    ("Last Activity Date", |line| line.last(Workload::Outlook)),
    ("Item Count", |line| Cell::Number(items(line))),
    ("Storage Used (Byte)", |line| Cell::Number(items(line) * item_bytes(line))),
    ("Issue Warning Quota (Byte)", |line| Cell::Number(quota(line) / 100 * 98)),
    ("Prohibit Send Quota (Byte)", |line| Cell::Number(quota(line) / 100 * 99)),
    ("Prohibit Send/Receive Quota (Byte)", |line| Cell::Number(quota(line))),
    ("Deleted Item Count", |line| Cell::Number(items(line) / 17)),
    ("Deleted Item Size (Byte)", |line| Cell::Number(items(line) / 17 * item_bytes(line))),
    ("Deleted Item Quota (Byte)", |_| Cell::Number(30 * GIB)),
    ("Has Archive", |line| truth(has_archive(line))),
    ("Recipient Type", recipient_type),
    ("Report Period", |line| line.period()),
];

const GIB: u64 = 1 << 30;

/// Mailboxes of resources need no license.
fn mailboxes(subject: &Subject) -> usize {
    match subject.person.kind {
        Kind::Room | Kind::SharedMailbox => 1,
        _ => usize::from(subject.life.is_licensed(Workload::Outlook)),
    }
}

fn items(line: &Line) -> u64 {
    let life = &line.subject.life;
    let days = (line.asked.refreshed_on - life.made_on).clamp(0, 1500);
    life.trait_below(0, 400) + days.unsigned_abs() * life.trait_below(1, 16)
}

fn item_bytes(line: &Line) -> u64 {
    30_000 + line.subject.life.trait_below(2, 120_000)
}

fn quota(line: &Line) -> u64 {
    let held = line.subject.person.held;
    let gib = if brings(held, &["EXCHANGE_S_ENTERPRISE"]) {
        100
    } else if brings(held, &["EXCHANGE_S_DESKLESS"]) {
        2
    } else {
        50
    };
    gib * GIB
}

fn has_archive(line: &Line) -> bool {
    brings(line.subject.person.held, &["EXCHANGE_S_ENTERPRISE"])
        && line.subject.life.trait_below(3, 100) < 30
}

fn recipient_type(line: &Line) -> Cell {
    let person = &line.subject.person;
    Cell::Word(match person.kind {
        Kind::SharedMailbox => "Shared",
        Kind::Room if person.display_name().starts_with("Conf Room") => "Room",
        Kind::Room => "Equipment",
        // Tenants differ in how they call the same.
        _ if person.index.is_multiple_of(2) => "UserMailbox",
        _ => "User",
    })
}

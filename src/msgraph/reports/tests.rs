//! Every oddity of Microsoft's reports that is known, one test each.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;
use crate::domain::usage::{Metric, Period};

const EMAIL: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period";
/// As it is on the wire, not as it is documented.
const TEAMS: &str = "Report Refresh Date,User Id,User Principal Name,Last Activity Date,Is Deleted,Deleted Date,Assigned Products,Team Chat Message Count,Private Chat Message Count,Call Count,Meeting Count,Meetings Organized Count,Meetings Attended Count,Audio Duration,Video Duration,Screen Share Duration,Audio Duration In Seconds,Video Duration In Seconds,Screen Share Duration In Seconds,Has Other Action,Urgent Messages,Post Messages,Tenant Display Name,Shared Channel Tenant Display Names,Reply Messages,Is Licensed,Report Period";
const MAILBOX: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Created Date,Last Activity Date,Item Count,Storage Used (Byte),Issue Warning Quota (Byte),Prohibit Send Quota (Byte),Prohibit Send/Receive Quota (Byte),Deleted Item Count,Deleted Item Size (Byte),Deleted Item Quota (Byte),Has Archive,Recipient Type,Report Period";
const ONEDRIVE_USAGE: &str = "Report Refresh Date,Site Id,Site URL,Owner Display Name,Is Deleted,Last Activity Date,File Count,Active File Count,Storage Used (Byte),Storage Allocated (Byte),Owner Principal Name,Report Period";
const VIVA: &str = "Report Refresh Date,User Principal Name,Display Name,User State,State Change Date,Last Activity Date,Posted Count,Read Count,Liked Count,Assigned Products,Report Period";
const APPS: &str = "Report Refresh Date,User Principal Name,Last Activation Date,Last Activity Date,Report Period,Windows,Mac,Mobile,Web,Outlook,Word";
const ACTIVATIONS: &str = "Report Refresh Date,User Principal Name,Display Name,Product Type,Last Activated Date,Windows,Mac,Windows 10 Mobile,iOS,Android,Activated On Shared Computer";
const COPILOT: &str = "Report Refresh Date,User Principal Name,Display Name,Last Activity Date,Copilot Chat Last Activity Date,Microsoft Teams Copilot Last Activity Date,Word Copilot Last Activity Date,Loop Copilot Last Activity Date,Report Period";
const ACTIVE: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Exchange Last Activity Date,Teams Last Activity Date,Skype For Business Last Activity Date,Assigned Products";

const HEX: &str = "0123456789ABCDEF0123456789ABCDEF";
const ANN: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const WEEK: Fetched = Fetched::Period(Period::D7);

fn report(dataset: Dataset, header: &str, rows: &[&str]) -> Result<Report, String> {
    let what = match dataset {
        Dataset::AppsActivations => Fetched::Whole,
        _ => WEEK,
    };
    let text = format!("\u{feff}{header}\r\n{}\r\n", rows.join("\r\n"));
    read_report(dataset, what, text.as_bytes())
}

/// The rows of a report that has nothing else.
#[track_caller]
fn rows(dataset: Dataset, header: &str, rows: &[&str]) -> Vec<ReportRow> {
    let report = report(dataset, header, rows).unwrap();
    assert_eq!(report.quarantined, [], "{rows:?}");
    report.rows
}

#[track_caller]
fn row(dataset: Dataset, header: &str, row: &str) -> ReportRow {
    let [row] = rows(dataset, header, &[row]).try_into().unwrap();
    row
}

/// Why a row is quarantined.
#[track_caller]
fn reason(dataset: Dataset, header: &str, row: &str) -> String {
    let report = report(dataset, header, &[row]).unwrap();
    assert_eq!(report.rows, [], "{row}");
    let [quarantined] = report.quarantined.try_into().unwrap();
    quarantined.reason
}

fn email(line: &str) -> ReportRow {
    row(Dataset::EmailActivity, EMAIL, line)
}

fn named(name: &str) -> ReportKey {
    ReportKey::PrincipalName(name.to_owned())
}

fn day(text: &str) -> Option<Date> {
    Some(text.parse().unwrap())
}

fn days_since_1970(text: &str) -> u64 {
    cells::day_number(text).unwrap().unwrap()
}

#[test]
fn a_whole_row_is_read_past_the_byte_order_mark() {
    let read = email(
        "2026-11-20,Ann.Lee@Contoso.com,Ann Lee,False,,2026-09-30,12,345,67,8,9,MICROSOFT 365 E5+ENTERPRISE MOBILITY + SECURITY E5,7",
    );
    let expected = ReportRow {
        who: named("Ann.Lee@Contoso.com"),
        is_deleted: false,
        last_active_on: day("2026-09-30"),
        values: Values::new([
            (Metric::EmailsSent, 12),
            (Metric::EmailsReceived, 345),
            (Metric::EmailsRead, 67),
            (Metric::MeetingsCreated, 8),
            (Metric::MeetingsInteracted, 9),
        ]),
        mailbox_type: None,
    };
    assert_eq!(read, expected);
}

#[test]
fn a_blank_is_absent_and_a_zero_is_zero() {
    let read = email("2026-11-20,ann@contoso.com,,,,,0,,,,,,7");
    assert_eq!(read.last_active_on, None);
    assert!(!read.is_deleted);
    assert_eq!(read.values, Values::new([(Metric::EmailsSent, 0)]));
}

#[test]
fn columns_are_found_by_name_wherever_and_however_they_are_written() {
    let header = "read count, SEND COUNT ,Something New,\"user principal name\",Send Count,REPORT REFRESH DATE,last activity date ";
    let read = row(
        Dataset::EmailActivity,
        header,
        "1,2,x,ann@contoso.com,9,2026-11-20,2026-11-19",
    );
    assert_eq!(read.last_active_on, day("2026-11-19"));
    assert_eq!(read.who, named("ann@contoso.com"));
    let expected = [(Metric::EmailsSent, 2), (Metric::EmailsRead, 1)];
    assert_eq!(read.values, Values::new(expected));
}

#[track_caller]
fn check_missing(dataset: Dataset, header: &str, column: &str) {
    let error = report(dataset, header, &["2026-11-20,a"]).unwrap_err();
    assert!(error.contains(&format!("\"{column}\"")), "{error}");
}

#[test]
fn a_report_without_its_key_or_date_is_none_and_the_column_is_named() {
    check_missing(
        Dataset::EmailActivity,
        "Report Refresh Date,Send Count",
        "User Principal Name",
    );
    check_missing(
        Dataset::OneDriveUsage,
        "Report Refresh Date,User Principal Name",
        "Owner Principal Name",
    );
    check_missing(
        Dataset::EmailActivity,
        "User Principal Name,Send Count",
        "Report Refresh Date",
    );
    check_missing(
        Dataset::EmailActivity,
        "Error: try again later",
        "Report Refresh Date",
    );
}

#[test]
fn a_report_without_the_day_of_activity_is_none_but_where_it_has_other_days() {
    for (dataset, header) in samples() {
        let without = header.replace("Last Activity Date", "Something New");
        let read = report(dataset, &without, &[]);
        match dataset {
            Dataset::ActiveUsers | Dataset::AppsActivations => assert!(read.is_ok(), "{dataset:?}"),
            _ => check_missing(dataset, &without, "Last Activity Date"),
        }
    }
}

#[test]
fn a_missing_number_column_leaves_blanks() {
    let header = "Report Refresh Date,User Principal Name,Last Activity Date,Read Count";
    let read = row(
        Dataset::EmailActivity,
        header,
        "2026-11-20,ann@contoso.com,2026-11-19,3",
    );
    assert_eq!(read.values, Values::new([(Metric::EmailsRead, 3)]));
    assert_eq!(read.last_active_on, day("2026-11-19"));
}

#[track_caller]
fn check_no_report(bytes: &[u8], word: &str) {
    for dataset in Dataset::REPORTS {
        let error = read_report(dataset, WEEK, bytes).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn what_is_no_report_is_named() {
    check_no_report(b"", "nothing");
    check_no_report(b"\xef\xbb\xbf\r\n", "nothing");
    check_no_report(b"<!DOCTYPE html><html>sign in</html>", "HTML");
    check_no_report(b"\r\n <html>", "HTML");
    check_no_report(b"\xef\xbb\xbf{\"value\":[]}", "JSON");
    check_no_report(b"[]", "JSON");
    check_no_report(b"\x1f\x8b\x08\x00\x00\x00", "compressed");
    check_no_report(b"\x00\xff\xfe\x00garbage", "Report Refresh Date");
    check_no_report(b"\"", "Report Refresh Date");
    assert!(read_report(Dataset::Users, WEEK, EMAIL.as_bytes()).is_err());
}

#[test]
fn a_report_without_rows_knows_no_day() {
    for end in ["", "\n", "\r\n", "\r\n\r\n"] {
        let text = format!("{EMAIL}{end}");
        let read = read_report(Dataset::EmailActivity, WEEK, text.as_bytes()).unwrap();
        assert_eq!(read.reported_on, None);
        assert!(read.rows.is_empty() && read.quarantined.is_empty() && !read.is_concealed);
    }
}

#[test]
fn the_latest_refresh_date_of_all_rows_counts() {
    let lines = ["2026-11-19,a@c", "2026-11-20,b@c", ",c@c", "2026-11-18,d@c"];
    let read = report(Dataset::EmailActivity, EMAIL, &lines).unwrap();
    assert_eq!(read.reported_on, Some(date(2026, 11, 20)));
    assert_eq!(read.rows.len(), 4);
}

#[test]
fn names_may_hold_commas_quotes_and_line_breaks() {
    for name in [
        "\"Vance, Adele\"",
        "\"Ann \"\"The Boss\"\" Lee\"",
        "Ann \"The Boss\" Lee",
        "\"Ann\" Lee",
        "\"Ann\r\nLee\"",
        "\"Ann\n2026-11-20,bob@contoso.com,,,,,9\n\"",
    ] {
        let read = email(&format!(
            "2026-11-20,ann@contoso.com,{name},False,,,5,,,,,,7"
        ));
        assert_eq!(read.who, named("ann@contoso.com"), "{name}");
        assert_eq!(read.values.get(Metric::EmailsSent), Some(5), "{name}");
    }
}

#[test]
fn a_quote_that_is_not_closed_costs_its_own_row() {
    let lines = [
        "2026-11-20,ann@contoso.com,\"Ann,False,,,5,,,,,,7",
        "2026-11-20,bob@contoso.com,\"Bob\",False,,,6,,,,,,7",
        "2026-11-20,cat@contoso.com,Cat,False,,,7,,,,,,7",
    ];
    let read = report(Dataset::EmailActivity, EMAIL, &lines).unwrap();
    let names: Vec<_> = read.rows.iter().map(|row| row.who.clone()).collect();
    assert_eq!(names, [named("bob@contoso.com"), named("cat@contoso.com")]);
    assert_eq!(
        read.quarantined[0].reason,
        "a quote opens and is not closed"
    );
    assert_eq!(read.quarantined.len(), 1);
}

#[test]
fn a_short_row_has_blanks_and_one_without_its_key_is_refused() {
    let read = email("2026-11-20,ann@contoso.com,Ann,False,,2026-11-01,5");
    assert_eq!(read.values, Values::new([(Metric::EmailsSent, 5)]));
    let reason = reason(Dataset::EmailActivity, EMAIL, "2026-11-20");
    assert_eq!(reason, "it ends before User Principal Name");
}

#[test]
fn a_row_with_more_cells_than_columns_is_refused_since_they_may_have_moved() {
    let long = "2026-11-20,ann@contoso.com,Vance, Adele,False,,,5,6,7,8,9,E5,7";
    assert_eq!(
        reason(Dataset::EmailActivity, EMAIL, long),
        "it has more cells than there are columns"
    );
    let read = email("2026-11-20,ann@contoso.com,Ann,False,,,5,,,,,,7, ,");
    assert_eq!(read.values.get(Metric::EmailsSent), Some(5));
}

#[track_caller]
fn check_reason(line: &str, expected: &str) {
    let reason = reason(Dataset::EmailActivity, EMAIL, line);
    assert_eq!(reason, expected);
    assert!(
        !reason.contains("ann") && !reason.contains("12x"),
        "{reason}"
    );
}

#[test]
fn a_row_that_cannot_be_read_is_quarantined_by_column_and_without_its_values() {
    check_reason(
        "20.11.2026,ann@contoso.com",
        "Report Refresh Date is not a day",
    );
    check_reason(
        "2026-11-20,ann@contoso.com,,12x",
        "Is Deleted is neither true nor false",
    );
    check_reason(
        "2026-11-20,ann@contoso.com,,,,12x",
        "Last Activity Date is not a day",
    );
    check_reason(
        "2026-11-20,ann@contoso.com,,,,,12x",
        "Send Count is not a number",
    );
    check_reason(
        "2026-11-20,ann@contoso.com,,,,,,-1",
        "Receive Count is not a number",
    );
    check_reason(
        "2026-11-20,ann@contoso.com,,,,,99999999999999999999",
        "Send Count is too large",
    );
    let long = format!("2026-11-20,{}", "x".repeat(5_000));
    check_reason(&long, "User Principal Name is longer than 4096 characters");
}

#[test]
fn bytes_that_are_no_text_spoil_only_the_name_they_are_in() {
    let text = [
        EMAIL.as_bytes(),
        b"\n2026-11-20,ann@contoso.com,\xff\xfe,False,,,5\n2026-11-20,b\xe4r@contoso.com,,,,,6\n",
    ]
    .concat();
    let read = read_report(Dataset::EmailActivity, WEEK, &text).unwrap();
    assert_eq!(read.rows.len(), 1);
    assert_eq!(read.rows[0].who, named("ann@contoso.com"));
    assert_eq!(
        read.quarantined[0].reason,
        "User Principal Name is not UTF-8"
    );
}

#[test]
fn people_who_have_gone_are_marked() {
    for (word, is_deleted) in [("True", true), ("yes", true), ("False", false), ("", false)] {
        let line = format!("2026-11-20,ann@contoso.com,,{word}");
        assert_eq!(email(&line).is_deleted, is_deleted, "{word}");
    }
    for (word, is_deleted) in [
        ("deleted", true),
        ("Deleted", true),
        ("active", false),
        ("suspended", false),
        ("", false),
    ] {
        let line = format!("2026-11-20,ann@contoso.com,Ann,{word},,2026-11-01,1,2,3,E5,7");
        let read = row(Dataset::VivaEngageActivity, VIVA, &line);
        assert_eq!(read.is_deleted, is_deleted, "{word}");
        let expected = [(Metric::Posted, 1), (Metric::Read, 2), (Metric::Liked, 3)];
        assert_eq!(read.values, Values::new(expected));
    }
}

#[test]
fn teams_tells_the_object_id_and_seconds() {
    let line = format!(
        "2026-11-20,{ANN},ann@contoso.com,2026-11-19,False,,E5,1,2,3,4,5,6,PT1H,PT1M,PT9H,3601,,7,No,8,9,,,10,Yes,7"
    );
    let read = row(Dataset::TeamsActivity, TEAMS, &line);
    assert_eq!(read.who, ReportKey::Id(ObjectId::parse(ANN).unwrap()));
    let expected = [
        (Metric::ChannelMessages, 1),
        (Metric::ChatMessages, 2),
        (Metric::Calls, 3),
        (Metric::Meetings, 4),
        (Metric::MeetingsOrganized, 5),
        (Metric::MeetingsAttended, 6),
        (Metric::AudioSeconds, 3_601),
        (Metric::VideoSeconds, 60),
        (Metric::ScreenShareSeconds, 7),
    ];
    assert_eq!(read.values, Values::new(expected));
    let without_id = "2026-11-20,,ann@contoso.com,,False";
    let read = row(Dataset::TeamsActivity, TEAMS, without_id);
    assert_eq!(read.who, named("ann@contoso.com"));
    let unreadable = format!("2026-11-20,{ANN},ann@contoso.com,soon");
    let read = report(Dataset::TeamsActivity, TEAMS, &[&unreadable]).unwrap();
    assert_eq!(read.quarantined[0].id, uuid::Uuid::try_parse(ANN).ok());
}

#[test]
fn a_mailbox_has_size_quota_archive_and_type() {
    let line = "2026-11-20,ann@contoso.com,Ann,False,,2020-01-01,2026-11-19,5,1000,97,98,99,1,2,3,True,SharedMailbox,7";
    let read = row(Dataset::MailboxUsage, MAILBOX, line);
    let expected = [
        (Metric::MailboxBytes, 1_000),
        (Metric::MailboxQuotaBytes, 99),
        (Metric::HasArchive, 1),
    ];
    assert_eq!(read.values, Values::new(expected));
    assert_eq!(read.mailbox_type, Some(MailboxType::Shared));
    let resource = "2026-11-20,,Room 5,False,,2020-01-01,,5,1000,97,98,99,1,2,3,False,Room,7";
    let read = row(Dataset::MailboxUsage, MAILBOX, resource);
    assert_eq!(
        (read.who, read.mailbox_type),
        (ReportKey::Nobody, Some(MailboxType::Room))
    );
}

#[test]
fn several_sites_of_one_owner_are_added_and_a_deleted_one_is_not() {
    let lines = [
        "2026-11-20,1,,Ann,False,2026-11-01,1,1,100,999,ann@contoso.com,7",
        "2026-11-20,2,,Ann,False,2026-11-05,1,1,20,999,Ann@Contoso.com,7",
        "2026-11-20,3,,Ann,True,2026-11-09,1,1,3,999,ann@contoso.com,7",
    ];
    let read = rows(Dataset::OneDriveUsage, ONEDRIVE_USAGE, &lines);
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].values.get(Metric::StorageBytes), Some(120));
    assert_eq!(read[0].last_active_on, day("2026-11-05"));
    assert!(read[1].is_deleted);
}

#[test]
fn apps_are_used_on_what_the_flags_say() {
    let line = "2026-11-20,ann@contoso.com,2020-01-01,2026-11-19,7,Yes,No,True,,Yes,Yes";
    let read = row(Dataset::AppsUsage, APPS, line);
    let expected = [
        (Metric::OnWindows, 1),
        (Metric::OnMac, 0),
        (Metric::OnMobile, 1),
    ];
    assert_eq!(read.values, Values::new(expected));
    assert_eq!(read.last_active_on, day("2026-11-19"));
}

#[test]
fn the_activations_of_one_user_are_one_row() {
    let lines = [
        "2026-11-20,ann@contoso.com,Ann,MICROSOFT 365 APPS,2026-01-01,2,1,0,,,True",
        "2026-11-20,bob@contoso.com,Bob,MICROSOFT 365 APPS,2026-01-01,1,0,0,0,0,False",
        "2026-11-20,ANN@contoso.com,Ann,VISIO,2026-02-01,3,,0,1,,False",
        "2026-11-20,,,VISIO,,1,,,,,",
        "2026-11-20,,,VISIO,,1,,,,,",
    ];
    let read = rows(Dataset::AppsActivations, ACTIVATIONS, &lines);
    let expected = [
        (Metric::ActivatedWindows, 5),
        (Metric::ActivatedMac, 1),
        (Metric::ActivatedWindowsMobile, 0),
        (Metric::ActivatedIos, 1),
    ];
    assert_eq!(read.len(), 4);
    assert_eq!(read[0].who, named("ann@contoso.com"));
    assert_eq!(read[0].values, Values::new(expected));
    // That somebody installed it does not show that anybody uses it.
    assert_eq!(read[0].last_active_on, None);
}

#[test]
fn copilot_tells_a_day_for_each_application() {
    let line = "2026-11-20,ann@contoso.com,Ann,2026-11-19,2026-11-19,2026-11-18,,2026-01-01,7";
    let read = row(Dataset::CopilotUsage, COPILOT, line);
    assert_eq!(read.last_active_on, day("2026-11-19"));
    let expected = [
        (Metric::CopilotChatOn, days_since_1970("2026-11-19")),
        (Metric::CopilotTeamsOn, days_since_1970("2026-11-18")),
        (Metric::CopilotLoopOn, days_since_1970("2026-01-01")),
    ];
    assert_eq!(read.values, Values::new(expected));
}

#[test]
fn of_all_periods_only_the_one_that_was_asked_for_is_read() {
    let lines =
        ["7", "30", "90", "180"].map(|period| format!("2026-11-20,ann@contoso.com,,,,,,,{period}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(rows(Dataset::CopilotUsage, COPILOT, &lines).len(), 1);
    let error = report(Dataset::CopilotUsage, COPILOT, &lines[1..]).unwrap_err();
    assert!(error.contains("another period"), "{error}");
    let day = Fetched::Day(date(2026, 11, 20));
    let text = format!("{EMAIL}\n2026-11-20,ann@contoso.com,,,,,5,,,,,,1\n");
    let read = read_report(Dataset::EmailActivity, day, text.as_bytes()).unwrap();
    assert_eq!(read.rows.len(), 1);
}

#[test]
fn only_copilot_mixes_periods() {
    let other = "2026-11-20,ann@contoso.com,Ann,False,,,5,,,,,,30";
    let reason = reason(Dataset::EmailActivity, EMAIL, other);
    assert_eq!(reason, "Report Period is not the one asked for");
    // The cells of this one moved, and it is not left out for that.
    let moved = ["2026-11-20,ann@contoso.com,Lee, Ann,,2026-11-19,,,,,7"];
    let read = report(Dataset::CopilotUsage, COPILOT, &moved).unwrap();
    assert_eq!(read.quarantined.len(), 1);
}

#[test]
fn an_active_user_was_last_seen_on_the_latest_of_all_days() {
    let line = "2026-11-20,ann@contoso.com,Ann,False,2026-11-01,2026-11-03,2020-01-01,E5";
    let read = row(Dataset::ActiveUsers, ACTIVE, line);
    assert_eq!(read.last_active_on, day("2026-11-03"));
    let teams = read.values.get(Metric::TeamsOn);
    assert_eq!(teams, Some(days_since_1970("2026-11-03")));
    let never = row(
        Dataset::ActiveUsers,
        ACTIVE,
        "2026-11-20,ann@contoso.com,Ann,False,,,,E5",
    );
    assert_eq!(never.last_active_on, None);
    assert!(never.values.is_empty());
}

#[test]
fn rows_under_one_name_stand_each_for_itself() {
    let lines = [
        "2026-11-20,ann@contoso.com,,True,,,1",
        "2026-11-20,ann@contoso.com,,False,,,2",
        "2026-11-20,ANN@CONTOSO.COM,,False,,,3",
    ];
    let read = rows(Dataset::EmailActivity, EMAIL, &lines);
    let sent = read.iter().map(|row| row.values.get(Metric::EmailsSent));
    assert_eq!(sent.collect::<Vec<_>>(), [1, 2, 3].map(Some));
}

#[track_caller]
fn check_concealed(dataset: Dataset, header: &str, lines: &[String], is_concealed: bool) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let read = report(dataset, header, &lines).unwrap();
    assert_eq!(read.is_concealed, is_concealed, "{lines:?}");
    assert_eq!(read.rows.len(), lines.len());
    for row in &read.rows {
        if let ReportKey::PrincipalName(name) = &row.who {
            assert!(name.contains('@'), "a pseudonym is nobody's name: {name}");
        }
    }
}

#[test]
fn concealed_names_are_recognized_and_belong_to_nobody() {
    let hidden = format!("2026-11-20,{HEX},{HEX}");
    let blank = "2026-11-20,,".to_owned();
    let ann = "2026-11-20,ann@contoso.com,Ann".to_owned();
    let check = |lines: &[&String], is_concealed| {
        let lines: Vec<String> = lines.iter().map(|line| (*line).clone()).collect();
        check_concealed(Dataset::EmailActivity, EMAIL, &lines, is_concealed);
    };
    check(&[&hidden], true);
    check(&[&hidden, &hidden, &blank], true);
    check(&[&hidden, &hidden, &ann], true);
    check(&[&hidden, &ann], false);
    check(&[&ann], false);
    check(&[&blank], false);
    let lower = format!("2026-11-20,{}@contoso.com", HEX.to_lowercase());
    check(&[&lower], false);
}

#[test]
fn teams_conceals_the_object_id_as_well() {
    const ZEROS: &str = "00000000-0000-0000-0000-000000000000";
    let check = |lines: &[String], is_concealed| {
        check_concealed(Dataset::TeamsActivity, TEAMS, lines, is_concealed);
    };
    let hidden = format!("2026-11-20,{ZEROS},{HEX}");
    let nameless = format!("2026-11-20,{ZEROS},");
    let known = format!("2026-11-20,{ANN},{HEX}");
    let named = format!("2026-11-20,{ZEROS},ann@contoso.com");
    check(std::slice::from_ref(&hidden), true);
    check(&[hidden.clone(), nameless.clone()], true);
    check(&[nameless], true);
    check(&[hidden.clone(), known], false);
    check(&[hidden, named], false);
}

/// All reports with a header and a row that fits it.
fn samples() -> [(Dataset, &'static str); 9] {
    [
        (Dataset::EmailActivity, EMAIL),
        (Dataset::TeamsActivity, TEAMS),
        (Dataset::MailboxUsage, MAILBOX),
        (Dataset::OneDriveUsage, ONEDRIVE_USAGE),
        (Dataset::VivaEngageActivity, VIVA),
        (Dataset::AppsUsage, APPS),
        (Dataset::AppsActivations, ACTIVATIONS),
        (Dataset::CopilotUsage, COPILOT),
        (Dataset::ActiveUsers, ACTIVE),
    ]
}

/// A cell that Microsoft sends, or that it should not.
fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::new()),
        2 => "[0-9]{1,4}",
        2 => "2026-1[0-2]-[0-3][0-9]",
        2 => "user[0-9]@contoso\\.com",
        1 => Just("True".to_owned()),
        1 => Just("No".to_owned()),
        1 => Just("PT1H2M3S".to_owned()),
        1 => Just(ANN.to_owned()),
        1 => Just(HEX.to_owned()),
        // A line break in a row of another width is an open quote.
        2 => any::<String>().prop_map(|text| text.replace(['\r', '\n'], " ")),
    ]
}

fn quoted(cells: &[String]) -> String {
    let quoted: Vec<_> = cells
        .iter()
        .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
        .collect();
    quoted.join(",")
}

proptest! {
    #[test]
    fn every_row_of_any_cells_is_read_or_quarantined(
        which in 0..samples().len(),
        cells in proptest::collection::vec(proptest::collection::vec(any_cell(), 1..40), 0..20),
    ) {
        let (dataset, header) = samples()[which];
        let lines: Vec<String> = cells.iter().map(|cells| quoted(cells)).collect();
        let text = format!("{header}\n{}\n", lines.join("\n"));
        // Without a period no row is left out for having another one.
        let read = read_report(dataset, Fetched::Whole, text.as_bytes()).unwrap();
        let count = read.rows.len() + read.quarantined.len();
        prop_assert!(count <= lines.len());
        let adds_parts = matches!(dataset, Dataset::AppsActivations | Dataset::OneDriveUsage);
        if !adds_parts {
            prop_assert_eq!(count, lines.len());
        }
    }

    #[test]
    fn nobody_gets_the_numbers_of_somebody_else_however_a_report_is_damaged(
        damage in proptest::collection::vec(
            (any::<proptest::sample::Index>(), proptest::sample::select(&b"\",\n\r \xff"[..]), 0..3_u8),
            1..10,
        ),
    ) {
        // Everything of one user is written in one digit.
        let line = |digit: usize| {
            let number = format!("{digit}{digit}{digit}");
            format!("2026-11-20,user{digit}@contoso.com,\"{digit}, {digit}\",False,,,{number},{number},{number},{number},{number},\"E{digit}\",")
        };
        let lines: Vec<String> = (1..10).map(line).collect();
        let mut bytes = lines.join("\n").into_bytes();
        for (place, byte, what) in damage {
            let place = place.index(bytes.len());
            match what {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => {
                    bytes.remove(place);
                }
            }
        }
        let bytes = [EMAIL.as_bytes(), b"\r\n", &bytes].concat();
        let read = read_report(Dataset::EmailActivity, WEEK, &bytes).unwrap();
        let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).count();
        prop_assert!(read.rows.len() + read.quarantined.len() < lines);
        for row in read.rows {
            let ReportKey::PrincipalName(name) = &row.who else {
                continue;
            };
            let Some(digit) = ('1'..='9').find(|digit| *name == format!("user{digit}@contoso.com")) else {
                continue;
            };
            for (metric, value) in row.values.iter() {
                let is_own = value.to_string().chars().all(|own| own == digit);
                prop_assert!(is_own, "{name} has {metric:?} {value}");
            }
        }
    }

    #[test]
    fn any_bytes_are_a_report_or_are_refused(bytes: Vec<u8>) {
        for dataset in Dataset::REPORTS {
            let _ = read_report(dataset, WEEK, &bytes);
        }
    }
}

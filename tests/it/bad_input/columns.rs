//! Reports whose columns and lines are not those of yesterday.

use std::collections::BTreeMap;

use super::*;
use crate::asking::text;
use crate::reports::{EMAILS, Place, REPORTS, everybody};

type Users = BTreeMap<String, Value>;
type Line = BTreeMap<String, String>;

const EMAIL: &str = "getEmailActivityUserDetail";
const TEAMS: &str = "getTeamsUserActivityUserDetail";

/// The line of the report of e-mail that is about a user.
fn line_of<'a>(lines: &'a [Line], user: &Value) -> Option<&'a Line> {
    let name = text(&user["userPrincipalName"]);
    let mut lines = lines.iter();
    lines.find(|line| line["User Principal Name"].eq_ignore_ascii_case(&name))
}

/// Checks that everybody's number of sent e-mails is what their own line says; of how many it is.
fn check_told(users: &Users, lines: &[Line]) -> usize {
    let mut told = 0;
    for user in users.values() {
        let sent = &user["activity"]["outlook"]["emailsSent"];
        match line_of(lines, user) {
            Some(line) => assert_eq!(sent.to_string(), line["Send Count"], "{user}"),
            None => assert!(sent.is_null(), "{user}"),
        }
        told += usize::from(!sent.is_null());
    }
    told
}

#[tokio::test]
async fn columns_are_found_by_name_wherever_they_are_and_one_that_is_missing_is_no_zero() {
    let place = Place::new();
    // Between the others, with quotes in its fields, and the other way round.
    place.microsoft.add_report_column("Shoe Size");
    place.microsoft.reverse_report_columns(true);
    let server = place.synced().await;
    assert_eq!(server.last_run().await["state"], "COMPLETE");
    let users = everybody(&server).await;
    assert!(check_told(&users, &place.report(EMAILS).await) > 100);

    // A number that is told no more is not known any more, or is what it was; it is never zero.
    place.microsoft.reverse_report_columns(false);
    place.microsoft.drop_report_column("Send Count");
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    let before = users;
    let users = everybody(&server).await;
    let lines = place.report(EMAILS).await;
    let mut read = 0;
    for (id, user) in &users {
        let (outlook, held) = (
            &user["activity"]["outlook"],
            &before[id]["activity"]["outlook"],
        );
        let sent = &outlook["emailsSent"];
        assert!(sent.is_null() || *sent == held["emailsSent"], "{user}");
        let Some(line) = line_of(&lines, user) else {
            continue;
        };
        let last = Some(line["Last Activity Date"].as_str()).filter(|day| !day.is_empty());
        assert!(outlook["lastActiveOn"].as_str() >= last, "{user}");
        assert_eq!(outlook["reportedOn"], line["Report Refresh Date"], "{user}");
        read += 1;
    }
    assert!(read > 100, "the other columns are read");

    // Without a name a report is none.
    place.microsoft.drop_report_column("User Principal Name");
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "PARTIAL");
    let after = everybody(&server).await;
    for name in REPORTS {
        if name == "ONEDRIVE_USAGE" {
            assert_eq!(dataset(&run, name)["state"], "COMPLETE", "{run}");
        } else {
            check_failed(
                &run,
                name,
                "BAD_RESPONSE",
                "no column \"User Principal Name\"",
            );
        }
    }
    for (id, user) in &after {
        for workload in [
            "outlook",
            "teams",
            "sharePoint",
            "vivaEngage",
            "apps",
            "copilot",
        ] {
            let (now, before) = (
                &user["activity"][workload],
                &users[id]["activity"][workload],
            );
            assert_eq!(now, before, "{workload} of {user}");
        }
    }
}

/// Spoils lines of a report, the header being 0.
fn with_lines(
    at: FaultPoint,
    change: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static,
) -> Fault {
    at.rewrite_bytes(move |body| {
        let text = String::from_utf8(std::mem::take(body)).unwrap();
        let lines = text.strip_suffix("\r\n").unwrap().split("\r\n");
        for (number, line) in lines.enumerate() {
            body.extend(change(number, line));
            body.extend_from_slice(b"\r\n");
        }
    })
}

/// A line with another text in one of its cells.
fn with_cell(line: &[u8], place: usize, text: &str) -> Vec<u8> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).from_reader(line);
    let cells = reader.records().next().unwrap().unwrap();
    let cells = cells.iter().enumerate();
    let cells = cells.map(|(at, cell)| if at == place { text } else { cell });
    let mut writer = csv::WriterBuilder::new();
    let mut writer = writer
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    writer.write_record(cells).unwrap();
    let mut line = writer.into_inner().unwrap();
    line.pop();
    line
}

#[tokio::test]
async fn a_line_that_cannot_be_read_costs_nobody_what_was_known() {
    let place = Place::new();
    let server = place.synced().await;
    let before = everybody(&server).await;
    // A name that is no text, a number that is none, and a cell too many.
    let bad = [3, 30, 60];
    let mail = with_lines(Fault::at_download_of(EMAIL), move |number, line| {
        let mut line = line.as_bytes().to_vec();
        let comma = line.iter().position(|byte| *byte == b',').unwrap();
        match number {
            3 => line.insert(comma + 2, 0xFF),
            30 => line = with_cell(&line, 6, "plenty"),
            60 => line.splice(comma..comma, *b",oh").for_each(drop),
            _ => {}
        }
        line
    });
    let teams = with_lines(Fault::at_download_of(TEAMS), |number, line| match number {
        1..=6 => b"x,y".to_vec(),
        _ => line.as_bytes().to_vec(),
    });
    for fault in [mail, teams] {
        place.microsoft.fault(fault);
    }
    let (server, run) = place.a_day_later(server).await;
    place.microsoft.clear_faults();
    assert_eq!(run["state"], "PARTIAL", "{run}");
    check_failed(&run, "TEAMS_ACTIVITY", "QUARANTINE", "6 of ");
    let mail = dataset(&run, "EMAIL_ACTIVITY");
    assert_eq!(mail["state"], "COMPLETE", "{mail}");
    assert_eq!(mail["quarantinedRows"], bad.len(), "{mail}");
    let lines = place.report(EMAILS).await;
    let whose: Vec<_> = bad
        .iter()
        .map(|number| lines[number - 1]["User Principal Name"].to_lowercase())
        .collect();
    let mut kept = 0;
    for (id, user) in everybody(&server).await {
        let (outlook, held) = (
            &user["activity"]["outlook"],
            &before[&id]["activity"]["outlook"],
        );
        assert_eq!(
            user["activity"]["teams"], before[&id]["activity"]["teams"],
            "{user}"
        );
        if whose.contains(&text(&user["userPrincipalName"]).to_lowercase()) {
            assert_eq!(outlook["emailsSent"], held["emailsSent"], "{user}");
            kept += 1;
        } else if let Some(line) = line_of(&lines, &user) {
            assert_eq!(
                outlook["emailsSent"].to_string(),
                line["Send Count"],
                "{user}"
            );
        }
    }
    assert!(kept > 0, "none of the lines was somebody's");
}

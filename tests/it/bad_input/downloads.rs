//! The way to a report and its bytes: where they lie, whether they come, and whether they are one.

use seatwise::simulator::{Listener, RetryAfter};

use super::*;
use crate::asking::text;
use crate::reports::{Place, REPORTS, capabilities, everybody};

/// What Graph calls the reports.
const ACTIVE_USERS: &str = "getOffice365ActiveUserDetail";
const EMAIL: &str = "getEmailActivityUserDetail";
const MAILBOXES: &str = "getMailboxUsageDetail";
const TEAMS: &str = "getTeamsUserActivityUserDetail";
const ONEDRIVE: &str = "getOneDriveActivityUserDetail";
const ONEDRIVE_USAGE: &str = "getOneDriveUsageAccountDetail";
const SHAREPOINT: &str = "getSharePointActivityUserDetail";
const VIVA_ENGAGE: &str = "getYammerActivityUserDetail";
const APPS: &str = "getM365AppUserDetail";
const ACTIVATIONS: &str = "getOffice365ActivationsUserDetail";

/// Requests to Graph for a report.
fn asked(function: &str) -> FaultPoint {
    Fault::on(&format!("/v1.0/reports/{function}"))
}

/// Requests to where Graph says that it is.
fn fetched(function: &str) -> FaultPoint {
    Fault::at_download_of(function)
}

fn of_copilot() -> FaultPoint {
    Fault::on("/v1.0/copilot/reports/getMicrosoft365CopilotUsageUserDetail")
}

/// A server on the day after, synced by a run that these faults struck.
async fn a_day_later_with(
    place: &Place,
    server: Server,
    faults: impl IntoIterator<Item = Fault>,
) -> (Server, Value) {
    for fault in faults {
        place.microsoft.fault(fault);
    }
    let (server, run) = place.a_day_later(server).await;
    place.microsoft.clear_faults();
    (server, run)
}

#[tokio::test]
async fn a_report_that_is_none_leaves_what_was_known_and_one_that_passes_is_asked_for_again() {
    let place = Place::new();
    let server = place.synced().await;
    let before = everybody(&server).await;

    // What no report is.
    let faults = [
        fetched(EMAIL).html(),
        fetched(MAILBOXES).keep_lines(20),
        fetched(TEAMS).redirect_to_itself(),
        asked(ONEDRIVE).redirect_to("http://169.254.169.254/latest/meta-data/"),
        fetched(ONEDRIVE_USAGE).gzip_bomb(301 * 1024 * 1024),
        fetched(SHAREPOINT).empty_body(),
        fetched(VIVA_ENGAGE).report_line(0, "Report Refresh Date,Somebody,Read Count"),
        asked(APPS).redirect_to_itself(),
        fetched(ACTIVATIONS).respond(200, "application/octet-stream", "{\"error\":{}}"),
        of_copilot().html(),
        fetched(ACTIVE_USERS).respond(200, "application/octet-stream", [0x1F, 0x8B, 8, 0]),
    ];
    let (server, run) = a_day_later_with(&place, server, faults).await;
    assert_eq!(run["state"], "PARTIAL");
    for (name, kind, words) in [
        ("EMAIL_ACTIVITY", "BAD_RESPONSE", "HTML instead of a report"),
        ("MAILBOX_USAGE", "SUSPECT", "acceptSync"),
        (
            "TEAMS_ACTIVITY",
            "BAD_RESPONSE",
            "Nothing more was followed",
        ),
        ("ONEDRIVE_ACTIVITY", "UNTRUSTED_LINK", "no token was sent"),
        ("ONEDRIVE_USAGE", "TOO_LARGE", "larger than"),
        ("SHAREPOINT_ACTIVITY", "BAD_RESPONSE", "nothing at all"),
        (
            "VIVA_ENGAGE_ACTIVITY",
            "BAD_RESPONSE",
            "no column \"User Principal Name\"",
        ),
        ("APPS_USAGE", "BAD_RESPONSE", "Nothing more was followed"),
        ("APPS_ACTIVATIONS", "BAD_RESPONSE", "JSON instead of CSV"),
        ("COPILOT_USAGE", "BAD_RESPONSE", "HTML"),
        ("ACTIVE_USERS", "BAD_RESPONSE", "no header announces"),
    ] {
        check_failed(&run, name, kind, words);
        let shown = capability(&server, name).await;
        assert_eq!(shown["state"], "FAILING", "{shown}");
        assert!(text(&shown["remedy"]).contains(words), "{shown}");
    }
    for (id, user) in everybody(&server).await {
        assert_eq!(user["activity"], before[&id]["activity"], "{user}");
    }

    // What passes, and what is a report all the same.
    let listener = Listener::start("127.0.0.2").unwrap();
    let faults = [
        fetched(EMAIL).first(1).expired_link(),
        fetched(TEAMS).first(1).cut_body(),
        fetched(ONEDRIVE).first(1).cut_chunk(),
        fetched(SHAREPOINT).first(1).close_connection(),
        fetched(VIVA_ENGAGE)
            .first(1)
            .unavailable(RetryAfter::Seconds(1)),
        asked(APPS).first(1).redirect_to(&listener.url()),
        of_copilot().first(1).status(503),
        fetched(MAILBOXES).no_byte_order_mark(),
        fetched(ONEDRIVE_USAGE).bare_quotes_in_line(2),
        fetched(ACTIVATIONS).report_line(4, "x,y"),
        fetched(ACTIVE_USERS).short_line(3, 1),
    ];
    let (server, run) = a_day_later_with(&place, server, faults).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    for name in REPORTS {
        let part = dataset(&run, name);
        assert_eq!(part["state"], "COMPLETE", "{part}");
        let spoiled = ["ONEDRIVE_USAGE", "APPS_ACTIVATIONS", "ACTIVE_USERS"].contains(&name);
        assert_eq!(part["quarantinedRows"], u64::from(spoiled), "{part}");
    }
    for (name, (state, remedy)) in capabilities(&server).await {
        assert_eq!(state, "OK", "{name}: {remedy}");
    }
    // Whoever the link led to was told nothing of ours.
    let visits = listener.received();
    assert_eq!(visits.len(), 1);
    let said = String::from_utf8_lossy(&visits[0]).to_lowercase();
    assert!(said.starts_with("get / http/1.1"), "{said}");
    for header in [
        "authorization",
        "client-request-id",
        "x-ms-",
        "consistency",
        "cookie",
        "bearer",
    ] {
        assert!(!said.contains(header), "{said}");
    }
    for request in place.microsoft.requests_to("/data/download/") {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("client-request-id"), None);
    }

    // A Microsoft that has no reports any more.
    let before = everybody(&server).await;
    place.microsoft.set_reports_available(false);
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "PARTIAL");
    for name in REPORTS {
        check_failed(&run, name, "REFUSED", "please report it");
    }
    for (id, user) in everybody(&server).await {
        assert_eq!(user["activity"], before[&id]["activity"], "{user}");
    }
}

use serde_json::Value;

use super::sign_in::signed_in;
use super::support::Table;
use super::support::Visit;
use super::support::refusal_of;
use crate::simulator::Host;
use crate::simulator::Settings;

/// The header of every report, as it comes.
#[rustfmt::skip] // One report a line.
const HEADERS: [(&str, &str); 10] = [
    ("getOffice365ActiveUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Has Exchange License,Has OneDrive License,Has SharePoint License,Has Skype For Business License,Has Yammer License,Has Teams License,Exchange Last Activity Date,OneDrive Last Activity Date,SharePoint Last Activity Date,Skype For Business Last Activity Date,Yammer Last Activity Date,Teams Last Activity Date,Exchange License Assign Date,OneDrive License Assign Date,SharePoint License Assign Date,Skype For Business License Assign Date,Yammer License Assign Date,Teams License Assign Date,Assigned Products"),
    ("getEmailActivityUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period"),
    ("getMailboxUsageDetail(period='D7')", "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Created Date,Last Activity Date,Item Count,Storage Used (Byte),Issue Warning Quota (Byte),Prohibit Send Quota (Byte),Prohibit Send/Receive Quota (Byte),Deleted Item Count,Deleted Item Size (Byte),Deleted Item Quota (Byte),Has Archive,Recipient Type,Report Period"),
    ("getTeamsUserActivityUserDetail(period='D7')", "Report Refresh Date,User Id,User Principal Name,Last Activity Date,Is Deleted,Deleted Date,Assigned Products,Team Chat Message Count,Private Chat Message Count,Call Count,Meeting Count,Meetings Organized Count,Meetings Attended Count,Ad Hoc Meetings Organized Count,Ad Hoc Meetings Attended Count,Scheduled One-time Meetings Organized Count,Scheduled One-time Meetings Attended Count,Scheduled Recurring Meetings Organized Count,Scheduled Recurring Meetings Attended Count,Audio Duration,Video Duration,Screen Share Duration,Audio Duration In Seconds,Video Duration In Seconds,Screen Share Duration In Seconds,Has Other Action,Urgent Messages,Post Messages,Tenant Display Name,Shared Channel Tenant Display Names,Reply Messages,Is Licensed,Report Period"),
    ("getOneDriveActivityUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Is Deleted,Deleted Date,Last Activity Date,Viewed Or Edited File Count,Synced File Count,Shared Internally File Count,Shared Externally File Count,Assigned Products,Report Period"),
    ("getOneDriveUsageAccountDetail(period='D7')", "Report Refresh Date,Site Id,Site URL,Owner Display Name,Is Deleted,Last Activity Date,File Count,Active File Count,Storage Used (Byte),Storage Allocated (Byte),Owner Principal Name,Report Period"),
    ("getSharePointActivityUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Is Deleted,Deleted Date,Last Activity Date,Viewed Or Edited File Count,Synced File Count,Shared Internally File Count,Shared Externally File Count,Visited Page Count,Assigned Products,Report Period"),
    ("getYammerActivityUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Display Name,User State,State Change Date,Last Activity Date,Posted Count,Read Count,Liked Count,Assigned Products,Report Period"),
    ("getM365AppUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Last Activation Date,Last Activity Date,Report Period,Windows,Mac,Mobile,Web,Outlook,Word,Excel,PowerPoint,OneNote,Teams,Outlook (Windows),Word (Windows),Excel (Windows),PowerPoint (Windows),OneNote (Windows),Teams (Windows),Outlook (Mac),Word (Mac),Excel (Mac),PowerPoint (Mac),OneNote (Mac),Teams (Mac),Outlook (Mobile),Word (Mobile),Excel (Mobile),PowerPoint (Mobile),OneNote (Mobile),Teams (Mobile),Outlook (Web),Word (Web),Excel (Web),PowerPoint (Web),OneNote (Web),Teams (Web)"),
    ("getOffice365ActivationsUserDetail", "Report Refresh Date,User Principal Name,Display Name,Product Type,Last Activated Date,Windows,Mac,Windows 10 Mobile,iOS,Android,Activated On Shared Computer"),
];

const COPILOT: &str = "/v1.0/copilot/reports/getMicrosoft365CopilotUsageUserDetail";
const COPILOT_HEADER: &str = "Report Refresh Date,User Principal Name,Display Name,Last Activity Date,Copilot Chat Last Activity Date,Microsoft Teams Copilot Last Activity Date,Word Copilot Last Activity Date,Excel Copilot Last Activity Date,PowerPoint Copilot Last Activity Date,Outlook Copilot Last Activity Date,OneNote Copilot Last Activity Date,Loop Copilot Last Activity Date,Report Period";

const MAIL: &str = "/v1.0/reports/getEmailActivityUserDetail(period='D7')";

#[tokio::test]
async fn every_report_has_its_columns_and_somebody_in_it() {
    let (visit, _) = Visit::by_clock(200).await;
    for (call, header) in HEADERS {
        let table = visit.report(call).await;
        assert_eq!(table.header.join(","), header, "{call}");
        assert!(table.rows.len() > 50, "{call}");
        assert!(
            table
                .rows
                .iter()
                .all(|row| row["Report Refresh Date"] == "2026-11-21")
        );
    }
    let copilot = visit.get(&format!("{COPILOT}(period='D180')")).await;
    assert_eq!(copilot.status(), 200, "it comes without a redirect");
    let copilot = Table::parse(&copilot.bytes().await.unwrap());
    assert_eq!(copilot.header.join(","), COPILOT_HEADER);
    assert!(copilot.rows.len() > 5);
}

#[tokio::test]
async fn a_report_lies_on_another_host_which_wants_no_token() {
    let (visit, _) = Visit::by_clock(50).await;
    let link = visit
        .location("getEmailActivityUserDetail(period='D7')")
        .await;
    assert!(link.starts_with(visit.microsoft.download_url()), "{link}");
    assert!(!link.starts_with(visit.microsoft.graph_url()), "{link}");
    let with_token = visit.http.get(&link).bearer_auth(&visit.token).send().await;
    assert_eq!(with_token.unwrap().status(), 401);
    let without = visit.http.get(&link).send().await.unwrap();
    assert_eq!(without.status(), 200);
    assert_eq!(
        without.headers()["content-type"],
        "application/octet-stream"
    );
    let body = without.bytes().await.unwrap();
    assert!(body.starts_with(b"\xEF\xBB\xBFReport Refresh Date,"));
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));

    let asked = visit.microsoft.requests_to("/data/download/");
    let with_header: Vec<bool> = asked
        .iter()
        .map(|request| {
            assert_eq!(request.host, Host::Downloads);
            request.header("authorization").is_some()
        })
        .collect();
    assert_eq!(with_header, [true, false]);
    let token = link.rsplit('/').next().unwrap();
    assert!(
        visit.microsoft.secrets().contains(token),
        "a link is a secret"
    );
}

#[tokio::test]
async fn links_live_for_minutes_and_cannot_be_guessed() {
    let (visit, clock) = Visit::by_clock(20).await;
    let link = visit
        .location("getEmailActivityUserDetail(period='D7')")
        .await;
    let status = async |link: &str| visit.http.get(link).send().await.unwrap().status().as_u16();
    clock.advance(299);
    assert_eq!(status(&link).await, 200);
    clock.advance(1);
    assert_eq!(status(&link).await, 403);
    assert_eq!(status(&format!("{link}0")).await, 404);
    assert_eq!(visit.http.post(&link).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_report_is_asked_for_by_one_period_or_one_date() {
    let (visit, _) = Visit::by_clock(20).await;
    visit.microsoft.set_report_limits(false);
    let check = async |call: &str, expected: u16| {
        let answer = visit.get(&format!("/v1.0/reports/{call}")).await;
        assert_eq!(answer.status(), expected, "{call}");
    };
    for period in ["D7", "D30", "D90", "D180"] {
        check(
            &format!("getEmailActivityUserDetail(period='{period}')"),
            302,
        )
        .await;
        check(&format!("getMailboxUsageDetail(period='{period}')"), 302).await;
    }
    check("getEmailActivityUserDetail(date=2026-11-23)", 302).await;
    check("getEmailActivityUserDetail(date=2026-10-24)", 302).await;
    check("getEmailActivityUserDetail(date=2026-10-23)", 400).await;
    check("getEmailActivityUserDetail(date=2026-11-24)", 400).await;
    check("getEmailActivityUserDetail(date='2026-11-01')", 400).await;
    check("getEmailActivityUserDetail(date=20261101)", 400).await;
    check("getEmailActivityUserDetail(date=2026-11-31)", 400).await;
    check("getEmailActivityUserDetail(period=D7)", 400).await;
    check("getEmailActivityUserDetail(period='D28')", 400).await;
    check("getEmailActivityUserDetail(period='ALL')", 400).await;
    check(
        "getEmailActivityUserDetail(period='D7',date=2026-11-01)",
        400,
    )
    .await;
    check("getEmailActivityUserDetail()", 400).await;
    check("getEmailActivityUserDetail", 400).await;
    check("getEmailActivityUserDetail(period='D7'", 404).await;
    check("getMailboxUsageDetail(date=2026-11-01)", 400).await;
    check("getOffice365ActivationsUserDetail", 302).await;
    check("getOffice365ActivationsUserDetail()", 302).await;
    check("getOffice365ActivationsUserDetail(period='D7')", 400).await;
    check("getNothing(period='D7')", 404).await;
    check("getMicrosoft365CopilotUsageUserDetail(period='D7')", 404).await;
    check(
        "getEmailActivityUserDetail(period='D7')?$format=text/csv",
        302,
    )
    .await;
    check(
        "getEmailActivityUserDetail(period='D7')?$format=application/json",
        400,
    )
    .await;
    check("getEmailActivityUserDetail(period='D7')?$top=5", 400).await;
    assert_eq!(
        visit
            .get(&format!("{COPILOT}(date=2026-11-01)"))
            .await
            .status(),
        400
    );
}

#[tokio::test]
async fn nothing_is_sent_again_while_nothing_is_new() {
    let (visit, clock) = Visit::by_clock(20).await;
    let ask = async |etag: &str| visit.plain(MAIL).header("if-none-match", etag).send().await;
    let etag = visit.get(MAIL).await.headers()["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let unchanged = ask(&etag).await.unwrap();
    assert_eq!(unchanged.status(), 304);
    assert_eq!(unchanged.headers().get("location"), None);
    assert_eq!(ask("\"another\"").await.unwrap().status(), 302);
    let other = visit.get(&MAIL.replace("D7", "D30")).await;
    assert_ne!(other.headers()["etag"].to_str().unwrap(), etag);

    visit.microsoft.set_report_etags(false);
    let plain = ask(&etag).await.unwrap();
    assert_eq!(
        (plain.status().as_u16(), plain.headers().get("etag")),
        (302, None)
    );
    visit.microsoft.set_report_etags(true);
    visit
        .microsoft
        .set_token_lifetime(std::time::Duration::from_secs(100_000));
    let token = visit.application_token().await;
    clock.advance(86_400);
    let request = visit
        .http
        .get(format!("{}{MAIL}", visit.microsoft.graph_url()));
    let next_day = request
        .bearer_auth(token)
        .header("if-none-match", &etag)
        .send()
        .await;
    assert_eq!(
        next_day.unwrap().status(),
        302,
        "the refresh date has moved"
    );
}

#[tokio::test]
async fn each_report_may_be_asked_for_fourteen_times_in_ten_minutes() {
    let (visit, clock) = Visit::by_clock(20).await;
    for _ in 0..14 {
        assert_eq!(visit.get(MAIL).await.status(), 302);
    }
    clock.advance(30);
    let refused = visit.get(&MAIL.replace("D7", "D30")).await;
    assert_eq!(refused.status(), 429, "whatever the period");
    assert_eq!(refused.headers()["retry-after"], "570");
    visit.microsoft.set_limits_tell_when(false);
    let refused = visit.get(MAIL).await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers().get("retry-after")
        ),
        (429, None)
    );
    assert_eq!(
        visit
            .get("/v1.0/reports/getMailboxUsageDetail(period='D7')")
            .await
            .status(),
        302
    );
    clock.advance(570);
    assert_eq!(visit.get(MAIL).await.status(), 302);
    visit.microsoft.set_report_limits(false);
    for _ in 0..20 {
        assert_eq!(visit.get(MAIL).await.status(), 302);
    }
}

#[tokio::test]
async fn whoever_may_not_is_refused_in_another_services_words() {
    let (mut visit, _) = Visit::by_clock(20).await;
    let refusal = async |visit: &Visit, target: &str| {
        let answer = visit.get(target).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "UnknownError");
        let wrapped = body["error"]["message"].as_str().unwrap();
        let wrapped: Value = serde_json::from_str(wrapped).unwrap();
        let text = |name: &str| wrapped["error"][name].as_str().unwrap().to_owned();
        (status, text("code"), text("message"))
    };
    let missing = (
        403,
        "S2SUnauthorized".to_owned(),
        "Invalid permission.".to_owned(),
    );
    let settings = "/v1.0/admin/reportSettings";
    assert_eq!(visit.json(settings).await["displayConcealedNames"], false);
    visit.microsoft.withdraw_permission("Reports.Read.All");
    assert_eq!(refusal(&visit, MAIL).await, missing);
    assert_eq!(
        refusal(&visit, &format!("{COPILOT}(period='D7')")).await,
        missing
    );
    visit
        .microsoft
        .withdraw_permission("ReportSettings.Read.All");
    assert_eq!(refusal(&visit, settings).await, missing);
    visit.microsoft.grant_permission("Reports.Read.All");

    visit.microsoft.set_reports_role(false);
    assert_eq!(
        visit.get(MAIL).await.status(),
        302,
        "the application needs no role"
    );
    let signed_in = signed_in(&visit).await;
    visit.token = signed_in["access_token"].as_str().unwrap().to_owned();
    let no_role = (
        403,
        "S2SUnauthorized".to_owned(),
        "User is not in the allowed roles.".to_owned(),
    );
    assert_eq!(refusal(&visit, MAIL).await, no_role);
    visit.microsoft.set_reports_role(true);
    assert_eq!(visit.get(MAIL).await.status(), 302);

    visit.microsoft.set_reports_available(false);
    let answer = visit.get(MAIL).await;
    assert_eq!(refusal_of(answer).await, (404, "BadRequest".to_owned()));
}

#[tokio::test]
async fn columns_come_and_go_and_new_tenants_have_only_a_header() {
    let (visit, _) = Visit::by_clock(100).await;
    let call = "getEmailActivityUserDetail(period='D7')";
    let plain = visit.report(call).await;
    visit.microsoft.add_report_column("Sent, \"Urgent\"");
    visit.microsoft.drop_report_column("Send Count");
    let bent = visit.report(call).await;
    let mut expected = plain.header.clone();
    expected.retain(|name| name != "Send Count");
    expected.insert(expected.len() - 1, "Sent, \"Urgent\"".to_owned());
    assert_eq!(bent.header, expected);
    assert_eq!(bent.rows.len(), plain.rows.len());
    visit.microsoft.reverse_report_columns(true);
    let reversed = visit.report(call).await;
    assert!(reversed.header.iter().eq(expected.iter().rev()));
    assert_eq!(reversed.rows, bent.rows, "each field under its name");
    visit.microsoft.set_reports_empty(true);
    let empty = visit.report(call).await;
    assert_eq!((empty.header, empty.rows.len()), (reversed.header, 0));
}

#[tokio::test]
async fn concealed_names_are_the_same_in_every_report_and_nobodys() {
    let settings = Settings {
        users: 150,
        ..Settings::default()
    };
    let visit = Visit::with(settings).await;
    visit.microsoft.set_concealed(true);
    let is_pseudonym = |text: &str| {
        text.len() == 32
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
    };
    let mail = visit
        .report("getEmailActivityUserDetail(period='D7')")
        .await;
    for row in &mail.rows {
        let (name, shown) = (&row["User Principal Name"], &row["Display Name"]);
        assert!(
            is_pseudonym(name) && is_pseudonym(shown) && name != shown,
            "{name} {shown}"
        );
    }
    let names: std::collections::BTreeSet<&str> = mail
        .rows
        .iter()
        .map(|row| row["User Principal Name"].as_str())
        .collect();
    assert_eq!(names.len(), mail.rows.len());
    let teams = visit
        .report("getTeamsUserActivityUserDetail(period='D180')")
        .await;
    let joined = teams
        .rows
        .iter()
        .filter(|row| names.contains(row["User Principal Name"].as_str()));
    assert!(joined.count() * 10 > teams.rows.len() * 8);
    assert!(
        teams
            .rows
            .iter()
            .all(|row| row["User Id"] == "00000000-0000-0000-0000-000000000000")
    );
    let drives = visit
        .report("getOneDriveUsageAccountDetail(period='D7')")
        .await;
    for row in &drives.rows {
        assert!(row["Site URL"].is_empty() && names.contains(row["Owner Principal Name"].as_str()));
        assert_eq!(row["Site Id"], "00000000-0000-0000-0000-000000000000");
    }
    assert_eq!(
        visit.json("/v1.0/admin/reportSettings").await["displayConcealedNames"],
        true
    );
}

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use super::support::Table;
use super::support::USERS;
use super::support::Visit;

fn number(row: &BTreeMap<String, String>, column: &str) -> u64 {
    row[column].parse().unwrap()
}

#[tokio::test]
async fn seven_days_add_up_to_the_week() {
    let (visit, _) = Visit::by_clock(150).await;
    visit.microsoft.set_report_limits(false);
    let reports: [(&str, &[&str]); 5] = [
        (
            "getEmailActivityUserDetail",
            &["Send Count", "Read Count", "Meeting Created Count"],
        ),
        (
            "getTeamsUserActivityUserDetail",
            &[
                "Private Chat Message Count",
                "Call Count",
                "Meetings Attended Count",
                "Audio Duration In Seconds",
            ],
        ),
        (
            "getOneDriveActivityUserDetail",
            &["Viewed Or Edited File Count", "Synced File Count"],
        ),
        (
            "getSharePointActivityUserDetail",
            &["Visited Page Count", "Shared Externally File Count"],
        ),
        (
            "getYammerActivityUserDetail",
            &["Read Count", "Liked Count"],
        ),
    ];
    let (mut sunday, mut tuesday) = (0, 0);
    for (function, columns) in reports {
        let mut days = Vec::new();
        for day in 15..=21 {
            days.push(
                visit
                    .report(&format!("{function}(date=2026-11-{day})"))
                    .await,
            );
        }
        let week = visit.report(&format!("{function}(period='D7')")).await;
        let month = visit.report(&format!("{function}(period='D30')")).await;
        let mut total = 0;
        for row in &week.rows {
            let name = &row["User Principal Name"];
            let of_days: Vec<_> = days.iter().filter_map(|day| day.of(name)).collect();
            for column in columns {
                let sum: u64 = of_days.iter().map(|row| number(row, column)).sum();
                assert_eq!(number(row, column), sum, "{function} {name} {column}");
                assert!(number(month.of(name).unwrap(), column) >= sum);
                total += sum;
            }
            let last = (15_u16..=21)
                .zip(&days)
                .filter(|(_, day)| day.of(name).is_some())
                .map(|(day, _)| format!("2026-11-{day}"))
                .next_back();
            match last {
                Some(last) => assert_eq!(row["Last Activity Date"], last, "{name}"),
                None => assert!(row["Last Activity Date"].as_str() < "2026-11-15", "{name}"),
            }
            assert_eq!(
                month.of(name).unwrap()["Last Activity Date"],
                row["Last Activity Date"]
            );
        }
        assert!(total > 50, "{function}: {total}");
        sunday += days[0].rows.len();
        tuesday += days[2].rows.len();
    }
    assert!(sunday * 4 < tuesday, "{sunday} {tuesday}");
}

#[tokio::test]
async fn who_holds_no_license_of_a_workload_is_not_in_its_report() {
    let (visit, _) = Visit::by_clock(600).await;
    let users = visit
        .all("/v1.0/users?$select=id,userPrincipalName,assignedLicenses&$top=999")
        .await;
    let copilot_id = "639dec6b-bb19-468b-871c-c5c441c4b0cb";
    let holds = |user: &Value| {
        let held = user["assignedLicenses"].as_array().unwrap();
        held.iter().any(|license| license["skuId"] == copilot_id)
    };
    let holders: BTreeSet<String> = users
        .iter()
        .filter(|user| holds(user))
        .map(|user| user["userPrincipalName"].as_str().unwrap().to_lowercase())
        .collect();
    let answer = visit
        .get("/v1.0/copilot/reports/getMicrosoft365CopilotUsageUserDetail(period='D180')")
        .await;
    let table = Table::parse(&answer.bytes().await.unwrap());
    let everybody: BTreeSet<String> = users
        .iter()
        .map(|user| user["userPrincipalName"].as_str().unwrap().to_lowercase())
        .collect();
    let listed: BTreeSet<String> = table
        .rows
        .iter()
        .map(|row| row["User Principal Name"].to_lowercase())
        .filter(|name| everybody.contains(name))
        .collect();
    assert_eq!(listed, holders);
    let used = table
        .rows
        .iter()
        .filter(|row| !row["Copilot Chat Last Activity Date"].is_empty());
    assert!(used.count() > 10);
    assert!(
        table
            .rows
            .iter()
            .any(|row| row["Last Activity Date"].is_empty()),
        "seats lie idle"
    );

    let teams = visit
        .report("getTeamsUserActivityUserDetail(period='D180')")
        .await;
    let unlicensed: Vec<_> = teams
        .rows
        .iter()
        .filter(|row| row["Is Licensed"] == "No")
        .collect();
    assert!(!unlicensed.is_empty());
    assert!(
        unlicensed
            .iter()
            .all(|row| row["User Principal Name"].to_lowercase().contains("#ext#"))
    );
}

#[tokio::test]
async fn reports_tell_of_the_gone_of_nobody_and_of_rooms_without_a_name() {
    let (visit, _) = Visit::by_clock(800).await;
    let users = visit.all(USERS).await;
    let names: BTreeSet<&str> = super::support::texts(&users, "/userPrincipalName")
        .into_iter()
        .collect();
    let lower: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mail = visit
        .report("getEmailActivityUserDetail(period='D30')")
        .await;
    let (mut deleted, mut ghosts, mut other_case) = (0, 0, 0);
    for row in &mail.rows {
        let name = row["User Principal Name"].as_str();
        let is_deleted = row["Is Deleted"] == "True";
        assert_eq!(is_deleted, !row["Deleted Date"].is_empty());
        match lower.contains(&name.to_lowercase()) {
            false if is_deleted => deleted += 1,
            false => ghosts += 1,
            true => {
                assert!(!is_deleted);
                other_case += u32::from(!names.contains(name));
            }
        }
    }
    assert!(
        deleted >= 3 && ghosts >= 2 && other_case > 100,
        "{deleted} {ghosts} {other_case}"
    );

    let mailboxes = visit.report("getMailboxUsageDetail(period='D7')").await;
    let kinds: BTreeSet<&str> = mailboxes
        .rows
        .iter()
        .map(|row| row["Recipient Type"].as_str())
        .collect();
    assert!(kinds.contains("Shared") && kinds.contains("Room") && kinds.contains("UserMailbox"));
    let nameless: Vec<_> = mailboxes
        .rows
        .iter()
        .filter(|row| row["User Principal Name"].is_empty())
        .collect();
    assert!(!nameless.is_empty());
    for row in mailboxes
        .rows
        .iter()
        .filter(|row| ["Shared", "Room"].contains(&row["Recipient Type"].as_str()))
    {
        assert!(row["Last Activity Date"].is_empty(), "they only receive");
        assert!(
            number(row, "Prohibit Send/Receive Quota (Byte)")
                > number(row, "Issue Warning Quota (Byte)")
        );
    }
    assert!(
        mailboxes
            .rows
            .iter()
            .any(|row| row["Display Name"].contains(", "))
    );

    let activations = visit.report("getOffice365ActivationsUserDetail").await;
    let mut lines = BTreeMap::new();
    for row in &activations.rows {
        *lines.entry(&row["User Principal Name"]).or_insert(0) += 1;
    }
    assert!(lines.values().any(|&count| count > 1));
    let states = visit
        .report("getYammerActivityUserDetail(period='D7')")
        .await;
    let states: BTreeSet<&str> = states
        .rows
        .iter()
        .map(|row| row["User State"].as_str())
        .collect();
    assert_eq!(
        states,
        BTreeSet::from(["", "active", "deleted", "suspended"])
    );
}

#[tokio::test]
async fn reports_learn_of_edits_with_their_lag() {
    let (mut visit, clock) = Visit::by_clock(120).await;
    visit.microsoft.set_report_limits(false);
    visit
        .microsoft
        .set_token_lifetime(std::time::Duration::from_secs(1_000_000));
    visit.token = visit.application_token().await;
    let call = "getOffice365ActiveUserDetail(period='D7')";
    let name_of = async |id: &str| {
        let user = visit.json(&format!("/v1.0/users/{id}")).await;
        user["userPrincipalName"].as_str().unwrap().to_owned()
    };
    let ids = visit
        .all("/v1.0/users?$select=id,userPrincipalName&$top=999")
        .await;
    let before: BTreeMap<&str, &str> = ids
        .iter()
        .map(|user| {
            (
                user["id"].as_str().unwrap(),
                user["userPrincipalName"].as_str().unwrap(),
            )
        })
        .collect();
    let first = visit.report(call).await;
    let renamed = visit.microsoft.rename_users(20, 1);
    assert_eq!(renamed.len(), 20);
    let removed = visit.microsoft.remove_users(10);
    let lagging = visit.report(call).await;
    assert!(
        lagging.rows == first.rows,
        "the day of the edits is not reported yet"
    );
    clock.advance(2 * 86_400);
    let current = visit.report(call).await;
    let mut moved = 0;
    for id in &renamed {
        if removed.contains(id) {
            continue;
        }
        let (old, new) = (before[id.as_str()], name_of(id).await);
        assert_ne!(old, new);
        assert!(current.of(old).is_none() && lagging.of(&new).is_none());
        assert_eq!(current.of(&new).is_some(), lagging.of(old).is_some());
        moved += u32::from(current.of(&new).is_some());
    }
    assert!(moved > 5, "{moved}");
    let gone = removed
        .iter()
        .filter_map(|id| current.of(before[id.as_str()]));
    let gone: Vec<_> = gone
        .map(|row| (row["Is Deleted"].as_str(), row["Deleted Date"].as_str()))
        .collect();
    assert!(
        gone.len() > 3 && gone.iter().all(|row| *row == ("True", "2026-11-23")),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_date_that_is_not_reported_yet_has_a_header_only() {
    let (visit, _) = Visit::by_clock(50).await;
    let table = visit
        .report("getEmailActivityUserDetail(date=2026-11-22)")
        .await;
    assert_eq!((table.header.len(), table.rows.len()), (13, 0));
    visit.microsoft.set_report_lag(0);
    let table = visit
        .report("getEmailActivityUserDetail(date=2026-11-20)")
        .await;
    assert!(table.rows.len() > 10);
    assert!(
        table
            .rows
            .iter()
            .all(|row| row["Report Refresh Date"] == "2026-11-23")
    );
}

#[tokio::test]
async fn there_are_blanks_both_kinds_of_yes_and_products_with_pluses() {
    let (visit, _) = Visit::by_clock(400).await;
    let table = visit
        .report("getOffice365ActiveUserDetail(period='D180')")
        .await;
    let column = |name: &str| -> BTreeSet<&str> {
        table.rows.iter().map(|row| row[name].as_str()).collect()
    };
    assert_eq!(
        column("Has Teams License"),
        BTreeSet::from(["False", "True"])
    );
    assert!(column("Teams Last Activity Date").contains(""));
    assert!(
        column("Assigned Products")
            .iter()
            .any(|products| products.contains("+ENTERPRISE MOBILITY + SECURITY E3"))
    );
    let apps = visit.report("getM365AppUserDetail(period='D30')").await;
    let uses: BTreeSet<&str> = apps
        .rows
        .iter()
        .map(|row| row["Word (Windows)"].as_str())
        .collect();
    assert_eq!(uses, BTreeSet::from(["No", "Yes"]));
    for row in &apps.rows {
        let somewhere = ["Windows", "Mac", "Mobile", "Web"]
            .iter()
            .any(|place| row[*place] == "Yes");
        let recently = row["Last Activity Date"].as_str() >= "2026-10-23";
        assert_eq!(somewhere, recently, "{row:?}");
    }
}

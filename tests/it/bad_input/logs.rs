//! Logs that are late, that repeat themselves, and of which a run reads a part only.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use seatwise::clock::Clock as _;

use super::*;
use crate::asking::{list, number, text};
use crate::reports::Place;
use crate::support::people::token_of;

const SIGN_INS: &str = "signIns";
const AUDITS: &str = "directoryAudits";

/// A log as Microsoft tells it now to anybody who asks.
async fn log(place: &Place, name: &str) -> Vec<Value> {
    place.microsoft.set_log_limits(false);
    place.microsoft.repeat_log_entries(false);
    let client = reqwest::Client::new();
    let token = token_of(&place.microsoft).await;
    let graph = place.microsoft.graph_url();
    let mut link = format!("{graph}/v1.0/auditLogs/{name}?$top=1000");
    let mut entries = Vec::new();
    loop {
        let asked = client.get(&link).bearer_auth(&token).send();
        let page: Value = asked.await.unwrap().json().await.unwrap();
        entries.extend_from_slice(list(&page["value"]));
        match page["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut link),
            None => break,
        }
    }
    place.microsoft.set_log_limits(true);
    place.microsoft.repeat_log_entries(true);
    entries
}

/// How often who signed in where.
type Counts = BTreeMap<(String, String), usize>;

/// The successes among entries of the sign-in log since an instant.
fn successes<'a>(entries: impl IntoIterator<Item = &'a Value>, since: Timestamp) -> Counts {
    let mut counts = Counts::new();
    for entry in entries {
        let at: Timestamp = text(&entry["createdDateTime"]).parse().unwrap();
        if at >= since && entry["status"]["errorCode"] == 0 {
            let who = (text(&entry["userId"]), text(&entry["appId"]));
            *counts.entry(who).or_default() += 1;
        }
    }
    counts
}

/// What is served of the logs.
struct Known {
    sign_ins_since: Timestamp,
    changes_since: Timestamp,
    uses: Counts,
    /// By user: when licenses were changed.
    changes: BTreeMap<String, Vec<Timestamp>>,
}

async fn known(server: &Server) -> Known {
    let document = "{tenants {signInsKnownSince directoryChangesKnownSince}
        users(first: 500) {nodes {objectId applications {applicationId successes}
            directoryChanges {at kind}}}}";
    let data = server.data(document).await;
    let instant = |value: &Value| -> Timestamp { text(value).parse().unwrap() };
    let tenant = &data["tenants"][0];
    let mut known = Known {
        sign_ins_since: instant(&tenant["signInsKnownSince"]),
        changes_since: instant(&tenant["directoryChangesKnownSince"]),
        uses: Counts::new(),
        changes: BTreeMap::new(),
    };
    for user in list(&data["users"]["nodes"]) {
        let id = text(&user["objectId"]);
        for used in list(&user["applications"]) {
            let who = (id.clone(), text(&used["applicationId"]));
            known.uses.insert(who, number(&used["successes"]));
        }
        let changes = list(&user["directoryChanges"]).iter();
        let licenses = changes.filter(|change| change["kind"] == "LICENSE");
        let at = licenses.map(|change| instant(&change["at"]));
        known.changes.insert(id, at.collect());
    }
    known
}

/// Checks that no entry is missing of those that there were before a run, and that none counts twice of
/// those that there are after it.
fn check_counts(counted: &Counts, before: &Counts, after: &Counts) {
    for (who, count) in before {
        let own = counted.get(who).copied().unwrap_or(0);
        assert!(own >= *count, "{who:?}: {own} of {count}");
    }
    for (who, own) in counted {
        let count = after.get(who).copied().unwrap_or(0);
        assert!(*own <= count, "{who:?}: {own} of {count}");
    }
}

#[tokio::test]
async fn a_log_is_known_further_back_with_each_run_and_no_entry_is_missed_or_counted_twice() {
    let place = Place::with(&[EVERYBODY]);
    // On a weekend hours pass between two entries.
    while place
        .clock
        .now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .weekday()
        != Weekday::Wednesday
    {
        place.clock.0.fetch_add(24, Ordering::SeqCst);
    }
    place.microsoft.set_reports_empty(true);
    let shown = log(&place, SIGN_INS).await;
    // The newest entries arrive later than newer ones, and pages begin with what the last ended with.
    place.microsoft.hold_back_log(4);
    let mut server = place.synced().await;
    assert_eq!(server.last_run().await["state"], "COMPLETE");
    let first = known(&server).await;
    let month_ago = place.clock.now() - SignedDuration::from_hours(24 * 29);
    assert!(first.sign_ins_since > month_ago, "one run is not enough");
    let late = successes(&shown[..4], Timestamp::MIN);
    assert!(!late.is_empty());
    place.microsoft.release_log();

    let (mut since, mut before) = (first.sign_ins_since, Vec::new());
    let mut steps = 0;
    while since > month_ago {
        steps += 1;
        assert!(steps < 12, "known since {since} only");
        before = log(&place, SIGN_INS).await;
        let (next, run) = place.hours_later(server, 1).await;
        server = next;
        assert_eq!(run["state"], "COMPLETE", "{run}");
        // What somebody waits for.
        assert!(
            dataset(&run, "SIGN_INS")["requests"].as_u64() <= Some(2),
            "{run}"
        );
        let known = known(&server).await;
        assert!(known.sign_ins_since < since, "{since} after {steps} runs");
        since = known.sign_ins_since;
    }
    assert!(steps > 1, "all at once");
    let known = known(&server).await;
    let after = log(&place, SIGN_INS).await;
    check_counts(
        &known.uses,
        &successes(&before, since),
        &successes(&after, since),
    );
    for who in late
        .keys()
        .filter(|(user, _)| known.changes.contains_key(user))
    {
        assert!(known.uses.contains_key(who), "{who:?} came late");
    }

    // The same of what became of licenses.
    let mut told = 0;
    for entry in log(&place, AUDITS).await {
        let at: Timestamp = text(&entry["activityDateTime"]).parse().unwrap();
        let user = entry["targetResources"][0]["id"]
            .as_str()
            .unwrap_or_default();
        let is_settled = at < place.clock.now() - SignedDuration::from_hours(6);
        let Some(changes) = known.changes.get(user).filter(|_| is_settled) else {
            continue;
        };
        if entry["activityDisplayName"] == "Change user license" && at >= known.changes_since {
            let same = changes.iter().filter(|own| **own == at);
            assert_eq!(same.count(), 1, "{entry}");
            told += 1;
        }
    }
    assert!(told > 20, "{told}");
}

//! What every finding says of itself, by its kind.

use serde_json::Value;

use crate::asking::{list, text};

/// Every kind, in the order of the schema.
pub(crate) const KINDS: [&str; 16] = [
    "INACTIVE",
    "NEVER_ACTIVE",
    "DISABLED_ACCOUNT",
    "GUEST",
    "RESOURCE_ACCOUNT",
    "OVERLAP",
    "DUPLICATE_ASSIGNMENT",
    "DOWNGRADE",
    "EMPTY_LICENSE",
    "COPILOT_UNUSED",
    "ADDON_UNUSED",
    "UNASSIGNED_SEATS",
    "OVER_CONSUMED",
    "ASSIGNMENT_ERROR",
    "SUBSCRIPTION_CHANGE",
    "TRIAL_ENDING",
];

/// Those that rest on silence.
pub(crate) const SILENT: [&str; 4] = ["INACTIVE", "NEVER_ACTIVE", "COPILOT_UNUSED", "ADDON_UNUSED"];

/// Facts without which a finding of the kind is none.
const FACTS: [(&str, &[&str]); 16] = [
    ("INACTIVE", &["last ", "inactive after"]),
    (
        "NEVER_ACTIVE",
        &["last ", "inactive after", "grace for who is new"],
    ),
    (
        "DISABLED_ACCOUNT",
        &["account disabled", "grace after disabling"],
    ),
    ("GUEST", &["user type"]),
    ("RESOURCE_ACCOUNT", &[]),
    ("OVERLAP", &["also given by"]),
    ("DUPLICATE_ASSIGNMENT", &["also assigned by groups"]),
    ("DOWNGRADE", &["enough"]),
    ("EMPTY_LICENSE", &["services with use switched on"]),
    (
        "COPILOT_UNUSED",
        &["last activity in Copilot", "Copilot unused after"],
    ),
    (
        "ADDON_UNUSED",
        &["last use of the add-on", "add-on unused after"],
    ),
    (
        "UNASSIGNED_SEATS",
        &["usable seats", "seats in use", "seats in reserve"],
    ),
    (
        "OVER_CONSUMED",
        &["usable seats", "seats in use", "seats missing"],
    ),
    (
        "ASSIGNMENT_ERROR",
        &["assignment state", "assignment error"],
    ),
    (
        "SUBSCRIPTION_CHANGE",
        &["state of the subscription", "changes are told"],
    ),
    (
        "TRIAL_ENDING",
        &[
            "next change of state",
            "days left",
            "ends of trials are told",
        ],
    ),
];

/// Those that cost nothing.
pub(crate) const TIDY: [&str; 5] = [
    "DUPLICATE_ASSIGNMENT",
    "OVER_CONSUMED",
    "ASSIGNMENT_ERROR",
    "SUBSCRIPTION_CHANGE",
    "TRIAL_ENDING",
];

pub(crate) fn is_of(finding: &Value, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| finding["kind"] == *kind)
}

/// A sentence, and evidence with every fact that its kind promises, each with its source and day.
pub(crate) fn says_what_it_rests_on(finding: &Value) {
    assert!(text(&finding["summary"]).ends_with('.'), "{finding}");
    let evidence = list(&finding["evidence"]);
    assert!(!evidence.is_empty(), "{finding}");
    for fact in evidence {
        let is_there = |field: &str| !text(&fact[field]).is_empty();
        assert!(is_there("fact") && is_there("value") && is_there("source"));
        // What Microsoft and the price book tell is as of a day.
        let is_ours = ["policy", "Seatwise"].contains(&text(&fact["source"]).as_str());
        assert_eq!(fact["asOf"].is_null(), is_ours, "{fact}");
    }
    let (_, wanted) = FACTS
        .iter()
        .find(|(own, _)| finding["kind"] == *own)
        .unwrap();
    for wanted in *wanted {
        let is_said = |fact: &Value| text(&fact["fact"]).starts_with(wanted);
        assert!(evidence.iter().any(is_said), "no {wanted}: {finding}");
    }
    if is_of(finding, &SILENT) {
        assert!(
            evidence.iter().any(|fact| fact["source"] == "policy"),
            "{finding}"
        );
    }
}

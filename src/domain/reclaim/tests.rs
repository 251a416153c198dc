use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::money::{BillingPeriod, Currency, Rate};
use crate::domain::user::AssignmentState;

const E3: u128 = 1;
const VISIO: u128 = 2;
const COPILOT: u128 = 3;

fn sku(number: u128) -> SkuId {
    SkuId(Uuid::from_u128(number))
}

fn group(number: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(0x100 + number))
}

fn assigned(license: u128, directly: bool, groups: &[u128]) -> LicenseAssignment {
    LicenseAssignment {
        sku_id: sku(license),
        state: AssignmentState::Active,
        error: None,
        assigned_directly: directly,
        assigned_by_groups: groups.iter().copied().map(group).collect(),
        disabled_plans: Vec::new(),
        last_updated_at: None,
    }
}

fn path(group: ObjectId) -> Path {
    Path {
        group,
        name: Some("All staff".to_owned()),
        membership: Membership::Assigned,
    }
}

#[track_caller]
fn check_lost(assignments: &[LicenseAssignment], lost: &[u128]) {
    let lost: Vec<SkuId> = lost.iter().copied().map(sku).collect();
    assert_eq!(lost_besides(assignments, sku(E3)), lost);
}

#[test]
fn leaving_groups_takes_what_no_other_path_gives() {
    let e3 = || assigned(E3, false, &[1, 2]);
    check_lost(&[e3()], &[]);
    check_lost(&[e3(), assigned(VISIO, false, &[1])], &[VISIO]);
    check_lost(&[assigned(VISIO, false, &[1, 2]), e3()], &[VISIO]);
    check_lost(&[e3(), assigned(VISIO, false, &[1, 3])], &[]);
    check_lost(&[e3(), assigned(VISIO, true, &[1])], &[]);
    check_lost(&[e3(), assigned(VISIO, true, &[])], &[]);
    check_lost(
        &[assigned(E3, true, &[]), assigned(VISIO, false, &[1])],
        &[],
    );
    let mut failed = assigned(VISIO, false, &[1]);
    failed.state = AssignmentState::Error;
    check_lost(&[e3(), failed], &[]);
    let both = [
        assigned(COPILOT, false, &[2]),
        e3(),
        assigned(VISIO, false, &[1]),
    ];
    check_lost(&both, &[VISIO, COPILOT]);
}

#[track_caller]
fn check_act(kind: FindingKind, directly: bool, groups: &[u128], name: Option<&str>) {
    let found = act(kind, &assigned(E3, directly, groups), path, Vec::new());
    assert_eq!(found.as_ref().map(Act::name), name, "{kind:?}");
    let left = found.map_or(0, |act| act.groups().len());
    let is_left = name.is_some_and(|name| name.contains("LEAVE"));
    assert_eq!(left, if is_left { groups.len() } else { 0 });
}

#[test]
fn a_seat_is_freed_by_the_path_that_holds_it() {
    check_act(FindingKind::Inactive, true, &[], Some("UNASSIGN"));
    check_act(FindingKind::Inactive, false, &[1, 2], Some("LEAVE_GROUPS"));
    check_act(
        FindingKind::Inactive,
        true,
        &[1],
        Some("UNASSIGN_AND_LEAVE_GROUPS"),
    );
    check_act(FindingKind::Inactive, false, &[], None);
    check_act(
        FindingKind::DuplicateAssignment,
        true,
        &[1],
        Some("UNASSIGN_TWIN"),
    );
    check_act(FindingKind::DuplicateAssignment, false, &[1, 2], None);
    check_act(FindingKind::UnassignedSeats, true, &[], None);
    check_act(FindingKind::AssignmentError, true, &[], None);
}

fn step(display_name: &str) -> Step {
    let currency = Currency::parse("EUR").unwrap();
    let rate = Rate::new("39".parse().unwrap(), currency, BillingPeriod::Month);
    Step {
        user: ObjectId(Uuid::from_u128(7)),
        user_principal_name: "ann@contoso.com".to_owned(),
        display_name: Some(display_name.to_owned()),
        license: sku(E3),
        license_name: "Microsoft 365 E3".to_owned(),
        replaced_by: None,
        kind: FindingKind::Inactive,
        confidence: Confidence::High,
        summary: "Nobody has seen Ann since June.".to_owned(),
        monthly_savings: rate.ok().map(Rate::monthly),
        act: Act::Leave {
            groups: vec![path(group(1))],
            takes_also: vec![(sku(VISIO), "Visio Plan 2".to_owned())],
        },
    }
}

fn written(steps: &[Step]) -> String {
    let tenant = Tenant {
        id: Uuid::from_u128(42),
        name: "Contoso\nRemove-Item C:".to_owned(),
        as_of: "2026-11-23".to_owned(),
    };
    script(&tenant, steps)
}

#[test]
fn the_table_says_everything_and_runs_nothing() {
    let table = table(&[step("=HYPERLINK(\"http://x\")")]);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| row.get(headers.iter().position(|own| own == name).unwrap());
    assert_eq!(cell("displayName"), Some("'=HYPERLINK(\"http://x\")"));
    assert_eq!(cell("monthlySavings"), Some("39.00"));
    assert_eq!(cell("currency"), Some("EUR"));
    assert_eq!(cell("act"), Some("LEAVE_GROUPS"));
    assert_eq!(cell("alsoTaken"), Some("Visio Plan 2"));
    assert!(cell("groupsToLeave").unwrap().starts_with("All staff ("));
}

#[test]
fn the_script_changes_nothing_unless_told_to_and_says_what_else_goes() {
    let text = written(&[step("Ann")]);
    assert!(text.contains("[switch] $Apply"));
    assert!(text.contains("Leaving the groups also takes away Visio Plan 2."));
    let changes = |line: &&str| line.contains("Set-Mg") || line.contains("Remove-Mg");
    let lines: Vec<&str> = text.lines().filter(changes).collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        assert!(line.contains("if ($Apply) {"), "{line}");
    }
}

#[test]
fn a_name_cannot_end_its_quotes_or_its_comment() {
    let text = written(&[step("O'Neil\u{2019}; Remove-Item \u{201b}x'\n# ")]);
    assert!(text.contains("Name = 'O''Neil\u{2019}\u{2019}; Remove-Item \u{201b}\u{201b}x''# '"));
    assert!(text.contains("# Contoso Remove-Item C:, as of 2026-11-23"));
}

proptest! {
    #[test]
    fn whatever_a_name_is_a_step_stays_one_line_and_its_quotes_balance(name in any::<String>()) {
        let plain = written(&[step("Ann")]);
        let text = written(&[step(&name)]);
        prop_assert_eq!(text.lines().count(), plain.lines().count());
        let line = text.lines().find(|line| line.contains("Number = 1;")).unwrap();
        let is_quote = |character: &char| matches!(character, '\'' | '\u{2018}'..='\u{201b}');
        prop_assert_eq!(line.chars().filter(is_quote).count() % 2, 0);
    }
}

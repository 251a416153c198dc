//! The organization as tables for PostgreSQL, and what of it is worth asking for.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use csv::Writer;
use seatwise::domain::filter::{ListCondition, UserDimension, UserFilter, UserFlag};
use seatwise::domain::text::{Folded, fold};
use seatwise::domain::user::{AssignmentState, UserType};
use seatwise::engine::{GroupDetail, TenantIndex, UserRow, UserSelection, Window, select};
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// Pairs of a department and a license that Q1 and Q2 rotate over.
const PAIRS: usize = 200;
/// A pair with fewer people does not fill a page.
const MATCHES_MIN: u64 = 50;
/// Users that Q4 rotates over.
const IDS: usize = 200;
/// Parts of names that Q6 rotates over, of 3 to 6 letters.
const NEEDLES: usize = 10;

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Departments and licenses that people of both are found for.
    pub(crate) pairs: Vec<(String, String)>,
    /// How many people a pair has, on average.
    pub(crate) matches_mean: f64,
    /// Names of licenses that somebody holds.
    pub(crate) licenses: Vec<String>,
    /// Departments and how many people are in each, the largest first.
    pub(crate) departments: Vec<(String, u64)>,
    /// Microsoft's GUIDs of users.
    pub(crate) ids: Vec<String>,
    /// Parts of names of people.
    pub(crate) needles: Vec<String>,
}

/// Writes `users.csv` and `assignments.csv`, in the order of the tables' columns.
pub(crate) fn export(index: &Arc<TenantIndex>, directory: &Path) -> Outcome<Sample> {
    let everybody = selected(index, &UserFilter::EVERYBODY);
    let window = Window {
        size: usize::try_from(everybody.count())?,
        ..Window::default()
    };
    let rows = everybody.page(&[], &window).rows;
    let mut users = Writer::from_path(directory.join("users.csv"))?;
    let mut assignments = Writer::from_path(directory.join("assignments.csv"))?;
    for row in &rows {
        users.write_record(user_record(row))?;
        for record in assignment_records(index, row) {
            assignments.write_record(record)?;
        }
    }
    users.flush()?;
    assignments.flush()?;
    Ok(sample(index, &everybody, &rows))
}

fn user_record(row: &UserRow) -> [String; 23] {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let names = row.licenses().map(|entry| entry.name.text.as_str());
    let values = row
        .licenses()
        .map(|entry| entry.license.part_number.as_str());
    [
        row.object_id().to_string(),
        row.user_principal_name().to_owned(),
        text(row.display_name()),
        text(row.mail()),
        text(row.employee_id()),
        text(row.employee_type()),
        text(row.job_title()),
        text(row.department()),
        text(row.company_name()),
        text(row.office_location()),
        text(row.country()),
        text(row.usage_location()),
        user_type(row.user_type()).to_owned(),
        row.is_resource_account().to_string(),
        row.account_enabled().to_string(),
        row.is_synced_from_on_premises().to_string(),
        row.created_at()
            .map(|at| at.to_string())
            .unwrap_or_default(),
        row.hired_on().map(|on| on.to_string()).unwrap_or_default(),
        row.manager_id()
            .map(|id| id.to_string())
            .unwrap_or_default(),
        array(names.collect()),
        array(values.collect()),
        row.display_name().map(fold).unwrap_or_default(),
        fold(row.user_principal_name()),
    ]
}

fn assignment_records(index: &TenantIndex, row: &UserRow) -> Vec<[String; 6]> {
    let assignments = row.assignments().into_iter();
    assignments
        .map(|assignment| {
            let entry = index.license(assignment.sku_id);
            let part_number = entry.map(|entry| entry.license.part_number.clone());
            let updated = assignment.last_updated_at.map(|at| at.to_string());
            [
                row.object_id().to_string(),
                assignment.sku_id.to_string(),
                part_number.unwrap_or_default(),
                state(assignment.state).to_owned(),
                assignment.assigned_directly.to_string(),
                updated.unwrap_or_default(),
            ]
        })
        .collect()
}

/// An array as PostgreSQL writes it: sorted and without repeats, as the schema says of both lists.
fn array(texts: BTreeSet<&str>) -> String {
    let quoted = texts.into_iter().map(|text| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

fn user_type(of: UserType) -> &'static str {
    match of {
        UserType::Member => "MEMBER",
        UserType::Guest => "GUEST",
        UserType::Unknown => "UNKNOWN",
    }
}

fn state(of: AssignmentState) -> &'static str {
    match of {
        AssignmentState::Active => "ACTIVE",
        AssignmentState::ActiveWithError => "ACTIVE_WITH_ERROR",
        AssignmentState::Disabled => "DISABLED",
        AssignmentState::Error => "ERROR",
        AssignmentState::Unknown => "UNKNOWN",
    }
}

fn sample(index: &Arc<TenantIndex>, everybody: &UserSelection, rows: &[UserRow]) -> Sample {
    let licenses: Vec<String> = groups(everybody, UserDimension::LicenseName)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let (pairs, matches) = pairs(index, &licenses);
    let apart = (rows.len() / IDS).max(1);
    Sample {
        matches_mean: matches as f64 / pairs.len().max(1) as f64,
        pairs,
        licenses,
        departments: groups(everybody, UserDimension::Department),
        ids: rows
            .iter()
            .step_by(apart)
            .take(IDS)
            .map(|row| row.object_id().to_string())
            .collect(),
        needles: needles(rows),
    }
}

/// Pairs from the most frequent to the rarest that fill a page, evenly apart; where there are too few,
/// the most frequent. With them, how many people they have in all.
fn pairs(index: &Arc<TenantIndex>, licenses: &[String]) -> (Vec<(String, String)>, u64) {
    let mut pairs: Vec<(u64, String, String)> = Vec::new();
    for license in licenses {
        let filter = UserFilter::And(vec![
            UserFilter::LicenseNames(ListCondition::HasSome([Folded::new(license)].into())),
            UserFilter::Flag(UserFlag::ResourceAccount, false),
            UserFilter::UserType([UserType::Member].into()),
        ]);
        let departments = groups(&selected(index, &filter), UserDimension::Department);
        pairs.extend(
            departments
                .into_iter()
                .map(|(department, count)| (count, department, license.clone())),
        );
    }
    pairs.sort_by(|left, right| right.cmp(left));
    let full = pairs
        .iter()
        .take_while(|pair| pair.0 >= MATCHES_MIN)
        .count();
    if full >= PAIRS {
        let chosen = (0..PAIRS).map(|place| pairs[place * full / PAIRS].clone());
        pairs = chosen.collect();
    }
    pairs.truncate(PAIRS);
    let matches = pairs.iter().map(|pair| pair.0).sum();
    let named = pairs
        .into_iter()
        .map(|(_, department, license)| (department, license));
    (named.collect(), matches)
}

/// "ann", and beginnings of surnames of people who stand evenly apart.
fn needles(rows: &[UserRow]) -> Vec<String> {
    let mut needles = vec!["ann".to_owned()];
    let apart = (rows.len() / (4 * NEEDLES)).max(1);
    for row in rows.iter().step_by(apart) {
        let length = 3 + needles.len() % 4;
        let name = row.display_name().map(fold).unwrap_or_default();
        let surname = name.split(' ').next_back().unwrap_or_default();
        let needle = surname.get(..length).unwrap_or_default();
        let is_plain = needle.bytes().all(|byte| byte.is_ascii_lowercase());
        if !needle.is_empty() && is_plain && !needles.iter().any(|known| known == needle) {
            needles.push(needle.to_owned());
        }
        if needles.len() == NEEDLES {
            break;
        }
    }
    needles
}

pub(crate) fn selected(index: &Arc<TenantIndex>, filter: &UserFilter) -> UserSelection {
    select(std::slice::from_ref(index), filter, &[])
}

/// Values of a property that somebody has, the most frequent first.
pub(crate) fn groups(users: &UserSelection, by: UserDimension) -> Vec<(String, u64)> {
    let groups = users
        .breakdown(by, usize::MAX, GroupDetail::Count)
        .into_iter();
    groups
        .filter_map(|group| Some((group.key?, group.count)))
        .collect()
}

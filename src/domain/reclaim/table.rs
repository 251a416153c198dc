//! The plan as a table for people: CSV.

use super::{Path, Step};
use crate::domain::cell::guarded;
use crate::domain::ids::SkuId;

/// The columns.
const HEADER: [&str; 16] = [
    "userId",
    "userPrincipalName",
    "displayName",
    "skuId",
    "license",
    "finding",
    "confidence",
    "monthlySavings",
    "currency",
    "act",
    "groupsToLeave",
    "groupMemberships",
    "alsoTaken",
    "replacedBySkuId",
    "replacedBy",
    "summary",
];

/// The steps as CSV (RFC 4180, UTF-8), one line each under a header. Texts that a spreadsheet would run
/// are guarded.
pub fn table(steps: &[Step]) -> String {
    let mut lines = csv::WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = lines.write_record(HEADER);
    for step in steps {
        let _ = lines.write_record(cells(step));
    }
    let bytes = lines.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn cells(step: &Step) -> [String; 16] {
    let text = |text: &str| guarded(text).into_owned();
    let (replaced_id, replaced_by) = match &step.replaced_by {
        Some((id, name)) => (id.to_string(), text(name)),
        None => Default::default(),
    };
    let saving = step.monthly_savings;
    [
        step.user.to_string(),
        text(&step.user_principal_name),
        text(step.display_name.as_deref().unwrap_or_default()),
        step.license.to_string(),
        text(&step.license_name),
        step.kind.name().to_owned(),
        step.confidence.name().to_owned(),
        saving.map(|money| money.amount_text()).unwrap_or_default(),
        saving
            .map(|money| money.currency().code().to_owned())
            .unwrap_or_default(),
        step.act.name().to_owned(),
        text(&joined(step.act.groups().iter().map(shown))),
        joined(
            step.act
                .groups()
                .iter()
                .map(|path| path.membership.name().to_owned()),
        ),
        text(&joined(step.act.takes_also().iter().map(named))),
        replaced_id,
        replaced_by,
        text(&step.summary),
    ]
}

fn shown(path: &Path) -> String {
    match &path.name {
        Some(name) => format!("{name} ({})", path.group),
        None => path.group.to_string(),
    }
}

fn named((_, name): &(SkuId, String)) -> String {
    name.clone()
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

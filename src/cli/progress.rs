//! How a sync is shown: a bar for each dataset on a terminal, plain lines elsewhere.
//!
//! Both are drawn from snapshots of a run, whether they come from this process or from a server.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::{Deserialize, Deserializer};

use crate::domain::sync_run::{Dataset, DatasetState, SyncRun, SyncState};

use super::output;

/// A running dataset gets a line each time it has read so many rows more.
const ROWS_A_LINE: u64 = 10_000;

/// How long a bar is.
const BAR_LENGTH: u64 = 1_000;

/// A run at one moment, as a server tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) tenant: Named,
    #[serde(deserialize_with = "sync_state")]
    pub(super) state: SyncState,
    /// 0 to 1; `None` while the total is not known.
    pub(super) progress: Option<f64>,
    pub(super) problem: Option<String>,
    pub(super) datasets: Vec<Part>,
}

/// What a tenant is called here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Named {
    pub(super) key: String,
}

/// A dataset of a run at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    #[serde(deserialize_with = "dataset_of_word")]
    pub(super) dataset: String,
    #[serde(deserialize_with = "dataset_state")]
    pub(super) state: DatasetState,
    pub(super) rows: u64,
    pub(super) quarantined_rows: u64,
    pub(super) throttled_requests: u64,
    pub(super) problem: Option<String>,
}

impl From<&SyncRun> for Snapshot {
    fn from(run: &SyncRun) -> Self {
        let part = |part: &crate::domain::sync_run::DatasetRun| Part {
            dataset: part.dataset.name().to_owned(),
            state: part.state,
            rows: part.rows,
            quarantined_rows: part.quarantined_rows,
            throttled_requests: part.throttled_requests,
            problem: part.problem.as_ref().map(ToString::to_string),
        };
        Self {
            id: run.id.to_string(),
            tenant: Named {
                key: run.tenant.to_string(),
            },
            state: run.state,
            progress: run.progress,
            problem: run.problem.as_ref().map(ToString::to_string),
            datasets: run.datasets.iter().map(part).collect(),
        }
    }
}

fn sync_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SyncState, D::Error> {
    let word = String::deserialize(deserializer)?;
    match word.as_str() {
        "QUEUED" => Ok(SyncState::Queued),
        "RUNNING" => Ok(SyncState::Running),
        "COMPLETE" => Ok(SyncState::Complete),
        "PARTIAL" => Ok(SyncState::Partial),
        "FAILED" => Ok(SyncState::Failed),
        "CANCELED" => Ok(SyncState::Canceled),
        _ => Err(serde::de::Error::custom("an unknown state of a run")),
    }
}

fn dataset_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DatasetState, D::Error> {
    let word = String::deserialize(deserializer)?;
    match word.as_str() {
        "WAITING" => Ok(DatasetState::Waiting),
        "RUNNING" => Ok(DatasetState::Running),
        "COMPLETE" => Ok(DatasetState::Complete),
        "UNCHANGED" => Ok(DatasetState::Unchanged),
        "SKIPPED" => Ok(DatasetState::Skipped),
        "FAILED" => Ok(DatasetState::Failed),
        _ => Err(serde::de::Error::custom("an unknown state of a dataset")),
    }
}

fn dataset_of_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(dataset_name(&String::deserialize(deserializer)?))
}

/// What a dataset is called here, of its word in the schema; a newer server may have one that this
/// version does not know.
pub(super) fn dataset_name(word: &str) -> String {
    let letters = |text: &str| {
        let letters = text
            .chars()
            .filter(|character| character.is_ascii_alphabetic());
        letters.collect::<String>().to_ascii_lowercase()
    };
    let known = Dataset::ALL.map(Dataset::name).into_iter();
    let mut meant = known.filter(|name| letters(name) == letters(word));
    meant
        .next()
        .map_or_else(|| word.to_lowercase().replace('_', " "), str::to_owned)
}

/// Where runs are shown. Several runs may be shown from several tasks at a time.
pub(super) struct Screen {
    /// What each tenant's run looked like last.
    shown: Mutex<BTreeMap<String, Snapshot>>,
    bars: Option<Bars>,
}

impl Screen {
    /// Bars where standard error is a terminal, which leaves standard output to the outcome.
    pub(super) fn new() -> Self {
        Self {
            shown: Mutex::default(),
            bars: std::io::stderr().is_terminal().then(Bars::default),
        }
    }

    /// Shows a run as it is now.
    pub(super) fn show(&self, now: &Snapshot) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.insert(now.tenant.key.clone(), now.clone());
        match &self.bars {
            Some(bars) => {
                bars.show(now);
                if now.state.is_over() && before.is_none_or(|before| !before.state.is_over()) {
                    output::print(&format!("{}\n", outcome(now)));
                }
            }
            None => {
                for line in lines(before.as_ref(), now) {
                    output::print(&format!("{line}\n"));
                }
            }
        }
    }
}

/// What there is to tell since `before`.
fn lines(before: Option<&Snapshot>, now: &Snapshot) -> Vec<String> {
    let tenant = &now.tenant.key;
    let mut lines = Vec::new();
    if before.is_none() {
        lines.push(format!("{tenant}: sync started"));
    }
    for (index, part) in now.datasets.iter().enumerate() {
        let old = before.and_then(|before| before.datasets.get(index));
        if is_news(old, part) {
            lines.push(format!("{tenant}: {} {}", part.dataset, standing(part)));
        }
    }
    if now.state.is_over() && before.is_none_or(|before| !before.state.is_over()) {
        lines.push(outcome(now));
    }
    lines
}

/// What was not read has no line: of so many datasets most may be left for another run.
fn is_news(old: Option<&Part>, now: &Part) -> bool {
    let (old_state, old_rows) = old.map_or((DatasetState::Waiting, 0), |old| (old.state, old.rows));
    match now.state {
        DatasetState::Running => now.rows / ROWS_A_LINE > old_rows / ROWS_A_LINE,
        DatasetState::Complete | DatasetState::Unchanged | DatasetState::Failed => {
            now.state != old_state
        }
        DatasetState::Waiting | DatasetState::Skipped => false,
    }
}

/// Where a dataset stands, in words.
fn standing(part: &Part) -> String {
    let rows = format!(
        "{} row{}",
        grouped(part.rows),
        if part.rows == 1 { "" } else { "s" }
    );
    let mut text = match part.state {
        DatasetState::Waiting => return "waits".into(),
        DatasetState::Skipped => return "skipped".into(),
        DatasetState::Running => rows,
        DatasetState::Complete => format!("complete, {rows}"),
        DatasetState::Unchanged => format!("unchanged, {rows}"),
        DatasetState::Failed => format!("failed after {rows}"),
    };
    if part.quarantined_rows > 0 {
        text += &format!(", {} unreadable", grouped(part.quarantined_rows));
    }
    if part.throttled_requests > 0 {
        text += &format!(", throttled {} times", grouped(part.throttled_requests));
    }
    if let Some(problem) = &part.problem {
        text += &format!(": {}", one_line(problem));
    }
    text
}

/// How a run ended, in one line.
fn outcome(run: &Snapshot) -> String {
    let words = match run.state {
        SyncState::Queued => "sync waits",
        SyncState::Running => "sync runs",
        SyncState::Complete => "sync complete",
        SyncState::Partial => "sync complete in part: what failed keeps its older facts",
        SyncState::Failed => "sync failed, the facts from before stay",
        SyncState::Canceled => "sync canceled, the facts from before stay",
    };
    let problem = run
        .problem
        .as_ref()
        .map(|problem| format!(": {}", one_line(problem)));
    let (tenant, counts) = (&run.tenant.key, counts(run));
    format!("{tenant}: {words}{counts}{}", problem.unwrap_or_default())
}

/// What became of the datasets: " (12 read, 5 unchanged, 2 skipped)".
fn counts(run: &Snapshot) -> String {
    let words = [
        (DatasetState::Complete, "read"),
        (DatasetState::Unchanged, "unchanged"),
        (DatasetState::Skipped, "skipped"),
        (DatasetState::Failed, "failed"),
    ];
    let counted = words.map(|(state, word)| {
        let of_state = run.datasets.iter().filter(|part| part.state == state);
        (of_state.count(), word)
    });
    let told = counted.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<_> = told
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if told.is_empty() {
        return String::new();
    }
    format!(" ({})", told.join(", "))
}

/// A text from outside on one line of a terminal.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// A number as people read it: 1,234,567.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far a dataset is, of [`BAR_LENGTH`]; `None` while nobody can know.
fn position(run: &Snapshot, part: &Part) -> Option<u64> {
    match part.state {
        DatasetState::Waiting => Some(0),
        DatasetState::Running => run
            .progress
            .filter(|progress| progress.is_finite())
            .map(|progress| (progress.clamp(0.0, 1.0) * BAR_LENGTH as f64) as u64),
        _ => Some(BAR_LENGTH),
    }
}

/// The bars on the terminal, by tenant and dataset.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    by_name: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn show(&self, run: &Snapshot) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        for part in &run.datasets {
            let name = format!("{} {}", run.tenant.key, part.dataset);
            if !has_bar(part.state) {
                if let Some(bar) = by_name.remove(&name) {
                    bar.finish_and_clear();
                }
                continue;
            }
            let bar = by_name
                .entry(name)
                .or_insert_with_key(|name| self.all.add(bar(name)));
            bar.set_message(standing(part));
            match position(run, part) {
                Some(position) => bar.set_position(position),
                None => bar.tick(),
            }
            if run.state.is_over() && !bar.is_finished() {
                bar.abandon();
            }
        }
    }
}

/// A terminal holds fewer lines than there are datasets: those that are being read have a bar, and
/// those that failed keep theirs.
fn has_bar(state: DatasetState) -> bool {
    match state {
        DatasetState::Running | DatasetState::Failed => true,
        DatasetState::Waiting
        | DatasetState::Complete
        | DatasetState::Unchanged
        | DatasetState::Skipped => false,
    }
}

fn bar(name: &str) -> ProgressBar {
    // A template that indicatif cannot read is a fault that shows as its own plain bar.
    let style = ProgressStyle::with_template("{prefix:32!} {spinner} [{bar:30}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(BAR_LENGTH)
        .with_style(style)
        .with_prefix(name.to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::domain::ids::{RunId, TenantKey};
    use crate::domain::sync_run::{Dataset, Problem, ProblemKind, SyncTrigger};

    use super::*;

    fn queued() -> SyncRun {
        SyncRun::queued(
            RunId(uuid::Uuid::nil()),
            TenantKey::parse("contoso").unwrap(),
            SyncTrigger::Manual,
            Timestamp::UNIX_EPOCH,
        )
    }

    fn set(run: &mut SyncRun, dataset: Dataset, state: DatasetState, rows: u64) {
        let part = run.dataset_mut(dataset).unwrap();
        (part.state, part.rows) = (state, rows);
    }

    /// The lines of a run that passes through the given steps.
    fn told(steps: &[&dyn Fn(&mut SyncRun)]) -> Vec<String> {
        let mut run = queued();
        let mut before = None;
        let mut told = Vec::new();
        for step in steps {
            step(&mut run);
            let now = Snapshot::from(&run);
            told.extend(lines(before.as_ref(), &now));
            before = Some(now);
        }
        told
    }

    #[test]
    fn a_run_is_told_in_lines_without_repeating_itself() {
        let told = told(&[
            &|_| (),
            &|run| {
                run.state = SyncState::Running;
                set(run, Dataset::Organization, DatasetState::Complete, 1);
            },
            &|run| set(run, Dataset::Users, DatasetState::Running, 9_999),
            &|run| set(run, Dataset::Users, DatasetState::Running, 12_345),
            &|run| set(run, Dataset::Users, DatasetState::Running, 19_999),
            &|run| {
                set(run, Dataset::Users, DatasetState::Complete, 1_234_567);
                let users = run.dataset_mut(Dataset::Users).unwrap();
                (users.quarantined_rows, users.throttled_requests) = (2, 3);
            },
            &|run| set(run, Dataset::Licenses, DatasetState::Unchanged, 25),
            &|run| run.state = SyncState::Complete,
            &|_| (),
        ]);
        assert_eq!(
            told,
            [
                "contoso: sync started",
                "contoso: organization complete, 1 row",
                "contoso: users 12,345 rows",
                "contoso: users complete, 1,234,567 rows, 2 unreadable, throttled 3 times",
                "contoso: licenses unchanged, 25 rows",
                "contoso: sync complete (2 read, 1 unchanged)",
            ]
        );
    }

    #[test]
    fn a_failure_is_told_with_its_problem_on_one_line() {
        let told = told(&[&|run| {
            run.state = SyncState::Failed;
            run.problem = Some(Problem::new(
                ProblemKind::Permission,
                "add User.Read.All\nand consent",
            ));
            set(run, Dataset::Users, DatasetState::Failed, 999);
            let users = run.dataset_mut(Dataset::Users).unwrap();
            users.problem = Some(Problem::new(ProblemKind::Permission, "add User.Read.All"));
            set(run, Dataset::Licenses, DatasetState::Skipped, 0);
        }]);
        assert_eq!(
            told,
            [
                "contoso: sync started",
                "contoso: users failed after 999 rows: PERMISSION: add User.Read.All",
                "contoso: sync failed, the facts from before stay (1 skipped, 1 failed): PERMISSION: add User.Read.All and consent",
            ]
        );
    }

    #[test]
    fn a_servers_snapshot_is_read() {
        let text = r#"{
            "id": "R1", "state": "RUNNING", "progress": 0.5, "problem": null, "tenant": { "key": "contoso" },
            "datasets": [{ "dataset": "SIGN_INS", "state": "WAITING", "rows": 1, "quarantinedRows": 2,
                           "throttledRequests": 3, "problem": "p" }]
        }"#;
        let snapshot: Snapshot = serde_json::from_str(text).unwrap();
        assert_eq!(snapshot.state, SyncState::Running);
        assert_eq!(snapshot.datasets[0].dataset, "sign-ins");
        assert_eq!(snapshot.datasets[0].throttled_requests, 3);
        assert!(serde_json::from_str::<Snapshot>(&text.replace("RUNNING", "FLYING")).is_err());
    }

    #[test]
    fn a_dataset_is_called_what_it_is_called_here() {
        let check = |word: &str, name: &str| assert_eq!(dataset_name(word), name);
        check("ORGANIZATION", "organization");
        check("SIGN_IN_ACTIVITY", "sign-in activity");
        check("ONEDRIVE_USAGE", "OneDrive usage");
        check("VIVA_ENGAGE_ACTIVITY", "Viva Engage activity");
        check("SOMETHING_NEW", "something new");
    }

    #[test]
    fn only_what_is_read_or_failed_has_a_bar() {
        let with_bar: Vec<_> = [
            DatasetState::Waiting,
            DatasetState::Running,
            DatasetState::Complete,
            DatasetState::Unchanged,
            DatasetState::Skipped,
            DatasetState::Failed,
        ]
        .into_iter()
        .filter(|state| has_bar(*state))
        .collect();
        assert_eq!(with_bar, [DatasetState::Running, DatasetState::Failed]);
    }

    #[test]
    fn a_bar_is_as_long_as_what_is_known() {
        let check = |state, progress, expected| {
            let mut run = queued();
            set(&mut run, Dataset::Users, state, 5);
            run.progress = progress;
            let run = Snapshot::from(&run);
            assert_eq!(position(&run, &run.datasets[1]), expected);
        };
        check(DatasetState::Waiting, Some(0.9), Some(0));
        check(DatasetState::Running, None, None);
        check(DatasetState::Running, Some(f64::NAN), None);
        check(DatasetState::Running, Some(0.25), Some(250));
        check(DatasetState::Running, Some(7.0), Some(1_000));
        check(DatasetState::Complete, None, Some(1_000));
        check(DatasetState::Failed, Some(0.1), Some(1_000));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let check = |number, text| assert_eq!(grouped(number), text);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(12_345_678, "12,345,678");
    }
}

//! The doors by which `fuzz/` and the benchmarks reach what reads bytes from outside. Not part of the library.

use jiff::civil::date;

use super::directory::{Change, GroupLicenses, GroupPatch, UserAssignments, UserPatch};
use super::logs::{DirectoryAudit, SignIn};
use super::paging::{Row, decode};
use super::reports::read_report;
use super::users::Listed;
use super::wire::Envelope;
use crate::domain::license::License;
use crate::domain::sign_in::SignInActivity;
use crate::domain::standing::Fetched;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Organization;
use crate::domain::usage::Period;
use crate::domain::user::User;

/// Reads bytes as a page of every kind of row: each row is read or quarantined.
pub fn page(bytes: &[u8]) {
    let Ok(body) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(envelope) = Envelope::read(body) else {
        return;
    };
    let rows = envelope.rows(body);
    let check = |(read, quarantined): (usize, usize)| {
        assert_eq!(read + quarantined, rows.len(), "a row was lost");
    };
    check(counts::<Organization>(body, &rows));
    check(counts::<Listed<User>>(body, &rows));
    check(counts::<Listed<UserAssignments>>(body, &rows));
    check(counts::<Listed<SignInActivity>>(body, &rows));
    check(counts::<Change<UserPatch>>(body, &rows));
    check(counts::<Change<GroupPatch>>(body, &rows));
    check(counts::<GroupLicenses>(body, &rows));
    check(counts::<License>(body, &rows));
    check(counts::<Subscription>(body, &rows));
    check(counts::<SignIn>(body, &rows));
    check(counts::<DirectoryAudit>(body, &rows));
}

fn counts<T: Row>(body: &str, rows: &[std::ops::Range<usize>]) -> (usize, usize) {
    let page = decode::<T>(body, rows);
    (page.rows.len(), page.quarantined.len())
}

/// The users on a page that was answered, as a run reads them; none where it is no page. For
/// benchmarks.
pub fn users(body: &str) -> Vec<User> {
    let Ok(envelope) = Envelope::read(body) else {
        return Vec::new();
    };
    let rows = envelope.rows(body);
    decode(body, &rows).rows
}

/// Reads bytes as a usage report; the first one chooses which.
pub fn report(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let choice = usize::from(*choice);
    let dataset = Dataset::REPORTS[choice % Dataset::REPORTS.len()];
    let what = match choice / Dataset::REPORTS.len() % 3 {
        0 => Fetched::Period(Period::D7),
        1 => Fetched::Day(date(2026, 11, 1)),
        _ => Fetched::Whole,
    };
    let Ok(report) = read_report(dataset, what, bytes) else {
        return;
    };
    let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).count();
    let rows = report.rows.len() + report.quarantined.len();
    assert!(rows < lines, "more rows than lines");
    for row in report.quarantined {
        assert!(!row.reason.is_empty(), "a row without a reason");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_seeds(target: &str, run: fn(&[u8])) {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let seeds: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            run(&std::fs::read(seed.unwrap().path()).unwrap());
        }
    }

    #[test]
    fn every_seed_is_read_without_harm() {
        check_seeds("page", page);
        check_seeds("report", report);
    }
}

//! What makes a report: its name, whom it lists and what its columns say.

use std::cell::OnceCell;

use super::asked::Asked;
use super::subject::Subject;
use super::subject::everybody;
use super::table::Column;
use super::table::Line;
use super::table::Writer;
use crate::simulator::organization::usage::Workload;
use crate::simulator::world::World;

/// What a report may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arguments {
    PeriodOrDate,
    Period,
    Nothing,
}

/// A report.
pub(super) struct Report {
    /// As Graph calls it.
    pub(super) function: &'static str,
    pub(super) arguments: Arguments,
    /// What is counted: on a single date, who was active in one of them is listed.
    pub(super) workloads: &'static [Workload],
    /// How many lines somebody has in it.
    pub(super) lines: fn(&Subject) -> usize,
    pub(super) columns: &'static [Column],
}

impl Report {
    /// One line for everybody who is listed in one of the workloads.
    pub(super) const fn of(
        function: &'static str,
        workloads: &'static [Workload],
        lines: fn(&Subject) -> usize,
        columns: &'static [Column],
    ) -> Self {
        Self {
            function,
            arguments: Arguments::PeriodOrDate,
            workloads,
            lines,
            columns,
        }
    }
}

/// One line, if the account is listed in the workload.
pub(super) fn line_of(subject: &Subject, workload: Workload) -> usize {
    usize::from(subject.life.is_listed(workload))
}

/// The report as CSV.
pub(super) fn csv(world: &World, asked: &Asked) -> Vec<u8> {
    match &world.row_cache {
        None => written(world, asked),
        Some(cache) => {
            let version = world.organization.view().version();
            let name = format!("{} {version}", asked.content());
            cache.report(name, || written(world, asked))
        }
    }
}

fn written(world: &World, asked: &Asked) -> Vec<u8> {
    let mut writer = Writer::new(asked);
    if asked.is_unpopulated() {
        return writer.finish();
    }
    everybody(world, asked.refreshed_on, |subject| {
        let is_seen = !asked.is_date
            || asked
                .report
                .workloads
                .iter()
                .any(|&workload| subject.life.is_active(workload, asked.last));
        if !is_seen {
            return;
        }
        for part in 0..(asked.report.lines)(subject) {
            writer.line(&Line {
                asked,
                subject,
                part,
                apps: OnceCell::new(),
            });
        }
    });
    writer.finish()
}

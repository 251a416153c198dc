//! What reports say of users, taken in at once.
//!
//! Notes of a chunk of rows stand one behind the other, so one that comes alone moves those behind it. At a
//! start millions come, report after report, and nobody reads before all of them are there. So they are
//! kept aside as they come, those of neighboring rows together, and put in place on all cores.

use super::super::chunked::{CHUNK_ROWS, split_row};
use super::super::cores::on_all_cores;
use super::notes::{NotesChunk, NotesWriter};
use super::{CodedUsage, Facts, as_active_user, day_told, tag};
use crate::domain::activity::Workloads;
use crate::domain::day::Day;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;

/// What reports say of rows of which no report has said anything yet.
#[derive(Default)]
pub(in crate::engine) struct Reports {
    /// By chunk of rows.
    chunks: Vec<OfChunk>,
}

/// What they say of the rows of a chunk, as it came.
#[derive(Default)]
struct OfChunk {
    told: Vec<Told>,
    /// One behind the other.
    notes: Vec<u8>,
}

/// What one report says of one row.
struct Told {
    /// The row, in its chunk.
    at: u16,
    dataset: Dataset,
    is_left_out: bool,
    /// Where its note ends.
    end: u32,
}

/// The columns of a chunk of rows.
struct Columns {
    notes: Vec<NotesChunk>,
    workload_days: [Vec<Option<Day>>; Workload::ALL.len()],
    told: Vec<Workloads>,
    left_out: Vec<Workloads>,
}

impl Reports {
    /// Keeps aside what a report says of a row. Of two facts of one report the first counts.
    pub(in crate::engine) fn push(&mut self, row: u32, usage: &CodedUsage) {
        let (chunk, at) = split_row(row);
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, OfChunk::default);
        }
        let chunk = &mut self.chunks[chunk];
        chunk.notes.extend_from_slice(&usage.note);
        chunk.told.push(Told {
            at: at as u16, // Below CHUNK_ROWS.
            dataset: usage.dataset,
            is_left_out: usage.is_left_out,
            end: chunk.notes.len() as u32, // Far below 4 GB.
        });
    }
}

impl Facts {
    /// Puts in place what was kept aside, and brings up to date what activity is judged by.
    pub(in crate::engine) fn take_reports(&mut self, reports: Reports) {
        let chunks: Vec<(usize, OfChunk)> = reports.chunks.into_iter().enumerate().collect();
        let made = on_all_cores(&chunks, |(chunk, told)| told.columns(self, *chunk));
        for ((chunk, _), made) in chunks.iter().zip(made) {
            self.notes.set_rows(chunk * CHUNK_ROWS, made.notes);
            for (column, days) in self.workload_days.iter_mut().zip(made.workload_days) {
                column.set_chunk(*chunk, days);
            }
            self.told.set_chunk(*chunk, made.told);
            self.left_out.set_chunk(*chunk, made.left_out);
        }
        let latest = on_all_cores(&chunks, |(chunk, _)| {
            let rows = rows_of(*chunk);
            rows.map(|row| self.latest_evidence(row)).collect()
        });
        for ((chunk, _), days) in chunks.iter().zip(latest) {
            self.last_active_on.set_chunk(*chunk, days);
        }
    }
}

fn rows_of(chunk: usize) -> impl Iterator<Item = u32> {
    let first = (chunk * CHUNK_ROWS) as u32; // Rows have four bytes.
    first..first + CHUNK_ROWS as u32
}

impl OfChunk {
    /// The columns with it, beside what is noted of the rows already.
    fn columns(&self, facts: &Facts, chunk: usize) -> Columns {
        let told = (0..).zip(&self.told);
        let mut told: Vec<(u16, Dataset, usize)> = told
            .map(|(place, told)| (told.at, told.dataset, place))
            .collect();
        told.sort_unstable();
        told.dedup_by_key(|(at, dataset, _)| (*at, *dataset));
        let mut told = told.as_slice();
        let mut notes = NotesWriter::default();
        let mut columns = Columns {
            notes: Vec::new(),
            workload_days: Default::default(),
            told: Vec::with_capacity(CHUNK_ROWS),
            left_out: Vec::with_capacity(CHUNK_ROWS),
        };
        for (at, row) in (0..).zip(rows_of(chunk)) {
            let count = told.iter().take_while(|(own, ..)| *own == at).count();
            let (of_row, behind) = told.split_at(count);
            told = behind;
            notes.copy(facts.notes.of_row(row));
            for (_, dataset, place) in of_row {
                notes.add(tag(*dataset), self.note(*place));
            }
            notes.end_row();
            columns.push(|dataset| {
                let place = of_row.iter().find(|(_, own, _)| *own == dataset)?.2;
                Some((self.note(place), self.told.get(place)?.is_left_out))
            });
        }
        columns.notes = notes.into_chunks();
        columns
    }

    /// The note at a place among all.
    fn note(&self, place: usize) -> &[u8] {
        let end_of = |place: usize| self.told.get(place).map_or(0, |told| told.end as usize);
        let start = place.checked_sub(1).map_or(0, end_of);
        self.notes.get(start..end_of(place)).unwrap_or_default()
    }
}

impl Columns {
    /// Adds the next row, of which each report has a note and may have left it out.
    fn push<'a>(&mut self, report: impl Fn(Dataset) -> Option<(&'a [u8], bool)>) {
        let (mut told, mut left_out) = (Workloads::default(), Workloads::default());
        let as_active_user =
            report(Dataset::ActiveUsers).and_then(|(note, _)| as_active_user(note));
        for workload in Workload::ALL {
            let own = report(workload.dataset());
            let of_workload = Workloads::default().and(&[workload]);
            match own {
                Some((_, true)) => left_out = left_out.or(of_workload),
                Some((_, false)) => told = told.or(of_workload),
                None => {}
            }
            let day = day_told(workload, own.map(|(note, _)| note), as_active_user.as_ref());
            self.workload_days[workload as usize].push(day);
        }
        self.told.push(told);
        self.left_out.push(left_out);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::day;
    use crate::domain::ids::ObjectId;
    use crate::domain::sign_in::SignInActivity;
    use crate::domain::usage::{Metric, Usage, Values};
    use crate::domain::user_fact::UserFact;

    /// What a report says of a row, at the ends of chunks and in one between.
    fn told() -> impl Strategy<Value = (u32, Usage)> {
        let row = prop::sample::select(vec![0, 1, 62, 63, 64, 65, 127, 1_023, 1_024, 3_100]);
        let dataset = prop::sample::select(Dataset::REPORTS.to_vec());
        let on = prop::option::of(20_500..20_700i64);
        (row, dataset, on, any::<bool>(), 0..2_000u64).prop_map(
            |(row, dataset, on, left_out, n)| {
                let metric = match dataset {
                    Dataset::ActiveUsers => Metric::TeamsOn,
                    _ => Metric::Calls,
                };
                let usage = Usage {
                    last_active_on: on.map(|on| day::date(on).unwrap()),
                    standing: Values::new([(metric, 19_700 + n)]),
                    is_left_out: left_out,
                    ..Usage::nothing(dataset, ObjectId(Uuid::from_u128(u128::from(row))))
                };
                (row, usage)
            },
        )
    }

    proptest! {
        #[test]
        fn reports_taken_in_at_once_say_what_they_say_one_by_one(all in prop::collection::vec(told(), 0..40)) {
            let mut one_by_one = Facts::default();
            let signed_in = UserFact::SignInActivity(SignInActivity {
                object_id: ObjectId(Uuid::nil()),
                succeeded_at: Some(Timestamp::from_second(20_600 * 86_400).unwrap()),
                attempted_at: None,
            });
            for row in [1, 70] {
                one_by_one.set(row, &signed_in);
            }
            let mut at_once = one_by_one.clone();
            let mut reports = Reports::default();
            for (row, usage) in &all {
                let coded = CodedUsage::of(usage);
                reports.push(*row, &coded);
                if !one_by_one.has(*row, usage.dataset) {
                    one_by_one.set_usage(*row, &coded);
                }
            }
            at_once.take_reports(reports);
            let of = |facts: &Facts, row| {
                let usage = Dataset::REPORTS.map(|dataset| facts.usage(row, dataset, ObjectId(Uuid::nil())));
                let days = facts.last_active_days().get(row as usize).copied().flatten();
                (usage, facts.evidence(row, Workloads::default()), days)
            };
            for row in (0..1_100).chain(3_000..3_200) {
                prop_assert_eq!(of(&at_once, row), of(&one_by_one, row), "{}", row);
            }
            prop_assert_eq!(at_once.shown(), one_by_one.shown());
        }
    }
}

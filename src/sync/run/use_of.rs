//! Reading who uses what: the usage reports and the logs.

use std::sync::Arc;

use futures_util::StreamExt as _;

use super::merging::Merging;
use super::{Attempt, Merger};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::engine::TenantIndex;
use crate::msgraph;
use crate::store;
use crate::sync::usage::{self, Applied, Joiner, LogReading, ReportReading};

/// Reports that are read at the same time; each may be a hundred megabytes.
const REPORTS_AT_ONCE: usize = 4;

impl Attempt<'_> {
    pub(super) async fn read_reports(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        futures_util::stream::iter(Dataset::REPORTS)
            .for_each_concurrent(REPORTS_AT_ONCE, |dataset| {
                self.read_report(dataset, base, merging)
            })
            .await;
    }

    async fn read_report(&self, dataset: Dataset, base: &Arc<TenantIndex>, merging: &Merging) {
        let standing = self.standing(base, dataset);
        if usage::due(dataset, &standing, self.as_of).is_empty() {
            return self.skip(dataset, None);
        }
        if !self.may_ask(dataset) {
            return;
        }
        let meter = self.begin(dataset);
        let read = usage::read_report(&self.tenant.client, &standing, &meter, self.as_of).await;
        let reading = match read {
            Ok(reading) => reading,
            Err(error) => {
                self.count(dataset, &meter, 0, 0);
                return self.miss(dataset, error).await;
            }
        };
        self.count(dataset, &meter, reading.rows(), reading.quarantined());
        let told = reading.rows() + reading.quarantined();
        let believed = self
            .judge_quarantine(
                dataset,
                reading.rows(),
                reading.quarantined(),
                reading.example(),
            )
            .and_then(|()| match reading.is_concealed() || reading.is_empty() {
                true => Ok(()),
                false => self.check_drop(dataset, reading.rows(), told, standing.rows),
            });
        if let Err(problem) = believed {
            self.fail(dataset, problem);
            return;
        }
        let is_concealed = reading.is_concealed();
        let Some(applied) = merging
            .later(move |merger| merger.take_report(reading))
            .await
        else {
            return;
        };
        self.count_unmatched(dataset, applied.unmatched);
        match is_concealed {
            true => self.skip(dataset, Some(concealed())),
            false => self.complete(dataset, applied.changed > 0),
        }
    }

    pub(super) async fn read_sign_ins(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::SignIns;
        if !self.may_ask(dataset) {
            return;
        }
        let meter = self.begin(dataset);
        let standing = self.standing(base, dataset);
        let client = &self.tenant.client;
        let read = usage::read_sign_ins(client, &standing, true, &meter, self.as_of).await;
        self.finish_log(dataset, read, &meter, merging).await;
    }

    pub(super) async fn read_directory_audits(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::DirectoryAudits;
        if !self.may_ask(dataset) {
            return;
        }
        let meter = self.begin(dataset);
        let standing = self.standing(base, dataset);
        // Microsoft keeps the log longer for those to whom it tells sign-ins.
        let is_premium = base
            .standing(Dataset::SignInActivity)
            .is_some_and(|standing| standing.as_of.is_some());
        let client = &self.tenant.client;
        let read =
            usage::read_directory_audits(client, &standing, is_premium, &meter, self.as_of).await;
        self.finish_log(dataset, read, &meter, merging).await;
    }

    async fn finish_log<R: LogReading + Send + 'static>(
        &self,
        dataset: Dataset,
        read: Result<R, msgraph::Error>,
        meter: &msgraph::Meter,
        merging: &Merging,
    ) {
        let reading = match read {
            Ok(reading) => reading,
            Err(error) => {
                self.count(dataset, meter, 0, 0);
                return self.miss(dataset, error).await;
            }
        };
        let (rows, quarantined) = (reading.rows(), reading.quarantined());
        self.count(dataset, meter, rows, quarantined);
        let believed = self.judge_quarantine(dataset, rows, quarantined, reading.example());
        if let Err(problem) = believed {
            self.fail(dataset, problem);
            return;
        }
        let merged = merging.later(move |merger| merger.take_log(reading));
        if let Some(applied) = merged.await {
            self.count_unmatched(dataset, applied.unmatched);
            self.complete(dataset, applied.changed > 0);
        }
    }
}

impl Merger {
    fn take_report(&mut self, reading: ReportReading) -> Result<Applied, store::Error> {
        // Made once a run: the users are complete.
        let directory = self.directory.take();
        let directory = directory.unwrap_or_else(|| self.draft.directory());
        let former_names = self.known_former_names();
        let joiner = Joiner::new(&directory, &former_names);
        let applied = reading.apply(
            &joiner,
            &mut self.draft,
            &mut self.history,
            &mut self.staging,
        );
        self.directory = Some(directory);
        let applied = applied?;
        self.set_standing(applied.standing.clone())?;
        Ok(applied)
    }

    fn take_log(&mut self, reading: impl LogReading) -> Result<Applied, store::Error> {
        let applied = reading.apply(&mut self.draft, &mut self.staging)?;
        self.set_standing(applied.standing.clone())?;
        Ok(applied)
    }
}

/// What to do about names that are concealed.
fn concealed() -> Problem {
    Problem::new(
        ProblemKind::Concealed,
        "The tenant conceals names in usage reports, so that their rows belong to nobody. In the Microsoft 365 admin center open Settings, Org settings, Services, Reports, and clear \"Display concealed user, group, and site names in all reports\". It takes a few minutes to take effect.",
    )
}

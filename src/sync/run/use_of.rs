//! Reading who uses what: the usage reports and the logs.

use std::sync::Arc;

use futures_util::StreamExt as _;
use jiff::SignedDuration;

use super::merging::Merging;
use super::{Attempt, Merger};
use crate::domain::standing::Standing;
use crate::domain::sync_run::Dataset;
use crate::engine::{TenantIndex, UsersDraft};
use crate::msgraph::{self, DirectoryAudit, SignIn};
use crate::store::{self, Staging};
use crate::sync::usage::{self, Applied, Entry, Joiner, LogReading, ReportReading};

/// Reports that are read at the same time; each may be a hundred megabytes.
const REPORTS_AT_ONCE: usize = 3;

/// Requests that a run spends on each log. Microsoft answers five in ten seconds: when somebody waits
/// for the run, only as many as it answers at once; else five minutes, older days in later runs.
const LOG_REQUESTS_AT_ONCE: u64 = 2;
const LOG_REQUESTS_MAX: u64 = 75;

/// So long Microsoft counts a request for a log, and a little more.
const LOG_WINDOW: SignedDuration = SignedDuration::from_secs(15);

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
        let (tenant, client) = (&self.tenant.key, &self.tenant.client);
        let read = usage::read_report(tenant, client, &standing, &meter, self.as_of).await;
        let reading = match read {
            Ok(reading) => reading,
            Err(error) => {
                self.count(dataset, &meter, 0, 0);
                return self.miss(dataset, error).await;
            }
        };
        if !reading.is_due() {
            return self.skip(dataset, None);
        }
        self.count(dataset, &meter, reading.rows(), reading.quarantined());
        let told = reading.rows() + reading.quarantined();
        let believed = self
            .judge_quarantine(
                dataset,
                reading.rows(),
                reading.quarantined(),
                reading.example(),
            )
            .and_then(|()| match reading.is_concealed() {
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
            true => self.skip(dataset, Some(msgraph::concealed_problem(dataset))),
            false => self.complete(dataset, applied.changed > 0),
        }
    }

    pub(super) async fn read_sign_ins(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::SignIns;
        let standing = self.standing(base, dataset);
        if !self.may_ask(dataset) {
            return;
        }
        let Some(max) = self.log_requests_max(&standing) else {
            return;
        };
        let meter = self.begin(dataset);
        let client = &self.tenant.client;
        let read = usage::read_sign_ins(client, &standing, max, &meter, self.as_of).await;
        self.finish_log(dataset, read, &meter, merging, LogReading::<SignIn>::apply)
            .await;
    }

    pub(super) async fn read_directory_audits(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::DirectoryAudits;
        let standing = self.standing(base, dataset);
        if !self.may_ask(dataset) {
            return;
        }
        let Some(max) = self.log_requests_max(&standing) else {
            return;
        };
        let meter = self.begin(dataset);
        // Microsoft keeps the log longer for those to whom it tells sign-ins.
        let is_premium = base
            .standing(Dataset::SignInActivity)
            .is_some_and(|standing| standing.as_of.is_some());
        let client = &self.tenant.client;
        let now = self.as_of;
        let read =
            usage::read_directory_audits(client, &standing, is_premium, max, &meter, now).await;
        self.finish_log(
            dataset,
            read,
            &meter,
            merging,
            LogReading::<DirectoryAudit>::apply,
        )
        .await;
    }

    /// How many requests a log may take; says so in the run where Microsoft takes none just now.
    fn log_requests_max(&self, standing: &Standing) -> Option<u64> {
        if !self.is_awaited() {
            return Some(LOG_REQUESTS_MAX);
        }
        let dataset = standing.dataset;
        // Microsoft counts on, though this process may have begun since.
        let is_just_read = standing
            .as_of
            .is_some_and(|at| self.as_of.duration_since(at) < LOG_WINDOW);
        let left = self.tenant.client.requests_left(dataset);
        let max = left.map_or(LOG_REQUESTS_AT_ONCE, |left| {
            LOG_REQUESTS_AT_ONCE.min(left as u64)
        });
        if max == 0 || is_just_read {
            self.skip(dataset, None);
            return None;
        }
        Some(max)
    }

    async fn finish_log<E: Entry + Send + 'static>(
        &self,
        dataset: Dataset,
        read: Result<LogReading<E>, msgraph::Error>,
        meter: &msgraph::Meter,
        merging: &Merging,
        apply: fn(LogReading<E>, &mut UsersDraft, &mut Staging) -> Result<Applied, store::Error>,
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
        let problem = reading.problem().cloned();
        let merged = merging.later(move |merger| {
            let applied = apply(reading, &mut merger.draft, &mut merger.staging)?;
            merger.set_standing(applied.standing.clone())?;
            Ok(applied)
        });
        let Some(applied) = merged.await else {
            return;
        };
        self.count_unmatched(dataset, applied.unmatched);
        match problem {
            None => self.complete(dataset, applied.changed > 0),
            // What came before it is kept, and the next run goes on from there.
            Some(problem) => self.miss(dataset, msgraph::Error::Problem(problem)).await,
        }
    }
}

impl Merger {
    fn take_report(&mut self, reading: ReportReading) -> Result<Applied, store::Error> {
        // Made once a run: the users are complete.
        let directory = self.directory.take();
        let directory = directory.unwrap_or_else(|| self.draft.directory());
        let users = self.users_standing();
        let joiner = Joiner::new(&directory, &users, self.as_of);
        let applied = reading.apply(
            &joiner,
            &mut self.draft,
            &mut self.history,
            &mut self.staging,
        );
        drop(joiner);
        self.directory = Some(directory);
        let applied = applied?;
        self.set_standing(applied.standing.clone())?;
        Ok(applied)
    }
}

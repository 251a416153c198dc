//! One sync: fetch, decide what changed, commit, publish.
//!
//! Pages are merged into a draft of the next index and staged on disk while they arrive; only what
//! differs from what we hold is written. Readers see nothing of it before the whole run is durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::tenant::{Shared, TenantState, lock};
use crate::domain::ids::{ObjectId, SkuId, TenantKey};
use crate::domain::license::License;
use crate::domain::sync_run::{
    Dataset, DatasetRun, DatasetState, Problem, ProblemKind, SyncRun, SyncState,
};
use crate::domain::tenant::{ConnectionState, Organization};
use crate::domain::user::User;
use crate::engine::{Change, TenantIndex, TenantUpdate, UsersDraft};
use crate::msgraph::{self, Meter, Quarantined, Rows};
use crate::store::{self, Staging};

/// Pages that wait for the merging thread; more would only hold memory.
const PAGES_WAITING_MAX: usize = 2;

/// Progress says 1 only when the run is over.
const PROGRESS_MAX: f64 = 0.99;

/// Why a run ends without being published.
#[derive(Debug)]
enum Stop {
    Canceled,
    Failed(Problem),
}

/// What it took to make a run current, for the log: each ought to be near the size of the change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effort {
    /// Users who came, went or differed.
    pub(super) changed_users: u64,
    /// Comparing users with those in place and writing what differed, while pages came in.
    pub(super) merging: Duration,
    /// Making the next index, after the last page.
    pub(super) indexing: Duration,
    /// Making what was written durable and current, after that.
    pub(super) committing: Duration,
}

/// Carries out the run that stands queued as the tenant's newest. The run as it ended is filed and
/// returned, with what publishing it took; watchers hear of the end from the caller, once the next
/// run may start.
pub(super) async fn execute(
    shared: &Arc<Shared>,
    tenant: &Arc<TenantState>,
    cancel: CancellationToken,
) -> (SyncRun, Option<Effort>) {
    let attempt = Attempt {
        shared,
        tenant,
        cancel,
    };
    attempt.update(|run| run.state = SyncState::Running);
    let outcome = match attempt.gather().await {
        Ok(gathered) => attempt.publish(gathered).await,
        Err(stop) => Err(stop),
    };
    match outcome {
        Ok((run, effort)) => (run, Some(effort)),
        Err(stop) => (attempt.end_unpublished(stop).await, None),
    }
}

struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    tenant: &'a Arc<TenantState>,
    cancel: CancellationToken,
}

/// Everything that a run read, ready to be committed.
struct Gathered {
    /// `None` when it failed and keeps its older facts.
    organization: Option<Organization>,
    licenses: Vec<License>,
    users: Merged,
    base: Arc<TenantIndex>,
}

/// The users of a run as the merging thread leaves them.
struct Merged {
    draft: UsersDraft,
    staging: Staging,
    /// So far without what comes after the merging.
    effort: Effort,
}

/// What the fetching side tells the merging thread.
enum Arrival {
    Page(Rows<User>),
    /// The list is complete: who was not on it is gone.
    End,
}

impl Attempt<'_> {
    fn key(&self) -> &TenantKey {
        &self.tenant.key
    }

    async fn gather(&self) -> Result<Gathered, Stop> {
        self.check_room().await?;
        let organization = self.read_organization().await?;
        self.forget_damaged().await?;
        let base = self.shared.index(self.key());
        let (users, licenses) = tokio::join!(self.read_users(&base), self.read_licenses(&base));
        // Both are awaited before either failure ends the run, so that each says what it met.
        let (licenses, users) = (licenses?, users?);
        Ok(Gathered {
            organization,
            licenses,
            users,
            base,
        })
    }

    async fn check_room(&self) -> Result<(), Stop> {
        self.shared
            .with_store(store::Store::check_free_space)
            .await
            .map_err(stop_of_store)
    }

    /// Damaged facts make room for those that are about to be read: nobody was served them, and a
    /// change cannot be written on top of them.
    async fn forget_damaged(&self) -> Result<(), Stop> {
        if lock(&self.tenant.damage).is_none() {
            return Ok(());
        }
        let key = self.key().clone();
        self.shared
            .with_store(move |store| store.forget_facts(&key))
            .await
            .map_err(stop_of_store)
    }

    /// Reads the organization and proves that it is the configured one. Where that was proved before,
    /// a failure keeps the older facts and the run goes on.
    async fn read_organization(&self) -> Result<Option<Organization>, Stop> {
        let dataset = Dataset::Organization;
        let meter = self.begin(dataset);
        let answer = self.tenant.client.organization(&meter).await;
        self.count(dataset, &meter, 0, 0);
        match answer {
            Ok(organization) => {
                if let Err(problem) = self.tenant.verify(&organization) {
                    let message = problem.to_string();
                    self.tenant
                        .note_problem(self.shared, ConnectionState::Misconfigured, message)
                        .await;
                    return Err(self.fail(dataset, problem));
                }
                self.tenant
                    .note_connected(self.shared, &organization)
                    .await
                    .map_err(stop_of_store)?;
                self.count(dataset, &meter, 1, 0);
                let is_same = self.shared.index(self.key()).organization() == Some(&organization);
                self.complete(dataset, !is_same);
                Ok(Some(organization))
            }
            Err(error) => {
                let stop = self.fail_by(dataset, error).await;
                let was_verified = lock(&self.tenant.connection).organization_id.is_some();
                match stop {
                    Stop::Failed(problem)
                        if was_verified && problem.kind != ProblemKind::SignIn =>
                    {
                        Ok(None)
                    }
                    stop => Err(stop),
                }
            }
        }
    }

    async fn read_licenses(&self, base: &TenantIndex) -> Result<Vec<License>, Stop> {
        let dataset = Dataset::Licenses;
        let meter = self.begin(dataset);
        let answer = self.tenant.client.licenses(&meter).await;
        match answer {
            Ok(Rows {
                mut rows,
                quarantined,
            }) => {
                let (read, bad) = (rows.len() as u64, quarantined.len() as u64);
                self.count(dataset, &meter, read, bad);
                self.judge_quarantine(dataset, read, bad, quarantined.first())?;
                // What cannot be read today is not gone.
                let kept = quarantined
                    .iter()
                    .filter_map(|row| base.license(SkuId(row.id?)));
                rows.extend(kept.map(|entry| entry.license.clone()));
                // Sorted as the index has them; a product that came twice counts once.
                rows.sort_by_key(|license| license.sku_id);
                rows.dedup_by_key(|license| license.sku_id);
                self.complete(dataset, is_changed(base, &rows));
                Ok(rows)
            }
            Err(error) => {
                self.count(dataset, &meter, 0, 0);
                Err(self.fail_by(dataset, error).await)
            }
        }
    }

    async fn read_users(&self, base: &Arc<TenantIndex>) -> Result<Merged, Stop> {
        let dataset = Dataset::Users;
        let meter = self.begin(dataset);
        let (pages, merging) = self.spawn_merging(base);
        let fetched = self.fetch_users(&meter, &pages).await;
        drop(pages);
        let merged = merging.await;
        fetched?;
        match merged {
            Ok(Ok(Some(merged))) => {
                self.complete(dataset, merged.draft.is_changed());
                Ok(merged)
            }
            Ok(Err(error)) => Err(self.fail(dataset, problem_of_store(&error))),
            Ok(Ok(None)) | Err(_) => {
                let problem = Problem::new(
                    ProblemKind::Internal,
                    "the thread that merges users failed; the log has more",
                );
                Err(self.fail(dataset, problem))
            }
        }
    }

    /// Merging and compressing keep a core busy: they have a thread of their own beside the network.
    fn spawn_merging(
        &self,
        base: &Arc<TenantIndex>,
    ) -> (
        mpsc::Sender<Arrival>,
        tokio::task::JoinHandle<Result<Option<Merged>, store::Error>>,
    ) {
        let (sender, mut arrivals) = mpsc::channel(PAGES_WAITING_MAX);
        let mut merged = Merged {
            draft: base.draft(),
            staging: self.shared.store.stage(self.key(), self.current().id),
            effort: Effort::default(),
        };
        let merging = tokio::task::spawn_blocking(move || {
            while let Some(arrival) = arrivals.blocking_recv() {
                let began = Instant::now();
                let is_end = matches!(arrival, Arrival::End);
                merged.take(arrival)?;
                merged.effort.merging += began.elapsed();
                if is_end {
                    return Ok(Some(merged));
                }
            }
            Ok(None)
        });
        (sender, merging)
    }

    async fn fetch_users(&self, meter: &Meter, pages: &mpsc::Sender<Arrival>) -> Result<(), Stop> {
        let dataset = Dataset::Users;
        let expected = self.tenant.client.user_count(meter).await;
        let mut users = self.tenant.client.users(None, meter);
        let (mut rows, mut quarantined, mut example) = (0, 0, None);
        loop {
            match users.next().await {
                Ok(Some(page)) => {
                    rows += page.rows.len() as u64;
                    quarantined += page.quarantined.len() as u64;
                    example = example.or_else(|| page.quarantined.first().cloned());
                    self.count(dataset, meter, rows, quarantined);
                    self.show_progress(rows, expected);
                    if pages.send(Arrival::Page(page)).await.is_err() {
                        // The merging thread ended early; what it returns says why.
                        return Ok(());
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.count(dataset, meter, rows, quarantined);
                    return Err(self.fail_by(dataset, error).await);
                }
            }
        }
        self.count(dataset, meter, rows, quarantined);
        self.judge_quarantine(dataset, rows, quarantined, example.as_ref())?;
        // An error here means the same as above: the thread's own result tells.
        let _ = pages.send(Arrival::End).await;
        Ok(())
    }

    /// Makes the gathered facts durable, then visible; in that order.
    async fn publish(&self, gathered: Gathered) -> Result<(SyncRun, Effort), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Canceled);
        }
        let mut run = self.current();
        run.state = match &gathered.organization {
            Some(_) => SyncState::Complete,
            None => SyncState::Partial,
        };
        run.finished_at = Some(self.shared.clock.now());
        run.progress = Some(1.0);
        let (shared, tenant) = (Arc::clone(self.shared), Arc::clone(self.tenant));
        let finished = run.clone();
        let committed =
            tokio::task::spawn_blocking(move || commit(&shared, &tenant, gathered, &finished))
                .await;
        match committed {
            Ok(Ok(effort)) => {
                *lock(&self.tenant.damage) = None;
                Ok((run, effort))
            }
            Ok(Err(error)) => Err(stop_of_store(error)),
            Err(_) => Err(Stop::Failed(Problem::new(
                ProblemKind::Internal,
                "the thread that commits failed; the log has more",
            ))),
        }
    }

    async fn end_unpublished(&self, stop: Stop) -> SyncRun {
        let now = self.shared.clock.now();
        let is_stopping = self.shared.stopping.is_cancelled();
        let problem = match stop {
            Stop::Canceled if is_stopping => Some(interrupted()),
            Stop::Canceled => None,
            Stop::Failed(problem) => Some(problem),
        };
        let mut run = self.current();
        end(&mut run, problem, now);
        self.tenant.file_end(self.shared, run.clone()).await;
        run
    }

    fn begin(&self, dataset: Dataset) -> Meter {
        let now = self.shared.clock.now();
        self.update_part(dataset, |part| {
            part.state = DatasetState::Running;
            part.started_at = Some(now);
        });
        Meter::new(self.cancel.clone())
    }

    /// A dataset of which too much could not be read is not believed at all.
    fn judge_quarantine(
        &self,
        dataset: Dataset,
        rows: u64,
        quarantined: u64,
        example: Option<&Quarantined>,
    ) -> Result<(), Stop> {
        if let Some(example) = example {
            tracing::warn!(tenant = %self.key(), dataset = dataset.name(), quarantined, example = example.reason, "rows were left out");
        }
        match msgraph::quarantine_problem(dataset, rows, quarantined, example) {
            None => Ok(()),
            Some(problem) => Err(self.fail(dataset, problem)),
        }
    }

    fn count(&self, dataset: Dataset, meter: &Meter, rows: u64, quarantined: u64) {
        self.update_part(dataset, |part| {
            part.rows = rows;
            part.quarantined_rows = quarantined;
            part.requests = meter.requests();
            part.throttled_requests = meter.throttled_requests();
        });
    }

    fn complete(&self, dataset: Dataset, is_changed: bool) {
        let now = self.shared.clock.now();
        self.update_part(dataset, |part| {
            part.finished_at = Some(now);
            part.state = match is_changed {
                true => DatasetState::Complete,
                false => DatasetState::Unchanged,
            };
        });
    }

    fn fail(&self, dataset: Dataset, problem: Problem) -> Stop {
        let now = self.shared.clock.now();
        tracing::warn!(tenant = %self.key(), dataset = dataset.name(), %problem, "a dataset could not be read");
        self.update_part(dataset, |part| {
            part.state = DatasetState::Failed;
            part.finished_at = Some(now);
            part.problem = Some(problem.clone());
        });
        Stop::Failed(problem)
    }

    async fn fail_by(&self, dataset: Dataset, error: msgraph::Error) -> Stop {
        match error {
            msgraph::Error::Expired => todo!(),
            msgraph::Error::Canceled => Stop::Canceled,
            msgraph::Error::Problem(problem) => self.fail(dataset, problem),
            msgraph::Error::SignIn(error) => {
                self.tenant.note_sign_in_failure(self.shared, &error).await;
                self.fail(dataset, problem_of_sign_in(&error))
            }
        }
    }

    fn show_progress(&self, rows: u64, expected: Option<u64>) {
        let Some(expected) = expected.filter(|expected| *expected > 0) else {
            return;
        };
        let share = (rows as f64 / expected as f64).min(PROGRESS_MAX);
        self.update(|run| run.progress = Some(share));
    }

    fn current(&self) -> SyncRun {
        // A run is queued before it is executed, so there always is one; the other branch keeps the
        // type honest.
        let newest = self.tenant.newest_run.borrow().clone();
        newest.unwrap_or_else(|| {
            SyncRun::queued(
                super::new_run_id(self.shared.clock.now()),
                self.key().clone(),
                crate::domain::sync_run::SyncTrigger::Manual,
                self.shared.clock.now(),
            )
        })
    }

    fn update(&self, change: impl FnOnce(&mut SyncRun)) {
        self.tenant.newest_run.send_modify(|run| {
            if let Some(run) = run {
                change(run);
            }
        });
    }

    fn update_part(&self, dataset: Dataset, change: impl FnOnce(&mut DatasetRun)) {
        self.update(|run| {
            if let Some(part) = run.dataset_mut(dataset) {
                change(part);
            }
        });
    }
}

impl Merged {
    fn take(&mut self, arrival: Arrival) -> Result<(), store::Error> {
        match arrival {
            Arrival::Page(page) => {
                // Who cannot be read today is not gone.
                for id in page.quarantined.iter().filter_map(|row| row.id) {
                    self.draft.keep(ObjectId(id));
                }
                for user in &page.rows {
                    if self.draft.merge(user) != Change::Unchanged {
                        self.staging.put_user(user)?;
                        self.effort.changed_users += 1;
                    }
                }
            }
            Arrival::End => {
                for gone in self.draft.remove_unseen() {
                    self.staging.remove_user(gone)?;
                    self.effort.changed_users += 1;
                }
            }
        }
        Ok(())
    }
}

/// Stages what is left, commits, publishes. Runs on a blocking thread.
fn commit(
    shared: &Shared,
    tenant: &TenantState,
    gathered: Gathered,
    run: &SyncRun,
) -> Result<Effort, store::Error> {
    let Gathered {
        organization,
        licenses,
        users:
            Merged {
                draft,
                mut staging,
                mut effort,
            },
        base,
    } = gathered;
    stage_licenses(&base, &licenses, &mut staging)?;
    if let Some(organization) = &organization
        && base.organization() != Some(organization)
    {
        staging.set_organization(organization)?;
    }
    let update = TenantUpdate {
        organization,
        licenses: Some(licenses),
        users: Some(draft),
        groups: None,
        subscriptions: None,
        history: None,
        standings: Vec::new(),
        as_of: Some(run.started_at),
        now: run.started_at,
    };
    let _publishing = lock(&tenant.publishing);
    let names = |id, part_number: &str| shared.names.name(&tenant.key, id, part_number);
    // Built before the commit: nothing that could fail lies between durable and visible.
    let began = Instant::now();
    let next = shared.index(&tenant.key).updated(update, &names);
    effort.indexing = began.elapsed();
    staging.commit(run, run.started_at)?;
    effort.committing = began.elapsed() - effort.indexing;
    shared.engine.publish(next);
    Ok(effort)
}

fn stage_licenses(
    base: &TenantIndex,
    licenses: &[License],
    staging: &mut Staging,
) -> Result<(), store::Error> {
    for license in licenses {
        let is_held = base
            .license(license.sku_id)
            .is_some_and(|entry| entry.license == *license);
        if !is_held {
            staging.put_license(license)?;
        }
    }
    for entry in base.licenses().iter().filter(|entry| entry.is_listed) {
        let id = entry.license.sku_id;
        if licenses
            .binary_search_by_key(&id, |license| license.sku_id)
            .is_err()
        {
            staging.remove_license(id)?;
        }
    }
    Ok(())
}

fn is_changed(base: &TenantIndex, licenses: &[License]) -> bool {
    let held = base.licenses().iter().filter(|entry| entry.is_listed);
    !held.map(|entry| &entry.license).eq(licenses)
}

/// Ends a run that the server's end cut off.
pub(super) fn interrupt(run: &mut SyncRun, now: Timestamp) {
    end(run, Some(interrupted()), now);
}

fn end(run: &mut SyncRun, problem: Option<Problem>, now: Timestamp) {
    run.finished_at = Some(now);
    run.state = match problem {
        Some(_) => SyncState::Failed,
        None => SyncState::Canceled,
    };
    for part in &mut run.datasets {
        end_part(part, problem.as_ref(), now);
    }
    run.problem = problem;
}

/// Ends the part of a run that will not go on.
fn end_part(part: &mut DatasetRun, problem: Option<&Problem>, now: Timestamp) {
    match part.state {
        DatasetState::Waiting => {
            part.state = DatasetState::Skipped;
            part.problem = problem.cloned();
        }
        DatasetState::Running => {
            part.state = match problem {
                Some(_) => DatasetState::Failed,
                None => DatasetState::Skipped,
            };
            part.finished_at = Some(now);
            part.problem = problem.cloned();
        }
        DatasetState::Complete
        | DatasetState::Unchanged
        | DatasetState::Skipped
        | DatasetState::Failed => {}
    }
}

fn interrupted() -> Problem {
    Problem::new(
        ProblemKind::Interrupted,
        "the server stopped in the middle of the run; it is made up after the start",
    )
}

pub(super) fn problem_of_sign_in(error: &msgraph::SignInError) -> Problem {
    let kind = match error.kind {
        msgraph::SignInErrorKind::NeedsConsent | msgraph::SignInErrorKind::Misconfigured => {
            ProblemKind::SignIn
        }
        msgraph::SignInErrorKind::Transient => ProblemKind::Unreachable,
    };
    Problem::new(kind, error.message.clone())
}

fn stop_of_store(error: store::Error) -> Stop {
    Stop::Failed(problem_of_store(&error))
}

fn problem_of_store(error: &store::Error) -> Problem {
    match error {
        store::Error::DiskFull => Problem::new(
            ProblemKind::DiskFull,
            "the disk of the data directory is full or nearly so. Free space; the next run begins by itself. What is held stays readable.",
        ),
        other => Problem::new(ProblemKind::Storage, other.to_string()),
    }
}

//! The ledger: every run of every tenant, in order of start.

use std::ops::ControlFlow;

use prost::Message;

use super::backend::{Batch, Direction, VALUE_BYTES_MAX};
use super::envelope::{self, Kind};
use super::records::{RunRecord, decode};
use super::{Error, Store, keys, lock};
use crate::domain::ids::{RunId, TenantKey};
use crate::domain::sync_run::SyncRun;

/// The ledger keeps so many runs of a tenant: seven months of hourly ones. The oldest go first.
pub(super) const RUNS_MAX: usize = 5_000;
/// What is left of each message of a run whose record would be longer than one may be.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// What a scan calls with each run and its value; it answers whether to go on.
type VisitRun<'a> = dyn FnMut(RunId, &[u8]) -> Result<bool, Error> + 'a;

impl Store {
    /// Files a run in the ledger, replacing what was filed under its id; durable on return. A tenant
    /// keeps its newest 5,000 runs. Messages too long for a record are cut.
    pub fn record_run(&self, run: &SyncRun) -> Result<(), Error> {
        let state = self.tenant(&run.tenant);
        let mut state = lock(&state);
        let mut batch = Batch::default();
        let runs = self.put_run(&mut batch, run, state.runs.take())?;
        self.write_durably(batch)?;
        state.runs = Some(runs);
        Ok(())
    }

    /// The run of an id, if the ledger has it.
    pub fn run(&self, tenant: &TenantKey, id: RunId) -> Result<Option<SyncRun>, Error> {
        match self.read(&keys::run(tenant, id), Kind::Run)? {
            Some(bytes) => read_run(tenant, id, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Newest first; only runs before (older than) `before`, at most `limit`.
    pub fn runs(
        &self,
        tenant: &TenantKey,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<SyncRun>, Error> {
        let mut runs = Vec::new();
        if limit > 0 {
            self.scan_runs(tenant, before, &mut |id, value| {
                let bytes = envelope::open(&keys::run(tenant, id), Kind::Run, value)?;
                runs.push(read_run(tenant, id, &bytes)?);
                Ok(runs.len() < limit)
            })?;
        }
        Ok(runs)
    }

    /// The ids of all runs of a tenant, newest first.
    pub fn run_ids(&self, tenant: &TenantKey) -> Result<Vec<RunId>, Error> {
        let mut ids = Vec::new();
        self.scan_runs(tenant, None, &mut |id, _| {
            ids.push(id);
            Ok(true)
        })?;
        Ok(ids)
    }

    /// Adds a run to a batch, and the deletion of runs beyond [`RUNS_MAX`]; how many there are then.
    /// `known` is how many there are now, where that is known.
    pub(super) fn put_run(
        &self,
        batch: &mut Batch,
        run: &SyncRun,
        known: Option<usize>,
    ) -> Result<usize, Error> {
        let key = keys::run(&run.tenant, run.id);
        let is_new = self.inner.backend.get(&key)?.is_none();
        let mut record = RunRecord::from(run);
        let mut value = envelope::seal(&key, Kind::Run, &record.encode_to_vec());
        if value.len() > VALUE_BYTES_MAX {
            record.cut_messages(MESSAGE_CHARACTERS_MAX);
            value = envelope::seal(&key, Kind::Run, &record.encode_to_vec());
        }
        let runs = match known {
            Some(runs) => runs,
            None => self
                .keys_in(&keys::runs(&run.tenant, None), usize::MAX)?
                .len(),
        };
        let runs = runs.saturating_add(usize::from(is_new));
        let surplus = runs.saturating_sub(RUNS_MAX);
        if surplus > 0 {
            for oldest in self.keys_in(&keys::runs(&run.tenant, Some(run.id)), surplus)? {
                batch.delete(oldest);
            }
        }
        batch.put(key, value);
        Ok(runs.saturating_sub(surplus))
    }

    /// Visits runs newest first until `visit` says no more.
    fn scan_runs(
        &self,
        tenant: &TenantKey,
        before: Option<RunId>,
        visit: &mut VisitRun<'_>,
    ) -> Result<(), Error> {
        let mut problem = None;
        let range = keys::runs(tenant, before);
        let backend = &self.inner.backend;
        backend.scan(&range, Direction::Descending, &mut |key, value| {
            let id = keys::guid_of(key).map(RunId);
            let id = id.ok_or_else(|| Error::Damaged(format!("tenant {tenant}: a run's key")));
            match id.and_then(|id| visit(id, value)) {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(error) => {
                    problem = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        problem.map_or(Ok(()), Err)
    }
}

fn read_run(tenant: &TenantKey, id: RunId, bytes: &[u8]) -> Result<SyncRun, Error> {
    let run = decode::<RunRecord>(bytes).and_then(|record| record.into_run(tenant.clone(), id));
    run.map_err(|error| match error {
        Error::Damaged(what) => Error::Damaged(format!("tenant {tenant}, run {id}: {what}")),
        other => other,
    })
}

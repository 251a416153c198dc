//! A second engine for tests: it forgets what was not made durable when it "crashes", and fails the
//! n-th call on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use super::backend::{Backend, Batch, Direction, Key, Range, Table, Visit};
use super::files::Files;
use super::keys::SegmentKey;
use super::{Error, Health, lock};
use crate::domain::ids::TenantKey;

type Values = BTreeMap<(Table, Vec<u8>), Vec<u8>>;
type Contents = BTreeMap<SegmentKey, Vec<u8>>;

/// Which batches reach the disk though nobody waited for them; and what of each file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Surviving {
    #[default]
    Nothing,
    /// Of a file, half of what was appended; what was removed is back.
    First,
    /// The newest alone: disks write in what order they like. A file has its length, and holes.
    Last,
    All,
}

impl Surviving {
    pub(super) const EACH: [Self; 4] = [Self::Nothing, Self::First, Self::Last, Self::All];

    fn has(self, index: usize, count: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::First => index == 0,
            Self::Last => index + 1 == count,
            Self::All => true,
        }
    }

    /// What is found of a file.
    fn of_file(self, durable: Option<&Vec<u8>>, visible: Option<&Vec<u8>>) -> Option<Vec<u8>> {
        let Some(visible) = visible else {
            let is_back = matches!(self, Self::Nothing | Self::First);
            return durable.filter(|_| is_back).cloned();
        };
        let kept = durable.filter(|durable| visible.starts_with(durable));
        let kept = kept.map_or(0, Vec::len);
        let middle = kept + (visible.len() - kept) / 2;
        match self {
            Self::Nothing => durable.cloned(),
            Self::First => Some(visible[..middle].to_vec()),
            Self::Last => {
                let mut found = visible.clone();
                found[kept..middle].fill(0);
                Some(found)
            }
            Self::All => Some(visible.clone()),
        }
    }
}

/// Keys, values and files in memory; see [`Backend`].
#[derive(Default)]
pub(super) struct MemoryBackend {
    state: Mutex<State>,
}

#[derive(Default, Clone)]
struct State {
    /// What a power cut leaves for certain.
    durable: Values,
    /// What was written since, in order.
    pending: Vec<Batch>,
    /// What reads see.
    visible: Values,
    durable_files: Contents,
    files: Contents,
    /// Calls that change something, so far.
    calls: u64,
    /// Which call fails, and how.
    fault: Option<(u64, Error)>,
    /// What of the pending batches survives `heal`.
    surviving: Surviving,
    failure: Option<Error>,
    bytes_written: u64,
}

impl MemoryBackend {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What is found after a power cut at this moment, with what of the pending batches survived.
    pub(super) fn after_crash(&self, surviving: Surviving) -> Arc<Self> {
        let mut state = lock(&self.state).clone();
        state.crash(surviving);
        state.fault = None;
        Arc::new(Self {
            state: Mutex::new(state),
        })
    }

    /// Lets the `n`-th call from now on (counted from 1) fail, and all until `heal`; then this much
    /// of the pending batches survives.
    pub(super) fn fail_at(&self, n: u64, error: Error, surviving: Surviving) {
        let mut state = lock(&self.state);
        state.fault = Some((state.calls + n, error));
        state.surviving = surviving;
    }

    /// Whether the fault was met.
    pub(super) fn has_failed(&self) -> bool {
        let state = lock(&self.state);
        state
            .fault
            .as_ref()
            .is_some_and(|(call, _)| state.calls >= *call)
    }

    /// Bytes of all values and files written so far.
    pub(super) fn bytes_written(&self) -> u64 {
        lock(&self.state).bytes_written
    }

    /// How many keys a table has.
    pub(super) fn count(&self, table: Table) -> usize {
        lock(&self.state)
            .visible
            .keys()
            .filter(|(found, _)| *found == table)
            .count()
    }

    /// How many blocks and files there are.
    pub(super) fn pieces(&self) -> usize {
        self.count(Table::Block) + lock(&self.state).files.len()
    }

    /// Edits what is stored, as damage would.
    pub(super) fn edit(&self, edit: impl FnOnce(&mut Values)) {
        let mut state = lock(&self.state);
        edit(&mut state.visible);
        state.durable = state.visible.clone();
        state.pending.clear();
    }

    /// The same with files.
    pub(super) fn edit_files(&self, edit: impl FnOnce(&mut Contents)) {
        let mut state = lock(&self.state);
        edit(&mut state.files);
        state.durable_files = state.files.clone();
    }
}

impl State {
    fn crash(&mut self, surviving: Surviving) {
        let pending = std::mem::take(&mut self.pending);
        let mut values = self.durable.clone();
        let count = pending.len();
        for (index, batch) in pending.into_iter().enumerate() {
            if surviving.has(index, count) {
                apply(&mut values, batch);
            }
        }
        self.durable = values;
        self.visible = self.durable.clone();
        let keys: BTreeSet<_> = self.files.keys().chain(self.durable_files.keys()).collect();
        let found = keys.into_iter().filter_map(|key| {
            let (durable, visible) = (self.durable_files.get(key), self.files.get(key));
            Some((key.clone(), surviving.of_file(durable, visible)?))
        });
        self.files = found.collect();
        self.durable_files = self.files.clone();
        self.failure = None;
    }

    fn count_call(&mut self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(Error::ReadOnly(failure.to_string()));
        }
        self.calls += 1;
        match &self.fault {
            Some((call, error)) if *call == self.calls => {
                self.failure = Some(error.clone());
                Err(error.clone())
            }
            _ => Ok(()),
        }
    }
}

fn apply(values: &mut Values, batch: Batch) {
    for (key, value) in batch.writes {
        match value {
            Some(value) => values.insert((key.table, key.bytes), value),
            None => values.remove(&(key.table, key.bytes)),
        };
    }
}

impl Backend for MemoryBackend {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        Ok(lock(&self.state)
            .visible
            .get(&(key.table, key.bytes.clone()))
            .cloned())
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let mut rows: Vec<_> = lock(&self.state)
            .visible
            .range((range.table, range.from.clone())..)
            .take_while(|((table, key), _)| {
                *table == range.table && range.until.as_ref().is_none_or(|until| key < until)
            })
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        if direction == Direction::Descending {
            rows.reverse();
        }
        for (key, value) in rows {
            if visit(&key, &value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        batch.check()?;
        let tenant = |key: &Key| {
            key.bytes
                .split(|byte| *byte == 0)
                .next()
                .map(<[u8]>::to_vec)
        };
        let mut tenants: Vec<_> = batch.writes.iter().map(|(key, _)| tenant(key)).collect();
        tenants.dedup();
        assert!(tenants.len() <= 1, "a batch of several tenants");
        let mut state = lock(&self.state);
        let counted = state.count_call();
        if !matches!(counted, Err(Error::ReadOnly(_))) {
            // A write that failed may have reached the disk all the same.
            state.pending.push(batch.clone());
        }
        counted?;
        state.bytes_written += batch
            .writes
            .iter()
            .flat_map(|(_, value)| value)
            .map(|value| value.len() as u64)
            .sum::<u64>();
        apply(&mut state.visible, batch);
        Ok(())
    }

    fn make_durable(&self) -> Result<(), Error> {
        let mut state = lock(&self.state);
        state.count_call()?;
        state.durable = state.visible.clone();
        state.pending.clear();
        Ok(())
    }

    fn health(&self) -> Health {
        match &lock(&self.state).failure {
            None => Health::Ok,
            Some(failure) => Health::ReadOnly {
                reason: failure.to_string(),
            },
        }
    }

    fn heal(&self) -> Health {
        let mut state = lock(&self.state);
        let surviving = state.surviving;
        if state.failure.is_some() {
            state.crash(surviving);
        }
        Health::Ok
    }

    fn bytes_on_disk(&self) -> u64 {
        let state = lock(&self.state);
        let all = state.visible.values().chain(state.files.values());
        all.map(|value| value.len() as u64).sum()
    }

    fn bytes_free(&self) -> Option<u64> {
        Some(1 << 20)
    }
}

impl Files for MemoryBackend {
    fn append(&self, file: &SegmentKey, written: u64, bytes: &[u8]) -> Result<(), Error> {
        let mut state = lock(&self.state);
        let counted = state.count_call();
        if matches!(counted, Err(Error::ReadOnly(_))) {
            return counted;
        }
        // One that failed may have reached the disk all the same.
        let content = state.files.entry(file.clone()).or_default();
        let written = usize::try_from(written).unwrap();
        assert!(written == 0 || written == content.len(), "a gap in a file");
        content.truncate(written);
        content.extend_from_slice(bytes);
        state.bytes_written += bytes.len() as u64;
        counted
    }

    fn read_file(&self, file: &SegmentKey, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let state = lock(&self.state);
        let offset = usize::try_from(offset).unwrap();
        let bytes = state
            .files
            .get(file)
            .and_then(|content| content.get(offset..offset + length));
        bytes
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Error::Damaged("a file is missing or cut short".to_owned()))
    }

    fn make_files_durable(&self, tenant: &TenantKey) -> Result<(), Error> {
        let mut state = lock(&self.state);
        state.count_call()?;
        let is_other = |key: &SegmentKey| key.tenant != *tenant;
        let own = state.files.iter().filter(|(key, _)| !is_other(key));
        let own: Contents = own
            .map(|(key, content)| (key.clone(), content.clone()))
            .collect();
        state.durable_files.retain(|key, _| is_other(key));
        state.durable_files.extend(own);
        Ok(())
    }

    fn remove_file(&self, file: &SegmentKey) -> Result<(), Error> {
        let mut state = lock(&self.state);
        if state.files.contains_key(file) {
            state.count_call()?;
            state.files.remove(file);
        }
        Ok(())
    }

    fn files(&self, tenant: &TenantKey) -> Result<Vec<SegmentKey>, Error> {
        let state = lock(&self.state);
        let own = state.files.keys().filter(|key| key.tenant == *tenant);
        Ok(own.cloned().collect())
    }

    fn tenants_with_files(&self) -> Result<Vec<TenantKey>, Error> {
        let state = lock(&self.state);
        let tenants: BTreeSet<_> = state.files.keys().map(|key| key.tenant.clone()).collect();
        Ok(tenants.into_iter().collect())
    }
}

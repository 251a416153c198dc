//! A second engine for tests: it forgets what was not made durable when it "crashes", and fails the
//! n-th call on demand.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use super::backend::{Backend, Batch, Direction, Key, Range, Table, Visit};
use super::{Error, Health, lock};

type Values = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Which batches reach the disk though nobody waited for them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Surviving {
    #[default]
    Nothing,
    First,
    /// The newest alone: disks write in what order they like.
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
}

/// Keys and values in memory; see [`Backend`].
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

    /// Bytes of all values written so far.
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

    /// Edits what is stored, as damage would.
    pub(super) fn edit(&self, edit: impl FnOnce(&mut Values)) {
        let mut state = lock(&self.state);
        edit(&mut state.visible);
        state.durable = state.visible.clone();
        state.pending.clear();
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
        lock(&self.state)
            .visible
            .values()
            .map(|value| value.len() as u64)
            .sum()
    }

    fn bytes_free(&self) -> Option<u64> {
        Some(1 << 20)
    }
}

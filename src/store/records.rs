//! Records on disk, and the way from the domain and back.
//!
//! Protocol buffers: fields are tagged, so one can be added or dropped without rewriting what is
//! stored. Facts have records of their own, by column; see `frames`.

use jiff::Timestamp;
use prost::Message;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::numbers::Numbered;
use super::{EncryptionKey, Error, Published};
use crate::domain::ids::{OrganizationId, RunId, TenantKey};
use crate::domain::sync_run::{Dataset, DatasetRun, Problem, ProblemKind, SyncRun};
use crate::domain::tenant::Connection;

/// An instant to the nanosecond; both parts have the same sign.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct TimeRecord {
    #[prost(sint64, tag = "1")]
    seconds: i64,
    #[prost(sint32, tag = "2")]
    nanos: i32,
}

impl From<Timestamp> for TimeRecord {
    fn from(time: Timestamp) -> Self {
        Self {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        }
    }
}

impl TimeRecord {
    pub(super) fn into_time(self) -> Result<Timestamp, Error> {
        timestamp(self.seconds, self.nanos)
    }
}

/// An instant from its two parts.
pub(super) fn timestamp(seconds: i64, nanos: i32) -> Result<Timestamp, Error> {
    Timestamp::new(seconds, nanos).map_err(|_| damaged("a time out of range"))
}

/// A GUID from its bytes.
pub(super) fn guid(bytes: &[u8]) -> Result<Uuid, Error> {
    Uuid::from_slice(bytes).map_err(|_| damaged("a GUID of a wrong length"))
}

/// The value of a number, where an unknown one cannot be carried on.
pub(super) fn known<T: Numbered>(number: u32, of: &str) -> Result<T, Error> {
    T::from_number(number).ok_or_else(|| damaged(&format!("{of} {number} is unknown")))
}

/// A message from its bytes.
pub(super) fn decode<T: Message + Default>(bytes: &[u8]) -> Result<T, Error> {
    T::decode(bytes).map_err(|error| damaged(&error.to_string()))
}

/// What does not read.
pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged(what.to_owned())
}

/// What a store says of itself.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FormatRecord {
    /// The format of the whole.
    #[prost(uint32, tag = "1")]
    pub(super) version: u32,
    /// Derived from the encryption key: the same for the same key only.
    #[prost(bytes = "vec", tag = "2")]
    key_check: Vec<u8>,
}

impl FormatRecord {
    const PURPOSE: &str = "check of the store's key";

    pub(super) fn new(version: u32, key: &EncryptionKey) -> Self {
        Self {
            version,
            key_check: key.derive(Self::PURPOSE).to_vec(),
        }
    }

    /// Whether a store was made with this key.
    pub(super) fn fits(&self, key: &EncryptionKey) -> bool {
        let expected = Zeroizing::new(key.derive(Self::PURPOSE));
        self.key_check.as_slice().ct_eq(expected.as_slice()).into()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        decode(bytes)
    }
}

/// The pointer: which run is current, and the digest of the manifests that belong to it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CurrentRecord {
    #[prost(bytes = "vec", tag = "1")]
    run: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    as_of: Option<TimeRecord>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) manifests: Vec<u8>,
}

impl CurrentRecord {
    pub(super) fn new(published: Published, manifests: [u8; 32]) -> Self {
        Self {
            run: published.run.0.as_bytes().to_vec(),
            as_of: Some(published.as_of.into()),
            manifests: manifests.to_vec(),
        }
    }

    pub(super) fn published(&self) -> Result<Published, Error> {
        let as_of = self.as_of.ok_or_else(|| damaged("a run without a time"))?;
        Ok(Published {
            run: RunId(guid(&self.run)?),
            as_of: as_of.into_time()?,
        })
    }
}

/// A connection.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ConnectionRecord {
    #[prost(uint32, tag = "1")]
    state: u32,
    #[prost(string, optional, tag = "2")]
    problem: Option<String>,
    #[prost(message, optional, tag = "3")]
    granted_scopes: Option<ScopesRecord>,
    #[prost(bytes = "vec", optional, tag = "4")]
    organization_id: Option<Vec<u8>>,
}

/// Apart, so that an empty list differs from none.
#[derive(Clone, PartialEq, Message)]
struct ScopesRecord {
    #[prost(string, repeated, tag = "1")]
    scopes: Vec<String>,
}

impl From<&Connection> for ConnectionRecord {
    fn from(connection: &Connection) -> Self {
        let Connection {
            state,
            problem,
            granted_scopes,
            organization_id,
        } = connection;
        Self {
            state: state.number(),
            problem: problem.clone(),
            granted_scopes: granted_scopes.clone().map(|scopes| ScopesRecord { scopes }),
            organization_id: organization_id.map(|id| id.0.as_bytes().to_vec()),
        }
    }
}

impl ConnectionRecord {
    pub(super) fn into_connection(self) -> Result<Connection, Error> {
        let organization_id = self.organization_id.as_deref().map(guid).transpose()?;
        Ok(Connection {
            state: known(self.state, "connection state")?,
            problem: self.problem,
            granted_scopes: self.granted_scopes.map(|record| record.scopes),
            organization_id: organization_id.map(OrganizationId),
        })
    }
}

/// A run of the ledger. Tenant and id are in its key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RunRecord {
    #[prost(uint32, tag = "1")]
    trigger: u32,
    #[prost(uint32, tag = "2")]
    state: u32,
    #[prost(message, optional, tag = "3")]
    started_at: Option<TimeRecord>,
    #[prost(message, optional, tag = "4")]
    finished_at: Option<TimeRecord>,
    #[prost(double, optional, tag = "5")]
    progress: Option<f64>,
    #[prost(message, optional, tag = "6")]
    problem: Option<ProblemRecord>,
    #[prost(message, repeated, tag = "7")]
    datasets: Vec<DatasetRunRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct ProblemRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct DatasetRunRecord {
    #[prost(uint32, tag = "1")]
    dataset: u32,
    #[prost(uint32, tag = "2")]
    state: u32,
    #[prost(uint64, tag = "3")]
    rows: u64,
    #[prost(uint64, tag = "4")]
    quarantined_rows: u64,
    #[prost(uint64, tag = "5")]
    requests: u64,
    #[prost(uint64, tag = "6")]
    throttled_requests: u64,
    #[prost(message, optional, tag = "7")]
    started_at: Option<TimeRecord>,
    #[prost(message, optional, tag = "8")]
    finished_at: Option<TimeRecord>,
    #[prost(message, optional, tag = "9")]
    problem: Option<ProblemRecord>,
    #[prost(uint64, tag = "10")]
    unmatched_rows: u64,
}

impl From<&SyncRun> for RunRecord {
    fn from(run: &SyncRun) -> Self {
        let SyncRun {
            id: _,
            tenant: _,
            trigger,
            state,
            started_at,
            finished_at,
            progress,
            problem,
            datasets,
        } = run;
        Self {
            trigger: trigger.number(),
            state: state.number(),
            started_at: Some((*started_at).into()),
            finished_at: finished_at.map(TimeRecord::from),
            progress: *progress,
            problem: problem.as_ref().map(ProblemRecord::from),
            datasets: datasets.iter().map(DatasetRunRecord::from).collect(),
        }
    }
}

impl RunRecord {
    /// Cuts the messages, for a record that is longer than one may be.
    pub(super) fn cut_messages(&mut self, characters_max: usize) {
        let of_datasets = self.datasets.iter_mut().map(|part| &mut part.problem);
        for problem in of_datasets.chain([&mut self.problem]).flatten() {
            if let Some((end, _)) = problem.message.char_indices().nth(characters_max) {
                problem.message.truncate(end);
                problem.message.push('…');
            }
        }
    }

    pub(super) fn into_run(self, tenant: TenantKey, id: RunId) -> Result<SyncRun, Error> {
        let started_at = self
            .started_at
            .ok_or_else(|| damaged("a run without a start"))?;
        let datasets = self.datasets.into_iter().map(DatasetRunRecord::into_part);
        Ok(SyncRun {
            id,
            tenant,
            trigger: known(self.trigger, "trigger")?,
            state: known(self.state, "state of a run")?,
            started_at: started_at.into_time()?,
            finished_at: self.finished_at.map(TimeRecord::into_time).transpose()?,
            progress: self.progress,
            problem: self.problem.map(ProblemRecord::into_problem),
            datasets: datasets.collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Problem> for ProblemRecord {
    fn from(problem: &Problem) -> Self {
        let Problem { kind, message } = problem;
        Self {
            kind: kind.number(),
            message: message.clone(),
        }
    }
}

impl ProblemRecord {
    /// A kind that this version does not know is a fault of ours to it: the message still tells.
    fn into_problem(self) -> Problem {
        let kind = ProblemKind::from_number(self.kind).unwrap_or(ProblemKind::Internal);
        Problem::new(kind, self.message)
    }
}

impl From<&DatasetRun> for DatasetRunRecord {
    fn from(part: &DatasetRun) -> Self {
        let DatasetRun {
            dataset,
            state,
            rows,
            quarantined_rows,
            unmatched_rows,
            requests,
            throttled_requests,
            started_at,
            finished_at,
            problem,
        } = part;
        Self {
            dataset: dataset.number(),
            state: state.number(),
            rows: *rows,
            quarantined_rows: *quarantined_rows,
            unmatched_rows: *unmatched_rows,
            requests: *requests,
            throttled_requests: *throttled_requests,
            started_at: started_at.map(TimeRecord::from),
            finished_at: finished_at.map(TimeRecord::from),
            problem: problem.as_ref().map(ProblemRecord::from),
        }
    }
}

impl DatasetRunRecord {
    fn into_part(self) -> Result<DatasetRun, Error> {
        Ok(DatasetRun {
            dataset: known::<Dataset>(self.dataset, "dataset")?,
            state: known(self.state, "state of a dataset")?,
            rows: self.rows,
            quarantined_rows: self.quarantined_rows,
            unmatched_rows: self.unmatched_rows,
            requests: self.requests,
            throttled_requests: self.throttled_requests,
            started_at: self.started_at.map(TimeRecord::into_time).transpose()?,
            finished_at: self.finished_at.map(TimeRecord::into_time).transpose()?,
            problem: self.problem.map(ProblemRecord::into_problem),
        })
    }
}

/// The segments of a collection, base first.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ManifestRecord {
    #[prost(message, repeated, tag = "1")]
    pub(super) segments: Vec<SegmentRecord>,
}

/// What a segment must turn out to be.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct SegmentRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) run: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) part: u32,
    #[prost(uint32, tag = "3")]
    pub(super) frames: u32,
    #[prost(uint64, tag = "4")]
    pub(super) rows: u64,
    #[prost(uint64, tag = "5")]
    pub(super) bytes: u64,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) digest: Vec<u8>,
    /// Not set in stores of before there were any.
    #[prost(bool, tag = "7")]
    pub(super) is_file: bool,
    /// Of users.
    #[prost(message, optional, boxed, tag = "8")]
    pub(super) list: Option<Box<SegmentRecord>>,
    #[prost(uint64, tag = "9")]
    pub(super) unlisted: u64,
}

/// The first part of a value that is kept in parts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartsRecord {
    #[prost(uint32, tag = "1")]
    pub(super) parts: u32,
    /// Before compression.
    #[prost(uint64, tag = "2")]
    pub(super) bytes: u64,
    /// blake3 of all parts.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) digest: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples;

    proptest! {
        #[test]
        fn a_run_reads_back_as_it_was(run in samples::any_run()) {
            let bytes = RunRecord::from(&run).encode_to_vec();
            let record: RunRecord = decode(&bytes).unwrap();
            prop_assert_eq!(record.into_run(run.tenant.clone(), run.id).unwrap(), run);
        }

        #[test]
        fn a_connection_reads_back_as_it_was(connection in samples::any_connection()) {
            let bytes = ConnectionRecord::from(&connection).encode_to_vec();
            let record: ConnectionRecord = decode(&bytes).unwrap();
            prop_assert_eq!(record.into_connection().unwrap(), connection);
        }

        #[test]
        fn a_pointer_reads_back_as_it_was(time in samples::any_time(), run: u128) {
            let published = Published { run: RunId(Uuid::from_u128(run)), as_of: time };
            let bytes = CurrentRecord::new(published, [7; 32]).encode_to_vec();
            let record: CurrentRecord = decode(&bytes).unwrap();
            prop_assert_eq!(record.published().unwrap(), published);
            prop_assert_eq!(record.manifests, [7; 32]);
        }

        #[test]
        fn no_bytes_make_a_record_panic(bytes: Vec<u8>) {
            let tenant = samples::tenant("a");
            let _ = decode::<RunRecord>(&bytes).and_then(|run| run.into_run(tenant, RunId(Uuid::nil())));
            let _ = decode::<ConnectionRecord>(&bytes).and_then(ConnectionRecord::into_connection);
            let _ = decode::<CurrentRecord>(&bytes).and_then(|current| current.published());
        }
    }

    #[test]
    fn an_unknown_state_is_damage_and_an_unknown_problem_keeps_its_message() {
        let record = ConnectionRecord {
            state: 99,
            ..Default::default()
        };
        assert!(matches!(record.into_connection(), Err(Error::Damaged(_))));
        let record = ProblemRecord {
            kind: 99,
            message: "what to do".into(),
        };
        assert_eq!(
            record.into_problem(),
            Problem::new(ProblemKind::Internal, "what to do")
        );
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let mut record = RunRecord {
            problem: Some(ProblemRecord {
                kind: 1,
                message: "äöü".into(),
            }),
            ..Default::default()
        };
        record.cut_messages(3);
        assert_eq!(record.problem.as_ref().unwrap().message, "äöü");
        record.cut_messages(2);
        assert_eq!(record.problem.unwrap().message, "äö…");
    }
}

//! What runs changed of users, a row a run.

use prost::Message;

use crate::domain::ids::RunId;
use crate::domain::usage::HistoryNumber;
use crate::domain::user_change::{CodedChanges, FormerUser, RunChanges};
use crate::store::Error;
use crate::store::records::{TimeRecord, damaged, guid};

#[derive(Clone, PartialEq, Message)]
pub(super) struct RunChangesRecord {
    #[prost(bytes = "vec", tag = "1")]
    run: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    seen_at: Option<TimeRecord>,
    /// See [`CodedChanges`].
    #[prost(bytes = "vec", tag = "3")]
    changes: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    former: Vec<FormerUserRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct FormerUserRecord {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(string, tag = "2")]
    user_principal_name: String,
    #[prost(string, optional, tag = "3")]
    display_name: Option<String>,
}

impl From<&RunChanges> for RunChangesRecord {
    fn from(changes: &RunChanges) -> Self {
        let RunChanges {
            run,
            seen_at,
            changes,
            former,
        } = changes;
        Self {
            run: run.0.as_bytes().to_vec(),
            seen_at: Some((*seen_at).into()),
            changes: changes.bytes().to_vec(),
            former: former.iter().map(FormerUserRecord::from).collect(),
        }
    }
}

impl RunChangesRecord {
    pub(super) fn into_changes(self) -> Result<RunChanges, Error> {
        let seen_at = self.seen_at;
        let seen_at = seen_at.ok_or_else(|| damaged("changes without a time"))?;
        Ok(RunChanges {
            run: RunId(guid(&self.run)?),
            seen_at: seen_at.into_time()?,
            changes: CodedChanges::from_bytes(&self.changes),
            former: self.former.into_iter().map(FormerUser::from).collect(),
        })
    }
}

impl From<&FormerUser> for FormerUserRecord {
    fn from(former: &FormerUser) -> Self {
        let FormerUser {
            number,
            user_principal_name,
            display_name,
        } = former;
        Self {
            number: number.0,
            user_principal_name: user_principal_name.clone(),
            display_name: display_name.clone(),
        }
    }
}

impl From<FormerUserRecord> for FormerUser {
    fn from(record: FormerUserRecord) -> Self {
        Self {
            number: HistoryNumber(record.number),
            user_principal_name: record.user_principal_name,
            display_name: record.display_name,
        }
    }
}

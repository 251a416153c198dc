//! Changes of licenses and roles of a frame, by column.

use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use super::FactRef;
use super::by_id::{Columns, ReadFact};
use super::columns::{
    Codes, GuidColumn, GuidReader, TextColumn, TextReader, TextWriter, TimeColumn, TimeReader, cut,
    resolve, small,
};
use crate::domain::audit::{DirectoryChange, DirectoryChanges};
use crate::domain::ids::ObjectId;
use crate::domain::user_fact::UserFact;
use crate::store::collection::Collection;
use crate::store::numbers::Numbered;
use crate::store::records::known;
use crate::store::{Error, Fact};

/// The columns on disk; but for the first, a value a change.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ChangesRecord {
    /// How many changes each row has.
    #[prost(uint32, repeated, tag = "1")]
    counts: Vec<u32>,
    #[prost(message, optional, tag = "2")]
    at: Option<TimeColumn>,
    #[prost(uint32, repeated, tag = "3")]
    codes: Vec<u32>,
    /// What many changes have in common.
    #[prost(message, repeated, tag = "4")]
    deeds: Vec<DeedRecord>,
    #[prost(message, optional, tag = "5")]
    by_user: Option<GuidColumn>,
    #[prost(message, optional, tag = "6")]
    by_application: Option<TextColumn>,
}

/// What was done, and whether it worked.
#[derive(Clone, PartialEq, Message)]
struct DeedRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    activity: String,
    #[prost(bool, optional, tag = "3")]
    succeeded: Option<bool>,
}

/// Builds a [`ChangesRecord`].
pub(super) struct ChangeColumns {
    counts: Vec<u32>,
    at: Vec<Option<Timestamp>>,
    codes: Vec<u32>,
    known: Codes,
    deeds: Vec<DeedRecord>,
    deed_bytes: usize,
    by_user: Vec<Option<Uuid>>,
    by_application: TextWriter,
}

impl Default for ChangeColumns {
    fn default() -> Self {
        Self {
            counts: Vec::new(),
            at: Vec::new(),
            codes: Vec::new(),
            known: Codes::default(),
            deeds: Vec::new(),
            deed_bytes: 0,
            by_user: Vec::new(),
            by_application: TextWriter::shared(),
        }
    }
}

impl ChangeColumns {
    fn push_change(&mut self, change: &DirectoryChange) {
        let DirectoryChange {
            at,
            kind,
            activity,
            succeeded,
            by_user,
            by_application,
        } = change;
        let deed = DeedRecord {
            kind: kind.number(),
            activity: activity.clone(),
            succeeded: *succeeded,
        };
        let bytes = deed.encode_to_vec();
        let (code, is_new) = self.known.code(&bytes);
        self.codes.push(code);
        if is_new {
            self.deeds.push(deed);
            self.deed_bytes = self.deed_bytes.saturating_add(bytes.len());
        }
        self.at.push(Some(*at));
        self.by_user.push(by_user.map(|id| id.0));
        self.by_application.push(by_application.as_deref());
    }
}

impl Columns for ChangeColumns {
    type Record = ChangesRecord;

    fn push(&mut self, fact: FactRef<'_>) -> bool {
        let FactRef::UserFact(UserFact::DirectoryChanges(fact)) = fact else {
            return false;
        };
        let DirectoryChanges {
            object_id: _,
            changes,
        } = fact;
        self.counts.push(small(changes.len()));
        for change in changes {
            self.push_change(change);
        }
        true
    }

    fn bytes(&self) -> usize {
        let parts = [
            self.counts.len(),
            // A time, two codes, and somebody new at worst.
            self.codes.len().saturating_mul(28),
            self.deed_bytes,
        ];
        let texts = self.by_application.bytes();
        parts
            .iter()
            .fold(texts, |sum, part| sum.saturating_add(*part))
    }

    fn take(&mut self, ids: &[u8]) -> ChangesRecord {
        self.known.clear();
        self.deed_bytes = 0;
        ChangesRecord {
            counts: std::mem::take(&mut self.counts),
            at: Some(TimeColumn::new(&std::mem::take(&mut self.at))),
            codes: std::mem::take(&mut self.codes),
            deeds: std::mem::take(&mut self.deeds),
            by_user: Some(GuidColumn::new(&std::mem::take(&mut self.by_user), ids)),
            by_application: Some(self.by_application.take()),
        }
    }

    fn reader<'a>(
        _: Collection,
        record: &'a ChangesRecord,
        ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error> {
        let mut counts = record.counts.iter();
        let mut at = TimeReader::new(&record.at);
        let mut codes = record.codes.iter();
        let mut next = 0;
        let mut by_user = GuidReader::new(&record.by_user, ids);
        let mut by_application = TextReader::new(&record.by_application)?;
        Ok(Box::new(move |object_id| {
            let count = *counts.next().ok_or_else(cut)?;
            let mut changes = Vec::new();
            for _ in 0..count {
                let place = resolve(codes.next(), &mut next)?;
                let deed = place.and_then(|place| record.deeds.get(place));
                let deed = deed.ok_or_else(cut)?;
                changes.push(DirectoryChange {
                    at: at.read()?.ok_or_else(cut)?,
                    kind: known(deed.kind, "kind of change")?,
                    activity: deed.activity.clone(),
                    succeeded: deed.succeeded,
                    by_user: by_user.read()?.map(ObjectId),
                    by_application: by_application.read_owned()?,
                });
            }
            let fact = DirectoryChanges { object_id, changes };
            Ok(Fact::UserFact(UserFact::DirectoryChanges(fact)))
        }))
    }
}

//! Memberships of a frame, by column.

use prost::Message;
use uuid::Uuid;

use super::FactRef;
use super::by_id::{Columns, ReadFact};
use super::columns::{cut, small};
use crate::domain::group::Memberships;
use crate::domain::ids::ObjectId;
use crate::domain::user_fact::UserFact;
use crate::store::collection::Collection;
use crate::store::{Error, Fact};

/// A frame has every group once. Groups stand sorted there as they do in a fact, so that from one to
/// the next it is a small step.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MembershipsRecord {
    /// How many groups each row has.
    #[prost(uint32, repeated, tag = "1")]
    counts: Vec<u32>,
    /// The groups of all rows, sorted, 16 bytes each.
    #[prost(bytes = "vec", tag = "2")]
    groups: Vec<u8>,
    /// From the place of the group before to that of this one; a row begins before the first place.
    #[prost(sint64, repeated, tag = "3")]
    steps: Vec<i64>,
}

/// Builds a [`MembershipsRecord`].
#[derive(Default)]
pub(super) struct MembershipColumns {
    counts: Vec<u32>,
    groups: Vec<ObjectId>,
}

impl Columns for MembershipColumns {
    type Record = MembershipsRecord;

    fn push(&mut self, fact: FactRef<'_>) -> bool {
        let FactRef::UserFact(UserFact::Memberships(fact)) = fact else {
            return false;
        };
        let Memberships {
            object_id: _,
            groups,
        } = fact;
        self.counts.push(small(groups.len()));
        self.groups.extend_from_slice(groups);
        true
    }

    fn bytes(&self) -> usize {
        // As if no two were the same: it is so long in memory.
        let groups = self.groups.len().saturating_mul(16);
        groups.saturating_add(self.counts.len())
    }

    fn take(&mut self, _ids: &[u8]) -> MembershipsRecord {
        let groups = std::mem::take(&mut self.groups);
        let mut sorted = groups.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let counts = std::mem::take(&mut self.counts);
        let mut steps = Vec::with_capacity(groups.len());
        let mut groups = groups.iter();
        for count in &counts {
            let mut before = -1;
            for group in groups.by_ref().take(*count as usize) {
                let place = sorted.partition_point(|own| own < group) as i64;
                steps.push(place - before);
                before = place;
            }
        }
        MembershipsRecord {
            counts,
            groups: sorted.iter().flat_map(|id| id.0.into_bytes()).collect(),
            steps,
        }
    }

    fn reader<'a>(
        _: Collection,
        record: &'a MembershipsRecord,
        _ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error> {
        let (known, []) = record.groups.as_chunks::<16>() else {
            return Err(cut());
        };
        let mut counts = record.counts.iter();
        let mut steps = record.steps.iter();
        Ok(Box::new(move |object_id| {
            let count = *counts.next().ok_or_else(cut)?;
            // Not reserved: the count is only true where the steps follow.
            let mut groups = Vec::new();
            let mut place: i64 = -1;
            for _ in 0..count {
                let step = *steps.next().ok_or_else(cut)?;
                place = place.checked_add(step).ok_or_else(cut)?;
                let group = usize::try_from(place).ok();
                let group = group.and_then(|place| known.get(place)).ok_or_else(cut)?;
                groups.push(ObjectId(Uuid::from_bytes(*group)));
            }
            let fact = Memberships { object_id, groups };
            Ok(Fact::UserFact(UserFact::Memberships(fact)))
        }))
    }
}

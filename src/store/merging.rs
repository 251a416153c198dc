//! Merging the segments of a collection when that is due; see [`manifest`](super::manifest).

use super::collection::Collection;
use super::facts::{Facts, Twice, newest_rows};
use super::frames::Row;
use super::manifest::{Manifest, Merge, Segment};
use super::naming::Naming;
use super::segments::SegmentWriter;
use super::{Error, Staging};

impl Staging {
    /// Writes the rest of what was staged, and what is to be merged.
    pub(super) fn finish_segments(&mut self, before: &Facts) -> Result<Facts, Error> {
        let mut after = before.clone();
        for (collection, segments) in self.flush()? {
            // Those of users come before those of what is said of them.
            let list = after.list_of_users().cloned();
            let manifest = after.manifests.entry(collection).or_default();
            for segment in segments {
                if collection.has_one_row() {
                    manifest.segments.clear();
                }
                manifest.segments.push(segment);
                while let Some(merge) = manifest.due_merge() {
                    let merged = self.merge(collection, manifest, &merge, list.as_ref())?;
                    manifest.apply(&merge, merged);
                }
            }
        }
        after
            .manifests
            .retain(|_, manifest| !manifest.segments.is_empty());
        Ok(after)
    }

    /// Writes the newest rows of some segments as one segment; `None` when none are left.
    fn merge(
        &mut self,
        collection: Collection,
        manifest: &Manifest,
        merge: &Merge,
        list_of_users: Option<&Segment>,
    ) -> Result<Option<Segment>, Error> {
        let Some(segments) = manifest.segments.get(merge.segments.clone()) else {
            return Ok(None);
        };
        let merged = self.next_segment(collection)?;
        let naming = match segments.first().filter(|_| merge.is_base) {
            Some(base) => self.naming_of_merge(collection, base, list_of_users.cloned())?,
            None => Naming::Whole,
        };
        let mut writer = SegmentWriter::new(&self.store, merged, naming)?;
        let mut take = |row| match row {
            Row::Put(fact) => writer.put((&fact).into()),
            // Below the base there is nothing left to remove.
            Row::Removed(_) if merge.is_base => Ok(()),
            Row::Removed(id) => writer.remove(id),
        };
        newest_rows(
            &self.store,
            &[segments],
            Twice::Never,
            &|row| row,
            &mut take,
        )?;
        writer.flush()
    }
}

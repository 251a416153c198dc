//! Lists of ids, each in a file of its own: segments of many rows name ids by their places there.
//!
//! What is said of a user is keyed by the user's id in every collection: 16 bytes that nothing
//! compresses, next to twenty for all else that a report says. So whoever writes a first or a new base
//! of users writes their ids to a list beside it, and bases of other collections name places in that list;
//! in the order of the list, a place takes next to nothing. A list is never changed, and goes when the last
//! segment that names it does. Rows of small changes keep their ids.

use std::sync::{Arc, OnceLock};

use super::frames::{Id, Places, small};
use super::keys::SegmentKey;
use super::manifest::{Place, Segment};
use super::segments::FramedFile;
use super::{Error, Store};

/// So many places around the last one are looked at before an id is looked for everywhere.
const NEAR: u32 = 4;

/// A list in memory.
pub(super) struct IdList {
    ids: Vec<Id>,
    /// The places, sorted by id; made when an id is not where it is looked for first.
    by_id: OnceLock<Vec<u32>>,
}

impl IdList {
    pub(super) fn new(ids: Vec<Id>) -> Self {
        Self {
            ids,
            by_id: OnceLock::new(),
        }
    }

    /// By place.
    pub(super) fn ids(&self) -> &[Id] {
        &self.ids
    }

    fn at(&self, place: u32) -> Option<&Id> {
        self.ids.get(usize::try_from(place).ok()?)
    }

    fn find(&self, id: &Id) -> Option<u32> {
        let by_id = self.by_id.get_or_init(|| {
            let mut places: Vec<u32> = (0..small(self.ids.len())).collect();
            places.sort_unstable_by_key(|place| self.at(*place));
            places
        });
        let found = by_id.binary_search_by_key(&Some(id), |place| self.at(*place));
        found.ok().and_then(|found| by_id.get(found).copied())
    }
}

/// A list that rows name ids by, and where it is.
#[derive(Clone)]
pub(super) struct Listed {
    segment: Segment,
    ids: Arc<IdList>,
    /// The place that was found last.
    last: u32,
}

impl Listed {
    pub(super) fn new(segment: Segment, ids: Vec<Id>) -> Self {
        Self::shared(segment, Arc::new(IdList::new(ids)))
    }

    pub(super) fn shared(segment: Segment, ids: Arc<IdList>) -> Self {
        Self {
            segment,
            ids,
            last: 0,
        }
    }

    /// Where it is.
    pub(super) fn list(&self) -> &Segment {
        &self.segment
    }

    /// The ids.
    pub(super) fn ids(&self) -> Arc<IdList> {
        Arc::clone(&self.ids)
    }

    /// What finds places in it.
    pub(super) fn finder(&mut self) -> Finder<'_> {
        Finder(self)
    }
}

/// Finds places in a list, around the last one first: rows mostly come in the order of the list, or
/// against it.
pub(super) struct Finder<'a>(&'a mut Listed);

impl Places for Finder<'_> {
    fn place(&mut self, id: &Id) -> Option<u32> {
        let Self(listed) = self;
        let around = (0..=NEAR).flat_map(|step| {
            let (behind, before) = (listed.last.checked_add(step), listed.last.checked_sub(step));
            [behind, before]
        });
        let mut around = around.flatten();
        let near = around.find(|place| listed.ids.at(*place) == Some(id));
        let place = near.or_else(|| listed.ids.find(id))?;
        listed.last = place;
        Some(place)
    }
}

/// Writes a list.
pub(super) struct ListWriter {
    key: SegmentKey,
    ids: Vec<Id>,
    /// How many of them are in the file.
    rows: usize,
    frames: u32,
    file: FramedFile,
}

impl ListWriter {
    pub(super) fn new(key: SegmentKey) -> Self {
        Self {
            key,
            ids: Vec::new(),
            rows: 0,
            frames: 0,
            file: FramedFile::default(),
        }
    }

    /// What gives each id the next place.
    pub(super) fn appender(&mut self) -> Appender<'_> {
        Appender(self)
    }

    /// Writes the ids that were added since.
    pub(super) fn write(&mut self, store: &Store) -> Result<(), Error> {
        let new = self.ids.get(self.rows..).unwrap_or_default();
        self.file.append(store, &self.key, new.as_flattened())?;
        self.frames = self.frames.saturating_add(1);
        self.rows = self.ids.len();
        Ok(())
    }

    /// What is written of it; `None` where nothing is.
    pub(super) fn segment(&self) -> Option<Segment> {
        (self.frames > 0).then(|| Segment {
            key: self.key.clone(),
            place: Place::File,
            frames: self.frames,
            rows: self.rows as u64,
            bytes: self.rows as u64 * 16,
            digest: self.file.digest(),
            list: None,
            unlisted: 0,
        })
    }

    /// Its ids.
    pub(super) fn ids(&self) -> &[Id] {
        &self.ids
    }
}

/// Gives every id the next place of a list.
pub(super) struct Appender<'a>(&'a mut ListWriter);

impl Places for Appender<'_> {
    fn place(&mut self, id: &Id) -> Option<u32> {
        let place = small(self.0.ids.len());
        self.0.ids.push(*id);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::collection::Collection;
    use crate::store::samples::{Random, run_id, tenant};

    fn listed(ids: Vec<Id>) -> Listed {
        let key = SegmentKey {
            tenant: tenant("contoso"),
            collection: Collection::Users,
            run: run_id(1),
            part: 0,
        };
        let mut segment = ListWriter::new(key);
        segment.frames = 1;
        Listed::new(segment.segment().unwrap(), ids)
    }

    #[test]
    fn places_are_found_in_order_against_it_and_anywhere() {
        let mut random = Random(5);
        let mut id = || u128::from(random.next()).to_be_bytes();
        let ids: Vec<Id> = (0..2_000).map(|_| id()).collect();
        let mut listed = listed(ids.clone());
        let place = |listed: &mut Listed, number: usize| listed.finder().place(&ids[number]);
        let forward = 0..ids.len();
        for number in forward.clone().chain(forward.clone().rev()).step_by(3) {
            assert_eq!(place(&mut listed, number), Some(small(number)));
        }
        assert!(listed.ids.by_id.get().is_none(), "all were near");
        for number in forward.map(|number| number * 977 % 2_000) {
            assert_eq!(place(&mut listed, number), Some(small(number)));
        }
        assert_eq!(listed.finder().place(&id()), None);
    }
}

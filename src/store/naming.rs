//! How segments name the ids of their rows: as they are, or by places in a list.

use super::collection::Collection;
use super::ids::{ListWriter, Listed};
use super::manifest::Segment;
use super::segments::SegmentReader;
use super::{Error, Staging};

/// How a segment that is written names ids.
pub(super) enum Naming {
    /// As they are.
    Whole,
    /// By their places in a list.
    Listed(Listed),
    /// By their places in a list that is written beside it.
    Listing(Box<ListWriter>),
}

impl Staging {
    /// How a base of a collection names ids that this run reads for the first time.
    pub(super) fn naming_of_base(&mut self, collection: Collection) -> Result<Naming, Error> {
        if collection == Collection::Users {
            let list = self.next_segment(collection)?;
            return Ok(Naming::Listing(Box::new(ListWriter::new(list))));
        }
        if !collection.is_by_user() {
            return Ok(Naming::Whole);
        }
        if let Some(users) = self.writers.get_mut(&Collection::Users)
            && let Some(list) = users.list()?
            && let Some(segment) = list.segment()
        {
            if !self
                .list
                .as_ref()
                .is_some_and(|last| *last.list() == segment)
            {
                self.list = Some(Listed::new(segment.clone(), list.ids().to_vec()));
            }
            return self.naming_by(Some(segment));
        }
        self.naming_by(self.list_of_base.clone())
    }

    /// Names ids by a list that is stored.
    fn naming_by(&mut self, list: Option<Segment>) -> Result<Naming, Error> {
        let Some(list) = list else {
            return Ok(Naming::Whole);
        };
        if let Some(last) = self.list.as_ref().filter(|last| *last.list() == list) {
            return Ok(Naming::Listed(last.clone()));
        }
        let reader = SegmentReader::new(&self.store)?;
        let listed = Listed::shared(list.clone(), reader.list(&list)?);
        self.list = Some(listed.clone());
        Ok(Naming::Listed(listed))
    }

    /// How the result of a merge names ids.
    pub(super) fn naming_of_merge(
        &mut self,
        collection: Collection,
        base: &Segment,
        list_of_users: Option<Segment>,
    ) -> Result<Naming, Error> {
        match collection {
            Collection::Users => match base.list.as_deref().filter(|_| base.is_well_listed()) {
                Some(list) => self.naming_by(Some(list.clone())),
                None => self.naming_of_base(collection),
            },
            other if other.is_by_user() => self.naming_by(list_of_users),
            _ => Ok(Naming::Whole),
        }
    }
}

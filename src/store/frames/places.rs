//! Ids of rows as places in a list that several segments share.
//!
//! An id is 16 bytes that nothing compresses, and a user's stands in as many collections as say
//! something of the user. A place beside that of the row before is next to nothing.

use prost::Message;

use super::columns::{cut, small};
use crate::store::Error;

/// An id as it is kept.
pub(in crate::store) type Id = [u8; 16];

/// What finds an id's place in a list.
pub(in crate::store) trait Places {
    /// The place of the next row's id; `None` where it is on no list.
    fn place(&mut self, id: &Id) -> Option<u32>;
}

/// The places of a frame's rows, on disk. The ids that are on no list stand elsewhere, in order.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PlacesRecord {
    /// Of every row on the list: how far behind the place after that of the row before it is.
    #[prost(sint64, repeated, tag = "1")]
    steps: Vec<i64>,
    /// The rows that are not on it, ascending.
    #[prost(uint32, repeated, tag = "2")]
    unlisted: Vec<u32>,
}

impl PlacesRecord {
    /// The places of rows, 16 bytes each; and the ids that have none.
    pub(super) fn of(ids: &[u8], places: &mut dyn Places) -> (Self, Vec<u8>) {
        let (mut record, mut rest) = (Self::default(), Vec::new());
        let mut next: i64 = 0;
        for (row, id) in ids.as_chunks::<16>().0.iter().enumerate() {
            match places.place(id) {
                Some(place) => {
                    record.steps.push(i64::from(place).saturating_sub(next));
                    next = i64::from(place).saturating_add(1);
                }
                None => {
                    record.unlisted.push(small(row));
                    rest.extend_from_slice(id);
                }
            }
        }
        (record, rest)
    }

    /// The ids of all rows, 16 bytes each.
    pub(super) fn ids(&self, rest: &[u8], list: &[Id]) -> Result<Vec<u8>, Error> {
        let (rest, []) = rest.as_chunks::<16>() else {
            return Err(cut());
        };
        let mut rest = rest.iter();
        let mut unlisted = self.unlisted.iter().copied().peekable();
        let mut steps = self.steps.iter();
        let count = self.steps.len().saturating_add(self.unlisted.len());
        let mut ids = Vec::with_capacity(count.saturating_mul(16));
        let mut next: i64 = 0;
        for row in 0..small(count) {
            let id = match unlisted.next_if_eq(&row) {
                Some(_) => rest.next(),
                None => {
                    let place = next.checked_add(*steps.next().ok_or_else(cut)?);
                    let place = place.ok_or_else(cut)?;
                    next = place.checked_add(1).ok_or_else(cut)?;
                    usize::try_from(place)
                        .ok()
                        .and_then(|place| list.get(place))
                }
            };
            ids.extend_from_slice(id.ok_or_else(cut)?);
        }
        match (rest.next(), unlisted.next()) {
            (None, None) => Ok(ids),
            _ => Err(cut()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Among<'a>(&'a [Id]);

    impl Places for Among<'_> {
        fn place(&mut self, id: &Id) -> Option<u32> {
            self.0.iter().position(|own| own == id).map(small)
        }
    }

    /// Writes ids and reads them back; how many are not on the list.
    #[track_caller]
    fn check(ids: &[u8], list: &[u8], unlisted: usize) {
        let id = |number: &u8| [*number; 16];
        let list: Vec<Id> = list.iter().map(id).collect();
        let ids: Vec<u8> = ids.iter().flat_map(id).collect();
        let (record, rest) = PlacesRecord::of(&ids, &mut Among(&list));
        assert_eq!(rest.len(), unlisted * 16);
        assert_eq!(record.ids(&rest, &list).unwrap(), ids);
        if ids.len() > rest.len() {
            assert!(record.ids(&rest, &[]).is_err(), "another list");
        }
        if let Some(cut) = rest.len().checked_sub(16) {
            assert!(record.ids(&rest[..cut], &list).is_err());
        }
        let longer = [rest.as_slice(), &[0; 16]].concat();
        assert!(record.ids(&longer, &list).is_err());
    }

    #[test]
    fn ids_read_back_in_any_order_on_the_list_or_not() {
        check(&[], &[], 0);
        check(&[1, 2, 3], &[1, 2, 3], 0);
        check(&[3, 2, 1], &[1, 2, 3], 0);
        check(&[2, 2, 9, 1, 8, 2], &[0, 1, 2, 3], 2);
        check(&[9, 1], &[1], 1);
        check(&[1, 9], &[1], 1);
        check(&[7, 8], &[], 2);
    }

    #[test]
    fn no_record_of_places_makes_its_reading_panic() {
        let list = [[1; 16], [2; 16]];
        for steps in [
            vec![i64::MAX, 1],
            vec![i64::MIN],
            vec![-1],
            vec![2],
            vec![0, -3],
        ] {
            let unlisted = Vec::new();
            assert!(PlacesRecord { steps, unlisted }.ids(&[], &list).is_err());
        }
        for unlisted in [vec![1, 0], vec![5], vec![0, 0]] {
            let rest = vec![7; unlisted.len() * 16];
            let steps = vec![0];
            assert!(PlacesRecord { steps, unlisted }.ids(&rest, &list).is_err());
        }
        let record = PlacesRecord::default();
        assert!(record.ids(&[1; 15], &list).is_err());
    }
}

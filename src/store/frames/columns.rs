//! Columns of a frame: texts, instants and GUIDs, each for many rows at once.
//!
//! Values of one property compress far better side by side than row by row, and a value that comes
//! again costs one small number. In a column of codes, 0 is an absent value, 1 the next one that has
//! not been there before, and `n + 2` the `n`-th again.

use std::collections::HashMap;

use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use crate::store::Error;
use crate::store::records::{damaged, timestamp};

pub(super) const ABSENT: u32 = 0;
const NEXT: u32 = 1;
const AGAIN: u32 = 2;

/// Texts of one property.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TextColumn {
    #[prost(uint32, repeated, tag = "1")]
    codes: Vec<u32>,
    /// Of each new text, in bytes.
    #[prost(uint32, repeated, tag = "2")]
    lengths: Vec<u32>,
    /// The new texts, one after the other.
    #[prost(string, tag = "3")]
    texts: String,
}

/// Builds a [`TextColumn`].
pub(super) struct TextWriter {
    column: TextColumn,
    /// Where a text is that came before; `None` where few come twice.
    known: Option<HashMap<String, u32>>,
}

impl TextWriter {
    /// For a property that many rows share.
    pub(super) fn shared() -> Self {
        Self {
            column: TextColumn::default(),
            known: Some(HashMap::new()),
        }
    }

    /// For a property that hardly any two rows share.
    pub(super) fn distinct() -> Self {
        Self {
            column: TextColumn::default(),
            known: None,
        }
    }

    /// Adds the next row's value.
    pub(super) fn push(&mut self, text: Option<&str>) {
        let Some(text) = text else {
            return self.column.codes.push(ABSENT);
        };
        let count = self.column.lengths.len();
        if let Some(known) = &mut self.known {
            if let Some(place) = known.get(text) {
                return self.column.codes.push(place.saturating_add(AGAIN));
            }
            known.insert(text.to_owned(), small(count));
        }
        self.column.codes.push(NEXT);
        self.column.lengths.push(small(text.len()));
        self.column.texts.push_str(text);
    }

    /// The column, and an empty writer in its place.
    pub(super) fn take(&mut self) -> TextColumn {
        if let Some(known) = &mut self.known {
            known.clear();
        }
        std::mem::take(&mut self.column)
    }

    /// About how long the column is.
    pub(super) fn bytes(&self) -> usize {
        self.column
            .texts
            .len()
            .saturating_add(self.column.codes.len())
    }
}

/// Reads a [`TextColumn`] row by row.
pub(super) struct TextReader<'a> {
    codes: std::slice::Iter<'a, u32>,
    texts: Vec<&'a str>,
    next: usize,
    is_missing: bool,
}

impl<'a> TextReader<'a> {
    /// A column that the record does not have is absent in every row.
    pub(super) fn new(column: &'a Option<TextColumn>) -> Result<Self, Error> {
        let Some(column) = column else {
            return Ok(Self {
                codes: [].iter(),
                texts: Vec::new(),
                next: 0,
                is_missing: true,
            });
        };
        let mut texts = Vec::with_capacity(column.lengths.len());
        let mut rest = column.texts.as_str();
        for length in &column.lengths {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            let (text, behind) = rest.split_at_checked(length).ok_or_else(cut)?;
            texts.push(text);
            rest = behind;
        }
        Ok(Self {
            codes: column.codes.iter(),
            texts,
            next: 0,
            is_missing: false,
        })
    }

    /// The next row's value.
    pub(super) fn read(&mut self) -> Result<Option<&'a str>, Error> {
        if self.is_missing {
            return Ok(None);
        }
        let place = resolve(self.codes.next(), &mut self.next)?;
        let text = place.map(|place| self.texts.get(place).copied().ok_or_else(cut));
        text.transpose()
    }

    /// The next row's value, to keep.
    pub(super) fn read_owned(&mut self) -> Result<Option<String>, Error> {
        Ok(self.read()?.map(str::to_owned))
    }
}

/// GUIDs of one property, many of which are ids of the frame's own rows.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GuidColumn {
    #[prost(uint32, repeated, tag = "1")]
    codes: Vec<u32>,
    /// The new ones, 16 bytes each.
    #[prost(bytes = "vec", tag = "2")]
    guids: Vec<u8>,
}

impl GuidColumn {
    /// Builds the column; `own` are the ids of the rows, which count as having been there before.
    pub(super) fn new(values: &[Option<Uuid>], own: &[u8]) -> Self {
        let own = own.as_chunks::<16>().0;
        let mut known = HashMap::with_capacity(own.len());
        for (place, id) in own.iter().enumerate() {
            known.entry(*id).or_insert(small(place));
        }
        // An id may be there twice, so count places, not entries.
        let mut places = small(own.len());
        let mut column = Self::default();
        for value in values {
            let code = match value {
                None => ABSENT,
                Some(id) => match known.get(id.as_bytes()) {
                    Some(place) => place.saturating_add(AGAIN),
                    None => {
                        known.insert(*id.as_bytes(), places);
                        places = places.saturating_add(1);
                        column.guids.extend_from_slice(id.as_bytes());
                        NEXT
                    }
                },
            };
            column.codes.push(code);
        }
        column
    }
}

/// Reads a [`GuidColumn`] row by row.
pub(super) struct GuidReader<'a> {
    codes: std::slice::Iter<'a, u32>,
    own: &'a [[u8; 16]],
    new: &'a [[u8; 16]],
    next: usize,
    is_missing: bool,
}

impl<'a> GuidReader<'a> {
    /// A column that the record does not have is absent in every row.
    pub(super) fn new(column: &'a Option<GuidColumn>, own: &'a [[u8; 16]]) -> Self {
        let (codes, new) = match column {
            Some(column) => (column.codes.iter(), column.guids.as_chunks::<16>().0),
            None => ([].iter(), [].as_slice()),
        };
        Self {
            codes,
            own,
            new,
            next: own.len(),
            is_missing: column.is_none(),
        }
    }

    /// The next row's value.
    pub(super) fn read(&mut self) -> Result<Option<Uuid>, Error> {
        if self.is_missing {
            return Ok(None);
        }
        let Some(place) = resolve(self.codes.next(), &mut self.next)? else {
            return Ok(None);
        };
        let bytes = match place.checked_sub(self.own.len()) {
            None => self.own.get(place),
            Some(place) => self.new.get(place),
        };
        Ok(Some(Uuid::from_bytes(*bytes.ok_or_else(cut)?)))
    }
}

/// Instants of one property.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeColumn {
    /// The earliest second.
    #[prost(sint64, tag = "1")]
    base: i64,
    /// Seconds after the base, plus one; 0 is absent.
    #[prost(uint64, repeated, tag = "2")]
    offsets: Vec<u64>,
    /// One a present value; empty where all are whole seconds.
    #[prost(sint32, repeated, tag = "3")]
    nanos: Vec<i32>,
}

impl TimeColumn {
    /// Builds the column.
    pub(super) fn new(values: &[Option<Timestamp>]) -> Self {
        let present = || values.iter().flatten();
        let base = present().map(|time| time.as_second()).min().unwrap_or(0);
        let offset = |time: &Option<Timestamp>| {
            time.map_or(0, |time| time.as_second().abs_diff(base).saturating_add(1))
        };
        let are_whole = present().all(|time| time.subsec_nanosecond() == 0);
        Self {
            base,
            offsets: values.iter().map(offset).collect(),
            nanos: if are_whole {
                Vec::new()
            } else {
                present().map(|time| time.subsec_nanosecond()).collect()
            },
        }
    }
}

/// Reads a [`TimeColumn`] row by row.
pub(super) struct TimeReader<'a> {
    base: i64,
    offsets: std::slice::Iter<'a, u64>,
    nanos: std::slice::Iter<'a, i32>,
    are_whole: bool,
    is_missing: bool,
}

impl<'a> TimeReader<'a> {
    /// A column that the record does not have is absent in every row.
    pub(super) fn new(column: &'a Option<TimeColumn>) -> Self {
        let (base, offsets, nanos) = match column {
            Some(column) => (column.base, column.offsets.iter(), column.nanos.iter()),
            None => (0, [].iter(), [].iter()),
        };
        Self {
            base,
            are_whole: nanos.len() == 0,
            offsets,
            nanos,
            is_missing: column.is_none(),
        }
    }

    /// The next row's value.
    pub(super) fn read(&mut self) -> Result<Option<Timestamp>, Error> {
        if self.is_missing {
            return Ok(None);
        }
        let offset = self.offsets.next().ok_or_else(cut)?;
        let Some(offset) = offset.checked_sub(1) else {
            return Ok(None);
        };
        let nanos = if self.are_whole {
            0
        } else {
            *self.nanos.next().ok_or_else(cut)?
        };
        let seconds = self.base.checked_add_unsigned(offset).ok_or_else(cut)?;
        timestamp(seconds, nanos).map(Some)
    }
}

/// Reads a code: `None` is absent, else the place of the value.
pub(super) fn resolve(code: Option<&u32>, next: &mut usize) -> Result<Option<usize>, Error> {
    match code.copied().ok_or_else(cut)? {
        ABSENT => Ok(None),
        NEXT => {
            let place = *next;
            *next = next.saturating_add(1);
            Ok(Some(place))
        }
        code => Ok(usize::try_from(code.saturating_sub(AGAIN)).ok()),
    }
}

/// The codes of values that are bytes, such as records.
#[derive(Default)]
pub(super) struct Codes {
    known: HashMap<Vec<u8>, u32>,
}

impl Codes {
    /// The code of no value.
    pub(super) const ABSENT: u32 = ABSENT;

    /// The code of a value; true when it is new.
    pub(super) fn code(&mut self, value: &[u8]) -> (u32, bool) {
        if let Some(place) = self.known.get(value) {
            return (place.saturating_add(AGAIN), false);
        }
        self.known.insert(value.to_vec(), small(self.known.len()));
        (NEXT, true)
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}

/// A count within a frame, which never has more than 2^32 of anything.
pub(in crate::store) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A column that is shorter than its frame, or refers to what is not there.
pub(super) fn cut() -> Error {
    damaged("a column does not fit its rows")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples;

    fn read_all<T>(count: usize, mut read: impl FnMut() -> Result<T, Error>) -> Vec<T> {
        (0..count).map(|_| read().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn texts_read_back(texts in prop::collection::vec(prop::option::of("[aäb]{0,2}"), 0..40), shared: bool) {
            let mut writer = if shared { TextWriter::shared() } else { TextWriter::distinct() };
            for _ in 0..2 {
                texts.iter().for_each(|text| writer.push(text.as_deref()));
                let column = Some(writer.take());
                let mut reader = TextReader::new(&column).unwrap();
                prop_assert_eq!(&read_all(texts.len(), || reader.read_owned()), &texts);
                prop_assert!(reader.read().is_err());
            }
        }

        #[test]
        fn guids_read_back(ids in prop::collection::vec(0..9_u128, 0..20), values in prop::collection::vec(prop::option::of(0..20_u128), 0..40)) {
            let own: Vec<u8> = ids.iter().flat_map(|id| Uuid::from_u128(*id).into_bytes()).collect();
            let values: Vec<_> = values.into_iter().map(|value| value.map(Uuid::from_u128)).collect();
            let column = Some(GuidColumn::new(&values, &own));
            let mut reader = GuidReader::new(&column, own.as_chunks().0);
            prop_assert_eq!(read_all(values.len(), || reader.read()), values);
        }

        #[test]
        fn times_read_back(times in prop::collection::vec(prop::option::of(samples::any_time()), 0..20)) {
            let column = Some(TimeColumn::new(&times));
            let mut reader = TimeReader::new(&column);
            prop_assert_eq!(read_all(times.len(), || reader.read()), times);
        }
    }

    #[test]
    fn the_ends_of_time_read_back() {
        for time in [Timestamp::MIN, Timestamp::MAX] {
            let column = Some(TimeColumn::new(&[Some(time), None, Some(Timestamp::MIN)]));
            let mut reader = TimeReader::new(&column);
            assert_eq!(reader.read().unwrap(), Some(time));
        }
    }

    #[test]
    fn a_missing_column_is_absent_in_every_row() {
        assert_eq!(TextReader::new(&None).unwrap().read().unwrap(), None);
        assert_eq!(GuidReader::new(&None, &[]).read().unwrap(), None);
        assert_eq!(TimeReader::new(&None).read().unwrap(), None);
    }

    #[test]
    fn a_text_that_many_rows_share_is_kept_once() {
        let mut writer = TextWriter::shared();
        for _ in 0..1_000 {
            writer.push(Some("Human Resources"));
        }
        assert_eq!(writer.take().texts, "Human Resources");
    }
}

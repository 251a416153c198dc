//! Numbers of reports, by metric.
//!
//! Nearly all rows of a report have the same metrics, so which ones is a code a row, and the numbers
//! of each metric stand side by side. A sum over a longer period is kept as what it is more than the
//! one over the shorter period: for most people and most metrics, nothing.

use std::collections::BTreeMap;

use prost::Message;

use super::columns::{Codes, cut, resolve};
use crate::domain::usage::{Metric, Seek, Values};
use crate::store::Error;
use crate::store::numbers::Numbered;

/// The column on disk.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValuesColumn {
    /// A code a row: which metrics it has.
    #[prost(uint32, repeated, tag = "1")]
    codes: Vec<u32>,
    /// Sets of metrics, a byte a metric.
    #[prost(bytes = "vec", repeated, tag = "2")]
    shapes: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "3")]
    metrics: Vec<MetricColumn>,
}

/// The numbers of one metric, of the rows that have it.
#[derive(Clone, PartialEq, Message)]
struct MetricColumn {
    #[prost(uint32, tag = "1")]
    metric: u32,
    /// The smallest.
    #[prost(sint64, tag = "2")]
    base: i64,
    /// How much more each is.
    #[prost(uint64, repeated, tag = "3")]
    offsets: Vec<u64>,
}

/// Builds a [`ValuesColumn`].
#[derive(Default)]
pub(super) struct ValuesWriter {
    codes: Vec<u32>,
    known: Codes,
    shapes: Vec<Vec<u8>>,
    /// Numbers less those that they are compared to.
    metrics: BTreeMap<Metric, Vec<i64>>,
    numbers: usize,
}

impl ValuesWriter {
    /// Adds the next row's numbers, compared to other numbers of the row.
    pub(super) fn push(&mut self, values: Option<&Values>, before: Option<&Values>) {
        let Some(values) = values else {
            return self.codes.push(Codes::ABSENT);
        };
        let shape: Vec<u8> = values
            .iter()
            .map(|(metric, _)| metric.number_byte())
            .collect();
        let (code, is_new) = self.known.code(&shape);
        self.codes.push(code);
        self.numbers = self.numbers.saturating_add(shape.len());
        if is_new {
            self.shapes.push(shape);
        }
        let mut before = before.map(Values::seek);
        for (metric, value) in values.iter() {
            // Wrapping, and back again when read: whatever the two numbers are, this is exact.
            let more = value.wrapping_sub(compared(metric, &mut before));
            let column = self.metrics.entry(metric).or_default();
            column.push(more.cast_signed());
        }
    }

    /// About how long the column is.
    pub(super) fn bytes(&self) -> usize {
        self.numbers
            .saturating_mul(3)
            .saturating_add(self.codes.len())
    }

    /// The column, and an empty writer in its place.
    pub(super) fn take(&mut self) -> ValuesColumn {
        self.known.clear();
        self.numbers = 0;
        let columns = std::mem::take(&mut self.metrics);
        let column = |(metric, values): (Metric, Vec<i64>)| {
            let base = values.iter().copied().min().unwrap_or(0);
            let offset = |value: i64| value.wrapping_sub(base).cast_unsigned();
            MetricColumn {
                metric: metric.number(),
                base,
                offsets: values.into_iter().map(offset).collect(),
            }
        };
        ValuesColumn {
            codes: std::mem::take(&mut self.codes),
            shapes: std::mem::take(&mut self.shapes),
            metrics: columns.into_iter().map(column).collect(),
        }
    }
}

/// Reads a [`ValuesColumn`] row by row.
pub(super) struct ValuesReader<'a> {
    codes: std::slice::Iter<'a, u32>,
    next: usize,
    /// Of each set of metrics, the places in `metrics`.
    shapes: Vec<Vec<usize>>,
    metrics: Vec<Numbers<'a>>,
    is_missing: bool,
}

struct Numbers<'a> {
    /// `None` for one that this version does not know: its numbers are passed over.
    metric: Option<Metric>,
    base: u64,
    offsets: std::slice::Iter<'a, u64>,
}

impl<'a> ValuesReader<'a> {
    /// A column that the record does not have is absent in every row.
    pub(super) fn new(column: &'a Option<ValuesColumn>) -> Result<Self, Error> {
        let Some(column) = column else {
            return Ok(Self {
                codes: [].iter(),
                next: 0,
                shapes: Vec::new(),
                metrics: Vec::new(),
                is_missing: true,
            });
        };
        let numbers = |column: &'a MetricColumn| Numbers {
            metric: Metric::from_number(column.metric),
            base: column.base.cast_unsigned(),
            offsets: column.offsets.iter(),
        };
        let place = |metric: &u8| {
            let mut columns = column.metrics.iter();
            let place = columns.position(|column| column.metric == u32::from(*metric));
            place.ok_or_else(cut)
        };
        let shape = |shape: &Vec<u8>| shape.iter().map(place).collect::<Result<_, Error>>();
        Ok(Self {
            codes: column.codes.iter(),
            next: 0,
            shapes: column.shapes.iter().map(shape).collect::<Result<_, _>>()?,
            metrics: column.metrics.iter().map(numbers).collect(),
            is_missing: false,
        })
    }

    /// The next row's numbers, compared to the same as when they were written.
    pub(super) fn read(&mut self, before: Option<&Values>) -> Result<Option<Values>, Error> {
        if self.is_missing {
            return Ok(None);
        }
        let Some(place) = resolve(self.codes.next(), &mut self.next)? else {
            return Ok(None);
        };
        let shape = self.shapes.get(place).ok_or_else(cut)?;
        let mut values = Values::with_room(shape.len());
        let mut before = before.map(Values::seek);
        for place in shape {
            let numbers = self.metrics.get_mut(*place).ok_or_else(cut)?;
            let offset = *numbers.offsets.next().ok_or_else(cut)?;
            if let Some(metric) = numbers.metric {
                let more = numbers.base.wrapping_add(offset);
                values.set(metric, more.wrapping_add(compared(metric, &mut before)));
            }
        }
        Ok(Some(values))
    }
}

fn compared(metric: Metric, before: &mut Option<Seek<'_>>) -> u64 {
    let number = before.as_mut().and_then(|before| before.get(metric));
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes and reads one row compared to another.
    #[track_caller]
    fn check(value: u64, before: Option<u64>) {
        let values = |value| Values::new([(Metric::EmailsSent, value)]);
        let before = before.map(values);
        let mut writer = ValuesWriter::default();
        writer.push(Some(&values(value)), before.as_ref());
        let column = Some(writer.take());
        let read = ValuesReader::new(&column).unwrap().read(before.as_ref());
        assert_eq!(read.unwrap(), Some(values(value)));
    }

    #[test]
    fn numbers_read_back_at_the_ends_of_their_range() {
        for value in [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX] {
            check(value, None);
            check(value, Some(0));
            check(value, Some(u64::MAX));
        }
    }

    #[test]
    fn a_range_wider_than_its_numbers_reads_back() {
        let rows = [0, u64::MAX, u64::MAX / 2, u64::MAX / 2 + 1];
        let rows = rows.map(|value| Values::new([(Metric::MailboxBytes, value)]));
        let mut writer = ValuesWriter::default();
        rows.iter().for_each(|row| writer.push(Some(row), None));
        let column = Some(writer.take());
        let mut reader = ValuesReader::new(&column).unwrap();
        for row in rows {
            assert_eq!(reader.read(None).unwrap(), Some(row));
        }
    }

    #[test]
    fn absent_empty_and_zero_are_three_things() {
        let zero = Values::new([(Metric::Calls, 0)]);
        let mut writer = ValuesWriter::default();
        writer.push(None, None);
        writer.push(Some(&Values::default()), None);
        writer.push(Some(&zero), None);
        let column = Some(writer.take());
        let mut reader = ValuesReader::new(&column).unwrap();
        assert_eq!(reader.read(None).unwrap(), None);
        assert_eq!(reader.read(None).unwrap(), Some(Values::default()));
        assert_eq!(reader.read(None).unwrap(), Some(zero));
        assert!(reader.read(None).is_err(), "no fourth row");
        assert_eq!(ValuesReader::new(&None).unwrap().read(None).unwrap(), None);
    }

    #[test]
    fn a_metric_that_this_version_does_not_know_is_passed_over() {
        let row = Values::new([(Metric::Calls, 3), (Metric::Meetings, 4)]);
        let mut writer = ValuesWriter::default();
        writer.push(Some(&row), None);
        let mut column = writer.take();
        column.metrics[0].metric = 250;
        column.shapes[0][0] = 250;
        let column = Some(column);
        let read = ValuesReader::new(&column).unwrap().read(None).unwrap();
        assert_eq!(read, Some(Values::new([(Metric::Meetings, 4)])));
    }

    #[test]
    fn every_metric_fits_into_a_byte() {
        assert!(Metric::from_number(49).is_some());
        assert!((255..1_000).all(|number| Metric::from_number(number).is_none()));
    }
}

//! What a report says of the users of a frame, by column.

use jiff::civil::Date;
use prost::Message;

use super::FactRef;
use super::by_id::{Columns, ReadFact};
use super::columns::cut;
use super::days::{DayColumn, DayReader};
use super::values::{ValuesColumn, ValuesReader, ValuesWriter};
use crate::domain::usage::{MailboxType, Usage, Values};
use crate::domain::user_fact::UserFact;
use crate::store::collection::Collection;
use crate::store::numbers::Numbered;
use crate::store::{Error, Fact};

/// The columns on disk.
#[derive(Clone, PartialEq, Message)]
pub(super) struct UsageRecord {
    #[prost(message, optional, tag = "1")]
    last_active_on: Option<DayColumn>,
    #[prost(message, optional, tag = "2")]
    standing: Option<ValuesColumn>,
    /// Sums over 7 days.
    #[prost(message, optional, tag = "3")]
    d7: Option<ValuesColumn>,
    #[prost(message, optional, tag = "4")]
    d30: Option<ValuesColumn>,
    #[prost(message, optional, tag = "5")]
    d90: Option<ValuesColumn>,
    #[prost(message, optional, tag = "6")]
    d180: Option<ValuesColumn>,
    /// A number a row, 0 where there is none.
    #[prost(uint32, repeated, tag = "7")]
    mailbox_types: Vec<u32>,
    /// The places of the rows that the newest answer left out, ascending; few, and none in files of
    /// before there were any.
    #[prost(uint32, repeated, tag = "8")]
    left_out: Vec<u32>,
}

/// Builds a [`UsageRecord`].
#[derive(Default)]
pub(super) struct UsageColumns {
    last_active_on: Vec<Option<Date>>,
    standing: ValuesWriter,
    sums: [ValuesWriter; 4],
    mailbox_types: Vec<u32>,
    left_out: Vec<u32>,
}

impl Columns for UsageColumns {
    type Record = UsageRecord;

    fn push(&mut self, fact: FactRef<'_>) -> bool {
        let FactRef::UserFact(UserFact::Usage(fact)) = fact else {
            return false;
        };
        let Usage {
            object_id: _,
            // The frame is of one report.
            dataset: _,
            last_active_on,
            standing,
            sums,
            mailbox_type,
            is_left_out,
        } = fact;
        if *is_left_out {
            self.left_out.push(self.mailbox_types.len() as u32); // A frame has a few thousand rows.
        }
        self.last_active_on.push(*last_active_on);
        self.standing.push(Some(standing), None);
        let mut shorter = None;
        for (column, sum) in self.sums.iter_mut().zip(sums) {
            column.push(sum.as_ref(), shorter);
            shorter = sum.as_ref().or(shorter);
        }
        self.mailbox_types
            .push(mailbox_type.map_or(0, Numbered::number));
        true
    }

    fn bytes(&self) -> usize {
        let rows = self.mailbox_types.len().saturating_add(self.left_out.len());
        let rows = rows.saturating_mul(4);
        let columns = self.sums.iter().chain([&self.standing]);
        columns.fold(rows, |sum, column| sum.saturating_add(column.bytes()))
    }

    fn take(&mut self, _ids: &[u8]) -> UsageRecord {
        let [d7, d30, d90, d180] = self.sums.each_mut().map(|column| Some(column.take()));
        UsageRecord {
            last_active_on: Some(DayColumn::new(&std::mem::take(&mut self.last_active_on))),
            standing: Some(self.standing.take()),
            d7,
            d30,
            d90,
            d180,
            mailbox_types: std::mem::take(&mut self.mailbox_types),
            left_out: std::mem::take(&mut self.left_out),
        }
    }

    fn reader<'a>(
        collection: Collection,
        record: &'a UsageRecord,
        _ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error> {
        let Collection::Usage(dataset) = collection else {
            return Err(cut());
        };
        let UsageRecord {
            last_active_on,
            standing,
            d7,
            d30,
            d90,
            d180,
            mailbox_types,
            left_out,
        } = record;
        let mut last_active_on = DayReader::new(last_active_on);
        let mut standing = ValuesReader::new(standing)?;
        let mut columns = [
            ValuesReader::new(d7)?,
            ValuesReader::new(d30)?,
            ValuesReader::new(d90)?,
            ValuesReader::new(d180)?,
        ];
        let mut mailbox_types = mailbox_types.iter();
        let mut left_out = left_out.iter().peekable();
        let mut places = 0..u32::MAX;
        Ok(Box::new(move |object_id| {
            let last_active_on = last_active_on.read()?;
            let standing = standing.read(None)?.ok_or_else(cut)?;
            let mut sums: [Option<Values>; 4] = Default::default();
            for (place, column) in columns.iter_mut().enumerate() {
                let shorter = sums.iter().take(place).flatten().next_back();
                let sum = column.read(shorter)?;
                if let Some(own) = sums.get_mut(place) {
                    *own = sum;
                }
            }
            let mailbox_type = match *mailbox_types.next().ok_or_else(cut)? {
                0 => None,
                number => Some(MailboxType::from_number(number).unwrap_or(MailboxType::Unknown)),
            };
            let place = places.next().ok_or_else(cut)?;
            let is_left_out = left_out.next_if(|own| **own == place).is_some();
            Ok(Fact::UserFact(UserFact::Usage(Usage {
                object_id,
                dataset,
                last_active_on,
                standing,
                sums,
                mailbox_type,
                is_left_out,
            })))
        }))
    }
}

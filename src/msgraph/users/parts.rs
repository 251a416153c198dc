//! Reading users part by part: beginning, splitting what is too large, and giving up on parts.

use jiff::Timestamp;

use super::checkpoint::{Next, PARTS_MAX, Share};
use super::list::{Listed, UserRow};
use super::part::Part;
use super::plan::Size;
use super::reader::{Arrival, PartPage, Reader, Task};
use super::{Stage, Step, UserPages, Whole};
use crate::domain::sync_run::ProblemKind;
use crate::msgraph::client::Error;
use crate::msgraph::paging::{PANICKED, Rows};
use crate::msgraph::retry::Stop;

impl<T: UserRow> UserPages<T> {
    /// Parts everybody by the times of creation on the first page of the plain list, which then waits
    /// where it is. If they tell too little, it goes on.
    pub(super) fn part(
        &mut self,
        mut whole: Whole,
        first: &Rows<Listed<T>>,
    ) -> Result<Stage<T>, Stop> {
        let sample = times(first);
        let parts = self.size().map_or(1, |size| size.parts(sample.len()));
        let parts = Part::DATED.split(sample, parts);
        if parts.len() < 2 {
            if let Next::Link(link) = &self.shares[0].next {
                whole.chain.go_on(link)?;
            }
            return Ok(Stage::Whole(whole));
        }
        self.shares.extend(parts.into_iter().map(Share::new));
        self.shares.push(Share::new(Part::Undated));
        self.begin_parts()
    }

    /// The parts from where each stands.
    pub(super) fn begin_parts(&mut self) -> Result<Stage<T>, Stop> {
        let mut reader = Reader::new();
        for share in 1..self.shares.len() {
            if !self.shares[share].is_over() {
                self.spawn(&mut reader, share)?;
            }
        }
        Ok(Stage::Parts(reader))
    }

    fn spawn(&mut self, reader: &mut Reader<T>, share: usize) -> Result<(), Stop> {
        let (chain, number) = self.begin_chain(share)?;
        reader.spawn(Task {
            chain,
            part: self.shares[share].part,
            share,
            number,
            rows_max: self.size().map(Size::part_rows_max),
        });
        Ok(())
    }

    pub(super) async fn read_parts(&mut self, mut reader: Reader<T>) -> Result<Step<T>, Stop> {
        if self.shares.iter().skip(1).all(Share::is_over) {
            return self.end_parts();
        }
        let arrival = self.meter.unless_canceled(reader.next()).await;
        let Some(arrival) = arrival.ok_or(Stop::Error(Error::Canceled))? else {
            return Err(Self::stop(ProblemKind::Internal, PANICKED));
        };
        let Arrival {
            share,
            number,
            page,
        } = arrival;
        let was_on_kept_link = self.on_kept_link.remove(&share);
        match page {
            Ok(page) if page.is_unfiltered => self.give_up_parts("Graph did not filter"),
            Ok(page) => self.take(reader, share, number, page),
            Err(Stop::Refused(_)) if was_on_kept_link => {
                // Links are good for a while only.
                self.shares[share].restart();
                self.spawn(&mut reader, share)?;
                Ok(Step::GoOn(Stage::Parts(reader)))
            }
            Err(Stop::Refused(_)) => self.give_up_parts("Graph refused the filter"),
            Err(stop) => Err(stop),
        }
    }

    fn take(
        &mut self,
        mut reader: Reader<T>,
        share: usize,
        number: u32,
        page: PartPage<T>,
    ) -> Result<Step<T>, Stop> {
        self.shares[share].advance(page.len, page.count, page.next_link);
        if page.is_held {
            self.split(&mut reader, share, times(&page.rows))?;
        }
        let rows = self.hand_out(page.rows, number)?;
        Ok(Step::Page(rows, Stage::Parts(reader)))
    }

    /// Splits a part that has too many rows for one chain, if that can be done; otherwise it goes on
    /// where it is.
    fn split(
        &mut self,
        reader: &mut Reader<T>,
        share: usize,
        sample: Vec<Timestamp>,
    ) -> Result<(), Stop> {
        let read = self.shares.iter().skip(1);
        let read = read.filter(|share| share.next != Next::Split);
        let known = read.map(|share| share.count);
        let rows = self.shares[share].count.unwrap_or(0);
        let parts = self
            .size()
            .map_or(1, |size| size.split(rows, sample.len(), known))
            .min(PARTS_MAX.saturating_sub(self.shares.len()));
        let parts = self.shares[share].part.split(sample, parts);
        if parts.len() < 2 {
            return self.spawn(reader, share);
        }
        self.shares[share].next = Next::Split;
        let first = self.shares.len();
        self.shares.extend(parts.into_iter().map(Share::new));
        for share in first..self.shares.len() {
            self.spawn(reader, share)?;
        }
        Ok(())
    }

    /// All parts were read: whether they are everybody.
    fn end_parts(&mut self) -> Result<Step<T>, Stop> {
        let read = match self.is_resumed {
            false => self.rows as u64,
            true => {
                // Who came twice is not known any more; neighbors share hardly anybody.
                let parts = self.shares.iter().skip(1);
                let parts = parts.filter(|share| share.next != Next::Split);
                parts.fold(0, |rows, share| share.rows.saturating_add(rows))
            }
        };
        if self.size().is_some_and(|size| !size.is_all(read)) {
            return self.give_up_parts("the parts do not add up");
        }
        self.shares.truncate(1);
        self.shares[0].next = Next::End;
        Ok(Step::Over)
    }

    /// Reads on in the plain list: it is slower, and sure to have everybody.
    fn give_up_parts(&mut self, why: &'static str) -> Result<Step<T>, Stop> {
        let parts = self.shares.len() - 1;
        tracing::info!(
            dataset = T::LIST.dataset.name(),
            why,
            parts,
            read = self.rows,
            expected = self.expected,
            "reading users in one chain after all"
        );
        self.shares.truncate(1);
        self.on_kept_link.clear();
        self.begin_whole(false).map(Step::GoOn)
    }
}

/// When the users of a page were created, as far as that is known.
fn times<T>(page: &Rows<Listed<T>>) -> Vec<Timestamp> {
    page.rows
        .iter()
        .filter_map(|user| user.created_at)
        .collect()
}

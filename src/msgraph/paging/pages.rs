//! The rows of one chain, each once.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Chain, Key, Quarantined, Query, Row, Rows};
use crate::domain::sync_run::ProblemKind;
use crate::msgraph::client::Error;
use crate::msgraph::meter::Meter;
use crate::msgraph::retry::{Caller, Stop};

/// The pages of any collection, read in one chain.
pub(in crate::msgraph) struct Pages<T> {
    caller: Arc<Caller>,
    query: Query,
    meter: Meter,
    stage: Stage,
    keys: HashSet<Key>,
    rows: usize,
    row: PhantomData<fn() -> T>,
}

enum Stage {
    /// Nothing was asked yet.
    New,
    /// A page is under way.
    Reading(Chain),
    /// There is no more, or it failed.
    Over,
    /// Somebody gave up in the middle of a page, which is lost.
    Abandoned,
}

impl<T: Row> Pages<T> {
    pub(in crate::msgraph) fn new(caller: Arc<Caller>, query: Query, meter: Meter) -> Self {
        Self {
            caller,
            query,
            meter,
            stage: Stage::New,
            keys: HashSet::new(),
            rows: 0,
            row: PhantomData,
        }
    }

    pub(in crate::msgraph) async fn next(&mut self) -> Result<Option<Rows<T>>, Error> {
        let mut chain = match std::mem::replace(&mut self.stage, Stage::Abandoned) {
            Stage::Abandoned => return Err(Error::Canceled),
            Stage::Over => {
                self.stage = Stage::Over;
                return Ok(None);
            }
            Stage::Reading(chain) => chain,
            Stage::New => self.begin(),
        };
        let page = self.read(&mut chain).await;
        self.stage = match page {
            Ok(Some(_)) => Stage::Reading(chain),
            Ok(None) | Err(_) => Stage::Over,
        };
        page.map_err(Error::from)
    }

    fn begin(&self) -> Chain {
        let deadline = self.caller.timing.now() + self.caller.limits.time;
        let (query, meter) = (self.query.clone(), self.meter.clone());
        Chain::begin(self.caller.clone(), query, meter, deadline)
    }

    async fn read(&mut self, chain: &mut Chain) -> Result<Option<Rows<T>>, Stop> {
        let Some(page) = chain.arrive().await? else {
            return Ok(None);
        };
        self.rows = self.rows.saturating_add(page.len());
        if self.rows > self.caller.limits.rows {
            return Err(chain.problem(ProblemKind::TooLarge, "has more rows than any tenant"));
        }
        if let Some(link) = &page.next_link {
            chain.go_on(link)?;
        }
        let page = chain.decode(page).await?;
        Ok(Some(self.without_repeated(page)))
    }

    fn without_repeated(&mut self, page: Rows<T>) -> Rows<T> {
        let Rows {
            mut rows,
            mut quarantined,
        } = page;
        rows.retain(|row| {
            let is_new = self.keys.insert(row.key());
            if !is_new {
                quarantined.push(Quarantined::repeated());
            }
            is_new
        });
        Rows { rows, quarantined }
    }
}

impl Quarantined {
    /// A row whose key had come before in its chain. It may have taken the place of another one, so
    /// whose row is missing is not known.
    pub(in crate::msgraph) fn repeated() -> Self {
        Self {
            reason: "its id came before".to_owned(),
            id: None,
        }
    }
}

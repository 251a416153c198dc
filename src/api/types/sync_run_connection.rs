//! Lists of sync runs, newest first. Only ids are held; runs are loaded for the page alone.

use std::cmp::Reverse;
use std::sync::Arc;

use async_graphql::Object;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::paging::{Cut, Edge, PageArguments, PageInfo, cut};
use super::reading::Reading;
use super::sync_run::SyncRun;
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::scalars::int;
use crate::domain::ids::{RunId, TenantKey};
use crate::domain::sync_run;

const SCOPE: &str = "Query.syncRuns";

/// The schema's description is on its `Object`.
pub(crate) struct SyncRunConnection {
    reading: Arc<Reading>,
    page: Cut<Place>,
    total: usize,
    runs: OnceCell<Vec<(Place, sync_run::SyncRun)>>,
}

/// Where a run stands: ids sort by start.
type Place = (Reverse<RunId>, TenantKey);

impl SyncRunConnection {
    /// Lists the runs of one tenant, or of all.
    pub(crate) async fn open(
        reading: &Arc<Reading>,
        tenant: Option<TenantKey>,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let rooms = reading.rooms();
        let paging = page.parse(rooms.page_rows_max)?;
        let place = |cursor: &Option<String>| -> Result<Option<Place>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(SCOPE, cursor)?;
            from_bytes(&bytes).ok_or_else(cursor::refused).map(Some)
        };
        let (after, before) = (place(&paging.after)?, place(&paging.before)?);

        let asked = |key: &&TenantKey| tenant.as_ref().is_none_or(|tenant| tenant == *key);
        let mut places = Vec::new();
        for key in reading.tenant_keys().filter(asked) {
            let ids = reading.coordinator().run_ids(key).await?;
            places.extend(ids.into_iter().map(|id| (Reverse(id), key.clone())));
        }
        places.sort();
        let total = places.len();
        let page = cut(
            places,
            &paging,
            |place| after.as_ref().is_none_or(|after| place > after),
            |place| before.as_ref().is_none_or(|before| place < before),
        );
        Ok(Self {
            reading: reading.clone(),
            page,
            total,
            runs: OnceCell::new(),
        })
    }

    /// The page's runs. One that was cleared away since its id was listed is left out.
    async fn runs(&self) -> Result<&Vec<(Place, sync_run::SyncRun)>, Error> {
        let load = || async {
            let mut runs = Vec::with_capacity(self.page.rows.len());
            for place in &self.page.rows {
                let (Reverse(id), key) = place;
                let run = self.reading.coordinator().run(key, *id).await?;
                runs.extend(run.map(|run| (place.clone(), run)));
            }
            Ok(runs)
        };
        self.runs.get_or_try_init(load).await
    }

    fn node(&self, run: &sync_run::SyncRun) -> SyncRun {
        SyncRun::new(self.reading.clone(), run.clone())
    }

    fn cursor(&self, place: &Place) -> Result<String, Error> {
        self.reading.rooms().cursors.seal(SCOPE, &to_bytes(place))
    }
}

fn to_bytes((Reverse(id), key): &Place) -> Vec<u8> {
    [id.0.as_bytes(), key.as_str().as_bytes()].concat()
}

fn from_bytes(bytes: &[u8]) -> Option<Place> {
    let (id, key) = bytes.split_first_chunk::<16>()?;
    let key = TenantKey::parse(std::str::from_utf8(key).ok()?).ok()?;
    Some((Reverse(RunId(Uuid::from_bytes(*id))), key))
}

/// A page of sync runs, newest first, with the count of all.
#[Object]
impl SyncRunConnection {
    /// The page's runs with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<SyncRun>>, Error> {
        let edge = |(place, run): &(Place, sync_run::SyncRun)| {
            Ok(Edge {
                cursor: self.cursor(place)?,
                node: self.node(run),
            })
        };
        self.runs().await?.iter().map(edge).collect()
    }

    /// The page's runs.
    async fn nodes(&self) -> Result<Vec<SyncRun>, Error> {
        let runs = self.runs().await?.iter();
        Ok(runs.map(|(_, run)| self.node(run)).collect())
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> Result<PageInfo, Error> {
        let cursor = |place: Option<&Place>| place.map(|place| self.cursor(place)).transpose();
        Ok(PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: cursor(self.page.rows.first())?,
            end_cursor: cursor(self.page.rows.last())?,
        })
    }

    /// How many runs there are, on all pages.
    async fn total_count(&self) -> i32 {
        int(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: u128, key: &str) -> Place {
        (
            Reverse(RunId(Uuid::from_u128(id))),
            TenantKey::parse(key).unwrap(),
        )
    }

    #[test]
    fn a_place_survives_being_written_and_read() {
        let written = to_bytes(&place(7, "contoso"));
        assert_eq!(from_bytes(&written), Some(place(7, "contoso")));
        assert_eq!(from_bytes(&written[..16]), None);
        assert_eq!(from_bytes(b"short"), None);
    }

    #[test]
    fn newer_runs_come_first_and_equal_ones_by_tenant() {
        assert!(place(2, "b") < place(1, "a"));
        assert!(place(1, "a") < place(1, "b"));
    }
}

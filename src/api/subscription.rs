//! What can be watched.

use async_graphql::{Context, ID, Subscription as GraphQLSubscription};
use async_stream::stream;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::watch;

use super::error::Error;
use super::ids;
use super::types::reading::Reading;
use super::types::sync_run::SyncRun;
use crate::domain::sync_run;

/// The root of subscriptions.
pub struct Subscription;

/// What can be watched.
#[GraphQLSubscription]
impl Subscription {
    /// The state of a tenant's newest sync, at once and then at every change, until that sync is over;
    /// then it completes. A tenant that was never synced is waited for. `NOT_FOUND` for an unknown tenant.
    async fn sync_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant's `id`.")] tenant: ID,
    ) -> Result<impl Stream<Item = SyncRun> + use<>, Error> {
        let reading = Reading::of(ctx)?.clone();
        let key = ids::tenant(&tenant)?;
        let watched = reading.coordinator().watch(&key);
        let watched = watched.ok_or_else(|| Error::not_found("tenant"))?;
        Ok(until_over(watched).map(move |run| SyncRun::new(reading.renewed(), run)))
    }
}

/// The newest run at once and at every change, up to its end. Changes that come faster than they are
/// taken are passed over, the last one never.
fn until_over(
    mut watched: watch::Receiver<Option<sync_run::SyncRun>>,
) -> impl Stream<Item = sync_run::SyncRun> {
    stream! {
        loop {
            let newest = watched.borrow_and_update().clone();
            if let Some(run) = newest {
                let is_over = run.state.is_over();
                yield run;
                if is_over {
                    break;
                }
            }
            if watched.changed().await.is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{RunId, TenantKey};
    use crate::domain::sync_run::{SyncState, SyncTrigger};

    fn run(state: SyncState) -> sync_run::SyncRun {
        let id = RunId(Uuid::from_u128(1));
        let tenant = TenantKey::parse("contoso").unwrap();
        let asked_for_at = "2026-11-23T02:00:00Z".parse().unwrap();
        sync_run::SyncRun {
            state,
            ..sync_run::SyncRun::queued(id, tenant, SyncTrigger::Manual, asked_for_at)
        }
    }

    /// What the stream does when it is asked: `Some(None)` is its end, `None` is waiting.
    fn next(
        runs: &mut (impl Stream<Item = sync_run::SyncRun> + Unpin),
    ) -> Option<Option<SyncState>> {
        let run = runs.next().now_or_never()?;
        Some(run.map(|run| run.state))
    }

    #[test]
    fn a_run_is_told_at_once_at_each_change_and_until_it_is_over() {
        let (sender, watched) = watch::channel(Some(run(SyncState::Queued)));
        let mut runs = Box::pin(until_over(watched));
        assert_eq!(next(&mut runs), Some(Some(SyncState::Queued)));
        assert_eq!(next(&mut runs), None);
        sender.send_replace(Some(run(SyncState::Running)));
        assert_eq!(next(&mut runs), Some(Some(SyncState::Running)));
        sender.send_replace(Some(run(SyncState::Running)));
        sender.send_replace(Some(run(SyncState::Complete)));
        assert_eq!(next(&mut runs), Some(Some(SyncState::Complete)));
        assert_eq!(next(&mut runs), Some(None));
    }

    #[test]
    fn a_run_that_is_over_already_is_told_once() {
        for state in [SyncState::Partial, SyncState::Failed, SyncState::Canceled] {
            let (_sender, watched) = watch::channel(Some(run(state)));
            let mut runs = Box::pin(until_over(watched));
            assert_eq!(next(&mut runs), Some(Some(state)));
            assert_eq!(next(&mut runs), Some(None));
        }
    }

    #[test]
    fn the_first_run_of_a_tenant_is_waited_for() {
        let (sender, watched) = watch::channel(None);
        let mut runs = Box::pin(until_over(watched));
        assert_eq!(next(&mut runs), None);
        sender.send_replace(Some(run(SyncState::Complete)));
        assert_eq!(next(&mut runs), Some(Some(SyncState::Complete)));
        assert_eq!(next(&mut runs), Some(None));
    }

    #[test]
    fn nothing_more_is_waited_for_when_nobody_can_tell() {
        let (sender, watched) = watch::channel(Some(run(SyncState::Running)));
        let mut runs = Box::pin(until_over(watched));
        assert_eq!(next(&mut runs), Some(Some(SyncState::Running)));
        drop(sender);
        assert_eq!(next(&mut runs), Some(None));
    }
}

//! `seatwise sync`: one sync of some or all tenants, here or by the server that is running.

use std::sync::Arc;

use clap::Args;
use futures_util::future::join_all;

use crate::app::{StartError, open_offline};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::ids::TenantKey;
use crate::domain::sync_run::{SyncRun, SyncState, SyncTrigger};
use crate::store::OpenError;
use crate::sync::{Coordinator, Refusal};

use super::exit::{Exit, Failure};
use super::progress::{Screen, Snapshot};
use super::remote::{Remote, RemoteTenant};
use super::{ConfigArgs, Environment, block_on};

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Only this tenant, as its section in config.toml is called
    #[arg(long, value_name = "NAME", value_parser = TenantKey::parse)]
    tenant: Option<TenantKey>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(arguments: &SyncArgs, environment: &Environment) -> Result<(), Failure> {
    let config = arguments.config.load_quietly(environment)?;
    let screen = Screen::new();
    let one = arguments.tenant.as_ref();
    block_on(async {
        match open_offline(&config, Arc::new(SystemClock)).await {
            Ok(core) => here(&core.coordinator, &chosen(&config, one)?, &screen).await,
            Err(StartError::Store(OpenError::InUse { .. })) => {
                there(&Remote::new(&config, environment)?, one, &screen).await
            }
            Err(error) => Err(error.into()),
        }
    })
}

fn chosen(config: &Config, one: Option<&TenantKey>) -> Result<Vec<TenantKey>, Failure> {
    let keys: Vec<TenantKey> = config
        .tenants
        .iter()
        .map(|tenant| tenant.key.clone())
        .collect();
    match one {
        Some(key) if keys.contains(key) => Ok(vec![key.clone()]),
        Some(key) => Err(Failure::new(
            Exit::Config,
            format!("no section [tenants.{key}] in the configuration"),
        )),
        None if keys.is_empty() => Err(Failure::new(
            Exit::Config,
            "no tenant is configured: add [tenants.NAME] to config.toml",
        )),
        None => Ok(keys),
    }
}

async fn here(
    coordinator: &Coordinator,
    keys: &[TenantKey],
    screen: &Screen,
) -> Result<(), Failure> {
    verdict(join_all(keys.iter().map(|key| sync_here(coordinator, key, screen))).await)
}

async fn sync_here(
    coordinator: &Coordinator,
    key: &TenantKey,
    screen: &Screen,
) -> Result<SyncState, Failure> {
    let named = |refusal: Refusal| Failure::new(Exit::Failed, format!("{key}: {refusal}"));
    let run = coordinator
        .start(key, SyncTrigger::Manual)
        .await
        .map_err(named)?;
    let mut newest = coordinator
        .watch(key)
        .ok_or(Refusal::NotFound)
        .map_err(named)?;
    loop {
        let now: Option<SyncRun> = newest.borrow_and_update().clone();
        // What is watched is the newest run: once another one has begun, the ledger knows how ours ended.
        let ours = match now {
            Some(now) if now.id == run.id => Some(now),
            Some(now) if now.id > run.id => coordinator.run(key, run.id).await.map_err(named)?,
            _ => None,
        };
        if let Some(ours) = ours {
            screen.show(&Snapshot::from(&ours));
            if ours.state.is_over() {
                return Ok(ours.state);
            }
        }
        if newest.changed().await.is_err() {
            return Err(named(Refusal::Unavailable(
                "the sync stopped without an outcome".into(),
            )));
        }
    }
}

async fn there(remote: &Remote, one: Option<&TenantKey>, screen: &Screen) -> Result<(), Failure> {
    let tenants = match one {
        Some(key) => vec![remote.tenant(key).await?],
        None => remote.tenants().await?,
    };
    verdict(
        join_all(
            tenants
                .iter()
                .map(|tenant| sync_there(remote, tenant, screen)),
        )
        .await,
    )
}

async fn sync_there(
    remote: &Remote,
    tenant: &RemoteTenant,
    screen: &Screen,
) -> Result<SyncState, Failure> {
    let named = |error| {
        let failure = Failure::from(error);
        Failure::new(failure.exit, format!("{}: {}", tenant.key, failure.message))
    };
    let run = remote.start_sync(tenant).await.map_err(named)?;
    screen.show(&run);
    let show = |snapshot: &Snapshot| screen.show(snapshot);
    let last = remote.follow(tenant, &run.id, show).await.map_err(named)?;
    Ok(last.state)
}

/// Fails when any tenant's sync is less than complete: a script is to notice.
fn verdict(ends: Vec<Result<SyncState, Failure>>) -> Result<(), Failure> {
    let count = ends.len();
    let complete = ends
        .iter()
        .filter(|end| matches!(end, Ok(SyncState::Complete)))
        .count();
    let failures: Vec<Failure> = ends.into_iter().filter_map(Result::err).collect();
    let exit = failures
        .first()
        .map_or(Exit::Failed, |failure| failure.exit);
    let mut lines: Vec<String> = failures
        .into_iter()
        .map(|failure| failure.message)
        .collect();
    if complete == count {
        return Ok(());
    }
    lines.push(format!("{complete} of {count} syncs complete"));
    Err(Failure::new(exit, lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_that_is_less_than_complete_fails_the_command() {
        let check = |ends: Vec<Result<SyncState, Failure>>, expected: Result<(), (Exit, &str)>| {
            let verdict = verdict(ends);
            let verdict = verdict
                .as_ref()
                .map_err(|failure| (failure.exit, failure.message.as_str()));
            assert_eq!(verdict.copied(), expected);
        };
        let refused = || Err(Failure::new(Exit::TokenRefused, "contoso: no token"));
        check(vec![], Ok(()));
        check(vec![Ok(SyncState::Complete)], Ok(()));
        check(
            vec![Ok(SyncState::Complete), Ok(SyncState::Partial)],
            Err((Exit::Failed, "1 of 2 syncs complete")),
        );
        check(
            vec![Ok(SyncState::Failed), refused()],
            Err((
                Exit::TokenRefused,
                "contoso: no token\n0 of 2 syncs complete",
            )),
        );
    }
}

//! From disk to memory at the start: what operators told, names, facts, the ledger, connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::capability::Experience;
use super::era::Era;
use super::tenant::{Shared, TenantState};
use super::tokens::TenantTokens;
use super::{TenantSettings, run};
use crate::domain::catalog::Catalog;
use crate::domain::declared::Declared;
use crate::domain::ids::TenantKey;
use crate::domain::sync_run::SyncRun;
use crate::domain::tenant::{Connection, ConnectionState, TenantAccess};
use crate::domain::terms::TermsPolicy;
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::{
    CodedDay, CodedUsage, Decisions, TenantIndex, TenantUpdate, UsersLoading, open_findings,
};
use crate::msgraph::{Client, Login};
use crate::store::{self, Fact, Store};

/// How many runs of the past are read to learn what works.
const RUNS_REMEMBERED: usize = 50;

/// A fact on its way to the engine, with the work done that needs nothing of the tenant. Small, since
/// frames of them wait for each other, and most are of reports.
enum Loaded {
    Fact(Box<Fact>),
    User(Box<User>),
    Usage(CodedUsage),
    Day(CodedDay),
}

impl Loaded {
    fn of(fact: Fact) -> Self {
        match fact {
            Fact::User(user) => Self::User(Box::new(user)),
            Fact::UserFact(UserFact::Usage(usage)) => Self::Usage(CodedUsage::of(&usage)),
            Fact::UsageDay(day) => Self::Day(CodedDay::of(&day)),
            other => Self::Fact(Box::new(other)),
        }
    }
}

/// The catalog that was updated last, or the one this version was released with, whichever says more:
/// a release may know products that an old update did not.
pub(super) fn catalog(store: &Store) -> Result<Catalog, store::Error> {
    let released = Catalog::compiled_in();
    let Some(text) = store.catalog()? else {
        return Ok(released);
    };
    match Catalog::parse(&text) {
        Ok(updated) => Ok(released.updated(&updated).0),
        Err(error) => {
            tracing::warn!(%error, "the stored catalog cannot be read; the released one is used");
            Ok(released)
        }
    }
}

/// What operators told of money, with what the configuration adds to it.
pub(super) fn declared(
    shared: &Shared,
    tenants: &[TenantSettings],
    policy: TermsPolicy,
) -> Result<(), store::Error> {
    let mut terms = BTreeMap::new();
    for TenantSettings { key, .. } in tenants {
        let of_tenant = shared.store.terms(key)?.into_iter();
        terms.extend(of_tenant.map(|(id, declared)| ((key.clone(), id), declared)));
    }
    let segments = tenants.iter();
    let segments = segments.filter_map(|own| Some((own.key.clone(), own.segment.clone()?)));
    let declared = Declared {
        prices: Arc::new(shared.store.prices()?),
        terms: Arc::new(terms),
        exchange_rates: Arc::new(shared.store.exchange_rates()?),
        segments: Arc::new(segments.collect()),
        policy,
    };
    shared.engine.declare(&Arc::new(declared), shared.today());
    Ok(())
}

/// A configured tenant with everything that is stored of it.
pub(super) fn tenant(
    shared: &Arc<Shared>,
    settings: TenantSettings,
) -> Result<TenantState, store::Error> {
    let key = settings.key.clone();
    for (id, name) in shared.store.license_names(&key)? {
        shared.names.set_operator_name(&key, id, Some(&name));
    }
    let decisions = Decisions {
        policy: Arc::clone(&settings.policy),
        classes: shared.store.license_classes(&key)?.into_iter().collect(),
        exemptions: Arc::new(shared.store.exemptions(&key)?.into_iter().collect()),
        catalog: shared.names.catalog(),
        declared: Arc::clone(shared.engine.world().declared()),
    };
    let damage = facts(shared, &key, decisions)?;
    let (runs, unfiled) = runs(shared, &key)?;
    let connection = connection(shared, &settings)?;
    let login = Login::new(
        shared.http.clone(),
        settings.endpoints.clone(),
        &settings.tenant_id,
        &settings.client_id,
        settings.credential,
        Arc::clone(&shared.clock),
    );
    let era = Arc::new(Era::default());
    let tokens = TenantTokens::new(
        key.clone(),
        settings.access,
        login.clone(),
        shared.store.clone(),
        Arc::clone(&shared.clock),
        Arc::clone(&era),
    );
    let client = Client::new(
        shared.http.clone(),
        settings.endpoints.clone(),
        Arc::new(tokens.clone()),
    );
    Ok(TenantState {
        key,
        configured_id: settings.tenant_id,
        cloud: settings.cloud,
        access: settings.access,
        endpoints: settings.endpoints,
        login,
        tokens,
        client,
        era,
        connection: Mutex::new(connection),
        newest_run: watch::Sender::new(runs.first().cloned()),
        running: tokio::sync::Mutex::new(None),
        previous_run: Mutex::new(runs.get(1).cloned()),
        accepted: Mutex::default(),
        judged_on: Mutex::default(),
        experience: Mutex::new(Experience::from_newest_first(runs.iter())),
        publishing: Mutex::new(()),
        damage: Mutex::new(damage),
        unfiled: Mutex::new(unfiled),
    })
}

/// Fills the engine with a tenant's facts; what is damaged about them, if so: then none is served.
fn facts(
    shared: &Shared,
    key: &TenantKey,
    decisions: Decisions,
) -> Result<Option<String>, store::Error> {
    let empty = TenantIndex::empty(key.clone());
    let mut users = UsersLoading::new();
    let mut history = empty.history_draft();
    let (mut organization, mut licenses) = (None, Vec::new());
    let (mut groups, mut subscriptions, mut standings) = (Vec::new(), Vec::new(), Vec::new());
    let (mut past, mut changes) = (Vec::new(), Vec::new());
    let mut load = |loaded: Loaded| {
        let fact = match loaded {
            Loaded::Fact(fact) => *fact,
            Loaded::User(user) => return users.user(user),
            Loaded::Usage(usage) => return users.usage(&usage),
            Loaded::Day(day) => return history.load_coded_day(day),
        };
        match fact {
            Fact::Organization(fact) => organization = Some(fact),
            Fact::License(fact) => licenses.push(fact),
            Fact::User(fact) => users.user(Box::new(fact)),
            Fact::Group(fact) => groups.push(fact),
            Fact::Subscription(fact) => subscriptions.push(fact),
            Fact::UserFact(fact) => users.fact(&fact),
            Fact::HistoryUser(fact) => history.load_user(fact),
            Fact::UsageDay(fact) => history.load_day(&fact),
            Fact::Standing(fact) => standings.push(fact),
            Fact::Findings(fact) => past.push(fact),
            Fact::UserChanges(fact) => changes.push(fact),
        }
    };
    let loaded = shared.store.load_prepared(key, &Loaded::of, &mut load);
    let users = users.finish();
    let nothing = |decisions| TenantIndex::remembering(key.clone(), decisions, Vec::new());
    let published = match loaded {
        Ok(Some(published)) => published,
        Ok(None) => {
            shared.engine.publish(nothing(decisions));
            return Ok(None);
        }
        Err(store::Error::Damaged(what)) => {
            tracing::error!(tenant = %key, what, "stored facts are damaged and not served; the tenant is read anew");
            shared.engine.publish(nothing(decisions));
            return Ok(Some(what));
        }
        Err(error) => return Err(error),
    };
    licenses.sort_by_key(|license| license.sku_id);
    let update = TenantUpdate {
        organization,
        licenses: Some(licenses),
        users: Some(users),
        groups: Some(groups),
        subscriptions: Some(subscriptions),
        history: Some(history),
        standings,
        as_of: Some(published.as_of),
        now: shared.clock.now(),
    };
    let names = |id, part_number: &str| shared.names.name(key, id, part_number);
    let open = open_findings(&past);
    let remembering = TenantIndex::remembering(key.clone(), decisions, past);
    let index = remembering.updated(update, &names);
    let current = (published.run, published.as_of);
    shared
        .engine
        .publish(index.with_change_log(changes, &open, current));
    Ok(None)
}

/// The runs of the past, newest first, and those of them whose end could not be filed: one that never
/// ended is interrupted, and a full disk is no reason not to start.
fn runs(shared: &Shared, key: &TenantKey) -> Result<(Vec<SyncRun>, Vec<SyncRun>), store::Error> {
    let mut runs = shared.store.runs(key, None, RUNS_REMEMBERED)?;
    let mut unfiled = Vec::new();
    for run in runs.iter_mut().filter(|run| !run.state.is_over()) {
        run::interrupt(run, shared.clock.now());
        match shared.store.record_run(run) {
            Ok(()) => {}
            Err(error @ store::Error::Damaged(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(tenant = %key, %error, "the end of a run is not in the ledger yet");
                unfiled.push(run.clone());
            }
        }
    }
    Ok((runs, unfiled))
}

/// The stored connection, as far as the configuration has not made another of it.
fn connection(shared: &Shared, settings: &TenantSettings) -> Result<Connection, store::Error> {
    let fresh = Connection::new(settings.access);
    let Some(mut stored) = shared.store.connection(&settings.key)? else {
        return Ok(fresh);
    };
    // A start is an administrator's new attempt: what was refused may have been corrected.
    let is_retried = settings.access == TenantAccess::App
        && matches!(
            stored.state,
            ConnectionState::Misconfigured | ConnectionState::NeedsConsent
        );
    if is_retried {
        stored.state = fresh.state;
        stored.problem = None;
    }
    Ok(stored)
}

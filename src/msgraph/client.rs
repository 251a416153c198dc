//! Graph for one tenant: what is asked, with which query, and what must hold of the whole answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::http::Http;
use super::meter::Meter;
use super::origin::Endpoints;
use super::pace::Paces;
use super::paging::{LIMITS, Limits, Pages, Query, Row, Rows};
use super::problem;
use super::quota::Quotas;
use super::retry::{Call, Caller};
use super::timing::{SystemTiming, Timing};
use super::users::{UserPages, UsersCheckpoint};
use super::{Quarantined, SignInError};
use crate::domain::license::License;
use crate::domain::sync_run::{Dataset, Problem};
use crate::domain::tenant::Organization;
use crate::domain::user::User;

/// Gives out access tokens. `stale`: the one that Graph just refused, so a fresh one is wanted (unless
/// somebody else already fetched a fresher one).
#[async_trait::async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that should be good for a few minutes at least.
    async fn access_token(
        &self,
        stale: Option<&SecretString>,
    ) -> Result<Arc<SecretString>, SignInError>;

    /// The permissions that the account behind the tokens consented to (`scope` of the token answer),
    /// so that a missing permission is told from a missing directory role. `None` for an application,
    /// and where the login service did not say.
    fn granted_scopes(&self) -> Option<Vec<String>> {
        None
    }
}

/// Why a dataset could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The sign-in behind it failed.
    #[error("{0}")]
    SignIn(SignInError),
    /// Anything else, already with kind, words, request id and remedy.
    #[error("{0}")]
    Problem(Problem),
    /// Microsoft no longer knows where we were in the changes; everything must be read anew.
    #[error("the link to the changes has expired")]
    Expired,
    /// The meter was canceled.
    #[error("canceled")]
    Canceled,
}

const ORGANIZATION: Query = Query {
    dataset: Dataset::Organization,
    path: "organization",
    query: Cow::Borrowed("$select=id,displayName,verifiedDomains,countryLetterCode"),
    is_advanced: false,
    page_rows: None,
};

/// Only `$select` works here; a page size would be refused.
const LICENSES: Query = Query {
    dataset: Dataset::Licenses,
    path: "subscribedSkus",
    query: Cow::Borrowed(
        "$select=skuId,skuPartNumber,appliesTo,capabilityStatus,consumedUnits,prepaidUnits,servicePlans",
    ),
    is_advanced: false,
    page_rows: None,
};

/// How long the number of users may let itself be waited for, while others are throttled.
const COUNT_TIME_MAX: Duration = Duration::from_secs(30);

/// Graph for one tenant: bounded, patient, and never with its token at another origin. Clones share
/// its paces, so that being throttled once slows all that Microsoft counts together.
#[derive(Clone)]
pub struct Client {
    pub(super) caller: Arc<Caller>,
}

impl Client {
    /// Graph at `endpoints`, with the tokens of one tenant. Nothing is asked yet.
    pub fn new(http: Http, endpoints: Endpoints, tokens: Arc<dyn TokenSource>) -> Self {
        Self::bounded(http, endpoints, tokens, Arc::new(SystemTiming), LIMITS)
    }

    pub(super) fn bounded(
        http: Http,
        endpoints: Endpoints,
        tokens: Arc<dyn TokenSource>,
        timing: Arc<dyn Timing>,
        limits: Limits,
    ) -> Self {
        Self {
            caller: Arc::new(Caller {
                http,
                endpoints,
                tokens,
                paces: Paces::new(timing.clone()),
                timing,
                quotas: Quotas::default(),
                limits,
            }),
        }
    }

    /// The organization that the tokens belong to: `GET /organization`.
    pub async fn organization(&self, meter: &Meter) -> Result<Organization, Error> {
        let Rows { rows, quarantined } = self.all(ORGANIZATION, meter).await?;
        let what = match quarantined.first() {
            Some(Quarantined { reason, .. }) => format!("the organization is unreadable: {reason}"),
            None => format!("with {} organizations instead of one", rows.len()),
        };
        match <[Organization; 1]>::try_from(rows) {
            Ok([organization]) if quarantined.is_empty() => Ok(organization),
            _ => Err(Error::Problem(problem::bad_response(
                Dataset::Organization,
                None,
                &what,
            ))),
        }
    }

    /// All users, managers included, from the beginning or from where an earlier reading was cut:
    /// `GET /users`, in parallel parts.
    pub fn users(&self, resume: Option<&UsersCheckpoint>, meter: &Meter) -> UserPages<User> {
        let (caller, meter) = (self.caller.clone(), meter.clone());
        match resume {
            Some(from) => UserPages::resume(caller, from, meter),
            None => UserPages::new(caller, meter),
        }
    }

    /// How many users there are, for progress: `GET /users/$count`, asked once. `None` when Graph
    /// does not say; a progress bar is not worth a failed run.
    pub async fn user_count(&self, meter: &Meter) -> Option<u64> {
        let call = Call {
            url: self.caller.endpoints.api("users/$count", None),
            dataset: Dataset::Users,
            accept: "text/plain",
            is_advanced: true,
            if_none_match: None,
            tries_max: 1,
            deadline: self.caller.timing.now() + COUNT_TIME_MAX,
            meter: meter.clone(),
        };
        let answer = self.caller.get(&call).await.ok()?;
        // Graph writes a byte order mark before the number.
        let text = std::str::from_utf8(&answer.body).ok()?;
        text.trim_start_matches('\u{feff}').trim().parse().ok()
    }

    /// The products that the tenant holds seats of: `GET /subscribedSkus`.
    pub async fn licenses(&self, meter: &Meter) -> Result<Rows<License>, Error> {
        self.all(LICENSES, meter).await
    }

    /// A collection that is small enough to be had at once.
    pub(super) async fn all<T: Row>(&self, query: Query, meter: &Meter) -> Result<Rows<T>, Error> {
        let mut pages = Pages::new(self.caller.clone(), query, meter.clone());
        let mut all = Rows::default();
        while let Some(mut page) = pages.next().await? {
            all.rows.append(&mut page.rows);
            all.quarantined.append(&mut page.quarantined);
        }
        Ok(all)
    }
}

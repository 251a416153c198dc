//! Trying every dataset of a tenant with its smallest request, to say what each meets.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};

use crate::domain::standing::{Fetched, Span};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::tenant::Organization;
use crate::domain::usage::Period;
use crate::msgraph::{self, Client, Error, Meter, ReportAnswer};

use super::run::problem_of_sign_in;

/// So many requests are under way at a time: one that Microsoft throttles does not hold up the others.
const AT_A_TIME: usize = 8;

/// What Microsoft throttles for longer is told, not waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// No dataset is waited for longer, whatever becomes of it.
const TIME_MAX: Duration = Duration::from_secs(20);

/// How far back the logs are looked at: far enough to be asked, near enough to be answered soon.
const LOG_HOURS: i64 = 1;

/// What a dataset met.
type Met = (Dataset, Result<(), Problem>);

/// Tries each dataset, in the order of [`Dataset::ALL`]. Nothing of what comes back is kept; `verify`
/// judges whether the organization is the one that is meant.
pub async fn probe(
    client: &Client,
    meter: &Meter,
    now: Timestamp,
    verify: impl Fn(&Organization) -> Result<(), Problem>,
) -> Vec<Met> {
    let (meter, verify) = (&meter.clone().with_patience(PATIENCE), &verify);
    let attempts = stream::iter(Dataset::ALL).map(|dataset| async move {
        let trying = try_one(client, meter, now, dataset, verify);
        let met = tokio::time::timeout(TIME_MAX, trying).await;
        (dataset, met.unwrap_or_else(|_| Err(unanswered())))
    });
    attempts.buffered(AT_A_TIME).collect().await
}

async fn try_one(
    client: &Client,
    meter: &Meter,
    now: Timestamp,
    dataset: Dataset,
    verify: &impl Fn(&Organization) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if dataset == Dataset::Organization {
        let organization = client.organization(meter).await;
        return verify(&organization.map_err(problem_of)?);
    }
    match attempt(client, meter, now, dataset).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(msgraph::concealed_problem(dataset)),
        Err(error) => Err(problem_of(error)),
    }
}

/// The smallest request; true when the answer conceals whom it tells of.
async fn attempt(
    client: &Client,
    meter: &Meter,
    now: Timestamp,
    dataset: Dataset,
) -> Result<bool, Error> {
    let recent = Span {
        from: now
            .saturating_sub(SignedDuration::from_hours(LOG_HOURS))
            .unwrap_or(Timestamp::MIN),
        until: now,
    };
    match dataset {
        Dataset::Organization => client.organization(meter).await.map(drop)?,
        Dataset::Users => client.users(None, meter).next().await.map(drop)?,
        Dataset::Groups => client.group_changes(None, meter).next().await.map(drop)?,
        Dataset::Licenses => client.licenses(meter).await.map(drop)?,
        Dataset::Subscriptions => client.subscriptions(meter).await.map(drop)?,
        // Hardly anybody signs in after now, so that the answer is small.
        Dataset::SignInActivity => {
            let mut pages = client.sign_in_activity(Some(now), meter);
            pages.next().await.map(drop)?;
        }
        Dataset::SignIns => client.sign_ins(recent, meter).next().await.map(drop)?,
        Dataset::DirectoryAudits => {
            let mut pages = client.directory_audits(recent, meter);
            pages.next().await.map(drop)?;
        }
        Dataset::ActiveUsers
        | Dataset::EmailActivity
        | Dataset::MailboxUsage
        | Dataset::TeamsActivity
        | Dataset::OneDriveActivity
        | Dataset::OneDriveUsage
        | Dataset::SharePointActivity
        | Dataset::VivaEngageActivity
        | Dataset::AppsUsage
        | Dataset::CopilotUsage => {
            let week = Fetched::Period(Period::D7);
            return is_concealed(client.report(dataset, week, None, meter).await?);
        }
        Dataset::AppsActivations => {
            return is_concealed(client.report(dataset, Fetched::Whole, None, meter).await?);
        }
    }
    Ok(false)
}

fn is_concealed(answer: ReportAnswer) -> Result<bool, Error> {
    Ok(match answer {
        ReportAnswer::Report(report) => report.is_concealed,
        ReportAnswer::Unchanged => false,
    })
}

/// Nothing came in time.
fn unanswered() -> Problem {
    let seconds = TIME_MAX.as_secs();
    Problem::new(
        ProblemKind::Unreachable,
        format!("Microsoft did not answer within {seconds} seconds; try again"),
    )
}

fn problem_of(error: Error) -> Problem {
    match error {
        Error::Problem(problem) => problem,
        Error::SignIn(error) => problem_of_sign_in(&error),
        Error::Expired | Error::Canceled => {
            Problem::new(ProblemKind::Interrupted, "the server is stopping")
        }
    }
}

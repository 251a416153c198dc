//! Microsoft, in a process of its own: what it takes is not the product's.

use std::io::BufRead as _;
use std::sync::Arc;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use seatwise::clock::Clock as _;
use seatwise::simulator::{Fault, Settings, Simulator};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::child::tell;
use crate::clock::MovedClock;

#[derive(Args)]
pub(crate) struct SimulateArgs {
    /// Accounts of the organization
    #[arg(long)]
    users: u64,
    /// Seconds by which the time of this machine is moved
    #[arg(long, allow_hyphen_values = true)]
    clock: i64,
    /// Tell of users, licenses, and the use of mail, Teams, OneDrive and SharePoint only, and of no
    /// single days
    #[arg(long)]
    few_datasets: bool,
}

/// What is refused where only a few datasets are told.
const REFUSED: [&str; 13] = [
    "/v1.0/groups",
    "/v1.0/directory/subscriptions",
    "/v1.0/auditLogs/signIns",
    "/v1.0/auditLogs/directoryAudits",
    "/v1.0/reports/getOffice365ActiveUserDetail",
    "/v1.0/reports/getMailboxUsageDetail",
    "/v1.0/reports/getOneDriveUsageAccountDetail",
    "/v1.0/reports/getYammerActivityUserDetail",
    "/v1.0/reports/getM365AppUserDetail",
    "/v1.0/reports/getOffice365ActivationsUserDetail",
    "/v1.0/copilot/reports/getMicrosoft365CopilotUsageUserDetail",
    "/beta/reports",
    "/beta/auditLogs",
];
/// Of these reports, only days are refused.
const TOLD: [&str; 4] = [
    "getEmailActivityUserDetail",
    "getTeamsUserActivityUserDetail",
    "getOneDriveActivityUserDetail",
    "getSharePointActivityUserDetail",
];
/// So many days back a report of one day may be asked for, and some more.
const DAYS: i64 = 40;

/// Where the organization is, and what opens it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) login_url: String,
    pub(crate) graph_url: String,
}

/// Answers until standard input ends. `change COUNT ROUND` changes accounts and answers how many.
pub(crate) fn run(arguments: &SimulateArgs) -> Outcome<()> {
    let clock = MovedClock::moved_by(arguments.clock);
    let simulator = Simulator::start(Settings {
        users: arguments.users,
        compress: false,
        // What is measured is the product, not the patience of whoever is throttled.
        resource_units: Some(u32::MAX),
        now: Some(Arc::new(move || clock.now())),
        ..Settings::default()
    })?;
    simulator.set_report_limits(false);
    simulator.set_log_limits(false);
    if arguments.few_datasets {
        refuse_most(&simulator, clock.now());
    }
    tell(&Organization {
        tenant_id: simulator.tenant_id(),
        client_id: simulator.client_id(),
        client_secret: simulator.client_secret(),
        login_url: simulator.login_url().to_owned(),
        graph_url: simulator.graph_url().to_owned(),
    })?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["change", count, round] => {
                tell(&simulator.change_users(count.parse()?, round.parse()?).len())?;
            }
            _ => return Err(format!("{line:?} is nothing that the simulator does").into()),
        }
    }
    Ok(())
}

/// Lets Microsoft refuse what the purpose of the product needs least.
fn refuse_most(simulator: &Simulator, now: Timestamp) {
    for path in REFUSED {
        simulator.fault(Fault::on(path).status(403));
    }
    // Sign-in activity is a column of users that is asked for by itself.
    simulator.withdraw_permission("AuditLog.Read.All");
    let today = now.to_zoned(TimeZone::UTC).date();
    for back in -1..DAYS {
        let day = today.saturating_sub(back.days());
        for report in TOLD {
            let path = format!("/v1.0/reports/{report}(date={day})");
            simulator.fault(Fault::at(&path).status(400));
        }
    }
}

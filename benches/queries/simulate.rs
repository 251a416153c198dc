//! Microsoft, in a process of its own: what it takes is not the product's.

use std::io::BufRead as _;
use std::sync::Arc;

use clap::Args;
use seatwise::clock::Clock as _;
use seatwise::simulator::{Settings, Simulator};
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
}

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

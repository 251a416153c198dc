//! How many requests Microsoft takes of what it counts one by one: logs and usage reports. Kept on our
//! side, so that we are never throttled for what is written in the documentation.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::sync_run::Dataset;

/// So many requests within so long, for each application in each tenant.
#[derive(Clone, Copy)]
struct Quota {
    requests: usize,
    within: Duration,
}

/// All logs together: 5 in 10 seconds. Microsoft counts when requests arrive and we when they are
/// sent, so both keep a little distance.
const LOGS: Quota = Quota {
    requests: 5,
    within: Duration::from_secs(11),
};

/// Each report: 14 in 10 minutes.
const REPORT: Quota = Quota {
    requests: 14,
    within: Duration::from_secs(610),
};

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counter {
    Logs,
    Report(Dataset),
}

/// The requests of one tenant that still count, each dataset in its own counter.
#[derive(Default)]
pub(super) struct Quotas {
    /// When the latest were sent, oldest first; never more than a quota has.
    sent: Mutex<HashMap<Counter, VecDeque<Instant>>>,
}

impl Quotas {
    /// Counts a request that is sent now, or says when there will be room for it.
    pub(super) fn take(&self, dataset: Dataset, now: Instant) -> Result<(), Instant> {
        let Some((counter, quota)) = quota(dataset) else {
            return Ok(());
        };
        let mut counters = self.lock();
        let sent = counters.entry(counter).or_default();
        quota.forget_old(sent, now);
        match sent.front() {
            Some(oldest) if sent.len() >= quota.requests => Err(*oldest + quota.within),
            _ => {
                sent.push_back(now);
                Ok(())
            }
        }
    }

    /// How many requests may be sent now without waiting; `None` where none are counted.
    pub(super) fn left(&self, dataset: Dataset, now: Instant) -> Option<usize> {
        let (counter, quota) = quota(dataset)?;
        let mut counters = self.lock();
        let sent = counters.entry(counter).or_default();
        quota.forget_old(sent, now);
        Some(quota.requests.saturating_sub(sent.len()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Counter, VecDeque<Instant>>> {
        // What a panic could leave behind are times that count or do not: nothing half written.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quota {
    fn forget_old(self, sent: &mut VecDeque<Instant>, now: Instant) {
        while sent.front().is_some_and(|at| *at + self.within <= now) {
            sent.pop_front();
        }
    }
}

fn quota(dataset: Dataset) -> Option<(Counter, Quota)> {
    match dataset {
        Dataset::Organization
        | Dataset::Users
        | Dataset::Groups
        | Dataset::Licenses
        | Dataset::Subscriptions
        | Dataset::SignInActivity => None,
        Dataset::SignIns | Dataset::DirectoryAudits => Some((Counter::Logs, LOGS)),
        Dataset::ActiveUsers
        | Dataset::EmailActivity
        | Dataset::MailboxUsage
        | Dataset::TeamsActivity
        | Dataset::OneDriveActivity
        | Dataset::OneDriveUsage
        | Dataset::SharePointActivity
        | Dataset::VivaEngageActivity
        | Dataset::AppsUsage
        | Dataset::AppsActivations
        | Dataset::CopilotUsage => Some((Counter::Report(dataset), REPORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends requests one after the other, each as soon as it may be; when they were, in seconds.
    fn send(quotas: &Quotas, start: Instant, datasets: &[Dataset]) -> Vec<u64> {
        let mut now = start;
        let mut at = Vec::new();
        for dataset in datasets {
            while let Err(room_at) = quotas.take(*dataset, now) {
                assert!(room_at > now);
                now = room_at;
            }
            at.push((now - start).as_secs());
        }
        at
    }

    #[test]
    fn both_logs_share_five_requests_in_ten_seconds() {
        let (audits, sign_ins) = (Dataset::DirectoryAudits, Dataset::SignIns);
        let both = [audits, sign_ins].repeat(6);
        let at = send(&Quotas::default(), Instant::now(), &both);
        assert_eq!(at, [0, 0, 0, 0, 0, 11, 11, 11, 11, 11, 22, 22]);
    }

    #[test]
    fn each_report_has_fourteen_requests_in_ten_minutes_of_its_own() {
        let quotas = Quotas::default();
        let start = Instant::now();
        let at = send(&quotas, start, &[Dataset::EmailActivity; 29]);
        assert_eq!(at[..14], [0; 14]);
        assert_eq!(at[14..28], [610; 14]);
        assert_eq!(at[28], 1_220);
        assert_eq!(send(&quotas, start, &[Dataset::TeamsActivity; 14]), [0; 14]);
    }

    #[test]
    fn a_window_slides_and_does_not_start_anew() {
        let quotas = Quotas::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for number in 0..5 {
            assert_eq!(
                quotas.take(Dataset::SignIns, start + second * number),
                Ok(())
            );
        }
        let refused = quotas.take(Dataset::SignIns, start + second * 5);
        assert_eq!(refused, Err(start + second * 11));
        assert_eq!(quotas.take(Dataset::SignIns, start + second * 11), Ok(()));
        let refused = quotas.take(Dataset::SignIns, start + second * 11);
        assert_eq!(refused, Err(start + second * 12));
    }

    #[test]
    fn what_is_left_is_told_without_taking_it() {
        let quotas = Quotas::default();
        let now = Instant::now();
        assert_eq!(quotas.left(Dataset::AppsUsage, now), Some(14));
        assert_eq!(quotas.take(Dataset::AppsUsage, now), Ok(()));
        assert_eq!(quotas.left(Dataset::AppsUsage, now), Some(13));
        let later = now + REPORT.within;
        assert_eq!(quotas.left(Dataset::AppsUsage, later), Some(14));
        assert_eq!(quotas.left(Dataset::Users, now), None);
    }

    #[test]
    fn what_is_not_counted_has_no_limit() {
        let at = send(&Quotas::default(), Instant::now(), &[Dataset::Users; 100]);
        assert_eq!(at, [0; 100]);
    }
}

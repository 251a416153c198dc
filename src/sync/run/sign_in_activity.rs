//! Reading when users signed in last.

use std::sync::Arc;

use super::Attempt;
use super::merging::Merging;
use super::users::{Tally, WHOLE_COLUMNS_EVERY};
use crate::domain::sign_in::SignInActivity;
use crate::domain::sync_run::Dataset;
use crate::domain::user_fact::UserFact;
use crate::engine::TenantIndex;

impl Attempt<'_> {
    /// Once a day of everybody; in between of those who signed in since.
    pub(super) async fn read_sign_in_activity(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::SignInActivity;
        if !self.may_ask(dataset) {
            return;
        }
        let meter = self.begin(dataset);
        let mut standing = self.standing(base, dataset);
        let is_fresh = standing
            .whole_at
            .is_some_and(|at| self.as_of.duration_since(at) < WHOLE_COLUMNS_EVERY);
        let since = standing.as_of.filter(|_| is_fresh);
        let mut pages = self.tenant.client.sign_in_activity(since, &meter);
        let (mut tally, mut told) = (Tally::default(), Vec::new());
        loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    tally.add(&page);
                    self.count(dataset, &meter, tally.rows, tally.quarantined);
                    told.extend(page.rows);
                }
                Ok(None) => break,
                Err(error) => {
                    self.count(dataset, &meter, tally.rows, tally.quarantined);
                    return self.miss(dataset, error).await;
                }
            }
        }
        self.count(dataset, &meter, tally.rows, tally.quarantined);
        let before = if since.is_none() { standing.rows } else { 0 };
        let believed = self
            .judge_quarantine(
                dataset,
                tally.rows,
                tally.quarantined,
                tally.example.as_ref(),
            )
            .and_then(|()| {
                self.check_drop(dataset, tally.rows, tally.rows + tally.quarantined, before)
            });
        if let Err(problem) = believed {
            self.fail(dataset, problem);
            return;
        }
        standing.as_of = Some(self.as_of);
        if since.is_none() {
            standing.whole_at = Some(self.as_of);
            standing.rows = tally.rows;
        }
        let is_whole = since.is_none() && tally.quarantined == 0;
        let merged = merging.later(move |merger| {
            let mut is_news = false;
            // Who never signed in has nothing to keep.
            told.retain(|one: &SignInActivity| {
                one.succeeded_at.is_some() || one.attempted_at.is_some()
            });
            for activity in told {
                is_news |= merger.put_user_fact(&UserFact::SignInActivity(activity))?;
            }
            if is_whole {
                is_news |= merger.remove_unseen_facts(dataset)? > 0;
            }
            merger.set_standing(standing)?;
            Ok(is_news)
        });
        if let Some(is_changed) = merged.await {
            self.complete(dataset, is_changed);
        }
    }
}

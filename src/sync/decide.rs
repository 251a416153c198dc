//! What somebody decides of findings and licenses: filed first, then shown.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::tenant::{TenantState, lock};
use super::{Coordinator, Refusal};
use crate::domain::day::Day;
use crate::domain::finding::{Exemption, FindingKey, FindingState, InvalidExemption};
use crate::domain::ids::{SkuId, TenantKey};
use crate::domain::license_class::LicenseClass;
use crate::engine::{Decisions, TenantIndex};

/// What remains decided once everything stored of a tenant is deleted: what the configuration says.
pub(super) fn after_purge(index: &TenantIndex) -> Decisions {
    Decisions {
        classes: Default::default(),
        exemptions: Arc::default(),
        ..(**index.decisions()).clone()
    }
}

impl From<InvalidExemption> for Refusal {
    fn from(invalid: InvalidExemption) -> Self {
        Self::BadInput(invalid.to_string())
    }
}

/// An exemption as somebody wrote it.
#[derive(Debug, Clone)]
pub struct ExemptionDraft {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it counts.
    pub until: Date,
}

impl Coordinator {
    /// Leaves a finding for a time. It stays exempt while it holds, and is open again by itself on the
    /// day after the last.
    pub async fn exempt_finding(
        &self,
        key: &TenantKey,
        finding: FindingKey,
        draft: ExemptionDraft,
    ) -> Result<(), Refusal> {
        let tenant = Arc::clone(self.state(key)?);
        self.check_exemptable(key, &finding)?;
        let today = self.shared.clock.now().to_zoned(TimeZone::UTC).date();
        let far = || Refusal::BadInput("`until` is a day that no exemption lasts to".to_owned());
        let until = Day::of(draft.until).ok_or_else(far)?;
        let today = Day::of(today).ok_or_else(far)?;
        let exemption = Exemption::new(&draft.reason, &draft.owner, until, today)?;
        let (filed, of) = (exemption.clone(), key.clone());
        self.shared
            .with_store(move |store| store.save_exemption(&of, &finding, Some(&filed)))
            .await?;
        self.decide(&tenant, move |decisions| {
            Arc::make_mut(&mut decisions.exemptions).insert(finding, exemption);
        })
        .await
    }

    /// Ends an exemption before its day; nothing happens to a finding that is open.
    pub async fn reopen_finding(
        &self,
        key: &TenantKey,
        finding: FindingKey,
    ) -> Result<(), Refusal> {
        let tenant = Arc::clone(self.state(key)?);
        self.check_exemptable(key, &finding)?;
        let of = key.clone();
        self.shared
            .with_store(move |store| store.save_exemption(&of, &finding, None))
            .await?;
        self.decide(&tenant, move |decisions| {
            Arc::make_mut(&mut decisions.exemptions).remove(&finding);
        })
        .await
    }

    fn check_exemptable(&self, key: &TenantKey, finding: &FindingKey) -> Result<(), Refusal> {
        let found = self.shared.index(key).finding(finding);
        match found.ok_or(Refusal::NotFound)?.known().state {
            FindingState::Open | FindingState::Exempt => Ok(()),
            FindingState::Realized => Err(Refusal::Conflict(
                "the seat of this finding is gone: there is nothing left to exempt".to_owned(),
            )),
        }
    }

    /// Says what a license is to whoever pays; `None` goes back to what is known of it otherwise.
    pub async fn classify_license(
        &self,
        key: &TenantKey,
        id: SkuId,
        class: Option<LicenseClass>,
    ) -> Result<(), Refusal> {
        let tenant = Arc::clone(self.state(key)?);
        if self.shared.index(key).license(id).is_none() {
            return Err(Refusal::NotFound);
        }
        let of = key.clone();
        self.shared
            .with_store(move |store| store.save_license_class(&of, id, class))
            .await?;
        self.decide(&tenant, move |decisions| {
            match class {
                Some(class) => decisions.classes.insert(id, class),
                None => decisions.classes.remove(&id),
            };
        })
        .await
    }

    /// Judges a tenant anew by other decisions and shows what follows.
    pub(super) async fn decide(
        &self,
        tenant: &Arc<TenantState>,
        change: impl FnOnce(&mut Decisions) + Send + 'static,
    ) -> Result<(), Refusal> {
        let (shared, tenant) = (Arc::clone(&self.shared), Arc::clone(tenant));
        let now = shared.clock.now();
        tokio::task::spawn_blocking(move || {
            let _publishing = lock(&tenant.publishing);
            let index = shared.index(&tenant.key);
            let mut decisions = (**index.decisions()).clone();
            change(&mut decisions);
            shared.engine.publish(index.decided(decisions, now));
        })
        .await
        .map_err(|_| Refusal::Unavailable("the decision could not be shown".to_owned()))
    }
}

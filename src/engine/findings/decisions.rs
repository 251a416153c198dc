//! What the operator decided, and what is known of products at large.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::domain::catalog::Catalog;
use crate::domain::containment::Families;
use crate::domain::declared::Declared;
use crate::domain::finding::{Exemption, FindingKey};
use crate::domain::ids::SkuId;
use crate::domain::license_class::LicenseClass;
use crate::domain::policy::Policy;

/// Which service plans take the place of which: facts that come with the program.
static FAMILIES: LazyLock<Families> = LazyLock::new(Families::compiled_in);

/// By what a tenant is judged besides its facts. Whatever changes here is a new judgement; see
/// [`TenantIndex::decided`](crate::engine::TenantIndex::decided).
#[derive(Clone)]
pub struct Decisions {
    /// Thresholds, lists and steps.
    pub policy: Arc<Policy>,
    /// What licenses are to whoever pays, as somebody said through the API; it goes before the policy.
    pub classes: BTreeMap<SkuId, LicenseClass>,
    /// What is left for a time, and what was.
    pub exemptions: Arc<BTreeMap<FindingKey, Exemption>>,
    /// Microsoft's public list of products.
    pub catalog: Arc<Catalog>,
    /// What operators told of money.
    pub declared: Arc<Declared>,
}

impl Default for Decisions {
    /// Who decided nothing and knows no product.
    fn default() -> Self {
        Self {
            policy: Arc::default(),
            classes: BTreeMap::new(),
            exemptions: Arc::default(),
            catalog: Arc::default(),
            declared: Arc::default(),
        }
    }
}

impl Decisions {
    /// What the operator says a license is: somebody through the API, else the policy.
    pub(super) fn class(&self, id: SkuId) -> Option<LicenseClass> {
        let said = self.classes.get(&id);
        let said = said.or_else(|| self.policy.settings().classes.get(&id));
        said.copied()
    }

    pub(super) fn families(&self) -> &'static Families {
        &FAMILIES
    }
}

//! What licenses are called now: the catalog in force and the operator's own names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::domain::catalog::{Catalog, LicenseName};
use crate::domain::ids::{SkuId, TenantKey};

/// The names in force. Operators name licenses per tenant; the catalog is one for all.
pub(super) struct Names {
    catalog: ArcSwap<Catalog>,
    operator: Mutex<HashMap<(TenantKey, SkuId), String>>,
}

impl Names {
    pub(super) fn new(catalog: Catalog) -> Self {
        Self {
            catalog: ArcSwap::from_pointee(catalog),
            operator: Mutex::default(),
        }
    }

    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    pub(super) fn set_catalog(&self, catalog: Catalog) {
        self.catalog.store(Arc::new(catalog));
    }

    /// `None` goes back to the catalog's name.
    pub(super) fn set_operator_name(&self, tenant: &TenantKey, id: SkuId, name: Option<&str>) {
        let mut operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (tenant.clone(), id);
        match name {
            Some(name) => operator.insert(place, name.to_owned()),
            None => operator.remove(&place),
        };
    }

    pub(super) fn forget_tenant(&self, tenant: &TenantKey) {
        let mut operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
        operator.retain(|(owner, _), _| owner != tenant);
    }

    /// The name of one license of a tenant.
    pub(super) fn name(&self, tenant: &TenantKey, id: SkuId, part_number: &str) -> LicenseName {
        let operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
        let own = operator.get(&(tenant.clone(), id)).map(String::as_str);
        self.catalog.load().license_name(id, part_number, own)
    }
}

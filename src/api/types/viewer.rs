//! Who asks.

use std::sync::Arc;

use async_graphql::Object;

use super::reading::Reading;
use super::tenant::Tenant;
use crate::api::caller::{Caller, Role};

/// See the description on its `Object`.
pub(crate) struct Viewer {
    pub(crate) caller: Caller,
    pub(crate) reading: Arc<Reading>,
}

/// Who is asking: the holder of the token that the request carries.
#[Object]
impl Viewer {
    /// The token's name, as whoever made it named it.
    async fn name(&self) -> &str {
        &self.caller.name
    }

    /// What the token allows.
    async fn role(&self) -> Role {
        self.caller.role
    }

    /// The tenants that the token may see, by key.
    async fn tenants(&self) -> Vec<Tenant> {
        self.reading.tenants()
    }
}

//! What a newer catalog changes.

use async_graphql::SimpleObject;

use crate::api::scalars::int;
use crate::domain::catalog::{Catalog, CatalogChanges};

/// What an update of the catalog of product names changed. Products that the newer catalog lacks keep
/// the names they had.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct CatalogUpdate {
    /// How many products the catalog names now.
    product_count: i32,
    /// How many products were added.
    added_count: i32,
    /// How many products were renamed.
    renamed_count: i32,
    /// How many products the newer catalog lacks.
    missing_count: i32,
    /// The names of products that were not listed before.
    added: Vec<String>,
    /// The products that are called otherwise now.
    renamed: Vec<CatalogRename>,
    /// The names of products that the newer catalog lacks.
    missing: Vec<String>,
}

/// A product that is called otherwise now.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct CatalogRename {
    /// What it was called.
    from: String,
    /// What it is called.
    to: String,
}

impl CatalogUpdate {
    pub(crate) fn new(catalog: &Catalog, changes: CatalogChanges) -> Self {
        Self {
            product_count: int(catalog.product_count()),
            added_count: int(changes.added.len()),
            renamed_count: int(changes.renamed.len()),
            missing_count: int(changes.missing.len()),
            added: changes.added,
            renamed: changes
                .renamed
                .into_iter()
                .map(|(from, to)| CatalogRename { from, to })
                .collect(),
            missing: changes.missing,
        }
    }
}

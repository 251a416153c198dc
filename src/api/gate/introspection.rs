//! What it costs to let the schema describe itself.
//!
//! Introspection is a graph with cycles (`fields { type { fields { … } } }`), its lists are long, and
//! async-graphql prices each of them like one field: without a price of our own, a 200-byte document
//! asks for an answer of gigabytes. The factors are of the order of this product's schema.

/// Price of a field whose selections cost `children`.
pub(super) fn price(field: &str, children: usize) -> usize {
    let children = match field {
        "types" => children.saturating_mul(60),
        "fields" => children.saturating_mul(10),
        "inputFields" | "enumValues" | "directives" => children.saturating_mul(8),
        "possibleTypes" => children.saturating_mul(4),
        "args" => children.saturating_mul(3),
        "interfaces" => children.saturating_mul(2),
        // Every second type is wrapped in a list or a non-null.
        "ofType" => children.div_ceil(2),
        _ => children,
    };
    children.saturating_add(1)
}

/// Whether a field of the query root leads into the schema's own description.
pub(super) fn is_entry(field: &str) -> bool {
    matches!(field, "__schema" | "__type")
}

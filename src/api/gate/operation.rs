//! Which operation runs, and what async-graphql forgets to ask of it.

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{Positioned, Value, Variables};

use crate::api::gate::Refusal;
use crate::api::gate::expand::{Sizes, field_count};

/// The operation that a request means.
pub(super) struct Chosen<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) definition: &'a Positioned<OperationDefinition>,
}

/// Chooses by `operationName`; a document with one operation needs none. An empty name counts as none:
/// some clients send it where the user chose nothing.
pub(super) fn choose<'a>(
    document: &'a ExecutableDocument,
    wanted: Option<&str>,
) -> Result<Chosen<'a>, Refusal> {
    let wanted = wanted.filter(|name| !name.is_empty());
    match (&document.operations, wanted) {
        (DocumentOperations::Single(definition), None) => Ok(Chosen {
            name: None,
            definition,
        }),
        (DocumentOperations::Single(_), Some(_)) => Err(Refusal::document(
            "operationName names no operation of the document.",
            [],
        )),
        (DocumentOperations::Multiple(operations), Some(wanted)) => operations
            .get_key_value(wanted)
            .map(|(name, definition)| Chosen {
                name: Some(name),
                definition,
            })
            .ok_or_else(|| {
                Refusal::document("operationName names no operation of the document.", [])
            }),
        (DocumentOperations::Multiple(operations), None) => match operations.iter().next() {
            Some((name, definition)) if operations.len() == 1 => Ok(Chosen {
                name: Some(name),
                definition,
            }),
            _ => Err(Refusal::document(
                "The document has several operations; say which one to run by operationName.",
                [],
            )),
        },
    }
}

/// Refuses a missing required variable before execution: async-graphql would report it as the error of
/// a field that is already running.
pub(super) fn check_variables(
    operation: &Positioned<OperationDefinition>,
    variables: &Variables,
) -> Result<(), Refusal> {
    for definition in &operation.node.variable_definitions {
        let is_required =
            !definition.node.var_type.node.nullable && definition.node.default_value.is_none();
        let name = &definition.node.name.node;
        let given = variables.get(name);
        let is_null = matches!(given, Some(Value::Null));
        if (is_required && given.is_none()) || (is_null && !definition.node.var_type.node.nullable)
        {
            let shown: String = name.chars().take(64).collect();
            return Err(Refusal::document(
                format!(
                    "The variable ${shown} is required and must not be null; give it in `variables`."
                ),
                [definition.pos],
            ));
        }
    }
    Ok(())
}

/// A subscription has one root field, and that field streams something.
pub(super) fn check_subscription(
    operation: &Positioned<OperationDefinition>,
    sizes: &Sizes<'_>,
) -> Result<(), Refusal> {
    if operation.node.ty != OperationType::Subscription {
        return Ok(());
    }
    let root = &operation.node.selection_set.node;
    let is_introspection = root.items.iter().any(|selection| {
        matches!(&selection.node, Selection::Field(field) if field.node.name.node.starts_with("__"))
    });
    if field_count(root, sizes) != 1 || is_introspection {
        return Err(Refusal::document(
            "A subscription must select exactly one field, and not one that begins with two underscores.",
            [operation.pos],
        ));
    }
    Ok(())
}

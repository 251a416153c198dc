//! How large a document is once its fragments are expanded, worked out without expanding them.
//!
//! Each fragment is measured once, after the fragments that it spreads, so the work grows with the
//! document and not with its expansion; sums saturate.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Pos, Variables};

use crate::api::gate::cost::Prices;
use crate::api::gate::{Refusal, introspection};
use crate::api::settings::Limits;

/// Sizes of fragments, by name.
pub(super) type Sizes<'a> = HashMap<&'a str, Size>;

/// Size of a selection set, fragments expanded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    nodes: usize,
    aliases: usize,
    directives: usize,
    /// Fields of the set itself, not of what they select.
    fields: usize,
    depth: usize,
    cost: Cost,
    /// Price of the whole, were it a part of the schema's description of itself.
    price: usize,
    /// Price of those parts that are.
    introspection: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.cost.add(other.cost);
        self.price = self.price.saturating_add(other.price);
        self.introspection = self.introspection.saturating_add(other.introspection);
    }

    /// As something that stands one level down, in a selection of its own.
    fn below(mut self, directives: usize) -> Self {
        self.nodes = self.nodes.saturating_add(1);
        self.directives = self.directives.saturating_add(directives);
        self.depth = self.depth.saturating_add(1);
        self
    }
}

/// What a selection costs. The rows of a connection multiply its `nodes` and `edges` and nothing else
/// beside them, so the two are summed apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) once: usize,
    pub(super) by_row: usize,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.once = self.once.saturating_add(other.once);
        self.by_row = self.by_row.saturating_add(other.by_row);
    }

    pub(super) fn whole(self) -> usize {
        self.once.saturating_add(self.by_row)
    }
}

/// Measures every operation and fragment, and what the dearest operation costs; refuses what is too
/// large in any direction.
pub(super) fn measure<'a>(
    document: &'a ExecutableDocument,
    variables: &Variables,
    limits: &Limits,
) -> Result<(Sizes<'a>, usize), Refusal> {
    let definitions = document
        .operations
        .iter()
        .len()
        .saturating_add(document.fragments.len());
    bound(
        definitions,
        limits.definitions_max,
        "operations and fragments",
        None,
    )?;

    let prices = Prices::new(document, variables);
    let mut sizes = Sizes::new();
    for name in in_order_of_need(document)? {
        if let Some(fragment) = document.fragments.get(name) {
            let mut size = measure_set(&fragment.node.selection_set.node, &sizes, &prices);
            size.directives = size
                .directives
                .saturating_add(fragment.node.directives.len());
            sizes.insert(name, size);
        }
    }

    let mut whole = Size::default();
    let mut costs = Vec::new();
    for (_, operation) in document.operations.iter() {
        let definition = &operation.node;
        let mut size = measure_set(&definition.selection_set.node, &sizes, &prices);
        let of_variables = definition
            .variable_definitions
            .iter()
            .map(|variable| variable.node.directives.len());
        size.directives = of_variables.fold(size.directives, usize::saturating_add);
        size.directives = size.directives.saturating_add(definition.directives.len());
        bound(
            size.fields,
            limits.root_fields_max,
            "fields in its root selection",
            Some(operation.pos),
        )?;
        bound(
            size.depth,
            limits.nesting_max,
            "levels, fragments expanded",
            Some(operation.pos),
        )?;
        costs.push((size.cost.whole(), operation.pos));
        whole.add(size);
    }
    bound(
        whole.nodes,
        limits.expanded_nodes_max,
        "selections, fragments expanded",
        None,
    )?;
    bound(
        whole.aliases,
        limits.aliases_max,
        "aliases, fragments expanded",
        None,
    )?;
    bound(
        whole.directives,
        limits.directives_max,
        "directives, fragments expanded",
        None,
    )?;
    let mut dearest = 0;
    for (cost, place) in costs {
        check_cost(cost, limits, place)?;
        dearest = dearest.max(cost);
    }
    if whole.introspection > limits.cost_max {
        return Err(Refusal::limit(
            "The document asks for too much of the schema's description at once; nest its lists less.",
            [],
        ));
    }
    Ok((sizes, dearest))
}

/// Fields of a selection set itself, fragments expanded, given the sizes of these.
pub(super) fn field_count(set: &SelectionSet, sizes: &Sizes<'_>) -> usize {
    let counts = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(_) => 1,
        Selection::InlineFragment(inline) => field_count(&inline.node.selection_set.node, sizes),
        Selection::FragmentSpread(spread) => {
            let fragment = sizes.get(spread.node.fragment_name.node.as_str());
            fragment.map_or(0, |size| size.fields)
        }
    });
    counts.fold(0, usize::saturating_add)
}

/// Size of a selection set, given those of the fragments.
fn measure_set(set: &SelectionSet, sizes: &Sizes<'_>, prices: &Prices<'_>) -> Size {
    let mut size = Size::default();
    for selection in &set.items {
        let directives = selection.node.directives().len();
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let name = field.name.node.as_str();
                let children = measure_set(&field.selection_set.node, sizes, prices);
                let price = introspection::price(name, children.price);
                let mut own = Size {
                    fields: 1,
                    cost: prices.of_field(field, children.cost),
                    price,
                    ..children
                };
                if field.selection_set.node.items.is_empty() {
                    own.nodes = 1;
                    own.directives = directives;
                } else {
                    own = own.below(directives);
                }
                own.aliases = own
                    .aliases
                    .saturating_add(usize::from(field.alias.is_some()));
                if introspection::is_entry(name) {
                    own.introspection = own.introspection.saturating_add(price);
                }
                size.add(own);
            }
            Selection::InlineFragment(inline) => {
                let inside = measure_set(&inline.node.selection_set.node, sizes, prices);
                size.add(inside.below(directives));
            }
            Selection::FragmentSpread(spread) => {
                // A fragment that is not there is for the validation to report.
                let fragment = sizes.get(spread.node.fragment_name.node.as_str());
                size.add(fragment.copied().unwrap_or_default().below(directives));
            }
        }
    }
    size
}

/// Names of the fragments, each after those that it spreads; refuses cycles.
fn in_order_of_need(document: &ExecutableDocument) -> Result<Vec<&str>, Refusal> {
    let mut waits_for: HashMap<&str, usize> = HashMap::new();
    let mut needed_by: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, fragment) in &document.fragments {
        let mut spreads = Vec::new();
        collect_spreads(&fragment.node.selection_set.node, &mut spreads);
        spreads.retain(|spread| document.fragments.contains_key(*spread));
        waits_for.insert(name, spreads.len());
        for spread in spreads {
            needed_by.entry(spread).or_default().push(name);
        }
    }

    let mut order: Vec<&str> = Vec::with_capacity(waits_for.len());
    order.extend(
        waits_for
            .iter()
            .filter(|(_, waits)| **waits == 0)
            .map(|(name, _)| *name),
    );
    let mut done = 0;
    while let Some(name) = order.get(done).copied() {
        done += 1;
        for needer in needed_by.remove(name).unwrap_or_default() {
            if let Some(waits) = waits_for.get_mut(needer) {
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    order.push(needer);
                }
            }
        }
    }
    if order.len() < waits_for.len() {
        let in_cycle = document
            .fragments
            .iter()
            .filter(|(name, _)| !order.contains(&name.as_str()));
        let place = in_cycle.map(|(_, fragment)| fragment.pos).min();
        return Err(Refusal::document(
            "Fragments must not spread themselves, not even by way of others.",
            place,
        ));
    }
    Ok(order)
}

fn collect_spreads<'a>(set: &'a SelectionSet, spreads: &mut Vec<&'a str>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set.node, spreads),
            Selection::InlineFragment(inline) => {
                collect_spreads(&inline.node.selection_set.node, spreads)
            }
            Selection::FragmentSpread(spread) => {
                spreads.push(spread.node.fragment_name.node.as_str())
            }
        }
    }
}

fn check_cost(cost: usize, limits: &Limits, place: Pos) -> Result<(), Refusal> {
    if cost <= limits.cost_max {
        return Ok(());
    }
    let most = limits.cost_max;
    Err(Refusal::limit(
        format!(
            "The operation costs {cost}: its fields, as often as they may be answered, and the conditions of its filters; at most {most} are allowed. Ask for smaller pages, for less in each row, or by fewer conditions."
        ),
        [place],
    ))
}

fn bound(count: usize, most: usize, what: &str, place: Option<Pos>) -> Result<(), Refusal> {
    if count <= most {
        return Ok(());
    }
    let of = if place.is_some() {
        "An operation"
    } else {
        "A document"
    };
    Err(Refusal::limit(
        format!("{of} may have at most {most} {what}."),
        place,
    ))
}

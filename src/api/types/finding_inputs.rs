//! What is asked of findings.

use std::collections::BTreeSet;

use async_graphql::{Enum, ID, InputObject};

use super::filter_inputs::IdFilter;
use super::finding::{Confidence, FindingKind, FindingState};
use super::nesting::{Branches, FilterInput, Term, add};
use super::order::OrderDirection;
use super::user_inputs::UserFilterInput;
use crate::api::error::Error;
use crate::api::scalars::Date;
use crate::domain::filter::UserFilter;
use crate::domain::finding;
use crate::domain::finding_filter::{self, FindingFilter, FindingOrder};

/// A condition on findings. Every field that is said must hold; `{}` and null hold for every finding.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "FindingFilter")]
pub(crate) struct FindingFilterInput {
    /// Every one of these must hold; an empty list holds for every finding. `and`, `or` and `not` nest at
    /// most 5 deep.
    and: Option<Vec<FindingFilterInput>>,
    /// One of these must hold; an empty list holds for no finding.
    or: Option<Vec<FindingFilterInput>>,
    /// This must not hold.
    not: Option<Box<FindingFilterInput>>,
    /// On the finding itself, by its `id`.
    id: Option<IdFilter>,
    /// On `kind`.
    kind: Option<FindingKindFilter>,
    /// On `state`.
    state: Option<FindingStateFilter>,
    /// On `confidence`.
    confidence: Option<ConfidenceFilter>,
    /// On the tenant, by its `id`.
    tenant: Option<IdFilter>,
    /// On the license, by its `id`.
    license: Option<IdFilter>,
    /// On the user who holds the seat. A finding about a whole license meets no condition here.
    user: Option<UserFilterInput>,
}

impl FilterInput for FindingFilterInput {
    type Parsed = FindingFilter;

    fn conditions(self) -> Result<(Vec<FindingFilter>, Branches<Self>), Error> {
        let mut conditions = Vec::new();
        let ids = self.id.unwrap_or_default().finding_terms()?;
        add(&mut conditions, ids, FindingFilter::Id);
        let kinds = self.kind.unwrap_or_default().terms();
        add(&mut conditions, kinds, FindingFilter::Kind);
        let states = self.state.unwrap_or_default().terms();
        add(&mut conditions, states, FindingFilter::State);
        let confidences = self.confidence.unwrap_or_default().terms();
        add(&mut conditions, confidences, FindingFilter::Confidence);
        let tenants = self.tenant.unwrap_or_default().tenant_terms()?;
        add(&mut conditions, tenants, FindingFilter::Tenant);
        let licenses = self.license.unwrap_or_default().license_terms()?;
        add(&mut conditions, licenses, FindingFilter::License);
        let user = self.user.map(FilterInput::into_filter).transpose()?;
        let user = user.filter(|user| *user != UserFilter::EVERYBODY);
        conditions.extend(user.map(FindingFilter::User));
        let branches = Branches {
            and: self.and,
            or: self.or,
            not: self.not,
        };
        Ok((conditions, branches))
    }
}

/// A condition on kinds of findings. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct FindingKindFilter {
    /// Is, or has, this one.
    eq: Option<FindingKind>,
    /// Is, or has, one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<FindingKind>>,
    /// True: there is no finding. False: there is one.
    is_null: Option<bool>,
}

impl FindingKindFilter {
    pub(crate) fn terms(self) -> Vec<Term<BTreeSet<finding::FindingKind>>> {
        let some = |kinds: Vec<FindingKind>| kinds.into_iter().map(Into::into).collect();
        let any = || finding::FindingKind::ALL.into_iter().collect();
        let terms = [
            self.eq.map(|kind| Term::is(some(vec![kind]))),
            self.is_in.map(|kinds| Term::is(some(kinds))),
            self.is_null.map(|is_null| Term::is_if(!is_null, any())),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on where a finding stands. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct FindingStateFilter {
    /// Is this one.
    eq: Option<FindingState>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<FindingState>>,
}

impl FindingStateFilter {
    fn terms(self) -> Vec<Term<BTreeSet<finding::FindingState>>> {
        let some = |states: Vec<FindingState>| states.into_iter().map(Into::into).collect();
        let terms = [
            self.eq.map(|state| Term::is(some(vec![state]))),
            self.is_in.map(|states| Term::is(some(states))),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on how sure a finding is. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct ConfidenceFilter {
    /// Is this one.
    eq: Option<Confidence>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<Confidence>>,
}

impl ConfidenceFilter {
    fn terms(self) -> Vec<Term<BTreeSet<finding::Confidence>>> {
        let some = |own: Vec<Confidence>| own.into_iter().map(Into::into).collect();
        let terms = [
            self.eq.map(|own| Term::is(some(vec![own]))),
            self.is_in.map(|own| Term::is(some(own))),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// One property that findings are sorted by, and which way. Absent values come last, whichever the
/// direction; ties are broken by what the finding is about.
#[derive(Debug, Clone, Copy, InputObject)]
#[graphql(name = "FindingOrder")]
pub(crate) struct FindingOrderInput {
    /// By which property.
    field: FindingOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Descending")]
    direction: OrderDirection,
}

/// The properties findings can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "finding_filter::FindingOrderField")]
pub(crate) enum FindingOrderField {
    /// By what it would save a month; a saving whose price is not known is absent. Currencies are not
    /// compared: they follow each other by code.
    MonthlySavings,
    /// By `firstSeenOn`.
    FirstSeenOn,
    /// By `kind`, in the order of `FindingKind`.
    Kind,
}

/// The orders of findings. A property said twice counts the first time.
pub(crate) fn finding_orders(input: Option<Vec<FindingOrderInput>>) -> Vec<FindingOrder> {
    let mut orders: Vec<FindingOrder> = Vec::new();
    for order in input.unwrap_or_default() {
        let field = order.field.into();
        if orders.iter().all(|earlier| earlier.field != field) {
            let direction = order.direction.into();
            orders.push(FindingOrder { field, direction });
        }
    }
    if orders.is_empty() {
        orders.push(finding_filter::USUAL_ORDER);
    }
    orders
}

/// Why a finding is to be left, and until when.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct ExemptionInput {
    /// The finding's `id`.
    pub(crate) finding: ID,
    /// Why, in 1 to 500 characters.
    pub(crate) reason: String,
    /// Who answers for it, in 1 to 500 characters.
    pub(crate) owner: String,
    /// The last day on which it counts: today or later.
    pub(crate) until: Date,
}

//! Conditions on one property, as they are asked, whatever the property.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{ID, InputObject};

use super::activity::{ActivityState, Workload};
use super::license::{LicenseClass, NameSource};
use super::nesting::Term;
use super::time_inputs::DateFilter;
use super::user::UserType;
use crate::api::error::Error;
use crate::api::ids;
use crate::domain::catalog;
use crate::domain::filter::{DayCondition, ListCondition, TextCondition};
use crate::domain::finding::FindingKey;
use crate::domain::ids::{ObjectId, SkuId, TenantKey};
use crate::domain::license_filter::NumberCondition;
use crate::domain::text::Folded;
use crate::domain::{license_class, usage, user};

/// A condition on a text. Every operator that is said must hold; `{}` and null hold for everything.
/// Texts are compared without regard to case, surrounding space and Unicode spelling: "Straße" equals
/// "STRASSE ". Only `ne`, `notIn` and `isNull: true` hold where the value is absent.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct StringFilter {
    /// Is this text. The empty text equals nothing: an absent value is null, see `isNull`.
    eq: Option<String>,
    /// Is another text, or absent.
    ne: Option<String>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<String>>,
    /// Is none of these, or absent; an empty list holds for everything.
    not_in: Option<Vec<String>>,
    /// Has this inside; the empty text is inside every value that is present.
    contains: Option<String>,
    /// Begins with this; every value that is present begins with the empty text.
    starts_with: Option<String>,
    /// True: is absent. False: is present.
    is_null: Option<bool>,
}

impl StringFilter {
    pub(crate) fn terms(self) -> Vec<Term<TextCondition>> {
        let one = |text: String| TextCondition::In([Folded::new(&text)].into());
        let some = |texts: Vec<String>| TextCondition::In(folded(&texts));
        let contains = |text: String| TextCondition::Contains(Folded::new(&text));
        let starts_with = |text: String| TextCondition::StartsWith(Folded::new(&text));
        let absent = |is: bool| Term::is_if(is, TextCondition::IsAbsent);
        let terms = [
            self.eq.map(one).map(Term::is),
            self.ne.map(one).map(Term::is_not),
            self.is_in.map(some).map(Term::is),
            self.not_in.map(some).map(Term::is_not),
            self.contains.map(contains).map(Term::is),
            self.starts_with.map(starts_with).map(Term::is),
            self.is_null.map(absent),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on a list of texts. Every operator that is said must hold; `{}` and null hold for
/// everything. Texts are compared as in `StringFilter`.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct StringListFilter {
    /// Has this one.
    has: Option<String>,
    /// Has at least one of these; an empty list holds for nothing.
    has_some: Option<Vec<String>>,
    /// Has every one of these; an empty list holds for everything.
    has_every: Option<Vec<String>>,
    /// Has none of these; an empty list holds for everything.
    has_none: Option<Vec<String>>,
    /// True: has nothing at all. False: has something.
    is_empty: Option<bool>,
}

impl StringListFilter {
    pub(crate) fn terms(self) -> Vec<Term<ListCondition>> {
        let has = |text: String| ListCondition::HasSome([Folded::new(&text)].into());
        let terms = [
            self.has.map(has).map(Term::is),
            self.has_some
                .map(|texts| Term::is(ListCondition::HasSome(folded(&texts)))),
            self.has_every
                .map(|texts| Term::is(ListCondition::HasEvery(folded(&texts)))),
            self.has_none
                .map(|texts| Term::is(ListCondition::HasNone(folded(&texts)))),
            self.is_empty
                .map(|is| Term::is_if(is, ListCondition::IsEmpty)),
        ];
        terms.into_iter().flatten().collect()
    }
}

fn folded(texts: &[String]) -> BTreeSet<Folded> {
    texts.iter().map(|text| Folded::new(text)).collect()
}

/// A condition on what an `id` names. Every operator that is said must hold; `{}` and null hold for
/// everything. An id that names nothing here is equal to nothing; a text that is no id is `BAD_INPUT`.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct IdFilter {
    /// Is this one.
    eq: Option<ID>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<ID>>,
    /// Is none of these; an empty list holds for everything.
    not_in: Option<Vec<ID>>,
}

impl IdFilter {
    /// The condition on a tenant.
    pub(crate) fn tenant_terms(self) -> Result<Vec<Term<BTreeSet<TenantKey>>>, Error> {
        let keys = |ids: Vec<ID>| -> Result<BTreeSet<TenantKey>, Error> {
            ids.iter().map(ids::tenant).collect()
        };
        let eq = self.eq.map(|id| keys(vec![id])).transpose()?;
        let is_in = self.is_in.map(keys).transpose()?;
        let not_in = self.not_in.map(keys).transpose()?;
        let terms = [
            eq.map(Term::is),
            is_in.map(Term::is),
            not_in.map(Term::is_not),
        ];
        Ok(terms.into_iter().flatten().collect())
    }
}

/// A set of things, each of a tenant: the same GUID may be there twice where one organization is
/// configured under two keys.
pub(crate) type OfTenants<T> = BTreeMap<TenantKey, BTreeSet<T>>;

impl IdFilter {
    /// The condition on a finding.
    pub(crate) fn finding_terms(self) -> Result<Vec<Term<OfTenants<FindingKey>>>, Error> {
        self.of_tenants(ids::finding)
    }

    /// The condition on a license.
    pub(crate) fn license_terms(self) -> Result<Vec<Term<OfTenants<SkuId>>>, Error> {
        self.of_tenants(ids::license)
    }

    /// The condition on a user.
    pub(crate) fn user_terms(self) -> Result<Vec<Term<OfTenants<ObjectId>>>, Error> {
        self.of_tenants(ids::user)
    }

    /// The condition on what an id of a tenant's names.
    fn of_tenants<T: Ord>(
        self,
        read: impl Fn(&ID) -> Result<(TenantKey, T), Error>,
    ) -> Result<Vec<Term<OfTenants<T>>>, Error> {
        let all = |ids: Vec<ID>| -> Result<OfTenants<T>, Error> {
            let mut of_tenants = OfTenants::<T>::new();
            for id in &ids {
                let (tenant, own) = read(id)?;
                of_tenants.entry(tenant).or_default().insert(own);
            }
            Ok(of_tenants)
        };
        let eq = self.eq.map(|id| all(vec![id])).transpose()?;
        let is_in = self.is_in.map(&all).transpose()?;
        let not_in = self.not_in.map(&all).transpose()?;
        let terms = [
            eq.map(Term::is),
            is_in.map(Term::is),
            not_in.map(Term::is_not),
        ];
        Ok(terms.into_iter().flatten().collect())
    }

    /// The condition on a group.
    pub(crate) fn group_terms(self) -> Result<Vec<Term<OfTenants<ObjectId>>>, Error> {
        let groups = |ids: Vec<ID>| -> Result<OfTenants<ObjectId>, Error> {
            let mut groups = OfTenants::new();
            for id in &ids {
                let (tenant, group) = ids::group(id)?;
                groups.entry(tenant).or_default().insert(group);
            }
            Ok(groups)
        };
        let eq = self.eq.map(|id| groups(vec![id])).transpose()?;
        let is_in = self.is_in.map(groups).transpose()?;
        let not_in = self.not_in.map(groups).transpose()?;
        let terms = [
            eq.map(Term::is),
            is_in.map(Term::is),
            not_in.map(Term::is_not),
        ];
        Ok(terms.into_iter().flatten().collect())
    }
}

/// A condition on the user type. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct UserTypeFilter {
    /// Is this one.
    eq: Option<UserType>,
    /// Is another one.
    ne: Option<UserType>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<UserType>>,
    /// Is none of these; an empty list holds for everything.
    not_in: Option<Vec<UserType>>,
}

impl UserTypeFilter {
    pub(crate) fn terms(self) -> Vec<Term<BTreeSet<user::UserType>>> {
        let some = |types: Vec<UserType>| types.into_iter().map(user::UserType::from).collect();
        let one = |user_type| some(vec![user_type]);
        let terms = [
            self.eq.map(one).map(Term::is),
            self.ne.map(one).map(Term::is_not),
            self.is_in.map(some).map(Term::is),
            self.not_in.map(some).map(Term::is_not),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on whether a user is in use. Every operator that is said must hold; `{}` and null hold
/// for everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct ActivityStateFilter {
    /// Is this one.
    eq: Option<ActivityState>,
    /// Is another one.
    ne: Option<ActivityState>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<ActivityState>>,
    /// Is none of these; an empty list holds for everything.
    not_in: Option<Vec<ActivityState>>,
}

impl ActivityStateFilter {
    pub(crate) fn terms(self) -> Vec<Term<BTreeSet<usage::ActivityState>>> {
        let some = |states: Vec<ActivityState>| {
            let states = states.into_iter();
            states.map(usage::ActivityState::from).collect()
        };
        let one = |state| some(vec![state]);
        let terms = [
            self.eq.map(one).map(Term::is),
            self.ne.map(one).map(Term::is_not),
            self.is_in.map(some).map(Term::is),
            self.not_in.map(some).map(Term::is_not),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on when a user was last active in one workload.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct WorkloadActivityFilter {
    /// Which workload.
    workload: Workload,
    /// On the last day of activity in it; absent where none was ever recorded or Microsoft does not say.
    last_active_on: DateFilter,
}

impl WorkloadActivityFilter {
    pub(crate) fn terms(self) -> impl Iterator<Item = Term<(usage::Workload, DayCondition)>> {
        let workload = usage::Workload::from(self.workload);
        self.last_active_on
            .terms()
            .into_iter()
            .map(move |term| Term {
                condition: (workload, term.condition),
                is_negated: term.is_negated,
            })
    }
}

/// A condition on a whole number. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct IntFilter {
    /// Is this number.
    eq: Option<i32>,
    /// Is smaller.
    lt: Option<i32>,
    /// Is smaller or equal.
    lte: Option<i32>,
    /// Is larger.
    gt: Option<i32>,
    /// Is larger or equal.
    gte: Option<i32>,
}

impl IntFilter {
    pub(crate) fn terms(self) -> Vec<Term<NumberCondition>> {
        let range = |from: Option<i64>, to: Option<i64>| Term::is(NumberCondition { from, to });
        let number = |number: i32| i64::from(number);
        let terms = [
            self.eq.map(number).map(|eq| range(Some(eq), Some(eq))),
            self.lt.map(number).map(|end| range(None, Some(end - 1))),
            self.lte.map(number).map(|end| range(None, Some(end))),
            self.gt
                .map(number)
                .map(|start| range(Some(start + 1), None)),
            self.gte.map(number).map(|start| range(Some(start), None)),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on who named a license. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct NameSourceFilter {
    /// Is this one.
    eq: Option<NameSource>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<NameSource>>,
}

impl NameSourceFilter {
    pub(crate) fn terms(self) -> Vec<Term<Vec<catalog::NameSource>>> {
        let some = |sources: Vec<NameSource>| sources.into_iter().map(Into::into).collect();
        let terms = [
            self.eq.map(|source| Term::is(some(vec![source]))),
            self.is_in.map(|sources| Term::is(some(sources))),
        ];
        terms.into_iter().flatten().collect()
    }
}

/// A condition on what a license is to whoever pays. Every operator that is said must hold; `{}` and null
/// hold for everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct LicenseClassFilter {
    /// Is this one.
    eq: Option<LicenseClass>,
    /// Is another one.
    ne: Option<LicenseClass>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<LicenseClass>>,
    /// Is none of these; an empty list holds for everything.
    not_in: Option<Vec<LicenseClass>>,
}

impl LicenseClassFilter {
    pub(crate) fn terms(self) -> Vec<Term<Vec<license_class::LicenseClass>>> {
        let some = |classes: Vec<LicenseClass>| classes.into_iter().map(Into::into).collect();
        let one = |class| some(vec![class]);
        let terms = [
            self.eq.map(one).map(Term::is),
            self.ne.map(one).map(Term::is_not),
            self.is_in.map(some).map(Term::is),
            self.not_in.map(some).map(Term::is_not),
        ];
        terms.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType, Value, value};

    use super::*;

    fn parsed<T: InputType>(value: Value) -> T {
        T::parse(Some(value)).unwrap_or_else(|_| panic!("the input is well-formed"))
    }

    /// Whether the terms hold for a value, as the domain says.
    fn text_holds(filter: &Value, value: Option<&str>) -> bool {
        let terms = parsed::<StringFilter>(filter.clone()).terms();
        let folded = value.map(Folded::new);
        let folded = folded.as_ref().map(Folded::as_str);
        terms
            .iter()
            .all(|term| term.condition.holds(folded) != term.is_negated)
    }

    #[track_caller]
    fn check_text(filter: Value, holding: &[Option<&str>], failing: &[Option<&str>]) {
        for value in holding {
            assert!(
                text_holds(&filter, *value),
                "{filter} should hold for {value:?}"
            );
        }
        for value in failing {
            assert!(
                !text_holds(&filter, *value),
                "{filter} should not hold for {value:?}"
            );
        }
    }

    #[test]
    fn each_operator_on_a_text_means_what_it_says() {
        let (sales, none) = (Some(" SALES "), None);
        check_text(value!({"eq": "Sales"}), &[sales], &[Some("Sale"), none]);
        check_text(
            value!({"eq": "Straße"}),
            &[Some("STRASSE")],
            &[Some("Strase")],
        );
        check_text(value!({"ne": "Sales"}), &[Some("HR"), none], &[sales]);
        check_text(
            value!({"in": ["hr", "sales"]}),
            &[sales, Some("HR")],
            &[Some("IT"), none],
        );
        check_text(
            value!({"notIn": ["hr", "sales"]}),
            &[Some("IT"), none],
            &[sales],
        );
        check_text(value!({"contains": "ALE"}), &[sales], &[Some("HR"), none]);
        check_text(
            value!({"startsWith": "sal"}),
            &[sales],
            &[Some("Wholesale"), none],
        );
        check_text(value!({"isNull": true}), &[none], &[sales]);
        check_text(value!({"isNull": false}), &[sales], &[none]);
    }

    #[test]
    fn an_empty_list_and_an_empty_text_have_a_meaning() {
        let (sales, none) = (Some("Sales"), None);
        check_text(value!({"in": []}), &[], &[sales, none]);
        check_text(value!({"notIn": []}), &[sales, none], &[]);
        check_text(value!({"eq": ""}), &[], &[sales, none]);
        check_text(value!({"contains": ""}), &[sales], &[none]);
        check_text(value!({"startsWith": " "}), &[sales], &[none]);
    }

    #[test]
    fn several_operators_must_all_hold() {
        let filter = value!({"startsWith": "s", "contains": "le", "ne": "Sales"});
        check_text(
            filter,
            &[Some("Sales East"), Some("sole")],
            &[Some("Sales"), Some("HR"), None],
        );
    }

    #[test]
    fn null_is_as_if_unsaid() {
        let filter = value!({"eq": null, "in": null, "isNull": null, "contains": null});
        check_text(filter, &[Some("Sales"), None], &[]);
        check_text(value!({}), &[Some("Sales"), None], &[]);
    }

    #[track_caller]
    fn check_list(filter: Value, expected: Vec<Term<ListCondition>>) {
        assert_eq!(parsed::<StringListFilter>(filter).terms(), expected);
    }

    #[test]
    fn each_operator_on_a_list_becomes_its_condition() {
        let set = |texts: &[&str]| texts.iter().map(|text| Folded::new(text)).collect();
        let e3 = || set(&["e3"]);
        check_list(
            value!({"has": " E3"}),
            vec![Term::is(ListCondition::HasSome(e3()))],
        );
        check_list(
            value!({"hasSome": []}),
            vec![Term::is(ListCondition::HasSome(set(&[])))],
        );
        check_list(
            value!({"hasEvery": ["E3", "e3"]}),
            vec![Term::is(ListCondition::HasEvery(e3()))],
        );
        check_list(
            value!({"hasNone": ["E3"]}),
            vec![Term::is(ListCondition::HasNone(e3()))],
        );
        check_list(
            value!({"isEmpty": true}),
            vec![Term::is(ListCondition::IsEmpty)],
        );
        check_list(
            value!({"isEmpty": false}),
            vec![Term::is_not(ListCondition::IsEmpty)],
        );
        check_list(value!({"has": null}), vec![]);
        check_list(
            value!({"has": "E3", "isEmpty": true}),
            vec![
                Term::is(ListCondition::HasSome(e3())),
                Term::is(ListCondition::IsEmpty),
            ],
        );
    }

    #[track_caller]
    fn check_number(filter: Value, expected: [bool; 3]) {
        let terms = parsed::<IntFilter>(filter.clone()).terms();
        let holds = [6, 7, 8].map(|number| terms.iter().all(|term| term.condition.holds(number)));
        assert_eq!(holds, expected, "{filter}");
    }

    #[test]
    fn bounds_of_a_number_are_exact() {
        check_number(value!({"eq": 7}), [false, true, false]);
        check_number(value!({"lt": 7}), [true, false, false]);
        check_number(value!({"lte": 7}), [true, true, false]);
        check_number(value!({"gt": 7}), [false, false, true]);
        check_number(value!({"gte": 7}), [false, true, true]);
        check_number(value!({"gte": 7, "lt": 8}), [false, true, false]);
        check_number(value!({"eq": 7, "gt": 7}), [false, false, false]);
        check_number(value!({}), [true, true, true]);
        check_number(value!({"gt": 2147483647}), [false, false, false]);
    }
}

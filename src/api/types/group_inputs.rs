//! What is asked of groups.

use async_graphql::InputObject;

use super::filter_inputs::{IdFilter, StringFilter};
use super::nesting::{Branches, FilterInput, add};
use crate::api::error::Error;
use crate::domain::group_filter::GroupFilter;

/// A condition on groups. Every field that is said must hold; `{}` and null hold for every group.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "GroupFilter")]
pub(crate) struct GroupFilterInput {
    /// Every one of these must hold; an empty list holds for every group. `and`, `or` and `not` nest at
    /// most 5 deep.
    and: Option<Vec<GroupFilterInput>>,
    /// One of these must hold; an empty list holds for no group.
    or: Option<Vec<GroupFilterInput>>,
    /// This must not hold.
    not: Option<Box<GroupFilterInput>>,
    /// On the tenant, by its `id`.
    tenant: Option<IdFilter>,
    /// On `displayName`.
    display_name: Option<StringFilter>,
    /// Whether the group assigns any license.
    assigns_licenses: Option<bool>,
}

impl FilterInput for GroupFilterInput {
    type Parsed = GroupFilter;

    fn conditions(self) -> Result<(Vec<GroupFilter>, Branches<Self>), Error> {
        let mut conditions = Vec::new();
        let tenants = self.tenant.unwrap_or_default().tenant_terms()?;
        add(&mut conditions, tenants, |keys| {
            GroupFilter::Tenant(keys.into_iter().collect())
        });
        let names = self.display_name.unwrap_or_default().terms();
        add(&mut conditions, names, GroupFilter::DisplayName);
        conditions.extend(self.assigns_licenses.map(GroupFilter::AssignsLicenses));

        let branches = Branches {
            and: self.and,
            or: self.or,
            not: self.not,
        };
        Ok((conditions, branches))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType, Value, value};

    use super::*;
    use crate::domain::filter::TextCondition;
    use crate::domain::text::Folded;

    #[track_caller]
    fn check(input: Value, expected: GroupFilter) {
        let input = GroupFilterInput::parse(Some(input));
        let input = input.unwrap_or_else(|_| panic!("the input is well-formed"));
        assert_eq!(FilterInput::into_filter(input).unwrap(), expected);
    }

    #[test]
    fn every_field_asks_for_its_own_property() {
        let sales = || GroupFilter::DisplayName(TextCondition::In([Folded::new("sales")].into()));
        let not = |filter| GroupFilter::Not(Box::new(filter));
        check(value!({"displayName": {"eq": "Sales"}}), sales());
        check(value!({"displayName": {"ne": "Sales"}}), not(sales()));
        check(
            value!({"assignsLicenses": false}),
            GroupFilter::AssignsLicenses(false),
        );
        check(value!({"tenant": {"in": []}}), GroupFilter::Tenant(vec![]));
        check(
            value!({"or": [{"displayName": {"eq": "Sales"}}], "assignsLicenses": true}),
            GroupFilter::And(vec![
                GroupFilter::AssignsLicenses(true),
                GroupFilter::Or(vec![sales()]),
            ]),
        );
        check(value!({}), GroupFilter::And(vec![]));
    }
}

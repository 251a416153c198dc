//! What is asked of licenses.

use async_graphql::InputObject;

use super::filter_inputs::{
    IdFilter, IntFilter, LicenseClassFilter, NameSourceFilter, StringFilter,
};
use super::nesting::{Branches, FilterInput, add};
use crate::api::error::Error;
use crate::domain::license_filter::LicenseFilter;

/// A condition on licenses. Every field that is said must hold; `{}` and null hold for every license.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "LicenseFilter")]
pub(crate) struct LicenseFilterInput {
    /// Every one of these must hold; an empty list holds for every license. `and`, `or` and `not` nest
    /// at most 5 deep.
    and: Option<Vec<LicenseFilterInput>>,
    /// One of these must hold; an empty list holds for no license.
    or: Option<Vec<LicenseFilterInput>>,
    /// This must not hold.
    not: Option<Box<LicenseFilterInput>>,
    /// On the tenant, by its `id`.
    tenant: Option<IdFilter>,
    /// On `name`, such as "Microsoft 365 E3".
    name: Option<StringFilter>,
    /// On `value`, Microsoft's part number, such as `SPE_E3`.
    value: Option<StringFilter>,
    /// On `class`: what it is to whoever pays.
    class: Option<LicenseClassFilter>,
    /// On `seats.available`: how many seats could still be given out.
    available: Option<IntFilter>,
    /// On `nameSource`: who named it.
    name_source: Option<NameSourceFilter>,
}

impl FilterInput for LicenseFilterInput {
    type Parsed = LicenseFilter;

    fn conditions(self) -> Result<(Vec<LicenseFilter>, Branches<Self>), Error> {
        let mut conditions = Vec::new();
        let tenants = self.tenant.unwrap_or_default().tenant_terms()?;
        add(&mut conditions, tenants, |keys| {
            LicenseFilter::Tenant(keys.into_iter().collect())
        });
        let names = self.name.unwrap_or_default().terms();
        add(&mut conditions, names, LicenseFilter::Name);
        let values = self.value.unwrap_or_default().terms();
        add(&mut conditions, values, LicenseFilter::Value);
        let classes = self.class.unwrap_or_default().terms();
        add(&mut conditions, classes, LicenseFilter::Class);
        let available = self.available.unwrap_or_default().terms();
        add(&mut conditions, available, LicenseFilter::Available);
        let sources = self.name_source.unwrap_or_default().terms();
        add(&mut conditions, sources, LicenseFilter::NameSource);

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
    use crate::domain::catalog::NameSource;
    use crate::domain::filter::TextCondition;
    use crate::domain::license_class::LicenseClass;
    use crate::domain::license_filter::NumberCondition;
    use crate::domain::text::Folded;

    #[track_caller]
    fn check(input: Value, expected: LicenseFilter) {
        let input = LicenseFilterInput::parse(Some(input));
        let input = input.unwrap_or_else(|_| panic!("the input is well-formed"));
        assert_eq!(FilterInput::into_filter(input).unwrap(), expected);
    }

    #[test]
    fn every_field_asks_for_its_own_property() {
        let e3 = || TextCondition::In([Folded::new("e3")].into());
        check(value!({"name": {"eq": "E3"}}), LicenseFilter::Name(e3()));
        check(value!({"value": {"eq": "E3"}}), LicenseFilter::Value(e3()));
        let negative = NumberCondition {
            from: None,
            to: Some(-1),
        };
        check(
            value!({"available": {"lt": 0}}),
            LicenseFilter::Available(negative),
        );
        let named = |source| LicenseFilter::NameSource(vec![source]);
        check(
            value!({"nameSource": {"eq": "OPERATOR"}}),
            named(NameSource::Operator),
        );
        check(
            value!({"nameSource": {"in": ["PART_NUMBER"]}}),
            named(NameSource::PartNumber),
        );
        check(
            value!({"nameSource": {"in": []}}),
            LicenseFilter::NameSource(vec![]),
        );
        check(
            value!({"tenant": {"in": []}}),
            LicenseFilter::Tenant(vec![]),
        );
        check(
            value!({"not": {"name": {"ne": "E3"}}}),
            LicenseFilter::Not(Box::new(LicenseFilter::Not(Box::new(LicenseFilter::Name(
                e3(),
            ))))),
        );
        let classed = |classes: &[LicenseClass]| LicenseFilter::Class(classes.to_vec());
        check(
            value!({"class": {"in": ["PAID", "ADDON"]}}),
            classed(&[LicenseClass::Paid, LicenseClass::Addon]),
        );
        check(
            value!({"class": {"ne": "FREE"}}),
            LicenseFilter::Not(Box::new(classed(&[LicenseClass::Free]))),
        );
        check(value!({}), LicenseFilter::And(vec![]));
    }
}

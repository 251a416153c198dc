//! What is asked of changes.

use std::collections::BTreeSet;

use async_graphql::{ID, InputObject};

use super::change::ChangeKind;
use super::filter_inputs::{IdFilter, OfTenants};
use super::nesting::Term;
use super::reading::Reading;
use super::usage::checked_range;
use crate::api::error::Error;
use crate::api::ids;
use crate::api::scalars::Date;
use crate::domain::user_change::{Among, UserChangeFilter};

/// A condition on changes. Every field that is said must hold; `{}` and null hold for every change.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct ChangeFilter {
    /// On `kind`.
    kind: Option<ChangeKindFilter>,
    /// On the license that was assigned or removed, by its `id`. A change of something else is equal to no
    /// license.
    license: Option<IdFilter>,
    /// On the user, by its `id`: also of one who is gone.
    user: Option<IdFilter>,
}

/// A condition on kinds of changes. Every operator that is said must hold; `{}` and null hold for
/// everything.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct ChangeKindFilter {
    /// Is this one.
    eq: Option<ChangeKind>,
    /// Is one of these; an empty list holds for nothing.
    #[graphql(name = "in")]
    is_in: Option<Vec<ChangeKind>>,
}

/// Which changes are wanted.
pub(crate) struct ChangeArguments {
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) tenant: Option<ID>,
    pub(crate) filter: Option<ChangeFilter>,
}

impl ChangeArguments {
    pub(crate) fn parse(self, reading: &Reading) -> Result<UserChangeFilter, Error> {
        let (from, to) = checked_range(self.from, self.to)?;
        for (name, day) in [("from", from), ("to", to)] {
            check_past(name, day, reading.today())?;
        }
        let tenant = self.tenant.as_ref().map(ids::tenant).transpose()?;
        if let Some(key) = &tenant
            && !reading.tenant_keys().any(|own| own == key)
        {
            return Err(Error::not_found("tenant"));
        }
        let filter = self.filter.unwrap_or_default();
        let licenses = filter.license.unwrap_or_default().license_terms()?;
        let users = filter.user.unwrap_or_default().user_terms()?;
        Ok(UserChangeFilter {
            tenant,
            from,
            to,
            kinds: filter.kind.and_then(ChangeKindFilter::kinds),
            licenses: licenses.into_iter().map(among).collect(),
            users: users.into_iter().map(among).collect(),
        })
    }
}

/// Somewhere on earth it may be tomorrow already.
fn check_past(name: &str, day: jiff::civil::Date, today: jiff::civil::Date) -> Result<(), Error> {
    let latest = today.tomorrow().unwrap_or(today);
    if day <= latest {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "`{name}` is {day}, which is still to come: today is {today} in UTC. Ask for days that were."
    )))
}

fn among<T>(term: Term<OfTenants<T>>) -> Among<T> {
    Among {
        of_tenants: term.condition,
        is_negated: term.is_negated,
    }
}

impl ChangeKindFilter {
    fn kinds(self) -> Option<BTreeSet<crate::domain::user_change::UserChangeKind>> {
        let eq = self.eq.map(|kind| vec![kind]);
        let sets = [eq, self.is_in].into_iter().flatten();
        let mut sets = sets.map(|kinds| kinds.into_iter().map(Into::into).collect::<BTreeSet<_>>());
        let first = sets.next()?;
        Some(sets.fold(first, |both, other| {
            both.intersection(&other).copied().collect()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Code;
    use crate::domain::user_change::UserChangeKind;

    #[track_caller]
    fn check(day: &str, refusal: Option<&str>) {
        let today = "2026-11-23".parse().unwrap();
        let refused = check_past("to", day.parse().unwrap(), today).err();
        assert!(refused.iter().all(|error| error.code == Code::BadInput));
        assert_eq!(refused.map(|error| error.message).as_deref(), refusal);
    }

    #[test]
    fn a_day_that_is_still_to_come_everywhere_is_refused() {
        check("2026-11-23", None);
        check("2026-11-24", None);
        check(
            "2026-11-25",
            Some(
                "`to` is 2026-11-25, which is still to come: today is 2026-11-23 in UTC. Ask for days that were.",
            ),
        );
    }

    #[test]
    fn every_operator_on_kinds_must_hold() {
        let kinds = |eq, is_in: Option<&[ChangeKind]>| {
            let is_in = is_in.map(<[_]>::to_vec);
            ChangeKindFilter { eq, is_in }.kinds()
        };
        let both = [ChangeKind::Left, ChangeKind::Joined];
        assert_eq!(kinds(None, None), None);
        assert_eq!(kinds(None, Some(&[])), Some(BTreeSet::new()));
        assert_eq!(
            kinds(Some(ChangeKind::Left), Some(&both)),
            Some([UserChangeKind::Left].into())
        );
        assert_eq!(
            kinds(Some(ChangeKind::LicenseAssigned), Some(&both)),
            Some(BTreeSet::new())
        );
    }
}

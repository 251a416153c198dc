//! `and`, `or` and `not` of every filter: how deep they nest and how much one filter may ask.

use crate::api::error::Error;
use crate::domain::filter::{NESTING_MAX, UserFilter};
use crate::domain::finding_filter::FindingFilter;
use crate::domain::group_filter::GroupFilter;
use crate::domain::license_filter::LicenseFilter;

/// The most conditions of one filter. Each may look through every text of a property, and nothing can
/// interrupt that; a filter panel sends a dozen.
const CONDITIONS_MAX: usize = 200;

/// A filter as the domain knows it.
pub(crate) trait Condition: Sized {
    /// Every one must hold.
    fn all(parts: Vec<Self>) -> Self;
    /// One must hold.
    fn any(parts: Vec<Self>) -> Self;
    /// Must not hold.
    fn negated(self) -> Self;
}

impl Condition for UserFilter {
    fn all(parts: Vec<Self>) -> Self {
        Self::And(parts)
    }
    fn any(parts: Vec<Self>) -> Self {
        Self::Or(parts)
    }
    fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl Condition for LicenseFilter {
    fn all(parts: Vec<Self>) -> Self {
        Self::And(parts)
    }
    fn any(parts: Vec<Self>) -> Self {
        Self::Or(parts)
    }
    fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl Condition for GroupFilter {
    fn all(parts: Vec<Self>) -> Self {
        Self::And(parts)
    }
    fn any(parts: Vec<Self>) -> Self {
        Self::Or(parts)
    }
    fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl Condition for FindingFilter {
    fn all(parts: Vec<Self>) -> Self {
        Self::And(parts)
    }
    fn any(parts: Vec<Self>) -> Self {
        Self::Or(parts)
    }
    fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// A condition on one property, or its opposite. The opposite holds for absent values too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term<C> {
    pub(crate) condition: C,
    pub(crate) is_negated: bool,
}

impl<C> Term<C> {
    pub(crate) fn is(condition: C) -> Self {
        Self {
            condition,
            is_negated: false,
        }
    }

    pub(crate) fn is_not(condition: C) -> Self {
        Self {
            condition,
            is_negated: true,
        }
    }

    /// The condition if `holds`, else its opposite.
    pub(crate) fn is_if(holds: bool, condition: C) -> Self {
        Self {
            condition,
            is_negated: !holds,
        }
    }
}

/// Adds the terms on one property to the conditions of a filter.
pub(crate) fn add<C, F: Condition>(
    conditions: &mut Vec<F>,
    terms: impl IntoIterator<Item = Term<C>>,
    of: impl Fn(C) -> F,
) {
    conditions.extend(terms.into_iter().map(|term| {
        let condition = of(term.condition);
        if term.is_negated {
            condition.negated()
        } else {
            condition
        }
    }));
}

/// An input with `and`, `or` and `not`.
pub(crate) trait FilterInput: Sized {
    type Parsed: Condition;

    /// Splits off the nested filters and parses the rest.
    fn conditions(self) -> Result<(Vec<Self::Parsed>, Branches<Self>), Error>;

    /// Checks the whole filter.
    fn into_filter(self) -> Result<Self::Parsed, Error> {
        parse_at(self, 0, &mut 0)
    }
}

/// The nested filters of one level.
#[derive(Debug)]
pub(crate) struct Branches<I> {
    pub(crate) and: Option<Vec<I>>,
    pub(crate) or: Option<Vec<I>>,
    pub(crate) not: Option<Box<I>>,
}

fn parse_at<I: FilterInput>(input: I, depth: usize, count: &mut usize) -> Result<I::Parsed, Error> {
    if depth > NESTING_MAX {
        return Err(Error::bad_input(format!(
            "`and`, `or` and `not` of a filter nest at most {NESTING_MAX} deep."
        )));
    }
    let (mut parts, branches) = input.conditions()?;
    *count += 1 + parts.len();
    if *count > CONDITIONS_MAX {
        return Err(Error::limit_exceeded(format!(
            "A filter has at most {CONDITIONS_MAX} conditions; `in` and `hasSome` take many values in one."
        )));
    }
    let mut parse_all = |inputs: Vec<I>| -> Result<Vec<I::Parsed>, Error> {
        let parsed = inputs
            .into_iter()
            .map(|input| parse_at(input, depth + 1, count));
        parsed.collect()
    };
    if let Some(all) = branches.and {
        parts.extend(parse_all(all)?);
    }
    if let Some(any) = branches.or {
        parts.push(I::Parsed::any(parse_all(any)?));
    }
    if let Some(not) = branches.not {
        let mut parsed = parse_all(vec![*not])?;
        parts.extend(parsed.pop().map(Condition::negated));
    }
    Ok(if parts.len() == 1 {
        parts.swap_remove(0)
    } else {
        I::Parsed::all(parts)
    })
}

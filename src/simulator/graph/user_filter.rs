//! `$filter` of users: what the directory answers and what it refuses.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::error::GraphError;
use crate::simulator::organization::View;
use crate::simulator::organization::creation::CreationOrder;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::person::creation_of;
use crate::simulator::organization::user_id;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Clause {
    /// `createdDateTime`, seconds since 1970, included.
    CreatedFrom(i64),
    CreatedUntil(i64),
    CreatedUnknown,
    UserType(Option<String>),
    Enabled(bool),
    Ids(BTreeSet<Uuid>),
    NameStarts(String),
    SucceededFrom(i64),
    AttemptedFrom(i64),
}

/// All conditions; an account has to meet each.
#[derive(Debug, Clone, Default)]
pub(super) struct UserFilter {
    clauses: Vec<Clause>,
}

/// A word of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// A literal in quotes.
    Text(String),
    Open,
    Close,
    Comma,
}

/// Who is next, in the order that suits a filter.
type Accounts<'v> = Box<dyn Iterator<Item = u64> + 'v>;

impl UserFilter {
    /// Reads a filter; conditions on null need the header and count of advanced queries.
    pub(super) fn parse(text: &str, is_advanced: bool) -> Result<Self, GraphError> {
        let tokens = tokens(text).ok_or_else(|| invalid(text))?;
        let mut clauses = Vec::new();
        let mut rest = tokens.as_slice();
        loop {
            let (clause, after) = clause(rest, is_advanced)?;
            clauses.push(clause);
            rest = match after {
                [] => break,
                [Token::Word(and), after @ ..] if and == "and" => after,
                _ => return Err(unsupported(text)),
            };
        }
        let filter = Self { clauses };
        if filter.is_about_sign_ins() && filter.clauses.len() > 1 {
            return Err(GraphError::unsupported(
                "Filtering by signInActivity is not supported with other filterable properties.",
            ));
        }
        Ok(filter)
    }

    /// Whether it asks for `signInActivity`.
    pub(super) fn is_about_sign_ins(&self) -> bool {
        self.signed_in_from().is_some()
    }

    /// The instant from which on sign-ins are asked for.
    fn signed_in_from(&self) -> Option<i64> {
        self.clauses.iter().find_map(|clause| match clause {
            Clause::SucceededFrom(at) | Clause::AttemptedFrom(at) => Some(*at),
            _ => None,
        })
    }

    /// Who meets the conditions, from where a page begins. Those removed for a while show only where
    /// sign-ins are asked for: their log outlives them.
    pub(super) fn accounts<'v>(&'v self, view: &'v View, from: u64, now: i64) -> Accounts<'v> {
        let candidates = self.candidates(view, from, now);
        if self.is_about_sign_ins() {
            return Box::new(candidates.filter(move |&index| {
                view.person_or_remains(index)
                    .is_some_and(|person| self.is_met(view, &person, now))
            }));
        }
        let there = candidates.filter(|&index| view.is_there(index));
        if !self.needs_person() {
            return Box::new(there);
        }
        Box::new(there.filter(move |&index| {
            view.person(index)
                .is_some_and(|person| self.is_met(view, &person, now))
        }))
    }

    /// How many meet the conditions.
    pub(super) fn count(&self, view: &View, now: i64) -> u64 {
        if self.clauses.is_empty() {
            return view.count();
        }
        if let Some((order, span)) = self.span(view)
            && !self.needs_person()
        {
            let gone = view.removed_count(|index| {
                let at = creation_of(view.organization().seed, index).known;
                at.is_some_and(|at| span.contains(&order.place_of(at, index)))
            });
            return (span.len() as u64).saturating_sub(gone);
        }
        self.accounts(view, 0, now).count() as u64
    }

    /// What a link remembers of the account with which the next page begins; 0 is the beginning.
    pub(super) fn cursor(&self, index: u64) -> u64 {
        if self.is_by_creation() {
            index + 1
        } else {
            index
        }
    }

    fn candidates<'v>(&'v self, view: &'v View, from: u64, now: i64) -> Accounts<'v> {
        let signed_in = self.signed_in_from();
        if let Some(few) = signed_in.and_then(|at| view.signed_in_from(at, now, from)) {
            return Box::new(few);
        }
        if let Some(ids) = self.ids() {
            let seed = view.organization().seed;
            return Box::new(
                (from..view.end()).filter(move |&index| ids.contains(&user_id(seed, index))),
            );
        }
        if self.clauses.contains(&Clause::CreatedUnknown) {
            let order = view.creation_order();
            let start = order.undated().partition_point(|&index| index < from);
            let places = start..order.undated().len();
            return Box::new(places.filter_map(move |at| order.undated().get(at).copied()));
        }
        if let Some((order, mut span)) = self.span(view) {
            if let Some(index) = from.checked_sub(1) {
                let at = creation_of(view.organization().seed, index).known;
                let place = at.map_or(span.end, |at| order.place_of(at, index));
                span.start = place.clamp(span.start, span.end);
            }
            return Box::new(span.filter_map(move |place| order.at(place)));
        }
        Box::new(from..view.end())
    }

    fn span(&self, view: &View) -> Option<(Arc<CreationOrder>, std::ops::Range<usize>)> {
        if !self.is_by_creation() {
            return None;
        }
        let (mut from, mut until) = (i64::MIN, i64::MAX);
        for clause in &self.clauses {
            match *clause {
                Clause::CreatedFrom(at) => from = from.max(at),
                Clause::CreatedUntil(at) => until = until.min(at),
                _ => {}
            }
        }
        let order = view.creation_order();
        let span = order.between(from, until);
        Some((order, span))
    }

    fn ids(&self) -> Option<&BTreeSet<Uuid>> {
        self.clauses.iter().find_map(|clause| match clause {
            Clause::Ids(ids) => Some(ids),
            _ => None,
        })
    }

    /// Whether its accounts come in the order of `createdDateTime`.
    fn is_by_creation(&self) -> bool {
        let is_bound =
            |clause: &Clause| matches!(clause, Clause::CreatedFrom(_) | Clause::CreatedUntil(_));
        self.ids().is_none()
            && !self.clauses.contains(&Clause::CreatedUnknown)
            && self.clauses.iter().any(is_bound)
    }

    /// Whether the order of the candidates alone does not decide.
    fn needs_person(&self) -> bool {
        !self.clauses.iter().all(|clause| match clause {
            Clause::Ids(_) => self.clauses.len() == 1,
            Clause::CreatedUnknown => self.ids().is_none(),
            Clause::CreatedFrom(_) | Clause::CreatedUntil(_) => self.is_by_creation(),
            _ => false,
        })
    }

    fn is_met(&self, view: &View, person: &Person, now: i64) -> bool {
        let organization = view.organization();
        self.clauses.iter().all(|clause| match clause {
            Clause::CreatedFrom(from) => person.created_at.is_some_and(|at| at >= *from),
            Clause::CreatedUntil(until) => person.created_at.is_some_and(|at| at <= *until),
            Clause::CreatedUnknown => person.created_at.is_none(),
            Clause::UserType(wanted) => person.user_type == wanted.as_deref(),
            Clause::Enabled(wanted) => person.is_enabled == *wanted,
            Clause::Ids(ids) => ids.contains(&user_id(organization.seed, person.index)),
            Clause::NameStarts(start) => {
                let name = person.principal_name(organization).to_lowercase();
                name.starts_with(start.as_str())
            }
            Clause::SucceededFrom(from) => {
                let succeeded_at = view.sign_ins(person, now).succeeded_at;
                succeeded_at.is_some_and(|at| at >= *from)
            }
            Clause::AttemptedFrom(from) => {
                let interactive_at = view.sign_ins(person, now).interactive_at;
                interactive_at.is_some_and(|at| at >= *from)
            }
        })
    }
}

/// Reads one condition; returns what is left.
fn clause(tokens: &[Token], is_advanced: bool) -> Result<(Clause, &[Token]), GraphError> {
    match tokens {
        [
            Token::Word(function),
            Token::Open,
            Token::Word(property),
            Token::Comma,
            Token::Text(start),
            Token::Close,
            rest @ ..,
        ] if function.eq_ignore_ascii_case("startsWith") && property == "userPrincipalName" => {
            Ok((Clause::NameStarts(start.to_lowercase()), rest))
        }
        [
            Token::Word(property),
            Token::Word(operator),
            Token::Open,
            rest @ ..,
        ] if property == "id" && operator == "in" => {
            let close = rest.iter().position(|token| *token == Token::Close);
            let close = close.ok_or_else(|| invalid(property))?;
            let (list, rest) = rest.split_at(close);
            let ids: Result<BTreeSet<Uuid>, GraphError> =
                list.split(|token| *token == Token::Comma).map(id).collect();
            Ok((Clause::Ids(ids?), rest.get(1..).unwrap_or_default()))
        }
        [
            Token::Word(property),
            Token::Word(operator),
            literal,
            rest @ ..,
        ] => {
            let clause = comparison(property, operator, literal, is_advanced)?;
            Ok((clause, rest))
        }
        _ => Err(unsupported("the clause")),
    }
}

fn comparison(
    property: &str,
    operator: &str,
    literal: &Token,
    is_advanced: bool,
) -> Result<Clause, GraphError> {
    const SUCCEEDED: &str = "signInActivity/lastSuccessfulSignInDateTime";
    const ATTEMPTED: &str = "signInActivity/lastSignInDateTime";
    let is_null = *literal == Token::Word("null".to_owned());
    match (property, operator, literal) {
        ("createdDateTime" | "userType", "eq", _) if is_null && !is_advanced => {
            Err(GraphError::unsupported(format!(
                "'{property} eq null' needs the header ConsistencyLevel: eventual and $count=true."
            )))
        }
        ("createdDateTime", "eq", _) if is_null => Ok(Clause::CreatedUnknown),
        ("createdDateTime", "ge", Token::Word(at)) => Ok(Clause::CreatedFrom(earliest(at)?)),
        ("createdDateTime", "le", Token::Word(at)) => Ok(Clause::CreatedUntil(instant(at)?.0)),
        ("userType", "eq", _) if is_null => Ok(Clause::UserType(None)),
        ("userType", "eq", Token::Text(wanted)) => Ok(Clause::UserType(Some(wanted.clone()))),
        ("accountEnabled", "eq", Token::Word(wanted)) => wanted
            .parse()
            .map(Clause::Enabled)
            .map_err(|_| invalid(wanted)),
        ("id", "eq", literal) => Ok(Clause::Ids(BTreeSet::from([id(std::slice::from_ref(
            literal,
        ))?]))),
        (SUCCEEDED, "ge", Token::Word(at)) => Ok(Clause::SucceededFrom(earliest(at)?)),
        (ATTEMPTED, "ge", Token::Word(at)) => Ok(Clause::AttemptedFrom(earliest(at)?)),
        _ => Err(unsupported(property)),
    }
}

fn id(tokens: &[Token]) -> Result<Uuid, GraphError> {
    match tokens {
        [Token::Text(text)] => text.parse().map_err(|_| invalid(text)),
        _ => Err(invalid("id")),
    }
}

/// The second that an instant falls into, and whether it is later than that second's beginning.
fn instant(text: &str) -> Result<(i64, bool), GraphError> {
    let at: Timestamp = text.parse().map_err(|_| invalid(text))?;
    let second = at.as_nanosecond().div_euclid(1_000_000_000);
    let is_later = at.subsec_nanosecond() != 0;
    Ok((i64::try_from(second).unwrap_or(i64::MAX), is_later))
}

/// The first whole second that is not before an instant.
fn earliest(text: &str) -> Result<i64, GraphError> {
    let (second, is_later) = instant(text)?;
    Ok(second + i64::from(is_later))
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        match first {
            ' ' => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\'' => {
                let mut literal = String::new();
                loop {
                    match chars.next()? {
                        '\'' if chars.peek() == Some(&'\'') => {
                            chars.next();
                            literal.push('\'');
                        }
                        '\'' => break,
                        other => literal.push(other),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            _ => {
                let mut word = String::from(first);
                while let Some(next) = chars.next_if(|next| !" (),'".contains(*next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Some(tokens)
}

fn invalid(what: &str) -> GraphError {
    GraphError::new(
        400,
        "BadRequest",
        format!("Invalid filter clause: '{what}'."),
    )
}

fn unsupported(what: &str) -> GraphError {
    GraphError::unsupported(format!(
        "Unsupported or invalid query filter clause specified for '{what}'."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_or_refused() {
        let check = |text: &str, expected: Option<&[Clause]>| {
            let read = UserFilter::parse(text, true).ok();
            let read = read.map(|filter| filter.clauses);
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        let span = [
            Clause::CreatedFrom(1_577_836_800),
            Clause::CreatedUntil(1_577_836_801),
        ];
        check(
            "createdDateTime ge 2020-01-01T00:00:00Z and createdDateTime le 2020-01-01T00:00:01.5Z",
            Some(&span),
        );
        check(
            "createdDateTime ge 2020-01-01T00:00:00.1Z",
            Some(&[Clause::CreatedFrom(1_577_836_801)]),
        );
        check("createdDateTime eq null", Some(&[Clause::CreatedUnknown]));
        check("accountEnabled eq false", Some(&[Clause::Enabled(false)]));
        check(
            "userType eq 'Guest'",
            Some(&[Clause::UserType(Some("Guest".to_owned()))]),
        );
        check("userType eq null", Some(&[Clause::UserType(None)]));
        check(
            "startsWith(userPrincipalName,'O''b')",
            Some(&[Clause::NameStarts("o'b".to_owned())]),
        );
        let nil = Clause::Ids(BTreeSet::from([Uuid::nil()]));
        let id = Uuid::nil();
        check(&format!("id eq '{id}'"), Some(std::slice::from_ref(&nil)));
        check(&format!("id in ('{id}', '{id}')"), Some(&[nil]));
        check("id in ()", None);
        check("id eq 'x'", None);
        check("id ge 'x'", None);
        check("createdDateTime gt 2020-01-01T00:00:00Z", None);
        check("createdDateTime ge '2020-01-01T00:00:00Z'", None);
        check("createdDateTime ge yesterday", None);
        check("userType ne 'Guest'", None);
        check("userType eq 'Guest' or accountEnabled eq true", None);
        check("startsWith(displayName,'x')", None);
        check("startsWith(userPrincipalName,'x", None);
        check("department eq 'Sales'", None);
        check("", None);
    }

    #[test]
    fn sign_ins_are_asked_for_alone_and_null_only_in_advanced_queries() {
        let check = |text: &str, is_advanced: bool, expected: bool| {
            let read = UserFilter::parse(text, is_advanced);
            assert_eq!(read.is_ok(), expected, "{text}");
            if let Err(error) = read {
                assert_eq!(error.code, "Request_UnsupportedQuery", "{text}");
            }
        };
        let sign_in = "signInActivity/lastSuccessfulSignInDateTime ge 2026-01-01T00:00:00Z";
        check(sign_in, false, true);
        check(
            &format!("{sign_in} and accountEnabled eq true"),
            true,
            false,
        );
        check(
            &format!("accountEnabled eq true and {sign_in}"),
            true,
            false,
        );
        check("createdDateTime eq null", false, false);
        check("userType eq null", false, false);
        check("userType eq null", true, true);
    }
}

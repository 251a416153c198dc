//! Filters of findings, and what they answer for all findings of a verdict at once.

use crate::domain::filter::UserFilter;
use crate::domain::finding::{Confidence, FindingKey, FindingKind, FindingState, KnownFinding};
use crate::domain::finding_filter::FindingFilter;
use crate::domain::ids::SkuId;
use crate::engine::filter::planned;
use crate::engine::index::TenantIndex;
use crate::engine::rows::Rows;
use crate::engine::users::Users;

use super::verdicts::Verdict;

/// Whether a filter holds for a verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// For no finding.
    Never,
    /// For every finding.
    Always,
    /// It depends on whose the finding is.
    Ask,
}

/// What filters ask of a finding.
pub(super) struct Outline<'a> {
    kind: FindingKind,
    state: FindingState,
    confidence: Confidence,
    sku_id: Option<SkuId>,
    whose: Whose<'a>,
}

/// Whose a finding is.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    Row(&'a Users, u32),
    /// What it is about.
    Nobodys(&'a FindingKey),
}

impl<'a> Outline<'a> {
    pub(super) fn of_verdict(verdict: &Verdict, whose: Whose<'a>) -> Self {
        Self {
            kind: verdict.kind,
            state: verdict.state,
            confidence: verdict.confidence,
            sku_id: Some(verdict.sku_id),
            whose,
        }
    }

    pub(super) fn of_known(known: &'a KnownFinding) -> Self {
        Self {
            kind: known.finding.key.kind,
            state: known.state,
            confidence: known.finding.confidence,
            sku_id: known.finding.key.sku,
            whose: Whose::Nobodys(&known.finding.key),
        }
    }

    fn is_one_of(&self, keys: &[FindingKey]) -> bool {
        match (self.whose, self.sku_id) {
            (Whose::Nobodys(key), _) => keys.binary_search(key).is_ok(),
            (Whose::Row(users, row), Some(sku_id)) => {
                let key = FindingKey::of_seat(self.kind, users.object_id(row), sku_id);
                keys.binary_search(&key).is_ok()
            }
            (Whose::Row(..), None) => false,
        }
    }
}

/// A filter, with the users of one tenant selected.
pub(super) enum Compiled {
    And(Vec<Compiled>),
    Or(Vec<Compiled>),
    Not(Box<Compiled>),
    Kinds(u32),
    States(u32),
    Confidences(u32),
    Id(Vec<FindingKey>),
    License(Vec<SkuId>),
    User(Rows),
    Always(bool),
}

impl Compiled {
    pub(super) fn new(tenant: &TenantIndex, filter: &FindingFilter) -> Self {
        let all = |parts: &[FindingFilter]| {
            let parts = parts.iter().map(|part| Self::new(tenant, part));
            parts.collect::<Vec<_>>()
        };
        match filter {
            FindingFilter::And(parts) => Self::And(all(parts)),
            FindingFilter::Or(parts) => Self::Or(all(parts)),
            FindingFilter::Not(part) => Self::Not(Box::new(Self::new(tenant, part))),
            FindingFilter::Kind(kinds) => Self::Kinds(bits(kinds.iter().map(|own| *own as u32))),
            FindingFilter::State(own) => Self::States(bits(own.iter().map(|own| *own as u32))),
            FindingFilter::Confidence(own) => {
                Self::Confidences(bits(own.iter().map(|own| *own as u32)))
            }
            FindingFilter::Tenant(keys) => Self::Always(keys.contains(tenant.key())),
            FindingFilter::Id(ids) => match ids.get(tenant.key()) {
                Some(keys) => Self::Id(keys.iter().copied().collect()),
                None => Self::Always(false),
            },
            FindingFilter::License(ids) => match ids.get(tenant.key()) {
                Some(ids) => Self::License(ids.iter().copied().collect()),
                None => Self::Always(false),
            },
            FindingFilter::User(filter) => Self::User(rows(tenant, filter)),
        }
    }

    /// Whether it holds for every finding of a verdict, or for none.
    pub(super) fn answer(&self, verdict: &Verdict) -> Answer {
        let certain = |holds| match holds {
            true => Answer::Always,
            false => Answer::Never,
        };
        let of = |numbers: u32, number: u32| certain(numbers & (1 << number) != 0);
        match self {
            Self::And(parts) => joined(parts, verdict, Answer::Never, Answer::Always),
            Self::Or(parts) => joined(parts, verdict, Answer::Always, Answer::Never),
            Self::Not(part) => match part.answer(verdict) {
                Answer::Never => Answer::Always,
                Answer::Always => Answer::Never,
                Answer::Ask => Answer::Ask,
            },
            Self::Kinds(kinds) => of(*kinds, verdict.kind as u32),
            Self::States(states) => of(*states, verdict.state as u32),
            Self::Confidences(own) => of(*own, verdict.confidence as u32),
            Self::License(ids) => certain(ids.binary_search(&verdict.sku_id).is_ok()),
            Self::Id(keys) => {
                let is_so =
                    |key: &FindingKey| key.kind == verdict.kind && key.sku == Some(verdict.sku_id);
                match keys.iter().any(is_so) {
                    true => Answer::Ask,
                    false => Answer::Never,
                }
            }
            Self::User(_) => Answer::Ask,
            Self::Always(holds) => certain(*holds),
        }
    }

    /// The rows outside of which it holds for no finding, where they are known.
    pub(super) fn rows(&self) -> Option<&Rows> {
        match self {
            Self::User(rows) => Some(rows),
            Self::And(parts) => {
                let rows = parts.iter().filter_map(Self::rows);
                rows.min_by_key(|rows| rows.count())
            }
            _ => None,
        }
    }

    pub(super) fn holds(&self, finding: &Outline<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(finding)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(finding)),
            Self::Not(part) => !part.holds(finding),
            Self::Kinds(kinds) => kinds & (1 << finding.kind as u32) != 0,
            Self::States(states) => states & (1 << finding.state as u32) != 0,
            Self::Confidences(own) => own & (1 << finding.confidence as u32) != 0,
            Self::Id(keys) => finding.is_one_of(keys),
            Self::License(ids) => finding
                .sku_id
                .is_some_and(|sku| ids.binary_search(&sku).is_ok()),
            Self::User(rows) => match finding.whose {
                Whose::Row(_, row) => rows.contains(row),
                Whose::Nobodys(_) => false,
            },
            Self::Always(holds) => *holds,
        }
    }
}

/// What several parts answer together, of which one that says `decisive` decides.
fn joined(parts: &[Compiled], verdict: &Verdict, decisive: Answer, else_: Answer) -> Answer {
    let mut together = else_;
    for part in parts {
        match part.answer(verdict) {
            answer if answer == decisive => return decisive,
            Answer::Ask => together = Answer::Ask,
            Answer::Never | Answer::Always => {}
        }
    }
    together
}

fn bits(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(0, |bits, number| bits | (1 << number))
}

fn rows(tenant: &TenantIndex, filter: &UserFilter) -> Rows {
    Rows::new(tenant.users(), &planned(tenant, filter, &[]), &|| true)
}

//! Licenses that a user's other licenses make superfluous.

use std::cmp::Reverse;

use crate::domain::containment::Offer;
use crate::domain::finding::{Confidence, Rule, Said};
use crate::domain::license_class::LicenseClass;
use crate::domain::money::Money;

use super::ground::BundleGround;
use super::verdicts::{Frees, Seat, SeatSet, Verdicts, concluded};

/// R08, R09 and R10. What overlaps does not depend on what anybody does: only whether a finding carries
/// the saving does.
pub(super) fn judge(verdicts: &mut Verdicts<'_>) {
    // Nearly everybody who holds one seat only is done here.
    if verdicts.user.held.len() < 2 {
        return;
    }
    let overlaps = Overlaps::find(verdicts);
    verdicts.dropped = overlaps.dropped;
    if !overlaps.dropped.is_empty() {
        overlaps.tell(verdicts);
    }
    for bundle in &verdicts.ground.bundles {
        consolidate(verdicts, bundle);
    }
}

/// The seats of a user that others make superfluous.
struct Overlaps<'a> {
    seats: Vec<Seat<'a>>,
    dropped: SeatSet,
}

impl<'a> Overlaps<'a> {
    fn find(verdicts: &Verdicts<'a>) -> Self {
        let mut own = Self {
            seats: verdicts.assignments().filter(gives_lastingly).collect(),
            dropped: SeatSet::default(),
        };
        for seat in own.seats.iter().filter(|seat| seat.license.is_paid) {
            let mut others = own.seats.iter();
            let is_superfluous = others.any(|other| {
                may_rely_on(verdicts, seat, other) && is_made_superfluous(seat, other)
            });
            if is_superfluous {
                own.dropped.insert(seat.place);
            }
        }
        if own.seats.len() > 2 {
            own.find_unions(verdicts);
        }
        own
    }

    /// Of what is left, the dearest goes first.
    fn find_unions(&mut self, verdicts: &Verdicts<'a>) {
        let mut rest: Vec<Seat<'a>> = self.kept().filter(|seat| seat.license.is_paid).collect();
        rest.sort_by_key(|seat| Reverse(seat.license.keep_rank));
        for seat in rest {
            let others = self.others(verdicts, &seat);
            if others.len() > 1 && seat.grant.offer.is_within_all(offers(&others)) {
                self.dropped.insert(seat.place);
            }
        }
    }

    fn kept(&self) -> impl Iterator<Item = Seat<'a>> {
        let kept = self.seats.iter().copied();
        kept.filter(|seat| !self.dropped.has(seat.place))
    }

    /// The seats that stay, and that another one may rely on; the dearest first.
    fn others(&self, verdicts: &Verdicts<'_>, seat: &Seat<'_>) -> Vec<Seat<'a>> {
        let others = self.kept();
        let mut others: Vec<Seat<'a>> = others
            .filter(|other| may_rely_on(verdicts, seat, other))
            .collect();
        others.sort_by_key(|other| Reverse(other.license.keep_rank));
        others
    }

    fn tell(&self, verdicts: &mut Verdicts<'_>) {
        let dropped = self.seats.iter();
        for seat in dropped.filter(|seat| self.dropped.has(seat.place)) {
            let others = self.others(verdicts, seat);
            let staying = others.iter().copied();
            let staying: Vec<Seat<'_>> = staying
                .filter(|other| !verdicts.spoken_for.has(other.place))
                .collect();
            // What gives it all may go itself, since nobody uses it: then not both are saved.
            let (others, frees) = match seat.grant.offer.is_within_all(offers(&staying)) {
                true => (staying, Frees::Seat),
                false => (others, Frees::Nothing),
            };
            let (rule, givers) = givers(seat, others);
            let skus = givers.iter().map(|giver| giver.license.license.sku_id);
            let facts = skus.map(|sku| concluded(Said::GivenBy(sku))).collect();
            verdicts.add(*seat, rule, Confidence::High, frees, facts);
        }
    }
}

/// The fewest of some seats that give everything that one gives, and the rule by which they do: one alone
/// where there is one. What gave it all may itself be superfluous for several others.
fn givers<'a>(seat: &Seat<'_>, mut others: Vec<Seat<'a>>) -> (Rule, Vec<Seat<'a>>) {
    let gives_all = |other: &Seat<'_>| seat.grant.offer.is_within(&other.grant.offer);
    let rule = match others.iter().any(gives_all) {
        true => Rule::Overlap,
        false => Rule::UnionOverlap,
    };
    if rule == Rule::Overlap {
        others.retain(gives_all);
    }
    let all: Vec<&Offer> = offers(&others).collect();
    let cover = seat.grant.offer.cover(&all).unwrap_or_default();
    let givers = cover.into_iter().filter_map(|place| others.get(place));
    (rule, givers.copied().collect())
}

fn offers<'a>(seats: &'a [Seat<'_>]) -> impl Iterator<Item = &'a Offer> + Clone {
    seats.iter().map(|seat| &seat.grant.offer)
}

/// Whether a license gives something that stays: a trial takes it away again.
fn gives_lastingly(seat: &Seat<'_>) -> bool {
    seat.grant.state.holds_seat()
        && !seat.grant.offer.is_empty()
        && seat.license.class != LicenseClass::Trial
}

/// Whether a seat may go because of another one: not because of one that goes itself whatever happens.
fn may_rely_on(verdicts: &Verdicts<'_>, seat: &Seat<'_>, other: &Seat<'_>) -> bool {
    let going = verdicts.going_anyway;
    seat.place != other.place && (!going.has(other.place) || going.has(seat.place))
}

/// Whether another seat gives everything that this one gives, and more, or is kept of the two.
fn is_made_superfluous(seat: &Seat<'_>, other: &Seat<'_>) -> bool {
    let (own, others) = (&seat.grant.offer, &other.grant.offer);
    own.is_within(others) && (!others.is_within(own) || is_kept_before(other, seat))
}

/// Of two seats that give the same: what nobody pays for stays, then what costs less.
fn is_kept_before(one: &Seat<'_>, other: &Seat<'_>) -> bool {
    let order = |seat: &Seat<'_>| (seat.license.is_paid, seat.license.keep_rank);
    order(one) < order(other)
}

/// R10: the parts of a bundle, all held and none superfluous, that cost more than it does.
fn consolidate(verdicts: &mut Verdicts<'_>, bundle: &BundleGround) {
    let Some(mut parts) = parts(verdicts, bundle) else {
        return;
    };
    let nothing = Money::zero(bundle.rate.currency());
    let mut prices = parts.iter().map(|(_, price)| *price);
    let sum = prices.try_fold(nothing, Money::plus);
    let less = sum.and_then(|sum| sum.minus(bundle.rate.monthly()));
    let Some(mut left) = less.filter(|less| less.is_positive()) else {
        return;
    };
    // Of people who use nothing, the parts go anyway.
    let is_spoken_for = |(seat, _): &(Seat<'_>, Money)| verdicts.spoken_for.has(seat.place);
    let saves = !parts.iter().any(is_spoken_for);
    // The saving is told with the parts, the dearest first, and with none more than it costs.
    parts.sort_by_key(|(seat, _)| Reverse(seat.license.keep_rank));
    for (seat, price) in parts {
        let saved = if left > price { price } else { left };
        left = left.minus(saved).unwrap_or(left);
        let frees = match saves {
            true => Frees::Some(saved),
            false => Frees::Nothing,
        };
        let facts = vec![concluded(Said::PartOf(bundle.whole))];
        verdicts.add(seat, Rule::Consolidate, Confidence::Medium, frees, facts);
    }
}

/// The seats of a bundle's parts with their prices; `None` where one is missing, goes anyway or has no
/// price, or where the whole is held already.
fn parts<'a>(verdicts: &Verdicts<'a>, bundle: &BundleGround) -> Option<Vec<(Seat<'a>, Money)>> {
    let is_whole = |seat: Seat<'_>| seat.license.license.sku_id == bundle.whole;
    let is_needed = |seat: &Seat<'_>| {
        !verdicts.going_anyway.has(seat.place) && !verdicts.dropped.has(seat.place)
    };
    let part = |place: &usize| {
        let mut seats = verdicts.paid_seats().filter(is_needed);
        let seat = seats.find(|seat| seat.grant.license == *place)?;
        Some((seat, seat.license.rate?.monthly()))
    };
    match verdicts.assignments().any(is_whole) {
        true => None,
        false => bundle.parts.iter().map(part).collect(),
    }
}

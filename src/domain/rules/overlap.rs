//! Licenses that a user's other licenses make superfluous.

use crate::domain::containment::Offer;
use crate::domain::finding::{Confidence, Fact, Rule, Said};
use crate::domain::license_class::LicenseClass;
use crate::domain::money::Money;

use super::ground::BundleGround;
use super::verdicts::{Frees, Seat, Verdicts, concluded};

/// R08, R09 and R10.
pub(super) fn judge(verdicts: &mut Verdicts<'_>) {
    // Nearly everybody who holds one seat only is done here.
    if verdicts.user.held.len() < 2 {
        return;
    }
    let overlaps = Overlaps::find(verdicts);
    if overlaps.dropped != 0 {
        overlaps.tell(verdicts);
    }
    for bundle in &verdicts.ground.bundles {
        consolidate(verdicts, bundle);
    }
}

/// The seats of a user that others make superfluous.
struct Overlaps<'a> {
    seats: Vec<Seat<'a>>,
    /// A bit for each seat, by its place among those of the user.
    dropped: u64,
}

impl<'a> Overlaps<'a> {
    fn find(verdicts: &Verdicts<'a>) -> Self {
        let mut own = Self {
            seats: verdicts.assignments().filter(gives_lastingly).collect(),
            dropped: 0,
        };
        let is_within_one = |seat: &Seat<'_>| {
            let mut others = own.seats.iter();
            others.any(|other| may_rely_on(verdicts, seat, other) && is_made_superfluous(seat, other))
        };
        let within_one = own.seats.iter().filter(|seat| seat.license.is_paid);
        own.dropped = within_one
            .filter(|seat| is_within_one(seat))
            .fold(0, |dropped, seat| dropped | 1 << seat.place);
        // Of the rest, the dearest goes first.
        let mut rest: Vec<Seat<'a>> = match own.seats.len() {
            ..3 => Vec::new(),
            _ => own.kept().filter(|seat| seat.license.is_paid).collect(),
        };
        rest.sort_by_key(|seat| std::cmp::Reverse(seat.license.keep_rank));
        for seat in rest {
            let others = own.others(verdicts, &seat);
            if others.len() > 1 && seat.grant.offer.is_within_all(offers(&others)) {
                own.dropped |= 1 << seat.place;
            }
        }
        own
    }

    fn kept(&self) -> impl Iterator<Item = Seat<'a>> {
        let kept = self.seats.iter().copied();
        kept.filter(|seat| self.dropped & (1 << seat.place) == 0)
    }

    /// The seats that stay, and that another one may rely on; the dearest first.
    fn others(&self, verdicts: &Verdicts<'_>, seat: &Seat<'_>) -> Vec<Seat<'a>> {
        let others = self.kept();
        let mut others: Vec<Seat<'a>> = others
            .filter(|other| may_rely_on(verdicts, seat, other))
            .collect();
        others.sort_by_key(|other| std::cmp::Reverse(other.license.keep_rank));
        others
    }

    fn tell(&self, verdicts: &mut Verdicts<'_>) {
        let dropped = self.seats.iter();
        for seat in dropped.filter(|seat| self.dropped & (1 << seat.place) != 0) {
            let mut others = self.others(verdicts, seat);
            let is_giver = |other: &Seat<'_>| seat.grant.offer.is_within(&other.grant.offer);
            // What gave it all may itself be dropped for several others.
            let rule = match others.iter().any(is_giver) {
                true => Rule::Overlap,
                false => Rule::UnionOverlap,
            };
            if rule == Rule::Overlap {
                others.retain(is_giver);
            }
            let offers: Vec<&Offer> = others.iter().map(|other| &other.grant.offer).collect();
            let cover = seat.grant.offer.cover(&offers).unwrap_or_default();
            let givers = cover.into_iter().filter_map(|place| others.get(place));
            let skus = givers.map(|giver| giver.license.license.sku_id);
            let facts: Vec<Fact> = skus.map(|sku| concluded(Said::GivenBy(sku))).collect();
            verdicts.add(*seat, rule, Confidence::High, Frees::Seat, facts);
        }
    }
}

fn offers<'a>(seats: &'a [Seat<'a>]) -> impl Iterator<Item = &'a Offer> + Clone {
    seats.iter().map(|seat| &seat.grant.offer)
}

/// Whether a license gives something that stays: a trial takes it away again.
fn gives_lastingly(seat: &Seat<'_>) -> bool {
    seat.grant.state.holds_seat()
        && !seat.grant.offer.is_empty()
        && seat.license.class != LicenseClass::Trial
}

/// Whether a seat may go because of another one: not because of one that goes itself.
fn may_rely_on(verdicts: &Verdicts<'_>, seat: &Seat<'_>, other: &Seat<'_>) -> bool {
    seat.place != other.place
        && (!verdicts.is_spoken_for(other.place) || verdicts.is_spoken_for(seat.place))
}

/// Whether another seat gives everything that this one gives, and more, or is kept of the two.
fn is_made_superfluous(seat: &Seat<'_>, other: &Seat<'_>) -> bool {
    let (own, others) = (&seat.grant.offer, &other.grant.offer);
    own.is_within(others)
        && (!others.is_within(own) || is_kept_before(other, seat))
}

/// Of two seats that give the same: what nobody pays for stays, then what costs less.
fn is_kept_before(one: &Seat<'_>, other: &Seat<'_>) -> bool {
    let order = |seat: &Seat<'_>| (seat.license.is_paid, seat.license.keep_rank);
    order(one) < order(other)
}

/// R10: the parts of a bundle, all held and all needed, that cost more than it does.
fn consolidate(verdicts: &mut Verdicts<'_>, bundle: &BundleGround) {
    let mut parts: Vec<(Seat<'_>, Money)> = Vec::with_capacity(bundle.parts.len());
    for place in &bundle.parts {
        let mut seats = verdicts.paid_seats();
        let seat = seats.find(|seat| seat.grant.license == *place);
        let needed = seat.filter(|seat| !verdicts.is_spoken_for(seat.place));
        let Some((seat, rate)) = needed.and_then(|seat| Some((seat, seat.license.rate?))) else {
            return;
        };
        parts.push((seat, rate.monthly()));
    }
    let is_held = |seat: Seat<'_>| seat.license.license.sku_id == bundle.whole;
    let sum = parts.iter().try_fold(Money::zero(bundle.rate.currency()), |sum, (_, price)| sum.plus(*price));
    let less = sum.and_then(|sum| sum.minus(bundle.rate.monthly()));
    let Some(mut left) = less.filter(|less| less.is_positive()) else {
        return;
    };
    if verdicts.assignments().any(is_held) {
        return;
    }
    // The saving is told with the parts, the dearest first, and with none more than it costs.
    parts.sort_by_key(|(seat, _)| std::cmp::Reverse(seat.license.keep_rank));
    for (seat, price) in parts {
        let saved = if left > price { price } else { left };
        left = left.minus(saved).unwrap_or(left);
        let facts = vec![concluded(Said::PartOf(bundle.whole))];
        verdicts.add(seat, Rule::Consolidate, Confidence::Medium, Frees::Some(saved), facts);
    }
}

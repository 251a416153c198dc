//! The purchases behind the seats: one or several a product.

use uuid::Uuid;

use super::Organization;
use super::products::Product;
use super::products::Purchase;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// A purchase: Graph's `companySubscription`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) id: Uuid,
    pub(crate) commerce_id: Uuid,
    /// `status`.
    pub(crate) status: &'static str,
    /// `totalLicenses`; `None` is null: free products have no end.
    pub(crate) seats: Option<u64>,
    pub(crate) is_trial: bool,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// `nextLifecycleDateTime`, seconds since 1970; `None` is null.
    pub(crate) next_change_at: Option<i64>,
    /// The partner's tenant that sold it; `None`: bought from Microsoft.
    pub(crate) partner: Option<Uuid>,
}

/// The purchases of one product by an organization that bought seats for `bought_for` holders, as they
/// stand at `now`. Those that are not deleted sum to the product's `prepaidUnits`.
pub(crate) fn subscriptions(
    organization: &Organization,
    product: &Product,
    bought_for: u64,
    now: i64,
) -> Vec<Subscription> {
    let prepaid = product.purchase.prepaid(bought_for);
    let number = product_number(product);
    let mut made = Vec::new();
    let mut make = |status: &'static str, seats: Option<u64>| {
        let turn = made.len() as u64;
        let key = number | turn << 32;
        let created_at = 1_500_000_000
            + Draws::about(organization.seed, Stream::Subscription, key).below(250_000_000) as i64;
        let is_trial = product.purchase == Purchase::Free(100);
        made.push(Subscription {
            id: guid(organization.seed, Stream::Subscription, key),
            commerce_id: guid(organization.seed, Stream::Subscription, key | 1 << 48),
            status,
            seats,
            is_trial,
            created_at,
            next_change_at: next_change(status, is_trial, created_at, now),
            partner: (turn == 1).then(|| guid(organization.seed, Stream::Subscription, 1 << 56)),
        });
    };
    match product.purchase {
        Purchase::PerMille(_) => {
            // Most buy again when they grow; some keep what they gave up in the list.
            let more = if number.is_multiple_of(3) {
                prepaid.enabled / 3
            } else {
                0
            };
            make("Enabled", Some(prepaid.enabled - more));
            if more > 0 {
                make("Enabled", Some(more));
            }
            if number % 5 == 1 {
                make("Deleted", Some(25));
            }
        }
        Purchase::PartlyInGrace => {
            make("Enabled", Some(prepaid.enabled));
            make("Warning", Some(prepaid.warning));
        }
        Purchase::InGrace => make("Warning", Some(prepaid.warning)),
        Purchase::Suspended => make("Suspended", Some(prepaid.suspended)),
        Purchase::Free(seats) => make("Enabled", (seats < 10_000).then_some(prepaid.enabled)),
        Purchase::CompanyWide(_) => make("Enabled", Some(prepaid.enabled)),
    }
    let is_for_ever = matches!(
        product.purchase,
        Purchase::Free(10_000..) | Purchase::CompanyWide(_)
    );
    for subscription in made.iter_mut().filter(|_| is_for_ever) {
        subscription.next_change_at = None;
    }
    made
}

fn product_number(product: &Product) -> u64 {
    u64::from_str_radix(product.sku_id.get(..8).unwrap_or_default(), 16).unwrap_or(0)
}

/// When the status changes next unless somebody acts: paid ones by the year, others by the month;
/// what is over has it behind it.
fn next_change(status: &str, is_trial: bool, created_at: i64, now: i64) -> Option<i64> {
    let next = |period: i64| created_at + ((now - created_at).max(0) / period + 1) * period;
    Some(match status {
        "Enabled" if !is_trial => next(YEAR),
        "Enabled" | "Warning" => next(30 * DAY),
        _ => next(YEAR) - 2 * YEAR,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::organization::products::PRODUCTS;

    const NOW: i64 = 1_795_000_000;

    fn all(organization: &Organization) -> Vec<(&'static Product, u64, Vec<Subscription>)> {
        PRODUCTS
            .iter()
            .zip(organization.founding_use())
            .map(|(product, &used)| {
                let made = subscriptions(organization, product, used, NOW);
                (product, used, made)
            })
            .collect()
    }

    #[test]
    fn what_is_not_deleted_sums_to_the_seats_of_each_state() {
        let organization = Organization::new(3, 2000, "Contoso");
        for (product, used, made) in all(&organization) {
            let sum = |status: &str| -> u64 {
                made.iter()
                    .filter(|subscription| subscription.status == status)
                    .filter_map(|subscription| subscription.seats)
                    .sum()
            };
            if made.iter().any(|subscription| subscription.seats.is_none()) {
                continue;
            }
            let prepaid = product.purchase.prepaid(used);
            let part = product.part_number;
            assert_eq!(sum("Enabled"), prepaid.enabled, "{part}");
            assert_eq!(sum("Warning"), prepaid.warning, "{part}");
            assert_eq!(sum("Suspended"), prepaid.suspended, "{part}");
        }
    }

    #[test]
    fn there_are_several_of_one_product_trials_partners_and_every_kind_of_date() {
        let organization = Organization::new(3, 2000, "Contoso");
        let all = all(&organization);
        let made: Vec<&Subscription> = all.iter().flat_map(|(_, _, made)| made).collect();
        let count = |matches: fn(&Subscription) -> bool| {
            made.iter()
                .filter(|subscription| matches(subscription))
                .count()
        };
        assert!(all.iter().filter(|(_, _, made)| made.len() > 1).count() > 3);
        assert!(count(|s| s.status == "Deleted") > 1);
        assert_eq!(count(|s| s.is_trial), 1);
        assert!(count(|s| s.partner.is_some()) > 2);
        assert!(count(|s| s.seats.is_none()) > 1);
        assert!(count(|s| s.next_change_at.is_none()) > 1);
        assert!(count(|s| s.next_change_at.is_some_and(|at| at < NOW)) > 1);
        assert!(count(|s| s.next_change_at.is_some_and(|at| at > NOW)) > 15);
    }
}

//! What an operator would tell of the simulated organization's money. All of it is invented.
//!
//! It goes through the doors that an operator has, so nothing is shown that nobody could have told: a
//! table of prices, and the terms of one purchase after the other. The organization's own phone product
//! has no price, and some purchases no terms, as happens to everybody: what follows from them stays
//! unknown.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::domain::ids::TenantKey;
use crate::domain::subscription::Subscription;
use crate::domain::terms::{Billing, Term, Terms};
use crate::sync::{Coordinator, Refusal};

const PRICES: &str = include_str!("prices.csv");

/// What the organization signed for each product; nothing is known of those that are left out.
const SIGNED: [(&str, Term, Billing); 20] = [
    ("SPE_E3", Term::Annual, Billing::Monthly),
    ("SPE_E5", Term::Annual, Billing::Annual),
    ("SPE_F1", Term::Annual, Billing::Monthly),
    ("SPB", Term::Monthly, Billing::Monthly),
    ("ENTERPRISEPACK", Term::Annual, Billing::Annual),
    ("STANDARDPACK", Term::Annual, Billing::Monthly),
    ("EXCHANGESTANDARD", Term::Monthly, Billing::Monthly),
    ("EXCHANGEENTERPRISE", Term::Annual, Billing::Annual),
    ("POWER_BI_PRO", Term::Monthly, Billing::Monthly),
    ("EMS", Term::Annual, Billing::Monthly),
    ("AAD_PREMIUM", Term::Annual, Billing::Annual),
    ("AAD_PREMIUM_P2", Term::Annual, Billing::Annual),
    ("Microsoft_365_Copilot", Term::Annual, Billing::Annual),
    ("MCOEV", Term::Annual, Billing::Monthly),
    (
        "Microsoft_Teams_Rooms_Pro",
        Term::ThreeYears,
        Billing::Upfront,
    ),
    ("VISIOCLIENT", Term::Monthly, Billing::Monthly),
    ("PROJECTPROFESSIONAL", Term::Annual, Billing::Annual),
    ("PROJECTPREMIUM", Term::Annual, Billing::Annual),
    ("INTUNE_A", Term::Annual, Billing::Monthly),
    ("ATP_ENTERPRISE", Term::Annual, Billing::Monthly),
];

/// What was given up and is not to go on: products that others have taken the place of.
const ENDING: [&str; 2] = ["ENTERPRISEPACK", "PROJECTPREMIUM"];

/// Tells what seats cost.
pub(super) async fn tell_prices(coordinator: &Coordinator) -> Result<(), Refusal> {
    coordinator.import_prices(PRICES.to_owned()).await?;
    Ok(())
}

/// Declares the terms of the purchases, once the first sync has shown them.
pub(super) async fn declare_terms(
    coordinator: &Coordinator,
    tenant: &TenantKey,
) -> Result<(), Refusal> {
    let mut newest = coordinator.watch(tenant).ok_or(Refusal::NotFound)?;
    let is_shown = newest.wait_for(|run| run.as_ref().is_some_and(|run| run.state.is_published()));
    if is_shown.await.is_err() {
        // Nobody tells of runs any more: the demo ends.
        return Ok(());
    }
    let (world, today) = coordinator.moment();
    let purchases = world.tenant(tenant).map(|index| index.subscriptions());
    for purchase in purchases.unwrap_or_default() {
        if let Some(terms) = terms_of(purchase, today) {
            coordinator
                .declare_terms(tenant, purchase.id, terms)
                .await?;
        }
    }
    Ok(())
}

/// What was signed for a purchase that is in force. What binds for a year or longer renews on the day
/// for which Microsoft announces a change, what binds for a month on the day of the month of its
/// purchase.
fn terms_of(purchase: &Subscription, today: Date) -> Option<Terms> {
    let mut signed = SIGNED.iter();
    let (_, term, billing) = signed.find(|(own, ..)| *own == purchase.part_number)?;
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let announced = purchase.next_change_at.map(day)?;
    let renews_on = match term {
        Term::Monthly => purchase.created_at.map(day)?,
        Term::ThreeYears => announced.checked_add(1.year()).ok()?,
        Term::Annual | Term::Unknown => announced,
    };
    let is_in_force = purchase.status == "Enabled" && announced >= today;
    is_in_force.then_some(Terms {
        term: *term,
        billing: *billing,
        auto_renews: Some(!ENDING.contains(&purchase.part_number.as_str())),
        renews_on: Some(renews_on),
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{PriceId, SkuId, SubscriptionId};
    use crate::domain::prices::table;

    #[test]
    fn every_price_is_one_says_that_it_is_invented_and_is_in_one_currency() {
        let mut next = 0;
        let rows = table::parse(PRICES, || {
            next += 1;
            PriceId(Uuid::from_u128(next))
        });
        for row in rows.unwrap() {
            let source = row.price.source.unwrap();
            assert!(source.as_str().starts_with("invented for the demo: "));
            assert_eq!(row.price.rate.currency().code(), "EUR");
        }
    }

    fn purchase(part_number: &str, status: &str) -> Subscription {
        Subscription {
            id: SubscriptionId(Uuid::nil()),
            commerce_id: None,
            sku_id: SkuId(Uuid::nil()),
            part_number: part_number.to_owned(),
            status: status.to_owned(),
            seats: Some(10),
            is_trial: Some(false),
            created_at: "2024-03-09T10:00:00Z".parse().ok(),
            next_change_at: "2027-02-20T10:00:00Z".parse().ok(),
        }
    }

    #[track_caller]
    fn check(purchase: &Subscription, expected: Option<(&str, bool)>) {
        let today = "2026-11-23".parse().unwrap();
        let terms = terms_of(purchase, today);
        let next = terms.map(|terms| {
            let next = terms.next_renewal(today).unwrap();
            (next.to_string(), terms.auto_renews == Some(true))
        });
        let expected = expected.map(|(day, renews)| (day.to_owned(), renews));
        assert_eq!(next, expected, "{}", purchase.part_number);
    }

    #[test]
    fn purchases_renew_soon_and_later_and_some_are_left_open() {
        check(&purchase("SPE_E3", "Enabled"), Some(("2027-02-20", true)));
        check(&purchase("SPB", "Enabled"), Some(("2026-12-09", true)));
        let rooms = purchase("Microsoft_Teams_Rooms_Pro", "Enabled");
        check(&rooms, Some(("2028-02-20", true)));
        let ending = purchase("ENTERPRISEPACK", "Enabled");
        check(&ending, Some(("2027-02-20", false)));
        check(&purchase("SPE_E3", "Deleted"), None);
        check(&purchase("VISIO_PLAN1_DEPT", "Enabled"), None);
    }
}

//! Containment of Microsoft's own products.

use proptest::prelude::*;

use super::*;

/// Each of the first gives nothing that the second does not give.
const CONTAINED: [(&str, &str); 23] = [
    ("STANDARDPACK", "ENTERPRISEPACK"),
    ("ENTERPRISEPACK", "ENTERPRISEPREMIUM"),
    ("SPE_F1", "SPE_E3"),
    ("SPE_E3", "SPE_E5"),
    ("ENTERPRISEPACK", "SPE_E3"),
    ("ENTERPRISEPREMIUM", "SPE_E5"),
    ("EMS", "SPE_E3"),
    ("EMSPREMIUM", "SPE_E5"),
    ("EMS", "EMSPREMIUM"),
    ("AAD_PREMIUM", "SPE_E3"),
    ("AAD_PREMIUM_P2", "SPE_E5"),
    ("EXCHANGESTANDARD", "ENTERPRISEPACK"),
    ("EXCHANGESTANDARD", "O365_BUSINESS_ESSENTIALS"),
    ("O365_BUSINESS_ESSENTIALS", "O365_BUSINESS_PREMIUM"),
    ("O365_BUSINESS_PREMIUM", "SPB"),
    ("POWER_BI_PRO", "SPE_E5"),
    ("POWER_BI_STANDARD", "POWER_BI_PRO"),
    ("M365_F1", "SPE_F1"),
    ("OFFICESUBSCRIPTION", "SPE_E3"),
    ("DESKLESSPACK", "SPE_F1"),
    ("O365_BUSINESS_ESSENTIALS", "STANDARDPACK"),
    ("MCOEV", "SPE_E5"),
    ("INTUNE_A", "SPE_E3"),
];

const NOT_CONTAINED: [(&str, &str); 3] = [
    ("SPB", "SPE_E3"),
    ("VISIOCLIENT", "SPE_E5"),
    ("SPE_E5", "SPE_E3"),
];

/// Products and their plans, of `fixtures.txt`.
pub(crate) fn products() -> BTreeMap<String, Vec<ServicePlan>> {
    let mut products: BTreeMap<String, Vec<ServicePlan>> = BTreeMap::new();
    let mut product = String::new();
    for line in include_str!("fixtures.txt").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns[..] {
            ["product", _, part_number] => product = part_number.into(),
            ["plan", guid, value] => {
                products
                    .entry(product.clone())
                    .or_default()
                    .push(ServicePlan {
                        plan_id: PlanId::parse(guid).unwrap(),
                        value: value.into(),
                    })
            }
            _ => assert!(line.starts_with('#'), "{line}"),
        }
    }
    products
}

struct Shop {
    products: BTreeMap<String, Vec<ServicePlan>>,
    containment: Containment,
}

impl Shop {
    fn open() -> Self {
        let products = products();
        let plans = products.values().map(Vec::as_slice);
        let containment = Containment::new(&Families::compiled_in(), plans);
        Self {
            products,
            containment,
        }
    }

    fn offer(&self, part_number: &str) -> Offer {
        self.without(part_number, &[])
    }

    /// A product of which some plans are switched off.
    fn without(&self, part_number: &str, disabled: &[&str]) -> Offer {
        let plans = &self.products[part_number];
        let is_disabled = |plan: &&ServicePlan| disabled.contains(&plan.value.as_str());
        let ids: Vec<PlanId> = plans
            .iter()
            .filter(is_disabled)
            .map(|plan| plan.plan_id)
            .collect();
        assert_eq!(ids.len(), disabled.len(), "{part_number} has {disabled:?}");
        self.containment.offer(plans, &ids)
    }
}

#[test]
fn products_are_within_larger_ones() {
    let shop = Shop::open();
    for (less, more) in CONTAINED {
        assert!(
            shop.offer(less).is_within(&shop.offer(more)),
            "{less} in {more}"
        );
    }
}

#[test]
fn products_are_not_within_others() {
    let shop = Shop::open();
    for (one, other) in NOT_CONTAINED {
        assert!(
            !shop.offer(one).is_within(&shop.offer(other)),
            "{one} in {other}"
        );
    }
}

#[test]
fn without_families_hardly_anything_is_within_a_larger_product() {
    let products = products();
    let plans = products.values().map(Vec::as_slice);
    let bare = Containment::new(&Families::default(), plans);
    let offer = |part_number: &str| bare.offer(&products[part_number], &[]);
    let holds = |(less, more): &&(&str, &str)| offer(less).is_within(&offer(more));
    assert_eq!(CONTAINED.iter().filter(holds).count(), 5);
}

#[test]
fn what_is_switched_off_is_neither_given_nor_missed() {
    let shop = Shop::open();
    let mailbox = shop.offer("EXCHANGESTANDARD");
    let suite = shop.without("ENTERPRISEPACK", &["EXCHANGE_S_ENTERPRISE"]);
    assert!(!mailbox.is_within(&suite), "the suite gives no mailbox");
    let drawing = &["VISIOONLINE", "VISIO_CLIENT_SUBSCRIPTION", "ONEDRIVE_BASIC"];
    let nothing = shop.without("VISIOCLIENT", drawing);
    assert!(nothing.is_empty());
    assert!(!nothing.is_within(&shop.offer("SPE_E5")));
    let most = shop.without("SPE_E3", &["TEAMS1"]);
    assert!(most.is_within(&shop.offer("SPE_E5")));
    let less = shop.without("SPE_E5", &["TEAMS1"]);
    assert!(!shop.offer("SPE_E3").is_within(&less));
    assert!(most.is_within(&less));
}

#[test]
fn a_plan_of_another_guid_and_the_same_name_is_the_same_plan() {
    let plan = |number: u128, value: &str| ServicePlan {
        plan_id: PlanId(uuid::Uuid::from_u128(number)),
        value: value.into(),
    };
    let (one, other) = (
        vec![plan(1, "PROJECT_ESSENTIALS")],
        vec![plan(2, "Project_Essentials")],
    );
    let containment = Containment::new(&Families::compiled_in(), [&one[..], &other[..]]);
    let (one, other) = (containment.offer(&one, &[]), containment.offer(&other, &[]));
    assert!(one.is_within(&other) && other.is_within(&one));
}

#[track_caller]
fn check_cover(wanted: &str, others: &[&str], cover: Option<&[&str]>) {
    let shop = Shop::open();
    let offers: Vec<Offer> = others.iter().map(|other| shop.offer(other)).collect();
    let offers: Vec<&Offer> = offers.iter().collect();
    let places = shop.offer(wanted).cover(&offers);
    let names = places.map(|places| {
        places
            .iter()
            .map(|place| others[*place])
            .collect::<Vec<_>>()
    });
    assert_eq!(names.as_deref(), cover);
}

#[test]
fn a_union_is_covered_by_as_few_as_do_and_the_first_is_given_up_first() {
    // Microsoft 365 F1 is some of Office 365 E1 and Enterprise Mobility, and within neither.
    check_cover("M365_F1", &["STANDARDPACK"], None);
    check_cover("M365_F1", &["EMS"], None);
    check_cover(
        "M365_F1",
        &["STANDARDPACK", "EMS"],
        Some(&["STANDARDPACK", "EMS"]),
    );
    check_cover(
        "M365_F1",
        &["ENTERPRISEPACK", "STANDARDPACK", "MCOEV", "EMS"],
        Some(&["STANDARDPACK", "EMS"]),
    );
    check_cover("EMS", &["ENTERPRISEPACK"], None);
    check_cover("EXCHANGESTANDARD", &[], None);
    check_cover(
        "EMS",
        &["EMSPREMIUM", "ENTERPRISEPACK"],
        Some(&["EMSPREMIUM"]),
    );
    check_cover(
        "EMS",
        &["ENTERPRISEPACK", "EMSPREMIUM"],
        Some(&["EMSPREMIUM"]),
    );
    check_cover("STANDARDPACK", &["SPE_E5", "SPE_E3"], Some(&["SPE_E3"]));
    check_cover("STANDARDPACK", &["SPE_E3", "SPE_E5"], Some(&["SPE_E5"]));
}

proptest! {
    #[test]
    fn more_plans_never_make_an_offer_less(
        places in prop::collection::vec(0..86usize, 0..40),
        more in 0..86usize,
    ) {
        let shop = Shop::open();
        let plans = &shop.products["SPE_E5"];
        let offer = |places: &[usize]| {
            let some: Vec<ServicePlan> = places.iter().map(|place| plans[*place].clone()).collect();
            shop.containment.offer(&some, &[])
        };
        let (less, mut places) = (offer(&places), places);
        places.push(more);
        let larger = offer(&places);
        prop_assert!(less.is_empty() || less.is_within(&larger));
        for name in ["EMS", "STANDARDPACK", "MCOEV"] {
            let wanted = shop.offer(name);
            prop_assert!(!wanted.is_within(&less) || wanted.is_within(&larger));
            prop_assert!(!larger.is_within(&wanted) || less.is_empty() || less.is_within(&wanted));
        }
    }
}

//! An invented organization, the same each time.

use jiff::Timestamp;
use seatwise::domain::catalog::{LicenseName, NameSource};
use seatwise::domain::day;
use seatwise::domain::filter::{TextCondition, UserFilter, UserText};
use seatwise::domain::ids::{ObjectId, SkuId, TenantKey};
use seatwise::domain::license::{License, SeatCounts};
use seatwise::domain::sync_run::Dataset;
use seatwise::domain::text::Folded;
use seatwise::domain::usage::{Metric, Usage, Values};
use seatwise::domain::user::{AssignmentState, LicenseAssignment, User, UserType};
use seatwise::domain::user_fact::UserFact;
use seatwise::engine::{TenantIndex, TenantUpdate};
use uuid::Uuid;

use crate::Outcome;

/// Enough that sets are dense, lists are long and names repeat, and few enough to be read by callgrind.
const USERS: u64 = 20_000;
/// Products that are held.
const PRODUCTS: u64 = 30;

const GIVEN: [&str; 12] = [
    "Anna", "Hannah", "Joanna", "Mohammed", "Sofía", "James", "Olga", "Ingrid", "Lars", "Björn",
    "Susanne", "Li",
];
const SYLLABLES: [&str; 16] = [
    "an", "bel", "cor", "smith", "fran", "hal", "jo", "lin", "mar", "ros", "sten", "ver", "berg",
    "son", "ski", "ich",
];

/// Spreads numbers, always in the same way.
struct Random(u64);

impl Random {
    fn below(&mut self, among: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % among
    }

    /// Small numbers are more frequent, as departments and products are.
    fn skewed(&mut self, among: u64) -> u64 {
        let below = self.below(among) + 1;
        self.below(below)
    }

    fn one<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len() as u64) as usize]
    }
}

fn object_id(number: u64) -> ObjectId {
    let mut random = Random(number);
    let high = u128::from(random.below(u64::MAX));
    ObjectId(Uuid::from_u128(
        high << 64 | u128::from(random.below(u64::MAX)),
    ))
}

pub(crate) fn sku(number: u64) -> SkuId {
    SkuId(Uuid::from_u128(u128::from(number) + 1))
}

pub(crate) fn contains(of: UserText, part: &str) -> UserFilter {
    UserFilter::Text(of, TextCondition::Contains(Folded::new(part)))
}

pub(crate) fn is(of: UserText, value: &str) -> UserFilter {
    UserFilter::Text(of, TextCondition::In([Folded::new(value)].into()))
}

fn user(number: u64) -> User {
    let mut random = Random(number << 20);
    let given = random.one(&GIVEN);
    let surname: String = (0..2).map(|_| random.one(&SYLLABLES)).collect();
    let name = format!("{}.{surname}{number}", given.to_lowercase());
    let is_guest = random.below(12) == 0;
    let host = match is_guest {
        true => format!("partner{}.com", random.skewed(50)),
        false => "contoso.com".to_owned(),
    };
    let mut products: Vec<u64> = (0..random.below(4))
        .map(|_| random.skewed(PRODUCTS))
        .collect();
    products.sort_unstable();
    products.dedup();
    let assignment = |product: u64| LicenseAssignment {
        sku_id: sku(product),
        state: AssignmentState::Active,
        error: None,
        assigned_directly: product.is_multiple_of(3),
        assigned_by_groups: Vec::new(),
        disabled_plans: Vec::new(),
        last_updated_at: second(1_650_000_000 + number as i64),
    };
    User {
        object_id: object_id(number),
        display_name: Some(format!("{given} {surname}")),
        user_principal_name: format!("{name}@contoso.com"),
        mail: Some(format!("{name}@{host}")),
        employee_id: (!is_guest).then(|| format!("{}", 1_000_000 + number)),
        employee_type: (!is_guest).then(|| "Employee".to_owned()),
        job_title: Some(format!("Job title {}", random.skewed(200))),
        department: (!is_guest).then(|| format!("Department {}", random.skewed(60))),
        company_name: Some(format!("Contoso {}", random.skewed(12))),
        office_location: Some(format!("Building {}", random.skewed(30))),
        country: Some(format!("Country {}", random.skewed(20))),
        usage_location: Some("NO".to_owned()),
        user_type: match is_guest {
            true => UserType::Guest,
            false => UserType::Member,
        },
        is_resource_account: random.below(100) == 0,
        account_enabled: random.below(15) != 0,
        created_at: second(1_400_000_000 + random.below(300_000_000) as i64),
        hired_on: None,
        is_synced_from_on_premises: random.below(4) != 0,
        manager: (number > 0).then(|| object_id(number / 8)),
        assignments: products.into_iter().map(assignment).collect(),
    }
}

/// What a report says.
fn usage(number: u64) -> UserFact {
    let mut random = Random(number << 21);
    UserFact::Usage(Usage {
        object_id: object_id(number),
        dataset: Dataset::EmailActivity,
        last_active_on: day::date(20_780 - random.skewed(300) as i64),
        standing: Values::default(),
        sums: [(); 4].map(|()| Some(Values::new([(Metric::EmailsSent, number % 500)]))),
        is_left_out: false,
        mailbox_type: None,
    })
}

fn license(number: u64) -> License {
    License {
        sku_id: sku(number),
        part_number: format!("PRODUCT_{number}"),
        status: "Enabled".to_owned(),
        is_company_wide: false,
        seats: SeatCounts::default(),
        service_plans: Vec::new(),
    }
}

fn second(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// The organization, ready to be asked.
pub(crate) fn index() -> Outcome<TenantIndex> {
    let key = TenantKey::parse("contoso").map_err(|_| "no key")?;
    let empty = TenantIndex::empty(key);
    let mut draft = empty.draft();
    for number in 0..USERS {
        draft.merge(&user(number));
    }
    for number in 0..USERS {
        draft.set(&usage(number));
    }
    let now = second(20_780 * 86_400).ok_or("no time")?;
    let update = TenantUpdate {
        organization: None,
        licenses: Some((0..PRODUCTS).map(license).collect()),
        users: Some(draft),
        groups: None,
        subscriptions: None,
        history: None,
        standings: Vec::new(),
        as_of: Some(now),
        now,
    };
    Ok(empty.updated(update, &|_, part_number| LicenseName {
        text: part_number.replace('_', " "),
        source: NameSource::Catalog,
    }))
}

//! How many bytes a user takes, for names as people have them.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::ids::PlanId;
use crate::domain::user::{AssignmentState, LicenseAssignment, User, UserType};

use super::model::{index_of, object_id, plain, sku};

/// Bytes a user may take here; an organization's activity comes on top later.
/// With what is found of them: in this crowd every third license is assigned twice.
const BYTES_A_USER_MAX: usize = 240;

const FIRST: [&str; 16] = [
    "Anna", "Mohammed", "Sofía", "James", "Yuki", "Olga", "Pedro", "Ingrid", "Wei", "Fatima",
    "Lars", "Chloé", "Raj", "Emily", "Kwame", "Björn",
];
const LAST: [&str; 16] = [
    "Smith",
    "García",
    "Nguyen",
    "Kowalski",
    "Okafor",
    "Lindström",
    "Haddad",
    "Fernandes",
    "Tanaka",
    "Müller",
    "Brown",
    "O'Brien",
    "Singh",
    "Rossi",
    "Van den Berg",
    "Jensen",
];

/// Spreads numbers, always in the same way.
fn spread(number: u32, salt: u64) -> usize {
    let mut mixed = (u64::from(number) + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(salt.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 33) as usize
}

/// A user of an organization with 120 departments, 300 job titles, 60 offices and 30 products.
pub(super) fn realistic(number: u32) -> User {
    let pick = |salt, among: usize| spread(number, salt) % among;
    // Small numbers are more frequent, as departments and products are.
    let skewed = |salt, among: usize| pick(salt, 1 + pick(salt + 100, 1 + pick(salt + 200, among)));
    let (first, last) = (FIRST[pick(1, 16)], LAST[pick(2, 16)]);
    let principal_name = format!(
        "{}.{}{number}@contoso.example",
        first.to_lowercase(),
        last.to_lowercase().replace(' ', "")
    );
    let (is_guest, is_room) = (pick(3, 12) == 0, pick(4, 50) == 0);
    let mut products: Vec<u128> = (0..pick(5, 4) as u64)
        .map(|salt| skewed(6 + salt, 30) as u128)
        .collect();
    products.sort_unstable();
    products.dedup();
    let assignment = |product: u128| LicenseAssignment {
        sku_id: sku(product),
        state: AssignmentState::Active,
        error: None,
        assigned_directly: pick(product as u64, 3) == 0,
        assigned_by_groups: vec![object_id(900_000 + product as u32)],
        disabled_plans: vec![PlanId(uuid::Uuid::from_u128(skewed(20, 6) as u128))],
        last_updated_at: Timestamp::from_second(
            1_650_000_000 + pick(product as u64 + 50, 100_000_000) as i64,
        )
        .ok(),
    };
    User {
        display_name: Some(format!("{first} {last}")),
        mail: (!is_guest).then(|| principal_name.clone()),
        user_principal_name: principal_name,
        employee_id: (!is_guest && !is_room).then(|| format!("{:06}", 100_000 + number)),
        employee_type: (!is_guest)
            .then(|| ["Employee", "Contractor"][usize::from(pick(7, 9) == 0)].to_owned()),
        job_title: (!is_room).then(|| format!("Job title {}", skewed(8, 300))),
        department: (!is_guest).then(|| format!("Department {}", skewed(9, 120))),
        company_name: Some(format!("Contoso {}", skewed(10, 12))),
        office_location: Some(format!("Building {}", skewed(11, 60))),
        country: Some(format!("Country {}", skewed(12, 40))),
        usage_location: Some(["NO", "SE", "DE", "US", "JP"][skewed(13, 5)].to_owned()),
        user_type: if is_guest {
            UserType::Guest
        } else {
            UserType::Member
        },
        is_resource_account: is_room,
        account_enabled: pick(14, 15) != 0,
        created_at: Timestamp::from_second(1_400_000_000 + pick(15, 300_000_000) as i64).ok(),
        hired_on: (!is_guest)
            .then(|| Date::constant(2019, 1 + pick(16, 12) as i8, 1 + pick(17, 28) as i8)),
        is_synced_from_on_premises: pick(18, 4) != 0,
        manager: (number > 0).then(|| object_id(number / 8)),
        assignments: products.into_iter().map(assignment).collect(),
        ..plain(number)
    }
}

#[test]
fn a_user_takes_at_most_240_bytes() {
    let users: Vec<User> = (0..20_000).map(realistic).collect();
    let bytes = index_of("one", &users).heap_bytes();
    println!("{} bytes a user", bytes / users.len());
    assert!(
        bytes / users.len() <= BYTES_A_USER_MAX,
        "{} bytes a user",
        bytes / users.len()
    );
    let sizes = |user: &User| {
        user.user_principal_name.len() + user.display_name.as_deref().map_or(0, str::len)
    };
    let least: usize = users.iter().map(|user| sizes(user) + 16).sum();
    assert!(
        bytes > least,
        "an account that misses the texts counts nothing"
    );
}

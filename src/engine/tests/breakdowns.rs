//! Counts by every property against the plain list.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::filter::*;
use crate::domain::text::fold;
use crate::domain::usage::ActivityState;
use crate::domain::user::{User, UserType};
use crate::engine::{Group, GroupDetail, select};

use super::answers::{Tenants, indexes};
use super::asked::*;
use super::model::*;
use super::told::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn breakdowns_count_every_value_as_the_list_does(one in users(40, 40), two in users(40, 10), filter in filter()) {
        let tenants = [("one", one), ("two", two)];
        let selection = select(&indexes(&tenants), &filter, &[]);
        for by in DIMENSIONS {
            let groups = selection.breakdown(by, usize::MAX, GroupDetail::Activity);
            let counted: BTreeMap<Option<String>, [u64; 4]> = groups.iter().map(|group| (group.key.as_deref().map(fold), group.by_activity.unwrap())).collect();
            prop_assert!(groups.iter().all(|group| group.by_activity.unwrap().iter().sum::<u64>() == group.count));
            prop_assert_eq!(counted.len(), groups.len());
            prop_assert_eq!(counted, tallied(&tenants, &filter, by), "{:?}", by);
            let is_sorted = groups.is_sorted_by(|left, right| {
                (std::cmp::Reverse(left.count), left.key.is_none(), &left.key) < (std::cmp::Reverse(right.count), right.key.is_none(), &right.key)
            });
            prop_assert!(is_sorted);
            let first = selection.breakdown(by, 2, GroupDetail::Activity);
            prop_assert_eq!(&first[..], &groups[..groups.len().min(2)]);
            let plain = groups.into_iter().map(|group| Group { by_activity: None, ..group });
            prop_assert_eq!(selection.breakdown(by, usize::MAX, GroupDetail::Count), plain.collect::<Vec<_>>());
        }
    }
}

const DIMENSIONS: [UserDimension; 14] = [
    UserDimension::Tenant,
    UserDimension::Department,
    UserDimension::UserType,
    UserDimension::ResourceAccount,
    UserDimension::AccountEnabled,
    UserDimension::LicenseName,
    UserDimension::LicenseValue,
    UserDimension::Company,
    UserDimension::Country,
    UserDimension::UsageLocation,
    UserDimension::OfficeLocation,
    UserDimension::JobTitle,
    UserDimension::EmployeeType,
    UserDimension::ActivityState,
];

fn tallied(
    tenants: &Tenants,
    filter: &UserFilter,
    by: UserDimension,
) -> BTreeMap<Option<String>, [u64; 4]> {
    let mut counts: BTreeMap<Option<String>, [u64; 4]> = BTreeMap::new();
    for (tenant, users) in tenants {
        let index = told_index_of(tenant, users);
        let known = tenant_of(tenant, users);
        for user in users.iter().filter(|user| holds(filter, &known, user)) {
            let state = state_of(&known, user);
            let licenses = |text: &dyn Fn(&crate::engine::LicenseEntry) -> &str| {
                let row = index.find(user.object_id).unwrap();
                let mut texts: Vec<_> = row
                    .licenses()
                    .map(|entry| Some(text(entry).to_owned()))
                    .collect();
                if texts.is_empty() {
                    texts.push(None);
                }
                texts
            };
            let values = match by {
                UserDimension::Tenant => vec![Some((*tenant).to_owned())],
                UserDimension::UserType => vec![Some(match user.user_type {
                    UserType::Member => "MEMBER".to_owned(),
                    UserType::Guest => "GUEST".to_owned(),
                    UserType::Unknown => "UNKNOWN".to_owned(),
                })],
                UserDimension::ResourceAccount => vec![Some(user.is_resource_account.to_string())],
                UserDimension::AccountEnabled => vec![Some(user.account_enabled.to_string())],
                UserDimension::LicenseName => licenses(&|entry| &entry.name.text),
                UserDimension::LicenseValue => licenses(&|entry| &entry.license.part_number),
                UserDimension::Department => vec![user.department.clone()],
                UserDimension::Company => vec![user.company_name.clone()],
                UserDimension::Country => vec![user.country.clone()],
                UserDimension::UsageLocation => vec![user.usage_location.clone()],
                UserDimension::OfficeLocation => vec![user.office_location.clone()],
                UserDimension::JobTitle => vec![user.job_title.clone()],
                UserDimension::EmployeeType => vec![user.employee_type.clone()],
                UserDimension::ActivityState => vec![Some(match state {
                    ActivityState::Active => "ACTIVE".to_owned(),
                    ActivityState::Inactive => "INACTIVE".to_owned(),
                    ActivityState::NeverActive => "NEVER_ACTIVE".to_owned(),
                    ActivityState::Unknown => "UNKNOWN".to_owned(),
                })],
            };
            let distinct: std::collections::BTreeSet<_> = values
                .iter()
                .map(|value| value.as_deref().map(fold))
                .collect();
            for value in distinct {
                counts.entry(value).or_default()[state as usize] += 1;
            }
        }
    }
    counts
}

#[test]
fn a_group_is_called_by_its_most_frequent_spelling_in_all_tenants() {
    let named = |first: u32, texts: &[&str]| -> Vec<User> {
        let user = |(number, text): (u32, &&str)| User {
            department: Some((*text).to_owned()),
            ..plain(number)
        };
        (first..).zip(texts).map(user).collect()
    };
    let tenants = [
        ("one", named(0, &["SALES", "SALES", "Sales"])),
        ("two", named(10, &["Sales", "Sales", "Legal"])),
    ];
    let groups = select(&indexes(&tenants), &UserFilter::EVERYBODY, &[]).breakdown(
        UserDimension::Department,
        10,
        GroupDetail::Count,
    );
    let named: Vec<(Option<&str>, u64)> = groups
        .iter()
        .map(|group| (group.key.as_deref(), group.count))
        .collect();
    assert_eq!(named, [(Some("Sales"), 5), (Some("Legal"), 1)]);
}

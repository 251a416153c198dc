//! What is asked of users.

use async_graphql::{Enum, ID, InputObject, OneofObject};

use super::filter_inputs::{
    ActivityStateFilter, IdFilter, OfTenants, StringFilter, StringListFilter, UserTypeFilter,
    WorkloadActivityFilter,
};
use super::finding_inputs::FindingKindFilter;
use super::nesting::{Branches, FilterInput, add};
use super::time_inputs::{DateFilter, DateTimeFilter};
use crate::api::error::Error;
use crate::domain::filter::{self, UserFilter, UserFlag, UserText};
use crate::domain::ids::{ObjectId, TenantKey};
use crate::domain::text::{Folded, search_words};

/// The most words of a search.
const SEARCH_WORDS_MAX: usize = 20;

/// A condition on users. Every field that is said must hold; `{}` and null hold for everybody.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "UserFilter")]
pub(crate) struct UserFilterInput {
    /// Every one of these must hold; an empty list holds for everybody. `and`, `or` and `not` nest at
    /// most 5 deep.
    and: Option<Vec<UserFilterInput>>,
    /// One of these must hold; an empty list holds for nobody.
    or: Option<Vec<UserFilterInput>>,
    /// This must not hold.
    not: Option<Box<UserFilterInput>>,
    /// On `department`.
    department: Option<StringFilter>,
    /// Whether the account is marked as a resource.
    is_resource_account: Option<bool>,
    /// On the names of the assigned licenses, such as "Microsoft 365 E3".
    license_names: Option<StringListFilter>,
    /// On Microsoft's part numbers of the assigned licenses, such as `SPE_E3`.
    license_values: Option<StringListFilter>,
    /// On `userType`.
    user_type: Option<UserTypeFilter>,
    /// On the tenant, by its `id`.
    tenant: Option<IdFilter>,
    /// Whether the account may sign in.
    account_enabled: Option<bool>,
    /// Whether an on-premises directory is the account's source.
    is_synced_from_on_premises: Option<bool>,
    /// On `userPrincipalName`.
    user_principal_name: Option<StringFilter>,
    /// On `displayName`.
    display_name: Option<StringFilter>,
    /// On `mail`.
    mail: Option<StringFilter>,
    /// On `employeeId`.
    employee_id: Option<StringFilter>,
    /// On `jobTitle`.
    job_title: Option<StringFilter>,
    /// On `companyName`.
    company_name: Option<StringFilter>,
    /// On `officeLocation`.
    office_location: Option<StringFilter>,
    /// On `country`.
    country: Option<StringFilter>,
    /// On `usageLocation`.
    usage_location: Option<StringFilter>,
    /// On `employeeType`.
    employee_type: Option<StringFilter>,
    /// On `createdAt`.
    created_at: Option<DateTimeFilter>,
    /// On the groups that the user is a direct member of, by their `id`.
    group: Option<IdFilter>,
    /// On `activityState`.
    activity_state: Option<ActivityStateFilter>,
    /// On `lastActiveOn`.
    last_active_on: Option<DateFilter>,
    /// On `lastSignInAt`.
    last_sign_in_at: Option<DateTimeFilter>,
    /// On the last day of activity in single workloads; each of the list must hold.
    activity: Option<Vec<WorkloadActivityFilter>>,
    /// On the kinds of findings about the user that hold, be they open or exempt; what was realized does not
    /// count.
    finding: Option<FindingKindFilter>,
}

impl FilterInput for UserFilterInput {
    type Parsed = UserFilter;

    fn conditions(self) -> Result<(Vec<UserFilter>, Branches<Self>), Error> {
        let mut conditions = Vec::new();
        let texts = [
            (UserText::Department, self.department),
            (UserText::UserPrincipalName, self.user_principal_name),
            (UserText::DisplayName, self.display_name),
            (UserText::Mail, self.mail),
            (UserText::EmployeeId, self.employee_id),
            (UserText::JobTitle, self.job_title),
            (UserText::CompanyName, self.company_name),
            (UserText::OfficeLocation, self.office_location),
            (UserText::Country, self.country),
            (UserText::UsageLocation, self.usage_location),
            (UserText::EmployeeType, self.employee_type),
        ];
        for (property, asked) in texts {
            let terms = asked.unwrap_or_default().terms();
            add(&mut conditions, terms, |condition| {
                UserFilter::Text(property, condition)
            });
        }
        let flags = [
            (UserFlag::ResourceAccount, self.is_resource_account),
            (UserFlag::AccountEnabled, self.account_enabled),
            (
                UserFlag::SyncedFromOnPremises,
                self.is_synced_from_on_premises,
            ),
        ];
        for (property, asked) in flags {
            conditions.extend(asked.map(|is| UserFilter::Flag(property, is)));
        }
        let names = self.license_names.unwrap_or_default().terms();
        add(&mut conditions, names, UserFilter::LicenseNames);
        let values = self.license_values.unwrap_or_default().terms();
        add(&mut conditions, values, UserFilter::LicenseValues);
        let types = self.user_type.unwrap_or_default().terms();
        add(&mut conditions, types, UserFilter::UserType);
        let tenants = self.tenant.unwrap_or_default().tenant_terms()?;
        add(&mut conditions, tenants, UserFilter::Tenant);
        let created = self.created_at.unwrap_or_default().terms();
        add(&mut conditions, created, UserFilter::CreatedAt);
        let groups = self.group.unwrap_or_default().group_terms()?;
        add(&mut conditions, groups, members);
        let states = self.activity_state.unwrap_or_default().terms();
        add(&mut conditions, states, UserFilter::ActivityState);
        let last_active = self.last_active_on.unwrap_or_default().terms();
        add(&mut conditions, last_active, UserFilter::LastActiveOn);
        let last_sign_in = self.last_sign_in_at.unwrap_or_default().terms();
        add(&mut conditions, last_sign_in, UserFilter::LastSignInAt);
        let workloads = self.activity.unwrap_or_default().into_iter();
        let workloads = workloads.flat_map(WorkloadActivityFilter::terms);
        add(&mut conditions, workloads, |(workload, condition)| {
            UserFilter::WorkloadLastActiveOn(workload, condition)
        });

        let findings = self.finding.unwrap_or_default().terms();
        add(&mut conditions, findings, UserFilter::Finding);

        let branches = Branches {
            and: self.and,
            or: self.or,
            not: self.not,
        };
        Ok((conditions, branches))
    }
}

/// Direct members of one of these groups.
fn members(groups: OfTenants<ObjectId>) -> UserFilter {
    let of_tenant = |(tenant, groups): (TenantKey, _)| {
        UserFilter::And(vec![
            UserFilter::Tenant([tenant].into()),
            UserFilter::Group(groups),
        ])
    };
    let mut parts: Vec<_> = groups.into_iter().map(of_tenant).collect();
    if parts.len() == 1 {
        parts.swap_remove(0)
    } else {
        UserFilter::Or(parts)
    }
}

/// The words of a search; none when nothing is searched for.
pub(crate) fn parse_search(search: Option<&str>) -> Result<Vec<Folded>, Error> {
    let words = search_words(search.unwrap_or_default());
    if words.len() > SEARCH_WORDS_MAX {
        return Err(Error::bad_input(format!(
            "`search` has {} words; it takes at most {SEARCH_WORDS_MAX}.",
            words.len()
        )));
    }
    Ok(words)
}

/// One way to name one user.
#[derive(Debug, Clone, OneofObject)]
pub(crate) enum UserBy {
    /// The user's `id`.
    Id(ID),
    /// Microsoft's GUID of the account: `User.objectId`.
    ObjectId(ID),
    /// The name used to sign in, compared without regard to case.
    UserPrincipalName(String),
}

/// The properties users can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "filter::UserDimension")]
pub(crate) enum UserDimension {
    /// By tenant; the key is the tenant's `id`.
    Tenant,
    /// By `department`.
    Department,
    /// By `userType`.
    UserType,
    /// By `isResourceAccount`; the key is "true" or "false".
    ResourceAccount,
    /// By `accountEnabled`; the key is "true" or "false".
    AccountEnabled,
    /// By `licenseNames`: a user counts once for each name.
    LicenseName,
    /// By `licenseValues`: a user counts once for each part number.
    LicenseValue,
    /// By `companyName`.
    Company,
    /// By `country`.
    Country,
    /// By `usageLocation`.
    UsageLocation,
    /// By `officeLocation`.
    OfficeLocation,
    /// By `jobTitle`.
    JobTitle,
    /// By `employeeType`.
    EmployeeType,
    /// By `activityState`.
    ActivityState,
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType, Value, value};

    use super::*;
    use crate::api::error::Code;
    use crate::api::ids::GlobalId;
    use crate::domain::filter::{DayCondition, TimeCondition};
    use crate::domain::filter::{ListCondition, TextCondition};
    use crate::domain::usage::{ActivityState, Workload};
    use crate::domain::user::UserType;

    fn parse(input: Value) -> Result<UserFilter, Error> {
        let input = UserFilterInput::parse(Some(input));
        FilterInput::into_filter(input.unwrap_or_else(|_| panic!("the input is well-formed")))
    }

    #[track_caller]
    fn check(input: Value, expected: UserFilter) {
        assert_eq!(parse(input).unwrap(), expected);
    }

    fn is(property: UserText, text: &str) -> UserFilter {
        UserFilter::Text(property, TextCondition::In([Folded::new(text)].into()))
    }

    fn not(filter: UserFilter) -> UserFilter {
        UserFilter::Not(Box::new(filter))
    }

    #[test]
    fn every_field_asks_for_its_own_property() {
        let text = |field: &str, property| {
            let mut input = async_graphql::indexmap::IndexMap::new();
            input.insert(async_graphql::Name::new(field), value!({"eq": "X"}));
            check(Value::Object(input), is(property, "x"));
        };
        text("department", UserText::Department);
        text("userPrincipalName", UserText::UserPrincipalName);
        text("displayName", UserText::DisplayName);
        text("mail", UserText::Mail);
        text("employeeId", UserText::EmployeeId);
        text("jobTitle", UserText::JobTitle);
        text("companyName", UserText::CompanyName);
        text("officeLocation", UserText::OfficeLocation);
        text("country", UserText::Country);
        text("usageLocation", UserText::UsageLocation);
        text("employeeType", UserText::EmployeeType);
        let flag = UserFilter::Flag;
        check(
            value!({"isResourceAccount": false}),
            flag(UserFlag::ResourceAccount, false),
        );
        check(
            value!({"accountEnabled": true}),
            flag(UserFlag::AccountEnabled, true),
        );
        check(
            value!({"isSyncedFromOnPremises": true}),
            flag(UserFlag::SyncedFromOnPremises, true),
        );
        let e3 = || ListCondition::HasSome([Folded::new("e3")].into());
        check(
            value!({"licenseNames": {"has": "E3"}}),
            UserFilter::LicenseNames(e3()),
        );
        check(
            value!({"licenseValues": {"has": "E3"}}),
            UserFilter::LicenseValues(e3()),
        );
        let guest = || UserFilter::UserType([UserType::Guest].into());
        check(value!({"userType": {"in": ["GUEST"]}}), guest());
        check(value!({"userType": {"ne": "GUEST"}}), not(guest()));
    }

    #[test]
    fn a_tenant_is_asked_for_by_its_id() {
        let key = TenantKey::parse("contoso").unwrap();
        let id = GlobalId::Tenant(key.clone()).to_id().to_string();
        let contoso = || UserFilter::Tenant([key.clone()].into());
        check(value!({"tenant": {"eq": (id.clone())}}), contoso());
        check(value!({"tenant": {"notIn": [(id)]}}), not(contoso()));
        check(
            value!({"tenant": {"in": []}}),
            UserFilter::Tenant([].into()),
        );
        let refused = parse(value!({"tenant": {"eq": "contoso"}})).unwrap_err();
        assert_eq!(refused.code, Code::BadInput);
    }

    #[test]
    fn activity_is_asked_for_by_state_day_sign_in_and_workload() {
        let idle = || {
            let states = [ActivityState::Inactive, ActivityState::NeverActive];
            UserFilter::ActivityState(states.into())
        };
        check(
            value!({"activityState": {"in": ["INACTIVE", "NEVER_ACTIVE"]}}),
            idle(),
        );
        check(
            value!({"activityState": {"notIn": ["INACTIVE", "NEVER_ACTIVE"]}}),
            not(idle()),
        );
        let before = |text: &str| DayCondition::Within {
            from: None,
            to: text.parse().ok(),
        };
        check(
            value!({"lastActiveOn": {"lt": "2026-09-01"}}),
            UserFilter::LastActiveOn(before("2026-08-31")),
        );
        check(
            value!({"lastSignInAt": {"isNull": true}}),
            UserFilter::LastSignInAt(TimeCondition::IsAbsent),
        );
        check(
            value!({"activity": [
                {"workload": "ONEDRIVE", "lastActiveOn": {"lte": "2026-08-31"}},
                {"workload": "TEAMS", "lastActiveOn": {"isNull": false}},
                {"workload": "COPILOT", "lastActiveOn": {}},
            ]}),
            UserFilter::And(vec![
                UserFilter::WorkloadLastActiveOn(Workload::OneDrive, before("2026-08-31")),
                not(UserFilter::WorkloadLastActiveOn(
                    Workload::Teams,
                    DayCondition::IsAbsent,
                )),
            ]),
        );
        check(value!({"activity": []}), UserFilter::EVERYBODY);
    }

    #[test]
    fn a_group_is_asked_for_by_its_id_and_means_that_of_its_tenant() {
        let key = |text: &str| TenantKey::parse(text).unwrap();
        let group = |number| ObjectId(uuid::Uuid::from_u128(number));
        let id = |tenant: &str, number| {
            let id = GlobalId::Group(key(tenant), group(number)).to_id();
            id.to_string()
        };
        let of = |tenant: &str, numbers: &[u128]| {
            let groups = numbers.iter().map(|number| group(*number)).collect();
            UserFilter::And(vec![
                UserFilter::Tenant([key(tenant)].into()),
                UserFilter::Group(groups),
            ])
        };
        check(value!({"group": {"eq": (id("a", 1))}}), of("a", &[1]));
        check(
            value!({"group": {"in": [(id("b", 1)), (id("a", 2)), (id("a", 1))]}}),
            UserFilter::Or(vec![of("a", &[1, 2]), of("b", &[1])]),
        );
        check(
            value!({"group": {"notIn": [(id("a", 1))]}}),
            not(of("a", &[1])),
        );
        check(value!({"group": {"in": []}}), UserFilter::Or(vec![]));
        let user = GlobalId::User(key("a"), group(1)).to_id().to_string();
        let refused = parse(value!({"group": {"eq": (user)}})).unwrap_err();
        assert_eq!(refused.code, Code::BadInput);
    }

    #[test]
    fn what_is_unsaid_or_null_holds_for_everybody() {
        check(value!({}), UserFilter::EVERYBODY);
        check(
            value!({"department": null, "and": null, "not": null}),
            UserFilter::EVERYBODY,
        );
        check(value!({"department": {}}), UserFilter::EVERYBODY);
    }

    #[test]
    fn fields_and_branches_of_one_filter_must_all_hold() {
        let (sales, us) = (
            is(UserText::Department, "sales"),
            is(UserText::Country, "us"),
        );
        check(
            value!({"department": {"eq": "Sales"}, "country": {"eq": "US"}}),
            UserFilter::And(vec![sales.clone(), us.clone()]),
        );
        let both = value!([{"department": {"eq": "Sales"}}, {"country": {"eq": "US"}}]);
        check(
            value!({"and": (both.clone())}),
            UserFilter::And(vec![sales.clone(), us.clone()]),
        );
        check(
            value!({"or": (both.clone())}),
            UserFilter::Or(vec![sales.clone(), us.clone()]),
        );
        check(value!({"not": {"country": {"eq": "US"}}}), not(us.clone()));
        check(
            value!({"accountEnabled": true, "or": both, "not": {"country": {"eq": "US"}}}),
            UserFilter::And(vec![
                UserFilter::Flag(UserFlag::AccountEnabled, true),
                UserFilter::Or(vec![sales, us.clone()]),
                not(us),
            ]),
        );
        check(value!({"and": []}), UserFilter::EVERYBODY);
        check(value!({"or": []}), UserFilter::Or(vec![]));
    }

    #[track_caller]
    fn check_depth(nest: fn(Value) -> Value) {
        let nested =
            |depth| (0..depth).fold(value!({"accountEnabled": true}), |inner, _| nest(inner));
        assert!(parse(nested(5)).is_ok());
        assert_eq!(parse(nested(6)).unwrap_err().code, Code::BadInput);
    }

    #[test]
    fn branches_nest_five_deep_and_no_deeper() {
        check_depth(|inner| value!({"and": [(inner)]}));
        check_depth(|inner| value!({"or": [{}, (inner)]}));
        check_depth(|inner| value!({"not": (inner)}));
    }

    #[test]
    fn a_filter_of_too_many_conditions_is_refused() {
        let many = |count| Value::List(vec![value!({"mail": {"contains": "a"}}); count]);
        assert!(parse(value!({"or": (many(99))})).is_ok());
        let refused = parse(value!({"or": (many(100))})).unwrap_err();
        assert_eq!(refused.code, Code::LimitExceeded);
    }

    #[test]
    fn a_search_of_no_words_searches_for_nothing_and_one_of_too_many_is_refused() {
        assert_eq!(parse_search(None).unwrap(), []);
        assert_eq!(parse_search(Some(" - ")).unwrap(), []);
        assert_eq!(parse_search(Some(&"ann ".repeat(20))).unwrap().len(), 20);
        let refused = parse_search(Some(&"ann ".repeat(21))).unwrap_err();
        assert_eq!(refused.code, Code::BadInput);
    }
}

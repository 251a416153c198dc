//! The properties of a user: how each is called and written.

use uuid::Uuid;

use super::error::GraphError;
use super::json;
use super::options::names;
use super::options::no_such_property;
use super::user_licenses::assigned_licenses;
use super::user_licenses::assigned_plans;
use super::user_licenses::license_assignment_states;
use super::user_sign_ins::sign_in_activity;
use crate::simulator::organization::View;
use crate::simulator::organization::person::Kind;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::products::position::MICROSOFT_TEAMS_ROOMS_PRO;
use crate::simulator::organization::user_id;

/// An account and where it belongs.
pub(crate) struct Card<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) person: &'a Person,
    /// Seconds since 1970: what has happened shows.
    pub(crate) now: i64,
}

impl Card<'_> {
    fn id(&self) -> Uuid {
        user_id(self.seed(), self.person.index)
    }

    pub(super) fn seed(&self) -> u64 {
        self.view.organization().seed
    }

    fn is_guest(&self) -> bool {
        self.person.kind == Kind::Guest
    }
}

/// A property.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Writes the value, or nothing where the property is absent.
    write: fn(&mut Vec<u8>, &Card),
}

/// The properties that a request wants, in the order it named them.
pub(crate) struct Selection {
    fields: Vec<&'static Field>,
    is_default: bool,
}

/// What comes without `$select`.
const DEFAULTS: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

/// Properties that a list cannot return.
const NOT_IN_LISTS: [&str; 11] = [
    "aboutMe",
    "birthday",
    "hireDate",
    "interests",
    "mySite",
    "pastProjects",
    "preferredName",
    "responsibilities",
    "schools",
    "skills",
    "mailboxSettings",
];

impl Selection {
    /// What `$select` names, or the defaults.
    pub(crate) fn parse(select: Option<&str>) -> Result<Self, GraphError> {
        let wanted: Vec<&str> = select.map(|list| names(list).collect()).unwrap_or_default();
        let is_default = wanted.is_empty();
        let wanted = if is_default {
            DEFAULTS.to_vec()
        } else {
            wanted
        };
        let mut fields: Vec<&'static Field> = Vec::with_capacity(wanted.len());
        for name in wanted {
            let field = field(name)?;
            if !fields.iter().any(|earlier| earlier.name == field.name) {
                fields.push(field);
            }
        }
        Ok(Self { fields, is_default })
    }

    /// The selection as `@odata.context` shows it.
    pub(crate) fn context(&self) -> String {
        if self.is_default {
            return String::new();
        }
        let names: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
        format!("({})", names.join(","))
    }

    /// Writes the properties of an account, without braces.
    pub(crate) fn write(&self, out: &mut Vec<u8>, card: &Card) {
        let start = out.len();
        for field in &self.fields {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            write_key(out, field);
            let value_at = out.len();
            (field.write)(out, card);
            if out.len() == value_at {
                out.truncate(before);
            }
        }
    }

    /// Writes the properties of an account that may be listed and not read: nothing but its id.
    pub(crate) fn write_hidden(&self, out: &mut Vec<u8>, id: Uuid) {
        for (position, field) in self.fields.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_key(out, field);
            match field.name {
                "id" => json::guid(out, id),
                _ => json::null(out),
            }
        }
    }

    /// Whether this property is wanted.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The same without properties that are not in `names`.
    pub(crate) fn only(&self, names: &[&str]) -> Self {
        let mut fields = self.fields.clone();
        fields.retain(|field| names.contains(&field.name));
        let is_default = false;
        Self { fields, is_default }
    }

    /// Writes the properties as a delta round tells them, each after a comma: none that was never set,
    /// null where one of the `earlier` states had something. With `then`, only what differs from that.
    pub(crate) fn write_tracked(
        &self,
        out: &mut Vec<u8>,
        card: &Card,
        earlier: &[Person],
        then: Option<&Person>,
    ) {
        let (mut value, mut other) = (Vec::new(), Vec::new());
        for field in self.fields.iter().filter(|field| field.name != "id") {
            value.clear();
            (field.write)(&mut value, card);
            let mut differs_from = |person: &Person| {
                other.clear();
                (field.write)(&mut other, &Card { person, ..*card });
                other != value
            };
            let is_unset = value == b"null";
            let is_told = match then {
                Some(then) => differs_from(then),
                None => !is_unset || earlier.iter().any(&mut differs_from),
            };
            if is_told {
                out.push(b',');
                write_key(out, field);
                out.extend_from_slice(&value);
            }
        }
    }

    /// Whether a delta round tells of the step between two states: changes of
    /// `licenseAssignmentStates` alone are not followed.
    pub(crate) fn tells(&self, before: &Card, after: &Card) -> bool {
        let mut values = [Vec::new(), Vec::new()];
        let followed = self
            .fields
            .iter()
            .filter(|field| field.name != "licenseAssignmentStates");
        followed.into_iter().any(|field| {
            for (value, card) in values.iter_mut().zip([before, after]) {
                value.clear();
                (field.write)(value, card);
            }
            values[0] != values[1]
        })
    }
}

fn write_key(out: &mut Vec<u8>, field: &Field) {
    out.push(b'"');
    out.extend_from_slice(field.name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn field(name: &str) -> Result<&'static Field, GraphError> {
    if NOT_IN_LISTS
        .iter()
        .any(|other| other.eq_ignore_ascii_case(name))
    {
        return Err(GraphError::new(
            501,
            "NotImplemented",
            "This operation target is not yet supported.",
        ));
    }
    FIELDS
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| no_such_property(name, "user"))
}

/// All properties.
#[rustfmt::skip] // One line a property.
const FIELDS: [Field; 37] = [
    Field { name: "id", write: |out, card| json::guid(out, card.id()) },
    Field { name: "userPrincipalName", write: |out, card| json::text(out, &card.person.principal_name(card.view.organization())) },
    Field { name: "displayName", write: |out, card| json::text(out, &card.person.display_name()) },
    Field { name: "givenName", write: |out, card| json::text_or_null(out, card.person.is_human().then_some(card.person.given.written)) },
    Field { name: "surname", write: |out, card| json::text_or_null(out, card.person.is_human().then_some(card.person.surname.written)) },
    Field { name: "mail", write: |out, card| json::text_or_null(out, card.person.mail(card.view.organization()).as_deref()) },
    Field { name: "mailNickname", write: mail_nickname },
    Field { name: "jobTitle", write: job_title },
    Field { name: "department", write: |out, card| json::text_or_null(out, card.person.department.map(|department| department.name)) },
    Field { name: "companyName", write: company_name },
    Field { name: "officeLocation", write: office_location },
    Field { name: "city", write: |out, card| json::text_or_null(out, (!card.is_guest()).then_some(card.person.office.city)) },
    Field { name: "state", write: |out, card| json::text_or_null(out, card.person.office.state.filter(|_| !card.is_guest())) },
    Field { name: "country", write: |out, card| json::text_or_null(out, (!card.is_guest()).then_some(card.person.office.country)) },
    Field { name: "usageLocation", write: usage_location },
    Field { name: "preferredLanguage", write: |out, card| json::text_or_null(out, card.person.is_human().then_some(card.person.office.language)) },
    Field { name: "employeeId", write: employee_id },
    Field { name: "employeeType", write: |out, card| json::text_or_null(out, card.person.employee_type) },
    Field { name: "employeeHireDate", write: |out, card| instant_or_null(out, card.person.hired_at) },
    Field { name: "mobilePhone", write: |out, card| json::text_or_null(out, phone(card, 5).as_deref()) },
    Field { name: "businessPhones", write: |out, card| json::list(out, phone(card, 3), |out, phone| json::text(out, &phone)) },
    Field { name: "accountEnabled", write: |out, card| json::boolean(out, card.person.is_enabled) },
    Field { name: "userType", write: |out, card| json::text_or_null(out, card.person.user_type) },
    Field { name: "createdDateTime", write: |out, card| instant_or_null(out, card.person.created_at) },
    Field { name: "externalUserState", write: external_user_state },
    Field { name: "isResourceAccount", write: is_resource_account },
    Field { name: "onPremisesSyncEnabled", write: on_premises_sync_enabled },
    Field { name: "onPremisesSamAccountName", write: |out, card| json::text_or_null(out, sam_account_name(card).as_deref()) },
    Field { name: "onPremisesDomainName", write: on_premises_domain_name },
    Field { name: "onPremisesImmutableId", write: |out, card| json::text_or_null(out, sam_account_name(card).map(|name| format!("{name}==")).as_deref()) },
    Field { name: "onPremisesLastSyncDateTime", write: |out, card| instant_or_null(out, synced(card).then_some(card.person.since + 7 * 86_400)) },
    Field { name: "proxyAddresses", write: proxy_addresses },
    Field { name: "otherMails", write: other_mails },
    Field { name: "assignedLicenses", write: assigned_licenses },
    Field { name: "licenseAssignmentStates", write: license_assignment_states },
    Field { name: "assignedPlans", write: assigned_plans },
    Field { name: "signInActivity", write: sign_in_activity },
];

fn instant_or_null(out: &mut Vec<u8>, seconds: Option<i64>) {
    match seconds {
        Some(seconds) => json::instant(out, seconds),
        None => json::null(out),
    }
}

fn mail_nickname(out: &mut Vec<u8>, card: &Card) {
    let name = card.person.principal_name(card.view.organization());
    json::text_or_null(out, name.split('@').next());
}

fn job_title(out: &mut Vec<u8>, card: &Card) {
    match card.person.title {
        Some(title) => json::text(out, &[title.rank, title.role].concat()),
        None => json::null(out),
    }
}

fn company_name(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    match person.kind {
        Kind::Guest => json::text_or_null(
            out,
            (!person.index.is_multiple_of(3)).then_some(person.partner().1),
        ),
        Kind::Employee => {
            let name = format!("{} {}", card.view.organization().name, person.office.entity);
            json::text(out, &name);
        }
        Kind::Room | Kind::SharedMailbox | Kind::ServiceAccount => json::null(out),
    }
}

fn office_location(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    let has_desk = matches!(person.kind, Kind::Employee | Kind::Room);
    if has_desk && person.index % 19 != 3 {
        let room = format!(
            "{}/{}{:02}",
            person.office.site,
            1 + person.index % 6,
            person.index % 47
        );
        json::text(out, &room);
    } else {
        json::null(out);
    }
}

fn usage_location(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    let is_set = match person.kind {
        Kind::Guest => !person.held.is_empty() || person.index.is_multiple_of(9),
        Kind::Employee => !person.held.is_empty() || !person.index.is_multiple_of(5),
        Kind::Room | Kind::SharedMailbox | Kind::ServiceAccount => !person.held.is_empty(),
    };
    json::text_or_null(out, is_set.then_some(person.office.usage_location));
}

fn employee_id(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    if person.kind == Kind::Employee && person.index % 31 != 9 {
        json::text(out, &format!("{:06}", 100_000 + person.index));
    } else {
        json::null(out);
    }
}

/// A number out of those that films use, for one person of `every`.
fn phone(card: &Card, every: u64) -> Option<String> {
    let person = card.person;
    let has_one = person.kind == Kind::Employee && person.index.is_multiple_of(every);
    has_one.then(|| format!("+1 425 555 {:04}", person.index % 10_000))
}

fn external_user_state(out: &mut Vec<u8>, card: &Card) {
    let state = if card.person.index.is_multiple_of(6) {
        "PendingAcceptance"
    } else {
        "Accepted"
    };
    json::text_or_null(out, card.is_guest().then_some(state));
}

fn is_resource_account(out: &mut Vec<u8>, card: &Card) {
    match card.person.kind {
        Kind::Room => json::boolean(out, card.person.held.has(MICROSOFT_TEAMS_ROOMS_PRO)),
        _ if card.person.index % 7 == 5 => json::null(out), // Reserved by Microsoft: often never set.
        _ => json::boolean(out, false),
    }
}

fn synced(card: &Card) -> bool {
    card.person.is_synced == Some(true)
}

fn on_premises_sync_enabled(out: &mut Vec<u8>, card: &Card) {
    match card.person.is_synced {
        Some(is_synced) => json::boolean(out, is_synced),
        None => json::null(out),
    }
}

fn sam_account_name(card: &Card) -> Option<String> {
    synced(card).then(|| format!("{}{}", card.person.given.address, card.person.index))
}

fn on_premises_domain_name(out: &mut Vec<u8>, card: &Card) {
    let domain = synced(card).then(|| format!("corp.{}", card.view.organization().domain));
    json::text_or_null(out, domain.as_deref());
}

fn proxy_addresses(out: &mut Vec<u8>, card: &Card) {
    let organization = card.view.organization();
    let mail = card.person.mail(organization).filter(|_| !card.is_guest());
    let addresses = mail.into_iter().flat_map(|mail| {
        let local = mail.split('@').next().unwrap_or_default().to_owned();
        [
            format!("SMTP:{mail}"),
            format!("smtp:{local}@{}", organization.initial_domain),
        ]
    });
    json::list(out, addresses, |out, address| json::text(out, &address));
}

fn other_mails(out: &mut Vec<u8>, card: &Card) {
    let mail = card
        .person
        .mail(card.view.organization())
        .filter(|_| card.is_guest());
    json::list(out, mail, |out, mail| json::text(out, &mail));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_keeps_its_order_drops_doubles_and_refuses_strangers() {
        let parsed = |select| Selection::parse(select).map(|selection| selection.context());
        assert_eq!(parsed(Some("mail, ID,mail")).unwrap(), "(mail,id)");
        assert_eq!(parsed(None).unwrap(), "");
        assert_eq!(parsed(Some("id,shoeSize")).unwrap_err().status, 400);
        assert_eq!(parsed(Some("aboutMe")).unwrap_err().status, 501);
        assert!(DEFAULTS.iter().all(|name| field(name).is_ok()));
    }
}

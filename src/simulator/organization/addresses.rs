//! What accounts are called and where their mail goes.

use std::fmt::Write as _;

use super::Organization;
use super::person::Kind;
use super::person::Person;
use super::person::SERVICE_ACCOUNT;

/// Where guests come from: the domain and the company.
const PARTNERS: [(&str, &str); 8] = [
    ("fabrikam.com", "Fabrikam, Inc."),
    ("adatum.com", "A. Datum Corporation"),
    ("northwindtraders.com", "Northwind Traders"),
    ("tailspintoys.com", "Tailspin Toys"),
    ("wingtiptoys.com", "Wingtip Toys"),
    ("litware.com", "Litware, Inc."),
    ("proseware.com", "Proseware, Inc."),
    ("fourthcoffee.com", "Fourth Coffee"),
];

const ROOMS: [&str; 12] = [
    "Adams",
    "Baker",
    "Crystal",
    "Hood",
    "Rainier",
    "Stevens",
    "Zugspitze",
    "Fuji",
    "Olympus",
    "Ararat",
    "Ōkura",
    "Table Mountain",
];

const SHARED: [&str; 6] = [
    "Inbox",
    "Invoices",
    "Applications",
    "Helpdesk",
    "Newsletter",
    "Orders",
];

const PROGRAMS: [&str; 6] = [
    "backup",
    "scanner",
    "intranet",
    "monitoring",
    "printing",
    "payroll",
];

/// One of `all`, by the number of the account.
fn by_number<T: Copy + Default>(all: &[T], index: u64) -> T {
    let position = (index / 3) % (all.len() as u64).max(1);
    all.get(position as usize).copied().unwrap_or_default()
}

impl Person {
    /// `userPrincipalName`. Numbers keep it unique, as they do in large organizations.
    pub(crate) fn principal_name(&self, organization: &Organization) -> String {
        let mut name = String::with_capacity(64);
        self.write_local_part(&mut name);
        if self.kind == Kind::Guest {
            let (domain, _) = self.partner();
            let _ = write!(name, "_{domain}#EXT#@{}", organization.initial_domain);
        } else {
            name.push('@');
            name.push_str(&organization.domain);
        }
        name
    }

    /// `mail`, for those who have a mailbox here or elsewhere.
    pub(crate) fn mail(&self, organization: &Organization) -> Option<String> {
        let domain = match self.kind {
            Kind::Guest => self.partner().0,
            Kind::Room | Kind::SharedMailbox => &organization.domain,
            Kind::Employee | Kind::ServiceAccount if self.held.brings_mailbox() => {
                &organization.domain
            }
            Kind::Employee | Kind::ServiceAccount => return None,
        };
        let mut mail = String::with_capacity(64);
        self.write_local_part(&mut mail);
        mail.push('@');
        mail.push_str(domain);
        Some(mail)
    }

    /// `displayName`.
    pub(crate) fn display_name(&self) -> String {
        let given = self.given.written;
        let surname = self.surname.written;
        match self.kind {
            Kind::Employee => match self.index % 40 {
                7 => format!("{surname}, {given}"),
                _ => format!("{given} {surname}"),
            },
            Kind::Guest => match self.index % 5 {
                0 => format!("{given} {surname} ({})", self.partner().1),
                _ => format!("{given} {surname}"),
            },
            Kind::Room => match self.index % 5 {
                0 => format!("Car {} {}", self.office.city, self.index),
                1 => format!("Projector {}", self.index),
                _ => format!("Conf Room {}", by_number(&ROOMS, self.index)),
            },
            Kind::SharedMailbox => {
                let whose = self
                    .department
                    .map_or(self.office.city, |department| department.name);
                format!("{whose} {}", by_number(&SHARED, self.index))
            }
            Kind::ServiceAccount if self.index == SERVICE_ACCOUNT => {
                "License reporting (service account)".to_owned()
            }
            Kind::ServiceAccount => {
                format!("svc {} {}", by_number(&PROGRAMS, self.index), self.index)
            }
        }
    }

    /// The domain and the company that a guest comes from.
    pub(crate) fn partner(&self) -> (&'static str, &'static str) {
        by_number(&PARTNERS, self.index)
    }

    fn write_local_part(&self, out: &mut String) {
        let index = self.index;
        // Writing to a String cannot fail.
        let _ = match self.kind {
            Kind::Employee | Kind::Guest => {
                write!(
                    out,
                    "{}.{}{index}",
                    self.given.address, self.first_surname.address
                )
            }
            Kind::Room => write!(out, "room{index}"),
            Kind::SharedMailbox => write!(
                out,
                "{}{index}",
                by_number(&SHARED, index).to_ascii_lowercase()
            ),
            Kind::ServiceAccount if index == SERVICE_ACCOUNT => {
                write!(out, "svc-license-reports{index}")
            }
            Kind::ServiceAccount => write!(out, "svc-{}{index}", by_number(&PROGRAMS, index)),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn organization() -> Organization {
        Organization::new(42, 2000, "Contoso")
    }

    #[test]
    fn principal_names_are_unique_ascii_and_guests_keep_their_domain() {
        let organization = organization();
        let mut seen = BTreeSet::new();
        for index in 0..2000 {
            let person = Person::new(42, index);
            let name = person.principal_name(&organization);
            assert!(name.is_ascii() && !name.contains(' '), "{name}");
            let (before, after) = name.split_once('@').unwrap();
            if person.kind == Kind::Guest {
                assert!(
                    before.ends_with(".com#EXT#") && before.contains('_'),
                    "{name}"
                );
                assert_eq!(after, "contoso.onmicrosoft.com");
            } else {
                assert_eq!(after, "contoso.com");
            }
            assert!(seen.insert(name.to_lowercase()), "{name} twice");
        }
    }

    #[test]
    fn a_new_surname_shows_but_leaves_the_addresses() {
        let organization = organization();
        let mut person = Person::new(42, 2);
        let (name, shown) = (person.principal_name(&organization), person.display_name());
        person.surname = if person.surname.written == "Vance" {
            person.given
        } else {
            &super::super::names::CULTURES[1].surnames[0]
        };
        assert_eq!(person.principal_name(&organization), name);
        assert_ne!(person.display_name(), shown);
    }

    #[test]
    fn names_come_with_apostrophes_accents_and_other_scripts() {
        let names: Vec<String> = (0..4000)
            .map(|index| Person::new(42, index).display_name())
            .collect();
        for part in [
            "O'",
            "ü",
            "é",
            "ł",
            "Παπ",
            "енко",
            "太郎",
            "민",
            "Conf Room",
            "(Fabrikam",
            ", ",
        ] {
            assert!(
                names.iter().any(|name| name.contains(part)),
                "nobody has {part}"
            );
        }
    }

    #[test]
    fn mail_belongs_to_those_with_a_mailbox() {
        let organization = organization();
        for index in 0..500 {
            let person = Person::new(42, index);
            let mail = person.mail(&organization);
            match person.kind {
                Kind::Guest => assert!(!mail.unwrap().ends_with("contoso.com")),
                Kind::Room | Kind::SharedMailbox => assert!(mail.is_some()),
                _ => assert_eq!(mail.is_some(), person.held.brings_mailbox()),
            }
        }
    }
}

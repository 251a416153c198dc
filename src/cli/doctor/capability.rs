//! One dataset of a tenant in the doctor's table.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::cli::progress::dataset_name;
use crate::domain::sync_run::{Capability, CapabilityState, Dataset, Problem, ProblemKind};

use super::report::Check;

/// What works of a dataset, whether a server says it or Microsoft was just asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ability {
    #[serde(deserialize_with = "name_of_word")]
    dataset: String,
    #[serde(deserialize_with = "state_of_word")]
    state: CapabilityState,
    /// The age of what is stored of it.
    as_of: Option<Timestamp>,
    remedy: Option<String>,
    /// Microsoft took no more requests of it when it was tried: that says nothing of what works.
    #[serde(skip)]
    is_throttled: bool,
}

impl Ability {
    /// What an attempt met just now.
    pub(super) fn of_attempt(
        dataset: Dataset,
        met: Result<(), Problem>,
        as_of: Option<Timestamp>,
    ) -> Self {
        let is_throttled = matches!(&met, Err(problem) if problem.kind == ProblemKind::Throttled);
        let (state, remedy) = match met {
            Ok(()) => (CapabilityState::Ok, None),
            Err(problem) => match CapabilityState::after(problem.kind) {
                CapabilityState::Failing => (CapabilityState::Failing, Some(problem.to_string())),
                state => (state, Some(problem.message)),
            },
        };
        Self {
            dataset: dataset.name().to_owned(),
            state,
            as_of,
            remedy,
            is_throttled,
        }
    }

    /// Its line of the table. What Microsoft does not sell or offer to a tenant is no failure.
    pub(super) fn check(&self, tenant: &str) -> Check {
        let subject = format!("{tenant}: {}", self.dataset);
        let age = self.as_of.map_or_else(String::new, |at| {
            format!(", as of {}", at.strftime("%Y-%m-%d %H:%M UTC"))
        });
        let finding = format!("{}{age}", label(self.state));
        let remedy = self.remedy.as_deref();
        if self.is_throttled {
            let finding = format!("throttled, try again in ten minutes{age}");
            return Check::warning(&subject, &finding, remedy.unwrap_or_default());
        }
        match self.state {
            CapabilityState::Ok => Check::ok(&subject, &finding),
            CapabilityState::Unknown => Check::warning(
                &subject,
                &finding,
                remedy.unwrap_or(&format!("seatwise sync --tenant {tenant}")),
            ),
            CapabilityState::NeedsPremium
            | CapabilityState::Concealed
            | CapabilityState::UnsupportedCloud => {
                Check::warning(&subject, &finding, remedy.unwrap_or_default())
            }
            CapabilityState::MissingScope
            | CapabilityState::MissingRole
            | CapabilityState::Failing => {
                Check::failed(&subject, &finding, remedy.unwrap_or_default())
            }
        }
    }
}

impl From<&Capability> for Ability {
    fn from(capability: &Capability) -> Self {
        Self {
            dataset: capability.dataset.name().to_owned(),
            state: capability.state,
            as_of: capability.as_of,
            remedy: capability.remedy.clone(),
            is_throttled: false,
        }
    }
}

/// A state for people.
fn label(state: CapabilityState) -> &'static str {
    match state {
        CapabilityState::Ok => "readable",
        CapabilityState::MissingScope => "missing scope",
        CapabilityState::MissingRole => "missing role",
        CapabilityState::NeedsPremium => "needs Entra ID P1 or P2",
        CapabilityState::Concealed => "names are concealed",
        CapabilityState::UnsupportedCloud => "not in this cloud",
        CapabilityState::Failing => "failing",
        CapabilityState::Unknown => "never tried",
    }
}

fn name_of_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(dataset_name(&String::deserialize(deserializer)?))
}

fn state_of_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CapabilityState, D::Error> {
    let word = String::deserialize(deserializer)?;
    match word.as_str() {
        "OK" => Ok(CapabilityState::Ok),
        "MISSING_SCOPE" => Ok(CapabilityState::MissingScope),
        "MISSING_ROLE" => Ok(CapabilityState::MissingRole),
        "NEEDS_PREMIUM" => Ok(CapabilityState::NeedsPremium),
        "CONCEALED" => Ok(CapabilityState::Concealed),
        "UNSUPPORTED_CLOUD" => Ok(CapabilityState::UnsupportedCloud),
        "FAILING" => Ok(CapabilityState::Failing),
        "UNKNOWN" => Ok(CapabilityState::Unknown),
        _ => Err(serde::de::Error::custom("an unknown state of a capability")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::doctor::report::Report;

    fn text(abilities: Vec<Ability>) -> (String, usize) {
        let mut report = Report::default();
        report.extend(abilities.iter().map(|ability| ability.check("contoso")));
        (report.to_text(), report.failed_count())
    }

    #[test]
    fn each_dataset_is_told_with_its_state_its_age_and_its_remedy() {
        let as_of: Timestamp = "2026-11-20T02:00:59Z".parse().unwrap();
        let met = |dataset, kind, words: &str, as_of| {
            Ability::of_attempt(dataset, Err(Problem::new(kind, words)), as_of)
        };
        let (text, failed) = text(vec![
            Ability::of_attempt(Dataset::Users, Ok(()), Some(as_of)),
            Ability::of_attempt(Dataset::Licenses, Ok(()), None),
            met(
                Dataset::OneDriveUsage,
                ProblemKind::Role,
                "give the account that signed in the role Reports Reader: Entra admin center, Roles and administrators, Reports Reader, Add assignments",
                Some(as_of),
            ),
            met(
                Dataset::SignInActivity,
                ProblemKind::NeedsPremium,
                "nothing else is missing",
                None,
            ),
            met(Dataset::Groups, ProblemKind::Unreachable, "ask later", None),
            met(
                Dataset::EmailActivity,
                ProblemKind::Throttled,
                "it passes",
                None,
            ),
        ]);
        assert_eq!(failed, 2);
        insta::assert_snapshot!(text, @r"
        ok       contoso: users             readable, as of 2026-11-20 02:00 UTC
        ok       contoso: licenses          readable
        failed   contoso: OneDrive usage    missing role, as of 2026-11-20 02:00 UTC
                                            -> give the account that signed in the role Reports Reader:
                                               Entra admin center, Roles and administrators, Reports Reader,
                                               Add assignments
        warning  contoso: sign-in activity  needs Entra ID P1 or P2
                                            -> nothing else is missing
        failed   contoso: groups            failing
                                            -> UNREACHABLE: ask later
        warning  contoso: email activity    throttled, try again in ten minutes
                                            -> THROTTLED: it passes
        ");
    }

    #[test]
    fn a_servers_words_are_read() {
        let read = |state: &str, dataset: &str| {
            let told = json!({"dataset": dataset, "state": state, "asOf": null, "remedy": "r"});
            serde_json::from_value::<Ability>(told)
        };
        for (word, state) in [
            ("OK", CapabilityState::Ok),
            ("MISSING_SCOPE", CapabilityState::MissingScope),
            ("MISSING_ROLE", CapabilityState::MissingRole),
            ("NEEDS_PREMIUM", CapabilityState::NeedsPremium),
            ("CONCEALED", CapabilityState::Concealed),
            ("UNSUPPORTED_CLOUD", CapabilityState::UnsupportedCloud),
            ("FAILING", CapabilityState::Failing),
            ("UNKNOWN", CapabilityState::Unknown),
        ] {
            assert_eq!(read(word, "USERS").unwrap().state, state);
        }
        assert!(read("BROKEN", "USERS").is_err());
        let ability = read("OK", "ONEDRIVE_ACTIVITY").unwrap();
        assert_eq!(ability.dataset, "OneDrive activity");
    }
}

//! The sign-in log: interactive sign-ins of people, to Microsoft's applications and to others.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::filter::Property;
use super::log::Ledger;
use super::log::Log;
use super::log::Moment;
use super::log::written;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::usage::Life;
use crate::simulator::organization::user_id;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

pub(super) const LOG: Log = Log {
    name: "signIns",
    number: 0,
    time: "createdDateTime",
    properties: &[
        Property::Exact("userId"),
        Property::Exact("appId"),
        Property::Exact("resourceId"),
        Property::Exact("correlationId"),
        Property::Exact("conditionalAccessStatus"),
        Property::Exact("clientAppUsed"),
        Property::Exact("riskState"),
        Property::Exact("status/errorCode"),
        Property::Text("userPrincipalName"),
        Property::Text("userDisplayName"),
        Property::Text("appDisplayName"),
        Property::Text("ipAddress"),
        Property::Text("location/city"),
        Property::Text("location/countryOrRegion"),
        Property::Text("deviceDetail/operatingSystem"),
    ],
    refuses_older: false,
    entries_a_day: |accounts| accounts * 3 / 2 + 4,
    entry,
};

/// An application to sign in to.
struct Application {
    /// `None` for those that are not Microsoft's: their ids differ from tenant to tenant.
    id: Option<&'static str>,
    name: &'static str,
    /// Of a thousand people, those who use it at all.
    share: u64,
}

const fn application(id: Option<&'static str>, name: &'static str, share: u64) -> Application {
    Application { id, name, share }
}

const MICROSOFTS: [Application; 6] = [
    application(
        Some("1fec8e78-bce4-4aaf-ab1b-5451cc387264"),
        "Microsoft Teams",
        1000,
    ),
    application(
        Some("4765445b-32c6-49b0-83e6-1d93765276ca"),
        "OfficeHome",
        900,
    ),
    application(
        Some("00000002-0000-0ff1-ce00-000000000000"),
        "Office 365 Exchange Online",
        800,
    ),
    application(
        Some("00000003-0000-0ff1-ce00-000000000000"),
        "Office 365 SharePoint Online",
        700,
    ),
    application(
        Some("d3590ed6-52b3-4102-aeff-aad2292ab01c"),
        "Microsoft Office",
        900,
    ),
    application(
        Some("c44b4083-3bb0-49c1-b47d-974e53cbdf3c"),
        "Azure Portal",
        60,
    ),
];

const OTHERS: [Application; 7] = [
    application(None, "Salesfield CRM", 260),
    application(None, "TicketHarbor", 420),
    application(None, "Huddleroom Meetings", 330),
    application(None, "Chatterbox", 380),
    application(None, "Paydesk", 850),
    application(None, "Sketchwell", 90),
    application(None, "Codeberth", 150),
];

/// A failure's number and words, and how many of a thousand failures are of it.
const FAILURES: [(u64, &str, u64); 4] = [
    (
        50126,
        "Error validating credentials due to invalid username or password.",
        600,
    ),
    (50074, "Strong Authentication is required.", 250),
    (
        53003,
        "Access has been blocked by Conditional Access policies.",
        100,
    ),
    (
        50053,
        "Account is locked because user tried to sign in too many times with an incorrect user ID or password.",
        50,
    ),
];

fn entry(ledger: &Ledger, moment: Moment) -> Option<Value> {
    let mut draws = ledger.draws(Stream::SignIn, moment);
    let (person, life) = ledger.somebody(&mut draws);
    if !person.is_human() || life.made_on > moment.day {
        return None;
    }
    let luck = draws.below(1000);
    // Whoever is not at work does not sign in; now and then somebody else tries.
    let fails = match life.latest_of_all(moment.day) == Some(moment.day) {
        true => luck < 45,
        false if luck < 25 => true,
        false => return None,
    };
    let (number, application) = application_of(&life, &mut draws);
    let seed = ledger.world.organization.seed;
    let id = application.id.map_or_else(
        || guid(seed, Stream::Application, number).to_string(),
        str::to_owned,
    );
    let failure = FAILURES[failure_at(draws.below(1000))];
    let (code, reason) = match fails {
        true => (failure.0, failure.1),
        false => (0, "Other."),
    };
    let is_microsofts = application.id.is_some();
    Some(json!({
        "id": guid(seed, Stream::SignIn, moment.position),
        "createdDateTime": written(moment.at),
        "userDisplayName": person.display_name(),
        "userPrincipalName": person.principal_name(&ledger.world.organization).to_lowercase(),
        "userId": user_id(seed, person.index),
        "appId": id,
        "appDisplayName": application.name,
        "ipAddress": format!("198.51.100.{}", life.trait_below(30, 254) + 1),
        "clientAppUsed": if draws.chance(750) { "Browser" } else { "Mobile Apps and Desktop clients" },
        "correlationId": guid(seed, Stream::Audit, moment.position),
        "conditionalAccessStatus": match code { 0 => "success", 53003 => "failure", _ => "notApplied" },
        "isInteractive": true,
        "riskDetail": "hidden",
        "riskLevelAggregated": "hidden",
        "riskLevelDuringSignIn": "hidden",
        "riskState": "none",
        "riskEventTypes": [],
        "riskEventTypes_v2": [],
        "resourceDisplayName": if is_microsofts { "Microsoft Graph" } else { application.name },
        "resourceId": if is_microsofts { "00000003-0000-0000-c000-000000000000" } else { &id },
        "status": {
            "errorCode": code,
            "failureReason": reason,
            "additionalDetails": if code == 50074 { Value::from("MFA required in Azure AD") } else { Value::Null },
        },
        "deviceDetail": device(&person, &life),
        "location": {
            "city": person.office.city,
            "state": person.office.state,
            "countryOrRegion": person.office.usage_location,
            "geoCoordinates": {"altitude": null, "latitude": null, "longitude": null},
        },
        "appliedConditionalAccessPolicies": [],
    }))
}

/// One of the applications that somebody uses, and its number.
fn application_of(life: &Life, draws: &mut Draws) -> (u64, &'static Application) {
    let is_other = draws.chance(550);
    let number = draws.below(OTHERS.len() as u64);
    let other = &OTHERS[number as usize];
    if is_other && life.trait_below(20 + number, 1000) < other.share {
        return (number, other);
    }
    let used: Vec<&Application> = MICROSOFTS
        .iter()
        .zip(10..)
        .filter(|(application, trait_number)| {
            life.trait_below(*trait_number, 1000) < application.share
        })
        .map(|(application, _)| application)
        .collect();
    (0, draws.choice(&used).copied().unwrap_or(&MICROSOFTS[0]))
}

fn failure_at(per_mille: u64) -> usize {
    let mut left = per_mille;
    for (position, (_, _, share)) in FAILURES.iter().enumerate() {
        if left < *share {
            return position;
        }
        left -= share;
    }
    0
}

fn device(person: &Person, life: &Life) -> Value {
    let system = ["Windows10", "MacOs", "Ios 18.1", "Windows10"][life.home()];
    json!({
        "deviceId": Uuid::from_u128(u128::from(life.trait_below(31, u64::MAX))),
        "displayName": format!("PC-{}", person.index),
        "operatingSystem": system,
        "browser": "Edge 141.0.0",
        "isCompliant": true,
        "isManaged": true,
        "trustType": "Azure AD joined",
    })
}

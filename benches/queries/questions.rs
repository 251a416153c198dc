//! What is asked, in the words of both schemas: whatever is asked of one is asked of the other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Outcome;
use crate::export::Sample;
use crate::graphql::Endpoint;

/// Fields of a user in an answer: ten of them.
const FIELDS: &str = "objectId displayName userPrincipalName mail jobTitle department officeLocation userType accountEnabled licenseNames";
/// Rows of a page.
const PAGE: u64 = 50;
/// The page that Q5 asks for, where a department is that large.
const DEEP_PAGE: u64 = 200;
/// The most rows of a page that Seatwise gives, by which its places are walked to.
const STRIDE: u64 = 500;

/// The questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    Q1,
    Q2,
    Q3,
    Q4,
    Q5,
    Q6,
}

impl Question {
    pub(crate) const ALL: [Self; 6] = [Self::Q1, Self::Q2, Self::Q3, Self::Q4, Self::Q5, Self::Q6];

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Q1 => "department, license, member, no resource; 50 rows, total",
            Self::Q2 => "the same, total only",
            Self::Q3 => "holders of a license by department",
            Self::Q4 => "one user by id",
            Self::Q5 => "page 200 of a department by cursor",
            Self::Q6 => "part of a display name; 50 rows, total",
        }
    }
}

impl std::str::FromStr for Question {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        let question = all.find(|question| format!("{question:?}").eq_ignore_ascii_case(text));
        question.ok_or_else(|| format!("{text:?} is none of Q1 to Q6"))
    }
}

/// The bodies of requests that one question rotates over.
pub(crate) struct Rotation {
    pub(crate) question: Question,
    pub(crate) seatwise: Vec<String>,
    /// One list a way in which PostGraphile can be asked; empty where there is none to ask.
    pub(crate) peer: Vec<(&'static str, Vec<String>)>,
}

/// Makes the bodies; places in lists are asked for at both.
pub(crate) fn rotation(
    question: Question,
    sample: &Sample,
    seatwise: &Endpoint<'_>,
    peer: Option<&Endpoint<'_>>,
) -> Outcome<Rotation> {
    let (ours, theirs) = match question {
        Question::Q1 => of_pairs(sample, &format!("totalCount nodes{{{FIELDS}}}")),
        Question::Q2 => of_pairs(sample, "totalCount"),
        Question::Q3 => of_licenses(sample),
        Question::Q4 => of_ids(sample),
        Question::Q5 => return deep_pages(sample, seatwise, peer),
        Question::Q6 => of_needles(sample),
    };
    Ok(Rotation {
        question,
        seatwise: ours,
        peer: peer.map(|_| ("", theirs)).into_iter().collect(),
    })
}

/// Q1 and Q2.
fn of_pairs(sample: &Sample, selection: &str) -> (Vec<String>, Vec<String>) {
    let ours = format!(
        "query($department:String!,$license:String!){{users(first:{PAGE},filter:{{department:{{eq:$department}},isResourceAccount:false,userType:{{eq:MEMBER}},licenseNames:{{has:$license}}}}){{{selection}}}}}"
    );
    let theirs = format!(
        "query($department:String!,$license:String!){{users:allUsers(first:{PAGE},orderBy:[DISPLAY_NAME_KEY_ASC,PRIMARY_KEY_ASC],filter:{{department:{{equalTo:$department}},isResourceAccount:{{equalTo:false}},userType:{{equalTo:\"MEMBER\"}},licenseNames:{{contains:[$license]}}}}){{{selection}}}}}"
    );
    let variables = |(department, license): &(String, String)| json!({"department": department, "license": license});
    bodies(&ours, &theirs, sample.pairs.iter().map(variables))
}

fn of_licenses(sample: &Sample) -> (Vec<String>, Vec<String>) {
    let ours = "query($license:String!){users(filter:{licenseNames:{has:$license}}){breakdown(by:DEPARTMENT,first:500){key count}}}";
    let theirs = "query($license:String!){users:allUsers(filter:{licenseNames:{contains:[$license]}}){groupedAggregates(groupBy:DEPARTMENT){keys count{objectId}}}}";
    let licenses = sample.licenses.iter();
    bodies(
        ours,
        theirs,
        licenses.map(|license| json!({"license": license})),
    )
}

fn of_ids(sample: &Sample) -> (Vec<String>, Vec<String>) {
    let ours = format!("query($id:ID!){{user(by:{{objectId:$id}}){{{FIELDS}}}}}");
    let theirs = format!("query($id:UUID!){{user:userByObjectId(objectId:$id){{{FIELDS}}}}}");
    let ids = sample.ids.iter();
    bodies(&ours, &theirs, ids.map(|id| json!({"id": id})))
}

fn of_needles(sample: &Sample) -> (Vec<String>, Vec<String>) {
    let ours = format!(
        "query($part:String!){{users(first:{PAGE},filter:{{displayName:{{contains:$part}}}}){{totalCount nodes{{{FIELDS}}}}}}}"
    );
    let theirs = format!(
        "query($part:String!){{users:allUsers(first:{PAGE},orderBy:[DISPLAY_NAME_KEY_ASC,PRIMARY_KEY_ASC],filter:{{displayNameKey:{{includes:$part}}}}){{totalCount nodes{{{FIELDS}}}}}}}"
    );
    let needles = sample.needles.iter();
    bodies(&ours, &theirs, needles.map(|part| json!({"part": part})))
}

/// Q5: by cursor at Seatwise, by number and by cursor at PostGraphile. By user principal name, which is
/// unique, so that a cursor of PostGraphile is one comparison that an index answers.
fn deep_pages(
    sample: &Sample,
    seatwise: &Endpoint<'_>,
    peer: Option<&Endpoint<'_>>,
) -> Outcome<Rotation> {
    let ours = format!(
        "query($department:String!,$after:String){{users(first:{PAGE},after:$after,orderBy:[{{field:USER_PRINCIPAL_NAME}}],filter:{{department:{{eq:$department}}}}){{nodes{{{FIELDS}}}}}}}"
    );
    let theirs = |place: &str| {
        format!(
            "query($department:String!,$place:{}){{users:allUsers(first:{PAGE},{place}:$place,orderBy:[USER_PRINCIPAL_NAME_KEY_ASC],filter:{{department:{{equalTo:$department}}}}){{nodes{{{FIELDS}}}}}}}",
            if place == "offset" { "Int!" } else { "Cursor!" }
        )
    };
    let (by_offset, by_cursor) = (theirs("offset"), theirs("after"));
    let mut rotation = Rotation {
        question: Question::Q5,
        seatwise: Vec::new(),
        peer: Vec::new(),
    };
    let (mut offsets, mut cursors) = (Vec::new(), Vec::new());
    for (department, offset) in deep_places(sample) {
        let after = seatwise_place(seatwise, department, offset)?;
        let variables = json!({"department": department, "after": after});
        rotation.seatwise.push(body(&ours, &variables));
        let Some(peer) = peer else {
            continue;
        };
        let variables = json!({"department": department, "place": offset});
        offsets.push(body(&by_offset, &variables));
        let after = peer_place(peer, department, offset)?;
        let variables = json!({"department": department, "place": after});
        cursors.push(body(&by_cursor, &variables));
    }
    if peer.is_some() {
        rotation.peer = vec![("by offset", offsets), ("by keyset", cursors)];
    }
    Ok(rotation)
}

/// Departments that have such a page and how many rows come before it; where none is so large, the last
/// full page of the largest.
fn deep_places(sample: &Sample) -> Vec<(&str, u64)> {
    let before = (DEEP_PAGE - 1) * PAGE;
    let large = sample
        .departments
        .iter()
        .filter(|(_, count)| *count >= before + PAGE);
    let places: Vec<_> = large.map(|(name, _)| (name.as_str(), before)).collect();
    if !places.is_empty() {
        return places;
    }
    let largest = sample.departments.iter().take(5);
    largest
        .map(|(name, count)| (name.as_str(), (count / PAGE).saturating_sub(1) * PAGE))
        .filter(|(_, before)| *before > 0)
        .collect()
}

/// The cursor of the last row before a place.
fn seatwise_place(endpoint: &Endpoint<'_>, department: &str, offset: u64) -> Outcome<String> {
    let query = "query($department:String!,$first:Int!,$after:String){users(first:$first,after:$after,orderBy:[{field:USER_PRINCIPAL_NAME}],filter:{department:{eq:$department}}){pageInfo{endCursor}}}";
    let (mut left, mut after) = (offset, Value::Null);
    while left > 0 {
        let first = left.min(STRIDE);
        let variables = json!({"department": department, "first": first, "after": after});
        let mut data = endpoint.ask(&body(query, &variables))?;
        after = data["users"]["pageInfo"]["endCursor"].take();
        left -= first;
    }
    Ok(after.as_str().ok_or("a page without a place")?.to_owned())
}

fn peer_place(endpoint: &Endpoint<'_>, department: &str, offset: u64) -> Outcome<String> {
    let query = "query($department:String!,$offset:Int!){users:allUsers(first:1,offset:$offset,orderBy:[USER_PRINCIPAL_NAME_KEY_ASC],filter:{department:{equalTo:$department}}){pageInfo{endCursor}}}";
    let variables = json!({"department": department, "offset": offset.saturating_sub(1)});
    let data = endpoint.ask(&body(query, &variables))?;
    let cursor = data["users"]["pageInfo"]["endCursor"].as_str();
    Ok(cursor.ok_or("a page without a place")?.to_owned())
}

fn bodies(
    ours: &str,
    theirs: &str,
    variables: impl Iterator<Item = Value>,
) -> (Vec<String>, Vec<String>) {
    variables
        .map(|variables| (body(ours, &variables), body(theirs, &variables)))
        .unzip()
}

fn body(query: &str, variables: &Value) -> String {
    json!({"query": query, "variables": variables}).to_string()
}

/// Stops where the two give different answers to the same question. All bodies are compared, so that
/// none is measured that is answered with an error.
pub(crate) fn compare(
    rotation: &Rotation,
    seatwise: &Endpoint<'_>,
    peer: &Endpoint<'_>,
) -> Outcome<usize> {
    let mut compared = 0;
    for (way, theirs) in &rotation.peer {
        for (ours, theirs) in rotation.seatwise.iter().zip(theirs) {
            let mine = common(rotation.question, seatwise.ask(ours)?);
            let other = common(rotation.question, peer.ask(theirs)?);
            if mine != other {
                return Err(differing(rotation.question, way, (ours, &mine), &other).into());
            }
            compared += 1;
        }
    }
    Ok(compared)
}

/// What both can say alike.
fn common(question: Question, data: Value) -> Value {
    if question != Question::Q3 {
        return data;
    }
    let groups = &data["users"];
    let ours = groups["breakdown"].as_array().into_iter().flatten();
    let ours = ours.map(|group| (text(&group["key"]), text(&group["count"])));
    let theirs = groups["groupedAggregates"].as_array().into_iter().flatten();
    let theirs = theirs.map(|group| (text(&group["keys"][0]), text(&group["count"]["objectId"])));
    json!(ours.chain(theirs).collect::<BTreeMap<_, _>>())
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn differing(
    question: Question,
    way: &str,
    (body, ours): (&str, &Value),
    theirs: &Value,
) -> String {
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    let same = ours
        .bytes()
        .zip(theirs.bytes())
        .take_while(|(left, right)| left == right);
    let from = same.count().saturating_sub(80);
    let part = |text: &str| -> String {
        String::from_utf8_lossy(text.as_bytes().get(from..).unwrap_or_default())
            .chars()
            .take(400)
            .collect()
    };
    format!(
        "{question:?} {way} has different answers, so nothing is measured.\n  asked      {body}\n  Seatwise   ...{}\n  PostgreSQL ...{}",
        part(&ours),
        part(&theirs)
    )
}

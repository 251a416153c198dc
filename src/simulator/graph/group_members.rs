//! `GET /groups/{id}/members`: who is in a group directly, of whatever type.

use uuid::Uuid;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::groups;
use super::json;
use super::json_answer;
use super::link;
use super::options::check_known;
use super::options::page_size;
use super::options::wants_count;
use super::skip_token::SkipToken;
use super::user_fields::Card;
use super::user_fields::Selection;
use crate::simulator::message::Answer;
use crate::simulator::organization::View;
use crate::simulator::organization::groups::Group;
use crate::simulator::organization::groups::OtherMember;
use crate::simulator::organization::user_id;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/groups/{id}/members",
    permissions: groups::PERMISSIONS,
    cost: 3,
    answer: |call| answer(call, false),
};

/// The users among them only.
pub(super) const USERS_ENDPOINT: Endpoint = Endpoint {
    path: "/groups/{id}/members/microsoft.graph.user",
    permissions: groups::PERMISSIONS,
    cost: 3,
    answer: |call| answer(call, true),
};

fn answer(call: &Call, only_users: bool) -> Result<Answer, GraphError> {
    let request = call.request;
    check_known(request, &["$select", "$top", "$count", "$skiptoken"])?;
    let fields = Selection::parse(request.option("$select"))?;
    let size = page_size(request)?;
    let token = groups::token(call)?;
    let view = call.world.organization.view();
    let key = call.key;
    let group = key.parse().ok().and_then(|id: Uuid| view.find_group(id));
    let group = group.ok_or_else(|| {
        GraphError::new(404, "Request_ResourceNotFound", format!("Resource '{key}' does not exist or one of its queried reference-property objects are not present."))
    })?;
    let members = Members::of(call, &view, &group, only_users);
    let mut out = Vec::with_capacity(size * 256);
    out.extend_from_slice(b"{\"@odata.context\":");
    let graph_url = &call.world.graph_url;
    let context = if only_users {
        "users"
    } else {
        "directoryObjects"
    };
    json::text(
        &mut out,
        &format!("{graph_url}/v1.0/$metadata#{context}{}", fields.context()),
    );
    if wants_count(request)? && call.is_eventual() && request.option("$skiptoken").is_none() {
        out.extend_from_slice(format!(",\"@odata.count\":{}", members.count()).as_bytes());
    }
    let mut rows = members.starting_at(token.from, size + 1);
    if let Some(next) = rows.get(size) {
        let token = SkipToken {
            from: members.place_of(next),
            turn: 0,
        };
        out.extend_from_slice(b",\"@odata.nextLink\":");
        json::text(&mut out, &link(call.world, request, token));
    }
    rows.truncate(size);
    out.extend_from_slice(b",\"value\":");
    json::list(&mut out, &rows, |out, member| match member {
        Member::User(user) => write_user(out, call, &view, *user, &fields, only_users),
        Member::Other(other) => write_other(out, call, other, &fields),
    });
    out.push(b'}');
    Ok(json_answer(out))
}

/// A member.
pub(super) enum Member {
    User(u64),
    Other(OtherMember),
}

/// The members of a group: those that are no users come first, then accounts by their numbers.
pub(super) struct Members<'a> {
    view: &'a View<'a>,
    group: Group,
    others: Vec<OtherMember>,
    is_hidden: bool,
}

impl<'a> Members<'a> {
    /// The members that whoever calls may see.
    pub(super) fn of(call: &Call, view: &'a View<'a>, group: &Group, only_users: bool) -> Self {
        let is_hidden =
            group.visibility() == Some("HiddenMembership") && !call.may(&["Member.Read.Hidden"]);
        let others = if only_users || is_hidden {
            Vec::new()
        } else {
            group.other_members(view.organization())
        };
        Self {
            view,
            group: *group,
            others,
            is_hidden,
        }
    }

    /// At most `count` members from a place on.
    pub(super) fn starting_at(&self, place: u64, count: usize) -> Vec<Member> {
        let skipped = usize::try_from(place).unwrap_or(usize::MAX);
        let others = self.others.iter().skip(skipped).take(count);
        let mut members: Vec<Member> = others.cloned().map(Member::Other).collect();
        if !self.is_hidden {
            let from = place.saturating_sub(self.others.len() as u64);
            let users = self
                .view
                .members(self.group.number, from, count - members.len());
            members.extend(users.into_iter().map(Member::User));
        }
        members
    }

    /// The place of a member: it stays the same whoever joins or leaves meanwhile.
    pub(super) fn place_of(&self, member: &Member) -> u64 {
        let others = self.others.len() as u64;
        match member {
            Member::User(user) => others + user,
            Member::Other(other) => {
                let place = self.others.iter().position(|known| known == other);
                place.map_or(others, |place| place as u64)
            }
        }
    }

    fn count(&self) -> usize {
        self.starting_at(0, usize::MAX).len()
    }

    /// Whether nothing of them may be told.
    pub(super) fn is_hidden(&self) -> bool {
        self.is_hidden
    }
}

fn write_user(
    out: &mut Vec<u8>,
    call: &Call,
    view: &View,
    user: u64,
    fields: &Selection,
    is_cast: bool,
) {
    let Some(person) = view.person(user) else {
        return out.extend_from_slice(b"{}"); // Cannot be: those who are gone are no members.
    };
    out.push(b'{');
    if !is_cast {
        out.extend_from_slice(b"\"@odata.type\":\"#microsoft.graph.user\",");
    }
    if call.may(&["User.Read.All", "User.ReadBasic.All", "Directory.Read.All"]) {
        let now = call.world.now().as_second();
        let person = &person;
        fields.write(out, &Card { view, person, now });
    } else {
        let id = user_id(view.organization().seed, user);
        fields.write_hidden(out, id);
    }
    out.push(b'}');
}

/// Of a type that whoever calls may not read, only the id is told.
fn write_other(out: &mut Vec<u8>, call: &Call, other: &OtherMember, fields: &Selection) {
    out.extend_from_slice(b"{\"@odata.type\":");
    json::text(out, &format!("#microsoft.graph.{}", other.of_type));
    out.extend_from_slice(b",\"id\":");
    json::guid(out, other.id);
    let may = match other.of_type {
        "group" => true, // Or this would have been refused.
        "device" => call.may(&["Device.Read.All", "Directory.Read.All"]),
        "orgContact" => call.may(&["OrgContact.Read.All", "Directory.Read.All"]),
        _ => call.may(&["Application.Read.All", "Directory.Read.All"]),
    };
    if fields.has("displayName") {
        out.extend_from_slice(b",\"displayName\":");
        json::text_or_null(out, may.then_some(other.name.as_str()));
    }
    out.push(b'}');
}

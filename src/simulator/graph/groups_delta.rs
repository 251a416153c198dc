//! `GET /groups/delta`: all groups with their members once, and then what changes.

use super::Call;
use super::Endpoint;
use super::delta::Round;
use super::delta::separate;
use super::delta::write_removed;
use super::delta_token::Stage;
use super::error::GraphError;
use super::group_members::Member;
use super::group_members::Members;
use super::group_rows::GroupSelection;
use super::groups;
use super::json;
use super::options::names;
use crate::simulator::message::Answer;
use crate::simulator::organization::View;
use crate::simulator::organization::edits::Event;
use crate::simulator::organization::groups::Group;
use crate::simulator::organization::user_id;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/groups/delta",
    permissions: groups::PERMISSIONS,
    cost: 1,
    answer,
};

/// Members that a page may have for each group that it may have.
const MEMBERS_PER_ROW: usize = 20;
/// Bits of a position that say where in a group the page begins; those before name the group.
const PLACE_BITS: u32 = 40;

/// A page that is being written.
struct Page<'a> {
    call: &'a Call<'a>,
    view: &'a View<'a>,
    round: &'a Round,
    fields: GroupSelection,
    follows_members: bool,
    rows: Vec<u8>,
    rows_left: usize,
    members_left: usize,
    /// The group whose row is still open for more members.
    open: Option<u64>,
}

fn answer(call: &Call) -> Result<Answer, GraphError> {
    let view = call.world.organization.view();
    let round = Round::take_up(call, "groups", view.version())?;
    let (fields, follows_members) = tracked(round.select())?;
    let mut page = Page {
        call,
        view: &view,
        round: &round,
        fields,
        follows_members,
        rows: Vec::new(),
        rows_left: round.page_rows.max(1),
        members_left: round.page_rows.max(1) * MEMBERS_PER_ROW,
        open: None,
    };
    let next = match round.stage() {
        _ if round.is_latest() => None,
        Stage::Initial => page.write_all(),
        Stage::Changes => page.write_changes(),
    };
    page.close();
    let Page { rows, fields, .. } = page;
    Ok(round.answer(call, &fields.context(), &rows, next))
}

/// What a round follows: members too, unless others are selected.
fn tracked(select: Option<&str>) -> Result<(GroupSelection, bool), GraphError> {
    let wanted: Vec<&str> = select.map(|list| names(list).collect()).unwrap_or_default();
    let is_members = |name: &&str| name.eq_ignore_ascii_case("members");
    let follows_members = wanted.is_empty() || wanted.iter().any(is_members);
    let rest: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|name| !is_members(name))
        .collect();
    let rest = if rest.is_empty() && !wanted.is_empty() {
        "id".to_owned()
    } else {
        rest.join(",")
    };
    Ok((GroupSelection::parse(Some(&rest))?, follows_members))
}

impl Page<'_> {
    /// Writes groups by their numbers with as many members as a page may have; returns where the next
    /// page begins: at a group, or in the middle of a large one.
    fn write_all(&mut self) -> Option<u64> {
        let position = self.round.position();
        let mut place = position & ((1 << PLACE_BITS) - 1);
        for number in position >> PLACE_BITS..self.view.groups_end() {
            if self.rows_left == 0 || self.members_left == 0 {
                return Some(number << PLACE_BITS);
            }
            let from = std::mem::take(&mut place);
            let group = Group::new(self.view.organization(), number);
            if !self.round.is_about(group.id(self.view.organization().seed)) {
                continue;
            }
            if self.view.is_group_removed(number) {
                self.write_removed(&group);
            } else if let Some(rest) = self.write_group(&group, from) {
                return Some(number << PLACE_BITS | rest);
            }
        }
        None
    }

    /// Writes a group with its members from a place on; returns the place of those that remain.
    fn write_group(&mut self, group: &Group, from: u64) -> Option<u64> {
        self.begin(group);
        let rest = if self.follows_members {
            self.write_members(group, from)
        } else {
            None
        };
        self.rows.push(b'}');
        rest
    }

    /// Writes as many members as the page may have; returns the place of those that remain.
    fn write_members(&mut self, group: &Group, from: u64) -> Option<u64> {
        let members = Members::of(self.call, self.view, group, false);
        let mut shown = members.starting_at(from, self.members_left + 1);
        let rest = shown
            .get(self.members_left)
            .map(|member| members.place_of(member));
        shown.truncate(self.members_left);
        self.members_left -= shown.len();
        if !shown.is_empty() {
            self.rows.extend_from_slice(b",\"members@delta\":");
            let seed = self.view.organization().seed;
            json::list(&mut self.rows, &shown, |out, member| {
                write_member(out, seed, member, false);
            });
        }
        rest
    }

    /// Writes what happened, in its order. Members that follow each other in one group share a row.
    fn write_changes(&mut self) -> Option<u64> {
        for version in self.round.events() {
            if self.rows_left == 0 || self.members_left == 0 {
                return Some(version);
            }
            match self.view.event(version)? {
                Event::GroupAdded(number) => {
                    if let Some(group) = self.there(number) {
                        self.begin(&group);
                        self.rows.push(b'}');
                    }
                }
                Event::GroupRemoved(number) => {
                    let group = Group::new(self.view.organization(), number);
                    if self.round.is_about(group.id(self.view.organization().seed)) {
                        self.write_removed(&group);
                    }
                }
                Event::MemberJoined { group, user } => self.write_move(group, user, false),
                Event::MemberLeft { group, user } => self.write_move(group, user, true),
                _ => {}
            }
        }
        None
    }

    fn write_move(&mut self, number: u64, user: u64, has_left: bool) {
        let Some(group) = self.there(number).filter(|_| self.follows_members) else {
            return;
        };
        if Members::of(self.call, self.view, &group, false).is_hidden() {
            return;
        }
        if self.open == Some(number) {
            self.rows.push(b',');
        } else {
            self.begin(&group);
            self.rows.extend_from_slice(b",\"members@delta\":[");
            self.open = Some(number);
        }
        self.members_left -= 1;
        let seed = self.view.organization().seed;
        write_member(&mut self.rows, seed, &Member::User(user), has_left);
    }

    /// The group, if it is there and the round is about it.
    fn there(&self, number: u64) -> Option<Group> {
        let seed = self.view.organization().seed;
        self.view
            .group(number)
            .filter(|group| self.round.is_about(group.id(seed)))
    }

    /// Begins a group's row; its last brace is still to come.
    fn begin(&mut self, group: &Group) {
        self.close();
        separate(&mut self.rows);
        self.rows_left = self.rows_left.saturating_sub(1);
        let row = self.fields.tracked_row(self.view.organization(), group);
        let row = serde_json::Value::Object(row).to_string();
        let row = row.strip_suffix('}').unwrap_or(&row);
        self.rows.extend_from_slice(row.as_bytes());
    }

    /// Ends the row that is open.
    fn close(&mut self) {
        if self.open.take().is_some() {
            self.rows.extend_from_slice(b"]}");
        }
    }

    /// Microsoft 365 groups can be restored; others are gone for good.
    fn write_removed(&mut self, group: &Group) {
        self.close();
        self.rows_left = self.rows_left.saturating_sub(1);
        let id = group.id(self.view.organization().seed);
        write_removed(&mut self.rows, id, !group.is_unified());
    }
}

fn write_member(out: &mut Vec<u8>, seed: u64, member: &Member, has_left: bool) {
    let (of_type, id) = match member {
        Member::User(user) => ("user", user_id(seed, *user)),
        Member::Other(other) => (other.of_type, other.id),
    };
    out.extend_from_slice(b"{\"@odata.type\":\"#microsoft.graph.");
    out.extend_from_slice(of_type.as_bytes());
    out.extend_from_slice(b"\",\"id\":");
    json::guid(out, id);
    if has_left {
        out.extend_from_slice(b",\"@removed\":{\"reason\":\"deleted\"}");
    }
    out.push(b'}');
}

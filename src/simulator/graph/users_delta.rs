//! `GET /users/delta`: everybody once, and then what changes.

use super::Call;
use super::Endpoint;
use super::delta::Round;
use super::delta::separate;
use super::delta::write_removed;
use super::delta_token::Stage;
use super::error::GraphError;
use super::json;
use super::options::names;
use super::user_fields::Card;
use super::user_fields::Selection;
use crate::simulator::message::Answer;
use crate::simulator::organization::View;
use crate::simulator::organization::edits::Event;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::user_id;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/users/delta",
    permissions: &["User.Read.All", "Directory.Read.All"],
    cost: 1,
    answer,
};

/// What a round follows.
struct Tracked {
    fields: Selection,
    follows_manager: bool,
}

/// A page that is being written.
struct Page<'a> {
    view: &'a View<'a>,
    round: &'a Round,
    tracked: Tracked,
    now: i64,
    rows: Vec<u8>,
    left: usize,
}

fn answer(call: &Call) -> Result<Answer, GraphError> {
    let view = call.world.organization.view();
    let told_until = call.world.tenancy().users_told_until;
    let version = told_until.unwrap_or(u64::MAX).min(view.version());
    let round = Round::take_up(call, "users", version)?;
    let tracked = Tracked::parse(round.select())?;
    let mut page = Page {
        view: &view,
        round: &round,
        tracked,
        now: call.world.now().as_second(),
        rows: Vec::new(),
        left: round.page_rows.max(1),
    };
    let next = match round.stage() {
        _ if round.is_latest() => None,
        Stage::Initial => page.write_everybody(),
        Stage::Changes => page.write_changes(),
    };
    let Page { rows, tracked, .. } = page;
    Ok(round.answer(call, &tracked.fields.context(), &rows, next))
}

impl Tracked {
    fn parse(select: Option<&str>) -> Result<Self, GraphError> {
        let wanted: Vec<&str> = select.map(|list| names(list).collect()).unwrap_or_default();
        let is = |wanted: &str, name: &str| wanted.eq_ignore_ascii_case(name);
        if wanted.iter().any(|name| is(name, "signInActivity")) {
            return Err(GraphError::new(
                400,
                "BadRequest",
                "Invalid request for delta query: for this entity set, $expand/$select is not supported for the following properties: signInActivity",
            ));
        }
        let follows_manager = wanted.iter().any(|name| is(name, "manager"));
        let rest: Vec<&str> = wanted
            .into_iter()
            .filter(|name| !is(name, "manager"))
            .collect();
        let fields = match (rest.is_empty(), follows_manager) {
            (true, true) => Selection::parse(Some("id"))?,
            _ => Selection::parse(Some(&rest.join(",")))?,
        };
        Ok(Self {
            fields,
            follows_manager,
        })
    }
}

impl Page<'_> {
    /// Writes accounts by their numbers; returns where the next page begins. Those that were removed
    /// are named too, as Microsoft does at times.
    fn write_everybody(&mut self) -> Option<u64> {
        for user in self.round.position()..self.view.end() {
            if self.left == 0 {
                return Some(user);
            }
            if self.view.is_removed(user) {
                self.write_removed(user);
            } else if let Some(person) = self.view.person(user) {
                self.write_account(&person, None, None);
            }
        }
        None
    }

    /// Writes what happened, in its order; who was changed twice comes twice.
    fn write_changes(&mut self) -> Option<u64> {
        for version in self.round.events() {
            if self.left == 0 {
                return Some(version);
            }
            match self.view.event(version)? {
                Event::UserAdded(user) | Event::UserRestored(user) => {
                    if let Some(person) = self.view.person(user) {
                        self.write_account(&person, None, None);
                    }
                }
                Event::UserChanged {
                    user,
                    rounds_before,
                } => self.write_changed(user, rounds_before),
                Event::UserRemoved(user) | Event::UserPurged(user) => self.write_removed(user),
                Event::ManagerLost { user, manager } if self.tracked.follows_manager => {
                    if let Some(person) = self.view.person(user) {
                        let then = self.round.is_minimal.then(|| person.clone());
                        self.write_account(&person, then.as_ref(), Some(manager));
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn write_changed(&mut self, user: u64, rounds_before: usize) {
        // Who is gone by now is told as removed, in this round or the next.
        let Some(person) = self.view.person(user) else {
            return;
        };
        let before = self.view.after_rounds(user, rounds_before);
        let after = self.view.after_rounds(user, rounds_before + 1);
        if self
            .tracked
            .fields
            .tells(&self.card(&before), &self.card(&after))
        {
            let then = self.round.is_minimal.then_some(&before);
            self.write_account(&person, then, None);
        }
    }

    fn write_removed(&mut self, user: u64) {
        let id = self.id(user);
        if self.round.is_about(id) {
            self.left -= 1;
            write_removed(&mut self.rows, id, self.view.is_purged(user));
        }
    }

    /// Writes an account as it is; with `then`, what differs from that. `lost` is a manager who is gone.
    fn write_account(&mut self, person: &Person, then: Option<&Person>, lost: Option<u64>) {
        let id = self.id(person.index);
        if !self.round.is_about(id) {
            return;
        }
        self.left -= 1;
        let mut rows = std::mem::take(&mut self.rows);
        separate(&mut rows);
        rows.extend_from_slice(b"{\"id\":");
        json::guid(&mut rows, id);
        let earlier = self.view.earlier(person.index);
        self.tracked
            .fields
            .write_tracked(&mut rows, &self.card(person), &earlier, then);
        let manager = lost.or(person.manager.filter(|_| then.is_none()));
        if let Some(manager) = manager.filter(|_| self.tracked.follows_manager) {
            rows.extend_from_slice(
                b",\"manager@delta\":[{\"@odata.type\":\"#microsoft.graph.user\",\"id\":",
            );
            json::guid(&mut rows, self.id(manager));
            if lost.is_some() {
                rows.extend_from_slice(b",\"@removed\":{\"reason\":\"deleted\"}");
            }
            rows.extend_from_slice(b"}]");
        }
        rows.push(b'}');
        self.rows = rows;
    }

    fn card<'b>(&'b self, person: &'b Person) -> Card<'b> {
        Card {
            view: self.view,
            person,
            now: self.now,
        }
    }

    fn id(&self, user: u64) -> uuid::Uuid {
        user_id(self.view.organization().seed, user)
    }
}

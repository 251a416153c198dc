//! How long it takes until changes that are there already are served.

use std::time::Instant;

use seatwise::clock::SharedClock;
use seatwise::domain::filter::UserFilter;
use seatwise::domain::ids::SkuId;
use seatwise::domain::user::User;
use seatwise::engine::{Engine, TenantUpdate, UserRow, Window, select};

use crate::Outcome;
use crate::serve::index;

/// Changes users that stand evenly apart, and publishes. In seconds.
pub(crate) fn change_some(engine: &Engine, clock: &SharedClock, count: usize) -> Outcome<f64> {
    let rows = everybody(engine)?;
    let apart = (rows.len() / count.max(1)).max(1);
    let users: Vec<User> = rows
        .iter()
        .step_by(apart)
        .take(count)
        .map(changed)
        .collect();
    drop(rows);
    publish(engine, clock, users.into_iter())
}

/// Changes every user, and publishes: nothing can be shared with the index before. In seconds.
pub(crate) fn change_everybody(engine: &Engine, clock: &SharedClock) -> Outcome<f64> {
    let rows = everybody(engine)?;
    publish(engine, clock, rows.iter().map(changed))
}

fn publish(
    engine: &Engine,
    clock: &SharedClock,
    users: impl Iterator<Item = User>,
) -> Outcome<f64> {
    let base = index(engine)?;
    let began = Instant::now();
    let mut draft = base.draft();
    for user in users {
        draft.merge(&user);
    }
    let update = TenantUpdate {
        organization: None,
        licenses: None,
        users: Some(draft),
        groups: None,
        subscriptions: None,
        history: None,
        standings: Vec::new(),
        as_of: None,
        now: clock.now(),
    };
    let name = |id: SkuId, _: &str| base.license(id).map(|entry| entry.name.clone());
    // Every license that anybody holds has a name already.
    let unnamed = base.licenses().first().map(|entry| entry.name.clone());
    let unnamed = unnamed.ok_or("an organization without licenses")?;
    let next = base.updated(update, &|id, part_number| {
        name(id, part_number).unwrap_or_else(|| unnamed.clone())
    });
    engine.publish(next);
    Ok(began.elapsed().as_secs_f64())
}

fn everybody(engine: &Engine) -> Outcome<Vec<UserRow>> {
    let index = index(engine)?;
    let everybody = select(std::slice::from_ref(&index), &UserFilter::EVERYBODY, &[]);
    let window = Window {
        size: usize::try_from(everybody.count())?,
        ..Window::default()
    };
    Ok(everybody.page(&[], &window).rows)
}

/// The user with another company, or with the first one again.
fn changed(row: &UserRow) -> User {
    const MOVED: &str = "Contoso Holding";
    let mut user = row.to_user();
    user.company_name = match user.company_name.as_deref() {
        Some(MOVED) => Some("Contoso".to_owned()),
        _ => Some(MOVED.to_owned()),
    };
    user
}

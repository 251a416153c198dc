//! Lists of ids: one for all that is said of users, for as long as anything names it.

use super::*;
use crate::domain::sync_run::Dataset;
use crate::store::keys::SegmentKey;
use crate::store::manifest::{Place, Segment};
use crate::store::memory::Surviving;
use crate::store::samples::run_id;

/// The collections that name ids by a list, with that list.
fn listed(store: &Store) -> BTreeMap<Collection, Segment> {
    let facts = store.facts(&contoso()).unwrap();
    let listed = facts.segments().filter_map(|segment| {
        let list = segment.list.as_deref()?;
        Some((segment.key.collection, list.clone()))
    });
    listed.collect()
}

/// All files and blocks are named, and all that is named is there.
#[track_caller]
fn assert_tidy(store: &Store) {
    let facts = store.facts(&contoso()).unwrap();
    let named = facts.segments().flat_map(Segment::with_list);
    let mut named: Vec<_> = named.map(|one| (one.key.clone(), one.place)).collect();
    let mut stored = store.stored_segments(&contoso()).unwrap();
    let order = |(key, place): &(_, Place)| (SegmentKey::clone(key), *place == Place::File);
    named.sort_by_key(order);
    named.dedup();
    stored.sort_by_key(order);
    assert_eq!(named, stored);
}

#[test]
fn a_first_run_lists_the_users_once_for_everything() {
    let store = in_memory(&MemoryBackend::new());
    let world = whole_world(60);
    commit(&store, &contoso(), 1, &world).unwrap();
    let listed = listed(&store);
    let list = &listed[&Collection::Users];
    assert_eq!(list.rows, 60);
    assert!(listed.values().all(|other| other == list));
    for dataset in [Dataset::EmailActivity, Dataset::ActiveUsers] {
        assert!(listed.contains_key(&Collection::Usage(dataset)));
    }
    assert!(listed.contains_key(&Collection::Memberships));
    assert_tidy(&store);
    assert_eq!(load(&store, &contoso()).unwrap(), (1, world));
}

#[test]
fn a_dataset_that_is_read_later_names_the_users_by_the_list_that_is_there() {
    let store = in_memory(&MemoryBackend::new());
    let whole = whole_world(40);
    let first = World {
        others: BTreeMap::new(),
        ..whole.clone()
    };
    commit(&store, &contoso(), 1, &first).unwrap();
    commit(&store, &contoso(), 2, &whole).unwrap();
    let listed = listed(&store);
    let email = &listed[&Collection::Usage(Dataset::EmailActivity)];
    assert_eq!(email, &listed[&Collection::Users]);
    assert_eq!(email.key.run, run_id(1));
    assert_tidy(&store);
    assert_eq!(load(&store, &contoso()).unwrap(), (2, whole));
}

#[test]
fn a_list_stays_while_it_serves_and_goes_when_nothing_names_it() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let mut current = whole_world(80);
    commit(&store, &contoso(), 1, &current).unwrap();
    let first = listed(&store)[&Collection::Users].clone();
    // Everybody changes, nobody comes: the next base is of the same people.
    for number in 2..5 {
        current = changed(&current, 2, number);
        commit(&store, &contoso(), number, &current).unwrap();
        assert_eq!(listed(&store)[&Collection::Users], first);
        assert_tidy(&store);
    }
    // Others come in their place.
    let mut lists = BTreeMap::new();
    for number in 5..12 {
        let gone: Vec<_> = current.users.keys().copied().take(10).collect();
        gone.iter().for_each(|id| drop(current.users.remove(id)));
        for user in crate::store::samples::users(400)
            .into_iter()
            .skip(number as usize * 20)
            .take(20)
        {
            current.users.insert(user.object_id.0, user);
        }
        current = changed(&current, 1, number);
        commit(&store, &contoso(), number, &current).unwrap();
        assert_tidy(&store);
        assert_eq!(load(&store, &contoso()).unwrap(), (number, current.clone()));
        for list in listed(&store).into_values() {
            lists.insert(list.key.clone(), list);
        }
    }
    assert!(lists.len() > 1, "a list of those who came: {lists:?}");
    let newest = listed(&store)[&Collection::Users].clone();
    assert_ne!(newest, first);
    let reopened = in_memory(&backend.after_crash(Surviving::Nothing));
    assert_eq!(load(&reopened, &contoso()).unwrap(), (11, current));
    assert_tidy(&reopened);
}

#[test]
fn reports_outlive_users_that_were_discarded_with_the_list() {
    let store = in_memory(&MemoryBackend::new());
    let whole = whole_world(30);
    let mut staging = stage(&store, &contoso(), 1, &World::default(), &whole).unwrap();
    staging.discard(Dataset::Users).unwrap();
    staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
    let (_, found) = load(&store, &contoso()).unwrap();
    assert!(found.users.is_empty());
    let usage = Collection::Usage(Dataset::EmailActivity);
    let count = |world: &World| world.others.keys().filter(|(of, _)| *of == usage).count();
    assert!(count(&found) > 0 && count(&found) == count(&whole));
    assert!(listed(&store).contains_key(&usage));
    assert_tidy(&store);
}

#[test]
fn a_run_that_goes_on_leaves_the_list_that_it_began_with() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let whole = whole_world(30);
    let mut staging = stage(&store, &contoso(), 1, &World::default(), &whole).unwrap();
    staging.checkpoint(as_of(1), b"").unwrap();
    drop(staging);
    for number in [1, 2] {
        // Under its own id, and under another.
        let store = in_memory(&backend.after_crash(Surviving::Nothing));
        let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
        let mut staging = store.resume(&contoso(), &unfinished, run_id(number));
        let mut expected = whole.clone();
        for user in crate::store::samples::users(50).into_iter().skip(30) {
            staging.put_user(&user).unwrap();
            expected.users.insert(user.object_id.0, user);
        }
        staging
            .commit(&run(&contoso(), number), as_of(number))
            .unwrap();
        assert_eq!(load(&store, &contoso()).unwrap(), (number, expected));
        assert_tidy(&store);
    }
}

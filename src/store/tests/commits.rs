//! What is committed is loaded, and only that.

use super::*;
use crate::domain::sync_run::{Dataset, SyncState};
use crate::store::backend::Table;
use crate::store::ledger::RUNS_MAX;
use crate::store::memory::Surviving;
use crate::store::samples::run_id;

#[test]
fn a_commit_is_loaded_after_opening_again() {
    let root = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let first = world(500, 30);
    let second = changed(&first, 7, 2);
    let store = open(root.path(), &key);
    assert_eq!(load(&store, &contoso()).unwrap(), (0, World::default()));
    commit(&store, &contoso(), 1, &first).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first.clone()));
    drop(store);
    let store = open(root.path(), &key);
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
    commit(&store, &contoso(), 2, &second).unwrap();
    drop(store);
    let store = open(root.path(), &key);
    assert_eq!(load(&store, &contoso()).unwrap(), (2, second));
    assert_eq!(store.run_ids(&contoso()).unwrap(), [run_id(2), run_id(1)]);
}

#[test]
fn a_long_series_of_runs_is_loaded_as_the_last_left_it() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let mut expected = world(300, 20);
    commit(&store, &contoso(), 1, &expected).unwrap();
    for number in 2..60 {
        let step = if number % 11 == 0 { 3 } else { 20 };
        expected = changed(&expected, step, number);
        if number % 5 == 0 {
            // Somebody comes back.
            let user = crate::store::samples::users(300).swap_remove(number as usize);
            expected.users.insert(user.object_id.0, user);
        }
        expected
            .licenses
            .values_mut()
            .for_each(|license| license.seats.consumed += 1);
        expected.organization = Some(crate::store::samples::organization(&format!(
            "Contoso {number}"
        )));
        commit(&store, &contoso(), number, &expected).unwrap();
        assert_eq!(
            load(&store, &contoso()).unwrap(),
            (number, expected.clone())
        );
    }
    let reopened = in_memory(&backend.after_crash(Surviving::Nothing));
    assert_eq!(load(&reopened, &contoso()).unwrap(), (59, expected));
}

#[test]
fn of_several_rows_of_one_id_in_a_run_the_last_counts() {
    let store = in_memory(&MemoryBackend::new());
    let users: Vec<_> = world(3, 0).users.into_values().collect();
    let mut staging = store.stage(&contoso(), run_id(1));
    let mut again = users[0].clone();
    again.department = Some("Later".into());
    staging.put_user(&users[0]).unwrap();
    staging.put_user(&users[1]).unwrap();
    staging.remove_user(users[1].object_id).unwrap();
    staging.remove_user(users[2].object_id).unwrap();
    staging.put_user(&users[2]).unwrap();
    staging.put_user(&again).unwrap();
    staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
    let (_, loaded) = load(&store, &contoso()).unwrap();
    assert_eq!(loaded.users.len(), 2);
    assert_eq!(loaded.users.get(&again.object_id.0), Some(&again));
    assert_eq!(loaded.users.get(&users[2].object_id.0), Some(&users[2]));
    // Who may come twice comes first as the run left them, and who was removed never.
    let mut prepared = Vec::new();
    let prepare = |fact| match fact {
        Fact::User(user) => Some(user),
        _ => None,
    };
    let mut visit = |user| prepared.extend(user);
    store
        .load_prepared(&contoso(), &prepare, &mut visit)
        .unwrap();
    let first = |id| prepared.iter().find(|user| user.object_id == id);
    assert_eq!(first(again.object_id), Some(&again));
    assert_eq!(first(users[1].object_id), None);
    assert_eq!(first(users[2].object_id), Some(&users[2]));
}

#[test]
fn a_run_that_changed_nothing_writes_no_block_and_is_current() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let world = world(200, 10);
    commit(&store, &contoso(), 1, &world).unwrap();
    let (blocks, bytes) = (backend.pieces(), backend.bytes_written());
    commit(&store, &contoso(), 2, &world).unwrap();
    assert_eq!(backend.pieces(), blocks);
    assert!(
        backend.bytes_written() - bytes < 500,
        "{}",
        backend.bytes_written() - bytes
    );
    assert_eq!(load(&store, &contoso()).unwrap(), (2, world));
}

#[test]
fn what_is_staged_is_invisible_and_leaves_nothing_behind_when_dropped() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let (first, second) = (world(100, 10), world(20_000, 10));
    commit(&store, &contoso(), 1, &first).unwrap();
    let blocks = backend.pieces();
    let staging = stage(&store, &contoso(), 2, &first, &second).unwrap();
    assert!(
        backend.pieces() > blocks,
        "nothing was written yet: the test shows nothing"
    );
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first.clone()));
    drop(staging);
    assert_eq!(backend.pieces(), blocks);
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
}

#[test]
fn what_an_unfinished_run_left_is_removed_when_the_store_is_opened() {
    let root = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let store = open(root.path(), &key);
    let first = world(100, 10);
    commit(&store, &contoso(), 1, &first).unwrap();
    let stored = |store: &Store| store.stored_segments(&contoso()).unwrap();
    let before = stored(&store);
    let staging = stage(&store, &contoso(), 2, &first, &world(10_000, 10)).unwrap();
    store.make_segments_durable(&contoso()).unwrap();
    assert!(stored(&store).len() > before.len());
    // As after kill -9: nothing is cleaned up. The lock has to go, though.
    let copy = tempfile::tempdir().unwrap();
    copy_files(root.path(), copy.path());
    drop((staging, store));
    let store = open(copy.path(), &key);
    assert_eq!(stored(&store), before);
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to).unwrap();
        } else {
            std::fs::create_dir(&to).unwrap();
            copy_files(&entry.path(), &to);
        }
    }
}

#[test]
fn a_discarded_dataset_keeps_its_older_facts_and_the_others_change() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let first = world(300, 10);
    commit(&store, &contoso(), 1, &first).unwrap();
    let mut second = changed(&first, 2, 2);
    second.licenses.clear();
    let mut staging = stage(&store, &contoso(), 2, &first, &second).unwrap();
    staging.discard(Dataset::Users).unwrap();
    let mut filed = run(&contoso(), 2);
    filed.state = SyncState::Partial;
    staging.commit(&filed, as_of(2)).unwrap();
    let expected = World {
        licenses: BTreeMap::new(),
        ..first
    };
    assert_eq!(load(&store, &contoso()).unwrap(), (2, expected));
    assert_eq!(store.run(&contoso(), run_id(2)).unwrap(), Some(filed));
}

#[test]
fn a_discarded_dataset_can_be_staged_anew() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let mut staging = stage(&store, &contoso(), 1, &World::default(), &world(9_000, 0)).unwrap();
    staging.discard(Dataset::Users).unwrap();
    let kept = world(5, 0);
    kept.users
        .values()
        .for_each(|user| staging.put_user(user).unwrap());
    staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (1, kept));
    // The organization, the users and the list of their ids.
    assert_eq!(backend.pieces(), 3);
}

#[test]
fn every_kind_of_fact_is_loaded_as_it_was_put_replaced_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let mut expected = whole_world(60);
    let store = open(root.path(), &key);
    commit(&store, &contoso(), 1, &expected).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (1, expected.clone()));
    for number in 2..14 {
        let step = if number % 4 == 0 { 2 } else { 9 };
        expected = changed(&expected, step, number);
        commit(&store, &contoso(), number, &expected).unwrap();
        assert_eq!(
            load(&store, &contoso()).unwrap(),
            (number, expected.clone())
        );
    }
    drop(store);
    let store = open(root.path(), &key);
    assert_eq!(load(&store, &contoso()).unwrap(), (13, expected));
}

#[test]
fn of_several_rows_of_one_fact_in_a_run_the_last_counts_in_every_collection() {
    let store = in_memory(&MemoryBackend::new());
    let first = whole_world(4);
    commit(&store, &contoso(), 1, &first).unwrap();
    let mut staging = store.stage(&contoso(), run_id(2));
    let mut expected = first.clone();
    for (place, fact) in &first.others {
        put(&mut staging, &crate::store::samples::later(fact, 1)).unwrap();
        let last = crate::store::samples::later(fact, 2);
        put(&mut staging, &last).unwrap();
        expected.others.insert(*place, last);
    }
    staging.commit(&run(&contoso(), 2), as_of(2)).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (2, expected));
}

#[test]
fn a_discarded_dataset_keeps_all_that_was_known_of_it_and_its_standing() {
    for dataset in Dataset::ALL {
        let store = in_memory(&MemoryBackend::new());
        let first = whole_world(12);
        commit(&store, &contoso(), 1, &first).unwrap();
        let second = changed(&first, 1, 2);
        let mut staging = stage(&store, &contoso(), 2, &first, &second).unwrap();
        staging.discard(dataset).unwrap();
        staging.commit(&run(&contoso(), 2), as_of(2)).unwrap();
        let (_, found) = load(&store, &contoso()).unwrap();
        let is_its = |place: &(Collection, Uuid)| place.0.dataset() == Some(dataset);
        let mut expected = second.others.clone();
        expected.retain(|place, _| !is_its(place));
        let kept = first.others.iter().filter(|(place, _)| is_its(place));
        expected.extend(kept.map(|(place, fact)| (*place, fact.clone())));
        assert_ne!(
            expected, second.others,
            "{dataset:?}: the test shows nothing"
        );
        assert_eq!(found.others, expected, "{dataset:?}");
        let users = if dataset == Dataset::Users {
            &first
        } else {
            &second
        };
        assert_eq!(found.users, users.users);
    }
}

#[test]
fn what_a_dataset_cannot_say_of_users_is_refused() {
    let store = in_memory(&MemoryBackend::new());
    let mut random = crate::store::samples::Random(1);
    let usage = crate::store::samples::usage(Dataset::Users, 1, &mut random);
    let usage = crate::domain::user_fact::UserFact::Usage(usage);
    let mut staging = store.stage(&contoso(), run_id(1));
    let refused = staging.put_user_fact(&usage).unwrap_err();
    assert!(refused.to_string().contains("users"), "{refused}");
    assert!(staging.commit(&run(&contoso(), 1), as_of(1)).is_err());
    let mut staging = store.stage(&contoso(), run_id(2));
    let id = ObjectId(Uuid::nil());
    assert!(staging.remove_user_fact(Dataset::Licenses, id).is_err());
}

#[test]
fn the_oldest_of_a_standing_too_long_is_forgotten() {
    use crate::domain::group::Memberships;
    use crate::domain::standing::{AbsentMember, Fetch, Fetched, FormerName, Span, Standing};
    let store = in_memory(&MemoryBackend::new());
    let at = |number: usize| as_of(number as u128);
    let mut random = crate::store::samples::Random(1);
    let long = Standing {
        fetches: (0..300)
            .map(|number| Fetch {
                what: Fetched::Whole,
                at: at(number),
                reported_on: None,
                etag: None,
            })
            .collect(),
        covered: (0..300)
            .map(|number| Span {
                from: at(number),
                until: at(number + 1),
            })
            .collect(),
        recent: (0..70_000).map(|_| random.next()).collect(),
        former_names: (0..70_000)
            .map(|number| FormerName {
                name: format!("person{:x}@contoso.com", random.next()),
                object_id: ObjectId(Uuid::from_u128(random.next().into())),
                until: at(number),
            })
            .collect(),
        absent_members: (0..17_000)
            .map(|number| AbsentMember {
                memberships: Memberships {
                    object_id: ObjectId(Uuid::from_u128(number)),
                    groups: vec![ObjectId(Uuid::nil())],
                },
                since: as_of(number),
            })
            .collect(),
        ..Standing::new(Dataset::SignIns)
    };
    let mut staging = store.stage(&contoso(), run_id(1));
    staging.set_standing(&long).unwrap();
    staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
    let (_, found) = load(&store, &contoso()).unwrap();
    let mut expected = long;
    expected.fetches.truncate(200);
    expected.covered.truncate(200);
    expected.recent.truncate(65_536);
    expected.former_names.truncate(65_536);
    expected.absent_members.truncate(16_384);
    let found: Vec<_> = found.others.into_values().collect();
    assert!(found == [Fact::Standing(expected)]);
}

#[test]
fn a_standing_that_changes_with_every_run_is_kept_once() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    for number in 1..40 {
        let mut staging = store.stage(&contoso(), run_id(number));
        for rows in 0..3 {
            let standing = crate::store::samples::standing(Dataset::Users, rows);
            staging.set_standing(&standing).unwrap();
        }
        staging
            .commit(&run(&contoso(), number), as_of(number))
            .unwrap();
        assert_eq!(backend.pieces(), 1);
    }
    let expected = crate::store::samples::standing(Dataset::Users, 2);
    let (_, found) = load(&store, &contoso()).unwrap();
    let found: Vec<_> = found.others.into_values().collect();
    assert_eq!(found, [Fact::Standing(expected)]);
}

#[test]
fn tenants_do_not_see_each_other() {
    let store = in_memory(&MemoryBackend::new());
    let fabrikam = tenant("contoso_2");
    let (ours, theirs) = (world(50, 5), world(20, 9));
    commit(&store, &contoso(), 1, &ours).unwrap();
    commit(&store, &fabrikam, 2, &theirs).unwrap();
    store.purge(&contoso(), None).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (0, World::default()));
    assert_eq!(store.runs(&contoso(), None, 10).unwrap(), []);
    assert_eq!(load(&store, &fabrikam).unwrap(), (2, theirs));
    assert_eq!(store.run_ids(&fabrikam).unwrap(), [run_id(2)]);
    commit(&store, &contoso(), 3, &ours).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (3, ours));
}

#[test]
fn a_run_is_committed_once_and_only_on_top_of_what_it_was_compared_to() {
    let store = in_memory(&MemoryBackend::new());
    let (first, second) = (world(10, 1), world(20, 2));
    let late = stage(&store, &contoso(), 2, &World::default(), &second).unwrap();
    commit(&store, &contoso(), 1, &first).unwrap();
    assert!(late.commit(&run(&contoso(), 2), as_of(2)).is_err());
    assert!(commit(&store, &contoso(), 1, &second).is_err());
    assert!(
        stage(&store, &contoso(), 5, &first, &second)
            .unwrap()
            .commit(&run(&contoso(), 6), as_of(6))
            .is_err()
    );
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
    commit(&store, &contoso(), 2, &second).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (2, second));
}

#[test]
fn a_load_that_overlaps_a_commit_reads_what_was_current_when_it_began() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let first = world(600, 3);
    commit(&store, &contoso(), 1, &first).unwrap();
    let second = changed(&first, 1, 2);
    let mut loaded = 0;
    let published = store
        .load(&contoso(), &mut |fact| {
            if loaded == 0 {
                let staging = stage(&store, &contoso(), 2, &first, &second).unwrap();
                staging.commit(&run(&contoso(), 2), as_of(2)).unwrap();
            }
            loaded += 1;
            if let Fact::User(user) = fact {
                assert_eq!(first.users.get(&user.object_id.0), Some(&user));
            }
        })
        .unwrap();
    assert_eq!((published.unwrap().run, loaded), (run_id(1), 604));
    assert_eq!(load(&store, &contoso()).unwrap(), (2, second.clone()));
    let before = backend.pieces();
    commit(&store, &contoso(), 3, &second).unwrap();
    assert!(backend.pieces() < before, "what was pinned is swept later");
}

#[test]
fn the_ledger_answers_newest_first_and_keeps_the_newest() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let ids = |runs: Vec<crate::domain::sync_run::SyncRun>| {
        runs.into_iter()
            .map(|run| run.id.0.as_u128())
            .collect::<Vec<_>>()
    };
    for number in [3, 1, 2, 5, 4] {
        store.record_run(&run(&contoso(), number)).unwrap();
    }
    assert_eq!(ids(store.runs(&contoso(), None, 2).unwrap()), [5, 4]);
    assert_eq!(
        ids(store.runs(&contoso(), Some(run_id(4)), 2).unwrap()),
        [3, 2]
    );
    assert_eq!(
        ids(store.runs(&contoso(), Some(run_id(1)), 2).unwrap()),
        Vec::<u128>::new()
    );
    assert_eq!(
        ids(store.runs(&contoso(), None, 0).unwrap()),
        Vec::<u128>::new()
    );
    let mut again = run(&contoso(), 3);
    again.state = SyncState::Failed;
    store.record_run(&again).unwrap();
    assert_eq!(store.run(&contoso(), run_id(3)).unwrap(), Some(again));
    assert_eq!(store.run(&contoso(), run_id(9)).unwrap(), None);
    assert_eq!(store.run_ids(&contoso()).unwrap().len(), 5);
}

#[test]
fn the_oldest_runs_go_when_the_ledger_is_full() {
    let backend = MemoryBackend::new();
    backend.edit(|values| {
        for number in 1..=RUNS_MAX as u128 {
            values.insert(
                (
                    Table::Run,
                    crate::store::keys::run(&contoso(), run_id(number)).bytes,
                ),
                vec![],
            );
        }
    });
    let format = in_memory(&MemoryBackend::new());
    let key = crate::store::keys::format();
    let value = format.inner.backend.get(&key).unwrap().unwrap();
    backend.edit(|values| drop(values.insert((key.table, key.bytes.clone()), value)));
    let store = in_memory(&backend);
    let last = RUNS_MAX as u128;
    store.record_run(&run(&contoso(), last)).unwrap();
    assert_eq!(backend.count(Table::Run), RUNS_MAX);
    store.record_run(&run(&contoso(), last + 1)).unwrap();
    store.record_run(&run(&contoso(), last + 2)).unwrap();
    let ids = store.run_ids(&contoso()).unwrap();
    assert_eq!(
        (ids.len(), ids.first().copied(), ids.last().copied()),
        (RUNS_MAX, Some(run_id(last + 2)), Some(run_id(3)))
    );
}

#[test]
fn messages_too_long_for_a_record_are_cut_and_the_run_is_filed() {
    let store = in_memory(&MemoryBackend::new());
    let mut random = crate::store::samples::Random(1);
    let mut long = run(&contoso(), 1);
    let noise: String = (0..2_000)
        .map(|_| format!("{:016x}", random.next()))
        .collect();
    long.problem = Some(crate::domain::sync_run::Problem::new(
        crate::domain::sync_run::ProblemKind::Internal,
        noise.clone(),
    ));
    store.record_run(&long).unwrap();
    let message = store
        .run(&contoso(), run_id(1))
        .unwrap()
        .unwrap()
        .problem
        .unwrap()
        .message;
    assert_eq!(message, noise[..400].to_owned() + "…");
}

#[test]
fn forgetting_damaged_facts_keeps_all_else() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let first = world(50, 5);
    commit(&store, &contoso(), 1, &first).unwrap();
    backend.edit_files(BTreeMap::clear);
    assert!(matches!(load(&store, &contoso()), Err(Error::Damaged(_))));
    store.forget_facts(&contoso()).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (0, World::default()));
    assert_eq!(store.run_ids(&contoso()).unwrap(), [run_id(1)]);
    commit(&store, &contoso(), 2, &first).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (2, first));
}

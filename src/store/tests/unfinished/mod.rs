//! Runs that did not end are gone on with from their last checkpoint, or forgotten.

mod crashes;

use super::*;
use crate::domain::ids::SkuId;
use crate::domain::sync_run::{Dataset, SyncRun, SyncState};
use crate::store::backend::Table;
use crate::store::manifest::Segment;
use crate::store::memory::Surviving;
use crate::store::samples::{Random, later, run_id};
use crate::store::{Health, Replayed, Unfinished};

/// A fact that is put, or the place of one that is removed.
type Step = ((Collection, Uuid), Option<Fact>);

/// What makes one world of another, in the order of loading, every fact put twice.
fn steps(before: &World, after: &World) -> Vec<Step> {
    let (before, after) = (all(before), all(after));
    let mut steps = Vec::new();
    for (place, fact) in &after {
        if before.get(place) != Some(fact) {
            steps.push((*place, Some(later(fact, 99))));
            steps.push((*place, Some(fact.clone())));
        }
    }
    let is_gone = |place: &&(Collection, Uuid)| !after.contains_key(place);
    steps.extend(before.keys().filter(is_gone).map(|place| (*place, None)));
    steps.sort_by_key(|((collection, _), _)| *collection);
    steps
}

fn all(world: &World) -> BTreeMap<(Collection, Uuid), Fact> {
    let organization = world.organization.iter().cloned().map(Fact::Organization);
    let licenses = world.licenses.values().cloned().map(Fact::License);
    let users = world.users.values().cloned().map(Fact::User);
    let mut facts = world.others.clone();
    let rest = organization.chain(licenses).chain(users);
    facts.extend(rest.map(|fact| (place(&fact), fact)));
    facts
}

fn apply(staging: &mut Staging, step: &Step) -> Result<(), Error> {
    match step {
        (_, Some(fact)) => put(staging, fact),
        ((Collection::Users, id), None) => staging.remove_user(ObjectId(*id)),
        ((Collection::Licenses, id), None) => staging.remove_license(SkuId(*id)),
        (place, None) => remove(staging, *place),
    }
}

fn step(replayed: Replayed) -> Step {
    let of_user = |collection, id: ObjectId| ((collection, id.0), None);
    match replayed {
        Replayed::Put(fact) => (place(&fact), Some(fact)),
        Replayed::RemovedUser(id) => of_user(Collection::Users, id),
        Replayed::RemovedGroup(id) => of_user(Collection::Groups, id),
        Replayed::RemovedLicense(id) => ((Collection::Licenses, id.0), None),
        Replayed::RemovedSubscription(id) => ((Collection::Subscriptions, id.0), None),
        Replayed::RemovedUserFact(dataset, id) => {
            of_user(Collection::of_user_facts(dataset).unwrap(), id)
        }
        Replayed::RemovedUsageDay(workload, on) => {
            let id = crate::store::frames::usage_day_id(workload, on);
            ((Collection::UsageDays(workload), id), None)
        }
    }
}

fn replayed(staging: &Staging) -> Vec<Step> {
    let mut steps = Vec::new();
    staging
        .replay(&mut |replayed| steps.push(step(replayed)))
        .unwrap();
    steps
}

/// How many steps had been staged, as noted.
fn done(unfinished: &Unfinished) -> usize {
    usize::from_le_bytes(unfinished.note.clone().try_into().unwrap())
}

/// How far a run got.
#[derive(Debug, Default)]
struct Progress {
    /// How many steps the last acknowledged checkpoint had.
    kept: usize,
    result: Option<Result<(), Error>>,
}

/// Does a run of some steps as a sync does: goes on from where the last one broke off, with a
/// checkpoint after every few steps.
fn do_run(store: &Store, number: u128, steps: &[Step], every: usize) -> Progress {
    let mut progress = Progress::default();
    progress.result = Some(try_run(store, number, steps, every, &mut progress.kept));
    progress
}

fn try_run(
    store: &Store,
    number: u128,
    steps: &[Step],
    every: usize,
    kept: &mut usize,
) -> Result<(), Error> {
    let mut staging = match store.unfinished(&contoso())? {
        None => store.stage(&contoso(), run_id(number)),
        Some(unfinished) => {
            *kept = done(&unfinished);
            store.resume(&contoso(), &unfinished, run_id(number))
        }
    };
    for (index, step) in steps.iter().enumerate().skip(*kept) {
        apply(&mut staging, step)?;
        let done = index + 1;
        if done.is_multiple_of(every) {
            staging.checkpoint(as_of(number), &done.to_le_bytes())?;
            *kept = done;
        }
    }
    staging.commit(&run(&contoso(), number), as_of(number))
}

/// An engine with a first run, the worlds before and after a second one, and what makes one of the
/// other: a few facts of most forms.
fn scene() -> (Arc<MemoryBackend>, World, World, Vec<Step>) {
    let backend = MemoryBackend::new();
    let mut first = world(3, 2);
    first.others = whole_world(2).others;
    first.others.retain(|(collection, _), _| {
        matches!(
            collection,
            Collection::Standing(Dataset::Users)
                | Collection::Groups
                | Collection::Usage(Dataset::EmailActivity)
        )
    });
    commit(&in_memory(&backend), &contoso(), 1, &first).unwrap();
    let mut second = changed(&first, 1, 2);
    second.users.pop_first();
    second.licenses.pop_first();
    let steps = steps(&first, &second);
    assert!(steps.len() > 12, "{}", steps.len());
    (backend, first, second, steps)
}

/// Nothing is left of what was unfinished.
#[track_caller]
fn assert_tidy(store: &Store) {
    let facts = store.facts(&contoso()).unwrap();
    for (key, place) in store.stored_segments(&contoso()).unwrap() {
        let mut segments = facts.segments().flat_map(Segment::with_list);
        let is_named = segments.any(|segment| segment.key == key && segment.place == place);
        assert!(is_named, "{key:?} {place:?}");
    }
    let all = crate::store::keys::all_of(Table::Unfinished, &contoso());
    assert_eq!(store.keys_in(&all, usize::MAX).unwrap(), []);
}

#[test]
fn a_run_goes_on_from_its_last_checkpoint_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let first = whole_world(30);
    let second = changed(&first, 2, 2);
    let steps = steps(&first, &second);
    let store = open(root.path(), &key);
    commit(&store, &contoso(), 1, &first).unwrap();
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    let mut staging = store.stage(&contoso(), run_id(2));
    let (third, two_thirds) = (steps.len() / 3, steps.len() * 2 / 3);
    for (index, step) in steps.iter().enumerate().take(steps.len() - 5) {
        if index == third || index == two_thirds {
            staging.checkpoint(as_of(2), &index.to_le_bytes()).unwrap();
        }
        apply(&mut staging, step).unwrap();
    }
    drop((staging, store));

    let store = open(root.path(), &key);
    let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
    let expected = Unfinished {
        run: run_id(2),
        as_of: as_of(2),
        note: two_thirds.to_le_bytes().to_vec(),
        is_held: false,
    };
    assert_eq!(unfinished, expected);
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
    let mut staging = store.resume(&contoso(), &unfinished, run_id(3));
    assert_eq!(replayed(&staging), steps[..two_thirds]);
    for step in &steps[two_thirds..] {
        apply(&mut staging, step).unwrap();
    }
    staging.commit(&run(&contoso(), 3), as_of(3)).unwrap();
    assert_tidy(&store);
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    drop(store);
    let store = open(root.path(), &key);
    assert_eq!(load(&store, &contoso()).unwrap(), (3, second));
}

#[test]
fn a_first_run_goes_on_over_several_restarts() {
    let backend = MemoryBackend::new();
    let expected = whole_world(20);
    let steps = steps(&World::default(), &expected);
    let every = steps.len() / 20;
    let mut done_before = 0;
    for number in 1..=5 {
        let store = in_memory(&backend);
        let unfinished = store.unfinished(&contoso()).unwrap();
        let mut staging = match &unfinished {
            None => store.stage(&contoso(), run_id(number)),
            Some(unfinished) => store.resume(&contoso(), unfinished, run_id(number)),
        };
        let from = unfinished.as_ref().map_or(0, done);
        assert_eq!(from, done_before);
        // In the order of time within a collection, whichever run it was.
        assert_eq!(replayed(&staging), steps[..from]);
        for (index, step) in steps.iter().enumerate().skip(from).take(every * 3) {
            apply(&mut staging, step).unwrap();
            done_before = index + 1;
        }
        staging
            .checkpoint(as_of(number), &done_before.to_le_bytes())
            .unwrap();
    }
    let store = in_memory(&backend);
    let last = do_run(&store, 6, &steps, usize::MAX);
    assert_eq!(last.result, Some(Ok(())));
    assert_eq!(load(&store, &contoso()).unwrap(), (6, expected));
    assert_tidy(&store);
}

/// A store with a checkpoint of run 2 after half of the steps.
fn checkpointed() -> (Arc<MemoryBackend>, World, World, Vec<Step>) {
    let (backend, first, second, steps) = scene();
    let store = in_memory(&backend);
    let mut staging = store.stage(&contoso(), run_id(2));
    let half = steps.len() / 2;
    for step in &steps[..half] {
        apply(&mut staging, step).unwrap();
    }
    staging.checkpoint(as_of(2), &half.to_le_bytes()).unwrap();
    drop(staging);
    (backend, first, second, steps)
}

#[test]
fn another_run_that_begins_or_is_committed_ends_what_was_unfinished() {
    let (backend, _, second, _) = checkpointed();
    let store = in_memory(&backend);
    let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
    let staging = store.stage(&contoso(), run_id(5));
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    assert_tidy(&store);
    drop(staging);
    // Somebody remembers it all the same.
    let mut late = store.resume(&contoso(), &unfinished, run_id(6));
    let refused = late.put_user(second.users.values().next().unwrap());
    assert!(refused.is_err());
    assert!(late.replay(&mut |_| ()).is_err());
    assert!(late.commit(&run(&contoso(), 6), as_of(6)).is_err());

    // A run that began before the checkpoint and is committed after it.
    let (backend, _, second, steps) = scene();
    let store = in_memory(&backend);
    let mut one = store.stage(&contoso(), run_id(2));
    let mut other = store.stage(&contoso(), run_id(3));
    apply(&mut one, &steps[0]).unwrap();
    one.checkpoint(as_of(2), b"").unwrap();
    for step in &steps {
        apply(&mut other, step).unwrap();
    }
    other.commit(&run(&contoso(), 3), as_of(3)).unwrap();
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    assert!(one.checkpoint(as_of(2), b"").is_err());
    drop(one);
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    assert_eq!(load(&store, &contoso()).unwrap(), (3, second));
}

#[test]
fn an_unfinished_run_is_forgotten_on_demand_and_with_the_facts() {
    for forget in [
        &|store: &Store| store.forget_unfinished(&contoso()).unwrap(),
        &|store: &Store| store.forget_facts(&contoso()).unwrap(),
    ] as [&dyn Fn(&Store); 2]
    {
        let (backend, _, second, steps) = checkpointed();
        let store = in_memory(&backend);
        forget(&store);
        let store = in_memory(&backend.after_crash(Surviving::Nothing));
        assert_eq!(store.unfinished(&contoso()).unwrap(), None);
        assert_tidy(&store);
        let (number, _) = load(&store, &contoso()).unwrap();
        if number == 1 {
            assert_eq!(do_run(&store, 3, &steps, 5).result, Some(Ok(())));
            assert_eq!(load(&store, &contoso()).unwrap(), (3, second));
        }
    }
}

#[test]
fn one_at_a_time_goes_on_and_whoever_breaks_off_leaves_it_to_the_next() {
    let (backend, _, second, steps) = checkpointed();
    let store = in_memory(&backend);
    let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
    let mut staging = store.resume(&contoso(), &unfinished, run_id(3));
    assert_eq!(
        store.unfinished(&contoso()).unwrap(),
        None,
        "it is gone on with"
    );
    let again = store.resume(&contoso(), &unfinished, run_id(4));
    assert!(again.replay(&mut |_| ()).is_err());
    drop(again);
    apply(&mut staging, steps.last().unwrap()).unwrap();
    drop(staging);
    assert_eq!(
        store.unfinished(&contoso()).unwrap(),
        Some(unfinished),
        "without a checkpoint of its own"
    );
    assert_eq!(do_run(&store, 5, &steps, 5).result, Some(Ok(())));
    assert_eq!(load(&store, &contoso()).unwrap(), (5, second));
    assert_tidy(&store);
}

#[test]
fn a_dataset_discarded_after_a_checkpoint_is_staged_anew_or_not_at_all() {
    let (scene, first, second, steps) = scene();
    let is_its = |step: &&Step| step.0.0.dataset() == Some(Dataset::EmailActivity);
    for is_staged_anew in [false, true] {
        let backend = scene.after_crash(Surviving::Nothing);
        let store = in_memory(&backend);
        let mut staging = store.stage(&contoso(), run_id(2));
        for step in &steps {
            apply(&mut staging, step).unwrap();
        }
        let all = steps.len();
        staging.checkpoint(as_of(2), &all.to_le_bytes()).unwrap();
        staging.discard(Dataset::EmailActivity).unwrap();
        if is_staged_anew {
            for step in steps.iter().filter(is_its) {
                apply(&mut staging, step).unwrap();
            }
        }
        // Whoever crashes now finds the checkpoint as it was.
        let crashed = in_memory(&backend.after_crash(Surviving::All));
        let unfinished = crashed.unfinished(&contoso()).unwrap().unwrap();
        let resumed = crashed.resume(&contoso(), &unfinished, run_id(9));
        assert_eq!(replayed(&resumed), steps);
        // The next checkpoint is without what was discarded.
        staging.checkpoint(as_of(2), &all.to_le_bytes()).unwrap();
        drop(staging);
        let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
        let mut staging = store.resume(&contoso(), &unfinished, run_id(3));
        if !is_staged_anew {
            assert_eq!(replayed(&staging).iter().filter(is_its).count(), 0);
            staging.discard(Dataset::Groups).unwrap();
        }
        staging.commit(&run(&contoso(), 3), as_of(3)).unwrap();
        let mut expected = second.clone();
        if !is_staged_anew {
            let is_old = |place: &(Collection, Uuid)| {
                matches!(
                    place.0.dataset(),
                    Some(Dataset::EmailActivity | Dataset::Groups)
                )
            };
            expected.others.retain(|place, _| !is_old(place));
            let old = first.others.iter().filter(|(place, _)| is_old(place));
            expected
                .others
                .extend(old.map(|(place, fact)| (*place, fact.clone())));
        }
        assert_eq!(load(&store, &contoso()).unwrap(), (3, expected));
        assert_tidy(&store);
    }
}

#[test]
fn a_note_of_any_content_is_kept_and_one_too_long_is_refused() {
    let store = in_memory(&MemoryBackend::new());
    let mut random = Random(1);
    let noise: Vec<u8> = (0..8 << 10)
        .flat_map(|_| random.next().to_le_bytes())
        .collect();
    let mut staging = store.stage(&contoso(), run_id(1));
    for note in [noise.as_slice(), b"", &noise[..10_000]] {
        staging.checkpoint(as_of(1), note).unwrap();
        let found = in_memory_copy(&store).unfinished(&contoso()).unwrap();
        assert_eq!(found.unwrap().note, note);
    }
    let long = [noise.as_slice(), b"x"].concat();
    assert!(staging.checkpoint(as_of(1), &long).is_err());
    // That is no failure of the run.
    let expected = world(2, 1);
    for step in steps(&World::default(), &expected) {
        apply(&mut staging, &step).unwrap();
    }
    staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap(), (1, expected));
}

/// Another store on the same engine, that knows nothing of what is staged in this one.
fn in_memory_copy(store: &Store) -> Store {
    let backend = store.inner.backend.clone();
    Store::open_on(backend, memory_key(), 0, LAYOUT).unwrap()
}

#[test]
fn a_run_that_was_gone_on_with_too_often_begins_anew() {
    let store = in_memory(&MemoryBackend::new());
    let users = crate::store::samples::users(60);
    let mut runs = 0;
    for (number, user) in (1..).zip(&users) {
        let unfinished = store.unfinished(&contoso()).unwrap();
        if number > 1 && unfinished.is_none() {
            break;
        }
        let mut staging = match unfinished {
            None => store.stage(&contoso(), run_id(number)),
            Some(unfinished) => store.resume(&contoso(), &unfinished, run_id(number)),
        };
        staging.put_user(user).unwrap();
        staging.checkpoint(as_of(number), b"").unwrap();
        runs = number;
    }
    assert_eq!(runs, 33);
    assert_tidy(&store);
}

#[test]
fn a_run_of_many_checkpoints_is_one_segment_a_collection() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let users = crate::store::samples::users(600);
    let mut staging = store.stage(&contoso(), run_id(1));
    for user in &users {
        staging.put_user(user).unwrap();
        staging.checkpoint(as_of(1), b"").unwrap();
    }
    let store = in_memory(&backend.after_crash(Surviving::Nothing));
    let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
    let resumed = store.resume(&contoso(), &unfinished, run_id(2));
    assert_eq!(replayed(&resumed).len(), 600);
    resumed.commit(&run(&contoso(), 2), as_of(2)).unwrap();
    assert_eq!(load(&store, &contoso()).unwrap().1.users.len(), 600);
    let facts = store.facts(&contoso()).unwrap();
    assert_eq!(facts.segments().count(), 1);
}

#[test]
fn what_somebody_goes_on_with_is_not_swept_though_another_run_begins() {
    let (backend, _, second, steps) = checkpointed();
    let store = in_memory(&backend);
    let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
    let mut staging = store.resume(&contoso(), &unfinished, run_id(3));
    let other = store.stage(&contoso(), run_id(4));
    for step in &steps[done(&unfinished)..] {
        apply(&mut staging, step).unwrap();
    }
    staging.commit(&run(&contoso(), 3), as_of(3)).unwrap();
    assert!(other.commit(&run(&contoso(), 4), as_of(4)).is_err());
    assert_eq!(load(&store, &contoso()).unwrap(), (3, second));
    assert_tidy(&store);
}

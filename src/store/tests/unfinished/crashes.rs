//! Crashes, failing disks and damage: a checkpoint is found whole, or not at all.

use super::*;
use crate::store::keys::SegmentKey;

#[test]
fn after_a_crash_at_any_call_the_last_checkpoint_or_the_next_is_found_and_gone_on_with() {
    let (scene, first, second, steps) = scene();
    let (mut resumed, mut committed) = (0, 0);
    for surviving in Surviving::EACH {
        for call in 1.. {
            let backend = scene.after_crash(Surviving::Nothing);
            backend.fail_at(call, Error::DiskFull, surviving);
            let progress = do_run(&in_memory(&backend), 2, &steps, 3);
            let has_failed = backend.has_failed();

            let backend = backend.after_crash(surviving);
            let store = in_memory(&backend);
            let unfinished = store.unfinished(&contoso()).unwrap();
            let (number, found) = load(&store, &contoso()).unwrap();
            if number == 2 {
                assert_eq!((found, unfinished), (second.clone(), None), "call {call}");
                committed += 1;
            } else {
                assert_eq!((number, &found), (1, &first));
                assert!(
                    progress.result != Some(Ok(())),
                    "an acknowledged run is lost"
                );
                let kept = unfinished.as_ref().map_or(0, done);
                let next = [progress.kept, progress.kept + 3].contains(&kept);
                assert!(
                    next && kept.is_multiple_of(3),
                    "call {call}: {kept}, {progress:?}"
                );
                if let Some(unfinished) = unfinished {
                    let staging = store.resume(&contoso(), &unfinished, run_id(3));
                    assert_eq!(replayed(&staging), steps[..kept], "call {call}");
                    resumed += 1;
                }
                // The one who goes on crashes, too.
                backend.fail_at(call % 17 + 1, Error::DiskFull, surviving);
                let second_try = do_run(&store, 4, &steps, 2);
                let backend = backend.after_crash(surviving);
                let store = in_memory(&backend);
                if load(&store, &contoso()).unwrap().0 == 1 {
                    let found = store.unfinished(&contoso()).unwrap();
                    let found = found.as_ref().map_or(0, done);
                    assert!(found >= second_try.kept, "call {call}: {second_try:?}");
                    assert_eq!(do_run(&store, 5, &steps, 4).result, Some(Ok(())));
                    assert_eq!(load(&store, &contoso()).unwrap(), (5, second.clone()));
                }
                let store = in_memory(&backend.after_crash(Surviving::Nothing));
                assert_eq!(load(&store, &contoso()).unwrap().1, second);
                assert_tidy(&store);
                assert_eq!(store.unfinished(&contoso()).unwrap(), None);
            }
            if !has_failed {
                assert!(call > 20, "only {call} calls: the scene is too small");
                break;
            }
        }
    }
    assert!(resumed > 20 && committed >= 4, "{resumed} {committed}");
}

#[test]
fn after_healing_the_last_acknowledged_checkpoint_is_gone_on_with() {
    let (scene, first, second, steps) = scene();
    for surviving in Surviving::EACH {
        for call in 1.. {
            let backend = scene.after_crash(Surviving::Nothing);
            let store = in_memory(&backend);
            backend.fail_at(call, Error::Io("Input/output error".into()), surviving);
            let progress = do_run(&store, 2, &steps, 5);
            if !backend.has_failed() {
                break;
            }
            assert_eq!(store.heal(), Health::Ok);
            if progress.result == Some(Ok(())) {
                assert_eq!(load(&store, &contoso()).unwrap(), (2, second.clone()));
                continue;
            }
            assert_eq!(load(&store, &contoso()).unwrap(), (1, first.clone()));
            let unfinished = store.unfinished(&contoso()).unwrap();
            let kept = unfinished.as_ref().map_or(0, done);
            assert_eq!(kept, progress.kept, "call {call}");
            assert_eq!(do_run(&store, 3, &steps, 5).result, Some(Ok(())));
            assert_eq!(load(&store, &contoso()).unwrap(), (3, second.clone()));
            assert_tidy(&store);
        }
    }
}

#[test]
fn what_was_staged_before_the_engine_was_opened_anew_reaches_no_checkpoint_after() {
    let (backend, first, _, steps) = scene();
    let store = in_memory(&backend);
    let mut staging = store.stage(&contoso(), run_id(2));
    apply(&mut staging, &steps[0]).unwrap();
    backend.fail_at(1, Error::DiskFull, Surviving::Nothing);
    assert_eq!(store.record_run(&run(&contoso(), 7)), Err(Error::DiskFull));
    assert_eq!(store.heal(), Health::Ok);
    assert!(staging.checkpoint(as_of(2), b"").is_err());
    assert!(staging.commit(&run(&contoso(), 2), as_of(2)).is_err());
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
}

/// What is of the checkpoint alone: keys of values, and files.
fn of_checkpoint(backend: &Arc<MemoryBackend>) -> (Vec<(Table, Vec<u8>)>, Vec<SegmentKey>) {
    let store = in_memory(backend);
    let facts = store.facts(&contoso()).unwrap();
    let is_named = |key: &SegmentKey| {
        let mut named = facts.segments().flat_map(Segment::with_list);
        named.any(|segment| segment.key == *key)
    };
    let (mut values, mut files) = (Vec::new(), Vec::new());
    backend.edit(|all| {
        let own = all.keys().filter(|(table, key)| match table {
            Table::Block => !is_named(&crate::store::keys::block_of(key).unwrap().0),
            table => *table == Table::Unfinished,
        });
        values.extend(own.cloned());
    });
    backend.edit_files(|all| files.extend(all.keys().filter(|key| !is_named(key)).cloned()));
    assert!(
        values.len() > 2 && !files.is_empty(),
        "{values:?} {files:?}"
    );
    (values, files)
}

#[test]
fn damage_to_any_byte_of_a_checkpoint_is_no_error_and_the_run_begins_anew() {
    let (backend, first, second, steps) = checkpointed();
    let (values, files) = of_checkpoint(&backend);
    let check = |damage: &dyn Fn(&MemoryBackend)| {
        let copy = backend.after_crash(Surviving::Nothing);
        damage(&copy);
        let store = in_memory(&copy);
        assert_eq!(store.unfinished(&contoso()).unwrap(), None);
        assert_eq!(copy.count(Table::Unfinished), 0);
        assert_tidy(&store);
        assert_eq!(load(&store, &contoso()).unwrap(), (1, first.clone()));
    };
    let flip = |bytes: &mut Vec<u8>, place: usize| {
        bytes[place] ^= 4;
        bytes.len()
    };
    let mut count = 0;
    for key in &values {
        let (mut place, mut length) = (0, 1);
        while place < length {
            let seen = std::cell::Cell::new(0);
            check(&|copy| copy.edit(|all| seen.set(flip(all.get_mut(key).unwrap(), place))));
            (place, length, count) = (place + 5, seen.get(), count + 1);
        }
    }
    for key in &files {
        let (mut place, mut length) = (0, 1);
        while place < length {
            let seen = std::cell::Cell::new(0);
            check(&|copy| copy.edit_files(|all| seen.set(flip(all.get_mut(key).unwrap(), place))));
            (place, length, count) = (place + 5, seen.get(), count + 1);
        }
    }
    assert!(count > 100, "{count}");
    let store = in_memory(&backend);
    assert!(store.unfinished(&contoso()).unwrap().is_some());
    assert_eq!(do_run(&store, 3, &steps, 5).result, Some(Ok(())));
    assert_eq!(load(&store, &contoso()).unwrap(), (3, second));
}

#[test]
fn a_lost_record_block_or_file_of_a_checkpoint_is_noticed() {
    let (backend, first, _, _) = checkpointed();
    let (values, files) = of_checkpoint(&backend);
    let check = |copy: Arc<MemoryBackend>| {
        let store = in_memory(&copy);
        assert_eq!(store.unfinished(&contoso()).unwrap(), None);
        assert_eq!(load(&store, &contoso()).unwrap(), (1, first.clone()));
    };
    for key in &values {
        let copy = backend.after_crash(Surviving::Nothing);
        copy.edit(|values| drop(values.remove(key)));
        check(copy);
    }
    for key in &files {
        let copy = backend.after_crash(Surviving::Nothing);
        copy.edit_files(|files| drop(files.remove(key)));
        check(copy);
    }
}

#[test]
fn what_a_run_staged_after_its_last_checkpoint_is_not_found() {
    let (backend, _, second, steps) = checkpointed();
    let (_, files) = of_checkpoint(&backend);
    for key in &files {
        let copy = backend.after_crash(Surviving::Nothing);
        copy.edit_files(|files| files.get_mut(key).unwrap().extend(b"half a frame"));
        let store = in_memory(&copy);
        let unfinished = store.unfinished(&contoso()).unwrap().unwrap();
        let staging = store.resume(&contoso(), &unfinished, run_id(3));
        assert_eq!(replayed(&staging), steps[..done(&unfinished)]);
        drop(staging);
        assert_eq!(do_run(&store, 4, &steps, 5).result, Some(Ok(())));
        assert_eq!(load(&store, &contoso()).unwrap(), (4, second.clone()));
    }
}

#[test]
fn a_run_is_held_and_filed_together_and_published_on_demand() {
    let (scene, first, second, steps) = scene();
    let held = SyncRun {
        state: SyncState::Failed,
        ..run(&contoso(), 2)
    };
    let mut kept = 0;
    for surviving in Surviving::EACH {
        for call in 1.. {
            let backend = scene.after_crash(Surviving::Nothing);
            let store = in_memory(&backend);
            backend.fail_at(call, Error::DiskFull, surviving);
            let mut staging = store.stage(&contoso(), run_id(2));
            let staged = steps.iter().try_for_each(|step| apply(&mut staging, step));
            let result = staged.and_then(|()| staging.hold(&held, as_of(2), b"a sudden drop"));
            let store = in_memory(&backend.after_crash(surviving));
            assert_eq!(load(&store, &contoso()).unwrap(), (1, first.clone()));
            let unfinished = store.unfinished(&contoso()).unwrap();
            let filed = store.run(&contoso(), run_id(2)).unwrap();
            assert_eq!(unfinished.is_some(), filed.is_some(), "both or neither");
            assert!(result.is_err() || filed.is_some());
            if let Some(unfinished) = unfinished {
                assert_eq!(filed, Some(held.clone()));
                assert!(unfinished.is_held && unfinished.note == b"a sudden drop");
                // Under its own id; whoever breaks off leaves it to the next who tries.
                drop(store.resume(&contoso(), &unfinished, run_id(2)));
                let accepted = store.resume(&contoso(), &unfinished, run_id(2));
                accepted.commit(&run(&contoso(), 2), as_of(2)).unwrap();
                assert_eq!(load(&store, &contoso()).unwrap(), (2, second.clone()));
                assert_tidy(&store);
                kept += 1;
            }
            if !backend.has_failed() {
                assert_eq!(result, Ok(()));
                break;
            }
        }
    }
    assert!(kept > Surviving::EACH.len(), "{kept}");
    let store = in_memory(&scene);
    let staging = store.stage(&contoso(), run_id(2));
    assert!(staging.hold(&run(&contoso(), 8), as_of(2), b"").is_err());
}

#[test]
fn a_checkpoint_on_other_facts_than_the_current_ones_is_forgotten() {
    let (backend, first, _, _) = checkpointed();
    let (mut old, mut old_files) = (BTreeMap::new(), BTreeMap::new());
    backend.edit(|values| old = values.clone());
    backend.edit_files(|files| old_files = files.clone());
    let store = in_memory(&backend);
    let third = changed(&first, 2, 3);
    commit(&store, &contoso(), 3, &third).unwrap();
    // As if the deletion of the checkpoint had not reached the disk.
    backend.edit(|values| {
        old.retain(|(table, _), _| matches!(table, Table::Unfinished | Table::Block));
        old.extend(std::mem::take(values));
        *values = old;
    });
    backend.edit_files(|files| {
        old_files.append(files);
        *files = old_files;
    });
    assert!(backend.count(Table::Unfinished) > 0);
    let store = in_memory(&backend);
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    assert_tidy(&store);
    assert_eq!(load(&store, &contoso()).unwrap(), (3, third));
}

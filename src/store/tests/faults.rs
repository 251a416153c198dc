//! Whatever fails at whatever call: the old state or the new one, whole, and never less than what
//! was acknowledged.

use super::*;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;
use crate::store::backend::Table;
use crate::store::keys::SegmentKey;
use crate::store::memory::Surviving;
use crate::store::samples::{Random, run_id};
use crate::store::{Health, keys};

/// An engine with a first run, and the worlds before and after a second one that merges its segment
/// into a new base and has several batches of blocks.
fn scene() -> (Arc<MemoryBackend>, World, World) {
    let backend = MemoryBackend::new();
    let mut first = world(100, 12);
    // One collection of each form.
    first.others = whole_world(20).others;
    first.others.retain(|(collection, _), _| {
        matches!(
            collection,
            Collection::Standing(Dataset::Users)
                | Collection::Memberships
                | Collection::Usage(Dataset::EmailActivity)
                | Collection::UsageDays(Workload::Outlook)
        )
    });
    commit(&in_memory(&backend), &contoso(), 1, &first).unwrap();
    let mut second = changed(&first, 2, 2);
    let mut random = Random(3);
    if let Some(user) = second.users.values_mut().next() {
        user.display_name = Some(
            (0..20_000)
                .map(|_| format!("{:016x}", random.next()))
                .collect(),
        );
    }
    second
        .licenses
        .values_mut()
        .for_each(|license| license.seats.consumed += 1);
    (backend, first, second)
}

/// Runs `check` for every call of the second commit that may fail, and every way in which it may.
fn for_every_fault(
    check: impl Fn(&Store, &Arc<MemoryBackend>, &Result<(), Error>, [&World; 2], Surviving),
) {
    let (scene, first, second) = scene();
    for error in [Error::DiskFull, Error::Io("Input/output error".into())] {
        for surviving in Surviving::EACH {
            let mut call = 1;
            loop {
                let backend = scene.after_crash(Surviving::Nothing);
                let store = in_memory(&backend);
                backend.fail_at(call, error.clone(), surviving);
                let staged = stage(&store, &contoso(), 2, &first, &second);
                let result =
                    staged.and_then(|staging| staging.commit(&run(&contoso(), 2), as_of(2)));
                if !backend.has_failed() {
                    assert_eq!(result, Ok(()));
                    assert!(call > 8, "only {call} calls: the scene is too small");
                    break;
                }
                if let Err(found) = &result {
                    assert_eq!(*found, error, "call {call}");
                }
                check(&store, &backend, &result, [&first, &second], surviving);
                call += 1;
            }
        }
    }
}

#[test]
fn after_a_crash_at_any_failed_call_a_state_is_whole_and_an_acknowledged_one_is_there() {
    for_every_fault(|_, backend, result, [first, second], surviving| {
        let store = in_memory(&backend.after_crash(surviving));
        let (number, found) = load(&store, &contoso()).unwrap();
        match number {
            1 => assert!(result.is_err() && found == *first),
            2 => assert_eq!(found, *second),
            other => panic!("run {other}"),
        }
        let is_filed = store.run(&contoso(), run_id(2)).unwrap().is_some();
        assert_eq!(is_filed, number == 2, "facts and ledger belong together");
        let third = changed(&found, 3, 3);
        commit(&store, &contoso(), 3, &third).unwrap();
        assert_eq!(load(&store, &contoso()).unwrap(), (3, third));
    });
}

#[test]
fn after_healing_a_refused_commit_is_gone_and_an_acknowledged_one_is_there() {
    for_every_fault(|store, backend, result, [first, second], _| {
        assert!(matches!(store.health(), Health::ReadOnly { .. }));
        assert!(matches!(
            store.record_run(&run(&contoso(), 9)),
            Err(Error::ReadOnly(_))
        ));
        assert!(load(store, &contoso()).is_ok(), "reads go on");
        assert_eq!(store.heal(), Health::Ok);
        let (number, expected) = if result.is_ok() {
            (2, second)
        } else {
            (1, first)
        };
        assert_eq!(load(store, &contoso()).unwrap(), (number, expected.clone()));
        assert_eq!(
            store.run(&contoso(), run_id(2)).unwrap().is_some(),
            number == 2
        );
        let third = changed(expected, 3, 3);
        commit(store, &contoso(), 3, &third).unwrap();
        assert_eq!(load(store, &contoso()).unwrap(), (3, third.clone()));
        let reopened = in_memory(&backend.after_crash(Surviving::Nothing));
        assert_eq!(load(&reopened, &contoso()).unwrap(), (3, third));
    });
}

#[test]
fn what_was_staged_before_the_engine_was_opened_anew_is_not_committed_after() {
    let (backend, first, second) = scene();
    let store = in_memory(&backend);
    let staging = stage(&store, &contoso(), 2, &first, &second).unwrap();
    backend.fail_at(1, Error::DiskFull, Surviving::Nothing);
    assert_eq!(store.record_run(&run(&contoso(), 7)), Err(Error::DiskFull));
    assert_eq!(store.heal(), Health::Ok);
    assert!(staging.commit(&run(&contoso(), 2), as_of(2)).is_err());
    assert_eq!(load(&store, &contoso()).unwrap(), (1, first));
}

#[test]
fn an_interrupted_healing_is_repeated() {
    let (backend, first, second) = scene();
    // Every call of the commit fails, what it wrote is found on disk all the same, and taking it back
    // fails, too.
    let mut calls = 0;
    for call in 1..200 {
        let backend = backend.after_crash(Surviving::Nothing);
        let store = in_memory(&backend);
        backend.fail_at(call, Error::DiskFull, Surviving::All);
        let staged = stage(&store, &contoso(), 2, &first, &second);
        let result = staged.and_then(|staging| staging.commit(&run(&contoso(), 2), as_of(2)));
        if !backend.has_failed() {
            break;
        }
        backend.fail_at(1, Error::DiskFull, Surviving::All);
        assert_ne!(store.heal(), Health::Ok);
        assert_eq!(store.heal(), Health::Ok);
        let expected = if result.is_ok() {
            (2, second.clone())
        } else {
            (1, first.clone())
        };
        assert_eq!(load(&store, &contoso()).unwrap(), expected);
        calls += 1;
    }
    assert!(calls > 8, "{calls}");
}

type Values = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A record of the facts.
#[derive(Debug, Clone)]
enum Record {
    Value((Table, Vec<u8>)),
    File(SegmentKey),
}

impl Record {
    /// All that are stored.
    fn all(backend: &MemoryBackend) -> Vec<Self> {
        let mut all = Vec::new();
        let is_fact = |table| matches!(table, Table::Block | Table::Manifest | Table::Current);
        backend.edit(|values| {
            let own = values.keys().filter(|(table, _)| is_fact(*table));
            all.extend(own.cloned().map(Self::Value));
        });
        backend.edit_files(|files| all.extend(files.keys().cloned().map(Self::File)));
        let count = |is: &dyn Fn(&Self) -> bool| all.iter().filter(|record| is(record)).count();
        assert!(
            count(&|record| matches!(record, Self::File(_))) > 1,
            "{all:?}"
        );
        assert!(count(&|record| record.segment().is_some()) > 4, "{all:?}");
        all
    }

    /// The segment of which it is.
    fn segment(&self) -> Option<SegmentKey> {
        match self {
            Self::Value((Table::Block, key)) => Some(keys::block_of(key).unwrap().0),
            Self::Value(_) => None,
            Self::File(key) => Some(key.clone()),
        }
    }

    fn edit(&self, backend: &MemoryBackend, edit: &dyn Fn(&mut Vec<u8>)) {
        match self {
            Self::Value(key) => backend.edit(|values| edit(values.get_mut(key).unwrap())),
            Self::File(key) => backend.edit_files(|files| edit(files.get_mut(key).unwrap())),
        }
    }

    fn lose(&self, backend: &MemoryBackend) {
        match self {
            Self::Value(key) => backend.edit(|values| drop(values.remove(key))),
            Self::File(key) => backend.edit_files(|files| drop(files.remove(key))),
        }
    }
}

#[test]
fn flipped_bits_in_any_record_of_the_facts_are_reported_and_never_served() {
    let (backend, first, _) = scene();
    let check = |record: &Record, change: &dyn Fn(&mut Vec<u8>)| {
        let copy = backend.after_crash(Surviving::Nothing);
        record.edit(&copy, change);
        match load(&in_memory(&copy), &contoso()) {
            Err(Error::Damaged(text)) => {
                assert!(text.contains("contoso"), "{text}");
                let is_named = text.contains("dataset") && text.contains(&run_id(1).to_string());
                assert!(record.segment().is_none() || is_named, "{text}");
            }
            other => panic!("{record:?}: {other:?}"),
        }
    };
    for (index, record) in Record::all(&backend).iter().enumerate() {
        check(record, &|bytes| {
            let middle = (bytes.len() / 2 + index) % bytes.len();
            bytes[middle] ^= 4;
        });
        // In a file: the length of the first frame, its digest, its first byte.
        for place in [0, 3, 4, 20, 35, 36] {
            check(record, &|bytes| {
                let place = place % bytes.len();
                bytes[place] ^= 0x81;
            });
        }
        check(record, &|bytes| bytes.clear());
        check(record, &|bytes| bytes.truncate(bytes.len() - 1));
    }
    assert_eq!(load(&in_memory(&backend), &contoso()).unwrap(), (1, first));
}

#[test]
fn a_lost_record_of_the_facts_is_reported() {
    let (backend, first, second) = scene();
    commit(&in_memory(&backend), &contoso(), 2, &second).unwrap();
    for record in Record::all(&backend) {
        let lost = backend.after_crash(Surviving::All);
        record.lose(&lost);
        let pieces = lost.pieces();
        let store = in_memory(&lost);
        let loaded = load(&store, &contoso());
        assert!(matches!(loaded, Err(Error::Damaged(_))), "{record:?} lost");
        if record.segment().is_none() {
            assert_eq!(lost.pieces(), pieces, "what may be restored is not swept");
        }
        // A damaged base is not merged into something that looks whole either.
        let staging = stage(&store, &contoso(), 3, &second, &first);
        let result = staging.and_then(|staging| staging.commit(&run(&contoso(), 3), as_of(3)));
        let after = result.and_then(|()| load(&store, &contoso()));
        if let Ok(found) = after {
            // What has one row was replaced unread.
            let segment = record.segment().unwrap();
            assert!(segment.collection.has_one_row(), "{record:?}");
            assert_eq!(found, (3, first.clone()));
        } else {
            assert!(matches!(after, Err(Error::Damaged(_))), "{record:?}");
        }
    }
}

#[test]
fn an_older_record_of_the_facts_is_reported() {
    let (backend, _, second) = scene();
    let mut older: Values = BTreeMap::new();
    backend.edit(|values| older = values.clone());
    commit(&in_memory(&backend), &contoso(), 2, &second).unwrap();
    for table in [Table::Manifest, Table::Current] {
        let mixed = backend.after_crash(Surviving::All);
        mixed.edit(|values| {
            let own = older.iter().filter(|((of, _), _)| *of == table);
            values.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        });
        let loaded = load(&in_memory(&mixed), &contoso());
        assert!(matches!(loaded, Err(Error::Damaged(_))), "{table:?} older");
    }
}

#[test]
fn a_sound_record_in_the_place_of_another_is_reported() {
    let (backend, _, _) = scene();
    let other = MemoryBackend::new();
    let renamed = World {
        organization: Some(crate::store::samples::organization("Fabrikam")),
        users: world(101, 0).users,
        ..World::default()
    };
    commit(&in_memory(&other), &contoso(), 1, &renamed).unwrap();
    // A block and a file that are sound in themselves, under the right key, but not what was written.
    let (mut blocks, mut files): (Values, _) = (BTreeMap::new(), BTreeMap::new());
    other.edit(|values| blocks = values.clone());
    blocks.retain(|(table, _), _| *table == Table::Block);
    other.edit_files(|all| files = all.clone());
    // The organization, the users, the list of their ids.
    assert_eq!((blocks.len(), files.len()), (1, 2));
    let copies = (0..3).map(|_| backend.after_crash(Surviving::Nothing));
    let copies: Vec<_> = copies.collect();
    copies[0].edit(|values| values.extend(blocks));
    for (copy, (key, content)) in copies[1..].iter().zip(files) {
        copy.edit_files(|all| drop(all.insert(key, content).unwrap()));
    }
    for copy in copies {
        let mut visited = 0;
        let result = in_memory(&copy).load(&contoso(), &mut |_| visited += 1);
        assert!(matches!(result, Err(Error::Damaged(_))), "{result:?}");
        assert_eq!(
            visited, 0,
            "its heads are compared before anything is visited"
        );
    }
}

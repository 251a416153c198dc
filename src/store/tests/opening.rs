//! Opening: alone, with the right key, and whatever a crash or a bad disk left.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;

use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::domain::tenant::{Connection, TenantAccess};
use crate::store::backend::{Backend, Table};
use crate::store::envelope::{self, Kind};
use crate::store::memory::Surviving;
use crate::store::records::FormatRecord;
use crate::store::{SecretKind, keys};

struct Scene {
    root: tempfile::TempDir,
    key: EncryptionKey,
    world: World,
}

/// A directory with one committed run.
fn scene() -> Scene {
    let scene = Scene {
        root: tempfile::tempdir().unwrap(),
        key: EncryptionKey::random(),
        world: world(300, 10),
    };
    commit(
        &open(scene.root.path(), &scene.key),
        &contoso(),
        1,
        &scene.world,
    )
    .unwrap();
    scene
}

impl Scene {
    #[track_caller]
    fn assert_whole(&self) {
        let store = open(self.root.path(), &self.key);
        assert_eq!(load(&store, &contoso()).unwrap(), (1, self.world.clone()));
    }

    fn snapshot(&self) -> std::path::PathBuf {
        let mut entries = fs::read_dir(self.root.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .find(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("snap.")
            })
            .unwrap()
    }
}

#[test]
fn a_store_is_there_from_its_first_opening_on() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    assert!(!Store::exists(&path));
    drop(open(&path, &EncryptionKey::random()));
    assert!(Store::exists(&path));
}

#[test]
fn a_second_opening_is_refused_with_path_and_pid_and_the_first_goes_on() {
    let scene = scene();
    let store = open(scene.root.path(), &scene.key);
    match try_open(scene.root.path(), &scene.key).err() {
        Some(OpenError::InUse { path, pid }) => {
            assert_eq!(
                (path.as_path(), pid),
                (scene.root.path(), std::process::id())
            );
        }
        other => panic!("{other:?}"),
    }
    store.record_run(&run(&contoso(), 2)).unwrap();
}

#[test]
fn the_wrong_key_is_refused_and_the_right_one_opens_afterwards() {
    let scene = scene();
    let refused = try_open(scene.root.path(), &EncryptionKey::random());
    assert!(matches!(refused.err(), Some(OpenError::WrongKey)));
    scene.assert_whole();
}

#[test]
fn a_newer_format_is_refused_with_both_numbers() {
    let scene = scene();
    let store = open(scene.root.path(), &scene.key);
    let key = keys::format();
    let record = FormatRecord::new(7, &scene.key).encode();
    let mut batch = crate::store::backend::Batch::default();
    batch.put(key.clone(), envelope::seal(&key, Kind::Format, &record));
    store.write_durably(batch).unwrap();
    drop(store);
    match try_open(scene.root.path(), &scene.key).err() {
        Some(OpenError::Newer { found: 7, known: 5 }) => {}
        other => panic!("{other:?}"),
    }
}

/// A store of the first format, as the version wrote it that knew no other: table, key and value of
/// every record. Two runs over twelve users and four licenses.
const FORMAT_1: &str = include_str!("format_1.txt");

fn format_1() -> Arc<MemoryBackend> {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits = hex.as_bytes().as_chunks::<2>().0.iter();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.map(|pair| byte(pair).unwrap()).collect()
    };
    let table = |text: &str| {
        let mut all = keys::TENANT_TABLES.into_iter().chain([Table::Server]);
        all.find(|table| char::from(table.prefix()).to_string() == text)
    };
    let backend = MemoryBackend::new();
    backend.edit(|values| {
        for line in FORMAT_1.lines() {
            let [of, key, value] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            values.insert((table(of).unwrap(), bytes(key)), bytes(value));
        }
    });
    backend
}

#[test]
fn a_store_of_the_first_format_is_read_and_goes_on() {
    let first = world(12, 4);
    let mut second = changed(&first, 5, 2);
    second.organization = Some(crate::store::samples::organization("Contoso 2"));
    let backend = format_1();
    let store = in_memory(&backend);
    assert_eq!(load(&store, &contoso()).unwrap(), (2, second.clone()));
    assert_eq!(store.run_ids(&contoso()).unwrap().len(), 2);
    assert_eq!(store.unfinished(&contoso()).unwrap(), None);
    // More of the same, and all that is new.
    let third = changed(&second, 3, 3);
    commit(&store, &contoso(), 3, &third).unwrap();
    let fourth = whole_world(12);
    commit(&store, &contoso(), 4, &fourth).unwrap();
    let reopened = in_memory(&backend.after_crash(Surviving::Nothing));
    assert_eq!(load(&reopened, &contoso()).unwrap(), (4, fourth));
}

#[test]
fn a_store_of_the_first_format_is_raised_when_it_is_opened_whatever_fails() {
    let version = |backend: &Arc<MemoryBackend>| {
        let key = keys::format();
        let value = backend.get(&key).unwrap().unwrap();
        let record = envelope::open(&key, Kind::Format, &value).unwrap();
        FormatRecord::decode(&record).unwrap().version
    };
    let backend = format_1();
    assert_eq!(version(&backend), 1);
    let other = Store::open_on(backend.clone(), EncryptionKey::random(), 0, LAYOUT);
    assert!(matches!(other.err(), Some(OpenError::WrongKey)));
    assert_eq!(
        version(&backend),
        1,
        "whoever has another key writes nothing"
    );
    for call in 1..=2 {
        for surviving in Surviving::EACH {
            let backend = format_1();
            backend.fail_at(call, Error::DiskFull, surviving);
            let store = Store::open_on(backend.clone(), memory_key(), 0, LAYOUT);
            assert!(matches!(store.err(), Some(OpenError::Full)));
            let backend = backend.after_crash(surviving);
            in_memory(&backend);
            assert_eq!(version(&backend.after_crash(Surviving::Nothing)), 5);
        }
    }
}

#[test]
fn an_unfinished_snapshot_is_removed_and_the_good_one_read() {
    for bytes in [&b""[..], &[0; 40]] {
        let scene = scene();
        scene.assert_whole();
        let good = scene.snapshot();
        let torn = scene.root.path().join("snap.7FFFFFFFFFFFFFFF.generating");
        fs::write(&torn, bytes).unwrap();
        scene.assert_whole();
        assert!(!torn.exists());
        let aside = format!("damaged.{}", good.file_name().unwrap().to_string_lossy());
        assert!(!scene.root.path().join(aside).exists());
    }
}

#[test]
fn a_damaged_snapshot_is_set_aside_and_the_log_replayed() {
    let scene = scene();
    scene.assert_whole();
    let snapshot = scene.snapshot();
    let mut bytes = fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&snapshot, bytes).unwrap();
    scene.assert_whole();
    let aside = format!(
        "damaged.{}",
        snapshot.file_name().unwrap().to_string_lossy()
    );
    assert!(scene.root.path().join(aside).exists());
    scene.assert_whole();
}

#[test]
fn a_store_whose_log_is_gone_or_emptied_is_damaged_not_new() {
    for damage in [
        &|path: &Path| fs::remove_file(path).unwrap(),
        &|path: &Path| fs::write(path, "").unwrap(),
    ] as [&dyn Fn(&Path); 2]
    {
        let scene = scene();
        damage(&scene.root.path().join("db"));
        assert!(matches!(
            try_open(scene.root.path(), &scene.key).err(),
            Some(OpenError::Damaged(_))
        ));
        assert!(Store::exists(scene.root.path()));
    }
}

#[test]
fn a_store_whose_log_is_zeroed_is_never_answered_as_empty() {
    let scene = scene();
    let log = scene.root.path().join("db");
    let length = fs::metadata(&log).unwrap().len();
    fs::write(&log, vec![0; usize::try_from(length).unwrap()]).unwrap();
    match try_open(scene.root.path(), &scene.key) {
        Err(OpenError::Damaged(_)) => {}
        Err(other) => panic!("{other}"),
        Ok(store) => assert!(load(&store, &contoso()).is_err()),
    }
}

#[test]
fn flipped_bits_anywhere_in_the_log_are_noticed_or_harmless() {
    let scene = scene();
    let log = scene.root.path().join("db");
    let whole = fs::read(&log).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut random = crate::store::samples::Random(5);
    let mut noticed = 0;
    for _ in 0..24 {
        let place = random.below(used as u64);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&log)
            .unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(place)).unwrap();
        file.read_exact(&mut byte).unwrap();
        byte[0] ^= 1 << random.below(8);
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(&byte).unwrap();
        drop(file);
        match try_open(scene.root.path(), &scene.key) {
            Err(_) => noticed += 1,
            Ok(store) => match load(&store, &contoso()) {
                Err(_) => noticed += 1,
                Ok(found) => {
                    assert!(
                        found == (1, scene.world.clone()),
                        "byte {place}: other facts were served"
                    );
                }
            },
        }
        restore(scene.root.path(), &log, &whole);
    }
    assert!(noticed > 0);
    scene.assert_whole();
}

#[test]
fn flipped_bits_anywhere_in_sleds_settings_are_damage_or_harmless() {
    let scene = scene();
    let settings = scene.root.path().join("conf");
    let whole = fs::read(&settings).unwrap();
    for place in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        fs::write(&settings, flipped).unwrap();
        match try_open(scene.root.path(), &scene.key) {
            Err(OpenError::Damaged(_)) => {}
            Err(other) => panic!("bit {place}: {other}"),
            Ok(store) => assert_eq!(
                load(&store, &contoso()).unwrap(),
                (1, scene.world.clone()),
                "bit {place}"
            ),
        }
    }
    fs::write(&settings, whole).unwrap();
    scene.assert_whole();
}

/// Puts the log back, without any snapshot of a damaged one.
fn restore(directory: &Path, log: &Path, whole: &[u8]) {
    fs::write(log, whole).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .contains("snap.")
        {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn directory_and_files_are_for_their_owner_only() {
    let scene = scene();
    let _store = open(scene.root.path(), &scene.key);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(scene.root.path()), 0o700);
    let (mut directories, mut files) = (vec![scene.root.path().to_owned()], 0);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), expected, "{}", path.display());
            match path.is_dir() {
                true => directories.push(path),
                false => files += 1,
            }
        }
    }
    assert!(files > 4, "{files}");
}

#[test]
fn no_file_of_a_stolen_directory_holds_a_secret() {
    use base64::Engine;
    let root = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let token = "0.AXoAcanary-refresh-token-that-nobody-may-find";
    let store = open(root.path(), &key);
    let connection = Connection::new(TenantAccess::Delegated);
    store
        .save_connection(
            &contoso(),
            &connection,
            Some(Some(&SecretString::from(token))),
        )
        .unwrap();
    commit(&store, &contoso(), 1, &world(10, 3)).unwrap();
    let found = store
        .secret(&contoso(), SecretKind::RefreshToken)
        .unwrap()
        .unwrap();
    assert_eq!(found.expose_secret(), token);
    drop(store);

    let utf16: Vec<u8> = token.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(token);
    let key_text = key.to_text();
    let key_bytes = base64::engine::general_purpose::STANDARD
        .decode(key_text.expose_secret())
        .unwrap();
    let needles = [
        token.as_bytes(),
        &utf16,
        base64.as_bytes(),
        key_text.expose_secret().as_bytes(),
        &key_bytes,
    ];
    let mut files = 0;
    let mut directories = vec![root.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            files += 1;
            for needle in needles {
                assert!(
                    !bytes.windows(needle.len()).any(|window| window == needle),
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert!(files >= 4, "{files} files");
}

#[test]
fn nobody_who_asks_how_the_store_is_waits_for_it_to_be_opened_anew() {
    let scene = scene();
    let backend = Arc::new(crate::store::sled::SledBackend::open(scene.root.path()).unwrap());
    let store = Store::open_on(backend.clone(), scene.key.clone(), 1, LAYOUT).unwrap();
    let healing = backend.heal_for_test();
    let reason = "it is being opened anew".to_owned();
    assert_eq!(store.health(), crate::store::Health::ReadOnly { reason });
    assert_eq!(store.check_free_space(), Ok(()));
    assert!(store.bytes_on_disk() > 0);
    drop(healing);
    assert_eq!(store.health(), crate::store::Health::Ok);
}

#[test]
fn a_failed_sled_handle_is_opened_anew_in_the_process() {
    let scene = scene();
    let backend = Arc::new(crate::store::sled::SledBackend::open(scene.root.path()).unwrap());
    let store = Store::open_on(backend.clone(), scene.key.clone(), 0, LAYOUT).unwrap();
    backend.fail_for_test(Error::Io("Input/output error".into()));
    assert!(matches!(
        store.record_run(&run(&contoso(), 2)),
        Err(Error::ReadOnly(_))
    ));
    assert_eq!(load(&store, &contoso()).unwrap(), (1, scene.world.clone()));
    assert_eq!(store.heal(), crate::store::Health::Ok);
    store.record_run(&run(&contoso(), 2)).unwrap();
    drop((store, backend));
    scene.assert_whole();
}

//! The data directory: who owns it, what belongs into it, and what sled leaves behind in it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::folder::FOLDER;

/// Held locked by the process that owns the directory; its pid is inside.
const LOCK: &str = "seatwise.lock";
/// There from the first durable write on: whoever finds it, finds a store, never an empty directory.
/// It also says how far the log went when something was last acknowledged.
const MARKER: &str = "seatwise.store";
const MARKER_UNFINISHED: &str = "seatwise.store.new";
const MARKER_TEXT: &str =
    "A Seatwise store. Do not edit, move or delete single files of this directory.\n";
/// sled's files.
const LOG: &str = "db";
const CONF: &str = "conf";
const BLOBS: &str = "blobs";
const SNAPSHOT: &str = "snap.";
const SNAPSHOT_UNFINISHED: &str = ".generating";
/// What a damaged snapshot is renamed to.
const SET_ASIDE: &str = "damaged.";
/// At the root of a file system of its own.
const LOST_AND_FOUND: &str = "lost+found";

/// Where the marker's two numbers are, each in a sector of its own and written in turn, so that a
/// torn write leaves the other.
const SLOTS: [u64; 2] = [512, 1_024];
const SLOT_BYTES: usize = 12;

/// What is ours is nobody else's.
pub(super) const DIRECTORY_MODE: u32 = 0o700;
pub(super) const FILE_MODE: u32 = 0o600;

/// A data directory that is ours alone until this is dropped.
pub(super) struct Directory {
    path: PathBuf,
    /// The lock lives as long as the open file.
    _lock: File,
}

impl Directory {
    /// Whether a store was ever made there.
    pub(super) fn holds_store(path: &Path) -> bool {
        path.join(MARKER).exists() || has_bytes(&path.join(LOG))
    }

    /// Takes the directory, making it if it is not there. Nothing in it is touched before the lock
    /// is held, and nothing at all if it holds files that are no store of ours.
    pub(super) fn claim(path: &Path) -> Result<Self, OpenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)?;
        refuse_foreign_files(path)?;
        let lock = take_lock(path)?;
        fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE))?;
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        directory.tidy()?;
        Ok(directory)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// sled's log: all data but long segments is in it.
    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// Whether something durable was ever written here.
    pub(super) fn is_marked(&self) -> bool {
        self.path.join(MARKER).exists()
    }

    /// Notes that everything up to a number in the log is durable. Outside the log, since sled takes
    /// a flipped bit in its last segments for the log's end: then it opens whole but older, and only
    /// a number kept elsewhere shows that something acknowledged is gone.
    pub(super) fn mark(&self, sequence: u64) -> io::Result<()> {
        if !self.is_marked() {
            let unfinished = self.path.join(MARKER_UNFINISHED);
            let mut file = private_file().truncate(true).open(&unfinished)?;
            file.write_all(MARKER_TEXT.as_bytes())?;
            write_slot(&file, sequence)?;
            fs::rename(&unfinished, self.path.join(MARKER))?;
            return self.make_durable();
        }
        write_slot(&private_file().open(self.path.join(MARKER))?, sequence)
    }

    /// The number noted last; 0 where none is.
    pub(super) fn marked_sequence(&self) -> u64 {
        let Ok(file) = File::open(self.path.join(MARKER)) else {
            return 0;
        };
        let slot = |offset: &u64| -> Option<u64> {
            let mut slot = [0; SLOT_BYTES];
            file.read_exact_at(&mut slot, *offset).ok()?;
            let (number, sum) = slot.split_first_chunk::<8>()?;
            (crc32fast::hash(number).to_le_bytes() == sum).then_some(u64::from_le_bytes(*number))
        };
        SLOTS.iter().filter_map(slot).max().unwrap_or(0)
    }

    /// The marker's path, for messages.
    pub(super) fn marker_path(&self) -> PathBuf {
        self.path.join(MARKER)
    }

    /// Removes what a crash inside sled leaves behind; call it before every open.
    ///
    /// sled prefers an unfinished snapshot over the good one and then answers `Corruption` for ever.
    /// And a process killed while it made its very first files leaves a `conf` without its checksum:
    /// as long as the log is empty and nothing was ever acknowledged, that is no store yet.
    pub(super) fn tidy(&self) -> Result<(), OpenError> {
        for name in self.names()? {
            if name.starts_with(SNAPSHOT) && name.ends_with(SNAPSHOT_UNFINISHED) {
                fs::remove_file(self.path.join(name))?;
            }
        }
        if has_bytes(&self.log_path()) {
            return Ok(());
        }
        if self.is_marked() {
            return Err(OpenError::Damaged(format!(
                "{} is missing or empty",
                self.log_path().display()
            )));
        }
        match fs::remove_file(self.path.join(CONF)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Renames sled's snapshots, so that the next open replays the whole log; how many there were.
    /// Losses that the snapshot would have shown are then noticed by our own digests.
    pub(super) fn set_snapshots_aside(&self) -> io::Result<usize> {
        let names = self.names()?;
        let snapshots = names.iter().filter(|name| name.starts_with(SNAPSHOT));
        let mut count: usize = 0;
        for name in snapshots {
            fs::rename(
                self.path.join(name),
                self.path.join(format!("{SET_ASIDE}{name}")),
            )?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Gives every file the modes that it would have under umask 077: sled makes 0644.
    pub(super) fn restrict_modes(&self) -> io::Result<()> {
        for name in self.names()? {
            let path = self.path.join(&name);
            match name.as_str() {
                LOST_AND_FOUND => {}
                BLOBS | FOLDER => {
                    fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE))?;
                }
                _ => fs::set_permissions(path, Permissions::from_mode(FILE_MODE))?,
            }
        }
        Ok(())
    }

    /// Makes the names of the files durable: the directory's and its parent's entries, and sled's
    /// `conf`, which it never syncs.
    pub(super) fn make_durable(&self) -> io::Result<()> {
        for name in [CONF, BLOBS] {
            let path = self.path.join(name);
            if path.exists() {
                File::open(path)?.sync_all()?;
            }
        }
        File::open(&self.path)?.sync_all()?;
        match self.path.canonicalize()?.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }

    /// The bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        bytes_in(&self.path)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        names(&self.path)
    }
}

/// The bytes of all files below a path, as far as they can be seen.
fn bytes_in(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A directory with somebody else's files in it is not made a store: a slip in the configuration
/// must not scatter our files over a home directory.
fn refuse_foreign_files(path: &Path) -> Result<(), OpenError> {
    if Directory::holds_store(path) {
        return Ok(());
    }
    let is_known = |name: &str| {
        let ours = [LOCK, MARKER_UNFINISHED, LOG, CONF, BLOBS, LOST_AND_FOUND];
        ours.contains(&name) || name.starts_with(SNAPSHOT)
    };
    match names(path)?.iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(OpenError::Damaged(format!(
            "{} holds files that are no store (\"{name}\"); name an empty directory, or put back what is missing",
            path.display()
        ))),
    }
}

fn take_lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let mut file = private_file().read(true).open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(error.into()),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // The holder may be writing it this moment; then its number stays unknown (0).
            let _ = file.read_to_string(&mut text);
            return Err(OpenError::InUse {
                path: directory.to_owned(),
                pid: text.trim().parse().unwrap_or(0),
            });
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

fn write_slot(file: &File, sequence: u64) -> io::Result<()> {
    let [even, odd] = SLOTS;
    let offset = if sequence.is_multiple_of(2) {
        even
    } else {
        odd
    };
    let number = sequence.to_le_bytes();
    let sum = crc32fast::hash(&number).to_le_bytes();
    file.write_all_at(&[number.as_slice(), &sum].concat(), offset)?;
    file.sync_all()
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(FILE_MODE);
    options
}

fn has_bytes(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_second_claim_is_refused_at_once_and_names_the_holder() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let first = Directory::claim(&path).unwrap();
        match Directory::claim(&path) {
            Err(OpenError::InUse { path: found, pid }) => {
                assert_eq!(found, path);
                assert_eq!(pid, std::process::id());
            }
            _ => panic!("claimed twice"),
        }
        drop(first);
        Directory::claim(&path).unwrap();
    }

    #[test]
    fn a_second_claim_tidies_nothing() {
        let root = tempfile::tempdir().unwrap();
        let _first = Directory::claim(root.path()).unwrap();
        let unfinished = root.path().join("snap.01.generating");
        fs::write(&unfinished, "being written by the first").unwrap();
        assert!(Directory::claim(root.path()).is_err());
        assert!(unfinished.exists());
    }

    #[test]
    fn a_directory_with_other_files_is_refused_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("thesis.odt"), "text").unwrap();
        let Err(OpenError::Damaged(text)) = Directory::claim(root.path()) else {
            panic!("claimed");
        };
        assert!(text.contains("thesis.odt"), "{text}");
        assert_eq!(names(root.path()).unwrap(), ["thesis.odt"]);
    }

    #[test]
    fn a_marked_directory_without_its_log_is_damaged_not_empty() {
        let root = tempfile::tempdir().unwrap();
        Directory::claim(root.path()).unwrap().mark(1).unwrap();
        assert!(Directory::holds_store(root.path()));
        assert!(matches!(
            Directory::claim(root.path()),
            Err(OpenError::Damaged(_))
        ));
        fs::write(root.path().join(LOG), "").unwrap();
        assert!(matches!(
            Directory::claim(root.path()),
            Err(OpenError::Damaged(_))
        ));
    }

    #[test]
    fn a_torn_conf_of_a_store_that_never_was_is_removed() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(CONF), "segment_size: 5242").unwrap();
        fs::write(root.path().join(LOG), "").unwrap();
        Directory::claim(root.path()).unwrap();
        assert!(!root.path().join(CONF).exists());
    }

    #[test]
    fn directory_and_files_are_for_their_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let directory = Directory::claim(&path).unwrap();
        fs::write(path.join(LOG), "x").unwrap();
        directory.mark(1).unwrap();
        directory.restrict_modes().unwrap();
        assert_eq!(mode(&path), 0o700);
        for name in names(&path).unwrap() {
            assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
        }
    }

    #[test]
    fn the_marker_remembers_the_highest_number_and_survives_a_torn_write() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::claim(root.path()).unwrap();
        assert_eq!(directory.marked_sequence(), 0);
        for sequence in 1..=5 {
            directory.mark(sequence).unwrap();
            assert_eq!(directory.marked_sequence(), sequence);
        }
        let file = private_file().open(directory.marker_path()).unwrap();
        file.write_all_at(b"torn", SLOTS[1]).unwrap();
        assert_eq!(directory.marked_sequence(), 4);
    }
}

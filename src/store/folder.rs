//! The folder of segments in the data directory: `segments/<tenant>/<collection>-<run>-<part>`.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::collection::Collection;
use super::directory::{DIRECTORY_MODE, FILE_MODE};
use super::keys::SegmentKey;
use super::numbers::Numbered;
use super::{Error, lock};
use crate::domain::ids::{RunId, TenantKey};

/// The folder's name in the data directory.
pub(super) const FOLDER: &str = "segments";

/// Files of segments.
pub(super) struct Folder {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Files that were appended to since they were last made durable, open since before: what the
    /// disk refuses to keep is told to those who had the file open then.
    open: BTreeMap<SegmentKey, Arc<File>>,
    /// Tenants whose folder is known to be durable itself.
    kept: HashSet<TenantKey>,
}

impl Folder {
    /// The folder of a data directory; made when the first file is.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FOLDER),
            state: Mutex::default(),
        }
    }

    /// See [`Files::append`](super::files::Files::append).
    pub(super) fn append(&self, key: &SegmentKey, written: u64, bytes: &[u8]) -> io::Result<()> {
        self.opened(key, written == 0)?.write_all_at(bytes, written)
    }

    fn opened(&self, key: &SegmentKey, is_new: bool) -> io::Result<Arc<File>> {
        let mut state = lock(&self.state);
        if let Some(file) = state.open.get(key).filter(|_| !is_new) {
            return Ok(Arc::clone(file));
        }
        let mut options = OpenOptions::new();
        options.write(true).mode(FILE_MODE);
        if is_new {
            make_folder(&self.of_tenant(&key.tenant))?;
            options.create(true).truncate(true);
        }
        let file = Arc::new(options.open(self.file(key))?);
        state.open.insert(key.clone(), Arc::clone(&file));
        Ok(file)
    }

    /// See [`Files::read_file`](super::files::Files::read_file).
    pub(super) fn read(
        &self,
        key: &SegmentKey,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        let read = File::open(self.file(key)).and_then(|file| {
            file.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        });
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::Damaged(format!("the file {} is missing", name(key))),
            ErrorKind::UnexpectedEof => {
                Error::Damaged(format!("the file {} is cut short", name(key)))
            }
            _ => error.into(),
        })
    }

    /// See [`Files::make_files_durable`](super::files::Files::make_files_durable).
    pub(super) fn make_durable(&self, tenant: &TenantKey) -> io::Result<()> {
        let mut open = Vec::new();
        // Nobody waits for the disk to append to a file of another tenant.
        lock(&self.state).open.retain(|key, file| {
            let is_other = key.tenant != *tenant;
            if !is_other {
                open.push(Arc::clone(file));
            }
            is_other
        });
        if open.is_empty() {
            return Ok(());
        }
        open.iter().try_for_each(|file| file.sync_all())?;
        File::open(self.of_tenant(tenant))?.sync_all()?;
        if !lock(&self.state).kept.contains(tenant) {
            File::open(&self.path)?.sync_all()?;
            if let Some(directory) = self.path.parent() {
                File::open(directory)?.sync_all()?;
            }
            lock(&self.state).kept.insert(tenant.clone());
        }
        Ok(())
    }

    /// See [`Files::remove_file`](super::files::Files::remove_file).
    pub(super) fn remove(&self, key: &SegmentKey) -> io::Result<()> {
        lock(&self.state).open.remove(key);
        match fs::remove_file(self.file(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// See [`Files::files`](super::files::Files::files). Files of other names are left alone.
    pub(super) fn files(&self, tenant: &TenantKey) -> io::Result<Vec<SegmentKey>> {
        let names = names(&self.of_tenant(tenant))?;
        Ok(names.iter().filter_map(|name| key(tenant, name)).collect())
    }

    /// See [`Files::tenants_with_files`](super::files::Files::tenants_with_files).
    pub(super) fn tenants(&self) -> io::Result<Vec<TenantKey>> {
        let names = names(&self.path)?;
        let tenants = names.iter().filter_map(|name| TenantKey::parse(name).ok());
        Ok(tenants.collect())
    }

    /// Closes what was appended to and not made durable: whether it reaches the disk is unknown.
    pub(super) fn forget_open(&self) {
        *lock(&self.state) = State::default();
    }

    fn of_tenant(&self, tenant: &TenantKey) -> PathBuf {
        self.path.join(tenant.as_str())
    }

    fn file(&self, key: &SegmentKey) -> PathBuf {
        self.of_tenant(&key.tenant).join(name(key))
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(DIRECTORY_MODE).create(path)
}

/// The entries of a folder; none where there is no folder.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// A file's name.
fn name(key: &SegmentKey) -> String {
    let SegmentKey {
        tenant: _,
        collection,
        run,
        part,
    } = key;
    format!("{}-{}-{part}", collection.number(), run.0.simple())
}

/// What [`name`] made a name of.
fn key(tenant: &TenantKey, name: &str) -> Option<SegmentKey> {
    let mut pieces = name.split('-');
    let key = SegmentKey {
        tenant: tenant.clone(),
        collection: Collection::from_number(pieces.next()?.parse().ok()?)?,
        run: RunId(Uuid::try_parse(pieces.next()?).ok()?),
        part: pieces.next()?.parse().ok()?,
    };
    (self::name(&key) == name).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sync_run::Dataset;
    use crate::store::samples::{run_id, tenant};

    fn segment(collection: Collection, part: u8) -> SegmentKey {
        SegmentKey {
            tenant: tenant("contoso"),
            collection,
            run: run_id(0x1234_5678_9abc),
            part,
        }
    }

    #[test]
    fn a_name_reads_back_and_no_other_name_is_one_of_ours() {
        for collection in Collection::all() {
            for part in [0, 9, 255] {
                let segment = segment(collection, part);
                let name = name(&segment);
                assert_eq!(key(&tenant("contoso"), &name), Some(segment), "{name}");
            }
        }
        let name = name(&segment(Collection::Users, 3));
        assert_eq!(name, "2-00000000000000000000123456789abc-3");
        for other in [
            "",
            "2",
            "2-00000000000000000000123456789abc",
            "2-00000000000000000000123456789ABC-3",
            "2-00000000000000000000123456789abc-03",
            "2-00000000000000000000123456789abc-3-",
            "2-00000000000000000000123456789abc-256",
            "0-00000000000000000000123456789abc-3",
            "notes.txt",
        ] {
            assert_eq!(key(&tenant("contoso"), other), None, "{other}");
        }
    }

    #[test]
    fn what_is_appended_is_read_and_what_is_not_there_is_damage() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        let users = segment(Collection::Users, 0);
        assert_eq!(folder.files(&users.tenant).unwrap(), []);
        assert_eq!(folder.tenants().unwrap(), []);
        folder.append(&users, 0, b"frame").unwrap();
        folder.make_durable(&users.tenant).unwrap();
        folder.append(&users, 5, b" after frame").unwrap();
        assert_eq!(folder.read(&users, 6, 5).unwrap(), b"after");
        let standing = segment(Collection::Standing(Dataset::Users), 1);
        folder.append(&standing, 0, b"x").unwrap();
        let all = folder.files(&users.tenant).unwrap();
        assert!(all.len() == 2 && all.contains(&users) && all.contains(&standing));
        assert_eq!(folder.tenants().unwrap(), [tenant("contoso")]);

        let damage = |result: Result<Vec<u8>, Error>| match result {
            Err(Error::Damaged(what)) => what,
            other => panic!("{other:?}"),
        };
        assert!(damage(folder.read(&users, 10, 8)).contains("is cut short"));
        folder.remove(&users).unwrap();
        folder.remove(&users).unwrap();
        assert!(damage(folder.read(&users, 0, 1)).contains("is missing"));
        assert_eq!(folder.files(&users.tenant).unwrap(), [standing]);
    }

    #[test]
    fn a_file_that_is_made_anew_keeps_nothing_of_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        let users = segment(Collection::Users, 0);
        folder.append(&users, 0, b"what another try left").unwrap();
        folder.append(&users, 0, b"new").unwrap();
        assert_eq!(folder.read(&users, 0, 3).unwrap(), b"new");
        assert!(folder.read(&users, 0, 4).is_err());
    }

    #[test]
    fn somebody_elses_files_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        let users = segment(Collection::Users, 0);
        folder.append(&users, 0, b"x").unwrap();
        let foreign = root.path().join("segments/contoso/.nfs0001");
        fs::write(&foreign, "").unwrap();
        fs::create_dir(root.path().join("segments/lost+found")).unwrap();
        assert_eq!(folder.files(&users.tenant).unwrap(), [users]);
        assert_eq!(folder.tenants().unwrap(), [tenant("contoso")]);
    }
}

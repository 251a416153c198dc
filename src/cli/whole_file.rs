//! A file that is there whole or not at all, readable for its owner alone.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::exit::{Exit, Failure};

/// It is written beside its place and moved there at the end: what broke off leaves nothing behind, and a
/// file of the same name stays until then.
pub(super) struct WholeFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl WholeFile {
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let beside = tempfile::Builder::new()
            .prefix(".seatwise-")
            .tempfile_in(directory);
        Ok(Self {
            file: beside.map_err(|error| unwritable(path, &error))?,
            path: path.to_owned(),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| unwritable(&self.path, &error))
    }

    pub(super) fn keep(self) -> Result<(), Failure> {
        let Self { path, file } = self;
        let synced = file.as_file().sync_all();
        let kept = synced.and_then(|()| Ok(file.persist(&path)?));
        kept.map(drop).map_err(|error| unwritable(&path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("{}: {error}", path.display()))
}

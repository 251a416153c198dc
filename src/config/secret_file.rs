//! Files that hold a secret: read once, and only where nobody else can read them.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

/// The most bytes a file with a secret or a certificate may have.
const BYTES_MAX: u64 = 64 * 1024;

/// The bits of a mode by which group or others may read, write or enter.
const OTHERS: u32 = 0o077;

/// Reads a file with one secret in one line; surrounding white space is not part of it.
pub(super) fn read_line(path: &Path) -> Result<SecretString, String> {
    let text = read(path)?;
    let line = text.expose_secret().trim();
    if line.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    if line.contains(char::is_control) {
        return Err(format!("{} holds more than one line", path.display()));
    }
    Ok(line.into())
}

/// Reads a private file whole.
pub(super) fn read(path: &Path) -> Result<SecretString, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(format!(
            "{} is open to other users of this machine (mode {:04o}); run: chmod 600 {}",
            path.display(),
            mode & 0o7777,
            path.display()
        ));
    }
    let mut text = String::new();
    let mut bounded = file.take(BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(unreadable)?;
    // Before the length is judged, so that no path leaves the text behind in plain memory.
    let secret = SecretString::from(text);
    if secret.expose_secret().len() as u64 > BYTES_MAX {
        return Err(format!("{} is larger than 64 kB", path.display()));
    }
    Ok(secret)
}

/// Whether other users of this machine can read a file; false where that cannot be found out.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0)
}

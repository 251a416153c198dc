//! Searching what was written and said for what must not be there, however it is spelled.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// A text in every spelling in which it might be found.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings = vec![
        secret.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        spellings.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        spellings.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    // Inside of a longer text, base64 looks otherwise by what stands before.
    for (before, cut) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; before], secret].concat();
        let whole = padded.len() / 3 * 4;
        for engine in [STANDARD, URL_SAFE] {
            spellings.push(engine.encode(&padded).as_bytes()[cut..whole].to_vec());
        }
    }
    spellings.sort();
    spellings.dedup();
    spellings
}

/// What must not be found, by name.
pub(crate) struct Needles(Vec<(String, Vec<u8>)>);

impl Needles {
    /// Texts too long to be met by chance.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let named = secrets.into_iter().flat_map(|secret| {
            assert!(secret.len() >= 16, "{secret} could be there by chance");
            let spellings = spellings(secret.as_bytes()).into_iter();
            spellings.map(|spelling| (secret.to_owned(), spelling))
        });
        Self(named.collect())
    }

    /// And a key, as it is in memory.
    pub(crate) fn and_key(mut self, bytes: &[u8]) -> Self {
        let spellings = spellings(bytes).into_iter();
        self.0
            .extend(spellings.map(|spelling| ("the encryption key".to_owned(), spelling)));
        self
    }

    /// Fails where one of them is found, in any spelling.
    #[track_caller]
    pub(crate) fn check_absent(&self, place: &str, bytes: &[u8]) {
        for (name, needle) in &self.0 {
            let found = memchr::memmem::find(bytes, needle);
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())];
                panic!("{name} is in {place}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// What was compressed without a dictionary, as it was before.
pub(crate) fn unfolded(bytes: &[u8]) -> Vec<u8> {
    const MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    let mut all = Vec::new();
    for at in memchr::memmem::find_iter(bytes, MAGIC) {
        let frame = zstd::stream::read::Decoder::with_buffer(&bytes[at..]);
        // What only looks like a frame ends in an error.
        let _ = frame
            .unwrap()
            .single_frame()
            .take(1 << 20)
            .read_to_end(&mut all);
    }
    all
}

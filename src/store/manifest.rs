//! Which segments make up a collection, and when some of them are merged.
//!
//! Every run that changes something adds a segment. Left alone, segments would pile up: a start
//! would read every change ever made. Merged all the time, every run would rewrite everything. So:
//!
//! - When the changed rows come to a quarter of the base, all is merged into a new base. A row of
//!   the base is then rewritten once for every quarter of it that changed: four rows written for each
//!   that changed.
//! - Eight change segments of about the same size (within a factor of eight) are merged into one: a
//!   changed row is rewritten once for each of these sizes, and there are at most seven a size.

use std::ops::Range;

use prost::Message;

use super::Error;
use super::collection::Collection;
use super::keys::SegmentKey;
use super::numbers::Numbered;
use super::records::{ManifestRecord, SegmentRecord, damaged, decode, guid};
use crate::domain::ids::{RunId, TenantKey};

/// Changes up to so many rows never call for a new base; the base may be smaller than that.
const CHANGED_ROWS_MIN: u64 = 64;
/// ... nor up to this share of the base.
const CHANGED_SHARE: u64 = 4;
/// A new base of users has a new list when more than this share of the last one was not on its list...
const UNLISTED_SHARE: u64 = 8;
/// ... or when the list was longer than this many times the base.
const LISTED_FACTOR: u64 = 2;
/// So many change segments of one size are merged; also the factor between two sizes.
const SAME_SIZE_MAX: usize = 8;

/// Where a segment is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Among the values of the engine: a short one, or one from before there were files.
    Blocks,
    /// In a file of its own.
    File,
}

/// One segment: where it is and what it must turn out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Which one.
    pub(super) key: SegmentKey,
    /// Where it is.
    pub(super) place: Place,
    /// How many frames it has.
    pub(super) frames: u32,
    /// How many rows: put and removed.
    pub(super) rows: u64,
    /// How many bytes its frames have.
    pub(super) bytes: u64,
    /// blake3 of the frames, each with its length before it; of a file, of the frames' heads.
    pub(super) digest: [u8; 32],
    /// The list by which it names ids, if by one; see [`ids`](super::ids).
    pub(super) list: Option<Box<Segment>>,
    /// How many of its rows are not on it.
    pub(super) unlisted: u64,
}

impl Segment {
    /// Which power of [`SAME_SIZE_MAX`] its rows are.
    fn size(&self) -> u32 {
        self.rows.max(1).ilog(SAME_SIZE_MAX as u64)
    }

    /// Whether the list by which it names ids has hardly any but its own, and nearly all of those.
    pub(super) fn is_well_listed(&self) -> bool {
        let listed = self.list.as_ref().map_or(0, |list| list.rows);
        self.unlisted <= self.rows / UNLISTED_SHARE && listed / LISTED_FACTOR <= self.rows
    }

    /// It, and the list that it names ids by.
    pub(super) fn with_list(&self) -> impl Iterator<Item = &Self> {
        [self].into_iter().chain(self.list.as_deref())
    }

    /// Its record; tenant and collection stand elsewhere.
    pub(super) fn to_record(&self) -> SegmentRecord {
        SegmentRecord {
            run: self.key.run.0.as_bytes().to_vec(),
            part: self.key.part.into(),
            frames: self.frames,
            rows: self.rows,
            bytes: self.bytes,
            digest: self.digest.to_vec(),
            is_file: self.place == Place::File,
            list: self.list.as_ref().map(|list| Box::new(list.to_record())),
            unlisted: self.unlisted,
        }
    }

    /// Reads a record.
    pub(super) fn from_record(
        tenant: &TenantKey,
        collection: Collection,
        record: SegmentRecord,
    ) -> Result<Self, Error> {
        Ok(Self {
            key: SegmentKey {
                tenant: tenant.clone(),
                collection,
                run: RunId(guid(&record.run)?),
                part: u8::try_from(record.part).map_err(|_| damaged("a part's number"))?,
            },
            place: match record.is_file {
                true => Place::File,
                false => Place::Blocks,
            },
            frames: record.frames,
            rows: record.rows,
            bytes: record.bytes,
            digest: record
                .digest
                .try_into()
                .map_err(|_| damaged("a digest's length"))?,
            list: match record.list {
                Some(list) => {
                    let list = Self::from_record(tenant, Collection::Users, *list)?;
                    Some(Box::new(list))
                }
                None => None,
            },
            unlisted: record.unlisted,
        })
    }
}

/// The segments of a collection, base first. A later row of an id wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Manifest {
    /// In order.
    pub(super) segments: Vec<Segment>,
}

/// Segments to be merged into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merge {
    /// Which of the manifest's segments.
    pub(super) segments: Range<usize>,
    /// Whether the base is among them: then nothing is left of a removed row.
    pub(super) is_base: bool,
}

impl Manifest {
    /// The next merge that is due, if one is.
    pub(super) fn due_merge(&self) -> Option<Merge> {
        let (base, changes) = self.segments.split_first()?;
        let changed = changes
            .iter()
            .fold(0, |sum: u64, segment| sum.saturating_add(segment.rows));
        if changed > CHANGED_ROWS_MIN.max(base.rows / CHANGED_SHARE) {
            return Some(Merge {
                segments: 0..self.segments.len(),
                is_base: true,
            });
        }
        // Only neighbors are merged, so that their order in time stays. The newest ones of at most
        // one size are neighbors of each other.
        let size = changes.last()?.size();
        let same = changes
            .iter()
            .rev()
            .take_while(|segment| segment.size() <= size)
            .count();
        let first = self.segments.len().saturating_sub(same);
        (same >= SAME_SIZE_MAX).then_some(Merge {
            segments: first..self.segments.len(),
            is_base: false,
        })
    }

    /// Puts the result of a merge, if anything is left, in the place of what was merged.
    pub(super) fn apply(&mut self, merge: &Merge, merged: Option<Segment>) {
        self.segments.splice(merge.segments.clone(), merged);
    }

    /// The bytes of its record.
    pub(super) fn encode(&self) -> Vec<u8> {
        ManifestRecord {
            segments: self.segments.iter().map(Segment::to_record).collect(),
        }
        .encode_to_vec()
    }

    /// Reads a record.
    pub(super) fn decode(
        tenant: &TenantKey,
        collection: Collection,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let record: ManifestRecord = decode(bytes)?;
        let segments = record.segments.into_iter();
        let segments = segments.map(|record| Segment::from_record(tenant, collection, record));
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
        })
    }
}

/// One digest for the manifests of all collections of a tenant: what the pointer vouches for.
pub(super) fn digest<'a>(manifests: impl Iterator<Item = (Collection, &'a Manifest)>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut manifests: Vec<_> = manifests
        .filter(|(_, manifest)| !manifest.segments.is_empty())
        .map(|(collection, manifest)| (collection.number(), manifest.encode()))
        .collect();
    manifests.sort();
    for (number, bytes) in manifests {
        hasher.update(&number.to_le_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::backend::VALUE_BYTES_MAX;
    use crate::store::samples::tenant;

    fn segment(number: u128, rows: u64) -> Segment {
        Segment {
            key: SegmentKey {
                tenant: tenant("contoso"),
                collection: Collection::Users,
                run: RunId(Uuid::from_u128(number)),
                part: 0,
            },
            place: if rows > 64 {
                Place::File
            } else {
                Place::Blocks
            },
            frames: 1,
            rows,
            bytes: rows * 60,
            digest: *blake3::hash(&number.to_le_bytes()).as_bytes(),
            list: None,
            unlisted: 0,
        }
    }

    fn manifest(rows: &[u64]) -> Manifest {
        let segments = rows
            .iter()
            .zip(1..)
            .map(|(rows, number)| segment(number, *rows));
        Manifest {
            segments: segments.collect(),
        }
    }

    #[track_caller]
    fn check(rows: &[u64], expected: Option<Range<usize>>) {
        let due = manifest(rows).due_merge();
        assert_eq!(due.map(|merge| merge.segments), expected);
    }

    #[test]
    fn a_new_base_is_due_when_more_than_a_quarter_changed() {
        check(&[], None);
        check(&[10_000], None);
        check(&[10_000, 2_500], None);
        check(&[10_000, 2_500, 1], Some(0..3));
        check(&[0, 64], None);
        check(&[0, 65], Some(0..2));
    }

    #[test]
    fn eight_changes_of_a_size_are_merged() {
        check(&[100_000, 9, 9, 9, 9, 9, 9, 9], None);
        check(&[100_000, 9, 9, 9, 9, 9, 9, 9, 60], Some(1..9));
        check(&[100_000, 600, 9, 9, 9, 9, 9, 9, 9, 9], Some(2..10));
        // A large one takes the small ones before it along.
        check(&[100_000, 600, 600, 600, 600, 600, 600, 3, 600], Some(1..9));
        check(&[100_000, 600, 3, 3, 3, 3, 3, 3, 3], None);
    }

    #[test]
    fn after_any_series_a_manifest_is_short_and_rows_were_rewritten_a_few_times() {
        for (base, changed) in [
            (1_000_000, 1),
            (1_000_000, 10_000),
            (20_000, 200),
            (25, 10),
            (5_000_000, 37),
        ] {
            let mut manifest = manifest(&[base]);
            let (mut added, mut written) = (0, 0);
            for number in 2..3_000 {
                manifest.segments.push(segment(number, changed));
                added += changed;
                written += changed;
                while let Some(merge) = manifest.due_merge() {
                    // As if no row were changed twice: the worst case for a change segment.
                    let rows = if merge.is_base {
                        base
                    } else {
                        manifest.segments[merge.segments.clone()]
                            .iter()
                            .map(|segment| segment.rows)
                            .sum()
                    };
                    written += rows;
                    manifest.apply(&merge, Some(segment(number, rows)));
                }
                assert!(
                    manifest.segments.len() <= 40,
                    "{} segments",
                    manifest.segments.len()
                );
                assert!(manifest.encode().len() < VALUE_BYTES_MAX * 3 / 4);
            }
            let factor = written as f64 / added as f64;
            assert!(
                factor < 8.0,
                "{factor} rows written for each that changed ({base}, {changed})"
            );
        }
    }

    #[test]
    fn a_manifest_reads_back_and_its_digest_tells_manifests_apart() {
        let (one, two) = (manifest(&[7, 1]), manifest(&[7, 2]));
        let bytes = one.encode();
        assert_eq!(
            Manifest::decode(&tenant("contoso"), Collection::Users, &bytes).unwrap(),
            one
        );
        let digest = |manifest: &Manifest, collection| digest([(collection, manifest)].into_iter());
        assert_eq!(
            digest(&one, Collection::Users),
            digest(&one.clone(), Collection::Users)
        );
        assert_ne!(
            digest(&one, Collection::Users),
            digest(&two, Collection::Users)
        );
        assert_ne!(
            digest(&one, Collection::Users),
            digest(&one, Collection::Licenses)
        );
    }
}

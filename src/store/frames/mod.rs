//! Frames: some thousand changed rows of one collection as one compressed piece of bytes.
//!
//! A row is a fact that was put or the id of one that was removed; within a collection the later row
//! of an id wins. What nearly every user has is kept by column, what is rarer row by row.

mod by_id;
mod changes;
mod columns;
mod days;
mod few;
mod findings;
mod history;
mod memberships;
mod places;
mod sign_ins;
mod standing;
mod usage;
mod user_changes;
mod users;
mod values;

use uuid::Uuid;
use zstd::bulk::{Compressor, Decompressor};

use self::by_id::ById;
use self::changes::ChangeColumns;
use self::columns::cut;
use self::few::{FewRecord, FewRows};
use self::history::HistoryColumns;
use self::memberships::MembershipColumns;
use self::sign_ins::{ApplicationColumns, SignInColumns};
use self::usage::UsageColumns;
use self::users::{UserColumns, UsersRecord};
use super::collection::Collection;
use super::records::{damaged, decode};
use super::{Error, Fact};
use crate::domain::finding::FindingsPast;
use crate::domain::group::Group;
use crate::domain::license::License;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::tenant::Organization;
use crate::domain::usage::{HistoryUser, UsageDay};
use crate::domain::user::User;
use crate::domain::user_change::RunChanges;
use crate::domain::user_fact::UserFact;

pub(super) use self::columns::small;
pub(super) use self::history::{day_of_id, usage_day_id};
pub(super) use self::places::{Id, Places};
pub use self::standing::FORMER_NAMES_MAX;

/// A frame is closed at so many rows. Of 20,000 users as real directories have them, one took 58
/// bytes so, 74 in frames of 1,024 rows, 54 in frames of 32,768, and 57 at level 9; larger frames
/// cost memory while staging and loading.
const ROWS_MAX: usize = 8_192;
/// ... or about so many bytes, before compression.
const BYTES_MAX: usize = 4 << 20;
/// The most that a frame may unfold to: `BYTES_MAX` and one enormous row.
const UNFOLDED_BYTES_MAX: usize = 128 << 20;
/// Of a million users with four workloads, the frames of users, and of the longest report, shrink to
/// 57 % and 71 % at level 1, 54 % and 71 % at 3, 52 % and 71 % at 9 (six times the work of 3), and 49 %
/// and 69 % at 19 (76 times). Cut into blocks of 4 kB at level 3, they shrink to 59 % and 73 %.
const LEVEL: i32 = 3;

/// What happened to one fact.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every row is the large one: a box each would slow loading down"
)]
pub(super) enum Row {
    /// It is so now.
    Put(Fact),
    /// It is gone.
    Removed(Uuid),
}

impl Row {
    /// Which fact of its collection.
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Put(fact) => FactRef::from(fact).id(),
            Self::Removed(id) => *id,
        }
    }
}

/// A fact on its way to disk.
#[derive(Clone, Copy)]
pub(super) enum FactRef<'a> {
    Standing(&'a Standing),
    Organization(&'a Organization),
    License(&'a License),
    User(&'a User),
    Group(&'a Group),
    Subscription(&'a Subscription),
    UserFact(&'a UserFact),
    HistoryUser(&'a HistoryUser),
    UsageDay(&'a UsageDay),
    Findings(&'a FindingsPast),
    UserChanges(&'a RunChanges),
}

impl FactRef<'_> {
    /// Where it is kept; `None` for a report on users that is none.
    pub(super) fn collection(self) -> Option<Collection> {
        Some(match self {
            Self::Standing(fact) => Collection::Standing(fact.dataset),
            Self::Organization(_) => Collection::Organization,
            Self::License(_) => Collection::Licenses,
            Self::User(_) => Collection::Users,
            Self::Group(_) => Collection::Groups,
            Self::Subscription(_) => Collection::Subscriptions,
            Self::UserFact(fact) => return Collection::of_user_facts(fact.dataset()),
            Self::HistoryUser(_) => Collection::HistoryUsers,
            Self::UsageDay(fact) => Collection::UsageDays(fact.workload),
            Self::Findings(_) => Collection::Findings,
            Self::UserChanges(_) => Collection::UserChanges,
        })
    }

    /// Which fact of its collection. Where there is only one, its id does not tell it apart.
    pub(super) fn id(self) -> Uuid {
        match self {
            Self::Standing(_) | Self::Organization(_) => Uuid::nil(),
            Self::License(fact) => fact.sku_id.0,
            Self::User(fact) => fact.object_id.0,
            Self::Group(fact) => fact.object_id.0,
            Self::Subscription(fact) => fact.id.0,
            Self::UserFact(fact) => fact.object_id().0,
            Self::HistoryUser(fact) => fact.object_id.0,
            Self::UsageDay(fact) => usage_day_id(fact.workload, fact.on),
            Self::Findings(fact) => fact.about.map_or_else(Uuid::nil, |user| user.0),
            Self::UserChanges(fact) => fact.run.0,
        }
    }
}

impl<'a> From<&'a Fact> for FactRef<'a> {
    fn from(fact: &'a Fact) -> Self {
        match fact {
            Fact::Standing(fact) => Self::Standing(fact),
            Fact::Organization(fact) => Self::Organization(fact),
            Fact::License(fact) => Self::License(fact),
            Fact::User(fact) => Self::User(fact),
            Fact::Group(fact) => Self::Group(fact),
            Fact::Subscription(fact) => Self::Subscription(fact),
            Fact::UserFact(fact) => Self::UserFact(fact),
            Fact::HistoryUser(fact) => Self::HistoryUser(fact),
            Fact::UsageDay(fact) => Self::UsageDay(fact),
            Fact::Findings(fact) => Self::Findings(fact),
            Fact::UserChanges(fact) => Self::UserChanges(fact),
        }
    }
}

/// The rows of a frame that is being filled, in the form in which they are kept.
trait Rows: Send {
    /// Adds a fact; false, and nothing, when it is of another kind.
    fn put(&mut self, fact: FactRef<'_>) -> bool;
    /// Adds the removal of a fact.
    fn remove(&mut self, id: Uuid);
    /// How many rows there are.
    fn rows(&self) -> usize;
    /// About how long their record would be.
    fn bytes(&self) -> usize;
    /// Names the ids of rows by their places in a list; how many are not on it. Rows of few users have
    /// nothing to gain.
    fn list_ids(&mut self, _places: &mut dyn Places) -> usize {
        self.rows()
    }
    /// The record of all rows; none are left.
    fn take(&mut self) -> Vec<u8>;
}

/// A frame that is being filled.
pub(super) struct FrameWriter {
    rows: Box<dyn Rows>,
}

impl FrameWriter {
    /// An empty frame.
    pub(super) fn new(collection: Collection) -> Self {
        let rows: Box<dyn Rows> = match collection {
            Collection::Standing(_)
            | Collection::Organization
            | Collection::Licenses
            | Collection::Groups
            | Collection::Subscriptions
            | Collection::UsageDays(_)
            | Collection::Findings
            | Collection::UserChanges => Box::new(FewRows::default()),
            Collection::Users => Box::new(UserColumns::new()),
            Collection::Memberships => Box::new(ById::<MembershipColumns>::default()),
            Collection::SignInActivity => Box::new(ById::<SignInColumns>::default()),
            Collection::ApplicationUses => Box::new(ById::<ApplicationColumns>::default()),
            Collection::DirectoryChanges => Box::new(ById::<ChangeColumns>::default()),
            Collection::Usage(_) => Box::new(ById::<UsageColumns>::default()),
            Collection::HistoryUsers => Box::new(ById::<HistoryColumns>::default()),
        };
        Self { rows }
    }

    /// Adds a fact of the frame's collection.
    pub(super) fn put(&mut self, fact: FactRef<'_>) -> Result<(), Error> {
        if self.rows.put(fact) {
            Ok(())
        } else {
            Err(Error::Io("a fact in a frame of another kind".to_owned()))
        }
    }

    /// Adds the removal of a fact.
    pub(super) fn remove(&mut self, id: Uuid) {
        self.rows.remove(id);
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// Whether it ought to be closed.
    pub(super) fn is_full(&self) -> bool {
        self.rows.rows() >= ROWS_MAX || self.rows.bytes() >= BYTES_MAX
    }

    /// Names the ids of rows by their places in a list; how many are not on it. Nothing is added before
    /// the frame's bytes are taken.
    pub(super) fn list_ids(&mut self, places: &mut dyn Places) -> usize {
        self.rows.list_ids(places)
    }

    /// The frame's bytes; the writer is empty afterwards.
    pub(super) fn take(&mut self, compressor: &mut Compressor<'_>) -> Result<Vec<u8>, Error> {
        let unfolded = self.rows.take();
        if unfolded.len() > UNFOLDED_BYTES_MAX {
            // It would be written, and never be read.
            return Err(Error::Io(format!(
                "a row of {} bytes is too long to be kept",
                unfolded.len()
            )));
        }
        let packed = compressor.compress(&unfolded);
        let packed = packed.map_err(|error| Error::Io(error.to_string()))?;
        let mut bytes = small(unfolded.len()).to_le_bytes().to_vec();
        bytes.extend_from_slice(&packed);
        Ok(bytes)
    }
}

/// What compresses frames.
pub(super) fn compressor() -> Result<Compressor<'static>, Error> {
    Compressor::new(LEVEL).map_err(|error| Error::Io(error.to_string()))
}

/// What unfolds them.
pub(super) fn decompressor() -> Result<Decompressor<'static>, Error> {
    Decompressor::new().map_err(|error| Error::Io(error.to_string()))
}

/// What takes in rows one by one: a frame of them side by side is megabytes.
pub(super) type TakeRow<'a> = dyn FnMut(Row) -> Result<(), Error> + 'a;

/// Reads the rows of a frame, in the order in which they were added. `list` is the one by which it
/// names ids.
pub(super) fn read_frame(
    collection: Collection,
    bytes: &[u8],
    decompressor: &mut Decompressor<'_>,
    list: &[Id],
    take: &mut TakeRow<'_>,
) -> Result<(), Error> {
    let (length, packed) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > UNFOLDED_BYTES_MAX {
        return Err(damaged("a frame of an impossible length"));
    }
    let unfolded = decompressor.decompress(packed, length);
    let unfolded = unfolded.map_err(|_| damaged("a frame does not decompress"))?;
    match collection {
        Collection::Standing(_)
        | Collection::Organization
        | Collection::Licenses
        | Collection::Groups
        | Collection::Subscriptions
        | Collection::UsageDays(_)
        | Collection::Findings
        | Collection::UserChanges => decode::<FewRecord>(&unfolded)?.rows(take),
        Collection::Users => decode::<UsersRecord>(&unfolded)?.rows(list, take),
        Collection::Memberships => {
            by_id::read::<MembershipColumns>(collection, &unfolded, list, take)
        }
        Collection::SignInActivity => {
            by_id::read::<SignInColumns>(collection, &unfolded, list, take)
        }
        Collection::ApplicationUses => {
            by_id::read::<ApplicationColumns>(collection, &unfolded, list, take)
        }
        Collection::DirectoryChanges => {
            by_id::read::<ChangeColumns>(collection, &unfolded, list, take)
        }
        Collection::Usage(_) => by_id::read::<UsageColumns>(collection, &unfolded, list, take),
        Collection::HistoryUsers => {
            by_id::read::<HistoryColumns>(collection, &unfolded, list, take)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples;

    /// The rows of a frame.
    fn read(collection: Collection, bytes: &[u8], list: &[Id]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        let mut take = |row| {
            rows.push(row);
            Ok(())
        };
        read_frame(collection, bytes, &mut decompressor()?, list, &mut take)?;
        Ok(rows)
    }

    fn round_trip(collection: Collection, rows: &[Row]) -> Vec<Row> {
        let mut frame = FrameWriter::new(collection);
        // A writer that was emptied is as good as a new one.
        for _ in 0..2 {
            for row in rows {
                match row {
                    Row::Put(fact) => frame.put(fact.into()).unwrap(),
                    Row::Removed(id) => frame.remove(*id),
                }
            }
            assert_eq!(frame.rows(), rows.len());
            let bytes = frame.take(&mut compressor().unwrap()).unwrap();
            assert_eq!(frame.rows(), 0);
            let found = read(collection, &bytes, &[]).unwrap();
            if found != rows {
                return found;
            }
        }
        rows.to_vec()
    }

    /// A collection and rows of it, some of them removed.
    fn any_rows() -> impl Strategy<Value = (Collection, Vec<Row>)> {
        let all: Vec<_> = Collection::all().collect();
        prop::sample::select(all).prop_flat_map(|collection| {
            let row = prop_oneof![
                4 => samples::any_fact(collection).prop_map(Row::Put),
                1 => any::<u128>().prop_map(|id| Row::Removed(Uuid::from_u128(id))),
            ];
            (Just(collection), prop::collection::vec(row, 0..12))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn rows_of_every_collection_read_back_as_they_were((collection, rows) in any_rows()) {
            prop_assert_eq!(round_trip(collection, &rows), rows);
        }
    }

    /// A list that has every second id that it is asked for.
    #[derive(Default)]
    struct Every {
        ids: Vec<Id>,
        is_listed: bool,
    }

    impl Places for Every {
        fn place(&mut self, id: &Id) -> Option<u32> {
            self.is_listed = !self.is_listed;
            self.ids.push(*id);
            self.is_listed.then_some(small(self.ids.len() - 1))
        }
    }

    proptest! {
        #[test]
        fn rows_that_are_named_by_a_list_read_back_as_they_were((collection, rows) in any_rows()) {
            let mut frame = FrameWriter::new(collection);
            for _ in 0..2 {
                for row in &rows {
                    match row {
                        Row::Put(fact) => frame.put(fact.into()).unwrap(),
                        Row::Removed(id) => frame.remove(*id),
                    }
                }
                let mut list = Every::default();
                let unlisted = frame.list_ids(&mut list);
                prop_assert_eq!(unlisted, match collection.is_by_user() {
                    true => rows.len() / 2,
                    false => rows.len(),
                });
                let bytes = frame.take(&mut compressor().unwrap()).unwrap();
                let found = read(collection, &bytes, &list.ids).unwrap();
                prop_assert_eq!(&found, &rows);
                let other = read(collection, &bytes, &[]);
                prop_assert_eq!(other.is_ok(), list.ids.is_empty());
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_frame_panic(bytes: Vec<u8>, length in 0..5_000_u32) {
            let mut frame = length.to_le_bytes().to_vec();
            frame.extend(zstd::bulk::compress(&bytes, 1).unwrap());
            for collection in Collection::all() {
                let _ = read(collection, &bytes, &[]);
                let _ = read(collection, &frame, &[]);
            }
        }

        #[test]
        fn no_change_of_a_frame_makes_it_panic((collection, rows) in any_rows(), place: prop::sample::Index, value: u8) {
            let mut frame = FrameWriter::new(collection);
            for row in &rows {
                match row {
                    Row::Put(fact) => frame.put(fact.into()).unwrap(),
                    Row::Removed(id) => frame.remove(*id),
                }
            }
            let mut unfolded = frame.rows.take();
            if !unfolded.is_empty() {
                let place = place.index(unfolded.len());
                unfolded[place] = value;
            }
            let mut bytes = small(unfolded.len()).to_le_bytes().to_vec();
            bytes.extend(zstd::bulk::compress(&unfolded, 1).unwrap());
            let _ = read(collection, &bytes, &[]);
        }
    }

    #[test]
    fn realistic_facts_read_back_as_they_were() {
        let facts = samples::facts(3_000);
        for collection in Collection::all() {
            let own = |fact: &&Fact| FactRef::from(*fact).collection() == Some(collection);
            let rows: Vec<_> = facts.iter().filter(own).cloned().map(Row::Put).collect();
            assert!(!rows.is_empty(), "{collection:?}");
            assert_eq!(round_trip(collection, &rows), rows);
        }
    }

    #[test]
    fn a_frame_is_full_by_rows_and_by_bytes() {
        let mut frame = FrameWriter::new(Collection::Users);
        for _ in 0..ROWS_MAX {
            assert!(!frame.is_full());
            frame.remove(Uuid::nil());
        }
        assert!(frame.is_full());
        let mut user = samples::users(1).swap_remove(0);
        user.display_name = Some("x".repeat(BYTES_MAX));
        let mut frame = FrameWriter::new(Collection::Users);
        frame.put(FactRef::User(&user)).unwrap();
        assert!(frame.is_full());
    }

    #[test]
    fn every_kind_of_frame_is_full_by_bytes_at_last() {
        let facts = samples::facts(200);
        for collection in Collection::all() {
            let own = |fact: &&Fact| FactRef::from(*fact).collection() == Some(collection);
            let mut frame = FrameWriter::new(collection);
            let before = frame.rows.bytes();
            for fact in facts.iter().filter(own) {
                frame.put(fact.into()).unwrap();
            }
            // No estimate is far off, or memory would not be bounded by it.
            let (estimated, record) = (frame.rows.bytes() - before, frame.rows.take().len());
            assert!(
                estimated * 2 >= record,
                "{collection:?}: {estimated} of {record}"
            );
            assert_eq!(frame.rows.bytes(), before, "{collection:?}");
        }
    }

    #[test]
    fn a_fact_of_another_kind_is_refused_and_leaves_nothing() {
        for collection in Collection::all() {
            let mut frame = FrameWriter::new(collection);
            let strangers = samples::facts(3);
            let strangers = strangers.iter().filter(|fact| match collection {
                Collection::Users => !matches!(fact, Fact::User(_)),
                _ => matches!(fact, Fact::User(_)),
            });
            for fact in strangers {
                assert!(frame.put(fact.into()).is_err(), "{collection:?}");
            }
            assert_eq!(frame.rows(), 0);
        }
    }
}

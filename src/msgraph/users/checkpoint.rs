//! What is left of a reading of all users, so that it can go on after a restart.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::part::Part;
use crate::msgraph::paging::{PAGE_ROWS_MAX, PAGE_ROWS_MIN};

/// Raised when the form changes: what an older version wrote is then read anew.
const VERSION: u32 = 1;

/// The most bytes that a checkpoint takes. Links have one or two kB, and there is one a part.
const BYTES_MAX: usize = 64 * 1024;

/// The most parts that users are read in, those included that were split.
pub(super) const PARTS_MAX: usize = 48;

/// What is left of a reading of all users.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersCheckpoint {
    version: u32,
    /// As the first page said.
    pub(super) expected: Option<u64>,
    /// The page size that Graph takes.
    pub(super) page_rows: u32,
    /// The whole list first. If there are more, they are read instead of it.
    pub(super) shares: Vec<Share>,
}

/// How far a part has been read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) part: Part,
    pub(super) next: Next,
    /// Rows that it gave so far, readable or not.
    pub(super) rows: u64,
    /// How many it has, as its first page said.
    pub(super) count: Option<u64>,
}

/// Where a part goes on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Next {
    Start,
    Link(String),
    /// It was read to its end.
    End,
    /// Parts that come after it are read instead.
    Split,
}

impl Share {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            next: Next::Start,
            rows: 0,
            count: None,
        }
    }

    /// Whether nothing of it is left to read.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.next, Next::End | Next::Split)
    }

    /// Notes a page that it gave.
    pub(super) fn advance(&mut self, rows: usize, count: Option<u64>, next_link: Option<String>) {
        self.rows = self.rows.saturating_add(rows as u64);
        self.count = count.or(self.count);
        self.next = next_link.map_or(Next::End, Next::Link);
    }

    /// To be read from its start again.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.part);
    }
}

impl UsersCheckpoint {
    pub(super) fn new(expected: Option<u64>, page_rows: u32, shares: Vec<Share>) -> Self {
        Self {
            version: VERSION,
            expected,
            page_rows,
            shares,
        }
    }

    /// Links under which the parts go on.
    pub(super) fn links(&self) -> impl Iterator<Item = &str> {
        self.shares.iter().filter_map(|share| match &share.next {
            Next::Link(link) => Some(link.as_str()),
            Next::Start | Next::End | Next::Split => None,
        })
    }

    /// For the disk: at most 64 KiB. Parts whose links have no room begin anew.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut fitting = self.clone();
        loop {
            // Writing plain values to memory cannot fail; nothing would be read as no checkpoint.
            let bytes = serde_json::to_vec(&fitting).unwrap_or_default();
            let longest = fitting
                .shares
                .iter_mut()
                .max_by_key(|share| link_len(share));
            match longest {
                Some(share) if bytes.len() > BYTES_MAX && link_len(share) > 0 => share.restart(),
                _ => return bytes,
            }
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` for anything else, also for what another
    /// version wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > BYTES_MAX {
            return None;
        }
        let checkpoint: Self = serde_json::from_slice(bytes).ok()?;
        let shares = &checkpoint.shares;
        let is_list_first = shares.first().is_some_and(|share| share.part == Part::All);
        let is_sound = checkpoint.version == VERSION
            && (PAGE_ROWS_MIN..=PAGE_ROWS_MAX).contains(&checkpoint.page_rows)
            && is_list_first
            && shares.len() <= PARTS_MAX;
        is_sound.then_some(checkpoint)
    }
}

impl fmt::Debug for UsersCheckpoint {
    /// Without the links: nobody knows what Microsoft puts into them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.shares.iter().filter(|share| !share.is_over()).count();
        formatter
            .debug_struct("UsersCheckpoint")
            .field("expected", &self.expected)
            .field("shares", &self.shares.len())
            .field("left", &left)
            .finish_non_exhaustive()
    }
}

fn link_len(share: &Share) -> usize {
    match &share.next {
        Next::Link(link) => link.len(),
        Next::Start | Next::End | Next::Split => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(links: &[String]) -> UsersCheckpoint {
        let mut shares = vec![Share::new(Part::All)];
        shares.extend(links.iter().map(|link| Share {
            next: Next::Link(link.clone()),
            rows: 7,
            count: Some(9),
            ..Share::new(Part::Created {
                from: Some("2020-01-01T00:00:00Z".parse().unwrap()),
                until: None,
            })
        }));
        shares.push(Share {
            next: Next::End,
            ..Share::new(Part::Undated)
        });
        UsersCheckpoint::new(Some(100), 499, shares)
    }

    #[test]
    fn what_was_written_is_read() {
        let checkpoint = checkpoint(&["https://a/b?c=d".to_owned(), "é\"".to_owned()]);
        let bytes = checkpoint.to_bytes();
        assert_eq!(UsersCheckpoint::from_bytes(&bytes), Some(checkpoint));
    }

    #[test]
    fn links_that_have_no_room_are_left_out_and_their_parts_begin_anew() {
        let mut links = vec!["x".repeat(1_500); 30];
        links.extend(vec!["y".repeat(16_000); 3]);
        let checkpoint = checkpoint(&links);
        let bytes = checkpoint.to_bytes();
        assert!(bytes.len() <= 64 * 1024);
        let read = UsersCheckpoint::from_bytes(&bytes).unwrap();
        let kept: Vec<_> = read
            .shares
            .iter()
            .map(link_len)
            .filter(|len| *len > 0)
            .collect();
        assert_eq!(kept.len(), 31);
        assert_eq!(kept.iter().max(), Some(&16_000));
        let begun = read.shares.iter().filter(|share| share.next == Next::Start);
        assert!(begun.clone().all(|share| share.rows == 0));
        assert_eq!(begun.count(), 3); // the whole list is one of them
    }

    #[track_caller]
    fn check_refused(bytes: &[u8]) {
        assert_eq!(UsersCheckpoint::from_bytes(bytes), None);
    }

    #[test]
    fn anything_else_is_no_checkpoint() {
        let good = String::from_utf8(checkpoint(&[]).to_bytes()).unwrap();
        assert!(UsersCheckpoint::from_bytes(good.as_bytes()).is_some());
        check_refused(b"");
        check_refused(b"{}");
        check_refused(&good.as_bytes()[..good.len() - 1]);
        check_refused(good.replace("\"version\":1", "\"version\":2").as_bytes());
        check_refused(good.replace("499", "0").as_bytes());
        check_refused(good.replace("\"All\"", "\"Undated\"").as_bytes());
        check_refused(&[b' '; 70_000]);
        let empty = UsersCheckpoint::new(None, 999, Vec::new());
        check_refused(&empty.to_bytes());
        let many = UsersCheckpoint::new(None, 999, vec![Share::new(Part::All); 49]);
        check_refused(&many.to_bytes());
    }

    #[test]
    fn no_link_is_in_what_is_shown() {
        let shown = format!("{:?}", checkpoint(&["https://graph/secret".to_owned()]));
        assert!(
            !shown.contains("secret") && shown.contains("left: 2"),
            "{shown}"
        );
    }
}

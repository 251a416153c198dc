//! The distinct values of a text property: a code for each spelling, a group for spellings that
//! fold alike.
//!
//! Codes are never given anew, so an index and the drafts on top of it agree on what a code means.

use std::sync::Arc;

use crate::domain::text::{Folded, fold};

use super::chunked::Chunked;
use super::heap::{Heap, Parts};
use super::lookup::Lookup;

/// The code and the group of an absent value.
pub(super) const ABSENT: u32 = 0;

/// Spellings by code and groups by number, both counted from 1.
#[derive(Clone, Default)]
pub(super) struct Dictionary {
    spellings: Chunked<Spelling, 256>,
    groups: Chunked<Group, 256>,
    /// How many rows have a spelling, at its code.
    rows: Chunked<u32>,
    by_spelling: Lookup,
    by_folded: Lookup,
}

#[derive(Clone)]
struct Spelling {
    text: Arc<str>,
    group: u32,
    /// The code of the next spelling of the group, or [`ABSENT`].
    next: u32,
}

#[derive(Clone)]
struct Group {
    folded: Arc<str>,
    /// The code of its latest spelling.
    latest: u32,
}

impl Default for Spelling {
    fn default() -> Self {
        Self {
            text: "".into(),
            group: ABSENT,
            next: ABSENT,
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self {
            folded: "".into(),
            latest: ABSENT,
        }
    }
}

impl Dictionary {
    pub(super) fn text(&self, code: u32) -> Option<&str> {
        self.spelling(code).map(|spelling| &*spelling.text)
    }

    /// The group of a code.
    pub(super) fn group(&self, code: u32) -> u32 {
        self.spelling(code)
            .map_or(ABSENT, |spelling| spelling.group)
    }

    /// The folded text of a group; `None` for the absent value.
    pub(super) fn folded(&self, group: u32) -> Option<&str> {
        let index = group.checked_sub(1)?;
        self.groups.get(index as usize).map(|group| &*group.folded)
    }

    /// How many groups there are, the absent value's among them.
    pub(super) fn group_count(&self) -> u32 {
        self.groups.len() as u32 + 1 // Fewer than rows ever added, which are fewer than 2^32.
    }

    /// The group of a folded text.
    pub(super) fn find_group(&self, folded: &Folded) -> Option<u32> {
        self.group_named(folded.as_str())
    }

    /// The code of a text, made if it is new.
    pub(super) fn code(&mut self, text: &str) -> u32 {
        let hash = self.by_spelling.hash(text);
        let is_it = |code| self.text(code) == Some(text);
        if let Some(code) = self.by_spelling.find(hash, is_it) {
            return code;
        }
        let (shared, folded): (Arc<str>, String) = (text.into(), fold(text));
        let group = match self.group_named(&folded) {
            Some(group) => group,
            None => self.add_group(if folded == text {
                shared.clone()
            } else {
                folded.into()
            }),
        };
        let code = self.spellings.len() as u32 + 1; // Fewer than rows ever added.
        let entry = self.groups.edit(group as usize - 1);
        let next = std::mem::replace(&mut entry.latest, code);
        self.spellings.push(Spelling {
            text: shared,
            group,
            next,
        });
        self.by_spelling.insert(hash, code);
        code
    }

    /// Remembers that more rows have the code.
    pub(super) fn count_more(&mut self, code: u32, count: u32) {
        let rows = self.rows.edit(code as usize);
        *rows = rows.saturating_add(count);
    }

    /// Remembers that one row fewer has the code.
    pub(super) fn count_less(&mut self, code: u32) {
        let rows = self.rows.edit(code as usize);
        *rows = rows.saturating_sub(1);
    }

    /// The spellings of a group that rows have, and how many have each.
    pub(super) fn spellings(&self, group: u32) -> impl Iterator<Item = (&str, u32)> {
        let latest = group
            .checked_sub(1)
            .and_then(|index| self.groups.get(index as usize))
            .map_or(ABSENT, |group| group.latest);
        std::iter::successors(Some(latest), |code| Some(self.spelling(*code)?.next))
            .take_while(|code| *code != ABSENT)
            .filter_map(|code| {
                let rows = self.rows.get(code as usize).copied().unwrap_or(0);
                Some((self.text(code)?, rows))
            })
            .filter(|(_, rows)| *rows > 0)
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.spellings.shrink();
        self.groups.shrink();
        self.rows.shrink();
        self.by_spelling.shrink();
        self.by_folded.shrink();
    }

    fn spelling(&self, code: u32) -> Option<&Spelling> {
        self.spellings.get(code.checked_sub(1)? as usize)
    }

    fn group_named(&self, folded: &str) -> Option<u32> {
        let hash = self.by_folded.hash(folded);
        self.by_folded
            .find(hash, |group| self.folded(group) == Some(folded))
    }

    fn add_group(&mut self, folded: Arc<str>) -> u32 {
        let group = self.group_count();
        self.by_folded.insert(self.by_folded.hash(&*folded), group);
        self.groups.push(Group {
            folded,
            latest: ABSENT,
        });
        group
    }
}

impl Heap for Dictionary {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.spellings.heap(parts)
            + self.groups.heap(parts)
            + self.rows.heap(parts)
            + self.by_spelling.heap(parts)
            + self.by_folded.heap(parts)
    }
}

impl Heap for Spelling {
    fn heap(&self, parts: &mut Parts) -> usize {
        parts.shared_text(&self.text)
    }
}

impl Heap for Group {
    fn heap(&self, parts: &mut Parts) -> usize {
        parts.shared_text(&self.folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_fold_alike_are_one_group_with_its_own_spellings() {
        let mut dictionary = Dictionary::default();
        let codes: Vec<u32> = ["Straße", "STRASSE", "Sales", "Straße"]
            .map(|text| {
                let code = dictionary.code(text);
                dictionary.count_more(code, 1);
                code
            })
            .into();
        assert_eq!(codes[0], codes[3]);
        assert_ne!(codes[0], codes[1]);
        let street = dictionary.group(codes[0]);
        assert_eq!(dictionary.group(codes[1]), street);
        assert_ne!(dictionary.group(codes[2]), street);
        assert_eq!(dictionary.folded(street), Some("strasse"));
        let mut spellings: Vec<_> = dictionary.spellings(street).collect();
        spellings.sort_unstable();
        assert_eq!(spellings, [("STRASSE", 1), ("Straße", 2)]);
        dictionary.count_less(codes[1]);
        assert_eq!(
            dictionary.spellings(street).collect::<Vec<_>>(),
            [("Straße", 2)]
        );
    }

    #[test]
    fn the_absent_value_has_a_code_and_a_group_and_no_text() {
        let dictionary = Dictionary::default();
        assert_eq!(dictionary.group(ABSENT), ABSENT);
        assert_eq!(dictionary.text(ABSENT), None);
        assert_eq!(dictionary.folded(ABSENT), None);
        assert_eq!(dictionary.spellings(ABSENT).count(), 0);
        assert_eq!(dictionary.group_count(), 1);
    }
}

//! What is true or false of a user, and the user type: a bit each, and a set of rows for each bit.

use super::bits::{Bits, Listed};
use super::chunked::Chunked;
use super::heap::{Heap, Parts};

/// One bit of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    Member,
    Guest,
    UnknownType,
    ResourceAccount,
    AccountEnabled,
    SyncedFromOnPremises,
    /// The mail address is the user principal name and is not kept twice.
    MailIsPrincipalName,
}

impl Flag {
    const ALL: [Self; 7] = [
        Self::Member,
        Self::Guest,
        Self::UnknownType,
        Self::ResourceAccount,
        Self::AccountEnabled,
        Self::SyncedFromOnPremises,
        Self::MailIsPrincipalName,
    ];

    /// Its bit in a row's byte.
    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The flags of all rows.
#[derive(Clone, Default)]
pub(super) struct Flags {
    column: Chunked<u8>,
    /// At the place of each [`Flag`].
    sets: [Bits; 7],
    /// Rows from here on are in no set yet.
    settled: u32,
}

impl Flags {
    pub(super) fn has(&self, row: u32, flag: Flag) -> bool {
        self.get(row) & flag.bit() != 0
    }

    /// The rows that have a flag.
    pub(super) fn set(&self, flag: Flag) -> &Bits {
        &self.sets[flag as usize]
    }

    /// Gives a new row its flags.
    pub(super) fn add(&mut self, row: u32, flags: u8) {
        self.change(row, flags);
    }

    /// Gives a row other flags; false, and nothing copied, when it has these already.
    pub(super) fn change(&mut self, row: u32, flags: u8) -> bool {
        if row >= self.settled {
            return self.column.set(row as usize, flags);
        }
        let old = self.get(row);
        for flag in Flag::ALL {
            match (old & flag.bit() != 0, flags & flag.bit() != 0) {
                (false, true) => self.sets[flag as usize].insert(row),
                (true, false) => self.sets[flag as usize].remove(row),
                _ => continue,
            };
        }
        self.column.set(row as usize, flags)
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, row: u32) {
        self.change(row, 0);
    }

    /// Puts new rows into the sets of their flags. Those in use are `rows`, all are below `end`.
    pub(super) fn settle(&mut self, rows: &[u32], end: u32) {
        self.settled = end;
        let mut by_flag = Listed::default();
        for row in rows {
            let flags = self.get(*row);
            for flag in Flag::ALL.iter().filter(|flag| flags & flag.bit() != 0) {
                by_flag.push(*flag as u32, *row);
            }
        }
        for (flag, rows) in by_flag.lists() {
            self.sets[flag as usize].add_all(rows);
        }
    }

    /// Brings rows that are in no set yet into another order.
    pub(super) fn arrange(&mut self, rows: &[u32]) {
        self.column = self.column.arranged(rows);
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.column.shrink();
        self.sets.iter_mut().for_each(Bits::shrink);
    }

    fn get(&self, row: u32) -> u8 {
        self.column.get(row as usize).copied().unwrap_or(0)
    }
}

impl Heap for Flags {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.column.heap(parts) + self.sets.iter().map(|set| set.heap(parts)).sum::<usize>()
    }
}

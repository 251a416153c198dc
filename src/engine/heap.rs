//! How many bytes an index holds, and which of them it shares.
//!
//! An account of lengths and capacities, not of what the allocator rounds up to.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::activity::Workloads;
use crate::domain::day::Day;

/// The counters in front of an `Arc`'s value.
const ARC_BYTES: usize = 16;

/// Something that holds memory.
pub(super) trait Heap {
    /// Bytes outside the value itself that only it holds. What it shares goes to `parts`.
    fn heap(&self, parts: &mut Parts) -> usize;
}

/// The parts seen so far that several indexes may hold; each counts once.
#[derive(Default)]
pub(super) struct Parts {
    addresses: HashSet<usize>,
    bytes: usize,
}

impl Parts {
    /// Counts a shared value unless it was counted before. Answers 0: whoever holds it owns nothing.
    pub(super) fn shared<T: Heap>(&mut self, part: &Arc<T>) -> usize {
        if self.addresses.insert(Arc::as_ptr(part).addr()) {
            let inside = T::heap(part, self);
            self.bytes += inside + size_of::<T>() + ARC_BYTES;
        }
        0
    }

    /// The same for a text.
    pub(super) fn shared_text(&mut self, text: &Arc<str>) -> usize {
        if self.addresses.insert(Arc::as_ptr(text).addr()) {
            self.bytes += text.len() + ARC_BYTES;
        }
        0
    }

    /// Bytes that a value holds, shared ones among them unless they were counted before.
    pub(super) fn grown_by(&mut self, value: &dyn Heap) -> usize {
        let before = self.bytes;
        let own = value.heap(self);
        own + self.bytes - before
    }

    /// Bytes of all shared parts.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the shared parts are; for tests of what two indexes share.
    #[cfg(test)]
    pub(super) fn addresses(&self) -> &HashSet<usize> {
        &self.addresses
    }
}

macro_rules! nothing_outside {
    ($($name:ty),*) => {
        $(impl Heap for $name {
            fn heap(&self, _parts: &mut Parts) -> usize {
                0
            }
        })*
    };
}

nothing_outside!(
    u8,
    u16,
    u32,
    u64,
    uuid::Uuid,
    Day,
    Workloads,
    (u32, u32),
    (u32, jiff::Timestamp)
);

impl Heap for String {
    fn heap(&self, _parts: &mut Parts) -> usize {
        self.capacity()
    }
}

impl Heap for (u16, Box<str>) {
    fn heap(&self, _parts: &mut Parts) -> usize {
        self.1.len()
    }
}

impl<T: Heap> Heap for Vec<T> {
    fn heap(&self, parts: &mut Parts) -> usize {
        let inside: usize = self.iter().map(|value| value.heap(parts)).sum();
        self.capacity() * size_of::<T>() + inside
    }
}

impl Heap for Arc<str> {
    fn heap(&self, parts: &mut Parts) -> usize {
        parts.shared_text(self)
    }
}

impl<T: Heap> Heap for Option<T> {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.as_ref().map_or(0, |value| value.heap(parts))
    }
}

impl<T: Heap> Heap for Arc<T> {
    fn heap(&self, parts: &mut Parts) -> usize {
        parts.shared(self)
    }
}

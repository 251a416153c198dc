//! One property of a patch.

/// What a patch says of a property: nothing, or what it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Patched<T> {
    /// The property is absent: it stays as it was.
    Same,
    /// The property is there; null is a value like others.
    Now(T),
}

impl<T> Patched<T> {
    /// From a property as the wire tells it, `read` being what its value means, null included.
    pub(super) fn read<W, E>(
        told: Option<Option<W>>,
        read: impl FnOnce(Option<W>) -> Result<T, E>,
    ) -> Result<Self, E> {
        match told {
            None => Ok(Self::Same),
            Some(value) => read(value).map(Self::Now),
        }
    }

    /// Brings what we hold up to date.
    pub(super) fn apply(&self, held: &mut T)
    where
        T: Clone,
    {
        if let Self::Now(now) = self {
            held.clone_from(now);
        }
    }
}

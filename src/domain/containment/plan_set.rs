//! A set of service plans of one tenant, which are numbered.

/// The service plans with these numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PlanSet(Vec<u64>);

impl PlanSet {
    pub(super) fn insert(&mut self, number: usize) {
        let (word, bit) = (number / 64, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.word(number / 64) & (1 << (number % 64)) != 0
    }

    pub(super) fn insert_all(&mut self, others: &Self) {
        if self.0.len() < others.0.len() {
            self.0.resize(others.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&others.0) {
            *own |= other;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether each of these is in one of the others.
    pub(super) fn is_within<'a>(&self, others: impl Iterator<Item = &'a Self> + Clone) -> bool {
        let mut words = self.0.iter().enumerate();
        words.all(|(place, own)| {
            let union = others.clone().fold(0, |all, set| all | set.word(place));
            own & !union == 0
        })
    }

    fn word(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl Extend<usize> for PlanSet {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, numbers: I) {
        for number in numbers {
            self.insert(number);
        }
    }
}

impl FromIterator<usize> for PlanSet {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut set = Self::default();
        set.extend(numbers);
        set
    }
}

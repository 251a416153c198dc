//! The life of findings, their sums and their words.

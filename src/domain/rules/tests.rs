//! The rules at their boundaries.

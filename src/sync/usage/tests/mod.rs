//! Whole readings of reports and logs, from hand-made answers.

mod logs;
mod reports;

//! What pieces tell against reading every text.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::domain::filter::TextCondition;
use crate::domain::text::Folded;
use crate::engine::bits::{BLOCK_ROWS, Words};
use crate::engine::chunked::CHUNK_ROWS;
use crate::engine::scan::{Scan, TextScan, TextTest};
use crate::engine::texts::Texts;

/// Parts that names and addresses are made of, so that what is looked for is often there.
const PARTS: [&str; 24] = [
    "ann", "Anna", "ANNE", "n", "na", "smith", "Straße", "É", "zoë", " ", "  ", ".", ", ", "@",
    "@x.", "contoso", "1", "12", "123", "1234567", "0", "½", "王", "e\u{301}",
];

fn joined(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..most)
        .prop_map(|parts| parts.concat())
}

/// Parts of any text, and of texts like those in the column.
fn needle() -> impl Strategy<Value = Folded> {
    let cut = (joined(5), 0..8usize, 1..8usize).prop_map(|(text, skipped, taken)| {
        text.chars().skip(skipped).take(taken).collect::<String>()
    });
    prop_oneof![
        3 => joined(3),
        4 => cut,
        1 => ".{0,3}",
        1 => "[an1 .@]{1,2}",
    ]
    .prop_map(|text| Folded::new(&text))
}

fn test() -> impl Strategy<Value = TextTest> {
    let condition = prop_oneof![
        5 => needle().prop_map(TextCondition::Contains),
        2 => needle().prop_map(TextCondition::StartsWith),
        2 => prop::collection::btree_set(needle(), 0..4).prop_map(TextCondition::In),
        1 => Just(TextCondition::IsAbsent),
    ];
    prop_oneof![
        5 => condition.prop_map(TextTest::Condition),
        2 => needle().prop_map(TextTest::Word),
    ]
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.9, prop_oneof![5 => joined(7), 1 => ".{0,6}"])
}

/// A row at the borders of chunks and blocks.
fn row() -> impl Strategy<Value = u32> {
    let (chunk, block) = (CHUNK_ROWS as u32, BLOCK_ROWS as u32);
    prop_oneof![0..40u32, chunk - 5..chunk + 5, block - 5..block + 25]
}

/// Bits of a block, in the words around [`row`]s only: debug builds are slow.
fn asked(mask: u64) -> Words {
    let mut words = [0; BLOCK_ROWS / 64];
    for at in [0, CHUNK_ROWS / 64 - 1, CHUNK_ROWS / 64, BLOCK_ROWS / 64 - 1] {
        words[at] = mask;
    }
    words
}

fn selected(texts: &Texts, test: TextTest, holds: bool, block: u16, asked: &Words) -> Words {
    let mut words = *asked;
    let left = Scan::Text(TextScan::new(texts, test, holds)).narrow(block, &mut words);
    assert_eq!(left, words.iter().any(|word| *word != 0));
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn pieces_find_whom_reading_every_text_finds(
        first in prop::collection::vec((row(), text()), 0..60),
        later in prop::collection::vec((row(), text()), 0..12),
        tests in prop::collection::vec(test(), 1..12),
        masked in any::<u64>(),
    ) {
        let (mut indexed, mut plain) = (Texts::default(), Texts::default());
        for (row, text) in &first {
            indexed.set(*row, text.as_deref());
            plain.set(*row, text.as_deref());
        }
        for block in indexed.unindexed() {
            let pieces = indexed.indexed(block);
            indexed.take_index(block, pieces);
        }
        for (row, text) in &later {
            indexed.set(*row, text.as_deref());
            plain.set(*row, text.as_deref());
        }
        for test in &tests {
            for (block, mask) in [(0, u64::MAX), (0, masked), (1, u64::MAX)] {
                let asked = asked(mask);
                for holds in [true, false] {
                    let found = selected(&indexed, test.clone(), holds, block, &asked);
                    let expected = selected(&plain, test.clone(), holds, block, &asked);
                    let differ: BTreeSet<usize> = (0..found.len()).filter(|at| found[*at] != expected[*at]).collect();
                    prop_assert!(differ.is_empty(), "block {block}, words {differ:?}");
                }
            }
        }
    }
}

fn column(texts: impl IntoIterator<Item = String>) -> Texts {
    let mut column = Texts::default();
    for (row, text) in (0..).zip(texts) {
        column.set(row, Some(&text));
    }
    for block in column.unindexed() {
        let pieces = column.indexed(block);
        column.take_index(block, pieces);
    }
    column
}

#[track_caller]
fn check(texts: &Texts, test: TextTest, expected: impl Fn(&str) -> bool, rows: u32) {
    let found = selected(texts, test, true, 0, &[u64::MAX; BLOCK_ROWS / 64]);
    for row in 0..rows {
        let is_found = found[row as usize / 64] & (1 << (row % 64)) != 0;
        let text = texts.get(row).unwrap_or_default();
        assert_eq!(is_found, expected(&text.to_lowercase()), "{text}");
    }
}

#[test]
fn a_full_block_of_many_distinct_pieces_is_searched_exactly() {
    const ROWS: u32 = 20_000;
    let syllable = |number: u32| ["an", "ber", "co", "da", "el"][number as usize % 5];
    let name = |row: u32| {
        let made: String = [row, row / 5, row / 25, row / 125].map(syllable).concat();
        format!(
            "{made}{} {}@x{}.example",
            row * 7,
            syllable(row / 3),
            row % 9
        )
    };
    let texts = column((0..ROWS).map(name));
    for part in [
        "a", "an", "ber", "anber", "berco", "n1", "77", "4321", "1 c", "9@x", "l@x3.", "zz",
    ] {
        let contains = TextTest::Condition(TextCondition::Contains(Folded::new(part)));
        check(&texts, contains, |text| text.contains(part), ROWS);
        let starts = TextTest::Condition(TextCondition::StartsWith(Folded::new(part)));
        check(&texts, starts, |text| text.starts_with(part), ROWS);
    }
    for word in ["an", "anber", "anberan", "x7", "exam", "co"] {
        let words = |text: &str| crate::domain::text::words(text).any(|own| own.starts_with(word));
        check(&texts, TextTest::Word(Folded::new(word)), words, ROWS);
    }
}

#[test]
fn rows_that_change_are_read_until_they_are_many() {
    let mut texts = column((0..100).map(|number| format!("user {number}")));
    assert!(texts.unindexed().is_empty());
    for row in 0..3 {
        texts.set(row, Some("changed"));
        assert!(texts.unindexed().is_empty());
        let contains = TextTest::Condition(TextCondition::Contains(Folded::new("changed")));
        check(&texts, contains, |text| text == "changed", 100);
    }
    texts.set(3, Some("changed"));
    assert_eq!(texts.unindexed(), [0]);
    let pieces = texts.indexed(0);
    texts.take_index(0, pieces);
    assert!(texts.unindexed().is_empty() && texts.loose().is_empty());
}

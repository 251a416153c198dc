//! How texts are compared: one rule for filters, search, orders and names.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A text in the form in which texts are compared: no surrounding space, NFC, case folded.
///
/// The folding is Unicode's, not a locale's, so that "Straße" and "STRASSE" are equal on every
/// machine. Two texts are the same to Seatwise when their folded forms are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folded(String);

impl Folded {
    /// Folds a text.
    pub fn new(text: &str) -> Self {
        Self(fold(text))
    }

    /// The folded characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The folded form of `text` as a plain string; see [`Folded`].
pub fn fold(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for character in composed(text).chars() {
        if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
        } else {
            folded.extend(std::iter::once(character).default_case_fold());
        }
    }
    match composed(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(composed) => composed,
    }
}

/// The text in NFC. Nearly every text is so already, which is seen faster than it is done.
fn composed(text: &str) -> Cow<'_, str> {
    // Of the characters before U+0300 none combines with another, and none begins with this byte.
    const FIRST_COMBINING: u8 = 0xCC;
    if text.bytes().all(|byte| byte < FIRST_COMBINING) || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The most bytes of a text that lists are sorted by. The longest names that Microsoft takes have 256
/// characters.
pub const SORT_KEY_BYTES_MAX: usize = 1_024;

/// What a list sorts a text by: its folded form, as far as [`SORT_KEY_BYTES_MAX`] goes. Texts that are
/// alike so far are equal to the list, so that a place in it is small whatever the text is.
pub fn sort_key(text: &str) -> String {
    let mut folded = fold(text);
    folded.truncate(folded.floor_char_boundary(SORT_KEY_BYTES_MAX));
    folded
}

/// The words of a search, folded: what must occur as prefixes, each at the start of some word.
pub fn search_words(text: &str) -> Vec<Folded> {
    words(&fold(text))
        .map(|word| Folded(word.to_owned()))
        .collect()
}

/// The words of an already folded text. A word is a run of letters and digits.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// A name as it is shown: NFKC, no control characters, single spaces, no surrounding space.
///
/// Microsoft's product list holds non-breaking spaces and doubled ones; shown as they are, two equal
/// names would not look equal to a filter.
pub fn tidy_name(text: &str) -> String {
    let composed: String = text
        .nfkc()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_same(left: &str, right: &str) {
        assert_eq!(Folded::new(left), Folded::new(right));
    }

    #[test]
    fn texts_that_differ_in_case_space_or_composition_are_the_same() {
        check_same("Sales", " SALES ");
        check_same("Straße", "STRASSE");
        check_same("Cafe\u{301}", "CAFÉ");
        check_same("Ω", "ω");
    }

    #[test]
    fn folding_is_the_same_in_a_turkish_locale() {
        assert_ne!(Folded::new("I"), Folded::new("ı"));
        check_same("İ", "i\u{307}");
    }

    #[test]
    fn a_sort_key_is_the_beginning_of_the_folded_text() {
        assert_eq!(sort_key(" Straße "), "strasse");
        let long = sort_key(&format!("a{}", "Ü".repeat(600)));
        assert_eq!(long, format!("a{}", "ü".repeat(511)));
    }

    #[test]
    fn a_search_is_split_into_folded_words() {
        let words: Vec<_> = search_words("  O'Brien ann@Contoso ")
            .iter()
            .map(|word| word.as_str().to_owned())
            .collect();
        assert_eq!(words, ["o", "brien", "ann", "contoso"]);
    }

    #[test]
    fn a_shown_name_has_plain_single_spaces() {
        assert_eq!(tidy_name("Visio\u{a0}Plan  2 "), "Visio Plan 2");
    }
}

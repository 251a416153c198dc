//! What a condition on a text asks of its pieces.

use memchr::memmem::Finder;

use crate::domain::filter::TextCondition;
use crate::domain::text::words;

use super::block::PieceBlock;
use super::cut::{Kind, Pieces};
use crate::engine::bits::{Words, lanes};
use crate::engine::scan::TextTest;

/// So few candidates are looked at sooner than narrowed further.
const FEW_ROWS: u32 = 64;

/// The rows that meet a condition, as far as their pieces tell.
pub(in crate::engine) enum Wanted {
    /// Those with a text.
    Present,
    /// Those without.
    Absent,
    /// Those with certain pieces.
    Pieces {
        /// One of these is enough.
        sure: Vec<Part>,
        /// Who has all parts of one of these may meet the condition; others do not.
        maybe: Vec<Vec<Part>>,
    },
}

/// What a piece must be like.
pub(in crate::engine) enum Part {
    /// Begins with these bytes, of which the first is its kind.
    Prefix(Vec<u8>),
    /// Is exactly these.
    Whole(Vec<u8>),
    /// Has this inside.
    Inside(Finder<'static>),
    /// Ends with this.
    Suffix(Finder<'static>),
    /// Is a domain that has a word that begins so.
    DomainWord(Finder<'static>),
}

impl Wanted {
    pub(in crate::engine) fn of(test: &TextTest) -> Self {
        let (sure, maybe) = match test {
            TextTest::Condition(TextCondition::IsAbsent) => return Self::Absent,
            TextTest::Condition(
                TextCondition::Contains(text) | TextCondition::StartsWith(text),
            ) if text.as_str().is_empty() => return Self::Present,
            TextTest::Condition(TextCondition::Contains(text)) => {
                let across = Pieces::across(text.as_str()).map(|(end, rest)| {
                    let mut parts = open_ended(rest);
                    parts.push(Part::Suffix(finder(end)));
                    parts
                });
                (vec![Part::Inside(finder(text.as_str()))], across.collect())
            }
            TextTest::Condition(TextCondition::StartsWith(text)) => {
                (Vec::new(), vec![open_ended(Pieces::new(text.as_str()))])
            }
            TextTest::Condition(TextCondition::In(texts)) => {
                let each = texts.iter().map(|text| {
                    let pieces = Pieces::new(text.as_str());
                    pieces.map(|piece| Part::Whole(marked(piece))).collect()
                });
                (Vec::new(), each.collect())
            }
            TextTest::Word(start) => of_word(start.as_str()),
        };
        Self::Pieces { sure, maybe }
    }

    /// Adds the rows of a block that meet the condition to `met`. Where their pieces do not tell, `read`
    /// keeps of some rows those that meet it. Rows that are not `open` may be left out.
    pub(in crate::engine) fn add_to(
        &self,
        block: &PieceBlock,
        open: &Words,
        met: &mut Words,
        mut read: impl FnMut(&mut Words),
    ) {
        let (sure, maybe) = match self {
            Self::Present => return block.add_present(met),
            Self::Absent => {
                block.add_present(met);
                return met.iter_mut().for_each(|word| *word = !*word);
            }
            Self::Pieces { sure, maybe } => (sure, maybe),
        };
        for part in sure {
            block.add(part, met);
        }
        for parts in maybe {
            let mut candidates = *open;
            lanes::take_out(&mut candidates, met);
            for part in parts {
                let mut having = [0; _];
                block.add(part, &mut having);
                lanes::keep(&mut candidates, &having);
                if lanes::count(&candidates) <= FEW_ROWS {
                    break;
                }
            }
            read(&mut candidates);
            lanes::add(met, &candidates);
        }
    }
}

/// Every piece whole but the last, which may go on.
fn open_ended(mut pieces: Pieces<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut next = pieces.next();
    while let Some(piece) = next {
        next = pieces.next();
        let bytes = marked(piece);
        parts.push(match next {
            Some(_) => Part::Whole(bytes),
            None => Part::Prefix(bytes),
        });
    }
    parts
}

fn of_word(start: &str) -> (Vec<Part>, Vec<Vec<Part>>) {
    if start.chars().any(|character| !character.is_alphanumeric()) {
        // No word has such a character.
        return (Vec::new(), Vec::new());
    }
    if start.is_empty() {
        // Whoever has any word; nobody asks for that.
        return (Vec::new(), vec![Vec::new()]);
    }
    let parts = open_ended(Pieces::new(start));
    let in_domain = Part::DomainWord(finder(start));
    match <[Part; 1]>::try_from(parts) {
        // What begins with the only piece at the beginning of a word begins so.
        Ok([part]) => (vec![part, in_domain], Vec::new()),
        Err(parts) => (vec![in_domain], vec![parts]),
    }
}

/// A piece behind the byte of its kind.
fn marked((kind, piece): (Kind, &str)) -> Vec<u8> {
    std::iter::once(kind.byte()).chain(piece.bytes()).collect()
}

fn finder(text: &str) -> Finder<'static> {
    Finder::new(text).into_owned()
}

/// Whether a word of a text begins so.
pub(super) fn has_word(text: &[u8], start: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|text| words(text).any(|word| word.as_bytes().starts_with(start)))
}

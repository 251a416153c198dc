//! Which rows have which piece of text: what finds a part of a text without reading all texts.
//!
//! Names are made of few words, so a text is cut in pieces (runs of letters, short runs of digits, what
//! stands between them, and the domain of an address), and each distinct piece of a block of rows is
//! kept once, with its rows. A part of a word is looked for in the pieces, not in the rows; only what
//! lies across several pieces has to be looked up in the rows that have them all.
//!
//! An index of a block is never changed. Rows that change later are read one by one, until they are
//! many and the block is indexed anew.

mod block;
mod cut;
mod wanted;

pub(super) use block::PieceBlock;
pub(super) use wanted::Wanted;

#[cfg(test)]
mod tests;

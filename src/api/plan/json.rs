//! Writing JSON, a field at a time, as the slow way serializes it.

use std::fmt::Write as _;

/// A text that has been read, or its absence.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    text: Option<&'a str>,
    /// None of it needs an escape.
    is_plain: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: Option<&'a str>) -> Self {
        Self {
            text,
            is_plain: text.is_none_or(is_plain),
        }
    }
}

/// An answer that is being written.
pub(super) struct Json {
    text: String,
}

impl Json {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            text: String::with_capacity(capacity),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// What is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.text.push_str(json);
    }

    pub(super) fn null(&mut self) {
        self.text.push_str("null");
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.text.push_str(if value { "true" } else { "false" });
    }

    pub(super) fn int(&mut self, value: i32) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// A text that needs no escapes: an enum's name, an id.
    pub(super) fn word(&mut self, word: &str) {
        self.text.push('"');
        self.text.push_str(word);
        self.text.push('"');
    }

    pub(super) fn guid(&mut self, id: uuid::Uuid) {
        let mut buffer = uuid::Uuid::encode_buffer();
        self.word(id.hyphenated().encode_lower(&mut buffer));
    }

    /// What needs no escapes and is not a text yet: a date.
    pub(super) fn plain(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.text, "\"{value}\"");
    }

    pub(super) fn text(&mut self, value: &str) {
        self.read(Text::new(Some(value)));
    }

    /// A text that has been read, or null.
    pub(super) fn read(&mut self, text: Text<'_>) {
        match text.text {
            None => self.null(),
            Some(text_of) if text.is_plain => self.word(text_of),
            Some(text_of) => {
                self.text.push('"');
                push_escaped(&mut self.text, text_of);
                self.text.push('"');
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, texts: &[&str]) {
        self.text.push('[');
        for (place, text) in texts.iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            self.text(text);
        }
        self.text.push(']');
    }

    /// What is written in a part of the answer, once more.
    pub(super) fn again(&mut self, written: std::ops::Range<usize>) {
        self.text.extend_from_within(written);
    }

    /// A text, or null.
    pub(super) fn optional(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A date or an instant, or null.
    pub(super) fn optional_plain(&mut self, value: Option<impl std::fmt::Display>) {
        match value {
            Some(value) => self.plain(value),
            None => self.null(),
        }
    }

    /// A list; `write` writes one entry.
    pub(super) fn list<T, E>(
        &mut self,
        entries: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), E>,
    ) -> Result<(), E> {
        self.text.push('[');
        for (place, entry) in entries.into_iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            write(self, entry)?;
        }
        self.text.push(']');
        Ok(())
    }
}

/// Whether a character of JSON needs an escape.
fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Whether none of a text needs an escape. Looks at all of it, many bytes at a time.
fn is_plain(text: &str) -> bool {
    let any = |any, byte| any | needs_escape(byte);
    !text.bytes().fold(false, any)
}

/// Escapes what JSON wants escaped and nothing else.
fn push_escaped(json: &mut String, text: &str) {
    let mut copied = 0;
    for (place, byte) in text.bytes().enumerate() {
        if !needs_escape(byte) {
            continue;
        }
        json.push_str(&text[copied..place]);
        copied = place + 1;
        match byte {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            0x08 => json.push_str("\\b"),
            0x0c => json.push_str("\\f"),
            control => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{control:04x}");
            }
        }
    }
    json.push_str(&text[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str) {
        let mut json = Json::new(0);
        json.text(text);
        assert_eq!(json.into_text(), serde_json::to_string(text).unwrap());
    }

    #[test]
    fn every_ascii_character_is_written_as_the_serializer_writes_it() {
        for byte in 0..=127_u8 {
            check(&char::from(byte).to_string());
            check(&format!("a{}b", char::from(byte)));
        }
        check("");
        check("Grüße \u{2028} \u{10348}");
    }

    proptest! {
        #[test]
        fn every_text_is_written_as_the_serializer_writes_it(text in any::<String>()) {
            check(&text);
        }
    }
}

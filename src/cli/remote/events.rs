//! Server-sent events, as far as the distinct connections mode of GraphQL over SSE uses them.

/// The most bytes that are held back for one line.
const LINE_BYTES_MAX: usize = 4_000_000;

/// Cuts a stream of bytes into the data of its `next` events.
#[derive(Default)]
pub(super) struct Events {
    line: Vec<u8>,
    event: String,
    data: String,
}

impl Events {
    /// Takes the next bytes; answers with the data of the events that they complete. Comments, which
    /// keep the connection open, and other events are passed over.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for byte in chunk {
            if *byte != b'\n' {
                // Past the bound the line is cut: its event is no JSON any more, and is refused so.
                if self.line.len() < LINE_BYTES_MAX {
                    self.line.push(*byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            complete.extend(self.take_line(&line));
        }
        complete
    }

    fn take_line(&mut self, line: &[u8]) -> Option<String> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let data = std::mem::take(&mut self.data);
            return (event == "next" && !data.is_empty()).then_some(data);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = value.to_owned(),
            "data" if self.data.len() < LINE_BYTES_MAX => self.data.push_str(value),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunks: &[&str], expected: &[&str]) {
        let mut events = Events::default();
        let data: Vec<_> = chunks
            .iter()
            .flat_map(|chunk| events.push(chunk.as_bytes()))
            .collect();
        assert_eq!(data, expected);
    }

    #[test]
    fn the_data_of_next_events_is_found_however_the_stream_is_cut() {
        check(&["event: next\ndata: {\"a\":1}\n\n"], &["{\"a\":1}"]);
        check(
            &["event: ne", "xt\r\nda", "ta: {}\r\n", "\r", "\n"],
            &["{}"],
        );
        check(
            &["event:next\ndata:{}\n\nevent: next\ndata: []\n\n"],
            &["{}", "[]"],
        );
        check(&[":\n\n: ping\n\nevent: next\ndata: {}\n\n"], &["{}"]);
        check(&["event: next\ndata: [1,\ndata: 2]\n\n"], &["[1,2]"]);
    }

    #[test]
    fn other_events_and_unfinished_ones_are_passed_over() {
        check(&["event: complete\ndata:\n\n"], &[]);
        check(&["data: {}\n\n"], &[]);
        check(&["event: next\ndata: {}\n"], &[]);
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut events = Events::default();
        for _ in 0..5 {
            assert!(events.push(&vec![b'x'; 1_000_000]).is_empty());
        }
        assert_eq!(events.line.len(), LINE_BYTES_MAX);
    }
}

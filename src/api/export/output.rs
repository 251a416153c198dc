//! The way of an export's bytes to its reader: in chunks, and no faster than they are taken.
//!
//! The thread that writes waits until the reader has room, so that what lies between the two does not
//! grow with the list. A reader that is gone, or takes nothing for long, ends the writing.

use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::api::metrics;

/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that wait for the reader before the writer waits too.
const CHUNKS_AHEAD: usize = 4;

/// How long a reader may take nothing. Its place among the exports that run is wanted by others, and so
/// is the memory of the world that it reads from.
const STALL_MAX: Duration = Duration::from_secs(60);

/// What goes from the writer to the reader.
enum Part {
    Chunk(Bytes),
    /// Nothing is missing. Without it the reader must not take what it has for the whole.
    End,
}

/// Both ends of a way.
pub(super) fn way(runtime: Handle) -> (Output, Chunks) {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let output = Output {
        sender,
        runtime,
        chunk: Vec::with_capacity(CHUNK_BYTES),
        stall_max: STALL_MAX,
        bytes: 0,
        failed: Failed::default(),
    };
    let chunks = Chunks {
        receiver,
        is_over: false,
    };
    (output, chunks)
}

/// Where a thread writes to that may wait.
pub(super) struct Output {
    sender: mpsc::Sender<Part>,
    runtime: Handle,
    chunk: Vec<u8>,
    stall_max: Duration,
    bytes: u64,
    /// Once it has failed it fails at once: writers try again when they are dropped.
    failed: Failed,
}

/// Why a way ended before its end: writers wrap the errors that they meet, each in its own.
pub(super) type Failed = Arc<OnceLock<ErrorKind>>;

impl Output {
    /// Bytes that the reader has taken, or will take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hands over the rest, and that it is the rest.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.send(Part::End)
    }

    /// Tells, once it has failed, how.
    pub(super) fn failed(&self) -> Failed {
        Arc::clone(&self.failed)
    }

    /// A look at whether somebody still reads.
    pub(super) fn watch(&self) -> impl Fn() -> bool + Send + use<> {
        let sender = self.sender.downgrade();
        move || sender.upgrade().is_some_and(|sender| !sender.is_closed())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        let length = chunk.len() as u64;
        self.send(Part::Chunk(chunk.into()))?;
        self.bytes = self.bytes.saturating_add(length);
        metrics::count_exported_bytes(length);
        Ok(())
    }

    fn send(&mut self, part: Part) -> io::Result<()> {
        if let Some(kind) = self.failed.get() {
            return Err((*kind).into());
        }
        // A timeout wants to be made where its runtime is.
        let sending = async { tokio::time::timeout(self.stall_max, self.sender.send(part)).await };
        let kind = match self.runtime.block_on(sending) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(_)) => ErrorKind::BrokenPipe,
            Err(_) => ErrorKind::TimedOut,
        };
        Err((*self.failed.get_or_init(|| kind)).into())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES.saturating_sub(self.chunk.len()).max(1);
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hand_over()?;
        }
        Ok(taken.len())
    }

    /// Chunks are handed over when they are full: a format that flushes often makes them no smaller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of an answer.
pub(super) struct Chunks {
    receiver: mpsc::Receiver<Part>,
    is_over: bool,
}

/// The writer stopped before its end. The connection is closed without the end of the body, so that the
/// client sees that something is missing.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
pub(super) struct BrokenOff;

impl Stream for Chunks {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|part| match part {
            Some(Part::Chunk(chunk)) => Some(Ok(chunk)),
            Some(Part::End) => {
                self.is_over = true;
                None
            }
            None => {
                self.is_over = true;
                Some(Err(BrokenOff))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::StreamExt as _;

    use super::*;

    const LINE: &[u8] = &[b'x'; 1000];

    /// Writes lines as long as they are taken, and counts them.
    fn write_forever(mut output: Output, lines: &AtomicU64) -> io::Error {
        loop {
            if let Err(error) = output.write_all(LINE) {
                return error;
            }
            lines.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The most lines that lie between a writer and a reader that has taken so many chunks.
    fn most(chunks_taken: usize) -> u64 {
        let chunks = chunks_taken + CHUNKS_AHEAD + 2;
        (chunks * CHUNK_BYTES / LINE.len()) as u64
    }

    #[tokio::test]
    async fn an_endless_list_waits_for_its_reader_and_ends_with_it() {
        let (output, mut chunks) = way(Handle::current());
        let lines = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&lines);
        let writer = tokio::task::spawn_blocking(move || write_forever(output, &counting));
        for taken in 1..=20 {
            let chunk = chunks.next().await.unwrap().unwrap();
            assert_eq!(chunk.len(), CHUNK_BYTES);
            assert!(lines.load(Ordering::SeqCst) <= most(taken));
        }
        drop(chunks);
        assert_eq!(writer.await.unwrap().kind(), ErrorKind::BrokenPipe);
        assert!(lines.load(Ordering::SeqCst) <= most(20));
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (mut output, mut chunks) = way(Handle::current());
        output.stall_max = Duration::from_millis(10);
        let lines = AtomicU64::new(0);
        let writer = tokio::task::spawn_blocking(move || {
            let error = write_forever(output, &lines);
            (error, lines.into_inner())
        });
        let (error, lines) = writer.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(lines <= most(0));
        let mut ends = Vec::new();
        while let Some(chunk) = chunks.next().await {
            ends.push(chunk.is_ok());
        }
        assert_eq!(ends, [true, true, true, true, false], "it ends in an error");
    }

    #[tokio::test]
    async fn only_what_is_ended_ends_well() {
        let (mut output, mut chunks) = way(Handle::current());
        let is_wanted = output.watch();
        assert!(is_wanted());
        let writer = tokio::task::spawn_blocking(move || {
            output.write_all(LINE)?;
            output.end()
        });
        assert_eq!(chunks.next().await.unwrap().unwrap(), LINE);
        assert!(chunks.next().await.is_none());
        assert!(chunks.next().await.is_none());
        writer.await.unwrap().unwrap();
        drop(chunks);
        assert!(!is_wanted());

        let (output, mut chunks) = way(Handle::current());
        drop(output);
        assert!(chunks.next().await.unwrap().is_err());
    }
}

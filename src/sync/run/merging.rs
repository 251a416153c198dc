//! The merging thread as the reading side sees it.
//!
//! Merging and compressing keep a core busy: they have a thread of their own beside the network. What
//! is said of users waits there until the users are complete.

use tokio::sync::{mpsc, oneshot};

use super::merger::Merger;
use crate::store;

/// Pages that wait for the thread; more would only hold memory.
const PAGES_WAITING_MAX: usize = 4;

/// Something to be done with the merger.
type Work = Box<dyn FnOnce(&mut Merger) -> Result<(), store::Error> + Send>;

enum Message {
    /// At once: it is about users themselves.
    Now(Work),
    /// Once the users are complete.
    Later(Work),
    /// They are.
    UsersComplete,
    /// They never will be.
    GiveUp,
}

/// A merger on a thread of its own.
pub(super) struct Merging {
    messages: mpsc::Sender<Message>,
    thread: tokio::task::JoinHandle<Result<Merger, store::Error>>,
}

impl Merging {
    pub(super) fn spawn(mut merger: Merger) -> Self {
        let (messages, mut arriving) = mpsc::channel(PAGES_WAITING_MAX);
        let thread = tokio::task::spawn_blocking(move || {
            let (mut waiting, mut are_users_complete, mut is_given_up) = (Vec::new(), false, false);
            while let Some(message) = arriving.blocking_recv() {
                match message {
                    Message::Now(work) => merger.timed(work)?,
                    Message::Later(_) if is_given_up => {}
                    Message::Later(work) if are_users_complete => merger.timed(work)?,
                    Message::Later(work) => waiting.push(work),
                    Message::GiveUp => {
                        // Whoever waits for an answer hears of it by the dropping.
                        is_given_up = true;
                        waiting.clear();
                    }
                    Message::UsersComplete => {
                        are_users_complete = true;
                        merger.timed(|merger| {
                            merger.draft.arrange();
                            Ok(())
                        })?;
                        for work in waiting.drain(..) {
                            merger.timed(work)?;
                        }
                    }
                }
            }
            Ok(merger)
        });
        Self { messages, thread }
    }

    /// Hands something over about the users themselves; false when the thread ended early:
    /// [`finish`](Self::finish) says why.
    pub(super) async fn now(
        &self,
        work: impl FnOnce(&mut Merger) -> Result<(), store::Error> + Send + 'static,
    ) -> bool {
        let message = Message::Now(Box::new(work));
        self.messages.send(message).await.is_ok()
    }

    /// The same, and waits for what comes of it; `None` when the thread ended early.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Merger) -> Result<T, store::Error> + Send + 'static,
    ) -> Option<T> {
        let (work, answer) = answered(work);
        self.messages.send(Message::Now(work)).await.ok()?;
        answer.await.ok()
    }

    /// Hands over what is said of users, and waits until it was applied to the complete users; `None`
    /// when it never is.
    pub(super) async fn later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Merger) -> Result<T, store::Error> + Send + 'static,
    ) -> Option<T> {
        let (work, answer) = answered(work);
        self.messages.send(Message::Later(work)).await.ok()?;
        answer.await.ok()
    }

    /// The users are complete: what is said of them may follow.
    pub(super) async fn users_are_complete(&self) {
        // Where the thread has ended, its own result says why.
        let _ = self.messages.send(Message::UsersComplete).await;
    }

    /// The run will not be published: nobody shall wait for the users to be complete.
    pub(super) async fn give_up(&self) {
        let _ = self.messages.send(Message::GiveUp).await;
    }

    /// The merger, once everything that was handed over is done.
    pub(super) async fn finish(self) -> Result<Merger, store::Error> {
        drop(self.messages);
        match self.thread.await {
            Ok(merged) => merged,
            Err(_) => Err(store::Error::Io(
                "the thread that merges failed; the log has more".to_owned(),
            )),
        }
    }
}

fn answered<T: Send + 'static>(
    work: impl FnOnce(&mut Merger) -> Result<T, store::Error> + Send + 'static,
) -> (Work, oneshot::Receiver<T>) {
    let (sender, answer) = oneshot::channel();
    let work: Work = Box::new(move |merger| {
        let done = work(merger)?;
        // Whoever asked may have been canceled meanwhile.
        let _ = sender.send(done);
        Ok(())
    });
    (work, answer)
}

//! Connections: how many an address may hold, and which have waited long enough.
//!
//! actix bounds the time of a connection's first head and of a silence between requests. It bounds
//! neither a later head that drips byte by byte nor a reader that takes its answer as slowly, so each
//! connection is watched here and shut down from outside.

use std::any::Any;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use tokio::time::Instant;

use crate::api::metrics;
use crate::api::places::{Place, Places};

/// How long a connection may stand without a request that runs, however many bytes drip in.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// How long a reader may take for the next piece of an answer.
const STALL_MAX: Duration = Duration::from_secs(30);
/// How often the connections are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Bytes of an answer handed to the socket at a time; a large one would hide a slow reader.
const PIECE_BYTES: usize = 64 * 1024;

/// All connections of a server.
#[derive(Clone)]
pub(super) struct Connections {
    places: Places<IpAddr>,
    /// Reverse proxies: their connections carry many people and are not counted.
    trusted: Arc<[IpAddr]>,
    watched: Arc<Mutex<Vec<Weak<Connection>>>>,
}

/// One connection, while it is open.
pub(super) struct Connection {
    socket: OwnedFd,
    state: Mutex<State>,
    _place: Option<Place<IpAddr>>,
}

/// What a connection waits for, and since when.
#[derive(Debug, Clone, Copy)]
enum State {
    /// For the client to send a request.
    Idle(Instant),
    /// For us.
    Running,
    /// For the client to read.
    Writing(Instant),
}

impl State {
    fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Idle(since) => now.saturating_duration_since(since) > IDLE_MAX,
            Self::Running => false,
            Self::Writing(since) => now.saturating_duration_since(since) > STALL_MAX,
        }
    }
}

impl Connections {
    /// At most so many for one address.
    pub(super) fn new(per_address_max: usize, trusted: &[IpAddr]) -> Self {
        Self {
            places: Places::new(per_address_max),
            trusted: trusted.iter().map(IpAddr::to_canonical).collect(),
            watched: Arc::default(),
        }
    }

    /// Watches a new connection, or closes it at once where its address holds too many.
    pub(super) fn admit(&self, io: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else {
            return;
        };
        match self.watch(stream) {
            Some(connection) => {
                extensions.insert(connection);
            }
            None => {
                tracing::debug!("closed a connection: its address holds too many");
                metrics::count_refused_connection();
                shut_down(stream);
            }
        }
    }

    fn watch(&self, stream: &TcpStream) -> Option<Arc<Connection>> {
        let address = stream.peer_addr().ok()?.ip().to_canonical();
        let place = match self.trusted.contains(&address) {
            true => None,
            false => Some(self.places.take(address)?),
        };
        let connection = Arc::new(Connection {
            socket: stream.as_fd().try_clone_to_owned().ok()?,
            state: Mutex::new(State::Idle(Instant::now())),
            _place: place,
        });
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&connection));
        Some(connection)
    }

    /// Shuts down what has waited too long; for ever, until dropped.
    pub(super) async fn keep_sweeping(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        loop {
            let now = ticks.tick().await;
            self.sweep(now);
        }
    }

    /// Shuts down what has waited too long by `now`.
    pub(super) fn sweep(&self, now: Instant) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|connection| {
            let Some(connection) = connection.upgrade() else {
                return false;
            };
            let is_over = connection.state().is_over(now);
            if is_over {
                tracing::debug!("closed a connection that waited too long");
                shut_down(&connection.socket);
            }
            !is_over
        });
    }
}

/// Ends both directions; where the peer was faster there is nothing left to end.
fn shut_down(socket: impl AsFd) {
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
}

impl Connection {
    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// A request runs, until the answer is dropped; give it to the body that answers.
    pub(super) fn request(self: &Arc<Self>) -> Running {
        self.set(State::Running);
        Running(Arc::clone(self))
    }
}

/// A request that runs or whose answer is being written.
pub(super) struct Running(Arc<Connection>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(State::Idle(Instant::now()));
    }
}

/// A body that tells its connection whether it waits for us or for the reader.
pub(super) struct Watched {
    body: BoxBody,
    rest: Bytes,
    running: Running,
}

impl Watched {
    /// Hands a body out in pieces, for as long as the request is answered.
    pub(super) fn new(body: BoxBody, running: Running) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            running,
        }
    }
}

impl MessageBody for Watched {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => this.rest = bytes,
                Poll::Pending => {
                    this.running.0.set(State::Running);
                    return Poll::Pending;
                }
                over => return over,
            }
        }
        this.running.0.set(State::Writing(Instant::now()));
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: fn(Instant) -> State, after_secs: u64, is_over: bool) {
        let since = Instant::now();
        assert_eq!(
            state(since).is_over(since + Duration::from_secs(after_secs)),
            is_over
        );
    }

    #[test]
    fn a_connection_waits_15_s_for_a_request_and_30_s_for_a_reader() {
        check(State::Idle, 15, false);
        check(State::Idle, 16, true);
        check(State::Writing, 30, false);
        check(State::Writing, 31, true);
        check(|_| State::Running, 1_000_000, false);
    }
}

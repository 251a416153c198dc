//! A simulated Microsoft on loopback: a login service, a Graph and the host of its reports over real
//! HTTP, with an organization in it, for the demo and for tests.
//!
//! It imports nothing of ours, so that it shares no mistake with the real client; production code
//! never imports it. It does not simulate writes: we make none.

mod directory;
mod faults;
mod graph;
mod handle;
mod listener;
mod login;
mod message;
mod organization;
mod random;
mod recorder;
mod registration;
mod server;
mod switches;
mod tenancy;
mod world;

#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpListener;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

pub use directory::MemberChange;
pub use faults::Fault;
pub use faults::FaultPoint;
pub use faults::RetryAfter;
pub use handle::Handle;
pub use listener::Listener;
pub use login::tokens::TokenRequests;
pub use message::Host;
pub use recorder::RecordedRequest;
pub use registration::SignIn;
pub use tenancy::Cloud;
pub use tenancy::DeltaEnd;
pub use tenancy::Missing;
pub use tenancy::Premium;
pub use world::Now;

use graph::bucket::Bucket;
use graph::row_cache::RowCache;
use organization::Organization;
use world::World;

/// How a simulator is set up.
#[derive(Clone)]
pub struct Settings {
    /// The same seed gives the same organization, byte for byte.
    pub seed: u64,
    /// Accounts of the organization, at least two. A million costs no memory.
    pub users: u64,
    /// The organization's name; its domain is made of it.
    pub name: String,
    /// Whether answers are compressed where the client accepts it. Microsoft does.
    pub compress: bool,
    /// Resource units for ten seconds before Graph throttles by itself; `None` is what Microsoft gives
    /// an organization of this size.
    pub resource_units: Option<u32>,
    /// Whether rows of users and reports are written once and kept, which costs memory: for benchmarks
    /// of whoever reads them.
    pub caches_rows: bool,
    /// Threads that answer for Graph.
    pub workers: usize,
    /// What time it is: decides when codes and tokens expire; `None` is the clock of this machine.
    pub now: Option<Now>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            users: 300,
            name: "Contoso".to_owned(),
            compress: true,
            resource_units: None,
            caches_rows: false,
            workers: 2,
            now: None,
        }
    }
}

/// A running simulator; it stops when it is dropped. Everything that can be done with it is in
/// [`Handle`].
pub struct Simulator {
    handle: Handle,
    servers: server::Handles,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts all hosts on free ports of 127.0.0.1, on threads of their own.
    ///
    /// # Errors
    /// When a port or a thread cannot be had.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let login = TcpListener::bind(("127.0.0.1", 0))?;
        let graph = TcpListener::bind(("127.0.0.1", 0))?;
        let downloads = TcpListener::bind(("127.0.0.1", 0))?;
        let urls = [
            format!("http://{}", login.local_addr()?),
            format!("http://{}", graph.local_addr()?),
            format!("http://{}", downloads.local_addr()?),
        ];
        let organization = Organization::new(settings.seed, settings.users, &settings.name);
        let bucket = Bucket::new(settings.resource_units);
        let now = settings.now.unwrap_or_else(|| Arc::new(machine_time));
        let mut world = World::new(organization, urls, bucket, settings.compress, now);
        world.row_cache = settings.caches_rows.then(RowCache::default);
        let world = Arc::new(world);
        let (started, answer) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("simulator".to_owned())
            .spawn({
                let world = Arc::clone(&world);
                move || server::run(world, [login, graph, downloads], settings.workers, &started)
            })?;
        let servers = answer
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the simulator's thread ended")))?;
        Ok(Self {
            handle: Handle::new(world),
            servers,
            thread: Some(thread),
        })
    }

    /// Another hand on it; the simulator still stops when `self` is dropped.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Deref for Simulator {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for server in &self.servers {
            // The order is given by the call; its future only waits for the end, as the join below does.
            drop(server.stop(false));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the simulator stands apart, and is Microsoft's own clock"
)]
fn machine_time() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

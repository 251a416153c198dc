//! A host that nobody should visit: it counts who does.

use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How much of a visitor's request is read.
const READ_MAX: usize = 64 * 1024;
/// How long a visitor may take to say it.
const READ_TIME_MAX: Duration = Duration::from_secs(2);

/// Listens on loopback, records what every connection says first, and answers 404.
pub struct Listener {
    address: SocketAddr,
    visits: Arc<Mutex<Vec<Vec<u8>>>>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens on a free port of `ip`, such as "127.0.0.2".
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn start(ip: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((ip, 0))?;
        let address = listener.local_addr()?;
        let visits = Arc::new(Mutex::new(Vec::new()));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("listener".to_owned())
            .spawn({
                let visits = Arc::clone(&visits);
                let is_stopping = Arc::clone(&is_stopping);
                move || {
                    for stream in listener.incoming().map_while(Result::ok) {
                        if is_stopping.load(Ordering::SeqCst) {
                            break;
                        }
                        receive(stream, &visits);
                    }
                }
            })?;
        Ok(Self {
            address,
            visits,
            is_stopping,
            thread: Some(thread),
        })
    }

    /// `http://{ip}:{port}`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.visits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The beginning of what each connection sent.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.visits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn receive(mut stream: TcpStream, visits: &Mutex<Vec<Vec<u8>>>) {
    // Counted before anything is read: a connection that says nothing is one too.
    let position = {
        let mut visits = visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.push(Vec::new());
        visits.len() - 1
    };
    let _ = stream.set_read_timeout(Some(READ_TIME_MAX));
    let mut said = Vec::new();
    let mut part = [0; 4096];
    while said.len() < READ_MAX && !said.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(length) => said.extend_from_slice(part.get(..length).unwrap_or_default()),
        }
    }
    if let Some(visit) = visits
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_mut(position)
    {
        *visit = said;
    }
    let _ = stream
        .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // Wakes the thread from its wait.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

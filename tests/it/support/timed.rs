//! A server and its Microsoft by a clock that can be set ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use seatwise::clock::{Clock, SystemClock};
use seatwise::simulator::{Settings, Simulator};
use serde_json::Value;
use tempfile::TempDir;

use super::{Server, tenant_settings};

/// The clock of this machine, so many hours ahead.
#[derive(Clone, Default)]
struct Ahead(Arc<AtomicI64>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(self.0.load(Ordering::SeqCst))
    }
}

/// A synced server, which can be started again over the same data. Runs begin by hand only.
pub(crate) struct Timed {
    server: Option<Server>,
    pub(crate) microsoft: Simulator,
    clock: Ahead,
    settings: Vec<(String, String)>,
    _directory: TempDir,
}

impl Timed {
    /// Of an organization of so many, with settings such as `("HISTORY__USAGE_DAYS", "210")` on top.
    pub(crate) async fn new(users: u64, own: &'static [(&str, &str)]) -> Self {
        let clock = Ahead::default();
        let mut timed = tokio::task::spawn_blocking(move || {
            let told = clock.clone();
            let microsoft = Simulator::start(Settings {
                users,
                now: Some(Arc::new(move || told.now())),
                ..Settings::default()
            })
            .unwrap();
            let directory = tempfile::tempdir().unwrap();
            let data = format!("sled:{}", directory.path().join("data").display());
            let mut settings = tenant_settings(&microsoft, "app");
            settings.push(("SYNC__SCHEDULE".to_owned(), "0 0 0 29 2 *".to_owned()));
            settings.push(("STORAGE__URL".to_owned(), data));
            let own = own.iter();
            settings.extend(own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            Self {
                server: None,
                microsoft,
                clock,
                settings,
                _directory: directory,
            }
        })
        .await
        .unwrap();
        timed.start().await;
        timed.server().synced().await;
        timed
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// The day that it is, in UTC.
    pub(crate) fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    /// Lets days pass without a sync; the heartbeat beats.
    pub(crate) async fn wait(&self, days: i64) {
        self.clock.0.fetch_add(24 * days, Ordering::SeqCst);
        self.server().coordinator.tick().await;
    }

    /// Lets days pass, then syncs.
    pub(crate) async fn sync_after(&self, days: i64) -> Value {
        self.wait(days).await;
        self.server().sync().await
    }

    pub(crate) async fn restart(&mut self) {
        let server = self.server.take().unwrap();
        tokio::task::spawn_blocking(move || server.stop())
            .await
            .unwrap();
        self.start().await;
    }

    async fn start(&mut self) {
        let (settings, clock) = (self.settings.clone(), self.clock.clone());
        let starting = move || Server::start_by(&settings, Arc::new(clock));
        self.server = Some(tokio::task::spawn_blocking(starting).await.unwrap());
    }
}

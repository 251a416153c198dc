//! Large lists of users, read from a small directory that filters, counts and links as Graph does, or
//! does not.

/// A directory of users that answers as Graph does.
mod directory;
/// What lists tell of everybody besides the users themselves.
mod lists;
/// Parts, and what happens when they are not what they should be.
mod parts;
/// Going on where an earlier reading was cut.
mod resuming;

use std::collections::BTreeSet;

use uuid::Uuid;

use self::directory::{Directory, Fault};
use super::{UserPages, UserRow, UsersCheckpoint};
use crate::domain::sign_in::SignInActivity;
use crate::domain::sync_run::ProblemKind;
use crate::domain::user::User;
use crate::msgraph::client::Error;
use crate::msgraph::directory::UserAssignments;
use crate::msgraph::meter::Meter;
use crate::msgraph::testing::Bench;

/// Refusals until the page size is one that the directory takes: 999, 499.
const TOO_LARGE_PAGES: u64 = 2;

/// A row of any list.
trait Told: UserRow {
    /// Whose it is.
    fn id(&self) -> Uuid;
}

impl Told for User {
    fn id(&self) -> Uuid {
        self.object_id.0
    }
}

impl Told for UserAssignments {
    fn id(&self) -> Uuid {
        self.object_id.0
    }
}

impl Told for SignInActivity {
    fn id(&self) -> Uuid {
        self.object_id.0
    }
}

/// What reading users gave.
#[derive(Default)]
struct Read {
    ids: BTreeSet<Uuid>,
    /// Users that were handed out more than once.
    doubles: usize,
    quarantined: Vec<String>,
    pages: usize,
}

impl Read {
    /// Reads on; to the end, or until so many pages came in all.
    async fn go_on<T: Told>(
        &mut self,
        users: &mut UserPages<T>,
        pages_max: usize,
    ) -> Result<(), Error> {
        while self.pages < pages_max {
            let Some(page) = users.next().await? else {
                return Ok(());
            };
            self.pages += 1;
            for user in page.rows {
                let is_new = self.ids.insert(user.id());
                self.doubles += usize::from(!is_new);
            }
            let reasons = page.quarantined.into_iter().map(|row| row.reason);
            self.quarantined.extend(reasons);
        }
        Ok(())
    }
}

/// Reads all users of a directory; what they are, and how many requests it took.
async fn read_all(directory: Directory) -> (Read, u64) {
    read_list::<User>(directory).await
}

/// The same with any list of them.
async fn read_list<T: Told>(directory: Directory) -> (Read, u64) {
    let bench = Bench::start().await;
    directory.mount(&bench.server).await;
    let meter = Meter::default();
    let mut users = bench.pages::<T>(&meter);
    let mut read = Read::default();
    read.go_on(&mut users, usize::MAX).await.unwrap();
    assert!(users.next().await.unwrap().is_none());
    (read, meter.requests())
}

impl Bench {
    fn pages<T: Told>(&self, meter: &Meter) -> UserPages<T> {
        UserPages::new(self.client.caller.clone(), meter.clone())
    }
}

/// How reading all users of a directory fails.
async fn failure(directory: Directory) -> ProblemKind {
    let bench = Bench::start().await;
    directory.mount(&bench.server).await;
    let mut users = bench.client.users(None, &Meter::default());
    let error = Read::default().go_on(&mut users, usize::MAX).await;
    assert!(users.next().await.unwrap().is_none());
    match error.unwrap_err() {
        Error::Problem(problem) => problem.kind,
        other => panic!("not a problem: {other}"),
    }
}

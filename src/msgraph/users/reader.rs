//! The chains of several parts at the same time.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::list::{Listed, UserRow};
use super::part::Part;
use crate::msgraph::paging::{Chain, Rows};
use crate::msgraph::retry::Stop;

/// Pages that are decoded, or being decoded, before anybody asks for them. What else arrived waits as
/// text, at most two pages a chain.
const DECODED_PAGES_MAX: usize = 4;

/// Chains that are read beside each other. They end with it.
pub(super) struct Reader<T> {
    chains: JoinSet<()>,
    sender: mpsc::Sender<Arrival<T>>,
    arrivals: mpsc::Receiver<Arrival<T>>,
}

/// A chain to be read.
pub(super) struct Task {
    pub(super) chain: Chain,
    pub(super) part: Part,
    /// Where the part stands among all.
    pub(super) share: usize,
    /// Every chain has another.
    pub(super) number: u32,
    /// A first page that tells of more rows than this is the last: the part is to be split.
    pub(super) rows_max: Option<u64>,
}

/// What a chain gave.
pub(super) struct Arrival<T> {
    pub(super) share: usize,
    pub(super) number: u32,
    pub(super) page: Result<PartPage<T>, Stop>,
}

/// A page of a part.
pub(super) struct PartPage<T> {
    pub(super) rows: Rows<Listed<T>>,
    /// How many rows there are on it, readable or not.
    pub(super) len: usize,
    pub(super) count: Option<u64>,
    pub(super) next_link: Option<String>,
    /// The next page was not asked for, since the part has too many rows for one chain.
    pub(super) is_held: bool,
    /// There are users on it that do not belong to the part.
    pub(super) is_unfiltered: bool,
}

impl<T: UserRow> Reader<T> {
    pub(super) fn new() -> Self {
        let (sender, arrivals) = mpsc::channel(DECODED_PAGES_MAX);
        Self {
            chains: JoinSet::new(),
            sender,
            arrivals,
        }
    }

    pub(super) fn spawn(&mut self, task: Task) {
        let sender = self.sender.clone();
        self.chains.spawn(read(task, sender));
    }

    /// What comes next of any chain; `None` if one of them panicked. There must be one that is not
    /// over.
    pub(super) async fn next(&mut self) -> Option<Arrival<T>> {
        loop {
            tokio::select! {
                biased;
                arrival = self.arrivals.recv() => return arrival,
                Some(ended) = self.chains.join_next() => {
                    if ended.is_err() {
                        return None;
                    }
                }
            }
        }
    }
}

async fn read<T: UserRow>(mut task: Task, sender: mpsc::Sender<Arrival<T>>) {
    let (share, number) = (task.share, task.number);
    if let Err(stop) = read_pages(&mut task, &sender).await {
        let arrival = Arrival {
            share,
            number,
            page: Err(stop),
        };
        // Nobody to tell: the reader is gone.
        let _ = sender.send(arrival).await;
    }
}

async fn read_pages<T: UserRow>(
    task: &mut Task,
    sender: &mpsc::Sender<Arrival<T>>,
) -> Result<(), Stop> {
    while let Some(page) = task.chain.arrive().await? {
        let is_large =
            matches!((page.count, task.rows_max), (Some(count), Some(max)) if count > max);
        let is_held = is_large && page.next_link.is_some();
        if let Some(link) = &page.next_link
            && !is_held
        {
            task.chain.go_on(link)?;
        }
        let (len, count, next_link) = (page.len(), page.count, page.next_link.clone());
        // Room first: what is decoded takes more memory than its text.
        let Ok(room) = sender.reserve().await else {
            return Ok(());
        };
        let rows: Rows<Listed<T>> = task.chain.decode(page).await?;
        let is_strange = |user: &Listed<T>| !task.part.may_hold(user.created_at);
        let is_unfiltered = rows.rows.iter().any(is_strange);
        room.send(Arrival {
            share: task.share,
            number: task.number,
            page: Ok(PartPage {
                rows,
                len,
                count,
                next_link,
                is_held,
                is_unfiltered,
            }),
        });
        if is_held {
            return Ok(());
        }
        task.rows_max = None;
    }
    Ok(())
}

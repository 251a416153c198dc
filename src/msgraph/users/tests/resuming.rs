use std::sync::atomic::Ordering;

use wiremock::Request;

use super::*;

/// A reading that was cut, and gone on with.
struct ReadInTwo {
    /// Who was read, before the cut or after it.
    ids: BTreeSet<Uuid>,
    /// What it took after the cut.
    requests: u64,
    /// Some of that was for the plain list.
    is_whole_asked: bool,
}

/// Reads some pages, forgets everything but the checkpoint, and reads the rest a day later.
async fn read_in_two(users: u64, pages: usize, fault: Fault) -> ReadInTwo {
    let bench = Bench::start().await;
    let day = Directory::spread(users, fault).mount(&bench.server).await;
    let mut first = Read::default();
    let checkpoint = {
        let mut users = bench.client.users(None, &Meter::default());
        first.go_on(&mut users, pages).await.unwrap();
        users.checkpoint().to_bytes()
    };
    let checkpoint = UsersCheckpoint::from_bytes(&checkpoint).unwrap();
    day.fetch_add(1, Ordering::SeqCst);
    let before = bench.requests().await;
    let meter = Meter::default();
    let mut users = bench.client.users(Some(&checkpoint), &meter);
    let mut rest = Read::default();
    rest.go_on(&mut users, usize::MAX).await.unwrap();
    assert_eq!((rest.doubles, rest.quarantined.len()), (0, 0));
    let requests = bench.server.received_requests().await.unwrap();
    let is_whole = |request: &Request| {
        let mut options = request.url.query_pairs();
        !options.any(|(name, value)| name == "$filter" && !value.is_empty())
    };
    ReadInTwo {
        ids: &first.ids | &rest.ids,
        requests: meter.requests(),
        is_whole_asked: requests[before..].iter().any(is_whole),
    }
}

#[tokio::test]
async fn reading_goes_on_where_it_was_cut_and_skips_nobody() {
    for pages in [0, 1, 2, 5, 12, 20, 30] {
        let read = read_in_two(6_000, pages, Fault::None).await;
        assert_eq!(read.ids.len(), 6_000, "after {pages} pages");
        assert_eq!(read.is_whole_asked, pages == 0);
        // 25 pages in one chain, six parts and one for unknown dates, and refusals at the beginning.
        let most = 25 + 8 + 2 - pages.min(34) as u64;
        let requests = read.requests;
        assert!(requests <= most + 2, "{requests} after {pages} pages");
    }
}

#[tokio::test]
async fn reading_in_one_chain_goes_on_as_well() {
    for pages in [0, 1, 3, 13] {
        let read = read_in_two(3_000, pages, Fault::CountsNothing).await;
        assert_eq!(read.ids.len(), 3_000, "after {pages} pages");
        let refused = if pages == 0 { TOO_LARGE_PAGES } else { 0 };
        assert_eq!(read.requests, 13 - pages as u64 + refused);
    }
}

#[tokio::test]
async fn a_link_that_is_forgotten_by_then_begins_its_part_anew() {
    for status in [400, 410] {
        // In one chain, and in parts.
        for (users, pages) in [(1_245, 2), (6_000, 1), (6_000, 9), (6_000, 20)] {
            let read = read_in_two(users, pages, Fault::Forgets(status)).await;
            assert_eq!(read.ids.len() as u64, users, "{status} after {pages} pages");
            assert_eq!(read.is_whole_asked, users < 6_000, "after {pages} pages");
        }
    }
}

#[tokio::test]
async fn the_plain_list_begins_anew_as_well_if_the_parts_do_not_add_up_a_day_later() {
    let bench = Bench::start().await;
    let hidden = Directory::spread(6_000, Fault::Counts(7_000));
    hidden.mount(&bench.server).await;
    let mut users = bench.client.users(None, &Meter::default());
    Read::default().go_on(&mut users, 20).await.unwrap();
    let checkpoint = users.checkpoint();
    drop(users);
    bench.server.reset().await;
    let forgetful = Directory::spread(6_000, Fault::Forgets(410));
    forgetful
        .mount(&bench.server)
        .await
        .fetch_add(1, Ordering::SeqCst);
    let mut users = bench.client.users(Some(&checkpoint), &Meter::default());
    let mut read = Read::default();
    read.go_on(&mut users, usize::MAX).await.unwrap();
    assert_eq!(read.ids.len(), 6_000);
}

#[tokio::test]
async fn parts_that_do_not_add_up_are_noticed_after_a_cut_too() {
    for pages in [2, 10, 30] {
        let read = read_in_two(6_000, pages, Fault::Hides(100)).await;
        assert_eq!(read.ids.len(), 6_000, "after {pages} pages");
        assert!(read.is_whole_asked);
    }
}

#[tokio::test]
async fn what_was_read_to_its_end_is_not_read_again() {
    for users in [100, 6_000] {
        let bench = Bench::start().await;
        Directory::spread(users, Fault::None)
            .mount(&bench.server)
            .await;
        let mut pages = bench.client.users(None, &Meter::default());
        Read::default().go_on(&mut pages, usize::MAX).await.unwrap();
        let requests = bench.requests().await;
        let checkpoint = pages.checkpoint();
        let mut again = bench.client.users(Some(&checkpoint), &Meter::default());
        assert!(again.next().await.unwrap().is_none());
        assert_eq!(bench.requests().await, requests);
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_graph_is_no_help_and_no_harm() {
    let other = Bench::start().await;
    Directory::spread(6_000, Fault::None)
        .mount(&other.server)
        .await;
    let mut users = other.client.users(None, &Meter::default());
    Read::default().go_on(&mut users, 3).await.unwrap();
    let checkpoint = users.checkpoint();
    drop(users);
    let bench = Bench::start().await;
    Directory::spread(6_000, Fault::None)
        .mount(&bench.server)
        .await;
    // Whoever asks there now gets no answer that helps.
    drop(other);
    let mut users = bench.client.users(Some(&checkpoint), &Meter::default());
    let mut read = Read::default();
    read.go_on(&mut users, usize::MAX).await.unwrap();
    assert_eq!((read.ids.len(), read.doubles), (6_000, 0));
}

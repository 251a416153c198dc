use tokio_util::sync::CancellationToken;

use super::*;
use crate::msgraph::http::{Http, NetworkSettings};
use crate::msgraph::paging::{LIMITS, Limits};
use crate::msgraph::testing::TestTokens;

/// 101 pages of 249.
const USERS: u64 = 25_000;
const ONE_CHAIN: u64 = 101;

#[tokio::test]
async fn a_large_list_is_read_in_parts_and_everybody_comes_once() {
    let (read, requests) = read_all(Directory::spread(USERS, Fault::None)).await;
    assert_eq!(read.ids.len() as u64, USERS);
    assert_eq!((read.doubles, read.quarantined.len()), (0, 0));
    let requests = requests - TOO_LARGE_PAGES;
    assert!(requests > ONE_CHAIN, "no parts were read: {requests}");
    assert!(requests * 4 <= ONE_CHAIN * 5, "{requests} requests");
}

#[tokio::test]
async fn parts_are_asked_for_at_the_same_time_but_not_without_anybody_to_take_them() {
    let bench = Bench::start().await;
    Directory::spread(USERS, Fault::None)
        .mount(&bench.server)
        .await;
    let meter = Meter::default();
    let mut users = bench.client.users(None, &meter);
    let mut read = Read::default();
    read.go_on(&mut users, 1).await.unwrap();
    assert_eq!(users.expected(), Some(USERS));
    // 24 chains, each with two pages on hand, and one more for each page that is decoded.
    while bench.requests().await < 48 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
    let requests = meter.requests() - TOO_LARGE_PAGES;
    assert!(requests <= 1 + 24 * 2 + 4, "{requests} requests");
    read.go_on(&mut users, usize::MAX).await.unwrap();
    assert_eq!(read.ids.len() as u64, USERS);
}

#[tokio::test]
async fn a_list_of_few_pages_is_read_in_one_chain() {
    let (read, requests) = read_all(Directory::spread(5 * 249, Fault::None)).await;
    assert_eq!(read.ids.len(), 5 * 249);
    assert_eq!(requests - TOO_LARGE_PAGES, 5);
}

#[tokio::test]
async fn a_list_that_is_not_counted_is_read_in_one_chain() {
    let (read, requests) = read_all(Directory::spread(3_000, Fault::CountsNothing)).await;
    assert_eq!(read.ids.len(), 3_000);
    assert_eq!(requests - TOO_LARGE_PAGES, 13);
}

#[tokio::test]
async fn however_times_are_spread_everybody_comes_once() {
    let users = 6_000;
    // In order of creation: the first page tells of the oldest only.
    let in_order: Vec<_> = (0..users).map(Some).collect();
    let backward: Vec<_> = (0..users).rev().map(Some).collect();
    // Most of them in one second, as an import leaves them, and the others around it.
    let crowd: Vec<_> = (0..users)
        .map(|user| Some(if user % 3 == 0 { user } else { 3_000 }))
        .collect();
    // In two seconds that no boundary fits between.
    let twins: Vec<_> = (0..users).map(|user| Some(user % 2)).collect();
    let undated: Vec<_> = (0..users).map(|_| None).collect();
    for created in [in_order, backward, crowd, twins, undated] {
        let (read, requests) = read_all(Directory::of(created, Fault::None)).await;
        assert_eq!(read.ids.len() as i64, users, "{requests} requests");
        assert_eq!((read.doubles, read.quarantined.len()), (0, 0));
        // 25 pages in one chain, 24 requests to be read sooner; of the twins, half are in two parts.
        let requests = requests - TOO_LARGE_PAGES;
        assert!(requests <= 25 + 24 + 13, "{requests} requests");
    }
}

#[tokio::test]
async fn a_part_that_is_too_large_is_split_again() {
    // The first page tells of people who came over years; all others were imported within one of the
    // gaps between them.
    let spread = (0..249).map(|user| Some(user * 400_000));
    let import = (0..9_751).map(|user| Some(50_000_001 + (user * 7_919) % 90_000));
    let directory = Directory::of(spread.chain(import), Fault::None);
    let bench = Bench::start().await;
    directory.mount(&bench.server).await;
    let mut users = bench.client.users(None, &Meter::default());
    let mut read = Read::default();
    let mut parts_max = 0;
    for pages in 1.. {
        read.go_on(&mut users, pages).await.unwrap();
        if read.pages < pages {
            break;
        }
        parts_max = parts_max.max(users.shares.len());
    }
    assert_eq!(read.ids.len(), 10_000);
    // 41 pages: ten parts, those of unknown date and the whole list, before anything is split.
    assert!(parts_max > 12, "{parts_max} parts");
}

#[tokio::test]
async fn where_a_filter_does_not_work_the_plain_list_is_read_to_its_end() {
    for (fault, wasted) in [
        (Fault::RefusesFilter(400), 24),
        (Fault::RefusesFilter(501), 24),
        (Fault::IgnoresFilter, 48),
        // Read to their ends before it shows that somebody is missing.
        (Fault::Hides(100), 45),
        (Fault::Counts(7_000), 45),
    ] {
        let (read, requests) = read_all(Directory::spread(6_000, fault)).await;
        assert_eq!(read.ids.len(), 6_000);
        assert_eq!((read.doubles, read.quarantined.len()), (0, 0));
        let requests = requests - TOO_LARGE_PAGES;
        assert!(
            (25..=25 + wasted).contains(&requests),
            "{requests} requests"
        );
    }
}

#[tokio::test]
async fn a_user_who_comes_twice_in_one_part_is_quarantined() {
    let (read, _) = read_all(Directory::spread(3_000, Fault::Repeats)).await;
    assert_eq!((read.ids.len(), read.doubles), (3_000, 0));
    assert!(read.quarantined.len() >= 12);
    assert!(
        read.quarantined
            .iter()
            .all(|reason| reason == "its id came before")
    );
}

#[tokio::test]
async fn links_of_parts_are_checked_as_all_links_are() {
    let lying = |fault| Directory::spread(6_000, fault);
    assert_eq!(
        failure(lying(Fault::LinksElsewhere)).await,
        ProblemKind::UntrustedLink
    );
    assert_eq!(failure(lying(Fault::Loops)).await, ProblemKind::Loop);
}

#[tokio::test]
async fn all_parts_together_have_no_more_rows_than_any_tenant() {
    let limits = Limits {
        rows: 5_999,
        ..LIMITS
    };
    let http = Http::new(&NetworkSettings::default()).unwrap();
    let bench = Bench::bounded(http, TestTokens::default(), limits).await;
    Directory::spread(6_000, Fault::None)
        .mount(&bench.server)
        .await;
    let mut users = bench.client.users(None, &Meter::default());
    let error = Read::default().go_on(&mut users, usize::MAX).await;
    assert!(matches!(error, Err(Error::Problem(problem)) if problem.kind == ProblemKind::TooLarge));
}

#[tokio::test]
async fn canceling_stops_all_parts() {
    let bench = Bench::start().await;
    Directory::spread(6_000, Fault::None)
        .mount(&bench.server)
        .await;
    let cancel = CancellationToken::new();
    let meter = Meter::new(cancel.clone());
    let mut users = bench.client.users(None, &meter);
    Read::default().go_on(&mut users, 2).await.unwrap();
    cancel.cancel();
    assert!(matches!(users.next().await, Err(Error::Canceled)));
    assert!(users.next().await.unwrap().is_none());
}

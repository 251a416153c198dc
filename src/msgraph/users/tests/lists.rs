use std::sync::atomic::Ordering;

use wiremock::Request;

use super::*;

/// 100 pages of 250, which is what sign-in activity is told in; assignments take one more.
const USERS: u64 = 25_000;

async fn check_parted<T: Told>(one_chain: u64, too_large_pages: u64) {
    let (read, requests) = read_list::<T>(Directory::spread(USERS, Fault::None)).await;
    assert_eq!(read.ids.len() as u64, USERS);
    assert_eq!((read.doubles, read.quarantined.len()), (0, 0));
    let requests = requests - too_large_pages;
    assert!(requests > one_chain, "no parts were read: {requests}");
    assert!(requests * 4 <= one_chain * 5, "{requests} requests");
}

#[tokio::test]
async fn sign_in_activity_and_assignments_of_everybody_are_read_in_parts_too() {
    check_parted::<SignInActivity>(100, 1).await;
    check_parted::<UserAssignments>(101, TOO_LARGE_PAGES).await;
}

#[tokio::test]
async fn however_many_lists_are_read_at_once_requests_under_way_are_bounded() {
    let bench = Bench::start().await;
    Directory::spread(12_000, Fault::Hangs)
        .mount(&bench.server)
        .await;
    let meter = Meter::default();
    let mut users = bench.pages::<User>(&meter);
    let mut assignments = bench.pages::<UserAssignments>(&meter);
    let mut sign_ins = bench.pages::<SignInActivity>(&meter);
    let (mut first, mut second, mut third) = <(Read, Read, Read)>::default();
    let reading = async {
        tokio::join!(
            first.go_on(&mut users, usize::MAX),
            second.go_on(&mut assignments, usize::MAX),
            third.go_on(&mut sign_ins, usize::MAX),
        )
    };
    // Each list has 13 chains; of all of them, as many as the tenant's pace lets go are under way.
    let watching = async {
        while bench.parts_asked().await < 24 {
            tokio::task::yield_now().await;
        }
        for _ in 0..2_000 {
            tokio::task::yield_now().await;
        }
        bench.parts_asked().await
    };
    tokio::select! {
        _ = reading => panic!("nothing was to be answered"),
        under_way = watching => assert_eq!(under_way, 24),
    }
}

impl Bench {
    /// How many requests for parts of a list the server got.
    async fn parts_asked(&self) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        let is_of_part = |request: &&Request| {
            let mut options = request.url.query_pairs();
            options.any(|(name, _)| name == "$filter")
        };
        requests.iter().filter(is_of_part).count()
    }
}

#[tokio::test]
async fn where_a_filter_does_not_work_nobodys_sign_ins_are_lost() {
    for fault in [
        Fault::RefusesFilter(400),
        Fault::RefusesFilter(501),
        Fault::IgnoresFilter,
        Fault::Hides(100),
        Fault::Counts(7_000),
        Fault::CountsNothing,
    ] {
        let (read, requests) = read_list::<SignInActivity>(Directory::spread(6_000, fault)).await;
        assert_eq!(read.ids.len(), 6_000);
        assert_eq!((read.doubles, read.quarantined.len()), (0, 0));
        // 24 pages in one chain; a page of which is refused for its size.
        assert!((25..=25 + 48).contains(&requests), "{requests} requests");
    }
}

#[tokio::test]
async fn where_graph_refuses_to_count_the_plain_list_is_asked_for_without() {
    for status in [400, 404, 501] {
        let uncounted = || Directory::spread(6_000, Fault::RefusesCount(status));
        let (read, requests) = read_list::<SignInActivity>(uncounted()).await;
        assert_eq!((read.ids.len(), read.doubles), (6_000, 0));
        // 24 pages, twice a page that is too large, and the refusal itself.
        assert_eq!(requests, 24 + 2 + 1);
        let (read, requests) = read_list::<UserAssignments>(uncounted()).await;
        assert_eq!((read.ids.len(), read.doubles), (6_000, 0));
        assert_eq!(requests, 25 + 2 * TOO_LARGE_PAGES + 1);
        // With the manager there is no other way.
        assert_eq!(failure(uncounted()).await, ProblemKind::Refused);
    }
}

#[tokio::test]
async fn a_plain_list_that_graph_breaks_off_is_begun_once_more_without_the_count() {
    let bench = Bench::start().await;
    let day = Directory::spread(1_000, Fault::Forgets(400))
        .mount(&bench.server)
        .await;
    let mut users = bench.pages::<SignInActivity>(&Meter::default());
    let mut read = Read::default();
    read.go_on(&mut users, 1).await.unwrap();
    // The second page is asked for by now; the link to the third is of an earlier day.
    while bench.requests().await < 3 {
        tokio::task::yield_now().await;
    }
    day.fetch_add(1, Ordering::SeqCst);
    read.go_on(&mut users, usize::MAX).await.unwrap();
    assert_eq!((read.ids.len(), read.doubles), (1_000, 0));
    assert!(read.quarantined.is_empty(), "{:?}", read.quarantined);
}

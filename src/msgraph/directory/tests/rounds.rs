use super::*;
use crate::domain::ids::ObjectId;
use crate::domain::sync_run::ProblemKind;
use crate::msgraph::client::Error;
use crate::msgraph::directory::changes::Patch;
use crate::msgraph::directory::{ChangePages, Changes, GroupPatch, UserPatch};
use crate::msgraph::meter::Meter;

const USERS: &str = "users/delta";
const GROUPS: &str = "groups/delta";

fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

/// All pages of a round.
async fn read<T: Patch>(pages: &mut ChangePages<T>) -> Result<Vec<Changes<T>>, Error> {
    let mut read = Vec::new();
    while let Some(page) = pages.next().await? {
        read.push(page);
    }
    Ok(read)
}

/// How a round of changes of users ends.
async fn failure(bench: &Bench, link: &str) -> Error {
    let mut pages = bench.client.user_changes(link, &Meter::default());
    let error = read(&mut pages).await.unwrap_err();
    assert_eq!(pages.delta_link(), None);
    assert!(pages.next().await.unwrap().is_none());
    error
}

#[track_caller]
fn check_problem(error: &Error, kind: ProblemKind) {
    assert!(
        matches!(error, Error::Problem(problem) if problem.kind == kind),
        "{error:?}"
    );
}

fn named(id: &str, name: &str) -> Value {
    json!({"id": id, "userPrincipalName": name})
}

fn removed(id: &str, reason: &str) -> Value {
    json!({"id": id, "@removed": {"reason": reason}})
}

#[tokio::test]
async fn changes_begin_now_with_the_properties_that_users_are_made_of() {
    let bench = Bench::start().await;
    let answer = page(&[], bench.delta_link(USERS, "a"));
    bench.on(USERS, ("$deltatoken", "latest"), answer).await;
    let link = bench.client.begin_user_changes(&Meter::default()).await;
    assert_eq!(link.unwrap(), bench.delta_url(USERS, "a"));
    let list = Mock::given(path("/v1.0/users")).respond_with(page(&[], None));
    list.mount(&bench.server).await;
    let mut users = bench.client.users(None, &Meter::default());
    users.next().await.unwrap();
    let queries = bench.queries().await;
    let select = |query: &str| {
        let (_, select) = query.split_once("$select=").unwrap();
        select.split('&').next().unwrap().to_owned()
    };
    assert_eq!(
        select(&queries[0]),
        format!("{},manager", select(&queries[1]))
    );
    assert_eq!(queries[0].split('&').count(), 2, "no other option is taken");
    let requests = bench.server.received_requests().await.unwrap();
    assert!(requests[0].headers.get("consistencylevel").is_none());
}

#[tokio::test]
async fn a_round_is_followed_to_its_link_over_empty_pages() {
    let bench = Bench::start().await;
    let first = page(
        &[named(ANN, "ann"), removed(BEN, "changed")],
        bench.next_link(USERS, "b"),
    );
    bench.on(USERS, ("$deltatoken", "a"), first).await;
    let empty = page(&[], bench.next_link(USERS, "c"));
    bench.on(USERS, ("$skiptoken", "b"), empty).await;
    let last = page(
        &[removed(CAT, "deleted"), json!({"id": "x"})],
        bench.delta_link(USERS, "d"),
    );
    bench.on(USERS, ("$skiptoken", "c"), last).await;
    let link = bench.delta_url(USERS, "a");
    let mut pages = bench.client.user_changes(&link, &Meter::default());
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!(page.changed[0].object_id, id(ANN));
    assert_eq!(page.removed, [id(BEN)]);
    assert_eq!(pages.delta_link(), None);
    let page = pages.next().await.unwrap().unwrap();
    assert!(page.changed.is_empty() && page.removed.is_empty());
    assert_eq!(pages.delta_link(), None);
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!(page.removed, [id(CAT)]);
    assert_eq!(page.quarantined[0].reason, "id is not a GUID");
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!(
        pages.delta_link(),
        Some(bench.delta_url(USERS, "d").as_str())
    );
    assert_eq!(bench.requests().await, 3);
}

#[tokio::test]
async fn of_an_object_that_comes_and_goes_on_one_page_the_last_counts() {
    let bench = Bench::start().await;
    let rows = [
        named(ANN, "first"),
        removed(ANN, "changed"),
        removed(BEN, "changed"),
        named(CAT, "one"),
        named(BEN, "restored"),
        named(CAT, "two"),
        removed(ANN, "deleted"),
    ];
    let answer = page(&rows, bench.delta_link(USERS, "b"));
    bench.on(USERS, ("$deltatoken", "a"), answer).await;
    let link = bench.delta_url(USERS, "a");
    let mut pages = bench.client.user_changes(&link, &Meter::default());
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!(page.removed, [id(ANN)]);
    let names: Vec<_> = page
        .changed
        .iter()
        .map(|patch| patch.apply(None).unwrap().user_principal_name)
        .collect();
    assert_eq!(names, ["one", "restored", "two"]);
    assert!(page.quarantined.is_empty());
}

#[tokio::test]
async fn what_microsoft_forgot_is_read_anew() {
    let error = |status: u16, code: &str| {
        let body = json!({"error": {"code": code, "message": "x"}});
        ResponseTemplate::new(status).set_body_json(body)
    };
    let moved =
        error(410, "").insert_header("Location", "https://graph.microsoft.com/v1.0/users/delta");
    for answer in [
        moved,
        error(410, "SyncStateNotFound"),
        error(400, "syncStateNotFound"),
        error(404, "syncStateNotFound"),
        error(409, "ResyncRequired"),
        error(400, "BadRequest"),
        ResponseTemplate::new(410),
    ] {
        // At the kept link, and in the middle of a round.
        let bench = Bench::start().await;
        bench.on(USERS, ("$deltatoken", "a"), answer.clone()).await;
        let link = bench.delta_url(USERS, "a");
        assert!(matches!(failure(&bench, &link).await, Error::Expired));
        let bench = Bench::start().await;
        let first = page(&[], bench.next_link(USERS, "b"));
        bench.on(USERS, ("$deltatoken", "a"), first).await;
        bench.on(USERS, ("$skiptoken", "b"), answer).await;
        let link = bench.delta_url(USERS, "a");
        assert!(matches!(failure(&bench, &link).await, Error::Expired));
        assert_eq!(bench.requests().await, 2);
    }
}

#[tokio::test]
async fn other_failures_are_not_taken_for_expiry() {
    for (status, kind) in [
        (403, ProblemKind::Permission),
        (404, ProblemKind::Refused),
        (501, ProblemKind::Refused),
        (429, ProblemKind::Throttled),
        (503, ProblemKind::Unreachable),
    ] {
        let bench = Bench::start().await;
        let answer = ResponseTemplate::new(status);
        bench.on(USERS, ("$deltatoken", "a"), answer).await;
        let link = bench.delta_url(USERS, "a");
        check_problem(&failure(&bench, &link).await, kind);
    }
}

#[tokio::test]
async fn a_tenant_without_changes_says_so_where_users_begin_and_refuses_groups() {
    let bench = Bench::start().await;
    let body = json!({"error": {"code": "Request_BadRequest", "message": "Change enumeration is not supported for Azure AD B2C."}});
    for at in [USERS, GROUPS] {
        Mock::given(path(format!("/v1.0/{at}")))
            .respond_with(ResponseTemplate::new(400).set_body_json(&body))
            .mount(&bench.server)
            .await;
    }
    let begun = bench.client.begin_user_changes(&Meter::default()).await;
    assert!(matches!(begun, Err(Error::Expired)));
    let mut pages = bench.client.group_changes(None, &Meter::default());
    check_problem(&read(&mut pages).await.unwrap_err(), ProblemKind::Refused);
}

#[tokio::test]
async fn links_to_other_places_are_neither_followed_nor_kept() {
    for elsewhere in [
        "http://127.0.0.2:9/v1.0/users/delta?$deltatoken=b",
        "https://graph.microsoft.com.evil.example/v1.0/users/delta",
        "/v1.0/users/delta?$deltatoken=b",
    ] {
        for name in ["@odata.nextLink", "@odata.deltaLink"] {
            let bench = Bench::start().await;
            let answer = page(&[], Some((name, elsewhere.to_owned())));
            bench.on(USERS, ("$deltatoken", "a"), answer).await;
            let link = bench.delta_url(USERS, "a");
            check_problem(&failure(&bench, &link).await, ProblemKind::UntrustedLink);
        }
        // Kept under another configuration: of no use any more.
        let bench = Bench::start().await;
        assert!(matches!(failure(&bench, elsewhere).await, Error::Expired));
        assert_eq!(bench.requests().await, 0);
    }
}

#[tokio::test]
async fn a_round_without_end_or_without_a_link_at_its_end_fails() {
    let bench = Bench::start().await;
    let answer = page(&[], bench.next_link(USERS, "b"));
    bench.on(USERS, ("$deltatoken", "a"), answer.clone()).await;
    bench.on(USERS, ("$skiptoken", "b"), answer).await;
    let link = bench.delta_url(USERS, "a");
    check_problem(&failure(&bench, &link).await, ProblemKind::Loop);
    let bench = Bench::start().await;
    bench.on(USERS, ("$deltatoken", "a"), page(&[], None)).await;
    let link = bench.delta_url(USERS, "a");
    check_problem(&failure(&bench, &link).await, ProblemKind::BadResponse);
}

#[tokio::test]
async fn a_page_of_changes_that_was_given_up_is_not_skipped_silently() {
    let bench = Bench::start().await;
    let answer = page(&[], bench.delta_link(USERS, "b"));
    bench.on(USERS, ("$deltatoken", "a"), answer).await;
    let link = bench.delta_url(USERS, "a");
    let mut pages = bench.client.user_changes(&link, &Meter::default());
    {
        let next = pages.next();
        tokio::pin!(next);
        assert!(futures_util::poll!(&mut next).is_pending());
    }
    assert!(matches!(pages.next().await, Err(Error::Canceled)));
    assert_eq!(pages.delta_link(), None);
}

#[tokio::test]
async fn a_large_group_comes_in_parts_and_only_users_are_members() {
    let member = |kind: &str, id: &str| json!({"@odata.type": kind, "id": id});
    let bench = Bench::start().await;
    let first = page(
        &[
            json!({"id": SALES, "displayName": "Sales", "mail": null, "groupTypes": ["Unified", "DynamicMembership"],
                "onPremisesSyncEnabled": null,
                "members@delta": [member(USER, ANN), member("#microsoft.graph.device", CAT), member("#microsoft.graph.group", CAT)]}),
            json!({"id": E3, "displayName": "Nobody", "groupTypes": []}),
        ],
        bench.next_link(GROUPS, "b"),
    );
    bench
        .on(
            GROUPS,
            (
                "$select",
                "id,displayName,mail,groupTypes,onPremisesSyncEnabled,members",
            ),
            first,
        )
        .await;
    let second = page(
        &[
            json!({"id": SALES, "members@delta": [member(USER, BEN)]}),
            removed(E5, "deleted"),
        ],
        bench.delta_link(GROUPS, "c"),
    );
    bench.on(GROUPS, ("$skiptoken", "b"), second).await;
    let mut pages = bench.client.group_changes(None, &Meter::default());
    let read = read(&mut pages).await.unwrap();
    let [sales, nobody] = &read[0].changed[..] else {
        panic!("two groups");
    };
    assert_eq!(sales.members_added, [id(ANN)]);
    assert!(nobody.members_added.is_empty() && nobody.members_removed.is_empty());
    let more = &read[1].changed[0];
    assert_eq!(
        (more.object_id, &more.members_added[..]),
        (id(SALES), &[id(BEN)][..])
    );
    assert_eq!(read[1].removed, [id(E5)]);
    let group = more.apply(Some(sales.apply(None)));
    assert_eq!(group.display_name.as_deref(), Some("Sales"));
    assert!(group.is_dynamic && !group.is_synced_from_on_premises);
    assert!(!nobody.apply(None).is_dynamic);
    assert_eq!(
        pages.delta_link(),
        Some(bench.delta_url(GROUPS, "c").as_str())
    );
}

/// Both kinds of patches are sent between threads.
#[test]
fn rounds_can_be_read_on_any_thread() {
    fn is_send<T: Send>() {}
    is_send::<ChangePages<UserPatch>>();
    is_send::<ChangePages<GroupPatch>>();
}

//! Lists that say less than there is, or lie about how much there is.

use super::*;

#[tokio::test]
async fn a_list_that_is_suddenly_empty_is_held_back() {
    let server = synced().await;
    let before = served(&server).await;
    // A list that is empty twice would be believed: each is so once.
    for (path, name) in [(USERS, "USERS"), (LICENSES, "LICENSES")] {
        let run = whole_run_with(&server, [Fault::at(path).drop_rows()]).await;
        assert_eq!(run["state"], "FAILED", "{name}");
        check_failed(&run, name, "SUSPECT", "acceptSync");
        check_served(&server, &before, name).await;
    }
    let empty = [SUBSCRIPTIONS, GROUP_CHANGES].map(|path| Fault::at(path).drop_rows());
    let run = whole_run_with(&server, empty).await;
    assert_eq!(run["state"], "PARTIAL");
    for name in ["SUBSCRIPTIONS", "GROUPS"] {
        check_failed(&run, name, "SUSPECT", "acceptSync");
    }
    check_served(&server, &before, "a run without purchases and groups").await;
    let run = whole_run_with(&server, []).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    check_served(&server, &before, "a whole run").await;
}

#[tokio::test]
async fn a_list_that_lies_about_its_length_is_read_to_its_end() {
    let server = synced().await;
    let before = served(&server).await;
    for count in [0, 1, 299, 1_000_000, u64::MAX] {
        let run = whole_run_with(&server, [Fault::on(USERS).count(count)]).await;
        assert_eq!(run["state"], "COMPLETE", "{count}: {run}");
        check_served(&server, &before, "a count").await;
    }
}

use super::support::Table;
use super::support::Visit;
use crate::simulator::Fault;
use crate::simulator::Listener;

const FUNCTION: &str = "/v1.0/reports/getEmailActivityUserDetail";
const CALL: &str = "getEmailActivityUserDetail(period='D7')";

/// The bytes of the report with a fault on the way.
async fn spoiled(visit: &Visit, fault: Fault) -> Vec<u8> {
    visit.microsoft.clear_faults();
    visit.microsoft.fault(fault);
    let link = visit.location(CALL).await;
    visit.download(&link).await
}

#[tokio::test]
async fn lines_are_spoiled_one_by_one() {
    let (visit, _) = Visit::by_clock(60).await;
    let clean = visit.location(CALL).await;
    let clean = visit.download(&clean).await;
    let lines = |body: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(body).into_owned();
        text.split("\r\n").map(str::to_owned).collect()
    };
    let expected = lines(&clean);
    let check = |body: &[u8], line: usize, text: &str| {
        let own = lines(body);
        assert_eq!(own.len(), expected.len());
        assert_eq!(own[line], text);
        let same = |(place, own): (usize, &String)| place == line || *own == expected[place];
        assert!(
            own.iter().enumerate().all(same),
            "the other lines are as they were"
        );
    };
    let at = || Fault::at_download();
    check(&spoiled(&visit, at().report_line(2, "x,y")).await, 2, "x,y");
    check(
        &spoiled(&visit, at().short_line(1, 2)).await,
        1,
        expected[1]
            .splitn(3, ',')
            .take(2)
            .collect::<Vec<_>>()
            .join(",")
            .as_str(),
    );
    let quoted = expected[3].replacen(',', " \"so called\",", 1);
    check(
        &spoiled(&visit, at().bare_quotes_in_line(3)).await,
        3,
        &quoted,
    );
    let bare = spoiled(&visit, at().no_byte_order_mark()).await;
    assert!(bare.starts_with(b"Report Refresh Date") && clean.ends_with(&bare));
    let kept = Table::parse(&spoiled(&visit, at().keep_lines(4)).await);
    assert_eq!((kept.header.len(), kept.rows.len()), (13, 4));
    assert!(std::str::from_utf8(&spoiled(&visit, at().invalid_utf8()).await).is_err());
    let twice = spoiled(&visit, at().byte_order_mark()).await;
    assert!(twice.starts_with(b"\xEF\xBB\xBF\xEF\xBB\xBFReport"));
    assert!(
        spoiled(&visit, at().html())
            .await
            .starts_with(b"<!DOCTYPE html>")
    );
    assert!(spoiled(&visit, at().empty_body()).await.is_empty());
    assert!(spoiled(&visit, at().gzip_bomb(5_000_000)).await.len() > 5_000_000);
}

#[tokio::test]
async fn downloads_break_off_expire_and_fail() {
    let (visit, _) = Visit::by_clock(60).await;
    let fetch = async |fault: Fault| {
        visit.microsoft.clear_faults();
        visit.microsoft.fault(fault);
        let link = visit.location(CALL).await;
        let answer = visit.http.get(link).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.is_ok())
    };
    assert_eq!(
        fetch(Fault::at_download().nth(2).status(500)).await,
        (200, true)
    );
    assert_eq!(fetch(Fault::at_download().cut_body()).await, (200, false));
    assert_eq!(fetch(Fault::at_download().cut_chunk()).await, (200, false));
    assert_eq!(
        fetch(Fault::at_download().expired_link()).await,
        (403, true)
    );
    assert_eq!(fetch(Fault::at_download().status(503)).await, (503, true));
    visit.microsoft.clear_faults();
    visit.microsoft.fault(Fault::on(FUNCTION).status(502));
    assert_eq!(
        visit.get(&format!("/v1.0/reports/{CALL}")).await.status(),
        502
    );
    assert_eq!(
        visit
            .get("/v1.0/reports/getMailboxUsageDetail(period='D7')")
            .await
            .status(),
        302
    );
}

#[tokio::test]
async fn redirects_lead_anywhere_on_and_around() {
    let (visit, _) = Visit::by_clock(60).await;
    let foreign = Listener::start("127.0.0.2").unwrap();
    visit
        .microsoft
        .fault(Fault::on(FUNCTION).redirect_to(&foreign.url()));
    assert_eq!(visit.location(CALL).await, foreign.url());
    visit.microsoft.clear_faults();
    visit
        .microsoft
        .fault(Fault::on(FUNCTION).redirect_to_itself());
    let itself = visit.location(CALL).await;
    assert_eq!(
        itself,
        format!("{}/v1.0/reports/{CALL}", visit.microsoft.graph_url())
    );

    visit.microsoft.clear_faults();
    let link = visit.location(CALL).await;
    visit
        .microsoft
        .fault(Fault::at_download().first(1).redirect_to_itself());
    let again = visit.http.get(&link).send().await.unwrap();
    assert_eq!(again.status(), 302);
    assert_eq!(again.headers()["location"].to_str().unwrap(), link);
    assert!(again.bytes().await.unwrap().is_empty());
    assert!(
        visit.download(&link).await.len() > 1000,
        "behind the second redirect it is"
    );
    assert_eq!(foreign.connections(), 0);
}

//! The price book: which price counts, what is refused, and that it is kept.

use super::*;

#[tokio::test]
async fn the_narrowest_price_counts_and_one_that_overlaps_is_refused_with_the_remedy() {
    let office = Office::new(&[("TENANTS__CONTOSO__SEGMENT", "Education")]);
    let server = office.synced().await;
    let license = single(&server).await;
    let tenant = server.tenant_id().await;
    let purchase = &license["subscriptions"][0]["id"];
    let document = "query ($license: ID!) {
        prices(license: $license) {id}
        node(id: $license) {... on License {price {perSeat {amount}}}}}";
    let counted = async || {
        let answer = data(&server, document, json!({"license": license["id"]})).await;
        let amount = &answer["node"]["price"]["perSeat"]["amount"];
        (
            list(&answer["prices"]).len(),
            amount.as_str().map(str::to_owned),
        )
    };
    assert_eq!(counted().await, (0, None));
    let scopes = [
        json!({}),
        json!({"segment": "EDUCATION"}),
        json!({"tenant": tenant}),
        json!({"tenant": tenant, "segment": "education"}),
        json!({"subscription": purchase}),
    ];
    let mut ids = Vec::new();
    for (place, scope) in (1..).zip(scopes) {
        let amount = format!("{}", 30 - place);
        ids.push(set_price(&server, with(price_of(&license, &amount), scope)).await);
        assert_eq!(counted().await, (place, Some(format!("{amount}.00"))));
    }
    let other = with(price_of(&license, "1"), json!({"segment": "Charity"}));
    set_price(&server, other).await;
    assert_eq!(counted().await.1.as_deref(), Some("25.00"));

    let node =
        "query ($id: ID!) {node(id: $id) {id ... on Price {skuId segment per validFrom validTo
        tenant {id} license {id} subscription {id} perSeat {amount currency}}}}";
    let found = data(&server, node, json!({"id": ids[4]})).await["node"].clone();
    let expected = json!({
        "id": ids[4], "skuId": license["skuId"], "segment": null, "per": "MONTH",
        "validFrom": TODAY, "validTo": null, "tenant": {"id": tenant}, "license": {"id": license["id"]},
        "subscription": {"id": purchase}, "perSeat": money("25.00", "EUR"),
    });
    assert_eq!(found, expected);

    let rise = with(price_of(&license, "31"), json!({"validFrom": "2026-07-01"}));
    let refused = server.query(SET_PRICE, json!({"input": rise})).await;
    let error = &refused["errors"][0];
    assert_eq!(error["extensions"]["code"], "CONFLICT");
    let message = text(&error["message"]);
    assert!(
        message.contains("set it again with validTo 2026-06-30"),
        "{message}"
    );
    assert_eq!(counted().await.0, 5);

    let delete = "mutation ($id: ID!) {deletePrice(id: $id)}";
    for (place, id) in ids.iter().enumerate().rev() {
        let gone = data(&server, delete, json!({"id": id})).await;
        assert_eq!(gone["deletePrice"], *id);
        assert_eq!(counted().await.0, place);
    }
    assert_eq!(
        refusal(&server, delete, json!({"id": ids[0]})).await,
        "NOT_FOUND"
    );
    assert_eq!(
        data(&server, node, json!({"id": ids[0]})).await["node"],
        Value::Null
    );

    for (wrong, code) in [
        (json!({"amount": "-1"}), "BAD_INPUT"),
        (json!({"amount": "1.1234567"}), "BAD_INPUT"),
        (json!({"currency": "XAU"}), "BAD_INPUT"),
        (json!({"skuId": "E3"}), "BAD_INPUT"),
        (json!({"validTo": "2026-03-14"}), "BAD_INPUT"),
        (json!({"tenant": license["id"]}), "BAD_INPUT"),
        // `Tenant:nobody`
        (json!({"tenant": "VGVuYW50Om5vYm9keQ"}), "NOT_FOUND"),
    ] {
        let input = with(price_of(&license, "1"), wrong);
        let variables = json!({"input": input});
        assert_eq!(
            refusal(&server, SET_PRICE, variables).await,
            code,
            "{input}"
        );
    }
    let e3 = e3(&server).await;
    let unlike = with(price_of(&e3, "1"), json!({"subscription": purchase}));
    assert_eq!(
        refusal(&server, SET_PRICE, json!({"input": unlike})).await,
        "BAD_INPUT"
    );
}

const TABLE: &str = "{priceTable}";
const IMPORT: &str =
    "mutation ($table: String!) {importPrices(table: $table) {added replaced total}}";

/// What operators told, all of it.
async fn told(server: &Server) -> Value {
    let document = "{priceTable exchangeRates {from to on rate}
        licenses(first: 500) {nodes {monthlySpend {amount currency}
            subscriptions {terms {term billing autoRenews renewsOn}}}}}";
    data(server, document, json!({})).await
}

#[tokio::test]
async fn what_was_told_outlives_a_restart_and_a_disconnect_and_a_purge_takes_what_is_the_tenants() {
    let (office, server) = opened().await;
    let license = single(&server).await;
    let purchase = &license["subscriptions"][0]["id"];
    set_price(
        &server,
        with(price_of(&license, "36"), json!({"per": "YEAR"})),
    )
    .await;
    set_price(
        &server,
        with(price_of(&license, "2.5"), json!({"subscription": purchase})),
    )
    .await;
    let terms = json!({"subscription": purchase, "term": "THREE_YEARS", "billing": "UPFRONT"});
    declare(&server, terms).await;
    let rate =
        "mutation {setExchangeRate(from: \"USD\", to: \"EUR\", rate: \"0.9234567891\") {rate}}";
    data(&server, rate, json!({})).await;
    let before = told(&server).await;
    assert!(
        before["priceTable"].as_str().unwrap().lines().count() == 3,
        "{before}"
    );

    let server = office.restarted(server).await;
    assert_eq!(told(&server).await, before);
    let tenant = server.tenant_id().await;
    let disconnect = "mutation ($tenant: ID!, $purge: Boolean!) {
        disconnectTenant(tenant: $tenant, purge: $purge) {connection}}";
    data(
        &server,
        disconnect,
        json!({"tenant": tenant, "purge": false}),
    )
    .await;
    assert_eq!(told(&server).await, before);
    let server = office.restarted(server).await;
    assert_eq!(told(&server).await, before);

    data(
        &server,
        disconnect,
        json!({"tenant": tenant, "purge": true}),
    )
    .await;
    let purged = told(&server).await;
    let table = text(&purged["priceTable"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains(",36.00,EUR,YEAR,"), "{table}");
    assert_eq!(purged["exchangeRates"], before["exchangeRates"]);
    let server = office.restarted(server).await;
    assert_eq!(told(&server).await["priceTable"], purged["priceTable"]);
}

#[tokio::test]
async fn a_table_of_prices_comes_back_as_it_went_and_is_taken_whole_or_not_at_all() {
    let (_office, server) = opened().await;
    let license = e3(&server).await;
    let source = "=HYPERLINK(\"x\"), \u{201e}ß\u{201c}";
    let input = with(
        price_of(&license, "36.125"),
        json!({"source": source, "segment": "@x"}),
    );
    set_price(&server, input).await;
    let table = async || text(&data(&server, TABLE, json!({})).await["priceTable"]);
    let exported = table().await;
    assert!(exported.contains("'=HYPERLINK"), "{exported}");
    let import = async |table: &str| {
        data(&server, IMPORT, json!({"table": table})).await["importPrices"].clone()
    };
    let expected = json!({"added": 0, "replaced": 1, "total": 1});
    assert_eq!(import(&exported).await, expected);
    assert_eq!(table().await, exported);
    let edited = exported.replace("36.125", "35.50");
    import(&edited).await;
    assert_eq!(table().await, edited);

    let sku = text(&license["skuId"]);
    let rows = format!(
        "skuId;amount;currency;validFrom;validTo;tenant\r\n{sku};1;EUR;2025-01-01;2025-12-31;contoso\r\n{sku};2;EUR;2026-01-01;;contoso\r\n"
    );
    let expected = json!({"added": 2, "replaced": 0, "total": 3});
    assert_eq!(import(&rows).await, expected);
    let before = table().await;
    let broken = format!(
        "skuId,amount,currency,validFrom,tenant\n{sku},1,EUR,2020-01-01,\n{sku},x,EUR,2020-01-01,\n{sku},1,EURO,2020-01-01,\n"
    );
    let overlapping = format!(
        "skuId,amount,currency,validFrom,validTo,tenant\n{sku},1,EUR,2024-01-01,2024-12-31,contoso\n{sku},1,EUR,2025-12-31,2025-12-31,contoso\n"
    );
    let of_nobody =
        format!("skuId,amount,currency,validFrom,tenant\n{sku},1,EUR,2026-01-01,nobody\n");
    for (table, lines) in [
        (&broken, &["line 3: amount: ", "line 4: a currency is "][..]),
        (&overlapping, &["line 3: price "][..]),
        (&of_nobody, &["line 2: tenant: there is no such tenant"][..]),
    ] {
        let answer = server.query(IMPORT, json!({"table": table})).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_INPUT");
        let message = text(&error["message"]);
        let told: Vec<_> = message.lines().skip(1).collect();
        assert_eq!(told.len(), lines.len(), "{message}");
        for (told, line) in told.iter().zip(lines) {
            assert!(told.starts_with(line), "{message}");
        }
    }
    assert_eq!(table().await, before);
}

/// A list of prices as a file.
async fn exported(server: &Server, parameters: &[(&str, &str)]) -> String {
    let request = reqwest::Client::new().get(server.url("/export/prices"));
    let answer = request.query(parameters).bearer_auth(TOKEN).send().await;
    let answer = answer.unwrap().error_for_status().unwrap();
    answer.text().await.unwrap()
}

#[tokio::test]
async fn exported_prices_are_those_that_stand_and_a_table_to_import() {
    let (_office, server) = opened().await;
    let all = licenses(&server).await;
    let (license, other) = (&all["SPE_E3"], &all["POWER_BI_PRO"]);
    let ended = json!({"validFrom": "2025-01-01", "validTo": "2026-03-14"});
    set_price(&server, with(price_of(license, "35"), ended)).await;
    let source = "=HYPERLINK(\"x\"), \u{201e}ß\u{201c}";
    let now = json!({"validFrom": TODAY, "validTo": "2026-12-31", "source": source,
        "segment": "@x", "tenant": server.tenant_id().await});
    set_price(&server, with(price_of(license, "36.125"), now)).await;
    let later = json!({"validFrom": "2027-01-01", "per": "YEAR"});
    set_price(&server, with(price_of(license, "470"), later)).await;
    set_price(&server, price_of(other, "9")).await;

    let book = text(&data(&server, TABLE, json!({})).await["priceTable"]);
    let table = exported(&server, &[]).await;
    let standing = book.lines().filter(|line| !line.contains(",2026-03-14,"));
    let standing: Vec<&str> = standing.collect();
    assert_eq!(table.lines().collect::<Vec<_>>(), standing);
    assert_eq!(standing.len(), 4);
    let imported = data(&server, IMPORT, json!({"table": table})).await;
    let expected = json!({"added": 0, "replaced": 3, "total": 4});
    assert_eq!(imported["importPrices"], expected);
    let again = text(&data(&server, TABLE, json!({})).await["priceTable"]);
    assert_eq!(again, book);

    let only = [
        ("license", text(&other["id"])),
        ("format", "jsonl".to_owned()),
    ];
    let only = only.each_ref().map(|(name, value)| (*name, value.as_str()));
    let lines = exported(&server, &only).await;
    assert_eq!(lines.lines().count(), 1, "{lines}");
    let line: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!(line["skuId"], other["skuId"]);
    assert_eq!(line["amount"], "9.00");
    assert_eq!(line["validFrom"], TODAY);
    assert_eq!(line["tenant"], Value::Null);
}

#[tokio::test]
async fn an_operator_takes_the_price_book_to_a_file_and_back_with_a_server_and_without() {
    const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
    let simulator = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for("contoso", &simulator, &[]);
    let offline = |arguments: &[&str]| run(directory.path(), &environment, arguments);
    let path = |name: &str| directory.path().join(name);
    let table = format!("skuId,amount,currency,validFrom\n{E3},36,EUR,2026-01-01\n");
    std::fs::write(path("prices.csv"), &table).unwrap();
    let ended = offline(&["prices", "import", "prices.csv"]).with(0);
    assert_eq!(ended.stdout, "1 prices: 1 added, 0 replaced\n");
    let exported = offline(&["prices", "export"]).with(0).stdout;
    assert!(
        exported.contains(&format!(",,{E3},,,36.00,EUR,MONTH,2026-01-01,,")),
        "{exported}"
    );

    let server = Process::serve(directory.path(), &environment).unwrap();
    let listen = [("SERVER__LISTEN", server.address())];
    let mut asking = environment_for("contoso", &simulator, &listen);
    let refused = run(directory.path(), &asking, &["prices", "export"]).with(77);
    assert!(refused.stderr.contains("SEATWISE_TOKEN"), "{refused:?}");
    asking.push(("SEATWISE_TOKEN".into(), TOKEN.into()));
    let ask = |arguments: &[&str]| -> Ended { run(directory.path(), &asking, arguments) };
    ask(&["prices", "export", "out.csv"]).with(0);
    assert_eq!(std::fs::read_to_string(path("out.csv")).unwrap(), exported);
    std::fs::write(path("out.csv"), exported.replace("36.00", "37.00")).unwrap();
    let ended = ask(&["prices", "import", "out.csv"]).with(0);
    assert_eq!(ended.stdout, "1 prices: 0 added, 1 replaced\n");
    let refused = ask(&["prices", "import", "prices.csv"]).with(1);
    assert!(refused.stderr.contains("line 2: price "), "{refused:?}");
    assert!(
        refused.stderr.contains("set it again with validTo")
            || refused.stderr.contains("delete that one first"),
        "{refused:?}"
    );
    let missing = ask(&["prices", "import", "nowhere.csv"]).with(74);
    assert!(
        missing.stderr.contains("nowhere.csv: cannot be read"),
        "{missing:?}"
    );
    server.terminate().with(0);
    assert!(
        offline(&["prices", "export", "-"])
            .with(0)
            .stdout
            .contains(",37.00,")
    );
}

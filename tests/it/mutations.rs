//! What is changed, over the front door. These tests change what others read: each needs a demo of its
//! own.

use serde_json::{Value, json};

use crate::asking::{count, data, number, refusal, sentences, text};
use crate::support::Server;

sentences! { of a fresh demo each:
    a_renamed_license_is_renamed_everywhere_and_back
    a_catalog_update_renames_at_once_and_says_what_it_changed
    a_sync_is_started_once_and_answers_with_the_running_one
    a_disconnected_tenant_stays_readable_until_it_is_purged
    what_must_exist_is_not_found
}

const RENAME: &str = "mutation ($license: ID!, $name: String) {
    renameLicense(license: $license, name: $name) {name nameSource}}";

/// Microsoft 365 E3: its id, its GUID and its holders.
async fn e3(server: &Server) -> (Value, String, usize) {
    let document =
        r#"{licenses(filter: {value: {eq: "SPE_E3"}}) {nodes {id skuId users {totalCount}}}}"#;
    let found = data(server, document, json!({})).await;
    let license = &found["licenses"]["nodes"][0];
    let holders = number(&license["users"]["totalCount"]);
    assert!(holders > 0);
    (license["id"].clone(), text(&license["skuId"]), holders)
}

/// Whether users, filters, licenses and breakdowns all call E3 by one name and never by another.
async fn check_called(server: &Server, name: &str, never: &str, holders: usize) {
    let named = |name: &str| json!({"licenseNames": {"has": name}});
    assert_eq!(count(server, named(name)).await, holders);
    assert_eq!(count(server, named(never)).await, 0);
    let document = "query ($filter: UserFilter) {
        licenses(filter: {value: {eq: \"SPE_E3\"}}) {nodes {name}}
        users(filter: $filter, first: 500) {
            nodes {licenseNames licenses {license {name}}}
            breakdown(by: LICENSE_NAME, first: 500) {key count}
        }
    }";
    let answer = data(server, document, json!({"filter": named(name)})).await;
    assert_eq!(answer["licenses"]["nodes"], json!([{"name": name}]));
    for user in answer["users"]["nodes"].as_array().unwrap() {
        assert!(
            user["licenseNames"]
                .as_array()
                .unwrap()
                .contains(&json!(name))
        );
        assert!(
            user["licenses"]
                .as_array()
                .unwrap()
                .contains(&json!({"license": {"name": name}}))
        );
    }
    let groups = answer["users"]["breakdown"].as_array().unwrap();
    assert!(groups.contains(&json!({"key": name, "count": holders})));
    assert!(groups.iter().all(|group| group["key"] != never));
}

async fn a_renamed_license_is_renamed_everywhere_and_back(server: &Server) {
    let (id, _, holders) = e3(server).await;
    check_called(server, "Microsoft 365 E3", "Office workers", holders).await;

    let renamed = data(
        server,
        RENAME,
        json!({"license": id, "name": "  Office  workers "}),
    )
    .await;
    let expected = json!({"name": "Office workers", "nameSource": "OPERATOR"});
    assert_eq!(renamed["renameLicense"], expected);
    check_called(server, "Office workers", "Microsoft 365 E3", holders).await;

    let back = data(server, RENAME, json!({"license": id, "name": null})).await;
    let expected = json!({"name": "Microsoft 365 E3", "nameSource": "CATALOG"});
    assert_eq!(back["renameLicense"], expected);
    check_called(server, "Microsoft 365 E3", "Office workers", holders).await;

    let empty = json!({"license": id, "name": " "});
    assert_eq!(refusal(server, RENAME, empty).await, "BAD_INPUT");
}

async fn a_catalog_update_renames_at_once_and_says_what_it_changed(server: &Server) {
    let (_, sku_id, holders) = e3(server).await;
    let document = "mutation ($catalog: String!) {
        updateCatalog(catalog: $catalog) {productCount addedCount renamedCount added renamed {from to}}}";
    let update = async |name: &str| {
        let catalog = format!("seatwise-catalog 1\nproduct\t{sku_id}\tSPE_E3\t{name}\n");
        data(server, document, json!({"catalog": catalog})).await["updateCatalog"].clone()
    };
    let changes = update("Microsoft 365 E3 (new)").await;
    assert_eq!(changes["addedCount"], 0);
    assert_eq!(changes["renamedCount"], 1);
    let renamed = json!([{"from": "Microsoft 365 E3", "to": "Microsoft 365 E3 (new)"}]);
    assert_eq!(changes["renamed"], renamed);
    assert!(number(&changes["productCount"]) >= 619);
    check_called(
        server,
        "Microsoft 365 E3 (new)",
        "Microsoft 365 E3",
        holders,
    )
    .await;
    update("Microsoft 365 E3").await;
    check_called(
        server,
        "Microsoft 365 E3",
        "Microsoft 365 E3 (new)",
        holders,
    )
    .await;

    let broken = json!({"catalog": "seatwise-catalog 1\nproduct\tx"});
    assert_eq!(refusal(server, document, broken).await, "BAD_INPUT");
}

async fn a_sync_is_started_once_and_answers_with_the_running_one(server: &Server) {
    let tenant = data(server, "{tenants {id}}", json!({})).await["tenants"][0]["id"].clone();
    let document = "mutation ($tenant: ID!) {
        first: startSync(tenant: $tenant) {id state trigger tenant {lastSync {id}}}
        second: startSync(tenant: $tenant) {id}
    }";
    let answer = data(server, document, json!({"tenant": tenant})).await;
    let (first, second) = (&answer["first"], &answer["second"]);
    assert_eq!(first["trigger"], "MANUAL");
    assert!(
        ["QUEUED", "RUNNING"].contains(&first["state"].as_str().unwrap()),
        "{first}"
    );
    assert_eq!(first["id"], second["id"]);
    assert_eq!(first["tenant"]["lastSync"]["id"], first["id"]);
    let newest = data(server, "{syncRuns(first: 1) {nodes {id}}}", json!({})).await;
    assert_eq!(newest["syncRuns"]["nodes"][0]["id"], first["id"]);
}

async fn a_disconnected_tenant_stays_readable_until_it_is_purged(server: &Server) {
    let tenant = data(server, "{tenants {id}}", json!({})).await["tenants"][0]["id"].clone();
    let total = count(server, json!({})).await;
    let document = "mutation ($tenant: ID!, $purge: Boolean! = false) {
        disconnectTenant(tenant: $tenant, purge: $purge) {connection userCount}}";
    let disconnected = data(server, document, json!({"tenant": tenant})).await;
    let expected = json!({"connection": "DISCONNECTED", "userCount": total});
    assert_eq!(disconnected["disconnectTenant"], expected);
    assert_eq!(count(server, json!({})).await, total);
    let start = "mutation ($tenant: ID!) {startSync(tenant: $tenant) {id}}";
    assert_eq!(
        refusal(server, start, json!({"tenant": tenant})).await,
        "CONFLICT"
    );

    let purged = data(server, document, json!({"tenant": tenant, "purge": true})).await;
    let expected = json!({"connection": "DISCONNECTED", "userCount": 0});
    assert_eq!(purged["disconnectTenant"], expected);
    assert_eq!(count(server, json!({})).await, 0);

    let connect =
        "mutation ($tenant: ID!) {connectTenant(tenant: $tenant) {url tenant {access connection}}}";
    let connecting =
        data(server, connect, json!({"tenant": tenant})).await["connectTenant"].clone();
    assert_ne!(connecting["tenant"]["connection"], "DISCONNECTED");
    match text(&connecting["tenant"]["access"]).as_str() {
        "APP" => assert_eq!(connecting["url"], Value::Null),
        _ => assert!(text(&connecting["url"]).contains("/connect/contoso?ticket=")),
    }
}

async fn what_must_exist_is_not_found(server: &Server) {
    // `Tenant:nobody`, and a license and a run of contoso whose GUID is all zeros.
    let tenant = "VGVuYW50Om5vYm9keQ";
    let license = "TGljZW5zZTpjb250b3NvOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMA";
    let run = "U3luY1J1bjpjb250b3NvOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMA";
    let documents = [
        format!(r#"mutation {{startSync(tenant: "{tenant}") {{id}}}}"#),
        format!(r#"mutation {{connectTenant(tenant: "{tenant}") {{url}}}}"#),
        format!(r#"mutation {{disconnectTenant(tenant: "{tenant}") {{id}}}}"#),
        format!(r#"mutation {{renameLicense(license: "{license}", name: "x") {{id}}}}"#),
        format!(r#"mutation {{cancelSync(run: "{run}") {{id}}}}"#),
    ];
    for document in documents {
        assert_eq!(
            refusal(server, &document, json!({})).await,
            "NOT_FOUND",
            "{document}"
        );
    }
}

//! Breakdowns, nodes, licenses, the ledger and tenants, as they are asked.

use serde_json::{Value, json};

use crate::asking::{count, data, list, number, object, page, refusal, sentences, text};
use crate::support::Server;

sentences! { of one demo:
    counts_by_a_single_valued_property_add_up_and_are_what_its_filter_selects
    counts_by_license_are_what_its_filter_selects
    every_node_is_found_again_by_its_id
    a_user_is_found_by_each_of_its_names
    what_is_not_there_is_null_and_what_is_no_id_is_refused
    seats_are_consumed_by_their_holders
    licenses_are_filtered_sorted_and_paged
    the_first_sync_is_in_the_ledger
    a_tenant_says_how_it_stands
}

/// A dimension, the field of the filter on the same property, and the condition for a key.
type Dimension<'a> = (&'a str, &'a str, &'a dyn Fn(&Value) -> Value);

const BREAKDOWN: &str = "query ($by: UserDimension!, $filter: UserFilter) {
    users(filter: $filter) {totalCount breakdown(by: $by, first: 500) {key label count}}}";

async fn counts_by_a_single_valued_property_add_up_and_are_what_its_filter_selects(
    server: &Server,
) {
    let boolean = |key: &Value| json!(key == "true");
    let eq = |key: &Value| json!({"eq": key});
    let dimensions: [Dimension<'_>; 11] = [
        ("TENANT", "tenant", &eq),
        ("DEPARTMENT", "department", &eq),
        ("USER_TYPE", "userType", &eq),
        ("RESOURCE_ACCOUNT", "isResourceAccount", &boolean),
        ("ACCOUNT_ENABLED", "accountEnabled", &boolean),
        ("COMPANY", "companyName", &eq),
        ("COUNTRY", "country", &eq),
        ("USAGE_LOCATION", "usageLocation", &eq),
        ("OFFICE_LOCATION", "officeLocation", &eq),
        ("JOB_TITLE", "jobTitle", &eq),
        ("EMPLOYEE_TYPE", "employeeType", &eq),
    ];
    for (dimension, field, condition) in dimensions {
        let users = data(server, BREAKDOWN, json!({"by": dimension})).await["users"].clone();
        let groups = list(&users["breakdown"]);
        let counts: Vec<usize> = groups.iter().map(|group| number(&group["count"])).collect();
        assert!(
            counts.is_sorted_by(|left, right| left >= right),
            "{dimension}"
        );
        // Offices are rooms, more of them than a breakdown lists.
        let is_whole = groups.len() < 500;
        assert!(is_whole || dimension == "OFFICE_LOCATION");
        assert!(
            !is_whole || counts.iter().sum::<usize>() == number(&users["totalCount"]),
            "{dimension}"
        );
        for group in groups.iter().take(5) {
            assert!(!text(&group["label"]).is_empty());
            let condition = match &group["key"] {
                Value::Null => json!({"isNull": true}),
                key => condition(key),
            };
            let selected = count(server, object(field, condition)).await;
            assert_eq!(selected, number(&group["count"]), "{dimension} {group}");
        }
    }
    let too_many = "{users {breakdown(by: DEPARTMENT, first: 501) {count}}}";
    assert_eq!(refusal(server, too_many, json!({})).await, "BAD_INPUT");
    let two = data(
        server,
        "{users {breakdown(by: DEPARTMENT, first: 2) {count}}}",
        json!({}),
    )
    .await;
    assert_eq!(list(&two["users"]["breakdown"]).len(), 2);
}

async fn counts_by_license_are_what_its_filter_selects(server: &Server) {
    let filter = json!({"accountEnabled": true});
    for (dimension, field) in [
        ("LICENSE_NAME", "licenseNames"),
        ("LICENSE_VALUE", "licenseValues"),
    ] {
        let users = data(
            server,
            BREAKDOWN,
            json!({"by": dimension, "filter": filter}),
        )
        .await;
        for group in list(&users["users"]["breakdown"]) {
            let condition = match &group["key"] {
                Value::Null => json!({"isEmpty": true}),
                key => json!({"has": key}),
            };
            let narrowed = json!({"and": [filter, object(field, condition)]});
            assert_eq!(
                count(server, narrowed).await,
                number(&group["count"]),
                "{group}"
            );
        }
    }
}

async fn every_node_is_found_again_by_its_id(server: &Server) {
    let document = "{
        tenants {id} users(first: 1) {nodes {id}} licenses(first: 1) {nodes {id}} syncRuns(first: 1) {nodes {id}}
    }";
    let found = data(server, document, json!({})).await;
    let ids = [
        ("Tenant", &found["tenants"][0]["id"]),
        ("User", &found["users"]["nodes"][0]["id"]),
        ("License", &found["licenses"]["nodes"][0]["id"]),
        ("SyncRun", &found["syncRuns"]["nodes"][0]["id"]),
    ];
    for (kind, id) in ids {
        let document = "query ($id: ID!) {node(id: $id) {__typename id}}";
        let node = data(server, document, json!({"id": id})).await["node"].clone();
        assert_eq!(node, json!({"__typename": kind, "id": id}));
    }
    let wanted = ids.map(|(_, id)| id);
    let document = "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}";
    let nodes = data(server, document, json!({"ids": wanted})).await["nodes"].clone();
    assert_eq!(nodes, json!(wanted.map(|id| json!({"id": id}))));
}

async fn a_user_is_found_by_each_of_its_names(server: &Server) {
    let users = page(server, json!({"first": 1})).await;
    let user = &users["nodes"][0];
    let tenant = data(server, "{tenants {id}}", json!({})).await["tenants"][0]["id"].clone();
    let names = [
        json!({"id": user["id"]}),
        json!({"objectId": user["objectId"]}),
        json!({"userPrincipalName": text(&user["userPrincipalName"]).to_uppercase()}),
    ];
    let document = "query ($by: UserBy!, $tenant: ID) {user(by: $by, tenant: $tenant) {id}}";
    for by in names {
        for tenant in [&Value::Null, &tenant] {
            let found = data(server, document, json!({"by": by, "tenant": tenant})).await;
            assert_eq!(found["user"]["id"], user["id"], "{by}");
        }
        let elsewhere = json!({"by": by, "tenant": "VGVuYW50Om5vYm9keQ"});
        assert_eq!(
            data(server, document, elsewhere).await["user"],
            Value::Null,
            "{by}"
        );
    }
    let two = json!({"by": {"id": user["id"], "objectId": user["objectId"]}});
    assert_eq!(refusal(server, document, two).await, "BAD_INPUT");
    let no_guid = json!({"by": {"objectId": "ann"}});
    assert_eq!(refusal(server, document, no_guid).await, "BAD_INPUT");
}

async fn what_is_not_there_is_null_and_what_is_no_id_is_refused(server: &Server) {
    // `User:contoso:00000000-0000-0000-0000-000000000000` and `Tenant:nobody`.
    let nobody = "VXNlcjpjb250b3NvOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMA";
    let document = format!(
        r#"{{
        node(id: "{nobody}") {{id}} tenant(id: "VGVuYW50Om5vYm9keQ") {{id}} user(by: {{id: "{nobody}"}}) {{id}}
    }}"#
    );
    let expected = json!({"node": null, "tenant": null, "user": null});
    assert_eq!(data(server, &document, json!({})).await, expected);
    let answer = server
        .query(
            "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}",
            json!({"ids": [nobody, "no id"]}),
        )
        .await;
    assert_eq!(answer["data"], json!({"nodes": [null, null]}));
    assert_eq!(list(&answer["errors"]).len(), 1);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT");
    assert_eq!(answer["errors"][0]["path"], json!(["nodes", 1]));
    let of_user = format!(r#"{{tenant(id: "{nobody}") {{id}}}}"#);
    assert_eq!(refusal(server, &of_user, json!({})).await, "BAD_INPUT");
}

async fn seats_are_consumed_by_their_holders(server: &Server) {
    let document = "{licenses(first: 100) {nodes {
        name value isCompanyWide seats {enabled warning suspended lockedOut consumed available}
        users {totalCount nodes {licenseValues}} servicePlans {planId value name}
    }}}";
    let licenses = data(server, document, json!({})).await["licenses"]["nodes"].clone();
    let assignable = list(&licenses)
        .iter()
        .filter(|license| license["isCompanyWide"] == false);
    let mut holders = 0;
    for license in assignable {
        let seats = &license["seats"];
        assert_eq!(
            seats["consumed"], license["users"]["totalCount"],
            "{}",
            license["name"]
        );
        let usable = seats["enabled"].as_i64().unwrap() + seats["warning"].as_i64().unwrap();
        let free = usable - seats["consumed"].as_i64().unwrap();
        assert_eq!(seats["available"], free);
        for user in list(&license["users"]["nodes"]) {
            assert!(list(&user["licenseValues"]).contains(&license["value"]));
            holders += 1;
        }
    }
    assert!(holders > 0);
}

async fn licenses_are_filtered_sorted_and_paged(server: &Server) {
    let document =
        "query ($filter: LicenseFilter, $first: Int, $after: String, $last: Int, $before: String) {
        licenses(filter: $filter, orderBy: {field: CONSUMED, direction: DESC},
            first: $first, after: $after, last: $last, before: $before) {
            totalCount pageInfo {hasNextPage hasPreviousPage startCursor endCursor}
            nodes {id name value nameSource seats {consumed available}}
        }
    }";
    let licenses = async |variables| data(server, document, variables).await["licenses"].clone();
    let all = licenses(json!({"first": 500})).await;
    let nodes = list(&all["nodes"]);
    assert!(
        nodes.is_sorted_by_key(|license| std::cmp::Reverse(number(&license["seats"]["consumed"])))
    );
    let (mut forward, mut after) = (Vec::new(), Value::Null);
    let (mut backward, mut before) = (Vec::new(), Value::Null);
    for _ in 0..nodes.len().div_ceil(3) {
        let page = licenses(json!({"first": 3, "after": after})).await;
        forward.extend_from_slice(list(&page["nodes"]));
        after = page["pageInfo"]["endCursor"].clone();
        let page = licenses(json!({"last": 3, "before": before})).await;
        backward.splice(0..0, list(&page["nodes"]).to_vec());
        before = page["pageInfo"]["startCursor"].clone();
    }
    assert_eq!(forward, nodes);
    assert_eq!(backward, nodes);
    let overdrawn = licenses(json!({"filter": {"available": {"lt": 0}}})).await;
    let expected = nodes
        .iter()
        .filter(|license| license["seats"]["available"].as_i64() < Some(0));
    assert_eq!(number(&overdrawn["totalCount"]), expected.count());
    let e3 = licenses(
        json!({"filter": {"name": {"eq": "microsoft 365 e3"}, "value": {"eq": "spe_e3"}}}),
    )
    .await;
    assert_eq!(number(&e3["totalCount"]), 1);
    assert_eq!(e3["nodes"][0]["nameSource"], "CATALOG");
}

async fn the_first_sync_is_in_the_ledger(server: &Server) {
    let document = "query ($tenant: ID) {syncRuns(tenant: $tenant, last: 1) {totalCount nodes {
        trigger state startedAt finishedAt problem tenant {key}
        datasets {dataset state rows quarantinedRows requests problem}
    }}}";
    let runs = data(server, document, json!({})).await["syncRuns"].clone();
    let run = &runs["nodes"][0];
    assert_eq!(run["trigger"], "FIRST");
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(run["tenant"]["key"], "contoso");
    assert!(text(&run["finishedAt"]) >= text(&run["startedAt"]));
    let total = count(server, json!({})).await;
    let rows = |dataset: &str| {
        let parts = list(&run["datasets"]);
        let part = parts.iter().find(|part| part["dataset"] == dataset);
        number(&part.expect("the dataset is in the run")["rows"])
    };
    assert_eq!((rows("ORGANIZATION"), rows("USERS")), (1, total));
    assert!(rows("LICENSES") > 0);
    let nobody = data(server, document, json!({"tenant": "VGVuYW50Om5vYm9keQ"})).await;
    assert_eq!(nobody["syncRuns"], json!({"totalCount": 0, "nodes": []}));
}

async fn a_tenant_says_how_it_stands(server: &Server) {
    let document = "{
        viewer {role tenants {key}}
        tenants {
            id key tenantId name primaryDomain cloud connection problem userCount dataAsOf
            capabilities {dataset state asOf remedy} lastSync {state}
        }
        users {totalCount}
    }";
    let answer = data(server, document, json!({})).await;
    assert_eq!(
        answer["viewer"],
        json!({"role": "ADMIN", "tenants": [{"key": "contoso"}]})
    );
    let tenant = &answer["tenants"][0];
    assert_eq!(tenant["key"], "contoso");
    assert_eq!(tenant["connection"], "CONNECTED");
    assert_eq!(tenant["problem"], Value::Null);
    assert_eq!(tenant["userCount"], answer["users"]["totalCount"]);
    assert!(tenant["tenantId"].is_string() && tenant["primaryDomain"].is_string());
    assert!(tenant["dataAsOf"].is_string());
    let capabilities = list(&tenant["capabilities"]);
    assert_eq!(capabilities.len(), 19);
    assert!(
        capabilities
            .iter()
            .all(|one| one["state"] == "OK" && one["asOf"].is_string())
    );
    assert!(capabilities.iter().all(|one| one["remedy"] == Value::Null));
}

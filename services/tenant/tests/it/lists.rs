//! Lists of tenants and their pages.

use std::collections::HashMap;

use averis_test_kit::Setup;
use serde_json::Value;

use crate::tools::{TENANTS, command};

#[actix_web::test]
async fn pages_hold_every_tenant_of_the_filter_exactly_once() {
    let platform = Setup::new().await.start(vec![]);
    let mut own = Vec::new();
    for _ in 0..5 {
        let tenant = platform.tenant_of_tier("page", "professional").await;
        let _ = command(&platform, &tenant, "suspend").await.expect(200);
        own.push(tenant.id.to_string());
    }
    // Others of the run may be on the pages too, but none that the filter excludes.
    let other = platform.tenant_of_tier("page", "professional").await;
    let filter = "status=suspended&subscription_tier=professional&limit=2";
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut order: Vec<(String, String)> = Vec::new();
    let mut cursor = String::new();
    loop {
        let address = format!("{TENANTS}?{filter}{cursor}");
        let page = platform.client.get(&address);
        let page = page.await.expect(200);
        let rows = page.body["data"].as_array().expect("rows");
        assert!(rows.len() <= 2);
        for row in rows {
            assert_eq!(row["status"], "suspended");
            assert_eq!(row["subscription_tier"], "professional");
            let text = |name: &str| row[name].as_str().expect("text").to_owned();
            *seen.entry(text("id")).or_default() += 1;
            order.push((text("created_at"), text("id")));
        }
        match &page.body["next_cursor"] {
            Value::Null => break,
            next => cursor = format!("&cursor={}", next.as_str().expect("a cursor")),
        }
    }
    for id in &own {
        assert_eq!(seen.get(id), Some(&1));
    }
    assert!(seen.values().all(|times| *times == 1));
    assert!(!seen.contains_key(&other.id.to_string()));
    assert!(order.is_sorted());
}

#[actix_web::test]
async fn a_cursor_fits_only_the_list_that_it_came_from() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let _globex = platform.tenant("globex").await;
    let address = format!("{TENANTS}?status=active&limit=1");
    let page = platform.client.get(&address);
    let page = page.await.expect(200);
    let cursor = page.body["next_cursor"].as_str().expect("more rows");
    let own = format!("{TENANTS}?status=active&limit=3&cursor={cursor}");
    let _ = platform.client.get(&own).await.expect(200);
    for query in [
        format!("cursor={cursor}"),
        format!("status=suspended&cursor={cursor}"),
        format!("status=active&subscription_tier=starter&cursor={cursor}"),
        format!("status=active&cursor={cursor}A"),
        format!("status=active&cursor={}", &cursor[1..]),
        format!("status=active&cursor={}", cursor.to_uppercase()),
        "status=active&cursor=".to_owned(),
        "status=active&cursor=%00".to_owned(),
        "status=active&cursor=bm90aGluZw".to_owned(),
    ] {
        let answer = platform.client.get(&format!("{TENANTS}?{query}")).await;
        answer.expect_problem(400, "invalid_cursor");
    }
    let foreign = acme.client.get(&own).await;
    foreign.expect_problem(400, "invalid_cursor");
}

#[actix_web::test]
async fn a_query_that_the_list_does_not_know_is_refused() {
    let platform = Setup::new().await.start(vec![]);
    for query in [
        "colour=red",
        "state=active",
        "key=%00",
        "key=No-Key",
        "status=nonsense",
        "status=%00",
        "status=%FF",
        "status=",
        "subscription_tier=gold",
        "subscription_tier=';DROP%20TABLE%20tenants",
        "status=active&status=closing",
        "limit=ten",
        "limit=-1",
        "limit=1.5",
        "limit=%00",
        "limit=99999999999999999999",
    ] {
        let answer = platform.client.get(&format!("{TENANTS}?{query}")).await;
        answer.expect_problem(400, "invalid_query");
    }
}

#[actix_web::test]
async fn a_tenant_is_found_by_its_key() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let by_key = format!("{TENANTS}?key={}", acme.key);
    let found = platform.client.get(&by_key).await.expect(200);
    assert_eq!(found.body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(found.body["data"][0]["id"], acme.id.to_string());
    let foreign = globex.client.get(&by_key).await.expect(200);
    assert_eq!(foreign.body["data"].as_array().map(Vec::len), Some(0));
}

#[actix_web::test]
async fn a_page_has_between_1_and_250_rows() {
    let platform = Setup::new().await.start(vec![]);
    for bad in [0, 251, u32::MAX] {
        let answer = platform.client.get(&format!("{TENANTS}?limit={bad}")).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/limit");
    }
    for good in [1, 250] {
        let address = format!("{TENANTS}?limit={good}");
        let answer = platform.client.get(&address);
        let rows = answer.await.expect(200).body["data"]
            .as_array()
            .map(Vec::len);
        assert!(rows.is_some_and(|rows| rows <= good));
    }
}

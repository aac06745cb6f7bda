//! Nobody sees or changes another tenant's things (checklist S29, S30; the host, the path and the header alike).

use averis_tenant_context::TenantRole;
use averis_test_kit::{Answer, Client, TestPlatform, TestTenant, told_apart};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{Call, operations, prepare};
use crate::setup::{import, path, platform, sellable};

const ACME: &str = "CANARY-acme";
const GLOBEX: &str = "CANARY-globex";

/// The three ways to name a tenant.
const WAYS: [&str; 3] = ["host", "path", "header"];

/// Begins a call of `address` as an admin of a tenant that is named in that way.
fn begin(
    platform: &TestPlatform,
    way: &str,
    tenant: &TestTenant,
    call: &Call,
    address: &str,
) -> RequestBuilder {
    let method = call.method.clone();
    let elsewhere = platform.client.with_token(tenant.client.token());
    match way {
        "host" => tenant.client.request(method, address),
        "path" => elsewhere.request(method, &format!("/t/{}{address}", tenant.key)),
        "header" => {
            let request = elsewhere.request(method, address);
            request.header("x-tenant-id", tenant.key.as_str())
        }
        other => panic!("no way {other}"),
    }
}

fn assert_no_canary(answer: &Answer, place: &str) {
    let text = format!("{} {:?}", answer.text, answer.headers).to_lowercase();
    assert!(
        !text.contains(&ACME.to_lowercase()),
        "{place} shows acme's data: {text}"
    );
}

async fn watched(client: &Client, call: &Call) -> Vec<(String, Option<String>)> {
    let mut seen = Vec::new();
    for place in &call.watch {
        let answer = client.get(place).await.expect(200);
        let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok());
        seen.push((answer.text.clone(), tag.map(str::to_owned)));
    }
    seen
}

/// Counts the rows of all tables of a tenant, but for the remembered answers.
async fn rows(platform: &TestPlatform, tenant: &TestTenant) -> i64 {
    let admin = platform.database.connect().await;
    let schema = format!("tenant_{}_product", tenant.key);
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = $1";
    let tables = admin.query(tables, &[&schema]).await.expect("tables");
    let names: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    assert!(names.contains(&"products".to_owned()), "{names:?}");
    let mut count = 0;
    for name in names {
        if name == "idempotency_keys" || name.contains("diesel") {
            continue;
        }
        // One row from the beginning, which counts.
        let what = match name.as_str() {
            "product_counts" => "sum(live)::bigint",
            "staging_head" => "sum(seq)::bigint",
            _ => "count(*)",
        };
        let query = format!("SELECT {what} FROM \"{schema}\".\"{name}\"");
        count += admin
            .query_one(&query, &[])
            .await
            .expect("a count")
            .get::<_, i64>(0);
    }
    count
}

#[actix_web::test]
async fn s30_no_operation_reaches_another_tenants_thing_in_any_way() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    // Globex's admin, who names acme.
    let stranger = TestTenant {
        client: acme.client.with_token(globex.client.token()),
        ..acme.clone()
    };
    let at_first = rows(&platform, &globex).await;
    let mut tested = 0;
    for operation in operations()
        .iter()
        .filter(|operation| operation.names_a_thing())
    {
        let call = prepare(&acme.client, operation, ACME).await;
        let place = format!("{} {}", operation.method, operation.path);
        let before = watched(&acme.client, &call).await;
        for way in WAYS {
            let key = Uuid::now_v7().to_string();
            let request = call.send(begin(&platform, way, &globex, &call, &call.path), &key);
            let answer = Answer::of(request.header("x-request-id", "same")).await;
            assert_eq!(answer.status, 404, "{place} by {way}: {}", answer.text);
            assert_no_canary(&answer, &place);
            // S29: nobody can tell another tenant's thing from one that does not exist.
            let key = Uuid::now_v7().to_string();
            let request = call.send(begin(&platform, way, &globex, &call, &call.nowhere), &key);
            let none = Answer::of(request.header("x-request-id", "same")).await;
            assert_eq!(
                (none.status, &none.text),
                (answer.status, &answer.text),
                "{place}"
            );
            let mut headers = [none.headers, answer.headers];
            headers
                .iter_mut()
                .for_each(|headers| drop(headers.remove("date")));
            assert_eq!(headers[0], headers[1], "{place}");
            let key = Uuid::now_v7().to_string();
            let request = call.send(begin(&platform, way, &stranger, &call, &call.path), &key);
            let refused = Answer::of(request).await;
            refused.expect_problem(403, "wrong_tenant");
            assert_no_canary(&refused, &place);
        }
        assert_eq!(
            watched(&acme.client, &call).await,
            before,
            "{place} changed acme's thing"
        );
        // The same call is good: only the tenant was another.
        let key = Uuid::now_v7().to_string();
        let answer = call.make(&acme.client, &key).await;
        assert!(
            (200..300).contains(&answer.status),
            "{place}: {}",
            answer.text
        );
        tested += 1;
    }
    assert!(tested >= 24, "only {tested} operations");
    assert_eq!(
        rows(&platform, &globex).await,
        at_first,
        "a call left rows with globex"
    );
    assert!(rows(&platform, &acme).await > 50);
}

#[actix_web::test]
async fn s30_no_list_search_or_export_shows_another_tenants_rows() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    for (tenant, mark) in [(&acme, ACME), (&globex, GLOBEX)] {
        for operation in operations()
            .iter()
            .filter(|operation| operation.method == "POST")
        {
            let call = prepare(&tenant.client, operation, mark).await;
            let key = Uuid::now_v7().to_string();
            let answer = call.make(&tenant.client, &key).await;
            assert!(
                (200..300).contains(&answer.status),
                "{}: {}",
                operation.path,
                answer.text
            );
        }
        let file = format!("Handle,Title\n{},{mark}\nbroken,\n", mark.to_lowercase());
        import(&tenant.client, file).await;
    }
    let empty = platform.tenant("empty").await;
    let mut tested = 0;
    for operation in operations() {
        if operation.method != "GET" || operation.names_a_thing() {
            continue;
        }
        let call = prepare(&acme.client, &operation, ACME).await;
        let own = call.make(&acme.client, "").await.expect(200);
        let shows = own.text.to_lowercase().contains(&ACME.to_lowercase());
        // A job says what its file is called and how much was in it, and the trail which things were changed; neither
        // says anything of what.
        let tells_less = ["/imports", "/audit-events"];
        assert!(
            shows || tells_less.iter().any(|end| operation.path.ends_with(end)),
            "{}: {}",
            operation.path,
            own.text
        );
        let rows = own.body["data"].as_array().into_iter().flatten();
        let ids: Vec<&str> = rows
            .flat_map(|row| [&row["id"], &row["entity_id"], &row["product_id"]])
            .filter_map(Value::as_str)
            .collect();
        let of_own = |text: &str| ids.iter().any(|id| text.contains(id));
        assert!(own.body.is_null() || of_own(&own.text), "{}", own.text);
        for tenant in [&globex, &empty] {
            for way in WAYS {
                let request = call.send(begin(&platform, way, tenant, &call, &call.path), "");
                let answer = Answer::of(request).await.expect(200);
                assert_no_canary(&answer, &operation.path);
                assert!(!of_own(&answer.text), "{}: {}", operation.path, answer.text);
                let from_the_start = [
                    "/attribute-definitions",
                    "/data-dictionary",
                    "/audit-events",
                ];
                let has_own = from_the_start
                    .iter()
                    .any(|end| operation.path.ends_with(end));
                if tenant.key == empty.key && !answer.body.is_null() && !has_own {
                    assert_eq!(answer.body["data"], json!([]), "{}", operation.path);
                }
                let stranger = TestTenant {
                    client: acme.client.with_token(tenant.client.token()),
                    ..acme.clone()
                };
                let request = call.send(begin(&platform, way, &stranger, &call, &call.path), "");
                let refused = Answer::of(request).await;
                refused.expect_problem(403, "wrong_tenant");
                assert_no_canary(&refused, &operation.path);
            }
        }
        tested += 1;
    }
    assert_eq!(
        tested, 13,
        "lists, searches, the export, the feed and the trail"
    );
}

#[actix_web::test]
async fn the_same_names_are_free_in_each_tenant() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let mut products = Vec::new();
    let person = Uuid::now_v7();
    for tenant in [&acme, &globex] {
        let made = sellable(&tenant.client, "same").await;
        products.push((tenant, made.id()));
        let category = json!({"code": "same", "name": "n"});
        tenant
            .client
            .post(&path("/categories"), &category)
            .await
            .expect(201);
        let attribute = json!({"code": "same", "label": "n", "type": "text"});
        tenant
            .client
            .post(&path("/attribute-definitions"), &attribute)
            .await
            .expect(201);
        // The same idempotency key of the same person is another one in each tenant.
        let body = json!({"key": "once", "name": tenant.key});
        let token = platform.token_of(person, tenant.id, &[TenantRole::TenantAdmin]);
        let answer = tenant
            .client
            .with_token(&token)
            .post_as("one-key", &path("/products"), &body)
            .await
            .expect(201);
        assert_eq!(answer.body["name"], tenant.key.as_str());
    }
    for (tenant, id) in products {
        let read = tenant
            .client
            .get(&path("/products/key=same"))
            .await
            .expect(200);
        assert_eq!(read.id(), id);
        let batch = tenant
            .client
            .get(&path("/variants?sku=SAME"))
            .await
            .expect(200);
        assert_eq!(batch.body["data"][0]["product_id"], id.as_str());
    }
}

#[actix_web::test]
async fn two_names_of_different_tenants_in_one_request_reach_neither() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    sellable(&acme.client, "only").await;
    let list = path("/products");
    let get = reqwest::Method::GET;
    for request in [
        acme.client
            .request(get.clone(), &list)
            .header("x-tenant-id", globex.key.as_str()),
        acme.client
            .request(get.clone(), &format!("/t/{}{list}", globex.key)),
        platform
            .client
            .request(get.clone(), &format!("/t/{}{list}", acme.key))
            .header("x-tenant-id", globex.key.as_str()),
        platform
            .client
            .request(get.clone(), &list)
            .header("x-tenant-id", acme.key.as_str())
            .header("x-tenant-id", globex.key.as_str()),
    ] {
        Answer::of(request)
            .await
            .expect_problem(400, "tenant_mismatch");
    }
    // Where no tenant is named nobody may do anything with products.
    for client in [
        &platform.client,
        &platform.client.with_token(acme.client.token()),
    ] {
        let none = client.get(&list).await;
        none.expect_problem(403, "forbidden");
        assert_eq!(none.body["permission"], "product:read");
    }
    let unknown = platform.under("nobody").get(&list).await;
    unknown.expect_problem(400, "invalid_tenant");
}

#[actix_web::test]
async fn a_category_of_another_tenant_cannot_be_named() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let body = json!({"code": "c", "name": "C"});
    let category = acme
        .client
        .post(&path("/categories"), &body)
        .await
        .expect(201)
        .id();
    let body = json!({"key": "k", "name": "n", "category_ids": [category]});
    let answer = globex.client.post(&path("/products"), &body).await;
    answer.expect_problem(422, "unknown_category");
    let body = json!({"code": "d", "name": "D", "parent_id": category});
    let answer = globex.client.post(&path("/categories"), &body).await;
    answer.expect_problem(422, "invalid");
}

#[actix_web::test]
async fn s29_another_tenants_product_takes_as_long_as_none() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let foreign = sellable(&globex.client, "theirs").await.id();
    let own = sellable(&acme.client, "ours").await.id();
    let unknown = Uuid::now_v7().to_string();
    let ask = async |id: &str, status: u16| {
        let address = path(&format!("/products/{id}"));
        let _ = acme.client.get(&address).await.expect(status);
    };
    ask(&own, 200).await;
    let apart = told_apart(
        1_000,
        async || ask(&foreign, 404).await,
        async || ask(&unknown, 404).await,
    );
    let apart = apart.await;
    assert!(apart < 5.0, "{apart} standard deviations");
    // What is there, with its parts, takes two queries more: the measure does see a difference.
    let whole = format!("{own}?expand=variants,media");
    let control = told_apart(
        1_000,
        async || ask(&whole, 200).await,
        async || ask(&unknown, 404).await,
    );
    let control = control.await;
    assert!(control > 5.0, "only {control} standard deviations");
}

//! What an answer must not tell.

use averis_test_kit::{Answer, Client, Setup, told_apart, unique_key};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::tools::{TENANTS, command, get_as, path};

const ID: &str = "the-same-request-id";

/// An answer without what differs by the moment: status, other headers, body.
fn face(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}

#[actix_web::test]
async fn s29_names_without_a_tenant_cannot_be_told_apart() {
    let platform = Setup::new().await.start(vec![]);
    let purged = platform.tenant("purged").await;
    let _ = command(&platform, &purged, "close").await.expect(200);
    let _ = command(&platform, &purged, "purge").await.expect(200);
    let never = unique_key("never");
    let mut faces = Vec::new();
    for name in [purged.key.as_str(), never.as_str(), "admin", "a--b"] {
        faces.push(face(&get_as(&platform.under(name), ID, TENANTS).await));
        let by_path = format!("/t/{name}{TENANTS}");
        faces.push(face(&get_as(&platform.client, ID, &by_path).await));
        let by_header = platform
            .client
            .request(Method::GET, TENANTS)
            .header("x-request-id", ID)
            .header("x-tenant-id", name);
        faces.push(face(&Answer::of(by_header).await));
    }
    assert_eq!(faces[0].0, 400);
    for other in &faces {
        assert_eq!(other, &faces[0]);
    }
}

async fn ask(client: &Client, method: Method, path: &str, body: &serde_json::Value) -> Answer {
    let request = client
        .request(method, path)
        .header("x-request-id", ID)
        .header("idempotency-key", Uuid::now_v7().to_string())
        .header("if-match", "\"1\"")
        .json(body);
    Answer::of(request).await
}

#[actix_web::test]
async fn s29_another_tenants_id_is_as_unknown_as_any() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let before = platform.client.get(&path(&globex, "")).await.expect(200);
    for (method, rest, body) in [
        (Method::GET, "", json!({})),
        (Method::GET, "/purge-certificate", json!({})),
        (Method::PATCH, "", json!({"name": "Mine"})),
        (
            Method::POST,
            "/change-subdomain",
            json!({"subdomain": unique_key("mine")}),
        ),
        (Method::POST, "/suspend", json!({})),
        (Method::POST, "/resume", json!({})),
        (Method::POST, "/close", json!({})),
        (Method::POST, "/purge", json!({"confirm_key": globex.key})),
    ] {
        let of = |id: Uuid| format!("{TENANTS}/{id}{rest}");
        let foreign = ask(&acme.client, method.clone(), &of(globex.id), &body).await;
        foreign.expect_problem(404, "not_found");
        let random = ask(&acme.client, method.clone(), &of(Uuid::now_v7()), &body).await;
        assert_eq!(face(&foreign), face(&random), "{method} {rest}");
        let random_id = of(Uuid::now_v7());
        let platform_random = ask(&platform.client, method.clone(), &random_id, &body);
        assert_eq!(
            face(&platform_random.await),
            face(&random),
            "{method} {rest}"
        );
    }
    let after = platform.client.get(&path(&globex, "")).await.expect(200);
    assert_eq!(after.text, before.text);
}

#[actix_web::test]
async fn s29_names_and_ids_take_as_long_whoever_has_them() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let purged = platform.tenant("purged").await;
    let _ = command(&platform, &purged, "close").await.expect(200);
    let _ = command(&platform, &purged, "purge").await.expect(200);
    let never = unique_key("never");
    let name = async |name: &str| {
        let path = format!("/t/{name}{TENANTS}");
        let _ = platform.client.get(&path).await.expect(400);
    };
    let apart = told_apart(
        1_000,
        async || name(purged.key.as_str()).await,
        async || name(never.as_str()).await,
    );
    let apart = apart.await;
    assert!(apart < 5.0, "names: {apart} standard deviations");
    let id = async |id: Uuid, status: u16| {
        let path = format!("{TENANTS}/{id}");
        let _ = acme.client.get(&path).await.expect(status);
    };
    let nobody = Uuid::now_v7();
    let apart = told_apart(
        1_000,
        async || id(globex.id, 404).await,
        async || id(nobody, 404).await,
    );
    let apart = apart.await;
    assert!(apart < 5.0, "ids: {apart} standard deviations");
    // The own tenant is read from the database: the measure does see a difference.
    let control = told_apart(
        1_000,
        async || id(acme.id, 200).await,
        async || id(nobody, 404).await,
    );
    let control = control.await;
    assert!(control > 5.0, "only {control} standard deviations");
}

#[actix_web::test]
async fn a_request_id_is_given_back_and_stands_in_the_problem() {
    let platform = Setup::new().await.start(vec![]);
    let named = get_as(&platform.client, "call-7", "/api/nothing").await;
    named.expect_problem(404, "no_such_route");
    assert_eq!(named.headers["x-request-id"], "call-7");
    assert_eq!(named.body["trace_id"], "call-7");
    for bad in ["", "with space", &"x".repeat(129)] {
        let answer = get_as(&platform.client, bad, "/api/nothing").await;
        let own = answer.headers["x-request-id"].to_str().expect("text");
        assert!(own.parse::<Uuid>().is_ok(), "{own}");
        assert_eq!(answer.body["trace_id"], own);
    }
}

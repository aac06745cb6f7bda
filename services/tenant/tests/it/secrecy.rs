//! What an answer must not tell.

use averis_test_kit::{Answer, Client, Operation, Setup, told_apart, unique_key};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::openapi::operations;
use crate::tools::{TENANTS, Things, acceptable_body, command, get_as};

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
    let things = Things::of(&platform, &globex).await;
    let before = things.look(&platform, &globex).await;
    let mut asked = 0;
    for operation in operations() {
        if !operation.names_a_thing() {
            continue;
        }
        let Operation { method, path, .. } = &operation;
        let place = format!("{method} {path}");
        let body = match path.rsplit('/').next() {
            Some("purge") => json!({"confirm_key": globex.key}),
            _ => acceptable_body(method, path),
        };
        let ask = async |client: &Client, path: &str| {
            let answer = ask(client, method.clone(), path, &body).await;
            (face(&answer), answer)
        };
        let random = path.replace("{id}", &Uuid::now_v7().to_string());
        let (foreign_face, foreign) = ask(&acme.client, &things.fill(path)).await;
        let (random_face, _) = ask(&acme.client, &random).await;
        assert_eq!(foreign_face, random_face, "{place}");
        if operation.is_for_tenants() {
            foreign.expect_problem(404, "not_found");
        } else {
            // What only the platform may do is refused whatever the id is.
            foreign.expect_problem(403, "forbidden");
        }
        if operation.is_for_the_platform() {
            let (platform_face, unknown) = ask(&platform.client, &random).await;
            unknown.expect_problem(404, "not_found");
            assert!(
                !operation.is_for_tenants() || platform_face == random_face,
                "{place}"
            );
        }
        asked += 1;
    }
    assert!(asked >= 18, "only {asked} operations were asked");
    assert_eq!(things.look(&platform, &globex).await, before);
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

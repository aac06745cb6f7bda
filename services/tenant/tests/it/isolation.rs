//! Asked under one tenant's address, nothing of another can be reached.

use averis_test_kit::{Answer, Client, Operation, Setup};
use reqwest::Method;
use uuid::Uuid;

use crate::openapi::operations;
use crate::tools::{Things, acceptable_body};

/// Asks for an operation on a thing with all that it takes.
async fn ask(client: &Client, operation: &Operation, target: &str) -> Answer {
    let Operation { method, path, .. } = operation;
    let request = client
        .request(method.clone(), target)
        .header("idempotency-key", Uuid::new_v4().to_string())
        .header("if-match", "\"1\"")
        .json(&acceptable_body(method, path));
    Answer::of(request).await
}

#[actix_web::test]
async fn s30_no_operation_of_the_document_reaches_another_tenant() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let own = Things::of(&platform, &acme).await;
    let foreign = Things::of(&platform, &globex).await;
    let before = (
        own.look(&platform, &acme).await,
        foreign.look(&platform, &globex).await,
    );
    let stranger = acme.client.with_token(globex.client.token());
    let mut asked = 0;
    for operation in operations() {
        if !operation.names_a_thing() {
            continue;
        }
        let place = format!("{} {}", operation.method, operation.path);
        let target = foreign.fill(&operation.path);
        let answer = ask(&acme.client, &operation, &target).await;
        if operation.is_for_tenants() {
            answer.expect_problem(404, "not_found");
        } else {
            // Nobody in a tenant may do that, with whichever id.
            answer.expect_problem(403, "forbidden");
            assert_eq!(answer.body["permission"], operation.permissions()[0]);
        }
        let answers = [
            answer,
            ask(&stranger, &operation, &target).await,
            ask(&stranger, &operation, &own.fill(&operation.path)).await,
        ];
        for answer in &answers[1..] {
            answer.expect_problem(403, "wrong_tenant");
        }
        for answer in answers {
            for key in [&acme.key, &globex.key] {
                assert!(
                    !answer.text.contains(key.as_str()),
                    "{place}: {}",
                    answer.text
                );
            }
        }
        // The very same is there for those whom it belongs to.
        if operation.method == Method::GET && operation.is_for_tenants() {
            let _ = globex.client.get(&target).await.expect(200);
        }
        asked += 1;
    }
    assert!(asked >= 18, "only {asked} operations were asked");
    let after = (
        own.look(&platform, &acme).await,
        foreign.look(&platform, &globex).await,
    );
    assert_eq!(after, before);
}

#[actix_web::test]
async fn s30_no_list_of_the_document_holds_anything_of_another_tenant() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let own = Things::of(&platform, &acme).await;
    let foreign = Things::of(&platform, &globex).await;
    let mut own_seen = 0;
    for operation in operations() {
        if operation.method != Method::GET || operation.names_a_thing() {
            continue;
        }
        let path = operation.path;
        let answer = acme.client.get(&path).await;
        for id in foreign.ids() {
            assert!(
                !answer.text.contains(&id.to_string()),
                "{path}: {}",
                answer.text
            );
        }
        assert!(
            !answer.text.contains(globex.key.as_str()),
            "{path}: {}",
            answer.text
        );
        let holds = |id: &Uuid| answer.text.contains(&id.to_string());
        own_seen += usize::from(own.ids().iter().any(holds));
        let stranger = acme.client.with_token(globex.client.token());
        stranger
            .get(&path)
            .await
            .expect_problem(403, "wrong_tenant");
    }
    assert_eq!(
        own_seen, 8,
        "tenants, members, keys, grants, endpoints, deliveries and the trails"
    );
}

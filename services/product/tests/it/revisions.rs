//! What was launched, and what happens at the same time.

use averis_test_kit::colleague_of;
use futures_util::future::join_all;
use serde_json::json;

use crate::sections::{define, launch, nothing, put};
use crate::setup::{all, approve, command, one_tenant, product_path, section_command, sellable};

#[actix_web::test]
async fn what_was_launched_stays_and_what_changed_since_is_told() {
    let (platform, acme) = one_tenant().await;
    define(&acme, "eccn", "legal", nothing()).await;
    let id = sellable(&acme, "lamp").await.id();
    let address = product_path(&id);
    acme.get(&format!("{address}/diff"))
        .await
        .expect_problem(404, "not_found");
    command(&acme, &id, "launch").await;
    let again = launch(&acme, &id).await;
    again.expect_problem(409, "nothing_to_launch");
    let first = acme.get(&address).await.expect(200).body["launched_rev"].clone();
    let _ = put(&acme, &id, "legal", json!({"eccn": "5A002"}))
        .await
        .expect(200);
    // What is sold is what was launched, until the change is launched too.
    let product = acme.get(&address).await.expect(200);
    assert_eq!(product.body["status"], "active");
    assert_eq!(product.body["launched_rev"], first);
    assert!(product.body["working_rev"].as_i64() > first.as_i64());
    let since = all(&acme, &format!("{address}/diff?from={first}")).await;
    assert_eq!(
        since,
        [json!({"section": "legal", "pointer": "/attributes/eccn", "after": "5A002"})]
    );
    assert_eq!(all(&acme, &format!("{address}/diff")).await, since);
    command(&acme, &id, "launch").await;
    let revisions = all(&acme, &format!("{address}/revisions?limit=1")).await;
    assert_eq!(revisions.len(), 2);
    let second = revisions[0]["rev"].clone();
    let between = format!("{address}/diff?from={second}&to={first}");
    let back = all(&acme, &between).await;
    assert_eq!(
        back,
        [json!({"section": "legal", "pointer": "/attributes/eccn", "before": "5A002"})]
    );
    let one = acme
        .get(&format!("{address}/revisions/{first}"))
        .await
        .expect(200);
    assert_eq!(one.body, revisions[1]);
    for wrong in ["999", "x", "-1"] {
        let answer = acme.get(&format!("{address}/revisions/{wrong}")).await;
        answer.expect_problem(404, "not_found");
    }
    // Not even the database's owner changes one.
    let admin = platform.database.connect().await;
    let schemas = "SELECT schemaname::text FROM pg_tables WHERE tablename = 'product_revisions'";
    let mut tried = 0;
    for row in admin.query(schemas, &[]).await.expect("schemas") {
        let schema: String = row.get(0);
        let own =
            format!("SELECT count(*) FROM {schema}.product_revisions WHERE product_id::text = $1");
        let Ok(found) = admin.query_one(&own, &[&id]).await else {
            continue;
        };
        if found.get::<_, i64>(0) == 0 {
            continue;
        }
        for change in [
            "UPDATE {}.product_revisions SET rev = rev + 100",
            "DELETE FROM {}.product_revisions",
        ] {
            let refused = admin.execute(&change.replace("{}", &schema), &[]).await;
            let refused = refused.expect_err("refused");
            assert_eq!(refused.code().map(|code| code.code()), Some("23001"));
            tried += 1;
        }
    }
    assert_eq!(tried, 2);
}

#[actix_web::test]
async fn of_parallel_launches_one_makes_a_revision() {
    let (_platform, acme) = one_tenant().await;
    let id = sellable(&acme, "lamp").await.id();
    approve(&acme, &id).await;
    let answers = join_all((0..8).map(|_| launch(&acme, &id))).await;
    let launched = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(launched, 1);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 200 | 409 | 412))
    );
    let revisions = all(&acme, &format!("{}/revisions", product_path(&id))).await;
    assert_eq!(revisions.len(), 1);
}

#[actix_web::test]
async fn of_an_edit_and_an_approval_at_once_the_approval_is_never_of_what_was_not_seen() {
    let (_platform, acme) = one_tenant().await;
    define(&acme, "eccn", "legal", nothing()).await;
    let colleague = colleague_of(&acme);
    for round in 0..6 {
        let id = sellable(&acme, &format!("lamp-{round}")).await.id();
        let _ = section_command(&acme, &id, "legal", "submit", &nothing())
            .await
            .expect(200);
        let values = nothing();
        let (edited, approved) = tokio::join!(
            put(&acme, &id, "legal", json!({"eccn": "5A002"})),
            section_command(&colleague, &id, "legal", "approve", &values)
        );
        // One of them may have been too late to have seen the other.
        assert!(matches!(
            (edited.status, approved.status),
            (200, 409 | 412) | (412, 200) | (200, 200)
        ));
        let section = format!("{}/sections", product_path(&id));
        let sections = acme.get(&section).await.expect(200);
        let legal = &sections.body["data"][1];
        let is_edited = legal["content"]["attributes"] != json!({});
        assert!(legal["status"] != "approved" || !is_edited, "{legal}");
    }
}

//! What is forgotten, and what is handed out before.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::setup::{ask, company, member, money, path, platform, prove, unique_email, visitor};

#[actix_web::test]
async fn u7_erasure_leaves_no_personal_field_in_any_table() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let mark = "zqxmark";
    let email = unique_email(mark);
    let ana = visitor(&platform, &acme);
    let contact = json!({"given_name": format!("G{mark}"), "family_name": format!("F{mark}"), "phone": format!("+1 {mark}")});
    let _ = ana
        .post(&path("/visitor/contact"), &contact)
        .await
        .expect(200);
    let address = json!({"name": format!("N{mark}"), "lines": [format!("L{mark}")], "city": format!("C{mark}"),
        "region": format!("R{mark}"), "postal_code": mark, "country": "DE"});
    let _ = ana
        .post(&path("/visitor/addresses"), &address)
        .await
        .expect(201);
    let telemetry = json!({"allowed": true});
    let _ = ana
        .post(&path("/visitor/telemetry"), &telemetry)
        .await
        .expect(200);
    let looked = json!({"events": [{"kind": "searched", "subject": format!("S{mark}")}]});
    let _ = ana
        .post(&path("/visitor/events"), &looked)
        .await
        .expect(201);
    let hot = prove(&platform, &ana, &email, 0).await;
    let id = hot["customer"]["id"].as_str().expect("an id").to_owned();
    // The same person elsewhere, merged; and once more, with a code under way.
    let again = visitor(&platform, &acme);
    let _ = again
        .post(&path("/visitor/contact"), &contact)
        .await
        .expect(200);
    let _ = prove(&platform, &again, &email, 1).await;
    let _ = ask(&again, &email).await.expect(201);
    let _ = ask(&again, &unique_email(&format!("second{mark}")))
        .await
        .expect(201);
    let company = company(staff, "Firm", 1).await;
    member(
        staff,
        &company,
        &id,
        json!(["buyer", "approver"]),
        Value::Null,
    )
    .await;
    // What it has said of what others ordered.
    let bob = prove(
        &platform,
        &visitor(&platform, &acme),
        &unique_email("bob"),
        0,
    )
    .await;
    let bob = bob["customer"]["id"].as_str().expect("an id").to_owned();
    member(staff, &company, &bob, json!(["buyer"]), money(0)).await;
    let order = json!({"company_id": company, "buyer_id": bob, "order_hash": "a".repeat(64), "amount": money(1)});
    let order = staff
        .post(&path("/approvals"), &order)
        .await
        .expect(201)
        .id();
    let said = json!({"comment": format!("{mark} says no")});
    let _ = ana
        .command(&path(&format!("/approvals/{order}/reject")), 1, &said)
        .await
        .expect(200);
    let own = path(&format!("/customers/{id}"));
    let read = staff.get(&own).await.expect(200);
    let patched = staff
        .patch(
            &own,
            read.version(),
            &json!({"phone": format!("+2 {mark}")}),
        )
        .await
        .expect(200);
    let export = staff.get(&format!("{own}/export")).await.expect(200);
    assert_eq!(export.text.matches(mark).count(), 13, "{}", export.text);
    // What other services know: a quote for it, and a promotion that it has used.
    let database = platform.database.connect().await;
    let elsewhere = format!("tenant_{}_pricing", acme.key);
    let quote = format!(
        "INSERT INTO {elsewhere}.price_quotes (id, request, document, hash, expires_at) \
         VALUES (gen_random_uuid(), '{{\"customer_id\":\"{id}\",\"postcode\":\"{mark}\"}}', '{{}}', repeat('0', 64), now())"
    );
    let _ = database.execute(&quote, &[]).await.expect("a quote");
    let found = sweep(&platform, &acme, mark).await;
    assert!(found.len() >= 4, "the sweep finds it before: {found:?}");

    let erase = format!("{own}/erase");
    let reason = json!({"reason": "Ticket 4711"});
    let erased = staff
        .command(&erase, patched.version(), &reason)
        .await
        .expect(200);
    assert_eq!(
        (&erased.body["status"], &erased.body["email"]),
        (&json!("erased"), &Value::Null)
    );
    assert_eq!(
        erased.body["number"], read.body["number"],
        "what documents refer to stays"
    );
    // Other services are told after the commit.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let left = sweep(&platform, &acme, mark).await;
        let elsewhere = left.iter().all(|table| table.starts_with(&elsewhere));
        assert!(
            elsewhere,
            "the service itself has forgotten at once: {left:?}"
        );
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{left:?} is not forgotten");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    staff
        .command(&erase, erased.version(), &reason)
        .await
        .expect_problem(409, "customer_gone");
    // Whoever it was is nobody now, and the address is anybody's to prove.
    ana.get(&path("/visitor"))
        .await
        .expect_problem(404, "not_found");
    let new = visitor(&platform, &acme);
    let other = prove(&platform, &new, &unique_email("new"), 0).await;
    assert_ne!(other["customer"]["id"], json!(id));
}

#[actix_web::test]
async fn u7_erasing_a_claim_takes_nothing_from_whose_address_it_is() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let email = unique_email("bob");
    let (bob, eve) = (visitor(&platform, &acme), visitor(&platform, &acme));
    let claim = json!({"email": email});
    let claimed = eve
        .post(&path("/visitor/contact"), &claim)
        .await
        .expect(200)
        .body;
    let asked = ask(&bob, &email).await.expect(201).id();
    let id = claimed["customer"]["id"].as_str().expect("an id");
    let own = path(&format!("/customers/{id}"));
    let version = acme.client.get(&own).await.expect(200).version();
    let reason = json!({"reason": "x"});
    let _ = acme
        .client
        .command(&format!("{own}/erase"), version, &reason)
        .await
        .expect(200);
    let code = crate::setup::code(&platform, &email, 1).await;
    let _ = crate::setup::confirm(&bob, &asked, &code).await.expect(200);
}

/// Returns the tables of all of a tenant's schemas in which a text stands anywhere.
async fn sweep(
    platform: &averis_test_kit::TestPlatform,
    tenant: &averis_test_kit::TestTenant,
    mark: &str,
) -> Vec<String> {
    let database = platform.database.connect().await;
    let tables = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname LIKE $1 OR schemaname = 'platform_shared'";
    let schemas = format!("tenant\\_{}\\_%", tenant.key);
    let rows = database.query(tables, &[&schemas]).await.expect("tables");
    let mut found = Vec::new();
    for row in rows {
        let table: String = row.get(0);
        // Kept answers are bytes.
        let text = if table.ends_with(".idempotency_keys") {
            "encode(body, 'escape')"
        } else {
            "t::text"
        };
        let sql = format!("SELECT count(*) FROM {table} t WHERE position($1 IN lower({text})) > 0");
        let count: i64 = database
            .query_one(&sql, &[&mark])
            .await
            .expect("a count")
            .get(0);
        if count > 0 {
            found.push(table);
        }
    }
    found
}

//! What payment providers tell: signed, once, in any order.

use averis_test_kit::{Answer, Client, TestTenant};
use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};

use crate::setup::{
    Shop, account, command, draft, drafted, events, order, path, placed, ship, three_lamps,
};

fn event(id: &str, kind: &str, account: &str, object: Value) -> Value {
    json!({"id": id, "object": "event", "type": kind, "account": account, "data": {"object": object}})
}

async fn tell(shop: &Shop, tenant: &TestTenant, body: &str, signature: Option<String>) -> Answer {
    let client: Client = tenant.client.anonymous();
    let address = path("/payment-webhooks/simulator");
    let signature = signature.unwrap_or_else(|| shop.provider.sign(body, Utc::now().timestamp()));
    let request = client
        .request(Method::POST, &address)
        .header("stripe-signature", signature)
        .header("content-type", "application/json")
        .body(body.to_owned());
    Answer::of(request).await
}

#[actix_web::test]
async fn a_forged_webhook_is_refused_and_changes_nothing() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let id = drafted(acme, &draft(&three_lamps(), Some("pm_later")))
        .await
        .expect(201)
        .id();
    let _ = command(acme, &id, "authorise", json!({})).await.expect(202);
    let payment = shop.books(&id)[0].id.clone();
    let object = json!({"id": payment, "amount": 12_495});
    let kind = "payment_intent.amount_capturable_updated";
    let body = event("evt_1", kind, &account(&tenant), object).to_string();
    let now = Utc::now().timestamp();
    for signature in [
        String::new(),
        "t=1,v1=00".to_owned(),
        shop.provider.sign("{}", now),
        shop.provider.sign(&body, now - 301),
        shop.provider.sign(&body, now).replace("v1=", "v0="),
    ] {
        tell(&shop, &tenant, &body, Some(signature))
            .await
            .expect_problem(401, "bad_signature");
    }
    assert_eq!(order(acme, &id).await["status"], "draft");
    // What is signed and about another's account is not this one's to hear, nor what is no event.
    let globex = shop.tenant("globex").await;
    tell(&shop, &globex, &body, None)
        .await
        .expect_problem(404, "not_found");
    for odd in ["x", "{}", "[]", r#"{"id": "", "account": "a"}"#] {
        tell(&shop, &tenant, odd, None)
            .await
            .expect_problem(400, "malformed_body");
    }
    let other = path("/payment-webhooks/nobody");
    acme.post(&other, &json!({}))
        .await
        .expect_problem(404, "not_found");
    let heard = tell(&shop, &tenant, &body, None).await.expect(200).body;
    assert_eq!(heard["new"], true);
    let again = tell(&shop, &tenant, &body, None).await.expect(200).body;
    assert_eq!(again["new"], false);
    assert_eq!(order(acme, &id).await["status"], "placed");
}

#[actix_web::test]
async fn o5_what_is_told_has_the_same_effect_in_any_order() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let own = account(&tenant);
    // Told before the answer, between, and after; and what contradicts it later.
    for (number, order_of) in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ]
    .into_iter()
    .enumerate()
    {
        let id = placed(acme, &three_lamps(), Some("pm_ok")).await;
        let payment = shop.books(&id)[0].id.clone();
        let object = json!({"id": payment, "amount": 12_495, "status": "requires_capture"});
        let kinds = [
            "payment_intent.amount_capturable_updated",
            "payment_intent.payment_failed",
            "payment_intent.canceled",
        ];
        for place in order_of {
            let name = format!("evt_{number}_{place}");
            let body = event(&name, kinds[place], &own, object.clone()).to_string();
            let _ = tell(&shop, &tenant, &body, None).await.expect(200);
        }
        let read = order(acme, &id).await;
        assert_eq!(
            (&read["status"], &read["payment_status"]),
            (&json!("placed"), &json!("authorised")),
            "{order_of:?}"
        );
        let told = events(acme, &id).await;
        assert_eq!(
            told,
            ["order.drafted", "payment.authorised", "order.placed"]
        );
    }
}

#[actix_web::test]
async fn a_webhook_that_comes_before_its_payment_is_known_waits_for_it() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let object = json!({"id": "pi_unknown", "amount": 1});
    let kind = "payment_intent.amount_capturable_updated";
    let body = event("evt_early", kind, &account(&tenant), object).to_string();
    let _ = tell(&shop, &tenant, &body, None).await.expect(200);
    let id = drafted(acme, &draft(&three_lamps(), Some("pm_later")))
        .await
        .expect(201)
        .id();
    let _ = command(acme, &id, "authorise", json!({})).await.expect(202);
    // The provider's name for it becomes known a moment after the provider has told.
    let database = shop.platform.database.connect().await;
    let schema = format!("tenant_{}_oms", tenant.key);
    let rename =
        format!("UPDATE {schema}.payments SET reference = 'pi_unknown' WHERE order_id = '{id}'");
    database.batch_execute(&rename).await.expect("renamed");
    crate::setup::until("it has its effect", async || {
        (order(acme, &id).await["status"] == "placed").then_some(())
    })
    .await;
}

#[actix_web::test]
async fn a_chargeback_is_noted_once_and_touches_no_goods() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let id = placed(acme, &three_lamps(), Some("pm_ok")).await;
    let _ = ship(acme, &id, "PS-1", None).await.expect(201);
    let payment = shop.books(&id)[0].id.clone();
    let object = json!({"id": "dp_1", "payment_intent": payment, "amount": 12_495});
    for name in ["evt_d1", "evt_d2"] {
        let body = event(
            name,
            "charge.dispute.created",
            &account(&tenant),
            object.clone(),
        );
        let _ = tell(&shop, &tenant, &body.to_string(), None)
            .await
            .expect(200);
    }
    let read = order(acme, &id).await;
    assert_eq!(
        (&read["payment_status"], &read["fulfilment_status"]),
        (&json!("refunded"), &json!("fulfilled"))
    );
    assert_eq!(read["payment"]["charged_back"]["amount"], 12_495);
}

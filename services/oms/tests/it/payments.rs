//! How orders are paid, whatever the provider does.

use averis_payment_simulator::Behaviour;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::setup::{
    Shop, command, draft, drafted, eur, events, order, path, placed, ship, three_lamps, until,
};

#[actix_web::test]
async fn c4_what_is_authorised_is_the_order_s_total_and_is_authorised_once() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let body = draft(&three_lamps(), Some("pm_ok"));
    let id = drafted(&acme, &body).await.expect(201).id();
    let all = join_all((0..16).map(|_| command(&acme, &id, "authorise", json!({})))).await;
    for answer in &all {
        assert!([200, 202].contains(&answer.status), "{}", answer.text);
    }
    let read = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&read["status"], &read["payment_status"]),
        (&json!("placed"), &json!("authorised"))
    );
    let known = shop.books(&id);
    assert_eq!(known.len(), 1, "one payment: {known:?}");
    assert_eq!(
        (known[0].amount, known[0].currency.as_str()),
        (12_495, "eur")
    );
    assert_eq!(read["payment"]["reference"], json!(known[0].id));
    assert_eq!(read["payment"]["authorised"], eur(12_495));
}

#[actix_web::test]
async fn a_declined_payment_places_nothing() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = drafted(&acme, &draft(&three_lamps(), Some("pm_declined")))
        .await
        .expect(201)
        .id();
    for _ in 0..2 {
        let refused = command(&acme, &id, "authorise", json!({})).await;
        refused.expect_problem(402, "payment_declined");
        assert_eq!(refused.body["failure"], "insufficient_funds");
    }
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["status"], &read["payment_status"]),
        (&json!("draft"), &json!("failed"))
    );
    assert_eq!(shop.books(&id).len(), 1);
}

#[actix_web::test]
async fn a_silent_provider_is_asked_again_as_the_same_and_never_pays_twice() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    for token in ["pm_silent", "pm_broken"] {
        let id = drafted(&acme, &draft(&three_lamps(), Some(token)))
            .await
            .expect(201)
            .id();
        let waiting = command(&acme, &id, "authorise", json!({}))
            .await
            .expect(202)
            .body;
        assert_eq!(waiting["status"], "draft", "nothing is known yet");
        assert_eq!(shop.books(&id).len(), 1, "and yet it was done");
        // Whoever waits may ask again.
        let placed = command(&acme, &id, "authorise", json!({}))
            .await
            .expect(200)
            .body;
        assert_eq!(placed["payment_status"], "authorised");
        assert_eq!(shop.books(&id).len(), 1, "{token}");
    }
    let id = drafted(&acme, &draft(&three_lamps(), Some("pm_silent")))
        .await
        .expect(201)
        .id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(202);
    until("it is gone on with", async || {
        (order(&acme, &id).await["status"] == "placed").then_some(())
    })
    .await;
    assert_eq!(shop.books(&id).len(), 1);
}

#[actix_web::test]
async fn a_late_yes_does_not_bring_back_what_was_given_up() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = drafted(&acme, &draft(&three_lamps(), Some("pm_later")))
        .await
        .expect(201)
        .id();
    let waiting = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(202)
        .body;
    assert_eq!(waiting["payment_status"], "none");
    // The buyer has said yes at the provider, and nobody has been told when the order is given up.
    assert!(shop.provider.confirm(&shop.books(&id)[0].id));
    let gone = json!({"reason": "The checkout has failed"});
    let gone = command(&acme, &id, "cancel", gone).await.expect(200);
    assert_eq!(gone.body["status"], "cancelled");
    until("what was authorised is let go", async || {
        (shop.books(&id)[0].status == "canceled").then_some(())
    })
    .await;
    let told = events(&acme, &id).await;
    assert!(!told.contains(&"order.placed".to_owned()), "{told:?}");
    assert_eq!(order(&acme, &id).await["status"], "cancelled");
}

#[actix_web::test]
async fn a_buyer_who_says_yes_later_has_its_order_placed_by_the_webhook() {
    let shop = Shop::with(Behaviour {
        seed: 7,
        twice: 1_000,
        ..Behaviour::default()
    })
    .await;
    let tenant = shop.tenant("acme").await;
    shop.listen(&tenant);
    let acme = &tenant.client;
    let id = drafted(acme, &draft(&three_lamps(), Some("pm_later")))
        .await
        .expect(201)
        .id();
    let _ = command(acme, &id, "authorise", json!({})).await.expect(202);
    let payment = shop.books(&id)[0].id.clone();
    assert!(shop.provider.confirm(&payment));
    until("the order is placed", async || {
        (order(acme, &id).await["status"] == "placed").then_some(())
    })
    .await;
    let told = events(acme, &id).await;
    let placed = told.iter().filter(|kind| *kind == "order.placed").count();
    assert_eq!(placed, 1, "{told:?}");
}

#[actix_web::test]
async fn without_an_account_nothing_is_paid_online() {
    let shop = Shop::start().await;
    let acme = shop.platform.tenant("acme").await.client;
    let order = draft(&three_lamps(), Some("pm_ok"));
    drafted(&acme, &order)
        .await
        .expect_problem(409, "provider_not_set_up");
    // Nor through an account that is another tenant's, whoever is first.
    let globex = shop.tenant("globex").await;
    let account = json!({"provider": "simulator", "account": crate::setup::account(&globex)});
    acme.post(&path("/payment-accounts"), &account)
        .await
        .expect_problem(409, "account_taken");
    // Nor at a provider that the installation does not have.
    let account = json!({"provider": "stripe", "account": "acct_1"});
    acme.post(&path("/payment-accounts"), &account)
        .await
        .expect_problem(409, "provider_not_set_up");
}

#[actix_web::test]
async fn a_transfer_counts_once_and_says_how_far_the_order_is_paid() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let draft = drafted(&acme, &draft(&three_lamps(), None))
        .await
        .expect(201)
        .id();
    let pay = async |id: &str, amount: i64, reference: &str| {
        let body = json!({"amount": eur(amount), "reference": reference});
        command(&acme, id, "payments", body).await
    };
    pay(&draft, 1, "x")
        .await
        .expect_problem(409, "invalid_transition");
    let id = placed(&acme, &three_lamps(), None).await;
    let partly = pay(&id, 2_495, "bank 1").await.expect(200).body;
    assert_eq!(partly["payment_status"], "partially_paid");
    let again = pay(&id, 2_495, "bank 1").await.expect(200).body;
    assert_eq!(again["payment"]["captured"], eur(2_495));
    pay(&id, 2_496, "bank 1")
        .await
        .expect_problem(409, "reference_taken");
    let paid = pay(&id, 10_000, "bank 2").await.expect(200).body;
    assert_eq!(paid["payment_status"], "paid");
    let over = pay(&id, 1, "bank 3").await.expect(200).body;
    assert_eq!(over["payment_status"], "overcharged");
    // Nobody transfers what a provider takes.
    let online = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    pay(&online, 1, "x")
        .await
        .expect_problem(409, "invalid_transition");
    let _ = ship(&acme, &id, "PS-1", None).await.expect(201);
    assert_eq!(shop.books(&id).len(), 0, "no provider is asked");
}

#[actix_web::test]
async fn o8_the_money_of_an_order_replays_to_what_the_order_says() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    // Adds up what became of each transaction once none is open, and compares it with what the order says.
    let replayed = async |wanted: &str| {
        let read = until("nothing is open", async || {
            let address = path(&format!("/orders/{id}/transactions"));
            let all = acme.get(&address).await.expect(200).body["data"].clone();
            let all = all.as_array().expect("a list").clone();
            let is_final = |one: &Value| one["state"] == "success" || one["state"] == "failure";
            let read = order(&acme, &id).await;
            (all.iter().all(is_final) && read["payment_status"] == wanted).then_some((all, read))
        });
        let (all, read) = read.await;
        for (kind, name) in [
            ("authorise", "authorised"),
            ("capture", "captured"),
            ("void", "voided"),
            ("refund", "refunded"),
        ] {
            let own = all
                .iter()
                .filter(|one| one["kind"] == kind && one["state"] == "success");
            let sum: i64 = own
                .map(|one| one["amount"]["amount"].as_i64().expect("an amount"))
                .sum();
            assert_eq!(eur(sum), read["payment"][name], "{wanted}: {name}");
        }
    };
    replayed("authorised").await;
    let _ = ship(&acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    replayed("partially_paid").await;
    let rest = json!({"reason": "Too late"});
    let _ = command(&acme, &id, "cancel", rest).await.expect(200);
    replayed("paid").await;
    for (reference, amount, wanted) in [
        ("r1", 100, "partially_refunded"),
        ("r2", 200, "partially_refunded"),
    ] {
        let body = json!({"amount": eur(amount), "reason": "A scratch", "reference": reference});
        let _ = command(&acme, &id, "refunds", body).await.expect(200);
        replayed(wanted).await;
    }
}

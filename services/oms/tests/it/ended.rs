//! Authorisations that providers let go by themselves.

use serde_json::json;

use crate::setup::{
    Shop, command, draft, drafted, eur, events, order, path, placed, ship, three_lamps, until,
};

#[actix_web::test]
async fn o6_what_is_not_sent_is_held_when_its_authorisation_has_ended() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    shop.listen(&tenant);
    let acme = &tenant.client;
    let id = placed(acme, &three_lamps(), Some("pm_ok")).await;
    assert!(shop.provider.end(&shop.books(&id)[0].id));
    until("it is held", async || {
        (order(acme, &id).await["status"] == "on_hold").then_some(())
    })
    .await;
    let read = order(acme, &id).await;
    assert_eq!(
        (&read["hold_reason"], &read["payment"]["voided"]),
        (
            &json!("The authorisation of its payment has ended"),
            &eur(12_495)
        )
    );
    ship(acme, &id, "PS-1", None)
        .await
        .expect_problem(409, "invalid_transition");
    // Somebody decides that it is sent all the same: then it is owed, and nobody is asked for what is not authorised.
    let address = path(&format!("/orders/{id}/release"));
    let version = read["version"].as_i64().expect("a version");
    let _ = acme
        .command(&address, version, &json!({}))
        .await
        .expect(200);
    let _ = ship(acme, &id, "PS-1", None).await.expect(201);
    let read = order(acme, &id).await;
    assert_eq!(
        (&read["fulfilment_status"], &read["payment_status"]),
        (&json!("fulfilled"), &json!("voided"))
    );
    let all = acme
        .get(&path(&format!("/orders/{id}/transactions")))
        .await
        .expect(200)
        .body;
    let told: Vec<_> = all["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["kind"].clone(),
                one["state"].clone(),
                one["failure"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (json!("authorise"), json!("success"), json!(null)),
            (json!("void"), json!("success"), json!(null)),
            (json!("capture"), json!("failure"), json!("not_authorised")),
        ]
    );
    let kinds = events(acme, &id).await;
    for kind in [
        "payment.voided",
        "order.held",
        "order.released",
        "payment.capture_failed",
    ] {
        assert!(kinds.iter().any(|one| one == kind), "{kind}: {kinds:?}");
    }
}

#[actix_web::test]
async fn an_old_authorisation_is_looked_at_though_nobody_has_told_that_it_has_ended() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let (gone, there) = (
        placed(acme, &three_lamps(), Some("pm_ok")).await,
        placed(acme, &three_lamps(), Some("pm_ok")).await,
    );
    assert!(shop.provider.end(&shop.books(&gone)[0].id));
    let database = shop.platform.database.connect().await;
    let days = format!(
        "UPDATE tenant_{}_oms.payments SET look_at = look_at - interval '6 days'",
        tenant.key
    );
    assert_eq!(database.execute(&days, &[]).await.expect("six days"), 2);
    // Whatever makes the service look after the tenant's payments makes it look at these.
    let open = drafted(acme, &draft(&three_lamps(), Some("pm_later"))).await;
    let open = open.expect(201).id();
    let _ = command(acme, &open, "authorise", json!({}))
        .await
        .expect(202);
    until("it is held", async || {
        (order(acme, &gone).await["status"] == "on_hold").then_some(())
    })
    .await;
    let next = format!(
        "SELECT look_at > now() FROM tenant_{}_oms.payments WHERE order_id = $1::text::uuid",
        tenant.key
    );
    let looked = until("the other is looked at too", async || {
        let row = database.query_one(&next, &[&there]).await.expect("a row");
        row.get::<_, bool>(0).then_some(())
    });
    looked.await;
    let read = order(acme, &there).await;
    assert_eq!(
        (&read["status"], &read["payment_status"]),
        (&json!("placed"), &json!("authorised"))
    );
}

#[actix_web::test]
async fn what_is_left_of_an_authorisation_ends_too_and_a_hold_says_so() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    shop.listen(&tenant);
    let acme = &tenant.client;
    let id = placed(acme, &three_lamps(), Some("pm_ok")).await;
    let _ = ship(acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    // It is held already, for something else.
    let read = order(acme, &id).await;
    let version = read["version"].as_i64().expect("a version");
    let address = path(&format!("/orders/{id}/hold"));
    let why = json!({"reason": "Address to be checked"});
    let _ = acme.command(&address, version, &why).await.expect(200);
    assert!(shop.provider.end(&shop.books(&id)[0].id));
    until("the reason says it", async || {
        let reason = order(acme, &id).await["hold_reason"].clone();
        (reason == "The authorisation of its payment has ended. Address to be checked")
            .then_some(())
    })
    .await;
    let read = order(acme, &id).await;
    let [captured, voided] =
        ["captured", "voided"].map(|name| read["payment"][name]["amount"].as_i64().expect("cents"));
    assert!(captured > 0 && voided > 0);
    assert_eq!(captured + voided, 12_495);
}

#[actix_web::test]
async fn what_is_being_let_go_is_let_go_once() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let id = placed(acme, &three_lamps(), Some("pm_ok")).await;
    shop.provider.be_away(true);
    let read = order(acme, &id).await;
    let version = read["version"].as_i64().expect("a version");
    let why = json!({"reason": "Not wanted"});
    let cancel = path(&format!("/orders/{id}/cancel"));
    let _ = acme.command(&cancel, version, &why).await.expect(200);
    // While nobody knows whether the provider has let it go, it is looked at; and the provider has.
    assert!(shop.provider.end(&shop.books(&id)[0].id));
    let database = shop.platform.database.connect().await;
    let now = format!(
        "UPDATE tenant_{}_oms.payments SET look_at = now()",
        tenant.key
    );
    assert_eq!(database.execute(&now, &[]).await.expect("now"), 1);
    shop.provider.be_away(false);
    until("it is let go", async || {
        let read = order(acme, &id).await;
        (read["payment"]["voided"] == eur(12_495)).then_some(())
    })
    .await;
    until("nothing is open", async || {
        let sql = format!(
            "SELECT count(*) FROM tenant_{}_oms.payment_transactions WHERE state IN ('initial', 'pending')",
            tenant.key
        );
        let row = database.query_one(&sql, &[]).await.expect("a count");
        (row.get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    assert_eq!(order(acme, &id).await["payment"]["voided"], eur(12_495));
}

#[actix_web::test]
async fn yen_and_dinars_reach_the_provider_in_their_own_minor_units() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    for (code, net) in [("JPY", 1_190), ("KWD", 11_900), ("EUR", 1_190)] {
        let amount = |amount: i64| json!({"amount": amount, "currency": code});
        let mut lines = three_lamps();
        for line in &mut lines {
            line["net"] = amount(net);
            line["tax"] = amount(0);
            line["tax_rate"] = json!("0");
        }
        let id = placed(&acme, &lines, Some("pm_ok")).await;
        let asked = &shop.books(&id)[0];
        assert_eq!(
            (asked.amount, asked.currency.as_str()),
            (2 * net, code.to_ascii_lowercase().as_str())
        );
    }
}

//! Carts that nobody has touched for long.

use averis_test_kit::webhooks::Hearer;
use serde_json::json;

use crate::setup::{Platform, cart, complete, path, until};

#[actix_web::test]
async fn a_cart_that_nobody_has_touched_for_long_is_over() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let hearer = Hearer::start(&shop.staff).await;
    let (ana, ben, cem) = (
        platform.shopper(&shop),
        platform.shopper(&shop),
        platform.shopper(&shop),
    );
    let idle = cart(&ana, &[("LAMP", 1)]).await;
    let old = cart(&ben, &[("LAMP", 1)]).await;
    let bought = cart(&cem, &[("LAMP", 1)]).await;
    let _ = complete(&cem, &bought, Some("pm_later")).await.expect(202);
    // All have begun long ago; one was touched since, and one is being bought.
    let database = platform.platform.database.connect().await;
    let carts = format!("tenant_{}_ecomm.carts", shop.tenant.key);
    for (id, touched) in [(&idle, 31), (&old, 29), (&bought, 31)] {
        let past = format!(
            "UPDATE {carts} SET created_at = now() - interval '60 days', updated_at = now() - interval '{touched} days' WHERE id = '{id}'"
        );
        assert_eq!(database.execute(&past, &[]).await.expect("changed"), 1);
    }
    let state = async |shopper: &averis_test_kit::Client, id: &str| {
        let found = shopper.get(&path(&format!("/carts/{id}"))).await;
        found.expect(200).body["state"].clone()
    };
    until("it is over", async || {
        (state(&ana, &idle).await == "expired").then_some(())
    })
    .await;
    let told = hearer.heard("cart.expired", 1).await;
    assert_eq!(told[0]["id"], idle);
    assert_eq!(state(&ben, &old).await, "active");
    assert_eq!(state(&cem, &bought).await, "locked");
    let line = json!({"sku": "BULB", "quantity": 1});
    ana.post(&path(&format!("/carts/{idle}/lines")), &line)
        .await
        .expect_problem(409, "cart_expired");
    complete(&ana, &idle, Some("pm_ok"))
        .await
        .expect_problem(409, "cart_expired");
    let next = cart(&ana, &[("LAMP", 1)]).await;
    assert_ne!(next, idle);
    let _ = complete(&ana, &next, Some("pm_ok")).await.expect(200);
}

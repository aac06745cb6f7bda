//! What shops show.

use averis_test_kit::launch::launch_product;
use averis_test_kit::shop::{price, price_for};
use serde_json::{Value, json};

use crate::setup::{Away, Platform, agreed, buy, cart, complete, eur, path, sign_in, total};

fn shelf(query: &str) -> String {
    path(&format!("/storefront/products?country=DE{query}"))
}

#[actix_web::test]
async fn a_shopper_sees_what_is_sold_what_it_costs_and_whether_it_is_there() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 7).await;
    let ana = platform.shopper(&shop);
    // Launched, and in no catalog: nobody buys it.
    let secret = launch_product(&shop.staff, "secret", &["SECRET"]).await;
    let seen = ana.get(&shelf("")).await.expect(200).body;
    assert_eq!(
        (&seen["locale"], &seen["tax_included"]),
        (&json!("de_DE"), &json!(true))
    );
    assert_eq!(seen["data"].as_array().map(Vec::len), Some(1));
    let product = &seen["data"][0];
    assert_eq!(
        (&product["key"], &product["options"]),
        (&json!("thing"), &json!(["SKU"]))
    );
    let variants = product["variants"].as_array().expect("variants");
    let told: Vec<(&Value, &Value, &Value)> = variants
        .iter()
        .map(|one| (&one["sku"], &one["price"], &one["stock"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("LAMP"), &eur(1_190), &json!("in_stock")),
            (&json!("BULB"), &eur(119), &json!("in_stock")),
        ]
    );
    // What is promised to somebody is not there for others.
    let id = cart(&ana, &[("LAMP", 4), ("BULB", 7)]).await;
    let _ = complete(&ana, &id, None).await.expect(200);
    for address in [
        path("/storefront/products/key=thing?country=DE"),
        path(&format!(
            "/storefront/products/{}?country=DE",
            product["id"].as_str().expect("an id")
        )),
    ] {
        let page = ana.get(&address).await.expect(200).body;
        let variants = &page["product"]["variants"];
        assert_eq!(
            (&variants[0]["stock"], &variants[0]["left"]),
            (&json!("low"), &json!(3))
        );
        assert_eq!(
            (&variants[1]["stock"], &variants[1]["left"]),
            (&json!("out"), &Value::Null)
        );
    }
    for address in [
        "/storefront/products/key=secret?country=DE".to_owned(),
        format!("/storefront/products/{secret}?country=DE"),
        "/storefront/products/key=no-such?country=DE".to_owned(),
        "/storefront/products/key=..%2Fsearch?country=DE".to_owned(),
    ] {
        ana.get(&path(&address))
            .await
            .expect_problem(404, "not_found");
    }
    // By words and by filters too.
    for (query, hits) in [("&q=thing", 1), ("&q=secret", 0), ("&vendor=nobody", 0)] {
        let found = ana.get(&shelf(query)).await.expect(200).body;
        assert_eq!(
            found["data"].as_array().map(Vec::len),
            Some(hits),
            "{query}"
        );
    }
    for (query, status, code) in [
        ("&limit=51", 422, "invalid"),
        ("&cursor=AAAA", 400, "invalid_cursor"),
        ("&salesman=app", 400, "invalid_query"),
        ("&channel=a%20b", 422, "invalid"),
        ("&q=%20", 400, "invalid_query"),
    ] {
        ana.get(&shelf(query)).await.expect_problem(status, code);
    }
    let nowhere = ana.get(&path("/storefront/products?country=Germany")).await;
    nowhere.expect_problem(422, "invalid");
    let for_firm = shelf(&format!("&company_id={}", uuid::Uuid::now_v7()));
    ana.get(&for_firm)
        .await
        .expect_problem(409, "not_allowed_to_buy");
}

#[actix_web::test]
async fn a_shop_is_paged_through_and_a_sale_shows_what_it_costs_otherwise() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 7).await;
    let ana = platform.shopper(&shop);
    let catalogs = shop
        .staff
        .get("/api/pricing/v1/catalogs")
        .await
        .expect(200)
        .body;
    let catalog = catalogs["data"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut products = vec![ana.get(&shelf("")).await.expect(200).body["data"][0]["id"].clone()];
    for number in 0..5 {
        let sku = format!("CHAIR-{number}");
        products.push(json!(
            launch_product(&shop.staff, &format!("chair-{number}"), &[&sku]).await
        ));
        price(&shop.staff, &sku, 10_000 + number).await;
    }
    let own = format!("/api/pricing/v1/catalogs/{catalog}");
    let version = shop.staff.get(&own).await.expect(200).version();
    let entries: Vec<Value> = products
        .iter()
        .map(|id| json!({"product_id": id}))
        .collect();
    let request = shop
        .staff
        .request(reqwest::Method::PUT, &format!("{own}/entries"));
    let request = request.header("if-match", format!("\"{version}\""));
    let put = averis_test_kit::Answer::of(request.json(&json!({"entries": entries}))).await;
    let _ = put.expect(200);
    let sale = json!({"sku": "CHAIR-0", "amount": eur(8_000), "kind": "sale"});
    let drafted = shop
        .staff
        .post("/api/pricing/v1/prices", &sale)
        .await
        .expect(201);
    let approve = format!("/api/pricing/v1/prices/{}/approve", drafted.id());
    let colleague = averis_test_kit::colleague_of(&shop.staff);
    let _ = colleague.command(&approve, 1, &json!({})).await.expect(200);
    let mut keys = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ana
            .get(&shelf(&format!("&limit=2{cursor}")))
            .await
            .expect(200)
            .body;
        for product in page["data"].as_array().expect("a list") {
            keys.push(product["key"].as_str().expect("a key").to_owned());
            if product["key"] == "chair-0" {
                let variant = &product["variants"][0];
                assert_eq!(
                    (&variant["price"], &variant["list_price"]),
                    (&eur(8_000), &eur(10_000))
                );
                // Of what no warehouse has ever seen there is nothing.
                assert_eq!(variant["stock"], "out");
            }
        }
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(
        keys,
        [
            "chair-0", "chair-1", "chair-2", "chair-3", "chair-4", "thing"
        ]
    );
}

/// "Unavailable" never becomes a stock level, nor a price.
#[actix_web::test]
async fn a_shop_shows_prices_without_stock_while_nobody_can_tell_it() {
    let away = Away {
        erp: true,
        ..Away::default()
    };
    let platform = Platform::with(away, averis_payment_simulator::Behaviour::default()).await;
    let shop = platform.shop("acme", 7).await;
    let ana = platform.shopper(&shop);
    let seen = ana.get(&shelf("")).await.expect(200).body;
    let variant = &seen["data"][0]["variants"][0];
    assert_eq!(
        (&variant["price"], &variant["stock"], &variant["left"]),
        (&eur(1_190), &json!("unknown"), &Value::Null)
    );
    // A cart is not made of guesses either.
    let id = cart(&ana, &[("LAMP", 1)]).await;
    sign_in(&platform, &ana, "ana@example.test").await;
    let refused = ana
        .post(&path(&format!("/carts/{id}/merge")), &json!({}))
        .await;
    refused.expect_problem(503, "shop_unavailable");
}

#[actix_web::test]
async fn what_a_channel_s_shoppers_are_shown_is_what_they_pay() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let app = json!({"code": "app", "name": "App"});
    let channels = "/api/pricing/v1/channels";
    let _ = shop.staff.post(channels, &app).await.expect(201);
    price_for(&shop.staff, "LAMP", 990, &json!({"channel": "app"})).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let own = path(&format!("/carts/{id}"));
    for (channel, lamp) in [
        (json!("app"), 990),
        (json!(null), 1_190),
        (json!("app"), 990),
    ] {
        let query = channel.as_str().map(|code| format!("&channel={code}"));
        let shown = ana
            .get(&shelf(&query.unwrap_or_default()))
            .await
            .expect(200);
        assert_eq!(shown.body["data"][0]["variants"][0]["price"], eur(lamp));
        let version = ana.get(&own).await.expect(200).version();
        let changed = ana.patch(&own, version, &json!({"channel": channel})).await;
        assert_eq!(changed.expect(200).body["channel"], channel);
        assert_eq!(total(&ana, &id).await, eur(lamp + 595));
    }
    let agree = agreed(&total(&ana, &id).await, Some("pm_ok"));
    let bought = buy(&ana, &id, &agree).await.expect(200);
    assert_eq!(bought.body["status"], "placed", "{}", bought.text);
    let other = platform.shopper(&shop);
    let begun = json!({"country": "DE", "channel": "app"});
    let made = other.post(&path("/carts"), &begun).await.expect(201);
    assert_eq!(made.body["channel"], "app");
}

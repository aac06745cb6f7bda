//! Variants and their SKUs.

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::setup::{
    all, command, draft, one_tenant, path, platform, product_path, sellable, strings,
};

#[actix_web::test]
async fn p6_of_parallel_creates_of_one_sku_exactly_one_wins() {
    let (_platform, acme) = one_tenant().await;
    let create = |number: usize| {
        let acme = acme.clone();
        let sku = if number.is_multiple_of(2) {
            "Shirt-Blau-Ü"
        } else {
            "SHIRT-BLAU-ü"
        };
        let body = json!({"key": format!("p{number}"), "name": "n", "variants": [{"sku": sku}]});
        async move { acme.post(&path("/products"), &body).await }
    };
    let answers = join_all((0..32).map(create)).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.expect_problem(409, "sku_taken");
    }
    assert_eq!(
        all(&acme, &path("/products")).await.len(),
        1,
        "a loser left a product"
    );
}

#[actix_web::test]
async fn a_sku_is_the_tenants_own_and_unique_without_regard_to_case() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let globex = platform.tenant("globex").await.client;
    sellable(&globex, "a-1").await;
    sellable(&acme, "a-1").await;
    let options = json!({"options": ["o"]});
    let id = draft(&acme, "b-1", options).await.id();
    let more = format!("{}/variants", product_path(&id));
    let taken = json!({"sku": "A-1", "option_values": ["1"]});
    let answer = acme.post(&more, &taken).await;
    answer.expect_problem(409, "sku_taken");
    let twice = json!({"key": "c", "name": "n", "options": ["o"], "variants": [
        {"sku": "x", "option_values": ["1"]}, {"sku": "X", "option_values": ["2"]}]});
    let answer = acme.post(&path("/products"), &twice).await;
    answer.expect_problem(409, "sku_taken");
}

#[actix_web::test]
async fn many_variants_are_read_by_sku_in_any_script_and_case() {
    let (_platform, acme) = one_tenant().await;
    let skus = [
        "AB-1",
        "Größe-Ü",
        "ΟΔΟΣ",
        "İZMİR",
        "衬衫-1",
        "ẞ",
        "a b",
        "👕",
    ];
    for (number, sku) in skus.iter().enumerate() {
        let variants = json!({"variants": [{"sku": sku}]});
        draft(&acme, &format!("p{number}"), variants).await;
    }
    for sku in skus {
        let request = acme.request(reqwest::Method::GET, &path("/variants"));
        let answer = averis_test_kit::Answer::of(request.query(&[("sku", sku)])).await;
        let rows = answer.expect(200).body["data"].as_array().cloned();
        assert_eq!(strings(&rows.expect("rows"), "sku"), [sku]);
    }
    let folded = acme
        .get(&path("/variants?sku=ab-1,GRÖSSE,gröSSe-ü,größe-ü,none"))
        .await;
    assert_eq!(
        folded.expect(200).body["data"].as_array().map(Vec::len),
        Some(2)
    );
    let many = vec!["x"; 251].join(",");
    for wrong in ["", &many, "a,,b", "%00", " a"] {
        let answer = acme.get(&path(&format!("/variants?sku={wrong}"))).await;
        answer.expect_problem(400, "invalid_query");
    }
    acme.get(&path("/variants"))
        .await
        .expect_problem(400, "invalid_query");
}

#[actix_web::test]
async fn after_the_launch_a_sku_neither_changes_nor_goes() {
    let (_platform, acme) = one_tenant().await;
    let made = sellable(&acme, "sku").await;
    let id = made.body["variants"][0]["id"].as_str().expect("an id");
    let variant = format!("{}/variants/{id}", product_path(&made.id()));
    let renamed = acme
        .patch(&variant, 1, &json!({"sku": "sku-2"}))
        .await
        .expect(200);
    assert_eq!(renamed.body["sku"], "sku-2");
    command(&acme, &made.id(), "launch").await;
    for state in ["active", "suspended"] {
        let answer = acme.patch(&variant, 2, &json!({"sku": "sku-3"})).await;
        answer.expect_problem(409, "product_launched");
        acme.delete(&variant, 2)
            .await
            .expect_problem(409, "product_launched");
        if state == "active" {
            command(&acme, &made.id(), "suspend").await;
        }
    }
    let same = json!({"sku": "sku-2", "weight_grams": 5});
    let kept = acme.patch(&variant, 2, &same).await.expect(200);
    assert_eq!(kept.body["weight_grams"], 5);
    let batch = acme
        .get(&path("/variants?sku=sku-2,sku-3"))
        .await
        .expect(200);
    assert_eq!(batch.body["data"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn a_variant_has_one_value_for_each_option_and_no_other_variants() {
    let (_platform, acme) = one_tenant().await;
    let options = json!({"options": ["Size", "Colour"]});
    let id = draft(&acme, "o", options).await.id();
    let address = product_path(&id);
    let variants = format!("{address}/variants");
    for values in [
        json!([]),
        json!(["M"]),
        json!(["M", "red", "x"]),
        json!(["M", " "]),
        json!(["M", "a\u{0}"]),
    ] {
        let body = json!({"sku": "s", "option_values": values});
        let answer = acme.post(&variants, &body).await;
        answer.expect_problem(422, "invalid");
    }
    let body = json!({"sku": "s", "option_values": ["M", "red"]});
    let first = acme.post(&variants, &body).await.expect(201);
    let same = json!({"sku": "t", "option_values": ["M", "red"]});
    acme.post(&variants, &same)
        .await
        .expect_problem(409, "options_taken");
    let other = json!({"sku": "t", "option_values": ["M", "blue"]});
    let second = acme.post(&variants, &other).await.expect(201);
    assert_eq!(
        (&first.body["position"], &second.body["position"]),
        (&json!(1), &json!(2))
    );
    let place = format!("{variants}/{}", second.id());
    let patch = json!({"option_values": ["M", "red"]});
    acme.patch(&place, 1, &patch)
        .await
        .expect_problem(409, "options_taken");
    let patch = json!({"option_values": ["M"]});
    acme.patch(&place, 1, &patch)
        .await
        .expect_problem(422, "invalid");
    let fewer = json!({"options": ["Size"]});
    let version = acme.get(&address).await.expect(200).version();
    acme.patch(&address, version, &fewer)
        .await
        .expect_problem(409, "options_in_use");
    acme.patch(&address, version, &json!({"options": ["Size", "Colour"]}))
        .await
        .expect(200);
}

#[actix_web::test]
async fn long_option_values_are_stored_or_refused_as_such() {
    let (_platform, acme) = one_tenant().await;
    // Text that does not compress: an index row of the database holds less than this.
    let long = |seed: u32| -> String {
        (0..255_u32)
            .filter_map(|n| char::from_u32(0x4E00 + (n * 7919 + seed * 104_729) % 20_000))
            .collect()
    };
    let body = json!({"key": "long", "name": "n", "options": ["a", "b", "c"],
        "variants": [{"sku": "l", "option_values": [long(1), long(2), long(3)]}]});
    let answer = acme.post(&path("/products"), &body).await.expect(201);
    assert_eq!(answer.body["variants"][0]["option_values"][2], long(3));
    let same = json!({"sku": "m", "option_values": [long(1), long(2), long(3)]});
    let variants = format!("{}/variants", product_path(&answer.id()));
    acme.post(&variants, &same)
        .await
        .expect_problem(409, "options_taken");
}

#[actix_web::test]
async fn a_patch_of_a_variant_sets_clears_and_leaves() {
    let (_platform, acme) = one_tenant().await;
    let variant = json!({"sku": "v", "barcode": "4006381333931", "weight_grams": 7, "track_inventory": true,
        "requires_shipping": false, "taxable": false, "image_url": "https://x.example/a.jpg"});
    let made = draft(&acme, "p", json!({"variants": [variant]})).await;
    let mut before = made.body["variants"][0].clone();
    let id = before["id"].as_str().expect("an id").to_owned();
    let place = format!("{}/variants/{id}", product_path(&made.id()));
    for (version, patch) in (1..).zip([
        json!({"barcode": null}),
        json!({"weight_grams": null}),
        json!({"image_url": null}),
        json!({"barcode": "1", "weight_grams": 0}),
        json!({"position": 7}),
        json!({"taxable": true, "requires_shipping": true, "track_inventory": false}),
        json!({}),
    ]) {
        let after = acme.patch(&place, version, &patch).await.expect(200).body;
        for (name, value) in patch.as_object().expect("an object") {
            before[name] = value.clone();
        }
        before["version"] = json!(version + 1);
        before["updated_at"] = after["updated_at"].clone();
        assert_eq!(after, before);
    }
    for wrong in [
        json!({"weight_grams": -1}),
        json!({"weight_grams": 1_000_000_001}),
        json!({"barcode": ""}),
        json!({"barcode": "x".repeat(65)}),
        json!({"image_url": "javascript:alert(1)"}),
        json!({"image_url": "https://x.example/\u{0}"}),
        json!({"position": 0}),
        json!({"sku": ""}),
        json!({"sku": "a,b"}),
        json!({"sku": "x".repeat(101)}),
    ] {
        acme.patch(&place, 8, &wrong)
            .await
            .expect_problem(422, "invalid");
    }
    assert_eq!(acme.get(&place).await.expect(200).version(), 8);
}

#[actix_web::test]
async fn a_variant_of_a_draft_can_be_deleted_and_is_found_no_more() {
    let (_platform, acme) = one_tenant().await;
    let made = sellable(&acme, "gone-sku").await;
    let other = sellable(&acme, "other").await.id();
    let id = made.body["variants"][0]["id"].as_str().expect("an id");
    let place = format!("{}/variants/{id}", product_path(&made.id()));
    let elsewhere = format!("{}/variants/{id}", product_path(&other));
    acme.get(&elsewhere).await.expect_problem(404, "not_found");
    acme.delete(&elsewhere, 1)
        .await
        .expect_problem(404, "not_found");
    acme.delete(&place, 9)
        .await
        .expect_problem(412, "version_mismatch");
    acme.delete(&place, 1).await.expect(204);
    acme.get(&place).await.expect_problem(404, "not_found");
    acme.delete(&place, 1)
        .await
        .expect_problem(404, "not_found");
    let batch = acme.get(&path("/variants?sku=gone-sku")).await.expect(200);
    assert_eq!(batch.body["data"], json!([]));
    let none = product_path(&Uuid::now_v7().to_string());
    let answer = acme.get(&format!("{none}/variants")).await;
    answer.expect_problem(404, "not_found");
}

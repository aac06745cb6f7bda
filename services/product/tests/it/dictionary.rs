//! The data dictionary, and what a launch needs by it.

use averis_test_kit::Client;
use serde_json::{Value, json};

use crate::setup::{
    SECTIONS, all, approve, draft, import, one_tenant, path, product_path, section_command,
    sellable, strings,
};

async fn entries(client: &Client, query: &str) -> Vec<Value> {
    all(client, &path(&format!("/data-dictionary{query}"))).await
}

#[actix_web::test]
async fn every_tenant_has_what_the_platform_before_knew_of_products() {
    let (_platform, acme) = one_tenant().await;
    let known = entries(&acme, "").await;
    let of = |column: &str| {
        let mut found = known.iter().filter(|one| one["formerly"] == column);
        let one = found
            .next()
            .unwrap_or_else(|| panic!("{column} is not known"));
        assert!(found.next().is_none(), "{column} is known twice");
        one
    };
    // Every column that stewards looked after, and the section that does now.
    for (section, columns) in [
        (
            "marketing",
            &[
                "name",
                "description",
                "long_description",
                "type",
                "brand",
                "categorization",
                "slug",
                "web_display_flag",
                "category_id",
            ][..],
        ),
        ("legal", &["license_required_flag", "ava_tax_code"]),
        (
            "finance",
            &[
                "base_price",
                "cost_price",
                "pricing",
                "seat_based_pricing_flag",
            ],
        ),
        (
            "salesops",
            &[
                "sku",
                "available_flag",
                "can_be_fulfilled_flag",
                "manufacturer",
            ],
        ),
        ("contracts", &["contract_item_flag"]),
    ] {
        for column in columns {
            let entry = of(column);
            assert_eq!(entry["section"], section, "{column}");
            let required = ["sku", "name", "description", "slug"].contains(column);
            assert_eq!(entry["required"], required, "{column}");
            assert_eq!(
                entry["approve_permission"],
                format!("product_{section}:approve"),
                "{column}"
            );
        }
    }
    // What followed from commands still does: nobody writes it.
    for section in SECTIONS {
        for (part, suffix) in [
            ("status", ""),
            ("approved_by", "_by"),
            ("approved_at", "_at"),
        ] {
            let entry = of(&format!("{section}_approved{suffix}"));
            assert_eq!(entry["name"], format!("sections.{section}.{part}"));
            assert_eq!(
                (&entry["source"], &entry["write_permission"]),
                (&json!("state"), &Value::Null)
            );
        }
    }
    for column in [
        "id",
        "status",
        "launched_at",
        "launched_by",
        "created_at",
        "updated_at",
    ] {
        assert_eq!(of(column)["source"], "state", "{column}");
    }
}

#[actix_web::test]
async fn the_dictionary_is_narrowed_by_what_one_looks_for() {
    let (_platform, acme) = one_tenant().await;
    let own = json!({"code": "hs_code", "label": "Customs tariff number", "type": "text", "section": "legal", "required": true});
    let _ = acme
        .post(&path("/attribute-definitions"), &own)
        .await
        .expect(201);
    let legal = entries(&acme, "?section=legal").await;
    assert_eq!(
        strings(&legal, "name"),
        ["license_required_flag", "ava_tax_code", "hs_code"]
    );
    let needed = entries(&acme, "?section=legal&required=true").await;
    assert_eq!(strings(&needed, "name"), ["hs_code"]);
    assert_eq!(needed[0]["write_permission"], "product_legal:write");
    let named = entries(&acme, "?search=TARIFF&source=attribute").await;
    assert_eq!(strings(&named, "name"), ["hs_code"]);
    let before = entries(&acme, "?search=slug").await;
    assert_eq!(strings(&before, "name"), ["key"]);
    assert_eq!(
        entries(&acme, "?source=field&search=hs_code").await,
        [] as [Value; 0]
    );
    for query in ["?section=sales", "?source=x", "?required=yes", "?page=2"] {
        let address = path(&format!("/data-dictionary{query}"));
        acme.get(&address)
            .await
            .expect_problem(400, "invalid_query");
    }
}

#[actix_web::test]
async fn a_definition_goes_while_no_product_has_a_value() {
    let (_platform, acme) = one_tenant().await;
    let definitions = all(&acme, &path("/attribute-definitions")).await;
    let own = |code: &str| {
        let one = definitions.iter().find(|one| one["code"] == code);
        let id = one.expect("a definition")["id"].as_str().expect("an id");
        path(&format!("/attribute-definitions/{id}"))
    };
    let values = json!({"attributes": {"manufacturer": "Gaslight & Sons"}});
    let product = draft(&acme, "lamp", values).await.id();
    let used = acme.delete(&own("manufacturer"), 1).await;
    used.expect_problem(409, "attribute_in_use");
    acme.delete(&own("base_price"), 2)
        .await
        .expect_problem(412, "version_mismatch");
    let _ = acme.delete(&own("base_price"), 1).await.expect(204);
    acme.get(&own("base_price"))
        .await
        .expect_problem(404, "not_found");
    acme.delete(&own("base_price"), 1)
        .await
        .expect_problem(404, "not_found");
    // The code is free again, for whatever the tenant means by it.
    let other = json!({"code": "base_price", "label": "Price group", "type": "choice", "constraints": {"choices": ["a"]}});
    let _ = acme
        .post(&path("/attribute-definitions"), &other)
        .await
        .expect(201);
    let after = acme.get(&product_path(&product)).await.expect(200).body;
    assert_eq!(
        after["attributes"],
        json!({"manufacturer": "Gaslight & Sons"})
    );
}

#[actix_web::test]
async fn nothing_is_handed_over_or_launched_without_a_description() {
    let (_platform, acme) = one_tenant().await;
    let id = draft(
        &acme,
        "lamp",
        json!({"description": " ", "variants": [{"sku": "L1"}]}),
    )
    .await
    .id();
    let complete = product_path(&id) + "/completeness";
    let before = acme.get(&complete).await.expect(200).body;
    assert_eq!(before["data"][0]["missing"], json!(["description"]));
    let refused = section_command(&acme, &id, "marketing", "submit", &json!({})).await;
    refused.expect_problem(422, "invalid");
    assert_eq!(refused.body["errors"][0]["pointer"], "/description");
    let version = acme.get(&product_path(&id)).await.expect(200).version();
    let patch = json!({"description": "Gives light."});
    let _ = acme
        .patch(&product_path(&id), version, &patch)
        .await
        .expect(200);
    let after = acme.get(&complete).await.expect(200).body;
    assert_eq!(
        (&after["data"][0]["filled"], &after["data"][0]["missing"]),
        (&json!(1), &json!([]))
    );
    approve(&acme, &id).await;
}

#[actix_web::test]
async fn prices_and_costs_of_a_file_are_finances() {
    let (_platform, acme) = one_tenant().await;
    let file = |cost: &str, code: &str| {
        format!(
            "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Cost per item,Price / Canada,Variant Tax Code\n\
             lamp,Lamp,Bright,Size,S,L1,9.99,{cost},12.00,{code}\n"
        )
    };
    import(&acme, file("4.00", "A7")).await;
    let id = acme.get(&path("/products/key=lamp")).await.expect(200).id();
    let sections = async || {
        let sections = all(&acme, &(product_path(&id) + "/sections")).await;
        let of = |name: &str| {
            let one = sections.iter().find(|one| one["section"] == name);
            one.expect("a section").clone()
        };
        (of("finance"), of("salesops"))
    };
    approve(&acme, &id).await;
    let (finance, salesops) = sections().await;
    let prices = json!({"Price": "9.99", "Cost per item": "4.00", "Price / Canada": "12.00"});
    assert_eq!(finance["content"]["prices"][0]["columns"], prices);
    assert_eq!(
        salesops["content"]["variants"][0]["extra"],
        json!({"Tax code": "A7"})
    );
    // Another cost is finance's to approve, another tax code is not.
    import(&acme, file("4.50", "A7")).await;
    let (finance, salesops) = sections().await;
    assert_eq!(
        (&finance["status"], &salesops["status"]),
        (&json!("open"), &json!("approved"))
    );
    approve(&acme, &id).await;
    import(&acme, file("4.50", "B1")).await;
    let (finance, salesops) = sections().await;
    assert_eq!(
        (&finance["status"], &salesops["status"]),
        (&json!("approved"), &json!("open"))
    );
    approve(&acme, &id).await;
    // With the variant its prices go.
    let variant = all(&acme, &(product_path(&id) + "/variants"))
        .await
        .remove(0);
    let address = format!(
        "{}/variants/{}",
        product_path(&id),
        variant["id"].as_str().expect("an id")
    );
    let version = variant["version"].as_i64().expect("a version");
    let _ = acme.delete(&address, version).await.expect(204);
    let (finance, _) = sections().await;
    assert_eq!(
        (&finance["status"], &finance["content"]["prices"]),
        (&json!("open"), &Value::Null)
    );
}

#[actix_web::test]
async fn a_variant_without_prices_leaves_finance_alone() {
    let (_platform, acme) = one_tenant().await;
    let id = sellable(&acme, "lamp").await.id();
    approve(&acme, &id).await;
    let file = "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Tax Code\nlamp,Lamp,Bright,,,lamp,A7\n";
    import(&acme, file).await;
    let sections = all(&acme, &(product_path(&id) + "/sections")).await;
    let status = |name: &str| {
        let one = sections.iter().find(|one| one["section"] == name);
        one.expect("a section")["status"].clone()
    };
    assert_eq!(status("salesops"), "open");
    assert_eq!(status("finance"), "approved");
}

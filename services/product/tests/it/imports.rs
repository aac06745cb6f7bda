//! What an import makes of the rows of a file.

use serde_json::json;

use crate::setup::{
    all, assert_counts, command, draft, import, one_tenant, path, product_path, report, sellable,
    strings,
};

#[actix_web::test]
async fn both_headers_mean_the_same() {
    let platform = crate::setup::platform().await;
    let old = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,\
        Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,SEO Title\n\
        shirt,Shirt,<p>x</p>,Acme,Top,\"a, b\",TRUE,Size,M,S-M,100,true,FALSE,4711,https://x.example/1.jpg,1,front,seo\n\
        shirt,,,,,,,,L,S-L,,TRUE,true,,https://x.example/2.jpg,2,,\n";
    let new = "Title,URL handle,Description,Vendor,Type,Tags,Published on online store,Status,SKU,Barcode,Option1 name,\
        Option1 value,Charge tax,Weight value (grams),Requires shipping,Product image URL,Image position,Image alt text,SEO title\n\
        Shirt,shirt,<p>x</p>,Acme,Top,\"a, b\",true,Active,S-M,4711,Size,M,false,100,TRUE,https://x.example/1.jpg,1,front,seo\n\
        ,shirt,,,,,,,S-L,,,L,true,,true,https://x.example/2.jpg,2,,\n";
    let mut seen = Vec::new();
    for (file, dialect) in [(old, "shopify"), (new, "shopify-2025")] {
        let acme = platform.tenant("acme").await.client;
        let with_bom = [b"\xEF\xBB\xBF", file.replace('\n', "\r\n").as_bytes()].concat();
        let job = import(&acme, with_bom).await;
        assert_eq!(
            (&job["status"], &job["dialect"]),
            (&json!("done"), &json!(dialect)),
            "{job}"
        );
        assert_counts(
            &job,
            &json!({"rows": 2, "products": 1, "products_created": 1, "variants_created": 2}),
        );
        let read = acme
            .get(&path("/products/key=shirt?expand=variants,media"))
            .await
            .expect(200)
            .body;
        assert_eq!(read["status"], "draft");
        let variants: Vec<_> = read["variants"]
            .as_array()
            .expect("variants")
            .iter()
            .map(|v| {
                json!([
                    v["sku"],
                    v["barcode"],
                    v["option_values"],
                    v["weight_grams"],
                    v["requires_shipping"],
                    v["taxable"]
                ])
            })
            .collect();
        let media: Vec<_> = read["media"]
            .as_array()
            .expect("media")
            .iter()
            .map(|m| json!([m["url"], m["alt"], m["position"]]))
            .collect();
        let mut extra = read["extra"].clone();
        extra.as_object_mut().expect("an object").remove("Status");
        seen.push(json!([
            read["name"],
            read["description"],
            read["vendor"],
            read["product_type"],
            read["tags"],
            read["options"],
            extra,
            variants,
            media
        ]));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(
        seen[0][7],
        json!([
            ["S-M", "4711", ["M"], 100, true, false],
            ["S-L", null, ["L"], null, true, true]
        ])
    );
    assert_eq!(seen[0][8][1], json!(["https://x.example/2.jpg", "", 2]));
}

#[actix_web::test]
async fn a_blank_cell_clears_and_a_missing_column_keeps() {
    let (_platform, acme) = one_tenant().await;
    let full = "Handle,Title,Body (HTML),Vendor,Type,Tags,SEO Title\nshirt,Shirt,text,Acme,Top,\"a, b\",seo\n";
    import(&acme, full).await;
    let missing = "Handle,Title\nshirt,Shirt 2\n";
    let job = import(&acme, missing).await;
    assert_counts(
        &job,
        &json!({"rows": 1, "products": 1, "products_updated": 1}),
    );
    let kept = acme
        .get(&path("/products/key=shirt"))
        .await
        .expect(200)
        .body;
    assert_eq!(kept["name"], "Shirt 2");
    assert_eq!(
        [&kept["description"], &kept["vendor"], &kept["product_type"]],
        ["text", "Acme", "Top"]
    );
    assert_eq!(
        (&kept["tags"], &kept["extra"]["SEO title"]),
        (&json!(["a", "b"]), &json!("seo"))
    );
    let blank = "Handle,Title,Body (HTML),Vendor,Type,Tags,SEO Title\nshirt,Shirt 2,,,,,\n";
    import(&acme, blank).await;
    let cleared = acme
        .get(&path("/products/key=shirt"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        [
            &cleared["description"],
            &cleared["vendor"],
            &cleared["product_type"]
        ],
        ["", "", ""]
    );
    assert_eq!(
        (&cleared["tags"], &cleared["extra"]["SEO title"]),
        (&json!([]), &json!(null))
    );
}

#[actix_web::test]
async fn a_product_with_a_wrong_row_is_refused_whole_and_the_others_go_in() {
    let (_platform, acme) = one_tenant().await;
    let file = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Price\n\
        good,Good,Size,M,G-M,1,1.00\n\
        bad,Bad,Size,M,B-M,1,1.00\n\
        bad,,,L,B-L,heavy,1.00\n\
        bad,,,XL,B-XL,1,1.00\n\
        worse,Worse,Size,M,W-M,1,\"1,00 €\"\n\
        double,Double,Size,M,D-1,1,1\n\
        double,,,M,D-2,1,1\n\
        untitled,,Size,M,U,1,1\n\
        fine,Fine,Title,Default Title,,1,1\n";
    let job = import(&acme, file).await;
    assert_eq!(job["status"], "done");
    assert_counts(
        &job,
        &json!({"rows": 9, "products": 6, "products_created": 2, "products_refused": 4,
        "variants_created": 2, "errors": 4}),
    );
    let found = report(&acme, &job).await;
    let found: Vec<(i64, &str)> = found
        .iter()
        .map(|(row, code)| (*row, code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (4, "weight_invalid"),
            (6, "price_invalid"),
            (8, "duplicate_options"),
            (9, "title_missing"),
            (10, "sku_generated")
        ]
    );
    let rows = all(&acme, &path("/products?expand=variants")).await;
    assert_eq!(strings(&rows, "key"), ["good", "fine"]);
    assert_eq!(rows[1]["variants"][0]["sku"], "fine-1");
    let id = job["id"].as_str().expect("an id");
    let pages = all(&acme, &path(&format!("/imports/{id}/report?limit=2"))).await;
    assert_eq!(pages.len(), 5);
    assert_eq!(
        (
            &pages[0]["product_key"],
            &pages[0]["severity"],
            &pages[0]["column"]
        ),
        (&json!("bad"), &json!("error"), &json!("Variant Grams"))
    );
}

#[actix_web::test]
async fn a_value_that_cannot_be_stored_refuses_its_product_and_ends_the_job() {
    let (_platform, acme) = one_tenant().await;
    // Text that does not compress: an index row of the database holds less than this.
    let long: String = (0..6_000_u32)
        .filter_map(|n| char::from_u32(0x4E00 + (n * 7919) % 20_000))
        .collect();
    let url: String = long.chars().take(2_000).collect();
    let head = "Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Variant Grams,Image Src\n";
    for (number, row) in [
        "bad,Bad,,,,Size,M,999999999999,\n".to_owned(),
        format!("bad,Bad,{long},,,Size,M,1,\n"),
        format!("bad,Bad,,{long},,Size,M,1,\n"),
        format!("bad,Bad,,,{long},Size,M,1,\n"),
        format!("bad,Bad,,,,{long},M,1,\n"),
        format!("bad,Bad,,,,Size,{long},1,\n"),
        format!("bad,Bad,,,,Size,M,1,https://x.example/{url}\n"),
    ]
    .iter()
    .enumerate()
    {
        let file = format!("{head}a{number},A,,,,Size,M,1,\n{row}b{number},B,,,,Size,M,1,\n");
        let job = import(&acme, file).await;
        assert_eq!(job["status"], "done", "{job}");
        let counts = &job["counts"];
        let refused = counts["products_refused"].as_i64().expect("a count");
        let created = counts["products_created"].as_i64().expect("a count");
        assert_eq!(created + refused, 3, "{number}: {job}");
        assert!(created >= 2, "{number}: {job}");
        if refused == 1 {
            assert!(
                report(&acme, &job).await.iter().any(|(row, _)| *row == 3),
                "{number}"
            );
        } else {
            // What was taken must be as it was sent, so that it is out of the way of the next.
            let id = acme.get(&path("/products/key=bad")).await.expect(200);
            let other = json!({"key": format!("taken{number}")});
            acme.patch(&product_path(&id.id()), id.version(), &other)
                .await
                .expect(200);
        }
    }
}

#[actix_web::test]
async fn a_sku_of_another_product_refuses_the_product() {
    let (_platform, acme) = one_tenant().await;
    sellable(&acme, "taken").await;
    let file = "Handle,Title,Variant SKU\nother,Other,TAKEN\nfree,Free,free\nagain,Again,FREE\n";
    let job = import(&acme, file).await;
    assert_counts(
        &job,
        &json!({"rows": 3, "products": 3, "products_created": 1, "products_refused": 2, "variants_created": 1, "errors": 2}),
    );
    assert_eq!(
        report(&acme, &job).await,
        [(2, "sku_taken".to_owned()), (4, "sku_taken".to_owned())]
    );
    let rows = all(&acme, &path("/products")).await;
    assert_eq!(strings(&rows, "key"), ["taken", "free"]);
}

#[actix_web::test]
async fn an_import_changes_contents_and_never_the_status() {
    let (_platform, acme) = one_tenant().await;
    for (key, steps) in [
        ("draft", vec![]),
        ("active", vec!["launch"]),
        ("suspended", vec!["launch", "suspend"]),
        ("archived", vec!["archive"]),
    ] {
        let id = sellable(&acme, key).await.id();
        for step in steps {
            command(&acme, &id, step).await;
        }
    }
    let rows: String = ["draft", "active", "suspended", "archived", "new"]
        .map(|key| format!("New {key},{key},{key},Active,true\n"))
        .concat();
    let file = format!("Title,URL handle,SKU,Status,Published on online store\n{rows}");
    let job = import(&acme, file).await;
    assert_counts(
        &job,
        &json!({"rows": 5, "products": 5, "products_created": 1, "products_updated": 3,
        "products_refused": 1, "variants_created": 1, "errors": 1}),
    );
    assert_eq!(
        report(&acme, &job).await,
        [(5, "product_archived".to_owned())]
    );
    for (key, name, status) in [
        ("draft", "New draft", "draft"),
        ("active", "New active", "active"),
        ("suspended", "New suspended", "suspended"),
        ("archived", "Name of archived", "archived"),
        ("new", "New new", "draft"),
    ] {
        let read = acme
            .get(&path(&format!("/products/key={key}")))
            .await
            .expect(200)
            .body;
        assert_eq!(
            (&read["name"], &read["status"]),
            (&json!(name), &json!(status))
        );
    }
    // The SKU of what was launched stays; a variant is known by its options when it has another.
    let changed = "Title,URL handle,SKU\nNew active,active,other-sku\n";
    let job = import(&acme, changed).await;
    assert_eq!(report(&acme, &job).await, [(2, "sku_immutable".to_owned())]);
}

#[actix_web::test]
async fn an_import_adds_to_what_the_api_made() {
    let (_platform, acme) = one_tenant().await;
    let body = json!({"description": "kept", "vendor": "kept", "options": ["Size"], "tags": ["kept"],
        "variants": [{"sku": "s-m", "option_values": ["M"], "weight_grams": 5, "barcode": "1"}]});
    let id = draft(&acme, "shirt", body).await.id();
    let file = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\nshirt,Name of shirt,Size,M,S-M,9.99\nshirt,,,L,S-L,9.99\n";
    let job = import(&acme, file).await;
    assert_counts(
        &job,
        &json!({"rows": 2, "products": 1, "products_updated": 1, "variants_created": 1, "variants_updated": 1}),
    );
    let read = acme
        .get(&format!("{}?expand=variants", product_path(&id)))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&read["vendor"], &read["tags"]),
        (&json!("kept"), &json!(["kept"]))
    );
    let variants = read["variants"].as_array().expect("variants");
    assert_eq!(strings(variants, "sku"), ["S-M", "S-L"]);
    assert_eq!(
        (
            &variants[0]["weight_grams"],
            &variants[0]["barcode"],
            &variants[0]["extra"]["Price"]
        ),
        (&json!(5), &json!("1"), &json!("9.99"))
    );
    let job = import(&acme, file).await;
    assert_counts(
        &job,
        &json!({"rows": 2, "products": 1, "products_unchanged": 1}),
    );
    let other = "Handle,Title,Option1 Name,Option1 Value\nshirt,Shirt,Colour,red\n";
    let job = import(&acme, other).await;
    assert_eq!(report(&acme, &job).await[0].1, "options_in_use");
}

//! Exports, and what an import makes of them.

use averis_test_kit::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

use crate::setup::{
    all, command, draft, import, one_tenant, path, platform, product_path, sellable, strings,
};

async fn export(client: &Client, dialect: &str) -> String {
    let answer = client
        .get(&path(&format!("/products/export?dialect={dialect}")))
        .await;
    answer.expect(200).text
}

/// Products with about everything that a product can have.
async fn assortment(client: &Client) {
    let body = json!({"description": "<p>\"quoted\", lines\r\nand\ttabs</p>", "vendor": "Ünïcode & Söhne", "product_type": "t",
        "tags": ["b", "a c"], "options": ["Größe", "Farbe"], "variants": [
            {"sku": "S-1", "option_values": ["M", "rot"], "barcode": "0012", "weight_grams": 120, "image_url": "https://x.example/v.jpg"},
            {"sku": "S-2", "option_values": ["L", "rot"], "requires_shipping": false, "taxable": false, "track_inventory": true}]});
    let id = draft(client, "full", body).await.id();
    for (url, alt) in [
        ("https://x.example/1.jpg", "Vorne, \"groß\""),
        ("https://x.example/2.jpg", ""),
        ("https://x.example/3.jpg", "x"),
    ] {
        let media = format!("{}/media", product_path(&id));
        client
            .post(&media, &json!({"url": url, "alt": alt}))
            .await
            .expect(201);
    }
    command(client, &id, "launch").await;
    sellable(client, "plain").await;
    draft(client, "衬衫", json!({"name": "'quoted'", "options": ["Title"], "variants": [{"sku": "s-3", "option_values": ["x"]}]})).await;
    let archived = sellable(client, "archived").await.id();
    command(client, &archived, "archive").await;
    let file = "Title,URL handle,Vendor,Status,SKU,Price,Inventory tracker,Inventory quantity,SEO title,Fit (product.metafields.custom.fit),Price / Switzerland\n\
        From a file,from-a-file,V,Active,F-1,12.50,shopify,7,seo,slim,13.00\n";
    import(client, file).await;
}

/// What of a product a file carries, without what belongs to the row in the database.
fn contents(product: &Value) -> Value {
    let mut contents = product.clone();
    let parts = ["variants", "media"].map(|name| contents[name].take());
    let mut all = vec![contents];
    for part in parts {
        all.extend(part.as_array().expect("parts").iter().cloned());
    }
    for thing in &mut all {
        let thing = thing.as_object_mut().expect("an object");
        let own = [
            "id",
            "product_id",
            "status",
            "version",
            "created_at",
            "updated_at",
            "launched_at",
            "launched_rev",
            "working_rev",
            "extra",
        ];
        thing.retain(|name, _| !own.contains(&name.as_str()));
    }
    Value::Array(all)
}

#[actix_web::test]
async fn an_export_imported_elsewhere_exports_the_same_bytes() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    assortment(&acme).await;
    for dialect in ["shopify-2025", "shopify"] {
        let file = export(&acme, dialect).await;
        let globex = platform.tenant("globex").await.client;
        let job = import(&globex, file.clone()).await;
        assert_eq!(
            (&job["status"], &job["counts"]["errors"]),
            (&json!("done"), &json!(0)),
            "{job}"
        );
        let exported = all(&acme, &path("/products"))
            .await
            .iter()
            .filter(|row| row["status"] != "archived")
            .count();
        assert_eq!(job["counts"]["products_created"], exported, "{job}");
        let rows = all(&globex, &path("/products?expand=variants,media")).await;
        assert!(
            rows.iter().all(|row| row["status"] == "draft"),
            "an import launches nothing"
        );
        let kept = all(&acme, &path("/products?expand=variants,media")).await;
        let kept = kept.iter().filter(|row| row["status"] != "archived");
        for (here, there) in kept.zip(&rows) {
            assert_eq!(contents(there), contents(here));
        }
        // Whether a product is on sale is not for a file to say; all else is the same.
        let again = export(&globex, dialect).await;
        let drafted = file
            .replace(",active,", ",draft,")
            .replace(",active\r\n", ",draft\r\n");
        assert_eq!(again, drafted, "{dialect}");
        let twice = import(&globex, again.clone()).await;
        assert_eq!(twice["counts"]["products_unchanged"], exported, "{twice}");
        assert_eq!(export(&globex, dialect).await, again);
    }
}

#[actix_web::test]
async fn an_import_of_the_own_export_changes_nothing() {
    let (_platform, acme) = one_tenant().await;
    assortment(&acme).await;
    let list = path("/products?expand=variants,media");
    let before = all(&acme, &list).await;
    for dialect in ["shopify-2025", "shopify"] {
        let file = export(&acme, dialect).await;
        let job = import(&acme, file).await;
        assert_eq!(
            job["counts"]["products_unchanged"], job["counts"]["products"],
            "{dialect}: {job}"
        );
        assert_eq!(all(&acme, &list).await, before, "{dialect}");
    }
}

#[actix_web::test]
async fn a_file_of_a_shop_comes_out_as_it_went_in() {
    let platform = platform().await;
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/shopify");
    for name in [
        "apparel.csv",
        "jewelery.csv",
        "product_template_new_headers.csv",
    ] {
        let Ok(file) = std::fs::read(folder.join(name)) else {
            continue;
        };
        let acme = platform.tenant("acme").await.client;
        import(&acme, file).await;
        for dialect in ["shopify-2025", "shopify"] {
            let out = export(&acme, dialect).await;
            let globex = platform.tenant("globex").await.client;
            import(&globex, out.clone()).await;
            assert_eq!(export(&globex, dialect).await, out, "{name} {dialect}");
        }
    }
}

#[actix_web::test]
async fn a_formula_leaves_as_text_and_comes_back_as_it_was() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let globex = platform.tenant("globex").await.client;
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "'=1",
        "=cmd|' /C calc'!A0",
        "''",
        "'x",
    ];
    for (number, text) in texts.iter().enumerate() {
        let body = json!({"name": text, "vendor": text, "product_type": text, "tags": [text], "description": text,
            "options": [text], "variants": [{"sku": format!("{text}{number}"), "option_values": [text], "barcode": text}]});
        draft(&acme, &format!("p{number}"), body).await;
    }
    draft(&acme, "tab", json!({"description": "\t=1+1"})).await;
    draft(&acme, "line", json!({"description": "\r=1+1"})).await;
    for dialect in ["shopify", "shopify-2025"] {
        let file = export(&acme, dialect).await;
        for cell in file
            .split([',', '\n'])
            .map(|cell| cell.trim_start_matches('"'))
        {
            let dangerous = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell != "\r";
            assert!(!dangerous, "{cell:?} in {file}");
        }
        assert!(
            file.contains("'=1+1") && file.contains("'@SUM(A1)"),
            "{file}"
        );
    }
    let file = export(&acme, "shopify-2025").await;
    let job = import(&globex, file).await;
    assert_eq!(job["counts"]["products_created"], 10, "{job}");
    let list = path("/products?expand=variants");
    let there = all(&globex, &list).await;
    let here = all(&acme, &list).await;
    for field in ["key", "name", "vendor", "product_type", "description"] {
        assert_eq!(strings(&there, field), strings(&here, field));
    }
    for (there, here) in there.iter().zip(&here).take(texts.len()) {
        assert_eq!(
            (&there["tags"], &there["options"]),
            (&here["tags"], &here["options"])
        );
        for field in ["sku", "barcode", "option_values"] {
            assert_eq!(there["variants"][0][field], here["variants"][0][field]);
        }
    }
}

#[actix_web::test]
async fn an_export_says_what_it_is() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    sellable(&tenant.client, "p").await;
    for (query, first) in [
        ("", "Title,URL handle,"),
        ("?dialect=shopify-2025", "Title,URL handle,"),
        ("?dialect=shopify", "Handle,Title,"),
    ] {
        let request = tenant
            .client
            .request(Method::GET, &path(&format!("/products/export{query}")));
        let answer = Answer::of(request).await.expect(200);
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        let name = format!("attachment; filename=\"{}-products.csv\"", tenant.key);
        assert_eq!(answer.headers["content-disposition"], name.as_str());
        assert_eq!(answer.headers["cache-control"], "private, no-cache");
        assert!(answer.text.starts_with(first), "{}", answer.text);
        assert_eq!(answer.text.lines().count(), 2);
    }
    let answer = tenant
        .client
        .get(&path("/products/export?dialect=excel"))
        .await;
    answer.expect_problem(400, "invalid_query");
    let empty = platform.tenant("empty").await.client;
    assert_eq!(export(&empty, "shopify").await.lines().count(), 1);
}

//! The list of products: filters, orders, pages.

use std::collections::BTreeMap;

use averis_test_kit::Client;
use serde_json::{Value, json};

use crate::setup::{
    all, command, draft, one_tenant, path, platform, product_path, sellable, strings,
};

#[actix_web::test]
async fn each_filter_shows_exactly_what_it_says() {
    let (_platform, acme) = one_tenant().await;
    let category = json!({"code": "c", "name": "C"});
    let category = acme
        .post(&path("/categories"), &category)
        .await
        .expect(201)
        .id();
    let one = json!({"name": "50%_off \\ Shirt", "kind": "digital", "vendor": "Ä & B", "product_type": "shirt",
        "tags": ["new, but" .replace(", ", " "), "Sale"], "category_ids": [category], "variants": [{"sku": "1"}]});
    let one = draft(&acme, "one", one).await;
    let two = draft(&acme, "two", json!({"name": "500 Shirts"})).await;
    command(&acme, &one.id(), "launch").await;
    let at = |row: &Value, field: &str| row[field].as_str().expect("a time").to_owned();
    let created_two = at(&two.body, "created_at");
    let changed_one = acme.get(&product_path(&one.id())).await.body;
    let changed_one = at(&changed_one, "updated_at");
    let category = category.as_str();
    for (name, value, expected) in [
        ("status", "active", vec!["one"]),
        ("status", "draft", vec!["two"]),
        ("status", "archived", vec![]),
        ("kind", "digital", vec!["one"]),
        ("kind", "physical", vec!["two"]),
        ("vendor", "Ä & B", vec!["one"]),
        ("vendor", "Ä", vec![]),
        ("product_type", "shirt", vec!["one"]),
        ("tag", "Sale", vec!["one"]),
        ("tag", "new but", vec!["one"]),
        ("tag", "sale", vec![]),
        ("category_id", category, vec!["one"]),
        ("key[in]", "two,one,none", vec!["one", "two"]),
        ("key[in]", "two", vec!["two"]),
        ("name[prefix]", "50%", vec!["one"]),
        ("name[prefix]", "50", vec!["one", "two"]),
        ("name[prefix]", "50%_off \\", vec!["one"]),
        ("name[prefix]", "_", vec![]),
        ("created_at[gte]", &created_two, vec!["two"]),
        ("created_at[lt]", &created_two, vec!["one"]),
        ("updated_at[gte]", &changed_one, vec!["one"]),
    ] {
        let request = acme.request(reqwest::Method::GET, &path("/products"));
        let answer = averis_test_kit::Answer::of(request.query(&[(name, value)])).await;
        let rows = answer.expect(200).body["data"].as_array().cloned();
        assert_eq!(
            strings(&rows.expect("rows"), "key"),
            expected,
            "{name}={value}"
        );
    }
    let both = acme
        .get(&path("/products?kind=digital&tag=Sale&status=draft"))
        .await;
    assert_eq!(both.body["data"], json!([]));
    for wrong in [
        "colour=red",
        "status[in]=draft",
        "status=gone",
        "kind=Physical",
        "limit=x",
        "sort=vendor",
        "expand=prices",
        "category_id=1",
    ] {
        let answer = acme.get(&path(&format!("/products?{wrong}"))).await;
        answer.expect_problem(400, "invalid_query");
    }
    let answer = acme.get(&path("/products?limit=251")).await;
    answer.expect_problem(422, "invalid");
    let keys = vec!["k"; 251].join(",");
    let answer = acme.get(&path(&format!("/products?key[in]={keys}"))).await;
    answer.expect_problem(400, "invalid_query");
}

#[actix_web::test]
async fn each_order_goes_both_ways_and_through_all_pages() {
    let (_platform, acme) = one_tenant().await;
    // Two names are the same, so that the order needs more than the name.
    for (key, name) in [
        ("p1", "B"),
        ("p2", "a"),
        ("p3", "B"),
        ("p4", "ä"),
        ("p5", "A"),
    ] {
        draft(&acme, key, json!({"name": name})).await;
    }
    let touched = acme.get(&path("/products/key=p2")).await;
    let patch = json!({"vendor": "v"});
    acme.patch(&product_path(&touched.id()), 1, &patch)
        .await
        .expect(200);
    for (sort, expected) in [
        ("created_at", ["p1", "p2", "p3", "p4", "p5"]),
        ("updated_at", ["p1", "p3", "p4", "p5", "p2"]),
        ("name", ["p5", "p1", "p3", "p2", "p4"]),
    ] {
        for limit in [1, 2, 5, 250] {
            let list = path(&format!("/products?limit={limit}&sort={sort}"));
            assert_eq!(strings(&all(&acme, &list).await, "key"), expected);
            let list = path(&format!("/products?limit={limit}&sort=-{sort}"));
            let mut rows = all(&acme, &list).await;
            rows.reverse();
            assert_eq!(strings(&rows, "key"), expected, "-{sort}");
        }
    }
}

/// Reads a list in pages of `limit`, and makes a product after each page.
async fn page_while_inserting(
    client: &Client,
    sort: &str,
    prefix: &str,
) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let mut cursor = String::new();
    for number in 0.. {
        let list = path(&format!("/products?limit=4&sort={sort}{cursor}"));
        let page = client.get(&list).await.expect(200).body;
        for key in strings(page["data"].as_array().expect("rows"), "key") {
            *seen.entry(key.to_owned()).or_default() += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
        if number < 5 {
            // One name before all others, one behind.
            let name = if number % 2 == 0 { "0" } else { "z" };
            draft(client, &format!("{prefix}-{number}"), json!({"name": name})).await;
        }
    }
    seen
}

#[actix_web::test]
async fn paging_shows_each_row_once_while_others_are_made() {
    let (_platform, acme) = one_tenant().await;
    for number in 0..18 {
        let name = format!("name {}", number % 3);
        draft(&acme, &format!("old-{number}"), json!({"name": name})).await;
    }
    for (round, sort) in ["created_at", "-created_at", "name", "-name", "-updated_at"]
        .iter()
        .enumerate()
    {
        let seen = page_while_inserting(&acme, sort, &format!("new{round}")).await;
        assert!(seen.values().all(|count| *count == 1), "{sort}: {seen:?}");
        let old = seen.keys().filter(|key| key.starts_with("old-")).count();
        assert_eq!(old, 18, "{sort}");
    }
}

#[actix_web::test]
async fn a_cursor_fits_only_the_list_it_came_from() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let globex = platform.tenant("globex").await.client;
    for client in [&acme, &globex] {
        for key in ["a", "b", "c"] {
            sellable(client, key).await;
        }
    }
    let page = acme.get(&path("/products?limit=2&status=draft")).await;
    let cursor = page.body["next_cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let rest = format!("limit=2&status=draft&cursor={cursor}");
    acme.get(&path(&format!("/products?{rest}")))
        .await
        .expect(200);
    // Another length of pages is the same list.
    let longer = path(&format!("/products?limit=9&status=draft&cursor={cursor}"));
    assert_eq!(
        acme.get(&longer).await.expect(200).body["data"][0]["key"],
        "c"
    );
    let answer = globex.get(&path(&format!("/products?{rest}"))).await;
    answer.expect_problem(400, "invalid_cursor");
    let (head, tail) = cursor.split_at(cursor.len() / 2);
    let flipped = format!("{head}{}", tail.replace(|c: char| c.is_ascii_digit(), "x"));
    for other in [
        format!("/products?cursor={cursor}"),
        format!("/products?status=active&cursor={cursor}"),
        format!("/products?status=draft&sort=name&cursor={cursor}"),
        format!("/products?status=draft&sort=-created_at&cursor={cursor}"),
        format!("/products/search?q=a&status=draft&cursor={cursor}"),
        format!("/categories?cursor={cursor}"),
        format!("/attribute-definitions?cursor={cursor}"),
        format!("/imports?cursor={cursor}"),
        format!("/products?status=draft&cursor={head}"),
        format!("/products?status=draft&cursor={flipped}x"),
        "/products?cursor=".to_owned(),
        "/products?cursor=%00".to_owned(),
    ] {
        let answer = acme.get(&path(&other)).await;
        answer.expect_problem(400, "invalid_cursor");
    }
}

#[actix_web::test]
async fn a_list_shows_variants_and_media_on_demand() {
    let (_platform, acme) = one_tenant().await;
    for key in ["a", "b"] {
        let id = sellable(&acme, key).await.id();
        let media = format!("{}/media", product_path(&id));
        let picture = json!({"url": format!("https://x.example/{key}.jpg")});
        acme.post(&media, &picture).await.expect(201);
    }
    let plain = acme.get(&path("/products")).await.expect(200).body;
    assert!(plain["data"][0].get("variants").is_none());
    assert!(plain["data"][0].get("media").is_none());
    let both = acme
        .get(&path("/products?expand=variants,media"))
        .await
        .expect(200)
        .body;
    for (row, key) in both["data"]
        .as_array()
        .expect("rows")
        .iter()
        .zip(["a", "b"])
    {
        assert_eq!(
            strings(row["variants"].as_array().expect("variants"), "sku"),
            [key]
        );
        assert_eq!(
            row["media"][0]["url"],
            format!("https://x.example/{key}.jpg")
        );
    }
}

#[actix_web::test]
async fn every_other_list_pages_through_all_its_rows() {
    let (_platform, acme) = one_tenant().await;
    for number in 0..5 {
        let category = json!({"code": format!("c{number}"), "name": "C"});
        acme.post(&path("/categories"), &category).await.expect(201);
        let attribute = json!({"code": format!("a{number}"), "label": "L", "type": "text"});
        acme.post(&path("/attribute-definitions"), &attribute)
            .await
            .expect(201);
    }
    let categories = all(&acme, &path("/categories?limit=2")).await;
    assert_eq!(strings(&categories, "code"), ["c0", "c1", "c2", "c3", "c4"]);
    let attributes = all(&acme, &path("/attribute-definitions?limit=2")).await;
    // After those that every tenant has from the start.
    let codes = strings(&attributes, "code");
    let own = codes.len() - 5;
    assert_eq!(codes[own..], ["a0", "a1", "a2", "a3", "a4"]);
    let all_at_once = all(&acme, &path("/attribute-definitions?limit=250")).await;
    assert_eq!(strings(&all_at_once, "code"), codes);
}

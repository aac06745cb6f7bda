//! Companies: who acts for them, where they are, and what is known of them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{company, member, money, path, platform, prove, unique_email, visitor};

#[actix_web::test]
async fn u8_members_of_one_company_see_nothing_of_another() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (one, other) = (
        company(staff, "One", 1).await,
        company(staff, "Other", 1).await,
    );
    let ana = visitor(&platform, &acme);
    let id = prove(&platform, &ana, &unique_email("ana"), 0).await["customer"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    member(staff, &one, &id, json!(["admin"]), Value::Null).await;
    let body = json!({"customer_id": id, "roles": ["buyer"]});
    let members = path(&format!("/companies/{one}/members"));
    staff
        .post(&members, &body)
        .await
        .expect_problem(409, "member_exists");
    for address in [
        format!("/companies/{other}"),
        "/companies".to_owned(),
        format!("/companies/{one}/members"),
        format!("/customers/{id}/context?company_id={other}"),
        "/approvals".to_owned(),
    ] {
        ana.get(&path(&address))
            .await
            .expect_problem(403, "forbidden");
    }
    let context = path(&format!("/customers/{id}/context"));
    staff
        .get(&format!("{context}?company_id={other}"))
        .await
        .expect_problem(409, "not_a_member");
    let own = staff
        .get(&format!("{context}?company_id={one}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&own["may_order"], &own["segment"]),
        (&json!(true), &json!("gold"))
    );
    assert_eq!(own["company"]["credit_limit"], money(1));
    assert_eq!(own["membership"]["roles"], json!(["admin"]));
    let plain = staff.get(&context).await.expect(200).body;
    assert_eq!(
        (&plain["company"], &plain["segment"]),
        (&Value::Null, &Value::Null)
    );
    // What somebody loses, it loses.
    let own = path(&format!("/companies/{one}/members/{id}"));
    let changed = staff
        .patch(
            &own,
            1,
            &json!({"roles": ["approver"], "spend_limit": money(5)}),
        )
        .await
        .expect(200);
    let read = staff
        .get(&format!("{context}?company_id={one}"))
        .await
        .expect(200)
        .body;
    assert_eq!(read["may_order"], false);
    let _ = staff.delete(&own, changed.version()).await.expect(204);
    staff
        .get(&format!("{context}?company_id={one}"))
        .await
        .expect_problem(409, "not_a_member");
}
#[actix_web::test]
async fn a_company_is_approved_with_tax_ids_that_were_found_valid() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    for wrong in ["DE12345678", "", "136695976", "D\u{c9}136695976"] {
        let body = json!({"name": "x", "tax_ids": [wrong]});
        let refused = staff.post(&path("/companies"), &body).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], "/tax_ids/0");
    }
    let twice = json!({"name": "x", "tax_ids": ["DE136695976", "DE136695977"]});
    let refused = staff.post(&path("/companies"), &twice).await;
    refused.expect_problem(422, "invalid");
    assert_eq!(refused.body["errors"][0]["pointer"], "/tax_ids/1");
    let body =
        json!({"name": "Lima", "tax_ids": ["de 136.695-976"], "registration_number": "HRB 1"});
    let made = staff.post(&path("/companies"), &body).await.expect(201);
    assert_eq!(
        (
            &made.body["tax_ids"][0]["number"],
            &made.body["tax_ids"][0]["valid"]
        ),
        (&json!("DE136695976"), &Value::Null)
    );
    let own = path(&format!("/companies/{}", made.id()));
    let (approve, check) = (format!("{own}/approve"), format!("{own}/tax-id-check"));
    staff
        .command(&approve, 1, &json!({}))
        .await
        .expect_problem(409, "tax_id_not_valid");
    let other = json!({"number": "DE136695977", "valid": true});
    staff
        .command(&check, 1, &other)
        .await
        .expect_problem(422, "invalid");
    let invalid = json!({"number": "DE136695976", "valid": false});
    let invalid = staff.command(&check, 1, &invalid).await.expect(200);
    staff
        .command(&approve, invalid.version(), &json!({}))
        .await
        .expect_problem(409, "tax_id_not_valid");
    let valid = json!({"number": "DE136695976", "valid": true, "reference": "WAPIAAAAX1"});
    let valid = staff
        .command(&check, invalid.version(), &valid)
        .await
        .expect(200);
    assert_eq!(
        (
            &valid.body["tax_ids"][0]["valid"],
            &valid.body["tax_ids"][0]["reference"]
        ),
        (&json!(true), &json!("WAPIAAAAX1"))
    );
    let approved = staff
        .command(&approve, valid.version(), &json!({}))
        .await
        .expect(200);
    // A name may be mended; another id is another company's until somebody has looked.
    let named = staff
        .patch(&own, approved.version(), &json!({"name": "Lima GmbH"}))
        .await
        .expect(200);
    assert_eq!(
        (&named.body["status"], &named.body["tax_ids"][0]["valid"]),
        (&json!("approved"), &json!(true))
    );
    let moved = staff
        .patch(
            &own,
            named.version(),
            &json!({"tax_ids": ["DE136695976", "ATU12345678"]}),
        )
        .await
        .expect(200);
    assert_eq!(
        (
            &moved.body["status"],
            &moved.body["tax_ids"][0]["valid"],
            &moved.body["tax_ids"][1]["valid"]
        ),
        (&json!("pending"), &json!(true), &Value::Null)
    );
    let cleared = json!({"tax_ids": [], "segment": null, "registration_number": null});
    let cleared = staff
        .patch(&own, moved.version(), &cleared)
        .await
        .expect(200);
    assert_eq!(
        (
            &cleared.body["tax_ids"],
            &cleared.body["registration_number"]
        ),
        (&json!([]), &Value::Null)
    );
    let approved = staff
        .command(&approve, cleared.version(), &json!({}))
        .await
        .expect(200);
    let renumbered = json!({"registration_number": "HRB 2"});
    let renumbered = staff
        .patch(&own, approved.version(), &renumbered)
        .await
        .expect(200);
    assert_eq!(renumbered.body["status"], "pending");
}

#[actix_web::test]
async fn a_closed_company_takes_nothing_more() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let id = company(&staff, "One", 10).await;
    let own = path(&format!("/companies/{id}"));
    let closed = staff
        .command(&format!("{own}/close"), 2, &json!({}))
        .await
        .expect(200);
    let more = json!({"credit_limit": money(1_000)});
    staff
        .patch(&own, closed.version(), &more)
        .await
        .expect_problem(409, "company_closed");
    let customer = staff
        .post(&path("/customers"), &json!({}))
        .await
        .expect(201)
        .id();
    let body = json!({"customer_id": customer, "roles": ["buyer"]});
    let address = json!({"name": "A", "lines": ["B"], "city": "C", "country": "DE"});
    for (part, body) in [
        ("members", body),
        ("locations", json!({"name": "x", "address": address})),
        ("approval-rules", json!({"min_amount": money(1)})),
    ] {
        let refused = staff.post(&format!("{own}/{part}"), &body).await;
        refused.expect_problem(409, "company_closed");
    }
}

#[actix_web::test]
async fn a_location_says_where_from_which_catalog_and_why_without_tax() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (id, other) = (
        company(staff, "One", 10).await,
        company(staff, "Other", 10).await,
    );
    let customer = staff
        .post(&path("/customers"), &json!({}))
        .await
        .expect(201)
        .id();
    member(staff, &id, &customer, json!(["buyer"]), Value::Null).await;
    let locations = path(&format!("/companies/{id}/locations"));
    let address = json!({"name": "Lima", "lines": ["Torstr. 1"], "city": "Berlin", "region": null, "postal_code": "10119",
        "country": "DE", "is_shipping": true, "is_billing": false});
    let today = chrono::Utc::now().date_naive();
    let days = |number: i64| (today + chrono::TimeDelta::days(number)).to_string();
    let exemption = |from: i64, until: i64| json!({"certificate": "EX-1", "valid_from": days(from), "valid_until": days(until)});
    let body = json!({"name": "Berlin", "address": address, "catalog": "b2b", "tax_exemption": exemption(-1, 0)});
    let made = staff.post(&locations, &body).await.expect(201);
    assert_eq!(
        (&made.body["address"], &made.body["catalog"]),
        (&address, &json!("b2b"))
    );
    let context = async |location: &str| {
        let address = path(&format!(
            "/customers/{customer}/context?company_id={id}&location_id={location}"
        ));
        staff.get(&address).await
    };
    let read = context(&made.id()).await.expect(200).body;
    assert_eq!(
        (&read["tax_exempt"], &read["location"]["name"]),
        (&json!(true), &json!("Berlin"))
    );
    // A certificate counts from its first day to its last.
    let own = format!("{locations}/{}", made.id());
    let mut version = 1;
    for (from, until, counts) in [(0, 9, true), (1, 9, false), (-9, -1, false), (0, 0, true)] {
        let patch = json!({"tax_exemption": exemption(from, until)});
        version = staff
            .patch(&own, version, &patch)
            .await
            .expect(200)
            .version();
        let read = context(&made.id()).await.expect(200).body;
        assert_eq!(read["tax_exempt"], counts, "{from} {until}");
    }
    let none = json!({"tax_exemption": null, "catalog": null, "name": "Berlin Mitte"});
    let changed = staff.patch(&own, version, &none).await.expect(200);
    assert_eq!(
        (&changed.body["tax_exemption"], &changed.body["address"]),
        (&Value::Null, &address)
    );
    assert_eq!(
        context(&made.id()).await.expect(200).body["tax_exempt"],
        false
    );
    for body in [
        json!({"name": "", "address": address}),
        json!({"name": "x", "address": {"name": "A", "lines": [], "city": "C", "country": "DE"}}),
        json!({"name": "x", "address": address, "catalog": "a b"}),
        json!({"name": "x", "address": address, "tax_exemption": exemption(1, 0)}),
    ] {
        staff
            .post(&locations, &body)
            .await
            .expect_problem(422, "invalid");
    }
    for patch in [
        json!({"tax_exemption": exemption(1, 0)}),
        json!({"tax_exemption": {"certificate": "", "valid_from": days(0), "valid_until": days(0)}}),
    ] {
        staff
            .patch(&own, changed.version(), &patch)
            .await
            .expect_problem(422, "invalid");
    }
    // It is the company's own.
    let foreign = path(&format!("/companies/{other}/locations/{}", made.id()));
    staff
        .patch(&foreign, changed.version(), &json!({"name": "x"}))
        .await
        .expect_problem(404, "not_found");
    context(&Uuid::now_v7().to_string())
        .await
        .expect_problem(422, "unknown_location");
    let alone = path(&format!(
        "/customers/{customer}/context?location_id={}",
        made.id()
    ));
    staff.get(&alone).await.expect_problem(422, "invalid");
    for number in 0..2 {
        let _ = staff
            .post(
                &locations,
                &json!({"name": format!("L{number}"), "address": address}),
            )
            .await
            .expect(201);
    }
    let page = staff
        .get(&format!("{locations}?limit=2"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&page["data"][0]["name"], &page["data"][1]["name"]),
        (&json!("Berlin Mitte"), &json!("L0"))
    );
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let rest = staff
        .get(&format!("{locations}?limit=2&cursor={cursor}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&rest["data"][0]["name"], &rest["next_cursor"]),
        (&json!("L1"), &Value::Null)
    );
    let _ = staff.delete(&own, changed.version()).await.expect(204);
    context(&made.id())
        .await
        .expect_problem(422, "unknown_location");
}

#[actix_web::test]
async fn a_company_belongs_to_another_and_never_to_itself() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let unknown = json!({"name": "x", "parent_id": Uuid::now_v7()});
    staff
        .post(&path("/companies"), &unknown)
        .await
        .expect_problem(422, "unknown_company");
    let make = async |name: &str, parent: Value| {
        let body = json!({"name": name, "parent_id": parent});
        staff.post(&path("/companies"), &body).await.expect(201)
    };
    let group = make("Group", Value::Null).await;
    let firm = make("Firm", json!(group.id())).await;
    let branch = make("Branch", json!(firm.id())).await;
    assert_eq!(branch.body["parent_id"], json!(firm.id()));
    for child in [&group, &firm, &branch] {
        let own = path(&format!("/companies/{}", group.id()));
        let refused = staff
            .patch(&own, 1, &json!({"parent_id": child.id()}))
            .await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["code"], "circle");
    }
    let own = path(&format!("/companies/{}", branch.id()));
    let moved = staff
        .patch(&own, 1, &json!({"parent_id": group.id()}))
        .await
        .expect(200);
    let freed = staff
        .patch(&own, moved.version(), &json!({"parent_id": null}))
        .await
        .expect(200);
    assert_eq!(
        (&moved.body["parent_id"], &freed.body["parent_id"]),
        (&json!(group.id()), &Value::Null)
    );
}

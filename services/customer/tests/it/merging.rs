//! Who is found to be whom: by staff, and by an address that staff has entered.

use serde_json::{Value, json};

use crate::setup::{company, member, money, path, platform, prove, unique_email, visitor};

#[actix_web::test]
async fn staff_makes_one_of_two_records_and_says_why() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let enter = async |body: Value| {
        staff
            .post(&path("/customers"), &body)
            .await
            .expect(201)
            .id()
    };
    let kept = enter(json!({"given_name": "Ana", "segments": ["gold"]})).await;
    let twice = enter(json!({"given_name": "Anna", "phone": "+49 30 1", "segments": ["gold", "press"], "email": "a@example.test"})).await;
    let (first, second) = (
        company(staff, "First", 1).await,
        company(staff, "Second", 1).await,
    );
    for company in [&first, &second] {
        member(staff, company, &twice, json!(["buyer"]), money(5)).await;
    }
    member(staff, &second, &kept, json!(["admin"]), Value::Null).await;
    let address = json!({"name": "Ana", "lines": ["x"], "city": "y", "country": "DE"});
    let _ = staff
        .post(&path(&format!("/customers/{twice}/addresses")), &address)
        .await
        .expect(201);
    let merge = path(&format!("/customers/{kept}/merge"));
    let body = |from: &str| json!({"from_id": from, "reason": "Ticket 4712"});
    staff
        .command(&merge, 1, &body(&kept))
        .await
        .expect_problem(422, "invalid");
    staff
        .command(&merge, 9, &body(&twice))
        .await
        .expect_problem(412, "version_mismatch");
    let nobody = uuid::Uuid::now_v7().to_string();
    staff
        .command(&merge, 1, &body(&nobody))
        .await
        .expect_problem(422, "unknown_customer");
    let merged = staff.command(&merge, 1, &body(&twice)).await.expect(200);
    let expected = json!(["Ana", "+49 30 1", "a@example.test", ["gold", "press"]]);
    let told = &merged.body;
    assert_eq!(
        json!([
            told["given_name"],
            told["phone"],
            told["email"],
            told["segments"]
        ]),
        expected
    );
    let export = staff
        .get(&path(&format!("/customers/{kept}/export")))
        .await
        .expect(200)
        .body;
    assert_eq!(export["merges"][0]["reason"], "Ticket 4712");
    assert_eq!(
        (
            &export["merges"][0]["visitor_id"],
            &export["addresses"][0]["city"]
        ),
        (&Value::Null, &json!("y"))
    );
    let roles: Vec<&Value> = export["memberships"]
        .as_array()
        .expect("memberships")
        .iter()
        .map(|one| &one["roles"])
        .collect();
    assert_eq!(
        roles,
        [&json!(["buyer"]), &json!(["admin"])],
        "where both act, the kept one goes on as it did"
    );
    staff
        .command(&merge, merged.version(), &body(&twice))
        .await
        .expect_problem(409, "customer_gone");
    // What is proven is merged by proof alone.
    let hot = prove(
        &platform,
        &visitor(&platform, &acme),
        &unique_email("hot"),
        0,
    )
    .await;
    let hot = hot["customer"]["id"].as_str().expect("an id");
    staff
        .command(&merge, merged.version(), &body(hot))
        .await
        .expect_problem(409, "not_mergeable");
}

#[actix_web::test]
async fn whoever_proves_an_address_that_staff_has_entered_is_the_one_meant() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let email = unique_email("ana");
    // A stranger who claims the address, before and after, is not.
    let eve = visitor(&platform, &acme);
    let claim = json!({"email": email, "given_name": "Eve"});
    let claimed = eve
        .post(&path("/visitor/contact"), &claim)
        .await
        .expect(200)
        .body;
    let body = json!({"email": email.to_uppercase(), "family_name": "Lima"});
    let entered = staff
        .post(&path("/customers"), &body)
        .await
        .expect(201)
        .id();
    let company = company(staff, "Lima", 1).await;
    member(staff, &company, &entered, json!(["buyer"]), Value::Null).await;
    let ana = visitor(&platform, &acme);
    let _ = ana
        .post(&path("/visitor/contact"), &json!({"given_name": "Ana"}))
        .await
        .expect(200);
    let hot = prove(&platform, &ana, &email, 0).await;
    let told = &hot["customer"];
    assert_eq!(
        json!([told["id"], told["given_name"], told["family_name"]]),
        json!([entered, "Ana", "Lima"])
    );
    let memberships = ana
        .get(&path("/visitor/memberships"))
        .await
        .expect(200)
        .body;
    assert_eq!(memberships["data"][0]["company_name"], "Lima");
    let own = eve.get(&path("/visitor")).await.expect(200).body;
    assert_eq!(
        (&own["customer"]["id"], &own["disclosure"]),
        (&claimed["customer"]["id"], &json!("warm"))
    );
}

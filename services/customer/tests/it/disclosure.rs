//! How a visitor becomes somebody (the U numbers of the invariants).

use averis_test_kit::Client;
use serde_json::{Value, json};

use crate::setup::{ask, code, confirm, path, platform, prove, unique_email, visitor};

async fn say(visitor: &Client, contact: Value) -> averis_test_kit::Answer {
    visitor.post(&path("/visitor/contact"), &contact).await
}

fn address(name: &str) -> Value {
    json!({"name": name, "lines": ["Torstr. 1"], "city": "Berlin", "postal_code": "10119", "country": "DE"})
}

#[actix_web::test]
async fn u3_disclosure_rises_by_what_is_said_and_by_proof_alone() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let ana = visitor(&platform, &acme);
    ana.get(&path("/visitor"))
        .await
        .expect_problem(404, "not_found");
    let cold = ana
        .post(&path("/visitor"), &json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&cold["disclosure"], &cold["customer"]),
        (&json!("cold"), &Value::Null)
    );
    let email = unique_email("ana");
    let warm = say(
        &ana,
        json!({"email": email.to_uppercase(), "given_name": "Ana"}),
    )
    .await
    .expect(200)
    .body;
    assert_eq!(
        (&warm["disclosure"], &warm["customer"]["disclosure"]),
        (&json!("warm"), &json!("warm"))
    );
    assert_eq!(warm["customer"]["email"], json!(email));
    for field in [
        "disclosure",
        "status",
        "email_verified_at",
        "proven",
        "segments",
        "id",
    ] {
        let mut body = json!({"given_name": "Ana"});
        body[field] = json!("hot");
        say(&ana, body).await.expect_problem(400, "unknown_field");
    }
    let _ = ana
        .post(&path("/visitor/addresses"), &address("Ana"))
        .await
        .expect(201);
    let hot = prove(&platform, &ana, &email, 0).await;
    assert_eq!(hot["disclosure"], "hot");
    assert_eq!(
        hot["customer"]["id"], warm["customer"]["id"],
        "what was said is proven now"
    );
    assert_eq!(hot["customer"]["given_name"], "Ana");
    assert_eq!(hot["addresses"][0]["name"], "Ana");
    assert_eq!(
        ana.get(&path("/visitor")).await.expect(200).body["customer"],
        hot["customer"]
    );
    // A proven address is changed by proving another.
    say(&ana, json!({"email": unique_email("other")}))
        .await
        .expect_problem(409, "email_proven");
    let id = hot["customer"]["id"].as_str().expect("an id");
    let own = path(&format!("/customers/{id}"));
    let version = acme.client.get(&own).await.expect(200).version();
    let changed = acme
        .client
        .patch(&own, version, &json!({"email": "x@y.zz"}))
        .await;
    changed.expect_problem(409, "email_proven");
    // Somebody else at the same machine is somebody else, and leaves the first as it was.
    let other = prove(&platform, &ana, &unique_email("other"), 0).await;
    assert_ne!(other["customer"]["id"], json!(id));
    assert_eq!(other["addresses"], json!([]));
    let first = acme.client.get(&own).await.expect(200).body;
    assert_eq!(first["email"], json!(email));
    let again = prove(&platform, &ana, &email, 1).await;
    assert_eq!(again["customer"]["id"], json!(id));
    let out = ana
        .post(&path("/visitor/sign-out"), &json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&out["disclosure"], &out["customer"]),
        (&json!("cold"), &Value::Null)
    );
    assert_eq!(
        ana.get(&path("/visitor")).await.expect(200).body["addresses"],
        json!([])
    );
}

#[actix_web::test]
async fn u1_registering_with_bobs_address_shows_nothing_of_bob() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let (bob, eve) = (visitor(&platform, &acme), visitor(&platform, &acme));
    let (known, unknown) = (unique_email("bob"), unique_email("nobody"));
    let _ = bob
        .post(&path("/visitor/addresses"), &address("Bob's house"))
        .await
        .expect(201);
    let _ = say(&bob, json!({"given_name": "Bob"})).await.expect(200);
    let proven = prove(&platform, &bob, &known, 0).await;
    let secret = proven["customer"]["id"].as_str().expect("an id").to_owned();
    // Whatever Eve does with either address, the answers are of one form.
    let form = |answer: &averis_test_kit::Answer, email: &str| {
        let mut names: Vec<String> = answer
            .body
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        names.sort();
        assert!(
            !answer.text.contains("Bob") && !answer.text.contains(&secret),
            "{}",
            answer.text
        );
        let _ = email;
        (answer.status, names)
    };
    let mut seen = Vec::new();
    for email in [&known, &unknown] {
        let said = say(&eve, json!({"email": email})).await;
        let asked = ask(&eve, email).await;
        let wrong = confirm(&eve, &asked.id(), "00000000").await;
        wrong.expect_problem(422, "verification_failed");
        seen.push((form(&said, email), form(&asked, email), form(&wrong, email)));
    }
    assert_eq!(seen[0], seen[1]);
    let own = eve.get(&path("/visitor")).await.expect(200);
    assert_eq!(own.body["disclosure"], "warm");
    assert_ne!(own.body["customer"]["id"], json!(secret));
    // Nor does a code that was mailed for one visitor prove anything for another.
    let asked = ask(&eve, &known).await.expect(201);
    let real = code(&platform, &known, 3).await;
    confirm(&bob, &asked.id(), &real)
        .await
        .expect_problem(422, "verification_failed");
    // Guesses are counted: after five the right one is none any more.
    for _ in 0..5 {
        confirm(&eve, &asked.id(), "00000001")
            .await
            .expect_problem(422, "verification_failed");
    }
    confirm(&eve, &asked.id(), &real)
        .await
        .expect_problem(422, "verification_failed");
    ask(&eve, &known).await.expect(201);
    ask(&eve, &unknown).await.expect(201);
    ask(&eve, &unknown)
        .await
        .expect_problem(429, "too_many_codes");
}

#[actix_web::test]
async fn u2_of_many_who_prove_one_address_at_once_one_customer_comes() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let email = unique_email("all");
    let visitors: Vec<Client> = (0..4).map(|_| visitor(&platform, &acme)).collect();
    let mut asked = Vec::new();
    for (number, one) in visitors.iter().enumerate() {
        let _ = say(one, json!({"given_name": format!("V{number}")}))
            .await
            .expect(200);
        let id = ask(one, &email).await.expect(201).id();
        asked.push((id, code(&platform, &email, number + 1).await));
    }
    let confirms = visitors
        .iter()
        .zip(&asked)
        .map(|(one, (id, code))| confirm(one, id, code));
    let answers = futures_util::future::join_all(confirms).await;
    for (answer, (one, (id, code))) in answers.iter().zip(visitors.iter().zip(&asked)) {
        // Whoever met another at the same moment tries again, and finds it.
        if answer.status == 409 {
            answer.expect_problem(409, "conflict");
            let _ = confirm(one, id, code).await.expect(200);
        } else {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
    let listed = path(&format!(
        "/customers?email={email}&disclosure=hot&status=active"
    ));
    let listed = acme.client.get(&listed).await.expect(200);
    assert_eq!(listed.body["data"].as_array().expect("customers").len(), 1);
    for one in &visitors {
        let own = one.get(&path("/visitor")).await.expect(200).body;
        assert_eq!(own["customer"]["id"], listed.body["data"][0]["id"]);
    }
}

#[actix_web::test]
async fn u4_a_merge_moves_once_what_a_visitor_has_said_and_tells_from_where() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let email = unique_email("ana");
    let first = visitor(&platform, &acme);
    let _ = say(&first, json!({"given_name": "Ana"})).await.expect(200);
    let known = prove(&platform, &first, &email, 0).await;
    let id = known["customer"]["id"].as_str().expect("an id").to_owned();
    // The same person, elsewhere.
    let second = visitor(&platform, &acme);
    let said = json!({"given_name": "Annie", "phone": "+49 30 1"});
    let warm = say(&second, said).await.expect(200).body["customer"]["id"].clone();
    let _ = second
        .post(&path("/visitor/addresses"), &address("Ana at work"))
        .await
        .expect(201);
    let consent = json!({"purpose": "newsletter", "granted": true, "text_version": "1"});
    let _ = second
        .post(&path("/visitor/consents"), &consent)
        .await
        .expect(201);
    let asked = ask(&second, &email).await.expect(201).id();
    let code = code(&platform, &email, 2).await;
    let confirm_as = async || {
        let address = path(&format!("/verifications/{asked}/confirm"));
        second
            .post_as("once", &address, &json!({"code": code}))
            .await
    };
    let merged = confirm_as().await.expect(200).body;
    assert_eq!(merged["customer"]["id"], json!(id));
    assert_eq!(
        merged["customer"]["given_name"], "Ana",
        "what is known stays"
    );
    assert_eq!(
        merged["customer"]["phone"], "+49 30 1",
        "what is not, is learned"
    );
    assert_eq!(merged["addresses"].as_array().expect("addresses").len(), 1);
    assert_eq!(
        confirm_as().await.expect(200).body,
        merged,
        "the same again changes nothing"
    );
    confirm(&second, &asked, &code)
        .await
        .expect_problem(422, "verification_failed");
    let export = acme
        .client
        .get(&path(&format!("/customers/{id}/export")))
        .await
        .expect(200)
        .body;
    assert_eq!(export["merges"].as_array().expect("merges").len(), 1);
    assert_eq!(export["merges"][0]["customer_id"], warm);
    assert_eq!(export["consents"][0]["purpose"], "newsletter");
    assert_eq!(export["visits"].as_array().expect("visits").len(), 2);
    // Of who was merged nothing is left but where it went.
    let gone = path(&format!("/customers/{}", warm.as_str().expect("an id")));
    let gone = acme.client.get(&gone).await.expect(200);
    assert_eq!(
        (&gone.body["status"], &gone.body["merged_into"]),
        (&json!("merged"), &json!(id))
    );
    assert_eq!(
        (&gone.body["given_name"], &gone.body["phone"]),
        (&Value::Null, &Value::Null)
    );
    let address = gone.body["id"].as_str().expect("an id");
    let changed = acme
        .client
        .patch(
            &path(&format!("/customers/{address}")),
            gone.version(),
            &json!({"phone": "1"}),
        )
        .await;
    changed.expect_problem(409, "customer_gone");
}

#[actix_web::test]
async fn a_suspended_customer_neither_signs_in_nor_speaks() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let email = unique_email("bad");
    let first = visitor(&platform, &acme);
    let id = prove(&platform, &first, &email, 0).await["customer"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let own = path(&format!("/customers/{id}"));
    let version = acme.client.get(&own).await.expect(200).version();
    let suspended = acme
        .client
        .command(&format!("{own}/suspend"), version, &json!({}))
        .await
        .expect(200);
    acme.client
        .command(&format!("{own}/suspend"), suspended.version(), &json!({}))
        .await
        .expect_problem(409, "invalid_transition");
    say(&first, json!({"given_name": "x"}))
        .await
        .expect_problem(409, "customer_suspended");
    let second = visitor(&platform, &acme);
    let asked = ask(&second, &email).await.expect(201).id();
    let right = code(&platform, &email, 2).await;
    confirm(&second, &asked, &right)
        .await
        .expect_problem(409, "customer_suspended");
    let context = acme.client.get(&format!("{own}/context")).await.expect(200);
    assert_eq!(context.body["may_order"], false);
    let _ = acme
        .client
        .command(&format!("{own}/resume"), suspended.version(), &json!({}))
        .await
        .expect(200);
    let _ = say(&first, json!({"given_name": "x"})).await.expect(200);
}

#[actix_web::test]
async fn an_address_changes_for_whoever_has_proven_both_and_the_old_one_is_told() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let (old, new, taken) = (
        unique_email("old"),
        unique_email("new"),
        unique_email("taken"),
    );
    let (ana, phone, bob) = (
        visitor(&platform, &acme),
        visitor(&platform, &acme),
        visitor(&platform, &acme),
    );
    let change = async |who: &Client, email: &str, before: usize| {
        let body = json!({"email": email, "purpose": "change_email"});
        let asked = who.post(&path("/verifications"), &body).await.expect(201);
        let code = code(&platform, email, before + 1).await;
        confirm(who, &asked.id(), &code).await
    };
    change(&ana, &new, 0)
        .await
        .expect_problem(409, "not_proven");
    let _ = say(&ana, json!({"given_name": "Ana"})).await.expect(200);
    change(&ana, &new, 1)
        .await
        .expect_problem(409, "not_proven");
    let hot = prove(&platform, &ana, &old, 0).await;
    let id = hot["customer"]["id"].clone();
    let _ = prove(&platform, &phone, &old, 1).await;
    let _ = prove(&platform, &bob, &taken, 0).await;
    change(&ana, &taken, 1)
        .await
        .expect_problem(409, "email_taken");
    let changed = change(&ana, &new, 2).await.expect(200).body;
    assert_eq!(
        json!([changed["customer"]["id"], changed["customer"]["email"]]),
        json!([id, new])
    );
    // Whoever else was taken for the customer proves it again, and the address before learns of it.
    let other = phone.get(&path("/visitor")).await.expect(200).body;
    assert_eq!(other["disclosure"], "cold");
    let mails = async || platform.mails_to(&old);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !mails()
        .await
        .last()
        .expect("mails")
        .contains("another address")
    {
        assert!(
            std::time::Instant::now() < deadline,
            "the old address is not told"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // Staff can end it for all.
    let out = path(&format!(
        "/customers/{}/sign-out",
        id.as_str().expect("an id")
    ));
    let _ = acme.client.post(&out, &json!({})).await.expect(200);
    assert_eq!(
        ana.get(&path("/visitor")).await.expect(200).body["disclosure"],
        "cold"
    );
}

#[actix_web::test]
async fn u1_strangers_neither_learn_of_codes_nor_flood_an_address() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let email = unique_email("bob");
    // Many strangers at once, from one place.
    let strangers: Vec<Client> = (0..12).map(|_| visitor(&platform, &acme)).collect();
    let asks = strangers.iter().map(|one| ask(one, &email));
    let answers = futures_util::future::join_all(asks).await;
    let good = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(good, 5);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(429, "too_many_codes");
    }
    // From elsewhere codes can be had still, until there are so many that none is mailed any more; and nobody sees when.
    let database = platform.database.connect().await;
    let table = format!("tenant_{}_customer.verifications", acme.key);
    let move_away = format!("UPDATE {table} SET sender = sha256(id::text::bytea)");
    for _ in 0..15 {
        let _ = database.execute(&move_away, &[]).await.expect("moved");
        let _ = ask(&visitor(&platform, &acme), &email).await.expect(201);
    }
    let _ = database.execute(&move_away, &[]).await.expect("moved");
    let beyond = ask(&visitor(&platform, &acme), &email).await.expect(201);
    assert_eq!(beyond.body.as_object().expect("an object").len(), 2);
    let other = visitor(&platform, &acme);
    let other_email = unique_email("other");
    let _ = ask(&other, &other_email).await.expect(201);
    let _ = code(&platform, &other_email, 1).await;
    // Mails leave in the order in which they were asked for, eight at once: after this one none of those before waits.
    let _ = code(&platform, &email, 20).await;
    assert_eq!(platform.mails_to(&email).len(), 20);
}

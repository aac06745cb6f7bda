//! Codes by mail.

use std::time::Duration;

use averis_tenant_context::{GlobalRole, TenantRole};
use averis_test_kit::{Answer, Setup, TestPlatform, told_apart, unique_key};
use serde_json::{Value, json};

use crate::sign_in::{Account, PASSWORD, access, account, join, stops, word};
use crate::tools::within;

const CODES: &str = "/api/tenant/v1/sign-in/codes";
const CODE: &str = "/api/tenant/v1/sign-in/code";
const RESET: &str = "/api/tenant/v1/reset-password";
const TOKENS: &str = "/api/tenant/v1/tokens";

async fn request(platform: &TestPlatform, email: &str) -> Answer {
    let client = platform.client.anonymous();
    client.post(CODES, &json!({"email": email})).await
}

/// Waits for that many mails to an address, and returns the code in the last.
async fn code(platform: &TestPlatform, email: &str, mails: usize) -> String {
    let limit = Duration::from_secs(5);
    within(limit, "the mail is there", &mut async || {
        platform.mails_to(email).len() >= mails
    })
    .await;
    let mails_there = platform.mails_to(email);
    assert_eq!(mails_there.len(), mails);
    let mut lines = mails_there[mails - 1].lines().map(str::trim);
    let code = lines.find(|line| line.len() == 8 && line.bytes().all(|b| b.is_ascii_digit()));
    code.expect("a code").to_owned()
}

async fn show(platform: &TestPlatform, email: &str, code: &str) -> Answer {
    let client = platform.client.anonymous();
    client
        .post(CODE, &json!({"email": email, "code": code}))
        .await
}

/// Says that what this machine asked for that address was long ago.
async fn rest(platform: &TestPlatform, email: &str) {
    let admin = platform.database.connect().await;
    let age = "UPDATE platform_shared.mail_counts SET last_at = last_at - interval '2 minutes' \
               WHERE digest = sha256(convert_to('code for 127.0.0.1 to ' || $1, 'UTF8'))";
    assert_eq!(admin.execute(age, &[&email]).await.expect("aged"), 1);
}

#[actix_web::test]
async fn a_code_from_a_mail_signs_in_once() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let (ana, bea) = (account(&platform, &[]).await, account(&platform, &[]).await);
    join(&platform, &acme, &ana, &[TenantRole::ProductView]).await;
    let _ = request(&platform, &ana.email.to_uppercase())
        .await
        .expect(204);
    let code = code(&platform, &ana.email, 1).await;
    // It is hers alone.
    for (email, shown) in [
        (&bea.email, code.as_str()),
        (&ana.email, "1"),
        (&ana.email, ""),
    ] {
        let refused = show(&platform, email, shown).await;
        refused.expect_problem(401, "sign_in_refused");
    }
    let signed_in = show(&platform, &ana.email, &code).await.expect(200);
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    let again = show(&platform, &ana.email, &code).await;
    again.expect_problem(401, "sign_in_refused");
    let body = json!({"grant_type": "session", "session_token": signed_in.body["session_token"], "tenant": acme.key});
    let client = platform.client.anonymous();
    let inside = client.post(TOKENS, &body).await.expect(200);
    let me = acme.client.with_token(word(&inside, "access_token"));
    let _ = me.get("/api/tenant/v1/me").await.expect(200);
}

#[actix_web::test]
async fn of_parallel_uses_of_a_code_one_is_first() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let _ = request(&platform, &ana.email).await.expect(204);
    let code = code(&platform, &ana.email, 1).await;
    let all = (0..6).map(|_| show(&platform, &ana.email, &code));
    let answers = futures_util::future::join_all(all).await;
    let let_in = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(let_in.count(), 1);
}

#[actix_web::test]
async fn an_expired_code_is_none_and_a_new_one_takes_the_place_of_the_old() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let _ = request(&platform, &ana.email).await.expect(204);
    let first = code(&platform, &ana.email, 1).await;
    // Within a minute there is no other, and the first stays good.
    let _ = request(&platform, &ana.email).await.expect(204);
    rest(&platform, &ana.email).await;
    let _ = request(&platform, &ana.email).await.expect(204);
    let second = code(&platform, &ana.email, 2).await;
    if first != second {
        let refused = show(&platform, &ana.email, &first).await;
        refused.expect_problem(401, "sign_in_refused");
    }
    let admin = platform.database.connect().await;
    let digest = "UPDATE platform_shared.sign_in_codes SET expires_at = now() WHERE email_digest = sha256(convert_to($1, 'UTF8'))";
    assert_eq!(admin.execute(digest, &[&ana.email]).await.expect("aged"), 1);
    let refused = show(&platform, &ana.email, &second).await;
    refused.expect_problem(401, "sign_in_refused");
}

#[actix_web::test]
async fn wrong_codes_lock_the_codes_of_an_address_and_not_its_password() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let _ = request(&platform, &ana.email).await.expect(204);
    let code = code(&platform, &ana.email, 1).await;
    let wrong = if code == "00000000" {
        "00000001"
    } else {
        "00000000"
    };
    for _ in 0..8 {
        let refused = show(&platform, &ana.email, wrong).await;
        refused.expect_problem(401, "sign_in_refused");
    }
    // No code is looked at for a while; the password is counted apart, so that no stranger keeps anybody out.
    let right = show(&platform, &ana.email, &code).await;
    right.expect_problem(401, "sign_in_refused");
    let password = json!({"email": ana.email, "password": PASSWORD});
    let password = platform
        .client
        .anonymous()
        .post("/api/tenant/v1/sign-in", &password)
        .await;
    let _ = password.expect(200);
}

#[actix_web::test]
async fn staff_of_the_platform_gets_no_code() {
    let platform = Setup::new().await.start(vec![]);
    let staff = account(&platform, &[GlobalRole::PlatformSupport]).await;
    let ana = account(&platform, &[]).await;
    let _ = request(&platform, &staff.email).await.expect(204);
    // Mails leave in order: once hers is there, his would be.
    let _ = request(&platform, &ana.email).await.expect(204);
    let _ = code(&platform, &ana.email, 1).await;
    assert!(platform.mails_to(&staff.email).is_empty());
    // Nor does a code that was had before it became staff open the platform.
    let admin = platform.database.connect().await;
    let rise =
        "UPDATE platform_shared.users SET global_roles = '{platform_admin}' WHERE email = $1";
    let code = code(&platform, &ana.email, 1).await;
    assert_eq!(admin.execute(rise, &[&ana.email]).await.expect("raised"), 1);
    let refused = show(&platform, &ana.email, &code).await;
    refused.expect_problem(401, "sign_in_refused");
}

#[actix_web::test]
async fn a_session_that_began_with_a_code_has_no_role_on_the_platform() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let _ = request(&platform, &ana.email).await.expect(204);
    let code = code(&platform, &ana.email, 1).await;
    let signed_in = show(&platform, &ana.email, &code).await.expect(200);
    let admin = platform.database.connect().await;
    let rise =
        "UPDATE platform_shared.users SET global_roles = '{platform_admin}' WHERE email = $1";
    assert_eq!(admin.execute(rise, &[&ana.email]).await.expect("raised"), 1);
    let body = json!({"grant_type": "session", "session_token": signed_in.body["session_token"]});
    let outside = platform
        .client
        .anonymous()
        .post(TOKENS, &body)
        .await
        .expect(200);
    let outside = platform.client.with_token(word(&outside, "access_token"));
    let tenants = outside.get("/api/tenant/v1/tenants").await;
    tenants.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let before = access(&platform, &ana, None).await.expect(200);
    let before = platform.client.with_token(word(&before, "access_token"));
    let _ = request(&platform, &ana.email).await.expect(204);
    let code = code(&platform, &ana.email, 1).await;
    let reset = async |code: &str, password: &str| {
        let body = json!({"email": ana.email, "code": code, "new_password": password});
        platform.client.anonymous().post(RESET, &body).await
    };
    reset("1", "another good password")
        .await
        .expect_problem(401, "sign_in_refused");
    reset(&code, "short").await.expect_problem(422, "invalid");
    let _ = reset(&code, "another good password").await.expect(204);
    reset(&code, "yet another password")
        .await
        .expect_problem(401, "sign_in_refused");
    stops(&before).await;
    let sign_in = async |password: &str| {
        let body = json!({"email": ana.email, "password": password});
        let client = platform.client.anonymous();
        client.post("/api/tenant/v1/sign-in", &body).await
    };
    sign_in(PASSWORD)
        .await
        .expect_problem(401, "sign_in_refused");
    let _ = sign_in("another good password").await.expect(200);
}

#[actix_web::test]
async fn whether_an_address_is_known_shows_in_neither_answer_nor_time_of_a_request_for_a_code() {
    const ROUNDS: usize = 40;
    let platform = Setup::new().await.start(vec![]);
    // Each address once: a second request within a minute sends nothing to anybody.
    let mut known: Vec<Account> = Vec::new();
    for _ in 0..=ROUNDS {
        known.push(account(&platform, &[]).await);
    }
    let mut known = known.into_iter().map(|account| account.email);
    let mut nobody = std::iter::repeat_with(|| format!("{}@people.example", unique_key("p")));
    let face = async |email: String| {
        let mut answer = request(&platform, &email).await.expect(204);
        answer.headers.remove("x-request-id");
        answer.headers.remove("date");
        (answer.text, answer.headers)
    };
    let one = face(known.next().expect("an address")).await;
    assert_eq!(one, face(nobody.next().expect("an address")).await);
    let apart = told_apart(
        ROUNDS,
        async || drop(face(known.next().expect("an address")).await),
        async || drop(face(nobody.next().expect("an address")).await),
    );
    let apart = apart.await;
    assert!(apart < 5.0, "{apart} standard deviations");
}

#[actix_web::test]
async fn whether_a_code_is_right_shows_only_to_whoever_has_it() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let _ = request(&platform, &ana.email).await.expect(204);
    let nobody = format!("{}@people.example", unique_key("p"));
    let _ = request(&platform, &nobody).await.expect(204);
    let face = async |email: &str| {
        let mut answer = show(&platform, email, "x").await;
        answer.expect_problem(401, "sign_in_refused");
        answer.body["trace_id"] = Value::Null;
        answer.body
    };
    assert_eq!(face(&ana.email).await, face(&nobody).await);
    let apart = told_apart(
        40,
        async || drop(face(&ana.email).await),
        async || drop(face(&nobody).await),
    );
    let apart = apart.await;
    assert!(apart < 5.0, "{apart} standard deviations");
}

//! Points of the security checklist that have no other place.

use averis_test_kit::{Answer, Setup, unique_key};
use reqwest::Method;
use serde_json::json;

use crate::members::{invitation, invite};
use crate::sign_in::{access, account, word};
use crate::tools::path;

const TENANTS: &str = "/api/tenant/v1/tenants";
const MEMBERS: &str = "/api/tenant/v1/members";

#[actix_web::test]
async fn s22_no_mail_holds_what_a_host_header_says() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let email = format!("{}@people.example", unique_key("h"));
    let request = acme
        .client
        .request(Method::POST, MEMBERS)
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example")
        .header("origin", "https://evil.example")
        .header("referer", "https://evil.example/")
        .header("idempotency-key", "s22")
        .json(&json!({"email": email, "roles": []}));
    let _ = Answer::of(request).await.expect(201);
    let mails = platform.mails_to(&email);
    assert_eq!(mails.len(), 1);
    assert!(!mails[0].contains("evil"), "{}", mails[0]);
    assert!(!mails[0].contains("http"), "{}", mails[0]);
    assert_eq!(invitation(&platform, &email).len(), 43);
}

#[actix_web::test]
async fn s23_a_released_subdomain_is_nobody_elses_for_ninety_days() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let change = async |tenant: &averis_test_kit::TestTenant, subdomain: &str| {
        let version = platform
            .client
            .get(&path(tenant, ""))
            .await
            .expect(200)
            .version();
        let body = json!({"subdomain": subdomain});
        platform
            .client
            .command(&path(tenant, "/change-subdomain"), version, &body)
            .await
    };
    let old = acme.key.to_string();
    let new = unique_key("new").to_string();
    let _ = change(&acme, &new).await.expect(200);
    change(&globex, &old)
        .await
        .expect_problem(409, "subdomain_taken");
    let third = json!({"key": unique_key("third"), "name": "Third", "subdomain": old});
    platform
        .client
        .post(TENANTS, &third)
        .await
        .expect_problem(409, "subdomain_taken");
    // Its own it may have back, and what it held meanwhile is in quarantine then.
    let _ = change(&acme, &old).await.expect(200);
    change(&globex, &new)
        .await
        .expect_problem(409, "subdomain_taken");
    // After ninety days it is free.
    let admin = platform.database.connect().await;
    let age = "UPDATE platform_shared.released_subdomains SET released_at = now() - interval '91 days' WHERE subdomain = $1";
    assert_eq!(admin.execute(age, &[&new]).await.expect("aged"), 1);
    let _ = change(&globex, &new).await.expect(200);
}

#[actix_web::test]
async fn s25_nothing_is_kept_in_cookies() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let ana = account(&platform, &[]).await;
    let signed_in = access(&platform, &ana, None).await.expect(200);
    let me = platform.client.with_token(word(&signed_in, "access_token"));
    let mine = me.get("/api/tenant/v1/me").await.expect(200);
    for answer in [&signed_in, &mine] {
        assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
    }
    // Nor is one a credential.
    let token = acme.client.token();
    for name in ["session", "token", "access_token", "authorization"] {
        let request = acme.client.anonymous().request(Method::GET, MEMBERS);
        let request = request.header("cookie", format!("{name}={token}"));
        Answer::of(request)
            .await
            .expect_problem(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn s26_nobody_becomes_a_member_by_an_address_alone() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let domain = format!("{}.example", unique_key("d"));
    let first = format!("first@{domain}");
    let _ = invite(&acme.client, &first, &["user"]).await.expect(201);
    // Another of the same domain is nobody.
    let second = json!({"email": format!("second@{domain}"), "password": "a password of nobody's"});
    let refused = platform
        .client
        .anonymous()
        .post("/api/tenant/v1/sign-in", &second)
        .await;
    refused.expect_problem(401, "sign_in_refused");
    let members = acme.client.get(MEMBERS).await.expect(200);
    assert_eq!(members.body["data"].as_array().map(Vec::len), Some(1));
    // Nor does whoever is invited get in before the word from the mail.
    let invited = json!({"email": first, "password": "a password of nobody's"});
    let refused = platform
        .client
        .anonymous()
        .post("/api/tenant/v1/sign-in", &invited)
        .await;
    refused.expect_problem(401, "sign_in_refused");
}

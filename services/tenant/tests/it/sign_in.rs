//! Passwords, sessions and tokens.

use averis_tenant::Accounts;
use averis_tenant_context::{GlobalRole, TenantRole};
use averis_tenant_db::LoginRole;
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant, told_apart, unique_key};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tools::within;

const SIGN_IN: &str = "/api/tenant/v1/sign-in";
const TOKENS: &str = "/api/tenant/v1/tokens";
const ME: &str = "/api/tenant/v1/me";
pub const PASSWORD: &str = "correct horse battery staple";

/// A person with an account.
pub struct Account {
    pub id: Uuid,
    pub email: String,
}

/// Makes an account that nobody else has.
pub async fn account(platform: &TestPlatform, roles: &[GlobalRole]) -> Account {
    let email = format!("{}@people.example", unique_key("p"));
    let accounts = accounts(platform);
    let id = accounts
        .put(&email, "Ana", PASSWORD, roles)
        .await
        .expect("an account");
    Account { id, email }
}

fn accounts(platform: &TestPlatform) -> Accounts {
    Accounts::new(&platform.database.url(LoginRole::Tenant)).expect("accounts")
}

/// Makes somebody a member.
pub async fn join(
    platform: &TestPlatform,
    tenant: &TestTenant,
    account: &Account,
    roles: &[TenantRole],
) {
    let joined = accounts(platform).join(tenant.id, account.id, roles).await;
    joined.expect("a membership");
}

async fn try_sign_in(platform: &TestPlatform, email: &str, password: &str) -> Answer {
    let client = platform.client.anonymous();
    client
        .post(SIGN_IN, &json!({"email": email, "password": password}))
        .await
}

async fn session(platform: &TestPlatform, account: &Account) -> String {
    let answer = try_sign_in(platform, &account.email, PASSWORD)
        .await
        .expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.body["session_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

async fn exchange(client: &Client, body: &Value) -> Answer {
    client.anonymous().post(TOKENS, body).await
}

/// Signs in and exchanges the sign-in for access, to a tenant or to wherever it leads.
pub async fn access(
    platform: &TestPlatform,
    account: &Account,
    tenant: Option<&TestTenant>,
) -> Answer {
    let session = session(platform, account).await;
    let mut body = json!({"grant_type": "session", "session_token": session});
    if let Some(tenant) = tenant {
        body["tenant"] = json!(tenant.key);
    }
    exchange(&platform.client, &body).await
}

pub fn word<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.body[name].as_str().expect("a text")
}

#[actix_web::test]
async fn a_person_signs_in_and_switches_tenants() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let ana = account(&platform, &[]).await;
    join(&platform, &acme, &ana, &[TenantRole::TenantAdmin]).await;
    join(&platform, &globex, &ana, &[TenantRole::ProductView]).await;
    let in_acme = access(&platform, &ana, Some(&acme)).await.expect(200);
    assert_eq!(in_acme.body["tenant"], json!(acme.key));
    assert_eq!(in_acme.body["token_type"], "Bearer");
    let me = acme.client.with_token(word(&in_acme, "access_token"));
    let view = me.get(ME).await.expect(200);
    assert_eq!(view.body["email"], json!(ana.email));
    let memberships = view.body["memberships"].as_array().expect("a list");
    assert_eq!(memberships.len(), 2);
    let _ = me.get("/api/tenant/v1/members").await.expect(200);
    // Switching is another exchange, and the roles are those of the other tenant.
    let body = json!({"grant_type": "refresh", "refresh_token": word(&in_acme, "refresh_token"), "tenant": globex.key});
    let in_globex = exchange(&platform.client, &body).await.expect(200);
    let there = globex.client.with_token(word(&in_globex, "access_token"));
    there
        .get("/api/tenant/v1/members")
        .await
        .expect_problem(403, "forbidden");
    let _ = there.get("/api/tenant/v1/currencies").await.expect(200);
    // Under a tenant's address that tenant is meant.
    let session = session(&platform, &ana).await;
    let body = json!({"grant_type": "session", "session_token": session});
    let by_host = exchange(&globex.client, &body).await.expect(200);
    assert_eq!(by_host.body["tenant"], json!(globex.key));
    // A default tenant decides where nothing else does.
    let version = view.version();
    let set = me
        .patch(ME, version, &json!({"default_tenant": globex.key}))
        .await;
    assert_eq!(set.expect(200).body["default_tenant"], json!(globex.id));
    let by_default = access(&platform, &ana, None).await.expect(200);
    assert_eq!(by_default.body["tenant"], json!(globex.key));
}

#[actix_web::test]
async fn where_one_does_not_belong_is_told_like_where_there_is_nothing() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let ana = account(&platform, &[]).await;
    let session = session(&platform, &ana).await;
    let mut answers = Vec::new();
    for key in [acme.key.as_str(), unique_key("never").as_str()] {
        let body = json!({"grant_type": "session", "session_token": session, "tenant": key});
        let answer = exchange(&platform.client, &body).await;
        answer.expect_problem(403, "not_a_member");
        let mut body = answer.body.clone();
        body["trace_id"] = Value::Null;
        answers.push(body);
    }
    assert_eq!(answers[0], answers[1]);
    // Without a tenant there is access to oneself, and to nothing else.
    let alone = access(&platform, &ana, None).await.expect(200);
    assert_eq!(alone.body["tenant"], Value::Null);
    let me = platform.client.with_token(word(&alone, "access_token"));
    let _ = me.get(ME).await.expect(200);
    me.get("/api/tenant/v1/tenants")
        .await
        .expect_problem(403, "forbidden");
    let inside = acme.client.with_token(word(&alone, "access_token"));
    inside.get(ME).await.expect_problem(401, "invalid_token");
}

#[actix_web::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_family() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let ana = account(&platform, &[]).await;
    join(&platform, &acme, &ana, &[TenantRole::TenantAdmin]).await;
    let first = access(&platform, &ana, Some(&acme)).await.expect(200);
    let refresh =
        |token: &str| json!({"grant_type": "refresh", "refresh_token": token, "tenant": acme.key});
    let second = exchange(&platform.client, &refresh(word(&first, "refresh_token")))
        .await
        .expect(200);
    let me = acme.client.with_token(word(&second, "access_token"));
    let _ = me.get(ME).await.expect(200);
    let again = exchange(&platform.client, &refresh(word(&first, "refresh_token"))).await;
    again.expect_problem(401, "invalid_token");
    let newest = exchange(&platform.client, &refresh(word(&second, "refresh_token"))).await;
    newest.expect_problem(401, "invalid_token");
    stops(&me).await;
    let unknown = exchange(&platform.client, &refresh("nobody's")).await;
    unknown.expect_problem(401, "invalid_token");
}

/// Waits until a credential is refused, for at most two seconds.
pub async fn stops(client: &Client) {
    let limit = std::time::Duration::from_secs(2);
    within(limit, "the credential stops", &mut async || {
        client.get(ME).await.status == 401
    })
    .await;
}

#[actix_web::test]
async fn of_parallel_uses_of_a_refresh_token_one_is_first() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let first = access(&platform, &ana, None).await.expect(200);
    let body = json!({"grant_type": "refresh", "refresh_token": word(&first, "refresh_token")});
    let all = (0..8).map(|_| exchange(&platform.client, &body));
    let answers = futures_util::future::join_all(all).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(made <= 1, "{made}");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 200 | 401))
    );
}

#[actix_web::test]
async fn signing_out_stops_every_token_of_the_session_and_no_other() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let (here, there) = (
        access(&platform, &ana, None).await,
        access(&platform, &ana, None).await,
    );
    let here = here.expect(200);
    let there = there.expect(200);
    let mine = platform.client.with_token(word(&here, "access_token"));
    let others = platform.client.with_token(word(&there, "access_token"));
    let _ = mine
        .post("/api/tenant/v1/sign-out", &json!({}))
        .await
        .expect(204);
    stops(&mine).await;
    let _ = others.get(ME).await.expect(200);
    let body = json!({"grant_type": "refresh", "refresh_token": word(&here, "refresh_token")});
    exchange(&platform.client, &body)
        .await
        .expect_problem(401, "invalid_token");
}

#[actix_web::test]
async fn a_new_password_ends_all_other_sessions() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let here = access(&platform, &ana, None).await.expect(200);
    let there = access(&platform, &ana, None).await.expect(200);
    let mine = platform.client.with_token(word(&here, "access_token"));
    let others = platform.client.with_token(word(&there, "access_token"));
    let change = "/api/tenant/v1/me/change-password";
    let body = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = mine
        .post(change, &body("not the password", "another good password"))
        .await;
    wrong.expect_problem(401, "sign_in_refused");
    mine.post(change, &body(PASSWORD, "short"))
        .await
        .expect_problem(422, "invalid");
    let _ = mine
        .post(change, &body(PASSWORD, "another good password"))
        .await
        .expect(204);
    stops(&others).await;
    let _ = mine.get(ME).await.expect(200);
    try_sign_in(&platform, &ana.email, PASSWORD)
        .await
        .expect_problem(401, "sign_in_refused");
    let _ = try_sign_in(&platform, &ana.email, "another good password")
        .await
        .expect(200);
}

#[actix_web::test]
async fn too_many_wrong_passwords_lock_an_account_even_to_the_right_one() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let bob = account(&platform, &[]).await;
    for _ in 0..8 {
        let wrong = try_sign_in(&platform, &ana.email, "wrong password").await;
        wrong.expect_problem(401, "sign_in_refused");
    }
    let right = try_sign_in(&platform, &ana.email, PASSWORD).await;
    right.expect_problem(401, "sign_in_refused");
    let _ = try_sign_in(&platform, &bob.email, PASSWORD)
        .await
        .expect(200);
}

#[actix_web::test]
async fn whether_an_address_is_known_shows_in_neither_answer_nor_time() {
    let platform = Setup::new().await.start(vec![]);
    let ana = account(&platform, &[]).await;
    let nobody = format!("{}@people.example", unique_key("p"));
    let face = async |email: &str| {
        let mut answer = try_sign_in(&platform, email, "a wrong password").await;
        answer.expect_problem(401, "sign_in_refused");
        answer.body["trace_id"] = Value::Null;
        answer.body
    };
    assert_eq!(face(&ana.email).await, face(&nobody).await);
    // Hashing takes tens of milliseconds; what else differs, a row that is updated, hides behind it.
    let apart = told_apart(
        60,
        async || drop(face(&ana.email).await),
        async || drop(face(&nobody).await),
    );
    let apart = apart.await;
    assert!(apart < 5.0, "{apart} standard deviations");
}

#[actix_web::test]
async fn s20_platform_staff_enters_a_tenant_under_a_grant_alone() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let staff = account(&platform, &[GlobalRole::PlatformSupport]).await;
    let plain = access(&platform, &staff, None).await.expect(200);
    let at_platform = platform.client.with_token(word(&plain, "access_token"));
    let _ = at_platform.get("/api/tenant/v1/tenants").await.expect(200);
    // No way in without a grant.
    let inside = acme.client.with_token(word(&plain, "access_token"));
    inside
        .get("/api/tenant/v1/members")
        .await
        .expect_problem(403, "grant_required");
    let body = json!({"tenant": acme.key, "reason": "Order 17 does not show up", "minutes": 30});
    let grants = "/api/tenant/v1/support-grants";
    let grant = at_platform.post(grants, &body).await.expect(201);
    let enter = async |grant: &str| {
        let session = session(&platform, &staff).await;
        let body = json!({"grant_type": "session", "session_token": session, "tenant": acme.key, "support_grant": grant});
        exchange(&platform.client, &body).await
    };
    let granted = enter(&grant.id()).await.expect(200);
    let looking = acme.client.with_token(word(&granted, "access_token"));
    let _ = looking.get("/api/tenant/v1/members").await.expect(200);
    // It reads and changes nothing, and the tenant sees who looked and why.
    let invite = json!({"email": "x@y.example", "roles": []});
    looking
        .post("/api/tenant/v1/members", &invite)
        .await
        .expect_problem(403, "forbidden");
    let seen = acme.client.get(grants).await.expect(200);
    assert_eq!(seen.body["data"][0]["reason"], "Order 17 does not show up");
    assert_eq!(seen.body["data"][0]["user_id"], json!(staff.id));
    enter(&Uuid::now_v7().to_string())
        .await
        .expect_problem(403, "grant_required");
    // Another of the staff cannot use it.
    let colleague = account(&platform, &[GlobalRole::PlatformAdmin]).await;
    let session = session(&platform, &colleague).await;
    let body = json!({"grant_type": "session", "session_token": session, "tenant": acme.key, "support_grant": grant.id()});
    exchange(&platform.client, &body)
        .await
        .expect_problem(403, "grant_required");
    let end = format!("{grants}/{}/end", grant.id());
    let _ = at_platform.command(&end, 1, &json!({})).await.expect(200);
    let limit = std::time::Duration::from_secs(2);
    within(limit, "the grant stops", &mut async || {
        looking.get("/api/tenant/v1/members").await.status == 401
    })
    .await;
    enter(&grant.id())
        .await
        .expect_problem(403, "grant_required");
}

//! Members and invitations.

use averis_tenant_context::TenantRole;
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant, told_apart, unique_key};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sign_in::{Account, access, account, join, stops, word};
use crate::tools::path as tenant_path;

const MEMBERS: &str = "/api/tenant/v1/members";
const ACCEPT: &str = "/api/tenant/v1/invitations/accept";
const PASSWORD: &str = "a password of the invited";

pub fn member_path(id: &str, rest: &str) -> String {
    format!("{MEMBERS}/{id}{rest}")
}

fn address() -> String {
    format!("{}@people.example", unique_key("m"))
}

pub async fn invite(client: &Client, email: &str, roles: &[&str]) -> Answer {
    client
        .post(MEMBERS, &json!({"email": email, "roles": roles}))
        .await
}

/// Reads the word of the last invitation to an address.
pub fn invitation(platform: &TestPlatform, email: &str) -> String {
    let mails = platform.mails_to(email);
    word_of(mails.last().expect("a mail"))
}

/// Reads the word of an invitation.
pub fn word_of(mail: &str) -> String {
    let mut lines = mail.lines().map(str::trim);
    let word =
        lines.find(|line| line.len() == 43 && line.bytes().all(|b| b.is_ascii_alphanumeric()));
    word.expect("a word").to_owned()
}

pub async fn accept(platform: &TestPlatform, word: &str, password: &str) -> Answer {
    let body = json!({"invitation": word, "password": password, "name": "Bea"});
    platform.client.anonymous().post(ACCEPT, &body).await
}

#[actix_web::test]
async fn somebody_is_invited_accepts_and_signs_in() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let email = address();
    let invited = invite(&acme.client, &email.to_uppercase(), &["product_view"])
        .await
        .expect(201);
    assert_eq!(invited.body["email"], json!(email));
    assert_eq!(invited.body["status"], "invited");
    let word = invitation(&platform, &email);
    assert!(!invited.text.contains(&word));
    // Not a member yet: no way in.
    accept(&platform, "another word", PASSWORD)
        .await
        .expect_problem(401, "invitation_refused");
    accept(&platform, &word, "short")
        .await
        .expect_problem(422, "invalid");
    let _ = accept(&platform, &word, PASSWORD).await.expect(200);
    accept(&platform, &word, PASSWORD)
        .await
        .expect_problem(401, "invitation_refused");
    let member = acme
        .client
        .get(&member_path(&invited.id(), ""))
        .await
        .expect(200);
    assert_eq!(
        (&member.body["status"], &member.body["name"]),
        (&json!("active"), &json!("Bea"))
    );
    let signed_in = platform.client.anonymous();
    let body = json!({"email": email, "password": PASSWORD});
    let session = signed_in
        .post("/api/tenant/v1/sign-in", &body)
        .await
        .expect(200);
    let body = json!({"grant_type": "session", "session_token": session.body["session_token"]});
    let access = signed_in
        .post("/api/tenant/v1/tokens", &body)
        .await
        .expect(200);
    assert_eq!(access.body["tenant"], json!(acme.key));
    invite(&acme.client, &email, &[])
        .await
        .expect_problem(409, "member_exists");
}

#[actix_web::test]
async fn an_invitation_is_resent_taken_back_and_ends() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let email = address();
    let invited = invite(&acme.client, &email, &["user"]).await.expect(201);
    let first = invitation(&platform, &email);
    let resend = member_path(&invited.id(), "/resend-invitation");
    let at_once = acme.client.command(&resend, 1, &json!({})).await;
    at_once.expect_problem(429, "rate_limited");
    let admin = platform.database.connect().await;
    let tenant = acme.id.to_string();
    let rest = "UPDATE platform_shared.mail_counts SET last_at = last_at - interval '2 minutes' \
                WHERE digest = sha256(convert_to('invitation of ' || $1 || ' to ' || $2, 'UTF8'))";
    let rested = admin.execute(rest, &[&tenant, &email]).await;
    assert_eq!(rested.expect("aged"), 1);
    let _ = acme
        .client
        .command(&resend, 1, &json!({}))
        .await
        .expect(200);
    let second = invitation(&platform, &email);
    assert_ne!(first, second);
    accept(&platform, &first, PASSWORD)
        .await
        .expect_problem(401, "invitation_refused");
    // Expired.
    let age =
        "UPDATE platform_shared.invitations SET expires_at = now() WHERE tenant_id::text = $1";
    admin.execute(age, &[&tenant]).await.expect("aged");
    accept(&platform, &second, PASSWORD)
        .await
        .expect_problem(401, "invitation_refused");
    let rested = admin.execute(rest, &[&tenant, &email]).await;
    assert_eq!(rested.expect("aged"), 1);
    let _ = acme
        .client
        .command(&resend, 1, &json!({}))
        .await
        .expect(200);
    let third = invitation(&platform, &email);
    // Taken back.
    let _ = acme
        .client
        .delete(&member_path(&invited.id(), ""), 1)
        .await
        .expect(204);
    accept(&platform, &third, PASSWORD)
        .await
        .expect_problem(401, "invitation_refused");
    acme.client
        .get(&member_path(&invited.id(), ""))
        .await
        .expect_problem(404, "not_found");
}

#[actix_web::test]
async fn an_address_is_invited_five_times_in_an_hour_however_often_it_is_removed() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let email = address();
    for _ in 0..5 {
        let invited = invite(&acme.client, &email, &["user"]).await.expect(201);
        let removed = acme.client.delete(&member_path(&invited.id(), ""), 1).await;
        let _ = removed.expect(204);
    }
    let sixth = invite(&acme.client, &email, &["user"]).await;
    sixth.expect_problem(429, "rate_limited");
    assert_eq!(platform.mails_to(&email).len(), 5);
    // What was refused left nothing, and another tenant has a count of its own.
    let members = acme.client.get(MEMBERS).await.expect(200);
    assert_eq!(members.body["data"], json!([]));
    let _ = invite(&globex.client, &email, &["user"]).await.expect(201);
}

#[actix_web::test]
async fn whether_an_invited_address_is_known_shows_in_neither_answer_nor_time() {
    const ROUNDS: usize = 150;
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    // Known, because another tenant invited them.
    let mut known = Vec::new();
    for _ in 0..=ROUNDS {
        let email = address();
        let _ = invite(&globex.client, &email, &[]).await.expect(201);
        known.push(email);
    }
    let mut known = known.into_iter();
    let face = async |email: String| {
        let mut answer = invite(&acme.client, &email, &["user"]).await.expect(201);
        for name in ["id", "email", "created_at", "updated_at"] {
            answer.body[name] = Value::Null;
        }
        answer.body
    };
    let one = face(known.next().expect("an address")).await;
    assert_eq!(one, face(address()).await);
    let apart = told_apart(
        ROUNDS,
        async || drop(face(known.next().expect("an address")).await),
        async || drop(face(address()).await),
    );
    let apart = apart.await;
    assert!(apart < 5.0, "{apart} standard deviations");
}

#[actix_web::test]
async fn s27_an_invitation_is_for_one_person_and_tenant() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let ana = account(&platform, &[]).await;
    let invited = invite(&acme.client, &ana.email, &["product_view"])
        .await
        .expect(201);
    // That the person has an account, and what it is called, is not for the inviting tenant to know.
    assert_eq!(invited.body["name"], "");
    let word = invitation(&platform, &ana.email);
    // Whoever found the mail still does not know the password of the account.
    accept(&platform, &word, "not the password")
        .await
        .expect_problem(401, "invitation_refused");
    let accepted = accept(&platform, &word, "correct horse battery staple")
        .await
        .expect(200);
    assert_eq!(accepted.body["tenant_id"], json!(acme.id));
    assert_eq!(accepted.body["user_id"], json!(ana.id));
    let there = globex.client.get(MEMBERS).await.expect(200);
    assert_eq!(there.body["data"], json!([]));
    let elsewhere = access(&platform, &ana, Some(&globex)).await;
    elsewhere.expect_problem(403, "not_a_member");
}

#[actix_web::test]
async fn s27_fifty_accept_at_once_where_one_seat_is_free() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let emails: Vec<String> = (0..50).map(|_| address()).collect();
    for email in &emails {
        let _ = invite(&acme.client, email, &["user"]).await.expect(201);
    }
    let words: Vec<String> = emails
        .iter()
        .map(|email| invitation(&platform, email))
        .collect();
    set_seats(&platform, &acme, 1).await;
    let answers = join_all(words.iter().map(|word| accept(&platform, word, PASSWORD))).await;
    let entered = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(entered, 1);
    // Whoever waits for too long to have a password hashed is told that much is going on, and is not in either.
    let refused = answers.iter().filter(|answer| answer.status != 200);
    for answer in refused.filter(|answer| answer.status != 503) {
        answer.expect_problem(409, "limit_reached");
    }
    let active = acme
        .client
        .get(&format!("{MEMBERS}?status=active"))
        .await
        .expect(200);
    assert_eq!(active.body["data"].as_array().map(Vec::len), Some(1));
    invite(&acme.client, &address(), &[])
        .await
        .expect_problem(409, "limit_reached");
}

async fn set_seats(platform: &TestPlatform, tenant: &TestTenant, seats: u32) {
    let path = tenant_path(tenant, "");
    let version = platform.client.get(&path).await.expect(200).version();
    let body = json!({"settings": {"limits": {"max_users": seats}}});
    let _ = platform
        .client
        .patch(&path, version, &body)
        .await
        .expect(200);
}

/// A member who is signed in.
pub struct Member {
    pub account: Account,
    pub client: Client,
}

pub async fn member(platform: &TestPlatform, tenant: &TestTenant, roles: &[TenantRole]) -> Member {
    let account = account(platform, &[]).await;
    join(platform, tenant, &account, roles).await;
    let access = access(platform, &account, Some(tenant)).await.expect(200);
    let client = tenant.client.with_token(word(&access, "access_token"));
    Member { account, client }
}

async fn version(client: &Client, id: Uuid) -> i64 {
    client
        .get(&member_path(&id.to_string(), ""))
        .await
        .expect(200)
        .version()
}

#[actix_web::test]
async fn s28_what_a_member_loses_stops_within_two_seconds_and_comes_back() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let bea = member(&platform, &acme, &[TenantRole::UserAdmin]).await;
    let _ = bea.client.get(MEMBERS).await.expect(200);
    let id = bea.account.id;
    let own = member_path(&id.to_string(), "");
    // A role is removed: tokens that still have it are refused.
    let seen = version(&acme.client, id).await;
    let _ = acme
        .client
        .patch(&own, seen, &json!({"roles": ["product_view"]}))
        .await
        .expect(200);
    stops(&bea.client).await;
    let fresh = access(&platform, &bea.account, Some(&acme))
        .await
        .expect(200);
    let fresh = acme.client.with_token(word(&fresh, "access_token"));
    fresh.get(MEMBERS).await.expect_problem(403, "forbidden");
    let _ = fresh.get("/api/tenant/v1/currencies").await.expect(200);
    // Suspended: neither old tokens nor new ones.
    let seen = version(&acme.client, id).await;
    let suspend = format!("{own}/suspend");
    let suspended = acme
        .client
        .command(&suspend, seen, &json!({}))
        .await
        .expect(200);
    assert_eq!(suspended.body["status"], "suspended");
    stops(&fresh).await;
    access(&platform, &bea.account, Some(&acme))
        .await
        .expect_problem(403, "not_a_member");
    let again = acme
        .client
        .command(&suspend, suspended.version(), &json!({}))
        .await;
    again.expect_problem(409, "invalid_transition");
    let resume = format!("{own}/resume");
    let _ = acme
        .client
        .command(&resume, suspended.version(), &json!({}))
        .await
        .expect(200);
    let back = access(&platform, &bea.account, Some(&acme))
        .await
        .expect(200);
    let back = acme.client.with_token(word(&back, "access_token"));
    let _ = back.get("/api/tenant/v1/currencies").await.expect(200);
    // Removed.
    let seen = version(&acme.client, id).await;
    let _ = acme.client.delete(&own, seen).await.expect(204);
    stops(&back).await;
    access(&platform, &bea.account, Some(&acme))
        .await
        .expect_problem(403, "not_a_member");
}

#[actix_web::test]
async fn s28_the_last_admin_stays() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let first = member(&platform, &acme, &[TenantRole::TenantAdmin]).await;
    let second = member(&platform, &acme, &[TenantRole::TenantAdmin]).await;
    let path = |member: &Member, rest: &str| member_path(&member.account.id.to_string(), rest);
    // Nobody changes its own membership.
    let seen = version(&first.client, first.account.id).await;
    let own = first.client.delete(&path(&first, ""), seen).await;
    own.expect_problem(409, "own_membership");
    // Two admins who put each other out at once: one stays.
    let (to_second, to_first) = (path(&second, ""), path(&first, ""));
    let (one, other) = tokio::join!(
        first.client.delete(&to_second, 1),
        second.client.delete(&to_first, 1)
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(
        statuses == [204, 409] || statuses == [204, 401],
        "{statuses:?}"
    );
    let left = acme.client.get(MEMBERS).await.expect(200);
    let left = left.body["data"].as_array().expect("a list").clone();
    assert_eq!(left.len(), 1);
    let last = member_path(left[0]["id"].as_str().expect("an id"), "");
    acme.client
        .delete(&last, 1)
        .await
        .expect_problem(409, "last_admin");
    let suspend = format!("{last}/suspend");
    acme.client
        .command(&suspend, 1, &json!({}))
        .await
        .expect_problem(409, "last_admin");
    let demote = acme
        .client
        .patch(&last, 1, &json!({"roles": ["user"]}))
        .await;
    demote.expect_problem(409, "last_admin");
}

#[actix_web::test]
async fn only_an_admin_makes_admins() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let admin = member(&platform, &acme, &[TenantRole::TenantAdmin]).await;
    let clerk = member(&platform, &acme, &[TenantRole::UserAdmin]).await;
    let plain = member(&platform, &acme, &[]).await;
    for roles in [["tenant_admin"], ["user_admin"]] {
        invite(&clerk.client, &address(), &roles)
            .await
            .expect_problem(403, "forbidden");
        let path = member_path(&plain.account.id.to_string(), "");
        let raise = clerk.client.patch(&path, 1, &json!({"roles": roles})).await;
        raise.expect_problem(403, "forbidden");
    }
    let path = member_path(&admin.account.id.to_string(), "");
    clerk
        .client
        .delete(&path, 1)
        .await
        .expect_problem(403, "forbidden");
    let suspend = format!("{path}/suspend");
    clerk
        .client
        .command(&suspend, 1, &json!({}))
        .await
        .expect_problem(403, "forbidden");
    let _ = invite(&clerk.client, &address(), &["product_marketing"])
        .await
        .expect(201);
    let unknown = invite(&clerk.client, &address(), &["emperor"]).await;
    assert!(matches!(unknown.status, 400 | 422), "{}", unknown.text);
}

#[actix_web::test]
async fn members_are_the_tenants_own() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let theirs = invite(&globex.client, &address(), &["user"])
        .await
        .expect(201);
    let path = member_path(&theirs.id(), "");
    acme.client
        .get(&path)
        .await
        .expect_problem(404, "not_found");
    acme.client
        .patch(&path, 1, &json!({"roles": []}))
        .await
        .expect_problem(404, "not_found");
    acme.client
        .delete(&path, 1)
        .await
        .expect_problem(404, "not_found");
    let list = acme.client.get(MEMBERS).await.expect(200);
    assert_eq!(list.body["data"], Value::Array(vec![]));
}

//! Identity providers: who comes in through them, and where to.

use std::time::Duration;

use averis_tenant_context::{GlobalRole, TenantRole};
use averis_test_kit::stytch::{
    MEMBER, ORGANIZATION, Stytch, config, session_claims, session_jwt, with,
};
use averis_test_kit::{Answer, Setup, TestPlatform, TestTenant, unique_key};
use serde_json::{Value, json};
use wiremock::matchers::{method, path as at};
use wiremock::{Mock, ResponseTemplate};

use crate::members::{invite, member_path};
use crate::sign_in::{account, join, stops, word};
use crate::tools::{path, within};

const PROVIDER: &str = "/api/tenant/v1/sign-in/provider";
const TOKENS: &str = "/api/tenant/v1/tokens";
const ME: &str = "/api/tenant/v1/me";
const INVITE: &str = "/v1/b2b/magic_links/email/invite";
const ORGANIZATIONS: &str = "/v1/b2b/organizations";
const FACTORS: &str = "authentication_factors";
const SESSION: &str = "https://stytch.com/session";
const ORG: &str = "https://stytch.com/organization";

/// A platform with Stytch, and a tenant that is an organization there.
struct World {
    stytch: Stytch,
    platform: TestPlatform,
    acme: TestTenant,
    /// The organization; each test has its own.
    organization: String,
}

impl World {
    async fn new() -> Self {
        let stytch = Stytch::start().await;
        let mut setup = Setup::new().await;
        let base = stytch.server.uri().parse().expect("a URL");
        setup.providers.stytch = Some(config(&base));
        let platform = setup.start(vec![]);
        let acme = platform.tenant("acme").await;
        let organization = format!("{ORGANIZATION}-{}", acme.key);
        let body = json!({"organization_id": organization});
        let _ = command(&platform, &acme, "/connect-stytch", &body)
            .await
            .expect(200);
        Self {
            stytch,
            platform,
            acme,
            organization,
        }
    }

    /// A session of a member with that address, as Stytch signs it.
    fn jwt(&self, subject: &str, email: &str) -> String {
        let mut claims = with(session_claims(), "sub", json!(subject));
        claims[ORG]["organization_id"] = json!(self.organization);
        claims[SESSION][FACTORS][0]["email_factor"]["email_address"] = json!(email);
        session_jwt(&claims)
    }

    async fn sign_in(&self, jwt: &str) -> Answer {
        come(&self.platform, &json!({"stytch_session_jwt": jwt})).await
    }

    /// Invites somebody through Stytch, which calls the member by that name.
    async fn invite(&self, subject: &str, email: &str, roles: &[&str]) -> Answer {
        let answer = ResponseTemplate::new(200).set_body_json(json!({"member_id": subject}));
        self.stytch.answer("POST", INVITE, answer).await;
        invite(&self.acme.client, email, roles).await.expect(201)
    }
}

async fn command(platform: &TestPlatform, tenant: &TestTenant, verb: &str, body: &Value) -> Answer {
    let now = platform.client.get(&path(tenant, "")).await.expect(200);
    let path = path(tenant, verb);
    platform.client.command(&path, now.version(), body).await
}

pub async fn come(platform: &TestPlatform, body: &Value) -> Answer {
    platform.client.anonymous().post(PROVIDER, body).await
}

pub async fn exchange(
    platform: &TestPlatform,
    signed_in: &Answer,
    tenant: Option<&TestTenant>,
) -> Answer {
    let mut body =
        json!({"grant_type": "session", "session_token": signed_in.body["session_token"]});
    if let Some(tenant) = tenant {
        body["tenant"] = json!(tenant.key);
    }
    platform.client.anonymous().post(TOKENS, &body).await
}

/// A name that no other test's member or person has.
fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", unique_key("m"))
}

pub fn address() -> String {
    format!("{}@people.example", unique_key("s"))
}

pub async fn status_of(tenant: &TestTenant, id: &str) -> Value {
    tenant
        .client
        .get(&member_path(id, ""))
        .await
        .expect(200)
        .body["status"]
        .clone()
}

#[actix_web::test]
async fn whom_stytch_invites_becomes_a_member_by_signing_in_there() {
    let world = World::new().await;
    let World {
        platform,
        acme,
        stytch,
        ..
    } = &world;
    let (subject, email) = (unique(MEMBER), address());
    let invited = world.invite(&subject, &email, &["product_view"]).await;
    // Stytch writes to the person; Averis does not.
    assert!(platform.mails_to(&email).is_empty());
    let asked = stytch.server.received_requests().await.expect("recorded");
    let asked = asked
        .iter()
        .find(|request| request.url.path() == INVITE)
        .expect("an invitation");
    let asked: Value = serde_json::from_slice(&asked.body).expect("JSON");
    assert_eq!(asked["email_address"], json!(email));
    assert_eq!(asked["organization_id"], json!(world.organization));
    assert_eq!(asked["invite_redirect_url"], "https://shop.example.test/in");
    assert_eq!(status_of(acme, &invited.id()).await, "invited");
    let signed_in = world
        .sign_in(&world.jwt(&subject, &email))
        .await
        .expect(200);
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    assert_eq!(status_of(acme, &invited.id()).await, "active");
    let inside = exchange(platform, &signed_in, None).await.expect(200);
    assert_eq!(inside.body["tenant"], json!(acme.key));
    let me = acme.client.with_token(word(&inside, "access_token"));
    assert_eq!(me.get(ME).await.expect(200).body["email"], json!(email));
    me.get("/api/tenant/v1/members")
        .await
        .expect_problem(403, "forbidden");
    // Nothing that other tenants see, or that the person calls itself, follows from what a provider says.
    let view = me.get(ME).await.expect(200);
    assert_eq!(view.body["default_tenant"], Value::Null);
    // The log of those who came in says how.
    let entries = acme
        .client
        .get("/api/tenant/v1/access-entries")
        .await
        .expect(200);
    assert_eq!(entries.body["data"][0]["via"], "stytch");
    assert_eq!(entries.body["data"][0]["caller"], json!(invited.id()));
}

#[actix_web::test]
async fn a_magic_link_signs_in() {
    let world = World::new().await;
    let (subject, email) = (unique(MEMBER), address());
    let _ = world.invite(&subject, &email, &[]).await;
    let jwt = world.jwt(&subject, &email);
    let answer = json!({"member_authenticated": true, "session_jwt": jwt});
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    world
        .stytch
        .answer("POST", "/v1/b2b/magic_links/authenticate", answer)
        .await;
    let body = json!({"stytch_magic_link_token": "a-token-of-a-link"});
    let _ = come(&world.platform, &body).await.expect(200);
}

#[actix_web::test]
async fn s18_a_session_of_one_tenants_organization_is_good_in_that_tenant_alone() {
    let world = World::new().await;
    let World { platform, acme, .. } = &world;
    let globex = platform.tenant("globex").await;
    let ana = account(platform, &[GlobalRole::PlatformAdmin]).await;
    join(platform, acme, &ana, &[TenantRole::ProductView]).await;
    join(platform, &globex, &ana, &[TenantRole::TenantAdmin]).await;
    let jwt = world.jwt(&unique(MEMBER), &ana.email);
    let signed_in = world.sign_in(&jwt).await.expect(200);
    exchange(platform, &signed_in, Some(&globex))
        .await
        .expect_problem(403, "not_a_member");
    // Without a choice it leads where it is good: neither to her other tenant nor to the platform.
    let inside = exchange(platform, &signed_in, None).await.expect(200);
    assert_eq!(inside.body["tenant"], json!(acme.key));
    let me = acme.client.with_token(word(&inside, "access_token"));
    let view = me.get(ME).await.expect(200);
    // Nor does the provider hear of anything but the own membership.
    assert_eq!(view.body["global_roles"], json!([]));
    let memberships = view.body["memberships"].as_array().expect("a list");
    assert_eq!(memberships.len(), 1, "{memberships:?}");
    assert_eq!(memberships[0]["key"], json!(acme.key));
    // What all tenants see it does not change.
    let version = view.version();
    let patch = me
        .patch(ME, version, &json!({"name": "Eve", "default_tenant": null}))
        .await;
    patch.expect_problem(403, "forbidden");
    let refresh = |tenant: &TestTenant| json!({"grant_type": "refresh", "refresh_token": inside.body["refresh_token"], "tenant": tenant.key});
    let client = platform.client.anonymous();
    client
        .post(TOKENS, &refresh(&globex))
        .await
        .expect_problem(403, "not_a_member");
}

#[actix_web::test]
async fn a_sign_in_does_not_outlive_the_connection_that_it_waited_for() {
    let world = World::new().await;
    let World { platform, acme, .. } = &world;
    let ana = account(platform, &[]).await;
    join(platform, acme, &ana, &[]).await;
    let jwt = world.jwt(&unique(MEMBER), &ana.email);
    // Somebody holds the tenant; meanwhile a sign-in waits for it, and the connection ends.
    let mut admin = platform.database.connect().await;
    let work = admin.transaction().await.expect("a transaction");
    let hold = "SELECT 1 FROM platform_shared.tenants WHERE id::text = $1 FOR UPDATE";
    let held = work.execute(hold, &[&acme.id.to_string()]).await;
    assert_eq!(held.expect("held"), 1);
    let end = "DELETE FROM platform_shared.provider_organizations WHERE tenant_id::text = $1";
    let ended = async {
        let watcher = platform.database.connect().await;
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%tenants%FOR NO KEY UPDATE%'";
        within(
            Duration::from_secs(5),
            "the sign-in waits",
            &mut async || {
                let row = watcher.query_one(waits, &[]).await.expect("a row");
                row.get::<_, i64>(0) > 0
            },
        )
        .await;
        work.execute(end, &[&acme.id.to_string()])
            .await
            .expect("ended");
        work.commit().await.expect("committed");
    };
    let (signed_in, ()) = tokio::join!(world.sign_in(&jwt), ended);
    signed_in.expect_problem(401, "sign_in_refused");
}

#[actix_web::test]
async fn s26_a_provider_lets_in_nobody_who_is_not_a_member() {
    let world = World::new().await;
    let World { platform, acme, .. } = &world;
    // Unknown; known, but no member; a member who is suspended; a member of another tenant's organization.
    let stranger = world.sign_in(&world.jwt(&unique(MEMBER), &address())).await;
    stranger.expect_problem(401, "sign_in_refused");
    let ana = account(platform, &[]).await;
    let jwt = world.jwt(&unique(MEMBER), &ana.email);
    world
        .sign_in(&jwt)
        .await
        .expect_problem(401, "sign_in_refused");
    join(platform, acme, &ana, &[]).await;
    let _ = world.sign_in(&jwt).await.expect(200);
    let id = ana.id.to_string();
    let seen = acme.client.get(&member_path(&id, "")).await.expect(200);
    let suspend = member_path(&id, "/suspend");
    let _ = acme
        .client
        .command(&suspend, seen.version(), &json!({}))
        .await
        .expect(200);
    world
        .sign_in(&jwt)
        .await
        .expect_problem(401, "sign_in_refused");
    // An organization that is no tenant.
    let claims = with(session_claims(), "sub", json!(unique(MEMBER)));
    let elsewhere = world.sign_in(&session_jwt(&claims)).await;
    elsewhere.expect_problem(401, "sign_in_refused");
    let members = acme.client.get("/api/tenant/v1/members").await.expect(200);
    assert_eq!(members.body["data"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn a_subject_stays_the_person_that_it_was_first() {
    let world = World::new().await;
    let World { platform, acme, .. } = &world;
    let (ana, bea) = (account(platform, &[]).await, account(platform, &[]).await);
    join(platform, acme, &ana, &[]).await;
    join(platform, acme, &bea, &[]).await;
    let first = unique(MEMBER);
    let _ = world
        .sign_in(&world.jwt(&first, &ana.email))
        .await
        .expect(200);
    // The subject comes with another's address: it stays who it is.
    let again = world
        .sign_in(&world.jwt(&first, &bea.email))
        .await
        .expect(200);
    let inside = exchange(platform, &again, None).await.expect(200);
    let me = acme.client.with_token(word(&inside, "access_token"));
    assert_eq!(me.get(ME).await.expect(200).body["email"], json!(ana.email));
    // Another subject comes with the address: it is somebody else.
    let other = world.sign_in(&world.jwt(&unique(MEMBER), &ana.email)).await;
    other.expect_problem(401, "sign_in_refused");
    // Removed, and a member again: the provider may call the person something else.
    let id = ana.id.to_string();
    let gone = format!(
        "/v1/b2b/organizations/{}/members/{first}",
        world.organization
    );
    let answer = ResponseTemplate::new(200).set_body_json(json!({"member_id": first}));
    world.stytch.answer("DELETE", &gone, answer).await;
    let seen = acme.client.get(&member_path(&id, "")).await.expect(200);
    let _ = acme
        .client
        .delete(&member_path(&id, ""), seen.version())
        .await
        .expect(204);
    assert_eq!(world.stytch.count(&gone).await, 1);
    world
        .sign_in(&world.jwt(&first, &ana.email))
        .await
        .expect_problem(401, "sign_in_refused");
    join(platform, acme, &ana, &[]).await;
    let _ = world
        .sign_in(&world.jwt(&unique(MEMBER), &ana.email))
        .await
        .expect(200);
}

#[actix_web::test]
async fn an_organization_is_one_tenant_and_what_was_connected_ends() {
    let world = World::new().await;
    let World { platform, acme, .. } = &world;
    let globex = platform.tenant("globex").await;
    let body = json!({"organization_id": world.organization});
    let taken = command(platform, &globex, "/connect-stytch", &body).await;
    taken.expect_problem(409, "organization_taken");
    let malformed = json!({"organization_id": "../members"});
    let malformed = command(platform, &globex, "/connect-stytch", &malformed).await;
    malformed.expect_problem(422, "invalid");
    // Made there, with the tenant's key as slug.
    let made = format!("organization-test-of-{}", globex.key);
    let answer = json!({"organization": {"organization_id": made}});
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    world.stytch.answer("POST", ORGANIZATIONS, answer).await;
    let connected = command(platform, &globex, "/connect-stytch", &json!({}))
        .await
        .expect(200);
    assert_eq!(connected.body["organization_id"], json!(made));
    let asked = world
        .stytch
        .server
        .received_requests()
        .await
        .expect("recorded");
    let asked = asked
        .iter()
        .find(|request| request.url.path() == ORGANIZATIONS)
        .expect("a request");
    let asked: Value = serde_json::from_slice(&asked.body).expect("JSON");
    assert_eq!(asked["organization_slug"], json!(globex.key));
    // Sessions end with the connection.
    let ana = account(platform, &[]).await;
    join(platform, acme, &ana, &[]).await;
    let jwt = world.jwt(&unique(MEMBER), &ana.email);
    let signed_in = world.sign_in(&jwt).await.expect(200);
    let inside = exchange(platform, &signed_in, None).await.expect(200);
    let me = acme.client.with_token(word(&inside, "access_token"));
    let _ = me.get(ME).await.expect(200);
    let _ = command(platform, acme, "/disconnect-stytch", &json!({}))
        .await
        .expect(204);
    stops(&me).await;
    world
        .sign_in(&jwt)
        .await
        .expect_problem(401, "sign_in_refused");
    let _ = command(platform, acme, "/disconnect-stytch", &json!({}))
        .await
        .expect(204);
}

#[actix_web::test]
async fn what_a_provider_refuses_or_cannot_say_now_is_told_apart() {
    let world = World::new().await;
    let World {
        platform, stytch, ..
    } = &world;
    let globex = platform.tenant("globex").await;
    let at_link = "/v1/b2b/magic_links/authenticate";
    let link = json!({"stytch_magic_link_token": "a-token-of-a-link"});
    for (status, expected) in [
        (404, (401, "sign_in_refused")),
        (429, (503, "identity_unavailable")),
        (500, (503, "identity_unavailable")),
    ] {
        let answer = json!({"status_code": status, "error_type": "unable_to_auth_magic_link"});
        let answer = ResponseTemplate::new(status).set_body_json(answer);
        let answer = answer.insert_header("retry-after", "7");
        let mock = Mock::given(method("POST"))
            .and(at(at_link))
            .respond_with(answer);
        let _scope = mock.up_to_n_times(1).mount_as_scoped(&stytch.server).await;
        let refused = come(platform, &link).await;
        refused.expect_problem(expected.0, expected.1);
        if status == 429 {
            assert_eq!(refused.headers["retry-after"], "7");
        }
        assert!(!refused.text.contains("magic_link"), "{}", refused.text);
    }
    let slug = json!({"status_code": 400, "error_type": "organization_slug_already_used"});
    let answer = ResponseTemplate::new(400).set_body_json(slug);
    stytch.answer("POST", ORGANIZATIONS, answer).await;
    let refused = command(platform, &globex, "/connect-stytch", &json!({})).await;
    refused.expect_problem(422, "provider_refused");
    assert_eq!(
        refused.body["provider_error"],
        "organization_slug_already_used"
    );
    // A member whom Stytch did not invite is a member all the same, and can be invited again.
    let invited = invite(&world.acme.client, &address(), &[])
        .await
        .expect(201);
    assert_eq!(status_of(&world.acme, &invited.id()).await, "invited");
}

#[actix_web::test]
async fn without_a_provider_nobody_comes_in_through_it() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    for body in [
        json!({"stytch_session_jwt": "x"}),
        json!({"stytch_magic_link_token": "x"}),
        json!({"id_token": "x"}),
    ] {
        come(&platform, &body)
            .await
            .expect_problem(409, "provider_not_set_up");
    }
    for body in [
        json!({}),
        json!({"id_token": "x", "stytch_session_jwt": "x"}),
    ] {
        come(&platform, &body).await.expect_problem(422, "invalid");
    }
    let connected = command(&platform, &acme, "/connect-stytch", &json!({})).await;
    connected.expect_problem(409, "provider_not_set_up");
}

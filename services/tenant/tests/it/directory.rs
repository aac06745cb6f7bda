//! What a service knows of tenants, and how soon it hears of changes.

use std::cell::Cell;
use std::time::{Duration, Instant};

use averis_contracts::client::Correlation;
use averis_contracts::tenant::TenantClient;
use averis_service_kit::problem::codes;
use averis_service_kit::tenancy::TenantDirectory;
use averis_tenant_context::{Clue, TenantKey, TenantStatus};
use averis_tenant_db::LoginRole;
use averis_test_kit::{ISSUER, Setup, TestPlatform, TestTenant, identity, unique_key};
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::tools::{TENANTS, command, end_quarantine, path, within_a_second};

fn directory(platform: &TestPlatform) -> TenantDirectory {
    let base = platform.base().parse().expect("an address");
    let client = TenantClient::new(base, identity("averis")).expect("a client");
    TenantDirectory::new(client, platform.database.url(LoginRole::Tenant), ISSUER)
}

fn by_key(key: &TenantKey) -> Clue {
    Clue::Key(key.clone())
}

fn by_subdomain(text: &str) -> Clue {
    Clue::Subdomain(text.parse().expect("a subdomain"))
}

async fn finds(directory: &TenantDirectory, clue: &Clue, tenant: &TestTenant) -> bool {
    let found = directory.find(clue).await.expect("an answer");
    found.is_some_and(|found| found.id.0 == tenant.id && found.key == tenant.key)
}

async fn finds_nobody(directory: &TenantDirectory, clue: &Clue) -> bool {
    directory.find(clue).await.expect("an answer").is_none()
}

#[actix_web::test]
async fn every_change_of_a_tenant_is_seen_within_a_second() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("status").await;
    let directory = directory(&platform);
    let clues = [by_key(&tenant.key), by_subdomain(tenant.key.as_str())];
    for n in 0..20 {
        let (verb, after) = match n % 2 {
            0 => ("suspend", TenantStatus::Suspended),
            _ => ("resume", TenantStatus::Active),
        };
        // Requests go on while the tenant changes.
        let done = Cell::new(false);
        let asking = async {
            while !done.get() {
                for clue in &clues {
                    assert!(finds(&directory, clue, &tenant).await);
                }
                tokio::task::yield_now().await;
            }
        };
        let changing = async {
            let changed = command(&platform, &tenant, verb).await.expect(200);
            done.set(true);
            changed.version()
        };
        let ((), version) = join(asking, changing).await;
        for clue in &clues {
            within_a_second(verb, async || {
                let found = directory.find(clue).await.expect("an answer");
                let found = found.expect("known");
                found.status == after && found.version == version
            })
            .await;
        }
    }
}

#[actix_web::test]
async fn a_new_subdomain_is_found_and_the_old_one_gone_within_a_second() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("moves").await;
    let directory = directory(&platform);
    let old = by_subdomain(tenant.key.as_str());
    let new_name = unique_key("moved");
    let new = by_subdomain(new_name.as_str());
    assert!(finds(&directory, &old, &tenant).await);
    assert!(finds_nobody(&directory, &new).await);
    let change = json!({"subdomain": new_name});
    let address = path(&tenant, "/change-subdomain");
    let _ = platform
        .client
        .command(&address, 1, &change)
        .await
        .expect(200);
    let start = Instant::now();
    within_a_second("the new one", async || {
        finds(&directory, &new, &tenant).await
    })
    .await;
    within_a_second("the old one", async || finds_nobody(&directory, &old).await).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(finds(&directory, &by_key(&tenant.key), &tenant).await);

    // Links to the old name are about, so nobody gets it for a while.
    let body = json!({"key": unique_key("heir"), "name": "Heir", "subdomain": tenant.key});
    let early = platform.client.post(TENANTS, &body).await;
    early.expect_problem(409, "subdomain_taken");
    assert!(finds_nobody(&directory, &old).await);
    // Whoever gets it then is found there, and nobody else.
    end_quarantine(&platform.database, tenant.key.as_str()).await;
    let heir = platform.client.post(TENANTS, &body).await.expect(201).id();
    within_a_second("the heir", async || {
        let found = directory.find(&old).await.expect("an answer");
        assert!(found.as_ref().is_none_or(|found| found.id.0 != tenant.id));
        found.is_some_and(|found| found.id.to_string() == heir)
    })
    .await;
}

#[actix_web::test]
async fn a_name_that_nobody_had_is_found_within_a_second_of_its_provisioning() {
    let platform = Setup::new().await.start(vec![]);
    let directory = directory(&platform);
    let key = unique_key("soon");
    assert!(finds_nobody(&directory, &by_key(&key)).await);
    let body = json!({"key": key, "name": "Soon"});
    let _ = platform.client.post(TENANTS, &body).await.expect(201);
    within_a_second("the tenant", async || {
        !finds_nobody(&directory, &by_key(&key)).await
    })
    .await;
}

#[actix_web::test]
async fn a_purged_tenant_is_gone_within_a_second() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("leaves").await;
    let directory = directory(&platform);
    assert!(finds(&directory, &by_key(&tenant.key), &tenant).await);
    let _ = command(&platform, &tenant, "close").await.expect(200);
    let _ = command(&platform, &tenant, "purge").await.expect(200);
    for clue in [by_key(&tenant.key), by_subdomain(tenant.key.as_str())] {
        within_a_second("the end", async || finds_nobody(&directory, &clue).await).await;
    }
}

#[actix_web::test]
async fn known_tenants_go_on_while_the_tenant_service_is_away() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("known").await;
    let directory = directory(&platform);
    let clue = by_key(&tenant.key);
    assert!(finds(&directory, &clue, &tenant).await);
    let unknown = by_key(&unique_key("unknown"));
    let database = platform.stop().await;
    let start = Instant::now();
    let mut failures = 0;
    // Long enough that what is known would have had to be asked for again.
    while start.elapsed() < Duration::from_millis(1500) {
        assert!(finds(&directory, &clue, &tenant).await);
        let problem = directory.find(&unknown).await.expect_err("nobody can tell");
        assert_eq!(problem.code(), codes::TENANT_LOOKUP_UNAVAILABLE);
        assert_eq!(problem.body()["status"], 503);
        failures += 1;
        if failures == 3 {
            // A change that the directory hears of but cannot ask about.
            let touch = format!(
                "UPDATE platform_shared.tenants SET name = name WHERE key = '{}'",
                tenant.key
            );
            database
                .connect()
                .await
                .batch_execute(&touch)
                .await
                .expect("changed");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(failures > 10, "each of these was slow");
}

#[actix_web::test]
async fn s31_no_tenant_ever_gets_anothers_context() {
    let platform = Setup::new().await.start(vec![]);
    let tenants = join_all((0..8).map(|_| platform.tenant("mixed"))).await;
    let directory = directory(&platform);
    for round in 0..10 {
        // Some of what is known is outdated in each round.
        let verb = if round % 2 == 0 { "suspend" } else { "resume" };
        let _ = command(&platform, &tenants[round % 2], verb).await;
        let all = (0..64).map(|n| {
            let tenant = &tenants[(n * 5) % tenants.len()];
            let clue = if n % 2 == 0 {
                by_key(&tenant.key)
            } else {
                by_subdomain(tenant.key.as_str())
            };
            let directory = &directory;
            async move { finds(directory, &clue, tenant).await }
        });
        assert!(join_all(all).await.into_iter().all(|right| right));
    }
}

#[actix_web::test]
async fn the_list_for_services_holds_every_tenant_that_requests_may_reach_once() {
    let platform = Setup::new().await.start(vec![]);
    let mut own = Vec::new();
    for verb in [None, Some("suspend"), Some("close")] {
        let tenant = platform.tenant("listed").await;
        if let Some(verb) = verb {
            let _ = command(&platform, &tenant, verb).await.expect(200);
        }
        own.push(tenant.key);
    }
    let purged = platform.tenant("listed").await;
    let _ = command(&platform, &purged, "close").await.expect(200);
    let _ = command(&platform, &purged, "purge").await.expect(200);
    let base = platform.base().parse().expect("an address");
    let client = TenantClient::new(base, identity("averis")).expect("a client");
    let mut keys: Vec<TenantKey> = Vec::new();
    loop {
        let page = client.list(keys.last(), &Correlation::default()).await;
        let page = page.expect("an answer");
        if page.is_empty() {
            break;
        }
        keys.extend(page.into_iter().map(|tenant| tenant.key));
    }
    for key in &own {
        assert_eq!(keys.iter().filter(|other| *other == key).count(), 1);
    }
    assert!(!keys.contains(&purged.key));
}

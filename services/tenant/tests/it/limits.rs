//! How many requests one may make.

use averis_test_kit::{Answer, Setup, TestPlatform, TestTenant};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::tools::{path, within_a_second};

const CURRENCIES: &str = "/api/tenant/v1/regions";

async fn limited() -> TestPlatform {
    let mut setup = Setup::new().await;
    setup.rate_limits = true;
    setup.start(vec![])
}

async fn set_rate(platform: &TestPlatform, tenant: &TestTenant, rate: u32) {
    let path = path(tenant, "");
    let version = platform.client.get(&path).await.expect(200).version();
    let body = json!({"settings": {"limits": {"requests_per_second": rate}}});
    let _ = platform
        .client
        .patch(&path, version, &body)
        .await
        .expect(200);
    within_a_second("the limit is known", async || {
        let answer = tenant.client.get(CURRENCIES).await;
        let policy = answer.headers.get("ratelimit-policy");
        let policy = policy
            .and_then(|text| text.to_str().ok())
            .unwrap_or_default();
        policy.contains(&format!("q={}", rate / 2)) || answer.body["limit"] == json!(rate / 2)
    })
    .await;
}

#[actix_web::test]
async fn a_tenant_gets_its_requests_and_no_more() {
    let platform = limited().await;
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    set_rate(&platform, &acme, 20).await;
    // One caller gets half of it.
    let many = async |client: &averis_test_kit::Client, count: usize| {
        join_all((0..count).map(|_| client.get(CURRENCIES))).await
    };
    let answers = many(&acme.client, 60).await;
    let refused: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    // Ten at once, and ten more for each second that passes.
    assert!(refused.len() >= 30, "{}", refused.len());
    refused[0].expect_problem(429, "rate_limited");
    assert_eq!(refused[0].body["policy"], "caller");
    let wait = refused[0].headers["retry-after"].to_str().expect("text");
    assert!(
        (1..=2).contains(&wait.parse::<u32>().expect("seconds")),
        "{wait}"
    );
    // All callers together get all of it.
    let callers: Vec<_> = (0..8)
        .map(|_| acme.client.with_token(&platform.token_in(acme.id, &[])))
        .collect();
    let answers = join_all(callers.iter().map(|caller| many(caller, 8))).await;
    let refused = answers
        .iter()
        .flatten()
        .filter(|answer| answer.status == 429);
    assert!(
        refused
            .filter(|answer| answer.body["policy"] == "tenant")
            .count()
            > 10
    );
    // Nobody else feels it.
    let others = many(&globex.client, 40).await;
    assert!(others.iter().all(|answer| answer.status == 200));
    let headers = &others[0].headers;
    assert_eq!(headers["ratelimit-policy"], "\"caller\";q=500;w=1");
    let left = headers["ratelimit"].to_str().expect("text");
    assert!(
        left.starts_with("\"caller\";r=4") && left.ends_with(";t=1"),
        "{left}"
    );
}

#[actix_web::test]
async fn whoever_shows_nothing_is_limited_by_address() {
    let platform = limited().await;
    let nameless = platform.client.anonymous();
    let all = (0..150).map(|_| Answer::of(nameless.request(Method::GET, CURRENCIES)));
    let answers = join_all(all).await;
    assert!(
        answers
            .iter()
            .any(|answer| answer.status == 429 && answer.body["policy"] == "address")
    );
    // Health is asked by those who have to know, however often.
    let health = join_all((0..150).map(|_| nameless.get("/health/live"))).await;
    assert!(health.iter().all(|answer| answer.status == 200));
}

#[actix_web::test]
async fn a_shopper_is_nobody_who_could_use_up_what_is_anybodys() {
    let platform = limited().await;
    let acme = platform.tenant("acme").await;
    set_rate(&platform, &acme, 20).await;
    // As many sessions as one likes: they take nothing of what the tenant's people have.
    let shoppers: Vec<_> = (0..20)
        .map(|_| platform.shopper_token(acme.id))
        .map(|token| acme.client.with_token(&token))
        .collect();
    let storefront = "/api/tenant/v1/storefront";
    let seen = join_all(
        shoppers
            .iter()
            .chain(&shoppers)
            .map(|one| one.get(storefront)),
    )
    .await;
    let policies = seen
        .iter()
        .map(|answer| &answer.headers["ratelimit-policy"]);
    assert!(
        policies
            .into_iter()
            .all(|policy| policy == "\"address\";q=200;w=1")
    );
    let own = acme.client.with_token(&platform.token_in(acme.id, &[]));
    let own = join_all((0..8).map(|_| own.get(CURRENCIES))).await;
    assert!(own.iter().all(|answer| answer.status == 200));
    // Nor does a session let anybody guess more often than without one, however the address is written.
    let sign_in = json!({"email": "nobody@people.example", "password": "x"});
    for address in ["/api/tenant/v1/sign-in", "/api/tenant/v1/sign%2Din"] {
        let many = shoppers.iter().map(|one| {
            let outside = platform.client.with_token(one.token());
            let sign_in = &sign_in;
            async move { outside.post(address, sign_in).await }
        });
        let answers = join_all(many).await;
        let refused = answers.iter().filter(|answer| answer.status == 429);
        assert!(refused.count() >= 5, "{address}");
    }
}

//! How a request names its tenant, seen in the list of tenants: under a tenant's address it shows that one
//! alone, under the platform's all.

use averis_test_kit::{Setup, TestPlatform, TestTenant, identity, unique_key};

use crate::tools::{TENANTS, raw};

/// What a request may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Platform,
    Acme,
    Refused(&'static str),
}
use Seen::{Acme, Platform, Refused};
const INVALID: Seen = Refused("invalid_tenant");
const MISMATCH: Seen = Refused("tenant_mismatch");

/// What one caller got.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    /// Ids of the tenants in the list.
    List(Vec<String>),
    /// Status and code.
    Problem(u16, String),
}

struct World {
    platform: TestPlatform,
    acme: TestTenant,
    globex: TestTenant,
}

impl World {
    async fn new() -> Self {
        let platform = Setup::new().await.start(vec![]);
        Self {
            acme: platform.tenant("acme").await,
            globex: platform.tenant("globex").await,
            platform,
        }
    }

    /// Writes `{a}` and `{g}` as the tenants' keys.
    fn fill(&self, text: &str) -> String {
        text.replace("{a}", self.acme.key.as_str())
            .replace("{g}", self.globex.key.as_str())
    }

    /// Asks for the list with that target and these header lines, sent as they are: as an admin of the platform, as one
    /// of acme, and as nobody. Who asks changes nothing about where the request leads.
    async fn list(&self, target: &str, headers: &[Vec<u8>]) -> Seen {
        let ask = async |token: Option<&str>| {
            let line = token.map(|token| format!("Authorization: Bearer {token}").into_bytes());
            let headers: Vec<&[u8]> = headers.iter().chain(&line).map(Vec::as_slice).collect();
            self.send(target, &headers).await
        };
        let staff = ask(Some(self.platform.client.token())).await;
        let admin = ask(Some(self.acme.client.token())).await;
        let nobody = ask(None).await;
        match (staff, admin, nobody) {
            (Got::List(rows), Got::Problem(403, admin), Got::Problem(401, nobody)) => {
                assert_eq!((&*admin, &*nobody), ("forbidden", "unauthenticated"));
                assert!(rows.len() >= 2, "{rows:?}");
                Platform
            }
            (Got::Problem(403, staff), Got::List(rows), Got::Problem(401, nobody)) => {
                assert_eq!((&*staff, &*nobody), ("grant_required", "unauthenticated"));
                assert_eq!(rows, [self.acme.id.to_string()]);
                Acme
            }
            (staff, admin, nobody) => {
                assert_eq!((&staff, &staff), (&admin, &nobody));
                match staff {
                    Got::Problem(400, code) if code == "invalid_tenant" => INVALID,
                    Got::Problem(400, code) if code == "tenant_mismatch" => MISMATCH,
                    Got::Problem(404, code) if code == "no_such_route" => Refused("no_such_route"),
                    // The HTTP parser's own refusal, of a second Host for one, has no body.
                    Got::Problem(400, code) if code.is_empty() => Refused("not HTTP"),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    async fn send(&self, target: &str, headers: &[&[u8]]) -> Got {
        let mut request = format!("GET {target} HTTP/1.1\r\n").into_bytes();
        for header in headers {
            request.extend_from_slice(header);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"Connection: close\r\n\r\n");
        let (status, body) = raw(self.platform.address, &request).await;
        if status != 200 {
            let code = body["code"].as_str().unwrap_or_default();
            return Got::Problem(status, code.to_owned());
        }
        let rows = body["data"].as_array().expect("rows");
        let ids = rows.iter().map(|row| row["id"].as_str().expect("an id"));
        Got::List(ids.map(str::to_owned).collect())
    }
}

#[actix_web::test]
async fn s21_the_host_names_a_tenant_only_by_one_exact_label() {
    let world = World::new().await;
    let long = "a".repeat(300);
    for (host, expected) in [
        ("{a}.localhost", Acme),
        ("{a}.localhost:8080", Acme),
        ("{a}.LocalHost", Acme),
        ("localhost", Platform),
        ("localhost:1", Platform),
        ("127.0.0.1", Platform),
        ("[::1]:6012", Platform),
        ("", INVALID),
        // A foreign name is no clue, and alone it reaches nothing.
        ("{a}.localhost.evil.example", INVALID),
        ("{a}.evil.example", INVALID),
        ("{a}localhost", INVALID),
        ("192.0.2.1", INVALID),
        (&long, INVALID),
        // What looks like a tenant's address but is none must not become another's, nor the platform's.
        ("{a}.localhost.", INVALID),
        ("localhost.", INVALID),
        ("x@{a}.localhost", INVALID),
        ("{a}.localhost:443@x", INVALID),
        ("{a}.localhost:", INVALID),
        ("{a}.localhost:80a", INVALID),
        ("{a}.{g}.localhost", INVALID),
        (".localhost", INVALID),
        ("*.localhost", INVALID),
        ("xn--{a}.localhost", INVALID),
        ("nobody-has-this.localhost", INVALID),
        ("{a}_.localhost", INVALID),
        ("{a},{g}.localhost", INVALID),
        ("{a}.localhost/{g}.localhost", INVALID),
        ("{a}.localhost, {g}.localhost", INVALID),
    ] {
        let line = format!("Host: {}", world.fill(host)).into_bytes();
        assert_eq!(world.list(TENANTS, &[line]).await, expected, "{host}");
    }
    let upper = format!("Host: {}.LOCALHOST", world.acme.key.as_str().to_uppercase());
    assert_eq!(world.list(TENANTS, &[upper.into_bytes()]).await, Acme);
    let huge = format!("Host: {}.localhost", "a".repeat(300)).into_bytes();
    assert_eq!(world.list(TENANTS, &[huge]).await, INVALID);
    for bytes in [
        &b"\xe4.localhost"[..],
        b"\xff\xfe",
        "ä.localhost".as_bytes(),
    ] {
        let line = [b"Host: ", bytes].concat();
        assert_eq!(world.list(TENANTS, &[line]).await, INVALID, "{bytes:?}");
    }
}

#[actix_web::test]
async fn s24_reserved_names_lead_to_no_tenant() {
    let world = World::new().await;
    for name in [
        "platform",
        "www",
        "api",
        "admin",
        "auth",
        "static",
        "_acme-challenge",
        "tenant",
    ] {
        let host = format!("Host: {name}.localhost").into_bytes();
        assert_eq!(world.list(TENANTS, &[host]).await, INVALID, "{name}");
        let target = format!("/t/{name}{TENANTS}");
        assert_eq!(
            world.list(&target, &[b"Host: localhost".to_vec()]).await,
            INVALID,
            "{name}"
        );
        let headers = [
            b"Host: localhost".to_vec(),
            format!("X-Tenant-ID: {name}").into_bytes(),
        ];
        assert_eq!(world.list(TENANTS, &headers).await, INVALID, "{name}");
    }
}

#[actix_web::test]
async fn clues_that_agree_lead_to_the_tenant_and_others_nowhere() {
    let world = World::new().await;
    let list = "/api/tenant/v1/tenants";
    let table: &[(&str, &str, &[&str], Seen)] = &[
        ("/t/{a}", "localhost", &[], Acme),
        ("", "localhost", &["X-Tenant-ID: {a}"], Acme),
        ("", "127.0.0.1", &["x-tenant-id: {a}"], Acme),
        // Inside a cluster a service is called by other names, with the tenant named otherwise.
        ("", "product.internal.example", &["x-tenant-id: {a}"], Acme),
        ("/t/{a}", "{a}.localhost", &["X-Tenant-ID: {a}"], Acme),
        ("/t/{a}", "elsewhere.example", &["X-Tenant-ID: {a}"], Acme),
        ("/t/{g}", "{a}.localhost", &[], MISMATCH),
        ("", "{a}.localhost", &["X-Tenant-ID: {g}"], MISMATCH),
        ("/t/{a}", "localhost", &["X-Tenant-ID: {g}"], MISMATCH),
        ("/t/{a}", "{a}.localhost", &["X-Tenant-ID: {g}"], MISMATCH),
        (
            "",
            "localhost",
            &["X-Tenant-ID: {a}", "X-Tenant-ID: {a}"],
            MISMATCH,
        ),
        (
            "",
            "localhost",
            &["X-Tenant-ID: {a}", "X-Tenant-ID: {g}"],
            MISMATCH,
        ),
        ("", "localhost", &["Host: localhost"], Refused("not HTTP")),
        (
            "",
            "{a}.localhost",
            &["Host: {g}.localhost"],
            Refused("not HTTP"),
        ),
        ("/t/nobody", "{a}.localhost", &[], INVALID),
        ("/t/{a}", "nobody-at-all.localhost", &[], INVALID),
        ("", "{a}.localhost", &["X-Tenant-ID: nobodyatall"], INVALID),
        ("", "localhost", &["X-Tenant-ID: {a},{g}"], INVALID),
        ("", "localhost", &["X-Tenant-ID:"], INVALID),
        ("", "localhost", &["X-Tenant-ID: {a}'--"], INVALID),
        ("", "localhost", &["X-Tenant-ID: \u{e4}"], INVALID),
        ("/t/{a}%00", "localhost", &[], INVALID),
        ("/t/..", "localhost", &[], INVALID),
        ("/t/", "localhost", &[], INVALID),
        ("/t/{a}/t/{g}", "localhost", &[], Refused("no_such_route")),
        ("/t/{a}/", "localhost", &[], Refused("no_such_route")),
        ("//t/{a}", "localhost", &[], Refused("no_such_route")),
        // Not from a proxy that is known, so worth nothing.
        (
            "",
            "{a}.localhost",
            &["X-Forwarded-Host: {g}.localhost"],
            Acme,
        ),
        (
            "",
            "{a}.localhost",
            &["Forwarded: host={g}.localhost"],
            Acme,
        ),
        (
            "",
            "{a}.localhost",
            &["X-Original-Host: {g}.localhost"],
            Acme,
        ),
        (
            "",
            "localhost",
            &["X-Forwarded-Host: {a}.localhost"],
            Platform,
        ),
    ];
    for (prefix, host, headers, expected) in table {
        let mut lines = vec![format!("Host: {}", world.fill(host)).into_bytes()];
        lines.extend(headers.iter().map(|line| world.fill(line).into_bytes()));
        let target = format!("{}{list}", world.fill(prefix));
        let seen = world.list(&target, &lines).await;
        assert_eq!(seen, *expected, "{prefix} {host} {headers:?}");
    }
    let upper = format!("/t/{}{list}", world.acme.key.as_str().to_uppercase());
    assert_eq!(
        world.list(&upper, &[b"Host: localhost".to_vec()]).await,
        INVALID
    );
}

#[actix_web::test]
async fn a_request_with_the_whole_address_as_its_target_is_no_way_round() {
    let world = World::new().await;
    // RFC 9112 3.2.2: the target then counts, not Host. Where both agree there is no question.
    for (target, host, allowed) in [
        ("{a}.localhost", "{a}.localhost", [Acme, Acme]),
        ("{g}.localhost", "{a}.localhost", [Acme, MISMATCH]),
        ("localhost", "{a}.localhost", [Acme, MISMATCH]),
    ] {
        let target = format!("http://{}{TENANTS}", world.fill(target));
        let host = format!("Host: {}", world.fill(host)).into_bytes();
        let seen = world.list(&target, &[host]).await;
        assert!(allowed.contains(&seen), "{target}: {seen:?}");
    }
}

#[actix_web::test]
async fn internal_addresses_are_not_reachable_through_a_tenants_path() {
    let world = World::new().await;
    let globex = &world.globex.key;
    for rest in [
        "/internal",
        "/%69nternal",
        "//internal",
        "/./internal",
        "/api/../internal",
    ] {
        let path = format!("/t/{}{rest}/tenant/v1/lookup?key={globex}", world.acme.key);
        let answer = world.platform.client.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
    for rest in ["/health", "/metrics", "/openapi.json"] {
        let path = format!("/t/{}{rest}", world.acme.key);
        world
            .platform
            .client
            .get(&path)
            .await
            .expect_problem(404, "no_such_route");
    }
}

#[actix_web::test]
async fn internal_calls_take_only_well_formed_names() {
    let world = World::new().await;
    let lookup = "/internal/tenant/v1/lookup";
    let key = &world.acme.key;
    let token = identity("product").sign("tenant", None, None);
    let service = world.platform.client.with_token(&token.expect("a token"));
    for query in [format!("key={key}"), format!("subdomain={key}")] {
        let found = service.get(&format!("{lookup}?{query}")).await.expect(200);
        assert_eq!(found.body["id"], world.acme.id.to_string());
    }
    for bad in [
        "",
        "key=A",
        "key=a_b",
        "subdomain=-",
        "key=%00",
        "id=1",
        "key=ab&subdomain=ab",
    ] {
        let answer = service.get(&format!("{lookup}?{bad}")).await;
        answer.expect_problem(400, "invalid_query");
    }
    for bad in ["", "after=%00", "after=A", "before=x"] {
        let path = format!("/internal/tenant/v1/tenants?{bad}");
        let answer = service.get(&path).await;
        answer.expect_problem(400, "invalid_query");
    }
    let unknown = format!("{lookup}?key={}", unique_key("none"));
    let answer = service.get(&unknown).await;
    answer.expect_problem(404, "not_found");
}

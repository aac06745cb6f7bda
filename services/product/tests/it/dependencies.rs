//! What happens while the database or the tenant service is away.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use averis_tenant_context::Domain;
use averis_test_kit::{Answer, Client, Database, Setup};
use reqwest::Method;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

use crate::setup::{all, command, path, product_path, sellable, start, until};

#[derive(Default)]
struct Seen {
    good: AtomicUsize,
    away: AtomicUsize,
    stop: AtomicBool,
}

/// Reads and writes until it is told to stop; every answer must be a good one or say that the database is away.
async fn loop_on(client: &Client, number: usize, seen: &Seen) {
    let mut keys = Vec::new();
    while !seen.stop.load(Ordering::Relaxed) {
        let key = Uuid::now_v7().simple().to_string();
        let body = json!({"key": key, "name": "n", "variants": [{"sku": key}]});
        let answer = match number % 2 {
            0 => {
                client
                    .get(&path("/products/search?q=n&facets=status"))
                    .await
            }
            _ => client.post(&path("/products"), &body).await,
        };
        match answer.status {
            200 | 201 => {
                if answer.status == 201 {
                    keys.push(key);
                }
                seen.good.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                assert_eq!(answer.status, 503, "{}", answer.text);
                let code = answer.body["code"].as_str().expect("a code");
                answer.expect_problem(503, code);
                assert!(answer.headers.contains_key("retry-after"));
                seen.away.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::task::yield_now().await;
    }
    // What was answered as made is there.
    for key in keys {
        client
            .get(&path(&format!("/products/key={key}")))
            .await
            .expect(200);
    }
}

#[actix_web::test]
async fn while_the_database_is_away_requests_say_so_and_afterwards_all_goes_on() {
    let mut platform = start(Setup::on(Database::own(true).await));
    let acme = platform.tenant("acme").await.client;
    let seen = Seen::default();
    let more = async |counter: &AtomicUsize, count: usize| {
        let goal = counter.load(Ordering::Relaxed) + count;
        until("more answers", async || {
            (counter.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    };
    let mut server = platform.database.server.take().expect("an own server");
    let conductor = async {
        more(&seen.good, 40).await;
        server.kill().await.expect("killed");
        more(&seen.away, 20).await;
        server.restart().await.expect("started again");
        more(&seen.good, 40).await;
        server.halt().await.expect("halted");
        more(&seen.away, 20).await;
        server.restart().await.expect("started again");
        more(&seen.good, 40).await;
        seen.stop.store(true, Ordering::Relaxed);
    };
    let loops = futures_util::future::join_all((0..4).map(|n| loop_on(&acme, n, &seen)));
    futures_util::join!(conductor, loops);
    let id = sellable(&acme, "after").await.id();
    command(&acme, &id, "launch").await;
    platform.client.get("/health/ready").await.expect(200);
    server.stop().await.expect("stopped");
}

/// Something between the service and the tenant service that can be taken away.
struct Between {
    address: SocketAddr,
    to: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Between {
    async fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self {
            address,
            to,
            task: Some(carry(listener, to)),
        }
    }

    async fn go(&mut self) {
        let task = self.task.take().expect("it is there");
        task.abort();
        let _ = task.await;
    }

    async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("its own port");
        self.task = Some(carry(listener, self.to));
    }
}

#[expect(clippy::disallowed_methods, reason = "no request's work")]
fn carry(listener: TcpListener, to: SocketAddr) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            connections.spawn(async move {
                if let Ok(mut other) = TcpStream::connect(to).await {
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut other).await;
                }
            });
        }
    })
}

#[actix_web::test]
async fn without_the_tenant_service_known_tenants_go_on_and_unknown_ones_wait() {
    let mut setup = Setup::new().await;
    let own = setup.service_config(Domain::Product).urls.tenant;
    let to = own.socket_addrs(|| None).expect("an address")[0];
    let mut between = Between::new(to).await;
    setup.tenant_url =
        Some(Url::parse(&format!("http://{}", between.address)).expect("an address"));
    let platform = start(setup);
    let known = platform.tenant("known").await;
    let unknown = platform.tenant("unknown").await;
    let id = sellable(&known.client, "p").await.id();
    between.go().await;
    // A change makes what is known outdated, so the service asks, in vain, and goes on with what it knows.
    let place = format!("/api/tenant/v1/tenants/{}", known.id);
    let version = platform.client.get(&place).await.expect(200).version();
    let body = json!({"name": "Renamed"});
    platform
        .client
        .patch(&place, version, &body)
        .await
        .expect(200);
    for round in 0..20 {
        known.client.get(&product_path(&id)).await.expect(200);
        sellable(&known.client, &format!("new-{round}")).await;
        let answer = unknown.client.get(&path("/products")).await;
        answer.expect_problem(503, "tenant_lookup_unavailable");
        assert!(answer.headers.contains_key("retry-after"));
        let by_path = format!("/t/{}{}", unknown.key, path("/products"));
        let answer = Answer::of(platform.client.request(Method::GET, &by_path)).await;
        answer.expect_problem(503, "tenant_lookup_unavailable");
    }
    between.come_back().await;
    until("the tenant is found", async || {
        let answer = unknown.client.get(&path("/products")).await;
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(all(&known.client, &path("/products")).await.len(), 21);
}

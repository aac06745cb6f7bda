//! What was taken back stops within two seconds, also while nobody hears of it.
#![expect(
    clippy::disallowed_methods,
    reason = "what stands between the services and their database is no request"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use averis_tenant_context::TenantRole;
use averis_test_kit::{Client, Setup, TestPlatform, TestTenant};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::members::{Member, member, member_path};
use crate::sign_in::stops;
use crate::tools::within;

/// What happens on the way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing passes, and nobody is told: a cable is cut.
    Silent,
    /// Connections end, and others are refused.
    Closed,
}

/// A way to the database that can be cut.
struct Between {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
}

impl Between {
    async fn start(database: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, _) = watch::channel(Way::Open);
        let way = Arc::new(sender);
        let ways = Arc::clone(&way);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let way = ways.subscribe();
                tokio::spawn(pass(stream, database.clone(), way));
            }
        });
        Self { address, way }
    }

    fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn pass(mut stream: TcpStream, database: String, mut way: watch::Receiver<Way>) {
    if *way.borrow() == Way::Closed {
        return;
    }
    let _ = way.wait_for(|way| *way == Way::Open).await;
    let Ok(mut upstream) = TcpStream::connect(database).await else {
        return;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut upstream) => return,
        _ = way.wait_for(|way| *way != Way::Open) => {}
    }
    // Cut without a word: both ends stay as they are until the way is closed or open again.
    let _ = way.wait_for(|way| *way != Way::Silent).await;
}

async fn suspend(tenant: &TestTenant, member: &Member) {
    let id = member.account.id.to_string();
    let seen = tenant.client.get(&member_path(&id, "")).await.expect(200);
    let path = member_path(&id, "/suspend");
    let suspended = tenant
        .client
        .command(&path, seen.version(), &json!({}))
        .await;
    let _ = suspended.expect(200);
}

async fn comes_in(platform: &TestPlatform, tenant: &TestTenant) -> (Member, Client) {
    let member = member(platform, tenant, &[TenantRole::ReadOnly]).await;
    let client = member.client.clone();
    let _ = client.get("/api/tenant/v1/members").await.expect(200);
    (member, client)
}

#[actix_web::test]
async fn what_is_taken_back_stops_within_two_seconds_whether_it_is_heard_of_or_not() {
    let mut setup = Setup::new().await;
    let url = url::Url::parse(&setup.database.admin_text).expect("an address");
    let host = url.host_str().expect("a host");
    let between = Between::start(format!("{host}:{}", url.port().unwrap_or(5432))).await;
    setup.listens_at = Some(between.address);
    let platform = setup.start(vec![]);
    let acme = platform.tenant("acme").await;
    for way in [Way::Open, Way::Silent, Way::Open, Way::Closed, Way::Open] {
        between.set(way);
        let (member, client) = comes_in(&platform, &acme).await;
        suspend(&acme, &member).await;
        stops(&client).await;
    }
    // Cut after it was heard of that somebody may: nothing older is forgotten.
    let (member, client) = comes_in(&platform, &acme).await;
    suspend(&acme, &member).await;
    stops(&client).await;
    between.set(Way::Silent);
    let limit = Duration::from_secs(3);
    within(limit, "deaf, it still knows", &mut async || {
        client.get("/api/tenant/v1/members").await.status == 401
    })
    .await;
    between.set(Way::Closed);
}

//! A tenant's own system, which is told what happens.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::Client;

/// Hears what it is told.
pub struct Hearer(MockServer);

impl Hearer {
    /// Starts it, and has a tenant tell it everything from now on.
    pub async fn start(staff: &Client) -> Self {
        let server = MockServer::start().await;
        let hears = Mock::given(method("POST")).respond_with(ResponseTemplate::new(204));
        hears.mount(&server).await;
        let endpoint = json!({"url": server.uri()});
        let made = staff.post("/api/tenant/v1/webhook-endpoints", &endpoint);
        let _ = made.await.expect(201);
        Self(server)
    }

    /// Waits until it has heard of so many things of that kind, and returns the data of each, in the order in which they happened.
    ///
    /// # Panics
    /// When it does not within half a minute, or hears of more.
    pub async fn heard(&self, kind: &str, times: usize) -> Vec<Value> {
        for _ in 0..3_000 {
            let all = self.0.received_requests().await.expect("recorded");
            // What comes twice is told once.
            let all = all.iter().map(|request| {
                let body: Value = request.body_json().expect("JSON");
                (request.headers["webhook-id"].clone(), body)
            });
            let all: HashMap<_, Value> = all.collect();
            let all = all.into_values();
            let mut told: Vec<Value> = all.filter(|body| body["type"] == kind).collect();
            if told.len() >= times {
                assert_eq!(told.len(), times, "{told:?}");
                told.sort_by_key(|body| body["sequence"].as_i64());
                return told.iter().map(|body| body["data"].clone()).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{kind} is not told {times} times");
    }
}

//! What the simulator tells of its own accord.

use std::sync::Weak;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::Shared;
use crate::books::scattered;

/// Tries to tell something, before it is given up.
const TRIES: u32 = 6;

/// Something to be told.
pub struct Told {
    pub account: String,
    pub kind: &'static str,
    pub object: Value,
}

/// Returns `t=..,v1=..` as Stripe has it.
pub fn signature(secret: &str, body: &str, at: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{at}.{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

/// Tells what happens for as long as the simulator is there.
pub async fn tell_all(shared: Weak<Shared>, mut telling: UnboundedReceiver<Told>) {
    let Ok(http) = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()
    else {
        return;
    };
    while let Some(told) = telling.recv().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let (url, number, untold, twice) = {
            let mut books = shared.books();
            let url = books.listeners.get(&told.account).cloned();
            let behaviour = &shared.behaviour;
            let untold = books.chance(behaviour.seed, behaviour.untold);
            let twice = books.chance(behaviour.seed, behaviour.twice);
            (url, books.number(), untold, twice)
        };
        let Some(url) = url.filter(|_| !untold) else {
            continue;
        };
        let event = json!({
            "id": format!("evt_{number}"), "object": "event", "type": told.kind, "account": told.account,
            "data": {"object": told.object},
        });
        let body = event.to_string();
        for copy in 0..=u64::from(twice) {
            let late = match shared.behaviour.late_ms {
                0 => 0,
                most => scattered(shared.behaviour.seed, number + copy * 7_919) % most,
            };
            let (http, url, body) = (http.clone(), url.clone(), body.clone());
            let secret = shared.secret.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "the simulator has no tenants; what is told names its account"
            )]
            actix_web::rt::spawn(async move {
                tokio::time::sleep(Duration::from_millis(late)).await;
                tell(&http, &url, &body, &secret).await;
            });
        }
    }
}

async fn tell(http: &reqwest::Client, url: &str, body: &str, secret: &str) {
    for attempt in 0..TRIES {
        let signed = signature(secret, body, chrono::Utc::now().timestamp());
        let sent = http
            .post(url)
            .header("stripe-signature", signed)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await;
        if sent.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
    }
    tracing::debug!(url, "nobody wants to hear it");
}

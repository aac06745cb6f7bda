//! A process that is asked to stop finishes what it has begun, and can be watched meanwhile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use averis_test_kit::fleet::{binary, free_port, terminate};
use reqwest::{Client, StatusCode};
use tokio::process::Command;

use crate::configuration::good;

#[actix_web::test]
async fn a_draining_service_says_so_and_tells_its_metrics() {
    let (port, metrics) = (free_port(), free_port());
    let process = Command::new(binary("product"))
        .env_clear()
        .envs(good())
        .env("AVERIS_HTTP_PORT", port.to_string())
        .env("AVERIS_METRICS_PORT", metrics.to_string())
        .env("AVERIS_DRAIN_SECONDS", "3")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the services' binaries are built");
    let http = Client::new();
    let ready = format!("http://127.0.0.1:{port}/health/ready");
    let says = async |what: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            // Its database is away, which is no reason to drain.
            if let Ok(answer) = http.get(&ready).send().await {
                assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
                let closes = answer.headers().get("connection").is_some();
                let said = answer.text().await.expect("an answer");
                if said.contains(what) {
                    return closes;
                }
            }
            assert!(Instant::now() < deadline, "it never says {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(!says("database").await, "it is not asked to stop yet");
    terminate(&process).await;
    assert!(says("draining").await, "its connections are kept");
    let told = format!("http://127.0.0.1:{metrics}/metrics");
    let told = http.get(told).send().await.expect("they are told");
    let told = told.text().await.expect("metrics");
    let answered = r#"route="/health/ready",status="503""#;
    assert!(told.contains(answered), "{told}");
    let ended = process.wait_with_output().await.expect("its end");
    assert!(ended.status.success(), "it ended with {}", ended.status);
    // Why it is not ready, and hears of no change, is for the log, once.
    let logged = String::from_utf8_lossy(&ended.stderr);
    for what in ["not ready", "cannot be listened for"] {
        let told = logged.lines().filter(|line| line.contains(what));
        let told: Vec<&str> = told.collect();
        assert_eq!(told.len(), 1, "{logged}");
        assert!(told[0].contains("refused"), "{logged}");
    }
}

//! `averis up` as a process of its own, on a database of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use averis_tenant::{AccessTokens, Grantee};
use averis_tenant_context::{GlobalRole, TenantRole};
use averis_test_kit::Client;
use averis_test_kit::fleet::free_port;
use averis_tokens::now_ms;
use serde_json::Value;
use tokio::process::{Child, Command};

/// A running `averis up`. Killed when dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub port: u16,
    /// Folder of its secrets.
    pub state_dir: PathBuf,
}

/// Whether the long forms of the proofs are asked for.
pub fn is_long() -> bool {
    std::env::var("AVERIS_STRESS").is_ok_and(|form| form == "long")
}

impl Process {
    /// Starts with its log, at that level, in a file.
    pub async fn start_logging(state_dir: PathBuf, url: &str, log: &Path, level: &str) -> Self {
        let port = free_port();
        let file = std::fs::File::create(log).expect("the log's file");
        let mut command = Self::command(&state_dir, Some(url), port, &[]);
        command
            .env("AVERIS_LOG", level)
            .env("AVERIS_LOG_FORMAT", "json")
            .stderr(file);
        let child = command.spawn().expect("averis starts");
        let mut process = Self {
            child,
            port,
            state_dir,
        };
        process.wait().await;
        process
    }

    /// Starts on the database at `url` (an administrator's), with secrets in `state_dir`.
    pub async fn start(state_dir: PathBuf, url: Option<&str>, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut process = Self {
            child: Self::command(&state_dir, url, port, arguments)
                .spawn()
                .expect("averis starts"),
            port,
            state_dir,
        };
        process.wait().await;
        process
    }

    fn command(state_dir: &PathBuf, url: Option<&str>, port: u16, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_averis"));
        command
            .arg("up")
            .args(["--port", &port.to_string()])
            .arg("--state-dir")
            .arg(state_dir)
            .args(arguments)
            .env("AVERIS_LOG", "warn")
            .env("AVERIS_DATABASE_CAPACITY", "100000")
            // Any free one: the port beside the other may be taken.
            .env("AVERIS_METRICS_PORT", "0")
            .env_remove("AVERIS_DATABASE_URL")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        if let Some(url) = url {
            command.env("AVERIS_DATABASE_URL", url);
        }
        command
    }

    async fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let url = format!("http://127.0.0.1:{}/health/ready", self.port);
        loop {
            if client
                .get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("the child's state") {
                panic!("averis ended with {status}");
            }
            assert!(Instant::now() < deadline, "averis did not get ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it as the kernel would, in the middle of whatever it does.
    pub async fn kill(mut self) -> PathBuf {
        self.child.kill().await.expect("the kill");
        self.state_dir.clone()
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> PathBuf {
        let id = self.child.id().expect("it runs").to_string();
        let asked = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .expect("kill");
        assert!(asked.success());
        let status = self.child.wait().await.expect("its end");
        assert!(status.success(), "averis ended with {status}");
        self.state_dir.clone()
    }

    /// Where it listens, for URLs.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The installation's operator at the platform's own address. It is the same caller after a restart.
    pub fn client(&self) -> Client {
        let token = self.sign(&Grantee {
            global_roles: vec![GlobalRole::PlatformAdmin],
            ..Grantee::default()
        });
        Client::new(&self.url(), "localhost").with_token(&token)
    }

    /// An admin of a tenant under its host name.
    pub async fn under(&self, key: &str) -> Client {
        let list = format!("/api/tenant/v1/tenants?key={key}");
        let found = self.client().get(&list).await.expect(200);
        let id = found.body["data"][0]["id"].as_str().expect("a tenant");
        let token = self.sign(&Grantee {
            tenant: Some(id.parse().expect("an id")),
            tenant_roles: vec![TenantRole::TenantAdmin],
            ..Grantee::default()
        });
        Client::new(&self.url(), &format!("{key}.localhost")).with_token(&token)
    }

    /// Signs a token that lasts as long as any test, with the installation's own secret.
    fn sign(&self, grantee: &Grantee) -> String {
        let file = self.state_dir.join("secrets.json");
        let text = std::fs::read_to_string(file).expect("the secrets");
        let secrets: Value = serde_json::from_str(&text).expect("the secrets");
        let secret = secrets["signing_secret"].as_str().expect("a secret");
        let tokens = AccessTokens::new(secret.parse().expect("long enough"), "averis");
        let mut claims = tokens.claims(grantee, now_ms());
        claims.exp += 24 * 3600;
        tokens.sign_access(&claims).expect("a token")
    }

    /// Largest resident memory so far, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("VmHWM");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    }
}

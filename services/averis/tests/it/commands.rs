//! The command line, as an operator uses it.

use std::path::Path;
use std::time::{Duration, Instant};

use averis_test_kit::Database;
use serde_json::Value;
use tokio::process::Command;

use crate::process::Process;

struct Output {
    code: i32,
    text: String,
    errors: String,
}

impl Output {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.text, self.errors))
    }
}

async fn averis(arguments: &[&str], url: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_averis"));
    command
        .args(arguments)
        .env_remove("AVERIS_DATABASE_URL")
        .env("AVERIS_LOG", "error");
    if let Some(url) = url {
        command.env("AVERIS_DATABASE_URL", url);
    }
    let output = command.output().await.expect("averis runs");
    Output {
        code: output.status.code().expect("an exit code"),
        text: String::from_utf8(output.stdout).expect("text"),
        errors: String::from_utf8(output.stderr).expect("text"),
    }
}

#[actix_web::test]
async fn an_operator_leads_a_tenant_through_its_life() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::own(false).await;
    let process = Process::start(directory.path().into(), Some(&database.admin_text), &[]).await;
    let at = format!("http://127.0.0.1:{}", process.port);
    let run = async |arguments: &[&str]| {
        let mut all = vec!["--json"];
        all.extend(arguments);
        all.extend(["--url", &at]);
        averis(&all, None).await
    };
    let made = run(&[
        "tenant",
        "create",
        "initech",
        "--name",
        "Initech",
        "--tier",
        "professional",
    ])
    .await;
    assert_eq!(
        (made.code, made.json()["status"].as_str()),
        (0, Some("active"))
    );
    assert_eq!(run(&["tenant", "create", "initech"]).await.code, 1);
    assert_eq!(run(&["tenant", "create", "Not a key"]).await.code, 2);
    assert_eq!(
        run(&["tenant", "list"])
            .await
            .json()
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(run(&["tenant", "show", "nobody"]).await.code, 4);
    let file = directory.path().join("things.csv");
    std::fs::write(
        &file,
        "Handle,Title,Variant SKU\na,A,A-1\nb,B,A-1\nc,C,C-1\n",
    )
    .expect("a file");
    let file = file.to_str().expect("a path");
    let imported = run(&["import", "products", "--tenant", "initech", file]).await;
    assert_eq!(
        imported.code, 3,
        "one product was refused: {}",
        imported.text
    );
    assert_eq!(imported.json()["counts"]["products_created"], 2);
    assert_eq!(
        run(&["import", "products", "--tenant", "initech", "/nowhere.csv"])
            .await
            .code,
        1
    );
    assert_eq!(
        run(&["tenant", "suspend", "initech"]).await.json()["status"],
        "suspended"
    );
    assert_eq!(
        run(&["tenant", "resume", "initech"]).await.json()["status"],
        "active"
    );
    assert_eq!(
        run(&["tenant", "purge", "initech", "--confirm", "initech"])
            .await
            .code,
        1
    );
    assert_eq!(
        run(&["tenant", "close", "initech"]).await.json()["status"],
        "closing"
    );
    assert_eq!(
        run(&["tenant", "purge", "initech", "--confirm", "intech"])
            .await
            .code,
        1
    );
    let purged = run(&["tenant", "purge", "initech", "--confirm", "initech"]).await;
    assert_eq!(
        purged.json()["row_counts"]["tenant_initech_product.products"],
        2
    );
    let migrated = averis(
        &[
            "--json",
            "migrate",
            "--state-dir",
            directory.path().to_str().expect("a path"),
        ],
        Some(&database.admin_text),
    )
    .await;
    assert_eq!(
        (migrated.code, migrated.json()["migrated"].as_u64()),
        (0, Some(0))
    );
    process.stop().await;
    let gone = run(&["tenant", "list"]).await;
    assert_eq!(gone.code, 1);
    assert!(
        gone.errors.contains("does `averis up` run?"),
        "{}",
        gone.errors
    );
}

async fn product_count(process: &Process, tenant: &str) -> usize {
    let page = process
        .under(tenant)
        .get("/api/product/v1/products")
        .await
        .expect(200);
    page.body["data"].as_array().expect("rows").len()
}

#[actix_web::test]
async fn a_private_postgresql_starts_warm_within_seconds_and_survives_a_kill() {
    // The server's account must pass through, also when the tests run as root.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let directory = tempfile::Builder::new()
        .permissions(permissions)
        .tempdir()
        .expect("a directory");
    let state = || Path::join(directory.path(), "state");
    let process = Process::start(state(), None, &["--demo"]).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while process.client().get("/api/tenant/v1/tenants").await.body["data"]
        .as_array()
        .map(Vec::len)
        != Some(2)
        || process
            .under("globex")
            .get("/api/product/v1/products")
            .await
            .body["data"]
            .as_array()
            .map(Vec::len)
            != Some(3)
    {
        assert!(Instant::now() < deadline, "the demo tenants are not made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(product_count(&process, "acme").await, 3);
    // A second process joins the running database instead of disturbing it.
    let joined = averis(
        &[
            "--json",
            "migrate",
            "--dry-run",
            "--state-dir",
            state().to_str().expect("a path"),
        ],
        None,
    )
    .await;
    assert_eq!(
        (joined.code, joined.json()["schemas"].as_u64()),
        (0, Some(12))
    );
    process.stop().await;
    let start = Instant::now();
    let process = Process::start(state(), None, &["--demo"]).await;
    let warm = start.elapsed();
    println!("a warm start took {:.2} s", warm.as_secs_f64());
    assert_eq!(product_count(&process, "acme").await, 3);
    process.kill().await;
    let process = Process::start(state(), None, &[]).await;
    assert_eq!(product_count(&process, "globex").await, 3);
    process.stop().await;
}

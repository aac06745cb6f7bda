//! The command line, as an operator uses it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use averis_test_kit::{Client, Database};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
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

/// Runs a command with what it needs in `directory`, and nothing of whoever runs the tests.
async fn averis(directory: &Path, arguments: &[&str], url: Option<&str>) -> Output {
    averis_with(directory, arguments, url, None, "").await
}

/// The same with a credential at hand, and something to read.
async fn averis_with(
    directory: &Path,
    arguments: &[&str],
    url: Option<&str>,
    token: Option<&str>,
    input: &str,
) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_averis"));
    command
        .args(arguments)
        .arg("--state-dir")
        .arg(directory)
        .env_remove("AVERIS_DATABASE_URL")
        .env_remove("AVERIS_TOKEN")
        .env("AVERIS_CREDENTIALS", directory.join("credentials.json"))
        .env("AVERIS_LOG", "error");
    if let Some(url) = url {
        command.env("AVERIS_DATABASE_URL", url);
    }
    if let Some(token) = token {
        command.env("AVERIS_TOKEN", token);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("averis starts");
    let mut pipe = child.stdin.take().expect("its input");
    // Whoever reads nothing may be gone before all is written.
    let _ = pipe.write_all(input.as_bytes()).await;
    drop(pipe);
    let output = child.wait_with_output().await.expect("averis runs");
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
    let at = process.url();
    let run = async |arguments: &[&str]| {
        let mut all = vec!["--json"];
        all.extend(arguments);
        all.extend(["--url", &at]);
        averis(directory.path(), &all, None).await
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
        directory.path(),
        &["--json", "migrate"],
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

#[actix_web::test]
async fn people_sign_in_and_machines_get_keys() {
    const EMAIL: &str = "root@averis.example";
    const PASSWORD: &str = "a password of the first admin\n";
    let directory = tempfile::tempdir().expect("a directory");
    let operator = directory.path();
    // Somebody elsewhere, who cannot read the installation's secrets.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let person = elsewhere.path();
    let database = Database::own(false).await;
    let process = Process::start(operator.into(), Some(&database.admin_text), &[]).await;
    let at = process.url();
    let made = averis(
        operator,
        &["tenant", "create", "initech", "--url", &at],
        None,
    )
    .await;
    assert_eq!(made.code, 0, "{}", made.errors);
    let platform = Client::new(&at, "localhost");
    let tenant = Client::new(&at, "initech.localhost");

    // A key does what its scopes say until it is revoked.
    let on = ["--tenant", "initech", "--url", &at];
    let key = |words: &[&'static str]| [&["--json", "key"], words, &on].concat();
    let create = key(&["create", "Nightly", "--scope", "product:read"]);
    let made = averis(operator, &create, None).await.json();
    let machine = tenant.with_token(made["key"].as_str().expect("a key"));
    machine.get("/api/product/v1/products").await.expect(200);
    let members = machine.get("/api/tenant/v1/members").await;
    members.expect_problem(403, "forbidden");
    let given = averis_with(person, &["token", "--url", &at], None, Some("avk_x"), "").await;
    assert_eq!((given.code, given.text.trim()), (0, "avk_x"));
    let listed = averis(operator, &key(&["list"]), None).await;
    assert_eq!(listed.json()[0]["name"], "Nightly");
    assert!(!listed.text.contains(machine.token()), "{}", listed.text);
    let id = made["id"].as_str().expect("an id");
    let revoke = [&["key", "revoke", id], &on[..]].concat();
    assert_eq!(averis(operator, &revoke, None).await.code, 0);
    let deadline = Instant::now() + Duration::from_secs(5);
    while machine.get("/api/product/v1/products").await.status != 401 {
        assert!(Instant::now() < deadline, "the revoked key goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // Without anything to show nobody is let in.
    let token = ["token", "--url", &at];
    let none = averis(person, &token, None).await;
    assert_eq!(none.code, 1);
    assert!(none.errors.contains("averis login"), "{}", none.errors);

    // The first admin is made beside the database, and signs in from anywhere.
    let create = ["admin", "create", "--email", EMAIL];
    let url = Some(&*database.admin_text);
    let made = averis_with(operator, &create, url, None, PASSWORD).await;
    assert_eq!(made.code, 0, "{}", made.errors);
    let login = ["login", "--email", EMAIL, "--url", &at];
    let wrong = averis_with(person, &login, None, None, "another password\n").await;
    assert_eq!(wrong.code, 1, "{}", wrong.text);
    let right = averis_with(person, &login, None, None, PASSWORD).await;
    assert_eq!(right.code, 0, "{}", right.errors);
    for _ in 0..2 {
        // Each is another one, had for what the one before left behind.
        let had = averis(person, &token, None).await;
        let me = platform.with_token(had.text.trim());
        let me = me.get("/api/tenant/v1/me").await.expect(200);
        assert_eq!(me.body["email"], EMAIL);
    }
    // Commands at once wait for each other: none shows a refresh token that another has used.
    let at_once = (0..4).map(|_| averis(person, &token, None));
    for had in futures_util::future::join_all(at_once).await {
        assert_eq!(had.code, 0, "{}", had.errors);
    }
    let unlink = ["admin", "unlink", "--email", EMAIL];
    let unlinked = averis(operator, &unlink, url).await;
    assert_eq!(unlinked.code, 0, "{}", unlinked.errors);
    assert!(
        unlinked.text.contains("No issuer knows"),
        "{}",
        unlinked.text
    );
    let nobody = ["admin", "unlink", "--email", "nobody@initech.example"];
    assert_eq!(averis(operator, &nobody, url).await.code, 1);
    let list = ["--json", "tenant", "list", "--url", &at];
    assert_eq!(
        averis(person, &list, None).await.json()[0]["key"],
        "initech"
    );

    // Nobody is in a tenant for being an admin of the platform.
    let user = |words: &[&'static str]| [&["--json", "user"], words, &on].concat();
    assert_eq!(averis(person, &user(&["list"]), None).await.code, 1);
    let invite = user(&["invite", "Ana@Initech.example", "--role", "product_view"]);
    let invited = averis(operator, &invite, None).await;
    assert_eq!(invited.code, 0, "{}", invited.errors);
    let listed = averis(operator, &user(&["list"]), None).await.json();
    assert_eq!(listed[0]["email"], "ana@initech.example");
    assert_eq!(listed[0]["status"], "invited");
    let remove = user(&["remove", "ana@initech.example"]);
    assert_eq!(averis(operator, &remove, None).await.code, 0);
    assert_eq!(averis(operator, &remove, None).await.code, 4);

    assert_eq!(
        averis(person, &["logout", "--url", &at], None).await.code,
        0
    );
    assert_eq!(averis(person, &token, None).await.code, 1);
    process.stop().await;
}

#[actix_web::test]
async fn who_only_looks_takes_no_login_from_those_that_serve() {
    let (own, others) = (tempfile::tempdir(), tempfile::tempdir());
    let (own, others) = (own.expect("a directory"), others.expect("a directory"));
    let database = Database::own(false).await;
    let at = Some(database.admin_text.as_str());
    assert_eq!(averis(own.path(), &["migrate"], at).await.code, 0);
    // With the secrets of another installation.
    let audit = ["audit", "verify", "--tenant", "nobody"];
    for looking in [&["migrate", "--dry-run"][..], &audit] {
        let refused = averis(others.path(), looking, at).await;
        assert_eq!(refused.code, 1, "{}", refused.text);
        let why = refused.errors;
        assert!(why.contains("password authentication failed"), "{why}");
    }
    assert_eq!(
        averis(own.path(), &["migrate", "--dry-run"], at).await.code,
        0
    );
    assert_eq!(averis(own.path(), &audit, at).await.code, 4);
}

#[actix_web::test]
async fn secrets_have_each_login_come_to_the_database_in_the_way_that_is_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let hand_out = async |database: &str| {
        let arguments = ["secrets", "--database", database, "kubernetes"];
        averis(directory.path(), &arguments, None).await
    };
    let at = "db:5432/averis?sslmode=verify-full&sslrootcert=/run/averis-db/ca.crt";
    let given = hand_out(at).await.json();
    let secrets = given["items"].as_array().expect("secrets");
    let variables = secrets
        .iter()
        .filter_map(|secret| secret["stringData"].as_object());
    let logins: Vec<&str> = variables
        .flatten()
        .filter_map(|(_, value)| value.as_str())
        .filter(|value| value.starts_with("postgres://"))
        .collect();
    // Seven services, webhooks, and what makes schemas.
    assert_eq!(logins.len(), 9, "{given}");
    for login in logins {
        assert!(login.ends_with(at), "{login}");
    }
    let unsaid = hand_out("db:5432/averis").await;
    assert_eq!(unsaid.code, 1);
    assert!(unsaid.errors.contains("sslmode"), "{}", unsaid.errors);
}

#[actix_web::test]
async fn what_is_removed_from_the_secrets_is_made_anew_and_the_rest_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secrets.json");
    let kept = async || {
        let answer = averis(directory.path(), &["service-keys"], None).await;
        assert_eq!(answer.code, 0, "{}", answer.errors);
        let text = std::fs::read_to_string(&file).expect("secrets");
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
    };
    let first = kept().await;
    for name in [
        "cursor_secret",
        "signing_secret",
        "passwords",
        "service_secrets",
    ] {
        let mut removed = first.clone();
        assert!(
            removed
                .as_object_mut()
                .expect("an object")
                .remove(name)
                .is_some()
        );
        std::fs::write(&file, removed.to_string()).expect("written");
        let now = kept().await;
        for (other, value) in first.as_object().expect("an object") {
            assert_eq!(
                &now[other] == value,
                other != name,
                "{other} without {name}"
            );
        }
    }
}

async fn product_count(process: &Process, tenant: &str) -> usize {
    let page = process
        .under(tenant)
        .await
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
            .await
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
    // The tenants are made one after the other, so acme is whole.
    let acme = process.under("acme").await;
    let first = async |list: &str| {
        let page = acme.get(&format!("/api/customer/v1/{list}")).await;
        let id = page.expect(200).body["data"][0]["id"].clone();
        id.as_str().expect("an id").to_owned()
    };
    let (buyer, company) = (first("customers").await, first("companies").await);
    let context = format!("/api/customer/v1/customers/{buyer}/context?company_id={company}");
    let context = acme.get(&context).await.expect(200).body;
    assert_eq!(context["may_order"], true);
    assert_eq!(context["company"]["status"], "approved");
    // A second process joins the running database instead of disturbing it.
    let joined = averis(&state(), &["--json", "migrate", "--dry-run"], None).await;
    assert_eq!(
        (joined.code, joined.json()["schemas"].as_u64()),
        (0, Some(14))
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

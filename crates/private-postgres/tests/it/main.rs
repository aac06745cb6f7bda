//! With a real PostgreSQL: what a private server promises.

#![expect(
    clippy::disallowed_methods,
    reason = "tests stand outside the services"
)]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail the test")]

use averis_private_postgres::{Error, Options, PrivatePostgres};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Names the state directory to the process that a test kills.
const HOLD: &str = "PRIVATE_POSTGRES_TEST_HOLD";

fn state() -> TempDir {
    // When root runs the tests, the server's account has to pass through.
    tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

fn options(state: &TempDir) -> Options {
    Options {
        durable: false,
        max_connections: 20,
        ..Options::new(state.path())
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

async fn count(url: &str) -> i64 {
    connect(url)
        .await
        .query_one("SELECT count(*) FROM kept", &[])
        .await
        .unwrap()
        .get(0)
}

/// Waits for a condition, however slow the machine is, up to `seconds`.
fn within(seconds: u64, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline: Instant = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn postmaster(data_dir: &Path) -> Option<u32> {
    let text: String = std::fs::read_to_string(data_dir.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// Whether a process executes; one that has ended but was not collected does not.
fn runs(pid: u32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&output.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}

/// A process of its own that starts a server and waits to be killed.
fn spawn_holder(state: &TempDir) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold", "--ignored"])
        .env(HOLD, state.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn data_and_address_survive_a_stop() {
    let state: TempDir = state();
    let started: Instant = Instant::now();
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    eprintln!(
        "first start {:?}: {}",
        started.elapsed(),
        server.how_found()
    );
    assert!(server.version() >= 15);
    let url: String = server.admin_url().to_owned();
    let client: Client = connect(&url).await;
    client
        .batch_execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
        .await
        .unwrap();
    for (setting, expected) in [
        ("current_database()", "averis"),
        ("current_setting('listen_addresses')", "127.0.0.1"),
        ("current_setting('unix_socket_directories')", ""),
        ("current_setting('max_locks_per_transaction')", "256"),
        ("current_setting('max_connections')", "20"),
        ("current_setting('data_checksums')", "on"),
        ("current_setting('fsync')", "off"),
        ("current_setting('server_encoding')", "UTF8"),
    ] {
        let row = client
            .query_one(&format!("SELECT {setting}::text"), &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, String>(0), expected, "{setting}");
    }
    let data_dir: PathBuf = server.data_dir().to_owned();
    let pid: u32 = postmaster(&data_dir).unwrap();
    let stopping: Instant = Instant::now();
    server.stop().await.unwrap();
    eprintln!("stop with an open session {:?}", stopping.elapsed());
    assert!(!runs(pid) && postmaster(&data_dir).is_none());

    let again: Instant = Instant::now();
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    eprintln!("second start {:?}", again.elapsed());
    assert_eq!(server.admin_url(), url, "the same port and password");
    assert_eq!(count(&url).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_directory_for_it_a_socket_is_its_address_also_after_a_kill() {
    let state: TempDir = state();
    let sockets: PathBuf = state.path().join("sockets");
    std::fs::create_dir(&sockets).unwrap();
    // The server's account is another one when root runs the tests.
    std::fs::set_permissions(&sockets, std::fs::Permissions::from_mode(0o777)).unwrap();
    let options = Options {
        socket_dir: Some(sockets),
        ..options(&state)
    };
    let mut server = PrivatePostgres::start(options).await.unwrap();
    let url: String = server.admin_url().to_owned();
    for _ in 0..2 {
        let over = connect(&url)
            .await
            .query_one("SELECT inet_server_addr()::text", &[])
            .await
            .unwrap();
        assert_eq!(over.get::<_, Option<String>>(0), None, "no TCP");
        server.kill().await.unwrap();
        server.restart().await.unwrap();
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn committed_data_survives_a_kill_and_the_address_stays() {
    let state: TempDir = state();
    let mut server = PrivatePostgres::start(options(&state)).await.unwrap();
    let url: String = server.admin_url().to_owned();
    let client: Client = connect(&url).await;
    client
        .batch_execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
        .await
        .unwrap();
    client
        .batch_execute("BEGIN; INSERT INTO kept VALUES (2)")
        .await
        .unwrap();
    assert!(matches!(server.restart().await, Err(Error::Running)));
    let pid: u32 = postmaster(server.data_dir()).unwrap();
    server.kill().await.unwrap();
    assert!(!runs(pid));
    assert!(client.simple_query("SELECT 1").await.is_err());
    server.kill().await.unwrap();
    let again: Instant = Instant::now();
    server.restart().await.unwrap();
    eprintln!("restart with recovery {:?}", again.elapsed());
    assert_eq!(server.admin_url(), url);
    assert_eq!(
        count(&url).await,
        1,
        "the open transaction is gone, the committed one is not"
    );
    server.halt().await.unwrap();
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(count(&url).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_directory_has_one_user_and_is_free_after_a_drop() {
    let state: TempDir = state();
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    let second: Error = PrivatePostgres::start(options(&state)).await.unwrap_err();
    assert!(matches!(second, Error::InUse { .. }), "{second}");
    // Dropped without a stop, with the session still open: the next start waits for its end.
    let client: Client = connect(server.admin_url()).await;
    let pid: u32 = postmaster(server.data_dir()).unwrap();
    drop(server);
    let other = Options {
        database: "other".to_owned(),
        ..options(&state)
    };
    let server = PrivatePostgres::start(other).await.unwrap();
    assert!(!runs(pid));
    assert!(client.simple_query("SELECT 1").await.is_err());
    assert!(server.admin_url().ends_with("/other"));
    connect(server.admin_url()).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_kill_during_initdb_does_not_block() {
    let state: TempDir = state();
    let left: PathBuf = state.path().join("postgres.new-0123456789abcdef");
    std::fs::create_dir_all(left.join("data/base")).unwrap();
    std::fs::write(left.join("data/PG_VERSION"), "15\n").unwrap();
    let half_made = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(state.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path: &PathBuf| path.to_string_lossy().contains(".new-"))
            .collect()
    };
    let mut parent: Child = spawn_holder(&state);
    within(30, "initdb is at work", || {
        half_made()
            .iter()
            .any(|path: &PathBuf| *path != left && path.join("data/base").exists())
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(!state.path().join("postgres").exists());
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    assert!(half_made().is_empty());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_foreign_process_number_and_a_taken_port_do_not_block() {
    let state: TempDir = state();
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    let url: String = server.admin_url().to_owned();
    let pid_file: PathBuf = server.data_dir().join("postmaster.pid");
    let text: String = std::fs::read_to_string(&pid_file).unwrap();
    server.stop().await.unwrap();
    // As after a reboot: the recorded number now belongs to a process that lives, of the same user.
    let owner = std::fs::metadata(pid_file.parent().unwrap()).unwrap();
    let mut sleeper = Command::new("sleep");
    if owner.uid() != std::fs::metadata(state.path()).unwrap().uid() {
        sleeper.uid(owner.uid()).gid(owner.gid());
    }
    let mut sleeper: Child = sleeper.arg("60").spawn().unwrap();
    let rest: &str = text.split_once('\n').unwrap().1;
    std::fs::write(&pid_file, format!("{}\n{rest}", sleeper.id())).unwrap();
    let port: u16 = std::fs::read_to_string(state.path().join("postgres.port"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    assert_ne!(server.admin_url(), url);
    assert!(
        sleeper.try_wait().unwrap().is_none(),
        "the foreign process is left alone"
    );
    server.stop().await.unwrap();
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_its_log() {
    let state: TempDir = state();
    let refused = Options {
        max_connections: 2,
        ..options(&state)
    };
    let error: Error = PrivatePostgres::start(refused).await.unwrap_err();
    assert!(matches!(error, Error::Died { .. }), "{error}");
    assert!(error.to_string().contains("max_connections"), "{error}");
    PrivatePostgres::start(options(&state))
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}

#[tokio::test]
async fn bad_names_are_refused_before_anything_is_made() {
    let state: TempDir = state();
    let state_dir: PathBuf = state.path().join("none");
    let bad = Options {
        database: "a\"b".to_owned(),
        ..Options::new(&state_dir)
    };
    let error: Error = PrivatePostgres::start(bad).await.unwrap_err();
    assert!(matches!(error, Error::InvalidDatabaseName(_)), "{error}");
    assert!(!state_dir.exists());
}

#[tokio::test]
async fn a_killed_parent_leaves_no_server() {
    let state: TempDir = state();
    let mut parent: Child = spawn_holder(&state);
    let ready: PathBuf = state.path().join("ready");
    within(30, "the parent's server answers", || ready.exists());
    let pid: u32 = postmaster(&state.path().join("postgres/data")).unwrap();
    assert!(runs(pid));
    // SIGKILL: the parent can do nothing about its server.
    parent.kill().unwrap();
    parent.wait().unwrap();
    let killed: Instant = Instant::now();
    within(10, "the server has stopped", || !runs(pid));
    eprintln!(
        "without its parent the server stopped after {:?}",
        killed.elapsed()
    );
    let server = PrivatePostgres::start(options(&state)).await.unwrap();
    assert_eq!(count(server.admin_url()).await, 1);
    server.stop().await.unwrap();
}

/// Not a test: the process that `spawn_holder` starts.
#[tokio::test]
#[ignore = "started and killed by other tests"]
async fn hold() {
    let Some(state_dir) = std::env::var_os(HOLD).map(PathBuf::from) else {
        return;
    };
    let options = Options {
        durable: false,
        max_connections: 20,
        ..Options::new(&state_dir)
    };
    let server = PrivatePostgres::start(options).await.unwrap();
    let client: Client = connect(server.admin_url()).await;
    client
        .batch_execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
        .await
        .unwrap();
    std::fs::write(state_dir.join("ready"), "").unwrap();
    std::future::pending::<()>().await;
}

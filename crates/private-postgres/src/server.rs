//! Starting the server with Averis' settings and waiting until it answers.

use crate::account::Account;
use crate::error::{Context, Error};
use crate::find::{Installation, find};
use crate::home::{ADMIN, Home, Lock, lock, state_directory};
use crate::log::{log_tail, open_log};
use crate::port::Port;
use crate::process::{Process, bound_command, end_earlier};
use crate::{Options, STOP_LIMIT};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

/// How long a server may take to answer, recovery included.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long the server of an earlier process may take to stop.
const EARLIER_LIMIT: Duration = Duration::from_secs(30);
/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How many ports are tried when others are faster to take them.
const PORT_ATTEMPTS: u32 = 5;

/// What is known before the server runs.
struct Prepared {
    state_dir: PathBuf,
    home: Home,
    data_dir: PathBuf,
    installation: Installation,
    password: String,
    options: Options,
    /// Last, so that it is released after everything else is gone.
    _lock: Lock,
}

/// A started server with what it takes to start it again.
pub(crate) struct Server {
    /// First, so that the server is told to stop before the lock is released.
    process: Process,
    /// Nobody else's while the server is down, either.
    port: Port,
    prepared: Prepared,
}

impl Server {
    pub(crate) async fn start(options: Options) -> Result<Self, Error> {
        let preparing = tokio::task::spawn_blocking(move || prepare(options));
        let prepared: Prepared = preparing.await.unwrap_or(Err(Error::Interrupted))?;
        tracing::info!(
            from = prepared.installation.how_found,
            data = %prepared.data_dir.display(),
            "starting the private PostgreSQL"
        );
        end_earlier(&prepared.data_dir, EARLIER_LIMIT).await?;

        let port_file: PathBuf = prepared.state_dir.join("postgres.port");
        let kept: Option<u16> = std::fs::read_to_string(&port_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let mut port: Port = match kept.map(Port::take) {
            Some(Ok(kept)) => kept,
            Some(Err(_)) | None => free_port()?,
        };
        let mut attempt: u32 = 1;
        let process: Process = loop {
            match prepared.launch(port.number()).await {
                // Between our look and its start, somebody else took the port.
                Err(Error::Died { log_tail, .. })
                    if attempt < PORT_ATTEMPTS && log_tail.contains("could not bind") =>
                {
                    attempt += 1;
                    port = free_port()?;
                }
                started => break started?,
            }
        };
        std::fs::write(&port_file, format!("{}\n", port.number()))
            .context(|| format!("writing {}", port_file.display()))?;
        prepared.ensure_database(port.number()).await?;
        Ok(Self {
            process,
            port,
            prepared,
        })
    }

    pub(crate) async fn restart(&mut self) -> Result<(), Error> {
        // Sessions of a server that died by itself may need a moment to notice.
        end_earlier(&self.prepared.data_dir, EARLIER_LIMIT).await?;
        self.process = self.prepared.launch(self.port.number()).await?;
        Ok(())
    }

    pub(crate) fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.prepared.installation
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.prepared.data_dir
    }

    pub(crate) fn admin_url(&self) -> String {
        let Prepared {
            password, options, ..
        } = &self.prepared;
        let host: String = match &options.socket_dir {
            Some(folder) => {
                utf8_percent_encode(&folder.to_string_lossy(), NON_ALPHANUMERIC).to_string()
            }
            None => "127.0.0.1".to_owned(),
        };
        format!(
            "postgres://{ADMIN}:{password}@{host}:{}/{}",
            self.port.number(),
            options.database
        )
    }
}

/// Everything that waits for files and short programs.
fn prepare(options: Options) -> Result<Prepared, Error> {
    if !is_database_name(&options.database) {
        return Err(Error::InvalidDatabaseName(options.database));
    }
    let state_dir: PathBuf = state_directory(&options.state_dir)?;
    let held: Lock = lock(&state_dir)?;
    let home: Home = Home::locate(&state_dir)?;
    let existing: Option<u32> = home.version()?;
    let account: Option<Account> = home.account;
    let installation: Installation =
        find(options.bin_dir.as_deref(), &state_dir, account, existing)?;
    if existing.is_none() {
        home.create(&installation, options.durable)?;
    }
    let (data_dir, password) = (home.data_dir(), home.password()?);
    Ok(Prepared {
        state_dir,
        home,
        data_dir,
        installation,
        password,
        options,
        _lock: held,
    })
}

impl Prepared {
    /// Starts the server and waits until it answers. A server on data whose last sessions have not
    /// ended yet refuses to start; it is tried again for a while.
    async fn launch(&self, port: u16) -> Result<Process, Error> {
        let deadline: Instant = Instant::now() + EARLIER_LIMIT;
        loop {
            match self.launch_once(port).await {
                Err(Error::Died { log_tail, .. })
                    if log_tail.contains("still in use") && Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                result => return result,
            }
        }
    }

    async fn launch_once(&self, port: u16) -> Result<Process, Error> {
        let log: PathBuf = self.state_dir.join("postgres.log");
        let output: File = open_log(&log)?;
        let begin: u64 = output.metadata().map(|log| log.len()).unwrap_or_default();
        let (mut command, bound) = bound_command(
            &self.installation.bin_dir.join("postgres"),
            self.home.account,
            "INT",
        );
        self.configure(&mut command, port);
        let errors: File = output
            .try_clone()
            .context(|| format!("opening {}", log.display()))?;
        command
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors));
        let mut process: Process = Process::spawn(command, bound).await?;
        match self.wait_ready(&process, port, &log, begin).await {
            Ok(()) => Ok(process),
            Err(error) => {
                // It is useless, and on its way out it would be in the way of another attempt.
                if let Err(stuck) = process.stop(STOP_LIMIT).await {
                    tracing::warn!(%stuck, "a server that failed to start does not stop");
                }
                Err(error)
            }
        }
    }

    /// The settings are arguments, not a file, so that a changed default reaches old clusters.
    fn configure(&self, command: &mut Command, port: u16) {
        let sockets: &Path = self
            .options
            .socket_dir
            .as_deref()
            .unwrap_or_else(|| Path::new(""));
        let mut settings: Vec<String> = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            // Not in the state directory: a socket's path is limited to about a hundred bytes.
            format!("unix_socket_directories={}", sockets.display()),
            format!("max_connections={}", self.options.max_connections),
            // One transaction that makes or dumps a tenant locks some hundred relations.
            "max_locks_per_transaction=256".to_owned(),
            "shared_buffers=512MB".to_owned(),
            "jit=off".to_owned(),
            "logging_collector=off".to_owned(),
            "log_destination=stderr".to_owned(),
            "log_min_messages=warning".to_owned(),
        ];
        if cfg!(target_os = "linux") {
            // Opening each of many tenants' files in turn takes a minute after a crash.
            settings.push("recovery_init_sync_method=syncfs".to_owned());
        }
        if !self.options.durable {
            // Commits stay synchronous: without fsync that costs next to nothing, and they then
            // survive a killed server, which tests of recovery rely on.
            settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
        }
        command.arg("-D").arg(&self.data_dir);
        for setting in settings {
            command.args(["-c", &setting]);
        }
    }

    async fn wait_ready(
        &self,
        process: &Process,
        port: u16,
        log: &Path,
        begin: u64,
    ) -> Result<(), Error> {
        let deadline: Instant = Instant::now() + READY_LIMIT;
        loop {
            let attempt = tokio::time::timeout(CONNECT_LIMIT, self.answers(port)).await;
            // Asked after the attempt: what answers is ours only if ours is still there.
            if let Some(status) = process.ended() {
                return Err(Error::Died {
                    status,
                    log_tail: log_tail(log, begin),
                });
            }
            let last_attempt: String = match attempt {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if error.code() == Some(&SqlState::INVALID_PASSWORD) => {
                    return Err(Error::Password {
                        password_file: self.home.password_file(),
                    });
                }
                Ok(Err(error)) => error.to_string(),
                Err(elapsed) => elapsed.to_string(),
            };
            if Instant::now() >= deadline {
                let seconds: u64 = READY_LIMIT.as_secs();
                let log_tail: String = log_tail(log, begin);
                return Err(Error::NotReady {
                    seconds,
                    last_attempt,
                    log_tail,
                });
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    async fn answers(&self, port: u16) -> Result<(), tokio_postgres::Error> {
        let client: Client = self.connect(port).await?;
        client.simple_query("SELECT 1").await.map(drop)
    }

    /// A session in the database that every cluster has.
    async fn connect(&self, port: u16) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::Config::new()
            .host("127.0.0.1")
            .port(port)
            .user(ADMIN)
            .password(&self.password)
            .dbname("postgres")
            .application_name("averis-private-postgres")
            .connect(NoTls)
            .await?;
        // It ends when the client is dropped; errors reach the client's own calls.
        #[expect(
            clippy::disallowed_methods,
            reason = "drives a connection that belongs to no tenant"
        )]
        drop(tokio::spawn(connection));
        Ok(client)
    }

    async fn ensure_database(&self, port: u16) -> Result<(), Error> {
        let refused = |what: &'static str| {
            move |source: tokio_postgres::Error| Error::Database { what, source }
        };
        let client: Client = self.connect(port).await.map_err(refused("a connection"))?;
        let name: &str = &self.options.database;
        let existing = client
            .query_opt(
                "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1",
                &[&name],
            )
            .await
            .map_err(refused("to list its databases"))?;
        if existing.is_none() {
            // The name was checked: letters, digits and underscores only.
            let statement: String = format!("CREATE DATABASE \"{name}\"");
            client
                .batch_execute(&statement)
                .await
                .map_err(refused("to create the database"))?;
        }
        Ok(())
    }
}

fn is_database_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn free_port() -> Result<Port, Error> {
    Port::any().context(|| "looking for a free port on 127.0.0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_names_are_checked() {
        for good in ["a", "averis", "averis_2", "x".repeat(63).as_str()] {
            assert!(is_database_name(good), "{good}");
        }
        for bad in [
            "",
            "_a",
            "2a",
            "Averis",
            "a-b",
            "a\"b",
            "a;b",
            "ä",
            "x".repeat(64).as_str(),
        ] {
            assert!(!is_database_name(bad), "{bad}");
        }
    }
}

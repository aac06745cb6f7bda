#![doc = include_str!("../README.md")]
//!
//! A PostgreSQL server of one's own: found on the machine, kept in a state directory, started and
//! stopped with the process that uses it.
//!
//! It is the embedded default of `averis up` and the database of the tests. It listens on
//! 127.0.0.1 alone, and on a socket where it is given a directory for that, has one administrator
//! with a random password, and is for one process at a time.
//!
//! The server ends with the process that started it, however that ends. On Linux with `setpriv`
//! the kernel sees to it, elsewhere a waiting shell does; only a process that is killed within the
//! few milliseconds in which the server is being started can leave it running, and then the next
//! start on the same directory stops it first. Both are bound to a thread of this crate that lives
//! as long as the server, so [`PrivatePostgres::start`] may be awaited on any thread.
//!
//! Files in the state directory: `postgres.lock`, `postgres.log`, `postgres.port` and `postgres/`
//! with the cluster and its password. PostgreSQL refuses to run as root; for root it runs as the
//! user `postgres`, else `nobody`. When that user cannot enter the state directory, the cluster is
//! in `/var/lib/averis/` instead and `postgres.elsewhere` names it.

mod account;
mod error;
mod find;
mod home;
mod log;
mod port;
mod process;
mod server;

pub use error::Error;
pub use port::Port;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server is given to end its sessions and write everything.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// What server to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory for everything the server keeps; made when absent. One process at a time.
    pub state_dir: PathBuf,
    /// The database to connect to; created when absent. `[a-z][a-z0-9_]*`, at most 63 characters.
    pub database: String,
    /// Whether committed data survives a failure of the machine. `false` is faster and only for
    /// tests; it still survives the end of the server process in whatever way.
    pub durable: bool,
    /// How many sessions the server admits, three of them reserved for administrators.
    pub max_connections: u16,
    /// The directory with `initdb` and `postgres`; searched for when `None`.
    pub bin_dir: Option<PathBuf>,
    /// A directory in which the server listens on a socket besides, and which its address names then: on one machine that costs
    /// less than TCP does. Its path has at most 90 bytes, and the server's account may write there.
    pub socket_dir: Option<PathBuf>,
}

impl Options {
    /// A durable database called `averis` with 100 connections in `state_dir`, the programs
    /// searched for.
    #[must_use]
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            database: "averis".to_owned(),
            durable: true,
            max_connections: 100,
            bin_dir: None,
            socket_dir: None,
        }
    }
}

/// A private server. Dropping it tells the server to stop without waiting for it; the next start
/// waits.
pub struct PrivatePostgres {
    server: server::Server,
    admin_url: String,
}

/// Leaves the password out.
impl std::fmt::Debug for PrivatePostgres {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PrivatePostgres")
            .field("programs", &self.how_found())
            .field("data_dir", &self.data_dir())
            .finish_non_exhaustive()
    }
}

impl PrivatePostgres {
    /// Finds PostgreSQL, makes the cluster when there is none, starts the server and returns once
    /// it answers and the database exists.
    ///
    /// A first start takes about two seconds. After a crash the server recovers first, for which
    /// it is given 60 s. A server that an earlier process left behind is stopped first, for which
    /// it is given 30 s. The port is that of the last time if it is still free.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without a usable PostgreSQL, [`Error::InUse`] while another process (or
    /// another handle) uses the state directory, and otherwise what the failing step reports.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let server: server::Server = Box::pin(server::Server::start(options)).await?;
        let admin_url: String = server.admin_url();
        Ok(Self { server, admin_url })
    }

    /// `postgres://averis_admin:PASSWORD@127.0.0.1:PORT/DATABASE`, a superuser's; with a socket, the
    /// percent-encoded path of its directory stands in the host's place. It contains a secret, and
    /// stays the same for the life of this handle.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// The major version of the server, for instance 15.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.server.installation().major
    }

    /// The cluster's data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.server.data_dir()
    }

    /// Where the programs come from, for people: `PostgreSQL 15 in /usr/lib/postgresql/15/bin
    /// (PATH)`.
    #[must_use]
    pub fn how_found(&self) -> &str {
        &self.server.installation().how_found
    }

    /// Stops the server: ends its sessions, writes everything, waits up to 60 s.
    ///
    /// # Errors
    ///
    /// [`Error::StillRunning`] when it takes longer.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.halt().await
    }

    /// Stops the server like [`stop`](Self::stop), but keeps the state directory and the port, so
    /// that [`restart`](Self::restart) works. Does nothing when the server is not running.
    ///
    /// # Errors
    ///
    /// [`Error::StillRunning`] when it takes longer than 60 s.
    pub async fn halt(&mut self) -> Result<(), Error> {
        self.server.process_mut().stop(STOP_LIMIT).await
    }

    /// Kills the server and every session at once with SIGKILL, for tests of recovery, and returns
    /// when no process of it is left. Does nothing when the server is not running.
    ///
    /// # Errors
    ///
    /// [`Error::StillRunning`] when a process does not end, and [`Error::Io`].
    pub async fn kill(&mut self) -> Result<(), Error> {
        self.server.process_mut().kill(STOP_LIMIT).await
    }

    /// Starts the server again on the same port after [`kill`](Self::kill), after
    /// [`halt`](Self::halt) or after it ended by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Running`] when it runs, and what [`start`](Self::start) reports otherwise; among
    /// it [`Error::Died`] when another process has taken the port in the meantime.
    pub async fn restart(&mut self) -> Result<(), Error> {
        if self.server.process_mut().ended().is_none() {
            return Err(Error::Running);
        }
        Box::pin(self.server.restart()).await
    }
}

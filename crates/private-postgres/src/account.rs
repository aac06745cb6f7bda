//! The operating system account that the server runs as.

use crate::error::{Context, Error};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// An account other than our own. There is one only when we are root, which PostgreSQL refuses to
/// run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// Whether this process is root.
    pub(crate) fn needed() -> Result<bool, Error> {
        Ok(id(&["-u"])? == Some(0))
    }

    /// The account for a new cluster: `postgres`, else `nobody`. Both have an entry in the list of
    /// users, which PostgreSQL insists on.
    pub(crate) fn for_new_cluster() -> Result<Self, Error> {
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id(&["-u", name])?, id(&["-g", name])?) {
                return Ok(Self { uid, gid });
            }
        }
        Err(Error::NoAccount)
    }

    /// The owner of an existing cluster, so that one made by an ordinary user stays his when root
    /// starts it once. `None` when there is no such directory or root owns it.
    pub(crate) fn owner_of(path: &Path) -> Option<Self> {
        let metadata: std::fs::Metadata = std::fs::metadata(path).ok()?;
        (metadata.uid() != 0).then(|| Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
        })
    }

    /// Whether the account may pass through `directory` and everything above it.
    pub(crate) fn may_enter(self, directory: &Path) -> Result<bool, Error> {
        let output: Output = run(command("sh", Some(self))
            .args(["-c", "test -x \"$0\""])
            .arg(directory))?;
        Ok(output.status.success())
    }

    /// Gives a file or directory to the account.
    pub(crate) fn own(self, path: &Path) -> Result<(), Error> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .context(|| format!("giving {} to the server's account", path.display()))
    }
}

/// A command that runs `program` as `account` (as ourselves without one), free of settings of ours
/// that PostgreSQL would take for its own.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    // The account may not be allowed into our working directory.
    command.current_dir("/").stdin(Stdio::null());
    for name in [
        "PGDATA",
        "PGPORT",
        "PGDATESTYLE",
        "PGCLIENTENCODING",
        "PGOPTIONS",
    ] {
        command.env_remove(name);
    }
    if let Some(Account { uid, gid }) = account {
        // Started by root, this also drops root's supplementary groups.
        command.uid(uid).gid(gid);
    }
    command
}

/// Runs a short command to its end and collects what it wrote.
pub(crate) fn run(command: &mut Command) -> Result<Output, Error> {
    let program: String = command.get_program().to_string_lossy().into_owned();
    command.output().context(|| format!("running {program}"))
}

fn id(arguments: &[&str]) -> Result<Option<u32>, Error> {
    let output: Output = run(command("id", None).args(arguments))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

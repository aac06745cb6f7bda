//! The files: the state directory, the lock on it, and a cluster that is either whole or absent.

use crate::account::{Account, run};
use crate::error::{Context, Error};
use crate::find::Installation;
use crate::process::bound_command;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

/// The administrator of a private cluster.
pub(crate) const ADMIN: &str = "averis_admin";

/// Where clusters are that the server's account could not reach in their state directory.
const OUTSIDE: &str = "/var/lib/averis";

/// The one process that may use a state directory. Released when dropped, and by the operating
/// system when the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would keep it while a child that is just being started has a copy.
        let _released_by_closing = self.0.unlock();
    }
}

/// Where one cluster and the account it runs as are.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// Holds `password` and `data`; made as a whole.
    directory: PathBuf,
    pub(crate) account: Option<Account>,
}

/// Makes the state directory when it is absent and returns its full path.
pub(crate) fn state_directory(path: &Path) -> Result<PathBuf, Error> {
    // The server's account has to pass through, but may not list it.
    let mode: u32 = if Account::needed()? { 0o711 } else { 0o700 };
    make_directory(path, mode)?;
    path.canonicalize()
        .context(|| format!("opening {}", path.display()))
}

/// Takes the state directory for this process.
pub(crate) fn lock(state_dir: &Path) -> Result<Lock, Error> {
    let path: PathBuf = state_dir.join("postgres.lock");
    let file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse {
            state_dir: state_dir.to_owned(),
        }),
        Err(TryLockError::Error(error)) => {
            Err(error).context(|| format!("locking {}", path.display()))
        }
    }
}

impl Home {
    /// Decides where the cluster is. The caller holds the lock.
    pub(crate) fn locate(state_dir: &Path) -> Result<Self, Error> {
        let inside: PathBuf = state_dir.join("postgres");
        if !Account::needed()? {
            return Ok(Self {
                directory: inside,
                account: None,
            });
        }
        let account_for = |directory: &Path| match Account::owner_of(&directory.join("data")) {
            Some(owner) => Ok(owner),
            None => Account::for_new_cluster(),
        };
        let note: PathBuf = state_dir.join("postgres.elsewhere");
        let noted: bool = note.exists();
        let account: Account = account_for(&inside)?;
        if !noted && account.may_enter(state_dir)? {
            return Ok(Self {
                directory: inside,
                account: Some(account),
            });
        }
        let outside: PathBuf = Path::new(OUTSIDE).join(path_hash(state_dir));
        make_directory(Path::new(OUTSIDE), 0o711)?;
        if !noted {
            if outside.exists() {
                set_aside(&outside)?;
            }
            std::fs::write(&note, format!("{}\n", outside.display()))
                .context(|| format!("writing {}", note.display()))?;
        }
        tracing::info!(
            state_dir = %state_dir.display(), data = %outside.display(),
            "PostgreSQL does not run as root, and its account cannot enter the state directory: \
             the data is elsewhere"
        );
        let account: Account = account_for(&outside)?;
        Ok(Self {
            directory: outside,
            account: Some(account),
        })
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.directory.join("password")
    }

    /// The major version of the cluster; `None` when there is none yet.
    pub(crate) fn version(&self) -> Result<Option<u32>, Error> {
        if !self.directory.exists() {
            return Ok(None);
        }
        let text: String =
            std::fs::read_to_string(self.data_dir().join("PG_VERSION")).unwrap_or_default();
        match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => Err(Error::Incomplete(self.directory.clone())),
        }
    }

    /// The administrator's password.
    pub(crate) fn password(&self) -> Result<String, Error> {
        let path: PathBuf = self.password_file();
        let text: String =
            std::fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Makes the cluster with a new random password. All of it appears at once, by renaming, so
    /// that being killed in the middle leaves only rubbish, which the next call removes.
    pub(crate) fn create(&self, installation: &Installation, durable: bool) -> Result<(), Error> {
        let parent: &Path = self.directory.parent().unwrap_or(Path::new("/"));
        let name: String = format!(
            "{}.new-",
            self.directory
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
        );
        remove_all_named(parent, &name)?;
        let mut made: Result<PathBuf, Error> = Err(Error::Interrupted);
        // Older systems know only the second. Both compare bytes, so that indexes do not depend
        // on the machine's language data.
        for locale in ["C.UTF-8", "C"] {
            let new: PathBuf = parent.join(format!("{name}{:016x}", rand::random::<u64>()));
            made = self.fill(&new, installation, locale, durable).map(|()| new);
            if !matches!(&made, Err(Error::Initdb(text)) if text.contains("locale")) {
                break;
            }
        }
        std::fs::rename(made?, &self.directory)
            .context(|| format!("renaming the new cluster to {}", self.directory.display()))
    }

    fn fill(
        &self,
        new: &Path,
        installation: &Installation,
        locale: &str,
        durable: bool,
    ) -> Result<(), Error> {
        let (password, data) = (new.join("password"), new.join("data"));
        make_directory(new, 0o711)?;
        make_directory(&data, 0o700)?;
        let mut file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&password)
            .context(|| format!("making {}", password.display()))?;
        writeln!(file, "{:032x}", rand::random::<u128>())
            .and_then(|()| if durable { file.sync_all() } else { Ok(()) })
            .context(|| format!("writing {}", password.display()))?;
        if let Some(account) = self.account {
            account.own(&password)?;
            account.own(&data)?;
        }
        let (mut initdb, _) =
            bound_command(&installation.bin_dir.join("initdb"), self.account, "TERM");
        initdb
            .args([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--data-checksums",
            ])
            .args(["--no-instructions", &format!("--username={ADMIN}")])
            .args([&format!("--locale={locale}"), "--lc-messages=C"])
            .args([std::ffi::OsStr::new("--pwfile"), password.as_os_str()])
            .args([std::ffi::OsStr::new("--pgdata"), data.as_os_str()]);
        if !durable {
            initdb.arg("--no-sync");
        }
        let output: Output = run(&mut initdb)?;
        if output.status.success() {
            return Ok(());
        }
        let complaint: String = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Initdb(format!("{complaint} ({})", output.status)))
    }
}

/// Makes a directory and what is above it. One that exists keeps its mode.
fn make_directory(path: &Path, mode: u32) -> Result<(), Error> {
    let what = || format!("making {}", path.display());
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .context(what)?;
    // A strict umask would keep the server's account out.
    std::fs::set_permissions(path, Permissions::from_mode(mode)).context(what)
}

/// Removes clusters left half made. One that cannot be removed is only in the way of the disk.
fn remove_all_named(parent: &Path, prefix: &str) -> Result<(), Error> {
    let entries = std::fs::read_dir(parent).context(|| format!("reading {}", parent.display()))?;
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let path: PathBuf = entry.path();
        tracing::info!(path = %path.display(), "removing a cluster left half made");
        // The initdb of a process killed just now may still be tidying up in there.
        for _ in 0..40 {
            if std::fs::remove_dir_all(&path).is_ok() || !path.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if path.exists() {
            tracing::warn!(path = %path.display(), "a cluster left half made cannot be removed");
        }
    }
    Ok(())
}

/// The state directory that this cluster belonged to was removed and made anew: an empty database
/// is expected, yet nobody asked for this data to be deleted.
fn set_aside(outside: &Path) -> Result<(), Error> {
    let mut name: std::ffi::OsString = outside.as_os_str().to_owned();
    name.push(format!(".old-{:016x}", rand::random::<u64>()));
    tracing::warn!(
        path = %Path::new(&name).display(),
        "its state directory was removed: the data of an earlier private PostgreSQL is kept here"
    );
    std::fs::rename(outside, &name).context(|| format!("renaming {}", outside.display()))
}

/// FNV-1a, written out because the name has to be the same with every compiler.
fn path_hash(path: &Path) -> String {
    let hash: u64 = path
        .as_os_str()
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte: &u8| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_path_is_the_published_function() {
        assert_eq!(path_hash(Path::new("a")), "af63dc4c8601ec8c");
        assert_eq!(path_hash(Path::new("foobar")), "85944171f73967e8");
    }
}

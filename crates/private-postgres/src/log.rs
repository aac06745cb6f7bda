//! The server's log: a plain file that survives the server and is shown when it fails.

use crate::error::{Context, Error};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A log larger than this, in bytes, is put aside at a start.
const LOG_LIMIT: u64 = 10_000_000;
/// How much of the log an error shows, in bytes.
const LOG_TAIL: u64 = 4_000;

/// Opens the log for appending, readable by us alone; a large one is put aside first.
pub(crate) fn open_log(path: &Path) -> Result<File, Error> {
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        let old: PathBuf = path.with_extension("log.old");
        std::fs::rename(path, old).context(|| format!("renaming {}", path.display()))?;
    }
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .context(|| format!("opening {}", path.display()))
}

/// The end of what was written to the log since `begin`.
pub(crate) fn log_tail(path: &Path, begin: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file: File = File::open(path)?;
        let length: u64 = file.metadata()?.len();
        file.seek(SeekFrom::Start(begin.max(length.saturating_sub(LOG_TAIL))))?;
        let mut bytes: Vec<u8> = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}

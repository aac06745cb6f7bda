//! Where variables come from, and how values of each kind are read.

use std::env::VarError;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use averis_tenant_db::DatabaseUrl;
use url::Url;

/// A variable that stops the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is needed and not there.
    #[error("{0} is not set")]
    Missing(String),
    /// It still holds a `${...}` that something should have replaced.
    #[error("{0} holds the unexpanded text {1:?}")]
    Unexpanded(String, String),
    /// Its value cannot be.
    #[error("{0} {1}")]
    Invalid(String, String),
}

/// Where variables come from. A function, so that tests need not touch the process. An error says why there is a value that cannot be
/// read.
#[derive(Clone, Copy)]
pub struct Env<'a>(pub &'a dyn Fn(&str) -> Result<Option<String>, String>);

impl Env<'static> {
    /// The variables of this process, and the files beside them.
    #[must_use]
    pub fn process() -> Self {
        Self(&|name| match variable(name)? {
            Some(text) => Ok(Some(text)),
            None => match variable("AVERIS_SECRETS_DIR")? {
                Some(folder) => file(&Path::new(&folder).join(name)),
                None => Ok(None),
            },
        })
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where configuration is read"
    )]
    let value = std::env::var(name);
    match value {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err("is not UTF-8".to_owned()),
    }
}

fn file(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        // Most editors and tools end a file with a line break.
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read from {}: {error}", path.display())),
    }
}

impl Env<'_> {
    /// Returns a variable that must be there.
    ///
    /// # Errors
    /// When it is missing, unexpanded or malformed; the message names it.
    pub fn required<T: FromStr<Err: ToString>>(&self, name: &str) -> Result<T, ConfigError> {
        self.optional(name)?
            .ok_or_else(|| ConfigError::Missing(name.to_owned()))
    }

    /// Returns a variable if it is there and not empty.
    ///
    /// # Errors
    /// When it is unexpanded or malformed; the message names it.
    pub fn optional<T: FromStr<Err: ToString>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ConfigError> {
        let found = (self.0)(name).map_err(|why| ConfigError::Invalid(name.to_owned(), why))?;
        let Some(text) = found.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if text.contains("${") {
            return Err(ConfigError::Unexpanded(name.to_owned(), text));
        }
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(ConfigError::Invalid(name.to_owned(), error.to_string())),
        }
    }

    /// Returns a variable or its default.
    ///
    /// # Errors
    /// When it is unexpanded or malformed; the message names it.
    pub fn or<T: FromStr<Err: ToString>>(&self, name: &str, default: T) -> Result<T, ConfigError> {
        Ok(self.optional(name)?.unwrap_or(default))
    }
}

/// Reads a whole number.
///
/// # Errors
/// When it is none, or out of its bounds.
pub fn whole(
    env: Env<'_>,
    name: &str,
    bounds: RangeInclusive<i64>,
) -> Result<Option<i64>, ConfigError> {
    match env.optional::<i64>(name)? {
        Some(number) if !bounds.contains(&number) => Err(ConfigError::Invalid(
            name.to_owned(),
            format!(
                "is {number}; it must be from {} to {}",
                bounds.start(),
                bounds.end()
            ),
        )),
        number => Ok(number),
    }
}

/// Reads a time in seconds, of an hour at most.
///
/// # Errors
/// When it is no number of seconds from 1 to 3600.
pub fn seconds(env: Env<'_>, name: &str, default: Duration) -> Result<Duration, ConfigError> {
    match env.optional(name)? {
        None => Ok(default),
        Some(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        Some(other) => Err(ConfigError::Invalid(
            name.to_owned(),
            format!("is {other}; it must be 1 to 3600 seconds"),
        )),
    }
}

/// Reads where something is that is spoken to over HTTP.
///
/// # Errors
/// When it is no such address: `erp:6006` is one of a scheme `erp`.
pub fn web_address(env: Env<'_>, name: &str) -> Result<Option<Url>, ConfigError> {
    match env.optional::<Url>(name)? {
        Some(url) if !matches!(url.scheme(), "http" | "https") => Err(ConfigError::Invalid(
            name.to_owned(),
            format!("is {url}; it must begin with http:// or https://"),
        )),
        url => Ok(url),
    }
}

/// Reads the address of a database that has to be there, and whether the authorities that its server is checked by can be read.
///
/// # Errors
/// When it is missing or malformed, or the authorities cannot be read.
pub fn database(env: Env<'_>, name: &str) -> Result<DatabaseUrl, ConfigError> {
    optional_database(env, name)?.ok_or_else(|| ConfigError::Missing(name.to_owned()))
}

/// Reads the address of a database if it is there, and whether the authorities that its server is checked by can be read.
///
/// # Errors
/// When it is malformed, or the authorities cannot be read.
pub fn optional_database(env: Env<'_>, name: &str) -> Result<Option<DatabaseUrl>, ConfigError> {
    let url: Option<DatabaseUrl> = env.optional(name)?;
    if let Some(url) = &url {
        let known = url.check_authorities();
        known.map_err(|why| {
            ConfigError::Invalid(name.to_owned(), format!("cannot be used: {why}"))
        })?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_variable_may_be_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("SECRET");
        assert_eq!(file(&path), Ok(None));
        std::fs::write(&path, "one line\n").expect("written");
        assert_eq!(file(&path), Ok(Some("one line".to_owned())));
        let why = file(folder.path()).expect_err("a folder is no file");
        assert!(why.contains("cannot be read"), "{why}");
    }
}

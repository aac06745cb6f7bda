//! Mails of plain text, sent by SMTP or written into a folder.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use averis_service_kit::config::{ConfigError, Env};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp;
use lettre::{
    Address, AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
};
use url::Url;
use uuid::Uuid;

use crate::http::is_loopback;

/// Longest time for connecting to the mail server.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for sending a mail, connecting included.
const DEADLINE: Duration = Duration::from_secs(10);
/// Longest subject, in bytes.
const MAX_SUBJECT: usize = 500;

/// Where a mail server is, and how to get in: `smtps://user:password@host:port` for TLS,
/// `smtp://user:password@host:port?tls=required` for STARTTLS. Without TLS only to this machine, or where that is said,
/// `smtp://host:port?tls=none`, and then without a password. Special characters of the password are percent-encoded. It is
/// never shown.
#[derive(Clone)]
pub struct SmtpUrl(Url);

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.0.scheme(), self.0.host_str().unwrap_or_default());
        match self.0.port() {
            Some(port) => write!(f, "SmtpUrl({scheme}://{host}:{port})"),
            None => write!(f, "SmtpUrl({scheme}://{host})"),
        }
    }
}

impl FromStr for SmtpUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Ok(mut url) = text.parse::<Url>() else {
            return Err("is no URL");
        };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err("names no host");
        };
        // A name without a password would be left out silently.
        if url.username().is_empty() != url.password().is_none_or(str::is_empty) {
            return Err("must have both a user and a password, or neither");
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("must not have a path or fragment");
        }
        match (url.scheme(), url.query()) {
            ("smtps", None) | ("smtp", Some("tls=required")) => Ok(Self(url)),
            ("smtp", None) if is_loopback(host) => Ok(Self(url)),
            ("smtp", None) => Err("must have ?tls=required or ?tls=none, or name this machine"),
            ("smtp", Some("tls=none")) if !url.username().is_empty() => {
                Err("must not have a password with ?tls=none")
            }
            ("smtp", Some("tls=none")) => {
                url.set_query(None);
                Ok(Self(url))
            }
            _ => Err("must be smtps://, or smtp:// with ?tls=required or ?tls=none"),
        }
    }
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum MailConfig {
    /// Through a mail server.
    Smtp {
        /// The server.
        url: SmtpUrl,
        /// Sender, such as `Averis <no-reply@example.com>`.
        from: String,
    },
    /// Not at all: each becomes a file `*.eml`, for development and demonstrations.
    Folder {
        /// The folder. If it is not there, it is made, for its owner alone: mails contain links that let people in.
        path: PathBuf,
        /// Sender, such as `Averis <no-reply@example.com>`.
        from: String,
    },
}

/// A mail was not sent. Nothing here quotes the mail or the server's words.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A setting, the recipient, the subject or the text cannot be; says which.
    #[error("{0}")]
    Invalid(&'static str),
    /// The server refuses the mail or our name and password for good; the SMTP code says why.
    #[error("the mail server refuses with {0}")]
    Refused(u16),
    /// The server is away, too slow, not trusted, or wants the mail later.
    #[error("the mail server is unavailable: {0}")]
    Unavailable(String),
    /// The folder cannot be made or written to.
    #[error("the mail folder cannot be used")]
    Folder(#[source] std::io::Error),
}

/// A sender of mails.
pub struct Mailer {
    from: Mailbox,
    transport: Transport,
}

enum Transport {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match &self.transport {
            Transport::Smtp(_) => "smtp",
            Transport::Folder(_) => "folder",
        };
        f.debug_struct("Mailer")
            .field("from", &self.from.to_string())
            .field("transport", &transport)
            .finish()
    }
}

impl Mailer {
    /// Makes a sender. A server is not asked before the first mail; a folder is made now.
    ///
    /// # Errors
    /// When the sender is no address, TLS cannot be set up, or the folder cannot be made.
    pub fn new(config: &MailConfig) -> Result<Self, MailError> {
        let (MailConfig::Smtp { from, .. } | MailConfig::Folder { from, .. }) = config;
        let from = match from.parse::<Mailbox>() {
            Ok(mailbox) if !from.contains(char::is_control) => mailbox,
            _ => return Err(MailError::Invalid("the sender is no e-mail address")),
        };
        let transport = match config {
            MailConfig::Smtp { url, .. } => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.0.as_str());
                let builder = builder.map_err(|error| smtp_error(&error))?;
                Transport::Smtp(Box::new(builder.timeout(Some(CONNECT)).build()))
            }
            MailConfig::Folder { path, .. } => {
                make_folder(path).map_err(MailError::Folder)?;
                Transport::Folder(path.clone())
            }
        };
        Ok(Self { from, transport })
    }

    /// Sends a mail of plain text to one address, without a name before it.
    ///
    /// # Errors
    /// `Invalid` when `to` is no address or `subject` or `text` contain control characters (lines and tabs in `text`
    /// excepted). Otherwise why it could not be sent.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), MailError> {
        let message = self.message(to, subject, text)?;
        match &self.transport {
            Transport::Smtp(smtp) => {
                match tokio::time::timeout(DEADLINE, smtp.send(message)).await {
                    Ok(outcome) => outcome.map(|_| ()).map_err(|error| smtp_error(&error)),
                    Err(late) => Err(MailError::Unavailable(late.to_string())),
                }
            }
            Transport::Folder(path) => {
                let folder = AsyncFileTransport::<Tokio1Executor>::new(path);
                let written = folder.send(message).await;
                written
                    .map(|_| ())
                    .map_err(|error| MailError::Folder(std::io::Error::other(error)))
            }
        }
    }

    fn message(&self, to: &str, subject: &str, text: &str) -> Result<Message, MailError> {
        let to = match to.parse::<Address>() {
            Ok(address) if !to.contains(char::is_control) => address,
            _ => return Err(MailError::Invalid("the recipient is no e-mail address")),
        };
        if subject.len() > MAX_SUBJECT || subject.contains(char::is_control) {
            return Err(MailError::Invalid(
                "the subject is too long or has control characters",
            ));
        }
        // A lone CR would be a line's end to some servers and none to others, which is how mails are smuggled.
        let text = text.replace("\r\n", "\n");
        if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
            return Err(MailError::Invalid("the text has control characters"));
        }
        let id = format!("<{}@{}>", Uuid::now_v7(), self.from.email.domain());
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(text);
        // Only missing senders and recipients are, and both are there.
        message.or(Err(MailError::Invalid("the mail cannot be written")))
    }
}

#[cfg(unix)]
fn make_folder(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Says why the server did not take a mail. Its words are left out: some repeat the name and password.
fn smtp_error(error: &smtp::Error) -> MailError {
    let code = error.status().map(u16::from);
    match code {
        Some(code) if error.is_permanent() => MailError::Refused(code),
        Some(code) => MailError::Unavailable(format!("it answered with {code}")),
        None if error.is_timeout() => {
            MailError::Unavailable("it did not answer in time".to_owned())
        }
        None if error.is_tls() => MailError::Unavailable("TLS with it failed".to_owned()),
        None if error.is_client() => {
            MailError::Unavailable("it cannot do what the mail needs".to_owned())
        }
        None if error.is_response() => MailError::Unavailable("it does not speak SMTP".to_owned()),
        None => MailError::Unavailable("no connection to it".to_owned()),
    }
}
/// Reads how mails are sent: through a server, else into the folder that the variables or the caller name.
///
/// # Errors
/// When a variable is malformed, or there is neither a server nor a folder.
pub fn mail_config(env: Env<'_>, folder: Option<PathBuf>) -> Result<MailConfig, ConfigError> {
    let from: String = env.or("AVERIS_MAIL_FROM", "averis@localhost".to_owned())?;
    let url: Option<SmtpUrl> = env.optional("AVERIS_SMTP_URL")?;
    if let Some(url) = url {
        return Ok(MailConfig::Smtp { url, from });
    }
    let path = env.optional("AVERIS_MAIL_FOLDER")?.or(folder);
    let path = path.ok_or_else(|| ConfigError::Missing("AVERIS_SMTP_URL".to_owned()))?;
    Ok(MailConfig::Folder { path, from })
}

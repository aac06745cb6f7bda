//! Mails, as they arrive.

use std::fs;
use std::path::Path;

use averis_identity::{MailConfig, MailError, Mailer, SmtpUrl};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::raw::{Manners, Silent, SmtpServer, deaf};
use crate::support::{hides, printed};

const FROM: &str = "Averis <no-reply@averis.example>";
const PASSWORD: &str = "pass-do-not-show/me";

fn smtp(url: &str) -> Mailer {
    let url = url.parse::<SmtpUrl>().expect("a URL");
    let from = FROM.to_owned();
    Mailer::new(&MailConfig::Smtp { url, from }).expect("a mailer")
}

fn folder(path: &Path) -> Result<Mailer, MailError> {
    Mailer::new(&MailConfig::Folder {
        path: path.to_owned(),
        from: FROM.to_owned(),
    })
}

fn mails(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a folder");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("a file").path();
        assert_eq!(path.extension().expect("an extension"), "eml");
        fs::read_to_string(path).expect("a mail")
    };
    entries.map(read).collect()
}

/// Returns a message's headers, unfolded, and its body.
fn parse(message: &str) -> (Vec<String>, String) {
    let (headers, body) = message.split_once("\r\n\r\n").expect("headers and body");
    let headers = headers.replace("\r\n ", " ");
    (
        headers.split("\r\n").map(str::to_owned).collect(),
        body.to_owned(),
    )
}

fn header<'a>(headers: &'a [String], name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut found = headers.iter().filter_map(|line| line.strip_prefix(&prefix));
    let value = found.next().expect("the header");
    assert_eq!(found.next(), None, "{name} is there twice");
    value
}

#[tokio::test]
async fn a_folder_keeps_what_is_sent() {
    let home = TempDir::new().expect("a folder");
    let path = home.path().join("deep/mails");
    let mailer = folder(&path).expect("a mailer");
    mailer
        .send(
            "ann@example.com",
            "Your invitation",
            "Dear Ann,\n\nhttps://x.example/?t=1\n",
        )
        .await
        .expect("sent");
    let all = mails(&path);
    assert_eq!(all.len(), 1);
    let (headers, body) = parse(&all[0]);
    assert_eq!(header(&headers, "From"), "Averis <no-reply@averis.example>");
    assert_eq!(header(&headers, "To"), "ann@example.com");
    assert_eq!(header(&headers, "Subject"), "Your invitation");
    assert_eq!(
        header(&headers, "Content-Type"),
        "text/plain; charset=utf-8"
    );
    assert!(header(&headers, "Message-ID").ends_with("@averis.example>"));
    assert!(header(&headers, "Date").ends_with("+0000"));
    assert_eq!(body, "Dear Ann,\r\n\r\nhttps://x.example/?t=1\r\n");
    mailer
        .send("bob@example.com", "Again", "Hello")
        .await
        .expect("sent");
    assert_eq!(mails(&path).len(), 2);
}

#[cfg(unix)]
#[test]
fn a_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TempDir::new().expect("a folder");
    let path = home.path().join("mails");
    let _ = folder(&path).expect("a mailer");
    let mode = fs::metadata(&path).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    folder(&path).expect("a folder that is there already");
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_an_error() {
    let home = TempDir::new().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "").expect("a file");
    assert!(matches!(folder(&file), Err(MailError::Folder(_))));
    let path = home.path().join("mails");
    let mailer = folder(&path).expect("a mailer");
    fs::remove_dir(&path).expect("removed");
    let outcome = mailer.send("ann@example.com", "Hello", "Hello").await;
    assert!(matches!(outcome, Err(MailError::Folder(_))));
}

#[tokio::test]
async fn nothing_becomes_a_header_or_another_recipient() {
    let home = TempDir::new().expect("a folder");
    let path = home.path().join("mails");
    let mailer = folder(&path).expect("a mailer");
    for to in [
        "",
        "ann",
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@example.com\nBcc: eve@example.com",
        "ann@example.com\r",
        "ann@example.com\0",
        "an\u{85}n@example.com",
        "ann@example.com, eve@example.com",
        "ann@example.com eve@example.com",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "ann@example.com> SIZE=1",
        "\"a\r\nb\"@example.com",
        "\"a\tb\"@example.com",
    ] {
        let outcome = mailer.send(to, "Hello", "Hello").await;
        assert!(matches!(outcome, Err(MailError::Invalid(_))), "{to:?}");
    }
    let long = "x".repeat(501);
    for subject in [
        "Hello\r\nBcc: eve@example.com",
        "Hello\nBcc: eve@example.com",
        "Hello\rBcc: eve@example.com",
        "Hello\0",
        "Hello\t",
        "Hello\u{85}",
        long.as_str(),
    ] {
        let outcome = mailer.send("ann@example.com", subject, "Hello").await;
        assert!(matches!(outcome, Err(MailError::Invalid(_))), "{subject:?}");
    }
    for text in [
        "Hello\r.\rMAIL FROM:<eve@example.com>",
        "Hello\0",
        "Hello\u{1b}[2J",
    ] {
        let outcome = mailer.send("ann@example.com", "Hello", text).await;
        assert!(matches!(outcome, Err(MailError::Invalid(_))), "{text:?}");
    }
    assert_eq!(mails(&path).len(), 0);
    for from in [
        "",
        "averis",
        "Averis\r\nBcc: eve@example.com <a@example.com>",
    ] {
        let from = from.to_owned();
        let outcome = Mailer::new(&MailConfig::Folder {
            path: path.clone(),
            from,
        });
        assert!(matches!(outcome, Err(MailError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_server_gets_the_mail() {
    let server = SmtpServer::start(Manners::default());
    let port = server.port;
    let mailer = smtp(&format!(
        "smtp://averis:pass-do-not-show%2Fme@127.0.0.1:{port}"
    ));
    let subject = "Grüße von Averis";
    mailer
        .send("ann@example.com", subject, "Dear Ann\n.\nend\n")
        .await
        .expect("sent");
    let seen = server.dialogue();
    let auth = STANDARD.encode(format!("\0averis\0{PASSWORD}"));
    assert!(seen.commands[0].starts_with("EHLO "), "{seen:?}");
    assert_eq!(seen.commands[1], format!("AUTH PLAIN {auth}"));
    assert!(
        seen.commands[2].starts_with("MAIL FROM:<no-reply@averis.example>"),
        "{seen:?}"
    );
    assert_eq!(seen.commands[3], "RCPT TO:<ann@example.com>");
    assert_eq!(seen.commands[4..], ["DATA", "QUIT"]);
    assert_eq!(seen.messages.len(), 1);
    let (headers, body) = parse(&seen.messages[0]);
    assert_eq!(header(&headers, "To"), "ann@example.com");
    assert!(header(&headers, "Subject").is_ascii());
    assert_eq!(body, "Dear Ann\r\n..\r\nend\r\n\r\n.\r\n");
}

#[tokio::test]
async fn a_text_cannot_end_the_mail() {
    let server = SmtpServer::start(Manners::default());
    let mailer = smtp(&format!("smtp://127.0.0.1:{}?tls=none", server.port));
    for end in ["\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n"] {
        let text = format!("Hello{end}MAIL FROM:<eve@example.com>\nRCPT TO:<bob@example.com>\n");
        mailer
            .send("ann@example.com", "Hello", &text)
            .await
            .expect("sent");
        let seen = server.dialogue();
        assert_eq!(seen.messages.len(), 1, "{end:?}");
        let mails = seen
            .commands
            .iter()
            .filter(|line| line.starts_with("MAIL"))
            .count();
        assert_eq!(mails, 1, "{end:?}");
        let lines = seen.messages[0].replace("\r\n", "");
        assert!(
            !lines.contains(['\r', '\n']),
            "a lone CR or LF is in {:?}",
            seen.messages[0]
        );
    }
}

#[tokio::test]
async fn a_server_may_refuse() {
    for (manners, expected) in [
        (
            Manners {
                recipient: "550 no such user, ann",
                ..Manners::default()
            },
            Ok(550),
        ),
        (
            Manners {
                recipient: "450 later, ann",
                ..Manners::default()
            },
            Err("450"),
        ),
        (
            Manners {
                greeting: "554 not you",
                ..Manners::default()
            },
            Ok(554),
        ),
        (
            Manners {
                greeting: "HTTP/1.1 400 Bad Request",
                ..Manners::default()
            },
            Err("SMTP"),
        ),
        (
            Manners {
                auth: "535 not with AHZlcnk= pass-do-not-show/me",
                ..Manners::default()
            },
            Ok(535),
        ),
        (
            Manners {
                extensions: &[],
                ..Manners::default()
            },
            Err("cannot"),
        ),
    ] {
        let server = SmtpServer::start(manners);
        let url = format!(
            "smtp://averis:pass-do-not-show%2Fme@127.0.0.1:{}",
            server.port
        );
        let outcome = smtp(&url)
            .send("ann@example.com", "Hello", "the-text")
            .await;
        let error = outcome.expect_err("a refusal");
        let text = printed(
            &error,
            &[PASSWORD, "pass-do-not-show", "AHZlcnk=", "the-text"],
        );
        match (error, expected) {
            (MailError::Refused(code), Ok(expected)) => assert_eq!(code, expected),
            (MailError::Unavailable(reason), Err(expected)) => {
                assert!(reason.contains(expected), "{reason}");
            }
            _ => panic!("{text}"),
        }
        assert!(server.dialogue().messages.is_empty());
    }
}

#[tokio::test]
async fn without_tls_nothing_is_said_where_tls_is_required() {
    let server = SmtpServer::start(Manners::default());
    let mailer = smtp(&format!(
        "smtp://averis:word@127.0.0.1:{}?tls=required",
        server.port
    ));
    let outcome = mailer.send("ann@example.com", "Hello", "Hello").await;
    assert!(
        matches!(outcome, Err(MailError::Unavailable(_))),
        "{outcome:?}"
    );
    let seen = server.dialogue();
    assert!(
        seen.commands.iter().all(|line| line.starts_with("EHLO")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let (_kept, port) = deaf();
    let outcome = smtp(&format!("smtp://127.0.0.1:{port}"))
        .send("a@example.com", "a", "a")
        .await;
    let text = printed(&outcome.expect_err("nobody there"), &[]);
    assert!(text.contains("no connection"), "{text}");
}

#[tokio::test]
async fn a_silent_server_is_left_after_ten_seconds() {
    let server = Silent::start();
    let mailer = smtp(&format!("smtp://127.0.0.1:{}", server.port));
    let error = mailer
        .send("a@example.com", "a", "a")
        .await
        .expect_err("no answer");
    assert!(printed(&error, &[]).contains("deadline"), "{error}");
}

#[test]
fn urls_that_would_show_the_password_are_refused() {
    for good in [
        "smtps://smtp.example.com",
        "smtps://user:word@smtp.example.com:465",
        "smtp://user:word@smtp.example.com:587?tls=required",
        "smtp://user:word@127.0.0.1:2525",
        "smtp://localhost:2525",
        "smtp://[::1]:2525/",
        "smtp://mail.example.com:1025?tls=none",
    ] {
        let url = good.parse::<SmtpUrl>();
        let url = url.unwrap_or_else(|error| panic!("{good}: {error}"));
        let from = FROM.to_owned();
        Mailer::new(&MailConfig::Smtp { url, from }).expect("a mailer");
    }
    for bad in [
        "",
        "smtp.example.com",
        "smtp://",
        "smtp://smtp.example.com",
        "smtp://user:word@smtp.example.com:587",
        "smtp://smtp.example.com?tls=opportunistic",
        "smtp://127.0.0.1?tls=opportunistic",
        "smtp://smtp.example.com?TLS=required",
        "smtp://smtp.example.com?tls=required&tls=opportunistic",
        "smtp://127.0.0.1.example.com",
        "smtp://user:word@mail.example.com?tls=none",
        "smtps://mail.example.com?tls=none",
        "smtp://user@smtp.example.com?tls=required",
        "smtp://:word@smtp.example.com?tls=required",
        "smtps://smtp.example.com/helo",
        "https://smtp.example.com",
    ] {
        let error = bad.parse::<SmtpUrl>().expect_err(bad);
        assert!(!error.contains("user:word"), "{error}");
    }
}

#[test]
fn nothing_shows_the_password() {
    let url = format!(
        "smtps://averis:{}@smtp.example.com:465",
        PASSWORD.replace('/', "%2F")
    );
    let url = url.parse::<SmtpUrl>().expect("a URL");
    let from = FROM.to_owned();
    let config = MailConfig::Smtp {
        url: url.clone(),
        from,
    };
    let mailer = Mailer::new(&config).expect("a mailer");
    let text = format!("{url:?} {config:?} {config:#?} {mailer:?} {mailer:#?}");
    hides(&text, &[PASSWORD, "pass-do-not-show"]);
    assert!(text.contains("smtp.example.com:465"), "{text}");
}

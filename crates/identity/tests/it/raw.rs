//! Servers below HTTP: one that hangs up, one that says nothing, one that speaks SMTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use url::Url;

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

pub fn url(port: u16) -> Url {
    format!("http://127.0.0.1:{port}").parse().expect("a URL")
}

/// Returns a port at which nobody listens. It is one end of a connection, so no other test can get it while that lasts.
pub fn deaf() -> ((TcpListener, TcpStream), u16) {
    let (listener, _) = listen();
    let address = listener.local_addr().expect("bound");
    let ours = TcpStream::connect(address).expect("a connection");
    let port = ours.local_addr().expect("bound").port();
    ((listener, ours), port)
}

/// Accepts connections, reads a little, hangs up, and counts.
pub fn hanging_up() -> (u16, Arc<AtomicUsize>) {
    let (listener, port) = listen();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let _ = connection.read(&mut [0; 16]);
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

/// Takes connections and never says a word.
pub struct Silent {
    listener: TcpListener,
    pub port: u16,
}

impl Silent {
    pub fn start() -> Self {
        let (listener, port) = listen();
        Self { listener, port }
    }

    /// Returns how many connections were made.
    pub fn connections(&self) -> usize {
        self.listener.set_nonblocking(true).expect("a socket");
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }
}

/// What an SMTP server says where it has a choice.
#[derive(Clone)]
pub struct Manners {
    pub greeting: &'static str,
    pub extensions: &'static [&'static str],
    pub auth: &'static str,
    pub recipient: &'static str,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            greeting: "220 stand-in",
            extensions: &["AUTH PLAIN", "8BITMIME"],
            auth: "235 welcome",
            recipient: "250 ok",
        }
    }
}

/// What one connection brought.
#[derive(Debug, Default)]
pub struct Dialogue {
    pub commands: Vec<String>,
    /// Messages as they came over the wire, dots stuffed.
    pub messages: Vec<String>,
}

pub struct SmtpServer {
    pub port: u16,
    ended: Receiver<Dialogue>,
}

impl SmtpServer {
    pub fn start(manners: Manners) -> Self {
        let (listener, port) = listen();
        let (send, ended) = channel();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                serve(&connection, &manners, &send);
            }
        });
        Self { port, ended }
    }

    /// Returns the next connection's dialogue, once it has ended.
    pub fn dialogue(&self) -> Dialogue {
        let patience = Duration::from_secs(30);
        self.ended
            .recv_timeout(patience)
            .expect("a connection that ends")
    }
}

fn serve(connection: &TcpStream, manners: &Manners, send: &Sender<Dialogue>) {
    let mut dialogue = Dialogue::default();
    let _ = converse(connection, manners, &mut dialogue);
    let _ = send.send(dialogue);
}

fn converse(
    mut connection: &TcpStream,
    manners: &Manners,
    dialogue: &mut Dialogue,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection);
    write!(connection, "{}\r\n", manners.greeting)?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
        dialogue.commands.push(line);
        let answer = match verb.as_str() {
            "EHLO" => {
                for extension in manners.extensions {
                    write!(connection, "250-{extension}\r\n")?;
                }
                "250 HELP"
            }
            "AUTH" => manners.auth,
            "RCPT" => manners.recipient,
            "DATA" => {
                write!(connection, "354 go on\r\n")?;
                let mut message = String::new();
                while !message.ends_with("\r\n.\r\n") {
                    if lines.read_line(&mut message)? == 0 {
                        return Ok(());
                    }
                }
                dialogue.messages.push(message);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        write!(connection, "{answer}\r\n")?;
    }
}

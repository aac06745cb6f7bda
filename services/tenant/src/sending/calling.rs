//! Whom a client of webhooks connects to: those alone who may be called.

use std::error::Error;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::domain::webhooks::targets::{self, Targets};

/// Longest time for one call, connecting included.
const DEADLINE: Duration = Duration::from_secs(15);
/// Names that one process looks up at once. Each takes a thread that others want too, for as long as a name server likes.
const LOOKUPS: usize = 16;

/// A name leads to somewhere inside.
#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to an address that is not of the open internet")
    }
}

impl Error for NotPublic {}

/// Finds addresses of names and refuses those that lead inside. What is checked here is what is connected to, so a name that
/// leads elsewhere a moment later gains nothing.
struct Checked<F> {
    targets: Targets,
    find: F,
}

impl<F, A> Resolve for Checked<F>
where
    F: Fn(String) -> A + Send + Sync + 'static,
    A: Future<Output = std::io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    fn resolve(&self, name: Name) -> Resolving {
        let (targets, found) = (self.targets, (self.find)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            let is_allowed = |address: &SocketAddr| targets::is_allowed(targets, address.ip());
            if !found.iter().all(is_allowed) {
                return Err(NotPublic.into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Looks names up, so many at once. A look-up that nobody waits for any more keeps its place until it is over.
async fn look_up(places: Arc<Semaphore>, name: String) -> std::io::Result<Vec<SocketAddr>> {
    let place = places.acquire_owned().await;
    let place = place.map_err(std::io::Error::other)?;
    let found = tokio::task::spawn_blocking(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        drop(place);
        found.map(Iterator::collect)
    });
    found.await?
}

fn client<F, A>(targets: Targets, find: F) -> Result<reqwest::Client, reqwest::Error>
where
    F: Fn(String) -> A + Send + Sync + 'static,
    A: Future<Output = std::io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    reqwest::Client::builder()
        .dns_resolver(Arc::new(Checked { targets, find }))
        .https_only(targets == Targets::Public)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(DEADLINE)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent("Averis-Webhooks/1.0")
        .build()
}

/// Returns a client that connects to those whom `targets` lets be called, and to nobody else.
///
/// # Errors
/// When it cannot be built.
pub fn guarded(targets: Targets) -> Result<reqwest::Client, reqwest::Error> {
    let places = Arc::new(Semaphore::new(LOOKUPS));
    client(targets, move |name| look_up(Arc::clone(&places), name))
}

/// Says in a word why there was no answer.
pub fn failure(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return "not_public";
        }
        cause = error.source();
    }
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no_connection"
    } else {
        "broken_off"
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A name that leads to this machine: where a test listens and nobody may come.
    #[tokio::test]
    async fn s37_a_name_that_leads_inside_is_not_connected_to() {
        let inside = TcpListener::bind("127.0.0.1:0").expect("a free port");
        inside.set_nonblocking(true).expect("a listener");
        let port = inside.local_addr().expect("an address").port();
        let find = async |_: String| Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
        let http = client(Targets::Public, find).expect("a client");
        let url = format!("https://rebound.example:{port}/");
        let error = http.post(url).send().await.expect_err("refused");
        assert_eq!(failure(&error), "not_public");
        let nobody = inside.accept().expect_err("nobody comes");
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    }

    /// What was checked is what is connected to: a name is looked up once for each connection, so one that leads elsewhere the
    /// second time has no second time.
    #[tokio::test]
    async fn s37_a_name_is_looked_up_once() {
        let receiver = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = receiver.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let find = move |_: String| {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let ip = if first {
                [127, 0, 0, 1]
            } else {
                [127, 0, 0, 2]
            };
            async move { Ok(vec![SocketAddr::from((ip, 0))]) }
        };
        let http = client(Targets::Any, find).expect("a client");
        let come = tokio::task::spawn_blocking(move || {
            let (stream, _) = receiver.accept().expect("somebody comes");
            stream.local_addr().expect("an address").ip()
        });
        let url = format!("http://rebound.example:{port}/");
        // Nobody answers.
        let error = http.post(url).send().await.expect_err("no answer");
        assert_eq!(failure(&error), "broken_off");
        assert_eq!(
            come.await.expect("somebody came"),
            std::net::Ipv4Addr::LOCALHOST
        );
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    /// One address inside is enough: which of several is connected to is not ours to choose.
    #[tokio::test]
    async fn s37_a_name_that_also_leads_inside_is_refused() {
        let checked = Checked {
            targets: Targets::Public,
            find: async |_: String| {
                let all = [[93, 184, 215, 14], [10, 0, 0, 1]];
                Ok(all.map(|ip| SocketAddr::from((ip, 0))).to_vec())
            },
        };
        let found = checked
            .resolve("mixed.example".parse().expect("a name"))
            .await;
        assert!(found.is_err_and(|error| error.is::<NotPublic>()));
    }

    #[tokio::test]
    async fn what_is_public_is_left_as_it_was_found() {
        let checked = Checked {
            targets: Targets::Public,
            find: async |_: String| Ok(vec![SocketAddr::from(([93, 184, 215, 14], 0))]),
        };
        let found = checked
            .resolve("shop.example".parse().expect("a name"))
            .await;
        let found: Vec<SocketAddr> = found.expect("addresses").collect();
        assert_eq!(found, [SocketAddr::from(([93, 184, 215, 14], 0))]);
    }
}

//! The life of a process that serves one service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use averis_contracts::tenant::TenantClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Service, Serving, listen, serve, serve_metrics};
use crate::config::{Env, HttpConfig, ServiceConfig};
use crate::telemetry;
use crate::tenancy::TenantDirectory;

/// How long `health` waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Is what the binary of the service `name` does, on `port` unless another is set: by itself it serves until it is asked to stop;
/// with `health` it asks the one that serves beside it whether it is ready, for containers that have no other program for that;
/// with `--version` it tells which version it is. `make` reads the service's variables and makes it.
///
/// # Errors
/// When a variable is missing or malformed, an address is taken, or the server fails; and where the one that serves is not ready.
pub async fn main(
    name: &str,
    port: u16,
    make: impl FnOnce(Env<'_>) -> anyhow::Result<(ServiceConfig, Service)>,
) -> anyhow::Result<()> {
    let env = Env::process();
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => {}
        (Some("health"), None) => return health(&HttpConfig::from_env(env, port)?).await,
        (Some("--version"), None) => {
            #[expect(clippy::print_stdout, reason = "an answer to a command line")]
            {
                println!("averis-{name} {}", env!("CARGO_PKG_VERSION"));
            }
            return Ok(());
        }
        (Some(other), _) => bail!("{other} is not understood: there are `health` and `--version`"),
    }
    telemetry::start(env, name)?;
    let http = HttpConfig::from_env(env, port)?;
    let (common, service) = make(env)?;
    let outcome = run(http, common, service).await;
    telemetry::stop().await;
    outcome
}

async fn run(http: HttpConfig, common: ServiceConfig, service: Service) -> anyhow::Result<()> {
    let listener = listen(http.bind)?;
    let mut metrics = serve_metrics(listen(http.metrics)?)?;
    let client = TenantClient::new(common.urls.tenant, common.identity)?;
    let directory = TenantDirectory::new(client, common.database, &http.issuer);
    let Serving { mut server, stop } = serve(listener, http, directory, vec![service])?;
    tokio::select! {
        result = &mut server => return Ok(result?),
        result = &mut metrics => return Ok(result?),
        () = stop_requested() => {}
    }
    // A server has to be awaited while it is being stopped; meanwhile the other tells how that goes.
    let told = metrics.handle();
    let stopping = async {
        stop.stop().await;
        told.stop(false).await;
    };
    let (stopped, _, ()) = tokio::join!(server, metrics, stopping);
    Ok(stopped?)
}

/// Asks the process that listens there whether it is ready.
async fn health(http: &HttpConfig) -> anyhow::Result<()> {
    let mut address = http.bind;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /health/ready HTTP/1.0\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let asked = timeout(PATIENCE, asked).await;
    let answer = asked
        .with_context(|| format!("{address} does not answer"))?
        .with_context(|| format!("asking {address}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    ensure!(status == "200", "not ready: {answer}");
    Ok(())
}

/// Waits until somebody asks the process to stop, by Ctrl-C or SIGTERM.
pub async fn stop_requested() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::warn!(error = %error, "SIGTERM cannot be caught");
                return std::future::pending().await;
            }
        };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

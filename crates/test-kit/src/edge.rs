//! nginx with the configuration that is deployed, before services that run as processes: TLS, hosts, paths.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::certificate::certificate;
use crate::client::Client;
use crate::fleet::free_port;

/// The domain under which tenants have a label here. No library takes a certificate for `*.localhost` alone.
pub const DOMAIN: &str = "averis.localhost";

/// How a request names its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `acme.averis.localhost`.
    Subdomain,
    /// `averis.localhost/t/acme`.
    Path,
    /// `X-Tenant-ID: acme`.
    Header,
}

impl Strategy {
    /// All.
    pub const ALL: [Self; 3] = [Self::Subdomain, Self::Path, Self::Header];
}

/// Where each service is found.
pub type Upstreams = BTreeMap<&'static str, u16>;

/// A running nginx. It ends when it is dropped.
pub struct Edge {
    _child: Child,
    port: u16,
    authority: Vec<u8>,
    _home: tempfile::TempDir,
}

/// Finds this machine whatever the name.
struct Here;

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async {
            let here = SocketAddr::from(([127, 0, 0, 1], 0));
            Ok(Box::new(std::iter::once(here)) as Addrs)
        })
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Finds a program that `scripts/get-tools.sh` sees to.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path)
        .chain([root().join(".averis/tools/bin"), PathBuf::from("/usr/sbin")]);
    let mut found = folders.map(|folder| folder.join(name));
    let found = found.find(|program| program.exists());
    found.unwrap_or_else(|| panic!("there is no {name}: sh scripts/get-tools.sh .averis {name}"))
}

/// Fills in what a template leaves open, as `envsubst` does.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let file = root().join("deploy/edge").join(template);
    let mut text = fs::read_to_string(file).expect("the template");
    for (name, value) in values {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    text
}

/// Says where services are.
fn upstreams(of: &Upstreams) -> String {
    let mut text = String::new();
    for (service, port) in of {
        let _ = writeln!(
            text,
            "upstream averis_{service} {{ server 127.0.0.1:{port} max_fails=0; keepalive 16; keepalive_timeout 1s; }}"
        );
    }
    text
}

impl Edge {
    /// Starts nginx before those services.
    pub async fn start(of: &Upstreams) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let (at, port) = (home.path().display().to_string(), free_port());
        certificate(&home.path().join("tls"), DOMAIN).await;
        let own = home.path().join("upstreams.conf");
        fs::write(&own, upstreams(of)).expect("written");
        let values = [
            ("AVERIS_EDGE_HOME", at.as_str()),
            ("AVERIS_EDGE_LISTEN", &format!("127.0.0.1:{port}")),
            ("AVERIS_EDGE_TLS", &format!("{at}/tls")),
            ("AVERIS_EDGE_UPSTREAMS", &own.display().to_string()),
            ("AVERIS_EDGE_TRACE_PERCENT", "100"),
            ("AVERIS_BASE_DOMAIN", DOMAIN),
        ];
        for (template, file) in [
            ("averis.conf.template", "averis.conf"),
            ("nginx.conf.template", "nginx.conf"),
        ] {
            fs::write(home.path().join(file), filled(template, &values)).expect("written");
        }
        let child = Command::new(tool("nginx"))
            .args(["-e", "stderr", "-p", &at, "-c", "nginx.conf"])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx starts");
        let authority = fs::read(home.path().join("tls/ca.crt")).expect("the authority");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self {
            _child: child,
            port,
            authority,
            _home: home,
        }
    }

    /// Returns the address of a host below the domain, or of the domain itself.
    #[must_use]
    pub fn url(&self, label: Option<&str>) -> String {
        let port = self.port;
        match label {
            Some(label) => format!("https://{label}.{DOMAIN}:{port}"),
            None => format!("https://{DOMAIN}:{port}"),
        }
    }

    /// Returns what speaks TLS with it and trusts its authority alone.
    ///
    /// # Panics
    /// When its certificate cannot be read.
    pub fn http(&self) -> reqwest::ClientBuilder {
        let authority = reqwest::Certificate::from_pem(&self.authority).expect("a certificate");
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([authority])
            .dns_resolver(Arc::new(Here))
    }

    /// Returns a caller at the platform's own address, without a credential.
    #[must_use]
    pub fn platform(&self) -> Client {
        Client::over(self.http().build().expect("a client"), &self.url(None))
    }

    /// Returns a caller that names a tenant in that way, without a credential.
    #[must_use]
    pub fn client(&self, key: &str, strategy: Strategy) -> Client {
        let http = self.http().build().expect("a client");
        match strategy {
            Strategy::Subdomain => Client::over(http, &self.url(Some(key))),
            Strategy::Path => Client::over(http, &format!("{}/t/{key}", self.url(None))),
            Strategy::Header => Client::over(http, &self.url(None)).with_tenant_header(key),
        }
    }
}

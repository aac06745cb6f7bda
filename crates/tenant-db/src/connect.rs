//! How a connection is opened: in the clear, or by TLS with a server whose certificate and name were checked.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{DatabaseUrl, InvalidAuthorities};
use crate::error::causes;

/// Longest time for opening a connection, whoever waits for it. Pools have less patience.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a server says without being asked, and the end of its connection.
pub(crate) type Messages = BoxStream<'static, Result<AsyncMessage, tokio_postgres::Error>>;

type Driven = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Opens a connection for statements.
pub(crate) async fn open(url: &DatabaseUrl) -> ConnectionResult<AsyncPgConnection> {
    let (client, connection) = connect(url).await?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

/// Opens a connection whose messages the caller reads, which is what drives it.
pub(crate) async fn listen(url: &DatabaseUrl) -> ConnectionResult<(Client, Messages)> {
    let (client, mut connection) = connect(url).await?;
    let messages = stream::poll_fn(move |context| connection.poll_message(context));
    Ok((client, messages.boxed()))
}

async fn connect(url: &DatabaseUrl) -> ConnectionResult<(Client, Driven)> {
    let (mode, roots) = match url.authorities() {
        None => (SslMode::Disable, RootCertStore::empty()),
        Some(file) => {
            let roots = authorities(file, tokio::fs::read(file).await).map_err(bad)?;
            (SslMode::Require, roots)
        }
    };
    // Named, since another crate of the same process may bring another.
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(bad)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut driver = url.driver().map_err(bad)?;
    let connecting = driver.ssl_mode(mode).connect(MakeRustlsConnect::new(tls));
    match timeout(DEADLINE, connecting).await {
        Ok(connected) => connected.map_err(bad),
        Err(late) => Err(bad(late)),
    }
}

/// Reads certificates of authorities. What else is in the file is passed over.
pub(crate) fn authorities(
    file: &Path,
    content: std::io::Result<Vec<u8>>,
) -> Result<RootCertStore, InvalidAuthorities> {
    let pem = content.map_err(|why| InvalidAuthorities::Unreadable(file.to_owned(), why))?;
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(InvalidAuthorities::None(file.to_owned())),
        _ => Ok(roots),
    }
}

fn bad(error: impl Error) -> ConnectionError {
    ConnectionError::BadConnection(causes(&error))
}

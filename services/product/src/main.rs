//! The product service as a process of its own.

use std::net::TcpListener;

use anyhow::Context as _;
use averis_contracts::tenant::TenantClient;
use averis_product::Config;
use averis_service_kit::config::{Env, HttpConfig};
use averis_service_kit::serve::{serve, stop_requested};
use averis_service_kit::telemetry;
use averis_service_kit::tenancy::TenantDirectory;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::process();
    telemetry::start(env)?;
    let http = HttpConfig::from_env(env, 6001)?;
    let config = Config::from_env(env)?;
    let listener =
        TcpListener::bind(http.bind).with_context(|| format!("listening on {}", http.bind))?;
    let client = TenantClient::new(config.common.tenant_url.clone())?;
    let directory = TenantDirectory::new(client, config.common.database.clone());
    let server = serve(
        listener,
        http,
        directory,
        vec![averis_product::service(config)?],
    )?;
    let handle = server.handle();
    tokio::select! {
        result = server => result?,
        () = stop_requested() => handle.stop(true).await,
    }
    Ok(())
}

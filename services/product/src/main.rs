//! The product service as a process of its own.

use averis_product::Config;
use averis_service_kit::config::{Env, HttpConfig};
use averis_service_kit::{serve, telemetry};

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::process();
    telemetry::start(env)?;
    let http = HttpConfig::from_env(env, 6001)?;
    let config = Config::from_env(env)?;
    let (tenant_url, database) = (
        config.common.tenant_url.clone(),
        config.common.database.clone(),
    );
    serve::run(http, tenant_url, database, averis_product::service(config)?).await
}

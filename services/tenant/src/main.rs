//! The tenant service as a process of its own.

use averis_service_kit::config::{Env, HttpConfig};
use averis_service_kit::{serve, telemetry};
use averis_tenant::Config;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::process();
    telemetry::start(env)?;
    let http = HttpConfig::from_env(env, 6012)?;
    let config = Config::from_env(env)?;
    let common = config.common.clone();
    serve::run(http, common, averis_tenant::service(config)?).await
}

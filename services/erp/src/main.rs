//! The ERP service as a process of its own.

use averis_erp::Config;
use averis_service_kit::config::{Env, HttpConfig};
use averis_service_kit::{serve, telemetry};

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::process();
    telemetry::start(env)?;
    let http = HttpConfig::from_env(env, 6006)?;
    let config = Config::from_env(env)?;
    let common = config.common.clone();
    serve::run(http, common, averis_erp::service(config)?).await
}

//! The ecomm service as a process of its own.

use averis_service_kit::config::{Env, HttpConfig, ServiceConfig};
use averis_service_kit::{serve, telemetry};

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::process();
    telemetry::start(env)?;
    let http = HttpConfig::from_env(env, 6004)?;
    let common = ServiceConfig::from_env(env, "ecomm")?;
    serve::run(http, common.clone(), averis_ecomm::service(common)?).await
}

//! The pricing service as a process of its own.

use averis_pricing::Config;
use averis_service_kit::serve;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("pricing", 6003, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_pricing::service(config)?))
    })
    .await
}

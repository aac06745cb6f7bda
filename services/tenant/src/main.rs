//! The tenant service as a process of its own.

use averis_service_kit::serve;
use averis_tenant::Config;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("tenant", 6012, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_tenant::service(config)?))
    })
    .await
}

//! The OMS service as a process of its own.

use averis_oms::Config;
use averis_service_kit::serve;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("oms", 6005, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_oms::service(config)?))
    })
    .await
}

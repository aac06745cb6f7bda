//! The ecomm service as a process of its own.

use averis_ecomm::Config;
use averis_service_kit::serve;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("ecomm", 6004, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_ecomm::service(config)?))
    })
    .await
}

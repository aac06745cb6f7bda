//! The product service as a process of its own.

use averis_product::Config;
use averis_service_kit::serve;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("product", 6001, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_product::service(config)?))
    })
    .await
}

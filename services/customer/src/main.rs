//! The customer service as a process of its own.

use averis_customer::Config;
use averis_service_kit::serve;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("customer", 6007, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_customer::service(config)?))
    })
    .await
}

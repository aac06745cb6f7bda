//! The ERP service as a process of its own.

use averis_erp::Config;
use averis_service_kit::serve;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    serve::main("erp", 6006, |env| {
        let config = Config::from_env(env)?;
        Ok((config.common.clone(), averis_erp::service(config)?))
    })
    .await
}

//! What the tests of this service start with.

use averis_tenant_context::Domain;
use averis_test_kit::{Setup, TestPlatform};

/// Starts the tenant service and the product service.
pub async fn platform() -> TestPlatform {
    start(Setup::new().await)
}

/// Starts both services as `setup` says.
pub fn start(setup: Setup) -> TestPlatform {
    let config = averis_product::Config {
        common: setup.service_config(Domain::Product),
        max_import_bytes: 1 << 30,
    };
    let product = averis_product::service(config).expect("the product service");
    setup.start(vec![product])
}

#![doc = include_str!("../README.md")]

mod amounts;
mod cancelling;
mod config;
mod domain;
mod drive;
mod error;
mod http;
mod provider;
mod routes;
mod schema;
mod settle;
mod states;
mod store;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::tenant::TenantClient;
use averis_outbox::{Delivery, Subscriber};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::lanes::Lanes;
use averis_service_kit::rounds::Rounds;
use averis_service_kit::serve::{Service, answers};
use averis_tenant_context::Domain;
use averis_tenant_db::TenantPool;

use crate::provider::Providers;

pub use config::{Config, ProvidersConfig, StripeConfig, payment_providers};
pub use error::codes;
pub use routes::document;

/// What the handlers of this service work with, besides the tenant's database.
#[derive(Clone)]
pub struct State {
    cursors: CursorSecret,
    providers: Arc<Providers>,
    /// For which tenants this process goes on with payments.
    lanes: Lanes,
}

/// Why the service cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The client of a payment provider cannot be built.
    #[error("the client of a payment provider cannot be built")]
    Provider(#[from] reqwest::Error),
    /// A client of another service cannot be built.
    #[error(transparent)]
    Client(#[from] CallError),
}

/// What ends with the service.
struct Background {
    _delivery: Delivery,
    _rounds: Rounds,
}

/// Makes the service.
///
/// # Errors
/// When the client of a payment provider or of another service cannot be built.
pub fn service(config: Config) -> Result<Service, SetupError> {
    let Config { common, providers } = config;
    let pool = TenantPool::new(Domain::Oms, common.database, common.pool);
    let tenants = || TenantClient::new(common.urls.tenant.clone(), common.identity.clone());
    let subscribers = vec![
        Subscriber::new("erp", &common.urls.erp, &common.identity)?,
        Subscriber::new("customer", &common.urls.customer, &common.identity)?,
        Subscriber::new("tenant", &common.urls.tenant, &common.identity)?,
    ];
    let state = State {
        cursors: common.cursor_secret,
        providers: Arc::new(Providers::new(providers)?),
        lanes: Lanes::default(),
    };
    let (swept, left_after) = (state.clone(), common.left_after);
    let background = Arc::new(Background {
        _delivery: Delivery::start(pool.clone(), tenants()?, subscribers),
        _rounds: Rounds::start(
            pool.clone(),
            tenants()?,
            left_after * 2,
            async move |tenant, db| {
                match drive::is_left(&db, left_after).await {
                    Ok(true) => drive::wake(&swept, &db),
                    Ok(false) => {}
                    // Looked at again in the next round.
                    Err(error) => {
                        tracing::warn!(tenant = %tenant.key, error = %error, "payments cannot be looked for");
                    }
                }
            },
        ),
    });
    let (ready, measured) = (answers(&pool), pool.clone());
    let (state, pool, trusted) = (Data::new(state), Data::new(pool), Data::new(common.trusted));
    Ok(Service {
        name: "oms",
        openapi: document,
        ready,
        pool: measured,
        routes: Arc::new(move |app| {
            // Kept as long as anybody is served.
            app.app_data(Data::from(Arc::clone(&background)));
            routes::routes(app, &state, &pool, &trusted);
        }),
    })
}

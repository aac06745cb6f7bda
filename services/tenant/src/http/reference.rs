//! Reference data.

use actix_web::web::Data;
use averis_service_kit::auth::AnyCaller;
use averis_service_kit::cursor::Page;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::{NoParameters, Query};
use averis_service_kit::reply::Reply;

use crate::State;
use crate::error::TenantError;
use crate::store::reference::{self, Country, Currency, Region};

/// Lists all current currencies of ISO 4217.
#[utoipa::path(get, path = "/api/tenant/v1/currencies", tag = "reference", security(("token" = [])),
    responses((status = 200, description = "All currencies, by code.", body = Page<Currency>)))]
pub async fn list_currencies(
    _: AnyCaller,
    state: Data<State>,
    _: Query<NoParameters>,
) -> ApiResult<Reply> {
    let data = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(reference::list_currencies(conn).await?)
        })
        .await?;
    Ok(Reply::ok(&Page {
        data,
        next_cursor: None,
    }))
}

/// Lists all countries of ISO 3166-1.
#[utoipa::path(get, path = "/api/tenant/v1/countries", tag = "reference", security(("token" = [])),
    responses((status = 200, description = "All countries, by code.", body = Page<Country>)))]
pub async fn list_countries(
    _: AnyCaller,
    state: Data<State>,
    _: Query<NoParameters>,
) -> ApiResult<Reply> {
    let data = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(reference::list_countries(conn).await?) })
        .await?;
    Ok(Reply::ok(&Page {
        data,
        next_cursor: None,
    }))
}

/// Lists the business regions.
#[utoipa::path(get, path = "/api/tenant/v1/regions", tag = "reference", security(("token" = [])),
    responses((status = 200, description = "All regions, by code.", body = Page<Region>)))]
pub async fn list_regions(
    _: AnyCaller,
    state: Data<State>,
    _: Query<NoParameters>,
) -> ApiResult<Reply> {
    let data = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(reference::list_regions(conn).await?) })
        .await?;
    Ok(Reply::ok(&Page {
        data,
        next_cursor: None,
    }))
}

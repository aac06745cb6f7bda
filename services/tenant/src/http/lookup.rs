//! The calls by which the other services learn of tenants. It never passes the ingress.

use actix_web::web::Data;
use averis_service_kit::auth::ServiceCaller;
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::{Subdomain, TenantContext, TenantKey};
use serde::Deserialize;

use crate::State;
use crate::error::TenantError;
use crate::store;

/// By exactly one name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupQuery {
    subdomain: Option<Subdomain>,
    key: Option<TenantKey>,
}

/// Looks up a tenant that requests may reach.
pub async fn look_up_tenant(
    _: ServiceCaller,
    state: Data<State>,
    query: Query<LookupQuery>,
) -> ApiResult<Reply> {
    let LookupQuery { subdomain, key } = &query.0;
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(match (subdomain, key) {
                (Some(subdomain), None) => {
                    store::tenants::find_by_subdomain(conn, subdomain.as_str()).await?
                }
                (None, Some(key)) => store::tenants::find_by_key(conn, key.as_str()).await?,
                _ => return Err(Problem::new(codes::INVALID_QUERY).into()),
            })
        })
        .await?;
    let row = row.ok_or_else(Problem::not_found)?;
    let context = TenantContext::try_from(row)
        .map_err(|error| Problem::new(codes::INTERNAL).because(error))?;
    if !context.status.is_routable() {
        return Err(Problem::not_found());
    }
    Ok(Reply::ok(&context))
}

/// After which key to go on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Empty for the first page.
    after: String,
}

/// Lists the tenants that requests may reach, by key, 200 at a time.
pub async fn list_routable_tenants(
    _: ServiceCaller,
    state: Data<State>,
    query: Query<ListQuery>,
) -> ApiResult<Reply> {
    let after = &query.0.after;
    if !after.is_empty() && after.parse::<TenantKey>().is_err() {
        return Err(Problem::new(codes::INVALID_QUERY));
    }
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(store::tenants::list_routable(conn, after, 200).await?)
        })
        .await?;
    let contexts = rows
        .into_iter()
        .map(TenantContext::try_from)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Problem::new(codes::INTERNAL).because(error))?;
    Ok(Reply::ok(&contexts))
}

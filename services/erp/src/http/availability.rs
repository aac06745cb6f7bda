//! What may be sold.

use std::collections::BTreeMap;

use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::forms::{check_sku, fold};
use averis_service_kit::problem::{ApiResult, FieldProblem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::now;
use crate::error::ErpError;
use crate::store::levels;

/// SKUs of one question.
const MOST: usize = 250;

/// Which SKUs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadAvailability {
    /// 1 to 250 SKUs, with commas between.
    #[param(example = "LAMP-1,LAMP-2")]
    sku: String,
}

/// What of a SKU may be sold.
#[derive(Debug, Serialize, ToSchema)]
pub struct AvailabilityView {
    #[schema(example = "LAMP-1")]
    sku: String,
    /// From all warehouses that orders are served from: what is there and not reserved, less what is kept back, and what may be
    /// sold before it comes.
    available: i64,
}

/// Reads what of SKUs may be sold, in the order of the question. Of what has no level nothing may.
#[utoipa::path(get, path = "/api/erp/v1/availability", tag = "stock", security(("token" = ["stock:read"])), params(ReadAvailability),
    responses((status = 200, description = "Each SKU.", body = Page<AvailabilityView>)))]
pub async fn read_availability(
    tenant: Tenant<may::StockRead>,
    query: Query<ReadAvailability>,
) -> ApiResult<Reply> {
    let skus: Vec<&str> = query.0.sku.split(',').collect();
    if skus.len() > MOST {
        let message = format!("must be at most {MOST} SKUs");
        return Err(ErpError::from(FieldProblem::new("/sku", "too_many", message)).into());
    }
    for sku in &skus {
        check_sku(sku, "/sku").map_err(ErpError::from)?;
    }
    let folded: Vec<String> = skus.iter().map(|sku| fold(sku)).collect();
    let free = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let mut overdue = levels::overdue(conn, &folded, now()).await?;
        let mut free: BTreeMap<String, i64> = BTreeMap::new();
        for level in levels::sellable(conn, &folded).await? {
            let place = (level.folded.clone(), level.location);
            let reserved = level.reserved - overdue.remove(&place).unwrap_or_default();
            let own = level.on_hand + level.backorder_limit - level.safety - reserved;
            *free.entry(level.folded).or_default() += own.max(0);
        }
        Ok(free)
    });
    let free = free.await?;
    let data = skus
        .iter()
        .zip(&folded)
        .map(|(sku, folded)| AvailabilityView {
            sku: (*sku).to_owned(),
            available: free.get(folded).copied().unwrap_or_default(),
        });
    Ok(Reply::ok(&Page {
        data: data.collect(),
        next_cursor: None,
    }))
}

//! What is there of SKUs, and what of it is kept back or may be sold before it comes.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{check_sku, fold};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::MAX_QUANTITY;
use crate::domain::moves::Place;
use crate::error::{ErpError, codes};
use crate::store::levels::{self, LevelFilter, LevelRow};
use crate::store::warehouses;

/// What is there of a SKU at a place.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockLevelView {
    #[schema(example = "LAMP-1")]
    sku: String,
    location_id: Uuid,
    on_hand: i64,
    /// For orders and checkouts that wait.
    reserved: i64,
    /// Kept back from sale.
    safety: i64,
    /// What may be sold before it is there.
    backorder_limit: i64,
    /// At how many pieces that may be sold it is time to order more.
    reorder_point: i64,
}

impl From<LevelRow> for StockLevelView {
    fn from(row: LevelRow) -> Self {
        Self {
            sku: row.sku,
            location_id: row.location_id,
            on_hand: row.on_hand,
            reserved: row.reserved,
            safety: row.safety,
            backorder_limit: row.backorder_limit,
            reorder_point: row.reorder_point,
        }
    }
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListStockLevels {
    /// Of this SKU.
    sku: Option<String>,
    /// At this place.
    location_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what is there, by SKU and place.
#[utoipa::path(get, path = "/api/erp/v1/stock-levels", tag = "stock", security(("token" = ["stock:read"])), params(ListStockLevels),
    responses((status = 200, description = "A page of levels.", body = Page<StockLevelView>)))]
pub async fn list_stock_levels(
    tenant: Tenant<may::StockRead>,
    state: Data<State>,
    query: Query<ListStockLevels>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    if let Some(sku) = &query.sku {
        check_sku(sku, "/sku").map_err(ErpError::from)?;
    }
    let filter = LevelFilter {
        folded: query.sku.as_deref().map(fold),
        location: query.location_id,
    };
    let list = format!("{} stock-levels {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, ErpError> {
        Ok(levels::list(conn, &filter, after.as_ref(), i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(&row.folded, row.location_id))
    });
    Ok(Reply::ok(&page.map(StockLevelView::from)))
}

/// What of a SKU is kept back at a place, what may be sold before it is there, and when more is to be ordered.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStockLimits {
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: String,
    #[garde(skip)]
    location_id: Uuid,
    #[garde(range(min = 0, max = MAX_QUANTITY))]
    safety: i64,
    /// Never less than what was sold in this way already.
    #[garde(range(min = 0, max = MAX_QUANTITY))]
    backorder_limit: i64,
    /// At how many pieces that may be sold `inventory.low` is told; as it was where it is absent, and 0 at first.
    #[garde(range(min = 0, max = MAX_QUANTITY))]
    reorder_point: Option<i64>,
}

/// Says what of a SKU is kept back, what may be sold before it is there, and when more is to be ordered. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/stock-limits", tag = "stock", security(("token" = ["stock:write"])), request_body = SetStockLimits,
    responses((status = 200, description = "The level.", body = StockLevelView)))]
pub async fn set_stock_limits(
    tenant: Tenant<may::StockWrite>,
    post: Post<SetStockLimits>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_sku(&body.sku, "/sku").map_err(ErpError::from)?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            let known = warehouses::places(conn, &[body.location_id]).await?;
            if known.is_empty() {
                return Err(Problem::new(codes::UNKNOWN_LOCATION).into());
            }
            let place: Place = (fold(&body.sku), body.location_id);
            let place = BTreeMap::from([(place, body.sku.clone())]);
            let mut all = levels::lock(conn, &place).await?;
            for level in all.values_mut() {
                if level.reserved > level.on_hand.saturating_add(body.backorder_limit) {
                    return Err(Problem::new(codes::STOCK_RESERVED)
                        .with("on_hand", level.on_hand)
                        .with("reserved", level.reserved)
                        .into());
                }
                (level.safety, level.backorder_limit) = (body.safety, body.backorder_limit);
                level.reorder_point = body.reorder_point.unwrap_or(level.reorder_point);
            }
            levels::put(conn, all.iter()).await?;
            let (place, level) = all.pop_first().ok_or_else(Problem::not_found)?;
            let row = LevelRow::new(&place, &level);
            Ok(Reply::ok(&StockLevelView::from(row)))
        },
    )
    .await
}

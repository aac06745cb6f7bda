//! What stock is worth.

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{check_sku, fold};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ledger::currency;
use crate::State;
use crate::error::ErpError;
use crate::store::costs::{self, CostFilter};
use crate::store::ledger;

/// What is there of a SKU in a warehouse, and what it has cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockValueView {
    #[schema(example = "LAMP-1")]
    sku: String,
    warehouse_id: Uuid,
    /// With what lies aside.
    quantity: i64,
    /// Of all of it: the moving average times the quantity, without a cent lost.
    #[schema(value_type = MoneySchema)]
    value: Money,
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListStockValues {
    /// Of this SKU.
    sku: Option<String>,
    /// In this warehouse.
    warehouse_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what stock is worth, by SKU and warehouse, in the books' currency.
#[utoipa::path(get, path = "/api/erp/v1/stock-values", tag = "ledger", security(("token" = ["ledger:read"])), params(ListStockValues),
    responses((status = 200, description = "A page of it.", body = Page<StockValueView>)))]
pub async fn list_stock_values(
    tenant: Tenant<may::LedgerRead>,
    state: Data<State>,
    query: Query<ListStockValues>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    if let Some(sku) = &query.sku {
        check_sku(sku, "/sku").map_err(ErpError::from)?;
    }
    let filter = CostFilter {
        folded: query.sku.as_deref().map(fold),
        warehouse: query.warehouse_id,
    };
    let list = format!("{} stock-values {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let found = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let book = currency(&ledger::currency(conn).await?)?;
        let rows = costs::list(conn, &filter, after.as_ref(), i64::from(limit) + 1).await?;
        Ok((rows, book))
    });
    let (rows, book) = found.await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(&row.folded, row.warehouse_id))
    });
    Ok(Reply::ok(&page.map(|row| StockValueView {
        sku: row.sku,
        warehouse_id: row.warehouse_id,
        quantity: row.quantity,
        value: Money::new(row.value, book),
    })))
}

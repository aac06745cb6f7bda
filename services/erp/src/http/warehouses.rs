//! Warehouses.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{code_form, country_form};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::now;
use crate::error::ErpError;
use crate::store::warehouses::{self, QUARANTINE, STOCK, WarehouseRow};

/// A warehouse and the places inside it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WarehouseView {
    id: Uuid,
    #[schema(example = "BER")]
    code: String,
    #[schema(example = "Berlin")]
    name: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE")]
    country: String,
    /// Orders are served from the lowest first.
    priority: i32,
    /// Whether orders are served from here.
    active: bool,
    /// Where goods for sale are.
    stock_location_id: Option<Uuid>,
    /// Where goods are that are looked at first.
    quarantine_location_id: Option<Uuid>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Shows warehouses with their places.
async fn views(
    conn: &mut TenantConn,
    rows: Vec<WarehouseRow>,
) -> Result<Vec<WarehouseView>, ErpError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let places = warehouses::places_of(conn, &ids).await?;
    let places: BTreeMap<(Uuid, String), Uuid> = places
        .into_iter()
        .filter_map(|place| Some(((place.warehouse_id?, place.kind), place.id)))
        .collect();
    let place = |row: &WarehouseRow, kind: &str| places.get(&(row.id, kind.to_owned())).copied();
    let views = rows.into_iter().map(|row| WarehouseView {
        stock_location_id: place(&row, STOCK),
        quarantine_location_id: place(&row, QUARANTINE),
        id: row.id,
        code: row.code,
        name: row.name,
        country: row.country,
        priority: row.priority,
        active: row.active,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(views.collect())
}

async fn view(conn: &mut TenantConn, row: WarehouseRow) -> Result<WarehouseView, ErpError> {
    let mut views = views(conn, vec![row]).await?;
    Ok(views.pop().ok_or_else(Problem::not_found)?)
}

/// A warehouse to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWarehouse {
    #[garde(custom(code_form))]
    #[schema(example = "BER")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Berlin")]
    name: String,
    #[garde(custom(country_form))]
    #[schema(example = "DE")]
    country: String,
    #[serde(default = "usual_priority")]
    #[garde(range(min = 0, max = 10_000))]
    priority: i32,
}

const fn usual_priority() -> i32 {
    100
}

/// Makes a warehouse, with a place for stock and one for quarantine.
#[utoipa::path(post, path = "/api/erp/v1/warehouses", tag = "stock", security(("token" = ["stock:write"])), request_body = CreateWarehouse,
    responses((status = 201, description = "The warehouse.", body = WarehouseView)))]
pub async fn create_warehouse(
    tenant: Tenant<may::StockWrite>,
    post: Post<CreateWarehouse>,
) -> ApiResult<Reply> {
    let body = post.body;
    let now = now();
    let row = WarehouseRow {
        id: Uuid::now_v7(),
        code: body.code,
        name: body.name,
        country: body.country,
        priority: body.priority,
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            warehouses::insert(conn, &row).await?;
            let location = format!("/api/erp/v1/warehouses/{}", row.id);
            Ok(Reply::created(location, &view(conn, row.clone()).await?).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListWarehouses {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists warehouses by age.
#[utoipa::path(get, path = "/api/erp/v1/warehouses", tag = "stock", security(("token" = ["stock:read"])), params(ListWarehouses),
    responses((status = 200, description = "A page of warehouses.", body = Page<WarehouseView>)))]
pub async fn list_warehouses(
    tenant: Tenant<may::StockRead>,
    state: Data<State>,
    query: Query<ListWarehouses>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} warehouses", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = warehouses::list(conn, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads a warehouse.
#[utoipa::path(get, path = "/api/erp/v1/warehouses/{id}", tag = "stock", security(("token" = ["stock:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The warehouse.", body = WarehouseView)))]
pub async fn get_warehouse(tenant: Tenant<may::StockRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let row = warehouses::find(conn, id).await?;
        view(conn, row.ok_or_else(Problem::not_found)?).await
    });
    let found = found.await?;
    Ok(Reply::ok(&found).version(found.version))
}

/// What of a warehouse may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateWarehouse {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "Berlin")]
    name: Option<String>,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(default, deserialize_with = "not_null")]
    priority: Option<i32>,
    /// From one that is not active no order is served. What is reserved there stays so.
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    active: Option<bool>,
}

/// Changes a warehouse.
#[utoipa::path(patch, path = "/api/erp/v1/warehouses/{id}", tag = "stock", security(("token" = ["stock:write"])),
    request_body = UpdateWarehouse, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed warehouse.", body = WarehouseView)))]
pub async fn update_warehouse(
    tenant: Tenant<may::StockWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateWarehouse>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let changed = tenant.db.transaction(async |conn| -> Result<_, ErpError> {
        let row = warehouses::lock(conn, id).await?;
        let mut row = row.ok_or_else(Problem::not_found)?;
        seen.check(row.version)?;
        row.name = patch.name.clone().unwrap_or(row.name);
        row.priority = patch.priority.unwrap_or(row.priority);
        row.active = patch.active.unwrap_or(row.active);
        let row = warehouses::update(conn, &row).await?;
        view(conn, row).await
    });
    let changed = changed.await?;
    Ok(Reply::ok(&changed).version(changed.version))
}

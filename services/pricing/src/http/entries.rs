//! What catalogs sell.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::Body;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PartId, PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::catalogs::{locked, refuse_archived};
use crate::State;
use crate::domain::now;
use crate::error::PricingError;
use crate::known::know_products;
use crate::store::catalogs::{self, EntryRow};

/// A product in a catalog.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The product. It has to be launched.
    #[garde(skip)]
    product_id: Uuid,
    /// Whether it is sold.
    #[serde(default = "yes")]
    #[garde(skip)]
    enabled: bool,
    /// Order in the catalog.
    #[serde(default)]
    #[garde(range(min = 0, max = 1_000_000))]
    position: i32,
}

const fn yes() -> bool {
    true
}

/// Entries to be put into a catalog.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutEntries {
    /// At most 250, in place of those of the same products.
    #[garde(length(min = 1, max = 250), dive)]
    entries: Vec<Entry>,
}

/// Puts products into a catalog as the caller has seen it: all of them, or none. The answer has the catalog's new version.
#[utoipa::path(put, path = "/api/pricing/v1/catalogs/{id}/entries", tag = "catalogs", security(("token" = ["catalog:write"])),
    request_body = PutEntries, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The entries as they are now.", body = Page<Entry>)))]
pub async fn put_entries(
    tenant: Tenant<may::CatalogWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    body: Body<PutEntries>,
) -> ApiResult<Reply> {
    let entries = body.0.entries;
    let mut products: Vec<Uuid> = entries.iter().map(|entry| entry.product_id).collect();
    products.sort_unstable();
    products.dedup();
    if products.len() != entries.len() {
        let problem = FieldProblem::new("/entries", "duplicate", "name each product once");
        return Err(PricingError::from(problem).into());
    }
    know_products(&state, &tenant.context, &tenant.db, &products).await?;
    let catalog = tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let catalog = locked(conn, &tenant, id).await?;
            seen.check(catalog.version)?;
            refuse_archived(&catalog)?;
            let rows: Vec<EntryRow> = entries
                .iter()
                .map(|entry| EntryRow {
                    catalog_id: id,
                    product_id: entry.product_id,
                    enabled: entry.enabled,
                    position: entry.position,
                    updated_at: now(),
                })
                .collect();
            catalogs::put_entries(conn, &rows).await?;
            Ok(catalogs::update(conn, &catalog).await?)
        })
        .await?;
    let page = Page {
        data: entries,
        next_cursor: None,
    };
    Ok(Reply::ok(&page).version(catalog.version))
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListEntries {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what a catalog sells, in its order.
#[utoipa::path(get, path = "/api/pricing/v1/catalogs/{id}/entries", tag = "catalogs", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path), ListEntries), responses((status = 200, description = "A page of entries.", body = Page<Entry>)))]
pub async fn list_entries(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    PathId(id): PathId,
    query: Query<ListEntries>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} entries {id}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        catalogs::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(catalogs::list_entries(conn, id, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.position, row.product_id))
    });
    Ok(Reply::ok(&page.map(|row| Entry {
        product_id: row.product_id,
        enabled: row.enabled,
        position: row.position,
    })))
}

/// Takes a product out of a catalog.
#[utoipa::path(delete, path = "/api/pricing/v1/catalogs/{id}/entries/{part_id}", tag = "catalogs", security(("token" = ["catalog:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch), responses((status = 204, description = "The product is not in it any more.")))]
pub async fn delete_entry(
    tenant: Tenant<may::CatalogWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let catalog = locked(conn, &tenant, ids.id).await?;
            seen.check(catalog.version)?;
            refuse_archived(&catalog)?;
            if !catalogs::delete_entry(conn, ids.id, ids.part).await? {
                return Err(Problem::not_found().into());
            }
            Ok(catalogs::update(conn, &catalog).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

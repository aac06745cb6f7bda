//! What other services tell and ask. It never passes the ingress.

use actix_web::web::Json;
use averis_contracts::events::{EventBatch, Taken};
use averis_contracts::product::{FindVariants, LaunchedVariant};
use averis_outbox::receive;
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy::ServiceTenant;

use super::with_products;
use crate::domain::products::ProductStatus;
use crate::domain::staging::Rest;
use crate::error::ProductError;
use crate::staging::apply;
use crate::store::staging;

/// SKUs and products that one question may name.
const MAX_BATCH: usize = 250;

/// Takes events: this service's own, of which it keeps the copy that shops read.
pub async fn receive_events(tenant: ServiceTenant, batch: Json<EventBatch>) -> ApiResult<Reply> {
    let events = batch.into_inner().events;
    let new = tenant
        .db
        .transaction(async |conn| -> Result<usize, ProductError> {
            let new = receive(conn, events.clone()).await?;
            for event in &new {
                apply(conn, event).await?;
            }
            Ok(new.len())
        })
        .await?;
    Ok(Reply::ok(&Taken { new }))
}

/// Finds launched variants by SKU, without regard to case, and all of the named products.
pub async fn find_launched_variants(
    tenant: ServiceTenant,
    wanted: Json<FindVariants>,
) -> ApiResult<Reply> {
    let FindVariants { skus, product_ids } = wanted.into_inner();
    if skus.len() > MAX_BATCH || product_ids.len() > MAX_BATCH {
        return Err(Problem::new(codes::INVALID_QUERY));
    }
    let found = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let mut parts = staging::variants_of(conn, &product_ids).await?;
            for part in staging::variants_by_skus(conn, &skus).await? {
                if !product_ids.contains(&part.product_id) {
                    parts.push(part);
                }
            }
            with_products(conn, parts).await
        })
        .await?;
    let mut variants = Vec::with_capacity(found.len());
    for (variant, row) in found {
        let rest: Rest = serde_json::from_value(row.rest).map_err(ProductError::from)?;
        variants.push(LaunchedVariant {
            sku: variant.sku,
            name: row.name,
            product_id: row.id,
            version: row.as_of,
            active: row.status == ProductStatus::Active.as_str(),
            kind: row.kind,
            taxable: variant.taxable,
            tax_category: rest.tax_category,
        });
    }
    Ok(Reply::ok(&variants))
}

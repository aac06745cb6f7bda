//! What this service knows of launched products: by the product service's events, and by asking where one has not come yet.

use std::collections::BTreeSet;

use averis_contracts::events::Event;
use averis_contracts::product::{FindVariants, LaunchedVariant, ProductState, kinds};
use averis_service_kit::problem::Problem;
use averis_service_kit::request;
use averis_tenant_context::TenantContext;
use averis_tenant_db::{TenantConn, TenantDb};
use serde::Deserialize as _;
use uuid::Uuid;

use crate::State;
use crate::domain::fold;
use crate::error::{PricingError, codes};
use crate::store::skus::{self, SkuRow};

fn row(variant: LaunchedVariant) -> SkuRow {
    SkuRow {
        folded: fold(&variant.sku),
        sku: variant.sku,
        product_id: variant.product_id,
        as_of: variant.version,
        active: variant.active,
        kind: variant.kind,
        taxable: variant.taxable,
        tax_category: variant.tax_category,
    }
}

/// Reads what an event says of a product; nothing, if it is of a kind that came later than this service.
///
/// # Errors
/// When it is of a known kind and cannot be read.
pub fn state(event: &Event) -> Result<Option<ProductState>, PricingError> {
    let known = [
        kinds::LAUNCHED,
        kinds::SUSPENDED,
        kinds::RESUMED,
        kinds::ARCHIVED,
    ];
    if !known.contains(&event.kind.as_str()) {
        return Ok(None);
    }
    Ok(Some(ProductState::deserialize(&event.data)?))
}

/// Lets an event have its effect. False says that it tells of a product of which nothing is known, and does not say what
/// its variants are.
pub async fn apply(conn: &mut TenantConn, state: &ProductState) -> Result<bool, PricingError> {
    let active = state.status == "active";
    if state.variants.is_empty() {
        return Ok(skus::note_status(conn, state.product_id, state.version, active).await?);
    }
    let rows: Vec<SkuRow> = state.variants.iter().cloned().map(row).collect();
    skus::note(conn, &rows).await?;
    Ok(true)
}

/// Asks for what is not known, and notes it.
async fn ask(
    service: &State,
    tenant: &TenantContext,
    db: &TenantDb,
    wanted: FindVariants,
) -> Result<(), PricingError> {
    let mut correlation = request::correlation();
    correlation.tenant = Some(tenant.id.0);
    let found = service
        .products
        .find_variants(&tenant.key, &wanted, &correlation)
        .await?;
    let rows: Vec<SkuRow> = found.into_iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    db.transaction(async |conn| Ok(skus::note(conn, &rows).await?))
        .await
}

/// Asks for the variants of products of which events told without saying what they are, and notes them as the events say:
/// the product service's own copy may be older.
///
/// # Errors
/// 503 when the product service does not answer.
pub async fn learn(
    service: &State,
    tenant: &TenantContext,
    db: &TenantDb,
    states: &[ProductState],
) -> Result<(), PricingError> {
    let wanted = FindVariants {
        skus: Vec::new(),
        product_ids: states.iter().map(|state| state.product_id).collect(),
    };
    ask(service, tenant, db, wanted).await?;
    db.transaction(async |conn| -> Result<(), PricingError> {
        for state in states {
            let active = state.status == "active";
            skus::note_status(conn, state.product_id, state.version, active).await?;
        }
        Ok(())
    })
    .await
}

/// Checks that products were launched.
///
/// # Errors
/// 422 that names those that were not; 503 when that cannot be found out.
pub async fn know_products(
    service: &State,
    tenant: &TenantContext,
    db: &TenantDb,
    products: &[Uuid],
) -> Result<(), PricingError> {
    let unknown = async || -> Result<Vec<Uuid>, PricingError> {
        let known = db
            .read(async |conn| Ok::<_, PricingError>(skus::known_products(conn, products).await?));
        let known: BTreeSet<Uuid> = known.await?.into_iter().collect();
        let unknown = products.iter().filter(|id| !known.contains(id));
        Ok(unknown.copied().collect())
    };
    let product_ids = unknown().await?;
    if product_ids.is_empty() {
        return Ok(());
    }
    let skus = Vec::new();
    ask(service, tenant, db, FindVariants { skus, product_ids }).await?;
    let unknown = unknown().await?;
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Problem::new(codes::UNKNOWN_PRODUCT)
        .with("product_ids", names(&unknown))
        .into())
}

/// Checks that SKUs were launched.
///
/// # Errors
/// 422 that names those that were not; 503 when that cannot be found out.
pub async fn know_skus(
    service: &State,
    tenant: &TenantContext,
    db: &TenantDb,
    wanted: &[String],
) -> Result<(), PricingError> {
    let unknown = async || -> Result<Vec<String>, PricingError> {
        let folded: Vec<String> = wanted.iter().map(|sku| fold(sku)).collect();
        let known = db.read(async |conn| Ok::<_, PricingError>(skus::find(conn, &folded).await?));
        let known: BTreeSet<String> = known.await?.into_iter().map(|row| row.folded).collect();
        let unknown = wanted.iter().filter(|sku| !known.contains(&fold(sku)));
        Ok(unknown.cloned().collect())
    };
    let skus = unknown().await?;
    if skus.is_empty() {
        return Ok(());
    }
    let product_ids = Vec::new();
    ask(service, tenant, db, FindVariants { skus, product_ids }).await?;
    let unknown = unknown().await?;
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Problem::new(codes::UNKNOWN_SKU)
        .with("skus", unknown)
        .into())
}

fn names(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

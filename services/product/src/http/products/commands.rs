//! What moves products through their lives.

use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use uuid::Uuid;

use super::{ProductView, answer, locked};
use crate::domain::content::digest;
use crate::domain::now;
use crate::domain::products::{ProductCommand, ProductStatus};
use crate::error::ProductError;
use crate::staging::tell;
use crate::stewardship::load;
use crate::store::products::{ProductChanges, ProductRow};
use crate::store::revisions::RevisionRow;
use crate::store::{products, revisions};

/// Offers a product for sale as its stewards have approved it: all five sections, as they are. What was launched before is
/// replaced.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/launch", tag = "products", security(("token" = ["product:launch"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active product.", body = ProductView)))]
pub async fn launch_product(
    tenant: Tenant<may::ProductLaunch>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Launch).await
}

/// Takes an active product out of sale for a while.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/suspend", tag = "products", security(("token" = ["product:launch"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The suspended product.", body = ProductView)))]
pub async fn suspend_product(
    tenant: Tenant<may::ProductLaunch>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Suspend).await
}

/// Offers a suspended product again.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/resume", tag = "products", security(("token" = ["product:launch"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active product.", body = ProductView)))]
pub async fn resume_product(
    tenant: Tenant<may::ProductLaunch>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Resume).await
}

/// Puts a draft or a suspended product away for good. Its key and SKUs stay taken.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/archive", tag = "products", security(("token" = ["product:launch"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The archived product.", body = ProductView)))]
pub async fn archive_product(
    tenant: Tenant<may::ProductLaunch>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Archive).await
}

async fn move_on(
    tenant: Tenant<may::ProductLaunch>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    step: ProductCommand,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ProductError> {
            let row = locked(conn, id, seen).await?;
            let status = step.apply(ProductStatus::stored(&row.status))?;
            let mut changes = ProductChanges {
                status: Some(status.as_str().to_owned()),
                ..ProductChanges::default()
            };
            if step == ProductCommand::Archive {
                products::give_place(conn).await?;
            }
            let mut launched = None;
            if step == ProductCommand::Launch {
                let revision = launchable(conn, &row, tenant.caller.identity.subject).await?;
                revisions::insert(conn, &revision).await?;
                changes.launched_at = Some(revision.launched_at);
                changes.launched_rev = Some(revision.rev);
                launched = Some(revision.document);
            }
            let row = products::update(conn, id, &changes).await?;
            tell(conn, &row, step, launched.as_ref()).await?;
            Ok(answer(row))
        },
    )
    .await
}

/// Returns the revision that a launch makes of a product: all sections approved as they are now, nothing missing. The
/// caller holds the product's row, so nothing of it changes before the launch is done.
async fn launchable(
    conn: &mut TenantConn,
    row: &ProductRow,
    by: Uuid,
) -> Result<RevisionRow, ProductError> {
    if row.launched_rev == Some(row.working_rev) {
        return Err(ProductError::NothingToLaunch);
    }
    let stewarded = load(conn, row).await?;
    if !stewarded.has_variants {
        return Err(ProductError::NoVariants);
    }
    let missing = stewarded.missing(None);
    if !missing.is_empty() {
        return Err(ProductError::Invalid(missing));
    }
    let stale = stewarded.stale();
    if !stale.is_empty() {
        return Err(ProductError::ApprovalStale(stale));
    }
    let document = stewarded.content.document();
    Ok(RevisionRow {
        product_id: row.id,
        rev: row.working_rev,
        hash: digest(&document).to_vec(),
        document,
        launched_by: by,
        launched_at: now(),
    })
}

//! What moves products through their lives.

use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;

use super::{ProductView, answer, locked};
use crate::domain::now;
use crate::domain::products::{ProductCommand, ProductStatus};
use crate::error::ProductError;
use crate::store::products::{ProductChanges, ProductRow};
use crate::store::{attributes, products, variants};

/// Offers a draft for sale. It needs a variant, and values for all required attributes.
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
            if step == ProductCommand::Launch {
                check_launchable(conn, &row).await?;
                changes.launched_at = Some(now());
            }
            Ok(answer(products::update(conn, id, &changes).await?))
        },
    )
    .await
}

async fn check_launchable(conn: &mut TenantConn, row: &ProductRow) -> Result<(), ProductError> {
    if variants::list(conn, row.id).await?.is_empty() {
        return Err(ProductError::NoVariants);
    }
    let missing: Vec<FieldProblem> = attributes::required_codes(conn)
        .await?
        .into_iter()
        .filter(|code| row.attributes.get(code).is_none())
        .map(|code| {
            FieldProblem::new(
                format!("/attributes/{code}"),
                "missing",
                "is required for launch",
            )
        })
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(ProductError::Invalid(missing))
    }
}

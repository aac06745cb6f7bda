//! What a visitor has of its own, besides what it says: addresses to be mended, companies for which it acts, and the way out.

use averis_service_kit::Tenant;
use averis_service_kit::body::MergePatch;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::addresses::{AddressView, UpdateAddress, answer, change, remove};
use super::approvals::proven;
use super::members::{self, CompanyMemberView};
use super::visitors::{VisitorView, view};
use crate::domain::now;
use crate::error::CustomerError;
use crate::store::{companies, visitors};

/// Changes an address of the visitor.
#[utoipa::path(patch, path = "/api/customer/v1/visitor/addresses/{id}", tag = "visitors", security(("token" = ["storefront:write"])),
    request_body = UpdateAddress, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed address.", body = AddressView)))]
pub async fn update_own_address(
    tenant: Tenant<may::StorefrontWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateAddress>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let own = customer_of(conn, visitor).await?;
            change(conn, own, id, seen, &patch.0).await
        });
    Ok(answer(row.await?))
}

/// Removes an address of the visitor.
#[utoipa::path(delete, path = "/api/customer/v1/visitor/addresses/{id}", tag = "visitors", security(("token" = ["storefront:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The address is gone.")))]
pub async fn delete_own_address(
    tenant: Tenant<may::StorefrontWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let own = customer_of(conn, visitor).await?;
            remove(conn, own, id, seen).await
        })
        .await?;
    Ok(Reply::no_content())
}

/// Returns the customer that a visitor is, by proof or by what it has said.
async fn customer_of(conn: &mut TenantConn, visitor: Uuid) -> Result<Uuid, CustomerError> {
    let row = visitors::find(conn, visitor).await?;
    let own = row.and_then(|row| row.customer_id);
    Ok(own.ok_or_else(Problem::not_found)?)
}

/// A company for which the visitor acts.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnMembershipView {
    #[schema(example = "Lima Trading GmbH")]
    company_name: String,
    /// `pending`, `approved`, `suspended` or `closed`. Only approved ones buy.
    company_status: String,
    membership: CompanyMemberView,
}

/// Lists the companies for which the visitor acts, who has proven who it is.
#[utoipa::path(get, path = "/api/customer/v1/visitor/memberships", tag = "visitors", security(("token" = ["storefront:read"])),
    responses((status = 200, description = "All of them.", body = Page<OwnMembershipView>)))]
pub async fn list_own_memberships(tenant: Tenant<may::StorefrontRead>) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let found = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let own = proven(conn, visitor).await?;
        let members = companies::memberships(conn, own).await?;
        let ids: Vec<Uuid> = members.iter().map(|row| row.company_id).collect();
        let names = companies::names_of(conn, &ids).await?;
        let mut views = Vec::with_capacity(members.len());
        for row in members {
            let Some((name, status)) = names.get(&row.company_id).cloned() else {
                continue;
            };
            views.push(OwnMembershipView {
                company_name: name,
                company_status: status,
                membership: members::view(row)?,
            });
        }
        Ok(views)
    });
    Ok(Reply::ok(&Page {
        data: found.await?,
        next_cursor: None,
    }))
}

/// Ends that the visitor is taken for anybody.
#[utoipa::path(post, path = "/api/customer/v1/visitor/sign-out", tag = "visitors", security(("token" = ["storefront:write"])),
    responses((status = 200, description = "The visitor, who is cold.", body = VisitorView)))]
pub async fn sign_out(tenant: Tenant<may::StorefrontWrite>, command: Command) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            visitors::see(conn, visitor, now()).await?;
            let row = visitors::unlink(conn, visitor).await?;
            Ok(Reply::ok(&view(conn, row).await?))
        },
    )
    .await
}

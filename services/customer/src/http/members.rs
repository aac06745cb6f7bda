//! Who acts for companies.

use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::MergePatch;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PartId, PathId};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::companies::check_open;
use super::customers::named;
use crate::domain::companies::MemberRole;
use crate::domain::money::stored_if;
use crate::domain::now;
use crate::error::CustomerError;
use crate::store::companies::{self, MemberRow};

/// Somebody who acts for a company.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyMemberView {
    company_id: Uuid,
    customer_id: Uuid,
    /// `buyer`, `approver`, `admin`.
    roles: Vec<String>,
    /// What it orders at once without anybody's approval; anything where null.
    #[schema(value_type = Option<MoneySchema>)]
    spend_limit: Option<Money>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Shows a member.
///
/// # Errors
/// When the currency of its limit is none any more.
pub fn view(row: MemberRow) -> Result<CompanyMemberView, CustomerError> {
    Ok(CompanyMemberView {
        spend_limit: stored_if(row.spend_limit, row.spend_currency.as_deref())?,
        company_id: row.company_id,
        customer_id: row.customer_id,
        roles: row.roles,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn check_limit(limit: Option<&Money>) -> Result<(), CustomerError> {
    if limit.is_some_and(Money::is_negative) {
        return Err(FieldProblem::new("/spend_limit", "range", "must not be negative").into());
    }
    Ok(())
}

/// Somebody who shall act for a company.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCompanyMember {
    #[garde(skip)]
    customer_id: Uuid,
    #[garde(length(min = 1, max = 3))]
    roles: Vec<MemberRole>,
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    spend_limit: Option<Money>,
}

fn currency(limit: Money) -> String {
    limit.currency().code().to_owned()
}

fn words(roles: &[MemberRole]) -> Vec<String> {
    let mut words: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Lets a customer act for a company.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/members", tag = "companies", security(("token" = ["company:write"])),
    request_body = AddCompanyMember, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The member.", body = CompanyMemberView)))]
pub async fn add_member(
    tenant: Tenant<may::CompanyWrite>,
    PathId(id): PathId,
    post: Post<AddCompanyMember>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_limit(body.spend_limit.as_ref())?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            // Held, so that it is not closed meanwhile.
            let company = companies::lock(conn, id).await?;
            check_open(&company.ok_or_else(Problem::not_found)?)?;
            named(conn, body.customer_id).await?;
            let now = now();
            let row = MemberRow {
                company_id: id,
                customer_id: body.customer_id,
                roles: words(&body.roles),
                spend_limit: body.spend_limit.map(|limit| limit.amount()),
                version: 1,
                created_at: now,
                updated_at: now,
                spend_currency: body.spend_limit.map(currency),
            };
            companies::add_member(conn, &row).await?;
            let location = format!(
                "/api/customer/v1/companies/{id}/members/{}",
                row.customer_id
            );
            Ok(Reply::created(location, &view(row)?).version(1))
        },
    )
    .await
}

/// Lists who acts for a company.
#[utoipa::path(get, path = "/api/customer/v1/companies/{id}/members", tag = "companies", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The members.", body = Page<CompanyMemberView>)))]
pub async fn list_members(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        companies::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(companies::list_members(conn, id).await?)
    });
    let views: Result<Vec<CompanyMemberView>, CustomerError> =
        rows.await?.into_iter().map(view).collect();
    Ok(Reply::ok(&Page {
        data: views?,
        next_cursor: None,
    }))
}

/// What of a member may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCompanyMember {
    #[garde(inner(length(min = 1, max = 3)))]
    #[serde(default, deserialize_with = "not_null")]
    roles: Option<Vec<MemberRole>>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    spend_limit: Patch<Money>,
}

/// Changes what somebody does for a company.
#[utoipa::path(patch, path = "/api/customer/v1/companies/{id}/members/{part_id}", tag = "companies", security(("token" = ["company:write"])),
    request_body = UpdateCompanyMember, params(("id" = Uuid, Path), ("part_id" = Uuid, Path, description = "The customer."), IfMatch),
    responses((status = 200, description = "The changed member.", body = CompanyMemberView)))]
pub async fn update_member(
    tenant: Tenant<may::CompanyWrite>,
    ids: PartId,
    seen: SeenVersion,
    patch: MergePatch<UpdateCompanyMember>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    check_limit(patch.spend_limit.value())?;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let mut row = locked(conn, ids, seen).await?;
            row.roles = patch.roles.as_deref().map_or(row.roles, words);
            let limit = patch.spend_limit.clone();
            let amount = limit.clone().map(|limit| limit.amount());
            amount.apply(&mut row.spend_limit);
            limit.map(currency).apply(&mut row.spend_currency);
            Ok(companies::update_member(conn, &row).await?)
        });
    let row = row.await?;
    let version = row.version;
    Ok(Reply::ok(&view(row)?).version(version))
}

async fn locked(
    conn: &mut TenantConn,
    ids: PartId,
    seen: SeenVersion,
) -> Result<MemberRow, CustomerError> {
    let row = companies::lock_member(conn, ids.id, ids.part).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Ends that somebody acts for a company.
#[utoipa::path(delete, path = "/api/customer/v1/companies/{id}/members/{part_id}", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path, description = "The customer."), IfMatch),
    responses((status = 204, description = "The customer is no member any more.")))]
pub async fn remove_member(
    tenant: Tenant<may::CompanyWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            locked(conn, ids, seen).await?;
            Ok(companies::delete_member(conn, ids.id, ids.part).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

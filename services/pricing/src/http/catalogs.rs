//! Catalogs.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::codes::INVALID_TRANSITION;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{Permission, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::market::check;
use crate::State;
use crate::domain::catalogs::{CatalogCommand, CatalogRegion, write_permission};
use crate::domain::forms::{check_window, code_form, optional_code};
use crate::domain::market::MarketKind;
use crate::domain::{now, prices::currency};
use crate::error::{PricingError, codes};
use crate::store::catalogs::{self, CatalogRow};

/// A catalog: what is sold to whom, in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CatalogView {
    id: Uuid,
    /// Unique.
    #[schema(example = "emea-web")]
    code: String,
    name: String,
    /// `AMER`, `EMEA`, `APAC` or `LATAM`: whose stewards write it. Of no one region where null.
    region: Option<String>,
    channel: Option<String>,
    segment: Option<String>,
    #[schema(example = "EUR")]
    currency: String,
    /// Whether its prices include tax.
    tax_included: bool,
    /// The language in which it is shown where a rule names no other.
    #[schema(example = "de_DE")]
    locale: String,
    effective_from: Option<DateTime<Utc>>,
    effective_until: Option<DateTime<Utc>>,
    /// `draft`, `active`, `inactive` or `archived`; changed by commands only.
    status: String,
    /// Whether it is what buyers get whom no rule gives another.
    is_default: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<CatalogRow> for CatalogView {
    fn from(row: CatalogRow) -> Self {
        let CatalogRow {
            id,
            code,
            name,
            region,
            channel,
            segment,
            currency,
            tax_included,
            locale,
            effective_from,
            effective_until,
            status,
            is_default,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            code,
            name,
            region,
            channel,
            segment,
            currency,
            tax_included,
            locale,
            effective_from,
            effective_until,
            status,
            is_default,
            version,
            created_at,
            updated_at,
        }
    }
}

fn answer(row: CatalogRow) -> Reply {
    let version = row.version;
    Reply::ok(&CatalogView::from(row)).version(version)
}

/// A catalog to be drafted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCatalog {
    #[garde(custom(code_form))]
    #[schema(example = "emea-web")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Europe, web shop")]
    name: String,
    #[garde(skip)]
    region: Option<CatalogRegion>,
    #[garde(custom(optional_code))]
    channel: Option<String>,
    #[garde(custom(optional_code))]
    segment: Option<String>,
    #[garde(skip)]
    #[schema(example = "EUR")]
    currency: String,
    #[garde(skip)]
    tax_included: bool,
    #[garde(custom(code_form))]
    #[schema(example = "de_DE")]
    locale: String,
    #[garde(skip)]
    effective_from: Option<DateTime<Utc>>,
    #[garde(skip)]
    effective_until: Option<DateTime<Utc>>,
    #[serde(default)]
    #[garde(skip)]
    is_default: bool,
}

/// Checks that what a catalog refers to exists, and that its currency is one.
async fn check_references(conn: &mut TenantConn, row: &CatalogRow) -> Result<(), PricingError> {
    check(conn, MarketKind::Locale, std::slice::from_ref(&row.locale)).await?;
    check(conn, MarketKind::Channel, row.channel.as_slice()).await?;
    check(conn, MarketKind::Segment, row.segment.as_slice()).await
}

/// Drafts a catalog.
#[utoipa::path(post, path = "/api/pricing/v1/catalogs", tag = "catalogs", security(("token" = ["catalog:write"])), request_body = CreateCatalog,
    responses((status = 201, description = "The draft.", body = CatalogView)))]
pub async fn create_catalog(
    tenant: Tenant<may::CatalogWrite>,
    post: Post<CreateCatalog>,
) -> ApiResult<Reply> {
    let body = post.body;
    let region = body.region.map(CatalogRegion::as_str);
    tenant.caller.identity.require(write_permission(region))?;
    if body.is_default {
        // It is everybody's, whichever region it is of.
        tenant.caller.identity.require(Permission::MarketWrite)?;
    }
    let window = check_window(
        ("/effective_from", body.effective_from),
        ("/effective_until", body.effective_until),
    );
    window.map_err(PricingError::from)?;
    check_currency(&body.currency)?;
    let now = now();
    let row = CatalogRow {
        id: Uuid::now_v7(),
        code: body.code,
        name: body.name,
        region: region.map(str::to_owned),
        channel: body.channel,
        segment: body.segment,
        currency: body.currency,
        tax_included: body.tax_included,
        locale: body.locale,
        effective_from: body.effective_from,
        effective_until: body.effective_until,
        status: "draft".to_owned(),
        is_default: body.is_default,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let has_several = tenant.context.settings.features.multiple_catalogs;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            check_references(conn, &row).await?;
            if !has_several && catalogs::count_alone(conn, &tenant.context.key).await? > 0 {
                return Err(Problem::new(codes::CATALOGS_NOT_ALLOWED).into());
            }
            catalogs::insert(conn, &row).await?;
            let location = format!("/api/pricing/v1/catalogs/{}", row.id);
            Ok(Reply::created(location, &CatalogView::from(row.clone())).version(1))
        },
    )
    .await
}

fn check_currency(code: &str) -> Result<(), PricingError> {
    use averis_service_kit::problem::FieldProblem;
    let known = currency(code).map(drop);
    known.map_err(|_ignored| {
        FieldProblem::new(
            "/currency",
            "form",
            "must be a currency of ISO 4217 with minor units",
        )
        .into()
    })
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListCatalogs {
    /// `draft`, `active`, `inactive` or `archived`.
    #[param(value_type = Option<String>)]
    status: Option<CatalogStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Where a catalog is in its life.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatalogStatus {
    Draft,
    Active,
    Inactive,
    Archived,
}

impl CatalogStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Archived => "archived",
        }
    }
}

/// Lists catalogs by age.
#[utoipa::path(get, path = "/api/pricing/v1/catalogs", tag = "catalogs", security(("token" = ["price:read"])), params(ListCatalogs),
    responses((status = 200, description = "A page of catalogs.", body = Page<CatalogView>)))]
pub async fn list_catalogs(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListCatalogs>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let status = query.status.map(CatalogStatus::as_str);
    let list = format!("{} catalogs {status:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(catalogs::list(conn, status, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(CatalogView::from)))
}

/// Reads a catalog.
#[utoipa::path(get, path = "/api/pricing/v1/catalogs/{id}", tag = "catalogs", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The catalog.", body = CatalogView)))]
pub async fn get_catalog(tenant: Tenant<may::PriceRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { Ok(catalogs::find(conn, id).await?) });
    row.await?.map(answer).ok_or_else(Problem::not_found)
}

/// What of a catalog may be changed: a merge patch. Its currency, and whether prices include tax, stay: prices are of them.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCatalog {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    #[serde(default)]
    #[garde(custom(patched_code))]
    #[schema(value_type = Option<String>)]
    channel: Patch<String>,
    #[serde(default)]
    #[garde(custom(patched_code))]
    #[schema(value_type = Option<String>)]
    segment: Patch<String>,
    #[garde(custom(optional_code))]
    #[serde(default, deserialize_with = "not_null")]
    locale: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    effective_from: Patch<DateTime<Utc>>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    effective_until: Patch<DateTime<Utc>>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    is_default: Option<bool>,
}

fn patched_code(patch: &Patch<String>, context: &()) -> garde::Result {
    patch
        .value()
        .map_or(Ok(()), |code| code_form(code, context))
}

/// Changes a catalog.
#[utoipa::path(patch, path = "/api/pricing/v1/catalogs/{id}", tag = "catalogs", security(("token" = ["catalog:write"])),
    request_body = UpdateCatalog, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed catalog.", body = CatalogView)))]
pub async fn update_catalog(
    tenant: Tenant<may::CatalogWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateCatalog>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let mut row = locked(conn, &tenant, id).await?;
            seen.check(row.version)?;
            row.name = patch.name.clone().unwrap_or(row.name);
            patch.channel.clone().apply(&mut row.channel);
            patch.segment.clone().apply(&mut row.segment);
            row.locale = patch.locale.clone().unwrap_or(row.locale);
            patch.effective_from.clone().apply(&mut row.effective_from);
            patch
                .effective_until
                .clone()
                .apply(&mut row.effective_until);
            let is_default = patch.is_default.unwrap_or(row.is_default);
            if is_default != row.is_default {
                tenant.caller.identity.require(Permission::MarketWrite)?;
            }
            row.is_default = is_default;
            refuse_archived(&row)?;
            check_window(
                ("/effective_from", row.effective_from),
                ("/effective_until", row.effective_until),
            )?;
            check_references(conn, &row).await?;
            Ok(catalogs::update(conn, &row).await?)
        });
    Ok(answer(row.await?))
}

/// Locks a catalog that the caller may write.
///
/// # Errors
/// 404 when there is none, 403 when it is of a region of others.
pub async fn locked(
    conn: &mut TenantConn,
    tenant: &Tenant<may::CatalogWrite>,
    id: Uuid,
) -> Result<CatalogRow, PricingError> {
    let row = catalogs::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let needed = write_permission(row.region.as_deref());
    tenant.caller.identity.require(needed)?;
    Ok(row)
}

/// Refuses to change what was put away for good.
///
/// # Errors
/// 409 when the catalog is archived.
pub fn refuse_archived(row: &CatalogRow) -> Result<(), PricingError> {
    if row.status != "archived" {
        return Ok(());
    }
    Err(Problem::new(INVALID_TRANSITION)
        .detail("The catalog is archived.")
        .with("current_status", "archived")
        .with("allowed", [] as [&str; 0])
        .into())
}

/// Puts a catalog into use.
#[utoipa::path(post, path = "/api/pricing/v1/catalogs/{id}/activate", tag = "catalogs", security(("token" = ["catalog:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The active catalog.", body = CatalogView)))]
pub async fn activate_catalog(
    tenant: Tenant<may::CatalogWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CatalogCommand::Activate).await
}

/// Takes a catalog out of use.
#[utoipa::path(post, path = "/api/pricing/v1/catalogs/{id}/deactivate", tag = "catalogs", security(("token" = ["catalog:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The inactive catalog.", body = CatalogView)))]
pub async fn deactivate_catalog(
    tenant: Tenant<may::CatalogWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CatalogCommand::Deactivate).await
}

/// Puts a catalog away for good. Its code stays taken.
#[utoipa::path(post, path = "/api/pricing/v1/catalogs/{id}/archive", tag = "catalogs", security(("token" = ["catalog:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The archived catalog.", body = CatalogView)))]
pub async fn archive_catalog(
    tenant: Tenant<may::CatalogWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CatalogCommand::Archive).await
}

async fn move_on(
    tenant: Tenant<may::CatalogWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    step: CatalogCommand,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, PricingError> {
            let mut row = locked(conn, &tenant, id).await?;
            seen.check(row.version)?;
            step.apply(&row.status)?.clone_into(&mut row.status);
            Ok(answer(catalogs::update(conn, &row).await?))
        },
    )
    .await
}

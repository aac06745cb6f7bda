//! Where companies are: to which address goods and invoices go, from which catalog it buys, and why no tax is due.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{code_form, optional_code};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PartId, PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::addresses::PostalAddress;
use super::companies::check_open;
use crate::State;
use crate::domain::now;
use crate::error::CustomerError;
use crate::store::companies;
use crate::store::locations::{self, LocationRow};

/// Why no tax is due at a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxExemption {
    /// The number of the certificate.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "EX-2026-0815")]
    certificate: String,
    /// The first day on which it counts.
    #[garde(skip)]
    valid_from: NaiveDate,
    /// The last.
    #[garde(skip)]
    valid_until: NaiveDate,
}

impl TaxExemption {
    /// Whether it counts on a day.
    pub fn counts_on(&self, day: NaiveDate) -> bool {
        (self.valid_from..=self.valid_until).contains(&day)
    }
}

fn check_exemption(exemption: Option<&TaxExemption>) -> Result<(), CustomerError> {
    let is_backwards = exemption.is_some_and(|one| one.valid_until < one.valid_from);
    if is_backwards {
        let place = "/tax_exemption/valid_until";
        return Err(FieldProblem::new(place, "range", "must not be before valid_from").into());
    }
    Ok(())
}

/// A location of a company.
#[derive(Debug, Serialize, ToSchema)]
pub struct LocationView {
    id: Uuid,
    company_id: Uuid,
    name: String,
    address: PostalAddress,
    /// The catalog that it buys from; the one of its country and segment where null.
    catalog: Option<String>,
    /// Whether it counts today shows in the context of a buyer.
    pub tax_exemption: Option<TaxExemption>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn exemption_of(row: &LocationRow) -> Option<TaxExemption> {
    Some(TaxExemption {
        certificate: row.exemption_certificate.clone()?,
        valid_from: row.exemption_from?,
        valid_until: row.exemption_until?,
    })
}

fn put_exemption(row: &mut LocationRow, exemption: Option<TaxExemption>) {
    let parts = exemption.map(|one| (one.certificate, one.valid_from, one.valid_until));
    row.exemption_certificate = parts
        .as_ref()
        .map(|(certificate, _, _)| certificate.clone());
    row.exemption_from = parts.as_ref().map(|(_, from, _)| *from);
    row.exemption_until = parts.map(|(_, _, until)| until);
}

/// Shows a location.
///
/// # Errors
/// When its address cannot be read.
pub fn view(row: LocationRow) -> Result<LocationView, CustomerError> {
    use averis_service_kit::problem::codes::INTERNAL;
    let address = serde_json::from_value(row.address.clone());
    let address = address.map_err(|error| Problem::new(INTERNAL).because(error))?;
    Ok(LocationView {
        tax_exemption: exemption_of(&row),
        address,
        id: row.id,
        company_id: row.company_id,
        name: row.name,
        catalog: row.catalog,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn answer(row: LocationRow) -> Result<Reply, CustomerError> {
    let version = row.version;
    Ok(Reply::ok(&view(row)?).version(version))
}

/// A location to be entered.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLocation {
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Warehouse Berlin")]
    name: String,
    #[garde(dive)]
    address: PostalAddress,
    #[garde(custom(optional_code))]
    catalog: Option<String>,
    #[garde(dive)]
    tax_exemption: Option<TaxExemption>,
}

/// Enters a location of a company.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/locations", tag = "companies", security(("token" = ["company:write"])),
    request_body = CreateLocation, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The location.", body = LocationView)))]
pub async fn create_location(
    tenant: Tenant<may::CompanyWrite>,
    PathId(company): PathId,
    post: Post<CreateLocation>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_exemption(body.tax_exemption.as_ref())?;
    let now = now();
    let mut row = LocationRow {
        id: Uuid::now_v7(),
        company_id: company,
        name: body.name.clone(),
        address: json!(body.address),
        catalog: body.catalog.clone(),
        exemption_certificate: None,
        exemption_from: None,
        exemption_until: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    put_exemption(&mut row, body.tax_exemption.clone());
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let of = companies::lock(conn, company).await?;
            check_open(&of.ok_or_else(Problem::not_found)?)?;
            locations::insert(conn, &row).await?;
            let place = format!("/api/customer/v1/companies/{company}/locations/{}", row.id);
            Ok(Reply::created(place, &view(row.clone())?).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListLocations {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the locations of a company by age.
#[utoipa::path(get, path = "/api/customer/v1/companies/{id}/locations", tag = "companies", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path), ListLocations),
    responses((status = 200, description = "A page of locations.", body = Page<LocationView>)))]
pub async fn list_locations(
    tenant: Tenant<may::CustomerRead>,
    state: Data<State>,
    PathId(company): PathId,
    query: Query<ListLocations>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} locations {company}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let of = companies::find(conn, company).await?;
        of.ok_or_else(Problem::not_found)?;
        Ok(locations::list(conn, company, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.try_map(view)?))
}

/// What of a location may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateLocation {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    /// Replaces the address as a whole.
    #[garde(dive)]
    #[serde(default, deserialize_with = "not_null")]
    address: Option<PostalAddress>,
    #[serde(default)]
    #[garde(custom(catalog_form))]
    #[schema(value_type = Option<String>)]
    catalog: Patch<String>,
    /// Replaces the exemption as a whole.
    #[serde(default)]
    #[garde(custom(exemption_form))]
    #[schema(value_type = Option<TaxExemption>)]
    tax_exemption: Patch<TaxExemption>,
}

fn catalog_form(patch: &Patch<String>, context: &()) -> garde::Result {
    patch
        .value()
        .map_or(Ok(()), |code| code_form(code, context))
}

fn exemption_form(patch: &Patch<TaxExemption>, _: &()) -> garde::Result {
    let wrong = patch
        .value()
        .and_then(|exemption| exemption.validate().err());
    match wrong {
        Some(report) => Err(garde::Error::new(report.to_string())),
        None => Ok(()),
    }
}

/// Changes a location.
#[utoipa::path(patch, path = "/api/customer/v1/companies/{id}/locations/{part_id}", tag = "companies", security(("token" = ["company:write"])),
    request_body = UpdateLocation, params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed location.", body = LocationView)))]
pub async fn update_location(
    tenant: Tenant<may::CompanyWrite>,
    ids: PartId,
    seen: SeenVersion,
    patch: MergePatch<UpdateLocation>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    check_exemption(patch.tax_exemption.value())?;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let mut row = locked(conn, ids, seen).await?;
            row.name = patch.name.clone().unwrap_or(row.name);
            row.address = patch
                .address
                .as_ref()
                .map_or(row.address.clone(), |one| json!(one));
            patch.catalog.clone().apply(&mut row.catalog);
            let mut exemption = exemption_of(&row);
            patch.tax_exemption.clone().apply(&mut exemption);
            put_exemption(&mut row, exemption);
            Ok(locations::update(conn, &row).await?)
        });
    Ok(answer(row.await?)?)
}

/// Removes a location.
#[utoipa::path(delete, path = "/api/customer/v1/companies/{id}/locations/{part_id}", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The location is gone.")))]
pub async fn delete_location(
    tenant: Tenant<may::CompanyWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let row = locked(conn, ids, seen).await?;
            Ok(locations::delete(conn, row.id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

async fn locked(
    conn: &mut TenantConn,
    ids: PartId,
    seen: SeenVersion,
) -> Result<LocationRow, CustomerError> {
    let row = locations::lock(conn, ids.id, ids.part).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

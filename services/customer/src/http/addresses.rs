//! Addresses of customers.

use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::Page;
use averis_service_kit::forms::country_form;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, Problem};
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

use super::customers::{line_of, live};
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::addresses::{self, AddressRow};
use crate::store::customers;

/// Addresses of one customer.
const MOST: i64 = 50;

/// An address.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddressView {
    id: Uuid,
    customer_id: Uuid,
    /// Who is to be found there.
    name: String,
    /// Street and whatever else the post needs, 1 to 4 lines.
    lines: Vec<String>,
    city: String,
    region: Option<String>,
    postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE")]
    country: String,
    /// Whether goods may go there.
    is_shipping: bool,
    /// Whether invoices may go there.
    is_billing: bool,
    /// When somebody found that the post delivers there; null again when it changes.
    validated_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<AddressRow> for AddressView {
    fn from(row: AddressRow) -> Self {
        Self {
            id: row.id,
            customer_id: row.customer_id,
            name: row.name,
            lines: row.lines,
            city: row.city,
            region: row.region,
            postal_code: row.postal_code,
            country: row.country,
            is_shipping: row.is_shipping,
            is_billing: row.is_billing,
            validated_at: row.validated_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An address as somebody enters it.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Ana Lima")]
    name: String,
    #[garde(length(min = 1, max = 4), custom(lines_form))]
    #[schema(example = json!(["Torstr. 1"]))]
    lines: Vec<String>,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Berlin")]
    city: String,
    #[garde(length(chars, max = 100), inner(custom(one_line)))]
    region: Option<String>,
    #[garde(length(chars, max = 20), inner(custom(one_line)))]
    #[schema(example = "10119")]
    postal_code: Option<String>,
    #[garde(custom(country_form))]
    #[schema(example = "DE")]
    country: String,
    #[serde(default = "yes")]
    #[garde(skip)]
    is_shipping: bool,
    #[serde(default = "yes")]
    #[garde(skip)]
    is_billing: bool,
}

const fn yes() -> bool {
    true
}

fn lines_form(lines: &[String], context: &()) -> garde::Result {
    for line in lines {
        if !(1..=200).contains(&line.chars().count()) {
            return Err(garde::Error::new("each line must be 1 to 200 characters"));
        }
        one_line(line, context)?;
    }
    Ok(())
}

impl PostalAddress {
    fn row(self, customer: Uuid) -> AddressRow {
        let now = now();
        AddressRow {
            id: Uuid::now_v7(),
            customer_id: customer,
            name: self.name,
            lines: self.lines,
            city: self.city,
            region: self.region,
            postal_code: self.postal_code,
            country: self.country,
            is_shipping: self.is_shipping,
            is_billing: self.is_billing,
            version: 1,
            created_at: now,
            updated_at: now,
            validated_at: None,
        }
    }
}

/// Keeps an address of a customer, whose row the transaction holds.
///
/// # Errors
/// 409 when it has too many.
pub async fn keep(
    conn: &mut TenantConn,
    customer: Uuid,
    address: PostalAddress,
) -> Result<AddressView, CustomerError> {
    if addresses::count(conn, customer).await? >= MOST {
        return Err(Problem::new(codes::TOO_MANY_ADDRESSES).into());
    }
    let row = address.row(customer);
    addresses::insert(conn, &row).await?;
    Ok(row.into())
}

/// Keeps an address of a customer.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/addresses", tag = "customers", security(("token" = ["customer:write"])),
    request_body = PostalAddress, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The address.", body = AddressView)))]
pub async fn create_address(
    tenant: Tenant<may::CustomerWrite>,
    PathId(id): PathId,
    post: Post<PostalAddress>,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            live(conn, id).await?;
            let view = keep(conn, id, post.body.clone()).await?;
            let location = format!("/api/customer/v1/customers/{id}/addresses/{}", view.id);
            Ok(Reply::created(location, &view).version(1))
        },
    )
    .await
}

/// Lists the addresses of a customer by age.
#[utoipa::path(get, path = "/api/customer/v1/customers/{id}/addresses", tag = "customers", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The addresses.", body = Page<AddressView>)))]
pub async fn list_addresses(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        customers::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(addresses::list(conn, id).await?)
    });
    Ok(Reply::ok(&Page {
        data: rows.await?.into_iter().map(AddressView::from).collect(),
        next_cursor: None,
    }))
}

/// What of an address may be changed: a merge patch.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAddress {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    #[garde(inner(length(min = 1, max = 4), custom(lines_form)))]
    #[serde(default, deserialize_with = "not_null")]
    lines: Option<Vec<String>>,
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    city: Option<String>,
    #[serde(default)]
    #[garde(custom(region_form))]
    #[schema(value_type = Option<String>)]
    region: Patch<String>,
    #[serde(default)]
    #[garde(custom(postal_code_form))]
    #[schema(value_type = Option<String>)]
    postal_code: Patch<String>,
    #[garde(inner(custom(country_form)))]
    #[serde(default, deserialize_with = "not_null")]
    country: Option<String>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    is_shipping: Option<bool>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    is_billing: Option<bool>,
}

fn region_form(patch: &Patch<String>, context: &()) -> garde::Result {
    line_of(patch, 100, context)
}

fn postal_code_form(patch: &Patch<String>, context: &()) -> garde::Result {
    line_of(patch, 20, context)
}

/// What of an address the post goes by.
fn place(row: &AddressRow) -> (&[String], &str, &Option<String>, &Option<String>, &str) {
    (
        &row.lines,
        &row.city,
        &row.region,
        &row.postal_code,
        &row.country,
    )
}

impl UpdateAddress {
    fn apply(&self, row: &mut AddressRow) {
        let patch = self.clone();
        let before = row.clone();
        row.name = patch.name.unwrap_or_else(|| row.name.clone());
        row.lines = patch.lines.unwrap_or_else(|| row.lines.clone());
        row.city = patch.city.unwrap_or_else(|| row.city.clone());
        patch.region.apply(&mut row.region);
        patch.postal_code.apply(&mut row.postal_code);
        row.country = patch.country.unwrap_or_else(|| row.country.clone());
        row.is_shipping = patch.is_shipping.unwrap_or(row.is_shipping);
        row.is_billing = patch.is_billing.unwrap_or(row.is_billing);
        if place(row) != place(&before) {
            row.validated_at = None;
        }
    }
}

/// Changes an address.
#[utoipa::path(patch, path = "/api/customer/v1/customers/{id}/addresses/{part_id}", tag = "customers", security(("token" = ["customer:write"])),
    request_body = UpdateAddress, params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed address.", body = AddressView)))]
pub async fn update_address(
    tenant: Tenant<may::CustomerWrite>,
    ids: PartId,
    seen: SeenVersion,
    patch: MergePatch<UpdateAddress>,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .transaction(async |conn| change(conn, ids.id, ids.part, seen, &patch.0).await);
    Ok(answer(row.await?))
}

/// Shows an address.
pub fn answer(row: AddressRow) -> Reply {
    let version = row.version;
    Reply::ok(&AddressView::from(row)).version(version)
}

/// Changes an address of a customer, as the caller has seen it.
///
/// # Errors
/// 404 when there is none, 412 when it was changed since.
pub async fn change(
    conn: &mut TenantConn,
    customer: Uuid,
    id: Uuid,
    seen: SeenVersion,
    patch: &UpdateAddress,
) -> Result<AddressRow, CustomerError> {
    let mut row = locked(conn, customer, id, seen).await?;
    patch.apply(&mut row);
    Ok(addresses::update(conn, &row).await?)
}

/// Removes an address of a customer, as the caller has seen it.
///
/// # Errors
/// 404 when there is none, 412 when it was changed since.
pub async fn remove(
    conn: &mut TenantConn,
    customer: Uuid,
    id: Uuid,
    seen: SeenVersion,
) -> Result<(), CustomerError> {
    let row = locked(conn, customer, id, seen).await?;
    Ok(addresses::delete(conn, row.id).await?)
}

/// Notes that somebody has found that the post delivers there.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/addresses/{part_id}/validate", tag = "customers", security(("token" = ["customer:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The address.", body = AddressView)))]
pub async fn validate_address(
    tenant: Tenant<may::CustomerWrite>,
    ids: PartId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = locked(conn, ids.id, ids.part, seen).await?;
            let validated = AddressRow {
                validated_at: Some(now()),
                ..row
            };
            Ok(answer(addresses::update(conn, &validated).await?))
        },
    )
    .await
}

/// Removes an address.
#[utoipa::path(delete, path = "/api/customer/v1/customers/{id}/addresses/{part_id}", tag = "customers", security(("token" = ["customer:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The address is gone.")))]
pub async fn delete_address(
    tenant: Tenant<may::CustomerWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| remove(conn, ids.id, ids.part, seen).await)
        .await?;
    Ok(Reply::no_content())
}

async fn locked(
    conn: &mut TenantConn,
    customer: Uuid,
    id: Uuid,
    seen: SeenVersion,
) -> Result<AddressRow, CustomerError> {
    let row = addresses::lock(conn, customer, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

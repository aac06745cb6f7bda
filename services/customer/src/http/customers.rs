//! Customers, as staff sees them.

use actix_web::web::Data;
use averis_identity::emails;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::disclosure::new_customer;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::customers::{
    self, ACTIVE, CustomerFilter, CustomerRow, ERASED, HOT, MERGED, SUSPENDED, WARM,
};
use crate::store::visitors;

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerView {
    id: Uuid,
    #[schema(example = "C-10001")]
    number: String,
    /// `warm`: what somebody says of itself; `hot`: the address is proven. Changed by proof alone.
    disclosure: String,
    /// `active`, `suspended`, `merged` or `erased`.
    status: String,
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    email_verified_at: Option<DateTime<Utc>>,
    given_name: Option<String>,
    family_name: Option<String>,
    phone: Option<String>,
    locale: Option<String>,
    segments: Vec<String>,
    /// Who it was found to be.
    merged_into: Option<Uuid>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<CustomerRow> for CustomerView {
    fn from(row: CustomerRow) -> Self {
        Self {
            id: row.id,
            number: format!("C-{}", row.number),
            disclosure: row.disclosure,
            status: row.status,
            email: row.email,
            email_verified_at: row.email_verified_at,
            given_name: row.given_name,
            family_name: row.family_name,
            phone: row.phone,
            locale: row.locale,
            segments: row.segments,
            merged_into: row.merged_into,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Shows a customer.
pub fn answer(row: CustomerRow) -> Reply {
    let version = row.version;
    Reply::ok(&CustomerView::from(row)).version(version)
}

/// Reads an address of mail.
///
/// # Errors
/// 422 when it is none.
pub fn email_of(text: &str) -> Result<String, CustomerError> {
    emails::normal(text).map_err(|message| FieldProblem::new("/email", "form", message).into())
}

/// Checks segments: each a code.
fn segment_codes(list: &[String], context: &()) -> garde::Result {
    list.iter()
        .try_for_each(|code| averis_service_kit::forms::code_form(code, context))
}

/// A customer to be entered by staff. Its address is not proven by that.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCustomer {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    given_name: Option<String>,
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    family_name: Option<String>,
    #[garde(length(chars, min = 1, max = 50), inner(custom(one_line)))]
    phone: Option<String>,
    #[garde(length(chars, min = 1, max = 10), inner(custom(one_line)))]
    #[schema(example = "de_DE")]
    locale: Option<String>,
    #[serde(default)]
    #[garde(length(max = 50), custom(segment_codes))]
    segments: Vec<String>,
}

/// Enters a customer.
#[utoipa::path(post, path = "/api/customer/v1/customers", tag = "customers", security(("token" = ["customer:write"])), request_body = CreateCustomer,
    responses((status = 201, description = "The customer.", body = CustomerView)))]
pub async fn create_customer(
    tenant: Tenant<may::CustomerWrite>,
    post: Post<CreateCustomer>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let email = body.email.as_deref().map(email_of).transpose()?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = CustomerRow {
                email: email.clone(),
                given_name: body.given_name.clone(),
                family_name: body.family_name.clone(),
                phone: body.phone.clone(),
                locale: body.locale.clone(),
                segments: body.segments.clone(),
                entered_by_staff: true,
                ..new_customer(conn, now()).await?
            };
            customers::insert(conn, &row).await?;
            let location = format!("/api/customer/v1/customers/{}", row.id);
            Ok(Reply::created(location, &CustomerView::from(row)).version(1))
        },
    )
    .await
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListCustomers {
    /// Who have this address, proven or not.
    email: Option<String>,
    /// `active`, `suspended`, `merged` or `erased`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// `warm` or `hot`.
    #[param(value_type = Option<String>)]
    disclosure: Option<Disclosure>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Where a customer is in its life.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Active,
    Suspended,
    Merged,
    Erased,
}

/// How much is known of a customer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disclosure {
    Warm,
    Hot,
}

/// Lists customers by age.
#[utoipa::path(get, path = "/api/customer/v1/customers", tag = "customers", security(("token" = ["customer:read"])), params(ListCustomers),
    responses((status = 200, description = "A page of customers.", body = Page<CustomerView>)))]
pub async fn list_customers(
    tenant: Tenant<may::CustomerRead>,
    state: Data<State>,
    query: Query<ListCustomers>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let filter = CustomerFilter {
        email: query.email.as_deref().map(email_of).transpose()?,
        status: query.status.map(|status| match status {
            Status::Active => ACTIVE,
            Status::Suspended => SUSPENDED,
            Status::Merged => MERGED,
            Status::Erased => ERASED,
        }),
        disclosure: query.disclosure.map(|disclosure| match disclosure {
            Disclosure::Warm => WARM,
            Disclosure::Hot => HOT,
        }),
    };
    let list = format!("{} customers {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        Ok(customers::list(conn, &filter, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(CustomerView::from)))
}

/// Reads a customer.
#[utoipa::path(get, path = "/api/customer/v1/customers/{id}", tag = "customers", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The customer.", body = CustomerView)))]
pub async fn get_customer(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, CustomerError> { Ok(customers::find(conn, id).await?) });
    row.await?.map(answer).ok_or_else(Problem::not_found)
}

/// What of a customer may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCustomer {
    /// One that is proven stays, until another is proven.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<String>)]
    email: Patch<String>,
    #[serde(default)]
    #[garde(custom(short_line))]
    #[schema(value_type = Option<String>)]
    given_name: Patch<String>,
    #[serde(default)]
    #[garde(custom(short_line))]
    #[schema(value_type = Option<String>)]
    family_name: Patch<String>,
    #[serde(default)]
    #[garde(custom(phone_form))]
    #[schema(value_type = Option<String>)]
    phone: Patch<String>,
    #[serde(default)]
    #[garde(custom(locale_form))]
    #[schema(value_type = Option<String>)]
    locale: Patch<String>,
    #[garde(inner(length(max = 50), custom(segment_codes)))]
    #[serde(default, deserialize_with = "not_null")]
    segments: Option<Vec<String>>,
}

/// Checks a text of one line, where there is one: not empty, and of at most so many characters.
///
/// # Errors
/// What is wrong with it.
pub fn line_of(patch: &Patch<String>, most: usize, context: &()) -> garde::Result {
    let Some(text) = patch.value() else {
        return Ok(());
    };
    if !(1..=most).contains(&text.chars().count()) {
        return Err(garde::Error::new(format!("must be 1 to {most} characters")));
    }
    one_line(text, context)
}

fn short_line(patch: &Patch<String>, context: &()) -> garde::Result {
    line_of(patch, 200, context)
}

fn phone_form(patch: &Patch<String>, context: &()) -> garde::Result {
    line_of(patch, 50, context)
}

fn locale_form(patch: &Patch<String>, context: &()) -> garde::Result {
    line_of(patch, 10, context)
}

/// Changes a customer.
#[utoipa::path(patch, path = "/api/customer/v1/customers/{id}", tag = "customers", security(("token" = ["customer:write"])),
    request_body = UpdateCustomer, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed customer.", body = CustomerView)))]
pub async fn update_customer(
    tenant: Tenant<may::CustomerWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateCustomer>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let email = patch.email.clone().try_map(|text| email_of(&text))?;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let mut row = live(conn, id).await?;
            seen.check(row.version)?;
            let before = row.email.clone();
            email.clone().apply(&mut row.email);
            if row.disclosure == HOT && row.email != before {
                return Err(Problem::new(codes::EMAIL_PROVEN).into());
            }
            patch.given_name.clone().apply(&mut row.given_name);
            patch.family_name.clone().apply(&mut row.family_name);
            patch.phone.clone().apply(&mut row.phone);
            patch.locale.clone().apply(&mut row.locale);
            row.segments = patch.segments.clone().unwrap_or(row.segments);
            Ok(customers::update(conn, &row).await?)
        });
    Ok(answer(row.await?))
}

/// Locks a customer who is not gone.
///
/// # Errors
/// 404 when there is none, 409 when it was merged or erased.
pub async fn live(conn: &mut TenantConn, id: Uuid) -> Result<CustomerRow, CustomerError> {
    let row = customers::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if row.status == MERGED || row.status == ERASED {
        return Err(Problem::new(codes::CUSTOMER_GONE).into());
    }
    Ok(row)
}

/// Ends that anybody is taken for the customer: whoever is, proves it again. The same again changes nothing.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/sign-out", tag = "customers", security(("token" = ["customer:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The customer.", body = CustomerView)))]
pub async fn sign_customer_out(
    tenant: Tenant<may::CustomerWrite>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = live(conn, id).await?;
            visitors::unlink_all(conn, id, None).await?;
            Ok(answer(row))
        },
    )
    .await
}

/// Locks a customer whom a body names, and who is not gone.
///
/// # Errors
/// 422 when there is none, 409 when it was merged or erased.
pub async fn named(conn: &mut TenantConn, id: Uuid) -> Result<CustomerRow, CustomerError> {
    live(conn, id).await.map_err(|error| match error {
        CustomerError::Problem(problem) if problem.code().status == 404 => {
            Problem::new(codes::UNKNOWN_CUSTOMER).into()
        }
        other => other,
    })
}

/// Keeps a customer from acting.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/suspend", tag = "customers", security(("token" = ["customer:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The suspended customer.", body = CustomerView)))]
pub async fn suspend_customer(
    tenant: Tenant<may::CustomerWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ("suspend", ACTIVE, SUSPENDED)).await
}

/// Lets a suspended customer act again.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/resume", tag = "customers", security(("token" = ["customer:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The active customer.", body = CustomerView)))]
pub async fn resume_customer(
    tenant: Tenant<may::CustomerWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ("resume", SUSPENDED, ACTIVE)).await
}

async fn move_on(
    tenant: Tenant<may::CustomerWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    (name, from, to): (&'static str, &'static str, &'static str),
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let mut row = live(conn, id).await?;
            seen.check(row.version)?;
            if row.status != from {
                let allowed = if row.status == ACTIVE {
                    "suspend"
                } else {
                    "resume"
                };
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail(format!(
                        "There is no {name} for a customer that is {}.",
                        row.status
                    ))
                    .with("current_status", row.status)
                    .with("allowed", [allowed])
                    .into());
            }
            to.clone_into(&mut row.status);
            Ok(answer(customers::update(conn, &row).await?))
        },
    )
    .await
}

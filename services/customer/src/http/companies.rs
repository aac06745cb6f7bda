//! Companies.

use actix_web::web::Data;
use averis_contracts::customer::{CustomerState, kinds};
use averis_money::Money;
use averis_outbox::publish;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{code_form, optional_code};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{TenantKey, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::line_of;
use super::tax_ids::numbers_of;
use crate::State;
use crate::domain::companies::CompanyCommand;
use crate::domain::money::stored_if;
use crate::domain::now;
use crate::domain::tax_ids::{TaxId, all_valid, replaced, stored};
use crate::error::{CustomerError, codes};
use crate::store::companies::{self, CompanyRow};

/// A company.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyView {
    id: Uuid,
    name: String,
    registration_number: Option<String>,
    /// The company to which it belongs. It inherits nothing from it.
    parent_id: Option<Uuid>,
    /// At most one of a country.
    tax_ids: Vec<TaxId>,
    /// `pending`, `approved`, `suspended` or `closed`; changed by commands only.
    status: String,
    /// Whose prices it gets.
    segment: Option<String>,
    /// Days within which it pays; 0 is at once.
    payment_days: i32,
    /// What it may owe at once; nothing on account where null.
    #[schema(value_type = Option<MoneySchema>)]
    credit_limit: Option<Money>,
    /// What of it is held or owed.
    #[schema(value_type = Option<MoneySchema>)]
    credit_used: Option<Money>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Shows a company.
///
/// # Errors
/// When its currency is none any more.
pub fn view(row: CompanyRow) -> Result<CompanyView, CustomerError> {
    let money = |amount| stored_if(amount, row.credit_currency.as_deref());
    Ok(CompanyView {
        credit_limit: money(row.credit_limit)?,
        credit_used: money(row.credit_limit.map(|_| row.credit_used))?,
        tax_ids: stored(&row.tax_ids)?,
        id: row.id,
        name: row.name,
        registration_number: row.registration_number,
        parent_id: row.parent_id,
        status: row.status,
        segment: row.segment,
        payment_days: row.payment_days,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Shows a company with its version.
///
/// # Errors
/// Those of [`view`].
pub fn answer(row: CompanyRow) -> Result<Reply, CustomerError> {
    let version = row.version;
    Ok(Reply::ok(&view(row)?).version(version))
}

/// A company to be entered.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCompany {
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Lima Trading GmbH")]
    name: String,
    #[garde(length(chars, min = 1, max = 100), inner(custom(one_line)))]
    registration_number: Option<String>,
    /// To which it belongs.
    #[garde(skip)]
    parent_id: Option<Uuid>,
    /// VAT ids, each of the form of its country and none of the same; spaces, dots and hyphens do not matter.
    #[serde(default)]
    #[garde(length(max = 30))]
    #[schema(example = json!(["DE136695976"]))]
    tax_ids: Vec<String>,
    #[garde(custom(optional_code))]
    segment: Option<String>,
    #[serde(default)]
    #[garde(range(min = 0, max = 365))]
    payment_days: i32,
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    credit_limit: Option<Money>,
}

fn check_limit(limit: Option<&Money>) -> Result<(), CustomerError> {
    if limit.is_some_and(Money::is_negative) {
        return Err(FieldProblem::new("/credit_limit", "range", "must not be negative").into());
    }
    Ok(())
}

/// Enters a company. It buys once it is approved.
#[utoipa::path(post, path = "/api/customer/v1/companies", tag = "companies", security(("token" = ["company:write"])), request_body = CreateCompany,
    responses((status = 201, description = "The pending company.", body = CompanyView)))]
pub async fn create_company(
    tenant: Tenant<may::CompanyWrite>,
    post: Post<CreateCompany>,
) -> ApiResult<Reply> {
    let body = post.body;
    check_limit(body.credit_limit.as_ref())?;
    let numbers = numbers_of(&body.tax_ids)?;
    let now = now();
    let row = CompanyRow {
        id: Uuid::now_v7(),
        name: body.name,
        registration_number: body.registration_number,
        parent_id: body.parent_id,
        tax_ids: json!(replaced(&[], numbers)),
        status: "pending".to_owned(),
        segment: body.segment,
        payment_days: body.payment_days,
        credit_limit: body.credit_limit.map(|money| money.amount()),
        credit_currency: body
            .credit_limit
            .map(|money| money.currency().code().to_owned()),
        credit_used: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            companies::insert(conn, &row).await?;
            let location = format!("/api/customer/v1/companies/{}", row.id);
            Ok(Reply::created(location, &view(row.clone())?).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListCompanies {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists companies by age.
#[utoipa::path(get, path = "/api/customer/v1/companies", tag = "companies", security(("token" = ["customer:read"])), params(ListCompanies),
    responses((status = 200, description = "A page of companies.", body = Page<CompanyView>)))]
pub async fn list_companies(
    tenant: Tenant<may::CustomerRead>,
    state: Data<State>,
    query: Query<ListCompanies>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} companies", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        Ok(companies::list(conn, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.try_map(view)?))
}

/// Reads a company.
#[utoipa::path(get, path = "/api/customer/v1/companies/{id}", tag = "companies", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The company.", body = CompanyView)))]
pub async fn get_company(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, CustomerError> { Ok(companies::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    Ok(answer(row)?)
}

/// What of a company may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCompany {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    /// Another one is another company's until it is looked at: an approved company is pending again.
    #[serde(default)]
    #[garde(custom(registration_form))]
    #[schema(value_type = Option<String>)]
    registration_number: Patch<String>,
    /// None that belongs to this one.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<Uuid>)]
    parent_id: Patch<Uuid>,
    /// All of them. One that is new is not checked yet, and an approved company is pending again.
    #[garde(inner(length(max = 30)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = json!(["DE136695976", "ATU12345678"]))]
    tax_ids: Option<Vec<String>>,
    #[serde(default)]
    #[garde(custom(segment_form))]
    #[schema(value_type = Option<String>)]
    segment: Patch<String>,
    #[garde(range(min = 0, max = 365))]
    #[serde(default, deserialize_with = "not_null")]
    payment_days: Option<i32>,
    /// Never below what is used; its currency changes only while nothing is.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    credit_limit: Patch<Money>,
}

fn registration_form(patch: &Patch<String>, context: &()) -> garde::Result {
    line_of(patch, 100, context)
}

fn segment_form(patch: &Patch<String>, context: &()) -> garde::Result {
    patch
        .value()
        .map_or(Ok(()), |text| code_form(text, context))
}

/// Changes a company.
#[utoipa::path(patch, path = "/api/customer/v1/companies/{id}", tag = "companies", security(("token" = ["company:write"])),
    request_body = UpdateCompany, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed company.", body = CompanyView)))]
pub async fn update_company(
    tenant: Tenant<may::CompanyWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateCompany>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    check_limit(patch.credit_limit.value())?;
    let numbers = patch.tax_ids.as_deref().map(numbers_of).transpose()?;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let mut row = open(conn, id, seen).await?;
            row.name = patch.name.clone().unwrap_or(row.name);
            let registered_as = row.registration_number.clone();
            patch
                .registration_number
                .clone()
                .apply(&mut row.registration_number);
            let mut is_another = row.registration_number != registered_as;
            if let Some(numbers) = &numbers {
                let before = stored(&row.tax_ids)?;
                let after = replaced(&before, numbers.clone());
                is_another |= after.iter().any(|id| !before.contains(id));
                row.tax_ids = json!(after);
            }
            if let Patch::Value(parent) = patch.parent_id {
                check_parent(conn, &tenant.context.key, id, parent).await?;
            }
            patch.parent_id.clone().apply(&mut row.parent_id);
            if is_another && row.status == "approved" {
                "pending".clone_into(&mut row.status);
            }
            patch.segment.clone().apply(&mut row.segment);
            row.payment_days = patch.payment_days.unwrap_or(row.payment_days);
            match &patch.credit_limit {
                Patch::Absent => {}
                Patch::Null => {
                    row.credit_limit = None;
                    row.credit_currency = None;
                }
                Patch::Value(limit) => {
                    let code = limit.currency().code().to_owned();
                    let changes = row.credit_currency.as_ref().is_some_and(|own| *own != code);
                    if changes && row.credit_used > 0 {
                        return Err(Problem::new(codes::CREDIT_IN_USE).into());
                    }
                    row.credit_limit = Some(limit.amount());
                    row.credit_currency = Some(code);
                }
            }
            if row.credit_used > row.credit_limit.unwrap_or_default() {
                return Err(Problem::new(codes::CREDIT_IN_USE).into());
            }
            Ok(companies::update(conn, &row).await?)
        });
    Ok(answer(row.await?)?)
}

/// Refuses a company that belongs to this one already, or is it.
async fn check_parent(
    conn: &mut TenantConn,
    tenant: &TenantKey,
    id: Uuid,
    parent: Uuid,
) -> Result<(), CustomerError> {
    // Two that become each other's at the same time would each find nothing.
    lock_name(conn, tenant, "parents of companies", "").await?;
    let mut above = Some(parent);
    while let Some(one) = above {
        if one == id {
            let message = "must not belong to the company itself";
            return Err(FieldProblem::new("/parent_id", "circle", message).into());
        }
        above = companies::parent_of(conn, one).await?;
    }
    Ok(())
}

async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<CompanyRow, CustomerError> {
    let row = companies::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Locks a company that is not closed, as the caller has seen it.
///
/// # Errors
/// 404 when there is none, 409 when it is closed, 412 when it was changed since.
pub async fn open(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<CompanyRow, CustomerError> {
    let row = locked(conn, id, seen).await?;
    check_open(&row)?;
    Ok(row)
}

/// Refuses what a closed company does not take.
///
/// # Errors
/// 409 when it is closed.
pub fn check_open(row: &CompanyRow) -> Result<(), Problem> {
    if row.status == "closed" {
        return Err(Problem::new(codes::COMPANY_CLOSED));
    }
    Ok(())
}

/// Lets a company buy. Its tax ids, if it has any, were found to be valid.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/approve", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The approved company.", body = CompanyView)))]
pub async fn approve_company(
    tenant: Tenant<may::CompanyWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CompanyCommand::Approve).await
}

/// Keeps a company from buying.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/suspend", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The suspended company.", body = CompanyView)))]
pub async fn suspend_company(
    tenant: Tenant<may::CompanyWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CompanyCommand::Suspend).await
}

/// Lets a suspended company buy again.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/resume", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The approved company.", body = CompanyView)))]
pub async fn resume_company(
    tenant: Tenant<may::CompanyWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CompanyCommand::Resume).await
}

/// Ends business with a company that owes nothing.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/close", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The closed company.", body = CompanyView)))]
pub async fn close_company(
    tenant: Tenant<may::CompanyWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, CompanyCommand::Close).await
}

async fn move_on(
    tenant: Tenant<may::CompanyWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    step: CompanyCommand,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let mut row = locked(conn, id, seen).await?;
            step.apply(&row.status)?.clone_into(&mut row.status);
            if step == CompanyCommand::Approve && !all_valid(&stored(&row.tax_ids)?) {
                return Err(Problem::new(codes::TAX_ID_NOT_VALID).into());
            }
            if step == CompanyCommand::Close && row.credit_used > 0 {
                return Err(Problem::new(codes::CREDIT_IN_USE).into());
            }
            let row = companies::update(conn, &row).await?;
            if step == CompanyCommand::Approve {
                let state = CustomerState {
                    version: row.version,
                    from_id: None,
                };
                publish(conn, kinds::COMPANY_APPROVED, row.id, &state).await?;
            }
            answer(row)
        },
    )
    .await
}

//! Whom a tenant buys from, and by which rules.

use actix_web::web::Data;
use averis_money::{Decimal, Money, millionths, rate_of_millionths};
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::code_form;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{NoParameters, PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ledger::currency;
use crate::State;
use crate::domain::now;
use crate::error::ErpError;
use crate::store::ledger;
use crate::store::suppliers::{self, RulesRow, SupplierRow};

/// Whom the tenant buys from.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupplierView {
    id: Uuid,
    #[schema(example = "LAMPS")]
    code: String,
    #[schema(example = "Lamps Ltd.")]
    name: String,
    #[schema(example = "orders@lamps.example")]
    contact: Option<String>,
    /// Days within which its bills are paid.
    payment_days: i32,
    /// Whether anything is ordered from it.
    active: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<SupplierRow> for SupplierView {
    fn from(row: SupplierRow) -> Self {
        let SupplierRow {
            id,
            code,
            name,
            contact,
            payment_days,
            active,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            code,
            name,
            contact,
            payment_days,
            active,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A supplier to be entered.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSupplier {
    #[garde(custom(code_form))]
    #[schema(example = "LAMPS")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Lamps Ltd.")]
    name: String,
    /// Who is written to.
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    #[schema(example = "orders@lamps.example")]
    contact: Option<String>,
    /// Days within which its bills are paid; 0 is at once.
    #[serde(default)]
    #[garde(range(min = 0, max = 365))]
    payment_days: i32,
}

/// Enters a supplier.
#[utoipa::path(post, path = "/api/erp/v1/suppliers", tag = "purchasing", security(("token" = ["purchase:write"])),
    request_body = CreateSupplier, responses((status = 201, description = "The supplier.", body = SupplierView)))]
pub async fn create_supplier(
    tenant: Tenant<may::PurchaseWrite>,
    post: Post<CreateSupplier>,
) -> ApiResult<Reply> {
    let body = post.body;
    let at = now();
    let row = SupplierRow {
        id: Uuid::now_v7(),
        code: body.code,
        name: body.name,
        contact: body.contact,
        payment_days: body.payment_days,
        active: true,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            suppliers::insert(conn, &row).await?;
            let location = format!("/api/erp/v1/suppliers/{}", row.id);
            Ok(Reply::created(location, &SupplierView::from(row.clone())).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListSuppliers {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists suppliers by age.
#[utoipa::path(get, path = "/api/erp/v1/suppliers", tag = "purchasing", security(("token" = ["purchase:read"])), params(ListSuppliers),
    responses((status = 200, description = "A page of suppliers.", body = Page<SupplierView>)))]
pub async fn list_suppliers(
    tenant: Tenant<may::PurchaseRead>,
    state: Data<State>,
    query: Query<ListSuppliers>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} suppliers", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, ErpError> {
        Ok(suppliers::list(conn, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(SupplierView::from)))
}

/// Reads a supplier.
#[utoipa::path(get, path = "/api/erp/v1/suppliers/{id}", tag = "purchasing", security(("token" = ["purchase:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The supplier.", body = SupplierView)))]
pub async fn get_supplier(
    tenant: Tenant<may::PurchaseRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, ErpError> {
        Ok(suppliers::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?)
    });
    let row = found.await?;
    let version = row.version;
    Ok(Reply::ok(&SupplierView::from(row)).version(version))
}

/// What of a supplier may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSupplier {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "Lamps Ltd.")]
    name: Option<String>,
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "orders@lamps.example")]
    contact: Option<String>,
    #[garde(range(min = 0, max = 365))]
    #[serde(default, deserialize_with = "not_null")]
    payment_days: Option<i32>,
    /// From one that is not active nothing more is ordered. What was ordered still comes.
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    active: Option<bool>,
}

/// Changes a supplier.
#[utoipa::path(patch, path = "/api/erp/v1/suppliers/{id}", tag = "purchasing", security(("token" = ["purchase:write"])),
    request_body = UpdateSupplier, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed supplier.", body = SupplierView)))]
pub async fn update_supplier(
    tenant: Tenant<may::PurchaseWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateSupplier>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let changed = tenant.db.transaction(async |conn| -> Result<_, ErpError> {
        let row = suppliers::lock(conn, id).await?;
        let mut row = row.ok_or_else(Problem::not_found)?;
        seen.check(row.version)?;
        row.name = patch.name.clone().unwrap_or(row.name);
        row.contact = patch.contact.clone().or(row.contact);
        row.payment_days = patch.payment_days.unwrap_or(row.payment_days);
        row.active = patch.active.unwrap_or(row.active);
        Ok(suppliers::update(conn, &row).await?)
    });
    let row = changed.await?;
    let version = row.version;
    Ok(Reply::ok(&SupplierView::from(row)).version(version))
}

/// By which rules the tenant buys.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchasingRules {
    /// An order that comes to more is approved by somebody who has not written it. In the books' currency.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    approval_limit: Money,
    /// How much more may come than was ordered, as a factor: 0.05 is 5 %.
    #[garde(skip)]
    #[schema(value_type = String, example = "0.05")]
    over_receipt: Decimal,
    /// How much more or less may be billed than was to be expected, as a factor, before somebody has to agree to it.
    #[garde(skip)]
    #[schema(value_type = String, example = "0.02")]
    price_difference: Decimal,
}

async fn rules_view(conn: &mut TenantConn) -> Result<PurchasingRules, ErpError> {
    let row = suppliers::rules(conn).await?;
    let book = currency(&ledger::currency(conn).await?)?;
    Ok(PurchasingRules {
        approval_limit: Money::new(row.approval_limit, book),
        over_receipt: rate_of_millionths(row.over_receipt),
        price_difference: rate_of_millionths(row.price_difference),
    })
}

/// Reads by which rules the tenant buys.
#[utoipa::path(get, path = "/api/erp/v1/purchasing-rules", tag = "purchasing", security(("token" = ["purchase:read"])),
    responses((status = 200, description = "The rules.", body = PurchasingRules)))]
pub async fn get_purchasing_rules(
    tenant: Tenant<may::PurchaseRead>,
    _: Query<NoParameters>,
) -> ApiResult<Reply> {
    let rules = tenant.db.read(async |conn| rules_view(conn).await);
    Ok(Reply::ok(&rules.await?))
}

/// Sets by which rules the tenant buys: for its admins, not for those whom the rules bind. What is approved already keeps to those of its time. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/purchasing-rules", tag = "purchasing", security(("token" = ["tenant:write"])),
    request_body = PurchasingRules, responses((status = 200, description = "The rules.", body = PurchasingRules)))]
pub async fn put_purchasing_rules(
    tenant: Tenant<may::TenantWrite>,
    post: Post<PurchasingRules>,
) -> ApiResult<Reply> {
    let body = &post.body;
    if body.approval_limit.is_negative() {
        let problem = FieldProblem::new("/approval_limit/amount", "range", "must not be negative");
        return Err(ErpError::from(problem).into());
    }
    let factor = |field: &str, factor: Decimal| -> Result<i64, ErpError> {
        let message = "must be from 0 to 1, with at most 6 digits after the point";
        let wrong = || FieldProblem::new(format!("/{field}"), "range", message);
        Ok(millionths(factor).ok_or_else(wrong)?)
    };
    let row = RulesRow {
        approval_limit: body.approval_limit.amount(),
        over_receipt: factor("over_receipt", body.over_receipt)?,
        price_difference: factor("price_difference", body.price_difference)?,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            let book = ledger::currency(conn).await?;
            in_books(&book, body.approval_limit, "/approval_limit/currency")?;
            suppliers::put_rules(conn, &row).await?;
            Ok(Reply::ok(&rules_view(conn).await?))
        },
    )
    .await
}

/// Checks that an amount is in the currency of the books.
///
/// # Errors
/// 422 where it is in another.
pub fn in_books(book: &str, amount: Money, pointer: impl Into<String>) -> Result<(), ErpError> {
    if amount.currency().code() == book {
        return Ok(());
    }
    let message = format!("must be {book}, as the books are kept in");
    Err(FieldProblem::new(pointer, "other_currency", message).into())
}

//! What is paid of invoices, and what goes back.

use averis_money::{Money, Rounding};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::NaiveDate;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    InvoiceView, answer, locked, negative, number, rate_of, refused, settled_status, tell_paid,
};
use crate::domain::ledger::{Posting, RECEIVABLES, money_account};
use crate::domain::{book_day, now};
use crate::error::{ErpError, codes};
use crate::http::ledger::{Entry, post, rounding};
use crate::store::invoices::{self, DRAFT, InvoiceRow, PaymentRow};

/// What was paid.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivePayment {
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// The provider's, or the bank's: each counts once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "pi_3NXYZ")]
    reference: String,
    /// Whether a payment provider has it, and the bank not yet.
    #[serde(default)]
    #[garde(skip)]
    under_way: bool,
    /// In an open month; today where absent.
    #[garde(inner(custom(book_day)))]
    received_on: Option<NaiveDate>,
}

/// Notes that so much of an invoice is paid, and posts it. Each reference counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/invoices/{id}/payments", tag = "invoices", security(("token" = ["invoice:write"])),
    request_body = ReceivePayment, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The invoice.", body = InvoiceView)))]
pub async fn receive_payment(
    tenant: Tenant<may::InvoiceWrite>,
    id: PathId,
    post: Post<ReceivePayment>,
) -> ApiResult<Reply> {
    settle(tenant, id, post, Direction::FromCustomer).await
}

/// Notes that so much of what was paid and taken back went back to the customer, and posts it. The same again changes nothing.
/// Each reference counts once.
#[utoipa::path(post, path = "/api/erp/v1/invoices/{id}/refunds", tag = "invoices", security(("token" = ["invoice:write"])),
    request_body = ReceivePayment, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The invoice.", body = InvoiceView)))]
pub async fn pay_refund(
    tenant: Tenant<may::InvoiceWrite>,
    id: PathId,
    post: Post<ReceivePayment>,
) -> ApiResult<Reply> {
    settle(tenant, id, post, Direction::ToCustomer).await
}

/// Which way money goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromCustomer,
    ToCustomer,
}

async fn settle(
    tenant: Tenant<may::InvoiceWrite>,
    PathId(id): PathId,
    post_: Post<ReceivePayment>,
    direction: Direction,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let rounding = rounding(&tenant.context.settings.money);
    let paid = Paid {
        amount: body.amount,
        reference: body.reference.clone(),
        account: money_account(body.under_way),
        day: body.received_on.unwrap_or_else(|| now().date_naive()),
        is_refund: direction == Direction::ToCustomer,
        by: tenant.caller.identity.subject,
    };
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            lock_name(conn, &tenant.context.key, "a payment", &body.reference).await?;
            let row = locked(conn, id).await?;
            let row = pay(conn, row, paid.clone(), rounding).await?;
            answer(conn, row).await
        },
    )
    .await
}

/// What was paid of an invoice, or went back.
#[derive(Clone, Debug)]
pub struct Paid {
    pub amount: Money,
    /// Each counts once.
    pub reference: String,
    /// Where it comes from, or goes to.
    pub account: &'static str,
    pub day: NaiveDate,
    pub is_refund: bool,
    pub by: Uuid,
}

/// Notes and posts what was paid of an invoice, which the transaction holds; once for its reference. Returns the invoice.
///
/// # Errors
/// 409 when something else was noted under the reference, for a draft, or when the month is closed; 422 when it is more than is open.
pub async fn pay(
    conn: &mut TenantConn,
    mut row: InvoiceRow,
    body: Paid,
    rounding: Rounding,
) -> Result<InvoiceRow, ErpError> {
    let (amount, unit) = (body.amount.amount(), body.amount.currency());
    let paid = if body.is_refund {
        negative(body.amount)?
    } else {
        body.amount
    };
    if let Some(there) = invoices::find_payment(conn, &body.reference).await? {
        if (there.invoice_id, there.amount, there.currency.as_str())
            != (row.id, paid.amount(), unit.code())
        {
            return Err(Problem::new(codes::REFERENCE_TAKEN).into());
        }
        return Ok(row);
    }
    if row.status == DRAFT {
        return Err(refused(&row, "payment").into());
    }
    if unit.code() != row.currency {
        let message = format!("must be in {}, as the invoice is", row.currency);
        return Err(FieldProblem::new("/amount/currency", "other_currency", message).into());
    }
    let most = if body.is_refund {
        -row.open()
    } else {
        row.open()
    };
    if !(1..=most).contains(&amount) {
        let message = format!(
            "must be at least 1 and at most what is open, {}",
            most.max(0)
        );
        return Err(FieldProblem::new("/amount/amount", "range", message).into());
    }
    note_paid(conn, &mut row, &body, rounding).await?;
    let status = settled_status(&row).to_owned();
    let before = std::mem::replace(&mut row.status, status);
    let row = invoices::update(conn, &row).await?;
    tell_paid(conn, &before, &row).await?;
    Ok(row)
}

/// Keeps and posts what was paid of an invoice, or went back, and counts it. Whoever calls it stores the invoice.
pub(super) async fn note_paid(
    conn: &mut TenantConn,
    row: &mut InvoiceRow,
    body: &Paid,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let paid = if body.is_refund {
        negative(body.amount)?
    } else {
        body.amount
    };
    let payment = PaymentRow {
        id: Uuid::now_v7(),
        invoice_id: row.id,
        reference: body.reference.clone(),
        account: body.account.to_owned(),
        amount: paid.amount(),
        currency: paid.currency().code().to_owned(),
        received_on: body.day,
        created_at: now(),
    };
    invoices::insert_payment(conn, &payment).await?;
    let postings = [
        Posting::new(body.account, paid),
        Posting::new(RECEIVABLES, negative(paid)?),
    ];
    let what = if body.is_refund { "Refund" } else { "Payment" };
    let entry = Entry {
        posted_on: body.day,
        kind: if body.is_refund { "refund" } else { "payment" },
        cause: body.reference.clone(),
        // What was paid before pays it while it gets its number.
        text: format!(
            "{what} of {}",
            number(row).unwrap_or_else(|| row.cause.clone())
        ),
        postings: &postings,
        rate: rate_of(row)?,
        by: body.by,
    };
    post(conn, entry, rounding).await?;
    let sum = if body.is_refund {
        &mut row.refunded
    } else {
        &mut row.paid
    };
    *sum += body.amount.amount();
    Ok(())
}

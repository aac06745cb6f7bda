//! What suppliers are paid.

use averis_money::{Decimal, Money};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::NaiveDate;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SupplierBillView, answer};
use crate::domain::ledger::{BANK, PAYABLES, Posting};
use crate::domain::{book_day, now};
use crate::error::{ErpError, codes};
use crate::http::invoices::negative;
use crate::http::ledger::{Entry, post, rounding};
use crate::http::suppliers::in_books;
use crate::store::ledger;
use crate::store::supplier_bills::{self as bills, BillPaymentRow, PAID, PARTIALLY_PAID};

/// What a supplier was paid.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayBill {
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// The bank's: each counts once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "transfer 2026-12-20/1")]
    reference: String,
    /// In an open month; today where absent.
    #[garde(inner(custom(book_day)))]
    paid_on: Option<NaiveDate>,
}

/// Notes that so much of a bill is paid, and posts it. Each reference counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/supplier-bills/{id}/payments", tag = "purchasing", security(("token" = ["invoice:write"])),
    request_body = PayBill, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The bill.", body = SupplierBillView)))]
pub async fn pay_supplier_bill(
    tenant: Tenant<may::InvoiceWrite>,
    PathId(id): PathId,
    post_: Post<PayBill>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let by = tenant.caller.identity.subject;
    let rounding = rounding(&tenant.context.settings.money);
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            lock_name(
                conn,
                &tenant.context.key,
                "a bill's payment",
                &body.reference,
            )
            .await?;
            let row = bills::lock(conn, id).await?;
            let mut row = row.ok_or_else(Problem::not_found)?;
            let amount = body.amount.amount();
            in_books(
                &ledger::currency(conn).await?,
                body.amount,
                "/amount/currency",
            )?;
            if let Some(there) = bills::find_payment(conn, &body.reference).await? {
                if (there.bill_id, there.amount) != (id, amount) {
                    return Err(Problem::new(codes::REFERENCE_TAKEN).into());
                }
                return answer(conn, row).await;
            }
            let open = row.net + row.tax - row.paid;
            if !(1..=open).contains(&amount) {
                let message = format!("must be at least 1 and at most what is open, {open}");
                return Err(FieldProblem::new("/amount/amount", "range", message).into());
            }
            let payment = BillPaymentRow {
                id: Uuid::now_v7(),
                bill_id: id,
                reference: body.reference.clone(),
                amount,
                paid_on: body.paid_on.unwrap_or_else(|| now().date_naive()),
                created_at: now(),
            };
            bills::insert_payment(conn, &payment).await?;
            let postings = [
                Posting::new(PAYABLES, body.amount),
                Posting::new(BANK, negative(body.amount)?),
            ];
            let entry = Entry {
                posted_on: payment.paid_on,
                kind: "bill_payment",
                cause: body.reference.clone(),
                text: format!("Payment of bill {}", row.number),
                postings: &postings,
                rate: Decimal::ONE,
                by,
            };
            post(conn, entry, rounding).await?;
            row.paid += amount;
            let status = if amount == open { PAID } else { PARTIALLY_PAID };
            status.clone_into(&mut row.status);
            let row = bills::update_paid(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}

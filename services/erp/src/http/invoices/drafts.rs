//! Invoices that are drafted.

use averis_money::{Decimal, Money, millionths};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{INVOICE, InvoiceView, created};
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{ErpError, codes};
use crate::http::exchange_rates::{checked_rate, rate_on, unknown_rate};
use crate::store::invoices::{self, DRAFT, InvoiceLineRow, InvoiceRow};

/// What is charged.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeLine {
    #[garde(length(chars, min = 1, max = 100), inner(custom(one_line)))]
    #[schema(example = "LAMP-1")]
    sku: Option<String>,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Lamp")]
    text: String,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
    /// Of all its pieces, without tax.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    net: Money,
    /// Of all its pieces.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    tax: Money,
    /// As a factor: 0.19 is 19 %.
    #[garde(skip)]
    #[schema(value_type = String, example = "0.19")]
    tax_rate: Decimal,
}

/// An invoice to be drafted. All amounts come from the order, which has its own from a quote: nothing is computed here.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvoice {
    /// What it is for, such as a shipment: invoiced once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "shipment 4711")]
    cause: String,
    #[garde(skip)]
    order_id: Option<Uuid>,
    #[garde(skip)]
    customer_id: Option<Uuid>,
    #[garde(skip)]
    company_id: Option<Uuid>,
    #[garde(length(min = 1, max = 500), dive)]
    lines: Vec<ChargeLine>,
    /// Days within which it is paid; 0 is at once.
    #[serde(default)]
    #[garde(range(min = 0, max = 365))]
    payment_days: i32,
    /// One unit of its currency in that of the books, where that is another; that of today where absent (`/exchange-rates`).
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "1")]
    fx_rate: Option<Decimal>,
}

impl CreateInvoice {
    /// Returns the sums of its lines.
    fn sums(&self) -> Result<(Money, Money), ErpError> {
        let unit = self.lines.first().map(|line| line.net.currency());
        let unit =
            unit.ok_or_else(|| FieldProblem::new("/lines", "missing", "must not be empty"))?;
        let (mut net, mut tax) = (Money::zero(unit), Money::zero(unit));
        for (place, line) in self.lines.iter().enumerate() {
            let wrong = |field: &str, code, message: &str| -> ErpError {
                FieldProblem::new(format!("/lines/{place}/{field}"), code, message).into()
            };
            for (field, amount) in [("net", line.net), ("tax", line.tax)] {
                if amount.is_negative() {
                    return Err(wrong(field, "range", "must not be negative"));
                }
                if amount.currency() != unit {
                    return Err(wrong(
                        field,
                        "other_currency",
                        "must be that of the other lines",
                    ));
                }
            }
            millionths(line.tax_rate).ok_or_else(|| {
                wrong(
                    "tax_rate",
                    "range",
                    "must be from 0 to 1, with at most 6 digits after the point",
                )
            })?;
            let overflow = |_too_large| Problem::new(codes::MONEY_OVERFLOW);
            net = net.checked_add(line.net).map_err(overflow)?;
            tax = tax.checked_add(line.tax).map_err(overflow)?;
        }
        net.checked_add(tax)
            .map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))?;
        Ok((net, tax))
    }

    /// Returns the rate that is named.
    fn rate(&self) -> Result<Option<Decimal>, ErpError> {
        let rate = self.fx_rate.map(|rate| checked_rate(rate, "/fx_rate"));
        Ok(rate.transpose()?)
    }
}

/// Drafts an invoice. The same cause with the same amounts again gives what was drafted.
#[utoipa::path(post, path = "/api/erp/v1/invoices", tag = "invoices", security(("token" = ["invoice:write"])), request_body = CreateInvoice,
    responses((status = 201, description = "The draft.", body = InvoiceView)))]
pub async fn create_invoice(
    tenant: Tenant<may::InvoiceWrite>,
    post_: Post<CreateInvoice>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let (net, tax) = body.sums()?;
    let rate = body.rate()?;
    let at = now();
    let row = InvoiceRow {
        id: Uuid::now_v7(),
        kind: INVOICE.to_owned(),
        status: DRAFT.to_owned(),
        cause: body.cause.clone(),
        invoice_id: None,
        series: None,
        number: None,
        order_id: body.order_id,
        customer_id: body.customer_id,
        company_id: body.company_id,
        currency: net.currency().code().to_owned(),
        net: net.amount(),
        tax: tax.amount(),
        paid: 0,
        credited: 0,
        refunded: 0,
        payment_days: body.payment_days,
        issued_on: None,
        due_on: None,
        fx_rate: rate.unwrap_or(Decimal::ONE).to_string(),
        version: 1,
        created_at: at,
        updated_at: at,
    };
    let lines = (0..).zip(&body.lines).map(|(line, own)| InvoiceLineRow {
        invoice_id: row.id,
        line,
        sku: own.sku.clone(),
        text: own.text.clone(),
        quantity: own.quantity,
        net: own.net.amount(),
        tax: own.tax.amount(),
        tax_rate: millionths(own.tax_rate).unwrap_or_default(),
        credited: 0,
    });
    let lines: Vec<InvoiceLineRow> = lines.collect();
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            lock_name(
                conn,
                &tenant.context.key,
                "a cause of invoices",
                &body.cause,
            )
            .await?;
            if let Some(there) = invoices::find_by_cause(conn, INVOICE, &body.cause).await? {
                let told =
                    |row: &InvoiceRow| (row.currency.clone(), row.net, row.tax, row.order_id);
                if told(&there) != told(&row) {
                    return Err(Problem::new(codes::CAUSE_TAKEN).into());
                }
                return created(conn, there).await;
            }
            let mut row = row.clone();
            if rate.is_none() {
                let found = rate_on(conn, &row.currency, at.date_naive()).await?;
                let found = found.ok_or_else(|| unknown_rate(&row.currency))?;
                row.fx_rate = found.to_string();
            }
            invoices::insert(conn, &row, &lines).await?;
            created(conn, row).await
        },
    )
    .await
}

//! Invoices and credit notes.
//!
//! ```text
//! invoice      draft --issue (numbered, posted)--> issued --payments--> partially_paid --> paid
//!              issued|partially_paid|paid --credit notes for all of it--> credited
//! credit note  issued with its invoice's number beside its own; never changed
//! ```

pub mod credit_notes;
pub mod drafts;
pub mod payments;

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_contracts::erp::{InvoiceState, kinds};
use averis_money::{Decimal, Money, Rounding, rate_of_millionths};
use averis_outbox::publish;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use self::payments::{Paid, note_paid};
use super::ledger::{Entry, currency, post, rounding};
use crate::State;
use crate::deposits;
use crate::domain::ledger::{DEPOSITS, Posting, RECEIVABLES, REVENUE, TAX};
use crate::domain::{book_day, now};
use crate::error::{ErpError, codes};
use crate::store::invoices::{
    self, CREDITED, DRAFT, ISSUED, InvoiceLineRow, InvoiceRow, PAID, PARTIALLY_PAID,
};

pub const INVOICE: &str = "invoice";
const CREDIT_NOTE: &str = "credit_note";

/// An invoice, or a credit note.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceView {
    id: Uuid,
    /// `invoice` or `credit_note`.
    #[schema(example = "invoice")]
    kind: String,
    /// `draft`, `issued`, `partially_paid`, `paid` or `credited`.
    #[schema(example = "issued")]
    status: String,
    /// Of its series without a gap; null for drafts.
    #[schema(example = "INV-2026-000001")]
    number: Option<String>,
    /// What it is for: invoiced once.
    #[schema(example = "shipment 4711")]
    cause: String,
    /// What a credit note takes back.
    invoice_id: Option<Uuid>,
    order_id: Option<Uuid>,
    customer_id: Option<Uuid>,
    company_id: Option<Uuid>,
    lines: Vec<InvoiceLineView>,
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
    #[schema(value_type = MoneySchema)]
    total: Money,
    #[schema(value_type = MoneySchema)]
    paid: Money,
    /// What credit notes have taken back.
    #[schema(value_type = MoneySchema)]
    credited: Money,
    /// What of the paid went back to the customer.
    #[schema(value_type = MoneySchema)]
    refunded: Money,
    issued_on: Option<NaiveDate>,
    due_on: Option<NaiveDate>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A line of an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceLineView {
    line: i32,
    sku: Option<String>,
    #[schema(example = "Lamp")]
    text: String,
    quantity: i64,
    /// Of all its pieces.
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
    /// As a factor: 0.19 is 19 %.
    #[schema(value_type = String, example = "0.19")]
    tax_rate: Decimal,
    /// Pieces that credit notes have taken back.
    credited: i64,
}

fn number(row: &InvoiceRow) -> Option<String> {
    let (series, number) = row.series.as_ref().zip(row.number)?;
    Some(format!("{series}-{number:06}"))
}

/// Shows invoices with their lines.
async fn views(conn: &mut TenantConn, rows: Vec<InvoiceRow>) -> Result<Vec<InvoiceView>, ErpError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut own: BTreeMap<Uuid, Vec<InvoiceLineRow>> = BTreeMap::new();
    for line in invoices::lines_of(conn, &ids).await? {
        own.entry(line.invoice_id).or_default().push(line);
    }
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let unit = currency(&row.currency)?;
        let lines = own.remove(&row.id).unwrap_or_default().into_iter();
        views.push(InvoiceView {
            number: number(&row),
            lines: lines
                .map(|line| InvoiceLineView {
                    line: line.line,
                    sku: line.sku,
                    text: line.text,
                    quantity: line.quantity,
                    net: Money::new(line.net, unit),
                    tax: Money::new(line.tax, unit),
                    tax_rate: rate_of_millionths(line.tax_rate),
                    credited: line.credited,
                })
                .collect(),
            net: Money::new(row.net, unit),
            tax: Money::new(row.tax, unit),
            total: Money::new(row.total(), unit),
            paid: Money::new(row.paid, unit),
            credited: Money::new(row.credited, unit),
            refunded: Money::new(row.refunded, unit),
            id: row.id,
            kind: row.kind,
            status: row.status,
            cause: row.cause,
            invoice_id: row.invoice_id,
            order_id: row.order_id,
            customer_id: row.customer_id,
            company_id: row.company_id,
            issued_on: row.issued_on,
            due_on: row.due_on,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        });
    }
    Ok(views)
}

async fn view(conn: &mut TenantConn, row: InvoiceRow) -> Result<InvoiceView, ErpError> {
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

async fn created(conn: &mut TenantConn, row: InvoiceRow) -> Result<Reply, ErpError> {
    let location = format!("/api/erp/v1/invoices/{}", row.id);
    let version = row.version;
    Ok(Reply::created(location, &view(conn, row).await?).version(version))
}

async fn answer(conn: &mut TenantConn, row: InvoiceRow) -> Result<Reply, ErpError> {
    let version = row.version;
    Ok(Reply::ok(&view(conn, row).await?).version(version))
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListInvoices {
    /// Of this order.
    order_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists invoices and credit notes by age.
#[utoipa::path(get, path = "/api/erp/v1/invoices", tag = "invoices", security(("token" = ["invoice:read"])), params(ListInvoices),
    responses((status = 200, description = "A page of invoices.", body = Page<InvoiceView>)))]
pub async fn list_invoices(
    tenant: Tenant<may::InvoiceRead>,
    state: Data<State>,
    query: Query<ListInvoices>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let order = query.order_id;
    let list = format!("{} invoices {order:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = invoices::list(conn, order, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads an invoice, or a credit note.
#[utoipa::path(get, path = "/api/erp/v1/invoices/{id}", tag = "invoices", security(("token" = ["invoice:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The invoice.", body = InvoiceView)))]
pub async fn get_invoice(tenant: Tenant<may::InvoiceRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let row = invoices::find(conn, id).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}

/// When an invoice is issued.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInvoice {
    /// In an open month; today where absent.
    #[garde(inner(custom(book_day)))]
    issued_on: Option<NaiveDate>,
}

/// Issues a draft: it gets the next number of its year, without a gap, and is posted. It never changes any more.
#[utoipa::path(post, path = "/api/erp/v1/invoices/{id}/issue", tag = "invoices", security(("token" = ["invoice:write"])),
    request_body = IssueInvoice, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The issued invoice.", body = InvoiceView)))]
pub async fn issue_invoice(
    tenant: Tenant<may::InvoiceWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post_: Post<IssueInvoice>,
) -> ApiResult<Reply> {
    let rounding = rounding(&tenant.context.settings.money);
    let by = tenant.caller.identity.subject;
    let day = post_.body.issued_on.unwrap_or_else(|| now().date_naive());
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = locked(conn, id).await?;
            seen.check(row.version)?;
            if row.status != DRAFT {
                return Err(refused(&row, "issue").into());
            }
            let row = issue(conn, row, day, rounding, by).await?;
            answer(conn, row).await
        },
    )
    .await
}

/// Issues a draft, which the transaction holds.
///
/// # Errors
/// 409 when the month is closed, 422 when an amount is too large.
pub async fn issue(
    conn: &mut TenantConn,
    mut row: InvoiceRow,
    day: NaiveDate,
    rounding: Rounding,
    by: Uuid,
) -> Result<InvoiceRow, ErpError> {
    let unit = currency(&row.currency)?;
    let (net, tax) = (Money::new(row.net, unit), Money::new(row.tax, unit));
    let postings = [
        Posting::new(RECEIVABLES, Money::new(row.total(), unit)),
        Posting::new(REVENUE, negative(net)?),
        Posting::new(TAX, negative(tax)?),
    ];
    let entry = Entry {
        posted_on: day,
        kind: INVOICE,
        cause: row.id.to_string(),
        text: format!("Invoice for {}", row.cause),
        postings: &postings,
        rate: rate_of(&row)?,
        by,
    };
    post(conn, entry, rounding).await?;
    if let Some(order) = row.order_id {
        let before = deposits::take(conn, order, Money::new(row.total(), unit)).await?;
        if !before.is_zero() {
            let paid = Paid {
                amount: before,
                reference: format!("deposit {}", row.id),
                account: DEPOSITS,
                // It was not there earlier.
                day: day.max(now().date_naive()),
                is_refund: false,
                by,
            };
            note_paid(conn, &mut row, &paid, rounding).await?;
        }
    }
    numbered(conn, &mut row, "INV", day).await?;
    row.status = settled_status(&row).to_owned();
    let row = invoices::update(conn, &row).await?;
    tell(conn, kinds::ISSUED, &row).await?;
    tell_paid(conn, DRAFT, &row).await?;
    Ok(row)
}

/// Tells that nothing is owed of an invoice any more, once that has become so.
async fn tell_paid(conn: &mut TenantConn, before: &str, row: &InvoiceRow) -> Result<(), ErpError> {
    if row.status == PAID && before != PAID {
        tell(conn, kinds::PAID, row).await?;
    }
    Ok(())
}

/// Tells what became of an invoice, or of a credit note.
async fn tell(conn: &mut TenantConn, kind: &'static str, row: &InvoiceRow) -> Result<(), ErpError> {
    let state = InvoiceState {
        number: number(row),
        invoice_id: row.invoice_id,
        order_id: row.order_id,
        customer_id: row.customer_id,
        company_id: row.company_id,
        total: Money::new(row.total(), currency(&row.currency)?),
        status: row.status.clone(),
    };
    Ok(publish(conn, kind, row.id, &state).await?)
}

async fn locked(conn: &mut TenantConn, id: Uuid) -> Result<InvoiceRow, ErpError> {
    let row = invoices::lock(conn, id).await?;
    let row = row.filter(|row| row.kind == INVOICE);
    Ok(row.ok_or_else(Problem::not_found)?)
}

/// Gives an invoice its number and its days. The number's row is locked last: whoever waits for it waits for no more than a
/// commit.
async fn numbered(
    conn: &mut TenantConn,
    row: &mut InvoiceRow,
    prefix: &str,
    day: NaiveDate,
) -> Result<(), ErpError> {
    let days = Days::new(u64::try_from(row.payment_days).unwrap_or_default());
    let due = day.checked_add_days(days);
    let series = format!("{prefix}-{:04}", day.year());
    row.number = Some(invoices::next_number(conn, &series).await?);
    row.series = Some(series);
    row.issued_on = Some(day);
    row.due_on = Some(due.unwrap_or(day));
    Ok(())
}

/// Returns an amount the other way round.
///
/// # Errors
/// 422 when it is too large.
pub fn negative(amount: Money) -> Result<Money, ErpError> {
    let amount = amount.checked_neg();
    Ok(amount.map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))?)
}

/// Returns what one unit of an invoice's currency is in that of the books, for good.
///
/// # Errors
/// When it is none.
pub fn rate_of(row: &InvoiceRow) -> Result<Decimal, ErpError> {
    let rate = row.fx_rate.parse();
    let rate = rate.map_err(|_unreadable| Problem::new(common::INTERNAL));
    Ok(rate?)
}

fn refused(row: &InvoiceRow, command: &str) -> Problem {
    let allowed: &[&str] = match row.status.as_str() {
        DRAFT => &["issue"],
        ISSUED | PARTIALLY_PAID => &["payments", "credit-notes"],
        PAID => &["credit-notes"],
        _ => &[],
    };
    Problem::new(common::INVALID_TRANSITION)
        .detail(format!(
            "There is no {command} of an invoice that is {}.",
            row.status
        ))
        .with("current_status", row.status.clone())
        .with("allowed", allowed)
}

/// What an issued invoice is, by what was paid and taken back of it.
fn settled_status(row: &InvoiceRow) -> &'static str {
    if row.total() > 0 && row.credited == row.total() {
        CREDITED
    } else if row.open() <= 0 {
        PAID
    } else if row.paid > 0 || row.credited > 0 {
        PARTIALLY_PAID
    } else {
        ISSUED
    }
}

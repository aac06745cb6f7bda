//! What of invoices is taken back.

use std::collections::BTreeMap;

use averis_contracts::erp::kinds;
use averis_money::{Money, Rounding, portion};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
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
    CREDIT_NOTE, InvoiceView, created, locked, negative, number, numbered, rate_of, refused,
    settled_status, tell, tell_paid,
};
use crate::domain::ledger::{Posting, RECEIVABLES, RETURNS, TAX};
use crate::domain::{MAX_QUANTITY, book_day, now};
use crate::error::{ErpError, codes};
use crate::http::ledger::{Entry, currency, post, rounding};
use crate::store::invoices::{
    self, CREDITED, ISSUED, InvoiceLineRow, InvoiceRow, PAID, PARTIALLY_PAID,
};

/// Pieces of a line.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditLine {
    #[garde(range(min = 0))]
    pub line: i32,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: i64,
}

/// What is taken back.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditInvoice {
    /// What it is for, such as a return: taken back once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "return 12")]
    cause: String,
    #[garde(length(min = 1, max = 500), dive)]
    lines: Vec<CreditLine>,
    /// In an open month; today where absent.
    #[garde(inner(custom(book_day)))]
    issued_on: Option<NaiveDate>,
}

/// Takes back pieces of an issued invoice by a credit note, which is numbered and posted at once. However many are written for
/// whichever pieces, all together take back what was invoiced, to the cent. The same cause again gives what was written.
#[utoipa::path(post, path = "/api/erp/v1/invoices/{id}/credit-notes", tag = "invoices", security(("token" = ["invoice:write"])),
    request_body = CreditInvoice, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The credit note.", body = InvoiceView)))]
pub async fn credit_invoice(
    tenant: Tenant<may::InvoiceWrite>,
    PathId(id): PathId,
    post_: Post<CreditInvoice>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let rounding = rounding(&tenant.context.settings.money);
    let by = tenant.caller.identity.subject;
    let day = body.issued_on.unwrap_or_else(|| now().date_naive());
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
            let row = locked(conn, id).await?;
            let wanted = Wanted {
                cause: &body.cause,
                lines: &body.lines,
                day,
                by,
            };
            let note = credit(conn, row, wanted, rounding).await?;
            created(conn, note).await
        },
    )
    .await
}

/// What is taken back of an invoice, and by whom.
pub struct Wanted<'a> {
    /// What it is for: taken back once.
    pub cause: &'a str,
    pub lines: &'a [CreditLine],
    pub day: NaiveDate,
    pub by: Uuid,
}

/// Takes back pieces of an invoice, which the transaction holds, once for the cause. Returns the credit note.
///
/// # Errors
/// 409 when something else was taken back for the cause, fewer pieces are left, the invoice is not issued, or the month is closed.
pub async fn credit(
    conn: &mut TenantConn,
    mut row: InvoiceRow,
    wanted: Wanted<'_>,
    rounding: Rounding,
) -> Result<InvoiceRow, ErpError> {
    if let Some(there) = invoices::find_by_cause(conn, CREDIT_NOTE, wanted.cause).await? {
        if there.invoice_id != Some(row.id) {
            return Err(Problem::new(codes::CAUSE_TAKEN).into());
        }
        return Ok(there);
    }
    // Also one that is credited to the last cent may have pieces left that cost nothing.
    if !matches!(
        row.status.as_str(),
        ISSUED | PARTIALLY_PAID | PAID | CREDITED
    ) {
        return Err(refused(&row, "credit note").into());
    }
    let mut note = credit_note(&row, wanted.cause);
    let lines = taken_back(conn, &row, &note, wanted.lines).await?;
    note.net = lines.iter().map(|line| line.net).sum();
    note.tax = lines.iter().map(|line| line.tax).sum();
    let unit = currency(&row.currency)?;
    let postings = [
        Posting::new(RETURNS, Money::new(note.net, unit)),
        Posting::new(TAX, Money::new(note.tax, unit)),
        Posting::new(RECEIVABLES, negative(Money::new(note.total(), unit))?),
    ];
    let entry = Entry {
        posted_on: wanted.day,
        kind: CREDIT_NOTE,
        cause: note.id.to_string(),
        text: format!("Credit note for {}", number(&row).unwrap_or_default()),
        postings: &postings,
        rate: rate_of(&row)?,
        by: wanted.by,
    };
    // What was paid of what is taken back is owed to the customer until it is refunded.
    row.credited += note.total();
    let status = settled_status(&row).to_owned();
    let before = std::mem::replace(&mut row.status, status);
    post(conn, entry, rounding).await?;
    numbered(conn, &mut note, "CRN", wanted.day).await?;
    invoices::insert(conn, &note, &lines).await?;
    let row = invoices::update(conn, &row).await?;
    tell(conn, kinds::CREDITED, &note).await?;
    tell_paid(conn, &before, &row).await?;
    Ok(note)
}

fn credit_note(of: &InvoiceRow, cause: &str) -> InvoiceRow {
    let at = now();
    InvoiceRow {
        id: Uuid::now_v7(),
        kind: CREDIT_NOTE.to_owned(),
        status: ISSUED.to_owned(),
        cause: cause.to_owned(),
        invoice_id: Some(of.id),
        paid: 0,
        credited: 0,
        refunded: 0,
        payment_days: 0,
        version: 1,
        created_at: at,
        updated_at: at,
        ..of.clone()
    }
}

/// Takes pieces of an invoice's lines back and returns the lines of the credit note.
async fn taken_back(
    conn: &mut TenantConn,
    of: &InvoiceRow,
    note: &InvoiceRow,
    wanted: &[CreditLine],
) -> Result<Vec<InvoiceLineRow>, ErpError> {
    let unit = currency(&of.currency)?;
    let mut known: BTreeMap<i32, InvoiceLineRow> = BTreeMap::new();
    for line in invoices::lines_of(conn, &[of.id]).await? {
        known.insert(line.line, line);
    }
    let mut lines = Vec::with_capacity(wanted.len());
    for (place, want) in wanted.iter().enumerate() {
        let field = format!("/lines/{place}");
        // Each line once: what is taken from the map is not there a second time.
        let line = known.remove(&want.line).ok_or_else(|| {
            FieldProblem::new(
                format!("{field}/line"),
                "unknown",
                "is no line of the invoice, or stands there twice",
            )
        })?;
        let left = line.quantity - line.credited;
        if want.quantity > left {
            return Err(Problem::new(codes::CREDITED_ALREADY)
                .with("line", line.line)
                .with("left", left)
                .into());
        }
        let part = |amount: i64| -> Result<i64, ErpError> {
            let [pieces, before, taken] = [line.quantity, line.credited, want.quantity]
                .map(|count| u64::try_from(count).unwrap_or_default());
            let part = portion(Money::new(amount, unit), pieces, before, taken);
            Ok(part
                .map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))?
                .amount())
        };
        let (net, tax) = (part(line.net)?, part(line.tax)?);
        invoices::put_credited(conn, of.id, line.line, line.credited + want.quantity).await?;
        lines.push(InvoiceLineRow {
            invoice_id: note.id,
            line: i32::try_from(place).unwrap_or_default(),
            quantity: want.quantity,
            net,
            tax,
            credited: 0,
            ..line
        });
    }
    Ok(lines)
}

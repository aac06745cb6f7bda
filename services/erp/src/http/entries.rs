//! What is posted: read, posted by hand, and reversed.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::{Decimal, Money};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ledger::{Entry, currency, post, rounding};
use crate::State;
use crate::domain::book_day;
use crate::domain::ledger::{Posting, balances};
use crate::error::{ErpError, codes};
use crate::store::ledger::{self, EntryRow};

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalEntryView {
    id: Uuid,
    posted_on: NaiveDate,
    /// `invoice`, `credit_note`, `payment`, `refund`, `manual` or `reversal`.
    #[schema(example = "invoice")]
    kind: String,
    /// What it was posted for: once.
    #[schema(example = "shipment 4711")]
    cause: String,
    text: String,
    lines: Vec<JournalLineView>,
    posted_by: Uuid,
    created_at: DateTime<Utc>,
}

/// A line of an entry: a debit, or a credit where it is negative.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalLineView {
    #[schema(example = "1200")]
    account: String,
    /// In the currency of the document.
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// In that of the books.
    #[schema(value_type = MoneySchema)]
    book_amount: Money,
}

/// Shows entries with their lines.
async fn views(
    conn: &mut TenantConn,
    rows: Vec<EntryRow>,
) -> Result<Vec<JournalEntryView>, ErpError> {
    let book = currency(&ledger::currency(conn).await?)?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut own: BTreeMap<Uuid, Vec<JournalLineView>> = BTreeMap::new();
    for line in ledger::lines_of(conn, &ids).await? {
        own.entry(line.entry_id).or_default().push(JournalLineView {
            amount: Money::new(line.amount, currency(&line.currency)?),
            book_amount: Money::new(line.book_amount, book),
            account: line.account,
        });
    }
    let views = rows.into_iter().map(|row| JournalEntryView {
        lines: own.remove(&row.id).unwrap_or_default(),
        id: row.id,
        posted_on: row.posted_on,
        kind: row.kind,
        cause: row.cause,
        text: row.text,
        posted_by: row.posted_by,
        created_at: row.created_at,
    });
    Ok(views.collect())
}

async fn created(conn: &mut TenantConn, row: EntryRow) -> Result<Reply, ErpError> {
    let location = format!("/api/erp/v1/entries/{}", row.id);
    let view = views(conn, vec![row]).await?.pop();
    Ok(Reply::created(
        location,
        &view.ok_or_else(Problem::not_found)?,
    ))
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListEntries {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists entries by age.
#[utoipa::path(get, path = "/api/erp/v1/entries", tag = "ledger", security(("token" = ["ledger:read"])), params(ListEntries),
    responses((status = 200, description = "A page of entries.", body = Page<JournalEntryView>)))]
pub async fn list_entries(
    tenant: Tenant<may::LedgerRead>,
    state: Data<State>,
    query: Query<ListEntries>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} entries", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = ledger::list(conn, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// What goes to one account: a debit, or a credit where it is negative.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostLine {
    #[garde(length(bytes, min = 4, max = 8))]
    #[schema(example = "3000")]
    account: String,
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
}

/// What is posted by hand. It balances, in the currency of the books.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"posted_on": "2026-11-27", "cause": "statement 1", "text": "Opening", "lines": [
    {"account": "1000", "amount": {"amount": 1000, "currency": "EUR"}}, {"account": "3000", "amount": {"amount": -1000, "currency": "EUR"}}]}))]
pub struct PostEntry {
    #[garde(custom(book_day))]
    posted_on: NaiveDate,
    /// What it is posted for: once.
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    cause: String,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    text: String,
    #[garde(length(min = 2, max = 100), dive)]
    lines: Vec<PostLine>,
}

/// Posts an entry by hand.
#[utoipa::path(post, path = "/api/erp/v1/entries", tag = "ledger", security(("token" = ["ledger:write"])), request_body = PostEntry,
    responses((status = 201, description = "The entry.", body = JournalEntryView)))]
pub async fn post_entry(
    tenant: Tenant<may::LedgerWrite>,
    post_: Post<PostEntry>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let postings = body
        .lines
        .iter()
        .map(|line| Posting::new(&line.account, line.amount));
    let postings: Vec<Posting> = postings.collect();
    if !balances(&postings) || postings.iter().any(|one| one.amount.is_zero()) {
        return Err(Problem::new(codes::UNBALANCED));
    }
    let rounding = rounding(&tenant.context.settings.money);
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            let book = ledger::currency(conn).await?;
            let is_other = |one: &Posting| one.amount.currency().code() != book;
            if postings.iter().any(is_other) {
                let message = format!("must be in {book}, as the books are");
                return Err(FieldProblem::new("/lines", "other_currency", message).into());
            }
            let entry = Entry {
                posted_on: body.posted_on,
                kind: "manual",
                cause: body.cause.clone(),
                text: body.text.clone(),
                postings: &postings,
                rate: Decimal::ONE,
                by,
            };
            let row = post(conn, entry, rounding).await?;
            created(conn, row).await
        },
    )
    .await
}

/// When an entry is reversed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseEntry {
    /// In an open month.
    #[garde(custom(book_day))]
    posted_on: NaiveDate,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Entered twice")]
    text: String,
}

/// Reverses an entry that was posted by hand, once: posts the opposite of each of its lines. Invoices are taken back by credit notes.
#[utoipa::path(post, path = "/api/erp/v1/entries/{id}/reverse", tag = "ledger", security(("token" = ["ledger:write"])),
    request_body = ReverseEntry, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The reversal.", body = JournalEntryView)))]
pub async fn reverse_entry(
    tenant: Tenant<may::LedgerWrite>,
    PathId(id): PathId,
    post_: Post<ReverseEntry>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let rounding = rounding(&tenant.context.settings.money);
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = ledger::find(conn, id).await?;
            let row = row.ok_or_else(Problem::not_found)?;
            if row.kind != "manual" {
                return Err(Problem::new(codes::NOT_REVERSIBLE).into());
            }
            let mut postings = Vec::new();
            for line in ledger::lines_of(conn, &[id]).await? {
                let amount = Money::new(line.amount, currency(&line.currency)?);
                let amount = amount.checked_neg();
                let amount = amount.map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))?;
                postings.push(Posting::new(&line.account, amount));
            }
            let entry = Entry {
                posted_on: body.posted_on,
                kind: "reversal",
                cause: id.to_string(),
                text: body.text.clone(),
                postings: &postings,
                rate: Decimal::ONE,
                by,
            };
            let row = post(conn, entry, rounding).await?;
            created(conn, row).await
        },
    )
    .await
}

//! The books: double entry, in the currency of each document and in that of the books.
//!
//! ```text
//! a month   open --close--> closed: nothing is posted into it any more
//! an entry  posted, for good; what was wrong is reversed by another
//! ```

use averis_money::{Currency, Decimal, Money, Rounding};
use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{NoParameters, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::{MoneyRules, RoundingRule, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::ledger::{Posting, lines};
use crate::domain::now;
use crate::error::{ErpError, codes};
use crate::store::ledger::{self, EntryRow, LineRow};
use crate::store::{exchange_rates, invoices, purchase_orders, suppliers};

/// How a tenant rounds.
pub const fn rounding(rules: &MoneyRules) -> Rounding {
    match rules.rounding {
        RoundingRule::HalfUp => Rounding::HalfUp,
        RoundingRule::HalfEven => Rounding::HalfEven,
    }
}

/// Returns a stored currency. The service stores none but those of ISO 4217.
///
/// # Errors
/// When it is none any more.
pub fn currency(code: &str) -> Result<Currency, ErpError> {
    let currency = code.parse();
    currency.map_err(|error: averis_money::MoneyError| {
        ErpError::from(Problem::new(common::INTERNAL).because(error))
    })
}

/// What is posted at once.
pub struct Entry<'a> {
    pub posted_on: NaiveDate,
    pub kind: &'static str,
    pub cause: String,
    pub text: String,
    pub postings: &'a [Posting],
    /// One unit of the document's currency in that of the books.
    pub rate: Decimal,
    pub by: Uuid,
}

/// Posts an entry, once for its cause.
///
/// # Errors
/// 409 when the month is closed or the cause was posted, 422 when an amount is too large.
pub async fn post(
    conn: &mut TenantConn,
    entry: Entry<'_>,
    rounding: Rounding,
) -> Result<EntryRow, ErpError> {
    let period = entry.posted_on.format("%Y-%m").to_string();
    if !ledger::is_open(conn, &period).await? {
        return Err(Problem::new(codes::PERIOD_CLOSED)
            .with("period", period)
            .into());
    }
    let book = currency(&ledger::currency(conn).await?)?;
    let own = lines(entry.postings, book, entry.rate, rounding);
    let own = own.map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))?;
    let row = EntryRow {
        id: Uuid::now_v7(),
        posted_on: entry.posted_on,
        kind: entry.kind.to_owned(),
        cause: entry.cause,
        text: entry.text,
        posted_by: entry.by,
        created_at: now(),
    };
    let own = (0..).zip(own).map(|(number, line)| LineRow {
        entry_id: row.id,
        line: number,
        account: line.account,
        amount: line.amount,
        currency: line.currency.code().to_owned(),
        book_amount: line.book_amount,
    });
    let own: Vec<LineRow> = own.collect();
    ledger::insert(conn, &row, &own).await?;
    Ok(row)
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    #[schema(example = "1200")]
    code: String,
    #[schema(example = "Receivables")]
    name: String,
    /// `asset`, `liability`, `equity`, `income` or `expense`.
    #[schema(example = "asset")]
    kind: String,
}

/// Lists the accounts by code.
#[utoipa::path(get, path = "/api/erp/v1/accounts", tag = "ledger", security(("token" = ["ledger:read"])),
    responses((status = 200, description = "All of them.", body = Page<AccountView>)))]
pub async fn list_accounts(
    tenant: Tenant<may::LedgerRead>,
    _: Query<NoParameters>,
) -> ApiResult<Reply> {
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ErpError> { Ok(ledger::list_accounts(conn).await?) });
    let views = rows.await?.into_iter().map(|row| AccountView {
        code: row.code,
        name: row.name,
        kind: row.kind,
    });
    Ok(Reply::ok(&Page {
        data: views.collect(),
        next_cursor: None,
    }))
}

/// The currency in which the books are kept.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Books {
    /// Alphabetic code of ISO 4217.
    #[garde(skip)]
    #[schema(example = "EUR")]
    currency: String,
}

/// Reads in which currency the books are kept.
#[utoipa::path(get, path = "/api/erp/v1/books", tag = "ledger", security(("token" = ["ledger:read"])),
    responses((status = 200, description = "The books.", body = Books)))]
pub async fn get_books(
    tenant: Tenant<may::LedgerRead>,
    _: Query<NoParameters>,
) -> ApiResult<Reply> {
    let currency = tenant
        .db
        .read(async |conn| -> Result<_, ErpError> { Ok(ledger::currency(conn).await?) });
    Ok(Reply::ok(&Books {
        currency: currency.await?,
    }))
}

/// Keeps the books in another currency, while nothing is posted, ordered or drafted.
#[utoipa::path(post, path = "/api/erp/v1/books", tag = "ledger", security(("token" = ["ledger:write"])), request_body = Books,
    responses((status = 200, description = "The books.", body = Books)))]
pub async fn put_books(tenant: Tenant<may::LedgerWrite>, post: Post<Books>) -> ApiResult<Reply> {
    let wanted = &post.body;
    if wanted.currency.parse::<Currency>().is_err() {
        let message = "must be a currency of ISO 4217 with minor units";
        let problem = FieldProblem::new("/currency", "form", message);
        return Err(ErpError::from(problem).into());
    }
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            // Whoever posts holds the row.
            ledger::put_currency(conn, &wanted.currency).await?;
            if ledger::is_begun(conn).await?
                || purchase_orders::is_begun(conn).await?
                || invoices::is_begun(conn).await?
            {
                return Err(Problem::new(codes::BOOKS_BEGUN).into());
            }
            // They were amounts of the other currency.
            suppliers::forget_limit(conn).await?;
            exchange_rates::forget(conn).await?;
            Ok(Reply::ok(wanted))
        },
    )
    .await
}

/// Until when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadTrialBalance {
    /// The last day that counts; today where absent.
    at: Option<NaiveDate>,
}

/// What all accounts come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialBalance {
    at: NaiveDate,
    accounts: Vec<AccountBalance>,
    /// Debits of all accounts.
    #[schema(value_type = MoneySchema)]
    debit: Money,
    /// Credits of all accounts: as much.
    #[schema(value_type = MoneySchema)]
    credit: Money,
}

/// What an account comes to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountBalance {
    #[schema(example = "1200")]
    account: String,
    #[schema(example = "Receivables")]
    name: String,
    /// A debit, or a credit where it is negative.
    #[schema(value_type = MoneySchema)]
    balance: Money,
}

/// Reads what each account comes to by the end of a day.
#[utoipa::path(get, path = "/api/erp/v1/trial-balance", tag = "ledger", security(("token" = ["ledger:read"])), params(ReadTrialBalance),
    responses((status = 200, description = "All accounts.", body = TrialBalance)))]
pub async fn read_trial_balance(
    tenant: Tenant<may::LedgerRead>,
    query: Query<ReadTrialBalance>,
) -> ApiResult<Reply> {
    let at = query.0.at.unwrap_or_else(|| now().date_naive());
    let balance = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let book = currency(&ledger::currency(conn).await?)?;
        let sums = ledger::balances(conn, at).await?;
        let side = |wanted: fn(&i64) -> bool| sums.values().copied().filter(wanted).sum::<i64>();
        let (debit, credit) = (side(|sum| *sum > 0), side(|sum| *sum < 0));
        let accounts = ledger::list_accounts(conn).await?;
        let accounts = accounts.into_iter().map(|account| AccountBalance {
            balance: Money::new(sums.get(&account.code).copied().unwrap_or_default(), book),
            account: account.code,
            name: account.name,
        });
        Ok(TrialBalance {
            at,
            accounts: accounts.collect(),
            debit: Money::new(debit, book),
            credit: Money::new(credit.saturating_neg(), book),
        })
    });
    Ok(Reply::ok(&balance.await?))
}

/// A month.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodView {
    #[schema(example = "2026-11")]
    period: String,
    closed_at: DateTime<Utc>,
}

/// A month to be closed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosePeriod {
    #[garde(custom(month))]
    #[schema(example = "2026-11")]
    period: String,
}

fn month(text: &str, _: &()) -> garde::Result {
    let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
    if text.len() == 7 && first.is_ok() {
        return Ok(());
    }
    Err(garde::Error::new("must be a month as YYYY-MM"))
}

/// Closes a month: nothing is posted into it any more. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/periods", tag = "ledger", security(("token" = ["ledger:write"])), request_body = ClosePeriod,
    responses((status = 200, description = "The closed month.", body = PeriodView)))]
pub async fn close_period(
    tenant: Tenant<may::LedgerWrite>,
    post: Post<ClosePeriod>,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    let period = &post.body.period;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            let closed_at = ledger::close(conn, period, by, now()).await?;
            Ok(Reply::ok(&PeriodView {
                period: period.clone(),
                closed_at,
            }))
        },
    )
    .await
}

//! What customers pay before anything is invoiced, as by transfer: a debt to them until it is.

use averis_contracts::oms::{Cancelled, MoneyMoved};
use averis_money::{Currency, Decimal, Money, Rounding};
use averis_tenant_db::TenantConn;
use uuid::Uuid;

use crate::domain::ledger::{DEPOSITS, Posting, RETURNS, money_account};
use crate::domain::now;
use crate::error::ErpError;
use crate::http::invoices::negative;
use crate::http::ledger::{Entry, post};
use crate::store::deposits::{self, DepositRow};

/// Keeps others from taking what there is of an order, or adding to it, until the end of the transaction.
///
/// # Errors
/// Those of the database.
pub async fn hold(conn: &mut TenantConn, order: Uuid, unit: Currency) -> Result<(), ErpError> {
    deposits::lock(conn, order, unit.code()).await?;
    Ok(())
}

/// Takes back that something was a gift: it went back for pieces that are cancelled now, and that were paid for.
///
/// # Errors
/// When the month is closed.
pub async fn was_no_gift(
    conn: &mut TenantConn,
    order: &Cancelled,
    event: Uuid,
    most: Money,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let part = take(conn, order.order_id, most).await?;
    if part.is_zero() {
        return Ok(());
    }
    let postings = [
        Posting::new(DEPOSITS, part),
        Posting::new(RETURNS, negative(part)?),
    ];
    let text = format!("No gift for order {}", order.order_id);
    book(conn, "refund", event, text, &postings, rounding).await
}

/// Keeps what was paid for an order that is not invoiced, or above what is. It is in the currency of the books.
///
/// # Errors
/// When the month is closed.
pub async fn keep(
    conn: &mut TenantConn,
    money: &MoneyMoved,
    amount: Money,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let row = DepositRow {
        order_id: money.order_id,
        currency: amount.currency().code().to_owned(),
        amount: amount.amount(),
    };
    deposits::add(conn, &row).await?;
    post_moved(conn, money, amount, "payment", rounding).await
}

/// Gives back what was paid for an order and will not be invoiced, at most so much. Returns how much of it there was.
///
/// # Errors
/// When the month is closed.
pub async fn give_back(
    conn: &mut TenantConn,
    money: &MoneyMoved,
    most: Money,
    rounding: Rounding,
) -> Result<Money, ErpError> {
    let part = take(conn, money.order_id, most).await?;
    if part.amount() > 0 {
        post_moved(conn, money, negative(part)?, "refund", rounding).await?;
    }
    Ok(part)
}

/// Takes what was paid for an order before, at most so much, for what is invoiced of it now. Whoever takes it posts it.
///
/// # Errors
/// Those of the database.
pub async fn take(conn: &mut TenantConn, order: Uuid, most: Money) -> Result<Money, ErpError> {
    let unit = most.currency();
    let there = deposits::lock(conn, order, unit.code()).await?;
    let part = if there.currency == unit.code() {
        there.amount.min(most.amount()).max(0)
    } else {
        0
    };
    if part > 0 {
        deposits::take(conn, order, part).await?;
    }
    Ok(Money::new(part, unit))
}

async fn post_moved(
    conn: &mut TenantConn,
    money: &MoneyMoved,
    amount: Money,
    kind: &'static str,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let postings = [
        Posting::new(money_account(money.under_way), amount),
        Posting::new(DEPOSITS, negative(amount)?),
    ];
    let text = format!("Deposit for order {}", money.order_id);
    book(conn, kind, money.transaction_id, text, &postings, rounding).await
}

/// Posts what becomes of a deposit, once for its cause.
async fn book(
    conn: &mut TenantConn,
    kind: &'static str,
    cause: Uuid,
    text: String,
    postings: &[Posting],
    rounding: Rounding,
) -> Result<(), ErpError> {
    let entry = Entry {
        posted_on: now().date_naive(),
        kind,
        cause: format!("deposit {cause}"),
        text,
        postings,
        rate: Decimal::ONE,
        by: Uuid::nil(),
    };
    post(conn, entry, rounding).await?;
    Ok(())
}

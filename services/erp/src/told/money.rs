//! What becomes in the books of money that has come, or gone back.

use averis_contracts::events::Event;
use averis_contracts::oms::MoneyMoved;
use averis_money::{Money, Rounding};
use averis_service_kit::problem::Problem;
use averis_tenant_db::TenantConn;
use uuid::Uuid;

use super::{NOBODY, cause_of_return, invoice_of, keep};
use crate::deposits;
use crate::domain::ledger::{Posting, RECEIVABLES, RETURNS, money_account};
use crate::domain::now;
use crate::error::{ErpError, codes};
use crate::http::exchange_rates::{rate_on, unknown_rate};
use crate::http::invoices::payments::{Paid, pay};
use crate::http::invoices::{INVOICE, negative, rate_of};
use crate::http::ledger::{Entry, post};
use crate::store::invoices::{self, DRAFT, InvoiceRow};
use crate::store::ledger;

/// What comes for a shipment is for its invoice; what comes by itself for those that are open, the oldest first, and what is left of it
/// is the customer's until something is invoiced.
pub async fn captured(
    conn: &mut TenantConn,
    event: &Event,
    money: MoneyMoved,
    rounding: Rounding,
) -> Result<(), ErpError> {
    if let Some(shipment) = money.shipment_id {
        let row = invoice_of(conn, shipment).await?;
        let whole = paid(&money, money.amount, 0, false);
        pay(conn, row, whole, rounding).await?;
        return Ok(());
    }
    // Whoever issues an invoice of the order meanwhile finds what is kept here.
    deposits::hold(conn, money.order_id, money.amount.currency()).await?;
    let all = Part {
        amount: money.amount,
        first: None,
        is_refund: false,
        number: 0,
    };
    let left = spread(conn, &money, all, rounding).await?;
    if left.is_zero() {
        return Ok(());
    }
    if ledger::currency(conn).await? != left.currency().code() {
        // In the books it would be worth something else once it is invoiced: people decide.
        return keep(conn, event, codes::UNKNOWN_RATE).await;
    }
    deposits::keep(conn, &money, left, rounding).await
}

/// What goes back for goods that came back is owed since they were credited. What goes back besides was paid above what the order
/// comes to, or is a gift: that takes no invoice back, and lessens what was earned.
pub async fn refunded(
    conn: &mut TenantConn,
    money: MoneyMoved,
    rounding: Rounding,
) -> Result<(), ErpError> {
    if let Some(shipment) = money.shipment_id {
        let row = invoice_of(conn, shipment).await?;
        let all = Part {
            amount: money.amount,
            first: Some(row.id),
            is_refund: true,
            number: 0,
        };
        let left = spread(conn, &money, all, rounding).await?;
        if left.is_zero() {
            return Ok(());
        }
        return Err(Problem::new(codes::NOT_INVOICED).into());
    }
    let unit = money.amount.currency();
    let day = now().date_naive();
    let rate = rate_on(conn, unit.code(), day).await?;
    let rate = rate.ok_or_else(|| unknown_rate(unit.code()))?;
    let overflow = |_too_large| Problem::new(codes::MONEY_OVERFLOW);
    let mut gift = money.amount;
    if let Some(excess) = money.excess {
        if ledger::currency(conn).await? != unit.code() {
            // Of another currency nothing was kept, so there is nothing to give back.
            return Err(unknown_rate(unit.code()).into());
        }
        let kept = deposits::give_back(conn, &money, excess, rounding).await?;
        let rest = excess.checked_sub(kept).map_err(overflow)?;
        let rest_of = Part {
            amount: rest,
            first: None,
            is_refund: true,
            number: 1,
        };
        // It paid for what was taken back since.
        let left = spread(conn, &money, rest_of, rounding).await?;
        gift = gift.checked_sub(excess).map_err(overflow)?;
        gift = gift.checked_add(left).map_err(overflow)?;
    }
    if gift.is_zero() {
        return Ok(());
    }
    let account = money_account(money.under_way);
    let postings = [
        Posting::new(RETURNS, gift),
        Posting::new(account, negative(gift)?),
    ];
    let entry = Entry {
        posted_on: day,
        kind: "refund",
        cause: money.transaction_id.to_string(),
        text: format!("Goodwill for order {}", money.order_id),
        postings: &postings,
        rate,
        by: NOBODY,
    };
    post(conn, entry, rounding).await?;
    Ok(())
}

/// What is spread over invoices.
struct Part {
    amount: Money,
    /// The invoice that it is for first.
    first: Option<Uuid>,
    is_refund: bool,
    /// What its first part is numbered.
    number: usize,
}

/// Spreads money over the invoices of its order that are open, or of which more was taken back than is paid. Returns what is left.
async fn spread(
    conn: &mut TenantConn,
    money: &MoneyMoved,
    part: Part,
    rounding: Rounding,
) -> Result<Money, ErpError> {
    let own = invoices::list(conn, Some(money.order_id), None, 250).await?;
    let own = own
        .iter()
        .filter(|row| row.kind == INVOICE && row.status != DRAFT);
    let mut ids: Vec<Uuid> = own.map(|row| row.id).collect();
    ids.sort_by_key(|id| part.first != Some(*id));
    let unit = part.amount.currency();
    let mut left = part.amount.amount();
    for (number, id) in ids.into_iter().enumerate() {
        if left == 0 {
            break;
        }
        let row = invoices::lock(conn, id).await?;
        let row = row.ok_or_else(|| Problem::new(codes::NOT_INVOICED))?;
        let open = if part.is_refund {
            -row.open()
        } else {
            row.open()
        };
        let own = left.min(open);
        if own > 0 {
            let amount = Money::new(own, unit);
            let own_part = paid(money, amount, part.number + number, part.is_refund);
            pay(conn, row, own_part, rounding).await?;
            left -= own;
        }
    }
    Ok(Money::new(left, unit))
}

/// So much of money that has moved, as one of its parts.
fn paid(money: &MoneyMoved, amount: Money, part: usize, is_refund: bool) -> Paid {
    let reference = match part {
        0 => money.transaction_id.to_string(),
        part => format!("{} part {part}", money.transaction_id),
    };
    Paid {
        amount,
        reference,
        account: money_account(money.under_way),
        day: now().date_naive(),
        is_refund,
        by: NOBODY,
    }
}

/// What was given out of goodwill before is part of what is owed for goods that came back: it did not lessen what was earned twice.
pub async fn count_gift(
    conn: &mut TenantConn,
    mut row: InvoiceRow,
    return_id: Uuid,
    given: Money,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let postings = [
        Posting::new(RECEIVABLES, given),
        Posting::new(RETURNS, negative(given)?),
    ];
    let entry = Entry {
        posted_on: now().date_naive(),
        kind: "refund",
        cause: format!("gift for {}", cause_of_return(return_id)),
        text: "Goodwill that was given before the goods came back".to_owned(),
        postings: &postings,
        rate: rate_of(&row)?,
        by: NOBODY,
    };
    post(conn, entry, rounding).await?;
    row.refunded += given.amount();
    invoices::update(conn, &row).await?;
    Ok(())
}

//! What becomes here of what the OMS service tells: goods leave and are invoiced, money comes and goes, what was reserved is
//! given back. Each piece of news once, in the transaction of its effect.

use std::collections::BTreeMap;

use averis_contracts::events::Event;
use averis_contracts::oms::{Cancelled, MoneyMoved, OrderState, Returned, Shipped, kinds};
use averis_money::{Decimal, Money, Rounding};
use averis_service_kit::forms::fold;
use averis_service_kit::problem::{Code, Problem, codes as common};
use averis_tenant_db::TenantConn;
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::deposits::{self, Deposited};
use crate::domain::costs::Cost;
use crate::domain::ledger::{BANK, Posting, RECEIVABLES, RETURNS, UNDER_WAY};
use crate::domain::moves::Place;
use crate::domain::now;
use crate::error::{ErpError, codes};
use crate::http::exchange_rates::{rate_on, unknown_rate};
use crate::http::invoices::credit_notes::{CreditLine, Wanted, credit};
use crate::http::invoices::payments::{Paid, pay};
use crate::http::invoices::{INVOICE, issue, negative, rate_of};
use crate::http::ledger::{Entry, post};
use crate::http::reservations::{commit_if_held, consume, give_back, issue_cause};
use crate::http::stock_moves::{Besides, MoveKind, carry_out};
use crate::store::costs;
use crate::store::invoices::{self, DRAFT, InvoiceLineRow, InvoiceRow};
use crate::store::ledger;
use crate::store::moves::{self, MoveRow};
use crate::store::refused::{self, RefusedRow};
use crate::store::warehouses::{self, CUSTOMER};

/// Nobody: what is told was done by whoever did it there.
const NOBODY: Uuid = Uuid::nil();

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, ErpError> {
    let data = serde_json::from_value(event.data.clone());
    Ok(data.map_err(|error| Problem::new(common::MALFORMED_BODY).because(error))?)
}

/// Whether anything becomes here of what is told under that name.
pub fn concerns(kind: &str) -> bool {
    [
        kinds::PLACED,
        kinds::SHIPPED,
        kinds::CANCELLED,
        kinds::RETURNED,
        kinds::CREDITED,
        kinds::CAPTURED,
        kinds::REFUNDED,
    ]
    .contains(&kind)
}

/// Lets an event have its effect.
///
/// # Errors
/// Those with which the same would be refused by hand.
pub async fn take(
    conn: &mut TenantConn,
    event: &Event,
    rounding: Rounding,
) -> Result<(), ErpError> {
    match event.kind.as_str() {
        kinds::PLACED => {
            let order: OrderState = data(event)?;
            // Its checkout says so too; this is for those that a crash has kept from it.
            commit_if_held(conn, order.checkout_id).await
        }
        kinds::SHIPPED => shipped(conn, event, rounding).await,
        kinds::CANCELLED => cancelled(conn, data(event)?).await,
        kinds::RETURNED => returned(conn, data(event)?).await,
        kinds::CREDITED => credited(conn, data(event)?, rounding).await,
        kinds::CAPTURED => captured(conn, data(event)?, rounding).await,
        kinds::REFUNDED => refunded(conn, data(event)?, rounding).await,
        _ => Ok(()),
    }
}

/// The name under which a shipment is invoiced.
fn cause_of(shipment: Uuid) -> String {
    format!("shipment {shipment}")
}

/// Keeps an event that could not have its effect, or not all of it, for people to look at.
pub async fn keep(conn: &mut TenantConn, event: &Event, code: Code) -> Result<(), ErpError> {
    tracing::warn!(event = %event.id, kind = event.kind, code = code.name, "what was told is refused");
    let row = RefusedRow {
        event_id: event.id,
        kind: event.kind.clone(),
        subject: event.subject,
        data: event.data.clone(),
        code: code.name.to_owned(),
        at: now(),
    };
    Ok(refused::insert(conn, &row).await?)
}

/// At which rate something in that currency is invoiced today, or why it cannot be.
async fn rate_today(
    conn: &mut TenantConn,
    currency: &str,
    day: NaiveDate,
) -> Result<Result<Decimal, Code>, ErpError> {
    let Some(rate) = rate_on(conn, currency, day).await? else {
        return Ok(Err(codes::UNKNOWN_RATE));
    };
    let is_open = ledger::is_open(conn, &day.format("%Y-%m").to_string()).await?;
    Ok(if is_open {
        Ok(rate)
    } else {
        Err(codes::PERIOD_CLOSED)
    })
}

async fn shipped(conn: &mut TenantConn, event: &Event, rounding: Rounding) -> Result<(), ErpError> {
    let shipment: Shipped = data(event)?;
    let cause = cause_of(shipment.shipment_id);
    let mut taken: BTreeMap<Place, i64> = BTreeMap::new();
    for line in &shipment.lines {
        if let (Some(sku), Some(location)) = (&line.sku, line.location_id) {
            *taken.entry((fold(sku), location)).or_default() += line.quantity;
        }
    }
    if !taken.is_empty() {
        // Sooner than its checkout has said so, where that is late.
        commit_if_held(conn, shipment.checkout_id).await?;
        consume(conn, shipment.checkout_id, &cause, &taken, NOBODY).await?;
    }
    let Some(unit) = shipment.lines.first().map(|line| line.net.currency()) else {
        return Ok(());
    };
    let at = now();
    let rate = match rate_today(conn, unit.code(), at.date_naive()).await? {
        Ok(rate) => rate,
        // It has left all the same.
        Err(code) => return keep(conn, event, code).await,
    };
    let overflow = |_too_large| Problem::new(codes::MONEY_OVERFLOW);
    let (mut net, mut tax) = (Money::zero(unit), Money::zero(unit));
    for line in &shipment.lines {
        net = net.checked_add(line.net).map_err(overflow)?;
        tax = tax.checked_add(line.tax).map_err(overflow)?;
    }
    let row = InvoiceRow {
        id: Uuid::now_v7(),
        kind: INVOICE.to_owned(),
        status: DRAFT.to_owned(),
        cause,
        invoice_id: None,
        series: None,
        number: None,
        order_id: Some(shipment.order_id),
        customer_id: shipment.customer_id,
        company_id: shipment.company_id,
        currency: unit.code().to_owned(),
        net: net.amount(),
        tax: tax.amount(),
        paid: 0,
        credited: 0,
        refunded: 0,
        payment_days: shipment.payment_days,
        issued_on: None,
        due_on: None,
        fx_rate: rate.to_string(),
        version: 1,
        created_at: at,
        updated_at: at,
    };
    let lines = (0..)
        .zip(&shipment.lines)
        .map(|(number, line)| InvoiceLineRow {
            invoice_id: row.id,
            line: number,
            sku: line.sku.clone(),
            text: line.name.clone(),
            quantity: line.quantity,
            net: line.net.amount(),
            tax: line.tax.amount(),
            tax_rate: line.tax_rate,
            credited: 0,
        });
    invoices::insert(conn, &row, &lines.collect::<Vec<_>>()).await?;
    issue(conn, row, at.date_naive(), rounding, NOBODY).await?;
    Ok(())
}

/// What is nobody's invoice yet is kept in the currency of the books alone: it would be worth something else when it is.
async fn check_book_currency(conn: &mut TenantConn, code: &str) -> Result<(), ErpError> {
    if ledger::currency(conn).await? != code {
        return Err(Problem::new(codes::UNKNOWN_RATE).into());
    }
    Ok(())
}

async fn cancelled(conn: &mut TenantConn, order: Cancelled) -> Result<(), ErpError> {
    let mut pieces: BTreeMap<Place, i64> = BTreeMap::new();
    for one in &order.pieces {
        if let Some(location) = one.location_id {
            *pieces.entry((fold(&one.sku), location)).or_default() += one.quantity;
        }
    }
    give_back(conn, order.checkout_id, &pieces).await
}

async fn captured(
    conn: &mut TenantConn,
    money: MoneyMoved,
    rounding: Rounding,
) -> Result<(), ErpError> {
    if let Some(shipment) = money.shipment_id {
        // What comes for a shipment is for its invoice; what comes by itself for those that are open, the oldest first.
        let row = invoice_of(conn, shipment).await?;
        pay(conn, row, paid(&money, money.amount, 0, false), rounding).await?;
        return Ok(());
    }
    spread(conn, &money, None, false, rounding).await
}

/// Spreads money over the invoices of its order that are open, or of which more was taken back than is paid; one of them first.
async fn spread(
    conn: &mut TenantConn,
    money: &MoneyMoved,
    first: Option<Uuid>,
    is_refund: bool,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let own = invoices::list(conn, Some(money.order_id), None, 250).await?;
    let own = own
        .iter()
        .filter(|row| row.kind == INVOICE && row.status != DRAFT);
    let mut ids: Vec<Uuid> = own.map(|row| row.id).collect();
    ids.sort_by_key(|id| first != Some(*id));
    let mut left = money.amount.amount();
    for (number, id) in ids.into_iter().enumerate() {
        let row = invoices::lock(conn, id).await?;
        let row = row.ok_or_else(|| Problem::new(codes::NOT_INVOICED))?;
        let open = if is_refund { -row.open() } else { row.open() };
        let part = left.min(open);
        if part > 0 {
            let amount = Money::new(part, money.amount.currency());
            pay(conn, row, paid(money, amount, number, is_refund), rounding).await?;
            left -= part;
        }
    }
    if left == 0 {
        return Ok(());
    }
    if is_refund {
        return Err(Problem::new(codes::NOT_INVOICED).into());
    }
    // It is there before anything is invoiced, or more than is.
    let left = Money::new(left, money.amount.currency());
    check_book_currency(conn, left.currency().code()).await?;
    deposits::keep(conn, &deposited(money), left, rounding).await
}

fn deposited(money: &MoneyMoved) -> Deposited {
    Deposited {
        order_id: money.order_id,
        transaction_id: money.transaction_id,
        under_way: money.under_way,
    }
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
        account: if money.under_way { UNDER_WAY } else { BANK },
        day: now().date_naive(),
        is_refund,
        by: NOBODY,
    }
}

/// The name under which a return is moved and credited.
fn cause_of_return(id: Uuid) -> String {
    format!("return {id}")
}

/// What can be sold again comes back to where it had left from; the rest stays aside in the same warehouse.
async fn returned(conn: &mut TenantConn, goods: Returned) -> Result<(), ErpError> {
    let customer = warehouses::outside(conn, CUSTOMER).await?;
    let at = now();
    // What comes back is worth what it had left for (E8).
    let cause = issue_cause(goods.checkout_id, &cause_of(goods.shipment_id));
    let issued = moves::of_cause(conn, MoveKind::Issue.as_str(), &cause).await?;
    let mut besides = Besides::default();
    let mut planned: Vec<MoveRow> = Vec::new();
    for line in &goods.lines {
        let (Some(sku), Some(location)) = (&line.sku, line.location_id) else {
            continue;
        };
        let aside = warehouses::quarantine_beside(conn, location).await?;
        let aside = aside.ok_or_else(|| Problem::new(codes::UNKNOWN_LOCATION))?;
        for (to_id, quantity) in [
            (location, line.restocked),
            (aside, line.quantity - line.restocked),
        ] {
            if quantity > 0 {
                let id = Uuid::now_v7();
                let left = issued.iter().find(|one| one.folded == fold(sku));
                if let Some(left) = left.filter(|one| one.from_id == location) {
                    let before = costs::note_returned(conn, left.id, quantity).await?;
                    let cost = Cost {
                        quantity: left.quantity,
                        value: left.value,
                    };
                    let worth = cost.of(before + quantity) - cost.of(before);
                    besides.costs.insert(id, worth);
                }
                planned.push(MoveRow {
                    id,
                    folded: fold(sku),
                    sku: sku.clone(),
                    from_id: customer,
                    to_id,
                    quantity,
                    kind: MoveKind::Return.as_str().to_owned(),
                    cause: cause_of_return(goods.return_id),
                    line: i32::try_from(planned.len()).unwrap_or(i32::MAX),
                    note: None,
                    at,
                    moved_by: NOBODY,
                    value: 0,
                });
            }
        }
    }
    carry_out(conn, planned, &besides).await?;
    Ok(())
}

/// Returns the invoice of a shipment, locked.
async fn invoice_of(conn: &mut TenantConn, shipment: Uuid) -> Result<InvoiceRow, ErpError> {
    let row = invoices::find_by_cause(conn, INVOICE, &cause_of(shipment)).await?;
    let row = row.ok_or_else(|| Problem::new(codes::NOT_INVOICED))?;
    let row = invoices::lock(conn, row.id).await?;
    Ok(row.ok_or_else(|| Problem::new(codes::NOT_INVOICED))?)
}

async fn credited(
    conn: &mut TenantConn,
    goods: Returned,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let row = invoice_of(conn, goods.shipment_id).await?;
    let cause = cause_of_return(goods.return_id);
    let lines = goods.lines.iter().map(|line| CreditLine {
        line: line.place,
        quantity: line.quantity,
    });
    let wanted = Wanted {
        cause: &cause,
        lines: &lines.collect::<Vec<_>>(),
        day: now().date_naive(),
        by: NOBODY,
    };
    credit(conn, row, wanted, rounding).await?;
    match goods.given {
        Some(given) if given.amount() > 0 => {
            let row = invoice_of(conn, goods.shipment_id).await?;
            count_gift(conn, row, goods.return_id, given, rounding).await
        }
        _ => Ok(()),
    }
}

/// What was given out of goodwill before is part of what is owed for goods that came back: it did not lessen what was earned twice.
async fn count_gift(
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

/// What goes back for goods that came back is owed since they were credited. What goes back out of goodwill takes no invoice back: it
/// lessens what was earned.
async fn refunded(
    conn: &mut TenantConn,
    money: MoneyMoved,
    rounding: Rounding,
) -> Result<(), ErpError> {
    if let Some(shipment) = money.shipment_id {
        let row = invoice_of(conn, shipment).await?;
        return spread(conn, &money, Some(row.id), true, rounding).await;
    }
    let unit = money.amount.currency();
    let day = now().date_naive();
    let rate = rate_on(conn, unit.code(), day).await?;
    let rate = rate.ok_or_else(|| unknown_rate(unit.code()))?;
    // What was paid for pieces that will not be invoiced was never earned.
    let excess = money.excess.unwrap_or(Money::zero(unit));
    let kept = deposits::give_back(conn, &deposited(&money), excess, rounding).await?;
    let overflow = |_too_large| Problem::new(codes::MONEY_OVERFLOW);
    let gift = money.amount.checked_sub(kept).map_err(overflow)?;
    if gift.is_zero() {
        return Ok(());
    }
    let account = if money.under_way { UNDER_WAY } else { BANK };
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

//! What becomes here of what the OMS service tells: goods leave and are invoiced, money comes and goes, what was reserved is
//! given back. Each piece of news once, in the transaction of its effect.

mod money;

use std::collections::BTreeMap;

use averis_contracts::events::Event;
use averis_contracts::oms::{Cancelled, OrderState, Returned, Shipped, kinds};
use averis_money::{Decimal, Money, Rounding};
use averis_service_kit::forms::fold;
use averis_service_kit::problem::{Code, Problem, codes as common};
use averis_tenant_db::TenantConn;
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use self::money::{captured, count_gift, refunded};
use crate::deposits;
use crate::domain::costs::Cost;
use crate::domain::moves::Place;
use crate::domain::now;
use crate::error::{ErpError, codes};
use crate::http::exchange_rates::rate_on;
use crate::http::invoices::credit_notes::{CreditLine, Wanted, credit};
use crate::http::invoices::{INVOICE, issue};
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
        kinds::CANCELLED => cancelled(conn, event, rounding).await,
        kinds::RETURNED => returned(conn, data(event)?).await,
        kinds::CREDITED => credited(conn, data(event)?, rounding).await,
        kinds::CAPTURED => captured(conn, event, data(event)?, rounding).await,
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

async fn cancelled(
    conn: &mut TenantConn,
    event: &Event,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let order: Cancelled = data(event)?;
    let mut pieces: BTreeMap<Place, i64> = BTreeMap::new();
    for one in &order.pieces {
        if let Some(location) = one.location_id {
            *pieces.entry((fold(&one.sku), location)).or_default() += one.quantity;
        }
    }
    give_back(conn, order.checkout_id, &pieces).await?;
    match order.excess {
        // It was posted as a gift, and was the customer's own.
        Some(excess) => deposits::was_no_gift(conn, &order, event.id, excess, rounding).await,
        None => Ok(()),
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

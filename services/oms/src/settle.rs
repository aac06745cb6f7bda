//! What becomes of an order when a payment provider has spoken, whoever has heard it: the request that waits, the sweeper, or
//! a webhook. All of them come here, in any order and more than once, and only the first changes anything.

use averis_contracts::oms::{MoneyMoved, PaymentFailed, kinds};
use averis_money::Money;
use averis_outbox::publish;
use averis_service_kit::problem::Problem;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::amounts::currency;
use crate::domain::causes::{first_cause, return_of, shipment_of};
use crate::domain::now;
use crate::domain::orders::{CANCELLED, DRAFT, ON_HOLD, PLACED};
use crate::error::OmsError;
use crate::provider::Outcome;
use crate::states::{hold, place, put_held};
use crate::store::events::note;
use crate::store::orders::{LineRow, OFFLINE, OrderRow};
use crate::store::payments::{
    AUTHORISE, CAPTURE, CHARGEBACK, FAILURE, INITIAL, PENDING, PaymentRow, REFUND, SUCCESS,
    TransactionRow, VOID,
};
use crate::store::{orders, payments};

/// The first pause before a provider is asked again, in seconds; each is twice the one before.
const PAUSE: i64 = 2;
/// The longest pause, in seconds.
const LONGEST: i64 = 300;
/// How long a provider is asked. It forgets after a day what it was asked for, and would do it again.
pub const GIVE_UP: TimeDelta = TimeDelta::hours(20);
/// How often what is left of an authorisation is let go, where that fails.
const VOIDS: usize = 5;
/// When what only a person can find out is asked for again: not while anybody remembers.
const LOOKED_AT: TimeDelta = TimeDelta::days(3_650);

/// When to look whether what is authorised still is: before a provider lets it go, which Stripe does after seven days.
const LOOK_AFTER: TimeDelta = TimeDelta::days(6);
/// Why an order is held whose authorisation has ended.
const WHY_ENDED: &str = "The authorisation of its payment has ended";
/// Longest reason for which an order is held, in characters.
const MAX_REASON: usize = 500;

/// Notes that a provider is to be asked for something, once for a cause. Returns its transaction.
pub async fn ask(
    conn: &mut TenantConn,
    order: Uuid,
    kind: &str,
    cause: String,
    amount: i64,
) -> Result<TransactionRow, OmsError> {
    let row = new(order, kind, cause, amount);
    payments::ask(conn, &row).await?;
    Ok(row)
}

/// Notes that a provider is to be asked to authorise what an order comes to. Returns its transaction, also where it was noted before.
pub async fn ask_authorisation(
    conn: &mut TenantConn,
    order: &OrderRow,
) -> Result<TransactionRow, OmsError> {
    let row = new(order.id, AUTHORISE, "order".to_owned(), order.total());
    if payments::ask(conn, &row).await? {
        return Ok(row);
    }
    let all = payments::transactions_of(conn, order.id).await?;
    let there = all.into_iter().find(|row| row.kind == AUTHORISE);
    Ok(there.ok_or_else(Problem::not_found)?)
}

/// Notes that money is to go back for no goods that came back, of which so much was paid above what the order comes to. Returns its
/// transaction.
pub async fn ask_refund(
    conn: &mut TenantConn,
    payment: &mut PaymentRow,
    cause: String,
    amount: i64,
    excess: i64,
) -> Result<TransactionRow, OmsError> {
    payment.refunding += amount;
    payment.excess += excess;
    payments::put(conn, payment).await?;
    let row = TransactionRow {
        excess,
        ..new(payment.order_id, REFUND, cause, amount)
    };
    payments::ask(conn, &row).await?;
    Ok(row)
}

fn new(order: Uuid, kind: &str, cause: String, amount: i64) -> TransactionRow {
    let at = now();
    TransactionRow {
        id: Uuid::now_v7(),
        order_id: order,
        kind: kind.to_owned(),
        cause,
        amount,
        state: INITIAL.to_owned(),
        reference: None,
        failure: None,
        attempts: 0,
        next_at: at,
        created_at: at,
        updated_at: at,
        excess: 0,
    }
}

/// Notes that something cannot be captured, since it is not authorised any more: it is owed.
pub async fn owe(
    conn: &mut TenantConn,
    order: &OrderRow,
    cause: String,
    amount: i64,
) -> Result<(), OmsError> {
    let row = TransactionRow {
        state: FAILURE.to_owned(),
        failure: Some("not_authorised".to_owned()),
        ..new(order.id, CAPTURE, cause, amount)
    };
    payments::ask(conn, &row).await?;
    refused(conn, order, &row).await
}

/// Returns an order, locked, with how it is paid.
///
/// # Errors
/// 404 when there is none.
pub async fn locked(
    conn: &mut TenantConn,
    order: Uuid,
) -> Result<(OrderRow, PaymentRow), OmsError> {
    let found = orders::lock(conn, order).await?;
    Ok(found.ok_or_else(Problem::not_found)?)
}

/// Notes what a provider has said of a transaction of an order. What is final stays as it is.
pub async fn settle(
    conn: &mut TenantConn,
    order: Uuid,
    transaction: Uuid,
    outcome: &Outcome,
) -> Result<(), OmsError> {
    // First the order: then nobody else changes the transaction.
    let (order, mut payment) = locked(conn, order).await?;
    let settled = settle_locked(conn, order, &mut payment, transaction, outcome);
    settled.await.map(drop)
}

/// Like [`settle`], of an order that is locked. Returns it as it is then.
pub async fn settle_locked(
    conn: &mut TenantConn,
    order: OrderRow,
    payment: &mut PaymentRow,
    transaction: Uuid,
    outcome: &Outcome,
) -> Result<OrderRow, OmsError> {
    let Some(mut row) = payments::find_transaction(conn, transaction).await? else {
        return Ok(order);
    };
    if row.is_final() {
        return Ok(order);
    }
    let at = now();
    row.attempts += 1;
    row.updated_at = at;
    match outcome {
        Outcome::Success(reference) => {
            row.state = SUCCESS.to_owned();
            row.reference = Some(reference.clone());
            payments::put_transaction(conn, &row).await?;
            return succeeded(conn, order, payment, &row).await;
        }
        Outcome::Failure(why) => {
            row.state = FAILURE.to_owned();
            row.failure = Some(why.clone());
            payments::put_transaction(conn, &row).await?;
            failed(conn, &order, payment, &row).await?;
        }
        Outcome::Open(reference) => {
            row.state = PENDING.to_owned();
            row.reference = Some(reference.clone());
            if row.kind == AUTHORISE && payment.reference.is_none() {
                // So that a webhook finds it.
                payment.reference = Some(reference.clone());
                payments::put(conn, payment).await?;
            }
            row.next_at = at + pause(row.attempts);
            payments::put_transaction(conn, &row).await?;
        }
        Outcome::Unknown(why) => {
            tracing::warn!(transaction = %row.id, kind = row.kind, reason = why, "no answer of a payment provider");
            unanswered(conn, &order, payment, row, at).await?;
        }
    }
    Ok(order)
}

/// Notes that a provider has not answered.
async fn unanswered(
    conn: &mut TenantConn,
    order: &OrderRow,
    payment: &mut PaymentRow,
    mut row: TransactionRow,
    at: DateTime<Utc>,
) -> Result<(), OmsError> {
    row.state = PENDING.to_owned();
    row.next_at = at + pause(row.attempts);
    if at - row.created_at <= GIVE_UP {
        return Ok(payments::put_transaction(conn, &row).await?);
    }
    if row.kind == AUTHORISE {
        // Without its name it is never captured, and it ends by itself.
        row.state = FAILURE.to_owned();
        row.failure = Some("no_answer".to_owned());
        payments::put_transaction(conn, &row).await?;
        return failed(conn, order, payment, &row).await;
    }
    // It may have been done. A person has to look, and nobody asks again: that would be another one by now.
    row.next_at = at + LOOKED_AT;
    payments::put_transaction(conn, &row).await?;
    let kind = format!("payment.{}_unknown", row.kind);
    let told = json!({"amount": row.amount, "transaction_id": row.id});
    Ok(note(conn, order.id, &kind, None, told).await?)
}

fn pause(attempts: i32) -> TimeDelta {
    let doubled = 1_i64 << attempts.clamp(1, 10);
    TimeDelta::seconds((PAUSE * doubled / 2).min(LONGEST))
}

async fn succeeded(
    conn: &mut TenantConn,
    order: OrderRow,
    payment: &mut PaymentRow,
    row: &TransactionRow,
) -> Result<OrderRow, OmsError> {
    let told = json!({"amount": row.amount, "currency": order.currency, "transaction_id": row.id});
    match row.kind.as_str() {
        AUTHORISE => {
            payment.authorised += row.amount;
            payment.reference.clone_from(&row.reference);
            payment.look_at = Some(row.updated_at + LOOK_AFTER);
            payments::put(conn, payment).await?;
            note(conn, order.id, "payment.authorised", None, told).await?;
            moved(conn, kinds::AUTHORISED, &order, row).await?;
            if order.status == DRAFT {
                return place(conn, order).await;
            }
            if order.status == CANCELLED {
                // It was given up meanwhile. A late yes brings nothing back.
                ask(conn, order.id, VOID, "late".to_owned(), payment.open()).await?;
            }
        }
        CAPTURE => {
            payment.capturing -= row.amount;
            payment.captured += row.amount;
            payments::put(conn, payment).await?;
            note(conn, order.id, "payment.captured", None, told).await?;
            moved(conn, kinds::CAPTURED, &order, row).await?;
            let lines = orders::lines_of(conn, &[order.id]).await?;
            give_up_rest(conn, &order, payment, &lines).await?;
        }
        VOID => {
            payment.voided += row.amount;
            payments::put(conn, payment).await?;
            note(conn, order.id, "payment.voided", None, told).await?;
        }
        REFUND => {
            payment.refunding -= row.amount;
            payment.refunded += row.amount;
            payments::put(conn, payment).await?;
            note(conn, order.id, "payment.refunded", None, told).await?;
            moved(conn, kinds::REFUNDED, &order, row).await?;
        }
        CHARGEBACK => {
            payment.charged_back += row.amount;
            payments::put(conn, payment).await?;
            note(conn, order.id, "payment.charged_back", None, told).await?;
        }
        _ => {}
    }
    Ok(order)
}

async fn failed(
    conn: &mut TenantConn,
    order: &OrderRow,
    payment: &mut PaymentRow,
    row: &TransactionRow,
) -> Result<(), OmsError> {
    match row.kind.as_str() {
        CAPTURE => payment.capturing -= row.amount,
        REFUND => {
            payment.refunding -= row.amount;
            payment.excess -= row.excess;
            if return_of(&row.cause).is_some() {
                payment.for_returns -= row.amount;
            }
        }
        _ => {}
    }
    if [CAPTURE, VOID].contains(&row.kind.as_str()) && payment.open() > 0 {
        // Perhaps there is nothing left to be taken, or to be let go.
        payment.look_at = Some(row.updated_at);
    }
    payments::put(conn, payment).await?;
    refused(conn, order, row).await?;
    if row.kind == CAPTURE {
        let lines = orders::lines_of(conn, &[order.id]).await?;
        give_up_rest(conn, order, payment, &lines).await?;
    }
    Ok(())
}

/// Notes and tells that something was refused.
async fn refused(
    conn: &mut TenantConn,
    order: &OrderRow,
    row: &TransactionRow,
) -> Result<(), OmsError> {
    let kind = format!("payment.{}_failed", row.kind);
    let why = json!({"amount": row.amount, "failure": row.failure, "transaction_id": row.id});
    note(conn, order.id, &kind, None, why).await?;
    if row.kind == AUTHORISE && order.status == CANCELLED {
        // We have withdrawn it ourselves.
        return Ok(());
    }
    let event = PaymentFailed {
        order_id: order.id,
        transaction_id: row.id,
        kind: row.kind.clone(),
        amount: Money::new(row.amount, currency(&order.currency)?),
        failure: row.failure.clone(),
    };
    Ok(publish(conn, kinds::FAILED, order.id, &event).await?)
}

/// Notes that a provider has let go by itself what it had authorised. What is not sent yet is held: nobody pays for it any more.
pub async fn ended(
    conn: &mut TenantConn,
    order: OrderRow,
    mut payment: PaymentRow,
) -> Result<(), OmsError> {
    payment.look_at = None;
    payments::put(conn, &payment).await?;
    if payment.open() <= 0 {
        return Ok(());
    }
    let reference = payment.reference.clone().unwrap_or_default();
    let row = ask(conn, order.id, VOID, "ended".to_owned(), payment.open()).await?;
    let done = Outcome::Success(reference);
    let order = settle_locked(conn, order, &mut payment, row.id, &done).await?;
    let lines = orders::lines_of(conn, &[order.id]).await?;
    if !lines.iter().any(|line| line.pieces().open() > 0) {
        return Ok(());
    }
    match (order.status.as_str(), &order.hold_reason) {
        (PLACED, _) => hold(conn, order, WHY_ENDED.to_owned(), None).await?,
        // Whoever releases it has to know.
        (ON_HOLD, Some(reason)) => {
            let both = format!("{WHY_ENDED}. {reason}");
            put_held(conn, order, both.chars().take(MAX_REASON).collect(), None).await?
        }
        _ => order,
    };
    Ok(())
}

/// Tells that money has come, or gone back.
pub async fn moved(
    conn: &mut TenantConn,
    kind: &'static str,
    order: &OrderRow,
    row: &TransactionRow,
) -> Result<(), OmsError> {
    let shipment = match return_of(&row.cause) {
        Some((_, shipment)) => Some(shipment),
        None => shipment_of(&row.cause),
    };
    let unit = currency(&order.currency)?;
    let event = MoneyMoved {
        order_id: order.id,
        checkout_id: order.checkout_id,
        shipment_id: shipment,
        amount: Money::new(row.amount, unit),
        transaction_id: row.id,
        under_way: order.provider != OFFLINE,
        excess: (row.excess > 0).then_some(Money::new(row.excess, unit)),
    };
    Ok(publish(conn, kind, order.id, &event).await?)
}

/// Lets go what is authorised and will not be captured, once nothing is to be shipped any more.
pub async fn give_up_rest(
    conn: &mut TenantConn,
    order: &OrderRow,
    payment: &PaymentRow,
    lines: &[LineRow],
) -> Result<(), OmsError> {
    let is_open = lines.iter().any(|line| line.pieces().open() > 0);
    if is_open || payment.capturing > 0 || payment.open() <= 0 {
        return Ok(());
    }
    let all = payments::transactions_of(conn, order.id).await?;
    let voids = all.iter().filter(|row| row.kind == VOID);
    if voids.clone().any(|row| !row.is_final()) {
        return Ok(());
    }
    // What has left and could not be taken is owed still.
    let captures = || all.iter().filter(|row| row.kind == CAPTURE);
    let is_replaced = |row: &TransactionRow| {
        captures().any(|other| {
            other.created_at > row.created_at
                && first_cause(&other.cause) == first_cause(&row.cause)
        })
    };
    let owed = captures().filter(|row| row.state == FAILURE && !is_replaced(row));
    let rest = payment.open() - owed.map(|row| row.amount).sum::<i64>();
    // One that has failed is tried again with what comes next, a few times.
    let number = voids.count();
    if rest > 0 && number < VOIDS {
        ask(conn, order.id, VOID, format!("rest {number}"), rest).await?;
    }
    Ok(())
}

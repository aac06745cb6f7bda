//! Money that comes and goes besides shipments: transfers, and what is given back out of goodwill.

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PartId, PathId};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::orders::{OrderView, answer};
use crate::State;
use crate::amounts::currency;
use crate::domain::causes::{AGAIN, first_cause, return_of, shipment_of};
use crate::domain::orders::DRAFT;
use crate::drive::{drive_asked, wake};
use crate::error::{OmsError, codes};
use crate::provider::Outcome;
use crate::settle::{ask, ask_refund, locked, settle};
use crate::store::orders::{self, OFFLINE, OrderRow};
use crate::store::payments::{self, CAPTURE, FAILURE, REFUND, TransactionRow};
use crate::store::returns;

/// What a provider was asked, or has done.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransactionView {
    id: Uuid,
    /// `authorise`, `capture`, `void`, `refund` or `chargeback`.
    #[schema(example = "capture")]
    kind: String,
    /// What it is for.
    #[schema(example = "shipment 0198c0de-0000-7000-8000-000000000000")]
    cause: String,
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// `initial`, `pending`, `success` or `failure`.
    #[schema(example = "success")]
    state: String,
    /// The provider's, or the bank's.
    reference: Option<String>,
    /// Why not, in one word.
    failure: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: TransactionRow, unit: averis_money::Currency) -> TransactionView {
    TransactionView {
        id: row.id,
        kind: row.kind,
        cause: row.cause,
        amount: Money::new(row.amount, unit),
        state: row.state,
        reference: row.reference,
        failure: row.failure,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Lists what a payment provider was asked for an order, and what it said, the first first.
#[utoipa::path(get, path = "/api/oms/v1/orders/{id}/transactions", tag = "payments", security(("token" = ["order:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "All of it.", body = Page<TransactionView>)))]
pub async fn list_transactions(
    tenant: Tenant<may::OrderRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let order = orders::find(conn, id).await?;
        let order = order.ok_or_else(Problem::not_found)?;
        let unit = currency(&order.currency)?;
        let rows = payments::transactions_of(conn, id).await?.into_iter();
        Ok(rows.map(|row| view(row, unit)).collect())
    });
    Ok(Reply::ok(&Page {
        data: found.await?,
        next_cursor: None,
    }))
}

/// Asks a provider again for a capture or a refund that it has refused: once, until that has an outcome of its own. What was done is
/// not done again. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/transactions/{part_id}/retry", tag = "payments", security(("token" = ["payment:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path)),
    responses((status = 200, description = "The order.", body = OrderView)))]
pub async fn retry_transaction(
    tenant: Tenant<may::PaymentWrite>,
    state: Data<State>,
    ids: PartId,
    command: Command,
) -> ApiResult<Reply> {
    let reply = once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, OmsError> {
            let (order, mut payment) = locked(conn, ids.id).await?;
            let all = payments::transactions_of(conn, ids.id).await?;
            let row = all.iter().find(|row| row.id == ids.part);
            let row = row.ok_or_else(Problem::not_found)?;
            let base = first_cause(&row.cause);
            let same = |other: &&TransactionRow| {
                other.kind == row.kind && first_cause(&other.cause) == base
            };
            // Somebody has asked again already.
            if all.iter().filter(same).any(|other| other.state != FAILURE) {
                return answer(conn, ids.id).await;
            }
            let (amount, left) = match row.kind.as_str() {
                // What came back meanwhile is not paid for any more.
                CAPTURE => {
                    let shipment = shipment_of(base);
                    let credited = returns::credited_of(conn, shipment.as_slice()).await?;
                    (row.amount - credited, payment.open())
                }
                REFUND => (row.amount, payment.refundable()),
                _ => return Err(refused(&order, "second try")),
            };
            if !(1..=left).contains(&amount) {
                return Err(Problem::new(codes::NOT_REFUNDABLE)
                    .with("left", left)
                    .into());
            }
            let number = all.iter().filter(same).count();
            let cause = format!("{base}{AGAIN}{number}");
            if row.kind == REFUND && return_of(base).is_none() {
                ask_refund(conn, &mut payment, cause, amount, row.excess).await?;
                return answer(conn, ids.id).await;
            }
            if row.kind == CAPTURE {
                payment.capturing += amount;
            } else {
                payment.refunding += amount;
                payment.for_returns += amount;
            }
            payments::put(conn, &payment).await?;
            ask(conn, ids.id, &row.kind, cause, amount).await?;
            answer(conn, ids.id).await
        },
    );
    let reply = reply.await?;
    wake(&state, &tenant.db);
    Ok(reply)
}

/// Money that has come by transfer.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotePayment {
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// The bank's: each counts once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "2026-11-28 4711")]
    reference: String,
}

fn check_amount(amount: Money, order: &OrderRow) -> Result<(), OmsError> {
    if amount.amount() < 1 {
        let message = "must be more than nothing";
        return Err(FieldProblem::new("/amount/amount", "range", message).into());
    }
    if amount.currency().code() != order.currency {
        let message = format!("must be in {}, as the order is", order.currency);
        return Err(FieldProblem::new("/amount/currency", "other_currency", message).into());
    }
    Ok(())
}

/// Notes that money has come by transfer for an order that is paid so. Each reference counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/payments", tag = "payments", security(("token" = ["payment:write"])),
    request_body = NotePayment, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The order.", body = OrderView)))]
pub async fn note_payment(
    tenant: Tenant<may::PaymentWrite>,
    PathId(id): PathId,
    post: Post<NotePayment>,
) -> ApiResult<Reply> {
    let body = &post.body;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let (order, mut payment) = locked(conn, id).await?;
            check_amount(body.amount, &order)?;
            if order.provider != OFFLINE {
                return Err(refused(&order, "a transfer"));
            }
            let cause = format!("transfer {}", body.reference);
            if repeated(conn, id, CAPTURE, &cause, body.amount.amount()).await? {
                return answer(conn, id).await;
            }
            if order.status == DRAFT {
                return Err(refused(&order, "a transfer"));
            }
            payment.capturing += body.amount.amount();
            payments::put(conn, &payment).await?;
            let row = ask(conn, id, CAPTURE, cause, body.amount.amount()).await?;
            settle(
                conn,
                row.order_id,
                row.id,
                &Outcome::Success(body.reference.clone()),
            )
            .await?;
            answer(conn, id).await
        },
    )
    .await
}

fn refused(order: &OrderRow, what: &str) -> OmsError {
    let problem = Problem::new(common::INVALID_TRANSITION).detail(format!(
        "There is no {what} for an order that is {} and paid by {}.",
        order.status, order.provider
    ));
    problem
        .with("current_status", order.status.clone())
        .with("allowed", Vec::<String>::new())
        .into()
}

/// Whether that was noted before; an error if something else was.
async fn repeated(
    conn: &mut TenantConn,
    order: Uuid,
    kind: &str,
    cause: &str,
    amount: i64,
) -> Result<bool, OmsError> {
    let all = payments::transactions_of(conn, order).await?;
    let there = all
        .iter()
        .find(|row| row.kind == kind && row.cause == cause);
    match there {
        Some(row) if row.amount == amount => Ok(true),
        Some(_) => Err(Problem::new(codes::REFERENCE_TAKEN).into()),
        None => Ok(false),
    }
}

/// Money that goes back.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveBack {
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "A scratch on the lamp")]
    reason: String,
    /// What it is for: each counts once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "Ticket 4711")]
    reference: String,
}

/// Gives money back, at most what has come and has not gone back: first what was paid for pieces that were cancelled since, or by
/// mistake; the rest is a gift. Each reference counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/refunds", tag = "payments", security(("token" = ["payment:write"])),
    request_body = GiveBack, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The order.", body = OrderView)))]
pub async fn refund_order(
    tenant: Tenant<may::PaymentWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<GiveBack>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let cause = format!("goodwill {}", body.reference);
    let actor = tenant.caller.identity.subject;
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let (order, mut payment) = locked(conn, id).await?;
            check_amount(body.amount, &order)?;
            let amount = body.amount.amount();
            if repeated(conn, id, REFUND, &cause, amount).await? {
                return answer(conn, id).await;
            }
            if amount > payment.refundable() {
                return Err(Problem::new(codes::NOT_REFUNDABLE)
                    .with("refundable", payment.refundable())
                    .into());
            }
            let lines = orders::lines_of(conn, &[id]).await?;
            let excess = payment.above(&lines).min(amount);
            let row = ask_refund(conn, &mut payment, cause.clone(), amount, excess).await?;
            let told = serde_json::json!({"amount": amount, "reason": body.reason, "reference": body.reference});
            crate::store::events::note(conn, id, "refund.granted", Some(actor), told).await?;
            if order.provider == OFFLINE {
                // Whoever grants it transfers it.
                settle(
                    conn,
                    row.order_id,
                    row.id,
                    &Outcome::Success(body.reference.clone()),
                )
                .await?;
            }
            answer(conn, id).await
        },
    );
    let reply = reply.await?;
    drive_asked(&state, &tenant.db, id, REFUND, &cause).await?;
    Ok(reply)
}

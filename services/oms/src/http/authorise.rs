//! Drafts that are paid for, and placed with that.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::Command;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::{TenantConn, TenantDb};
use uuid::Uuid;

use super::orders::{OrderView, view};
use crate::State;
use crate::domain::orders::{CANCELLED, DRAFT, OrderCommand};
use crate::drive::{authorisation, said, wake};
use crate::error::{OmsError, codes};
use crate::settle::{ask_authorisation, locked, settle_locked};
use crate::states::place;
use crate::store::orders::{self, OFFLINE, OrderRow};
use crate::store::payments::{self, PaymentRow, TransactionRow};

/// Has the payment of a draft authorised, and places the order with it. An order that is paid offline, or costs nothing, is placed
/// at once. Of a provider that is silent or asks the buyer something nobody knows yet: 202, and the order is placed by itself
/// once the provider has said yes. Asked again, it tells how far it is.
/// The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/authorise", tag = "orders", security(("token" = ["order:place"])),
    params(("id" = Uuid, Path)), responses(
        (status = 200, description = "The order, which is placed.", body = OrderView),
        (status = 202, description = "The draft, whose payment is under way.", body = OrderView)))]
pub async fn authorise_order(
    tenant: Tenant<may::OrderPlace>,
    state: Data<State>,
    PathId(id): PathId,
    _key: Command,
) -> ApiResult<Reply> {
    let begun = tenant.db.transaction(async |conn| begin(conn, id).await);
    let view = pay(&state, &tenant.db, begun.await?).await?;
    Ok(under_way(&view).unwrap_or_else(|| Reply::ok(&view).version(view.version())))
}

/// The answer of a draft whose payment is under way, if it is one.
pub fn under_way(view: &OrderView) -> Option<Reply> {
    let accepted = || Reply::accepted(view.address(), view).version(view.version());
    view.is_draft().then(accepted)
}

/// Goes on with paying for a draft as far as it goes now. Returns the order: placed, or a draft whose payment is under way.
///
/// # Errors
/// 402 when the payment was declined, 409 when it was cancelled before.
pub async fn pay(state: &State, db: &TenantDb, begun: Begun) -> Result<OrderView, Problem> {
    let (row, all, view) = match begun {
        Begun::Over(standing) => *standing,
        Begun::Asks(asked) => {
            let (transaction, order, payment) = *asked;
            // No transaction of the database is open while the provider is asked.
            let outcome = said(state, &transaction, &order, &payment).await;
            let settled = db.transaction(async |conn| -> Result<_, OmsError> {
                let (mut order, mut payment) = locked(conn, order.id).await?;
                if let Some(outcome) = &outcome {
                    let settled = settle_locked(conn, order, &mut payment, transaction.id, outcome);
                    order = settled.await?;
                }
                standing(conn, order, payment).await
            });
            settled.await?
        }
    };
    if all.iter().any(|transaction| !transaction.is_final()) {
        wake(state, db);
    }
    match authorisation(&all) {
        Some(Err(failure)) => {
            let problem = Problem::new(codes::PAYMENT_DECLINED);
            Err(problem.with("failure", failure.unwrap_or_default()))
        }
        _ if row.status == CANCELLED && row.placed_at.is_none() => Err(refused_authorise(&row)),
        _ => Ok(view),
    }
}

fn refused_authorise(row: &OrderRow) -> Problem {
    match OrderCommand::Place.apply(&row.status) {
        Err(problem) => problem,
        Ok(_) => Problem::not_found(),
    }
}

/// An order with its transactions, as it is told.
type Standing = (OrderRow, Vec<TransactionRow>, OrderView);

/// What is to be done for a draft to be paid for.
pub enum Begun {
    /// Nothing: this is how it stands.
    Over(Box<Standing>),
    /// A provider is to be asked for this transaction of the order, which is paid so.
    Asks(Box<(TransactionRow, OrderRow, PaymentRow)>),
}

/// Begins to pay for an order, if it is a draft.
///
/// # Errors
/// 404 when there is none.
pub async fn begin(conn: &mut TenantConn, id: Uuid) -> Result<Begun, OmsError> {
    let (order, payment) = locked(conn, id).await?;
    match order.status.as_str() {
        DRAFT => begin_with(conn, order, payment).await,
        _ => Ok(Begun::Over(Box::new(standing(conn, order, payment).await?))),
    }
}

/// Places a draft that needs no authorisation; otherwise says what a provider is to be asked for.
pub async fn begin_with(
    conn: &mut TenantConn,
    order: OrderRow,
    payment: PaymentRow,
) -> Result<Begun, OmsError> {
    if order.total() == 0 || order.provider == OFFLINE {
        let placed = place(conn, order).await?;
        return Ok(Begun::Over(Box::new(
            standing(conn, placed, payment).await?,
        )));
    }
    let row = ask_authorisation(conn, &order).await?;
    Ok(Begun::Asks(Box::new((row, order, payment))))
}

/// Returns how an order stands.
async fn standing(
    conn: &mut TenantConn,
    row: OrderRow,
    payment: PaymentRow,
) -> Result<Standing, OmsError> {
    let all = payments::transactions_of(conn, row.id).await?;
    let lines = orders::lines_of(conn, &[row.id]).await?;
    let is_declined = matches!(authorisation(&all), Some(Err(_)));
    let view = view(row.clone(), &lines, payment, is_declined)?;
    Ok((row, all, view))
}

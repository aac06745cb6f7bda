//! Drafts that are paid for, and placed with that.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::Command;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use uuid::Uuid;

use super::orders::{OrderView, view};
use crate::State;
use crate::domain::orders::{CANCELLED, DRAFT, OrderCommand};
use crate::drive::{authorisation, drive_known, wake};
use crate::error::{OmsError, codes};
use crate::settle::{ask, locked, place};
use crate::store::orders::{self, OFFLINE, OrderRow};
use crate::store::payments::{self, AUTHORISE, PaymentRow, TransactionRow};

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
    let asked = tenant
        .db
        .transaction(async |conn| begin(conn, id).await)
        .await?;
    if let Some((transaction, order, payment)) = asked {
        // No transaction of the database is open while the provider is asked.
        drive_known(&state, &tenant.db, transaction, &order, payment).await?;
    }
    let found = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let row = orders::find(conn, id).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        let all = payments::transactions_of(conn, id).await?;
        let payment = payments::find(conn, id).await?;
        let payment = payment.ok_or_else(Problem::not_found)?;
        let lines = orders::lines_of(conn, &[id]).await?;
        let is_declined = matches!(authorisation(&all), Some(Err(_)));
        let view = view(row.clone(), &lines, payment, is_declined)?;
        Ok((row, all, view))
    });
    let (row, all, view) = found.await?;
    if all.iter().any(|transaction| !transaction.is_final()) {
        wake(&state, &tenant.db);
    }
    match authorisation(&all) {
        Some(Err(failure)) => {
            let problem = Problem::new(codes::PAYMENT_DECLINED);
            Err(problem.with("failure", failure.unwrap_or_default()))
        }
        _ if row.status == DRAFT => {
            Ok(Reply::accepted(format!("/api/oms/v1/orders/{id}"), &view).version(row.version))
        }
        _ if row.status == CANCELLED && row.placed_at.is_none() => Err(refused_authorise(&row)),
        _ => Ok(Reply::ok(&view).version(row.version)),
    }
}

fn refused_authorise(row: &OrderRow) -> Problem {
    match OrderCommand::Place.apply(&row.status) {
        Err(problem) => problem,
        Ok(_) => Problem::not_found(),
    }
}

/// A transaction that a provider is to be asked for, with its order and how that is paid.
type Asked = (TransactionRow, OrderRow, PaymentRow);

/// Places what needs no authorisation; otherwise returns what a provider is to be asked for.
async fn begin(conn: &mut TenantConn, id: Uuid) -> Result<Option<Asked>, OmsError> {
    let (order, payment) = locked(conn, id).await?;
    if order.status != DRAFT {
        return Ok(None);
    }
    let total = order.total();
    if total == 0 || order.provider == OFFLINE {
        place(conn, order).await?;
        return Ok(None);
    }
    let all = payments::transactions_of(conn, id).await?;
    let row = match all.into_iter().find(|row| row.kind == AUTHORISE) {
        Some(there) => there,
        None => ask(conn, id, AUTHORISE, "order".to_owned(), total).await?,
    };
    Ok(Some((row, order, payment)))
}

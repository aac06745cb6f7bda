//! Orders that are drafted.

mod form;

use std::cell::Cell;
use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::millionths;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::{TenantConn, TenantDb};
use serde_json::json;
use uuid::Uuid;

use self::form::{DraftOrder, OrderLineKind};
use super::authorise::{Begun, begin, begin_with, pay, under_way};
use super::orders::{OrderView, view, view_of};
use crate::State;
use crate::domain::fulfilment::OPEN;
use crate::domain::now;
use crate::domain::orders::DRAFT;
use crate::error::{OmsError, codes};
use crate::store::accounts;
use crate::store::events::note;
use crate::store::fulfilment::{self, FulfilmentLineRow, FulfilmentRow};
use crate::store::orders::{self, GOODS, LineRow, NewOrderRow, OFFLINE, OrderRow, SHIPPING};
use crate::store::payments::{self, PaymentRow};

/// Drafts an order, once for a checkout, and with `authorise` has it paid for and placed. The same again gives what was drafted, and
/// tells how far it is.
#[utoipa::path(post, path = "/api/oms/v1/orders", tag = "orders", security(("token" = ["order:place"])), request_body = DraftOrder,
    responses(
        (status = 201, description = "The draft, or the order that is placed.", body = OrderView),
        (status = 202, description = "The draft, whose payment is under way.", body = OrderView)))]
pub async fn draft_order(
    tenant: Tenant<may::OrderPlace>,
    state: Data<State>,
    post: Post<DraftOrder>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let (net, tax) = body.sums()?;
    body.check()?;
    let at = now();
    let row = NewOrderRow {
        id: Uuid::now_v7(),
        checkout_id: body.checkout_id,
        cart_id: body.cart_id,
        status: DRAFT.to_owned(),
        customer_id: body.customer_id,
        company_id: body.company_id,
        currency: net.currency().code().to_owned(),
        net: net.amount(),
        tax: tax.amount(),
        provider: body.payment.provider.as_str().to_owned(),
        payment_token: body.payment.token.clone(),
        payment_days: body.payment.days,
        snapshot: body.snapshot.clone(),
        created_at: at,
        updated_at: at,
    };
    let actor = tenant.caller.identity.subject;
    // Under the key of an order that is also paid only stands that it is drafted: what has become of it is looked at each time.
    let begun: Cell<Option<Begun>> = Cell::new(None);
    let drafted = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            begun.set(None);
            // Whoever only drafts it mostly looks for what is drafted; who also pays for it is mostly the first.
            let known = match body.authorise {
                true => None,
                false => orders::find_by_checkout(conn, row.checkout_id).await?,
            };
            if let Some(there) = known {
                return drafted_before(conn, there, &row, body).await;
            }
            let account = account_at(conn, &state, &row.provider).await?;
            let lines = lines_of(row.id, body);
            let Some(order) = orders::insert(conn, &row, &lines).await? else {
                let there = orders::find_by_checkout(conn, row.checkout_id).await?;
                let there = there.ok_or_else(|| Problem::new(codes::CART_ORDERED))?;
                return drafted_before(conn, there, &row, body).await;
            };
            let (work, parts) = work_of(&order, body);
            fulfilment::insert(conn, &work, &parts).await?;
            let payment = payment_of(&order, account);
            payments::insert(conn, &payment).await?;
            note(conn, order.id, "order.drafted", Some(actor), json!({})).await?;
            if body.authorise {
                begun.set(Some(begin_with(conn, order, payment).await?));
                return Ok(Reply::no_content());
            }
            Ok(created(&view(order, &lines, payment, false)?))
        },
    );
    let drafted = drafted.await?;
    // Also a no that is kept under the key.
    if !body.authorise || drafted.parts().0 >= 400 {
        return Ok(drafted);
    }
    let begun = match begun.into_inner() {
        Some(begun) => begun,
        None => begin_known(&tenant.db, row.checkout_id).await?,
    };
    let view = pay(&state, &tenant.db, begun).await?;
    Ok(under_way(&view).unwrap_or_else(|| created(&view)))
}

async fn begin_known(db: &TenantDb, checkout: Uuid) -> Result<Begun, OmsError> {
    db.transaction(async |conn| -> Result<_, OmsError> {
        let there = orders::find_by_checkout(conn, checkout).await?;
        let there = there.ok_or_else(Problem::not_found)?;
        begin(conn, there.id).await
    })
    .await
}

fn created(view: &OrderView) -> Reply {
    Reply::created(view.address(), view).version(view.version())
}

async fn drafted_before(
    conn: &mut TenantConn,
    there: OrderRow,
    row: &NewOrderRow,
    body: &DraftOrder,
) -> Result<Reply, OmsError> {
    let same = (there.cart_id, there.net, there.tax, &there.currency)
        == (row.cart_id, row.net, row.tax, &row.currency)
        && there.provider == row.provider
        && there.snapshot == row.snapshot;
    if !same {
        return Err(Problem::new(codes::CHECKOUT_TAKEN).into());
    }
    if body.authorise {
        return Ok(Reply::no_content());
    }
    Ok(created(&view_of(conn, there).await?))
}

/// Returns the tenant's account at a provider, through which the order is paid to its end.
async fn account_at(
    conn: &mut TenantConn,
    state: &State,
    provider: &str,
) -> Result<Option<String>, OmsError> {
    if provider == OFFLINE {
        return Ok(None);
    }
    let account = accounts::find(conn, provider).await?;
    match account {
        Some(account) if state.providers.get(provider).is_some() => Ok(Some(account.account)),
        _ => Err(Problem::new(codes::PROVIDER_NOT_SET_UP).into()),
    }
}

fn lines_of(order: Uuid, body: &DraftOrder) -> Vec<LineRow> {
    let lines = (0..).zip(&body.lines).map(|(line, own)| LineRow {
        order_id: order,
        line,
        kind: match own.kind {
            OrderLineKind::Goods => GOODS,
            OrderLineKind::Shipping => SHIPPING,
        }
        .to_owned(),
        sku: own.sku.clone(),
        name: own.name.clone(),
        ordered: own.quantity,
        cancelled: 0,
        shipped: 0,
        delivered: 0,
        returned: 0,
        refunded: 0,
        net: own.net.amount(),
        tax: own.tax.amount(),
        cancelled_net: 0,
        cancelled_tax: 0,
        returned_net: 0,
        returned_tax: 0,
        tax_rate: millionths(own.tax_rate).unwrap_or_default(),
    });
    lines.collect()
}

/// What each warehouse will have to do, once the order is placed.
fn work_of(order: &OrderRow, body: &DraftOrder) -> (Vec<FulfilmentRow>, Vec<FulfilmentLineRow>) {
    let mut places: BTreeMap<Option<Uuid>, BTreeMap<i32, i64>> = BTreeMap::new();
    for (line, own) in (0..).zip(&body.lines) {
        for part in &own.allocation {
            let lines = places.entry(part.location_id).or_default();
            *lines.entry(line).or_default() += part.quantity;
        }
    }
    let (mut work, mut parts) = (Vec::new(), Vec::new());
    for (location_id, lines) in places {
        let id = Uuid::now_v7();
        work.push(FulfilmentRow {
            id,
            order_id: order.id,
            location_id,
            status: OPEN.to_owned(),
            version: 1,
            created_at: order.created_at,
            updated_at: order.created_at,
        });
        parts.extend(lines.into_iter().map(|(line, quantity)| FulfilmentLineRow {
            fulfilment_id: id,
            line,
            quantity,
            cancelled: 0,
            shipped: 0,
        }));
    }
    (work, parts)
}

fn payment_of(order: &OrderRow, account: Option<String>) -> PaymentRow {
    PaymentRow {
        order_id: order.id,
        provider: order.provider.clone(),
        currency: order.currency.clone(),
        account,
        reference: None,
        authorised: 0,
        captured: 0,
        capturing: 0,
        voided: 0,
        refunded: 0,
        refunding: 0,
        charged_back: 0,
        for_returns: 0,
        excess: 0,
        look_at: None,
    }
}

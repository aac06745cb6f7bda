//! Orders.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_contracts::oms::kinds;
use averis_money::{Decimal, Money, rate_of_millionths};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::amounts::currency;
use crate::domain::orders::{DRAFT, OrderCommand, fulfilment_status};
use crate::domain::payments::payment_status;
use crate::error::OmsError;
use crate::settle::locked;
use crate::states::{complete_if_over, hold, tell};
use crate::store::events::{self, EventRow, note};
use crate::store::orders::{self, LineRow, OrderFilter, OrderRow};
use crate::store::payments::{self, PaymentRow};

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderView {
    id: Uuid,
    #[schema(example = "O-100001")]
    number: String,
    /// `draft`, `placed`, `on_hold`, `completed` or `cancelled`.
    #[schema(example = "placed")]
    status: String,
    /// `none`, `authorised`, `partially_paid`, `paid`, `partially_refunded`, `refunded`, `overcharged`, `voided` or `failed`: by what
    /// was paid, against what was not cancelled or taken back.
    #[schema(example = "authorised")]
    payment_status: &'static str,
    /// `unfulfilled`, `partial`, `fulfilled`, `delivered`, `returned` or `cancelled`: by its pieces.
    #[schema(example = "unfulfilled")]
    fulfilment_status: &'static str,
    /// The attempt to buy it came from; what is reserved is under this name.
    checkout_id: Uuid,
    cart_id: Uuid,
    customer_id: Option<Uuid>,
    company_id: Option<Uuid>,
    lines: Vec<OrderLineView>,
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
    #[schema(value_type = MoneySchema)]
    total: Money,
    payment: OrderPaymentView,
    /// What the buyer saw and agreed to.
    #[schema(value_type = Object)]
    snapshot: Value,
    hold_reason: Option<String>,
    placed_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl OrderView {
    /// Returns where it is read.
    pub fn address(&self) -> String {
        format!("/api/oms/v1/orders/{}", self.id)
    }

    /// Whether nobody has placed it yet.
    pub fn is_draft(&self) -> bool {
        self.status == DRAFT
    }

    /// Returns its version.
    pub const fn version(&self) -> i64 {
        self.version
    }
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderLineView {
    line: i32,
    /// `goods`, or `shipping`: what it costs to send them.
    #[schema(example = "goods")]
    kind: String,
    sku: Option<String>,
    #[schema(example = "Lamp")]
    name: String,
    ordered: i64,
    cancelled: i64,
    shipped: i64,
    delivered: i64,
    returned: i64,
    /// Of all its pieces.
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
    /// As a factor: 0.19 is 19 %.
    #[schema(value_type = String, example = "0.19")]
    tax_rate: Decimal,
}

/// How an order is paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderPaymentView {
    /// `offline`, `stripe` or `simulator`.
    #[schema(example = "stripe")]
    provider: String,
    /// The provider's name for it.
    reference: Option<String>,
    /// Days within which it is paid, where it is paid offline.
    payment_days: i32,
    #[schema(value_type = MoneySchema)]
    authorised: Money,
    #[schema(value_type = MoneySchema)]
    captured: Money,
    /// What of the authorised was given up.
    #[schema(value_type = MoneySchema)]
    voided: Money,
    #[schema(value_type = MoneySchema)]
    refunded: Money,
    #[schema(value_type = MoneySchema)]
    charged_back: Money,
}

/// What an order comes to, less what was cancelled, what came back, and what goes back besides. A gift for what came back later is
/// part of what went back for it.
fn due(lines: &[LineRow], payment: &PaymentRow) -> i64 {
    let due = lines.iter().map(LineRow::due).sum::<i64>();
    (due - payment.goodwill()).max(0)
}

/// Shows orders, each read in the same three queries.
///
/// # Errors
/// Those of the database.
pub async fn views(conn: &mut TenantConn, rows: Vec<OrderRow>) -> Result<Vec<OrderView>, OmsError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut lines: BTreeMap<Uuid, Vec<LineRow>> = BTreeMap::new();
    for line in orders::lines_of(conn, &ids).await? {
        lines.entry(line.order_id).or_default().push(line);
    }
    let mut paid: BTreeMap<Uuid, PaymentRow> = BTreeMap::new();
    for payment in payments::of_orders(conn, &ids).await? {
        paid.insert(payment.order_id, payment);
    }
    let failed = payments::declined(conn, &ids).await?;
    let rows = rows.into_iter().map(|row| {
        let own = lines.remove(&row.id).unwrap_or_default();
        let payment = paid.remove(&row.id).ok_or_else(Problem::not_found)?;
        let failed = failed.contains(&row.id);
        view(row, &own, payment, failed)
    });
    rows.collect()
}

/// Shows an order that was read, with its lines, how it is paid, and whether that was declined.
///
/// # Errors
/// When its currency is none any more.
pub fn view(
    row: OrderRow,
    lines: &[LineRow],
    payment: PaymentRow,
    failed: bool,
) -> Result<OrderView, OmsError> {
    let unit = currency(&row.currency)?;
    let money = |amount| Money::new(amount, unit);
    let goods = lines.iter().filter(|line| line.is_goods());
    Ok(OrderView {
        number: format!("O-{}", row.number),
        payment_status: payment_status(due(lines, &payment), payment.sums(), failed),
        fulfilment_status: fulfilment_status(goods.map(LineRow::pieces)),
        net: money(row.net),
        tax: money(row.tax),
        total: money(row.total()),
        payment: OrderPaymentView {
            payment_days: row.payment_days,
            authorised: money(payment.authorised),
            captured: money(payment.captured),
            voided: money(payment.voided),
            refunded: money(payment.refunded),
            charged_back: money(payment.charged_back),
            provider: payment.provider,
            reference: payment.reference,
        },
        lines: lines
            .iter()
            .map(|line| OrderLineView {
                line: line.line,
                kind: line.kind.clone(),
                sku: line.sku.clone(),
                name: line.name.clone(),
                ordered: line.ordered,
                cancelled: line.cancelled,
                shipped: line.shipped,
                delivered: line.delivered,
                returned: line.returned,
                net: money(line.net),
                tax: money(line.tax),
                tax_rate: rate_of_millionths(line.tax_rate),
            })
            .collect(),
        id: row.id,
        status: row.status,
        checkout_id: row.checkout_id,
        cart_id: row.cart_id,
        customer_id: row.customer_id,
        company_id: row.company_id,
        snapshot: row.snapshot,
        hold_reason: row.hold_reason,
        placed_at: row.placed_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Shows an order that was read.
///
/// # Errors
/// Those of the database.
pub async fn view_of(conn: &mut TenantConn, row: OrderRow) -> Result<OrderView, OmsError> {
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

/// Answers with an order as it is now, and its version.
///
/// # Errors
/// 404 when there is none.
pub async fn answer(conn: &mut TenantConn, id: Uuid) -> Result<Reply, OmsError> {
    let row = orders::find(conn, id).await?;
    let view = view_of(conn, row.ok_or_else(Problem::not_found)?).await?;
    Ok(Reply::ok(&view).version(view.version))
}

/// What an order is, for those who ask for all that are.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    Draft,
    Placed,
    OnHold,
    Completed,
    Cancelled,
}

impl OrderStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Placed => "placed",
            Self::OnHold => "on_hold",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    #[param(inline)]
    status: Option<OrderStatus>,
    customer_id: Option<Uuid>,
    /// Placed then or later.
    placed_from: Option<DateTime<Utc>>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists orders by age.
#[utoipa::path(get, path = "/api/oms/v1/orders", tag = "orders", security(("token" = ["order:read"])), params(ListOrders),
    responses((status = 200, description = "A page of orders.", body = Page<OrderView>)))]
pub async fn list_orders(
    tenant: Tenant<may::OrderRead>,
    state: Data<State>,
    query: Query<ListOrders>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let filter = OrderFilter {
        status: query.status.map(OrderStatus::as_str),
        customer: query.customer_id,
        placed_from: query.placed_from,
    };
    let list = format!("{} orders {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let rows = orders::list(conn, &filter, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads an order.
#[utoipa::path(get, path = "/api/oms/v1/orders/{id}", tag = "orders", security(("token" = ["order:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The order.", body = OrderView)))]
pub async fn get_order(tenant: Tenant<may::OrderRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| answer(conn, id).await);
    Ok(found.await?)
}

/// Something that happened to an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderEventView {
    id: Uuid,
    #[schema(example = "payment.authorised")]
    kind: String,
    /// Who did it; null for what payment providers and clocks do.
    actor: Option<Uuid>,
    #[schema(value_type = Object)]
    data: Value,
    at: DateTime<Utc>,
}

impl From<EventRow> for OrderEventView {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            actor: row.actor,
            data: row.data,
            at: row.at,
        }
    }
}

/// A page of what happened.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListOrderEvents {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what happened to an order, the first first.
#[utoipa::path(get, path = "/api/oms/v1/orders/{id}/events", tag = "orders", security(("token" = ["order:read"])),
    params(("id" = Uuid, Path), ListOrderEvents),
    responses((status = 200, description = "A page of what happened.", body = Page<OrderEventView>)))]
pub async fn list_order_events(
    tenant: Tenant<may::OrderRead>,
    state: Data<State>,
    PathId(id): PathId,
    query: Query<ListOrderEvents>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} order events {id}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, OmsError> {
        orders::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(events::of_order(conn, id, after, i64::from(limit) + 1).await?)
    });
    let Page { data, next_cursor } = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.at, row.id))
    });
    Ok(Reply::ok(&Page {
        data: data.into_iter().map(OrderEventView::from).collect(),
        next_cursor,
    }))
}

/// Why an order is held.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOrder {
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Address to be checked")]
    reason: String,
}

/// Holds an order: nothing of it is shipped until it is released.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/hold", tag = "orders", security(("token" = ["order:write"])),
    request_body = HoldOrder, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The order.", body = OrderView)))]
pub async fn hold_order(
    tenant: Tenant<may::OrderWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<HoldOrder>,
) -> ApiResult<Reply> {
    let actor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let row = seen_locked(conn, id, seen).await?;
            hold(conn, row, post.body.reason.clone(), Some(actor)).await?;
            answer(conn, id).await
        },
    )
    .await
}

/// Lets an order that is held go on.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/release", tag = "orders", security(("token" = ["order:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The order.", body = OrderView)))]
pub async fn release_order(
    tenant: Tenant<may::OrderWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    let actor = tenant.caller.identity.subject;
    once(&tenant.db, &command.key, async |conn| {
        release(conn, id, seen, actor).await
    })
    .await
}

async fn seen_locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<OrderRow, OmsError> {
    let (row, _) = locked(conn, id).await?;
    seen.check(row.version)?;
    Ok(row)
}

async fn release(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
    actor: Uuid,
) -> Result<Reply, OmsError> {
    let row = seen_locked(conn, id, seen).await?;
    let released = OrderRow {
        status: OrderCommand::Release.apply(&row.status)?.to_owned(),
        hold_reason: None,
        ..row
    };
    let released = orders::update(conn, released).await?;
    let data = json!({"reason": null});
    note(conn, id, kinds::RELEASED, Some(actor), data).await?;
    tell(conn, kinds::RELEASED, &released).await?;
    // All of it may have come while it was held.
    let lines = orders::lines_of(conn, &[id]).await?;
    complete_if_over(conn, released, &lines).await?;
    answer(conn, id).await
}

//! Orders that are drafted.

use std::cell::Cell;
use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::{Decimal, Money, millionths};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::forms::check_sku;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::{TenantConn, TenantDb};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::authorise::{Begun, begin, begin_with, pay};
use super::orders::{OrderView, view, view_of};
use crate::State;
use crate::domain::fulfilment::OPEN;
use crate::domain::orders::DRAFT;
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{OmsError, codes};
use crate::store::accounts;
use crate::store::events::note;
use crate::store::fulfilment::{self, FulfilmentLineRow, FulfilmentRow};
use crate::store::orders::{self, GOODS, LineRow, NewOrderRow, OFFLINE, OrderRow, SHIPPING};
use crate::store::payments::{self, PaymentRow};

/// Largest snapshot, in bytes of JSON.
const MAX_SNAPSHOT: usize = 512 * 1024;

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentProvider {
    /// By transfer, or on account.
    Offline,
    Stripe,
    /// For development.
    Simulator,
}

impl PaymentProvider {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => OFFLINE,
            Self::Stripe => crate::provider::STRIPE,
            Self::Simulator => crate::provider::SIMULATOR,
        }
    }
}

/// Pieces at a place.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// The place of the ERP service; absent for what is in no stock.
    #[garde(skip)]
    location_id: Option<Uuid>,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderLineKind {
    Goods,
    /// What it costs to send them.
    Shipping,
}

/// A line of an order to be drafted.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrderLine {
    #[garde(skip)]
    kind: OrderLineKind,
    /// Of goods.
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: Option<String>,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Lamp")]
    name: String,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
    /// Of all its pieces, without tax.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    net: Money,
    /// Of all its pieces.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    tax: Money,
    /// As a factor: 0.19 is 19 %.
    #[garde(skip)]
    #[schema(value_type = String, example = "0.19")]
    tax_rate: Decimal,
    /// From where the goods leave, all of them.
    #[serde(default)]
    #[garde(length(max = 50), dive)]
    allocation: Vec<Allocation>,
}

/// How it is paid.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    #[garde(skip)]
    provider: PaymentProvider,
    /// What the buyer has of the provider to pay with; none offline.
    #[garde(length(chars, min = 1, max = 255), inner(custom(one_line)))]
    token: Option<String>,
    /// Days within which it is paid offline.
    #[serde(default)]
    #[garde(range(min = 0, max = 365))]
    days: i32,
}

/// An order to be drafted. All amounts come from a quote: nothing is computed here.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "checkout_id": "0198c0de-0000-7000-8000-000000000001",
    "cart_id": "0198c0de-0000-7000-8000-000000000002",
    "lines": [{
        "kind": "goods", "sku": "LAMP-1", "name": "Lamp", "quantity": 2,
        "net": {"amount": 3361, "currency": "EUR"}, "tax": {"amount": 639, "currency": "EUR"}, "tax_rate": "0.19",
        "allocation": [{"location_id": "0198c0de-0000-7000-8000-000000000003", "quantity": 2}],
    }],
    "payment": {"provider": "offline", "days": 30},
    "snapshot": {"quote_id": "0198c0de-0000-7000-8000-000000000004"},
}))]
pub struct DraftOrder {
    /// One attempt to buy a cart: it drafts one order.
    #[garde(skip)]
    checkout_id: Uuid,
    /// Of a cart one order is placed, ever.
    #[garde(skip)]
    cart_id: Uuid,
    #[garde(skip)]
    customer_id: Option<Uuid>,
    #[garde(skip)]
    company_id: Option<Uuid>,
    #[garde(length(min = 1, max = 501), dive)]
    lines: Vec<NewOrderLine>,
    #[garde(dive)]
    payment: NewPayment,
    /// What the buyer saw and agreed to: an object. It never changes.
    #[garde(skip)]
    #[schema(value_type = Object)]
    snapshot: Value,
    /// Whether its payment is authorised at once, and the order placed with it, as `/orders/{id}/authorise` does.
    #[serde(default)]
    #[garde(skip)]
    authorise: bool,
}

impl DraftOrder {
    /// Returns the sums of its lines.
    fn sums(&self) -> Result<(Money, Money), OmsError> {
        let unit = self.lines.first().map(|line| line.net.currency());
        let unit =
            unit.ok_or_else(|| FieldProblem::new("/lines", "missing", "must not be empty"))?;
        let (mut net, mut tax) = (Money::zero(unit), Money::zero(unit));
        let overflow = |_too_large| OmsError::from(Problem::new(codes::MONEY_OVERFLOW));
        for (place, line) in self.lines.iter().enumerate() {
            line.check(place)?;
            for (field, amount) in [("net", line.net), ("tax", line.tax)] {
                if amount.currency() != unit {
                    let pointer = format!("/lines/{place}/{field}");
                    let message = "must be that of the other lines";
                    return Err(FieldProblem::new(pointer, "other_currency", message).into());
                }
            }
            net = net.checked_add(line.net).map_err(overflow)?;
            tax = tax.checked_add(line.tax).map_err(overflow)?;
        }
        net.checked_add(tax).map_err(overflow)?;
        Ok((net, tax))
    }

    fn check(&self) -> Result<(), OmsError> {
        let wrong = |pointer: &str, code, message: &str| -> OmsError {
            FieldProblem::new(pointer, code, message).into()
        };
        if !self.snapshot.is_object() || self.snapshot.to_string().len() > MAX_SNAPSHOT {
            let message = "must be an object of at most 512 KiB";
            return Err(wrong("/snapshot", "form", message));
        }
        if !self
            .lines
            .iter()
            .any(|line| line.kind == OrderLineKind::Goods)
        {
            return Err(wrong("/lines", "missing", "must have goods"));
        }
        let offline = self.payment.provider == PaymentProvider::Offline;
        if offline == self.payment.token.is_some() {
            let message = "is needed, and by nobody but a provider that moves money";
            return Err(wrong("/payment/token", "form", message));
        }
        Ok(())
    }
}

impl NewOrderLine {
    fn check(&self, place: usize) -> Result<(), OmsError> {
        let wrong = |field: &str, code, message: &str| -> OmsError {
            FieldProblem::new(format!("/lines/{place}/{field}"), code, message).into()
        };
        for (field, amount) in [("net", self.net), ("tax", self.tax)] {
            if amount.is_negative() {
                return Err(wrong(field, "range", "must not be negative"));
            }
        }
        millionths(self.tax_rate).ok_or_else(|| {
            let message = "must be from 0 to 1, with at most 6 digits after the point";
            wrong("tax_rate", "range", message)
        })?;
        match (self.kind, &self.sku) {
            (OrderLineKind::Goods, Some(sku)) => {
                check_sku(sku, format!("/lines/{place}/sku"))?;
                let sum: i64 = self.allocation.iter().map(|part| part.quantity).sum();
                if sum != self.quantity {
                    return Err(wrong("allocation", "sum", "must be all of the pieces"));
                }
            }
            (OrderLineKind::Shipping, None) => {
                if self.quantity != 1 || !self.allocation.is_empty() {
                    return Err(wrong("quantity", "range", "must be 1, at no place"));
                }
            }
            _ => {
                return Err(wrong(
                    "sku",
                    "form",
                    "is needed of goods, and of nothing else",
                ));
            }
        }
        Ok(())
    }
}

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
            let lines = lines_of(row.id, body);
            let Some(order) = orders::insert(conn, &row, &lines).await? else {
                return drafted_before(conn, &row).await;
            };
            let account = account_at(conn, &state, &row.provider).await?;
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
    if !body.authorise {
        return Ok(drafted);
    }
    let begun = match begun.into_inner() {
        Some(begun) => begun,
        None => begin_known(&tenant.db, row.checkout_id).await?,
    };
    let (order, view) = pay(&state, &tenant.db, begun).await?;
    Ok(match order.status.as_str() {
        DRAFT => Reply::accepted(address(&view), &view).version(order.version),
        _ => created(&view),
    })
}

async fn begin_known(db: &TenantDb, checkout: Uuid) -> Result<Begun, OmsError> {
    db.transaction(async |conn| -> Result<_, OmsError> {
        let there = orders::find_by_checkout(conn, checkout).await?;
        let there = there.ok_or_else(Problem::not_found)?;
        begin(conn, there.id).await
    })
    .await
}

fn address(view: &OrderView) -> String {
    format!("/api/oms/v1/orders/{}", view.id())
}

fn created(view: &OrderView) -> Reply {
    Reply::created(address(view), view).version(view.version())
}

async fn drafted_before(conn: &mut TenantConn, row: &NewOrderRow) -> Result<Reply, OmsError> {
    let there = orders::find_by_checkout(conn, row.checkout_id).await?;
    let there = there.ok_or_else(Problem::not_found)?;
    let same = (there.cart_id, there.net, there.tax, &there.currency)
        == (row.cart_id, row.net, row.tax, &row.currency)
        && there.provider == row.provider
        && there.snapshot == row.snapshot;
    if !same {
        return Err(Problem::new(codes::CHECKOUT_TAKEN).into());
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

//! The steps of a checkout. Each may be taken any number of times, and is taken once.

use averis_contracts::client::CallError;
use averis_contracts::pricing::Priced;
use averis_money::Money;
use averis_service_kit::problem::{Code, Problem};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::bought::{BuyerParts, LockedCart};
use super::order::{Held, order_of};
use super::stock::{of_cut, out_of_stock};
use super::{Stop, Work};
use crate::error::{EcommError, codes};
use crate::store::carts::CartRow;
use crate::store::checkouts::CheckoutRow;

/// Paid by transfer, or on account.
pub const OFFLINE: &str = "offline";

/// Reads what a step before has stored.
pub fn stored<T: for<'de> Deserialize<'de>>(value: Option<&Value>) -> Result<T, EcommError> {
    Ok(T::deserialize(value.unwrap_or(&Value::Null))?)
}

/// The tenant's answer in our words: a no under one of these names is a no to the buyer, another one is our fault.
pub fn refused(error: CallError, known: &[(&str, Code)]) -> Stop {
    let CallError::Refused(refusal) = &error else {
        return Stop::Away(error);
    };
    let ours = known.iter().find(|(code, _)| *code == refusal.code);
    let Some((_, code)) = ours else {
        return Stop::Away(error);
    };
    let mut problem = Problem::new(*code);
    for name in ["short", "skus", "failure"] {
        if let Some(value) = refusal.problem.get(name) {
            problem = problem.with(name, value.clone());
        }
    }
    Stop::Refused(problem)
}

/// What pricing says no to, and what the buyer is told.
const PRICING: &[(&str, Code)] = &[
    ("unknown_sku", codes::UNKNOWN_SKU),
    ("no_price", codes::NO_PRICE),
    ("no_catalog", codes::NO_PRICE),
    ("not_listed", codes::NO_PRICE),
    ("no_tax_rate", codes::NO_PRICE),
    ("invalid", codes::NO_PRICE),
    ("money_overflow", codes::NO_PRICE),
];

/// Learns who buys, and what it comes to: as much as the buyer has seen, or less where something is left out; or nothing is bought.
pub async fn quote(work: &Work, row: &mut CheckoutRow) -> Result<(), Stop> {
    let cart: LockedCart = stored(Some(&row.cart))?;
    let buyer = buyer(work, &cart.cart).await?;
    let basket = cart.basket(&buyer);
    let key = Work::key(row, &of_cut("quote", cart.cuts));
    let pricing = &work.state.calls.pricing;
    let quote = pricing
        .quote(&work.tenant.key, &key, &basket, &work.correlation)
        .await
        .map_err(|error| refused(error, PRICING))?;
    let priced: Priced = stored(Some(&quote))?;
    let is_agreed = match cart.cuts {
        0 => priced.total.amount() == row.expected_total,
        _ => priced.total.amount() <= row.expected_total,
    };
    if !is_agreed && cart.cuts > 0 {
        // Nobody can agree to what the rest costs: it is another cart.
        return Err(Stop::Refused(out_of_stock(&cart.short)));
    }
    if !is_agreed || priced.total.currency().code() != row.currency {
        let total = json!(priced.total);
        return Err(Stop::Refused(
            Problem::new(codes::CART_CHANGED).with("new_total", total),
        ));
    }
    row.buyer = Some(json!(buyer));
    row.quote = Some(quote);
    "quoted".clone_into(&mut row.step);
    Ok(())
}

/// Learns who a visitor is, as far as it matters to what it buys.
///
/// # Errors
/// `Refused` when it may not buy so.
pub async fn buyer(work: &Work, cart: &CartRow) -> Result<BuyerParts, Stop> {
    let customer = &work.state.calls.customer;
    let found = customer
        .visitor(
            &work.tenant.key,
            cart.session_id,
            cart.company_id,
            &work.correlation,
        )
        .await
        .map_err(|error| {
            refused(
                error,
                &[
                    ("not_proven", codes::NOT_ALLOWED),
                    ("not_a_member", codes::NOT_ALLOWED),
                ],
            )
        })?;
    let buyer = BuyerParts::from(found);
    // Whoever was signed in with it is not any more: it is for that one to buy (C8).
    let is_anothers = cart.customer_id.is_some_and(|customer| !buyer.is(customer));
    if !buyer.may_order || is_anothers {
        return Err(Stop::Refused(Problem::new(codes::NOT_ALLOWED)));
    }
    Ok(buyer)
}

/// Passes over the steps at which there is nothing to hold.
pub fn pass_over(row: &mut CheckoutRow) -> Result<(), EcommError> {
    if row.step == "reserved" && !counts_on_promotions(row)? {
        "redeemed".clone_into(&mut row.step);
    }
    if row.step == "redeemed" {
        let cart: LockedCart = stored(Some(&row.cart))?;
        if cart.cart.company_id.is_none() {
            "credited".clone_into(&mut row.step);
        }
    }
    Ok(())
}

/// Whether the total that the buyer has seen has anything in it that a promotion takes off.
fn counts_on_promotions(row: &CheckoutRow) -> Result<bool, EcommError> {
    let quote: Promoted = stored(row.quote.as_ref())?;
    let mut lines = quote.lines.iter();
    Ok(!quote.promotions.is_empty()
        || !quote.shipping_promotions.is_empty()
        || lines.any(|line| !line.promotions.is_empty()))
}

/// Which promotions a quote counts on.
#[derive(Deserialize)]
struct Promoted {
    lines: Vec<PromotedLine>,
    promotions: Vec<Value>,
    shipping_promotions: Vec<Value>,
}

#[derive(Deserialize)]
struct PromotedLine {
    promotions: Vec<Value>,
}

/// Holds what promotions the total counts on.
pub async fn redeem(work: &Work, row: &mut CheckoutRow) -> Result<(), Stop> {
    let quote: QuoteId = stored(row.quote.as_ref())?;
    let key = Work::key(row, "redeem");
    let pricing = &work.state.calls.pricing;
    pricing
        .hold(&work.tenant.key, &key, quote.id, row.id, &work.correlation)
        .await
        .map_err(|error| {
            let known = [
                ("coupon_exhausted", codes::COUPON_EXHAUSTED),
                ("promotion_exhausted", codes::COUPON_EXHAUSTED),
                ("redemption_released", codes::COUPON_EXHAUSTED),
                ("quote_expired", codes::CART_CHANGED),
                ("not_found", codes::CART_CHANGED),
            ];
            refused(error, &known)
        })?;
    "redeemed".clone_into(&mut row.step);
    Ok(())
}

#[derive(Deserialize)]
struct QuoteId {
    id: Uuid,
    hash: String,
    total: Money,
}

/// Asks whether somebody has to approve what is bought for a company, and holds its credit where it pays later.
pub async fn credit(work: &Work, row: &mut CheckoutRow) -> Result<(), Stop> {
    let cart: LockedCart = stored(Some(&row.cart))?;
    let buyer: BuyerParts = stored(row.buyer.as_ref())?;
    let quote: QuoteId = stored(row.quote.as_ref())?;
    if let (Some(company), Some(customer)) = (cart.cart.company_id, buyer.customer_id) {
        approve(work, row, company, customer, &quote).await?;
        if row.provider == OFFLINE && !quote.total.is_zero() {
            let key = Work::key(row, "credit");
            let calls = &work.state.calls.customer;
            calls
                .hold_credit(
                    &work.tenant.key,
                    &key,
                    company,
                    row.id,
                    quote.total,
                    &work.correlation,
                )
                .await
                .map_err(|error| {
                    let known = [
                        ("credit_exceeded", codes::CREDIT_EXCEEDED),
                        ("company_not_approved", codes::NOT_ALLOWED),
                        ("invalid", codes::CREDIT_EXCEEDED),
                    ];
                    refused(error, &known)
                })?;
        }
    }
    "credited".clone_into(&mut row.step);
    Ok(())
}

async fn approve(
    work: &Work,
    row: &CheckoutRow,
    company: Uuid,
    customer: Uuid,
    quote: &QuoteId,
) -> Result<(), Stop> {
    // It names the cart, so that an approval is good for one order.
    let digest = Sha256::new_with_prefix(row.cart_id.as_bytes());
    let digest = digest.chain_update(&quote.hash).finalize();
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let order = json!({
        "company_id": company, "buyer_id": customer, "order_hash": hash, "amount": quote.total,
    });
    let key = Work::key(row, "approve");
    let calls = &work.state.calls.customer;
    let approval = calls
        .approval(&work.tenant.key, &key, &order, &work.correlation)
        .await
        .map_err(|error| {
            let known = [
                ("not_a_member", codes::NOT_ALLOWED),
                ("company_not_approved", codes::NOT_ALLOWED),
                ("customer_suspended", codes::NOT_ALLOWED),
            ];
            refused(error, &known)
        })?;
    if approval.status == "approved" {
        return Ok(());
    }
    let problem = Problem::new(codes::APPROVAL_REQUIRED).with("approval_id", json!(approval.id));
    Err(Stop::Refused(problem.with("status", approval.status)))
}

/// Drafts the order, all that was agreed to, and has it paid and placed. `false` says that nobody knows yet.
pub async fn pay(work: &Work, row: &mut CheckoutRow) -> Result<bool, Stop> {
    let oms = &work.state.calls.oms;
    let tenant = &work.tenant.key;
    let asked = match row.order_id {
        // Under another key each time: what matters is the order, which is paid once.
        Some(order) => {
            let key = Work::key(row, &format!("pay:{}", row.attempts));
            oms.authorise(tenant, &key, order, &work.correlation).await
        }
        None => {
            let key = Work::key(row, "place");
            oms.place(tenant, &key, order_of(row)?, &work.correlation)
                .await
        }
    };
    let order = match asked.map_err(|error| refused(error, UNPAID)) {
        Err(Stop::Away(error)) if row.order_id.is_none() => {
            tracing::warn!(checkout = %row.id, error = %error, "whether an order is placed is not known");
            // It may be drafted, and paid. Drafted again it is the same, and is waited for.
            draft(work, row).await?;
            return Ok(false);
        }
        other => other?,
    };
    row.order_id = Some(order.id);
    row.order_number = Some(order.number);
    if order.status == "draft" {
        return Ok(false);
    }
    "placed".clone_into(&mut row.step);
    Ok(true)
}

/// With what an order is not drafted, or not paid.
const UNPAID: &[(&str, Code)] = &[
    ("provider_not_set_up", codes::PROVIDER_NOT_SET_UP),
    ("cart_ordered", codes::CART_ORDERED),
    ("payment_declined", codes::PAYMENT_DECLINED),
    // Somebody has cancelled it meanwhile.
    ("invalid_transition", codes::PAYMENT_DECLINED),
];

/// Drafts the order, or finds it drafted.
///
/// # Errors
/// `Refused` when it cannot be.
pub async fn draft(work: &Work, row: &mut CheckoutRow) -> Result<(), Stop> {
    let key = Work::key(row, "draft");
    let oms = &work.state.calls.oms;
    let drafted = oms
        .draft(&work.tenant.key, &key, &order_of(row)?, &work.correlation)
        .await
        .map_err(|error| refused(error, UNPAID))?;
    row.order_id = Some(drafted.id);
    row.order_number = Some(drafted.number);
    Ok(())
}

/// Keeps what was held for the order: all of it, also where some of it is gone.
pub async fn confirm(work: &Work, row: &CheckoutRow) -> Result<(), Stop> {
    let calls = &work.state.calls;
    let (tenant, correlation) = (&work.tenant.key, &work.correlation);
    let held: Held = stored(row.reservation.as_ref())?;
    let cart: LockedCart = stored(Some(&row.cart))?;
    let quote: QuoteId = stored(row.quote.as_ref())?;
    let counts = counts_on_promotions(row)?;
    let key = |step| Work::key(row, step);
    let stock = async {
        if held.lines.is_empty() {
            return Ok(());
        }
        let (erp, key) = (&calls.erp, key("commit"));
        erp.settle(tenant, &key, row.id, "commit", correlation)
            .await
    };
    let promotions = async {
        if !counts {
            return Ok(());
        }
        let (pricing, key) = (&calls.pricing, key("confirm"));
        pricing
            .settle(tenant, &key, row.id, "confirm", correlation)
            .await
    };
    let credit = async {
        if cart.cart.company_id.is_none() || row.provider != OFFLINE || quote.total.is_zero() {
            return Ok(());
        }
        let (customer, key) = (&calls.customer, key("confirm"));
        customer
            .settle_credit(tenant, &key, row.id, "confirm", correlation)
            .await
    };
    // None of them waits for another.
    let (stock, promotions, credit) = tokio::join!(stock, promotions, credit);
    let mut lost = None;
    for done in [stock, promotions, credit] {
        match done.map_err(|error| refused(error, LOST)) {
            Ok(()) => {}
            Err(Stop::Refused(problem)) => lost = Some(problem),
            Err(other) => return Err(other),
        }
    }
    lost.map_or(Ok(()), |problem| Err(Stop::Refused(problem)))
}

/// What was held and is gone, although the order is placed: nobody but people can mend that.
pub const LOST: &[(&str, Code)] = &[
    ("reservation_released", codes::OUT_OF_STOCK),
    ("reservation_expired", codes::OUT_OF_STOCK),
    ("owner_taken", codes::OUT_OF_STOCK),
    ("redemption_released", codes::COUPON_EXHAUSTED),
    ("credit_released", codes::CREDIT_EXCEEDED),
    ("invalid_transition", codes::CREDIT_EXCEEDED),
    ("not_found", codes::OUT_OF_STOCK),
];

/// Says what a cart comes to now, and keeps nothing.
pub async fn preview(work: &Work, cart: &LockedCart) -> Result<Value, Problem> {
    let unavailable = |error: CallError| {
        Problem::new(codes::CHECKOUT_UNAVAILABLE)
            .retry_after(1)
            .because(error)
    };
    let told = |stop: Stop| match stop {
        Stop::Refused(problem) => problem,
        Stop::Away(error) => unavailable(error),
        Stop::Ours(error) => error.into(),
    };
    let buyer = buyer(work, &cart.cart).await.map_err(told)?;
    let basket = cart.basket(&buyer);
    let pricing = &work.state.calls.pricing;
    let found = pricing
        .preview(&work.tenant.key, &basket, &work.correlation)
        .await;
    found.map_err(|error| told(refused(error, PRICING)))
}

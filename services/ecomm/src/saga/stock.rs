//! What a checkout reserves, and what it leaves out of a cart where there is less of it.

use std::collections::{BTreeMap, BTreeSet};

use averis_contracts::client::{CallError, Refusal};
use averis_contracts::erp::Reservation;
use averis_contracts::pricing::BasketLine;
use averis_contracts::product::{FindVariants, LaunchedVariant};
use averis_service_kit::forms::fold;
use averis_service_kit::problem::Problem;
use serde_json::{Value, json};

use super::bought::{LockedCart, Short};
use super::order::Held;
use super::steps::{LOST, refused, stored};
use super::{Stop, Work};
use crate::error::codes;
use crate::store::checkouts::CheckoutRow;

/// How often something is left out of a cart before its checkout is given up: others buy as well.
const MOST_CUTS: u32 = 3;

/// The name of a step that is taken again for what is left of a cart.
pub fn of_cut(step: &str, cuts: u32) -> String {
    match cuts {
        0 => step.to_owned(),
        cuts => format!("{step}:{cuts}"),
    }
}

/// Reserves what is in stock somewhere. Where something is not, and its buyer would rather have the rest, that is priced anew.
pub async fn reserve(work: &Work, row: &mut CheckoutRow) -> Result<(), Stop> {
    let cart: LockedCart = stored(Some(&row.cart))?;
    let variants = variants(work, &cart).await?;
    let lines: Vec<BasketLine> = cart
        .lines
        .iter()
        .filter(|line| {
            variants
                .get(&line.folded)
                .is_some_and(|variant| variant.kind == "physical")
        })
        .map(|line| BasketLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
        })
        .collect();
    let mut reserved = Reservation { lines: Vec::new() };
    if !lines.is_empty() {
        let key = Work::key(row, &of_cut("reserve", cart.cuts));
        let erp = &work.state.calls.erp;
        let asked = erp.reserve(&work.tenant.key, &key, row.id, &lines, &work.correlation);
        match asked.await {
            Ok(lines) => reserved = lines,
            Err(CallError::Refused(no)) if row.short_ship && no.code == "out_of_stock" => {
                return leave_out(row, cart, &no);
            }
            Err(error) => return Err(refused(error, &[("out_of_stock", codes::OUT_OF_STOCK)])),
        }
    }
    let names: BTreeMap<&String, &String> = variants
        .iter()
        .map(|(folded, variant)| (folded, &variant.name))
        .collect();
    row.reservation = Some(json!({"lines": reserved.lines, "names": names}));
    "reserved".clone_into(&mut row.step);
    Ok(())
}

/// Says what is short.
pub fn out_of_stock(short: &Value) -> Problem {
    Problem::new(codes::OUT_OF_STOCK).with("short", short.clone())
}

/// Goes back to the price of what is left, without what is not there.
fn leave_out(row: &mut CheckoutRow, mut cart: LockedCart, no: &Refusal) -> Result<(), Stop> {
    cart.short = no.problem.get("short").cloned().unwrap_or_default();
    let missing: Vec<Short> = stored(Some(&cart.short))?;
    if cart.cuts == MOST_CUTS || !cart.leave_out(&missing) {
        return Err(Stop::Refused(out_of_stock(&cart.short)));
    }
    row.cart = json!(cart);
    "started".clone_into(&mut row.step);
    Ok(())
}

/// Holds longer what is reserved, while a payment is waited for.
pub async fn hold_on(work: &Work, row: &CheckoutRow) -> Result<(), Stop> {
    let cart: LockedCart = stored(Some(&row.cart))?;
    let held: Held = stored(row.reservation.as_ref())?;
    let skus: BTreeSet<String> = held.lines.iter().map(|line| fold(&line.sku)).collect();
    let lines: Vec<BasketLine> = cart
        .lines
        .iter()
        .filter(|line| skus.contains(&line.folded))
        .map(|line| BasketLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    // Under another key each time: the same one would be answered from memory.
    let key = Work::key(row, &format!("hold:{}", row.attempts));
    let erp = &work.state.calls.erp;
    erp.reserve(&work.tenant.key, &key, row.id, &lines, &work.correlation)
        .await
        .map_err(|error| refused(error, LOST))?;
    Ok(())
}

/// Returns the launched variants of what is in a cart, by SKU.
async fn variants(
    work: &Work,
    cart: &LockedCart,
) -> Result<BTreeMap<String, LaunchedVariant>, Stop> {
    let wanted = FindVariants {
        skus: cart.lines.iter().map(|line| line.sku.clone()).collect(),
        product_ids: Vec::new(),
    };
    let product = &work.state.calls.product;
    let found = product
        .find_variants(&work.tenant.key, &wanted, &work.correlation)
        .await
        .map_err(Stop::Away)?;
    let found: BTreeMap<String, LaunchedVariant> = found
        .into_iter()
        .filter(|variant| variant.active)
        .map(|variant| (fold(&variant.sku), variant))
        .collect();
    let gone: Vec<&str> = cart
        .lines
        .iter()
        .filter(|line| !found.contains_key(&line.folded))
        .map(|line| line.sku.as_str())
        .collect();
    if !gone.is_empty() {
        let problem = Problem::new(codes::UNKNOWN_SKU).with("skus", gone);
        return Err(Stop::Refused(problem));
    }
    Ok(found)
}

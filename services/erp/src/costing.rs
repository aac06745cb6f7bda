//! What moves are worth, and what becomes of that in the books: in the transaction of the move.

use std::collections::BTreeMap;

use averis_money::{Decimal, Money, Rounding};
use averis_service_kit::problem::Problem;
use averis_tenant_db::TenantConn;
use chrono::{Datelike as _, NaiveDate};
use uuid::Uuid;

use crate::domain::costs::Cost;
use crate::domain::ledger::{COST_OF_GOODS, INVENTORY, LOSSES, NOT_BILLED, Posting};
use crate::domain::now;
use crate::error::{ErpError, codes};
use crate::http::invoices::negative;
use crate::http::ledger::{Entry, currency, post};
use crate::store::costs::{self, CostRow};
use crate::store::ledger;
use crate::store::moves::MoveRow;
use crate::store::warehouses::LocationRow;

/// What moves are worth whose cost is known; the others are worth what is there on average.
pub type Known = BTreeMap<Uuid, i64>;

/// Says of planned moves what they are worth, changes what is there by it, and posts it. What leaves is worth the average; what comes
/// for a known cost changes it.
///
/// # Errors
/// 422 when a sum is too large.
pub async fn value(
    conn: &mut TenantConn,
    planned: &mut [MoveRow],
    inside: &[LocationRow],
    known: &Known,
) -> Result<(), ErpError> {
    let warehouse = |id: Uuid| -> Option<Uuid> {
        let place = inside.iter().find(|place| place.id == id);
        place.and_then(|place| place.warehouse_id)
    };
    let mut wanted: BTreeMap<(String, Uuid), CostRow> = BTreeMap::new();
    for one in planned.iter() {
        for own in [warehouse(one.from_id), warehouse(one.to_id)]
            .into_iter()
            .flatten()
        {
            wanted.insert(
                (one.folded.clone(), own),
                CostRow {
                    folded: one.folded.clone(),
                    warehouse_id: own,
                    sku: one.sku.clone(),
                    quantity: 0,
                    value: 0,
                },
            );
        }
    }
    let wanted: Vec<CostRow> = wanted.into_values().collect();
    let mut states: BTreeMap<(String, Uuid), CostRow> = BTreeMap::new();
    for row in costs::lock(conn, &wanted).await? {
        states.insert((row.folded.clone(), row.warehouse_id), row);
    }
    let mut gained = 0_i64;
    for one in planned.iter_mut() {
        let (from, to) = (warehouse(one.from_id), warehouse(one.to_id));
        let mut change = |own: Uuid, change: &mut dyn FnMut(&mut Cost) -> Result<i64, Problem>| {
            let row = states.get_mut(&(one.folded.clone(), own));
            let row = row.ok_or_else(Problem::not_found)?;
            let mut cost = Cost {
                quantity: row.quantity,
                value: row.value,
            };
            let value = change(&mut cost)?;
            (row.quantity, row.value) = (cost.quantity, cost.value);
            Ok::<i64, Problem>(value)
        };
        let pieces = one.quantity;
        one.value = match (from, to) {
            (Some(from), Some(to)) if from == to => change(from, &mut |cost| Ok(cost.of(pieces)))?,
            (Some(from), _) => change(from, &mut |cost| cost.take(pieces))?,
            (None, Some(to)) => match known.get(&one.id) {
                Some(value) => *value,
                None => change(to, &mut |cost| cost.of_more(pieces))?,
            },
            (None, None) => 0,
        };
        if let Some(to) = to.filter(|to| from != Some(*to)) {
            let value = one.value;
            change(to, &mut |cost| cost.add(pieces, value).map(|()| value))?;
        }
        let sum = match (from, to) {
            (None, Some(_)) => gained.checked_add(one.value),
            (Some(_), None) => gained.checked_sub(one.value),
            _ => Some(gained),
        };
        gained = sum.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
    }
    let rows: Vec<CostRow> = states.into_values().collect();
    costs::put(conn, &rows).await?;
    post_value(conn, planned, gained).await
}

/// Posts what stock is worth more or less, against what it moved for.
async fn post_value(conn: &mut TenantConn, moved: &[MoveRow], gained: i64) -> Result<(), ErpError> {
    let Some(first) = moved.first().filter(|_| gained != 0) else {
        return Ok(());
    };
    let against = match first.kind.as_str() {
        "receipt" => NOT_BILLED,
        "issue" | "return" => COST_OF_GOODS,
        _ => LOSSES,
    };
    let gained = Money::new(gained, currency(&ledger::currency(conn).await?)?);
    let postings = [
        Posting::new(INVENTORY, gained),
        Posting::new(against, negative(gained)?),
    ];
    let entry = Entry {
        posted_on: open_day(conn).await?,
        kind: "stock",
        cause: format!("{} {}", first.kind, first.cause),
        text: format!("Stock: {} for {}", first.kind, first.cause),
        postings: &postings,
        rate: Decimal::ONE,
        by: first.moved_by,
    };
    post(conn, entry, Rounding::HalfUp).await?;
    Ok(())
}

/// Today, or the first day of the next month that is not closed: what moves, moves whatever the books say.
async fn open_day(conn: &mut TenantConn) -> Result<NaiveDate, ErpError> {
    let mut day = now().date_naive();
    while !ledger::is_open(conn, &day.format("%Y-%m").to_string()).await? {
        let next = day
            .with_day(1)
            .and_then(|first| first.checked_add_months(chrono::Months::new(1)));
        day = next.ok_or_else(Problem::not_found)?;
    }
    Ok(day)
}

//! What checkouts and orders have reserved.
//!
//! ```text
//! held --commit (the order is placed)--> committed --consume (it leaves)--> consumed
//! held --its time is over, and others want it--> expired
//! held|committed --release (the checkout failed, the order is cancelled)--> released, for good
//! ```
//!
//! Each line goes its way, since some of an order leave before others. An owner is one checkout: what it has given back it does
//! not reserve again, also when the release overtakes the reservation.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::forms::{check_sku, fold};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::stock_moves::{Besides, MoveKind, carry_out};
use crate::State;
use crate::domain::moves::{Change, Level, Place, apply};
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{ErpError, codes};
use crate::store::levels;
use crate::store::moves::MoveRow;
use crate::store::reservations::{
    self, COMMITTED, CONSUMED, EXPIRED, HELD, LineRow, RELEASED, ReservationRow, Wanted,
};
use crate::store::warehouses::{self, CUSTOMER};

/// What an owner has reserved.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservationView {
    /// The checkout.
    owner_id: Uuid,
    /// Whether it was given back, for good.
    released: bool,
    lines: Vec<ReservationLineView>,
}

/// What is reserved of a SKU at one place.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservationLineView {
    #[schema(example = "LAMP-1")]
    sku: String,
    location_id: Uuid,
    /// Still reserved.
    open: i64,
    /// What has left.
    consumed: i64,
    /// `held`, `committed`, `consumed`, `released` or `expired`.
    #[schema(example = "held")]
    state: String,
    /// When others may have it, while it is held.
    expires_at: Option<DateTime<Utc>>,
}

impl From<LineRow> for ReservationLineView {
    fn from(row: LineRow) -> Self {
        Self {
            expires_at: (row.state == HELD).then_some(row.expires_at),
            sku: row.sku,
            location_id: row.location_id,
            open: row.open,
            consumed: row.consumed,
            state: row.state,
        }
    }
}

async fn shown(conn: &mut TenantConn, owner: Uuid) -> Result<Reply, ErpError> {
    let row = reservations::find(conn, owner).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    let lines = reservations::lines_of(conn, owner).await?;
    Ok(reply(owner, row.released, lines))
}

fn reply(owner_id: Uuid, released: bool, lines: Vec<LineRow>) -> Reply {
    Reply::ok(&ReservationView {
        owner_id,
        released,
        lines: lines.into_iter().map(ReservationLineView::from).collect(),
    })
}

/// Pieces of a SKU.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveLine {
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: String,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What is to be reserved.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveStock {
    /// The checkout.
    #[garde(skip)]
    owner_id: Uuid,
    /// A SKU may stand in several lines: their sum counts.
    #[garde(length(min = 1, max = 500), dive)]
    lines: Vec<ReserveLine>,
}

impl ReserveStock {
    /// Returns what is wanted of each SKU, in the order in which levels are locked.
    fn wanted(&self) -> Result<Vec<Wanted>, ErpError> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for (number, line) in self.lines.iter().enumerate() {
            check_sku(&line.sku, format!("/lines/{number}/sku"))?;
            *sums.entry(fold(&line.sku)).or_default() += line.quantity;
        }
        let wanted = sums.into_iter();
        Ok(wanted
            .map(|(folded, quantity)| Wanted { folded, quantity })
            .collect())
    }
}

/// Reserves all of it for a checkout, or nothing. The same again holds it longer.
#[utoipa::path(post, path = "/api/erp/v1/reservations", tag = "reservations", security(("token" = ["reservation:write"])), request_body = ReserveStock,
    responses((status = 200, description = "What is reserved.", body = ReservationView)))]
pub async fn reserve(
    tenant: Tenant<may::ReservationWrite>,
    state: Data<State>,
    post: Post<ReserveStock>,
) -> ApiResult<Reply> {
    let wanted = post.body.wanted()?;
    let owner = post.body.owner_id;
    let asked: BTreeMap<&str, i64> = wanted
        .iter()
        .map(|one| (one.folded.as_str(), one.quantity))
        .collect();
    let asked = json!(asked);
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            let at = now();
            let until = at + state.reservation_lifetime;
            match reservations::reserve(conn, owner, &asked, &wanted, until, at).await? {
                None => again(conn, owner, &asked, until, at).await?,
                Some(Value::Array(short)) if short.is_empty() => {
                    let lines = reservations::reserved_now(conn, owner).await?;
                    return Ok(reply(owner, false, lines));
                }
                Some(short) => {
                    return Err(Problem::new(codes::OUT_OF_STOCK)
                        .with("short", short)
                        .into());
                }
            }
            shown(conn, owner).await
        },
    )
    .await
}

/// Holds longer what the owner holds, if it is that.
async fn again(
    conn: &mut TenantConn,
    owner: Uuid,
    asked: &Value,
    until: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(), ErpError> {
    let row = reservations::lock(conn, owner, at).await?;
    if row.released {
        return Err(Problem::new(codes::RESERVATION_RELEASED).into());
    }
    if row.asked.as_ref() != Some(asked) {
        return Err(Problem::new(codes::OWNER_TAKEN).into());
    }
    let lines = reservations::lock_lines(conn, owner).await?;
    check_not_expired(&lines)?;
    Ok(reservations::extend(conn, owner, until).await?)
}

fn check_not_expired(lines: &[LineRow]) -> Result<(), Problem> {
    if lines.iter().any(|line| line.state == EXPIRED) {
        return Err(Problem::new(codes::RESERVATION_EXPIRED));
    }
    Ok(())
}

/// Reads what an owner has reserved.
#[utoipa::path(get, path = "/api/erp/v1/reservations/{id}", tag = "reservations", security(("token" = ["stock:read"])),
    params(("id" = Uuid, Path, description = "The owner.")),
    responses((status = 200, description = "What is reserved.", body = ReservationView)))]
pub async fn get_reservation(
    tenant: Tenant<may::StockRead>,
    PathId(owner): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| shown(conn, owner).await);
    Ok(found.await?)
}

/// Keeps what is reserved for as long as it takes: the order is placed. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/reservations/{id}/commit", tag = "reservations", security(("token" = ["reservation:write"])),
    params(("id" = Uuid, Path, description = "The owner.")),
    responses((status = 200, description = "What is reserved.", body = ReservationView)))]
pub async fn commit_reservation(
    tenant: Tenant<may::ReservationWrite>,
    PathId(owner): PathId,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = lock_known(conn, owner).await?;
            if row.released {
                return Err(Problem::new(codes::RESERVATION_RELEASED).into());
            }
            let mut lines = reservations::lock_lines(conn, owner).await?;
            check_not_expired(&lines)?;
            reservations::commit(conn, owner).await?;
            for line in lines.iter_mut().filter(|line| line.state == HELD) {
                COMMITTED.clone_into(&mut line.state);
            }
            Ok(reply(owner, row.released, lines))
        },
    )
    .await
}

/// Keeps what an owner holds, if it holds anything still.
pub async fn commit_if_held(conn: &mut TenantConn, owner: Uuid) -> Result<(), ErpError> {
    let lines = reservations::lines_of(conn, owner).await?;
    // What is not held now never is again: no lock tells more.
    if lines.iter().all(|line| line.state != HELD) {
        return Ok(());
    }
    let row = reservations::lock(conn, owner, now()).await?;
    // Levels first, as everybody does.
    let (_, lines) = locked(conn, owner).await?;
    if row.released || check_not_expired(&lines).is_err() {
        return Ok(());
    }
    Ok(reservations::commit(conn, owner).await?)
}

/// Gives back pieces that an owner has reserved and will not take: an order was cancelled in part. What is not reserved any
/// more is left as it is.
///
/// # Errors
/// Those of the database.
pub async fn give_back(
    conn: &mut TenantConn,
    owner: Uuid,
    pieces: &BTreeMap<Place, i64>,
) -> Result<(), ErpError> {
    if reservations::find(conn, owner).await?.is_none() {
        return Ok(());
    }
    reservations::lock(conn, owner, now()).await?;
    let (mut levels, lines) = locked(conn, owner).await?;
    let mut changes: BTreeMap<Place, Change> = BTreeMap::new();
    for line in lines {
        let place = (line.folded.clone(), line.location_id);
        let wanted = pieces.get(&place).copied().unwrap_or_default();
        let quantity = wanted.min(line.open);
        if quantity == 0 {
            continue;
        }
        changes.entry(place).or_default().reserved -= quantity;
        let open = line.open - quantity;
        let state = match (open, line.consumed) {
            (0, 0) => RELEASED,
            (0, _) => CONSUMED,
            _ => line.state.as_str(),
        };
        let left = LineRow {
            open,
            state: state.to_owned(),
            ..line.clone()
        };
        reservations::put_line(conn, &left).await?;
    }
    apply(&mut levels, &changes)?;
    Ok(levels::put(conn, levels.iter()).await?)
}

/// Locks what an owner has done, if it has done anything: a release at the same moment has happened, or waits.
async fn lock_known(conn: &mut TenantConn, owner: Uuid) -> Result<ReservationRow, ErpError> {
    let known = reservations::lock_known(conn, owner).await?;
    Ok(known.ok_or_else(Problem::not_found)?)
}

/// Gives back what is still reserved: the checkout has failed, or the order is cancelled. The same again changes nothing. What is
/// not reserved yet never will be.
#[utoipa::path(post, path = "/api/erp/v1/reservations/{id}/release", tag = "reservations", security(("token" = ["reservation:write"])),
    params(("id" = Uuid, Path, description = "The owner.")),
    responses((status = 200, description = "What is left of it.", body = ReservationView)))]
pub async fn release_reservation(
    tenant: Tenant<may::ReservationWrite>,
    PathId(owner): PathId,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = reservations::lock(conn, owner, now()).await?;
            if !row.released {
                let (mut levels, lines) = locked(conn, owner).await?;
                let open = lines.iter().filter(|line| line.open > 0);
                let changes = open.clone().map(|line| {
                    let change = Change {
                        on_hand: 0,
                        reserved: -line.open,
                    };
                    ((line.folded.clone(), line.location_id), change)
                });
                apply(&mut levels, &changes.collect())?;
                levels::put(conn, levels.iter()).await?;
                for line in open {
                    let released = LineRow {
                        open: 0,
                        state: RELEASED.to_owned(),
                        ..line.clone()
                    };
                    reservations::put_line(conn, &released).await?;
                }
                reservations::note_released(conn, owner).await?;
            }
            shown(conn, owner).await
        },
    )
    .await
}

/// Locks the levels of what an owner has reserved, and then the lines: levels first, as everybody does.
async fn locked(
    conn: &mut TenantConn,
    owner: Uuid,
) -> Result<(BTreeMap<Place, Level>, Vec<LineRow>), ErpError> {
    let lines = reservations::lines_of(conn, owner).await?;
    let places: BTreeSet<Place> = lines
        .iter()
        .map(|line| (line.folded.clone(), line.location_id))
        .collect();
    let mut levels = BTreeMap::new();
    if !places.is_empty() {
        levels = levels::lock_known(conn, places.iter()).await?;
    }
    // Of several SKUs at several places more are locked than reserved.
    levels.retain(|place, _| places.contains(place));
    Ok((levels, reservations::lock_lines(conn, owner).await?))
}

/// Pieces that leave.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumeLine {
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: String,
    /// Where they leave from.
    #[garde(skip)]
    location_id: Uuid,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What leaves.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumeReservation {
    /// The shipment: each once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "shipment 0198c0de-0000-7000-8000-000000000000")]
    cause: String,
    #[garde(length(min = 1, max = 500), dive)]
    lines: Vec<ConsumeLine>,
}

/// Lets leave what is reserved, all lines or none. The same cause with the same lines counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/reservations/{id}/consume", tag = "reservations", security(("token" = ["reservation:write"])),
    request_body = ConsumeReservation, params(("id" = Uuid, Path, description = "The owner.")),
    responses((status = 200, description = "What is left of it.", body = ReservationView)))]
pub async fn consume_reservation(
    tenant: Tenant<may::ReservationWrite>,
    PathId(owner): PathId,
    post: Post<ConsumeReservation>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let mut taken: BTreeMap<Place, i64> = BTreeMap::new();
    for (number, line) in body.lines.iter().enumerate() {
        check_sku(&line.sku, format!("/lines/{number}/sku")).map_err(ErpError::from)?;
        let place = (fold(&line.sku), line.location_id);
        if taken.insert(place, line.quantity).is_some() {
            let place = format!("/lines/{number}");
            let problem = FieldProblem::new(place, "duplicate", "name each SKU at a place once");
            return Err(ErpError::from(problem).into());
        }
    }
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            lock_known(conn, owner).await?;
            consume(conn, owner, &body.cause, &taken, by).await?;
            shown(conn, owner).await
        },
    )
    .await
}

/// The name under which what an owner has reserved leaves.
pub fn issue_cause(owner: Uuid, cause: &str) -> String {
    format!("{owner} {cause}")
}

/// Lets pieces leave that an owner has reserved, all or none, once for the cause.
///
/// # Errors
/// 409 when less is reserved, or what is reserved is not committed.
pub async fn consume(
    conn: &mut TenantConn,
    owner: Uuid,
    cause: &str,
    taken: &BTreeMap<Place, i64>,
    by: Uuid,
) -> Result<(), ErpError> {
    let (_, lines) = locked(conn, owner).await?;
    let customer = warehouses::outside(conn, CUSTOMER).await?;
    let at = now();
    let planned = (0..)
        .zip(taken)
        .map(|(number, ((folded, location), quantity))| {
            let own = lines
                .iter()
                .find(|line| line.folded == *folded && line.location_id == *location);
            let own =
                own.ok_or_else(|| Problem::new(codes::NOT_RESERVED).with("sku", folded.clone()))?;
            Ok(MoveRow {
                id: Uuid::now_v7(),
                folded: folded.clone(),
                sku: own.sku.clone(),
                from_id: *location,
                to_id: customer,
                quantity: *quantity,
                kind: MoveKind::Issue.as_str().to_owned(),
                cause: issue_cause(owner, cause),
                line: number,
                note: None,
                at,
                moved_by: by,
                value: 0,
            })
        });
    let planned: Result<Vec<MoveRow>, Problem> = planned.collect();
    let planned = planned?;
    let ids: Vec<Uuid> = planned.iter().map(|one| one.id).collect();
    let besides = Besides {
        reserved: taken.clone(),
        ..Besides::default()
    };
    let moved = carry_out(conn, planned, &besides).await?;
    if moved.iter().map(|one| one.id).ne(ids) {
        // It has left before.
        return Ok(());
    }
    for line in lines {
        let Some(quantity) = taken.get(&(line.folded.clone(), line.location_id)) else {
            continue;
        };
        if line.state != COMMITTED {
            return Err(Problem::new(common::INVALID_TRANSITION)
                .detail("Only what is committed leaves.")
                .with("current_status", line.state)
                .with("allowed", ["commit"])
                .into());
        }
        if *quantity > line.open {
            return Err(Problem::new(codes::NOT_RESERVED)
                .with("sku", line.sku)
                .with("open", line.open)
                .into());
        }
        let open = line.open - quantity;
        let left = LineRow {
            open,
            consumed: line.consumed + quantity,
            state: if open == 0 { CONSUMED } else { COMMITTED }.to_owned(),
            ..line
        };
        reservations::put_line(conn, &left).await?;
    }
    Ok(())
}

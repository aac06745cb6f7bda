//! What is moved from where to where.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{check_sku, fold};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::costing::{Known, value};
use crate::domain::moves::{Change, Place, apply};
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{ErpError, codes};
use crate::store::moves::{self, MoveFilter, MoveRow};
use crate::store::warehouses::{self, LOSS, SUPPLIER};
use crate::store::{ledger, levels};

/// What a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MoveKind {
    /// From a supplier.
    Receipt,
    /// To a customer.
    Issue,
    /// From a customer.
    Return,
    /// From one place to another.
    Transfer,
    /// Found, or lost: what a count has shown.
    Adjust,
    /// Thrown away.
    Scrap,
}

impl MoveKind {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Issue => "issue",
            Self::Return => "return",
            Self::Transfer => "transfer",
            Self::Adjust => "adjust",
            Self::Scrap => "scrap",
        }
    }
}

/// A move.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockMoveView {
    id: Uuid,
    #[schema(example = "LAMP-1")]
    sku: String,
    from_id: Uuid,
    to_id: Uuid,
    quantity: i64,
    /// `receipt`, `issue`, `return`, `transfer`, `adjust` or `scrap`.
    #[schema(example = "receipt")]
    kind: String,
    /// What it was moved for.
    #[schema(example = "delivery note 4711")]
    cause: String,
    /// Which line of the cause.
    line: i32,
    note: Option<String>,
    at: DateTime<Utc>,
    moved_by: Uuid,
}

impl From<MoveRow> for StockMoveView {
    fn from(row: MoveRow) -> Self {
        Self {
            id: row.id,
            sku: row.sku,
            from_id: row.from_id,
            to_id: row.to_id,
            quantity: row.quantity,
            kind: row.kind,
            cause: row.cause,
            line: row.line,
            note: row.note,
            at: row.at,
            moved_by: row.moved_by,
        }
    }
}

/// What staff moves. What leaves for customers and comes back from them, orders say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StaffMove {
    /// From a supplier to a place.
    Receipt,
    /// From a place to another.
    Transfer,
    /// More at a place than was known, or with a negative quantity less.
    Adjust,
    /// Away from a place, for good.
    Scrap,
}

impl StaffMove {
    const fn kind(self) -> MoveKind {
        match self {
            Self::Receipt => MoveKind::Receipt,
            Self::Transfer => MoveKind::Transfer,
            Self::Adjust => MoveKind::Adjust,
            Self::Scrap => MoveKind::Scrap,
        }
    }
}

/// Pieces of a SKU.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveLine {
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: String,
    /// Where they are, or come to.
    #[garde(skip)]
    location_id: Uuid,
    /// What each has cost, of a receipt, in the books' currency; where it is absent, as much as those that are there on average.
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    unit_cost: Option<Money>,
    /// Where a transfer goes.
    #[garde(skip)]
    to_location_id: Option<Uuid>,
    /// At least one; less than nothing only to adjust.
    #[garde(range(min = -MAX_QUANTITY, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What is to be moved.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveStock {
    #[garde(skip)]
    kind: StaffMove,
    /// What it is moved for, such as a delivery note, a count or a ticket: each once of a kind.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "delivery note 4711")]
    cause: String,
    #[garde(length(min = 1, max = 250), dive)]
    lines: Vec<MoveLine>,
    #[garde(length(chars, min = 1, max = 500), inner(custom(one_line)))]
    note: Option<String>,
}

impl MoveStock {
    fn check(&self) -> Result<(), ErpError> {
        for (number, line) in self.lines.iter().enumerate() {
            check_sku(&line.sku, format!("/lines/{number}/sku"))?;
            let wrong = |field: &str, message: &str| -> Result<(), ErpError> {
                let place = format!("/lines/{number}/{field}");
                Err(FieldProblem::new(place, "range", message).into())
            };
            match (self.kind, line.quantity) {
                (_, 0) => return wrong("quantity", "must not be 0"),
                (StaffMove::Adjust, _) | (_, 1..) => {}
                _ => return wrong("quantity", "must be at least 1"),
            }
            match line.unit_cost {
                Some(_) if self.kind != StaffMove::Receipt => {
                    return wrong("unit_cost", "is for receipts");
                }
                Some(cost) if cost.is_negative() => {
                    return wrong("unit_cost", "must not be negative");
                }
                _ => {}
            }
            match (self.kind, line.to_location_id) {
                (StaffMove::Transfer, None) => {
                    return wrong("to_location_id", "is needed for a transfer");
                }
                (StaffMove::Transfer, Some(to)) if to == line.location_id => {
                    return wrong("to_location_id", "must be another place");
                }
                (StaffMove::Transfer, Some(_)) | (_, None) => {}
                _ => return wrong("to_location_id", "is for transfers"),
            }
        }
        Ok(())
    }
}

/// Moves stock, all lines or none. The same cause with the same lines again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/stock-moves", tag = "stock", security(("token" = ["stock:write"])), request_body = MoveStock,
    responses((status = 201, description = "What was moved.", body = Page<StockMoveView>)))]
pub async fn move_stock(
    tenant: Tenant<may::StockWrite>,
    post: Post<MoveStock>,
) -> ApiResult<Reply> {
    let body = &post.body;
    body.check()?;
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            let kind = body.kind.kind();
            let lock = format!("{} {}", kind.as_str(), body.cause);
            lock_name(conn, &tenant.context.key, "a cause of moves", &lock).await?;
            let planned = plan(conn, body, by).await?;
            let besides = Besides {
                costs: known_costs(conn, body, &planned).await?,
                ..Besides::default()
            };
            let rows = carry_out(conn, planned, &besides).await?;
            let list = format!("/api/erp/v1/stock-moves?kind={}", kind.as_str());
            Ok(Reply::created(list, &page(rows)))
        },
    )
    .await
}

fn page(rows: Vec<MoveRow>) -> Page<StockMoveView> {
    Page {
        data: rows.into_iter().map(StockMoveView::from).collect(),
        next_cursor: None,
    }
}

async fn plan(conn: &mut TenantConn, body: &MoveStock, by: Uuid) -> Result<Vec<MoveRow>, ErpError> {
    let mut ids: Vec<Uuid> = body.lines.iter().map(|line| line.location_id).collect();
    ids.extend(body.lines.iter().filter_map(|line| line.to_location_id));
    ids.sort_unstable();
    ids.dedup();
    if warehouses::places(conn, &ids).await?.len() != ids.len() {
        return Err(Problem::new(codes::UNKNOWN_LOCATION).into());
    }
    let outside = match body.kind {
        StaffMove::Receipt => SUPPLIER,
        _ => LOSS,
    };
    let outside = warehouses::outside(conn, outside).await?;
    let at = now();
    let rows = (0..).zip(&body.lines).map(|(number, line)| {
        let own = line.location_id;
        let (from_id, to_id) = match (body.kind, line.to_location_id) {
            (StaffMove::Transfer, Some(to)) => (own, to),
            (StaffMove::Receipt, _) => (outside, own),
            (StaffMove::Adjust, _) if line.quantity > 0 => (outside, own),
            _ => (own, outside),
        };
        MoveRow {
            id: Uuid::now_v7(),
            folded: fold(&line.sku),
            sku: line.sku.clone(),
            from_id,
            to_id,
            quantity: line.quantity.abs(),
            kind: body.kind.kind().as_str().to_owned(),
            cause: body.cause.clone(),
            line: number,
            note: body.note.clone(),
            at,
            moved_by: by,
            value: 0,
        }
    });
    Ok(rows.collect())
}

/// Returns what receipts have cost where it is said.
async fn known_costs(
    conn: &mut TenantConn,
    body: &MoveStock,
    planned: &[MoveRow],
) -> Result<Known, ErpError> {
    let mut known = Known::new();
    let book = ledger::currency(conn).await?;
    for (number, (line, row)) in body.lines.iter().zip(planned).enumerate() {
        let Some(cost) = line.unit_cost else { continue };
        if cost.currency().code() != book {
            let place = format!("/lines/{number}/unit_cost/currency");
            let message = format!("must be {book}, as the books are kept in");
            return Err(FieldProblem::new(place, "other_currency", message).into());
        }
        let value = cost.amount().checked_mul(line.quantity);
        let value = value.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
        known.insert(row.id, value);
    }
    Ok(known)
}

/// What belongs to moves besides.
#[derive(Clone, Debug, Default)]
pub struct Besides {
    /// What of reservations is taken up with them.
    pub reserved: BTreeMap<Place, i64>,
    /// What those are worth whose cost is known.
    pub costs: Known,
}

/// Carries out planned moves of one cause, once, and posts what they are worth: what was moved for it already is returned as it was.
///
/// # Errors
/// 409 when something else was moved for the cause, when there is too little, or when orders have reserved too much.
pub async fn carry_out(
    conn: &mut TenantConn,
    mut planned: Vec<MoveRow>,
    besides: &Besides,
) -> Result<Vec<MoveRow>, ErpError> {
    let Some(first) = planned.first() else {
        return Ok(planned);
    };
    let there = moves::of_cause(conn, &first.kind, &first.cause).await?;
    if !there.is_empty() {
        return if is_same(&there, &planned, &besides.costs) {
            Ok(there)
        } else {
            Err(Problem::new(codes::CAUSE_TAKEN).into())
        };
    }
    let mut ids: Vec<Uuid> = planned
        .iter()
        .flat_map(|one| [one.from_id, one.to_id])
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let inside = warehouses::places(conn, &ids).await?;
    let is_inside = |id: Uuid| inside.iter().any(|place| place.id == id);
    let mut changes: BTreeMap<Place, Change> = BTreeMap::new();
    let mut places: BTreeMap<Place, String> = BTreeMap::new();
    for one in &planned {
        for (id, sign) in [(one.from_id, -1), (one.to_id, 1)] {
            if is_inside(id) {
                let place = (one.folded.clone(), id);
                changes.entry(place.clone()).or_default().on_hand += sign * one.quantity;
                places.entry(place).or_insert_with(|| one.sku.clone());
            }
        }
    }
    for (place, quantity) in &besides.reserved {
        changes.entry(place.clone()).or_default().reserved -= quantity;
    }
    let mut all = levels::lock(conn, &places).await?;
    apply(&mut all, &changes)?;
    levels::put(
        conn,
        all.iter().filter(|(place, _)| changes.contains_key(place)),
    )
    .await?;
    value(conn, &mut planned, &inside, &besides.costs).await?;
    moves::insert(conn, &planned).await?;
    Ok(planned)
}

fn is_same(there: &[MoveRow], planned: &[MoveRow], costs: &Known) -> bool {
    let is_worth = |(there, planned): (&MoveRow, &MoveRow)| {
        let known = costs.get(&planned.id);
        known.is_none_or(|value| *value == there.value)
    };
    if !there.iter().zip(planned).all(is_worth) {
        return false;
    }
    let told = |row: &MoveRow| {
        (
            row.line,
            row.folded.clone(),
            row.from_id,
            row.to_id,
            row.quantity,
        )
    };
    there.iter().map(told).eq(planned.iter().map(told))
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListStockMoves {
    /// Of this SKU.
    sku: Option<String>,
    /// Of this kind.
    #[param(value_type = Option<String>)]
    kind: Option<MoveKind>,
    /// For this cause.
    cause: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what was moved, by age.
#[utoipa::path(get, path = "/api/erp/v1/stock-moves", tag = "stock", security(("token" = ["stock:read"])), params(ListStockMoves),
    responses((status = 200, description = "A page of moves.", body = Page<StockMoveView>)))]
pub async fn list_stock_moves(
    tenant: Tenant<may::StockRead>,
    state: Data<State>,
    query: Query<ListStockMoves>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    if let Some(sku) = &query.sku {
        check_sku(sku, "/sku").map_err(ErpError::from)?;
    }
    if query
        .cause
        .as_ref()
        .is_some_and(|cause| one_line(cause, &()).is_err())
    {
        let problem = FieldProblem::new("/cause", "form", "must be one line");
        return Err(ErpError::from(problem).into());
    }
    let filter = MoveFilter {
        folded: query.sku.as_deref().map(fold),
        kind: query.kind.map(MoveKind::as_str),
        cause: query.cause,
    };
    let list = format!("{} stock-moves {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, ErpError> {
        Ok(moves::list(conn, &filter, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.at, row.id))
    });
    Ok(Reply::ok(&page.map(StockMoveView::from)))
}

//! What comes of an order.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::fold;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::{TenantKey, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{PurchaseOrderView, answer, check_location};
use crate::State;
use crate::domain::purchasing::PurchaseCommand;
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{ErpError, codes};
use crate::http::stock_moves::{Besides, MoveKind, carry_out};
use crate::store::moves::MoveRow;
use crate::store::purchase_orders::{
    self as orders, PurchaseLineRow, PurchaseRow, ReceiptLineRow, ReceiptRow,
};
use crate::store::warehouses::{self, SUPPLIER};

/// Pieces of a line of the order.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptLine {
    /// The line of the order.
    #[garde(range(min = 0))]
    line: i32,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What has come.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveGoods {
    /// The supplier's slip: each counts once.
    #[garde(length(chars, min = 1, max = 60), custom(one_line))]
    #[schema(example = "delivery note 4711")]
    reference: String,
    /// Where it has come; where the order says, if absent.
    #[garde(skip)]
    location_id: Option<Uuid>,
    #[garde(length(min = 1, max = 250), dive)]
    lines: Vec<ReceiptLine>,
}

/// Takes goods into stock, at what they are to cost. Each slip counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/purchase-orders/{id}/receive", tag = "purchasing", security(("token" = ["stock:write"])),
    request_body = ReceiveGoods, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The order.", body = PurchaseOrderView)))]
pub async fn receive_goods(
    tenant: Tenant<may::StockWrite>,
    PathId(id): PathId,
    post: Post<ReceiveGoods>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = orders::lock(conn, id).await?;
            let row = row.ok_or_else(Problem::not_found)?;
            let location = body.location_id.unwrap_or(row.location_id);
            let counted = counted(&body.lines)?;
            if let Some(there) = orders::find_receipt(conn, id, &body.reference).await? {
                let lines = orders::receipt_lines_of(conn, &[there.id]).await?;
                let same = lines.iter().map(|line| (line.line, line.quantity));
                if there.location_id != location || !same.eq(counted) {
                    return Err(Problem::new(codes::CAUSE_TAKEN).into());
                }
                return answer(conn, row).await;
            }
            check_location(conn, location).await?;
            let row = take(
                conn,
                &tenant.context.key,
                row,
                &body.reference,
                location,
                &counted,
                by,
            )
            .await?;
            answer(conn, row).await
        },
    )
    .await
}

/// Returns how many pieces have come by line, each line once.
fn counted(lines: &[ReceiptLine]) -> Result<BTreeMap<i32, i64>, ErpError> {
    let mut counted = BTreeMap::new();
    for (place, own) in lines.iter().enumerate() {
        if counted.insert(own.line, own.quantity).is_some() {
            let pointer = format!("/lines/{place}/line");
            return Err(FieldProblem::new(pointer, "twice", "must be named once").into());
        }
    }
    Ok(counted)
}

async fn take(
    conn: &mut TenantConn,
    tenant: &TenantKey,
    row: PurchaseRow,
    reference: &str,
    location: Uuid,
    counted: &BTreeMap<i32, i64>,
    by: Uuid,
) -> Result<PurchaseRow, ErpError> {
    // Before anything is said of lines: of a draft nothing comes.
    PurchaseCommand::ReceiveRest.apply(&row.status)?;
    let cause = format!("{} {reference}", row.number);
    // Staff may receive by hand for the same cause.
    lock_name(
        conn,
        tenant,
        "a cause of moves",
        &format!("receipt {cause}"),
    )
    .await?;
    let mut lines = orders::lines_of(conn, &[row.id]).await?;
    let supplier = warehouses::outside(conn, SUPPLIER).await?;
    let at = now();
    let mut planned = Vec::with_capacity(counted.len());
    let mut besides = Besides::default();
    for (line, quantity) in counted {
        let own = lines.iter_mut().find(|own| own.line == *line);
        let own = own.ok_or_else(|| Problem::new(codes::UNKNOWN_LINE).with("line", *line))?;
        let open = own.at_most - own.received;
        if *quantity > open {
            return Err(Problem::new(codes::OVER_RECEIVED)
                .with("line", *line)
                .with("open", open)
                .into());
        }
        own.received += quantity;
        orders::update_line(conn, own).await?;
        let value = own.unit_cost.checked_mul(*quantity);
        let value = value.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
        let one = moved(own, *quantity, (supplier, location), by, at);
        besides.costs.insert(one.id, value);
        planned.push(MoveRow {
            cause: cause.clone(),
            ..one
        });
    }
    carry_out(conn, planned, &besides).await?;
    let receipt = ReceiptRow {
        id: Uuid::now_v7(),
        purchase_order_id: row.id,
        reference: reference.to_owned(),
        location_id: location,
        received_by: by,
        created_at: at,
    };
    let own = counted.iter().map(|(line, quantity)| ReceiptLineRow {
        receipt_id: receipt.id,
        line: *line,
        quantity: *quantity,
    });
    orders::insert_receipt(conn, &receipt, &own.collect::<Vec<_>>()).await?;
    let is_all = lines.iter().all(|line| line.received >= line.quantity);
    let command = if is_all {
        PurchaseCommand::ReceiveRest
    } else {
        PurchaseCommand::ReceivePart
    };
    let row = PurchaseRow {
        status: command.apply(&row.status)?.to_owned(),
        ..row
    };
    Ok(orders::update(conn, &row).await?)
}

fn moved(
    line: &PurchaseLineRow,
    quantity: i64,
    (from_id, to_id): (Uuid, Uuid),
    by: Uuid,
    at: DateTime<Utc>,
) -> MoveRow {
    MoveRow {
        id: Uuid::now_v7(),
        folded: fold(&line.sku),
        sku: line.sku.clone(),
        from_id,
        to_id,
        quantity,
        kind: MoveKind::Receipt.as_str().to_owned(),
        cause: String::new(),
        line: line.line,
        note: None,
        at,
        moved_by: by,
        value: 0,
    }
}

/// What has come by a slip.
#[derive(Debug, Serialize, ToSchema)]
pub struct GoodsReceiptView {
    id: Uuid,
    purchase_order_id: Uuid,
    #[schema(example = "delivery note 4711")]
    reference: String,
    location_id: Uuid,
    lines: Vec<ReceiptLine>,
    received_by: Uuid,
    created_at: DateTime<Utc>,
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListGoodsReceipts {
    /// Of this order.
    purchase_order_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what has come by age.
#[utoipa::path(get, path = "/api/erp/v1/goods-receipts", tag = "purchasing", security(("token" = ["purchase:read"])),
    params(ListGoodsReceipts), responses((status = 200, description = "A page of receipts.", body = Page<GoodsReceiptView>)))]
pub async fn list_goods_receipts(
    tenant: Tenant<may::PurchaseRead>,
    state: Data<State>,
    query: Query<ListGoodsReceipts>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let order = query.purchase_order_id;
    let list = format!("{} goods-receipts {order:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = orders::list_receipts(conn, order, after, i64::from(limit) + 1).await?;
        let page = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let ids: Vec<Uuid> = page.data.iter().map(|row| row.id).collect();
        let mut own: BTreeMap<Uuid, Vec<ReceiptLine>> = BTreeMap::new();
        for ReceiptLineRow {
            receipt_id,
            line,
            quantity,
        } in orders::receipt_lines_of(conn, &ids).await?
        {
            let lines = own.entry(receipt_id).or_default();
            lines.push(ReceiptLine { line, quantity });
        }
        Ok(page.map(|row| GoodsReceiptView {
            lines: own.remove(&row.id).unwrap_or_default(),
            id: row.id,
            purchase_order_id: row.purchase_order_id,
            reference: row.reference,
            location_id: row.location_id,
            received_by: row.received_by,
            created_at: row.created_at,
        }))
    });
    Ok(Reply::ok(&page.await?))
}

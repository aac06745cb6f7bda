//! Carts and the customers who sign in with them.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_contracts::client::Correlation;
use averis_contracts::product::FindVariants;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::locks::lock_id;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::request;
use averis_tenant_context::{TenantContext, may};
use averis_tenant_db::TenantConn;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::carts::{CartView, begun, changeable, shown};
use crate::State;
use crate::asking::{available, signed_in, told};
use crate::domain::MAX_COUPONS;
use crate::domain::merging::{Less, Pieces, Reason, merge};
use crate::domain::now;
use crate::error::EcommError;
use crate::store::carts::{self, CartLineRow, CartRow, MERGED};

/// SKUs of one question to the product service.
const SKUS: usize = 250;

/// A cart with what has come into it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergedCart {
    /// The session's cart from now on.
    cart: CartView,
    /// Carts that were put into it.
    merged: Vec<Uuid>,
    /// Of what less is in it than was in all of them.
    adjusted: Vec<Adjustment>,
}

/// Of what less was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Adjustment {
    #[schema(example = "LAMP-1")]
    sku: String,
    wanted: i64,
    kept: i64,
    /// `stock`, `limit` (of one line) or `full` (the cart has no room for it).
    #[schema(example = "stock")]
    reason: &'static str,
}

impl From<Less> for Adjustment {
    fn from(less: Less) -> Self {
        Self {
            sku: less.sku,
            wanted: less.wanted,
            kept: less.kept,
            reason: match less.reason {
                Reason::Stock => "stock",
                Reason::Limit => "limit",
                Reason::Full => "full",
            },
        }
    }
}

/// Puts into a cart what its shopper, who has signed in, has put into carts of other sessions. A cart of somebody else who was signed
/// in before, or has signed out, is left for it, and the session gets a new one. To be asked for after each signing in and out.
/// The same again changes nothing.
#[utoipa::path(post, path = "/api/ecomm/v1/carts/{id}/merge", tag = "carts", security(("token" = ["storefront:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The session's cart.", body = MergedCart)))]
pub async fn merge_carts(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let correlation = request::correlation();
    let buyer = signed_in(&state, &tenant.context, session, None, &correlation).await?;
    let customer = buyer.customer();
    let owners: Vec<Uuid> = customer
        .into_iter()
        .chain(buyer.former_ids.clone())
        .collect();
    let skus = tenant.db.read(async |conn| -> Result<_, EcommError> {
        // Where nobody has signed in nothing comes together.
        if customer.is_none() {
            return Ok(Vec::new());
        }
        let own = carts::active_of(conn, &owners).await?;
        let mut ids: Vec<Uuid> = own.iter().map(|row| row.id).collect();
        ids.push(id);
        let lines = carts::lines_of_all(conn, &ids).await?;
        Ok(lines.into_iter().map(|line| line.sku).collect::<Vec<_>>())
    });
    let stock = stock_of(&state, &tenant.context, &skus.await?, &correlation).await?;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, EcommError> {
            if let Some(customer) = customer {
                // Of two sessions of one customer at once, one after the other.
                lock_id(conn, customer).await?;
            }
            // Asked again without its answer, the session may have another one by now.
            let current = carts::current(conn, session).await?.map(|row| row.id);
            let is_own = carts::find(conn, id, session).await?.is_some();
            let own = current.filter(|_| !is_own).unwrap_or(id);
            let mut row = changeable(conn, own, session).await?;
            if row.customer_id.is_some_and(|customer| !buyer.is(customer)) {
                row = left_for_its_customer(conn, row, session).await?;
            }
            let Some(customer) = customer else {
                return answer(conn, row, Vec::new(), Vec::new()).await;
            };
            let others = carts::lock_active_of(conn, &owners, row.id).await?;
            let is_claimed = row.customer_id == Some(customer);
            if is_claimed && others.is_empty() {
                return answer(conn, row, Vec::new(), Vec::new()).await;
            }
            row.customer_id = Some(customer);
            let less = take_in(conn, &mut row, &others, &stock).await?;
            let row = carts::update(conn, &row).await?;
            let merged = others.iter().map(|other| other.id).collect();
            answer(conn, row, merged, less).await
        },
    )
    .await
}

async fn answer(
    conn: &mut TenantConn,
    row: CartRow,
    merged: Vec<Uuid>,
    less: Vec<Less>,
) -> Result<Reply, EcommError> {
    let version = row.version;
    let merged = MergedCart {
        cart: shown(conn, row).await?,
        merged,
        adjusted: less.into_iter().map(Adjustment::from).collect(),
    };
    Ok(Reply::ok(&merged).version(version))
}

/// Takes a cart away from a session that its customer is not in any more, and begins another there. Its customer finds it
/// wherever it signs in next.
pub async fn left_for_its_customer(
    conn: &mut TenantConn,
    row: CartRow,
    session: Uuid,
) -> Result<CartRow, EcommError> {
    let new = begun(session, row.country.clone(), row.channel.clone());
    let left = CartRow {
        // A session that nobody has.
        session_id: Uuid::now_v7(),
        ..row
    };
    carts::update(conn, &left).await?;
    carts::insert(conn, &new).await?;
    Ok(new)
}

/// Checks that a cart with which somebody has signed in is still for whoever is signed in (C8). Nobody asks of a cart with which
/// nobody has.
///
/// # Errors
/// 404 for anybody else; 503 when that cannot be found out.
pub async fn check_owner<P>(tenant: &Tenant<P>, state: &State, id: Uuid) -> Result<(), Problem> {
    let session = tenant.caller.identity.subject;
    let row = tenant
        .db
        .read(async |conn| -> Result<_, EcommError> { Ok(carts::find(conn, id, session).await?) });
    let customer = row.await?.and_then(|row| row.customer_id);
    let Some(customer) = customer else {
        return Ok(());
    };
    let correlation = request::correlation();
    let buyer = signed_in(state, &tenant.context, session, None, &correlation).await?;
    if buyer.is(customer) {
        return Ok(());
    }
    Err(Problem::not_found())
}

/// Puts what is in other carts into one, and ends them.
async fn take_in(
    conn: &mut TenantConn,
    row: &mut CartRow,
    others: &[CartRow],
    stock: &BTreeMap<String, i64>,
) -> Result<Vec<Less>, EcommError> {
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let ids = others.iter().map(|other| other.id).chain([row.id]);
    // In the order in which they came, whichever cart is put into which.
    let all = carts::lines_of_all(conn, &ids.collect::<Vec<_>>()).await?;
    let pieces = |line: &CartLineRow| Pieces {
        folded: line.folded.clone(),
        sku: line.sku.clone(),
        quantity: line.quantity,
    };
    let (kept, less) = merge(all.iter().map(pieces), stock);
    for pieces in kept {
        let mut own = all.iter().filter(|line| line.cart_id == row.id);
        match own.find(|line| line.folded == pieces.folded) {
            Some(line) if line.quantity == pieces.quantity => {}
            Some(line) => carts::put_quantity(conn, row.id, line.id, pieces.quantity).await?,
            None => {
                let line = CartLineRow {
                    cart_id: row.id,
                    id: Uuid::now_v7(),
                    folded: pieces.folded,
                    sku: pieces.sku,
                    quantity: pieces.quantity,
                    created_at: now(),
                };
                carts::insert_line(conn, &line).await?;
            }
        }
    }
    for other in others {
        for code in &other.coupon_codes {
            if row.coupon_codes.len() < MAX_COUPONS && !row.coupon_codes.contains(code) {
                row.coupon_codes.push(code.clone());
            }
        }
        if row.email.is_none() {
            row.email.clone_from(&other.email);
        }
        let ended = CartRow {
            state: MERGED.to_owned(),
            merged_into: Some(row.id),
            ..other.clone()
        };
        carts::update(conn, &ended).await?;
    }
    Ok(less)
}

/// Learns what there is of those SKUs of which there is an end.
async fn stock_of(
    state: &State,
    tenant: &TenantContext,
    skus: &[String],
    correlation: &Correlation,
) -> Result<BTreeMap<String, i64>, Problem> {
    let mut physical = Vec::new();
    for some in skus.chunks(SKUS) {
        let wanted = FindVariants {
            skus: some.to_vec(),
            product_ids: Vec::new(),
        };
        let products = &state.calls.product;
        let found = products.find_variants(&tenant.key, &wanted, correlation);
        let found = found.await.map_err(told)?.into_iter();
        physical.extend(found.filter(|variant| variant.kind == "physical"));
    }
    if physical.is_empty() {
        return Ok(BTreeMap::new());
    }
    let physical: Vec<&str> = physical
        .iter()
        .map(|variant| variant.sku.as_str())
        .collect();
    available(state, tenant, &physical, correlation)
        .await
        .map_err(told)
}

//! What is in carts.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::forms::{check_sku, fold};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PartId, PathId};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::carts::{CartView, answer, changeable, created};
use super::merging::check_owner;
use crate::State;
use crate::domain::{MAX_LINES, MAX_QUANTITY, now};
use crate::error::{EcommError, codes};
use crate::store::carts::{self, CartLineRow};

/// Pieces of a SKU.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCartLine {
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: String,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// Puts pieces into a cart, to those of the SKU that are there.
#[utoipa::path(post, path = "/api/ecomm/v1/carts/{id}/lines", tag = "carts", security(("token" = ["storefront:write"])),
    request_body = AddCartLine, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The cart.", body = CartView)))]
pub async fn add_cart_line(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<AddCartLine>,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let body = &post.body;
    check_sku(&body.sku, "/sku").map_err(EcommError::from)?;
    check_owner(&tenant, &state, id).await?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, EcommError> {
            let row = changeable(conn, id, session).await?;
            let lines = carts::lines_of(conn, id).await?;
            let folded = fold(&body.sku);
            match lines.iter().find(|line| line.folded == folded) {
                Some(line) => {
                    let sum = line.quantity + body.quantity;
                    if sum > MAX_QUANTITY {
                        let message = format!("must not bring it beyond {MAX_QUANTITY}");
                        return Err(FieldProblem::new("/quantity", "range", message).into());
                    }
                    carts::put_quantity(conn, id, line.id, sum).await?;
                }
                None if lines.len() >= MAX_LINES => {
                    return Err(Problem::new(codes::CART_FULL).into());
                }
                None => {
                    let line = CartLineRow {
                        cart_id: id,
                        id: Uuid::now_v7(),
                        folded,
                        sku: body.sku.clone(),
                        quantity: body.quantity,
                        created_at: now(),
                    };
                    carts::insert_line(conn, &line).await?;
                }
            }
            let row = carts::update(conn, &row).await?;
            created(conn, row).await
        },
    )
    .await
}

/// How many pieces there are to be.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCartQuantity {
    /// None at all takes the SKU out.
    #[garde(range(min = 0, max = MAX_QUANTITY))]
    #[schema(example = 2)]
    quantity: i64,
}

/// Says how many pieces of a line there are. The same again changes nothing.
#[utoipa::path(post, path = "/api/ecomm/v1/carts/{id}/lines/{part_id}", tag = "carts", security(("token" = ["storefront:write"])),
    request_body = SetCartQuantity, params(("id" = Uuid, Path), ("part_id" = Uuid, Path)),
    responses((status = 200, description = "The cart.", body = CartView)))]
pub async fn set_cart_quantity(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    ids: PartId,
    post: Post<SetCartQuantity>,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let quantity = post.body.quantity;
    check_owner(&tenant, &state, ids.id).await?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, EcommError> {
            let row = changeable(conn, ids.id, session).await?;
            let lines = carts::lines_of(conn, ids.id).await?;
            let line = lines.iter().find(|line| line.id == ids.part);
            let line = line.ok_or_else(Problem::not_found)?;
            if line.quantity == quantity {
                return answer(conn, row).await;
            }
            carts::put_quantity(conn, ids.id, ids.part, quantity).await?;
            let row = carts::update(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}

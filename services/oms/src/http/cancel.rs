//! Orders that are cancelled, whole or in part, as far as they are not shipped.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::check_once;
use super::orders::{OrderView, answer};
use crate::State;
use crate::cancelling::{Given, cancel_pieces};
use crate::domain::MAX_QUANTITY;
use crate::domain::orders::{CANCELLED, DRAFT, OrderCommand};
use crate::drive::wake;
use crate::error::{OmsError, codes};
use crate::settle::locked;
use crate::store::orders;

/// Pieces of a line.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelLine {
    #[garde(range(min = 0))]
    line: i32,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What is cancelled, and why.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Goods, each line once; all that is not shipped where absent.
    #[garde(length(min = 1, max = 500), dive)]
    lines: Option<Vec<CancelLine>>,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "The buyer has changed its mind")]
    reason: String,
    /// Whether only a draft is cancelled: what was ever placed stays as it is, and the answer is 409 `invalid_transition`.
    #[serde(default)]
    #[garde(skip)]
    draft_only: bool,
}

/// Cancels what is not shipped: what is reserved is given back, and what is authorised for it is not captured. What is shipped comes
/// back by a return. Of an order of which nothing was shipped nothing is left. Of all of an order, which names no lines:
/// The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/cancel", tag = "orders", security(("token" = ["order:write"])),
    request_body = CancelOrder, params(("id" = Uuid, Path)),
    responses((status = 200, description = "What is left of the order.", body = OrderView)))]
pub async fn cancel_order(
    tenant: Tenant<may::OrderWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<CancelOrder>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_once(body.lines.iter().flatten().map(|line| line.line))?;
    let actor = tenant.caller.identity.subject;
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let (order, payment) = locked(conn, id).await?;
            let lines = orders::lines_of(conn, &[id]).await?;
            if body.draft_only && order.placed_at.is_some() {
                let problem = Problem::new(common::INVALID_TRANSITION).detail("It was placed.");
                return Err(problem.with("current_status", order.status).into());
            }
            if order.status == CANCELLED && body.lines.is_none() {
                return answer(conn, id).await;
            }
            // Whether it may be cancelled at all, shipped or not.
            OrderCommand::Cancel.apply(&order.status)?;
            if order.status == DRAFT && body.lines.is_some() {
                // What it comes to is being paid: all of it, or nothing.
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail("A draft is cancelled as a whole.")
                    .with("current_status", order.status)
                    .with("allowed", ["cancel"])
                    .into());
            }
            let goods = || lines.iter().filter(|line| line.is_goods());
            let given: Vec<Given> = match &body.lines {
                Some(asked) => asked
                    .iter()
                    .map(|one| Given {
                        line: one.line,
                        quantity: one.quantity,
                    })
                    .collect(),
                None => goods()
                    .filter(|line| line.pieces().open() > 0)
                    .map(|line| Given {
                        line: line.line,
                        quantity: line.pieces().open(),
                    })
                    .collect(),
            };
            let unknown = given
                .iter()
                .find(|one| goods().all(|line| line.line != one.line));
            if let Some(one) = unknown {
                return Err(Problem::new(codes::UNKNOWN_LINE)
                    .with("line", one.line)
                    .into());
            }
            if given.is_empty() {
                return Err(Problem::new(codes::NOT_OPEN).into());
            }
            cancel_pieces(conn, order, &payment, &given, Some(actor), &body.reason).await?;
            answer(conn, id).await
        },
    );
    let reply = reply.await?;
    // What was given up is let go.
    wake(&state, &tenant.db);
    Ok(reply)
}

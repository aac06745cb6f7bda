//! Two records of one customer, which staff makes one.

use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::customers::{CustomerView, answer, live, named};
use crate::disclosure::join;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::customers::{MergeRow, WARM};

/// Who else the customer is.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeCustomer {
    /// The other record. It has proven no address: what is proven is merged by proof alone.
    #[garde(skip)]
    from_id: Uuid,
    /// Kept, with who said so and when: name nobody in it.
    #[garde(length(chars, min = 1, max = 1000), custom(one_line))]
    #[schema(example = "Entered twice, ticket 4712")]
    reason: String,
}

/// Makes one customer of two: what belongs to the other goes to this one, which learns what it did not know. There is no way
/// back.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/merge", tag = "customers", security(("token" = ["customer:erase"])),
    request_body = MergeCustomer, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The customer.", body = CustomerView)))]
pub async fn merge_customer(
    tenant: Tenant<may::CustomerErase>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<MergeCustomer>,
) -> ApiResult<Reply> {
    let body = &post.body;
    if body.from_id == id {
        let problem = FieldProblem::new("/from_id", "same", "must be another customer");
        return Err(CustomerError::from(problem).into());
    }
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let into = live(conn, id).await?;
            seen.check(into.version)?;
            let from = named(conn, body.from_id).await?;
            if from.disclosure != WARM {
                return Err(Problem::new(codes::NOT_MERGEABLE).into());
            }
            let merge = MergeRow {
                from_id: from.id,
                into_id: id,
                visitor_id: None,
                at: now(),
                merged_by: Some(by),
                reason: Some(body.reason.clone()),
            };
            Ok(answer(join(conn, from, into, &merge).await?))
        },
    )
    .await
}

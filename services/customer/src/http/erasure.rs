//! All that is known of a customer: to be handed out, and to be forgotten.

use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::addresses::AddressView;
use super::consents::ConsentView;
use super::customers::{CustomerView, live};
use super::members::CompanyMemberView;
use crate::disclosure::emptied;
use crate::domain::now;
use crate::error::CustomerError;
use crate::store::customers::{self, CustomerRow, ERASED};
use crate::store::{addresses, companies, consents, erasures, verifications, visitors};

/// Somebody who was found to be the customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergeView {
    customer_id: Uuid,
    visitor_id: Uuid,
    at: DateTime<Utc>,
}

/// A visitor who is the customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct VisitView {
    visitor_id: Uuid,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
}

/// All that this service knows of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerExport {
    customer: CustomerView,
    addresses: Vec<AddressView>,
    consents: Vec<ConsentView>,
    visits: Vec<VisitView>,
    merges: Vec<MergeView>,
    memberships: Vec<CompanyMemberView>,
}

/// Exports all that is known of a customer.
#[utoipa::path(get, path = "/api/customer/v1/customers/{id}/export", tag = "customers", security(("token" = ["customer:erase"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "All of it.", body = CustomerExport)))]
pub async fn export_customer(
    tenant: Tenant<may::CustomerErase>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let export = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let customer = customers::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        let visits = visitors::of(conn, id).await?.into_iter();
        let merges = customers::merges_into(conn, id).await?.into_iter();
        Ok(CustomerExport {
            addresses: addresses::list(conn, id)
                .await?
                .into_iter()
                .map(AddressView::from)
                .collect(),
            consents: consents::list(conn, id)
                .await?
                .into_iter()
                .map(ConsentView::from)
                .collect(),
            memberships: companies::memberships(conn, id)
                .await?
                .into_iter()
                .map(CompanyMemberView::from)
                .collect(),
            visits: visits
                .map(|row| VisitView {
                    visitor_id: row.id,
                    first_seen: row.first_seen,
                    last_seen: row.last_seen,
                })
                .collect(),
            merges: merges
                .map(|(customer_id, visitor_id, at)| MergeView {
                    customer_id,
                    visitor_id,
                    at,
                })
                .collect(),
            customer: customer.into(),
        })
    });
    Ok(Reply::ok(&export.await?))
}

/// Why a customer is erased.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseCustomer {
    /// Kept, with who asked and when: name nobody in it.
    #[garde(length(chars, min = 1, max = 1000), custom(one_line))]
    #[schema(example = "Request of the customer, ticket 4711")]
    reason: String,
}

/// Erases a customer: names, addresses, visits, codes under way and kept answers go; number, consents without names, and
/// what documents of law refer to stay. There is no way back.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/erase", tag = "customers", security(("token" = ["customer:erase"])),
    request_body = EraseCustomer, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "What is left of the customer.", body = CustomerView)))]
pub async fn erase_customer(
    tenant: Tenant<may::CustomerErase>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<EraseCustomer>,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = live(conn, id).await?;
            seen.check(row.version)?;
            let at = now();
            if let Some(email) = &row.email {
                verifications::delete_for(conn, email).await?;
                erasures::forget_answers_to(conn, email).await?;
            }
            for one in erasures::all_of(conn, id).await? {
                erasures::forget_answers(conn, one).await?;
                visitors::delete_of(conn, one).await?;
                addresses::delete_of(conn, one).await?;
            }
            companies::leave_all(conn, id).await?;
            erasures::insert(conn, id, by, &post.body.reason, at).await?;
            let erased = CustomerRow {
                status: ERASED.to_owned(),
                ..emptied(row)
            };
            let row = customers::update(conn, &erased).await?;
            let version = row.version;
            Ok(Reply::ok(&CustomerView::from(row)).version(version))
        },
    )
    .await
}

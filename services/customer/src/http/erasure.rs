//! All that is known of a customer: to be handed out, and to be forgotten.

use averis_contracts::customer::{Erased, kinds};
use averis_outbox::publish;
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
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::addresses::AddressView;
use super::approvals::{ApprovalView, view as approval_view};
use super::consents::ConsentView;
use super::customers::{CustomerView, live};
use super::members::{self, CompanyMemberView};
use super::telemetry::VisitorEventView;
use crate::disclosure::emptied;
use crate::domain::now;
use crate::error::CustomerError;
use crate::store::customers::{self, CustomerRow, ERASED, HOT};
use crate::store::{
    addresses, approvals, companies, consents, erasures, telemetry, verifications, visitors,
};

/// Somebody who was found to be the customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergeView {
    customer_id: Uuid,
    /// Who has proven it.
    visitor_id: Option<Uuid>,
    /// Which of the staff has said so, where nobody has proven it, and why.
    merged_by: Option<Uuid>,
    reason: Option<String>,
    at: DateTime<Utc>,
}

/// A code that is under way to an address.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeView {
    email: String,
    expires_at: DateTime<Utc>,
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
    /// What it has looked at.
    events: Vec<VisitorEventView>,
    merges: Vec<MergeView>,
    memberships: Vec<CompanyMemberView>,
    /// What it has asked others to approve, and what it has decided for others.
    approvals: Vec<ApprovalView>,
    /// Codes that it has asked for.
    codes: Vec<CodeView>,
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
        let visits = visitors::of(conn, id).await?;
        let ids: Vec<Uuid> = visits.iter().map(|visit| visit.id).collect();
        let merges = customers::merges_into(conn, id).await?.into_iter();
        let memberships = companies::memberships(conn, id).await?.into_iter();
        let approvals = approvals::of(conn, id).await?.into_iter();
        let codes = verifications::of(conn, &ids).await?.into_iter();
        let events = telemetry::of(conn, id, i64::MAX).await?.into_iter();
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
            memberships: memberships.map(members::view).collect::<Result<_, _>>()?,
            approvals: approvals.map(approval_view).collect::<Result<_, _>>()?,
            codes: codes
                .map(|(email, expires_at)| CodeView { email, expires_at })
                .collect(),
            events: events.map(VisitorEventView::from).collect(),
            visits: visits
                .into_iter()
                .map(|row| VisitView {
                    visitor_id: row.id,
                    first_seen: row.first_seen,
                    last_seen: row.last_seen,
                })
                .collect(),
            merges: merges
                .map(|row| MergeView {
                    customer_id: row.from_id,
                    visitor_id: row.visitor_id,
                    merged_by: row.merged_by,
                    reason: row.reason,
                    at: row.at,
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
            let (all, mut seen_as) = erasures::all_of(conn, id).await?;
            for one in &all {
                let visits = visitors::of(conn, *one).await?;
                seen_as.extend(visits.iter().map(|visit| visit.id));
                // Whoever answers this visitor now is waited for, and its answer found below.
                visitors::delete_of(conn, *one).await?;
                addresses::delete_of(conn, *one).await?;
            }
            telemetry::delete_of(conn, &all).await?;
            verifications::delete_of(conn, &seen_as).await?;
            let mut words: Vec<String> = all.iter().map(Uuid::to_string).collect();
            // An address that is not proven may be somebody else's, who did not ask for this.
            if let Some(email) = row.email.as_ref().filter(|_| row.disclosure == HOT) {
                verifications::delete_for(conn, email).await?;
                words.push(json!(email).to_string());
            }
            approvals::forget_comments(conn, &all).await?;
            companies::leave_all(conn, &all).await?;
            erasures::forget_answers(conn, &words).await?;
            let customer_ids = all;
            publish(conn, kinds::ERASED, id, &Erased { customer_ids }).await?;
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

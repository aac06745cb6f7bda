//! Orders of companies that somebody else has to approve.
//!
//! ```text
//! (within the buyer's limit)--> approved
//! pending --approve|reject (an approver of the company, who is not the buyer)--> approved|rejected
//! ```
//!
//! An approval is of one order as it is, by its hash: another order needs another.

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::companies::{MemberRole, may as member_may};
use crate::domain::money::stored;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::{companies, customers, visitors};

/// An approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    id: Uuid,
    company_id: Uuid,
    /// Who orders.
    buyer_id: Uuid,
    /// SHA-256 of the order, in hexadecimal digits: it is good for that order alone.
    order_hash: String,
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// `pending`, `approved` or `rejected`.
    status: String,
    /// Who decided; null where the buyer's limit did.
    decided_by: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    comment: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: ApprovalRow) -> Result<ApprovalView, CustomerError> {
    Ok(ApprovalView {
        amount: stored(row.amount, &row.currency)?,
        id: row.id,
        company_id: row.company_id,
        buyer_id: row.buyer_id,
        order_hash: row.order_hash,
        status: row.status,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
        comment: row.comment,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// An order that may need an approval.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestApproval {
    #[garde(skip)]
    company_id: Uuid,
    #[garde(skip)]
    buyer_id: Uuid,
    /// SHA-256 of the order, in hexadecimal digits.
    #[garde(custom(hash_form))]
    #[schema(example = "40082309ff6dc65df40499168da4f5ed6d2a94972f2d7c2c5c14dc6d5667506c")]
    order_hash: String,
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
}

fn hash_form(text: &str, _: &()) -> garde::Result {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == 64 && text.bytes().all(digit) {
        return Ok(());
    }
    Err(garde::Error::new(
        "must be 64 hexadecimal digits in small letters",
    ))
}

/// Asks whether a buyer may order for its company. Within its limit it may; beyond, an approver has to approve.
#[utoipa::path(post, path = "/api/customer/v1/approvals", tag = "companies", security(("token" = ["credit:write"])), request_body = RequestApproval,
    responses((status = 201, description = "The approval: approved within the limit, else pending.", body = ApprovalView)))]
pub async fn request_approval(
    tenant: Tenant<may::CreditWrite>,
    post: Post<RequestApproval>,
) -> ApiResult<Reply> {
    let body = &post.body;
    if body.amount.is_negative() {
        let problem = FieldProblem::new("/amount", "range", "must not be negative");
        return Err(CustomerError::from(problem).into());
    }
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let company = companies::find(conn, body.company_id).await?;
            let company = company.ok_or_else(|| Problem::new(codes::UNKNOWN_COMPANY))?;
            if company.status != "approved" {
                return Err(Problem::new(codes::COMPANY_NOT_APPROVED).into());
            }
            let member =
                member_who_may(conn, body.company_id, body.buyer_id, MemberRole::Buyer).await?;
            let currency = body.amount.currency();
            // A limit is a sum of the company's currency: of another nothing is within it.
            let is_within = member.spend_limit.is_none_or(|limit| {
                company.credit_currency.as_deref() == Some(currency.code())
                    && body.amount.amount() <= limit
            });
            let at = now();
            let row = ApprovalRow {
                id: Uuid::now_v7(),
                company_id: body.company_id,
                buyer_id: body.buyer_id,
                order_hash: body.order_hash.clone(),
                amount: body.amount.amount(),
                currency: currency.code().to_owned(),
                status: if is_within { "approved" } else { "pending" }.to_owned(),
                decided_by: None,
                decided_at: is_within.then_some(at),
                comment: None,
                version: 1,
                created_at: at,
                updated_at: at,
            };
            approvals::insert(conn, &row).await?;
            let location = format!("/api/customer/v1/approvals/{}", row.id);
            Ok(Reply::created(location, &view(row)?).version(1))
        },
    )
    .await
}

async fn member_who_may(
    conn: &mut TenantConn,
    company: Uuid,
    customer: Uuid,
    role: MemberRole,
) -> Result<companies::MemberRow, CustomerError> {
    let active = customers::find(conn, customer).await?;
    let is_active = active.is_some_and(|row| row.status == customers::ACTIVE);
    let member = companies::find_member(conn, company, customer).await?;
    let member = member.filter(|member| is_active && member_may(&member.roles, role));
    Ok(member.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?)
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListApprovals {
    /// Of this company.
    company_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists approvals by age.
#[utoipa::path(get, path = "/api/customer/v1/approvals", tag = "companies", security(("token" = ["customer:read"])), params(ListApprovals),
    responses((status = 200, description = "A page of approvals.", body = Page<ApprovalView>)))]
pub async fn list_approvals(
    tenant: Tenant<may::CustomerRead>,
    state: Data<State>,
    query: Query<ListApprovals>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let company = query.company_id;
    let list = format!("{} approvals {company:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        Ok(approvals::list(conn, company, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.try_map(view)?))
}

/// Reads an approval.
#[utoipa::path(get, path = "/api/customer/v1/approvals/{id}", tag = "companies", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The approval.", body = ApprovalView)))]
pub async fn get_approval(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, CustomerError> { Ok(approvals::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    let version = row.version;
    Ok(Reply::ok(&view(row)?).version(version))
}

/// What is said with a decision.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideApproval {
    #[garde(length(chars, max = 1000), inner(custom(one_line)))]
    comment: Option<String>,
}

/// Approves an order of the visitor's own company. The visitor has proven who it is, approves for that company, and is not
/// the buyer.
#[utoipa::path(post, path = "/api/customer/v1/approvals/{id}/approve", tag = "visitors", security(("token" = ["storefront:write"])),
    request_body = DecideApproval, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The approved order.", body = ApprovalView)))]
pub async fn approve_order(
    tenant: Tenant<may::StorefrontWrite>,
    id: PathId,
    seen: SeenVersion,
    post: Post<DecideApproval>,
) -> ApiResult<Reply> {
    decide(tenant, id, seen, post, "approved").await
}

/// Rejects an order of the visitor's own company.
#[utoipa::path(post, path = "/api/customer/v1/approvals/{id}/reject", tag = "visitors", security(("token" = ["storefront:write"])),
    request_body = DecideApproval, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The rejected order.", body = ApprovalView)))]
pub async fn reject_order(
    tenant: Tenant<may::StorefrontWrite>,
    id: PathId,
    seen: SeenVersion,
    post: Post<DecideApproval>,
) -> ApiResult<Reply> {
    decide(tenant, id, seen, post, "rejected").await
}

async fn decide(
    tenant: Tenant<may::StorefrontWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<DecideApproval>,
    to: &'static str,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let own = visitors::find(conn, visitor).await?;
            let own = own.filter(|row| row.proven).and_then(|row| row.customer_id);
            let own = own.ok_or_else(Problem::not_found)?;
            let mut row = approvals::lock(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            // Of another company's orders nobody learns that they exist.
            let approver = member_who_may(conn, row.company_id, own, MemberRole::Approver).await;
            approver.map_err(|_ignored| Problem::not_found())?;
            if row.buyer_id == own {
                return Err(Problem::new(codes::OWN_ORDER).into());
            }
            seen.check(row.version)?;
            if row.status != "pending" {
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail(format!("The order is {}.", row.status))
                    .with("current_status", row.status)
                    .with("allowed", [] as [&str; 0])
                    .into());
            }
            to.clone_into(&mut row.status);
            row.decided_by = Some(own);
            row.decided_at = Some(now());
            row.comment.clone_from(&post.body.comment);
            let row = approvals::update(conn, &row).await?;
            let version = row.version;
            Ok(Reply::ok(&view(row)?).version(version))
        },
    )
    .await
}

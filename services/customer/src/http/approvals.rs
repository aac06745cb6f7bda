//! Orders of companies that somebody else has to approve.
//!
//! ```text
//! (within the buyer's limit, and no rule of the company applies)--> approved
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
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::companies::{ApproverRole, MemberRole, Order, Rule, may as member_may, need};
use crate::domain::money::{stored, stored_if};
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::approvals::{self, ApprovalFilter, ApprovalRow};
use crate::store::companies::{self, MemberRow};
use crate::store::rules::{self, RuleRow};
use crate::store::{customers, visitors};

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
    /// Rules of the company that want an approval, besides the buyer's limit.
    rule_ids: Vec<Uuid>,
    /// Who may give it: `approver`, or `admin` for an admin of the company alone.
    approver_role: String,
    /// Not after this it is given, nor good.
    expires_at: DateTime<Utc>,
    /// Who decided; null where none was needed.
    decided_by: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    comment: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Shows an approval.
///
/// # Errors
/// When its currency is none any more.
pub fn view(row: ApprovalRow) -> Result<ApprovalView, CustomerError> {
    Ok(ApprovalView {
        amount: stored(row.amount, &row.currency)?,
        id: row.id,
        company_id: row.company_id,
        buyer_id: row.buyer_id,
        order_hash: row.order_hash,
        status: row.status,
        rule_ids: row.rule_ids,
        approver_role: row.approver_role,
        expires_at: row.expires_at,
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
    /// SHA-256 of the order, in hexadecimal digits. What is hashed names the cart: an approval is good for one order, and of one
    /// cart there is one.
    #[garde(custom(hash_form))]
    #[schema(example = "40082309ff6dc65df40499168da4f5ed6d2a94972f2d7c2c5c14dc6d5667506c")]
    order_hash: String,
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// Categories of its products.
    #[serde(default)]
    #[garde(length(max = 1000))]
    category_ids: Vec<Uuid>,
}

/// How long an approval may be given, and is good.
const GOOD_FOR: TimeDelta = TimeDelta::days(14);

fn hash_form(text: &str, _: &()) -> garde::Result {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == 64 && text.bytes().all(digit) {
        return Ok(());
    }
    Err(garde::Error::new(
        "must be 64 hexadecimal digits in small letters",
    ))
}

/// Asks whether a buyer may order for its company. Within its limit and apart from the company's rules it may; else somebody has to
/// approve. The same order again gives the approval that waits or was given.
#[utoipa::path(post, path = "/api/customer/v1/approvals", tag = "companies", security(("token" = ["credit:write"])), request_body = RequestApproval,
    responses((status = 201, description = "The approval: approved where none is needed, else pending.", body = ApprovalView),
              (status = 200, description = "The approval that was asked for before.", body = ApprovalView)))]
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
            // Two that ask for one order at once get one approval.
            lock_name(conn, &tenant.context.key, "an order", &body.order_hash).await?;
            ask(conn, body).await
        },
    )
    .await
}

async fn ask(conn: &mut TenantConn, body: &RequestApproval) -> Result<Reply, CustomerError> {
    let member = acting(conn, body.company_id, body.buyer_id, MemberRole::Buyer).await?;
    let member = member.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?;
    let at = now();
    let limit = stored_if(member.spend_limit, member.spend_currency.as_deref())?;
    let rules: Result<Vec<Rule>, CustomerError> = rules::of(conn, body.company_id)
        .await?
        .iter()
        .map(rule)
        .collect();
    let order = Order {
        amount: body.amount,
        categories: &body.category_ids,
    };
    let need = need(order, limit, &rules?);
    if let Some(need) = &need {
        let place = (body.company_id, body.buyer_id, body.order_hash.as_str());
        let asked = approvals::find_asked(conn, place, at).await?;
        // One that a lesser approver gave, or may give, is none for what needs more by now.
        let asked = asked.filter(|row| ApproverRole::stored(&row.approver_role) >= need.approver);
        if let Some(row) = asked {
            if (row.amount, row.currency.as_str())
                != (body.amount.amount(), body.amount.currency().code())
            {
                let message = "is not that of the order of this hash";
                return Err(FieldProblem::new("/amount", "other", message).into());
            }
            let version = row.version;
            return Ok(Reply::ok(&view(row)?).version(version));
        }
    }
    let approver = need.as_ref().map(|need| need.approver).unwrap_or_default();
    let row = ApprovalRow {
        id: Uuid::now_v7(),
        company_id: body.company_id,
        buyer_id: body.buyer_id,
        order_hash: body.order_hash.clone(),
        amount: body.amount.amount(),
        currency: body.amount.currency().code().to_owned(),
        status: if need.is_none() {
            "approved"
        } else {
            "pending"
        }
        .to_owned(),
        decided_by: None,
        decided_at: need.is_none().then_some(at),
        comment: None,
        version: 1,
        created_at: at,
        updated_at: at,
        rule_ids: need.map(|need| need.rules).unwrap_or_default(),
        approver_role: approver.as_str().to_owned(),
        expires_at: at + GOOD_FOR,
    };
    approvals::insert(conn, &row).await?;
    let location = format!("/api/customer/v1/approvals/{}", row.id);
    Ok(Reply::created(location, &view(row)?).version(1))
}

fn rule(row: &RuleRow) -> Result<Rule, CustomerError> {
    Ok(Rule {
        id: row.id,
        least: stored_if(row.min_amount, row.currency.as_deref())?,
        category: row.category_id,
        approver: ApproverRole::stored(&row.approver_role),
    })
}

/// Returns the member that a customer is of a company, where it may act in that role: the company is approved, the customer
/// active, and neither changes until the end of the transaction.
///
/// # Errors
/// 422 when there is no such company, 409 when it is not approved.
async fn acting(
    conn: &mut TenantConn,
    company: Uuid,
    customer: Uuid,
    role: MemberRole,
) -> Result<Option<MemberRow>, CustomerError> {
    let of = companies::lock_shared(conn, company).await?;
    let of = of.ok_or_else(|| Problem::new(codes::UNKNOWN_COMPANY))?;
    if of.status != "approved" {
        return Err(Problem::new(codes::COMPANY_NOT_APPROVED).into());
    }
    let active = customers::lock_shared(conn, customer).await?;
    let is_active = active.is_some_and(|row| row.status == customers::ACTIVE);
    let member = companies::find_member(conn, company, customer).await?;
    Ok(member.filter(|member| is_active && member_may(&member.roles, role)))
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListApprovals {
    /// Of this company.
    company_id: Option<Uuid>,
    /// `pending`, `approved` or `rejected`.
    #[param(value_type = Option<String>)]
    status: Option<ApprovalStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalStatus {
    Pending,
    Approved,
    Rejected,
}

impl ApprovalStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// Lists approvals by age.
#[utoipa::path(get, path = "/api/customer/v1/approvals", tag = "companies", security(("token" = ["customer:read"])), params(ListApprovals),
    responses((status = 200, description = "A page of approvals.", body = Page<ApprovalView>)))]
pub async fn list_approvals(
    tenant: Tenant<may::CustomerRead>,
    state: Data<State>,
    query: Query<ListApprovals>,
) -> ApiResult<Reply> {
    let page = page(&tenant, &state, query.0, async |_conn| Ok(None)).await?;
    Ok(Reply::ok(&page))
}

async fn page<P>(
    tenant: &Tenant<P>,
    state: &State,
    query: ListApprovals,
    seen_by: impl AsyncFn(&mut TenantConn) -> Result<Option<(Uuid, Vec<Uuid>)>, CustomerError>,
) -> ApiResult<Page<ApprovalView>> {
    let limit = limit(query.limit)?;
    let (company, status) = (query.company_id, query.status.map(ApprovalStatus::as_str));
    let subject = tenant.caller.identity.subject;
    let list = format!(
        "{} approvals {subject} {company:?} {status:?}",
        tenant.context.key
    );
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let filter = ApprovalFilter {
            company,
            status,
            seen_by: seen_by(conn).await?,
        };
        Ok(approvals::list(conn, &filter, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(page.try_map(view)?)
}

/// Lists what the visitor has asked for, and what is asked of companies for which it approves, by age.
#[utoipa::path(get, path = "/api/customer/v1/visitor/approvals", tag = "visitors", security(("token" = ["storefront:read"])), params(ListApprovals),
    responses((status = 200, description = "A page of approvals.", body = Page<ApprovalView>)))]
pub async fn list_own_approvals(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    query: Query<ListApprovals>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let seen_by = async |conn: &mut TenantConn| -> Result<_, CustomerError> {
        let own = proven(conn, visitor).await?;
        let members = companies::memberships(conn, own).await?.into_iter();
        let approves = members.filter(|one| member_may(&one.roles, MemberRole::Approver));
        Ok(Some((own, approves.map(|one| one.company_id).collect())))
    };
    let page = page(&tenant, &state, query.0, seen_by).await?;
    Ok(Reply::ok(&page))
}

/// Returns the customer that a visitor has proven to be.
///
/// # Errors
/// 409 when it has proven nothing.
pub async fn proven(conn: &mut TenantConn, visitor: Uuid) -> Result<Uuid, CustomerError> {
    let row = visitors::find(conn, visitor).await?;
    let own = row.filter(|row| row.proven).and_then(|row| row.customer_id);
    Ok(own.ok_or_else(|| Problem::new(codes::NOT_PROVEN))?)
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
            let own = proven(conn, visitor).await?;
            let mut row = approvals::lock(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            // Of another company's orders nobody learns that they exist.
            let member = companies::find_member(conn, row.company_id, own).await?;
            member.ok_or_else(Problem::not_found)?;
            let role = ApproverRole::stored(&row.approver_role).member();
            let approver = acting(conn, row.company_id, own, role).await?;
            approver.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?;
            if row.buyer_id == own {
                return Err(Problem::new(codes::OWN_ORDER).into());
            }
            if to == "approved" {
                // Who must not order any more is not let by an approval either.
                let buyer = acting(conn, row.company_id, row.buyer_id, MemberRole::Buyer).await?;
                buyer.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?;
            }
            seen.check(row.version)?;
            let is_over = row.expires_at <= now();
            if row.status != "pending" || is_over {
                let status = if is_over { "expired" } else { &row.status };
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail(format!("The order is {status}."))
                    .with("current_status", status)
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

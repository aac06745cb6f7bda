//! Which orders of companies somebody has to approve, whatever their buyer's limit.

use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PartId, PathId};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::companies::check_open;
use crate::domain::companies::ApproverRole;
use crate::domain::money::stored_if;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::companies;
use crate::store::rules::{self, RuleRow};

/// Rules of one company: each order is held against all of them.
const MOST: usize = 50;

/// Which orders somebody has to approve: those to which all that it says applies.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalRuleView {
    id: Uuid,
    company_id: Uuid,
    /// Orders of at least so much, and of every amount in another currency.
    #[schema(value_type = Option<MoneySchema>)]
    min_amount: Option<Money>,
    /// Orders with a product of this category.
    category_id: Option<Uuid>,
    /// Who approves: `approver`, or `admin` for an admin of the company alone.
    approver_role: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: RuleRow) -> Result<ApprovalRuleView, CustomerError> {
    Ok(ApprovalRuleView {
        min_amount: stored_if(row.min_amount, row.currency.as_deref())?,
        id: row.id,
        company_id: row.company_id,
        category_id: row.category_id,
        approver_role: row.approver_role,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// A rule to be made. It says an amount, a category, or both.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApprovalRule {
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    min_amount: Option<Money>,
    #[garde(skip)]
    category_id: Option<Uuid>,
    /// `approver` where absent.
    #[serde(default)]
    #[garde(skip)]
    approver_role: ApproverRole,
}

/// Makes a rule of a company. It counts for what is asked for from now on.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/approval-rules", tag = "companies", security(("token" = ["company:write"])),
    request_body = CreateApprovalRule, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The rule.", body = ApprovalRuleView)))]
pub async fn create_rule(
    tenant: Tenant<may::CompanyWrite>,
    PathId(company): PathId,
    post: Post<CreateApprovalRule>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check(body)?;
    let now = now();
    let row = RuleRow {
        id: Uuid::now_v7(),
        company_id: company,
        min_amount: body.min_amount.map(|least| least.amount()),
        currency: body
            .min_amount
            .map(|least| least.currency().code().to_owned()),
        category_id: body.category_id,
        approver_role: body.approver_role.as_str().to_owned(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let of = companies::lock(conn, company).await?;
            check_open(&of.ok_or_else(Problem::not_found)?)?;
            if rules::of(conn, company).await?.len() >= MOST {
                return Err(Problem::new(codes::TOO_MANY_RULES).into());
            }
            rules::insert(conn, &row).await?;
            let place = format!(
                "/api/customer/v1/companies/{company}/approval-rules/{}",
                row.id
            );
            Ok(Reply::created(place, &view(row.clone())?).version(1))
        },
    )
    .await
}

fn check(body: &CreateApprovalRule) -> Result<(), CustomerError> {
    if body.min_amount.is_some_and(|least| least.is_negative()) {
        return Err(FieldProblem::new("/min_amount", "range", "must not be negative").into());
    }
    if body.min_amount.is_none() && body.category_id.is_none() {
        let message = "must say an amount or a category";
        return Err(FieldProblem::new("/min_amount", "missing", message).into());
    }
    Ok(())
}

/// Lists the rules of a company by age.
#[utoipa::path(get, path = "/api/customer/v1/companies/{id}/approval-rules", tag = "companies", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The rules.", body = Page<ApprovalRuleView>)))]
pub async fn list_rules(
    tenant: Tenant<may::CustomerRead>,
    PathId(company): PathId,
) -> ApiResult<Reply> {
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let of = companies::find(conn, company).await?;
        of.ok_or_else(Problem::not_found)?;
        Ok(rules::of(conn, company).await?)
    });
    let views: Result<Vec<ApprovalRuleView>, CustomerError> =
        rows.await?.into_iter().map(view).collect();
    Ok(Reply::ok(&Page {
        data: views?,
        next_cursor: None,
    }))
}

/// Takes a rule away. What waits for an approval by it goes on waiting.
#[utoipa::path(delete, path = "/api/customer/v1/companies/{id}/approval-rules/{part_id}", tag = "companies", security(("token" = ["company:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The rule is gone.")))]
pub async fn delete_rule(
    tenant: Tenant<may::CompanyWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            let row = rules::lock(conn, ids.id, ids.part).await?;
            let row = row.ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            Ok(rules::delete(conn, row.id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

//! What a checkout has to know of its buyer, in one call.

use averis_service_kit::Tenant;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::addresses::AddressView;
use super::companies::{CompanyView, view};
use super::customers::CustomerView;
use super::locations::{LocationView, view as location_view};
use super::members::{self, CompanyMemberView};
use crate::domain::companies::{MemberRole, may as member_may};
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::{addresses, companies, customers, locations, visitors};

/// For which company the customer buys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadContext {
    /// For none where absent.
    company_id: Option<Uuid>,
    /// For which of its locations; needs the company.
    location_id: Option<Uuid>,
}

/// What a checkout has to know of its buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct BuyerContext {
    customer: CustomerView,
    addresses: Vec<AddressView>,
    /// Whether the customer may order, for itself or for the company.
    may_order: bool,
    /// Whose prices it gets: the company's segment, else the customer's first.
    segment: Option<String>,
    company: Option<CompanyView>,
    membership: Option<CompanyMemberView>,
    location: Option<LocationView>,
    /// Whether the location's certificate of tax exemption counts today, by UTC.
    tax_exempt: bool,
}

/// Reads what a checkout has to know of its buyer.
#[utoipa::path(get, path = "/api/customer/v1/customers/{id}/context", tag = "customers", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path), ReadContext),
    responses((status = 200, description = "All that it has to know.", body = BuyerContext)))]
pub async fn get_buyer_context(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
    query: Query<ReadContext>,
) -> ApiResult<Reply> {
    let ReadContext {
        company_id,
        location_id,
    } = query.0;
    if location_id.is_some() && company_id.is_none() {
        let problem = FieldProblem::new("company_id", "missing", "is needed for a location");
        return Err(CustomerError::from(problem).into());
    }
    let context = tenant
        .db
        .read(async |conn| context_of(conn, id, company_id, location_id).await);
    Ok(Reply::ok(&context.await?))
}

/// What a checkout has to know of a visitor. Nobody but a shop's own checkout asks.
#[derive(Debug, Serialize)]
pub struct VisitorContext {
    /// Whether the visitor has proven that it is that customer. Only then it buys for companies.
    proven: bool,
    /// Of the customer that it is, or says it is.
    context: Option<BuyerContext>,
    /// Customers who were found to be that one.
    former_ids: Vec<Uuid>,
}

/// Reads what a checkout has to know of a visitor who buys for itself or, if it has proven who it is, for a company.
pub async fn get_visitor_context(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
    query: Query<ReadContext>,
) -> ApiResult<Reply> {
    let ReadContext {
        company_id,
        location_id,
    } = query.0;
    let context = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let visitor = visitors::find(conn, id).await?;
        let proven = visitor.as_ref().is_some_and(|visitor| visitor.proven);
        if company_id.is_some() && !proven {
            return Err(Problem::new(codes::NOT_PROVEN).into());
        }
        let customer = visitor.and_then(|visitor| visitor.customer_id);
        let context = match customer {
            Some(customer) => Some(context_of(conn, customer, company_id, location_id).await?),
            None => None,
        };
        let former_ids = match customer {
            Some(customer) => customers::merged_into(conn, customer).await?,
            None => Vec::new(),
        };
        Ok(VisitorContext {
            proven,
            context,
            former_ids,
        })
    });
    Ok(Reply::ok(&context.await?))
}

async fn context_of(
    conn: &mut TenantConn,
    id: Uuid,
    company_id: Option<Uuid>,
    location_id: Option<Uuid>,
) -> Result<BuyerContext, CustomerError> {
    let customer = customers::find(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let parts = addresses::list(conn, id).await?;
    let is_active = customer.status == customers::ACTIVE;
    let own_segment = customer.segments.first().cloned();
    let mut context = BuyerContext {
        customer: customer.into(),
        addresses: parts.into_iter().map(AddressView::from).collect(),
        may_order: is_active,
        segment: own_segment,
        company: None,
        membership: None,
        location: None,
        tax_exempt: false,
    };
    if let Some(company_id) = company_id {
        let member = companies::find_member(conn, company_id, id).await?;
        let member = member.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?;
        let company = companies::find(conn, company_id)
            .await?
            .ok_or_else(Problem::not_found)?;
        let may_buy = company.status == "approved" && member_may(&member.roles, MemberRole::Buyer);
        context.may_order = is_active && may_buy;
        context.segment = company.segment.clone().or(context.segment);
        context.company = Some(view(company)?);
        context.membership = Some(members::view(member)?);
        if let Some(location) = location_id {
            let row = locations::find(conn, company_id, location).await?;
            let row = row.ok_or_else(|| Problem::new(codes::UNKNOWN_LOCATION))?;
            let location = location_view(row)?;
            let today = now().date_naive();
            let exemption = location.tax_exemption.as_ref();
            context.tax_exempt = exemption.is_some_and(|one| one.counts_on(today));
            context.location = Some(location);
        }
    }
    Ok(context)
}

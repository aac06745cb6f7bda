//! Whoever visits a shop, as it sees itself.

use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::addresses::{AddressView, PostalAddress, keep};
use super::consents::{ConsentView, GiveConsent, note};
use super::customers::{CustomerView, email_of};
use crate::disclosure::own_customer;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::visitors::VisitorRow;
use crate::store::{addresses, customers, visitors};

/// A visitor.
#[derive(Debug, Serialize, ToSchema)]
pub struct VisitorView {
    id: Uuid,
    /// `cold`, `warm` or `hot`. It rises by what the visitor says, and by what it proves.
    disclosure: String,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    /// Whether what it looks at is kept, which it has to allow.
    telemetry: bool,
    /// What the visitor has said of itself; once an address is proven, all that is known of its customer.
    customer: Option<CustomerView>,
    addresses: Vec<AddressView>,
}

/// Shows a visitor what it may see of itself.
///
/// # Errors
/// Those of the database.
pub async fn view(
    conn: &mut TenantConn,
    visitor: VisitorRow,
) -> Result<VisitorView, CustomerError> {
    let customer = match visitor.customer_id {
        Some(id) => customers::find(conn, id).await?,
        None => None,
    };
    let parts = match &customer {
        Some(customer) => addresses::list(conn, customer.id).await?,
        None => Vec::new(),
    };
    let disclosure = match (visitor.proven, &customer) {
        (true, Some(_)) => "hot",
        (false, Some(_)) => "warm",
        (_, None) => "cold",
    };
    Ok(VisitorView {
        id: visitor.id,
        disclosure: disclosure.to_owned(),
        first_seen: visitor.first_seen,
        last_seen: visitor.last_seen,
        telemetry: visitor.telemetry,
        customer: customer.map(CustomerView::from),
        addresses: parts.into_iter().map(AddressView::from).collect(),
    })
}

/// Says that the caller visits the shop. The session is all that is known of it.
#[utoipa::path(post, path = "/api/customer/v1/visitor", tag = "visitors", security(("token" = ["storefront:write"])),
    responses((status = 200, description = "The visitor.", body = VisitorView)))]
pub async fn see_visitor(
    tenant: Tenant<may::StorefrontWrite>,
    command: Command,
) -> ApiResult<Reply> {
    let id = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let visitor = visitors::see(conn, id, now()).await?;
            Ok(Reply::ok(&view(conn, visitor).await?))
        },
    )
    .await
}

/// Reads what is known of the caller as a visitor.
#[utoipa::path(get, path = "/api/customer/v1/visitor", tag = "visitors", security(("token" = ["storefront:read"])),
    responses((status = 200, description = "The visitor.", body = VisitorView)))]
pub async fn get_visitor(tenant: Tenant<may::StorefrontRead>) -> ApiResult<Reply> {
    let id = tenant.caller.identity.subject;
    let found = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        let visitor = visitors::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        view(conn, visitor).await
    });
    Ok(Reply::ok(&found.await?))
}

/// What a visitor says of itself. What is absent stays.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SayContact {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    given_name: Option<String>,
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    family_name: Option<String>,
    #[garde(length(chars, min = 1, max = 50), inner(custom(one_line)))]
    phone: Option<String>,
    #[garde(length(chars, min = 1, max = 10), inner(custom(one_line)))]
    #[schema(example = "de_DE")]
    locale: Option<String>,
}

/// Says who the visitor is. Whether anybody else has the address shows in no answer; to be that one, prove it.
#[utoipa::path(post, path = "/api/customer/v1/visitor/contact", tag = "visitors", security(("token" = ["storefront:write"])), request_body = SayContact,
    responses((status = 200, description = "The visitor.", body = VisitorView)))]
pub async fn say_contact(
    tenant: Tenant<may::StorefrontWrite>,
    post: Post<SayContact>,
) -> ApiResult<Reply> {
    let id = tenant.caller.identity.subject;
    let body = &post.body;
    let email = body.email.as_deref().map(email_of).transpose()?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let visitor = visitors::see(conn, id, at).await?;
            let mut row = own_customer(conn, &visitor, at).await?;
            if visitor.proven && email.is_some() && email != row.email {
                return Err(Problem::new(codes::EMAIL_PROVEN).into());
            }
            row.email = email.clone().or(row.email);
            row.given_name = body.given_name.clone().or(row.given_name);
            row.family_name = body.family_name.clone().or(row.family_name);
            row.phone = body.phone.clone().or(row.phone);
            row.locale = body.locale.clone().or(row.locale);
            customers::update(conn, &row).await?;
            shown(conn, id).await
        },
    )
    .await
}

/// Shows a visitor what it may see of itself after a change.
///
/// # Errors
/// 404 when there is no such visitor.
pub async fn shown(conn: &mut TenantConn, id: Uuid) -> Result<Reply, CustomerError> {
    let visitor = visitors::find(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&view(conn, visitor).await?))
}

/// Keeps an address of the visitor.
#[utoipa::path(post, path = "/api/customer/v1/visitor/addresses", tag = "visitors", security(("token" = ["storefront:write"])), request_body = PostalAddress,
    responses((status = 201, description = "The address.", body = AddressView)))]
pub async fn add_own_address(
    tenant: Tenant<may::StorefrontWrite>,
    post: Post<PostalAddress>,
) -> ApiResult<Reply> {
    let id = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let visitor = visitors::see(conn, id, at).await?;
            let customer = own_customer(conn, &visitor, at).await?;
            let view = keep(conn, customer.id, post.body.clone()).await?;
            Ok(Reply::created("/api/customer/v1/visitor", &view).version(1))
        },
    )
    .await
}

/// Notes what the visitor agrees to, or takes back.
#[utoipa::path(post, path = "/api/customer/v1/visitor/consents", tag = "visitors", security(("token" = ["storefront:write"])), request_body = GiveConsent,
    responses((status = 201, description = "What was noted.", body = ConsentView)))]
pub async fn give_own_consent(
    tenant: Tenant<may::StorefrontWrite>,
    post: Post<GiveConsent>,
) -> ApiResult<Reply> {
    let id = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let visitor = visitors::see(conn, id, at).await?;
            let customer = own_customer(conn, &visitor, at).await?;
            let view = note(conn, customer.id, post.body.clone()).await?;
            Ok(Reply::created("/api/customer/v1/visitor", &view))
        },
    )
    .await
}

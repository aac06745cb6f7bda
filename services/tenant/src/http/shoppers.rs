//! Sessions of shoppers, who are nobody yet: good for the storefront of one tenant and for nothing else.
//!
//! Nothing is stored of them. A session is a signed word that the shopper keeps, for thirty days; it is exchanged for access
//! tokens, which are its tokens as long as the word is.

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_service_kit::body::Body;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy;
use averis_tenant_context::may;
use averis_tokens::TokenError;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::State;
use crate::http::internal;
use crate::http::scope::OwnTenant;
use crate::tokens::ACCESS_LIFETIME;

/// A session to go on with, if there is one.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenShopperSession {
    /// What opening the session gave; absent for a new one.
    #[garde(length(bytes, max = 4_096))]
    shopper_token: Option<String>,
}

/// A shopper's session.
#[derive(Serialize, ToSchema)]
pub struct ShopperSessionView {
    /// The session.
    id: Uuid,
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    /// With this the next access token is had, for thirty days.
    shopper_token: String,
}

/// Opens a shopper's session under a tenant's address, or goes on with one.
#[utoipa::path(post, path = "/api/tenant/v1/shopper-sessions", tag = "sign-in", security(()),
    request_body = OpenShopperSession,
    responses((status = 200, description = "The session.", body = ShopperSessionView)))]
pub async fn open_shopper_session(
    req: HttpRequest,
    state: Data<State>,
    body: Body<OpenShopperSession>,
) -> ApiResult<Reply> {
    let tenant = tenancy::resolved(&req).ok_or_else(|| Problem::new(common::INVALID_TENANT))?;
    if !tenant.status.is_writable() {
        return Err(Problem::new(common::TENANT_SUSPENDED));
    }
    let own = tenant.id.0;
    let session = match body.0.shopper_token.as_deref() {
        None => Uuid::now_v7(),
        Some(token) => match state.tokens.verify_shopper(token).await {
            Ok(claims) if claims.tenant == own => claims.sub,
            Ok(_) => return Err(Problem::new(common::WRONG_TENANT)),
            Err(TokenError::Expired) => return Err(Problem::new(common::TOKEN_EXPIRED)),
            Err(error) => return Err(Problem::new(common::INVALID_TOKEN).because(error)),
        },
    };
    let signed = state.tokens.shopper(session, own);
    let (access_token, shopper_token) =
        signed.map_err(|error| Problem::new(internal()).because(error))?;
    Ok(Reply::ok(&ShopperSessionView {
        id: session,
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_LIFETIME,
        shopper_token,
    })
    .secret())
}

/// What a shop shows of its tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct StorefrontView {
    /// The name that shoppers know.
    name: String,
    logo_url: Option<String>,
    /// As `#rrggbb`.
    primary_color: Option<String>,
    /// As `#rrggbb`.
    accent_color: Option<String>,
}

/// Reads how the tenant's shop looks.
#[utoipa::path(get, path = "/api/tenant/v1/storefront", tag = "storefront", security(("token" = ["storefront:read"])),
    responses((status = 200, description = "Name and looks.", body = StorefrontView)))]
pub async fn get_storefront(tenant: OwnTenant<may::StorefrontRead>) -> ApiResult<Reply> {
    let branding = &tenant.context.settings.branding;
    let name = branding.display_name.as_ref();
    Ok(Reply::ok(&StorefrontView {
        name: name.unwrap_or(&tenant.context.name).clone(),
        logo_url: branding.logo_url.clone(),
        primary_color: branding.primary_color.clone(),
        accent_color: branding.accent_color.clone(),
    }))
}

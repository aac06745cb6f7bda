//! How a visitor becomes a customer by the identity provider of the shops, without a code.

use actix_web::web::Data;
use averis_identity::ProviderError;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::visitors::{VisitorView, shown};
use crate::State;
use crate::disclosure::prove_identity;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::visitors;

/// What the identity provider says of a visitor.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInVisitor {
    /// An ID token of OpenID Connect, with a verified address, that was asked for with the visitor's id as its `nonce`: a token
    /// that was made for another session proves nothing in this one.
    #[garde(length(bytes, min = 1, max = 16_384))]
    #[schema(example = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln")]
    id_token: String,
}

/// Makes a visitor the customer who signs in at the identity provider: the one who has signed in there before, whatever its
/// address is there now; else the one of the address, as if a code had proven it.
#[utoipa::path(post, path = "/api/customer/v1/visitor/sign-in", tag = "visitors", security(("token" = ["storefront:write"])), request_body = SignInVisitor,
    responses((status = 200, description = "The visitor, who is hot. The same again changes nothing.", body = VisitorView)))]
pub async fn sign_in(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    post: Post<SignInVisitor>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let provider = state.shoppers.as_ref();
    let provider = provider.ok_or_else(|| Problem::new(codes::PROVIDER_NOT_SET_UP))?;
    // No transaction is open while the provider is asked for its keys.
    let proven = provider.authenticate(&post.body.id_token).await;
    let proven = proven.map_err(refused)?;
    if proven.nonce.as_deref() != Some(visitor.to_string().as_str()) {
        return Err(Problem::new(codes::SIGN_IN_REFUSED).because("the token's nonce is another"));
    }
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let seen = visitors::see(conn, visitor, at).await?;
            prove_identity(conn, &seen, &proven, at).await?;
            shown(conn, visitor).await
        },
    )
    .await
}

fn refused(error: ProviderError) -> Problem {
    let problem = match &error {
        ProviderError::RateLimited { retry_after } => {
            let problem = Problem::new(common::IDENTITY_UNAVAILABLE);
            problem.retry_after(retry_after.unwrap_or(1))
        }
        ProviderError::Unavailable(_) => Problem::new(common::IDENTITY_UNAVAILABLE),
        ProviderError::NotSetUp => Problem::new(codes::PROVIDER_NOT_SET_UP),
        ProviderError::Refused(_) | ProviderError::Rejected { .. } => {
            Problem::new(codes::SIGN_IN_REFUSED)
        }
    };
    problem.because(error)
}

//! What customers have agreed to.

use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::forms::code_form;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::customers::live;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::consents::{self, ConsentRow};
use crate::store::customers;

/// What a customer has said. The latest of a purpose counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsentView {
    id: Uuid,
    customer_id: Uuid,
    #[schema(example = "newsletter")]
    purpose: String,
    /// Whether it has agreed, or has taken that back.
    granted: bool,
    /// The version of the text that it was shown.
    text_version: String,
    at: DateTime<Utc>,
}

impl From<ConsentRow> for ConsentView {
    fn from(row: ConsentRow) -> Self {
        Self {
            id: row.id,
            customer_id: row.customer_id,
            purpose: row.purpose,
            granted: row.granted,
            text_version: row.text_version,
            at: row.at,
        }
    }
}

/// What a customer says.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveConsent {
    #[garde(custom(code_form))]
    #[schema(example = "newsletter")]
    purpose: String,
    #[garde(skip)]
    granted: bool,
    #[garde(custom(version_form))]
    #[schema(example = "2026-11")]
    text_version: String,
}

/// A version has the form of a code, and points: it is kept when its customer is erased, and must not be free text.
fn version_form(text: &str, _: &()) -> garde::Result {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if (1..=63).contains(&text.len()) && text.bytes().all(good) {
        return Ok(());
    }
    Err(garde::Error::new(
        "must be 1 to 63 letters, digits, points, hyphens and underscores",
    ))
}

/// Consents of one customer, who may change its mind often, and not for ever.
const MOST: i64 = 1_000;

/// Notes what a customer says.
///
/// # Errors
/// 409 when it has said so much already.
pub async fn note(
    conn: &mut TenantConn,
    customer: Uuid,
    consent: GiveConsent,
) -> Result<ConsentView, CustomerError> {
    if consents::count(conn, customer).await? >= MOST {
        return Err(Problem::new(codes::TOO_MANY_CONSENTS).into());
    }
    let row = ConsentRow {
        id: Uuid::now_v7(),
        customer_id: customer,
        purpose: consent.purpose,
        granted: consent.granted,
        text_version: consent.text_version,
        at: now(),
    };
    consents::insert(conn, &row).await?;
    Ok(row.into())
}

/// Notes what a customer has told staff.
#[utoipa::path(post, path = "/api/customer/v1/customers/{id}/consents", tag = "customers", security(("token" = ["customer:write"])),
    request_body = GiveConsent, params(("id" = Uuid, Path)),
    responses((status = 201, description = "What was noted.", body = ConsentView)))]
pub async fn create_consent(
    tenant: Tenant<may::CustomerWrite>,
    PathId(id): PathId,
    post: Post<GiveConsent>,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            live(conn, id).await?;
            let view = note(conn, id, post.body.clone()).await?;
            let location = format!("/api/customer/v1/customers/{id}/consents");
            Ok(Reply::created(location, &view))
        },
    )
    .await
}

/// Lists what a customer has said, the latest first.
#[utoipa::path(get, path = "/api/customer/v1/customers/{id}/consents", tag = "customers", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "What it has said.", body = Page<ConsentView>)))]
pub async fn list_consents(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        customers::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(consents::list(conn, id).await?)
    });
    Ok(Reply::ok(&Page {
        data: rows.await?.into_iter().map(ConsentView::from).collect(),
        next_cursor: None,
    }))
}

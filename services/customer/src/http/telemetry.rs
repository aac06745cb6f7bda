//! What visitors look at: kept where they allow it, and nobody's until they prove who they are.

use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::visitors::{VisitorView, shown};
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::telemetry::{self, EventRow};
use crate::store::{customers, visitors};

/// Events of one visitor that are kept: the latest.
const MOST: i64 = 1_000;
/// Days for which they are kept.
const DAYS: i64 = 90;
/// Events of a customer that are shown: the latest.
const SHOWN: i64 = 250;

/// What a visitor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    PageViewed,
    ProductViewed,
    Searched,
    CartChanged,
    CheckoutBegun,
}

impl EventKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PageViewed => "page_viewed",
            Self::ProductViewed => "product_viewed",
            Self::Searched => "searched",
            Self::CartChanged => "cart_changed",
            Self::CheckoutBegun => "checkout_begun",
        }
    }
}

/// Something that a visitor does.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVisitorEvent {
    #[garde(skip)]
    kind: EventKind,
    /// Which page, SKU or words.
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    #[schema(example = "AV-1001")]
    subject: Option<String>,
}

/// What a visitor has done, the earliest first.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteVisitorEvents {
    #[garde(length(min = 1, max = 50), dive)]
    events: Vec<NewVisitorEvent>,
}

/// Something that a visitor has done.
#[derive(Debug, Serialize, ToSchema)]
pub struct VisitorEventView {
    visitor_id: Uuid,
    #[schema(example = "product_viewed")]
    kind: String,
    subject: Option<String>,
    at: DateTime<Utc>,
}

impl From<EventRow> for VisitorEventView {
    fn from(row: EventRow) -> Self {
        Self {
            visitor_id: row.visitor_id,
            kind: row.kind,
            subject: row.subject,
            at: row.at,
        }
    }
}

/// Whether what a visitor looks at may be kept.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowTelemetry {
    #[garde(skip)]
    allowed: bool,
}

/// Says whether what the visitor looks at may be kept. Taken back, all that was kept of this visitor goes. The same again
/// changes nothing.
#[utoipa::path(post, path = "/api/customer/v1/visitor/telemetry", tag = "visitors", security(("token" = ["storefront:write"])), request_body = AllowTelemetry,
    responses((status = 200, description = "The visitor.", body = VisitorView)))]
pub async fn allow_telemetry(
    tenant: Tenant<may::StorefrontWrite>,
    post: Post<AllowTelemetry>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            visitors::see(conn, visitor, now()).await?;
            visitors::allow_telemetry(conn, visitor, post.body.allowed).await?;
            if !post.body.allowed {
                telemetry::delete_of_visitor(conn, visitor).await?;
            }
            shown(conn, visitor).await
        },
    )
    .await
}

/// How many events were kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotedEvents {
    kept: usize,
}

/// Notes what the visitor looks at, if it has allowed that. Of one visitor the latest 1,000 events of 90 days are kept.
#[utoipa::path(post, path = "/api/customer/v1/visitor/events", tag = "visitors", security(("token" = ["storefront:write"])), request_body = NoteVisitorEvents,
    responses((status = 201, description = "They are kept.", body = NotedEvents)))]
pub async fn note_visitor_events(
    tenant: Tenant<may::StorefrontWrite>,
    post: Post<NoteVisitorEvents>,
) -> ApiResult<Reply> {
    let id = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let visitor = visitors::see(conn, id, at).await?;
            if !visitor.telemetry {
                return Err(Problem::new(codes::TELEMETRY_NOT_ALLOWED).into());
            }
            // Who says who it is has not proven it: what it does is nobody's yet.
            let customer_id = visitor.customer_id.filter(|_| visitor.proven);
            let rows: Vec<EventRow> = post
                .body
                .events
                .iter()
                .map(|event| EventRow {
                    id: Uuid::now_v7(),
                    visitor_id: id,
                    customer_id,
                    kind: event.kind.as_str().to_owned(),
                    subject: event.subject.clone(),
                    at,
                })
                .collect();
            telemetry::insert(conn, &rows).await?;
            telemetry::tidy(conn, id, at - TimeDelta::days(DAYS), MOST).await?;
            let view = NotedEvents { kept: rows.len() };
            Ok(Reply::created("/api/customer/v1/visitor", &view))
        },
    )
    .await
}

/// Lists what a customer has looked at, the latest first and at most 250.
#[utoipa::path(get, path = "/api/customer/v1/customers/{id}/events", tag = "customers", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "What it has looked at.", body = Page<VisitorEventView>)))]
pub async fn list_visitor_events(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        customers::find(conn, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(telemetry::of(conn, id, SHOWN).await?)
    });
    let rows = rows.await?.into_iter();
    Ok(Reply::ok(&Page {
        data: rows.map(VisitorEventView::from).collect(),
        next_cursor: None,
    }))
}

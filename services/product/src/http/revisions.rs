//! What was launched: for good, and what has changed since.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::hex::hex;
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::query::{NamedPart, PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::content::{Difference, differences};
use crate::error::ProductError;
use crate::stewardship::load;
use crate::store::products;
use crate::store::revisions::{self, RevisionRow};

/// A launched revision.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionView {
    rev: i64,
    /// SHA-256 of the document, in hexadecimal digits.
    hash: String,
    /// Content by section.
    #[schema(value_type = Object)]
    document: Value,
    launched_by: Uuid,
    launched_at: DateTime<Utc>,
}

impl From<RevisionRow> for RevisionView {
    fn from(row: RevisionRow) -> Self {
        let RevisionRow {
            product_id: _,
            rev,
            hash,
            document,
            launched_by,
            launched_at,
        } = row;
        Self {
            rev,
            hash: hex(&hash),
            document,
            launched_by,
            launched_at,
        }
    }
}

/// Page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListRevisions {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the launched revisions of a product, the latest first.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/revisions", tag = "stewardship", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path), ListRevisions),
    responses((status = 200, description = "A page of revisions.", body = Page<RevisionView>)))]
pub async fn list_revisions(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    PathId(id): PathId,
    query: Query<ListRevisions>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} revisions {id}", tenant.context.key);
    let before = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let product = products::find(conn, id).await?;
            let _ = product.ok_or_else(Problem::not_found)?;
            Ok(revisions::list(conn, id, before, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| state.cursors.seal(&list, &row.rev));
    Ok(Reply::ok(&page.map(RevisionView::from)))
}

/// Reads a launched revision.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/revisions/{part}", tag = "stewardship", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path), ("part" = i64, Path)),
    responses((status = 200, description = "The revision.", body = RevisionView)))]
pub async fn get_revision(
    tenant: Tenant<may::ProductRead>,
    NamedPart { id, part: rev }: NamedPart<i64>,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> { Ok(revisions::find(conn, id, rev).await?) })
        .await?;
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&RevisionView::from(row)))
}

/// What to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Number of a launched revision; the one that is sold where absent.
    from: Option<i64>,
    /// Number of a launched revision; what the product says now where absent.
    to: Option<i64>,
}

/// One difference.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    section: String,
    /// JSON pointer within the section.
    pointer: String,
    /// Absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// Absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

/// Tells what differs between two revisions of a product, or between one and what it says now.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/diff", tag = "stewardship", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path), Compare),
    responses((status = 200, description = "All differences.", body = Page<DifferenceView>)))]
pub async fn compare_revisions(
    tenant: Tenant<may::ProductRead>,
    PathId(id): PathId,
    query: Query<Compare>,
) -> ApiResult<Reply> {
    let Compare { from, to } = query.0;
    let (before, after) = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let product = products::find(conn, id).await?;
            let product = product.ok_or_else(Problem::not_found)?;
            let from = from.or(product.launched_rev).ok_or_else(|| {
                Problem::new(codes::NOT_FOUND).detail("The product was never launched.")
            })?;
            let before = revision(conn, id, from).await?;
            let after = match to {
                Some(to) => revision(conn, id, to).await?,
                None => load(conn, &product).await?.content.document(),
            };
            Ok((before, after))
        })
        .await?;
    let found = differences(&before, &after).into_iter();
    let data = found.map(|one| {
        let Difference {
            section,
            pointer,
            before,
            after,
        } = one;
        DifferenceView {
            section,
            pointer,
            before,
            after,
        }
    });
    Ok(Reply::ok(&Page {
        data: data.collect::<Vec<_>>(),
        next_cursor: None,
    }))
}

/// Reads what a product said in a revision.
async fn revision(conn: &mut TenantConn, id: Uuid, rev: i64) -> Result<Value, ProductError> {
    let revision = revisions::find(conn, id, rev).await?;
    let revision = revision.ok_or_else(|| {
        Problem::new(codes::NOT_FOUND).detail(format!("Revision {rev} was not launched."))
    })?;
    Ok(revision.document)
}

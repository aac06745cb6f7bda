//! Imports of product files.

use actix_web::HttpRequest;
use actix_web::web::{Data, Payload};
use averis_service_kit::Tenant;
use averis_service_kit::body::require_media_type;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{IdempotencyKey, once};
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantDb;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::error::{ProductError, codes};
use crate::import::{Upload, UploadFailure, store_file};
use crate::store::imports::{self, ImportRow, ProblemRow};

/// What a job has done so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportCounts {
    /// Rows of the file, without the header.
    rows: i64,
    products: i64,
    products_created: i64,
    products_updated: i64,
    products_unchanged: i64,
    products_refused: i64,
    variants_created: i64,
    variants_updated: i64,
    warnings: i64,
    errors: i64,
}

/// A job that imports a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    id: Uuid,
    /// `uploading`, `queued`, `running`, `done`, or `failed` when the file could not be read to its end.
    status: String,
    file_name: String,
    bytes: i64,
    /// `shopify` or `shopify-2025`, by the file's header.
    dialect: Option<String>,
    counts: ImportCounts,
    /// What ended the job early. What was applied before stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<ImportFailure>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

/// Why a file could not be read to its end.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportFailure {
    code: String,
    detail: String,
}

impl From<ImportRow> for ImportView {
    fn from(row: ImportRow) -> Self {
        let ImportRow {
            id,
            status,
            file_name,
            bytes,
            dialect,
            rows_read,
            products_read,
            products_created,
            products_updated,
            products_unchanged,
            products_refused,
            variants_created,
            variants_updated,
            warnings,
            errors,
            failure_code,
            failure_detail,
            lease_until: _,
            created_by: _,
            version,
            created_at,
            updated_at,
            finished_at,
        } = row;
        let failure = failure_code
            .zip(failure_detail)
            .map(|(code, detail)| ImportFailure { code, detail });
        Self {
            id,
            status,
            file_name,
            bytes,
            dialect,
            counts: ImportCounts {
                rows: rows_read,
                products: products_read,
                products_created,
                products_updated,
                products_unchanged,
                products_refused,
                variants_created,
                variants_updated,
                warnings,
                errors,
            },
            failure,
            version,
            created_at,
            updated_at,
            finished_at,
        }
    }
}

/// What the file is called.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CreateImport {
    /// For people; at most 255 characters.
    file_name: Option<String>,
}

/// Takes a Shopify product file (CSV, old or new header) and imports it in the background.
///
/// Each product is applied whole or not at all; products are made as drafts, never launched. Importing the same
/// file again changes nothing.
#[utoipa::path(post, path = "/api/product/v1/imports", tag = "imports", security(("token" = ["product:import"])), params(CreateImport),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 202, description = "The job; follow it at Location.", body = ImportView)))]
pub async fn create_import(
    req: HttpRequest,
    tenant: Tenant<may::ProductImport>,
    state: Data<State>,
    query: Query<CreateImport>,
    payload: Payload,
) -> ApiResult<Reply> {
    require_media_type(&req, &["text/csv"])?;
    // Checked before the file is read; with the file's digest it is made anew below.
    IdempotencyKey::from_request(&req, b"")?;
    if !tenant.context.settings.features.bulk_import {
        return Err(Problem::new(codes::IMPORT_NOT_ALLOWED));
    }
    let file_name = query.0.file_name.unwrap_or_default();
    if file_name.chars().count() > 255 || file_name.chars().any(char::is_control) {
        return Err(Problem::new(common::INVALID_QUERY)
            .detail("file_name takes at most 255 characters and no control characters."));
    }
    let id = Uuid::now_v7();
    let db = &tenant.db;
    db.transaction(async |conn| -> Result<(), ProductError> {
        let caller = tenant.caller.identity.subject;
        Ok(imports::begin(conn, id, &file_name, caller).await?)
    })
    .await?;
    let queued = match store_file(db, id, payload.into_inner(), state.max_import_bytes).await {
        Ok(upload) => queue(&tenant.db, &req, id, &upload).await,
        Err(failure) => Err(refusal(failure, state.max_import_bytes)),
    };
    // A repetition has its own job already, and a broken upload never gets one.
    db.transaction(async |conn| -> Result<(), ProductError> {
        Ok(imports::discard(conn, id).await?)
    })
    .await?;
    let reply = queued?;
    state
        .importer
        .take_up(&tenant.context, tenant.db.clone(), id);
    Ok(reply)
}

async fn queue(db: &TenantDb, req: &HttpRequest, id: Uuid, upload: &Upload) -> ApiResult<Reply> {
    let key = IdempotencyKey::from_request(req, &upload.sha256)?;
    let bytes = i64::try_from(upload.bytes).unwrap_or(i64::MAX);
    once(db, &key, async |conn| -> Result<Reply, ProductError> {
        let row = imports::queue(conn, id, bytes, &upload.sha256).await?;
        Ok(Reply::accepted(
            format!("/api/product/v1/imports/{id}"),
            &ImportView::from(row),
        ))
    })
    .await
}

fn refusal(failure: UploadFailure, max_bytes: u64) -> Problem {
    match failure {
        UploadFailure::TooLarge => Problem::new(codes::FILE_TOO_LARGE)
            .detail(format!("The limit is {max_bytes} bytes."))
            .with("max_bytes", max_bytes),
        UploadFailure::BrokenOff => {
            Problem::new(common::MALFORMED_BODY).detail("The upload broke off.")
        }
        UploadFailure::Product(error) => error.into(),
    }
}

/// Reads a job. A job whose process has died is taken up again.
#[utoipa::path(get, path = "/api/product/v1/imports/{id}", tag = "imports", security(("token" = ["product:read"])), params(("id" = Uuid, Path)),
    responses((status = 200, description = "The job.", body = ImportView)))]
pub async fn get_import(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> { Ok(imports::find(conn, id).await?) })
        .await?
        .ok_or_else(Problem::not_found)?;
    if row.is_abandoned() {
        state
            .importer
            .take_up(&tenant.context, tenant.db.clone(), id);
    }
    let version = row.version;
    Ok(Reply::ok(&ImportView::from(row)).version(version))
}

/// Page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists jobs, newest first.
#[utoipa::path(get, path = "/api/product/v1/imports", tag = "imports", security(("token" = ["product:read"])), params(PageQuery),
    responses((status = 200, description = "A page of jobs.", body = Page<ImportView>)))]
pub async fn list_imports(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    query: Query<PageQuery>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} imports", tenant.context.key);
    let before = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            Ok(imports::list(conn, before, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(ImportView::from)))
}

/// A problem found in the file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportProblem {
    /// Row as a spreadsheet shows it: the header is row 1.
    row: i64,
    product_key: String,
    /// `error`: the product was refused; `warning`: it was not.
    severity: String,
    column: Option<String>,
    code: String,
    message: String,
}

impl From<ProblemRow> for ImportProblem {
    fn from(row: ProblemRow) -> Self {
        let ProblemRow {
            import_id: _,
            seq: _,
            row_number,
            product_key,
            severity,
            column_name,
            code,
            message,
        } = row;
        Self {
            row: row_number,
            product_key,
            severity,
            column: column_name,
            code,
            message,
        }
    }
}

/// Lists what was found in the file, in its order. Of very many problems the first are kept.
#[utoipa::path(get, path = "/api/product/v1/imports/{id}/report", tag = "imports", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, description = "A page of problems.", body = Page<ImportProblem>)))]
pub async fn get_import_report(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    PathId(id): PathId,
    query: Query<PageQuery>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} report {id}", tenant.context.key);
    let after: i64 = match &query.0.cursor {
        Some(cursor) => state.cursors.open(&list, cursor)?,
        None => -1,
    };
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            imports::find(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            Ok(imports::list_problems(conn, id, after, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| state.cursors.seal(&list, &row.seq));
    Ok(Reply::ok(&page.map(ImportProblem::from)))
}

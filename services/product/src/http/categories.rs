//! The tree of categories.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::text::optional_line;
use crate::State;
use crate::domain::now;
use crate::error::ProductError;
use crate::store::categories::CategoryRow;
use crate::store::{categories, products};

/// A category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryView {
    id: Uuid,
    /// Unique.
    #[schema(example = "shirts")]
    code: String,
    name: String,
    /// The category that this one stands in; `null` at the top.
    parent_id: Option<Uuid>,
    /// Order among its siblings.
    position: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<CategoryRow> for CategoryView {
    fn from(row: CategoryRow) -> Self {
        let CategoryRow {
            id,
            code,
            name,
            parent_id,
            position,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            code,
            name,
            parent_id,
            position,
            version,
            created_at,
            updated_at,
        }
    }
}

fn answer(row: CategoryRow) -> Reply {
    let version = row.version;
    Reply::ok(&CategoryView::from(row)).version(version)
}

/// A category to be made.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCategory {
    #[garde(custom(code_form))]
    #[schema(example = "shirts")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Shirts")]
    name: String,
    #[garde(skip)]
    parent_id: Option<Uuid>,
    #[serde(default)]
    #[garde(range(min = 0, max = 1_000_000))]
    position: i32,
}

fn code_form(code: &str, _: &()) -> garde::Result {
    let mut bytes = code.bytes();
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = code.len() <= 100
        && bytes.next().is_some_and(good)
        && bytes.all(|b| good(b) || b == b'_' || b == b'-');
    if fits {
        Ok(())
    } else {
        Err(garde::Error::new("must match ^[a-z0-9][a-z0-9_-]{0,99}$"))
    }
}

fn optional_code(code: &Option<String>, context: &()) -> garde::Result {
    code.as_ref()
        .map_or(Ok(()), |code| code_form(code, context))
}

/// Makes a category.
#[utoipa::path(post, path = "/api/product/v1/categories", tag = "categories", security(("token" = ["category:write"])),
    request_body = CreateCategory,
    responses((status = 201, description = "The category.", body = CategoryView)))]
pub async fn create_category(
    tenant: Tenant<may::CategoryWrite>,
    post: Post<CreateCategory>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let id = Uuid::now_v7();
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            check_parent(conn, body.parent_id).await?;
            let now = now();
            let row = CategoryRow {
                id,
                code: body.code.clone(),
                name: body.name.clone(),
                parent_id: body.parent_id,
                position: body.position,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            categories::insert(conn, &row).await?;
            let location = format!("/api/product/v1/categories/{id}");
            Ok(Reply::created(location, &CategoryView::from(row)).version(1))
        },
    )
    .await
}

async fn check_parent(conn: &mut TenantConn, parent: Option<Uuid>) -> Result<(), ProductError> {
    match parent {
        Some(parent) if categories::count_existing(conn, &[parent]).await? == 0 => {
            Err(FieldProblem::new("/parent_id", "unknown", "there is no such category").into())
        }
        _ => Ok(()),
    }
}

/// Filter and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListCategories {
    /// Only categories directly in this one.
    parent_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists categories by age.
#[utoipa::path(get, path = "/api/product/v1/categories", tag = "categories", security(("token" = ["product:read"])), params(ListCategories),
    responses((status = 200, description = "A page of categories.", body = Page<CategoryView>)))]
pub async fn list_categories(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    query: Query<ListCategories>,
) -> ApiResult<Reply> {
    let ListCategories {
        parent_id,
        limit: asked,
        cursor,
    } = query.0;
    let limit = limit(asked)?;
    let list = format!("{} categories {parent_id:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, cursor.as_deref())?;
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            Ok(categories::list(conn, parent_id, after, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(CategoryView::from)))
}

/// Reads a category.
#[utoipa::path(get, path = "/api/product/v1/categories/{id}", tag = "categories", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The category.", body = CategoryView)))]
pub async fn get_category(
    tenant: Tenant<may::ProductRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> { Ok(categories::find(conn, id).await?) })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// What of a category may be changed: a merge patch. To put it elsewhere, move it.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCategory {
    #[garde(custom(optional_code))]
    #[serde(default, deserialize_with = "not_null")]
    code: Option<String>,
    #[garde(length(chars, min = 1, max = 200), custom(optional_line))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    #[garde(range(min = 0, max = 1_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    position: Option<i32>,
}

/// Changes a category.
#[utoipa::path(patch, path = "/api/product/v1/categories/{id}", tag = "categories", security(("token" = ["category:write"])),
    request_body = UpdateCategory, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed category.", body = CategoryView)))]
pub async fn update_category(
    tenant: Tenant<may::CategoryWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateCategory>,
) -> ApiResult<Reply> {
    let UpdateCategory {
        code,
        name,
        position,
    } = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let mut row = locked(conn, id, seen).await?;
            row.code = code.clone().unwrap_or(row.code);
            row.name = name.clone().unwrap_or(row.name);
            row.position = position.unwrap_or(row.position);
            Ok(categories::update(conn, &row).await?)
        })
        .await?;
    Ok(answer(row))
}

async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<CategoryRow, ProductError> {
    let row = categories::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Where a category shall stand.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveCategory {
    /// The category to stand in; `null` for the top, as it was where absent.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<Uuid>)]
    parent_id: Patch<Uuid>,
    /// Order among its siblings; as it was where absent.
    #[garde(range(min = 0, max = 1_000_000))]
    position: Option<i32>,
}

/// Moves a category with everything in it.
#[utoipa::path(post, path = "/api/product/v1/categories/{id}/move", tag = "categories", security(("token" = ["category:write"])),
    request_body = MoveCategory, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The moved category.", body = CategoryView)))]
pub async fn move_category(
    tenant: Tenant<may::CategoryWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<MoveCategory>,
) -> ApiResult<Reply> {
    let body = &post.body;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            categories::lock_tree(conn).await?;
            let mut row = locked(conn, id, seen).await?;
            body.parent_id.clone().apply(&mut row.parent_id);
            check_parent(conn, row.parent_id).await?;
            if let Some(parent) = row.parent_id
                && categories::is_above(conn, id, parent).await?
            {
                return Err(ProductError::CategoryCycle);
            }
            row.position = body.position.unwrap_or(row.position);
            Ok(answer(categories::update(conn, &row).await?))
        },
    )
    .await
}

/// Deletes a category in which nothing stands.
#[utoipa::path(delete, path = "/api/product/v1/categories/{id}", tag = "categories", security(("token" = ["category:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The category is gone.")))]
pub async fn delete_category(
    tenant: Tenant<may::CategoryWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            locked(conn, id, seen).await?;
            if products::any_in_category(conn, id).await? {
                return Err(ProductError::CategoryInUse);
            }
            Ok(categories::delete(conn, id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

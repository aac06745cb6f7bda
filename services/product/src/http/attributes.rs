//! Definitions of attributes.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::text::optional_line;
use crate::State;
use crate::domain::attributes::{AttributeType, Constraints};
use crate::domain::now;
use crate::domain::sections::Section;
use crate::domain::staging::TAX_CATEGORY;
use crate::error::ProductError;
use crate::store::attributes::{self, AttributeRow};
use crate::store::products;

/// A definition of an attribute.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttributeView {
    id: Uuid,
    /// Unique; the name under which products carry the value.
    #[schema(example = "fabric")]
    code: String,
    label: String,
    #[serde(rename = "type")]
    kind: AttributeType,
    /// Whether a product needs a value for launch.
    required: bool,
    /// Whether searches may count its values.
    facetable: bool,
    constraints: Constraints,
    /// The section whose stewards look after its values.
    section: Section,
    /// Whether values differ by language: then a value is an object by locale.
    localizable: bool,
    /// Whether values differ by channel: then a value is an object by channel.
    scopable: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<AttributeRow> for AttributeView {
    fn from(row: AttributeRow) -> Self {
        let constraints = row.bounds();
        let AttributeRow {
            id,
            code,
            label,
            kind,
            required,
            facetable,
            constraints: _,
            section,
            localizable,
            scopable,
            version,
            created_at,
            updated_at,
        } = row;
        let kind = AttributeType::stored(&kind);
        Self {
            id,
            code,
            label,
            kind,
            required,
            facetable,
            constraints,
            section: Section::stored(&section),
            localizable,
            scopable,
            version,
            created_at,
            updated_at,
        }
    }
}

fn answer(row: AttributeRow) -> Reply {
    let version = row.version;
    Reply::ok(&AttributeView::from(row)).version(version)
}

/// A definition to be made.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAttribute {
    #[garde(custom(code_form))]
    #[schema(example = "fabric")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Fabric")]
    label: String,
    /// Immutable.
    #[serde(rename = "type")]
    #[garde(skip)]
    kind: AttributeType,
    #[serde(default)]
    #[garde(skip)]
    required: bool,
    #[serde(default)]
    #[garde(skip)]
    facetable: bool,
    #[serde(default)]
    #[garde(skip)]
    constraints: Constraints,
    /// `marketing` where absent.
    #[serde(default)]
    #[garde(skip)]
    section: Section,
    /// Immutable.
    #[serde(default)]
    #[garde(skip)]
    localizable: bool,
    /// Immutable.
    #[serde(default)]
    #[garde(skip)]
    scopable: bool,
}

fn code_form(code: &str, _: &()) -> garde::Result {
    let mut bytes = code.bytes();
    let fits = code.len() <= 63
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        Ok(())
    } else {
        Err(garde::Error::new("must match ^[a-z][a-z0-9_]{0,62}$"))
    }
}

/// Defines an attribute.
#[utoipa::path(post, path = "/api/product/v1/attribute-definitions", tag = "attributes", security(("token" = ["attribute:write"])),
    request_body = CreateAttribute,
    responses((status = 201, description = "The definition.", body = AttributeView)))]
pub async fn create_attribute(
    tenant: Tenant<may::AttributeWrite>,
    post: Post<CreateAttribute>,
) -> ApiResult<Reply> {
    let body = &post.body;
    body.constraints
        .check(body.kind)
        .map_err(ProductError::from)?;
    let is_plain = matches!(body.kind, AttributeType::Text | AttributeType::Choice);
    if body.code == TAX_CATEGORY && !(is_plain && !body.localizable && !body.scopable) {
        let message =
            "must be a text or a choice, the same in all languages and channels, as tax is";
        return Err(ProductError::from(FieldProblem::new("/code", "reserved", message)).into());
    }
    let now = now();
    let row = AttributeRow {
        id: Uuid::now_v7(),
        code: body.code.clone(),
        label: body.label.clone(),
        kind: body.kind.as_str().to_owned(),
        required: body.required,
        facetable: body.facetable,
        constraints: json!(body.constraints),
        section: body.section.as_str().to_owned(),
        localizable: body.localizable,
        scopable: body.scopable,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            attributes::insert(conn, &row).await?;
            let location = format!("/api/product/v1/attribute-definitions/{}", row.id);
            Ok(Reply::created(location, &AttributeView::from(row.clone())).version(1))
        },
    )
    .await
}

/// Page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListAttributes {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists definitions by age.
#[utoipa::path(get, path = "/api/product/v1/attribute-definitions", tag = "attributes", security(("token" = ["product:read"])),
    params(ListAttributes),
    responses((status = 200, description = "A page of definitions.", body = Page<AttributeView>)))]
pub async fn list_attributes(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    query: Query<ListAttributes>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} attribute-definitions", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            Ok(attributes::list(conn, after, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(AttributeView::from)))
}

/// Reads a definition.
#[utoipa::path(get, path = "/api/product/v1/attribute-definitions/{id}", tag = "attributes", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The definition.", body = AttributeView)))]
pub async fn get_attribute(
    tenant: Tenant<may::ProductRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> { Ok(attributes::find(conn, id).await?) })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// What of a definition may be changed: a merge patch. Values that exist already are not checked again.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAttribute {
    #[garde(length(chars, min = 1, max = 200), custom(optional_line))]
    #[serde(default, deserialize_with = "not_null")]
    label: Option<String>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    required: Option<bool>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    facetable: Option<bool>,
    /// Replaces the bounds as a whole.
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    constraints: Option<Constraints>,
    /// Only while no product has a value.
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    section: Option<Section>,
}

/// Changes a definition.
#[utoipa::path(patch, path = "/api/product/v1/attribute-definitions/{id}", tag = "attributes", security(("token" = ["attribute:write"])),
    request_body = UpdateAttribute, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed definition.", body = AttributeView)))]
pub async fn update_attribute(
    tenant: Tenant<may::AttributeWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateAttribute>,
) -> ApiResult<Reply> {
    let UpdateAttribute {
        label,
        required,
        facetable,
        constraints,
        section,
    } = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let mut row = locked(conn, id, seen).await?;
            row.label = label.clone().unwrap_or(row.label);
            row.required = required.unwrap_or(row.required);
            row.facetable = facetable.unwrap_or(row.facetable);
            if let Some(constraints) = constraints {
                constraints.check(AttributeType::stored(&row.kind))?;
                row.constraints = json!(constraints);
            }
            if let Some(section) = section.filter(|section| section.as_str() != row.section) {
                // A value that moved with it would be where nobody wrote it, and where nobody was asked.
                if products::any_with_attribute(conn, &row.code).await? {
                    return Err(ProductError::AttributeInUse);
                }
                row.section = section.as_str().to_owned();
            }
            Ok(attributes::update(conn, &row).await?)
        })
        .await?;
    Ok(answer(row))
}

/// Takes a definition away that no product has a value of.
#[utoipa::path(delete, path = "/api/product/v1/attribute-definitions/{id}", tag = "attributes", security(("token" = ["attribute:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The definition is gone.")))]
pub async fn delete_attribute(
    tenant: Tenant<may::AttributeWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let row = locked(conn, id, seen).await?;
            // Values keep the definition from being taken away, and whoever writes one holds it.
            if products::any_with_attribute(conn, &row.code).await? {
                return Err(ProductError::AttributeInUse);
            }
            Ok(attributes::delete(conn, id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<AttributeRow, ProductError> {
    let row = attributes::lock(conn, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

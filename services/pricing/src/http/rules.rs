//! Rules of who gets which catalog.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::MergePatch;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, Problem};
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

use super::market::check;
use crate::State;
use crate::domain::forms::{code_form, country_codes, optional_code};
use crate::domain::market::MarketKind;
use crate::domain::now;
use crate::engine::assignment::Buyer;
use crate::error::PricingError;
use crate::store::rules::{self, RuleRow};

/// A rule: the first that fits a buyer gives it its catalog.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleView {
    id: Uuid,
    catalog_id: Uuid,
    /// The lowest is asked first; of equal ones the older.
    priority: i32,
    /// The language that it gives; the catalog's where null.
    locale: Option<String>,
    /// Countries that it is for; all where empty.
    countries: Vec<String>,
    /// Countries that it is not for.
    except_countries: Vec<String>,
    /// Segments that it is for; all where empty.
    segments: Vec<String>,
    /// `anonymous`, `customer`, `company`; all where empty.
    buyers: Vec<String>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<RuleRow> for RuleView {
    fn from(row: RuleRow) -> Self {
        Self {
            id: row.id,
            catalog_id: row.catalog_id,
            priority: row.priority,
            locale: row.locale,
            countries: row.countries,
            except_countries: row.except_countries,
            segments: row.segments,
            buyers: row.buyers,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn answer(row: RuleRow) -> Reply {
    let version = row.version;
    Reply::ok(&RuleView::from(row)).version(version)
}

/// A rule to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRule {
    #[garde(skip)]
    catalog_id: Uuid,
    #[garde(range(min = 0, max = 1_000_000))]
    priority: i32,
    #[garde(custom(optional_code))]
    locale: Option<String>,
    #[serde(default)]
    #[garde(length(max = 250), custom(country_codes))]
    countries: Vec<String>,
    #[serde(default)]
    #[garde(length(max = 250), custom(country_codes))]
    except_countries: Vec<String>,
    #[serde(default)]
    #[garde(length(max = 250), custom(codes))]
    segments: Vec<String>,
    #[serde(default)]
    #[garde(length(max = 3))]
    buyers: Vec<Buyer>,
}

fn codes(list: &[String], context: &()) -> garde::Result {
    list.iter().try_for_each(|code| code_form(code, context))
}

fn patched_code(patch: &Patch<String>, context: &()) -> garde::Result {
    patch
        .value()
        .map_or(Ok(()), |code| code_form(code, context))
}

fn words(buyers: &[Buyer]) -> Vec<String> {
    buyers
        .iter()
        .map(|buyer| buyer.as_str().to_owned())
        .collect()
}

async fn check_references(conn: &mut TenantConn, row: &RuleRow) -> Result<(), PricingError> {
    check(conn, MarketKind::Locale, row.locale.as_slice()).await?;
    check(conn, MarketKind::Segment, &row.segments).await
}

/// Makes a rule.
#[utoipa::path(post, path = "/api/pricing/v1/catalog-rules", tag = "catalogs", security(("token" = ["market:write"])), request_body = CreateRule,
    responses((status = 201, description = "The rule.", body = RuleView)))]
pub async fn create_catalog_rule(
    tenant: Tenant<may::MarketWrite>,
    post: Post<CreateRule>,
) -> ApiResult<Reply> {
    let body = post.body;
    let now = now();
    let row = RuleRow {
        id: Uuid::now_v7(),
        catalog_id: body.catalog_id,
        priority: body.priority,
        locale: body.locale,
        countries: body.countries,
        except_countries: body.except_countries,
        segments: body.segments,
        buyers: words(&body.buyers),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            check_references(conn, &row).await?;
            rules::insert(conn, &row).await?;
            let location = format!("/api/pricing/v1/catalog-rules/{}", row.id);
            Ok(Reply::created(location, &RuleView::from(row.clone())).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListRules {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists rules by age.
#[utoipa::path(get, path = "/api/pricing/v1/catalog-rules", tag = "catalogs", security(("token" = ["price:read"])), params(ListRules),
    responses((status = 200, description = "A page of rules.", body = Page<RuleView>)))]
pub async fn list_catalog_rules(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListRules>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} rules", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(rules::list(conn, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(RuleView::from)))
}

/// Reads a rule.
#[utoipa::path(get, path = "/api/pricing/v1/catalog-rules/{id}", tag = "catalogs", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The rule.", body = RuleView)))]
pub async fn get_catalog_rule(
    tenant: Tenant<may::PriceRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { Ok(rules::find(conn, id).await?) });
    row.await?.map(answer).ok_or_else(Problem::not_found)
}

/// What of a rule may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRule {
    #[garde(range(min = 0, max = 1_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    priority: Option<i32>,
    #[serde(default)]
    #[garde(custom(patched_code))]
    #[schema(value_type = Option<String>)]
    locale: Patch<String>,
    #[garde(inner(length(max = 250), custom(country_codes)))]
    #[serde(default, deserialize_with = "not_null")]
    countries: Option<Vec<String>>,
    #[garde(inner(length(max = 250), custom(country_codes)))]
    #[serde(default, deserialize_with = "not_null")]
    except_countries: Option<Vec<String>>,
    #[garde(inner(length(max = 250), custom(codes)))]
    #[serde(default, deserialize_with = "not_null")]
    segments: Option<Vec<String>>,
    #[garde(inner(length(max = 3)))]
    #[serde(default, deserialize_with = "not_null")]
    buyers: Option<Vec<Buyer>>,
}

/// Changes a rule.
#[utoipa::path(patch, path = "/api/pricing/v1/catalog-rules/{id}", tag = "catalogs", security(("token" = ["market:write"])),
    request_body = UpdateRule, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed rule.", body = RuleView)))]
pub async fn update_catalog_rule(
    tenant: Tenant<may::MarketWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateRule>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let mut row = rules::lock(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            row.priority = patch.priority.unwrap_or(row.priority);
            patch.locale.clone().apply(&mut row.locale);
            row.countries = patch.countries.clone().unwrap_or(row.countries);
            row.except_countries = patch
                .except_countries
                .clone()
                .unwrap_or(row.except_countries);
            row.segments = patch.segments.clone().unwrap_or(row.segments);
            row.buyers = patch.buyers.as_deref().map_or(row.buyers, words);
            check_references(conn, &row).await?;
            Ok(rules::update(conn, &row).await?)
        });
    Ok(answer(row.await?))
}

/// Removes a rule.
#[utoipa::path(delete, path = "/api/pricing/v1/catalog-rules/{id}", tag = "catalogs", security(("token" = ["market:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 204, description = "The rule is gone.")))]
pub async fn delete_catalog_rule(
    tenant: Tenant<may::MarketWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let row = rules::lock(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            Ok(rules::delete(conn, id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

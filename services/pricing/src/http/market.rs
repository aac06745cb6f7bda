//! Channels, segments and locales.

use actix_web::web::{Data, Path};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::State;
use crate::domain::market::MarketKind;
use crate::domain::now;
use crate::error::{PricingError, codes};
use crate::store::market::{self, MarketRow};

/// A channel, a segment or a locale.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarketView {
    /// Unique among its kind.
    #[schema(example = "web")]
    code: String,
    #[schema(example = "Web shop")]
    name: String,
    version: i64,
    created_at: DateTime<Utc>,
}

/// A name is never changed.
const VERSION: i64 = 1;

impl From<MarketRow> for MarketView {
    fn from(row: MarketRow) -> Self {
        Self {
            code: row.code,
            name: row.name,
            version: VERSION,
            created_at: row.created_at,
        }
    }
}

/// A name to be given.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMarket {
    #[garde(skip)]
    #[schema(example = "web")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Web shop")]
    name: String,
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListMarket {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn list(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: ListMarket,
    kind: MarketKind,
) -> ApiResult<Reply> {
    let limit = limit(query.limit)?;
    let list = format!("{} {}", tenant.context.key, kind.as_str());
    let after: Option<String> = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(market::list(conn, kind, after.clone(), i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &row.code)
    });
    Ok(Reply::ok(&page.map(MarketView::from)))
}

async fn create(
    tenant: Tenant<may::MarketWrite>,
    post: Post<CreateMarket>,
    kind: MarketKind,
) -> ApiResult<Reply> {
    let CreateMarket { code, name } = post.body;
    kind.check(&code).map_err(PricingError::from)?;
    let row = MarketRow {
        kind: kind.as_str().to_owned(),
        code,
        name,
        created_at: now(),
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            market::insert(conn, &row).await?;
            let location = format!("/api/pricing/v1/{}s/{}", row.kind, row.code);
            Ok(Reply::created(location, &MarketView::from(row.clone())).version(VERSION))
        },
    )
    .await
}

async fn delete(
    tenant: Tenant<may::MarketWrite>,
    code: String,
    seen: SeenVersion,
    kind: MarketKind,
) -> ApiResult<Reply> {
    kind.check(&code).map_err(|_ignored| Problem::not_found())?;
    seen.check(VERSION)?;
    tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            if !market::delete(conn, kind, &code).await? {
                return Err(Problem::not_found().into());
            }
            if market::is_used(conn, kind, &code).await? {
                return Err(Problem::new(codes::IN_USE).into());
            }
            Ok(())
        })
        .await?;
    Ok(Reply::no_content())
}

/// Checks that names exist, and keeps them until the end of the transaction.
///
/// # Errors
/// 422 when one does not.
pub async fn check(
    conn: &mut TenantConn,
    kind: MarketKind,
    codes: &[String],
) -> Result<(), PricingError> {
    let mut distinct = codes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.is_empty() || market::count_existing(conn, kind, &distinct).await? == distinct.len()
    {
        return Ok(());
    }
    Err(Problem::new(crate::error::codes::UNKNOWN_REFERENCE)
        .detail(format!("A {} that is named does not exist.", kind.as_str()))
        .into())
}

/// Lists the channels, by code.
#[utoipa::path(get, path = "/api/pricing/v1/channels", tag = "markets", security(("token" = ["price:read"])), params(ListMarket),
    responses((status = 200, description = "A page of channels.", body = Page<MarketView>)))]
pub async fn list_channels(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListMarket>,
) -> ApiResult<Reply> {
    list(tenant, state, query.0, MarketKind::Channel).await
}

/// Names a channel of sale.
#[utoipa::path(post, path = "/api/pricing/v1/channels", tag = "markets", security(("token" = ["market:write"])), request_body = CreateMarket,
    responses((status = 201, description = "The channel.", body = MarketView)))]
pub async fn create_channel(
    tenant: Tenant<may::MarketWrite>,
    post: Post<CreateMarket>,
) -> ApiResult<Reply> {
    create(tenant, post, MarketKind::Channel).await
}

/// Removes a channel that nothing refers to.
#[utoipa::path(delete, path = "/api/pricing/v1/channels/{code}", tag = "markets", security(("token" = ["market:write"])),
    params(("code" = String, Path), IfMatch), responses((status = 204, description = "The channel is gone.")))]
pub async fn delete_channel(
    tenant: Tenant<may::MarketWrite>,
    code: Path<String>,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    delete(tenant, code.into_inner(), seen, MarketKind::Channel).await
}

/// Lists the segments, by code.
#[utoipa::path(get, path = "/api/pricing/v1/segments", tag = "markets", security(("token" = ["price:read"])), params(ListMarket),
    responses((status = 200, description = "A page of segments.", body = Page<MarketView>)))]
pub async fn list_segments(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListMarket>,
) -> ApiResult<Reply> {
    list(tenant, state, query.0, MarketKind::Segment).await
}

/// Names a segment of customers.
#[utoipa::path(post, path = "/api/pricing/v1/segments", tag = "markets", security(("token" = ["market:write"])), request_body = CreateMarket,
    responses((status = 201, description = "The segment.", body = MarketView)))]
pub async fn create_segment(
    tenant: Tenant<may::MarketWrite>,
    post: Post<CreateMarket>,
) -> ApiResult<Reply> {
    create(tenant, post, MarketKind::Segment).await
}

/// Removes a segment that nothing refers to.
#[utoipa::path(delete, path = "/api/pricing/v1/segments/{code}", tag = "markets", security(("token" = ["market:write"])),
    params(("code" = String, Path), IfMatch), responses((status = 204, description = "The segment is gone.")))]
pub async fn delete_segment(
    tenant: Tenant<may::MarketWrite>,
    code: Path<String>,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    delete(tenant, code.into_inner(), seen, MarketKind::Segment).await
}

/// Lists the locales, by code.
#[utoipa::path(get, path = "/api/pricing/v1/locales", tag = "markets", security(("token" = ["price:read"])), params(ListMarket),
    responses((status = 200, description = "A page of locales.", body = Page<MarketView>)))]
pub async fn list_locales(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListMarket>,
) -> ApiResult<Reply> {
    list(tenant, state, query.0, MarketKind::Locale).await
}

/// Names a locale: a language of a country, such as `de_AT`.
#[utoipa::path(post, path = "/api/pricing/v1/locales", tag = "markets", security(("token" = ["market:write"])), request_body = CreateMarket,
    responses((status = 201, description = "The locale.", body = MarketView)))]
pub async fn create_locale(
    tenant: Tenant<may::MarketWrite>,
    post: Post<CreateMarket>,
) -> ApiResult<Reply> {
    create(tenant, post, MarketKind::Locale).await
}

/// Removes a locale that nothing refers to.
#[utoipa::path(delete, path = "/api/pricing/v1/locales/{code}", tag = "markets", security(("token" = ["market:write"])),
    params(("code" = String, Path), IfMatch), responses((status = 204, description = "The locale is gone.")))]
pub async fn delete_locale(
    tenant: Tenant<may::MarketWrite>,
    code: Path<String>,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    delete(tenant, code.into_inner(), seen, MarketKind::Locale).await
}

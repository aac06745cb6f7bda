//! Prices.

pub mod batch;
pub mod commands;

use actix_web::web::Data;
use averis_money::Money;
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
use super::schemas::MoneySchema;
use crate::State;
use crate::domain::forms::{check_sku, check_window, country_form, optional_code};
use crate::domain::market::MarketKind;
use crate::domain::prices::{check_amounts, kind_word, price, status_at};
use crate::domain::{fold, now};
use crate::engine::selection::{PriceKind, Scope, rising_tiers};
use crate::error::{PricingError, codes};
use crate::known::know_skus;
use crate::store::catalogs;
use crate::store::prices::{self, APPROVED, DRAFT, PriceFilter, PriceRow};

/// A price of one SKU.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceView {
    id: Uuid,
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    /// For `per_quantity` pieces.
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// Pieces that `amount` is for.
    per_quantity: i64,
    /// What it is shown to be less than.
    #[schema(value_type = Option<MoneySchema>)]
    compare_at: Option<Money>,
    scope: Scope,
    /// From how many pieces on it counts.
    min_quantity: i64,
    valid_from: Option<DateTime<Utc>>,
    /// First moment at which it does not count any more.
    valid_until: Option<DateTime<Utc>>,
    kind: PriceKind,
    /// `draft`; once it is approved `scheduled`, `active` or `expired`, as time goes by.
    status: String,
    /// The price that it ends when it is approved.
    replaces: Option<Uuid>,
    created_by: Uuid,
    approved_by: Option<Uuid>,
    approved_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Shows a price as it is at a time.
pub fn view(row: PriceRow, at: DateTime<Utc>) -> Result<PriceView, PricingError> {
    let known = price(&row)?;
    let currency = known.amount.currency();
    Ok(PriceView {
        id: row.id,
        status: status_at(&row, at).to_owned(),
        sku: row.sku,
        amount: known.amount,
        per_quantity: row.per_quantity,
        compare_at: row.compare_at.map(|amount| Money::new(amount, currency)),
        scope: known.scope,
        min_quantity: row.min_quantity,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        kind: known.kind,
        replaces: row.replaces,
        created_by: row.created_by,
        approved_by: row.approved_by,
        approved_at: row.approved_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn answer(row: PriceRow) -> Result<Reply, PricingError> {
    let version = row.version;
    Ok(Reply::ok(&view(row, now())?).version(version))
}

/// A price to be drafted.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePrice {
    /// It has to be launched.
    #[garde(skip)]
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    #[serde(default = "one")]
    #[garde(range(min = 1, max = 1_000_000))]
    per_quantity: i64,
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    compare_at: Option<Money>,
    #[serde(default)]
    #[garde(custom(scope_form))]
    scope: Scope,
    #[serde(default = "one")]
    #[garde(range(min = 1, max = 1_000_000_000))]
    min_quantity: i64,
    #[garde(skip)]
    valid_from: Option<DateTime<Utc>>,
    #[garde(skip)]
    valid_until: Option<DateTime<Utc>>,
    #[serde(default = "list")]
    #[garde(skip)]
    kind: PriceKind,
}

const fn one() -> i64 {
    1
}

const fn list() -> PriceKind {
    PriceKind::List
}

fn scope_form(scope: &Scope, context: &()) -> garde::Result {
    optional_code(&scope.segment, context)?;
    optional_code(&scope.channel, context)?;
    let country = scope.country.as_ref();
    country.map_or(Ok(()), |country| country_form(country, context))
}

/// Makes the row of a draft.
fn draft(body: CreatePrice, by: Uuid, replaces: Option<Uuid>) -> Result<PriceRow, PricingError> {
    check_sku(&body.sku, "/sku")?;
    check_amounts(body.amount, body.compare_at)?;
    check_window(
        ("/valid_from", body.valid_from),
        ("/valid_until", body.valid_until),
    )?;
    let now = now();
    Ok(PriceRow {
        id: Uuid::now_v7(),
        folded: fold(&body.sku),
        sku: body.sku,
        amount: body.amount.amount(),
        currency: body.amount.currency().code().to_owned(),
        per_quantity: body.per_quantity,
        compare_at: body.compare_at.map(|money| money.amount()),
        company_id: body.scope.company,
        segment: body.scope.segment,
        channel: body.scope.channel,
        country: body.scope.country,
        catalog_id: body.scope.catalog,
        min_quantity: body.min_quantity,
        valid_from: body.valid_from,
        valid_until: body.valid_until,
        for_a_time: body.valid_from.is_some() || body.valid_until.is_some(),
        kind: kind_word(body.kind).to_owned(),
        status: DRAFT.to_owned(),
        replaces,
        created_by: by,
        authors: vec![by],
        approved_by: None,
        approved_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// Checks that what a price refers to exists, and that its catalog is in its currency.
async fn check_references(conn: &mut TenantConn, row: &PriceRow) -> Result<(), PricingError> {
    check(conn, MarketKind::Segment, row.segment.as_slice()).await?;
    check(conn, MarketKind::Channel, row.channel.as_slice()).await?;
    if let Some(id) = row.catalog_id {
        let catalog = catalogs::find(conn, id).await?;
        let catalog = catalog.ok_or_else(|| Problem::new(codes::UNKNOWN_REFERENCE))?;
        if catalog.currency != row.currency {
            let message = format!("must be {}, as the catalog's is", catalog.currency);
            use averis_service_kit::problem::FieldProblem;
            return Err(FieldProblem::new("/amount/currency", "mismatch", message).into());
        }
    }
    Ok(())
}

/// Drafts a price.
#[utoipa::path(post, path = "/api/pricing/v1/prices", tag = "prices", security(("token" = ["price:write"])), request_body = CreatePrice,
    responses((status = 201, description = "The draft.", body = PriceView)))]
pub async fn create_price(
    tenant: Tenant<may::PriceWrite>,
    state: Data<State>,
    post: Post<CreatePrice>,
) -> ApiResult<Reply> {
    let row = draft(post.body, tenant.caller.identity.subject, None)?;
    let skus = std::slice::from_ref(&row.sku);
    know_skus(&state, &tenant.context, &tenant.db, skus).await?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            check_references(conn, &row).await?;
            prices::insert(conn, &row).await?;
            created(row.clone())
        },
    )
    .await
}

fn created(row: PriceRow) -> Result<Reply, PricingError> {
    let location = format!("/api/pricing/v1/prices/{}", row.id);
    Ok(Reply::created(location, &view(row, now())?).version(1))
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListPrices {
    /// Of this SKU, without regard to case.
    sku: Option<String>,
    /// `draft` or `approved`.
    #[param(value_type = Option<String>)]
    status: Option<Stored>,
    /// For this catalog alone.
    catalog_id: Option<Uuid>,
    /// Valid at this time.
    at: Option<DateTime<Utc>>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What of a price's status is stored.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    Draft,
    Approved,
}

/// Lists prices by age.
#[utoipa::path(get, path = "/api/pricing/v1/prices", tag = "prices", security(("token" = ["price:read"])), params(ListPrices),
    responses((status = 200, description = "A page of prices.", body = Page<PriceView>)))]
pub async fn list_prices(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListPrices>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    if let Some(sku) = &query.sku {
        check_sku(sku, "/sku").map_err(PricingError::from)?;
    }
    check_window(("/at", query.at), ("/at", None)).map_err(PricingError::from)?;
    let filter = PriceFilter {
        folded: query.sku.as_deref().map(fold),
        status: query.status.map(|status| match status {
            Stored::Draft => DRAFT,
            Stored::Approved => APPROVED,
        }),
        catalog_id: query.catalog_id,
        at: query.at,
    };
    let list = format!("{} prices {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(prices::list(conn, &filter, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    let at = now();
    Ok(Reply::ok(&page.try_map(|row| view(row, at))?))
}

/// Reads a price.
#[utoipa::path(get, path = "/api/pricing/v1/prices/{id}", tag = "prices", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The price.", body = PriceView)))]
pub async fn get_price(tenant: Tenant<may::PriceRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { Ok(prices::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    Ok(answer(row)?)
}

/// What of a draft may be changed: a merge patch.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePrice {
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    #[serde(default, deserialize_with = "not_null")]
    amount: Option<Money>,
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    per_quantity: Option<i64>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    compare_at: Patch<Money>,
    #[garde(range(min = 1, max = 1_000_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    min_quantity: Option<i64>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_from: Patch<DateTime<Utc>>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_until: Patch<DateTime<Utc>>,
}

impl UpdatePrice {
    /// Changes a row, and checks what comes out.
    fn apply(&self, row: &mut PriceRow) -> Result<(), PricingError> {
        let known = price(row)?;
        let amount = self.amount.unwrap_or(known.amount);
        let mut compare_at = row
            .compare_at
            .map(|minor| Money::new(minor, known.amount.currency()));
        self.compare_at.clone().apply(&mut compare_at);
        check_amounts(amount, compare_at)?;
        row.amount = amount.amount();
        amount.currency().code().clone_into(&mut row.currency);
        row.compare_at = compare_at.map(|money| money.amount());
        row.per_quantity = self.per_quantity.unwrap_or(row.per_quantity);
        row.min_quantity = self.min_quantity.unwrap_or(row.min_quantity);
        self.valid_from.clone().apply(&mut row.valid_from);
        self.valid_until.clone().apply(&mut row.valid_until);
        if (&self.valid_from, &self.valid_until) != (&Patch::Absent, &Patch::Absent) {
            row.for_a_time = row.valid_from.is_some() || row.valid_until.is_some();
        }
        Ok(check_window(
            ("/valid_from", row.valid_from),
            ("/valid_until", row.valid_until),
        )?)
    }
}

/// Changes a draft. Who changes it is one of its authors from then on. Approved prices are revised or ended.
#[utoipa::path(patch, path = "/api/pricing/v1/prices/{id}", tag = "prices", security(("token" = ["price:write"])),
    request_body = UpdatePrice, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed draft.", body = PriceView)))]
pub async fn update_price(
    tenant: Tenant<may::PriceWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdatePrice>,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let mut row = locked(conn, id, seen).await?;
            require_draft(&row)?;
            let before = row.clone();
            patch.0.apply(&mut row)?;
            if row == before {
                return Ok(row);
            }
            let by = tenant.caller.identity.subject;
            if !row.authors.contains(&by) {
                row.authors.push(by);
            }
            check_references(conn, &row).await?;
            Ok(prices::update(conn, &row).await?)
        });
    Ok(answer(row.await?)?)
}

/// Removes a draft.
#[utoipa::path(delete, path = "/api/pricing/v1/prices/{id}", tag = "prices", security(("token" = ["price:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 204, description = "The draft is gone.")))]
pub async fn delete_price(
    tenant: Tenant<may::PriceWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let row = locked(conn, id, seen).await?;
            require_draft(&row)?;
            Ok(prices::delete(conn, id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<PriceRow, PricingError> {
    let row = prices::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

fn require_draft(row: &PriceRow) -> Result<(), PricingError> {
    if row.status == DRAFT {
        return Ok(());
    }
    Err(Problem::new(codes::PRICE_APPROVED).into())
}

/// Tiers of a SKU that cost more a piece than a lower one: seldom what was meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct RisingTier {
    /// The price of fewer pieces.
    lower: Uuid,
    /// The price of more pieces, which costs more a piece.
    higher: Uuid,
}

/// Which SKU to look at.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CheckPrices {
    /// The SKU, without regard to case.
    sku: String,
}

/// Looks for tiers of a SKU by which buying more costs more a piece, drafts included.
#[utoipa::path(get, path = "/api/pricing/v1/prices/rising-tiers", tag = "prices", security(("token" = ["price:read"])), params(CheckPrices),
    responses((status = 200, description = "Pairs of prices.", body = Page<RisingTier>)))]
pub async fn list_rising_tiers(
    tenant: Tenant<may::PriceRead>,
    query: Query<CheckPrices>,
) -> ApiResult<Reply> {
    check_sku(&query.0.sku, "/sku").map_err(PricingError::from)?;
    let folded = [fold(&query.0.sku)];
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(prices::of_skus(conn, &folded).await?)
    });
    let known: Result<Vec<_>, PricingError> = rows.await?.iter().map(price).collect();
    let pairs = rising_tiers(&known?).into_iter();
    let data = pairs.map(|(lower, higher)| RisingTier { lower, higher });
    Ok(Reply::ok(&Page {
        data: data.collect(),
        next_cursor: None,
    }))
}

//! Stewardship: a product's five sections, each written and approved by its own people.

use averis_service_kit::Tenant;
use averis_service_kit::body::{Body, one_line};
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Command, IdempotencyKey, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{NamedPart, PathId};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::attributes::check_values;
use crate::domain::content::check_spoken;
use crate::domain::now;
use crate::domain::products::ProductStatus;
use crate::domain::sections::{Section, SectionState, SectionStatus, Steward};
use crate::error::ProductError;
use crate::http::products::locked;
use crate::stewardship::{Editor, Stewarded, edited_states, load};
use crate::store::products::{ProductChanges, ProductRow};
use crate::store::{attributes, products};

/// A section of a product.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionView {
    section: Section,
    status: SectionStatus,
    /// What the product itself says in this section, and the values of its attributes.
    #[schema(value_type = Object)]
    content: Value,
    /// SHA-256 of the content, in hexadecimal digits: what an approval is bound to.
    hash: String,
    /// Codes of required attributes without a value.
    missing: Vec<String>,
    edited_by: Option<Uuid>,
    edited_at: Option<DateTime<Utc>>,
    submitted_by: Option<Uuid>,
    submitted_at: Option<DateTime<Utc>>,
    approved_by: Option<Uuid>,
    approved_at: Option<DateTime<Utc>>,
    /// Whether it was approved, and for other content than it has now.
    stale: bool,
    /// What was said with the last decision.
    comment: Option<String>,
}

fn view(section: Section, stewarded: &Stewarded) -> SectionView {
    let SectionState {
        status,
        edited_by,
        edited_at,
        submitted_by,
        submitted_at,
        approved_by,
        approved_at,
        approved_hash,
        comment,
    } = stewarded.sections.of(section).clone();
    let hash = stewarded.content.section_hash(section);
    let mut missing: Vec<String> = stewarded
        .completeness(Some(section))
        .into_iter()
        .flat_map(|part| part.missing)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    SectionView {
        section,
        status,
        content: stewarded.content.section(section),
        missing,
        edited_by,
        edited_at,
        submitted_by,
        submitted_at,
        approved_by,
        approved_at,
        stale: status == SectionStatus::Approved && approved_hash.as_ref() != Some(&hash),
        hash,
        comment,
    }
}

async fn answer(
    conn: &mut TenantConn,
    product: &ProductRow,
    section: Section,
) -> Result<Reply, ProductError> {
    let stewarded = load(conn, product).await?;
    Ok(Reply::ok(&view(section, &stewarded)).version(product.version))
}

/// Which section of which product an address names.
type Place = NamedPart<Section>;

/// Lists the five sections of a product. The product's version is theirs.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/sections", tag = "stewardship", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "All sections.", body = Page<SectionView>)))]
pub async fn list_sections(
    tenant: Tenant<may::ProductRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let (product, stewarded) = read(&tenant, id).await?;
    let data = Section::ALL.map(|section| view(section, &stewarded));
    let page = Page {
        data: data.into(),
        next_cursor: None,
    };
    Ok(Reply::ok(&page).version(product.version))
}

/// Reads a product with all that its stewards see.
async fn read(
    tenant: &Tenant<may::ProductRead>,
    id: Uuid,
) -> Result<(ProductRow, Stewarded), ProductError> {
    tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let product = products::find(conn, id).await?;
            let product = product.ok_or_else(Problem::not_found)?;
            let stewarded = load(conn, &product).await?;
            Ok((product, stewarded))
        })
        .await
}

/// Values for one section.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSection {
    /// Values by code of their definition: all that the section has from now on.
    #[garde(skip)]
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
}

/// Replaces the attributes of one section. It is open again, and no other is.
#[utoipa::path(put, path = "/api/product/v1/products/{id}/sections/{part}", tag = "stewardship",
    security(("token" = ["product_section:write"])), request_body = PutSection,
    params(("id" = Uuid, Path), ("part" = Section, Path), IfMatch),
    responses((status = 200, description = "The section.", body = SectionView)))]
pub async fn put_section(
    tenant: Tenant<may::ProductSectionWrite>,
    place: Place,
    seen: SeenVersion,
    body: Body<PutSection>,
) -> ApiResult<Reply> {
    let Place { id, part: section } = place;
    tenant.caller.identity.require(section.write_permission())?;
    let values = &body.0.attributes;
    let editor = Editor::of(&tenant.caller);
    let reply = tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let row = changeable(conn, id, seen).await?;
            check_section(conn, section, values).await?;
            let placements = attributes::placements(conn).await?;
            let mut kept = row.values();
            kept.retain(|code, _| placements.get(code).map(|one| one.section) != Some(section));
            kept.extend(values.clone());
            check_spoken(&placements, &kept)?;
            let kept = Value::Object(kept);
            if kept == row.attributes {
                return answer(conn, &row, section).await;
            }
            let changes = ProductChanges {
                attributes: Some(kept),
                sections: Some(edited_states(conn, id, &[section], editor).await?),
                working_rev: Some(row.working_rev + 1),
                ..ProductChanges::default()
            };
            let row = products::update(conn, id, &changes).await?;
            answer(conn, &row, section).await
        })
        .await?;
    Ok(reply)
}

async fn changeable(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<ProductRow, ProductError> {
    let row = locked(conn, id, seen).await?;
    if row.status == ProductStatus::Archived.as_str() {
        return Err(ProductError::Archived);
    }
    Ok(row)
}

/// Checks that values fit their definitions, and that these are the section's.
async fn check_section(
    conn: &mut TenantConn,
    section: Section,
    values: &Map<String, Value>,
) -> Result<(), ProductError> {
    let rules = attributes::rules_of(conn, values).await?;
    check_values(&rules, values).map_err(ProductError::Invalid)?;
    let foreign = rules.iter().filter(|(_, rule)| rule.section != section);
    let foreign: Vec<FieldProblem> = foreign
        .map(|(code, rule)| {
            let message = format!("belongs to the section {}", rule.section.as_str());
            FieldProblem::new(format!("/attributes/{code}"), "other_section", message)
        })
        .collect();
    if foreign.is_empty() {
        Ok(())
    } else {
        Err(ProductError::Invalid(foreign))
    }
}

/// Hands a section to its approvers. Nothing that a launch needs of it may be missing.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/sections/{part}/submit", tag = "stewardship",
    security(("token" = ["product_section:write"])), params(("id" = Uuid, Path), ("part" = Section, Path), IfMatch),
    responses((status = 200, description = "The submitted section.", body = SectionView)))]
pub async fn submit_section(
    tenant: Tenant<may::ProductSectionWrite>,
    place: Place,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    let section = place.part;
    tenant.caller.identity.require(section.write_permission())?;
    let by = steward(&tenant);
    decide(&tenant, &command.key, place, seen, |stewarded| {
        let missing = stewarded.missing(Some(section));
        if !missing.is_empty() {
            return Err(ProductError::Invalid(missing));
        }
        if section == Section::Salesops && !stewarded.has_variants {
            return Err(ProductError::NoVariants);
        }
        let hash = stewarded.content.section_hash(section);
        stewarded.sections.submit(section, by, &hash)
    })
    .await
}

/// Who decides, as the credential says.
fn steward<P>(tenant: &Tenant<P>) -> Steward {
    Steward {
        id: tenant.caller.identity.subject,
        at: now(),
    }
}

/// Decides about a section as the caller has seen it, once per key. No decision changes content.
async fn decide<P>(
    tenant: &Tenant<P>,
    key: &IdempotencyKey,
    Place { id, part: section }: Place,
    seen: SeenVersion,
    decision: impl Fn(&mut Stewarded) -> Result<(), ProductError>,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        key,
        async |conn| -> Result<Reply, ProductError> {
            let row = changeable(conn, id, seen).await?;
            let mut stewarded = load(conn, &row).await?;
            decision(&mut stewarded)?;
            let changes = ProductChanges {
                sections: Some(json!(stewarded.sections)),
                ..ProductChanges::default()
            };
            let row = products::update(conn, id, &changes).await?;
            answer(conn, &row, section).await
        },
    )
    .await
}

/// What an approver says.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    #[garde(inner(length(chars, min = 1, max = 1000), custom(one_line)))]
    comment: Option<String>,
}

/// Approves a submitted section as it is. Any edit of its content takes the approval back.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/sections/{part}/approve", tag = "stewardship",
    security(("token" = ["product_section:approve"])), request_body = Approval,
    params(("id" = Uuid, Path), ("part" = Section, Path), IfMatch),
    responses((status = 200, description = "The approved section.", body = SectionView)))]
pub async fn approve_section(
    tenant: Tenant<may::ProductSectionApprove>,
    place: Place,
    seen: SeenVersion,
    post: Post<Approval>,
) -> ApiResult<Reply> {
    let section = place.part;
    tenant
        .caller
        .identity
        .require(section.approve_permission())?;
    let by = steward(&tenant);
    let four_eyes = tenant.context.settings.stewardship.four_eyes;
    decide(&tenant, &post.key, place, seen, |stewarded| {
        let hash = stewarded.content.section_hash(section);
        let comment = post.body.comment.clone();
        let sections = &mut stewarded.sections;
        sections.approve(section, by, hash, comment, four_eyes)
    })
    .await
}

/// Why a section is given back.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// What has to change.
    #[garde(length(chars, min = 1, max = 1000), custom(one_line))]
    comment: String,
}

/// Gives a submitted section back to its stewards.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/sections/{part}/reject", tag = "stewardship",
    security(("token" = ["product_section:approve"])), request_body = Rejection,
    params(("id" = Uuid, Path), ("part" = Section, Path), IfMatch),
    responses((status = 200, description = "The open section.", body = SectionView)))]
pub async fn reject_section(
    tenant: Tenant<may::ProductSectionApprove>,
    place: Place,
    seen: SeenVersion,
    post: Post<Rejection>,
) -> ApiResult<Reply> {
    let section = place.part;
    tenant
        .caller
        .identity
        .require(section.approve_permission())?;
    decide(&tenant, &post.key, place, seen, |stewarded| {
        let comment = post.body.comment.clone();
        stewarded.sections.reject(section, comment)
    })
    .await
}

/// How complete a product is in one channel and language.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletenessView {
    /// Absent for what is the same in all channels.
    channel: Option<String>,
    /// Absent for what is the same in all languages.
    locale: Option<String>,
    /// Required values that are there.
    filled: usize,
    /// Required values.
    required: usize,
    /// Codes of those that are not there.
    missing: Vec<String>,
}

/// Tells how complete a product is, for each channel and language in which it has a value.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/completeness", tag = "stewardship", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "Each channel and language.", body = Page<CompletenessView>)))]
pub async fn get_completeness(
    tenant: Tenant<may::ProductRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let (product, stewarded) = read(&tenant, id).await?;
    let parts = stewarded.completeness(None).into_iter();
    let data = parts.map(|part| CompletenessView {
        required: part.filled + part.missing.len(),
        channel: part.channel,
        locale: part.locale,
        filled: part.filled,
        missing: part.missing,
    });
    let page = Page {
        data: data.collect(),
        next_cursor: None,
    };
    Ok(Reply::ok(&page).version(product.version))
}

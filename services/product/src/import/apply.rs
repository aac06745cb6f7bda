//! Puts one product of a file into the tenant's schema: made when new, changed where different, else left alone.
//! An import writes drafts and contents; it launches nothing.

use std::collections::BTreeMap;

use averis_tenant_db::TenantConn;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::parts::{plan_media, plan_variants};
use crate::domain::now;
use crate::domain::products::{ProductStatus, check_key, search_text};
use crate::domain::sections::Section;
use crate::domain::shopify::{Problem, ProductColumns, ProductRows};
use crate::error::ProductError;
use crate::stewardship::{Editor, edited_by_variant, edited_states, first_states};
use crate::store::imports::Progress;
use crate::store::media::MediaRow;
use crate::store::products::{ProductChanges, ProductRow};
use crate::store::variants::VariantRow;
use crate::store::{media, products, variants};

/// Columns of a file that no field of a product holds, under the names that an export gives them.
pub const CATEGORY: &str = "Product category";
pub const PUBLISHED: &str = "Published on online store";
pub const SEO_TITLE: &str = "SEO title";
pub const SEO_DESCRIPTION: &str = "SEO description";
/// A variant's column: who tracks its stock.
pub const TRACKER: &str = "Inventory tracker";
/// What stands there when nobody else does.
pub const OWN_TRACKER: &str = "shopify";

/// What became of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Created,
    Updated,
    Unchanged,
    Refused,
}

/// What became of a product and its variants, and what was noticed.
pub struct Applied {
    outcome: Outcome,
    variants_created: i64,
    variants_updated: i64,
    pub problems: Vec<Problem>,
}

impl Applied {
    /// Nothing was changed.
    pub const fn refused() -> Self {
        Self {
            outcome: Outcome::Refused,
            variants_created: 0,
            variants_updated: 0,
            problems: Vec::new(),
        }
    }

    /// Nothing was changed, and why.
    pub fn refused_for(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::refused()
        }
    }

    /// Adds the outcome to a job's progress.
    pub const fn count(&self, progress: &mut Progress) {
        match self.outcome {
            Outcome::Created => progress.products_created += 1,
            Outcome::Updated => progress.products_updated += 1,
            Outcome::Unchanged => progress.products_unchanged += 1,
            Outcome::Refused => progress.products_refused += 1,
        }
        progress.variants_created += self.variants_created;
        progress.variants_updated += self.variants_updated;
    }
}

/// What a product will be.
pub(super) struct Plan {
    pub(super) product: ProductRow,
    pub(super) new_variants: Vec<VariantRow>,
    pub(super) changed_variants: Vec<VariantRow>,
    pub(super) new_media: Vec<MediaRow>,
    pub(super) changed_media: Vec<MediaRow>,
    pub(super) problems: Vec<Problem>,
}

/// Applies one product. Refusals are in the result; an error is the database's, or a conflict with another
/// request, and then nothing of the product may stay.
pub async fn apply(
    conn: &mut TenantConn,
    rows: &ProductRows,
    has_variants: bool,
    max_products: u32,
    by: Editor,
) -> Result<Applied, ProductError> {
    if let Err(problem) = check_key(&rows.handle) {
        return Ok(refusal(rows.first_row, "handle_invalid", &problem.message));
    }
    let stored = products::lock_by_key(conn, &rows.handle).await?;
    let is_new = stored.is_none();
    let before = match stored {
        Some(row) if row.status == ProductStatus::Archived.as_str() => {
            return Ok(refusal(
                rows.first_row,
                "product_archived",
                "the product is archived",
            ));
        }
        Some(row) => row,
        None if rows.continuation => {
            let message = "a new product needs a title on its first row";
            return Ok(refusal(rows.first_row, "title_missing", message));
        }
        None => blank_product(&rows.handle),
    };
    let (old_variants, old_media) = if is_new {
        (Vec::new(), Vec::new())
    } else {
        (
            variants::list(conn, before.id).await?,
            media::list_of(conn, &[before.id]).await?,
        )
    };
    let mut plan = Plan {
        product: merged(&before, rows),
        new_variants: Vec::new(),
        changed_variants: Vec::new(),
        new_media: Vec::new(),
        changed_media: Vec::new(),
        problems: Vec::new(),
    };
    if plan.product.options != before.options && !old_variants.is_empty() {
        let message = "the product's variants have values for other options";
        return Ok(refusal(rows.first_row, "options_in_use", message));
    }
    if is_new || has_variants {
        match plan_variants(conn, &mut plan, rows, &old_variants).await? {
            Ok(()) => {}
            Err(problem) => return Ok(Applied::refused_for(problem)),
        }
    }
    plan_media(&mut plan, rows, &old_media);
    if is_new && !products::take_place(conn, max_products).await? {
        let message = "the tenant has as many products as it may have";
        return Ok(refusal(rows.first_row, "limit_reached", message));
    }
    store(conn, plan, &before, is_new, &old_variants, by).await
}

fn refusal(row: u64, code: &'static str, message: &str) -> Applied {
    Applied::refused_for(Problem::error(row, None, code, message.to_owned()))
}

fn blank_product(handle: &str) -> ProductRow {
    let now = now();
    ProductRow {
        id: Uuid::now_v7(),
        key: handle.to_owned(),
        kind: "physical".to_owned(),
        status: ProductStatus::Draft.as_str().to_owned(),
        name: String::new(),
        description: String::new(),
        vendor: String::new(),
        product_type: String::new(),
        tags: Vec::new(),
        options: Vec::new(),
        category_ids: Vec::new(),
        attributes: Value::Object(Map::new()),
        extra: Value::Object(Map::new()),
        launched_at: None,
        working_rev: 1,
        launched_rev: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The product with the file's columns: a column that the file lacks keeps its value, a blank one clears it.
fn merged(before: &ProductRow, rows: &ProductRows) -> ProductRow {
    let mut row = before.clone();
    let columns = &rows.columns;
    if let Some(options) = &columns.options {
        row.options.clone_from(options);
    }
    if rows.continuation {
        return row;
    }
    for (field, value) in [
        (&mut row.name, &columns.title),
        (&mut row.description, &columns.description),
        (&mut row.vendor, &columns.vendor),
        (&mut row.product_type, &columns.product_type),
    ] {
        if let Some(value) = value {
            field.clone_from(value);
        }
    }
    if let Some(tags) = &columns.tags {
        row.tags.clone_from(tags);
    }
    row.extra = merged_extra(&before.extra, columns);
    row
}

fn merged_extra(before: &Value, columns: &ProductColumns) -> Value {
    let mut extra = before.as_object().cloned().unwrap_or_default();
    for (name, value) in [
        (CATEGORY, &columns.category),
        (SEO_TITLE, &columns.seo_title),
        (SEO_DESCRIPTION, &columns.seo_description),
    ] {
        match value.as_deref() {
            None => {}
            Some("") => drop(extra.remove(name)),
            Some(value) => drop(extra.insert(name.to_owned(), value.into())),
        }
    }
    if let Some(published) = columns.published {
        extra.insert(PUBLISHED.to_owned(), published.into());
    }
    overlay(&mut extra, &columns.extra);
    Value::Object(extra)
}

pub(super) fn overlay(extra: &mut Map<String, Value>, columns: &BTreeMap<String, String>) {
    for (name, value) in columns {
        extra.insert(name.clone(), value.as_str().into());
    }
}

async fn store(
    conn: &mut TenantConn,
    plan: Plan,
    before: &ProductRow,
    is_new: bool,
    old_variants: &[VariantRow],
    by: Editor,
) -> Result<Applied, ProductError> {
    let Plan {
        product,
        new_variants,
        changed_variants,
        new_media,
        changed_media,
        problems,
    } = plan;
    let current = old_variants.iter().map(|old| {
        changed_variants
            .iter()
            .find(|row| row.id == old.id)
            .map_or(old.sku.as_str(), |row| &row.sku)
    });
    let skus = current.chain(new_variants.iter().map(|row| row.sku.as_str()));
    let search_text = search_text(
        &product.key,
        &product.vendor,
        &product.product_type,
        &product.tags,
        skus,
        &product.description,
    );
    let parts_changed = !(new_variants.is_empty()
        && changed_variants.is_empty()
        && new_media.is_empty()
        && changed_media.is_empty());
    let row_changed = differs(before, &product);
    let media_changed = !(new_media.is_empty() && changed_media.is_empty());
    // An import puts values into sections and approves nothing.
    let mut edited = Vec::new();
    if is_new || row_changed || media_changed {
        edited.push(Section::Marketing);
    }
    if is_new {
        edited.push(Section::Salesops);
    }
    for row in new_variants.iter().chain(&changed_variants) {
        let old = old_variants.iter().find(|old| old.id == row.id);
        edited.extend(edited_by_variant(old, Some(row)));
    }
    edited.sort_unstable();
    edited.dedup();
    if is_new {
        let sections = first_states(&edited, by);
        products::insert(conn, &product, &sections, &search_text).await?;
    } else if !edited.is_empty() {
        let changes = ProductChanges {
            search_text: Some(search_text),
            sections: Some(edited_states(conn, before.id, &edited, by).await?),
            working_rev: Some(before.working_rev + 1),
            ..all_changes(&product)
        };
        products::update(conn, product.id, &changes).await?;
    }
    if !new_variants.is_empty() {
        variants::insert(conn, &new_variants).await?;
    }
    for row in &changed_variants {
        variants::update(conn, row).await?;
    }
    if !new_media.is_empty() {
        media::insert(conn, &new_media).await?;
    }
    for row in &changed_media {
        media::update(conn, row).await?;
    }
    let outcome = if is_new {
        Outcome::Created
    } else if row_changed || parts_changed {
        Outcome::Updated
    } else {
        Outcome::Unchanged
    };
    Ok(Applied {
        outcome,
        variants_created: new_variants.len() as i64,
        variants_updated: changed_variants.len() as i64,
        problems,
    })
}

fn differs(before: &ProductRow, after: &ProductRow) -> bool {
    before.name != after.name
        || before.description != after.description
        || before.vendor != after.vendor
        || before.product_type != after.product_type
        || before.tags != after.tags
        || before.options != after.options
        || before.extra != after.extra
}

fn all_changes(row: &ProductRow) -> ProductChanges {
    ProductChanges {
        name: Some(row.name.clone()),
        description: Some(row.description.clone()),
        vendor: Some(row.vendor.clone()),
        product_type: Some(row.product_type.clone()),
        tags: Some(row.tags.clone()),
        options: Some(row.options.clone()),
        extra: Some(row.extra.clone()),
        ..ProductChanges::default()
    }
}

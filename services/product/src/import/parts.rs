//! Which stored variants and media the rows of a file mean, and what becomes of them.

use averis_tenant_db::TenantConn;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::apply::{OWN_TRACKER, Plan, TRACKER, overlay};
use crate::domain::now;
use crate::domain::shopify::{Problem, ProductRows, VariantRow as FileVariant};
use crate::domain::variants::{MAX_SKU, check_sku};
use crate::error::ProductError;
use crate::store::media::MediaRow;
use crate::store::variants::{self, VariantRow};

/// Finds for each variant of the file the stored one that it means: by SKU, else by its option values.
pub(super) async fn plan_variants(
    conn: &mut TenantConn,
    plan: &mut Plan,
    rows: &ProductRows,
    old: &[VariantRow],
) -> Result<Result<(), Problem>, ProductError> {
    let mut wanted: Vec<String> = rows
        .variants
        .iter()
        .filter_map(|row| row.variant.sku.clone())
        .collect();
    let mut position = old.iter().map(|row| row.position).max().unwrap_or(0);
    for number in 1..=rows.variants.len() {
        wanted.push(generated_sku(&rows.handle, number));
    }
    let taken = variants::find_by_skus(conn, &wanted).await?;
    let foreign = |sku: &str| {
        let folded = sku.to_lowercase();
        taken
            .iter()
            .any(|row| row.product_id != plan.product.id && row.sku.to_lowercase() == folded)
    };
    let mut created = Vec::new();
    let mut changed = Vec::new();
    let mut warnings = Vec::new();
    for (number, file) in (1..).zip(&rows.variants) {
        let values = &file.variant.option_values;
        if values.len() != plan.product.options.len() {
            return Ok(Err(Problem::error(
                file.row,
                None,
                "option_value_missing",
                format!(
                    "needs a value for each of: {}",
                    plan.product.options.join(", ")
                ),
            )));
        }
        let sku = file.variant.sku.as_deref();
        if let Some(problem) = sku.and_then(|sku| check_sku(sku).err()) {
            return Ok(Err(Problem::error(
                file.row,
                Some("SKU"),
                "sku_invalid",
                problem.message,
            )));
        }
        if let Some(sku) = sku.filter(|sku| foreign(sku)) {
            let message = format!("the SKU {sku} belongs to another product");
            return Ok(Err(Problem::error(
                file.row,
                Some("SKU"),
                "sku_taken",
                message,
            )));
        }
        let same_sku =
            |row: &&VariantRow| sku.is_some_and(|sku| row.sku.to_lowercase() == sku.to_lowercase());
        let known = old
            .iter()
            .find(same_sku)
            .or_else(|| old.iter().find(|row| row.option_values == *values));
        match known {
            Some(known) => {
                let next = merged_variant(known, file);
                if next.sku != known.sku && plan.product.launched_at.is_some() {
                    let message = "the SKU of a launched product cannot change".to_owned();
                    return Ok(Err(Problem::error(
                        file.row,
                        Some("SKU"),
                        "sku_immutable",
                        message,
                    )));
                }
                if next != *known {
                    changed.push(next);
                }
            }
            None => {
                position += 1;
                let mut row = merged_variant(&blank_variant(plan.product.id, position), file);
                if row.sku.is_empty() {
                    row.sku = generated_sku(&rows.handle, number);
                    if foreign(&row.sku) || old.iter().any(|other| other.sku == row.sku) {
                        row.sku = unique_sku(&rows.handle);
                    }
                    let message = format!("has no SKU and gets {}", row.sku);
                    warnings.push(Problem::warning(
                        file.row,
                        Some("SKU"),
                        "sku_generated",
                        message,
                    ));
                }
                created.push(row);
            }
        }
    }
    plan.new_variants = created;
    plan.changed_variants = changed;
    plan.problems.extend(warnings);
    Ok(Ok(()))
}

/// The SKU of a variant that has none: its product's handle and its place among the variants.
fn generated_sku(handle: &str, number: usize) -> String {
    let number = format!("-{number}");
    let room = MAX_SKU - number.len();
    handle.chars().take(room).chain(number.chars()).collect()
}

fn unique_sku(handle: &str) -> String {
    let unique = Uuid::now_v7().simple().to_string();
    let room = MAX_SKU - unique.len() - 1;
    handle
        .chars()
        .take(room)
        .chain(['-'])
        .chain(unique.chars())
        .collect()
}

fn blank_variant(product_id: Uuid, position: i32) -> VariantRow {
    let now = now();
    VariantRow {
        id: Uuid::now_v7(),
        product_id,
        sku: String::new(),
        barcode: None,
        option_values: Vec::new(),
        position,
        weight_grams: None,
        requires_shipping: true,
        taxable: true,
        track_inventory: false,
        image_url: None,
        extra: Value::Object(Map::new()),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn merged_variant(before: &VariantRow, file: &FileVariant) -> VariantRow {
    let mut row = before.clone();
    let variant = &file.variant;
    row.sku = variant.sku.clone().unwrap_or(row.sku);
    row.option_values.clone_from(&variant.option_values);
    row.barcode = variant.barcode.clone().or(row.barcode);
    row.weight_grams = variant.weight_grams.or(row.weight_grams);
    row.requires_shipping = variant.requires_shipping.unwrap_or(row.requires_shipping);
    row.taxable = variant.taxable.unwrap_or(row.taxable);
    row.image_url = variant.image_url.clone().or(row.image_url);
    let mut extra = before.extra.as_object().cloned().unwrap_or_default();
    overlay(&mut extra, &variant.extra);
    if let Some(tracker) = &variant.tracker {
        row.track_inventory = true;
        if tracker == OWN_TRACKER {
            extra.remove(TRACKER);
        } else {
            extra.insert(TRACKER.to_owned(), tracker.as_str().into());
        }
    }
    row.extra = Value::Object(extra);
    row
}

pub(super) fn plan_media(plan: &mut Plan, rows: &ProductRows, old: &[MediaRow]) {
    let mut last = old.iter().map(|row| row.position).max().unwrap_or(0);
    let now = now();
    for file in &rows.images {
        let image = &file.image;
        let alt: String = image
            .alt
            .as_deref()
            .unwrap_or_default()
            .chars()
            .take(1000)
            .collect();
        if plan.new_media.iter().any(|row| row.url == image.url) {
            let message = "the same image stands in an earlier row".to_owned();
            plan.problems
                .push(Problem::warning(file.row, None, "image_repeated", message));
            continue;
        }
        match old.iter().find(|row| row.url == image.url) {
            Some(known) => {
                let position = image.position.unwrap_or(known.position);
                let alt = if image.alt.is_some() {
                    alt
                } else {
                    known.alt.clone()
                };
                let next = MediaRow {
                    alt,
                    position,
                    ..known.clone()
                };
                if next != *known {
                    plan.changed_media.push(next);
                }
            }
            None => {
                last += 1;
                plan.new_media.push(MediaRow {
                    id: Uuid::now_v7(),
                    product_id: plan.product.id,
                    url: image.url.clone(),
                    alt,
                    position: image.position.unwrap_or(last),
                    version: 1,
                    created_at: now,
                    updated_at: now,
                });
            }
        }
    }
}

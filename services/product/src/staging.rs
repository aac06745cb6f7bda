//! How the copy that shops read follows what is launched.

use averis_contracts::events::Event;
use averis_contracts::product::{LaunchedVariant, ProductState, kinds};
use averis_outbox::publish;
use averis_tenant_db::TenantConn;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::domain::now;
use crate::domain::products::ProductCommand;
use crate::domain::staging::Staged;
use crate::error::ProductError;
use crate::store::products::ProductRow;
use crate::store::revisions;
use crate::store::staging::{self, StagedRow, StagedVariantRow};

/// Tells, with the change itself, what a command has made of a product; with its launch also the launched document. Nobody
/// was ever told of one that was not launched.
pub async fn tell(
    conn: &mut TenantConn,
    product: &ProductRow,
    command: ProductCommand,
    launched: Option<&Value>,
) -> Result<(), ProductError> {
    let Some(rev) = product.launched_rev else {
        return Ok(());
    };
    let kind = match command {
        ProductCommand::Launch => kinds::LAUNCHED,
        ProductCommand::Suspend => kinds::SUSPENDED,
        ProductCommand::Resume => kinds::RESUMED,
        ProductCommand::Archive => kinds::ARCHIVED,
    };
    let staged = launched.map(Staged::of).transpose()?;
    let variants = staged.into_iter().flat_map(|staged| {
        let (kind, tax_category) = (staged.kind, staged.rest.tax_category);
        let name = staged.name;
        staged
            .variants
            .into_iter()
            .map(move |variant| LaunchedVariant {
                sku: variant.sku,
                name: name.clone(),
                product_id: product.id,
                version: product.version,
                active: true,
                kind: kind.clone(),
                taxable: variant.taxable,
                tax_category: tax_category.clone(),
            })
    });
    let state = ProductState {
        product_id: product.id,
        version: product.version,
        status: product.status.clone(),
        rev,
        variants: variants.collect(),
    };
    Ok(publish(conn, kind, product.id, &state).await?)
}

/// Lets an event have its effect on the copy. What is older than what is there has none, so events may come in any order
/// and as often as they like.
pub async fn apply(conn: &mut TenantConn, event: &Event) -> Result<(), ProductError> {
    let known = [
        kinds::LAUNCHED,
        kinds::SUSPENDED,
        kinds::RESUMED,
        kinds::ARCHIVED,
    ];
    if !known.contains(&event.kind.as_str()) {
        return Ok(());
    }
    let state = ProductState::deserialize(&event.data)?;
    let seq = staging::next_place(conn).await?;
    let id = state.product_id;
    let there = staging::as_of(conn, id).await?;
    if there.is_some_and(|(as_of, _)| as_of >= state.version) {
        return Ok(());
    }
    let at = now();
    if there.is_some_and(|(_, rev)| rev == state.rev) {
        let place = (state.status.as_str(), state.version, seq);
        return Ok(staging::put_status(conn, id, place, at).await?);
    }
    // The event was written with its revision, and revisions stay.
    let revision = revisions::find(conn, id, state.rev).await?;
    let revision = revision.ok_or(diesel::result::Error::NotFound)?;
    let staged = Staged::of(&revision.document)?;
    let variants = staged.variants.iter().map(|variant| StagedVariantRow {
        id: variant.id,
        product_id: id,
        sku: variant.sku.clone(),
        position: variant.position,
        document: json!(variant),
    });
    let variants: Vec<StagedVariantRow> = variants.collect();
    let row = StagedRow {
        id,
        key: staged.key,
        rev: state.rev,
        hash: revision.hash,
        as_of: state.version,
        status: state.status,
        seq,
        kind: staged.kind,
        name: staged.name,
        vendor: staged.vendor,
        product_type: staged.product_type,
        tags: staged.tags,
        category_ids: staged.category_ids,
        attributes: json!(staged.attributes),
        rest: json!(staged.rest),
        launched_at: revision.launched_at,
        updated_at: at,
    };
    Ok(staging::put(conn, &row, &staged.search_text, &variants).await?)
}

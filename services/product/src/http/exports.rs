//! Export of products as a file that imports again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use averis_service_kit::Tenant;
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::query::Query;
use averis_tenant_context::may;
use averis_tenant_db::TenantDb;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::shopify::{
    Dialect, ExportProduct, ExtraColumns, Image, ProductColumns, ProductWriter, Variant,
};
use crate::error::ProductError;
use crate::import::{CATEGORY, OWN_TRACKER, PUBLISHED, SEO_DESCRIPTION, SEO_TITLE, TRACKER};
use crate::store::media::MediaRow;
use crate::store::products::{After, ProductFilter, ProductOrder, ProductRow};
use crate::store::variants::VariantRow;
use crate::store::{media, products, search, variants};

/// Products that are read at once.
const STEP: i64 = 100;

/// Form of the file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportProducts {
    /// `shopify-2025` (default) or `shopify`, for the older header.
    #[param(value_type = Option<String>)]
    dialect: Option<Dialect>,
}

type Piece = Result<Bytes, ProductError>;

/// Writes all products that are not archived as a CSV file.
///
/// Cells that a spreadsheet would take for a formula begin with an apostrophe, which an import takes off again.
/// The file shows each product as it was when its turn came.
#[utoipa::path(get, path = "/api/product/v1/products/export", tag = "imports", security(("token" = ["product:export"])), params(ExportProducts),
    responses((status = 200, description = "The file.", body = String, content_type = "text/csv")))]
pub async fn export_products(
    tenant: Tenant<may::ProductExport>,
    query: Query<ExportProducts>,
) -> ApiResult<HttpResponse> {
    let dialect = query.0.dialect.unwrap_or(Dialect::New);
    let db = tenant.db.clone();
    let names = db
        .read(async |conn| -> Result<_, ProductError> { Ok(search::extra_names(conn).await?) })
        .await?;
    let extra = extra_columns(dialect, names);
    let (pieces, receiver) = mpsc::channel::<Piece>(2);
    let key = tenant.context.key.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "carries the tenant's database and ends with the answer"
    )]
    actix_web::rt::spawn(async move {
        if let Err(error) = write_all(&db, dialect, &extra, &pieces).await {
            tracing::error!(tenant = %key, error = %error, "an export broke off");
            // An answer that is cut off is no file; the client sees that it is not whole.
            let _ = pieces.send(Err(error)).await;
        }
    });
    let body = stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        let piece = piece.map_err(|error| -> actix_web::Error { Problem::from(error).into() });
        Some((piece, receiver))
    });
    let name = format!(
        "attachment; filename=\"{}-products.csv\"",
        tenant.context.key
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .streaming(Box::pin(body)))
}

/// Returns the columns beyond the dialect's own, in the order of their names.
fn extra_columns(dialect: Dialect, names: Vec<String>) -> Vec<String> {
    let own = [CATEGORY, PUBLISHED, SEO_TITLE, SEO_DESCRIPTION, TRACKER];
    let all = names
        .into_iter()
        .filter(|name| !own.contains(&name.as_str()));
    let mut columns = ExtraColumns::new(dialect);
    let columns_of_products = ProductColumns {
        extra: all.map(|name| (name, "x".to_owned())).collect(),
        category: Some("x".to_owned()),
        status: Some("x".to_owned()),
        ..ProductColumns::default()
    };
    columns.add(&ExportProduct {
        columns: columns_of_products,
        ..ExportProduct::default()
    });
    columns.into_names()
}

async fn write_all(
    db: &TenantDb,
    dialect: Dialect,
    extra: &[String],
    pieces: &mpsc::Sender<Piece>,
) -> Result<(), ProductError> {
    let written = Written::default();
    let mut writer = ProductWriter::new(written.clone(), dialect, extra).map_err(unwritable)?;
    let mut after: Option<After> = None;
    loop {
        let page = db
            .read(async |conn| -> Result<_, ProductError> {
                let order = ProductOrder::CreatedAt { down: false };
                let rows =
                    products::list(conn, &ProductFilter::default(), order, after.as_ref(), STEP)
                        .await?;
                let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
                let variants = variants::list_of(conn, &ids).await?;
                let media = media::list_of(conn, &ids).await?;
                Ok((rows, variants, media))
            })
            .await?;
        let (rows, mut parts, mut pictures) = page;
        let Some(last) = rows.last() else { break };
        after = Some(After::Time(last.created_at, last.id));
        for row in rows.iter().filter(|row| row.status != "archived") {
            let own: Vec<VariantRow> = parts
                .extract_if(.., |part| part.product_id == row.id)
                .collect();
            let images: Vec<MediaRow> = pictures
                .extract_if(.., |part| part.product_id == row.id)
                .collect();
            writer
                .write_product(&exported(row, own, images))
                .map_err(unwritable)?;
        }
        if pieces.send(Ok(written.take())).await.is_err() {
            return Ok(());
        }
    }
    writer.finish().map_err(unwritable)?;
    let _ = pieces.send(Ok(written.take())).await;
    Ok(())
}

/// What was written and not sent yet. The export's task has it alone.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        self.0.take().into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unwritable(error: crate::domain::shopify::FileError) -> ProductError {
    Problem::new(codes::INTERNAL).because(error).into()
}

fn text(extra: &Map<String, Value>, name: &str) -> Option<String> {
    Some(
        extra
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    )
}

/// Everything that is in `extra` but the columns that have fields of their own.
fn others(extra: &Map<String, Value>, own: &[&str]) -> BTreeMap<String, String> {
    extra
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn exported(row: &ProductRow, variants: Vec<VariantRow>, media: Vec<MediaRow>) -> ExportProduct {
    let none = Map::new();
    let extra = row.extra.as_object().unwrap_or(&none);
    let columns = ProductColumns {
        title: Some(row.name.clone()),
        description: Some(row.description.clone()),
        vendor: Some(row.vendor.clone()),
        category: text(extra, CATEGORY),
        product_type: Some(row.product_type.clone()),
        tags: Some(row.tags.clone()),
        published: extra.get(PUBLISHED).and_then(Value::as_bool),
        status: Some(
            if row.status == "active" {
                "active"
            } else {
                "draft"
            }
            .to_owned(),
        ),
        options: Some(row.options.clone()),
        seo_title: text(extra, SEO_TITLE),
        seo_description: text(extra, SEO_DESCRIPTION),
        extra: others(extra, &[CATEGORY, PUBLISHED, SEO_TITLE, SEO_DESCRIPTION]),
    };
    let variants = variants
        .into_iter()
        .map(|row| {
            let extra = row.extra.as_object().unwrap_or(&none);
            Variant {
                tracker: row.track_inventory.then(|| {
                    let named = extra.get(TRACKER).and_then(Value::as_str);
                    named.unwrap_or(OWN_TRACKER).to_owned()
                }),
                extra: others(extra, &[TRACKER]),
                sku: Some(row.sku),
                barcode: row.barcode,
                option_values: row.option_values,
                weight_grams: row.weight_grams,
                requires_shipping: Some(row.requires_shipping),
                taxable: Some(row.taxable),
                image_url: row.image_url,
            }
        })
        .collect();
    let images = media
        .into_iter()
        .map(|row| Image {
            url: row.url,
            position: Some(row.position),
            alt: Some(row.alt),
        })
        .collect();
    ExportProduct {
        handle: row.key.clone(),
        columns,
        variants,
        images,
    }
}

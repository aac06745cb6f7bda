//! Shopify's product CSV, in both header dialects: bounded reading, exact writing.
//!
//! A file is a sequence of products. Adjacent rows with an equal handle describe one product: the
//! first row carries the product's own columns, every row may add a variant, an image, or both.
//! [`ProductReader`] yields one [`ProductRows`] per product together with everything that is wrong
//! with it, so that the caller can apply or refuse a product as a whole and report row numbers.
//! [`ProductWriter`] writes the same shape back; reading what it wrote gives the same product, and
//! writing that again gives the same bytes.
//!
//! Nothing here touches a database or decides what a product may become: an imported status is
//! text for the caller to judge.

mod columns;
mod error;
mod formula;
mod group;
mod header;
mod line;
mod model;
mod options;
mod read;
mod record;
mod value;
mod write;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use error::FileError;
#[cfg(test)]
pub use formula::{neutralise, restore};
pub use model::{
    ExportProduct, Image, ImageRow, Problem, ProductColumns, ProductRows, Severity, Variant,
    VariantRow,
};
pub use read::ProductReader;
pub use write::{ExtraColumns, ProductWriter};

/// Which of Shopify's two header rows a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dialect {
    /// `Handle, Title, Body (HTML), …`: what exports looked like until 2025, and still the common
    /// form in other tools.
    #[serde(rename = "shopify")]
    Old,
    /// `Title, URL handle, Description, …`: the template since 2025. Its column names are the keys
    /// of every `extra` map.
    #[serde(rename = "shopify-2025")]
    New,
}

impl Dialect {
    /// The header every export in this dialect starts from, in order. Metafield and market columns
    /// depend on the shop and are not part of it.
    pub fn standard_header(self) -> Vec<&'static str> {
        match self {
            Self::Old => columns::OLD_HEADER.to_vec(),
            Self::New => columns::KNOWN.iter().map(|column| column.new).collect(),
        }
    }
}

/// What bounds the memory one file can take. A value over a limit refuses its product, never the
/// rest of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one cell.
    pub cell_bytes: usize,
    /// Bytes of one record; a longer one is read to its end but not kept.
    pub record_bytes: usize,
    /// Columns of the header.
    pub columns: usize,
    /// Rows of one product. Shopify allows 2,048 variants; images may need more rows.
    pub rows_per_product: u64,
    /// Bytes of text kept for one product.
    pub product_bytes: usize,
    /// Problems kept for one product; the rest are only counted.
    pub problems_per_product: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cell_bytes: 1024 * 1024,
            record_bytes: 4 * 1024 * 1024,
            columns: 1024,
            rows_per_product: 3_000,
            product_bytes: 16 * 1024 * 1024,
            problems_per_product: 100,
        }
    }
}

//! One product as a file describes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a problem refuses its product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The product must be refused as a whole.
    Error,
    /// The product can be taken; something in the file was repaired or ignored.
    Warning,
}

/// Something wrong in the file, at a place a person can find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The row as a spreadsheet counts: the header is row 1.
    pub row: u64,
    /// The column as the file names it.
    pub column: Option<String>,
    /// A stable name for programs.
    pub code: &'static str,
    /// What to tell a person.
    pub message: String,
    /// Whether the product must be refused.
    pub severity: Severity,
}

impl Problem {
    /// A problem that refuses the product.
    pub fn error(row: u64, column: Option<&str>, code: &'static str, message: String) -> Self {
        Self {
            row,
            column: column.map(str::to_owned),
            code,
            message,
            severity: Severity::Error,
        }
    }

    /// A problem worth telling that refuses nothing.
    pub fn warning(row: u64, column: Option<&str>, code: &'static str, message: String) -> Self {
        Self {
            row,
            column: column.map(str::to_owned),
            code,
            message,
            severity: Severity::Warning,
        }
    }
}

/// The product-level columns, from the first row of a product.
///
/// For text, `None` means that the file has no such column (keep what is stored) and `Some("")`
/// that the cell is blank (clear it). Text is kept exactly as written in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductColumns {
    /// The name shown to customers.
    pub title: Option<String>,
    /// The body as raw HTML; sanitise when showing it.
    pub description: Option<String>,
    /// The maker or brand.
    pub vendor: Option<String>,
    /// A path in Shopify's taxonomy, levels separated by ` > `. Not in the old standard header.
    pub category: Option<String>,
    /// The shop's own kind of product.
    pub product_type: Option<String>,
    /// Tags in the order given, each once. A tag cannot contain a comma.
    pub tags: Option<Vec<String>>,
    /// Whether the product is on the online store; `None` for a blank cell as well.
    pub published: Option<bool>,
    /// `Active`, `Draft`, `Archived` or whatever the file says. Not in the old standard header.
    pub status: Option<String>,
    /// Names of at most three options. `Some` of nothing for a product without options; `None`
    /// when the file does not say, which only happens without option columns or for a
    /// continuation.
    pub options: Option<Vec<String>>,
    /// The title for search engines.
    pub seo_title: Option<String>,
    /// The description for search engines.
    pub seo_description: Option<String>,
    /// Every other product-level column with a value, by its name in the new dialect.
    pub extra: BTreeMap<String, String>,
}

/// One variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// `None` when blank: the caller generates one.
    pub sku: Option<String>,
    /// A GTIN, ISBN or the like; not unique in real files.
    pub barcode: Option<String>,
    /// One value per option name; empty for a product without options.
    pub option_values: Vec<String>,
    /// The weight, whatever unit the shop displays.
    pub weight_grams: Option<i64>,
    /// Whether it is a physical thing.
    pub requires_shipping: Option<bool>,
    /// Whether tax is charged.
    pub taxable: Option<bool>,
    /// Who counts the stock, e.g. `shopify`.
    pub tracker: Option<String>,
    /// The variant's own picture.
    pub image_url: Option<String>,
    /// Every other variant-level column with a value, by its name in the new dialect. Prices and
    /// quantities in here are checked to be plain numbers.
    pub extra: BTreeMap<String, String>,
}

/// One picture of the product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Where to fetch it: `http` or `https`.
    pub url: String,
    /// Place among the pictures, from 1.
    pub position: Option<i32>,
    /// Text for those who do not see it.
    pub alt: Option<String>,
}

/// A variant and the row it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VariantRow {
    /// The row as a spreadsheet counts.
    pub row: u64,
    /// What the row says.
    pub variant: Variant,
}

/// An image and the row it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageRow {
    /// The row as a spreadsheet counts.
    pub row: u64,
    /// What the row says.
    pub image: Image,
}

/// A run of adjacent rows with an equal handle: one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProductRows {
    /// The handle in lower case; empty when it is missing or unreadable.
    pub handle: String,
    /// The first of the product's rows.
    pub first_row: u64,
    /// How many rows the product has, dropped ones included.
    pub rows: u64,
    /// The first row has no title: the rows add to a product that must already exist, and
    /// `columns` says nothing but perhaps the option names.
    pub continuation: bool,
    /// The product-level columns.
    pub columns: ProductColumns,
    /// The variants in file order.
    pub variants: Vec<VariantRow>,
    /// The images in file order.
    pub images: Vec<ImageRow>,
    /// What is wrong, in file order; at least one error is kept if there was any.
    pub problems: Vec<Problem>,
    /// How many problems there were, kept or not.
    pub problem_count: u64,
}

impl ProductRows {
    /// Whether the product must be refused.
    pub fn is_refused(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }
}

/// One product to write.
///
/// `columns.title` must not be blank, and every variant needs one value per option. A product
/// without variants is written, and so read back, as one with a single empty variant and no
/// options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportProduct {
    /// The handle: lower-case letters, digits, `-` and `_`.
    pub handle: String,
    /// The product-level columns; `None` is written as a blank cell.
    pub columns: ProductColumns,
    /// The variants.
    pub variants: Vec<Variant>,
    /// The images.
    pub images: Vec<Image>,
}

impl From<ProductRows> for ExportProduct {
    fn from(rows: ProductRows) -> Self {
        Self {
            handle: rows.handle,
            columns: rows.columns,
            variants: rows.variants.into_iter().map(|row| row.variant).collect(),
            images: rows.images.into_iter().map(|row| row.image).collect(),
        }
    }
}

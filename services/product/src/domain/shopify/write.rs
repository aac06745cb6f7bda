//! Products to rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

use super::columns::{self, Field};
use super::formula::neutralise;
use super::options::{DEFAULT_NAME, DEFAULT_VALUE, MOST};
use super::value::is_blank;
use super::{Dialect, ExportProduct, FileError, ProductColumns, Variant};

/// Collects the columns that products need beyond a dialect's standard header.
#[derive(Debug)]
pub struct ExtraColumns {
    standard: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl ExtraColumns {
    /// None yet.
    pub fn new(dialect: Dialect) -> Self {
        let standard = dialect
            .standard_header()
            .into_iter()
            .map(columns::canonical_name)
            .collect();
        Self {
            standard,
            names: BTreeSet::new(),
        }
    }

    /// Adds what this product needs.
    pub fn add(&mut self, product: &ExportProduct) {
        for name in needed(product) {
            if !self.standard.contains(name) && !self.names.contains(name) {
                self.names.insert(name.to_owned());
            }
        }
    }

    /// The names, sorted, as [`ProductWriter::new`] takes them.
    pub fn into_names(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

/// The additional columns in which a product has something to say.
fn needed(product: &ExportProduct) -> impl Iterator<Item = &str> {
    let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let category = filled(&product.columns.category).then_some(columns::CATEGORY);
    let status = filled(&product.columns.status).then_some(columns::STATUS);
    let extra = extras_of(&product.columns.extra);
    let of_variants = product
        .variants
        .iter()
        .flat_map(|variant| extras_of(&variant.extra));
    category
        .into_iter()
        .chain(status)
        .chain(extra)
        .chain(of_variants)
}

fn extras_of(extra: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    extra
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| name.as_str())
}

struct Column {
    key: String,
    field: Field,
}

/// Writes products in one dialect, rows in Shopify's arrangement: the n-th variant and the n-th
/// image share the n-th row.
pub struct ProductWriter<W: Write> {
    rows: csv::Writer<W>,
    columns: Vec<Column>,
    fields: HashMap<String, Field>,
    dialect: Dialect,
}

impl<W: Write> ProductWriter<W> {
    /// Writes the header: the dialect's standard columns and the extra ones, which are named as
    /// in the new dialect (see [`ExtraColumns`]). Metafields go where Shopify puts them.
    pub fn new(output: W, dialect: Dialect, extra_columns: &[String]) -> Result<Self, FileError> {
        let (metafields, others): (Vec<_>, Vec<_>) = extra_columns
            .iter()
            .cloned()
            .partition(|name| columns::is_metafield(name));
        let mut keys: Vec<String> = dialect
            .standard_header()
            .into_iter()
            .map(columns::canonical_name)
            .collect();
        let after = match dialect {
            Dialect::Old => "Google Shopping / Custom label 4",
            Dialect::New => "SEO description",
        };
        let place = keys
            .iter()
            .position(|key| key == after)
            .map_or(keys.len(), |index| index + 1);
        keys.splice(place..place, metafields);
        keys.extend(others);

        let mut fields = HashMap::new();
        let mut columns = Vec::with_capacity(keys.len());
        for key in keys {
            let field = columns::field_of(&key);
            let readable = key.trim() == key
                && !key.is_empty()
                && key.chars().count() <= 255
                && !key.contains('\0')
                && columns::canonical_name(&key) == key;
            if !readable || fields.insert(key.clone(), field).is_some() {
                return Err(unwritable(
                    "",
                    format!("{key:?} cannot be an additional column"),
                ));
            }
            columns.push(Column { key, field });
        }
        // Shopify's own files end their rows with \r\n.
        let terminator = csv::Terminator::CRLF;
        let mut rows = csv::WriterBuilder::new()
            .terminator(terminator)
            .from_writer(output);
        for column in &columns {
            let name = columns::name_in(dialect, &column.key);
            rows.write_field(neutralise(&name).as_bytes())?;
        }
        rows.write_record(None::<&[u8]>)?;
        Ok(Self {
            rows,
            columns,
            fields,
            dialect,
        })
    }

    /// Writes one product.
    pub fn write_product(&mut self, product: &ExportProduct) -> Result<(), FileError> {
        self.check(product)
            .map_err(|reason| unwritable(&product.handle, reason))?;
        let rows = product.variants.len().max(product.images.len()).max(1);
        for index in 0..rows {
            for column in &self.columns {
                let cell = self.cell(product, column, index);
                self.rows.write_field(neutralise(&cell).as_bytes())?;
            }
            self.rows.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    /// Writes what is buffered and gives the output back.
    pub fn finish(self) -> Result<W, FileError> {
        self.rows
            .into_inner()
            .map_err(|error| FileError::Io(error.into_error()))
    }

    /// Refuses what would read back as something else.
    fn check(&self, product: &ExportProduct) -> Result<(), String> {
        if is_blank(&product.handle) {
            return Err("it has no handle".to_owned());
        }
        if product.columns.title.as_deref().is_none_or(is_blank) {
            return Err("it has no title".to_owned());
        }
        let options = product.columns.options.as_deref().unwrap_or_default();
        if options.len() > usize::from(MOST) || options.iter().any(|name| is_blank(name)) {
            return Err(format!(
                "it has more than {MOST} options or one without a name"
            ));
        }
        for (index, variant) in product.variants.iter().enumerate() {
            let values = &variant.option_values;
            if values.len() != options.len() || values.iter().any(|value| is_blank(value)) {
                return Err(format!("variant {} lacks an option value", index + 1));
            }
        }
        if options.is_empty() && product.variants.len() > 1 {
            return Err("it has several variants but no options".to_owned());
        }
        if let Some(name) = needed(product).find(|name| !self.fields.contains_key(*name)) {
            return Err(format!("the header has no column {name:?}"));
        }
        let misplaced = extras_of(&product.columns.extra)
            .map(|name| (name, Field::ProductExtra))
            .chain(
                product
                    .variants
                    .iter()
                    .flat_map(|variant| extras_of(&variant.extra))
                    .map(|name| (name, Field::VariantExtra)),
            )
            .find(|(name, field)| self.fields.get(*name) != Some(field));
        match misplaced {
            Some((name, _)) => Err(format!("{name:?} is given at the wrong level")),
            None => Ok(()),
        }
    }

    fn cell<'a>(&self, product: &'a ExportProduct, column: &Column, index: usize) -> Cow<'a, str> {
        if column.field == Field::Handle {
            return product.handle.as_str().into();
        }
        if let Field::ImageUrl | Field::ImagePosition | Field::ImageAlt = column.field {
            let Some(image) = product.images.get(index) else {
                return "".into();
            };
            return match column.field {
                Field::ImageUrl => image.url.as_str().into(),
                Field::ImagePosition => number(image.position.map(i64::from)),
                _ => image.alt.as_deref().unwrap_or_default().into(),
            };
        }
        let options = match (&product.columns.options, product.variants.is_empty()) {
            (Some(names), false) => names.as_slice(),
            _ => &[],
        };
        if let Field::OptionName(n) = column.field {
            return match (index, options.get(usize::from(n))) {
                (0, Some(name)) => name.as_str().into(),
                (0, None) if n == 0 => DEFAULT_NAME.into(),
                _ => "".into(),
            };
        }
        let variant = product.variants.get(index);
        if let Field::OptionValue(n) = column.field {
            return match variant.and_then(|variant| variant.option_values.get(usize::from(n))) {
                Some(value) => value.as_str().into(),
                None if options.is_empty() && n == 0 && index == 0 => DEFAULT_VALUE.into(),
                None => "".into(),
            };
        }
        if column.field.is_product_level() {
            return if index == 0 {
                self.product_cell(&product.columns, column)
            } else {
                "".into()
            };
        }
        variant.map_or("".into(), |variant| self.variant_cell(variant, column))
    }

    fn product_cell<'a>(&self, product: &'a ProductColumns, column: &Column) -> Cow<'a, str> {
        let text = match column.field {
            Field::Title => &product.title,
            Field::Description => &product.description,
            Field::Vendor => &product.vendor,
            Field::Category => &product.category,
            Field::ProductType => &product.product_type,
            Field::Status => &product.status,
            Field::SeoTitle => &product.seo_title,
            Field::SeoDescription => &product.seo_description,
            Field::Published => return self.boolean(product.published).into(),
            Field::Tags => {
                return product
                    .tags
                    .as_deref()
                    .unwrap_or_default()
                    .join(", ")
                    .into();
            }
            _ => return extra_cell(&product.extra, &column.key),
        };
        text.as_deref().unwrap_or_default().into()
    }

    fn variant_cell<'a>(&self, variant: &'a Variant, column: &Column) -> Cow<'a, str> {
        let text = match column.field {
            Field::Sku => &variant.sku,
            Field::Barcode => &variant.barcode,
            Field::Tracker => &variant.tracker,
            Field::VariantImage => &variant.image_url,
            Field::Weight => return number(variant.weight_grams),
            Field::RequiresShipping => return self.boolean(variant.requires_shipping).into(),
            Field::Taxable => return self.boolean(variant.taxable).into(),
            _ => return extra_cell(&variant.extra, &column.key),
        };
        text.as_deref().unwrap_or_default().into()
    }

    /// Each dialect has its own spelling in Shopify's files.
    fn boolean(&self, value: Option<bool>) -> &'static str {
        match (value, self.dialect) {
            (None, _) => "",
            (Some(true), Dialect::Old) => "true",
            (Some(false), Dialect::Old) => "false",
            (Some(true), Dialect::New) => "TRUE",
            (Some(false), Dialect::New) => "FALSE",
        }
    }
}

fn extra_cell<'a>(extra: &'a BTreeMap<String, String>, key: &str) -> Cow<'a, str> {
    extra
        .get(key)
        .map(String::as_str)
        .unwrap_or_default()
        .into()
}

fn number(value: Option<i64>) -> Cow<'static, str> {
    value
        .map(|number| number.to_string())
        .unwrap_or_default()
        .into()
}

fn unwritable(handle: &str, reason: String) -> FileError {
    FileError::Unwritable {
        handle: handle.to_owned(),
        reason,
    }
}

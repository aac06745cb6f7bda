//! One product, built from its rows.

use std::collections::{BTreeMap, HashSet};

use super::columns::{self, Field};
use super::header::{Column, Header};
use super::line::{Broken, Line};
use super::options::Options;
use super::value::{self, Fault};
use super::{
    Image, ImageRow, Limits, Problem, ProductColumns, ProductRows, Severity, Variant, VariantRow,
};

pub(super) struct Group {
    product: ProductRows,
    options: Options,
    /// False until the first readable row.
    started: bool,
    /// Memory taken so far.
    weight: usize,
    /// A limit was passed: rows are counted, no longer kept.
    full: bool,
    told_image_without_url: bool,
    seen_options: HashSet<Vec<String>>,
    seen_skus: HashSet<String>,
    limits: Limits,
}

impl Group {
    pub(super) fn new(handle: String, first_row: u64, limits: Limits) -> Self {
        Self {
            product: ProductRows {
                handle,
                first_row,
                rows: 0,
                continuation: false,
                columns: ProductColumns::default(),
                variants: Vec::new(),
                images: Vec::new(),
                problems: Vec::new(),
                problem_count: 0,
            },
            options: Options::default(),
            started: false,
            weight: 0,
            full: false,
            told_image_without_url: false,
            seen_options: HashSet::new(),
            seen_skus: HashSet::new(),
            limits,
        }
    }

    pub(super) fn handle(&self) -> &str {
        &self.product.handle
    }

    pub(super) fn is_continuation(&self) -> bool {
        self.product.continuation
    }

    pub(super) fn finish(mut self) -> ProductRows {
        self.product.columns.options = self.options.names;
        self.product
    }

    /// Takes over the rows of a group that turned out to lie inside this one.
    pub(super) fn absorb(&mut self, other: Self) {
        self.product.rows += other.product.rows;
        let kept = other.product.problems.len() as u64;
        self.product.problem_count += other.product.problem_count.saturating_sub(kept);
        self.report(other.product.problems);
    }

    pub(super) fn add_broken(&mut self, broken: Broken) {
        self.product.rows += 1;
        self.report(broken.problems);
    }

    pub(super) fn report(&mut self, problems: Vec<Problem>) {
        let kept = &mut self.product.problems;
        for problem in problems {
            self.product.problem_count += 1;
            let is_error = |problem: &Problem| problem.severity == Severity::Error;
            if kept.len() < self.limits.problems_per_product.max(1) {
                kept.push(problem);
            } else if is_error(&problem) && !kept.iter().any(is_error) {
                // Warnings must not crowd out the one thing that refuses the product.
                kept.pop();
                kept.push(problem);
            }
        }
    }

    pub(super) fn add(&mut self, header: &Header, mut line: Line<'_>) {
        let mut problems = std::mem::take(&mut line.problems);
        self.product.rows += 1;
        let first = !self.started;
        self.weight = self.weight.saturating_add(line.weight(header, first));
        if self.full || self.is_over_limit(line.row, &mut problems) {
            self.full = true;
            return self.report(problems);
        }
        for (index, column) in header.columns.iter().enumerate() {
            if let Some(fault) = value::control_fault(line.cell(index)) {
                problems.push(fault_in(line.row, Some(&column.name), fault));
            }
        }
        if first {
            self.start(header, &line, &mut problems);
        } else {
            self.options.check_repeated(header, &line, &mut problems);
        }
        if !first || self.product.continuation {
            self.ignore_product_columns(header, &line, &mut problems);
        }
        let reader = Cells {
            header,
            line: &line,
        };
        let names_variant = (0..super::options::MOST)
            .any(|n| line.filled(header, Field::OptionValue(n)).is_some())
            || line.filled(header, Field::Sku).is_some()
            || header
                .price
                .is_some_and(|index| !value::is_blank(line.cell(index)));
        let is_variant = names_variant || first && !self.product.continuation;
        if is_variant {
            let variant = reader.variant(&self.options, &mut problems);
            self.check_unique(header, line.row, &variant, &mut problems);
            self.product.variants.push(VariantRow {
                row: line.row,
                variant,
            });
        }
        let image = self.image(&reader, &mut problems);
        if image.is_none() && !is_variant && line.filled(header, Field::ImageAlt).is_none() {
            let message = "the row names neither a variant (by option value, SKU or price) nor an \
                           image; it was ignored";
            problems.push(Problem::warning(
                line.row,
                None,
                "row_without_data",
                message.to_owned(),
            ));
        }
        self.product.images.extend(image);
        self.report(problems);
    }

    fn is_over_limit(&self, row: u64, problems: &mut Vec<Problem>) -> bool {
        let (code, message) = if self.product.rows > self.limits.rows_per_product {
            let most = self.limits.rows_per_product;
            (
                "too_many_rows",
                format!("a product has at most {most} rows; this one is refused"),
            )
        } else if self.weight > self.limits.product_bytes {
            let most = self.limits.product_bytes;
            (
                "product_too_large",
                format!("the product's rows hold more than {most} bytes"),
            )
        } else {
            return false;
        };
        problems.push(Problem::error(row, None, code, message));
        true
    }

    fn start(&mut self, header: &Header, line: &Line<'_>, problems: &mut Vec<Problem>) {
        self.started = true;
        self.product.continuation = line.filled(header, Field::Title).is_none();
        self.options = Options::declare(header, line, self.product.continuation, problems);
        if !self.product.continuation {
            self.product.columns = Cells { header, line }.product(problems);
        }
    }

    /// Product columns after the first row say nothing; worth a word when they seem to.
    fn ignore_product_columns(
        &self,
        header: &Header,
        line: &Line<'_>,
        problems: &mut Vec<Problem>,
    ) {
        for (index, column) in header.columns.iter().enumerate() {
            let cell = line.cell(index);
            if !column.field.is_product_level() || value::is_blank(cell) {
                continue;
            }
            let product = &self.product.columns;
            let repeated = match column.field {
                Field::Title => product.title.as_deref() == Some(cell),
                Field::Description => product.description.as_deref() == Some(cell),
                Field::Vendor => product.vendor.as_deref() == Some(cell),
                Field::Category => product.category.as_deref() == Some(cell),
                Field::ProductType => product.product_type.as_deref() == Some(cell),
                Field::Tags => product
                    .tags
                    .as_ref()
                    .is_some_and(|tags| *tags == value::tags(cell)),
                Field::Published => product.published == value::boolean(cell).ok(),
                Field::Status => product.status.as_deref() == Some(cell),
                Field::SeoTitle => product.seo_title.as_deref() == Some(cell),
                Field::SeoDescription => product.seo_description.as_deref() == Some(cell),
                _ => product
                    .extra
                    .get(&column.key)
                    .is_some_and(|stored| stored == cell),
            };
            if !repeated {
                let message = if self.product.continuation {
                    "the product's first row has no title, so this was ignored"
                } else {
                    "only the product's first row may say this; it was ignored"
                };
                let name = Some(column.name.as_str());
                problems.push(Problem::warning(
                    line.row,
                    name,
                    "ignored_value",
                    message.to_owned(),
                ));
            }
        }
    }

    fn check_unique(
        &mut self,
        header: &Header,
        row: u64,
        variant: &Variant,
        problems: &mut Vec<Problem>,
    ) {
        let values = variant.option_values.iter();
        let key: Vec<String> = values.map(|text| text.trim().to_lowercase()).collect();
        // When the file does not tell the options, the SKU says which variant is meant.
        let untold = self.options.names.is_none() && key.is_empty();
        let clash = if untold && variant.sku.is_some() {
            self.seen_options.contains(&key)
        } else {
            !self.seen_options.insert(key) || untold && !self.product.variants.is_empty()
        };
        if clash {
            let message = match variant.option_values.as_slice() {
                [] => "the product has a second variant but no options to tell them apart".into(),
                values => {
                    let values = value::shown(&values.join(" / "));
                    format!("a second variant has the options {values}")
                }
            };
            let column = header.name(Field::OptionValue(0));
            problems.push(Problem::error(row, column, "duplicate_options", message));
        }
        if let Some(sku) = &variant.sku
            && !self.seen_skus.insert(sku.to_lowercase())
        {
            let message = format!("a second variant has the SKU {}", value::shown(sku));
            problems.push(Problem::error(
                row,
                header.name(Field::Sku),
                "duplicate_sku",
                message,
            ));
        }
    }

    fn image(&mut self, cells: &Cells<'_>, problems: &mut Vec<Problem>) -> Option<ImageRow> {
        let (header, row) = (cells.header, cells.line.row);
        let position = cells.typed(Field::ImagePosition, value::image_position, problems);
        let alt = cells
            .line
            .filled(header, Field::ImageAlt)
            .map(str::to_owned);
        if cells.line.filled(header, Field::ImageUrl).is_none() {
            if alt.is_some() && !self.told_image_without_url {
                self.told_image_without_url = true;
                let message = "a row describes an image without giving its address; such rows of \
                               this product add no image";
                let column = header.name(Field::ImageAlt);
                let code = "image_without_url";
                problems.push(Problem::warning(row, column, code, message.to_owned()));
            }
            return None;
        }
        let url = cells.typed(Field::ImageUrl, value::url, problems)?;
        Some(ImageRow {
            row,
            image: Image { url, position, alt },
        })
    }
}

fn fault_in(row: u64, column: Option<&str>, (code, message): Fault) -> Problem {
    Problem::error(row, column, code, message)
}

/// Turns the cells of one row into values.
struct Cells<'a> {
    header: &'a Header,
    line: &'a Line<'a>,
}

impl Cells<'_> {
    fn typed<T>(
        &self,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        match parse(self.line.filled(self.header, field)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                problems.push(fault_in(self.line.row, self.header.name(field), fault));
                None
            }
        }
    }

    fn product(&self, problems: &mut Vec<Problem>) -> ProductColumns {
        let text = |field| self.line.get(self.header, field).map(str::to_owned);
        let title = text(Field::Title);
        if let Some(fault) = title.as_deref().and_then(value::title_fault) {
            problems.push(fault_in(
                self.line.row,
                self.header.name(Field::Title),
                fault,
            ));
        }
        ProductColumns {
            title,
            description: text(Field::Description),
            vendor: text(Field::Vendor),
            category: text(Field::Category),
            product_type: text(Field::ProductType),
            tags: self.line.get(self.header, Field::Tags).map(value::tags),
            published: self.typed(Field::Published, value::boolean, problems),
            status: text(Field::Status),
            // Filled in when the product is finished.
            options: None,
            seo_title: text(Field::SeoTitle),
            seo_description: text(Field::SeoDescription),
            extra: self.extra(Field::ProductExtra, problems),
        }
    }

    fn variant(&self, options: &Options, problems: &mut Vec<Problem>) -> Variant {
        Variant {
            sku: self.typed(Field::Sku, value::sku, problems),
            barcode: self.typed(Field::Barcode, value::barcode, problems),
            option_values: options.values(self.header, self.line, problems),
            weight_grams: self.typed(Field::Weight, value::grams, problems),
            requires_shipping: self.typed(Field::RequiresShipping, value::boolean, problems),
            taxable: self.typed(Field::Taxable, value::boolean, problems),
            tracker: self
                .line
                .filled(self.header, Field::Tracker)
                .map(str::to_owned),
            image_url: self.typed(Field::VariantImage, value::url, problems),
            extra: self.extra(Field::VariantExtra, problems),
        }
    }

    fn extra(&self, level: Field, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
        let mut extra = BTreeMap::new();
        for (index, column) in self.header.columns.iter().enumerate() {
            let cell = self.line.cell(index);
            if column.field != level || value::is_blank(cell) {
                continue;
            }
            match extra_value(column, cell) {
                Ok(value) => {
                    extra.insert(column.key.clone(), value);
                }
                Err(fault) => problems.push(fault_in(self.line.row, Some(&column.name), fault)),
            }
        }
        extra
    }
}

fn extra_value(column: &Column, cell: &str) -> Result<String, Fault> {
    match column.key.as_str() {
        columns::QUANTITY => value::quantity(cell),
        key if columns::is_money(key) => value::money(cell),
        _ => Ok(cell.to_owned()),
    }
}

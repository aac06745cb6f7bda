//! The columns of both dialects and what each one means.

use super::Dialect;

/// What a column holds. `…Extra` columns are kept as text under their name in the new dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Handle,
    Title,
    Description,
    Vendor,
    Category,
    ProductType,
    Tags,
    Published,
    Status,
    SeoTitle,
    SeoDescription,
    ProductExtra,
    OptionName(u8),
    OptionValue(u8),
    Sku,
    Barcode,
    Taxable,
    Tracker,
    Weight,
    RequiresShipping,
    VariantImage,
    VariantExtra,
    ImageUrl,
    ImagePosition,
    ImageAlt,
    /// A column without a name: a trailing comma in the header.
    Unnamed,
}

impl Field {
    /// Whether any number of columns may have this meaning.
    pub(super) fn is_shared(self) -> bool {
        matches!(
            self,
            Self::ProductExtra | Self::VariantExtra | Self::Unnamed
        )
    }

    /// Whether only the first row of a product may carry it.
    pub(super) fn is_product_level(self) -> bool {
        matches!(
            self,
            Self::Title
                | Self::Description
                | Self::Vendor
                | Self::Category
                | Self::ProductType
                | Self::Tags
                | Self::Published
                | Self::Status
                | Self::SeoTitle
                | Self::SeoDescription
                | Self::ProductExtra
        )
    }

    /// Whether it describes one variant.
    pub(super) fn is_variant_level(self) -> bool {
        matches!(
            self,
            Self::OptionName(_)
                | Self::OptionValue(_)
                | Self::Sku
                | Self::Barcode
                | Self::Taxable
                | Self::Tracker
                | Self::Weight
                | Self::RequiresShipping
                | Self::VariantImage
                | Self::VariantExtra
        )
    }
}

pub(super) struct Known {
    pub(super) new: &'static str,
    pub(super) old: &'static str,
    pub(super) field: Field,
}

const fn known(new: &'static str, old: &'static str, field: Field) -> Known {
    Known { new, old, field }
}

pub(super) const PRICE: &str = "Price";
pub(super) const COMPARE_AT_PRICE: &str = "Compare-at price";
pub(super) const COST: &str = "Cost per item";
pub(super) const QUANTITY: &str = "Inventory quantity";
pub(super) const POLICY: &str = "Continue selling when out of stock";
pub(super) const CATEGORY: &str = "Product category";
pub(super) const STATUS: &str = "Status";

/// Every column both dialects know, in the order of the new dialect's template.
///
/// Linked-to columns and the manufacturer part number belong to the variant: the template fills
/// the latter on every variant row.
pub(super) const KNOWN: [Known; 52] = [
    known("Title", "Title", Field::Title),
    known("URL handle", "Handle", Field::Handle),
    known("Description", "Body (HTML)", Field::Description),
    known("Vendor", "Vendor", Field::Vendor),
    known(CATEGORY, "Product Category", Field::Category),
    known("Type", "Type", Field::ProductType),
    known("Tags", "Tags", Field::Tags),
    known("Published on online store", "Published", Field::Published),
    known(STATUS, "Status", Field::Status),
    known("SKU", "Variant SKU", Field::Sku),
    known("Barcode", "Variant Barcode", Field::Barcode),
    known("Option1 name", "Option1 Name", Field::OptionName(0)),
    known("Option1 value", "Option1 Value", Field::OptionValue(0)),
    known(
        "Option1 Linked To",
        "Option1 Linked To",
        Field::VariantExtra,
    ),
    known("Option2 name", "Option2 Name", Field::OptionName(1)),
    known("Option2 value", "Option2 Value", Field::OptionValue(1)),
    known(
        "Option2 Linked To",
        "Option2 Linked To",
        Field::VariantExtra,
    ),
    known("Option3 name", "Option3 Name", Field::OptionName(2)),
    known("Option3 value", "Option3 Value", Field::OptionValue(2)),
    known(
        "Option3 Linked To",
        "Option3 Linked To",
        Field::VariantExtra,
    ),
    known(PRICE, "Variant Price", Field::VariantExtra),
    known(
        COMPARE_AT_PRICE,
        "Variant Compare At Price",
        Field::VariantExtra,
    ),
    known(COST, "Cost per item", Field::VariantExtra),
    known("Charge tax", "Variant Taxable", Field::Taxable),
    known("Tax code", "Variant Tax Code", Field::VariantExtra),
    known(
        "Inventory tracker",
        "Variant Inventory Tracker",
        Field::Tracker,
    ),
    known(QUANTITY, "Variant Inventory Qty", Field::VariantExtra),
    known(POLICY, "Variant Inventory Policy", Field::VariantExtra),
    known("Weight value (grams)", "Variant Grams", Field::Weight),
    known(
        "Weight unit for display",
        "Variant Weight Unit",
        Field::VariantExtra,
    ),
    known(
        "Requires shipping",
        "Variant Requires Shipping",
        Field::RequiresShipping,
    ),
    known(
        "Fulfillment service",
        "Variant Fulfillment Service",
        Field::VariantExtra,
    ),
    known("Product image URL", "Image Src", Field::ImageUrl),
    known("Image position", "Image Position", Field::ImagePosition),
    known("Image alt text", "Image Alt Text", Field::ImageAlt),
    known("Variant image URL", "Variant Image", Field::VariantImage),
    known("Gift card", "Gift Card", Field::ProductExtra),
    known("SEO title", "SEO Title", Field::SeoTitle),
    known("SEO description", "SEO Description", Field::SeoDescription),
    known(
        "Google Shopping / Google product category",
        "Google Shopping / Google Product Category",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Gender",
        "Google Shopping / Gender",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Age group",
        "Google Shopping / Age Group",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Manufacturer part number (MPN)",
        "Google Shopping / MPN",
        Field::VariantExtra,
    ),
    known(
        "Google Shopping / Ad group name",
        "Google Shopping / AdWords Grouping",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Ads labels",
        "Google Shopping / AdWords Labels",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Condition",
        "Google Shopping / Condition",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Custom product",
        "Google Shopping / Custom Product",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Custom label 0",
        "Google Shopping / Custom Label 0",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Custom label 1",
        "Google Shopping / Custom Label 1",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Custom label 2",
        "Google Shopping / Custom Label 2",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Custom label 3",
        "Google Shopping / Custom Label 3",
        Field::ProductExtra,
    ),
    known(
        "Google Shopping / Custom label 4",
        "Google Shopping / Custom Label 4",
        Field::ProductExtra,
    ),
];

/// The old dialect's header, in its own order.
pub(super) const OLD_HEADER: [&str; 47] = [
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Type",
    "Tags",
    "Published",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "Option3 Name",
    "Option3 Value",
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Fulfillment Service",
    "Variant Price",
    "Variant Compare At Price",
    "Variant Requires Shipping",
    "Variant Taxable",
    "Variant Barcode",
    "Image Src",
    "Image Position",
    "Image Alt Text",
    "Gift Card",
    "SEO Title",
    "SEO Description",
    "Google Shopping / Google Product Category",
    "Google Shopping / Gender",
    "Google Shopping / Age Group",
    "Google Shopping / MPN",
    "Google Shopping / AdWords Grouping",
    "Google Shopping / AdWords Labels",
    "Google Shopping / Condition",
    "Google Shopping / Custom Product",
    "Google Shopping / Custom Label 0",
    "Google Shopping / Custom Label 1",
    "Google Shopping / Custom Label 2",
    "Google Shopping / Custom Label 3",
    "Google Shopping / Custom Label 4",
    "Variant Image",
    "Variant Weight Unit",
    "Variant Tax Code",
    "Cost per item",
];

const MARKET_PRICE: &str = "Price / ";
const NEW_MARKET_COMPARE: &str = "Compare-at price / ";
const OLD_MARKET_COMPARE: &str = "Compare At Price / ";

/// A column's name in the new dialect, whichever dialect `name` is from. Files that mix the two
/// exist (exports edited by other tools), so both are always understood.
pub(super) fn canonical_name(name: &str) -> String {
    if let Some(known) = KNOWN
        .iter()
        .find(|known| known.new == name || known.old == name)
    {
        return known.new.to_owned();
    }
    match name.strip_prefix(OLD_MARKET_COMPARE) {
        Some(market) => format!("{NEW_MARKET_COMPARE}{market}"),
        None => name.to_owned(),
    }
}

/// The name under which `dialect` has the column that the new dialect calls `canonical`.
pub(super) fn name_in(dialect: Dialect, canonical: &str) -> String {
    if dialect == Dialect::New {
        return canonical.to_owned();
    }
    if let Some(known) = KNOWN.iter().find(|known| known.new == canonical) {
        return known.old.to_owned();
    }
    match canonical.strip_prefix(NEW_MARKET_COMPARE) {
        Some(market) => format!("{OLD_MARKET_COMPARE}{market}"),
        None => canonical.to_owned(),
    }
}

/// What the column holds. Unknown columns belong to the product unless their name says otherwise.
pub(super) fn field_of(canonical: &str) -> Field {
    if canonical.is_empty() {
        return Field::Unnamed;
    }
    if let Some(known) = KNOWN.iter().find(|known| known.new == canonical) {
        return known.field;
    }
    let of_variant = canonical.starts_with("Variant ")
        || canonical.contains("(variant.metafields.")
        || is_market_price(canonical);
    if of_variant {
        Field::VariantExtra
    } else {
        Field::ProductExtra
    }
}

/// Whether the column holds an amount of money.
pub(super) fn is_money(canonical: &str) -> bool {
    matches!(canonical, PRICE | COMPARE_AT_PRICE | COST) || is_market_price(canonical)
}

/// Metafields stand in the middle of Shopify's header, other additional columns at its end.
pub(super) fn is_metafield(canonical: &str) -> bool {
    canonical.contains(".metafields.")
}

/// The known column that differs from `name` only by upper and lower case.
pub(super) fn lookalike(name: &str) -> Option<&'static str> {
    let mut names = KNOWN.iter().flat_map(|known| [known.old, known.new]);
    if names.clone().any(|known| known == name) {
        return None; // the dialects differ in case alone here and there
    }
    names.find(|known| known.eq_ignore_ascii_case(name))
}

fn is_market_price(canonical: &str) -> bool {
    canonical.starts_with(MARKET_PRICE) || canonical.starts_with(NEW_MARKET_COMPARE)
}

//! What of a launched revision shops may read.
//!
//! It is taken from the revision by name, so what is not named here does not get there: the finance section, and columns of
//! imported files, of which nobody has said whom they are for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::products::search_text;

/// The attribute that names a product's tax category, in whichever section its stewards have defined it.
pub const TAX_CATEGORY: &str = "tax_category";

#[derive(Deserialize)]
struct Revision {
    marketing: Marketing,
    legal: Values,
    finance: Finance,
    salesops: Salesops,
    contracts: Values,
}

/// Of finance nothing is read but what decides how a product is taxed, which no shopper is to be kept from.
#[derive(Deserialize)]
struct Finance {
    attributes: TaxCategory,
}

#[derive(Deserialize)]
struct TaxCategory {
    tax_category: Option<Value>,
}

#[derive(Deserialize)]
struct Marketing {
    key: String,
    name: String,
    vendor: String,
    product_type: String,
    tags: Vec<String>,
    category_ids: Vec<Uuid>,
    description: String,
    options: Vec<String>,
    media: Vec<Media>,
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
struct Salesops {
    kind: String,
    variants: Vec<StagedVariant>,
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
struct Values {
    attributes: Map<String, Value>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Media {
    url: String,
    alt: String,
    position: i32,
}

/// A variant as it was launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StagedVariant {
    /// Identity.
    pub id: Uuid,
    /// Unique whatever its case.
    #[schema(example = "SHIRT-BLUE-M")]
    pub sku: String,
    barcode: Option<String>,
    /// One for each option of the product.
    option_values: Vec<String>,
    /// Place among the variants of its product.
    pub position: i32,
    weight_grams: Option<i64>,
    requires_shipping: bool,
    /// Whether it is taxed at all.
    pub taxable: bool,
    track_inventory: bool,
    image_url: Option<String>,
}

/// What shops are shown of a product beside what they search by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    pub description: String,
    pub options: Vec<String>,
    pub media: Vec<Media>,
    pub tax_category: Option<String>,
}

/// A launched product as it is staged.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    pub key: String,
    pub kind: String,
    pub name: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub category_ids: Vec<Uuid>,
    /// Values of all sections but finance, by code.
    pub attributes: Map<String, Value>,
    pub rest: Rest,
    pub variants: Vec<StagedVariant>,
    /// What it is found by besides its name.
    pub search_text: String,
}

impl Staged {
    /// Takes what shops may read from a revision's document.
    ///
    /// # Errors
    /// When the document is none that this service has written.
    pub fn of(document: &Value) -> Result<Self, serde_json::Error> {
        let Revision {
            marketing,
            legal,
            finance,
            salesops,
            contracts,
        } = Revision::deserialize(document)?;
        let mut attributes = marketing.attributes;
        attributes.extend(legal.attributes);
        attributes.extend(salesops.attributes);
        attributes.extend(contracts.attributes);
        let skus = salesops.variants.iter().map(|variant| variant.sku.as_str());
        let search_text = search_text(
            &marketing.key,
            &marketing.vendor,
            &marketing.product_type,
            &marketing.tags,
            skus,
            &marketing.description,
        );
        let elsewhere = attributes.get(TAX_CATEGORY).and_then(Value::as_str);
        let of_finance = finance.attributes.tax_category.as_ref();
        let tax_category = of_finance.and_then(Value::as_str).or(elsewhere);
        let tax_category = tax_category.map(str::to_owned);
        Ok(Self {
            rest: Rest {
                description: marketing.description,
                options: marketing.options,
                media: marketing.media,
                tax_category,
            },
            key: marketing.key,
            kind: salesops.kind,
            name: marketing.name,
            vendor: marketing.vendor,
            product_type: marketing.product_type,
            tags: marketing.tags,
            category_ids: marketing.category_ids,
            attributes,
            variants: salesops.variants,
            search_text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn p9_nothing_of_finance_and_of_unknown_columns_is_staged() {
        let variant = json!({
            "id": Uuid::nil(), "sku": "S", "barcode": null, "option_values": [], "position": 1, "weight_grams": 5,
            "requires_shipping": true, "taxable": true, "track_inventory": false, "image_url": null,
            "extra": {"Cost per item": "SECRET"},
        });
        let document = json!({
            "marketing": {
                "key": "lamp", "name": "Lamp", "description": "Bright", "vendor": "V", "product_type": "T", "tags": ["t"],
                "options": [], "category_ids": [], "extra": {"Margin": "SECRET"}, "media": [],
                "attributes": {"colour": "red"},
            },
            "legal": {"attributes": {"eccn": "EAR99"}},
            "finance": {"attributes": {"cost": "SECRET", "tax_category": "reduced"}},
            "salesops": {"kind": "physical", "variants": [variant], "attributes": {"pack": 2}},
            "contracts": {"attributes": {"warranty": "1 year"}},
        });
        let staged = Staged::of(&document).expect("a document");
        let codes: Vec<&String> = staged.attributes.keys().collect();
        assert_eq!(codes, ["colour", "eccn", "pack", "warranty"]);
        assert_eq!(staged.rest.tax_category.as_deref(), Some("reduced"));
        assert_eq!(staged.variants.len(), 1);
        assert!(!format!("{staged:?}").contains("SECRET"));
    }
}

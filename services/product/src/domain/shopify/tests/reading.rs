use super::super::{Limits, ProductReader, Severity};
use super::{codes, handles, only, problems, read, small};

const OLD: &str = "\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,\
Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,\
Image Src,Image Position,Image Alt Text,Gift Card,SEO Title,Google Shopping / Age Group,\
Google Shopping / MPN,Variant Image,Included / EU,Compare At Price / EU
pot,Clay pot,\"<p>A \"\"clay\"\" pot,\nfor plants</p>\",Acme,Outdoor,\"Pot, Plants , Pot,\",true,\
Size,Regular,Colour,Red,POT-R,150.0,shopify,3,9.99,12,true,FALSE,4006381333931,\
https://example.com/1.jpg,1,Front,false,,adult,M1,https://example.com/v.jpg,TRUE,8.50
pot,,,,,,,,Large,,Red,,,,'-2,15,,,,,https://example.com/2.jpg,2,,,,,M2,,,
pot,,,,,,,,,,,,,,,,,,,,http://example.com/3.jpg,,,,,,,,,
";

#[test]
fn a_product_of_the_old_dialect() {
    let product = only(read(OLD));
    assert_eq!(product.problems, []);
    assert_eq!(
        (product.first_row, product.rows, product.continuation),
        (2, 3, false)
    );
    let columns = &product.columns;
    assert_eq!(columns.title.as_deref(), Some("Clay pot"));
    assert_eq!(
        columns.description.as_deref(),
        Some("<p>A \"clay\" pot,\nfor plants</p>")
    );
    assert_eq!(
        columns.tags,
        Some(vec!["Pot".to_owned(), "Plants".to_owned()])
    );
    assert_eq!(columns.published, Some(true));
    assert_eq!(
        columns.options,
        Some(vec!["Size".to_owned(), "Colour".to_owned()])
    );
    // Blank clears, a missing column keeps.
    assert_eq!(columns.seo_title.as_deref(), Some(""));
    assert_eq!(columns.seo_description, None);
    assert_eq!(columns.category, None);
    let extra: Vec<_> = columns
        .extra
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        extra,
        [
            ("Gift card", "false"),
            ("Google Shopping / Age group", "adult"),
            ("Included / EU", "TRUE"),
        ]
    );

    assert_eq!(
        product.variants.iter().map(|v| v.row).collect::<Vec<_>>(),
        [2, 3]
    );
    let first = &product.variants[0].variant;
    assert_eq!(first.sku.as_deref(), Some("POT-R"));
    assert_eq!(first.barcode.as_deref(), Some("4006381333931"));
    assert_eq!(first.option_values, ["Regular", "Red"]);
    assert_eq!(first.weight_grams, Some(150));
    assert_eq!(
        (first.requires_shipping, first.taxable),
        (Some(true), Some(false))
    );
    assert_eq!(first.tracker.as_deref(), Some("shopify"));
    assert_eq!(
        first.image_url.as_deref(),
        Some("https://example.com/v.jpg")
    );
    let extra: Vec<_> = first
        .extra
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        extra,
        [
            ("Compare-at price", "12"),
            ("Compare-at price / EU", "8.50"),
            ("Google Shopping / Manufacturer part number (MPN)", "M1"),
            ("Inventory quantity", "3"),
            ("Price", "9.99"),
        ]
    );
    let second = &product.variants[1].variant;
    assert_eq!((second.sku.as_deref(), second.taxable), (None, None));
    assert_eq!(second.extra["Inventory quantity"], "-2");

    let images: Vec<_> = product
        .images
        .iter()
        .map(|row| {
            (
                row.row,
                row.image.url.as_str(),
                row.image.position,
                row.image.alt.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        images,
        [
            (2, "https://example.com/1.jpg", Some(1), Some("Front")),
            (3, "https://example.com/2.jpg", Some(2), None),
            (4, "http://example.com/3.jpg", None, None),
        ]
    );
}

#[test]
fn both_dialects_give_the_same_keys() {
    let new = "\
Title,URL handle,Product category,Status,Option1 name,Option1 value,Price,Inventory quantity,\
Gift card,Google Shopping / Age group,Material (product.metafields.custom.material)
Pot,pot,Home > Pots,Active,Size,L,9.99,3,FALSE,adult,clay
";
    let old = "\
Handle,Title,Product Category,Status,Option1 Name,Option1 Value,Variant Price,\
Variant Inventory Qty,Gift Card,Google Shopping / Age Group,\
Material (product.metafields.custom.material)
pot,Pot,Home > Pots,Active,Size,L,9.99,3,FALSE,adult,clay
";
    let product = only(read(new));
    assert_eq!(product, only(read(old)));
    assert_eq!(product.columns.status.as_deref(), Some("Active"));
    assert_eq!(product.columns.category.as_deref(), Some("Home > Pots"));
}

#[test]
fn default_title_means_no_options() {
    let product = only(small("a,A,Title,Default Title,,5,,\n"));
    assert_eq!(product.columns.options, Some(Vec::new()));
    assert_eq!(product.variants[0].variant.option_values, [""; 0]);
    assert_eq!(product.problems, []);
    // An option that is really called Title.
    let product = only(small("a,A,Title,Hardcover,,5,,\na,,,Paperback,,4,,\n"));
    assert_eq!(product.columns.options, Some(vec!["Title".to_owned()]));
    assert_eq!(product.variants.len(), 2);
}

#[test]
fn a_title_alone_is_a_product_with_one_variant() {
    let text = "Handle,Title\nmug,Mug\n";
    let product = only(read(text));
    assert_eq!(product.columns.options, None);
    assert_eq!(product.variants.len(), 1);
    assert_eq!(product.problems, []);
    let has_variant_columns = |text: &str| {
        ProductReader::new(text.as_bytes(), Limits::default())
            .unwrap()
            .has_variant_columns()
    };
    assert!(!has_variant_columns(text));
    assert!(has_variant_columns("Handle,Title,Variant Price\n"));
}

#[test]
fn a_first_row_without_title_continues_a_product() {
    let products = small(
        "a,A,Size,S,,5,,\nb,B,Title,Default Title,,5,,\na,,,M,,6,,\na,,,,,,https://e.com/x,\n",
    );
    assert_eq!(handles(&products), ["a", "b", "a"]);
    let again = &products[2];
    assert!(again.continuation);
    assert_eq!(again.columns, Default::default());
    assert_eq!(again.variants.len(), 1);
    assert_eq!(again.variants[0].variant.option_values, ["M"]);
    assert_eq!(again.images.len(), 1);
    assert_eq!(again.problems, []);
    // Only an image: no variant is made up for it.
    let product = only(small("a,,,,,,https://e.com/x,\n"));
    assert_eq!((product.variants.len(), product.images.len()), (0, 1));
}

#[test]
fn rows_are_numbered_as_in_a_spreadsheet() {
    let products =
        small("a,\"A\n\nwith lines\",,,,5,,\n\n,,,,,,,\n\"\"\nb,B,,,,x,,\r\n\r\nc,C,,,,y,,\r\n");
    assert_eq!(handles(&products), ["a", "b", "c"]);
    assert_eq!(
        products.iter().map(|p| p.first_row).collect::<Vec<_>>(),
        [2, 6, 8]
    );
    assert_eq!(problems(&products[1]), [(6, "price_invalid")]);
}

#[test]
fn repeated_product_columns_are_fine_and_others_are_pointed_out() {
    let text = "Handle,Title,Vendor,Option1 Name,Option1 Value\n\
                a,A,V,Size,S\na,A,V,Size,M\na,Other,,,L\n";
    let product = only(read(text));
    assert_eq!(problems(&product), [(4, "ignored_value")]);
    assert_eq!(product.problems[0].column.as_deref(), Some("Title"));
    assert_eq!(product.problems[0].severity, Severity::Warning);
    assert!(!product.is_refused());
}

#[test]
fn handles_are_lower_cased_with_a_warning() {
    let product = only(small("Clay-Pot,Pot,Size,S,,5,,\nclay-pot,,,M,,5,,\n"));
    assert_eq!(product.handle, "clay-pot");
    assert_eq!(codes(&product), ["handle_uppercase"]);
    assert_eq!(only(small("töpfe_größe-2,T,,,,5,,\n")).problems, []);
}

#[test]
fn an_image_description_without_address_is_told_once() {
    let product = only(small(
        "a,A,Size,S,,5,,Front\na,,,M,,5,,Back\na,,,L,,5,https://e.com/x,Top\n",
    ));
    assert_eq!(problems(&product), [(2, "image_without_url")]);
    assert_eq!(product.images.len(), 1);
}

#[test]
fn surplus_empty_cells_are_tolerated() {
    let product = only(small("a,A,,,,5,,,,\n"));
    assert_eq!(codes(&product), ["field_count"]);
    assert!(!product.is_refused());
}

#[test]
fn linked_options_and_unknown_columns_keep_their_names() {
    let text = "Title,URL handle,Option1 name,Option1 value,Option1 Linked To,My column,\
                Size guide (variant.metafields.custom.guide),Variant Fancy\n\
                A,a,Colour,red,product.metafields.shopify.color-pattern,mine,g,f\n";
    let product = only(read(text));
    assert_eq!(
        product.columns.extra.keys().collect::<Vec<_>>(),
        ["My column"]
    );
    assert_eq!(
        product.variants[0].variant.extra.keys().collect::<Vec<_>>(),
        [
            "Option1 Linked To",
            "Size guide (variant.metafields.custom.guide)",
            "Variant Fancy"
        ]
    );
}

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::{
    Dialect, ExportProduct, ExtraColumns, FileError, Image, ProductColumns, ProductWriter, Variant,
    neutralise, restore,
};
use super::read_bytes;

fn write(products: &[ExportProduct], dialect: Dialect) -> Result<Vec<u8>, FileError> {
    let mut extra = ExtraColumns::new(dialect);
    for product in products {
        extra.add(product);
    }
    let mut writer = ProductWriter::new(Vec::new(), dialect, &extra.into_names())?;
    for product in products {
        writer.write_product(product)?;
    }
    writer.finish()
}

/// Text as it occurs and as it hurts. NUL and other control characters are refused on reading.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 .]{0,12}",
        "['=+@\t\r-]{0,4}[a-z0-9]{0,3}",
        "[\"',;\n\r\t <>&]{0,8}",
        any::<String>().prop_map(|text| {
            text.chars()
                .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
                .collect()
        }),
    ]
}

fn filled() -> impl Strategy<Value = String> {
    (text(), "[a-zé0-9]").prop_map(|(start, end)| start + &end)
}

fn price() -> impl Strategy<Value = String> {
    (0..100_000u32, 0..100u32).prop_map(|(whole, cents)| format!("{whole}.{cents:02}"))
}

fn extras(entries: Vec<(&str, Option<String>)>) -> BTreeMap<String, String> {
    let kept = entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    kept.collect()
}

prop_compose! {
    fn variant(options: usize, number: usize)(
        sku in option::of("[A-Z=+-]{1,6}"),
        barcode in option::of(filled()),
        values in vec(filled(), options),
        weight_grams in option::of(0..100_000i64),
        (requires_shipping, taxable) in any::<(Option<bool>, Option<bool>)>(),
        tracker in option::of(filled()),
        image in any::<bool>(),
        (price, cost, market) in (option::of(price()), option::of(price()), option::of(price())),
        quantity in option::of(-50..50i64),
        (mpn, linked) in (option::of(filled()), option::of(filled())),
    ) -> Variant {
        Variant {
            // Numbered, so that variants differ.
            sku: sku.map(|sku| format!("{sku}{number}")),
            barcode: barcode.map(|text| text.chars().take(64).collect::<String>())
                .filter(|text| !text.trim().is_empty()),
            option_values: values.into_iter().map(|text| format!("{text}{number}")).collect(),
            weight_grams,
            requires_shipping,
            taxable,
            tracker,
            image_url: image.then(|| format!("https://example.com/v{number}?a=1,2")),
            extra: extras(vec![
                ("Price", price),
                ("Cost per item", cost),
                ("Compare-at price / European Union", market),
                ("Inventory quantity", quantity.map(|number| number.to_string())),
                ("Google Shopping / Manufacturer part number (MPN)", mpn),
                ("Option2 Linked To", linked),
            ]),
        }
    }
}

prop_compose! {
    fn product(number: usize)(options in 0..=3usize, count in 1..4usize)(
        variants in (0..if options == 0 { 1 } else { count })
            .map(|number| variant(options, number))
            .collect::<Vec<_>>(),
        names in vec("[=+A-Z ,]{0,5}", options),
        title in filled(),
        texts in vec(text(), 7),
        tags in vec("[=+a-z-][a-z ]{0,4}[a-z]", 0..4),
        published in any::<Option<bool>>(),
        images in vec((option::of(1..300), option::of(filled())), 0..5),
        extra in vec(option::of(filled()), 5),
    ) -> ExportProduct {
        let mut texts = texts.into_iter();
        let mut next = || texts.next();
        let mut tags = tags;
        tags.sort();
        tags.dedup();
        let mut extra = extra.into_iter();
        let mut next_extra = || extra.next().flatten();
        ExportProduct {
            handle: format!("product-{number}"),
            columns: ProductColumns {
                title: Some(title.chars().rev().take(500).collect()),
                description: next(),
                vendor: next(),
                category: next(),
                product_type: next(),
                tags: Some(tags),
                published,
                status: next(),
                options: Some((0..).zip(names).map(|(n, name)| format!("{name}{n}")).collect()),
                seo_title: next(),
                seo_description: next(),
                extra: extras(vec![
                    ("Gift card", next_extra()),
                    ("Google Shopping / Custom label 0", next_extra()),
                    ("Material (product.metafields.custom.material)", next_extra()),
                    ("=Unknown, \"column\"", next_extra()),
                    ("Included / European Union", next_extra()),
                ]),
            },
            variants,
            images: (0..)
                .zip(images)
                .map(|(n, (position, alt))| Image {
                    url: format!("https://example.com/{n}"),
                    position,
                    alt,
                })
                .collect(),
        }
    }
}

/// A column that only other products need is blank rather than missing, or the reverse.
fn comparable(mut product: ExportProduct) -> ExportProduct {
    product.columns.category.get_or_insert_default();
    product.columns.status.get_or_insert_default();
    product
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neutralising_is_undone_for_every_string(text in any::<String>(), start in "['=+@\t\r-]{0,5}") {
        for text in [text.clone(), start.clone() + &text] {
            let cell = neutralise(&text);
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert_eq!(restore(&cell), text.as_str());
        }
    }

    #[test]
    fn what_is_written_reads_back(products in (product(0), product(1), product(2)), old in any::<bool>()) {
        let products = [products.0, products.1, products.2];
        let dialect = if old { Dialect::Old } else { Dialect::New };
        let bytes = write(&products, dialect).unwrap();
        let read = read_bytes(&bytes);
        for rows in &read {
            prop_assert_eq!(&rows.problems, &[]);
        }
        let read: Vec<_> = read.into_iter().map(ExportProduct::from).collect();
        prop_assert_eq!(&write(&read, dialect).unwrap(), &bytes);
        let read: Vec<_> = read.into_iter().map(comparable).collect();
        prop_assert_eq!(read, products.map(comparable).to_vec());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200), cells in "[ab,\"\n\r']{0,80}") {
        let mut file = super::SMALL.as_bytes().to_vec();
        file.extend(cells.as_bytes());
        file.extend(bytes);
        let reader = super::super::ProductReader::new(file.as_slice(), Default::default()).unwrap();
        for product in reader.flatten() {
            prop_assert!(product.first_row >= 2 && product.rows >= 1);
        }
    }
}

fn shirt() -> ExportProduct {
    let variant = |size: &str| Variant {
        option_values: vec![size.to_owned()],
        requires_shipping: Some(true),
        extra: extras(vec![("Price", Some("5".to_owned()))]),
        ..Variant::default()
    };
    ExportProduct {
        handle: "shirt".to_owned(),
        columns: ProductColumns {
            title: Some("=Shirt".to_owned()),
            options: Some(vec!["Size".to_owned()]),
            ..ProductColumns::default()
        },
        variants: vec![variant("S"), variant("M")],
        images: ["1", "2", "3"]
            .map(|n| Image {
                url: format!("https://e.com/{n}"),
                ..Image::default()
            })
            .to_vec(),
    }
}

#[test]
fn rows_are_arranged_as_shopify_does() {
    let text = String::from_utf8(write(&[shirt()], Dialect::Old).unwrap()).unwrap();
    let rows: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(rows.len(), 3);
    assert!(
        rows[0].starts_with("shirt,'=Shirt,,,,,,Size,S,"),
        "{}",
        rows[0]
    );
    assert!(
        rows[0].contains(",5,,true,,,https://e.com/1,"),
        "{}",
        rows[0]
    );
    assert!(rows[1].starts_with("shirt,,,,,,,,M,"), "{}", rows[1]);
    assert!(rows[2].starts_with("shirt,,,,,,,,,"), "{}", rows[2]);
    assert!(rows[2].contains("https://e.com/3"), "{}", rows[2]);
}

#[test]
fn a_product_without_variants_gets_an_empty_one() {
    let product = ExportProduct {
        variants: Vec::new(),
        ..shirt()
    };
    let bytes = write(&[product], Dialect::New).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains(",Title,Default Title,"));
    let read = super::only(read_bytes(&bytes));
    assert_eq!(read.problems, []);
    assert_eq!(read.columns.options, Some(Vec::new()));
    assert_eq!(read.variants[0].variant, Variant::default());
    assert_eq!(read.images.len(), 3);
}

#[test]
fn what_would_not_read_back_is_not_written() {
    let refused = |change: &dyn Fn(&mut ExportProduct)| {
        let mut product = shirt();
        change(&mut product);
        let error = write(&[product], Dialect::Old).unwrap_err();
        assert_eq!(error.code(), "export_unwritable", "{error}");
    };
    refused(&|product| product.handle.clear());
    refused(&|product| product.columns.title = Some(" ".to_owned()));
    refused(&|product| product.columns.options = None);
    refused(&|product| product.variants[1].option_values.clear());
    refused(&|product| product.columns.extra = extras(vec![("Price", Some("1".to_owned()))]));
    refused(&|product| {
        product.columns.options = None;
        product
            .variants
            .iter_mut()
            .for_each(|variant| variant.option_values.clear());
    });
    let mut writer = ProductWriter::new(Vec::new(), Dialect::Old, &[]).unwrap();
    let mut product = shirt();
    product.columns.status = Some("Active".to_owned());
    assert!(matches!(
        writer.write_product(&product),
        Err(FileError::Unwritable { .. })
    ));
}

#[test]
fn a_file_in_shopifys_own_form_is_reproduced() {
    let header = Dialect::Old.standard_header().join(",");
    let first = "light,Copper Light,\"<p>12\"\" light</p>\n<p>new</p>\",Acme,Indoor,\"Copper, Bedroom\",\
        true,Size,S,,,,,,0,,2,deny,manual,59.99,75,true,true,,https://e.com/1.jpg,1,,false,,,,,,,,,,\
        ,,,,,,,kg,,";
    let second = "light,,,,,,,,M,,,,,,0,,1,deny,manual,59.99,,true,true,,,,,,,,,,,,,,,,,,,,,,kg,,";
    let text = format!("{header}\r\n{first}\r\n{second}\r\n");
    let products: Vec<_> = read_bytes(text.as_bytes())
        .into_iter()
        .map(ExportProduct::from)
        .collect();
    let old = write(&products, Dialect::Old).unwrap();
    assert_eq!(String::from_utf8(old).unwrap(), text);
    // And through the other dialect.
    let new = write(&products, Dialect::New).unwrap();
    let back: Vec<_> = read_bytes(&new)
        .into_iter()
        .map(ExportProduct::from)
        .collect();
    let mut expected = products;
    expected
        .iter_mut()
        .for_each(|product| *product = comparable(product.clone()));
    assert_eq!(back, expected);
}

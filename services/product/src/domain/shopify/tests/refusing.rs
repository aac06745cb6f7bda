use super::super::{FileError, Limits, ProductReader, ProductRows};
use super::{SMALL, codes, handles, only, problems, read, read_bytes, small};

/// The codes for one value in a column of an otherwise good product.
fn with(column: &str, value: &str) -> Vec<&'static str> {
    codes(&only(read(&format!(
        "Handle,Title,{column}\na,A,\"{value}\"\n"
    ))))
}

#[test]
fn values_are_checked() {
    for (column, good, bad, code) in [
        ("Variant Grams", "150.00", "150.5", "weight_invalid"),
        ("Variant Grams", " 7 ", "-7", "weight_invalid"),
        ("Variant Grams", "0", "1e3", "weight_invalid"),
        ("Variant Grams", "", "12.", "weight_invalid"),
        ("Variant Price", "0.5", "1,299.00", "price_invalid"),
        (
            "Variant Price",
            "12345678901234",
            "123456789012345",
            "price_invalid",
        ),
        ("Variant Compare At Price", "", "-1", "price_invalid"),
        ("Cost per item", "4.00", "€4", "price_invalid"),
        ("Price / EU", "4", "1e2", "price_invalid"),
        ("Variant Inventory Qty", "-3", "3.5", "quantity_invalid"),
        (
            "Variant Inventory Qty",
            "0",
            "99999999999999999999",
            "quantity_invalid",
        ),
        ("Variant Taxable", "True", "yes", "boolean_invalid"),
        ("Published", "", "1", "boolean_invalid"),
        ("Variant SKU", "a b", "a ", "sku_invalid"),
        ("Variant SKU", "ß", "a\tb", "sku_invalid"),
        (
            "Image Src",
            "HTTPS://e.com/a?b",
            "ftp://e.com/a",
            "url_invalid",
        ),
        ("Image Src", "http://e.com", "https:///a", "url_invalid"),
        ("Variant Image", "", "javascript:alert(1)", "url_invalid"),
        ("Image Position", "1", "0", "image_position_invalid"),
        ("Body (HTML)", "a\r\n\tb", "a\u{1}b", "control_character"),
        ("Vendor", "", "a\u{85}", "control_character"),
    ] {
        assert!(
            with(column, good)
                .iter()
                .all(|code| code.starts_with("row_")),
            "{column} {good}"
        );
        assert_eq!(with(column, bad), [code], "{column} {bad}");
    }
}

#[test]
fn lengths_are_checked_in_characters() {
    for (column, limit, code) in [
        ("Variant SKU", 100, "sku_too_long"),
        ("Variant Barcode", 64, "barcode_too_long"),
    ] {
        assert!(with(column, &"é".repeat(limit)).is_empty());
        assert_eq!(with(column, &"é".repeat(limit + 1)), [code]);
    }
    let long = "é".repeat(501);
    assert_eq!(
        codes(&only(small(&format!("a,{long},,,,5,,\n")))),
        ["title_too_long"]
    );
    let long = "é".repeat(256);
    assert_eq!(
        codes(&only(small(&format!("{long},A,,,,5,,\n")))),
        ["handle_too_long"]
    );
    assert_eq!(codes(&only(small("a b,A,,,,5,,\n"))), ["handle_invalid"]);
}

#[test]
fn problems_name_the_files_own_column() {
    let product = only(small("a,A,,,,x,,\n"));
    assert_eq!(product.problems[0].column.as_deref(), Some("Variant Price"));
    assert!(product.problems[0].message.contains("\"x\""));
    assert!(product.is_refused());
}

#[test]
fn variants_must_differ() {
    let product = only(small("a,A,Size,S,x1,5,,\na,,,M,X1,5,,\na,,, s,,5,,\n"));
    assert_eq!(
        problems(&product),
        [(3, "duplicate_sku"), (4, "duplicate_options")]
    );
    let product = only(small("a,A,Title,Default Title,x1,5,,\na,,,,x2,5,,\n"));
    assert_eq!(problems(&product), [(3, "duplicate_options")]);
}

#[test]
fn without_option_columns_the_sku_tells_variants_apart() {
    let text = "Handle,Title,Variant SKU,Variant Price\n";
    let product = only(read(&format!("{text}a,A,x1,5\na,,x2,6\n")));
    assert_eq!((product.variants.len(), codes(&product)), (2, vec![]));
    for rows in ["a,A,x1,5\na,,,6\n", "a,A,,5\na,,x2,6\n", "a,A,,5\na,,,6\n"] {
        assert_eq!(
            codes(&only(read(&format!("{text}{rows}")))),
            ["duplicate_options"]
        );
    }
}

#[test]
fn options_must_fit() {
    assert_eq!(
        codes(&only(small("a,A,Size,,x,5,,\n"))),
        ["option_value_missing"]
    );
    assert_eq!(
        codes(&only(small("a,A,,S,x,5,,\n"))),
        ["option_name_missing"]
    );
    let changed = only(small("a,A,Size,S,,5,,\na,,Colour,M,,5,,\n"));
    assert_eq!(problems(&changed), [(3, "option_name_changed")]);
    let text = "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value\n";
    assert_eq!(
        codes(&only(read(&format!("{text}a,A,Size,S,size,S\n")))),
        ["duplicate_option_name"]
    );
    assert!(codes(&only(read(&format!("{text}a,A,,,Size,S\n")))).contains(&"option_name_missing"));
}

#[test]
fn a_row_that_says_nothing_is_pointed_out() {
    let product = only(small("a,A,,,,5,,\na,,,,,,,\n"));
    assert_eq!(problems(&product), [(3, "row_without_data")]);
    assert!(!product.is_refused());
}

#[test]
fn wrong_numbers_of_cells() {
    let products = small("a,A,,,,5,,\nb,B,Size\nc,C,,,,5,,\nd,D,,,,5,,,,more\n");
    assert_eq!(handles(&products), ["a", "b", "c", "d"]);
    assert_eq!(
        products
            .iter()
            .map(ProductRows::is_refused)
            .collect::<Vec<_>>(),
        [false, true, false, true]
    );
    assert_eq!(problems(&products[1]), [(3, "field_count")]);
    assert_eq!(problems(&products[3]), [(5, "field_count")]);
}

#[test]
fn damaged_cells_refuse_their_product_only() {
    let mut bytes = SMALL.as_bytes().to_vec();
    bytes.extend(b"a,A,Size,S,,5,,\na,,,M\xFC,,5,,\na,,,L,,5,,\nb,B\0,,,,5,,\nc,C,,,,5,,\n");
    let products = read_bytes(&bytes);
    assert_eq!(handles(&products), ["a", "b", "c"]);
    assert_eq!(problems(&products[0]), [(3, "not_utf8")]);
    assert_eq!(products[0].rows, 3);
    assert_eq!(problems(&products[1]), [(5, "nul_character")]);
    assert_eq!(codes(&products[2]), [""; 0]);
}

#[test]
fn a_row_without_handle_is_its_own_group() {
    let products = small("a,A,,,,5,,\n,B,,,,5,,\nc,C,,,,5,,\n");
    assert_eq!(handles(&products), ["a", "", "c"]);
    assert_eq!(problems(&products[1]), [(3, "missing_handle")]);
    assert!(!products[0].is_refused() && !products[2].is_refused());
}

#[test]
fn a_broken_row_inside_a_product_refuses_it() {
    let product = only(small("a,A,Size,S,,5,,\n,,,M,,5,,\nbroken\na,,,L,,5,,\n"));
    assert_eq!(
        problems(&product),
        [(3, "missing_handle"), (4, "field_count")]
    );
    assert_eq!(product.rows, 4);
}

#[test]
fn a_product_whose_first_row_may_be_the_broken_one_is_refused() {
    let products = small("a,A,,,,5,,\n,B,Size,S,,5,,\nb,,,M,,5,,\n");
    assert_eq!(handles(&products), ["a", "", "b"]);
    assert_eq!(problems(&products[2]), [(4, "follows_broken_row")]);
    let products = small("b,B,Size\nb,,,M,,5,,\n");
    assert_eq!(handles(&products), ["b"]);
    assert!(products[0].is_refused());
}

#[test]
fn a_file_cut_inside_quotes() {
    for (rows, expected) in [
        ("a,A,,,,5,,\nb,\"cut", vec![("a", false), ("b", true)]),
        ("a,A,,,,5,,\na,,\"cut\n\n", vec![("a", true)]),
        ("a,A,,,,5,,\n\"cut", vec![("a", true)]),
        ("\"cut", vec![("", true)]),
    ] {
        let text = format!("{SMALL}{rows}");
        let mut reader = ProductReader::new(text.as_bytes(), Limits::default()).unwrap();
        for (handle, refused) in expected {
            let product = reader.next_product().unwrap().unwrap();
            assert_eq!(
                (product.handle.as_str(), product.is_refused()),
                (handle, refused)
            );
        }
        let end = reader.next_product().unwrap();
        assert!(
            matches!(end, Err(FileError::Truncated { row: 2 | 3 })),
            "{rows:?}"
        );
        assert!(reader.next_product().is_none());
    }
}

#[test]
fn the_last_row_needs_no_line_break() {
    assert_eq!(only(small("a,A,,,,5,https://e.com,\"x\"")).problems, []);
    assert_eq!(only(small("a,A,,,,5,,")).problems, []);
}

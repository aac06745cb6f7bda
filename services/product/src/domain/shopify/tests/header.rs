use super::super::{Dialect, FileError, Limits, ProductReader, ProductWriter};
use super::{only, read, read_bytes};

fn error(bytes: &[u8]) -> FileError {
    match ProductReader::new(bytes, Limits::default()) {
        Ok(_) => panic!("the header was accepted"),
        Err(error) => error,
    }
}

#[test]
fn unreadable_files_are_named() {
    for (bytes, code) in [
        (b"".as_slice(), "file_empty"),
        (b"\xEF\xBB\xBF\r\n\n", "file_empty"),
        (b"\xFF\xFEH\0a\0", "file_utf16"),
        (b"PK\x03\x04rest", "file_not_csv"),
        (b"H\0a\0n\0d\0l\0e\0", "file_not_csv"),
        (b" {\"products\": []}", "file_not_csv"),
        (b"<!DOCTYPE html>", "file_not_csv"),
        (b"Handle,Title,Farbe \xFC\n", "file_not_utf8"),
        (b"Handle;Title;Vendor\na;A;V\n", "file_wrong_delimiter"),
        (b"URL handle\tTitle\n", "file_wrong_delimiter"),
        (b"sep=;\nHandle;Title\n", "file_wrong_delimiter"),
        (b"Handle,Title,Vendor,Vendor\n", "file_duplicate_column"),
        (b"Handle,Title,SKU,Variant SKU\n", "file_duplicate_column"),
        (b"Handle,URL handle,Title\n", "file_duplicate_column"),
        (b"Name,Price\n", "file_missing_columns"),
        (b"\"Handle,Title", "file_truncated"),
    ] {
        assert_eq!(
            error(bytes).code(),
            code,
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn missing_columns_point_at_lookalikes() {
    let text = error(b"handle,Title\n").to_string();
    assert!(text.contains("\"Handle\" or \"URL handle\""), "{text}");
    assert!(text.contains("case-sensitive, found \"handle\""), "{text}");
    let text = error(b"Handle,Vendor\n").to_string();
    assert_eq!(text, "the header lacks \"Title\"");
}

#[test]
fn a_known_column_in_the_wrong_case_is_pointed_out() {
    let reader = ProductReader::new(b"Handle,Title,variant sku\n".as_slice(), Limits::default());
    let reader = reader.unwrap();
    assert_eq!(reader.header_warnings()[0].code, "column_case");
    assert!(reader.header_warnings()[0].message.contains("Variant SKU"));
}

#[test]
fn too_many_or_absurd_columns() {
    let limits = Limits {
        columns: 3,
        ..Limits::default()
    };
    for header in [
        "Handle,Title,a,b\n".to_owned(),
        "Handle,Title,a,b,c,d,e,f\n".to_owned(),
    ] {
        let result = ProductReader::new(header.as_bytes(), limits);
        assert!(matches!(
            result,
            Err(FileError::HeaderTooLarge { columns: 3 })
        ));
    }
    assert_eq!(
        error(format!("Handle,Title,{}\n", "x".repeat(256)).as_bytes()).code(),
        "file_header_too_large"
    );
}

#[test]
fn byte_order_mark_line_ends_and_unnamed_columns() {
    let product = only(read_bytes(
        b"\xEF\xBB\xBFHandle,Title,,\r\na,\"A\r\nB\",,\r\n",
    ));
    assert_eq!(product.columns.title.as_deref(), Some("A\r\nB"));
    assert_eq!(product.first_row, 2);
    assert!(product.problems.is_empty());
    let product = only(read("Handle,Title\ra,A\r"));
    assert_eq!(product.first_row, 2);
}

#[test]
fn dialects_are_recognised() {
    for (header, dialect) in [
        ("Handle,Title\n", Dialect::Old),
        ("Title,URL handle\n", Dialect::New),
    ] {
        let reader = ProductReader::new(header.as_bytes(), Limits::default()).unwrap();
        assert_eq!(reader.dialect(), dialect);
    }
}

#[test]
fn standard_headers() {
    let old = Dialect::Old.standard_header();
    assert_eq!(
        (old.len(), old[0], old[46]),
        (47, "Handle", "Cost per item")
    );
    let new = Dialect::New.standard_header();
    assert_eq!(
        (new.len(), new[0], new[51]),
        (52, "Title", "Google Shopping / Custom label 4")
    );

    // Every old name is known, and each stands for another column.
    let mut keys: Vec<_> = old
        .iter()
        .map(|name| super::super::columns::canonical_name(name))
        .collect();
    assert!(keys.iter().all(|key| new.contains(&key.as_str())));
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 47);
}

#[test]
fn additional_columns_stand_where_shopify_has_them() {
    let extra = [
        "Color (product.metafields.shopify.color-pattern)".to_owned(),
        "Compare-at price / Canada".to_owned(),
    ];
    for (dialect, before, last) in [
        (
            Dialect::Old,
            "Google Shopping / Custom Label 4",
            "Compare At Price / Canada",
        ),
        (Dialect::New, "SEO description", "Compare-at price / Canada"),
    ] {
        let bytes = ProductWriter::new(Vec::new(), dialect, &extra)
            .unwrap()
            .finish()
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(&format!("{before},{}", extra[0])), "{text}");
        assert!(text.ends_with(&format!(",{last}\r\n")), "{text}");
    }
    for name in ["Title", "Variant SKU", "", " padded"] {
        let result = ProductWriter::new(Vec::new(), Dialect::Old, &[name.to_owned()]);
        assert!(
            matches!(result, Err(FileError::Unwritable { .. })),
            "{name:?}"
        );
    }
}

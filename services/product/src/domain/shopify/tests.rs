//! Tests of the whole module; the sample files are cut-down copies of Shopify's own shapes.

mod header;
mod limits;
mod reading;
mod refusing;
mod round_trip;

use super::{Limits, ProductReader, ProductRows};

/// A file with the smallest old header that has variants and images.
const SMALL: &str =
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Image Alt Text\n";

fn small(rows: &str) -> Vec<ProductRows> {
    read(&format!("{SMALL}{rows}"))
}

fn read(text: &str) -> Vec<ProductRows> {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Vec<ProductRows> {
    let reader = ProductReader::new(bytes, Limits::default()).expect("a readable header");
    reader
        .map(|product| product.expect("a readable file"))
        .collect()
}

fn only(mut products: Vec<ProductRows>) -> ProductRows {
    assert_eq!(products.len(), 1, "{products:#?}");
    products.remove(0)
}

fn handles(products: &[ProductRows]) -> Vec<&str> {
    products
        .iter()
        .map(|product| product.handle.as_str())
        .collect()
}

/// Row and code of every problem.
fn problems(product: &ProductRows) -> Vec<(u64, &'static str)> {
    product
        .problems
        .iter()
        .map(|problem| (problem.row, problem.code))
        .collect()
}

fn codes(product: &ProductRows) -> Vec<&'static str> {
    product
        .problems
        .iter()
        .map(|problem| problem.code)
        .collect()
}

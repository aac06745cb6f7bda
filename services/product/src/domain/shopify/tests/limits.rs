use std::io::{self, Read};

use super::super::{FileError, Limits, ProductReader, ProductRows};
use super::{SMALL, codes, handles, problems};

fn read(rows: &str, limits: Limits) -> Vec<ProductRows> {
    let text = format!("{SMALL}{rows}");
    let reader = ProductReader::new(text.as_bytes(), limits).unwrap();
    reader.map(Result::unwrap).collect()
}

#[test]
fn a_large_cell_refuses_its_product_and_reading_goes_on() {
    let limits = Limits {
        cell_bytes: 1000,
        ..Limits::default()
    };
    let long = "x".repeat(1001);
    let rows = format!(
        "a,A,Size,S,,5,,\na,,,{long},,5,,\nb,B,,,,5,,{}\n",
        &long[1..]
    );
    let products = read(&rows, limits);
    assert_eq!(handles(&products), ["a", "b"]);
    assert_eq!(problems(&products[0]), [(3, "cell_too_large")]);
    assert!(!products[1].is_refused());
}

#[test]
fn a_large_record_is_passed_over() {
    let limits = Limits {
        record_bytes: 10_000,
        ..Limits::default()
    };
    let long = "x,".repeat(200_000);
    let rows =
        format!("a,A,,,,5,,\nb,\"{long}\",,,,5,,\nb,,,M,,5,,\n\"{long}\",,,,5,,\nc,C,,,,5,,\n");
    let products = read(&rows, limits);
    assert_eq!(handles(&products), ["a", "b", "", "c"]);
    assert_eq!(problems(&products[1]), [(3, "record_too_large")]);
    assert_eq!(problems(&products[2]), [(5, "record_too_large")]);
    assert!(!products[0].is_refused() && !products[3].is_refused());
}

#[test]
fn a_row_of_countless_cells_is_passed_over() {
    let rows = format!("a,A,,,,5,,\nb{}\nc,C,,,,5,,\n", ",x".repeat(100_000));
    let products = read(&rows, Limits::default());
    assert_eq!(handles(&products), ["a", "b", "c"]);
    assert_eq!(problems(&products[1]), [(3, "field_count")]);
}

#[test]
fn too_many_rows_are_counted_but_not_kept() {
    let rows: String = (0..5000)
        .map(|n| format!("a,{},Size,{n},,5,,\n", if n == 0 { "A" } else { "" }))
        .collect();
    let products = read(&(rows + "b,B,,,,5,,\n"), Limits::default());
    assert_eq!((products[0].rows, products[0].variants.len()), (5000, 3000));
    assert_eq!(problems(&products[0]), [(3002, "too_many_rows")]);
    assert!(!products[1].is_refused());
}

#[test]
fn a_large_product_is_not_kept() {
    let limits = Limits {
        product_bytes: 20_000,
        ..Limits::default()
    };
    let long = "x".repeat(1000);
    let rows: String = (0..100)
        .map(|n| format!("a,A,Size,{n},,5,,{long}\n"))
        .collect();
    let products = read(&rows, limits);
    assert!(codes(&products[0]).contains(&"product_too_large"));
    assert!(products[0].variants.len() < 20);
}

#[test]
fn problems_are_capped_but_an_error_is_kept() {
    let rows: String = (0..500)
        .map(|n| format!("a,{},Size,{n},,5,,\n", if n == 0 { "A" } else { "Other" }))
        .collect();
    let products = read(&(rows + "a,,,last,,x,,\n"), Limits::default());
    assert_eq!(
        (products[0].problems.len(), products[0].problem_count),
        (100, 500)
    );
    assert!(products[0].is_refused());
    assert_eq!(problems(&products[0])[99], (502, "price_invalid"));
}

#[test]
fn orphans_do_not_pile_up() {
    let rows: String = (0..200).map(|n| format!("h{n},broken\n")).collect();
    let products = read(&format!("a,A,,,,5,,\n{rows}"), Limits::default());
    assert_eq!(products.len(), 201);
    assert!(!products[0].is_refused());
}

/// A quote that is never closed: bytes without end, in small and odd portions.
struct OpenQuote {
    start: io::Cursor<Vec<u8>>,
    left: usize,
}

impl Read for OpenQuote {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let buffer = buffer.get_mut(..4093.min(self.left)).unwrap_or_default();
        let read = self.start.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        self.left -= buffer.len();
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

#[test]
fn an_open_quote_costs_time_but_no_memory() {
    let start = io::Cursor::new(format!("{SMALL}a,A,,,,5,,\nb,\"").into_bytes());
    let input = OpenQuote {
        start,
        left: 32 * 1024 * 1024,
    };
    let mut reader = ProductReader::new(input, Limits::default()).unwrap();
    assert!(!reader.next_product().unwrap().unwrap().is_refused());
    let cut = reader.next_product().unwrap().unwrap();
    assert_eq!(
        (cut.handle.as_str(), problems(&cut)),
        ("b", vec![(3, "truncated")])
    );
    assert!(matches!(
        reader.next_product(),
        Some(Err(FileError::Truncated { row: 3 }))
    ));
}

struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("gone")),
            bytes => Ok(bytes),
        }
    }
}

#[test]
fn an_incomplete_product_is_not_handed_out_when_the_input_fails() {
    let text = format!("{SMALL}a,A,,,,5,,\nb,B,,,,5,,\n");
    let mut reader = ProductReader::new(Failing(text.as_bytes()), Limits::default()).unwrap();
    assert_eq!(reader.next_product().unwrap().unwrap().handle, "a");
    assert!(matches!(reader.next_product(), Some(Err(FileError::Io(_)))));
    assert!(reader.next_product().is_none());
}

#[test]
fn the_size_of_portions_does_not_matter() {
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }
    let text = format!(
        "\u{feff}{}\r\n\r\na,\"A \"\"b\"\"\r\n\",,,,5,,\r\n\nb,B,,,,5,,\r",
        SMALL.trim()
    );
    let whole: Vec<_> = ProductReader::new(text.as_bytes(), Limits::default())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let slow = ProductReader::new(Slow(text.as_bytes()), Limits::default()).unwrap();
    assert_eq!(slow.map(Result::unwrap).collect::<Vec<_>>(), whole);
    assert_eq!(
        whole.iter().map(|p| p.first_row).collect::<Vec<_>>(),
        [3, 5]
    );
}

//! The currencies this crate accepts are those of the platform's reference
//! table that have a minor unit, with the same number of digits.

use std::collections::BTreeMap;

use averis_money::{Currency, MoneyError};

const REFERENCE: &str =
    include_str!("../../../migrations/platform/2026-11-23-000002_reference_data/up.sql");

#[test]
fn the_crate_and_the_reference_table_agree_on_every_code() {
    let (_, rows) = REFERENCE
        .split_once("INSERT INTO platform_shared.currencies")
        .unwrap();
    let (rows, _) = rows.split_once(';').unwrap();
    let (_, rows) = rows.split_once("VALUES").unwrap();
    let mut table = BTreeMap::new();
    for row in rows.split("('").skip(1) {
        let (code, rest) = row.split_at(3);
        let (_, digits) = rest.rsplit_once("', ").unwrap();
        let digits = digits
            .trim_end()
            .trim_end_matches(',')
            .trim_end_matches(')');
        table.insert(code.to_owned(), digits.parse::<u32>().ok());
    }
    assert!(table.len() > 170, "only {} rows were read", table.len());

    let letters = || 'A'..='Z';
    for code in letters().flat_map(|a| {
        letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c])))
    }) {
        match (code.parse::<Currency>(), table.get(&code)) {
            (Ok(currency), Some(Some(digits))) => {
                assert_eq!(currency.exponent(), *digits, "{code}")
            }
            (Err(MoneyError::NoMinorUnit { .. }), Some(None)) => {}
            (Err(MoneyError::UnknownCurrency { .. }), None) => {}
            (parsed, row) => panic!("{code}: the crate says {parsed:?}, the table {row:?}"),
        }
    }
}

//! How long the engine takes for a quote. `make bench` runs it, built for release:
//! `cargo run --release -p averis-pricing --example quote`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement prints, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use averis_money::{Currency, Decimal, Money, Rounding};
use averis_pricing::engine::promotions::{Action, Basis, Conditions, Promotion, Target};
use averis_pricing::engine::quote::{AskedLine, Basket, TaxCase, quote};
use averis_pricing::engine::selection::{
    Listing, Price, PriceKind, Question, Scope, Window, select,
};
use averis_pricing::engine::taxes::{Postcodes, TaxRate};
use averis_pricing::engine::totals::{TaxLevel, Terms};
use chrono::{TimeDelta, Utc};
use uuid::Uuid;

const CATALOG: Uuid = Uuid::from_u128(1);

fn euros(amount: i64) -> Money {
    Money::new(amount, "EUR".parse::<Currency>().expect("a currency"))
}

/// Ten prices of a SKU: tiers, segments, seasons.
fn prices(line: usize) -> Vec<Price> {
    let price = |number: usize| Price {
        id: Uuid::from_u128((line * 100 + number) as u128),
        amount: euros(1_000 + (line * 7 + number) as i64),
        per_quantity: 1,
        scope: Scope {
            segment: number.is_multiple_of(3).then(|| "gold".to_owned()),
            country: number.is_multiple_of(4).then(|| "DE".to_owned()),
            ..Scope::default()
        },
        min_quantity: 1 + number as i64,
        valid: Window::default(),
        is_for_a_time: false,
        kind: PriceKind::List,
        is_active: true,
    };
    (0..10).map(price).collect()
}

fn promotion(number: usize) -> Promotion {
    let action = match number % 4 {
        0 => Action::Percent {
            rate: Decimal::new(5, 2),
        },
        1 => Action::Amount {
            amount: euros(50),
            basis: Basis::Gross,
        },
        2 => Action::BuyXGetY {
            buy: 2,
            get: 1,
            rate: Decimal::new(5, 1),
        },
        _ => Action::FixedPrice {
            amount: euros(900),
            basis: Basis::Gross,
        },
    };
    let skus: BTreeSet<String> = (0..40)
        .map(|place| format!("sku-{}", place * 5 + number % 5))
        .collect();
    Promotion {
        id: Uuid::from_u128(number as u128 + 1_000_000),
        code: None,
        action,
        target: Target::Lines {
            skus,
            products: BTreeSet::new(),
        },
        conditions: Conditions::default(),
        group: number.is_multiple_of(5).then(|| (number / 10).to_string()),
        is_exclusive: false,
        priority: (number % 7) as i32,
        window: Window::default(),
        remaining_budget: None,
        is_used_up: false,
    }
}

fn rate(category: &str, hundredths: i64, postcodes: Option<&str>) -> TaxRate {
    TaxRate {
        id: Uuid::now_v7(),
        category: category.to_owned(),
        country: "DE".to_owned(),
        postcodes: postcodes.map(|pattern| Postcodes::new(pattern).expect("a pattern")),
        rate: Decimal::new(hundredths, 2),
        valid: Window::default(),
    }
}

/// Measures, and prints the middle and the slowest of a hundred.
fn measure(what: &str, mut work: impl FnMut()) {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..500 {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .map_or(0.0, Duration::as_secs_f64)
            * 1000.0
    };
    println!("{what}\t{:.3}\t{:.3}", at(50), at(99));
}

fn main() {
    println!("engine\tp50 ms\tp99 ms");
    let all: Vec<Vec<Price>> = (0..200).map(prices).collect();
    let promotions: Vec<Promotion> = (0..50).map(promotion).collect();
    let rates = [
        rate("standard", 19, None),
        rate("reduced", 7, None),
        rate("zero", 0, None),
        rate("standard", 0, Some("27498|78266")),
    ];
    for (count, promotions) in [
        (5, &promotions[..0]),
        (5, &promotions[..]),
        (200, &promotions[..]),
    ] {
        let lines = all
            .iter()
            .take(count)
            .enumerate()
            .map(|(place, prices)| AskedLine {
                sku: format!("SKU-{place}"),
                folded: format!("sku-{place}"),
                product: Uuid::from_u128(place as u128),
                quantity: 1 + place as i64 % 9,
                is_taxable: true,
                tax_category: ["standard", "reduced", "zero"]
                    .get(place % 3)
                    .map(|name| (*name).to_owned()),
                prices,
                listings: vec![Listing {
                    catalog: CATALOG,
                    effective: Window::default(),
                }],
            });
        let basket = Basket {
            terms: Terms {
                currency: "EUR".parse().expect("a currency"),
                tax_included: true,
                rounding: Rounding::HalfUp,
                tax_level: TaxLevel::Line,
            },
            at: Utc::now(),
            catalog: CATALOG,
            company: None,
            segment: Some("gold".to_owned()),
            channel: None,
            tax: TaxCase {
                country: "DE".to_owned(),
                postcode: Some("10115".to_owned()),
                exemption: None,
            },
            codes: Vec::new(),
            lines: lines.collect(),
            shipping: euros(499),
            promotions,
            rates: &rates,
        };
        measure(
            &format!(
                "quote of {count} lines, {} promotions, hashed",
                promotions.len()
            ),
            || {
                let (quoted, _) = quote(&basket).expect("a quote");
                std::hint::black_box(quoted.hash().expect("a hash"));
            },
        );
    }
    let many: Vec<Price> = (0..50_000_u128)
        .map(|number| Price {
            id: Uuid::from_u128(number),
            min_quantity: 1 + (number % 100) as i64,
            valid: Window {
                from: Some(Utc::now() + TimeDelta::days(number as i64 % 400 - 200)),
                until: None,
            },
            ..prices(0).swap_remove(0)
        })
        .collect();
    let question = Question {
        currency: "EUR".parse().expect("a currency"),
        at: Utc::now(),
        quantity: 50,
        company: None,
        segment: None,
        channel: None,
        country: Some("DE".to_owned()),
        listings: vec![Listing {
            catalog: CATALOG,
            effective: Window::default(),
        }],
    };
    measure("choosing of 50,000 prices of one SKU", || {
        std::hint::black_box(select(&many, &question).chosen);
    });
}

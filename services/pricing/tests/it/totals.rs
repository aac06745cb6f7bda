//! What holds for every document (the M numbers of the invariants).

use averis_money::{Currency, Decimal, Money, Rounding};
use averis_pricing::engine::totals::{
    Discount, Line, Shipping, TaxLevel, Terms, Totals, TotalsError, compute,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// With no, two, three and four digits after the point.
const CURRENCIES: [&str; 4] = ["JPY", "EUR", "KWD", "CLF"];

fn currency() -> impl Strategy<Value = Currency> {
    (0..CURRENCIES.len()).prop_map(|place| CURRENCIES[place].parse().expect("a currency"))
}

fn terms() -> impl Strategy<Value = Terms> {
    let rounding = prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven)];
    let level = prop_oneof![
        Just(TaxLevel::Unit),
        Just(TaxLevel::Line),
        Just(TaxLevel::Document)
    ];
    (currency(), any::<bool>(), rounding, level).prop_map(
        |(currency, tax_included, rounding, tax_level)| Terms {
            currency,
            tax_included,
            rounding,
            tax_level,
        },
    )
}

/// Up to 30 %, with up to three digits.
fn rate() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        Just(Decimal::ZERO),
        (0_i64..300).prop_map(|rate| Decimal::new(rate, 3))
    ]
}

fn discount(currency: Currency) -> impl Strategy<Value = Discount> {
    prop_oneof![
        (0_i64..=1000).prop_map(|part| Discount::Percent(Decimal::new(part, 3))),
        (0_i64..50_000).prop_map(move |sum| Discount::Amount(Money::new(sum, currency))),
    ]
}

fn line(currency: Currency) -> impl Strategy<Value = Line> {
    (
        0_i64..100_000,
        prop_oneof![4 => Just(1_i64), 1 => Just(1000)],
        1_i64..50,
        option::of(discount(currency)),
        rate(),
    )
        .prop_map(
            move |(unit, per_quantity, quantity, discount, tax_rate)| Line {
                unit: Money::new(unit, currency),
                per_quantity,
                quantity,
                discount,
                tax_rate,
            },
        )
}

type Document = (Terms, Vec<Line>, Option<Discount>, Option<Shipping>);

fn document() -> impl Strategy<Value = Document> {
    terms().prop_flat_map(|terms| {
        let currency = terms.currency;
        let shipping = (0_i64..5_000, rate()).prop_map(move |(amount, tax_rate)| Shipping {
            amount: Money::new(amount, currency),
            tax_rate,
        });
        (
            Just(terms),
            vec(line(currency), 0..12),
            option::of(discount(currency)),
            option::of(shipping),
        )
    })
}

fn totals((terms, lines, discount, shipping): &Document) -> Totals {
    compute(terms, lines, *discount, *shipping).expect("totals")
}

fn sum(amounts: impl Iterator<Item = Money>) -> i64 {
    amounts.map(|amount| amount.amount()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// M2: what stands on the lines adds up to what stands below them.
    #[test]
    fn m2_lines_add_up_to_the_document(document in document()) {
        let totals = totals(&document);
        let terms = document.0;
        prop_assert_eq!(sum(totals.lines.iter().map(|line| line.total)), totals.subtotal.amount());
        let tax = sum(totals.lines.iter().map(|line| line.tax)) + totals.shipping_tax.amount();
        prop_assert_eq!(tax, totals.tax.amount());
        prop_assert_eq!(sum(totals.taxes.values().copied()), totals.tax.amount());
        let exclusive = if terms.tax_included { 0 } else { totals.tax.amount() };
        let total = totals.subtotal.amount() + totals.shipping.amount() + exclusive - totals.discount.amount();
        prop_assert_eq!(total, totals.total.amount());
        for line in &totals.lines {
            prop_assert_eq!(line.amount.amount() - line.discount.amount(), line.total.amount());
            let base = line.total.amount() - line.document_discount.amount();
            let tax = if terms.tax_included { line.tax.amount() } else { 0 };
            prop_assert_eq!(base, line.net.amount() + tax);
        }
    }

    /// M3: nothing is below nothing, and no discount is above what it is of.
    #[test]
    fn m3_nothing_is_negative(document in document()) {
        let totals = totals(&document);
        for amount in [totals.total, totals.subtotal, totals.discount, totals.tax, totals.shipping_tax] {
            prop_assert!(!amount.is_negative());
        }
        prop_assert!(totals.discount.amount() <= totals.subtotal.amount());
        for line in &totals.lines {
            for amount in [line.amount, line.discount, line.total, line.document_discount, line.net, line.tax] {
                prop_assert!(!amount.is_negative(), "{line:?}");
            }
            prop_assert!(line.discount.amount() <= line.amount.amount());
            prop_assert!(line.document_discount.amount() <= line.total.amount());
        }
    }

    /// M4: the shares of a discount are all of it.
    #[test]
    fn m4_shares_of_the_discount_add_up(document in document()) {
        let totals = totals(&document);
        let shares = sum(totals.lines.iter().map(|line| line.document_discount));
        prop_assert_eq!(shares, totals.discount.amount());
    }

    /// M5: the same document comes to the same bytes.
    #[test]
    fn m5_computing_twice_gives_the_same(document in document()) {
        let bytes = |totals: &Totals| serde_json::to_vec(totals).expect("JSON");
        prop_assert_eq!(bytes(&totals(&document)), bytes(&totals(&document)));
    }

    /// M6: a line that is split changes the total by at most one minor unit a split, and not at all where each piece is
    /// rounded.
    #[test]
    fn m6_a_split_line_costs_the_same(terms in terms(), unit in 0_i64..100_000, pieces in 2_i64..20, tax_rate in rate()) {
        let line = |quantity| Line {
            unit: Money::new(unit, terms.currency), per_quantity: 1, quantity, discount: None, tax_rate,
        };
        let whole = compute(&terms, &[line(pieces)], None, None).expect("totals");
        let split = compute(&terms, &[line(1), line(pieces - 1)], None, None).expect("totals");
        let difference = (whole.total.amount() - split.total.amount()).abs();
        let allowed = if terms.tax_level == TaxLevel::Line { 1 } else { 0 };
        prop_assert!(difference <= allowed, "{difference}");
    }
}

#[test]
fn what_is_out_of_its_bounds_is_refused() {
    let currency: Currency = "EUR".parse().expect("a currency");
    let terms = Terms {
        currency,
        tax_included: false,
        rounding: Rounding::HalfUp,
        tax_level: TaxLevel::Line,
    };
    let good = Line {
        unit: Money::new(100, currency),
        per_quantity: 1,
        quantity: 1,
        discount: None,
        tax_rate: Decimal::ZERO,
    };
    let refused = |line: Line| compute(&terms, &[good, line], None, None).expect_err("refused");
    for quantity in [0, -1, i64::MIN] {
        let wrong = refused(Line { quantity, ..good });
        assert_eq!(wrong, TotalsError::Quantity { line: 1, quantity });
    }
    let negative = Money::new(-1, currency);
    assert_eq!(
        refused(Line {
            unit: negative,
            ..good
        }),
        TotalsError::Negative
    );
    let below = Decimal::new(-1, 2);
    assert_eq!(
        refused(Line {
            tax_rate: below,
            ..good
        }),
        TotalsError::TaxRate(below)
    );
    for part in [Decimal::new(-1, 3), Decimal::new(1001, 3)] {
        let discount = Some(Discount::Percent(part));
        assert_eq!(refused(Line { discount, ..good }), TotalsError::Discount);
    }
    let dollars = Money::new(1, "USD".parse().expect("a currency"));
    assert!(matches!(
        refused(Line {
            unit: dollars,
            ..good
        }),
        TotalsError::Money(_)
    ));
    let huge = Line {
        unit: Money::new(i64::MAX, currency),
        quantity: 2,
        ..good
    };
    assert!(matches!(refused(huge), TotalsError::Money(_)));
    let none = compute(
        &terms,
        &[],
        Some(Discount::Amount(Money::new(5, currency))),
        None,
    );
    assert!(none.expect("totals").total.is_zero());
}

//! What promotions take off.

use std::collections::BTreeSet;

use averis_money::{Currency, Decimal, Money, Rounding};
use averis_pricing::engine::promotions::{
    Action, Basis, Conditions, Occasion, Outcome, PricedLine, Promotion, PromotionVerdict as V,
    Target, promote,
};
use averis_pricing::engine::selection::Window;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

fn euros(amount: i64) -> Money {
    Money::new(amount, "EUR".parse::<Currency>().expect("a currency"))
}

fn dollars(amount: i64) -> Money {
    Money::new(amount, "USD".parse::<Currency>().expect("a currency"))
}

fn line(sku: &str, unit: i64, quantity: i64) -> PricedLine {
    PricedLine {
        sku: sku.to_owned(),
        product: Uuid::from_u128(u128::from(sku.as_bytes()[0])),
        quantity,
        unit: euros(unit),
        per_quantity: 1,
        amount: euros(unit * quantity),
    }
}

fn rate(text: &str) -> Decimal {
    text.parse().expect("a rate")
}

fn tenth() -> Action {
    Action::Percent { rate: rate("0.1") }
}

fn amount(minor: i64) -> Action {
    Action::Amount {
        amount: euros(minor),
        basis: Basis::Gross,
    }
}

fn all_lines() -> Target {
    Target::Lines {
        skus: BTreeSet::new(),
        products: BTreeSet::new(),
    }
}

fn promotion(id: u128, action: Action, target: Target) -> Promotion {
    Promotion {
        id: Uuid::from_u128(id),
        code: None,
        action,
        target,
        conditions: Conditions::default(),
        group: None,
        is_exclusive: false,
        priority: 0,
        window: Window::default(),
        remaining_budget: None,
        is_used_up: false,
    }
}

fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(1)
}

fn occasion(codes: &[String]) -> Occasion<'_> {
    Occasion {
        at: at(),
        codes,
        basis: Basis::Gross,
        rounding: Rounding::HalfUp,
        country: "DE",
        segment: Some("gold"),
        channel: Some("web"),
        company: None,
        catalog: Uuid::from_u128(900),
        shipping: euros(500),
    }
}

fn run(promotions: &[Promotion], lines: &[PricedLine]) -> Outcome {
    promote(promotions, lines, &occasion(&[])).expect("an outcome")
}

fn saved(outcome: &Outcome, id: u128) -> i64 {
    outcome.saved_by(Uuid::from_u128(id))
}

fn verdict(outcome: &Outcome, id: u128) -> V {
    let own = outcome
        .verdicts
        .iter()
        .find(|(one, _)| *one == Uuid::from_u128(id));
    own.expect("each promotion has its verdict").1
}

#[test]
fn each_action_takes_off_what_it_says() {
    let lines = [line("a", 1_000, 3), line("b", 333, 1)];
    let skus = |names: &[&str]| Target::Lines {
        skus: names.iter().map(|name| (*name).to_owned()).collect(),
        products: BTreeSet::new(),
    };
    let buy = |buy, get, part| Action::BuyXGetY {
        buy,
        get,
        rate: rate(part),
    };
    let fixed = |minor| Action::FixedPrice {
        amount: euros(minor),
        basis: Basis::Gross,
    };
    for (action, target, expected) in [
        // 3333 remains 2999.7, which is 3000.
        (tenth(), Target::Document, 333),
        // By line: 3000 remains 2700, and 333 remains 299.7, which is 300.
        (tenth(), all_lines(), 300 + 33),
        (tenth(), skus(&["b"]), 33),
        (tenth(), skus(&["c"]), 0),
        (amount(400), Target::Document, 400),
        (amount(5_000), Target::Document, 3_333),
        // Each piece, and never more than the line.
        (amount(400), all_lines(), 1_200 + 333),
        (fixed(900), all_lines(), 300),
        (fixed(0), skus(&["a"]), 3_000),
        (buy(2, 1, "1"), all_lines(), 1_000),
        (buy(1, 1, "0.5"), all_lines(), 500),
        (buy(3, 1, "1"), all_lines(), 0),
        (Action::FreeShipping, Target::Document, 500),
        (Action::FreeShipping, skus(&["b"]), 500),
        (Action::FreeShipping, skus(&["c"]), 0),
    ] {
        let name = format!("{action:?} {target:?}");
        let outcome = run(&[promotion(1, action, target)], &lines);
        assert_eq!(saved(&outcome, 1), expected, "{name}");
        let wanted = if expected > 0 {
            V::Applied
        } else {
            V::NothingToSave
        };
        assert_eq!(verdict(&outcome, 1), wanted, "{name}");
    }
    let by_product = Target::Lines {
        skus: BTreeSet::new(),
        products: [lines[1].product].into(),
    };
    assert_eq!(
        saved(&run(&[promotion(1, tenth(), by_product)], &lines), 1),
        33
    );
}

#[test]
fn what_is_for_others_says_why() {
    let lines = [line("a", 1_000, 2)];
    let told = |change: fn(&mut Promotion)| {
        let mut one = promotion(1, tenth(), all_lines());
        change(&mut one);
        verdict(&run(&[one], &lines), 1)
    };
    assert_eq!(told(|_| {}), V::Applied);
    assert_eq!(told(|one| one.code = Some("summer".to_owned())), V::NoCode);
    assert_eq!(told(|one| one.is_used_up = true), V::UsedUp);
    assert_eq!(told(|one| one.window.until = Some(at())), V::OtherTime);
    assert_eq!(
        told(|one| one.window.from = Some(at() + TimeDelta::microseconds(1))),
        V::OtherTime
    );
    assert_eq!(told(|one| one.window.from = Some(at())), V::Applied);
    assert_eq!(
        told(|one| one.conditions.countries = vec!["AT".to_owned()]),
        V::OtherBuyers
    );
    assert_eq!(
        told(|one| one.conditions.segments = vec!["gold".to_owned()]),
        V::Applied
    );
    assert_eq!(
        told(|one| one.conditions.channels = vec!["app".to_owned()]),
        V::OtherBuyers
    );
    assert_eq!(
        told(|one| one.conditions.companies = vec![Uuid::nil()]),
        V::OtherBuyers
    );
    assert_eq!(
        told(|one| one.conditions.catalogs = vec![Uuid::from_u128(900)]),
        V::Applied
    );
    assert_eq!(
        told(|one| one.conditions.min_subtotal = Some(euros(2_001))),
        V::TooLittle
    );
    assert_eq!(
        told(|one| one.conditions.min_subtotal = Some(euros(2_000))),
        V::Applied
    );
    assert_eq!(
        told(|one| one.conditions.min_quantity = Some(3)),
        V::TooLittle
    );
    assert_eq!(
        told(|one| one.conditions.min_subtotal = Some(dollars(1))),
        V::OtherCurrency
    );
    assert_eq!(
        told(|one| one.remaining_budget = Some(euros(199))),
        V::UsedUp
    );
    assert_eq!(
        told(|one| one.remaining_budget = Some(euros(200))),
        V::Applied
    );
    assert_eq!(
        told(|one| one.action = Action::Amount {
            amount: euros(1),
            basis: Basis::Net
        }),
        V::OtherBasis,
        "stacking tax-inclusive and exclusive promotions is a bug of others"
    );
    let codes = ["summer".to_owned()];
    let mut coded = promotion(1, tenth(), all_lines());
    coded.code = Some("summer".to_owned());
    let outcome = promote(&[coded], &lines, &occasion(&codes)).expect("an outcome");
    assert_eq!(verdict(&outcome, 1), V::Applied);
}

#[test]
fn of_a_group_one_counts_and_after_an_exclusive_one_none() {
    let lines = [line("a", 10_000, 1)];
    let with = |id, action, group: Option<&str>, priority, is_exclusive| Promotion {
        group: group.map(str::to_owned),
        priority,
        is_exclusive,
        ..promotion(id, action, Target::Document)
    };
    let promotions = [
        with(1, amount(500), Some("sale"), 1, false),
        with(2, tenth(), Some("sale"), 2, false),
        with(3, amount(100), None, 3, true),
        with(4, amount(100), None, 4, false),
        with(5, amount(100), Some("late"), 5, false),
    ];
    let outcome = run(&promotions, &lines);
    let told: Vec<V> = (1..=5).map(|id| verdict(&outcome, id)).collect();
    assert_eq!(
        told,
        [
            V::LostInGroup,
            V::Applied,
            V::Applied,
            V::Stopped,
            V::Stopped
        ]
    );
    assert_eq!(saved(&outcome, 2), 1_000);
    // Of two that save the same it is the first.
    let same = [
        with(7, amount(100), Some("g"), 0, false),
        with(6, amount(100), Some("g"), 0, false),
    ];
    let outcome = run(&same, &lines);
    assert_eq!(
        (verdict(&outcome, 6), verdict(&outcome, 7)),
        (V::Applied, V::LostInGroup)
    );
    // One that cannot count keeps none of its group back.
    let mut coded = with(8, tenth(), Some("g"), 0, false);
    coded.code = Some("x".to_owned());
    let outcome = run(&[coded, with(9, amount(1), Some("g"), 1, false)], &lines);
    assert_eq!(
        (verdict(&outcome, 8), verdict(&outcome, 9)),
        (V::NoCode, V::Applied)
    );
}

fn any_action() -> impl Strategy<Value = Action> {
    let part = (1..=100_i64).prop_map(|percent| Decimal::new(percent, 2));
    prop_oneof![
        part.clone().prop_map(|rate| Action::Percent { rate }),
        (1..20_000_i64, any::<bool>()).prop_map(|(minor, gross)| Action::Amount {
            amount: euros(minor),
            basis: if gross { Basis::Gross } else { Basis::Net },
        }),
        (0..5_000_i64).prop_map(|minor| Action::FixedPrice {
            amount: euros(minor),
            basis: Basis::Gross
        }),
        (1..4_i64, 1..4_i64, part).prop_map(|(buy, get, rate)| Action::BuyXGetY { buy, get, rate }),
        Just(Action::FreeShipping),
    ]
}

fn any_promotion() -> impl Strategy<Value = Promotion> {
    (
        any::<u128>(),
        any_action(),
        0..4_u8,
        0..3_i32,
        any::<bool>(),
        0..10_u8,
    )
        .prop_map(|(id, action, group, priority, on_document, exclusive)| {
            let document =
                on_document && matches!(action, Action::Percent { .. } | Action::Amount { .. });
            Promotion {
                group: (group > 0).then(|| group.to_string()),
                priority,
                is_exclusive: exclusive == 0,
                ..promotion(
                    id,
                    action,
                    if document {
                        Target::Document
                    } else {
                        all_lines()
                    },
                )
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// M3: whatever promotions there are, in whatever order, nothing goes below nothing, and what is told adds up.
    #[test]
    fn m3_a_hundred_percent_off_leaves_nothing_and_no_less(
        promotions in proptest::collection::vec(any_promotion(), 0..8),
        amounts in proptest::collection::vec((0..30_000_i64, 1..6_i64), 1..6),
        turn in any::<prop::sample::Index>(),
    ) {
        let lines: Vec<PricedLine> = amounts
            .iter()
            .enumerate()
            .map(|(place, (unit, quantity))| line(&format!("{}", char::from(b'a' + place as u8)), *unit, *quantity))
            .collect();
        let mut promotions = promotions;
        for (place, one) in promotions.iter_mut().enumerate() {
            one.id = Uuid::from_u128(one.id.as_u128() / 8 * 8 + place as u128);
        }
        let outcome = run(&promotions, &lines);
        let mut subtotal = 0;
        for (line, off) in lines.iter().zip(&outcome.lines) {
            let taken: i64 = off.iter().map(|(_, amount)| *amount).sum();
            prop_assert!(off.iter().all(|(_, amount)| *amount > 0));
            prop_assert!(taken <= line.amount.amount());
            subtotal += line.amount.amount() - taken;
        }
        let document: i64 = outcome.document.iter().map(|(_, amount)| *amount).sum();
        prop_assert!(document <= subtotal, "{document} of {subtotal}");
        let shipping: i64 = outcome.shipping.iter().map(|(_, amount)| *amount).sum();
        prop_assert!(shipping <= 500);
        // Each has one verdict, and only those that count take something off.
        prop_assert_eq!(outcome.verdicts.len(), promotions.len());
        for (id, verdict) in &outcome.verdicts {
            prop_assert_eq!(*verdict == V::Applied, outcome.saved_by(*id) > 0);
        }
        // The order of rows says nothing.
        let mut turned = promotions.clone();
        if !turned.is_empty() {
            turned.rotate_left(turn.index(promotions.len()));
        }
        prop_assert_eq!(run(&turned, &lines), outcome);
    }
}

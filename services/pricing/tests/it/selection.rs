//! Which price counts (the R numbers of the invariants).

use averis_money::{Currency, Money};
use averis_pricing::engine::selection::{
    Dimension, Listing, Price, PriceKind, Question, Scope, Verdict, Window, rising_tiers, select,
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

fn euro() -> Currency {
    "EUR".parse().expect("a currency")
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn price(id: u128) -> Price {
    Price {
        id: Uuid::from_u128(id),
        amount: Money::new(1_000, euro()),
        per_quantity: 1,
        scope: Scope::default(),
        min_quantity: 1,
        valid: Window::default(),
        is_for_a_time: false,
        kind: PriceKind::List,
        is_active: true,
    }
}

fn catalog() -> Uuid {
    Uuid::from_u128(900)
}

fn question() -> Question {
    Question {
        currency: euro(),
        at: at(100),
        quantity: 10,
        company: Some(Uuid::from_u128(700)),
        segment: Some("partner".to_owned()),
        channel: Some("web".to_owned()),
        country: Some("PT".to_owned()),
        listings: vec![Listing {
            catalog: catalog(),
            effective: Window::default(),
        }],
    }
}

fn scope(change: impl FnOnce(&mut Scope)) -> Scope {
    let mut scope = Scope::default();
    change(&mut scope);
    scope
}

#[test]
fn each_price_is_told_why_it_lost() {
    let until = |until| Window {
        from: None,
        until: Some(at(until)),
    };
    let own = scope(|scope| scope.company = Some(Uuid::from_u128(700)));
    let cases = [
        (
            Verdict::Chosen,
            Price {
                scope: own.clone(),
                kind: PriceKind::Contract,
                valid: until(200),
                is_for_a_time: true,
                min_quantity: 5,
                ..price(1)
            },
        ),
        (
            Verdict::OtherCurrency,
            Price {
                amount: Money::new(1, "USD".parse().expect("a currency")),
                ..price(2)
            },
        ),
        (
            Verdict::NotActive,
            Price {
                is_active: false,
                ..price(3)
            },
        ),
        (
            Verdict::NotYetValid,
            Price {
                valid: Window {
                    from: Some(at(101)),
                    until: None,
                },
                ..price(4)
            },
        ),
        (
            Verdict::NoLongerValid,
            Price {
                valid: until(100),
                is_for_a_time: true,
                ..price(5)
            },
        ),
        (
            Verdict::OtherScope(Dimension::Company),
            Price {
                scope: scope(|scope| scope.company = Some(Uuid::nil())),
                ..price(6)
            },
        ),
        (
            Verdict::OtherScope(Dimension::Segment),
            Price {
                scope: scope(|scope| scope.segment = Some("retail".to_owned())),
                ..price(7)
            },
        ),
        (
            Verdict::OtherScope(Dimension::Channel),
            Price {
                scope: scope(|scope| scope.channel = Some("shop".to_owned())),
                ..price(8)
            },
        ),
        (
            Verdict::OtherScope(Dimension::Country),
            Price {
                scope: scope(|scope| scope.country = Some("DE".to_owned())),
                ..price(9)
            },
        ),
        (
            Verdict::OtherScope(Dimension::Catalog),
            Price {
                scope: scope(|scope| scope.catalog = Some(Uuid::nil())),
                ..price(10)
            },
        ),
        (
            Verdict::TooFew,
            Price {
                min_quantity: 11,
                ..price(11)
            },
        ),
        // Cheaper, and less specific: the most specific wins, not the cheapest.
        (
            Verdict::LessSpecific,
            Price {
                amount: Money::new(1, euro()),
                ..price(12)
            },
        ),
        (
            Verdict::LessSpecific,
            Price {
                scope: scope(|scope| scope.segment = Some("partner".to_owned())),
                ..price(13)
            },
        ),
        (
            Verdict::NotForThisTime,
            Price {
                scope: own.clone(),
                kind: PriceKind::Contract,
                min_quantity: 9,
                ..price(14)
            },
        ),
        (
            Verdict::LowerTier,
            Price {
                scope: own.clone(),
                kind: PriceKind::Contract,
                valid: until(200),
                is_for_a_time: true,
                min_quantity: 4,
                ..price(15)
            },
        ),
        (
            Verdict::WeakerKind,
            Price {
                scope: own.clone(),
                kind: PriceKind::Sale,
                valid: until(200),
                is_for_a_time: true,
                min_quantity: 5,
                ..price(16)
            },
        ),
        (
            Verdict::LaterId,
            Price {
                scope: own,
                kind: PriceKind::Contract,
                valid: until(200),
                is_for_a_time: true,
                min_quantity: 5,
                ..price(17)
            },
        ),
    ];
    let prices: Vec<Price> = cases.iter().map(|(_, price)| price.clone()).collect();
    let selection = select(&prices, &question());
    assert_eq!(selection.chosen, Some(&prices[0]));
    for ((expected, price), (id, verdict)) in cases.iter().zip(&selection.verdicts) {
        assert_eq!((price.id, *expected), (*id, *verdict));
    }
    // Sold by no catalog, it has no price: not zero, and not another.
    let mut elsewhere = question();
    elsewhere.listings[0].effective = until(100);
    let nothing = select(&prices[..1], &elsewhere);
    assert_eq!(nothing.chosen, None);
    assert_eq!(nothing.verdicts[0].1, Verdict::NotListed);
    assert_eq!(select(&[], &question()).chosen, None);
}

#[test]
fn r3_at_its_end_a_price_is_gone() {
    let sale = Price {
        valid: Window {
            from: Some(at(50)),
            until: Some(at(100)),
        },
        kind: PriceKind::Sale,
        ..price(1)
    };
    let prices = [sale, price(2)];
    let chosen = |moment| {
        let question = Question {
            at: at(moment),
            ..question()
        };
        select(&prices, &question).chosen.map(|price| price.id)
    };
    for (moment, expected) in [(49, 2), (50, 1), (99, 1), (100, 2)] {
        assert_eq!(chosen(moment), Some(Uuid::from_u128(expected)), "{moment}");
    }
}

#[test]
fn r6_tiers_that_rise_are_told() {
    let tier = |id, min_quantity, amount, per_quantity| Price {
        min_quantity,
        per_quantity,
        amount: Money::new(amount, euro()),
        ..price(id)
    };
    let prices = [
        tier(1, 1, 100, 1),
        tier(2, 10, 90, 1),
        tier(3, 100, 95, 1),
        tier(4, 1_000, 80_000, 1_000),
    ];
    let ids = |pairs: &[(u128, u128)]| -> Vec<(Uuid, Uuid)> {
        let id = Uuid::from_u128;
        pairs
            .iter()
            .map(|(lower, higher)| (id(*lower), id(*higher)))
            .collect()
    };
    assert_eq!(rising_tiers(&prices), ids(&[(2, 3)]));
}

fn some_price() -> impl Strategy<Value = Price> {
    let scope = (
        prop::option::of(prop_oneof![Just(700_u128), Just(701)]),
        prop::option::of(prop_oneof![Just("partner"), Just("retail")]),
        prop::option::of(prop_oneof![Just("web"), Just("shop")]),
        prop::option::of(prop_oneof![Just("PT"), Just("DE")]),
    );
    let scope = scope.prop_map(|(company, segment, channel, country)| Scope {
        company: company.map(Uuid::from_u128),
        segment: segment.map(str::to_owned),
        channel: channel.map(str::to_owned),
        country: country.map(str::to_owned),
        catalog: None,
    });
    let valid = (prop::option::of(0_i64..200), prop::option::of(0_i64..200));
    let valid = valid.prop_map(|(from, until)| Window {
        from: from.map(at),
        until: until.map(at),
    });
    let kind = prop_oneof![
        Just(PriceKind::List),
        Just(PriceKind::Sale),
        Just(PriceKind::Contract)
    ];
    (scope, valid, kind, 1_i64..20, 1_i64..5_000, any::<bool>()).prop_map(
        |(scope, valid, kind, min_quantity, amount, is_active)| Price {
            scope,
            valid,
            kind,
            min_quantity,
            amount: Money::new(amount, euro()),
            is_active,
            ..price(0)
        },
    )
}

fn some_prices() -> impl Strategy<Value = Vec<Price>> {
    let prices = prop::collection::vec(some_price(), 0..30);
    prices.prop_map(|mut prices| {
        for (place, price) in prices.iter_mut().enumerate() {
            price.id = Uuid::from_u128(place as u128 + 1);
        }
        prices
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// R1: the choice depends on the prices and the question, not on the order of rows.
    #[test]
    fn r1_selection_does_not_know_the_order_of_rows(
        (prices, shuffled) in some_prices().prop_flat_map(|prices| (Just(prices.clone()), Just(prices).prop_shuffle())),
    ) {
        let id = |prices: &[Price]| select(prices, &question()).chosen.map(|price| price.id);
        prop_assert_eq!(id(&prices), id(&shuffled));
        let sorted = |prices: &[Price]| {
            let mut verdicts = select(prices, &question()).verdicts;
            verdicts.sort_unstable_by_key(|(id, _)| *id);
            verdicts
        };
        prop_assert_eq!(sorted(&prices), sorted(&shuffled));
    }

    /// R2: at most one price is chosen, and exactly the chosen one is told so.
    #[test]
    fn r2_one_price_is_chosen_and_knows_it(prices in some_prices()) {
        let selection = select(&prices, &question());
        let told = selection.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Chosen);
        let told: Vec<Uuid> = told.map(|(id, _)| *id).collect();
        let chosen: Vec<Uuid> = selection.chosen.iter().map(|price| price.id).collect();
        prop_assert_eq!(told, chosen);
    }

    /// What lost could not have won: without the chosen one another is chosen, of no higher rank.
    #[test]
    fn the_next_in_line_is_never_more_specific(prices in some_prices()) {
        let selection = select(&prices, &question());
        if let Some(first) = selection.chosen {
            let rest: Vec<Price> = prices.iter().filter(|price| price.id != first.id).cloned().collect();
            if let Some(second) = select(&rest, &question()).chosen {
                prop_assert!(second.scope.conditions() <= first.scope.conditions());
            }
        }
    }
}

/// A revised price has a beginning and an ended one an end. That makes neither of them one for a time.
#[test]
fn a_price_that_was_revised_or_ended_lifts_itself_above_no_other() {
    let begun = Window {
        from: Some(at(0)),
        until: Some(at(1_000)),
    };
    let revised = Price {
        valid: begun,
        ..price(1)
    };
    let tier = Price {
        min_quantity: 10,
        ..price(2)
    };
    let sale = Price {
        kind: PriceKind::Sale,
        ..price(3)
    };
    for other in [tier, sale] {
        let both = [revised.clone(), other.clone()];
        assert_eq!(
            select(&both, &question()).chosen.map(|one| one.id),
            Some(other.id)
        );
    }
    let season = Price {
        is_for_a_time: true,
        ..revised
    };
    let both = [season.clone(), price(2)];
    assert_eq!(
        select(&both, &question()).chosen.map(|one| one.id),
        Some(season.id)
    );
}

/// R2: whatever two different scopes fit one buyer, one of them is more specific.
#[test]
fn r2_no_two_scopes_that_fit_tie() {
    let all = question();
    let of = |bits: u8| {
        scope(|scope| {
            scope.company = all.company.filter(|_| bits & 1 != 0);
            scope.segment = all.segment.clone().filter(|_| bits & 2 != 0);
            scope.channel = all.channel.clone().filter(|_| bits & 4 != 0);
            scope.country = all.country.clone().filter(|_| bits & 8 != 0);
            scope.catalog = Some(catalog()).filter(|_| bits & 16 != 0);
        })
    };
    for one in 0..32_u8 {
        for other in 0..32_u8 {
            // The less specific has the lower id, which would win a tie.
            let (low, high) = (of(one), of(other));
            if low.conditions() >= high.conditions() {
                continue;
            }
            let prices = [
                Price {
                    scope: low,
                    ..price(1)
                },
                Price {
                    scope: high,
                    ..price(2)
                },
            ];
            let selection = select(&prices, &question());
            assert_eq!(
                selection.chosen.map(|one| one.id),
                Some(Uuid::from_u128(2)),
                "{one} {other}"
            );
            assert_eq!(selection.verdicts[0].1, Verdict::LessSpecific);
        }
    }
}

//! Who gets which catalog: deterministic, and never without a language.

use averis_pricing::engine::assignment::{Assignable, Buyer, Rule, Visitor, assign};
use averis_pricing::engine::selection::Window;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

fn catalog(id: u128, locale: &str, is_default: bool) -> Assignable {
    Assignable {
        id: Uuid::from_u128(id),
        effective: Window::default(),
        locale: locale.to_owned(),
        is_default,
    }
}

fn rule(id: u128, priority: i32, catalog: u128) -> Rule {
    Rule {
        id: Uuid::from_u128(id),
        priority,
        catalog: Uuid::from_u128(catalog),
        locale: None,
        countries: Vec::new(),
        except_countries: Vec::new(),
        segments: Vec::new(),
        buyers: Vec::new(),
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn visitor(country: &str, buyer: Buyer) -> Visitor<'_> {
    Visitor {
        country: Some(country),
        segment: None,
        buyer,
    }
}

/// The vectors of the platform before this one, with its faults mended: whoever is signed in is no exception, and nobody is
/// without a language.
#[test]
fn assignment_that_is_ambiguous_or_without_locale_is_a_bug_of_others() {
    const AMER: u128 = 1;
    const EMEA: u128 = 2;
    const APAC: u128 = 3;
    let catalogs = [
        catalog(AMER, "en_US", true),
        catalog(EMEA, "en_GB", false),
        catalog(APAC, "ja_JP", false),
    ];
    let for_countries = |id, priority, catalog, countries: &[&str], locale: &str| Rule {
        countries: texts(countries),
        locale: Some(locale.to_owned()),
        ..rule(id, priority, catalog)
    };
    let rules = [
        for_countries(10, 10, AMER, &["US"], "en_US"),
        for_countries(11, 10, AMER, &["CA"], "en_CA"),
        for_countries(12, 10, AMER, &["MX"], "es_MX"),
        for_countries(13, 20, EMEA, &["GB"], "en_GB"),
        for_countries(14, 20, EMEA, &["DE"], "de_DE"),
        for_countries(15, 20, EMEA, &["FR"], "fr_FR"),
        rule(16, 30, APAC),
    ];
    let rules: Vec<Rule> = rules
        .into_iter()
        .map(|one| {
            if one.catalog == Uuid::from_u128(APAC) {
                Rule {
                    countries: texts(&["JP"]),
                    ..one
                }
            } else {
                one
            }
        })
        .collect();
    for (country, expected, locale) in [
        ("US", AMER, "en_US"),
        ("CA", AMER, "en_CA"),
        ("MX", AMER, "es_MX"),
        ("GB", EMEA, "en_GB"),
        ("DE", EMEA, "de_DE"),
        ("FR", EMEA, "fr_FR"),
        ("JP", APAC, "ja_JP"),
        ("BR", AMER, "en_US"),
        ("XX", AMER, "en_US"),
    ] {
        for buyer in [Buyer::Anonymous, Buyer::Customer, Buyer::Company] {
            let got =
                assign(&rules, &catalogs, visitor(country, buyer), Utc::now()).expect("a catalog");
            assert_eq!(
                (got.catalog, got.locale.as_str()),
                (Uuid::from_u128(expected), locale),
                "{country}"
            );
        }
    }
}

#[test]
fn each_condition_of_a_rule_counts() {
    let now = Utc::now();
    let catalogs = [catalog(1, "en_US", true), catalog(2, "de_DE", false)];
    let given = |change: fn(&mut Rule), visitor: Visitor<'_>| {
        let mut one = rule(10, 1, 2);
        change(&mut one);
        assign(&[one], &catalogs, visitor, now)
            .expect("a catalog")
            .rule
            .is_some()
    };
    let german = visitor("DE", Buyer::Customer);
    assert!(given(|_| {}, german));
    assert!(given(|one| one.countries = texts(&["AT", "DE"]), german));
    assert!(!given(|one| one.countries = texts(&["AT"]), german));
    assert!(!given(|one| one.except_countries = texts(&["DE"]), german));
    assert!(given(|one| one.buyers = texts(&["customer"]), german));
    assert!(!given(
        |one| one.buyers = texts(&["anonymous", "company"]),
        german
    ));
    assert!(!given(|one| one.segments = texts(&["gold"]), german));
    let gold = Visitor {
        segment: Some("gold"),
        ..german
    };
    assert!(given(|one| one.segments = texts(&["gold"]), gold));
    // Of a country that nobody knows, no rule for a country is.
    let somewhere = Visitor {
        country: None,
        ..german
    };
    assert!(!given(|one| one.countries = texts(&["DE"]), somewhere));
}

#[test]
fn expired_catalogs_are_served_by_others_and_not_here() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
    let mut old = catalog(2, "de_DE", false);
    old.effective.until = Some(now);
    let rules = [rule(10, 1, 2)];
    let catalogs = [catalog(1, "en_US", true), old];
    let at = |at| {
        assign(&rules, &catalogs, visitor("DE", Buyer::Anonymous), at)
            .expect("a catalog")
            .catalog
    };
    assert_eq!(at(now - TimeDelta::microseconds(1)), Uuid::from_u128(2));
    assert_eq!(at(now), Uuid::from_u128(1));
    assert_eq!(
        assign(&rules, &catalogs[1..], visitor("DE", Buyer::Anonymous), now),
        None
    );
}

proptest! {
    #[test]
    fn assignment_does_not_depend_on_the_order_of_rows(
        priorities in proptest::collection::vec(0..3_i32, 1..12),
        seed in any::<prop::sample::Index>(),
    ) {
        let catalogs: Vec<Assignable> = (0..4).map(|id| catalog(id, "en_US", id == 0)).collect();
        let mut rules: Vec<Rule> = priorities
            .iter()
            .enumerate()
            .map(|(place, priority)| rule(100 + place as u128, *priority, place as u128 % 4))
            .collect();
        let before = assign(&rules, &catalogs, visitor("DE", Buyer::Anonymous), Utc::now());
        let least = rules.iter().min_by_key(|one| (one.priority, one.id)).map(|one| one.id);
        prop_assert_eq!(before.as_ref().and_then(|got| got.rule), least);
        rules.rotate_left(seed.index(priorities.len()));
        let mut turned = catalogs.clone();
        turned.reverse();
        prop_assert_eq!(assign(&rules, &turned, visitor("DE", Buyer::Anonymous), Utc::now()), before);
    }
}

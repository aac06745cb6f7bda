//! Properties of money for random amounts, in currencies of 0, 2, 3 and 4
//! digits and both rounding modes.

use averis_money::{Currency, Decimal, Money, MoneyError, Rounding, portion, prorate};
use proptest::collection::vec;
use proptest::prelude::*;

fn currency() -> impl Strategy<Value = Currency> {
    proptest::sample::select(vec!["JPY", "EUR", "KWD", "CLF"])
        .prop_filter_map("a known code", |code| code.parse().ok())
}

fn mode() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven)]
}

/// Any amount, with the edges of the range more often than chance has them.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => any::<i64>(),
        4 => -1_000_000_i64..1_000_000,
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => Just(0),
    ]
}

fn small() -> impl Strategy<Value = i64> {
    -1_000_000_000_i64..1_000_000_000
}

/// Rates as the platform has them: up to 10 digits after the point.
fn rate() -> impl Strategy<Value = Decimal> {
    (-100_000_000_000_i64..100_000_000_000, 0_u32..=10)
        .prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

/// Any two numbers, or small ones, among which exact halves are frequent.
fn quotient() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![(any::<i64>(), any::<i64>()), (-100_i64..100, -10_i64..10)]
}

fn weights() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        vec(any::<u64>(), 1..40),
        vec(0_u64..5, 1..40),
        vec(prop_oneof![Just(0), Just(1), Just(u64::MAX)], 1..40),
    ]
}

proptest! {
    /// M1: what is computed is an integer of minor units, and the nearest one.
    #[test]
    fn rounding_is_to_the_nearest((numerator, denominator) in quotient(), mode in mode()) {
        let (n, d) = (i128::from(numerator), i128::from(denominator));
        prop_assume!(d != 0);
        let result = mode.divide(n, d).unwrap();
        let error = (n - result * d).abs() * 2;
        prop_assert!(error <= d.abs());
        if error == d.abs() {
            match mode {
                Rounding::HalfUp => prop_assert!((result * d).abs() > n.abs()),
                Rounding::HalfEven => prop_assert!(result % 2 == 0),
            }
        }
        // a refund is the mirror of the charge
        prop_assert_eq!(mode.divide(-n, d), Ok(-result));
        prop_assert_eq!(mode.divide(n, -d), Ok(-result));
    }

    /// M1, the same with decimal rates.
    #[test]
    fn a_rate_rounds_once(minor in amount(), rate in rate(), c in currency(), mode in mode()) {
        let exact = i128::from(minor) * rate.mantissa();
        let expected = mode.divide(exact, 10_i128.pow(rate.scale())).unwrap();
        let result = Money::new(minor, c).checked_mul_rate(rate, mode);
        match i64::try_from(expected) {
            Ok(expected) => prop_assert_eq!(result, Ok(Money::new(expected, c))),
            Err(_) => prop_assert_eq!(result, Err(MoneyError::Overflow)),
        }
    }

    /// Gross to net and back: never more than one minor unit off.
    #[test]
    fn division_undoes_multiplication(minor in small(), percent in 0_i64..100, c in currency(), mode in mode()) {
        let factor = Decimal::new(100 + percent, 2);
        let gross = Money::new(minor, c);
        let net = gross.checked_div_rate(factor, mode).unwrap();
        let again = net.checked_mul_rate(factor, mode).unwrap();
        prop_assert!(again.checked_sub(gross).unwrap().amount().abs() <= 1);
    }

    /// M4: the parts add up, have the sign of the whole, and are within one unit
    /// of their exact share; a heavier part is not smaller.
    #[test]
    fn prorated_parts_add_up(total in amount(), weights in weights(), c in currency()) {
        let total = Money::new(total, c);
        let whole: i128 = weights.iter().copied().map(i128::from).sum();
        let parts = prorate(total, &weights);
        if whole == 0 && !total.is_zero() {
            prop_assert_eq!(parts, Err(MoneyError::NothingToProrate));
            return Ok(());
        }
        let parts = parts.unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(Money::checked_sum(c, parts.iter().copied()), Ok(total));
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(part.is_zero() || part.amount().signum() == total.amount().signum());
            prop_assert!(*weight != 0 || part.is_zero());
            // |part × whole − total × weight| < whole, taken apart to stay within 128 bits
            if whole != 0 {
                let exact = i128::from(total.amount()) * i128::from(*weight);
                let off = i128::from(part.amount()) - exact / whole;
                prop_assert!(off == 0 || (off == exact.signum() && exact % whole != 0));
            }
            for (other, lighter) in parts.iter().zip(&weights) {
                let (part, other) = (part.amount().unsigned_abs(), other.amount().unsigned_abs());
                prop_assert!(weight <= lighter || part >= other);
            }
        }
    }

    /// M4: a refund is divided as the charge was, and equal weights favour the
    /// earlier position by at most one unit.
    #[test]
    fn proration_mirrors_and_prefers_the_earlier(total in small(), count in 1_usize..50, weight in 1_u64..u64::MAX) {
        let c: Currency = "EUR".parse().unwrap();
        let weights = vec![weight; count];
        let charge = prorate(Money::new(total, c), &weights).unwrap();
        let refund = prorate(Money::new(-total, c), &weights).unwrap();
        for (charge, refund) in charge.iter().zip(&refund) {
            prop_assert_eq!(charge.checked_neg(), Ok(*refund));
        }
        let sizes: Vec<u64> = charge.iter().map(|part| part.amount().unsigned_abs()).collect();
        prop_assert!(sizes.is_sorted_by(|a, b| a >= b));
        prop_assert!(sizes.first().unwrap() - sizes.last().unwrap() <= 1);
    }

    #[test]
    fn addition_is_commutative_associative_and_undone(a in small(), b in small(), d in small(), c in currency()) {
        let [a, b, d] = [a, b, d].map(|minor| Money::new(minor, c));
        let sum = a.checked_add(b).unwrap();
        prop_assert_eq!(b.checked_add(a), Ok(sum));
        prop_assert_eq!(sum.checked_sub(b), Ok(a));
        prop_assert_eq!(a.checked_add(Money::zero(c)), Ok(a));
        prop_assert_eq!(sum.checked_add(d), a.checked_add(b.checked_add(d).unwrap()));
        prop_assert_eq!(Money::checked_sum(c, [a, b, d]), sum.checked_add(d));
        prop_assert_eq!(a.checked_sub(b), a.checked_add(b.checked_neg().unwrap()));
        prop_assert_eq!(a < b, b.checked_sub(a).unwrap().amount() > 0);
    }

    #[test]
    fn multiplication_distributes(a in small(), b in small(), n in -1_000_i64..1_000, c in currency()) {
        let [x, y] = [a, b].map(|minor| Money::new(minor, c));
        let apart = x.checked_mul(n).unwrap().checked_add(y.checked_mul(n).unwrap());
        prop_assert_eq!(x.checked_add(y).unwrap().checked_mul(n), apart);
        prop_assert_eq!(x.checked_mul(-1), x.checked_neg());
        for mode in [Rounding::HalfUp, Rounding::HalfEven] {
            prop_assert_eq!(Money::line(x, n, 1, mode), x.checked_mul(n));
            prop_assert_eq!(x.checked_mul_rate(Decimal::from(n), mode), x.checked_mul(n));
        }
    }

    /// Over the whole range: the exact result or an error, never a wrapped one.
    #[test]
    fn nothing_wraps(a in amount(), b in amount(), c in currency()) {
        let [x, y] = [a, b].map(|minor| Money::new(minor, c));
        let exact = |value: i128| match i64::try_from(value) {
            Ok(minor) => Ok(Money::new(minor, c)),
            Err(_) => Err(MoneyError::Overflow),
        };
        let (a, b) = (i128::from(a), i128::from(b));
        prop_assert_eq!(x.checked_add(y), exact(a + b));
        prop_assert_eq!(x.checked_sub(y), exact(a - b));
        prop_assert_eq!(x.checked_neg(), exact(-a));
        prop_assert_eq!(x.checked_mul(y.amount()), exact(a * b));
    }

    /// M6: splitting a line in two moves the total by at most one minor unit.
    #[test]
    fn splitting_a_line_costs_at_most_one_unit(unit in small(), q in 0_i64..10_000, r in 0_i64..10_000, per in 1_i64..10_000, c in currency(), mode in mode()) {
        let line = |quantity| Money::line(Money::new(unit, c), quantity, per, mode).unwrap();
        let apart = line(q).checked_add(line(r)).unwrap();
        let difference = line(q + r).checked_sub(apart).unwrap();
        prop_assert!(difference.amount().abs() <= 1);
    }

    /// M7: whatever is refunded in whichever parts, all of it is what was charged; and on the way never more.
    #[test]
    fn m7_all_refunds_are_the_charge(minor in amount(), parts in proptest::collection::vec(0_u64..1_000, 1..20), c in currency()) {
        let charge = Money::new(minor, c);
        let pieces: u64 = parts.iter().sum();
        let (mut before, mut refunded) = (0, 0_i64);
        for taken in parts.iter().copied().filter(|_| pieces > 0) {
            let part = portion(charge, pieces, before, taken).unwrap();
            prop_assert!(part.amount().signum() * charge.amount().signum() >= 0);
            refunded += part.amount();
            before += taken;
            prop_assert!(refunded.unsigned_abs() <= charge.amount().unsigned_abs());
        }
        if pieces > 0 {
            prop_assert_eq!(refunded, charge.amount());
            prop_assert!(portion(charge, pieces, before, 1).is_err());
        }
    }

    #[test]
    fn text_and_json_round_trip(minor in amount(), c in currency()) {
        let money = Money::new(minor, c);
        let text = money.to_decimal_string();
        prop_assert_eq!(Money::parse_decimal(&text, c), Ok(money));
        let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        prop_assert_eq!(u32::try_from(digits), Ok(c.exponent()));
        let json = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }

    /// Reading never panics, and what it accepts has the value of its digits.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,24}|-?[0-9]{0,20}(\\.[0-9]{0,6})?", c in currency()) {
        if let Ok(money) = Money::parse_decimal(&text, c) {
            let value: Decimal = text.parse().unwrap();
            prop_assert_eq!(value, Decimal::new(money.amount(), c.exponent()));
        }
    }
}

//! Division of an amount into parts that add up.

use std::cmp::Reverse;

use crate::{Money, MoneyError};

/// Divides an amount in proportion to weights by the largest remainder: every
/// part is first rounded towards zero, and the minor units left over go, one
/// each, to the parts that lost most; among equals, to the earlier one.
///
/// The parts come in the order of the weights and add up to the whole exactly;
/// each has the sign of the whole or is zero, differs from its exact share by
/// less than one minor unit, and is zero if its weight is.
///
/// # Errors
/// [`MoneyError::NothingToProrate`] if the amount is not zero and there are no
/// weights or all are zero.
pub fn prorate(total: Money, weights: &[u64]) -> Result<Vec<Money>, MoneyError> {
    let parts = prorate_minor(total.amount(), weights)?;
    Ok(parts
        .into_iter()
        .map(|part| Money::new(part, total.currency()))
        .collect())
}

/// [`prorate`] for a bare number of minor units (or pieces, or any integer).
///
/// # Errors
/// As [`prorate`].
pub fn prorate_minor(total: i64, weights: &[u64]) -> Result<Vec<i64>, MoneyError> {
    let mut whole = 0_i128;
    for weight in weights {
        whole = whole
            .checked_add(i128::from(*weight))
            .ok_or(MoneyError::Overflow)?;
    }
    if total == 0 {
        return Ok(vec![0; weights.len()]);
    }
    if whole == 0 {
        return Err(MoneyError::NothingToProrate);
    }

    let sign = i128::from(total.signum());
    let total = i128::from(total).abs();
    let mut left_over = total;
    let mut parts = Vec::with_capacity(weights.len());
    for (position, weight) in weights.iter().enumerate() {
        // at most 2^63 × 2^64: within 128 bits
        let exact = total
            .checked_mul(i128::from(*weight))
            .ok_or(MoneyError::Overflow)?;
        left_over -= exact / whole;
        parts.push(Part {
            position,
            share: exact / whole,
            remainder: exact % whole,
        });
    }

    // The remainders add up to left_over × whole and each is less than whole, so
    // more parts have one than there are units left over: one round is enough,
    // and no part without a remainder (such as a weight of zero) gets a unit.
    parts.sort_unstable_by_key(|part| (Reverse(part.remainder), part.position));
    for part in &mut parts {
        if left_over == 0 {
            break;
        }
        part.share += 1;
        left_over -= 1;
    }
    parts.sort_unstable_by_key(|part| part.position);
    parts
        .into_iter()
        .map(|part| i64::try_from(sign * part.share).map_err(|_too_large| MoneyError::Overflow))
        .collect()
}

/// Returns what `taken` more of `pieces` pieces cost of an amount for all of them, after `before` were
/// taken already: for shipments, captures and refunds in parts. However the pieces are taken, all portions
/// together are the whole amount, since each is the difference of two shares from the beginning.
///
/// # Errors
/// [`MoneyError::NothingToProrate`] if more than all pieces would be taken.
pub fn portion(whole: Money, pieces: u64, before: u64, taken: u64) -> Result<Money, MoneyError> {
    let after = before.checked_add(taken).ok_or(MoneyError::Overflow)?;
    if after > pieces || pieces == 0 {
        return Err(MoneyError::NothingToProrate);
    }
    let share = |count: u64| {
        let share = i128::from(whole.amount())
            .checked_mul(i128::from(count))
            .ok_or(MoneyError::Overflow)?;
        // Towards zero: no portion is more than its pieces are worth so far.
        i64::try_from(share / i128::from(pieces)).map_err(|_too_large| MoneyError::Overflow)
    };
    let part = share(after)?.checked_sub(share(before)?);
    Ok(Money::new(
        part.ok_or(MoneyError::Overflow)?,
        whole.currency(),
    ))
}

struct Part {
    position: usize,
    share: i128,
    remainder: i128,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_cases() {
        for (total, weights, expected) in [
            (1000, vec![333, 333, 334], vec![333, 333, 334]),
            (100, vec![1, 1, 1], vec![34, 33, 33]),
            (500, vec![1999, 999, 1], vec![333, 167, 0]),
            (0, vec![0, 0], vec![0, 0]),
            (0, vec![], vec![]),
            (0, vec![1, 2], vec![0, 0]),
            (-100, vec![1, 1, 1], vec![-34, -33, -33]),
            (2, vec![1, 1, 1, 1], vec![1, 1, 0, 0]),
            (1, vec![0, 1, 0], vec![0, 1, 0]),
            (5, vec![0, 0, 3], vec![0, 0, 5]),
            (1, vec![1, 2], vec![0, 1]), // the larger remainder, not the first
        ] {
            assert_eq!(
                prorate_minor(total, &weights),
                Ok(expected),
                "{total} by {weights:?}"
            );
        }
    }

    #[test]
    fn nothing_to_divide_among_is_an_error_and_ends() {
        for weights in [vec![], vec![0], vec![0, 0, 0]] {
            for total in [1, -1, i64::MAX, i64::MIN] {
                assert_eq!(
                    prorate_minor(total, &weights),
                    Err(MoneyError::NothingToProrate)
                );
            }
        }
    }

    #[test]
    fn the_largest_numbers_fit() {
        assert_eq!(prorate_minor(i64::MIN, &[u64::MAX]), Ok(vec![i64::MIN]));
        assert_eq!(prorate_minor(i64::MAX, &[1]), Ok(vec![i64::MAX]));
        let half = i64::MIN / 2;
        assert_eq!(
            prorate_minor(i64::MIN, &[u64::MAX, u64::MAX]),
            Ok(vec![half, half])
        );
        let parts = prorate_minor(i64::MAX, &[u64::MAX; 3]).unwrap();
        assert_eq!(
            parts.iter().copied().map(i128::from).sum::<i128>(),
            i128::from(i64::MAX)
        );
    }

    #[test]
    fn portions_follow_each_other_and_end() {
        let eur = |amount| Money::new(amount, "EUR".parse().unwrap());
        let taken: Vec<i64> = (0..3)
            .map(|before| portion(eur(100), 3, before, 1).unwrap().amount())
            .collect();
        assert_eq!(taken, [33, 33, 34]);
        assert_eq!(portion(eur(-100), 3, 0, 3), Ok(eur(-100)));
        assert_eq!(portion(eur(100), 3, 1, 0), Ok(eur(0)));
        assert_eq!(
            portion(eur(i64::MAX), u64::MAX, 0, u64::MAX),
            Ok(eur(i64::MAX))
        );
        for (pieces, before, taken) in [(3, 3, 1), (3, 0, 4), (0, 0, 0), (3, u64::MAX, 1)] {
            assert!(portion(eur(100), pieces, before, taken).is_err());
        }
    }

    #[test]
    fn money_keeps_its_currency() {
        let currency = "KWD".parse().unwrap();
        let parts = prorate(Money::new(1000, currency), &[2, 1]).unwrap();
        assert_eq!(
            parts,
            [Money::new(667, currency), Money::new(333, currency)]
        );
    }
}

//! What stock is worth: the moving average.

use averis_service_kit::problem::Problem;

use crate::error::codes;

/// What is there of a SKU in a warehouse, and what it has cost, in minor units of the books' currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub quantity: i64,
    pub value: i64,
}

impl Cost {
    /// What so many pieces are worth, half up; all that there are, all of it. No more than there is, where they are more.
    pub fn of(self, pieces: i64) -> i64 {
        if pieces >= self.quantity {
            return self.value;
        }
        let (value, quantity) = (i128::from(self.value), i128::from(self.quantity));
        let doubled = value * i128::from(pieces) * 2 + quantity;
        i64::try_from(doubled / (quantity * 2)).unwrap_or(self.value)
    }

    /// What so many more pieces are worth that come for no known cost: as much each as those that are there.
    ///
    /// # Errors
    /// 422 when that is too large.
    pub fn of_more(self, pieces: i64) -> Result<i64, Problem> {
        if self.quantity == 0 {
            return Ok(0);
        }
        let each = i128::from(self.value) * i128::from(pieces) / i128::from(self.quantity);
        i64::try_from(each).map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))
    }

    /// Takes pieces away, and returns what they were worth.
    ///
    /// # Errors
    /// 409 when there are fewer.
    pub fn take(&mut self, pieces: i64) -> Result<i64, Problem> {
        if pieces > self.quantity {
            return Err(Problem::new(codes::NOT_IN_STOCK));
        }
        let value = self.of(pieces);
        self.quantity -= pieces;
        self.value -= value;
        Ok(value)
    }

    /// Adds pieces that are worth so much together.
    ///
    /// # Errors
    /// 422 when the sum is too large.
    pub fn add(&mut self, pieces: i64, value: i64) -> Result<(), Problem> {
        let overflow = || Problem::new(codes::MONEY_OVERFLOW);
        self.quantity = self.quantity.checked_add(pieces).ok_or_else(overflow)?;
        self.value = self.value.checked_add(value).ok_or_else(overflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_average_moves_with_what_comes_and_not_with_what_leaves() {
        let mut cost = Cost::default();
        cost.add(10, 10_000).expect("ten at 10.00");
        cost.add(5, 10_000).expect("five at 20.00");
        assert_eq!(cost.take(3).expect("three"), 4_000);
        assert_eq!(
            cost,
            Cost {
                quantity: 12,
                value: 16_000
            }
        );
        assert_eq!(cost.take(12).expect("the rest"), 16_000);
        assert_eq!(cost, Cost::default());
        assert!(cost.take(1).is_err());
        // What does not divide: no cent is left behind (E4).
        cost.add(3, 1_000).expect("three for 10.00");
        let taken: Vec<i64> = (0..3).map(|_| cost.take(1).expect("one")).collect();
        assert_eq!((taken, cost), (vec![333, 334, 333], Cost::default()));
        assert_eq!(
            Cost {
                quantity: 4,
                value: 1_001
            }
            .of_more(2)
            .expect("two"),
            500
        );
        assert_eq!(Cost::default().of_more(2).expect("two"), 0);
    }

    proptest! {
        #[test]
        fn e4_nothing_is_worth_nothing_and_no_cent_is_lost(steps in prop::collection::vec((any::<bool>(), 1_i64..1_000, 0_i64..1_000_000), 1..60)) {
            let mut cost = Cost::default();
            let (mut came, mut left) = (0, 0);
            for (comes, pieces, value) in steps {
                if comes {
                    cost.add(pieces, value).expect("small");
                    came += value;
                } else if let Ok(value) = cost.take(pieces) {
                    left += value;
                }
                prop_assert!(cost.value >= 0 && (cost.quantity > 0 || cost.value == 0));
                prop_assert_eq!(came - left, cost.value);
            }
        }
    }
}

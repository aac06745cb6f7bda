//! Carts of one customer that become one.

use std::collections::BTreeMap;

use super::{MAX_LINES, MAX_QUANTITY};

/// Pieces of a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// As it is compared.
    pub folded: String,
    pub sku: String,
    pub quantity: i64,
}

/// Why less is kept than was in the carts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There are no more.
    Stock,
    /// Nobody buys more at once.
    Limit,
    /// The cart has no more room.
    Full,
}

/// What of a SKU was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Less {
    pub sku: String,
    pub wanted: i64,
    pub kept: i64,
    pub reason: Reason,
}

/// Puts what is in carts together, in the order in which it came: of each SKU the sum (C7), as far as there is so much. `stock` says
/// what there is of those SKUs of which that is known; of what is sold out one piece stays, so that its shopper sees it.
pub fn merge(
    carts: impl IntoIterator<Item = Pieces>,
    stock: &BTreeMap<String, i64>,
) -> (Vec<Pieces>, Vec<Less>) {
    let mut kept: Vec<Pieces> = Vec::new();
    for own in carts {
        match kept.iter_mut().find(|other| other.folded == own.folded) {
            Some(other) => other.quantity = other.quantity.saturating_add(own.quantity),
            None => kept.push(own),
        }
    }
    let mut less = Vec::new();
    for (place, own) in kept.iter_mut().enumerate() {
        let wanted = own.quantity;
        let there = stock.get(&own.folded).map(|there| (*there).max(1));
        let reason = if place >= MAX_LINES {
            own.quantity = 0;
            Reason::Full
        } else if there.is_some_and(|there| there < wanted.min(MAX_QUANTITY)) {
            own.quantity = there.unwrap_or_default();
            Reason::Stock
        } else {
            own.quantity = wanted.min(MAX_QUANTITY);
            Reason::Limit
        };
        if own.quantity < wanted {
            less.push(Less {
                sku: own.sku.clone(),
                wanted,
                kept: own.quantity,
                reason,
            });
        }
    }
    kept.truncate(MAX_LINES);
    (kept, less)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(sku: &str, quantity: i64) -> Pieces {
        Pieces {
            folded: sku.to_lowercase(),
            sku: sku.to_owned(),
            quantity,
        }
    }

    #[test]
    fn sums_end_where_stock_and_limits_do() {
        let stock = BTreeMap::from([("lamp".to_owned(), 3), ("bulb".to_owned(), 0)]);
        let carts = [
            pieces("LAMP", 2),
            pieces("lamp", 2),
            pieces("BULB", 2),
            pieces("WIRE", MAX_QUANTITY),
            pieces("WIRE", 1),
        ];
        let (kept, less) = merge(carts, &stock);
        assert_eq!(
            kept,
            [
                pieces("LAMP", 3),
                pieces("BULB", 1),
                pieces("WIRE", MAX_QUANTITY)
            ]
        );
        let told: Vec<_> = less
            .iter()
            .map(|one| (one.sku.as_str(), one.wanted, one.kept, one.reason))
            .collect();
        assert_eq!(
            told,
            [
                ("LAMP", 4, 3, Reason::Stock),
                ("BULB", 2, 1, Reason::Stock),
                ("WIRE", MAX_QUANTITY + 1, MAX_QUANTITY, Reason::Limit),
            ]
        );
    }

    #[test]
    fn what_has_no_room_is_told() {
        let many = (0..=MAX_LINES).map(|number| pieces(&format!("S{number}"), 1));
        let (kept, less) = merge(many, &BTreeMap::new());
        assert_eq!(kept.len(), MAX_LINES);
        assert_eq!(
            (less.len(), less[0].kept, less[0].reason),
            (1, 0, Reason::Full)
        );
    }

    fn cart() -> impl Strategy<Value = Vec<Pieces>> {
        prop::collection::vec(("[a-f]", 1_i64..40), 0..8).prop_map(|lines| {
            lines
                .iter()
                .map(|(sku, quantity)| pieces(sku, *quantity))
                .collect()
        })
    }

    fn sums(kept: &[Pieces]) -> BTreeMap<String, i64> {
        kept.iter()
            .map(|own| (own.folded.clone(), own.quantity))
            .collect()
    }

    proptest! {
        /// C7: whichever cart is put into which, and however often, as much of each SKU is in it.
        #[test]
        fn c7_merging_is_commutative_and_idempotent(a in cart(), b in cart(), stock in prop::collection::btree_map("[a-f]", 0_i64..60, 0..6)) {
            let (one, _) = merge(a.iter().chain(&b).cloned(), &stock);
            let (other, _) = merge(b.iter().chain(&a).cloned(), &stock);
            prop_assert_eq!(sums(&one), sums(&other));
            let (again, less) = merge(one.clone(), &stock);
            prop_assert_eq!(&again, &one);
            prop_assert!(less.is_empty());
            for own in &one {
                let wanted: i64 = a.iter().chain(&b).filter(|other| other.folded == own.folded).map(|other| other.quantity).sum();
                let there = stock.get(&own.folded).map_or(i64::MAX, |there| (*there).max(1));
                prop_assert_eq!(own.quantity, wanted.min(there));
            }
        }
    }
}

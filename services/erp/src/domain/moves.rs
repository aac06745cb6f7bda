//! What moves do to levels.

use std::collections::BTreeMap;

use averis_service_kit::problem::Problem;
use uuid::Uuid;

use crate::error::codes;

/// A place inside a warehouse, for one SKU as it is compared. In this order levels are locked.
pub type Place = (String, Uuid);

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub safety: i64,
    pub backorder_limit: i64,
    pub reorder_point: i64,
}

impl Level {
    /// Nothing yet.
    pub const fn empty(sku: String) -> Self {
        Self {
            sku,
            on_hand: 0,
            reserved: 0,
            safety: 0,
            backorder_limit: 0,
            reorder_point: 0,
        }
    }
}

/// What is to change at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub on_hand: i64,
    pub reserved: i64,
}

/// Lets changes have their effect, all or none.
///
/// # Errors
/// 409 that names the first SKU of which there is too little, or of which orders have reserved too much.
pub fn apply(
    levels: &mut BTreeMap<Place, Level>,
    changes: &BTreeMap<Place, Change>,
) -> Result<(), Problem> {
    let mut after = levels.clone();
    for (place, change) in changes {
        let Some(level) = after.get_mut(place) else {
            return Err(Problem::not_found());
        };
        let refused = |code, level: &Level| {
            Problem::new(code)
                .with("sku", level.sku.clone())
                .with("on_hand", level.on_hand)
                .with("reserved", level.reserved)
        };
        let on_hand = level.on_hand.checked_add(change.on_hand);
        let on_hand = on_hand.filter(|left| *left >= 0);
        let on_hand = on_hand.ok_or_else(|| refused(codes::NOT_IN_STOCK, level))?;
        let reserved = level.reserved.saturating_add(change.reserved);
        if reserved < 0 {
            return Err(refused(codes::NOT_RESERVED, level));
        }
        if reserved > on_hand.saturating_add(level.backorder_limit) {
            return Err(refused(codes::STOCK_RESERVED, level));
        }
        (level.on_hand, level.reserved) = (on_hand, reserved);
    }
    *levels = after;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(on_hand: i64, reserved: i64, backorder_limit: i64) -> BTreeMap<Place, Level> {
        let level = Level {
            on_hand,
            reserved,
            backorder_limit,
            ..Level::empty("A".to_owned())
        };
        [(("a".to_owned(), Uuid::nil()), level)].into()
    }

    #[test]
    fn no_level_falls_below_nothing_or_below_what_is_reserved() {
        let change = |on_hand, reserved| -> BTreeMap<Place, Change> {
            [(("a".to_owned(), Uuid::nil()), Change { on_hand, reserved })].into()
        };
        for (before, changed, expected) in [
            ((5, 2, 0), (-3, 0), Ok((2, 2))),
            ((5, 2, 0), (-4, 0), Err("stock_reserved")),
            ((5, 2, 1), (-4, 0), Ok((1, 2))),
            ((5, 0, 0), (-6, 0), Err("not_in_stock")),
            ((5, 2, 0), (-2, -2), Ok((3, 0))),
            ((5, 2, 0), (-3, -3), Err("not_reserved")),
            ((5, 2, 0), (0, 4), Err("stock_reserved")),
            ((i64::MAX, 0, 0), (1, 0), Err("not_in_stock")),
        ] {
            let mut levels = levels(before.0, before.1, before.2);
            let kept = levels.clone();
            let done = apply(&mut levels, &change(changed.0, changed.1));
            let level = levels.values().next().expect("a level");
            let told = done.map(|()| (level.on_hand, level.reserved));
            let told = told.map_err(|problem| problem.code().name);
            assert_eq!(told, expected, "{before:?} {changed:?}");
            if expected.is_err() {
                assert_eq!(levels, kept, "what is refused changes nothing");
            }
        }
    }
}

//! Rows and queries. Every function takes the connection that its caller has.

pub mod catalogs;
pub mod market;
pub mod prices;
pub mod promotions;
pub mod quotes;
pub mod redemptions;
pub mod rules;
pub mod skus;
pub mod taxes;

/// Continues a list by age after a place in it.
macro_rules! after_place {
    ($rows:expr, $table:ident, $after:expr) => {
        match $after {
            Some((created_at, id)) => $rows
                .filter($table::created_at.ge(created_at))
                .filter($table::created_at.gt(created_at).or($table::id.gt(id))),
            None => $rows,
        }
    };
}
use after_place;

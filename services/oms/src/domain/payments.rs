//! How an order is paid, by what became of its transactions.
//!
//! ```text
//! transaction  initial (written, not asked yet) --> pending (asked, no answer yet) --> success | failure
//! ```

/// The sums of an order's transactions, in minor units of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub authorised: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
    pub charged_back: i64,
}

/// Says how far an order is paid: `none`, `authorised`, `partially_paid`, `paid`, `partially_refunded`, `refunded`,
/// `overcharged`, `voided` or `failed`. `due` is what its pieces cost that were not cancelled and not taken back; `failed`, whether
/// the provider has said no.
pub fn payment_status(due: i64, sums: Sums, failed: bool) -> &'static str {
    let gone = sums.refunded + sums.charged_back;
    let kept = sums.captured - gone;
    if sums.captured > 0 && kept > due {
        "overcharged"
    } else if gone > 0 && kept <= 0 {
        "refunded"
    } else if gone > 0 {
        "partially_refunded"
    } else if sums.captured > 0 && kept == due {
        "paid"
    } else if sums.captured > 0 {
        "partially_paid"
    } else if sums.authorised > sums.voided {
        "authorised"
    } else if sums.voided > 0 {
        "voided"
    } else if failed {
        "failed"
    } else if due == 0 {
        "paid"
    } else {
        "none"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_an_order_is_paid_follows_from_its_sums() {
        let sums = |authorised, captured, voided, refunded, charged_back| Sums {
            authorised,
            captured,
            voided,
            refunded,
            charged_back,
        };
        for (due, sums, failed, expected) in [
            (100, sums(0, 0, 0, 0, 0), false, "none"),
            (0, sums(0, 0, 0, 0, 0), false, "paid"),
            (100, sums(0, 0, 0, 0, 0), true, "failed"),
            (100, sums(100, 0, 0, 0, 0), false, "authorised"),
            (100, sums(100, 0, 0, 0, 0), true, "authorised"),
            (0, sums(100, 0, 100, 0, 0), false, "voided"),
            (100, sums(100, 40, 0, 0, 0), false, "partially_paid"),
            (100, sums(100, 100, 0, 0, 0), false, "paid"),
            (40, sums(100, 40, 60, 0, 0), false, "paid"),
            (90, sums(100, 100, 0, 0, 0), false, "overcharged"),
            (90, sums(100, 100, 0, 10, 0), false, "partially_refunded"),
            (0, sums(100, 100, 0, 100, 0), false, "refunded"),
            (100, sums(100, 100, 0, 0, 100), false, "refunded"),
            (100, sums(0, 100, 0, 0, 0), false, "paid"),
        ] {
            assert_eq!(
                payment_status(due, sums, failed),
                expected,
                "{due} {sums:?}"
            );
        }
    }
}

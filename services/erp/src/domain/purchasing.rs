//! What is bought: orders, what comes of them, and what suppliers want for it.
//!
//! ```text
//! draft --approve--> approved --send--> sent --receive--> partially_received --receive--> received
//! partially_received|received --close--> closed          draft|approved|sent --cancel--> cancelled
//! ```

use averis_service_kit::machine::Machine;
use averis_service_kit::problem::Problem;

use crate::error::codes;

pub const DRAFT: &str = "draft";
pub const APPROVED: &str = "approved";
pub const SENT: &str = "sent";
pub const PARTIALLY_RECEIVED: &str = "partially_received";
pub const RECEIVED: &str = "received";
pub const CLOSED: &str = "closed";
pub const CANCELLED: &str = "cancelled";

/// What moves an order from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurchaseCommand {
    Change,
    Approve,
    Send,
    ReceivePart,
    ReceiveRest,
    Close,
    Cancel,
}

impl PurchaseCommand {
    const ALL: [Self; 7] = [
        Self::Change,
        Self::Approve,
        Self::Send,
        Self::ReceivePart,
        Self::ReceiveRest,
        Self::Close,
        Self::Cancel,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Approve => "approve",
            Self::Send => "send",
            Self::ReceivePart | Self::ReceiveRest => "receive",
            Self::Close => "close",
            Self::Cancel => "cancel",
        }
    }

    fn next(self, status: &str) -> Option<&'static str> {
        match (self, status) {
            (Self::Change, DRAFT) => Some(DRAFT),
            (Self::Approve, DRAFT) => Some(APPROVED),
            (Self::Send, APPROVED) => Some(SENT),
            (Self::ReceivePart, SENT | PARTIALLY_RECEIVED) => Some(PARTIALLY_RECEIVED),
            // More may come than was ordered, as far as that is allowed.
            (Self::ReceiveRest, SENT | PARTIALLY_RECEIVED | RECEIVED) => Some(RECEIVED),
            (Self::Close, PARTIALLY_RECEIVED | RECEIVED) => Some(CLOSED),
            (Self::Cancel, DRAFT | APPROVED | SENT) => Some(CANCELLED),
            _ => None,
        }
    }

    /// Returns the state after the command.
    ///
    /// # Errors
    /// 409 when an order in that state does not take it.
    pub fn apply(self, status: &str) -> Result<&'static str, Problem> {
        const LIFE: Machine<PurchaseCommand> = Machine {
            thing: "a purchase order",
            all: &PurchaseCommand::ALL,
            name: PurchaseCommand::name,
            next: PurchaseCommand::next,
        };
        LIFE.apply(self, status)
    }
}

/// Returns how many pieces may come of so many that were ordered, with a tolerance in millionths. Not a piece more by rounding.
pub fn at_most(ordered: i64, tolerance: i64) -> i64 {
    ordered.saturating_add(part(ordered, tolerance))
}

fn part(of: i64, millionths: i64) -> i64 {
    let part = i128::from(of) * i128::from(millionths) / 1_000_000;
    i64::try_from(part).unwrap_or(i64::MAX)
}

/// A line of an order, as far as it has come and is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub unit_cost: i64,
    pub received: i64,
    pub billed: i64,
}

impl Line {
    /// Holds what a supplier wants for pieces against what has come and what it was to cost (E7). Returns what they were to cost.
    ///
    /// # Errors
    /// 409 when fewer have come than would be billed, 422 when they cost too much to count.
    pub fn bill(&mut self, pieces: i64) -> Result<i64, Problem> {
        let open = self.received - self.billed;
        if pieces > open {
            return Err(Problem::new(codes::NOT_RECEIVED).with("open", open));
        }
        let cost = self.unit_cost.checked_mul(pieces);
        let cost = cost.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
        self.billed += pieces;
        Ok(cost)
    }
}

/// Whether a supplier wants what was to be expected, with a tolerance in millionths of it. Less than expected is a difference too.
pub fn is_as_expected(net: i64, expected: i64, tolerance: i64) -> bool {
    net.abs_diff(expected) <= part(expected, tolerance).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn e_each_state_of_a_purchase_takes_exactly_its_commands() {
        for (status, outcomes) in [
            (
                DRAFT,
                [
                    Some(DRAFT),
                    Some(APPROVED),
                    None,
                    None,
                    None,
                    None,
                    Some(CANCELLED),
                ],
            ),
            (
                APPROVED,
                [None, None, Some(SENT), None, None, None, Some(CANCELLED)],
            ),
            (
                SENT,
                [
                    None,
                    None,
                    None,
                    Some(PARTIALLY_RECEIVED),
                    Some(RECEIVED),
                    None,
                    Some(CANCELLED),
                ],
            ),
            (
                PARTIALLY_RECEIVED,
                [
                    None,
                    None,
                    None,
                    Some(PARTIALLY_RECEIVED),
                    Some(RECEIVED),
                    Some(CLOSED),
                    None,
                ],
            ),
            (
                RECEIVED,
                [None, None, None, None, Some(RECEIVED), Some(CLOSED), None],
            ),
            (CLOSED, [None; 7]),
            (CANCELLED, [None; 7]),
        ] {
            for (command, wanted) in PurchaseCommand::ALL.into_iter().zip(outcomes) {
                assert_eq!(command.apply(status).ok(), wanted, "{status} {command:?}");
            }
        }
    }

    #[test]
    fn a_tolerance_gives_no_piece_and_no_cent_away() {
        assert_eq!(at_most(10, 0), 10);
        assert_eq!(at_most(10, 99_999), 10);
        assert_eq!(at_most(10, 100_000), 11);
        assert_eq!(at_most(i64::MAX, 1_000_000), i64::MAX);
        for (net, tolerance, is_expected) in [
            (1_000, 0, true),
            (1_001, 0, false),
            (999, 0, false),
            (1_020, 20_000, true),
            (980, 20_000, true),
            (1_021, 20_000, false),
        ] {
            assert_eq!(is_as_expected(net, 1_000, tolerance), is_expected, "{net}");
        }
        assert!(!is_as_expected(1, 0, 1_000_000), "what was free is billed");
    }

    proptest! {
        /// E7: whatever comes and is billed in whatever order, no more is billed than has come.
        #[test]
        fn e7_no_more_is_billed_than_has_come(steps in prop::collection::vec((any::<bool>(), 1_i64..50), 1..80), unit_cost in 0_i64..100_000) {
            let mut line = Line { unit_cost, received: 0, billed: 0 };
            let most = at_most(500, 50_000);
            let mut cost = 0;
            for (comes, pieces) in steps {
                if comes {
                    if line.received + pieces <= most {
                        line.received += pieces;
                    }
                } else if let Ok(value) = line.bill(pieces) {
                    cost += value;
                }
                prop_assert!(line.billed <= line.received && line.received <= most);
                prop_assert_eq!(cost, line.billed * unit_cost);
            }
        }
    }
}

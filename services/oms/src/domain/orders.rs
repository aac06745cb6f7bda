//! Orders and their lives.
//!
//! ```text
//! draft --place--> placed --complete--> completed
//! placed --hold--> on_hold --release--> placed
//! draft|placed|on_hold --cancel--> cancelled
//! ```
//!
//! These are what somebody decides. How far an order is paid and shipped follows from what was paid and shipped: nobody
//! writes it.

use averis_service_kit::machine::Machine;
use averis_service_kit::problem::Problem;

pub const DRAFT: &str = "draft";
pub const PLACED: &str = "placed";
pub const ON_HOLD: &str = "on_hold";
pub const CANCELLED: &str = "cancelled";

/// What moves an order from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderCommand {
    Place,
    Hold,
    Release,
    Cancel,
    Complete,
}

impl OrderCommand {
    const ALL: [Self; 5] = [
        Self::Place,
        Self::Hold,
        Self::Release,
        Self::Cancel,
        Self::Complete,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Cancel => "cancel",
            Self::Complete => "complete",
        }
    }

    fn next(self, status: &str) -> Option<&'static str> {
        match (self, status) {
            (Self::Place, DRAFT) | (Self::Release, ON_HOLD) => Some(PLACED),
            (Self::Hold, PLACED) => Some(ON_HOLD),
            (Self::Cancel, DRAFT | PLACED | ON_HOLD) => Some(CANCELLED),
            (Self::Complete, PLACED) => Some("completed"),
            _ => None,
        }
    }

    /// Returns the state after the command.
    ///
    /// # Errors
    /// 409 when an order in that state does not take it.
    pub fn apply(self, status: &str) -> Result<&'static str, Problem> {
        const LIFE: Machine<OrderCommand> = Machine {
            thing: "an order",
            all: &OrderCommand::ALL,
            name: OrderCommand::name,
            next: OrderCommand::next,
        };
        LIFE.apply(self, status)
    }
}

/// Pieces of a line, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    pub ordered: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub delivered: i64,
    pub returned: i64,
}

impl Pieces {
    /// Those that are neither shipped nor cancelled.
    pub const fn open(&self) -> i64 {
        self.ordered - self.cancelled - self.shipped
    }
}

/// Says how far goods are shipped: `unfulfilled`, `partial`, `fulfilled`, `delivered`, `returned` or `cancelled`.
pub fn fulfilment_status(lines: impl Iterator<Item = Pieces>) -> &'static str {
    let mut all = Pieces::default();
    for line in lines {
        all.ordered += line.ordered;
        all.cancelled += line.cancelled;
        all.shipped += line.shipped;
        all.delivered += line.delivered;
        all.returned += line.returned;
    }
    if all.ordered > 0 && all.cancelled == all.ordered {
        "cancelled"
    } else if all.shipped == 0 {
        "unfulfilled"
    } else if all.open() > 0 {
        "partial"
    } else if all.returned == all.shipped {
        "returned"
    } else if all.delivered == all.shipped {
        "delivered"
    } else {
        "fulfilled"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_each_state_takes_exactly_its_commands() {
        let (placed, held) = (Some(PLACED), Some(ON_HOLD));
        let (gone, done) = (Some(CANCELLED), Some("completed"));
        for (status, outcomes) in [
            (DRAFT, [placed, None, None, gone, None]),
            (PLACED, [None, held, None, gone, done]),
            (ON_HOLD, [None, None, placed, gone, None]),
            ("completed", [None; 5]),
            (CANCELLED, [None; 5]),
        ] {
            for (command, expected) in OrderCommand::ALL.into_iter().zip(outcomes) {
                match command.apply(status) {
                    Ok(next) => assert_eq!(Some(next), expected, "{status} {command:?}"),
                    Err(problem) => {
                        assert_eq!(expected, None, "{status} {command:?}");
                        let allowed = problem.body()["allowed"].clone();
                        let named = |one: &OrderCommand| {
                            let names = allowed.as_array().expect("a list");
                            names.iter().any(|name| name == one.name())
                        };
                        for one in OrderCommand::ALL {
                            assert_eq!(named(&one), one.next(status).is_some(), "{status} {one:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn how_far_an_order_is_shipped_follows_from_its_pieces() {
        let line = |ordered, cancelled, shipped, delivered, returned| Pieces {
            ordered,
            cancelled,
            shipped,
            delivered,
            returned,
        };
        for (lines, expected) in [
            (
                vec![line(2, 0, 0, 0, 0), line(1, 0, 0, 0, 0)],
                "unfulfilled",
            ),
            (
                vec![line(2, 2, 0, 0, 0), line(1, 0, 0, 0, 0)],
                "unfulfilled",
            ),
            (vec![line(2, 2, 0, 0, 0), line(1, 1, 0, 0, 0)], "cancelled"),
            (vec![line(2, 0, 1, 0, 0), line(1, 0, 1, 0, 0)], "partial"),
            (vec![line(2, 1, 1, 0, 0), line(1, 0, 1, 0, 0)], "fulfilled"),
            (vec![line(2, 1, 1, 1, 0), line(1, 0, 1, 1, 0)], "delivered"),
            (vec![line(2, 1, 1, 1, 1), line(1, 0, 1, 1, 0)], "delivered"),
            (vec![line(2, 1, 1, 1, 1), line(1, 0, 1, 1, 1)], "returned"),
        ] {
            assert_eq!(
                fulfilment_status(lines.iter().copied()),
                expected,
                "{lines:?}"
            );
        }
    }
}

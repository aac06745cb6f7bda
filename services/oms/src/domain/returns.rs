//! What comes back.
//!
//! ```text
//! requested --approve--> approved --receive--> received --refund--> closed
//! requested --decline--> declined        requested|approved --cancel--> cancelled
//! ```

use averis_service_kit::machine::Machine;
use averis_service_kit::problem::Problem;

pub const REQUESTED: &str = "requested";
pub const APPROVED: &str = "approved";
pub const DECLINED: &str = "declined";
pub const CANCELLED: &str = "cancelled";
pub const RECEIVED: &str = "received";
pub const CLOSED: &str = "closed";

/// What moves a return from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnCommand {
    Approve,
    Decline,
    Cancel,
    Receive,
    Refund,
}

impl ReturnCommand {
    const ALL: [Self; 5] = [
        Self::Approve,
        Self::Decline,
        Self::Cancel,
        Self::Receive,
        Self::Refund,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
            Self::Receive => "receive",
            Self::Refund => "refund",
        }
    }

    /// The state that the command leads to.
    pub const fn goal(self) -> &'static str {
        match self {
            Self::Approve => APPROVED,
            Self::Decline => DECLINED,
            Self::Cancel => CANCELLED,
            Self::Receive => RECEIVED,
            Self::Refund => CLOSED,
        }
    }

    fn next(self, status: &str) -> Option<&'static str> {
        match (self, status) {
            (Self::Approve | Self::Decline, REQUESTED)
            | (Self::Cancel, REQUESTED | APPROVED)
            | (Self::Receive, APPROVED)
            | (Self::Refund, RECEIVED) => Some(self.goal()),
            _ => None,
        }
    }

    /// Returns the state after the command.
    ///
    /// # Errors
    /// 409 when a return in that state does not take it.
    pub fn apply(self, status: &str) -> Result<&'static str, Problem> {
        const LIFE: Machine<ReturnCommand> = Machine {
            thing: "a return",
            all: &ReturnCommand::ALL,
            name: ReturnCommand::name,
            next: ReturnCommand::next,
        };
        LIFE.apply(self, status)
    }
}

/// How many pieces of a line a return keeps others from taking back: those that were announced until they are counted, then those
/// that came, and in the end those that were accepted.
pub fn taken(status: &str, requested: i64, received: i64, accepted: i64) -> i64 {
    match status {
        REQUESTED | APPROVED => requested,
        RECEIVED => received,
        CLOSED => accepted,
        _ => 0,
    }
}

/// What goes back for goods that were credited at `value`: no more than was `paid` for what has left beyond what of that is still
/// `due`, nor than there is to refund.
pub fn refund_of(value: i64, paid: i64, due: i64, refundable: i64) -> i64 {
    value.min(paid - due).min(refundable).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_each_state_takes_exactly_its_commands() {
        for (status, outcomes) in [
            (
                REQUESTED,
                [Some(APPROVED), Some(DECLINED), Some(CANCELLED), None, None],
            ),
            (
                APPROVED,
                [None, None, Some(CANCELLED), Some(RECEIVED), None],
            ),
            (RECEIVED, [None, None, None, None, Some(CLOSED)]),
            (DECLINED, [None; 5]),
            (CANCELLED, [None; 5]),
            (CLOSED, [None; 5]),
        ] {
            for (command, expected) in ReturnCommand::ALL.into_iter().zip(outcomes) {
                assert_eq!(command.apply(status).ok(), expected, "{status} {command:?}");
            }
        }
    }

    #[test]
    fn what_goes_back_is_what_was_paid_beyond_what_is_due() {
        for (value, paid, due, refundable, expected) in [
            // One of three that are paid; all three.
            (4_165, 12_495, 8_330, 12_495, 4_165),
            (12_495, 12_495, 0, 12_495, 12_495),
            // A gift before is not given twice.
            (12_495, 12_495, 0, 12_395, 12_395),
            (4_165, 12_495, 8_330, 12_395, 4_165),
            // On account: nothing was paid, or less than is due still.
            (4_165, 0, 8_330, 0, 0),
            (4_165, 6_000, 8_330, 6_000, 0),
            (4_165, 9_000, 8_330, 9_000, 670),
        ] {
            assert_eq!(refund_of(value, paid, due, refundable), expected);
        }
    }
}

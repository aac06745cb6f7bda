//! What a warehouse does for an order.
//!
//! ```text
//! open --accept--> in_progress --ship--> closed, once all of it is shipped or cancelled
//! open|in_progress --hold--> on_hold --resume--> open
//! open|in_progress|on_hold --the order is cancelled--> cancelled, if nothing of it was shipped
//! ```

use averis_service_kit::machine::Machine;
use averis_service_kit::problem::Problem;

pub const OPEN: &str = "open";
pub const IN_PROGRESS: &str = "in_progress";
pub const ON_HOLD: &str = "on_hold";
pub const CLOSED: &str = "closed";
pub const CANCELLED: &str = "cancelled";

/// What moves a warehouse's work from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FulfilmentCommand {
    Accept,
    Ship,
    Hold,
    Resume,
}

impl FulfilmentCommand {
    const ALL: [Self; 4] = [Self::Accept, Self::Ship, Self::Hold, Self::Resume];

    const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Ship => "ship",
            Self::Hold => "hold",
            Self::Resume => "resume",
        }
    }

    fn next(self, status: &str) -> Option<&'static str> {
        match (self, status) {
            (Self::Accept, OPEN) | (Self::Ship, OPEN | IN_PROGRESS) => Some(IN_PROGRESS),
            (Self::Hold, OPEN | IN_PROGRESS) => Some(ON_HOLD),
            (Self::Resume, ON_HOLD) => Some(OPEN),
            _ => None,
        }
    }

    /// Returns the state after the command; of what is shipped to its end, see [`finished`].
    ///
    /// # Errors
    /// 409 when work in that state does not take it.
    pub fn apply(self, status: &str) -> Result<&'static str, Problem> {
        const LIFE: Machine<FulfilmentCommand> = Machine {
            thing: "a fulfilment order",
            all: &FulfilmentCommand::ALL,
            name: FulfilmentCommand::name,
            next: FulfilmentCommand::next,
        };
        LIFE.apply(self, status)
    }
}

/// Returns what work is of which nothing is open any more; `None` while something is. Each line as (open, shipped).
pub fn finished(lines: impl Iterator<Item = (i64, i64)>) -> Option<&'static str> {
    let (open, shipped) = lines.fold((0, 0), |all, line| (all.0 + line.0, all.1 + line.1));
    match (open, shipped) {
        (0, 0) => Some(CANCELLED),
        (0, _) => Some(CLOSED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_takes_exactly_its_commands() {
        let (busy, held) = (Some(IN_PROGRESS), Some(ON_HOLD));
        for (status, outcomes) in [
            (OPEN, [busy, busy, held, None]),
            (IN_PROGRESS, [None, busy, held, None]),
            (ON_HOLD, [None, None, None, Some(OPEN)]),
            (CLOSED, [None; 4]),
            (CANCELLED, [None; 4]),
        ] {
            for (command, expected) in FulfilmentCommand::ALL.into_iter().zip(outcomes) {
                assert_eq!(command.apply(status).ok(), expected, "{status} {command:?}");
            }
        }
        assert_eq!(finished([(1, 0)].into_iter()), None);
        assert_eq!(finished([(0, 1), (0, 0)].into_iter()), Some(CLOSED));
        assert_eq!(finished([(0, 0)].into_iter()), Some(CANCELLED));
    }
}

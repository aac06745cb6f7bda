//! Rules: pure, no I/O.

pub mod fulfilment;
pub mod orders;
pub mod payments;

pub use averis_service_kit::clock::now;

/// Most pieces of one line: sums of many lines are still far from where 64 bits end.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// The 409 of a command that a thing in that state does not take.
fn refused(
    thing: &str,
    command: &str,
    status: &str,
    allowed: &[&str],
) -> averis_service_kit::problem::Problem {
    use averis_service_kit::problem::{Problem, codes};
    Problem::new(codes::INVALID_TRANSITION)
        .detail(format!(
            "There is no {command} for {thing} that is {status}."
        ))
        .with("current_status", status)
        .with("allowed", allowed)
}

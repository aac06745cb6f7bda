//! What transactions are for: of an order, each cause has one of a kind.

use uuid::Uuid;

/// What stands between a cause and the number of the try, from the second on.
pub const AGAIN: &str = ", again ";

/// Returns what a transaction is for, whichever try it is.
pub fn first_cause(cause: &str) -> &str {
    cause.split_once(AGAIN).map_or(cause, |(first, _)| first)
}

/// Returns which shipment a capture is for, where it is for one.
pub fn shipment_of(cause: &str) -> Option<Uuid> {
    let shipment = first_cause(cause).strip_prefix("shipment ")?;
    shipment.parse().ok()
}

/// The cause of a refund for goods of a shipment that came back.
pub fn return_cause(return_id: Uuid, shipment: Uuid) -> String {
    format!("return {return_id} of shipment {shipment}")
}

/// Returns which goods, of which shipment, a refund is for, where it is for any.
pub fn return_of(cause: &str) -> Option<(Uuid, Uuid)> {
    let text = first_cause(cause).strip_prefix("return ")?;
    let (own, shipment) = text.split_once(" of shipment ")?;
    Some((own.parse().ok()?, shipment.parse().ok()?))
}

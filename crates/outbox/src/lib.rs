#![doc = include_str!("../README.md")]

mod delivery;
mod store;

use std::collections::HashSet;

use averis_contracts::events::Event;
use averis_tenant_db::TenantConn;
use diesel::QueryResult;
use serde::Serialize;
use uuid::Uuid;

pub use delivery::{Delivery, Subscriber};

/// Tells the subscribers that something happened, if and when the transaction is committed.
///
/// # Errors
/// When the data is not JSON, or those of the database.
pub async fn publish(
    conn: &mut TenantConn,
    kind: &'static str,
    subject: Uuid,
    data: &(impl Serialize + Sync),
) -> QueryResult<()> {
    let data = serde_json::to_value(data)
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    store::insert(conn, kind, subject, &data).await?;
    conn.announce();
    Ok(())
}

/// Notes in the transaction of their effect that events were received, and returns those that have had none before, in
/// their order.
///
/// # Errors
/// Those of the database.
pub async fn receive(conn: &mut TenantConn, events: Vec<Event>) -> QueryResult<Vec<Event>> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let mut new: HashSet<Uuid> = store::receive(conn, &ids).await?.into_iter().collect();
    // One in 16 tidies up for the rest: the last bits of their ids are random.
    if ids.iter().any(|id| id.as_u128() % 16 == 0) {
        store::discard_received(conn).await?;
    }
    // One that a sender has put into a batch twice is new once.
    let new = events.into_iter().filter(|event| new.remove(&event.id));
    Ok(new.collect())
}

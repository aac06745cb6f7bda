//! Wire types and handlers.

pub mod accounts;
pub mod audit;
pub mod authorise;
pub mod cancel;
pub mod drafts;
pub mod fulfilment;
pub mod orders;
pub mod payments;
pub mod ship;
pub mod webhooks;

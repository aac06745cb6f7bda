//! What tenants' own systems may be told. A message names what happened and to what; whoever wants to know more asks for it, and so
//! never learns what was true a while ago as what is.

use averis_contracts::events::Event;
use averis_contracts::{customer, ecomm, erp, oms, pricing, product};
use averis_tenant_context::TenantKey;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A message has fewer bytes.
const MAX_BODY: usize = 20 * 1024;

/// A kind of event that tenants' systems are told of.
pub struct EventType {
    /// Its name, `noun.past_tense`.
    pub name: &'static str,
    /// What happened.
    pub meaning: &'static str,
    /// What of the event's data is told, besides the id. What a service adds to its events for others is told to nobody until
    /// it stands here.
    pub fields: &'static [&'static str],
}

const fn event(
    name: &'static str,
    meaning: &'static str,
    fields: &'static [&'static str],
) -> EventType {
    EventType {
        name,
        meaning,
        fields,
    }
}

/// What an endpoint is sent to see whether it hears.
pub const TEST: &EventType = &event("webhook.tested", "Somebody asked for a test.", &[]);

const INVOICE: &[&str] = &[
    "number",
    "invoice_id",
    "order_id",
    "customer_id",
    "company_id",
    "total",
    "status",
];

const STOCK: &[&str] = &["sku", "location_id", "available", "reorder_point"];

/// Every kind, besides the test.
#[rustfmt::skip]
pub const EVENT_TYPES: &[EventType] = &[
    event(product::kinds::LAUNCHED, "A product is offered for sale.", &["version", "rev", "status"]),
    event(product::kinds::SUSPENDED, "A product is out of sale for a while.", &["version", "rev", "status"]),
    event(product::kinds::RESUMED, "A product is offered again.", &["version", "rev", "status"]),
    event(product::kinds::ARCHIVED, "A product is gone for good.", &["version", "rev", "status"]),
    event(pricing::kinds::ACTIVATED, "A price has begun.", &["sku", "version"]),
    event(customer::kinds::VERIFIED, "A customer has proven an address.", &["version"]),
    event(customer::kinds::MERGED, "Another customer was found to be this one.", &["version", "from_id"]),
    event(customer::kinds::COMPANY_APPROVED, "A company may buy.", &["version"]),
    event(customer::kinds::ERASED, "Nothing may be known of a customer any more; of those named either.", &["customer_ids"]),
    event(ecomm::kinds::EXPIRED, "Nobody has touched a cart for long: it is over.", &["version"]),
    event(oms::kinds::PLACED, "An order is placed.", &["number", "version", "status", "checkout_id"]),
    event(oms::kinds::HELD, "An order waits until somebody releases it.", &["number", "version", "status"]),
    event(oms::kinds::RELEASED, "An order goes on.", &["number", "version", "status"]),
    event(oms::kinds::CANCELLED, "Pieces of an order, or all of it, will not be shipped.", &["whole", "amount"]),
    event(oms::kinds::COMPLETED, "All of an order has come, or is cancelled.", &["number", "version", "status"]),
    event(oms::kinds::AUTHORISED, "Money is set aside for an order.", &["order_id", "transaction_id", "amount"]),
    event(oms::kinds::FAILED, "Money could not be set aside, taken or given back.", &["order_id", "transaction_id", "kind", "amount", "failure"]),
    event(oms::kinds::CAPTURED, "Money has come for an order.", &["order_id", "shipment_id", "transaction_id", "amount"]),
    event(oms::kinds::REFUNDED, "Money has gone back.", &["order_id", "shipment_id", "transaction_id", "amount"]),
    event(oms::kinds::SHIPPED, "Something has left.", &["order_id", "customer_id", "company_id"]),
    event(oms::kinds::DELIVERED, "A shipment has come.", &["order_id"]),
    event(oms::kinds::RETURN_REQUESTED, "Goods are to come back.", &["order_id", "shipment_id"]),
    event(oms::kinds::RETURNED, "Goods have come back.", &["order_id", "shipment_id"]),
    event(erp::kinds::ISSUED, "An invoice has its number.", INVOICE),
    event(erp::kinds::PAID, "Nothing of an invoice is owed any more.", INVOICE),
    event(erp::kinds::CREDITED, "A credit note has its number.", INVOICE),
    event(erp::kinds::LOW, "So little of a SKU may be sold from a place that more is to be ordered.", STOCK),
    event(erp::kinds::OUT, "Nothing of a SKU may be sold from a place any more.", STOCK),
    event(erp::kinds::BACK, "Something of a SKU may be sold from a place again, or for the first time.", STOCK),
    event(oms::kinds::CREDITED, "What came back is credited.", &["order_id", "shipment_id"]),
];

/// Finds a kind that endpoints may ask for.
pub fn find(name: &str) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|known| known.name == name)
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    tenant: &'a str,
    sequence: i64,
    data: Map<String, Value>,
}

/// Returns the id of a message as endpoints hear it: that of its event.
pub fn id(event: Uuid) -> String {
    format!("evt_{}", event.simple())
}

/// Returns what is sent of an event: below 20 KB, without what does not fit.
pub fn body(kind: &EventType, tenant: &TenantKey, event: &Event) -> String {
    let mut data = Map::new();
    data.insert("id".to_owned(), event.subject.to_string().into());
    let mut message = Message {
        kind: kind.name,
        timestamp: text(event.at),
        tenant: tenant.as_str(),
        sequence: event.seq,
        data,
    };
    for field in kind.fields {
        let Some(value) = event.data.get(field).filter(|value| !value.is_null()) else {
            continue;
        };
        message.data.insert((*field).to_owned(), value.clone());
        if written(&message).len() >= MAX_BODY {
            message.data.remove(*field);
        }
    }
    written(&message)
}

/// Returns an event that tests an endpoint.
pub fn test_of(endpoint: Uuid, at: DateTime<Utc>) -> Event {
    Event {
        id: Uuid::now_v7(),
        seq: 0,
        kind: TEST.name.to_owned(),
        subject: endpoint,
        at,
        data: Value::Null,
        trace: None,
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn written(message: &Message<'_>) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_names_what_happened_and_no_more() {
        let event = Event {
            id: Uuid::nil(),
            seq: 7,
            kind: "shipment.shipped".to_owned(),
            subject: Uuid::nil(),
            at: DateTime::from_timestamp(1_764_288_000, 0).expect("a time"),
            data: json!({"order_id": "o", "customer_id": null, "lines": [{"sku": "LAMP"}], "payment_days": 30}),
            trace: None,
        };
        let key = "acme".parse().expect("a key");
        let kind = find("shipment.shipped").expect("known");
        let said: Value = serde_json::from_str(&body(kind, &key, &event)).expect("JSON");
        assert_eq!(
            said,
            json!({
                "type": "shipment.shipped", "timestamp": "2025-11-28T00:00:00.000Z", "tenant": "acme", "sequence": 7,
                "data": {"id": Uuid::nil(), "order_id": "o"},
            })
        );
    }

    #[test]
    fn a_message_stays_small_whatever_happened() {
        let ids: Vec<Uuid> = (0..2_000).map(Uuid::from_u128).collect();
        let event = Event {
            id: Uuid::nil(),
            seq: 1,
            kind: "customer.erased".to_owned(),
            subject: Uuid::nil(),
            at: Utc::now(),
            data: json!({"customer_ids": ids}),
            trace: None,
        };
        let key = "acme".parse().expect("a key");
        let kind = find("customer.erased").expect("known");
        let said = body(kind, &key, &event);
        assert!(
            said.len() < MAX_BODY && said.contains(&Uuid::nil().to_string()),
            "{said}"
        );
    }

    #[test]
    fn names_say_what_has_happened_once() {
        let mut names: Vec<&str> = EVENT_TYPES.iter().map(|known| known.name).collect();
        assert!(names.iter().all(|name| name.split('.').count() == 2));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EVENT_TYPES.len());
        assert!(find(TEST.name).is_none());
    }
}

//! Who reads all schemas when everything is at rest, as no role of the platform may, and checks what has to hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use averis_payment_simulator::{Payment, Simulator};
use averis_test_kit::Database;
use tokio_postgres::Client;

use super::receiver::Receiver;

/// How long what a crash has left may take.
const REST: Duration = Duration::from_secs(150);

/// Each says what is not as it has to be, one row for each finding; empty where all is well.
const RULES: [(&str, &str); 31] = [
    // Carts and checkouts.
    (
        "a checkout is over",
        "SELECT id::text || ' ' || status FROM {ecomm}.checkouts WHERE status NOT IN ('placed', 'failed')",
    ),
    (
        "no cart stays locked",
        "SELECT id::text FROM {ecomm}.carts WHERE state = 'locked'",
    ),
    (
        "of a cart there is one order at most",
        "SELECT cart_id::text FROM {oms}.orders WHERE placed_at IS NOT NULL GROUP BY cart_id HAVING count(*) > 1",
    ),
    (
        "what is placed is its cart's order, and the other way round",
        "SELECT coalesce(o.id, c.id)::text FROM (SELECT * FROM {oms}.orders WHERE placed_at IS NOT NULL) o
         FULL JOIN (SELECT * FROM {ecomm}.carts WHERE state = 'ordered') c ON c.order_id = o.id AND c.id = o.cart_id
         WHERE o.id IS NULL OR c.id IS NULL",
    ),
    (
        "no draft stays",
        "SELECT id::text FROM {oms}.orders WHERE status = 'draft'",
    ),
    (
        "of a failed checkout nothing is left",
        "SELECT k.id::text FROM {ecomm}.checkouts k JOIN {erp}.reservation_lines r ON r.owner_id = k.id
         WHERE k.status = 'failed' AND r.open + r.consumed > 0",
    ),
    (
        "nothing is held for nobody",
        "SELECT owner_id::text || ' ' || sku FROM {erp}.reservation_lines WHERE state = 'held'",
    ),
    // Stock.
    (
        "levels are the sums of moves",
        "SELECT l.sku || ': ' || l.on_hand FROM {erp}.stock_levels l
         WHERE l.on_hand <> (SELECT coalesce(sum(CASE WHEN m.to_id = l.location_id THEN m.quantity ELSE -m.quantity END), 0)
             FROM {erp}.stock_moves m WHERE m.folded = l.folded AND l.location_id IN (m.to_id, m.from_id))",
    ),
    (
        "what is reserved is what is open",
        "SELECT l.sku || ': ' || l.reserved FROM {erp}.stock_levels l
         WHERE l.reserved <> (SELECT coalesce(sum(r.open), 0) FROM {erp}.reservation_lines r
             WHERE r.folded = l.folded AND r.location_id = l.location_id)",
    ),
    (
        "what orders wait for is reserved for them",
        "SELECT o.id::text || ' ' || l.sku FROM {oms}.orders o JOIN {oms}.order_lines l ON l.order_id = o.id AND l.kind = 'goods'
         LEFT JOIN LATERAL (SELECT sum(open) AS open, sum(consumed) AS consumed FROM {erp}.reservation_lines r
             WHERE r.owner_id = o.checkout_id AND r.sku = l.sku) r ON true
         WHERE o.placed_at IS NOT NULL
             AND (l.ordered - l.cancelled - l.shipped, l.shipped) IS DISTINCT FROM (coalesce(r.open, 0), coalesce(r.consumed, 0))",
    ),
    (
        "what was shipped has left once",
        "SELECT s.id::text FROM {oms}.shipments s JOIN {oms}.shipment_lines l ON l.shipment_id = s.id
         JOIN {oms}.order_lines o ON o.order_id = s.order_id AND o.line = l.line AND o.kind = 'goods' JOIN {oms}.orders r ON r.id = s.order_id
         WHERE l.quantity <> (SELECT coalesce(sum(m.quantity), 0) FROM {erp}.stock_moves m
             WHERE m.kind = 'issue' AND m.cause = r.checkout_id || ' shipment ' || s.id AND m.sku = o.sku)",
    ),
    (
        "what came back is back once",
        "SELECT r.id::text FROM {oms}.returns r JOIN {oms}.return_lines l ON l.return_id = r.id AND l.restock
         WHERE r.status IN ('received', 'closed')
             AND (SELECT sum(accepted) FROM {oms}.return_lines o WHERE o.return_id = r.id AND o.restock)
                 <> (SELECT coalesce(sum(m.quantity), 0) FROM {erp}.stock_moves m WHERE m.kind = 'return' AND m.cause = 'return ' || r.id)",
    ),
    (
        "each closed return is credited at what it came to",
        "SELECT r.id::text || ' ' || r.credited FROM {oms}.returns r
         LEFT JOIN {erp}.invoices i ON i.cause = 'return ' || r.id AND i.kind = 'credit_note' AND i.number IS NOT NULL
         WHERE r.status = 'closed' AND r.credited > 0 AND (i.net + i.tax) IS DISTINCT FROM r.credited",
    ),
    // Money.
    (
        "nothing that was asked of a provider is open",
        "SELECT id::text || ' ' || kind || ' ' || state FROM {oms}.payment_transactions WHERE state IN ('initial', 'pending')",
    ),
    (
        "a placed order has all of its money authorised",
        "SELECT o.id::text FROM {oms}.orders o JOIN {oms}.payments p ON p.order_id = o.id
         WHERE o.placed_at IS NOT NULL AND o.provider <> 'offline' AND p.authorised <> o.net + o.tax",
    ),
    (
        "captures are what was shipped",
        "SELECT o.id::text || ' ' || p.captured FROM {oms}.orders o JOIN {oms}.payments p ON p.order_id = o.id
         WHERE o.provider <> 'offline' AND p.captured + p.capturing <>
             (SELECT coalesce(sum(l.net + l.tax), 0) FROM {oms}.shipments s JOIN {oms}.shipment_lines l ON l.shipment_id = s.id
              WHERE s.order_id = o.id)",
    ),
    (
        "sums are those of their transactions",
        "SELECT p.order_id::text FROM {oms}.payments p LEFT JOIN LATERAL (
             SELECT coalesce(sum(amount) FILTER (WHERE kind = 'authorise'), 0) AS authorised,
                 coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0) AS captured,
                 coalesce(sum(amount) FILTER (WHERE kind = 'void'), 0) AS voided,
                 coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded
             FROM {oms}.payment_transactions t WHERE t.order_id = p.order_id AND t.state = 'success') t ON true
         WHERE (p.captured, p.refunded) IS DISTINCT FROM (t.captured, t.refunded)
             OR p.provider <> 'offline' AND (p.authorised, p.voided) IS DISTINCT FROM (t.authorised, t.voided)
             OR p.capturing + p.refunding > 0",
    ),
    (
        "what nobody waits for is let go",
        "SELECT o.id::text FROM {oms}.orders o JOIN {oms}.payments p ON p.order_id = o.id
         WHERE p.provider <> 'offline' AND p.authorised - p.captured - p.voided > 0
             AND NOT EXISTS (SELECT FROM {oms}.order_lines l WHERE l.order_id = o.id AND l.kind = 'goods'
                 AND l.ordered > l.cancelled + l.shipped)",
    ),
    // Books.
    (
        "entries balance",
        "SELECT entry_id::text FROM {erp}.journal_lines GROUP BY entry_id HAVING sum(book_amount) <> 0",
    ),
    (
        "the stock in the books is what it has cost",
        "SELECT book || ' and ' || cost FROM (SELECT
             (SELECT coalesce(sum(book_amount), 0) FROM {erp}.journal_lines WHERE account = '1400') AS book,
             (SELECT coalesce(sum(value), 0) FROM {erp}.cost_states) AS cost) sums WHERE book <> cost",
    ),
    (
        "what is valued is what is there",
        "SELECT c.sku || ': ' || c.quantity FROM {erp}.cost_states c WHERE c.quantity <>
             (SELECT coalesce(sum(l.on_hand), 0) FROM {erp}.stock_levels l JOIN {erp}.locations p ON p.id = l.location_id
              WHERE l.folded = c.folded AND p.warehouse_id = c.warehouse_id)",
    ),
    (
        "invoices are numbered without gaps",
        "SELECT kind || ' ' || count(*) || ' of ' || max(number) FROM {erp}.invoices WHERE number IS NOT NULL
         GROUP BY kind, series HAVING count(*) <> max(number) OR count(*) <> count(DISTINCT number) OR min(number) <> 1",
    ),
    (
        "each shipment is invoiced at what it came to",
        "SELECT s.id::text FROM {oms}.shipments s
         LEFT JOIN LATERAL (SELECT sum(net) AS net, sum(tax) AS tax FROM {oms}.shipment_lines l WHERE l.shipment_id = s.id) l ON true
         LEFT JOIN {erp}.invoices i ON i.cause = 'shipment ' || s.id AND i.kind = 'invoice' AND i.number IS NOT NULL
         WHERE (i.net, i.tax) IS DISTINCT FROM (l.net::bigint, l.tax::bigint)",
    ),
    (
        "what was captured is paid in the books",
        "SELECT p.order_id::text || ' ' || p.captured FROM {oms}.payments p WHERE p.provider <> 'offline'
             AND p.captured <> (SELECT coalesce(sum(i.paid), 0) FROM {erp}.invoices i WHERE i.order_id = p.order_id AND i.kind = 'invoice')",
    ),
    (
        "what was transferred is paid in the books, is the customer's still, or has gone back",
        "SELECT p.order_id::text || ' ' || p.captured FROM {oms}.payments p WHERE p.provider = 'offline' AND p.captured
             <> (SELECT coalesce(sum(i.paid), 0) FROM {erp}.invoices i WHERE i.order_id = p.order_id AND i.kind = 'invoice')
                 + (SELECT coalesce(sum(d.amount), 0) FROM {erp}.deposits d WHERE d.order_id = p.order_id) + p.excess",
    ),
    (
        "deposits are what the books say",
        "SELECT book || ' and ' || own FROM (SELECT
             (SELECT coalesce(-sum(book_amount), 0) FROM {erp}.journal_lines WHERE account = '2300') AS book,
             (SELECT coalesce(sum(amount), 0) FROM {erp}.deposits) AS own) sums WHERE book <> own",
    ),
    (
        "what went back for returns is paid back in the books",
        "SELECT p.order_id::text || ' ' || p.for_returns FROM {oms}.payments p WHERE p.for_returns
             <> (SELECT coalesce(sum(i.refunded), 0) FROM {erp}.invoices i WHERE i.order_id = p.order_id AND i.kind = 'invoice')",
    ),
    (
        "ERP has refused nothing",
        "SELECT kind || ' ' || code || ' ' || subject FROM {erp}.refused_events",
    ),
    // News.
    (
        "all news has arrived",
        "SELECT c.subscriber || ' at ' || c.seq FROM {oms}.outbox_cursors c
         WHERE c.seq < (SELECT coalesce(max(seq), 0) FROM {oms}.outbox_events)",
    ),
    (
        "what happened is told to the tenant's own systems",
        "SELECT e.kind || ' ' || e.id FROM (SELECT id, kind FROM {oms}.outbox_events UNION ALL SELECT id, kind FROM {erp}.outbox_events) e
         LEFT JOIN {webhooks}.webhook_messages m ON m.id = e.id WHERE m.id IS NULL",
    ),
    (
        "they have taken it",
        "SELECT id::text || ' ' || status || ' ' || tries FROM {webhooks}.webhook_deliveries WHERE status <> 'delivered'",
    ),
];

/// The rules that take a while after a crash.
const AT_REST: [&str; 6] = [
    "a checkout is over",
    "no draft stays",
    "nothing that was asked of a provider is open",
    "all news has arrived",
    "what happened is told to the tenant's own systems",
    "they have taken it",
];

pub struct Auditor<'a> {
    database: &'a Database,
    provider: &'a Simulator,
    /// Nobody hears where there is none.
    receiver: Option<&'a Receiver>,
    sql: Client,
}

impl<'a> Auditor<'a> {
    pub async fn new(
        database: &'a Database,
        provider: &'a Simulator,
        receiver: Option<&'a Receiver>,
    ) -> Self {
        Self {
            sql: database.connect().await,
            database,
            provider,
            receiver,
        }
    }

    /// The rules that are to be kept here.
    fn rules(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let hears = self.receiver.is_some();
        RULES
            .iter()
            .filter(move |(_, rule)| hears || !rule.contains("{webhooks}"))
    }

    /// Waits until nothing of a tenant is under way any more, or longer than it may take.
    pub async fn wait_for_quiet(&self, tenant: &str) {
        let deadline = Instant::now() + REST;
        for (name, rule) in self.rules().filter(|(name, _)| AT_REST.contains(name)) {
            while !self.broken(tenant, rule).await.is_empty() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            if Instant::now() >= deadline {
                println!("{tenant}: not at rest: {name}");
            }
        }
    }

    /// Reads everything of a tenant, and returns what is not as it has to be.
    pub async fn audit(&self, tenant: &str) -> Vec<String> {
        let mut findings = Vec::new();
        for (name, rule) in self.rules() {
            let broken = self.broken(tenant, rule).await;
            findings.extend(
                broken
                    .into_iter()
                    .map(|what| format!("{tenant}: {name}: {what}")),
            );
        }
        findings.extend(self.compare_books(tenant).await);
        if let Some(receiver) = self.receiver {
            findings.extend(self.ask(receiver, tenant).await);
        }
        let key = tenant.parse().expect("a key");
        let chains = self.database.provisioner().verify_audit(&key).await;
        for chain in chains.expect("the chains").expect("the tenant") {
            if let Some(at) = chain.broken_at {
                findings.push(format!("{}: the trail is broken at {at}", chain.schema));
            }
        }
        findings
    }

    async fn broken(&self, tenant: &str, rule: &str) -> Vec<String> {
        let mut sql = rule.to_owned();
        for domain in ["ecomm", "oms", "erp", "webhooks"] {
            let schema = format!("tenant_{tenant}_{domain}");
            sql = sql.replace(&format!("{{{domain}}}"), &schema);
        }
        let rows = self.sql.query(&sql, &[]).await.expect(rule);
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Returns what the tenant's own system should have heard and has not.
    async fn ask(&self, receiver: &Receiver, tenant: &str) -> Vec<String> {
        let sql = format!(
            "SELECT 'evt_' || replace(id::text, '-', ''), event_type FROM tenant_{tenant}_webhooks.webhook_messages"
        );
        let told = self.sql.query(&sql, &[]).await.expect("messages");
        let told = told.iter().map(|row| {
            let (id, kind): (String, String) = (row.get(0), row.get(1));
            (id, kind)
        });
        let unheard = told.filter(|(id, _)| !receiver.has_heard(tenant, id));
        unheard
            .map(|(id, kind)| format!("{tenant}: {kind} {id} was never heard"))
            .collect()
    }

    /// Compares what the provider knows of a tenant's payments with what the tenant does.
    async fn compare_books(&self, tenant: &str) -> Vec<String> {
        let theirs: BTreeMap<String, Payment> = self
            .provider
            .payments()
            .into_iter()
            .filter(|payment| payment.account == format!("acct_{tenant}"))
            .map(|payment| (payment.id.clone(), payment))
            .collect();
        let sql = format!(
            "SELECT coalesce(p.reference, ''), p.order_id::text, p.authorised, p.captured, p.voided, p.refunded
             FROM tenant_{tenant}_oms.payments p WHERE p.provider = 'simulator'"
        );
        let mut findings = Vec::new();
        let mut known = BTreeSet::new();
        for row in self.sql.query(&sql, &[]).await.expect("payments") {
            let (reference, order): (String, String) = (row.get(0), row.get(1));
            let [authorised, captured, voided, refunded]: [i64; 4] =
                [row.get(2), row.get(3), row.get(4), row.get(5)];
            let Some(their) = theirs.get(&reference) else {
                if authorised > 0 {
                    findings.push(format!("{tenant}: the provider knows nothing of {order}"));
                }
                continue;
            };
            known.insert(reference);
            let is_held = authorised > captured + voided;
            let their_held =
                their.status == "requires_capture" || their.status == "requires_action";
            if (captured, refunded, is_held) != (their.captured, their.refunded, their_held)
                || their.order != order
            {
                findings.push(format!(
                    "{tenant}: {order} is {authorised}, {captured}, {voided}, {refunded} here and {their:?} there"
                ));
            }
        }
        for (reference, their) in &theirs {
            // A declined one has no money in it.
            let is_live = !["canceled", "requires_payment_method"].contains(&their.status.as_str());
            if is_live && !known.contains(reference) {
                findings.push(format!("{tenant}: only the provider knows {their:?}"));
            }
        }
        let mut orders: Vec<&str> = theirs.values().map(|their| their.order.as_str()).collect();
        orders.sort_unstable();
        for pair in orders.windows(2).filter(|pair| pair[0] == pair[1]) {
            findings.push(format!("{tenant}: {} is paid for twice", pair[0]));
        }
        findings
    }
}

//! The day of a real shop (UCI Online Retail, 2010-12-01, pounds) as orders, shipments, payments, returns and credit notes: totals
//! agree to the cent, and the books balance.

use std::collections::BTreeMap;
use std::path::PathBuf;

use averis_test_kit::Client;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::erp::{balance, erp};
use crate::setup::{Shop, command, draft, drafted, goods, path, ship, until};

/// Lines of one order at most.
const LINES: usize = 250;
/// What the file comes to, by its own amounts: sold, taken back, and a discount that was given afterwards. In pence.
const SOLD: i64 = 5_896_079;
const TAKEN_BACK: i64 = 29_773;
const DISCOUNT: i64 = 2_750;

/// A line of the file.
#[derive(Clone, Debug)]
struct Row {
    invoice: String,
    sku: String,
    quantity: i64,
    /// In pence.
    price: i64,
}

/// Reads the file; nothing where there is none, as outside of our own machines.
fn rows() -> Option<Vec<Row>> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/online-retail/2010-12-01.csv");
    if !file.exists() {
        eprintln!("skipped: there is no {}", file.display());
        return None;
    }
    let bytes = std::fs::read(file).expect("the file");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let rows = reader.byte_records().map(|record| {
        let record = record.expect("a record");
        let text = |place: usize| String::from_utf8_lossy(&record[place]).into_owned();
        let (pounds, pence) = text(5).split_once('.').map_or_else(
            || (text(5), "00".to_owned()),
            |(pounds, pence)| (pounds.to_owned(), format!("{pence:0<2}")),
        );
        let pounds: i64 = pounds.parse().expect("pounds");
        Row {
            invoice: text(0),
            sku: text(1),
            quantity: text(3).parse().expect("a count"),
            price: pounds * 100 + pence.parse::<i64>().expect("pence"),
        }
    });
    Some(rows.collect())
}

fn gbp(amount: i64) -> Value {
    json!({"amount": amount, "currency": "GBP"})
}

/// The shop, and where its goods are.
struct Replay {
    acme: Client,
    place: Uuid,
}

impl Replay {
    async fn new(shop: &Shop, rows: &[Row]) -> Self {
        let acme = shop.tenant("acme").await.client;
        let _ = acme
            .post(&erp("/books"), &json!({"currency": "GBP"}))
            .await
            .expect(200);
        let body = json!({"code": "LON", "name": "London", "country": "GB"});
        let made = acme.post(&erp("/warehouses"), &body).await.expect(201);
        let place = made.body["stock_location_id"].as_str().expect("a place");
        let place: Uuid = place.parse().expect("an id");
        // All that leaves has come, for half of its price.
        let mut needed: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for row in rows {
            let (pieces, price) = needed.entry(&row.sku).or_default();
            *pieces += row.quantity.abs();
            *price = row.price;
        }
        let lines: Vec<Value> = needed
            .iter()
            .map(|(sku, (pieces, price))| {
                json!({"sku": sku, "location_id": place, "quantity": pieces, "unit_cost": gbp(price / 2)})
            })
            .collect();
        for (number, lines) in lines.chunks(LINES).enumerate() {
            let body =
                json!({"kind": "receipt", "cause": format!("delivery {number}"), "lines": lines});
            let _ = acme.post(&erp("/stock-moves"), &body).await.expect(201);
        }
        Self { acme, place }
    }

    /// Sells, sends and is paid: the lines of an invoice. Returns the order and its shipment.
    async fn sell(&self, invoice: &str, rows: &[Row]) -> (String, Value) {
        let lines: Vec<Value> = rows
            .iter()
            .map(|row| {
                let net = row.price * row.quantity;
                // A fifth, half up.
                let tax = (net * 2 + 5) / 10;
                let mut line = goods(&row.sku, row.quantity, net, tax, self.place);
                (line["net"], line["tax"]) = (gbp(net), gbp(tax));
                line["tax_rate"] = json!("0.2");
                line
            })
            .collect();
        let order = draft(&lines, None);
        let wanted = rows
            .iter()
            .map(|row| json!({"sku": row.sku, "quantity": row.quantity}));
        let body = json!({"owner_id": order["checkout_id"], "lines": wanted.collect::<Vec<_>>()});
        let reserved = self.acme.post(&erp("/reservations"), &body).await;
        let _ = reserved.expect(200);
        let id = drafted(&self.acme, &order).await.expect(201).id();
        let placed = command(&self.acme, &id, "authorise", json!({})).await;
        let total = placed.expect(200).body["total"].clone();
        let left = ship(&self.acme, &id, invoice, None).await.expect(201);
        if total["amount"] != 0 {
            let paid = json!({"amount": total, "reference": format!("bank {invoice}")});
            let _ = command(&self.acme, &id, "payments", paid).await.expect(200);
        }
        (id, left.body["id"].clone())
    }

    /// Takes back all of an order that was sent.
    async fn take_back(&self, order: &str, shipment: &Value, rows: &[Row]) {
        let lines = (0..).zip(rows);
        let lines: Vec<Value> = lines
            .map(|(line, row): (i32, &Row)| json!({"line": line, "quantity": row.quantity}))
            .collect();
        let body = json!({"shipment_id": shipment, "reason": "Cancelled", "lines": lines});
        let made = self
            .acme
            .post(&path(&format!("/orders/{order}/returns")), &body)
            .await
            .expect(201);
        for name in ["approve", "receive", "refund"] {
            let own = path(&format!("/returns/{}/{name}", made.id()));
            let _ = self.acme.post(&own, &json!({})).await.expect(200);
        }
    }
}

#[actix_web::test]
async fn the_day_of_a_real_shop_comes_to_the_same_in_the_books() {
    let Some(rows) = rows() else { return };
    let mut invoices: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in &rows {
        invoices
            .entry(row.invoice.clone())
            .or_default()
            .push(row.clone());
    }
    let sum = |rows: &[Row]| rows.iter().map(|row| row.price * row.quantity).sum::<i64>();
    assert_eq!(
        sum(&rows),
        SOLD - TAKEN_BACK - DISCOUNT,
        "the file is another"
    );
    let shop = Shop::start().await;
    let replay = Replay::new(&shop, &rows).await;
    let (mut sales, mut cancelled, mut first) = (Vec::new(), Vec::new(), None);
    for (invoice, rows) in invoices {
        if invoice.starts_with('C') {
            cancelled.push((invoice, rows));
            continue;
        }
        // What was counted down belongs to no order.
        let sold: Vec<Row> = rows.into_iter().filter(|row| row.quantity > 0).collect();
        for (part, rows) in sold.chunks(LINES).enumerate() {
            sales.push((format!("{invoice}-{part}"), rows.to_vec()));
        }
    }
    let orders = sales.len();
    let mut sold = stream::iter(sales)
        .map(async |(invoice, rows)| replay.sell(&invoice, &rows).await)
        .buffer_unordered(4);
    while let Some((order, _)) = sold.next().await {
        first = Some(order);
    }
    drop(sold);
    for (invoice, rows) in cancelled {
        let back: Vec<Row> = rows
            .iter()
            .filter(|row| row.sku != "D")
            .map(|row| Row {
                quantity: -row.quantity,
                ..row.clone()
            })
            .collect();
        if back.is_empty() {
            // A discount that was given afterwards.
            let gift = json!({"amount": gbp(DISCOUNT), "reason": "Discount", "reference": invoice});
            let order = first.as_deref().expect("an order");
            let given = command(&replay.acme, order, "refunds", gift).await;
            let _ = given.expect(200);
        } else {
            // What came back had been sold on an earlier day.
            let (order, shipment) = replay.sell(&invoice, &back).await;
            replay.take_back(&order, &shipment, &back).await;
        }
    }
    let acme = &replay.acme;
    until("the books say so", async || {
        let (revenue, returns) = (balance(acme, "4000").await, balance(acme, "4100").await);
        ((revenue, returns) == (-(SOLD + TAKEN_BACK), TAKEN_BACK + DISCOUNT)).then_some(())
    })
    .await;
    until("everybody has paid", async || {
        (balance(acme, "1200").await == 0).then_some(())
    })
    .await;
    let found = acme.get(&erp("/trial-balance")).await.expect(200).body;
    assert_eq!(found["debit"], found["credit"]);
    // What came in less what went back is what was earned, and its tax.
    let earned = SOLD - DISCOUNT;
    assert_eq!(
        balance(acme, "1000").await,
        earned - balance(acme, "2200").await
    );
    let refused = acme.get(&erp("/refused-events")).await.expect(200).body;
    assert_eq!(refused["data"], json!([]));
    // E4: the stock in the books is what is there.
    let mut worth = 0;
    let mut page = erp("/stock-values?limit=250");
    loop {
        let found = acme.get(&page).await.expect(200).body;
        let all = found["data"].as_array().expect("a list").clone();
        worth += all
            .iter()
            .filter_map(|one| one["value"]["amount"].as_i64())
            .sum::<i64>();
        let Some(next) = found["next_cursor"].as_str() else {
            break;
        };
        page = erp(&format!("/stock-values?limit=250&cursor={next}"));
    }
    assert_eq!(balance(acme, "1400").await, worth);
    eprintln!(
        "{orders} orders of {} lines: {} pence sold",
        rows.len(),
        SOLD
    );
}

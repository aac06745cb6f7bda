//! Bills as they come: held against the order and what has come, and posted.

use std::collections::BTreeMap;

use averis_money::{Currency, Decimal, Money, Rounding};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::{Permission, may};
use averis_tenant_db::TenantConn;
use chrono::{Days, NaiveDate};
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SupplierBillView, created};
use crate::domain::ledger::{INPUT_TAX, NOT_BILLED, PAYABLES, PRICE_DIFFERENCES, Posting};
use crate::domain::purchasing::{Line, is_as_expected};
use crate::domain::{MAX_QUANTITY, book_day, now};
use crate::error::{ErpError, codes};
use crate::http::invoices::negative;
use crate::http::ledger::{Entry, currency, post, rounding};
use crate::http::suppliers::in_books;
use crate::store::purchase_orders::{self as orders, PurchaseRow};
use crate::store::supplier_bills::{self as bills, BillLineRow, BillRow, OPEN, PAID};
use crate::store::{ledger, suppliers};

/// Pieces of a line of the order that are billed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BilledLine {
    /// The line of the order.
    #[garde(range(min = 0))]
    line: i32,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
    /// Of all its pieces, without tax.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    net: Money,
}

/// A bill to be entered.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSupplierBill {
    #[garde(skip)]
    purchase_order_id: Uuid,
    /// The supplier's: each counts once.
    #[garde(length(chars, min = 1, max = 60), custom(one_line))]
    #[schema(example = "R-4711")]
    number: String,
    /// In an open month; today where absent.
    #[garde(inner(custom(book_day)))]
    #[schema(example = "2026-12-20")]
    billed_on: Option<NaiveDate>,
    #[garde(length(min = 1, max = 250), dive)]
    lines: Vec<BilledLine>,
    /// Tax on all lines.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    tax: Money,
    /// Whether it is agreed to that more or less is billed than was to be expected, or more tax than goods. For those who may approve
    /// orders, and above the approval limit for those of them who have not written the order.
    #[serde(default)]
    #[garde(skip)]
    accept_difference: bool,
}

impl CreateSupplierBill {
    /// Returns what its lines come to without tax, each line of the order once.
    fn checked(&self) -> Result<i64, ErpError> {
        let wrong = |pointer: String, code, message: &str| -> ErpError {
            FieldProblem::new(pointer, code, message).into()
        };
        let mut net = 0_i64;
        for (place, own) in self.lines.iter().enumerate() {
            if own.net.is_negative() {
                let pointer = format!("/lines/{place}/net/amount");
                return Err(wrong(pointer, "range", "must not be negative"));
            }
            let is_again = |other: &BilledLine| other.line == own.line;
            if self.lines.iter().take(place).any(is_again) {
                let pointer = format!("/lines/{place}/line");
                return Err(wrong(pointer, "twice", "must be named once"));
            }
            let sum = net.checked_add(own.net.amount());
            net = sum.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
        }
        if self.tax.is_negative() {
            return Err(wrong(
                "/tax/amount".to_owned(),
                "range",
                "must not be negative",
            ));
        }
        let total = net.checked_add(self.tax.amount());
        total.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
        Ok(net)
    }
}

/// Enters a bill, and posts it. No more is billed than has come, and nobody has to pay another price than was ordered at without
/// saying so. Each number of a supplier counts once; the same again gives what was entered.
#[utoipa::path(post, path = "/api/erp/v1/supplier-bills", tag = "purchasing", security(("token" = ["invoice:write"])),
    request_body = CreateSupplierBill, responses((status = 201, description = "The bill.", body = SupplierBillView)))]
pub async fn create_supplier_bill(
    tenant: Tenant<may::InvoiceWrite>,
    post_: Post<CreateSupplierBill>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    if body.accept_difference {
        tenant
            .caller
            .identity
            .require(Permission::PurchaseApprove)?;
    }
    let net = body.checked()?;
    let by = tenant.caller.identity.subject;
    let rounding = rounding(&tenant.context.settings.money);
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            let book = ledger::currency(conn).await?;
            in_books(&book, body.tax, "/tax/currency")?;
            for (place, own) in body.lines.iter().enumerate() {
                in_books(&book, own.net, format!("/lines/{place}/net/currency"))?;
            }
            let order = orders::lock(conn, body.purchase_order_id).await?;
            let order = order.ok_or_else(|| Problem::new(codes::UNKNOWN_ORDER))?;
            let supplier = order.supplier_id;
            let lock = format!("{supplier} {}", body.number);
            lock_name(conn, &tenant.context.key, "a bill", &lock).await?;
            if let Some(there) = bills::find_numbered(conn, supplier, &body.number).await? {
                if !is_same(conn, &there, body).await? {
                    return Err(Problem::new(codes::REFERENCE_TAKEN).into());
                }
                return created(conn, there).await;
            }
            let rules = suppliers::rules(conn).await?;
            let (expected, is_as_expected) =
                matched(conn, &order, body, rules.price_difference).await?;
            // Tax that is more than the goods is none.
            let is_as_expected = is_as_expected && body.tax.amount() <= net;
            if !is_as_expected {
                check_agreed(&order, body, net, rules.approval_limit, by)?;
            }
            let day = body.billed_on.unwrap_or_else(|| now().date_naive());
            let supplier = suppliers::find(conn, supplier).await?;
            let days = supplier.map_or(0, |supplier| supplier.payment_days);
            let due = day.checked_add_days(Days::new(days.unsigned_abs().into()));
            let at = now();
            let row = BillRow {
                id: Uuid::now_v7(),
                supplier_id: order.supplier_id,
                purchase_order_id: order.id,
                number: body.number.clone(),
                // Of what is free nothing is owed.
                status: if net == 0 && body.tax.is_zero() {
                    PAID
                } else {
                    OPEN
                }
                .to_owned(),
                net,
                tax: body.tax.amount(),
                difference: net - expected,
                accepted_by: (!is_as_expected).then_some(by),
                paid: 0,
                billed_on: day,
                due_on: due.unwrap_or(day),
                version: 1,
                created_at: at,
                updated_at: at,
            };
            let lines = body.lines.iter().map(|own| BillLineRow {
                bill_id: row.id,
                line: own.line,
                quantity: own.quantity,
                net: own.net.amount(),
            });
            bills::insert(conn, &row, &lines.collect::<Vec<_>>()).await?;
            enter(conn, &row, &order, currency(&book)?, by, rounding).await?;
            created(conn, row).await
        },
    )
    .await
}

/// Whether a bill says the same as one that was entered.
async fn is_same(
    conn: &mut TenantConn,
    there: &BillRow,
    body: &CreateSupplierBill,
) -> Result<bool, ErpError> {
    let lines = bills::lines_of(conn, &[there.id]).await?;
    let told: BTreeMap<i32, (i64, i64)> = body
        .lines
        .iter()
        .map(|own| (own.line, (own.quantity, own.net.amount())))
        .collect();
    let known = lines.iter().map(|row| (row.line, (row.quantity, row.net)));
    Ok(there.purchase_order_id == body.purchase_order_id
        && there.tax == body.tax.amount()
        && told.into_iter().eq(known))
}

/// Holds a bill against what was ordered and what has come, and notes what is billed. Returns what it was to come to, and whether
/// each line does within the tolerance; where it does not, it has to be agreed to.
async fn matched(
    conn: &mut TenantConn,
    order: &PurchaseRow,
    body: &CreateSupplierBill,
    tolerance: i64,
) -> Result<(i64, bool), ErpError> {
    let lines = orders::lines_of(conn, &[order.id]).await?;
    let (mut sum, mut is_all_expected) = (0_i64, true);
    for own in &body.lines {
        let row = lines.iter().find(|row| row.line == own.line);
        let unknown = || Problem::new(codes::UNKNOWN_LINE).with("line", own.line);
        let mut row = row.ok_or_else(unknown)?.clone();
        let mut line = Line {
            unit_cost: row.unit_cost,
            received: row.received,
            billed: row.billed,
        };
        let expected = line.bill(own.quantity);
        let expected = expected.map_err(|problem| problem.with("line", own.line))?;
        if !is_as_expected(own.net.amount(), expected, tolerance) {
            if !body.accept_difference {
                let expected = json!(Money::new(expected, own.net.currency()));
                let problem = Problem::new(codes::PRICE_DIFFERS);
                return Err(problem
                    .with("line", own.line)
                    .with("expected", expected)
                    .into());
            }
            is_all_expected = false;
        }
        row.billed = line.billed;
        orders::update_line(conn, &row).await?;
        let next = sum.checked_add(expected);
        sum = next.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
    }
    Ok((sum, is_all_expected))
}

/// Checks that somebody who may has agreed to a bill that is not as was to be expected: what is owed by it is as if it was ordered.
fn check_agreed(
    order: &PurchaseRow,
    body: &CreateSupplierBill,
    net: i64,
    limit: i64,
    by: Uuid,
) -> Result<(), ErpError> {
    if !body.accept_difference {
        return Err(Problem::new(codes::PRICE_DIFFERS).into());
    }
    if net + body.tax.amount() > limit && order.written_by.contains(&by) {
        return Err(Problem::new(codes::FOUR_EYES).into());
    }
    Ok(())
}

/// Posts a bill: what was expected for the goods, the tax, what is more or less, and what is owed.
async fn enter(
    conn: &mut TenantConn,
    row: &BillRow,
    order: &PurchaseRow,
    book: Currency,
    by: Uuid,
    rounding: Rounding,
) -> Result<(), ErpError> {
    let money = |amount| Money::new(amount, book);
    let postings = [
        Posting::new(NOT_BILLED, money(row.net - row.difference)),
        Posting::new(PRICE_DIFFERENCES, money(row.difference)),
        Posting::new(INPUT_TAX, money(row.tax)),
        Posting::new(PAYABLES, negative(money(row.net + row.tax))?),
    ];
    if postings.iter().all(|posting| posting.amount.is_zero()) {
        return Ok(());
    }
    let entry = Entry {
        posted_on: row.billed_on,
        kind: "bill",
        cause: row.id.to_string(),
        text: format!("Bill {} for {}", row.number, order.number),
        postings: &postings,
        rate: Decimal::ONE,
        by,
    };
    post(conn, entry, rounding).await?;
    Ok(())
}

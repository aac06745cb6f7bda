//! What suppliers want for what has come: held against the order and the receipts, posted, and paid.
//!
//! ```text
//! open --payments--> partially_paid --> paid
//! ```

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::{Decimal, Money};
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::{Permission, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Days, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::invoices::negative;
use super::ledger::{Entry, currency, post, rounding};
use super::suppliers::in_books;
use crate::State;
use crate::domain::ledger::{BANK, INPUT_TAX, NOT_BILLED, PAYABLES, PRICE_DIFFERENCES, Posting};
use crate::domain::purchasing::{Line, is_as_expected};
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{ErpError, codes};
use crate::store::purchase_orders::{self as orders, PurchaseRow};
use crate::store::supplier_bills::{
    self as bills, BillLineRow, BillPaymentRow, BillRow, OPEN, PAID, PARTIALLY_PAID,
};
use crate::store::{ledger, suppliers};

/// What a supplier wants.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupplierBillView {
    id: Uuid,
    supplier_id: Uuid,
    purchase_order_id: Uuid,
    /// The supplier's.
    #[schema(example = "R-4711")]
    number: String,
    /// `open`, `partially_paid` or `paid`.
    #[schema(example = "open")]
    status: String,
    lines: Vec<BillLineView>,
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
    #[schema(value_type = MoneySchema)]
    total: Money,
    /// How much more was billed than it was to cost; less than nothing is less.
    #[schema(value_type = MoneySchema)]
    difference: Money,
    #[schema(value_type = MoneySchema)]
    paid: Money,
    /// Who has agreed to the difference, where it is more than the rules allow.
    accepted_by: Option<Uuid>,
    billed_on: NaiveDate,
    due_on: NaiveDate,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A line of a bill.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillLineView {
    /// The line of the order.
    line: i32,
    quantity: i64,
    /// Of all its pieces.
    #[schema(value_type = MoneySchema)]
    net: Money,
}

async fn views(
    conn: &mut TenantConn,
    rows: Vec<BillRow>,
) -> Result<Vec<SupplierBillView>, ErpError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let book = currency(&ledger::currency(conn).await?)?;
    let money = |amount| Money::new(amount, book);
    let mut own: BTreeMap<Uuid, Vec<BillLineView>> = BTreeMap::new();
    for line in bills::lines_of(conn, &ids).await? {
        own.entry(line.bill_id).or_default().push(BillLineView {
            line: line.line,
            quantity: line.quantity,
            net: money(line.net),
        });
    }
    let views = rows.into_iter().map(|row| SupplierBillView {
        lines: own.remove(&row.id).unwrap_or_default(),
        net: money(row.net),
        tax: money(row.tax),
        total: money(row.net.saturating_add(row.tax)),
        difference: money(row.difference),
        paid: money(row.paid),
        accepted_by: row.accepted_by,
        id: row.id,
        supplier_id: row.supplier_id,
        purchase_order_id: row.purchase_order_id,
        number: row.number,
        status: row.status,
        billed_on: row.billed_on,
        due_on: row.due_on,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(views.collect())
}

async fn view(conn: &mut TenantConn, row: BillRow) -> Result<SupplierBillView, ErpError> {
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

async fn created(conn: &mut TenantConn, row: BillRow) -> Result<Reply, ErpError> {
    let location = format!("/api/erp/v1/supplier-bills/{}", row.id);
    let version = row.version;
    Ok(Reply::created(location, &view(conn, row).await?).version(version))
}

async fn answer(conn: &mut TenantConn, row: BillRow) -> Result<Reply, ErpError> {
    let version = row.version;
    Ok(Reply::ok(&view(conn, row).await?).version(version))
}

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
    #[garde(skip)]
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
            enter(conn, &row, &order, by, rounding).await?;
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
    by: Uuid,
    rounding: averis_money::Rounding,
) -> Result<(), ErpError> {
    let book = currency(&ledger::currency(conn).await?)?;
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

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListSupplierBills {
    /// Of this order.
    purchase_order_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists bills by age.
#[utoipa::path(get, path = "/api/erp/v1/supplier-bills", tag = "purchasing", security(("token" = ["invoice:read"])),
    params(ListSupplierBills), responses((status = 200, description = "A page of bills.", body = Page<SupplierBillView>)))]
pub async fn list_supplier_bills(
    tenant: Tenant<may::InvoiceRead>,
    state: Data<State>,
    query: Query<ListSupplierBills>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let order = query.purchase_order_id;
    let list = format!("{} supplier-bills {order:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = bills::list(conn, order, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads a bill.
#[utoipa::path(get, path = "/api/erp/v1/supplier-bills/{id}", tag = "purchasing", security(("token" = ["invoice:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The bill.", body = SupplierBillView)))]
pub async fn get_supplier_bill(
    tenant: Tenant<may::InvoiceRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<Reply, ErpError> {
        let row = bills::find(conn, id).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}

/// What a supplier was paid.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayBill {
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// The bank's: each counts once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "transfer 2026-12-20/1")]
    reference: String,
    /// In an open month; today where absent.
    #[garde(skip)]
    paid_on: Option<NaiveDate>,
}

/// Notes that so much of a bill is paid, and posts it. Each reference counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/supplier-bills/{id}/payments", tag = "purchasing", security(("token" = ["invoice:write"])),
    request_body = PayBill, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The bill.", body = SupplierBillView)))]
pub async fn pay_supplier_bill(
    tenant: Tenant<may::InvoiceWrite>,
    PathId(id): PathId,
    post_: Post<PayBill>,
) -> ApiResult<Reply> {
    let body = &post_.body;
    let by = tenant.caller.identity.subject;
    let rounding = rounding(&tenant.context.settings.money);
    once(
        &tenant.db,
        &post_.key,
        async |conn| -> Result<Reply, ErpError> {
            lock_name(
                conn,
                &tenant.context.key,
                "a bill's payment",
                &body.reference,
            )
            .await?;
            let row = bills::lock(conn, id).await?;
            let mut row = row.ok_or_else(Problem::not_found)?;
            let amount = body.amount.amount();
            in_books(
                &ledger::currency(conn).await?,
                body.amount,
                "/amount/currency",
            )?;
            if let Some(there) = bills::find_payment(conn, &body.reference).await? {
                if (there.bill_id, there.amount) != (id, amount) {
                    return Err(Problem::new(codes::REFERENCE_TAKEN).into());
                }
                return answer(conn, row).await;
            }
            let open = row.net + row.tax - row.paid;
            if !(1..=open).contains(&amount) {
                let message = format!("must be at least 1 and at most what is open, {open}");
                return Err(FieldProblem::new("/amount/amount", "range", message).into());
            }
            let payment = BillPaymentRow {
                id: Uuid::now_v7(),
                bill_id: id,
                reference: body.reference.clone(),
                amount,
                paid_on: body.paid_on.unwrap_or_else(|| now().date_naive()),
                created_at: now(),
            };
            bills::insert_payment(conn, &payment).await?;
            let postings = [
                Posting::new(PAYABLES, body.amount),
                Posting::new(BANK, negative(body.amount)?),
            ];
            let entry = Entry {
                posted_on: payment.paid_on,
                kind: "bill_payment",
                cause: body.reference.clone(),
                text: format!("Payment of bill {}", row.number),
                postings: &postings,
                rate: Decimal::ONE,
                by,
            };
            post(conn, entry, rounding).await?;
            row.paid += amount;
            let status = if amount == open { PAID } else { PARTIALLY_PAID };
            status.clone_into(&mut row.status);
            let row = bills::update_paid(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}

//! What the simulator is asked, as Stripe's API reference (version 2024-06-20) has it, as far as anybody here asks.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::body::BodyStream;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Json, Path, ServiceConfig, get, post, resource};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Shared;
use crate::books::{Books, Payment, Refund};
use crate::webhooks::Told;

type Fields = BTreeMap<String, String>;

pub fn routes(app: &mut ServiceConfig) {
    app.service(resource("/v1/payment_intents").route(post().to(authorise)))
        .service(resource("/v1/payment_intents/{id}").route(get().to(read_payment)))
        .service(resource("/v1/payment_intents/{id}/capture").route(post().to(capture)))
        .service(resource("/v1/payment_intents/{id}/cancel").route(post().to(cancel)))
        .service(resource("/v1/refunds").route(post().to(refund)))
        .service(resource("/v1/refunds/{id}").route(get().to(read_refund)))
        .service(resource("/_simulator/confirm/{id}").route(post().to(confirm)))
        .service(resource("/_simulator/dispute/{id}").route(post().to(dispute)))
        .service(resource("/_simulator/listeners").route(post().to(listen)))
        .service(resource("/_simulator/payments").route(get().to(list)));
}

/// Who asks: an account, under a key.
struct Asked {
    account: String,
    key: String,
}

fn asked(req: &HttpRequest, shared: &Shared) -> Result<Asked, Box<HttpResponse>> {
    if shared.books().is_away {
        return Err(Box::new(cut_off()));
    }
    let text = |name: &str| {
        let value = req.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    if text("authorization") != Some(format!("Bearer {}", shared.secret)) {
        let error =
            json!({"error": {"type": "invalid_request_error", "message": "No valid API key."}});
        return Err(Box::new(HttpResponse::Unauthorized().json(error)));
    }
    match text("stripe-account") {
        Some(account) => Ok(Asked {
            account,
            key: text("idempotency-key").unwrap_or_default(),
        }),
        None => Err(Box::new(refused(400, "account_missing"))),
    }
}

fn refused(status: u16, code: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(status).json(json!({"error": {"code": code}}))
}

type Effect = (u16, Value, Option<(&'static str, Value)>);

/// Does something once for a key, and says what came of it; perhaps late, perhaps not at all.
async fn once(
    req: &HttpRequest,
    shared: &Data<Shared>,
    fields: &Fields,
    trick: &str,
    work: impl FnOnce(&mut Books, &Asked) -> Effect,
) -> HttpResponse {
    let asked = match asked(req, shared) {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    let fingerprint = format!("{} {fields:?}", req.path());
    let behaviour = &shared.behaviour;
    let (status, body, is_first, silent, slow) = {
        let mut books = shared.books();
        let key = (asked.account.clone(), asked.key.clone());
        let before = books.answered.get(&key).filter(|_| !asked.key.is_empty());
        match before.cloned() {
            Some((known, ..)) if known != fingerprint => {
                return refused(400, "idempotency_error");
            }
            Some((_, status, body)) => (status, body, false, false, false),
            None => {
                let (status, body, news) = work(&mut books, &asked);
                books
                    .answered
                    .insert(key, (fingerprint, status, body.clone()));
                if let Some((kind, object)) = news {
                    let account = asked.account.clone();
                    let told = Told {
                        account,
                        kind,
                        object,
                    };
                    // Nobody listens any more: then nobody is told.
                    let _ = shared.told.send(told);
                }
                let silent = books.chance(behaviour.seed, behaviour.silent);
                let slow = books.chance(behaviour.seed, behaviour.slow);
                (status, body, true, silent, slow)
            }
        }
    };
    if slow {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if is_first && (silent || trick == "pm_silent") {
        return cut_off();
    }
    if is_first && trick == "pm_broken" {
        return refused(500, "api_error");
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    HttpResponse::build(status).json(body)
}

/// An answer that breaks off before it has said anything.
fn cut_off() -> HttpResponse {
    let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let broken = futures_util::stream::once(async { Err::<actix_web::web::Bytes, _>(broken) });
    HttpResponse::Ok().body(BodyStream::new(Box::pin(broken)))
}

fn number(fields: &Fields, name: &str) -> Option<i64> {
    fields.get(name)?.parse().ok()
}

fn problem(status: u16, code: &str) -> Effect {
    (status, json!({"error": {"code": code}}), None)
}

fn shown(payment: &Payment) -> Value {
    let error = payment
        .failure
        .as_ref()
        .map(|code| json!({"code": "card_declined", "decline_code": code}));
    json!({
        "id": payment.id, "object": "payment_intent", "amount": payment.amount, "currency": payment.currency,
        "amount_received": payment.captured, "status": payment.status, "last_payment_error": error,
        "metadata": {"order": payment.order},
    })
}

async fn authorise(req: HttpRequest, shared: Data<Shared>, fields: Form<Fields>) -> HttpResponse {
    let trick = fields.get("payment_method").cloned().unwrap_or_default();
    once(&req, &shared, &fields, &trick, |books, asked| {
        let (Some(amount), Some(currency)) = (number(&fields, "amount"), fields.get("currency"))
        else {
            return problem(400, "parameter_missing");
        };
        if amount < 1 {
            return problem(400, "amount_too_small");
        }
        let mut payment = Payment {
            id: format!("pi_{}", books.number()),
            account: asked.account.clone(),
            order: fields.get("metadata[order]").cloned().unwrap_or_default(),
            currency: currency.clone(),
            amount,
            captured: 0,
            refunded: 0,
            status: "requires_capture".to_owned(),
            failure: None,
        };
        let (status, body, news) = match trick.as_str() {
            "pm_declined" => {
                "requires_payment_method".clone_into(&mut payment.status);
                payment.failure = Some("insufficient_funds".to_owned());
                let error = json!({"error": {
                    "code": "card_declined", "decline_code": "insufficient_funds", "payment_intent": shown(&payment)}});
                let told = shown(&payment);
                (402, error, Some(("payment_intent.payment_failed", told)))
            }
            "pm_later" => {
                "requires_action".clone_into(&mut payment.status);
                (200, shown(&payment), None)
            }
            _ => {
                let told = shown(&payment);
                let kind = "payment_intent.amount_capturable_updated";
                (200, told.clone(), Some((kind, told)))
            }
        };
        books.payments.insert(payment.id.clone(), payment);
        (status, body, news)
    })
    .await
}

/// Finds an account's payment.
fn own<'a>(books: &'a mut Books, asked: &Asked, id: &str) -> Option<&'a mut Payment> {
    let payment = books.payments.get_mut(id);
    payment.filter(|payment| payment.account == asked.account)
}

async fn capture(
    req: HttpRequest,
    shared: Data<Shared>,
    id: Path<String>,
    fields: Form<Fields>,
) -> HttpResponse {
    once(&req, &shared, &fields, "", |books, asked| {
        if books.refuses() {
            return problem(400, "capture_refused");
        }
        let Some(payment) = own(books, asked, &id) else {
            return problem(404, "resource_missing");
        };
        let amount =
            number(&fields, "amount_to_capture").unwrap_or(payment.amount - payment.captured);
        if payment.status != "requires_capture" || amount < 1 {
            return problem(400, "payment_intent_unexpected_state");
        }
        if payment.captured + amount > payment.amount {
            return problem(400, "amount_too_large");
        }
        payment.captured += amount;
        let is_final = fields
            .get("final_capture")
            .is_none_or(|value| value != "false");
        if is_final || payment.captured == payment.amount {
            "succeeded".clone_into(&mut payment.status);
        }
        let told = shown(payment);
        (200, told.clone(), Some(("payment_intent.succeeded", told)))
    })
    .await
}

/// Lets go what is not captured.
fn let_go(payment: &mut Payment) {
    let status = if payment.captured > 0 {
        "succeeded"
    } else {
        "canceled"
    };
    status.clone_into(&mut payment.status);
}

async fn cancel(
    req: HttpRequest,
    shared: Data<Shared>,
    id: Path<String>,
    fields: Form<Fields>,
) -> HttpResponse {
    once(&req, &shared, &fields, "", |books, asked| {
        let Some(payment) = own(books, asked, &id) else {
            return problem(404, "resource_missing");
        };
        if !["requires_capture", "requires_action"].contains(&payment.status.as_str()) {
            return problem(400, "payment_intent_unexpected_state");
        }
        let_go(payment);
        let told = shown(payment);
        (200, told.clone(), Some(("payment_intent.canceled", told)))
    })
    .await
}

async fn refund(req: HttpRequest, shared: Data<Shared>, fields: Form<Fields>) -> HttpResponse {
    once(&req, &shared, &fields, "", |books, asked| {
        if books.refuses() {
            return problem(400, "refund_refused");
        }
        let id = fields.get("payment_intent").cloned().unwrap_or_default();
        let Some(payment) = own(books, asked, &id) else {
            return problem(404, "resource_missing");
        };
        let left = payment.captured - payment.refunded;
        let amount = number(&fields, "amount").unwrap_or(left);
        if amount < 1 || amount > left {
            return problem(400, "charge_already_refunded");
        }
        payment.refunded += amount;
        let refund = Refund {
            id: format!("re_{}", books.number()),
            payment_intent: id,
            amount,
            status: "succeeded".to_owned(),
        };
        let told = json!(refund);
        books.refunds.insert(refund.id.clone(), refund);
        (200, told.clone(), Some(("refund.updated", told)))
    })
    .await
}

async fn read_payment(req: HttpRequest, shared: Data<Shared>, id: Path<String>) -> HttpResponse {
    let asked = match asked(&req, &shared) {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    match own(&mut shared.books(), &asked, &id) {
        Some(payment) => HttpResponse::Ok().json(shown(payment)),
        None => refused(404, "resource_missing"),
    }
}

async fn read_refund(req: HttpRequest, shared: Data<Shared>, id: Path<String>) -> HttpResponse {
    let asked = match asked(&req, &shared) {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    let mut books = shared.books();
    let refund = books.refunds.get(id.as_str()).cloned();
    let known = refund.filter(|refund| own(&mut books, &asked, &refund.payment_intent).is_some());
    match known {
        Some(refund) => HttpResponse::Ok().json(refund),
        None => refused(404, "resource_missing"),
    }
}

/// Changes a payment, as its buyer or their bank does, and tells of it.
fn changed(
    shared: &Shared,
    id: &str,
    kind: &'static str,
    change: impl FnOnce(&mut Payment) -> Value,
) -> HttpResponse {
    let mut books = shared.books();
    let Some(payment) = books.payments.get_mut(id) else {
        return refused(404, "resource_missing");
    };
    let object = change(payment);
    let account = payment.account.clone();
    let told = Told {
        account,
        kind,
        object: object.clone(),
    };
    // Nobody listens any more: then nobody is told.
    let _ = shared.told.send(told);
    HttpResponse::Ok().json(object)
}

async fn confirm(shared: Data<Shared>, id: Path<String>) -> HttpResponse {
    confirmed(&shared, &id)
}

/// Lets a buyer say yes, and tells of it.
pub fn confirmed(shared: &Shared, id: &str) -> HttpResponse {
    let kind = "payment_intent.amount_capturable_updated";
    changed(shared, id, kind, |payment| {
        if payment.status == "requires_action" {
            "requires_capture".clone_into(&mut payment.status);
        }
        shown(payment)
    })
}

/// Lets go by itself what is authorised, as after some days, and tells of it.
pub fn ended(shared: &Shared, id: &str) -> HttpResponse {
    changed(shared, id, "payment_intent.canceled", |payment| {
        if payment.status == "requires_capture" {
            let_go(payment);
        }
        shown(payment)
    })
}

async fn dispute(shared: Data<Shared>, id: Path<String>) -> HttpResponse {
    changed(&shared, &id, "charge.dispute.created", |payment| {
        let id = payment.id.replace("pi_", "dp_");
        json!({"id": id, "payment_intent": payment.id, "amount": payment.captured})
    })
}

/// Where an account wants to be told what happens.
#[derive(Deserialize)]
struct Listen {
    account: String,
    url: String,
}

async fn listen(shared: Data<Shared>, listener: Json<Listen>) -> HttpResponse {
    let Listen { account, url } = listener.into_inner();
    shared.books().listeners.insert(account, url);
    HttpResponse::NoContent().finish()
}

async fn list(shared: Data<Shared>) -> HttpResponse {
    let payments: Vec<Payment> = shared.books().payments.values().cloned().collect();
    HttpResponse::Ok().json(payments)
}

//! Stripe, and whatever speaks like it: PaymentIntents that are captured by hand, and refunds.
//!
//! Source: Stripe's API reference, version 2024-06-20. The installation has one key; each tenant is a connected account, named
//! in `Stripe-Account`. Each transaction is its own `Idempotency-Key`: what was asked for without an answer is asked for again,
//! and Stripe does it once and says the same.

use std::time::Duration;

use averis_trace::{Kind, Span};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::signature::is_signed;
use super::{Action, ENDED, Outcome, Request};
use crate::config::StripeConfig;

/// Longest time for one question, connecting included.
const DEADLINE: Duration = Duration::from_secs(15);
const VERSION: &str = "2024-06-20";
/// Longest word of a failure that is kept, in bytes.
const MAX_WORD: usize = 100;

/// A caller of Stripe.
pub struct StripeClient {
    http: reqwest::Client,
    config: StripeConfig,
}

#[derive(Deserialize)]
struct Refused {
    error: RefusedBody,
}

#[derive(Deserialize)]
struct RefusedBody {
    code: Option<String>,
    decline_code: Option<String>,
}

#[derive(Deserialize)]
struct Thing {
    id: String,
    status: String,
    last_payment_error: Option<RefusedBody>,
}

impl StripeClient {
    /// Makes a caller.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(config: StripeConfig) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("averis")
            .build()?;
        Ok(Self { http, config })
    }

    /// Whether it has signed that body, lately.
    pub fn has_signed(&self, header: &str, body: &[u8]) -> bool {
        let now = averis_service_kit::clock::now();
        is_signed(&self.config.webhook_secret, header, body, now)
    }

    /// Asks for something, and says what became of it.
    pub async fn ask(&self, request: &Request) -> Outcome {
        let known = match &request.action {
            Action::Look { reference } => Some(reference),
            _ => request.known.as_ref(),
        };
        if let Some(known) = known {
            let path = match &request.action {
                Action::Refund { .. } => format!("/v1/refunds/{known}"),
                _ => format!("/v1/payment_intents/{known}"),
            };
            return self
                .said(&request.action, self.send(Method::GET, &path, &[], request))
                .await;
        }
        let amount = request.amount.to_string();
        let order = request.order.to_string();
        let (path, form): (String, Vec<(&str, &str)>) = match &request.action {
            Action::Authorise { token } => (
                "/v1/payment_intents".to_owned(),
                vec![
                    ("amount", &amount),
                    ("currency", &request.currency),
                    ("payment_method", token),
                    ("payment_method_types[]", "card"),
                    ("capture_method", "manual"),
                    (
                        "payment_method_options[card][request_multicapture]",
                        "if_available",
                    ),
                    ("confirm", "true"),
                    ("metadata[order]", &order),
                ],
            ),
            Action::Capture { reference, is_last } => {
                let mut form = vec![("amount_to_capture", amount.as_str())];
                // To take it in parts is not offered to every account: it is asked for where there is another part.
                if !is_last {
                    form.push(("final_capture", "false"));
                }
                (format!("/v1/payment_intents/{reference}/capture"), form)
            }
            Action::Void { reference } => {
                (format!("/v1/payment_intents/{reference}/cancel"), vec![])
            }
            Action::Look { reference } => {
                return Outcome::Unknown(format!("{reference} is looked at"));
            }
            Action::Refund { reference } => (
                "/v1/refunds".to_owned(),
                vec![("payment_intent", reference), ("amount", &amount)],
            ),
        };
        let sent = self.send(Method::POST, &path, &form, request);
        self.said(&request.action, sent).await
    }

    async fn said(
        &self,
        action: &Action,
        sent: impl Future<Output = Result<(StatusCode, Value), String>>,
    ) -> Outcome {
        match sent.await {
            Ok((status, body)) => outcome(action, status, &body),
            Err(why) => Outcome::Unknown(why),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        request: &Request,
    ) -> Result<(StatusCode, Value), String> {
        let mut url: Url = self.config.url.clone();
        url.set_path(path);
        let body = serde_urlencoded::to_string(form).map_err(|error| error.to_string())?;
        let asked = self
            .http
            .request(method, url)
            .bearer_auth(&self.config.secret)
            .header("stripe-account", &request.account)
            .header("stripe-version", VERSION)
            .header("idempotency-key", &request.key)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let span = Span::within("ask the payment provider", Kind::Client);
        // Without the address: it names the payment.
        let answering = async {
            let answer = asked
                .send()
                .await
                .map_err(|error| error.without_url().to_string())?;
            let status = answer.status();
            span.set("http.response.status_code", i64::from(status.as_u16()));
            let body = answer
                .json()
                .await
                .map_err(|error| error.without_url().to_string())?;
            Ok((status, body))
        };
        let answered = answering.await;
        if let Err(why) = &answered {
            span.fail(String::clone(why));
        }
        answered
    }
}

/// Reads what became of a request.
fn outcome(action: &Action, status: StatusCode, body: &Value) -> Outcome {
    if status.is_success() {
        return match Thing::deserialize(body) {
            Ok(thing) => thing_outcome(action, thing),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
    }
    let passes = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::CONFLICT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    // Our own key being wrong, or theirs being busy, says nothing of the payment.
    if status.is_server_error() || passes.contains(&status) {
        return Outcome::Unknown(format!("status {status}"));
    }
    match Refused::deserialize(body) {
        Ok(refused) => Outcome::Failure(word(&refused.error)),
        Err(error) => Outcome::Unknown(error.to_string()),
    }
}

fn thing_outcome(action: &Action, thing: Thing) -> Outcome {
    let failed = |thing: &Thing| {
        let error = thing.last_payment_error.as_ref();
        Outcome::Failure(error.map_or_else(|| thing.status.clone(), word))
    };
    match (action, thing.status.as_str()) {
        (Action::Authorise { .. }, "requires_capture")
        // What is captured in parts goes on waiting for the rest.
        | (Action::Capture { .. }, "succeeded" | "requires_capture")
        | (Action::Void { .. }, "canceled" | "succeeded")
        | (Action::Refund { .. }, "succeeded") => Outcome::Success(thing.id),
        (Action::Look { .. }, "requires_capture") => Outcome::Success(thing.id),
        // Whoever looks has something open still: then the rest has ended.
        (Action::Look { .. }, "canceled" | "succeeded") => Outcome::Failure(ENDED.to_owned()),
        (Action::Authorise { .. }, "requires_action" | "processing" | "requires_confirmation")
        | (Action::Refund { .. }, "pending" | "requires_action")
        | (Action::Capture { .. }, "processing") => Outcome::Open(thing.id),
        (Action::Authorise { .. }, "requires_payment_method" | "canceled")
        | (Action::Capture { .. }, "canceled")
        | (Action::Refund { .. }, "failed" | "canceled") => failed(&thing),
        (_, other) => Outcome::Unknown(format!("it is {other}")),
    }
}

/// Returns why in one word.
fn word(error: &RefusedBody) -> String {
    let said = error.decline_code.as_ref().or(error.code.as_ref());
    let said = said.map_or("refused", String::as_str);
    let plain: String = said
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(MAX_WORD)
        .collect();
    if plain.is_empty() {
        "refused".to_owned()
    } else {
        plain
    }
}

/// What a webhook tells of: which transaction, by its kind and the provider's name for the payment, and what became of it.
#[derive(Debug, PartialEq, Eq)]
pub struct News {
    /// The PaymentIntent.
    pub payment: String,
    pub kind: NewsKind,
    pub amount: i64,
    /// The refund's or the dispute's own name.
    pub own: Option<String>,
}

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub enum NewsKind {
    Authorised,
    NotAuthorised(String),
    /// It was let go: by us, or by itself.
    Cancelled(String),
    Refunded,
    NotRefunded(String),
    ChargedBack,
}

/// Reads what a webhook tells; `None` for what is not asked about, such as what the answer to a capture has said already.
pub fn news(event: &Value) -> Option<News> {
    let object = event.pointer("/data/object")?;
    let text = |name: &str| Some(object.get(name)?.as_str()?.to_owned());
    let amount = |name: &str| object.get(name).and_then(Value::as_i64).unwrap_or_default();
    let why = || {
        let error = object.get("last_payment_error").cloned();
        let error = error.and_then(|error| RefusedBody::deserialize(error).ok());
        error.map_or_else(|| "refused".to_owned(), |error| word(&error))
    };
    let (payment, kind, amount, own) = match event.get("type")?.as_str()? {
        "payment_intent.amount_capturable_updated" => {
            (text("id")?, NewsKind::Authorised, amount("amount"), None)
        }
        "payment_intent.payment_failed" => (
            text("id")?,
            NewsKind::NotAuthorised(why()),
            amount("amount"),
            None,
        ),
        "payment_intent.canceled" => (
            text("id")?,
            NewsKind::Cancelled(why()),
            amount("amount"),
            None,
        ),
        "refund.updated" | "refund.created" if text("status")? == "succeeded" => (
            text("payment_intent")?,
            NewsKind::Refunded,
            amount("amount"),
            text("id"),
        ),
        "refund.failed" => {
            let why = text("failure_reason").unwrap_or_else(|| "refused".to_owned());
            (
                text("payment_intent")?,
                NewsKind::NotRefunded(why),
                amount("amount"),
                text("id"),
            )
        }
        "charge.dispute.created" => (
            text("payment_intent")?,
            NewsKind::ChargedBack,
            amount("amount"),
            text("id"),
        ),
        _ => return None,
    };
    Some(News {
        payment,
        kind,
        amount,
        own,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_one_of_four_and_no_silence_is_a_no() {
        let reference = "pi_1".to_owned();
        let authorise = Action::Authorise {
            token: "pm_1".to_owned(),
        };
        let capture = Action::Capture {
            is_last: true,
            reference: reference.clone(),
        };
        let void = Action::Void {
            reference: reference.clone(),
        };
        let refund = Action::Refund { reference };
        let ok = StatusCode::OK;
        let is = |status: &str| json!({"id": "x_1", "status": status});
        let success = Outcome::Success("x_1".to_owned());
        let open = Outcome::Open("x_1".to_owned());
        for (action, word, expected) in [
            (&authorise, "requires_capture", &success),
            (&authorise, "processing", &open),
            (&authorise, "requires_action", &open),
            (&capture, "succeeded", &success),
            (&capture, "requires_capture", &success),
            (&void, "canceled", &success),
            (&refund, "succeeded", &success),
            (&refund, "pending", &open),
            (&refund, "failed", &Outcome::Failure("failed".to_owned())),
        ] {
            assert_eq!(outcome(action, ok, &is(word)), *expected, "{word}");
        }
        let declined =
            json!({"error": {"code": "card_declined", "decline_code": "insufficient_funds"}});
        let failure = Outcome::Failure("insufficient_funds".to_owned());
        assert_eq!(
            outcome(&authorise, StatusCode::PAYMENT_REQUIRED, &declined),
            failure
        );
        for status in [401, 403, 409, 429, 500, 503] {
            let status = StatusCode::from_u16(status).expect("a status");
            let unknown = outcome(&authorise, status, &declined);
            assert!(matches!(unknown, Outcome::Unknown(_)), "{status}");
        }
        let strange = outcome(&authorise, ok, &is("x"));
        assert!(matches!(strange, Outcome::Unknown(_)));
        let odd = json!({"error": {"code": "<b>&\u{7}"}});
        let failure = Outcome::Failure("b".to_owned());
        assert_eq!(outcome(&capture, StatusCode::BAD_REQUEST, &odd), failure);
    }
}

//! Asking payment providers: by whoever has written that they are to be asked, then in the background as long as anything is open,
//! and after a crash by whichever process finds what it has left.

use std::time::Duration;

use averis_tenant_db::{TenantConn, TenantDb};
use averis_trace::{Kind, Span};
use chrono::TimeDelta;
use serde_json::Value;
use uuid::Uuid;

use crate::State;
use crate::domain::now;
use crate::domain::orders::CANCELLED;
use crate::error::OmsError;
use crate::provider::stripe::{News, NewsKind, news};
use crate::provider::{Action, ENDED, Outcome, Request};
use crate::settle::{GIVE_UP, ask, ended, locked, settle, settle_locked};
use crate::store::orders::{self, OrderRow};
use crate::store::payments::{
    self, AUTHORISE, CAPTURE, CHARGEBACK, INITIAL, PENDING, PaymentRow, REFUND, SUCCESS,
    TransactionRow, VOID,
};

/// How long to leave alone what does not answer, and how often to look whether what was told is known by now.
const AWAY: Duration = Duration::from_secs(1);
/// Nothing that is asked for again by itself waits longer.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// Transactions of one tenant that are asked for in one go, and things told that are looked at.
const AT_ONCE: i64 = 100;
/// Authorisations that are looked at in one go: each may take a provider's whole time to answer.
const LOOKS: i64 = 5;
/// How often to look whether what is authorised still is, once it is old.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(12);
/// How often, where the provider has not said.
const UNSURE: TimeDelta = TimeDelta::minutes(10);
/// How long something told about nothing known is kept in mind.
const WAITS: TimeDelta = TimeDelta::days(3);

/// Asks a provider for what a transaction says, and notes what it has said. A transaction that is final is left alone.
///
/// # Errors
/// Those of the database. That there was no answer is noted, and no error.
pub async fn drive(state: &State, db: &TenantDb, transaction: Uuid) -> Result<(), OmsError> {
    let prepared = db.read(async |conn| -> Result<_, OmsError> {
        let Some(row) = payments::find_transaction(conn, transaction).await? else {
            return Ok(None);
        };
        let (Some(order), Some(payment)) = (
            orders::find(conn, row.order_id).await?,
            payments::find(conn, row.order_id).await?,
        ) else {
            return Ok(None);
        };
        Ok(Some((row, order, payment)))
    });
    let Some((row, order, payment)) = prepared.await? else {
        return Ok(());
    };
    let Some(outcome) = said(state, &row, &order, &payment).await else {
        return Ok(());
    };
    db.transaction(async |conn| settle(conn, order.id, transaction, &outcome).await)
        .await
}

/// Asks the provider of an order for what one of its transactions says, and returns what it has said: none for what is final.
pub async fn said(
    state: &State,
    row: &TransactionRow,
    order: &OrderRow,
    payment: &PaymentRow,
) -> Option<Outcome> {
    if row.is_final() {
        return None;
    }
    let transaction = row.id;
    let reference = payment.reference.clone().unwrap_or_default();
    let action = match row.kind.as_str() {
        AUTHORISE => Action::Authorise {
            token: order.payment_token.clone().unwrap_or_default(),
        },
        CAPTURE => Action::Capture {
            reference,
            is_last: payment.open() == 0 && payment.capturing == row.amount,
        },
        VOID => Action::Void { reference },
        REFUND => Action::Refund { reference },
        _ => return None,
    };
    let provider = state.providers.get(&order.provider);
    // After a day the provider has forgotten what it was asked for, and would do it again. An authorisation may have been asked for by
    // a process that came to no end.
    let may_be_asked = row.attempts > 0 || row.kind == AUTHORISE;
    let is_old = may_be_asked && row.reference.is_none() && now() - row.created_at > GIVE_UP;
    let is_given_up = row.kind == AUTHORISE && order.status == CANCELLED;
    let outcome = match (provider, payment.account.clone()) {
        _ if is_old => Outcome::Unknown("it was asked for too long ago".to_owned()),
        (Some(provider), Some(account)) => {
            // What the buyer has not said yes to yet it need not any more.
            let withdrawn = row.reference.clone().filter(|_| is_given_up);
            let (action, known, key) = match withdrawn {
                Some(reference) => (
                    Action::Void { reference },
                    None,
                    format!("{transaction}:withdraw"),
                ),
                None => (action, row.reference.clone(), transaction.to_string()),
            };
            let request = Request {
                key,
                order: order.id,
                account,
                currency: order.currency.to_ascii_lowercase(),
                amount: row.amount,
                action,
                known,
            };
            let said = provider.ask(&request).await;
            match (&request.action, said) {
                (Action::Void { .. }, Outcome::Success(_)) if is_given_up => {
                    Outcome::Failure("cancelled".to_owned())
                }
                // Whether it can be withdrawn or not, what became of it is looked at.
                (Action::Void { .. }, Outcome::Failure(_)) if is_given_up => {
                    let looked = Request {
                        action: Action::Authorise {
                            token: String::new(),
                        },
                        known: row.reference.clone(),
                        ..request
                    };
                    provider.ask(&looked).await
                }
                (_, said) => said,
            }
        }
        _ => Outcome::Unknown("the provider is not set up".to_owned()),
    };
    Some(outcome)
}

/// Looks whether what a provider has authorised still is. What it has let go of by itself is noted.
///
/// # Errors
/// Those of the database. That there was no answer is no error.
async fn look(state: &State, db: &TenantDb, order: Uuid) -> Result<(), OmsError> {
    let found = db.read(async |conn| -> Result<_, OmsError> {
        let payment = payments::find(conn, order).await?;
        let all = payments::transactions_of(conn, order).await?;
        Ok((payment, all))
    });
    let (Some(payment), all) = found.await? else {
        return Ok(());
    };
    let row = all.iter().find(|row| row.kind == AUTHORISE);
    let mut outcome = Outcome::Unknown("the provider is not set up".to_owned());
    let is_asked = payment.open() > 0 && !is_voiding(&all);
    let provider = state.providers.get(&payment.provider).filter(|_| is_asked);
    if let (Some(provider), Some(account), Some(reference), Some(row)) = (
        provider,
        payment.account.clone(),
        payment.reference.clone(),
        row,
    ) {
        let request = Request {
            key: row.id.to_string(),
            order,
            account,
            currency: payment.currency.to_ascii_lowercase(),
            amount: row.amount,
            action: Action::Look { reference },
            known: None,
        };
        outcome = provider.ask(&request).await;
    }
    db.transaction(async |conn| -> Result<(), OmsError> {
        let (found, mut payment) = locked(conn, order).await?;
        let all = payments::transactions_of(conn, order).await?;
        if outcome == Outcome::Failure(ENDED.to_owned()) && !is_voiding(&all) {
            return ended(conn, found, payment).await;
        }
        let pause = match outcome {
            Outcome::Unknown(_) => UNSURE,
            _ => LOOK_AGAIN,
        };
        payment.look_at = (payment.open() > 0).then(|| now() + pause);
        Ok(payments::put(conn, &payment).await?)
    })
    .await
}

/// Whether we are letting something go ourselves. That has not ended: whether it is done is asked for as what it is.
fn is_voiding(all: &[TransactionRow]) -> bool {
    all.iter().any(|row| row.kind == VOID && !row.is_final())
}

/// Asks for what was just written for a cause, if it is open still, and has it gone on with.
///
/// # Errors
/// Those of the database.
pub async fn drive_asked(
    state: &State,
    db: &TenantDb,
    order: Uuid,
    kind: &str,
    cause: &str,
) -> Result<(), OmsError> {
    let open = db.read(async |conn| -> Result<Option<Uuid>, OmsError> {
        let all = payments::transactions_of(conn, order).await?;
        let mut own = all.iter().filter(|row| row.kind == kind);
        let own = own.find(|row| row.cause == cause && !row.is_final());
        Ok(own.map(|row| row.id))
    });
    if let Some(transaction) = open.await? {
        drive(state, db, transaction).await?;
        wake(state, db);
    }
    Ok(())
}

/// Goes on with what is open of a tenant, in the background and until nothing is.
pub fn wake(state: &State, db: &TenantDb) {
    let (own, db) = (state.clone(), db.clone());
    state.lanes.wake(db.id(), (), async move || {
        let (key, id) = (db.tenant(), db.id());
        let span = Span::for_tenant("go on with payments", Kind::Internal, key, id);
        let gone_on = span.around(go_on(&own, &db)).await;
        gone_on.unwrap_or_else(|error| {
            tracing::warn!(tenant = %db.tenant(), error = %error, "payments cannot be gone on with");
            Some(AWAY)
        })
    });
}

/// Asks for what is due of a tenant, and looks at what was told. Returns when to do so again, if anything is open.
async fn go_on(state: &State, db: &TenantDb) -> Result<Option<Duration>, OmsError> {
    let at = now();
    let found = db.read(async |conn| -> Result<_, OmsError> {
        let due = payments::due(conn, at, AT_ONCE).await?;
        let old = payments::to_look_at(conn, at, LOOKS).await?;
        Ok((due, old, payments::waiting(conn, AT_ONCE).await?))
    });
    let (due, old, waiting) = found.await?;
    // What fails by itself keeps nothing else from going on, and is not tried again at once.
    let mut has_failed = false;
    for transaction in due {
        if let Err(error) = drive(state, db, transaction).await {
            has_failed = true;
            tracing::warn!(transaction = %transaction, error = %error, "a payment cannot be gone on with");
        }
    }
    for (provider, event, body) in waiting {
        let applied = db
            .transaction(async |conn| apply_news(conn, &provider, &event, &body).await)
            .await;
        if let Err(error) = applied {
            tracing::warn!(event, error = %error, "what was told has no effect yet");
        }
    }
    for order in old {
        if let Err(error) = look(state, db, order).await {
            has_failed = true;
            tracing::warn!(order = %order, error = %error, "an authorisation cannot be looked at");
        }
    }
    let rest = db.transaction(async |conn| -> Result<_, OmsError> {
        let given_up = payments::give_up(conn, at - WAITS, at).await?;
        let next = payments::next_due(conn).await?;
        let waits = !payments::waiting(conn, 1).await?.is_empty()
            || !payments::to_look_at(conn, now(), 1).await?.is_empty();
        Ok((given_up, next, waits))
    });
    let (given_up, next, waits) = rest.await?;
    if given_up > 0 {
        tracing::warn!(given_up, tenant = %db.tenant(), "a payment provider has told of payments that nobody knows");
    }
    let next = next.map(|next| (next - now()).to_std().unwrap_or_default());
    let next = next.map(|next| if has_failed { next.max(AWAY) } else { next });
    // What only a person can find out is asked for by nobody.
    let next = next.filter(|next| *next < LONGEST);
    Ok(next.into_iter().chain(waits.then_some(AWAY)).min())
}

/// Whether something of a tenant is open that another process has left: it is overdue.
///
/// # Errors
/// Those of the database.
pub async fn is_left(db: &TenantDb, left_after: Duration) -> Result<bool, OmsError> {
    let due = db.read(async |conn| -> Result<_, OmsError> {
        let since = now() - left_after;
        let is_due = !payments::due(conn, since, 1).await?.is_empty()
            || !payments::to_look_at(conn, since, 1).await?.is_empty();
        Ok(is_due || payments::has_waited(conn, since).await?)
    });
    due.await
}

/// What became of something that a provider has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing, now or later.
    Nothing,
    /// It has changed something, and that may want something else now.
    Changed,
    /// It is about nothing known yet, and waits.
    Waits,
}

/// Lets something that a provider has told, and that is kept, have its effect, once.
///
/// # Errors
/// Those of the database.
pub async fn apply_news(
    conn: &mut TenantConn,
    provider: &str,
    event: &str,
    body: &Value,
) -> Result<Effect, OmsError> {
    let effect = match news(body) {
        Some(news) => effect_of(conn, provider, event, news).await?,
        None => Effect::Nothing,
    };
    if effect != Effect::Waits {
        payments::note_processed(conn, provider, event, now()).await?;
    }
    Ok(effect)
}

async fn effect_of(
    conn: &mut TenantConn,
    provider: &str,
    event: &str,
    news: News,
) -> Result<Effect, OmsError> {
    let Some(order) = payments::order_of(conn, provider, &news.payment).await? else {
        // A no to what nobody knows changes nothing, now or later; a yes may be known a moment later.
        let is_no = matches!(
            news.kind,
            NewsKind::NotAuthorised(_) | NewsKind::Cancelled(_) | NewsKind::NotRefunded(_)
        );
        return Ok(if is_no {
            Effect::Nothing
        } else {
            Effect::Waits
        });
    };
    if !matches!(news.kind, NewsKind::ChargedBack | NewsKind::Cancelled(_)) {
        // Mostly the answer was quicker than the news of it. What is final stays so: nothing has to be locked to see that.
        let all = payments::transactions_of(conn, order).await?;
        if all.iter().all(TransactionRow::is_final) {
            return Ok(Effect::Nothing);
        }
    }
    let (order, mut payment) = locked(conn, order).await?;
    if news.kind == NewsKind::ChargedBack {
        let cause = news.own.clone().unwrap_or_else(|| event.to_owned());
        let row = ask(conn, order.id, CHARGEBACK, cause, news.amount.max(1)).await?;
        let done = Outcome::Success(event.to_owned());
        settle_locked(conn, order, &mut payment, row.id, &done).await?;
        return Ok(Effect::Changed);
    }
    let all = payments::transactions_of(conn, order.id).await?;
    let is_cancelled = matches!(news.kind, NewsKind::Cancelled(_));
    if let Some(row) = meant(&all, &news) {
        let reference = news.own.clone().unwrap_or_else(|| news.payment.clone());
        let outcome = match news.kind {
            NewsKind::Authorised | NewsKind::Refunded => Outcome::Success(reference),
            NewsKind::Cancelled(_) if row.kind == VOID => Outcome::Success(reference),
            NewsKind::NotAuthorised(why)
            | NewsKind::Cancelled(why)
            | NewsKind::NotRefunded(why) => Outcome::Failure(why),
            NewsKind::ChargedBack => return Ok(Effect::Nothing),
        };
        settle_locked(conn, order, &mut payment, row.id, &outcome).await?;
        return Ok(Effect::Changed);
    }
    if is_cancelled && payment.open() > 0 {
        // Perhaps it has ended by itself. What is told late, or contradicts what was said, decides nothing: it is looked at.
        payment.look_at = Some(now());
        payments::put(conn, &payment).await?;
        return Ok(Effect::Changed);
    }
    Ok(Effect::Nothing)
}

/// Finds the transaction that is meant, if it is open still.
fn meant<'a>(all: &'a [TransactionRow], news: &News) -> Option<&'a TransactionRow> {
    let mut open = all.iter().filter(|row| !row.is_final());
    match news.kind {
        NewsKind::Authorised | NewsKind::NotAuthorised(_) => open.find(|row| row.kind == AUTHORISE),
        NewsKind::Cancelled(_) => open.find(|row| [AUTHORISE, VOID].contains(&row.kind.as_str())),
        NewsKind::Refunded | NewsKind::NotRefunded(_) => open
            .find(|row| row.kind == REFUND && row.reference.is_some() && row.reference == news.own),
        NewsKind::ChargedBack => None,
    }
}

/// The state of an order's authorisation, for whoever waits for it: open, or why not.
pub fn authorisation(all: &[TransactionRow]) -> Option<Result<(), Option<String>>> {
    let row = all.iter().find(|row| row.kind == AUTHORISE)?;
    match row.state.as_str() {
        SUCCESS => Some(Ok(())),
        PENDING | INITIAL => None,
        _ => Some(Err(row.failure.clone())),
    }
}

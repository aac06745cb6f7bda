//! How a cart becomes an order: one step after the other, each one's result stored before the next begins.
//!
//! ```text
//! running       started ─► quoted ─► reserved ─► redeemed ─► credited ─► the order is drafted and paid, with one call
//! paying        it is drafted, and whether it is paid only its provider knows
//! finalising    the order is placed; what was held for it is kept, forward only
//! placed        the cart is ordered
//! compensating  something said no, or did not answer while there was no order: all that was held is given back, and what may be paid
//!               is let go, unless the order was placed after all
//! failed        nothing is left of it, and the cart is its shopper's again
//! ```
//!
//! Whoever finds an attempt that nobody works on goes on with it: each step is the same however often it is taken, by its key and by
//! the checkout's id. Of two that work on one at once the slower finds that it has changed, and stops. Screening of buyers will stand
//! between `quoted` and `reserved`.

mod bought;
mod order;
mod steps;
mod stock;
mod undo;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use averis_contracts::client::{CallError, Correlation};
use averis_service_kit::metrics::{Counter, PerTenant};
use averis_service_kit::problem::Problem;
use averis_tenant_context::TenantContext;
use averis_tenant_db::TenantDb;
use averis_trace::{Kind, Span};
use chrono::TimeDelta;
use uuid::Uuid;

use crate::State;
use crate::domain::now;
use crate::error::{EcommError, codes};
use crate::store::carts::{self, ACTIVE, LOCKED, ORDERED};
use crate::store::checkouts::{
    self, COMPENSATING, CheckoutRow, FAILED, FINALISING, PAYING, PLACED, RUNNING,
};

pub use bought::{BuyerParts, LockedCart};
pub use steps::{preview, stored};

/// The pause before an attempt that waits is gone on with.
const PAUSE: TimeDelta = TimeDelta::seconds(2);
/// How long an attempt may take before it is given up. Less than stock is reserved.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// How often whoever has begun an attempt looks whether it can go on.
const FOLLOW: Duration = Duration::from_millis(1_000);
/// For how long. Then it is found by a round.
const FOLLOWED: Duration = Duration::from_secs(15 * 60);
/// How long what is reserved is surely held without being held again. Less than the ERP service holds it.
const HELD_ALONE: TimeDelta = TimeDelta::minutes(4);
/// Attempts of one tenant that one round takes up.
const AT_ONCE: i64 = 50;

/// What an attempt can be before it is over.
const OPEN: [&str; 4] = [RUNNING, PAYING, FINALISING, COMPENSATING];

static ENDED: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new(
        "averis_checkouts_ended",
        "Attempts to buy that are over, by what became of them.",
    )
});

/// Returns what keeps how many attempts are open, and has them measured.
pub fn measured() -> PerTenant {
    let open = PerTenant::default();
    for status in OPEN {
        open.watch(
            "averis_checkouts_open",
            "Attempts to buy that are under way, of all tenants, as this process has last found them.",
            &[("status", status)],
            status,
            |all| all.iter().sum(),
        );
    }
    open
}

/// What an attempt works with.
#[derive(Clone)]
pub struct Work {
    pub state: State,
    pub tenant: Arc<TenantContext>,
    pub db: TenantDb,
    pub correlation: Correlation,
}

impl Work {
    /// The key under which a step is taken: the same however often.
    fn key(row: &CheckoutRow, step: &str) -> String {
        format!("checkout:{}:{step}", row.id)
    }
}

/// Why a step was not taken.
pub enum Stop {
    /// It never will be: the buyer is told why.
    Refused(Problem),
    /// Nobody knows whether it was.
    Away(CallError),
    /// Somebody else works on the attempt, or our own database does not answer.
    Ours(EcommError),
}

impl From<EcommError> for Stop {
    fn from(error: EcommError) -> Self {
        Self::Ours(error)
    }
}

/// How an attempt stands when something of it was stored.
enum Stands {
    /// Another step follows.
    On(CheckoutRow),
    /// It is over, has to wait, or is somebody else's by now.
    Still(CheckoutRow),
}

/// Goes on with an attempt that nobody works on. Returns it like [`go_through`]; none while somebody else works on it.
///
/// # Errors
/// Those of the database.
pub async fn run(work: &Work, id: Uuid) -> Result<Option<CheckoutRow>, EcommError> {
    let claimed = work.db.transaction(async |conn| -> Result<_, EcommError> {
        let at = now();
        Ok(checkouts::claim(conn, id, at, at + work.state.lease).await?)
    });
    let Some(row) = claimed.await? else {
        return Ok(None);
    };
    let (key, tenant) = (&work.tenant.key, work.tenant.id);
    let span = Span::for_tenant("go on with a checkout", Kind::Internal, key, tenant);
    Ok(Some(span.around(go_through(work, row)).await?))
}

/// Goes on with an attempt that its caller has to itself, until it is over, or until it has to wait. Returns it as it is then.
///
/// # Errors
/// Those of the database.
pub async fn go_through(work: &Work, mut row: CheckoutRow) -> Result<CheckoutRow, EcommError> {
    loop {
        let stands = match row.status.as_str() {
            RUNNING => running(work, row).await?,
            PAYING => paying(work, row).await?,
            FINALISING => finalising(work, row).await?,
            COMPENSATING => compensating(work, row).await?,
            _ => return Ok(row),
        };
        match stands {
            Stands::On(next) => row = next,
            Stands::Still(row) => return Ok(row),
        }
    }
}

async fn find(work: &Work, id: Uuid) -> Result<CheckoutRow, EcommError> {
    let found = work
        .db
        .read(async |conn| -> Result<_, EcommError> { Ok(checkouts::find(conn, id).await?) });
    Ok(found.await?.ok_or_else(Problem::not_found)?)
}

/// Stores what became of an attempt, which whoever stores it has to itself for a while. If somebody else has stored something
/// meanwhile, that one goes on with it.
async fn go_on(
    work: &Work,
    before: &CheckoutRow,
    mut row: CheckoutRow,
) -> Result<Stands, EcommError> {
    let at = now();
    // Not with each step of a quick one: what others look for it by then stays where it is.
    let lease = work.state.lease;
    if row.next_at < at + lease * 9 / 10 {
        row.next_at = at + lease;
    }
    // What is lost with the database is found out again, under the same keys. But of what stands here an order is drafted, once; and
    // what may be paid is not given up as what is not.
    let must_last =
        ["credited", "drafted"].contains(&row.step.as_str()) || row.status == COMPENSATING;
    let stored = work.db.transaction(async |conn| -> Result<_, EcommError> {
        if !must_last {
            conn.need_not_last();
        }
        Ok(checkouts::store(conn, before, &row).await?)
    });
    Ok(match stored.await? {
        Some(stored) => Stands::On(stored),
        None => Stands::Still(find(work, row.id).await?),
    })
}

/// Leaves an attempt for later, as it is.
async fn wait(work: &Work, row: CheckoutRow) -> Result<Stands, EcommError> {
    let later = row.clone();
    wait_with(work, row, later).await
}

/// Leaves an attempt for later, with what is known of it by now.
async fn wait_with(
    work: &Work,
    row: CheckoutRow,
    mut later: CheckoutRow,
) -> Result<Stands, EcommError> {
    later.attempts += 1;
    later.next_at = now() + PAUSE;
    let stored = work.db.transaction(async |conn| -> Result<_, EcommError> {
        Ok(checkouts::store(conn, &row, &later).await?)
    });
    Ok(Stands::Still(stored.await?.unwrap_or(row)))
}

/// Takes the next step.
async fn running(work: &Work, row: CheckoutRow) -> Result<Stands, EcommError> {
    let mut next = row.clone();
    // What was held first ends by itself some time; an attempt that was left for that long is none any more.
    let is_old = now() - row.created_at > PATIENCE;
    if row.step == "credited" && !is_old {
        return paying(work, row).await;
    }
    let taken = match row.step.as_str() {
        _ if is_old => Err(Stop::Refused(
            Problem::new(codes::CHECKOUT_UNAVAILABLE).retry_after(1),
        )),
        "started" => steps::quote(work, &mut next).await,
        "quoted" => stock::reserve(work, &mut next).await,
        "reserved" => steps::redeem(work, &mut next).await,
        "redeemed" => steps::credit(work, &mut next).await,
        _ => Ok(()),
    };
    match taken {
        Ok(()) => {
            steps::pass_over(&mut next)?;
            if next.step == "drafted" {
                // As processes of before have left it.
                next.status = PAYING.to_owned();
            }
        }
        Err(Stop::Ours(error)) => return Err(error),
        Err(Stop::Refused(problem)) => give_up(&mut next, &problem),
        Err(Stop::Away(error)) => {
            let problem = Problem::new(codes::CHECKOUT_UNAVAILABLE).retry_after(1);
            give_up(&mut next, &problem.because(error));
        }
    }
    go_on(work, &row, next).await
}

/// Turns an attempt round, for that reason.
fn give_up(row: &mut CheckoutRow, problem: &Problem) {
    if let Some(cause) = problem.cause_chain() {
        tracing::warn!(checkout = %row.id, reason = cause, "a checkout is given up");
    }
    row.status = COMPENSATING.to_owned();
    row.problem = Some(problem.body());
    row.problem_status = i16::try_from(problem.code().status).ok();
}

/// Has the order drafted, if it is not, and paid.
async fn paying(work: &Work, row: CheckoutRow) -> Result<Stands, EcommError> {
    let mut next = row.clone();
    let age = now() - row.created_at;
    if age > HELD_ALONE {
        // Nobody pays for what others may have by now.
        match stock::hold_on(work, &row).await {
            Ok(()) => {}
            Err(Stop::Refused(problem)) => {
                give_up(&mut next, &problem);
                return go_on(work, &row, next).await;
            }
            Err(Stop::Away(error)) => {
                tracing::warn!(checkout = %row.id, error = %error, "stock is not held longer");
                return wait(work, row).await;
            }
            Err(Stop::Ours(error)) => return Err(error),
        }
    }
    match steps::pay(work, &mut next).await {
        Ok(true) => next.status = FINALISING.to_owned(),
        // The provider, or the buyer at it, has not answered yet.
        Ok(false) if age < PATIENCE => {
            next.status = PAYING.to_owned();
            "drafted".clone_into(&mut next.step);
            return wait_with(work, row, next).await;
        }
        // A yes that comes later is let go by the order's service: it is cancelled there first.
        Ok(false) => give_up(
            &mut next,
            &Problem::new(codes::PAYMENT_DECLINED).with("failure", "no_answer"),
        ),
        Err(Stop::Refused(problem)) => give_up(&mut next, &problem),
        Err(Stop::Away(error)) if next.order_id.is_none() => {
            // There is nothing that the buyer could wait for. If it was drafted, and even paid, that is undone once it can be asked.
            let problem = Problem::new(codes::CHECKOUT_UNAVAILABLE).retry_after(1);
            give_up(&mut next, &problem.because(error));
        }
        Err(Stop::Away(error)) => {
            tracing::warn!(checkout = %row.id, error = %error, "whether it is paid is not known yet");
            return wait(work, row).await;
        }
        Err(Stop::Ours(error)) => return Err(error),
    }
    go_on(work, &row, next).await
}

/// Keeps what was held for an order that is placed, and lets the cart be ordered. There is no way back from here.
async fn finalising(work: &Work, row: CheckoutRow) -> Result<Stands, EcommError> {
    match steps::confirm(work, &row).await {
        Ok(()) => {}
        Err(Stop::Ours(error)) => return Err(error),
        Err(Stop::Refused(problem)) => {
            // It is placed all the same: somebody has to look, and the cart is ordered.
            let cause = problem.body().to_string();
            tracing::error!(checkout = %row.id, cause, "something that was held for a placed order is not kept");
        }
        Err(Stop::Away(error)) => {
            tracing::warn!(checkout = %row.id, error = %error, "what was held is not kept yet");
            return wait(work, row).await;
        }
    }
    let mut placed = row.clone();
    placed.status = PLACED.to_owned();
    end(work, &row, placed, ORDERED).await
}

/// Gives back all that was held.
async fn compensating(work: &Work, row: CheckoutRow) -> Result<Stands, EcommError> {
    let mut undone = row.clone();
    match undo::all(work, &mut undone).await {
        Ok(true) => {}
        // It was placed after all: then it stays so.
        Ok(false) => {
            let mut placed = undone.clone();
            placed.status = FINALISING.to_owned();
            "placed".clone_into(&mut placed.step);
            placed.problem = None;
            placed.problem_status = None;
            return go_on(work, &row, placed).await;
        }
        Err(Stop::Ours(error)) => return Err(error),
        Err(Stop::Refused(problem)) => {
            let cause = problem.body().to_string();
            tracing::error!(checkout = %row.id, cause, "something is not given back");
            return wait(work, row).await;
        }
        Err(Stop::Away(error)) => {
            tracing::warn!(checkout = %row.id, error = %error, "not all is given back yet");
            return wait(work, row).await;
        }
    }
    let mut failed = undone;
    failed.status = FAILED.to_owned();
    end(work, &row, failed, ACTIVE).await
}

/// Ends an attempt, and with it the lock of its cart.
async fn end(
    work: &Work,
    before: &CheckoutRow,
    row: CheckoutRow,
    state: &str,
) -> Result<Stands, EcommError> {
    // Somebody else may have ended it: that one counts it.
    let (ended, is_own) = work
        .db
        .transaction(async |conn| -> Result<_, EcommError> {
            let Some(ended) = checkouts::store(conn, before, &row).await? else {
                return Ok((checkouts::find(conn, row.id).await?, false));
            };
            if let Some(mut cart) = carts::lock(conn, row.cart_id, row.session_id).await?
                && cart.state == LOCKED
            {
                state.clone_into(&mut cart.state);
                cart.order_id = row.order_id.filter(|_| state == ORDERED);
                carts::update(conn, &cart).await?;
            }
            Ok((Some(ended), true))
        })
        .await?;
    let row = ended.unwrap_or(row);
    if is_own {
        let outcome = if row.status == PLACED { PLACED } else { FAILED };
        ENDED.count(&[("outcome", outcome)]);
    }
    Ok(Stands::Still(row))
}

/// Goes on in the background with an attempt that has to wait, until it is over or somebody else's.
pub fn follow(work: Work, id: Uuid) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the work carries its tenant, and ends with the attempt"
    )]
    actix_web::rt::spawn(async move {
        let from = tokio::time::Instant::now();
        while from.elapsed() < FOLLOWED {
            tokio::time::sleep(FOLLOW).await;
            let gone_on = async {
                let row = find(&work, id).await?;
                if row.is_over() || row.next_at > now() {
                    return Ok(row);
                }
                Ok(run(&work, id).await?.unwrap_or(row))
            };
            match gone_on.await {
                Ok(row) if row.is_over() => return,
                Ok(_) => {}
                Err::<_, EcommError>(error) => {
                    tracing::warn!(checkout = %id, error = %error, "a checkout cannot be gone on with");
                }
            }
        }
    });
}

/// Takes up attempts of a tenant that a crash has left: those that nobody has gone on with for a while.
///
/// # Errors
/// Those of the database.
pub async fn sweep(
    state: &State,
    tenant: &TenantContext,
    db: &TenantDb,
    left_after: Duration,
) -> Result<(), EcommError> {
    let found = db.read(async |conn| -> Result<_, EcommError> {
        let open = checkouts::open_by_status(conn).await?;
        Ok((
            checkouts::due(conn, now() - left_after, AT_ONCE).await?,
            open,
        ))
    });
    let (due, open) = found.await?;
    for status in OPEN {
        let number = open.iter().find(|(of, _)| of == status);
        let number = number.and_then(|(_, number)| u32::try_from(*number).ok());
        state.open.note(tenant.id, status, number.map(f64::from));
    }
    for id in due {
        let work = Work {
            state: state.clone(),
            tenant: Arc::new(tenant.clone()),
            db: db.clone(),
            correlation: Correlation {
                tenant: Some(tenant.id.0),
                ..Correlation::default()
            },
        };
        // In the background: one that is slow keeps no other tenant's waiting.
        follow(work, id);
    }
    Ok(())
}

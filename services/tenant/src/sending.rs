//! Telling tenants' own systems what happened: whoever has put a message on its way wakes its endpoints' lanes, and after a crash
//! whichever process finds what is overdue. Each message comes at least once, and under one id each time.

mod calling;
mod noting;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use averis_identity::{Mail, MailQueue};
use averis_service_kit::clock::now;
use averis_service_kit::lanes::Lanes;
use averis_tenant_context::TenantId;
use averis_tenant_db::{PlatformDb, TenantConn, TenantDb};
use averis_trace::{Kind, Span};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::calling::{failure, guarded};
use self::noting::{note_delivery, note_health};
use crate::domain::webhooks::signature::sign;
use crate::domain::webhooks::targets::{self, Targets};
use crate::domain::webhooks::{KEPT, asked_pause, events};
use crate::error::TenantError;
use crate::store::members;
use crate::store::webhook_deliveries::{self as deliveries, AttemptRow, DeliveryRow, MessageRow};
use crate::store::webhook_endpoints::{self as endpoints, EndpointRow};

/// When to believe that whoever calls has died: longer than a call takes.
const LEASE: TimeDelta = TimeDelta::seconds(45);
/// Messages that an endpoint is told at once. One that did not hear the last time is told one by one.
const AT_ONCE: i64 = 4;
/// Endpoints that one process tells at once.
const ENDPOINTS_AT_ONCE: usize = 32;
/// Endpoints of one tenant that one process tells at once: a tenant whose systems are slow keeps nobody else's waiting.
const OF_TENANT: usize = 4;
/// How much of an answer is read and kept, in bytes.
const MAX_ANSWER: usize = 4 * 1024;
/// Pauses after failures of our own, in seconds. Then whoever looks for what is left goes on.
const PAUSES: [u64; 4] = [1, 3, 10, 30];
/// What is forgotten in one go of what was told long ago.
const FORGOTTEN: i64 = 1_000;

/// What tells tenants' systems.
#[derive(Clone)]
pub struct Sending {
    http: reqwest::Client,
    turns: Arc<Semaphore>,
    of_tenants: Arc<Mutex<HashMap<TenantId, Arc<Semaphore>>>>,
    lanes: Lanes<Uuid>,
    platform: PlatformDb,
    mails: MailQueue,
    pub targets: Targets,
}

/// What came of calling somebody.
struct Outcome {
    status: Option<StatusCode>,
    failure: Option<&'static str>,
    retry_after: Option<Duration>,
    answer: String,
}

impl Outcome {
    fn is_success(&self) -> bool {
        self.failure.is_none() && self.status.is_some_and(|status| status.is_success())
    }

    fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE)
    }
}

impl Sending {
    /// Prepares to call whom `targets` lets be called.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(
        targets: Targets,
        platform: PlatformDb,
        mails: MailQueue,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: guarded(targets)?,
            turns: Arc::new(Semaphore::new(ENDPOINTS_AT_ONCE)),
            of_tenants: Arc::default(),
            lanes: Lanes::default(),
            platform,
            mails,
            targets,
        })
    }

    /// Tells an endpoint what it was not told yet, in the background.
    pub fn wake(&self, db: &TenantDb, endpoint: Uuid) {
        let (own, db) = (self.clone(), db.clone());
        let failures = AtomicUsize::new(0);
        self.lanes.wake(db.id(), endpoint, {
            async move || match own.go_on(&db, endpoint).await {
                Ok(pause) => {
                    failures.store(0, Ordering::Relaxed);
                    pause
                }
                Err(error) => {
                    tracing::warn!(tenant = %db.tenant(), endpoint = %endpoint, error = %error, "webhooks cannot be gone on with");
                    let before = failures.fetch_add(1, Ordering::Relaxed);
                    PAUSES.get(before).copied().map(Duration::from_secs)
                }
            }
        });
    }

    /// Returns how many endpoints of a tenant may be told at once.
    fn of_tenant(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut all = self
            .of_tenants
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(tenant);
        Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(OF_TENANT))))
    }

    /// Tells those endpoints of a tenant that another process has left, and forgets what was told long ago.
    pub async fn look_after(&self, db: &TenantDb, left_after: Duration) {
        let overdue = db.read(async |conn| -> Result<Vec<Uuid>, TenantError> {
            Ok(deliveries::overdue(conn, now() - left_after).await?)
        });
        let discarded = async {
            let forget = async |conn: &mut TenantConn| -> Result<usize, TenantError> {
                Ok(deliveries::discard(conn, now() - KEPT, FORGOTTEN).await?)
            };
            while db.transaction(forget).await? > 0 {}
            Ok::<(), TenantError>(())
        };
        match overdue.await {
            Ok(overdue) => overdue.into_iter().for_each(|id| self.wake(db, id)),
            // Looked at again in the next round.
            Err(error) => {
                tracing::warn!(tenant = %db.tenant(), error = %error, "webhooks cannot be looked for");
            }
        }
        if let Err(error) = discarded.await {
            tracing::warn!(tenant = %db.tenant(), error = %error, "old webhooks cannot be forgotten");
        }
    }

    /// Tells an endpoint what is due. Returns when to do so again, if anything is open.
    async fn go_on(&self, db: &TenantDb, id: Uuid) -> Result<Option<Duration>, TenantError> {
        let own = self.of_tenant(db.id());
        let (Ok(_own), Ok(_turn)) = (own.acquire().await, self.turns.acquire().await) else {
            return Ok(None);
        };
        let claimed = db
            .transaction(async |conn| -> Result<_, TenantError> {
                let found = endpoints::find(conn, id).await?;
                let Some(endpoint) = found.filter(EndpointRow::is_enabled) else {
                    return Ok(None);
                };
                let health = endpoints::health_of(conn, &[id]).await?.pop();
                let at = now();
                let due = match health {
                    // Of one that did not hear it is seen first whether it does again.
                    Some(health) if health.not_before > at => Vec::new(),
                    Some(_) => deliveries::claim(conn, id, at, at + LEASE, 1).await?,
                    None => deliveries::claim(conn, id, at, at + LEASE, AT_ONCE).await?,
                };
                Ok(Some((endpoint, due)))
            })
            .await?;
        // Nobody is told anything while it is disabled; what waits does so until it is enabled.
        let Some((endpoint, due)) = claimed else {
            return Ok(None);
        };
        let told = due
            .iter()
            .map(|(delivery, message)| self.tell(db, &endpoint, delivery, message));
        for told in join_all(told).await {
            told?;
        }
        let next = db
            .read(async |conn| -> Result<_, TenantError> {
                let next = deliveries::next_due(conn, id).await?;
                let health = endpoints::health_of(conn, &[id]).await?.pop();
                Ok(next.map(|next| health.map_or(next, |health| next.max(health.not_before))))
            })
            .await?;
        Ok(next.map(|next| (next - now()).to_std().unwrap_or_default()))
    }

    async fn tell(
        &self,
        db: &TenantDb,
        endpoint: &EndpointRow,
        delivery: &DeliveryRow,
        message: &MessageRow,
    ) -> Result<(), TenantError> {
        let (at, start) = (now(), Instant::now());
        let span = Span::for_tenant("send a webhook", Kind::Client, db.tenant(), db.id());
        let outcome = span.around(self.call(endpoint, message, at)).await;
        if let Some(status) = outcome.status {
            span.set("http.response.status_code", i64::from(status.as_u16()));
        }
        if let Some(failure) = outcome.failure {
            span.fail(failure.to_owned());
        }
        let attempt = AttemptRow {
            id: Uuid::now_v7(),
            delivery_id: delivery.id,
            at,
            milliseconds: i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX),
            status_code: outcome.status.map(|status| status.as_u16().into()),
            failure: outcome.failure.map(str::to_owned),
            answer: outcome.answer.clone(),
        };
        let disabled = db.transaction(async |conn| -> Result<bool, TenantError> {
            // In the order in which it is deleted: the endpoint, then what it is told.
            let endpoint = endpoints::lock(conn, endpoint.id).await?;
            let Some(row) = deliveries::lock(conn, delivery.id).await? else {
                return Ok(false);
            };
            deliveries::note_attempt(conn, &attempt).await?;
            // Somebody may have had it begun anew meanwhile, or taken it over.
            if (row.tries, row.next_at) == (delivery.tries, delivery.next_at) {
                note_delivery(conn, row, &outcome).await?;
            }
            match endpoint.filter(EndpointRow::is_enabled) {
                Some(endpoint) => note_health(conn, endpoint, &outcome).await,
                None => Ok(false),
            }
        });
        if disabled.await? {
            tracing::warn!(tenant = %db.tenant(), endpoint = %endpoint.id, "a webhook endpoint is disabled");
            self.give_notice(db, endpoint).await?;
        }
        Ok(())
    }

    /// Lets the tenant's admins know that an endpoint is told nothing any more. It says so itself too, should the mail be lost.
    async fn give_notice(&self, db: &TenantDb, endpoint: &EndpointRow) -> Result<(), TenantError> {
        let tenant = db.id().0;
        let admins = self.platform.read(async |conn| -> Result<_, TenantError> {
            Ok(members::admins(conn, tenant).await?)
        });
        for to in admins.await? {
            let Some(room) = self.mails.room(db.tenant().as_str()) else {
                return Ok(());
            };
            room.put(Mail {
                to,
                subject: format!("A webhook of {} is switched off", db.tenant()),
                text: format!(
                    "{} has not taken what it was told, and is told nothing any more. What waits for it is sent once you \
                     enable the endpoint {} again.\n",
                    endpoint.url, endpoint.id
                ),
            });
        }
        Ok(())
    }

    async fn call(
        &self,
        endpoint: &EndpointRow,
        message: &MessageRow,
        at: DateTime<Utc>,
    ) -> Outcome {
        let (id, seconds) = (events::id(message.id), at.timestamp());
        let signature = sign(&endpoint.secrets(at), &id, seconds, &message.body);
        let failed = |failure| Outcome {
            status: None,
            failure: Some(failure),
            retry_after: None,
            answer: String::new(),
        };
        // An address that was written under other rules is held to these.
        let Ok(url) = reqwest::Url::parse(&endpoint.url) else {
            return failed("not_a_url");
        };
        if targets::names_inside(&url, self.targets) {
            return failed("not_public");
        }
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        match request.send().await {
            Ok(response) => answered(response).await,
            Err(error) => failed(failure(&error)),
        }
    }
}

/// Reads the beginning of an answer. One that breaks off was given all the same.
async fn answered(mut response: Response) -> Outcome {
    let status = response.status();
    let says_when = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let retry_after = response.headers().get(RETRY_AFTER).filter(|_| says_when);
    let retry_after = retry_after.and_then(|value| asked_pause(value.to_str().ok()?, now()));
    let mut answer = Vec::new();
    while answer.len() < MAX_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    answer.truncate(MAX_ANSWER);
    Outcome {
        status: Some(status),
        failure: None,
        retry_after,
        // PostgreSQL keeps no zero in a text.
        answer: String::from_utf8_lossy(&answer).replace('\0', ""),
    }
}

//! News of tenants that changed, from a trigger on the tenants' table through LISTEN and NOTIFY.

use std::time::Duration;

use averis_tenant_context::TenantKey;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_postgres::AsyncMessage;
use uuid::Uuid;

use crate::config::DatabaseUrl;
use crate::connect;
use crate::error::causes;

const TENANTS: &str = "averis_tenants";
const ACCESS: &str = "averis_access";
/// How long to wait before a lost connection is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How often a listener asks for a sign of life, and how long it waits for one: together well below the two seconds
/// within which what was taken back has to stop.
const BEAT: Duration = Duration::from_millis(400);
const SIGN_OF_LIFE: Duration = Duration::from_millis(800);

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantChange {
    /// From here on no change is missed. Whatever was learned before may be old.
    Listening,
    /// This tenant changed.
    Changed(TenantKey),
    /// Access was taken back.
    Revoked(TakenBack),
    /// The connection is lost: changes may be missed until `Listening` comes again.
    Deaf,
}

/// Access that was taken back, as a trigger on the revocations' table tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// In this tenant alone, or everywhere.
    pub tenant: Option<Uuid>,
    /// A person, a session, a key or a grant.
    pub subject: Uuid,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl TakenBack {
    /// Reads `tenant,subject,milliseconds`, the tenant empty for everywhere.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let tenant = match parts.next()? {
            "" => None,
            tenant => Some(tenant.parse().ok()?),
        };
        Some(Self {
            tenant,
            subject: parts.next()?.parse().ok()?,
            at_ms: parts.next()?.parse().ok()?,
        })
    }
}

/// A listener on a connection of its own. It ends when it is dropped.
pub struct TenantChanges {
    changes: mpsc::UnboundedReceiver<TenantChange>,
    task: tokio::task::JoinHandle<()>,
}

impl TenantChanges {
    /// Starts listening with the login role of `url`, and again whenever the connection is lost.
    #[must_use]
    pub fn listen(url: DatabaseUrl) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            // Whether the log has it, which it has once and not for every try: the database may be away for long.
            let mut told = false;
            while !sender.is_closed() {
                if let Err(error) = listen_once(&url, &sender, &mut told).await
                    && !std::mem::replace(&mut told, true)
                {
                    let error = causes(&*error);
                    tracing::warn!(error, "changes of tenants cannot be listened for");
                }
                if sender.send(TenantChange::Deaf).is_err() {
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
        });
        Self { changes, task }
    }

    /// Waits for the next piece of news. `None` when the listener has ended.
    pub async fn next(&mut self) -> Option<TenantChange> {
        self.changes.recv().await
    }
}

impl Drop for TenantChanges {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens until the connection is lost. Once it listens, what is told about that is to be told anew.
async fn listen_once(
    url: &DatabaseUrl,
    sender: &mpsc::UnboundedSender<TenantChange>,
    told: &mut bool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (client, mut messages) = connect::listen(url).await?;
    let listening = client.batch_execute("LISTEN averis_tenants; LISTEN averis_access");
    tokio::pin!(listening);
    // A connection that was cut without a word looks like one on which nothing happens.
    let beating = async {
        loop {
            tokio::time::sleep(BEAT).await;
            let beat = tokio::time::timeout(SIGN_OF_LIFE, client.batch_execute("SELECT 1"));
            match beat.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Ok(()),
            }
        }
    };
    tokio::pin!(beating);
    let mut ready = false;
    loop {
        tokio::select! {
            lost = &mut beating => return lost,
            result = &mut listening, if !ready => {
                result?;
                ready = true;
                *told = false;
                if sender.send(TenantChange::Listening).is_err() {
                    return Ok(());
                }
            }
            message = messages.next() => match message {
                None => return Ok(()),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(AsyncMessage::Notification(note))) => {
                    if let Some(change) = read(note.channel(), note.payload())
                        && sender.send(change).is_err()
                    {
                        return Ok(());
                    }
                }
                Some(Ok(_)) => {}
            }
        }
    }
}

fn read(channel: &str, payload: &str) -> Option<TenantChange> {
    match channel {
        TENANTS => payload.parse().ok().map(TenantChange::Changed),
        ACCESS => TakenBack::read(payload).map(TenantChange::Revoked),
        _ => None,
    }
}

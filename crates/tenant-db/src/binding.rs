//! One physical connection and what it is known to be bound to.

use std::collections::HashSet;
use std::thread::ThreadId;
use std::time::Instant;

use averis_tenant_context::{SchemaName, TenantKey};
use diesel_async::pooled_connection::PoolableConnection as _;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::config::PoolConfig;

/// What a connection is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Fresh: it can read no tenant's table at all.
    Unbound,
    /// Role and search path are this schema's.
    Bound(SchemaName),
    /// Something was begun whose end was not seen. Such a connection is closed, never used again.
    InDoubt,
}

/// How well a connection serves a request: what counts more stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fitness {
    /// Its socket is served by the thread that asks: waking another one costs more than a switch of tenant.
    pub near: bool,
    /// It is bound to the tenant.
    pub bound: bool,
    /// It has served the tenant before.
    pub known: bool,
}

/// A connection as the pool keeps it.
pub(crate) struct Slot {
    pub conn: AsyncPgConnection,
    pub binding: Binding,
    opened: Instant,
    /// Where it was opened: the task that reads its socket runs there.
    home: Option<ThreadId>,
    /// Tenants that this connection has served: their tables are in its caches and their statements prepared.
    served: HashSet<TenantKey>,
}

impl Slot {
    pub fn new(conn: AsyncPgConnection) -> Self {
        Self {
            conn,
            binding: Binding::Unbound,
            opened: Instant::now(),
            home: home(),
            served: HashSet::new(),
        }
    }

    pub fn is_bound_to(&self, schema: &SchemaName) -> bool {
        matches!(&self.binding, Binding::Bound(bound) if bound == schema)
    }

    /// Tells how well the connection serves a tenant's request that is handled on thread `here`.
    pub fn fitness(&self, key: &TenantKey, schema: &SchemaName, here: Option<ThreadId>) -> Fitness {
        Fitness {
            near: self.home == here,
            bound: self.is_bound_to(schema),
            known: self.served.contains(key),
        }
    }

    /// Whether the pool may keep the connection.
    pub fn is_sound(&mut self) -> bool {
        self.binding != Binding::InDoubt && !self.conn.is_broken()
    }

    /// Whether the connection has grown or lived enough.
    pub fn is_worn(&self, config: &PoolConfig) -> bool {
        self.served.len() >= config.max_tenants || self.opened.elapsed() >= config.max_age
    }

    pub fn note_served(&mut self, key: &TenantKey) {
        if !self.served.contains(key) {
            self.served.insert(key.clone());
        }
    }
}

/// The thread to which tasks that are started here keep; none where a runtime moves them between threads.
pub(crate) fn home() -> Option<ThreadId> {
    let keeps = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread);
    keeps.then(|| std::thread::current().id())
}

/// The one message that binds a connection. The name comes from the validated type only.
pub(crate) fn bind_message(schema: &SchemaName) -> String {
    format!(r#"SET ROLE "{schema}"; SET search_path TO "{schema}", pg_temp"#)
}

/// Sends `message` on a shared reference, so that another statement can travel in the same packet.
pub(crate) async fn send(conn: &AsyncPgConnection, message: &str) -> diesel::QueryResult<()> {
    let mut conn = conn;
    conn.batch_execute(message).await
}

//! A connection that is one tenant's for as long as it is held.

use averis_tenant_context::{SchemaName, TenantKey};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::actor::begin_message;
use crate::binding::{Binding, Slot, bind_message, send};
use crate::error::{Failure, failure};
use crate::pipeline::{Outcome, Pipeline};
use crate::pool::Lease;
use crate::tagged::{Tagged, Verb, verb};

type PgRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;
type Rows = BoxStream<'static, QueryResult<PgRow>>;

/// A connection bound to one tenant's schema. Queries use it as `&mut TenantConn`, like any diesel connection.
///
/// Outside a transaction only `SELECT` passes; inside one, also `INSERT`, `UPDATE` and `DELETE`. Nothing else
/// ever passes: whatever could change the role, the path or the session is refused before it is sent.
pub struct TenantConn {
    slot: Option<Slot>,
    lease: Lease,
    state: State,
}

/// What is going on on the connection, beside the connection itself so that both can be borrowed at once.
struct State {
    schema: SchemaName,
    tag: String,
    phase: Phase,
    /// A statement is under way. Set before it is sent and cleared when its answer was read to the end.
    busy: bool,
    /// A statement failed in a way that a repetition on a fresh connection may mend.
    repeatable: Option<Failure>,
    /// A read was given up before its answer: nobody knows what became of it.
    abandoned: bool,
    /// The transaction has something that others wait for.
    announced: bool,
    /// The transaction's COMMIT does not wait for the disk.
    unhurried: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    InTransaction,
    /// A statement failed inside the transaction: PostgreSQL will turn its COMMIT into a ROLLBACK.
    Aborted,
}

impl TenantConn {
    pub(crate) fn new(slot: Slot, lease: Lease, key: &TenantKey, schema: SchemaName) -> Self {
        let state = State {
            schema,
            tag: format!("/* {key} */ "),
            phase: Phase::Reading,
            busy: false,
            repeatable: None,
            abandoned: false,
            announced: false,
            unhurried: false,
        };
        Self {
            slot: Some(slot),
            lease,
            state,
        }
    }

    /// Begins a transaction. A switch of tenant and the first reads travel in the same packet, but the answers to switch
    /// and BEGIN are awaited before anything can be written; if one fails, what was read is thrown away.
    pub(crate) async fn begin<T>(
        &mut self,
        first: &impl AsyncFn(Pipeline<'_>) -> T,
    ) -> QueryResult<T> {
        let Some(slot) = self.slot.as_mut() else {
            return Err(closed());
        };
        self.state.busy = true;
        let begin = begin_message();
        let message = switch(&mut slot.binding, &self.state.schema);
        let conn = &slot.conn;
        let outcome = Outcome::default();
        let reads = Pipeline::new(conn, &self.state.tag, &outcome);
        let switching = async {
            match &message {
                Some(message) => send(conn, message).await,
                None => Ok(()),
            }
        };
        // Polled in this order: what is sent first is done first.
        let (switched, begun, read) =
            tokio::join!(biased; switching, send(conn, &begin), first(reads));
        let answer = switched.and(begun);
        self.state.busy = false;
        self.state.abandoned |= outcome.is_open();
        match answer {
            Ok(()) => {
                slot.binding = Binding::Bound(self.state.schema.clone());
                self.state.phase = Phase::InTransaction;
                self.state.note(outcome);
                Ok(read)
            }
            Err(error) => {
                slot.binding = Binding::InDoubt;
                self.state.repeatable = repeatable(&error);
                Err(error)
            }
        }
    }

    /// Runs reads beside each other: their statements wait for no answer before they are sent. Ends reads only
    /// whose answers were awaited; where one is dropped before, the connection is closed with it.
    ///
    /// # Errors
    /// When the connection could not be bound to the tenant. Those of the reads are theirs to tell.
    pub async fn pipeline<T>(
        &mut self,
        reads: impl AsyncFnOnce(Pipeline<'_>) -> T,
    ) -> QueryResult<T> {
        let Some(slot) = self.slot.as_mut() else {
            return Err(closed());
        };
        self.state.busy = true;
        if let Some(message) = switch(&mut slot.binding, &self.state.schema) {
            if let Err(error) = send(&slot.conn, &message).await {
                self.state.repeatable = repeatable(&error);
                return Err(error);
            }
            slot.binding = Binding::Bound(self.state.schema.clone());
        }
        let outcome = Outcome::default();
        let read = reads(Pipeline::new(&slot.conn, &self.state.tag, &outcome)).await;
        self.state.busy = false;
        self.state.abandoned |= outcome.is_open();
        self.state.note(outcome);
        Ok(read)
    }

    /// Commits. `Ok(false)` says that a statement had failed before and everything was rolled back.
    pub(crate) async fn commit(&mut self) -> QueryResult<bool> {
        if self.state.phase == Phase::Aborted || self.state.abandoned {
            self.rollback().await;
            return Ok(false);
        }
        // For this transaction alone, and in the packet of its COMMIT.
        let message = if self.state.unhurried {
            "SET LOCAL synchronous_commit TO off; COMMIT"
        } else {
            "COMMIT"
        };
        self.end(message).await?;
        Ok(true)
    }

    /// Rolls back. When that fails the connection is closed, which rolls back as well.
    pub(crate) async fn rollback(&mut self) {
        if let Err(error) = self.end("ROLLBACK").await {
            tracing::warn!(error = %error, "rolling back failed, the connection is closed");
            self.slot = None;
        }
    }

    async fn end(&mut self, message: &str) -> QueryResult<()> {
        let Some(slot) = self.slot.as_mut() else {
            return Err(closed());
        };
        self.state.busy = true;
        let answer = send(&slot.conn, message).await;
        self.state.busy = false;
        match answer {
            Ok(()) => self.state.phase = Phase::Reading,
            Err(_) => slot.binding = Binding::InDoubt,
        }
        answer
    }

    /// Says that others wait for what this transaction writes: once it is committed, the listener of the pool's
    /// announcements is told of the tenant.
    pub fn announce(&mut self) {
        self.state.announced = true;
    }

    /// Says that what this transaction writes may be lost when the database server is killed within a second of the answer,
    /// so that its COMMIT need not wait for the disk. For what anybody can ask for again, such as a quote. What later
    /// transactions keep that do wait is never there without it: the server's log is written in order.
    pub fn need_not_last(&mut self) {
        self.state.unhurried = true;
    }

    pub(crate) const fn has_announced(&self) -> bool {
        self.state.announced
    }

    /// Why the last failure may be gone on a fresh connection, if so.
    pub(crate) fn repeatable(&self) -> Option<&Failure> {
        self.state.repeatable.as_ref()
    }

    /// Closes the connection and keeps the right to have one.
    pub(crate) fn discard(&mut self) -> &mut Lease {
        self.slot = None;
        &mut self.lease
    }

    pub(crate) fn replace(&mut self, slot: Slot) {
        self.slot = Some(slot);
        self.state.phase = Phase::Reading;
        self.state.busy = false;
        self.state.repeatable = None;
        self.state.abandoned = false;
        self.state.announced = false;
        self.state.unhurried = false;
    }
}

impl Drop for TenantConn {
    fn drop(&mut self) {
        let idle = !self.state.busy && !self.state.abandoned && self.state.phase == Phase::Reading;
        if let Some(slot) = self.slot.take() {
            if idle {
                self.lease.give_back(slot)
            } else {
                self.lease.closed_in_doubt()
            }
        }
    }
}

/// Returns the message that must be sent first, and puts the binding in doubt until its answer is there.
fn switch(binding: &mut Binding, schema: &SchemaName) -> Option<String> {
    match binding {
        Binding::Bound(bound) if bound == schema => None,
        _ => {
            *binding = Binding::InDoubt;
            Some(bind_message(schema))
        }
    }
}

impl State {
    /// Refuses what a connection of a tenant must not run.
    fn admit(&self, query: &(impl QueryFragment<Pg> + QueryId)) -> QueryResult<()> {
        let allowed = match (self.phase, verb(query)?) {
            (_, Verb::Read) | (Phase::InTransaction, Verb::Write) => true,
            (Phase::Reading | Phase::Aborted, Verb::Write) | (_, Verb::Other) => false,
        };
        if allowed {
            Ok(())
        } else {
            Err(Error::QueryBuilderError(
                "writes need a transaction, and a tenant's connection runs nothing but SELECT, INSERT, \
                 UPDATE and DELETE"
                    .into(),
            ))
        }
    }

    /// Notes how reads beside each other ended.
    fn note(&mut self, outcome: Outcome) {
        if let Some(failure) = outcome.into_failure() {
            if self.phase == Phase::InTransaction {
                self.phase = Phase::Aborted;
            }
            self.repeatable = failure.repeatable;
        }
    }

    /// Notes the end of a statement.
    fn finish<T>(&mut self, answer: QueryResult<T>) -> QueryResult<T> {
        self.busy = false;
        if let Err(error) = &answer {
            if self.phase == Phase::InTransaction {
                self.phase = Phase::Aborted;
            }
            self.repeatable = repeatable(error);
        }
        answer
    }
}

pub(crate) fn repeatable(error: &Error) -> Option<Failure> {
    match failure(error) {
        found @ (Failure::Unavailable | Failure::StalePlan | Failure::Conflict) => Some(found),
        _ => None,
    }
}

fn closed() -> Error {
    Error::DatabaseError(
        DatabaseErrorKind::ClosedConnection,
        Box::new("connection closed".to_owned()),
    )
}

impl SimpleAsyncConnection for TenantConn {
    /// Always refused: a batch could hold any statement, `SET ROLE` among them.
    async fn batch_execute(&mut self, _: &str) -> QueryResult<()> {
        Err(Error::QueryBuilderError(
            "a tenant's connection runs no batches".into(),
        ))
    }
}

impl TenantConn {
    /// Sends a statement, with the switch of tenant in front of it where one is due, and reads its whole answer.
    ///
    /// PostgreSQL runs the statement even when the switch before it failed, under the old tenant. Only reads
    /// travel with a switch (a transaction has awaited it), and if it fails the answer is thrown away unread.
    fn run<'conn, T: Send + 'conn>(
        &'conn mut self,
        start: impl FnOnce(&'conn AsyncPgConnection, &str) -> BoxFuture<'conn, QueryResult<T>>,
        admitted: QueryResult<()>,
    ) -> BoxFuture<'conn, QueryResult<T>> {
        let Self { slot, state, .. } = self;
        let Some(Slot { conn, binding, .. }) = slot.as_mut() else {
            return std::future::ready(Err(closed())).boxed();
        };
        if let Err(error) = admitted {
            return std::future::ready(Err(error)).boxed();
        }
        let conn: &'conn AsyncPgConnection = conn;
        let statement = start(conn, &state.tag);
        async move {
            state.busy = true;
            let answer = match switch(binding, &state.schema) {
                Some(message) => {
                    let (switched, answer) = tokio::join!(send(conn, &message), statement);
                    switched.and_then(|()| {
                        *binding = Binding::Bound(state.schema.clone());
                        answer
                    })
                }
                None => statement.await,
            };
            state.finish(answer)
        }
        .boxed()
    }
}

impl AsyncConnectionCore for TenantConn {
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Rows>>;
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = PgRow;
    type Backend = Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let query = source.as_query();
        let admitted = self.state.admit(&query);
        self.run(
            |mut conn, tag| {
                let rows = AsyncConnectionCore::load(&mut conn, Tagged { tag, query });
                // Read to the end here: only then is it known that nothing is under way any more.
                async move { rows.await?.try_collect::<Vec<PgRow>>().await }.boxed()
            },
            admitted,
        )
        .map(|rows| rows.map(|rows| stream::iter(rows.into_iter().map(Ok)).boxed()))
        .boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let admitted = self.state.admit(&source);
        self.run(
            |mut conn, tag| {
                AsyncConnectionCore::execute_returning_count(
                    &mut conn,
                    Tagged { tag, query: source },
                )
            },
            admitted,
        )
    }
}

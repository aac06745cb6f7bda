//! Reads of one tenant that wait for no answer before the next is sent.

use std::sync::{Mutex, PoisonError};

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::Error;
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::connection::{TenantConn, repeatable};
use crate::error::Failure;
use crate::tagged::{Tagged, Verb, verb};

type PgRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;
type Rows = BoxStream<'static, QueryResult<PgRow>>;

/// What one tenant's reads run on: its connection, or a pipeline on it.
pub trait Reader: AsyncConnectionCore<Backend = Pg> {}

impl Reader for TenantConn {}
impl Reader for Pipeline<'_> {}

/// A tenant's connection for reads beside each other. Each read takes a copy; they are joined, as with `tokio::join!`.
/// Nothing but `SELECT` passes. In what order they are done is not said: one whose text PostgreSQL does not know yet is made
/// known first.
#[derive(Clone, Copy)]
pub struct Pipeline<'a> {
    conn: &'a AsyncPgConnection,
    tag: &'a str,
    outcome: &'a Outcome,
}

/// How the reads of a pipeline go.
#[derive(Default)]
pub(crate) struct Outcome(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    /// Reads that were begun and not read to the end.
    open: usize,
    failed: Option<Failed>,
}

/// Why reads have failed. In a transaction one takes the others with it, so one that a repetition may mend counts before those that
/// none does.
pub(crate) struct Failed {
    /// Why it may be gone on a fresh connection, if so.
    pub repeatable: Option<Failure>,
}

impl Outcome {
    /// Whether a read was given up before its end.
    pub fn is_open(&self) -> bool {
        self.progress(|progress| progress.open > 0)
    }

    pub fn into_failure(self) -> Option<Failed> {
        let progress = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        progress.failed
    }

    fn progress<T>(&self, work: impl FnOnce(&mut Progress) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn finish<T>(&self, answer: &QueryResult<T>) {
        self.progress(|progress| {
            progress.open -= 1;
            if let Err(error) = answer {
                let known = progress.failed.take().and_then(|known| known.repeatable);
                let repeatable = known.or_else(|| repeatable(error));
                progress.failed = Some(Failed { repeatable });
            }
        });
    }
}

impl<'a> Pipeline<'a> {
    pub(crate) const fn new(
        conn: &'a AsyncPgConnection,
        tag: &'a str,
        outcome: &'a Outcome,
    ) -> Self {
        Self { conn, tag, outcome }
    }
}

impl SimpleAsyncConnection for Pipeline<'_> {
    /// Always refused, as on a [`TenantConn`].
    async fn batch_execute(&mut self, _: &str) -> QueryResult<()> {
        Err(refused())
    }
}

impl<'a> AsyncConnectionCore for Pipeline<'a> {
    type LoadFuture<'conn, 'query> = BoxFuture<'a, QueryResult<Rows>>;
    type ExecuteFuture<'conn, 'query> = BoxFuture<'a, QueryResult<usize>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = PgRow;
    type Backend = Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let query = source.as_query();
        match verb(&query) {
            Ok(Verb::Read) => {}
            Ok(Verb::Write | Verb::Other) => return std::future::ready(Err(refused())).boxed(),
            Err(error) => return std::future::ready(Err(error)).boxed(),
        }
        let Self { tag, outcome, .. } = *self;
        let mut conn = self.conn;
        let rows = AsyncConnectionCore::load(&mut conn, Tagged { tag, query });
        async move {
            outcome.progress(|progress| progress.open += 1);
            let answer = async { rows.await?.try_collect::<Vec<PgRow>>().await }.await;
            outcome.finish(&answer);
            answer.map(|rows| stream::iter(rows.into_iter().map(Ok)).boxed())
        }
        .boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        _: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        std::future::ready(Err(refused())).boxed()
    }
}

fn refused() -> Error {
    Error::QueryBuilderError("reads beside each other are nothing but SELECT".into())
}

//! `Idempotency-Key`: a POST that is sent twice happens once.
//!
//! The answer is stored in the transaction of the effect, so a crash leaves both or neither. Keys are per tenant
//! (they lie in its schema, or in the platform's under the tenant's id), method and route.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use averis_tenant_db::{DbError, TenantConn, TenantDb};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Jsonb, Nullable, SmallInt};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::{AsyncConnectionCore, RunQueryDsl as _};
use futures_util::future::LocalBoxFuture;
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::auth;
use crate::body;
use crate::problem::{Problem, codes};
use crate::reply::Reply;
use crate::tenancy;

const HEADER: &str = "idempotency-key";
const MAX_KEY: usize = 255;
/// Bodies beyond this are not stored. No operation answers with more: see the limits of its lists.
const MAX_STORED: usize = 1024 * 1024;
/// For how long a key is remembered.
const KEPT: &str = "24 hours";

diesel::table! {
    idempotency_keys (key_hash) {
        key_hash -> Binary,
        fingerprint -> Binary,
        status -> SmallInt,
        headers -> Jsonb,
        body -> Binary,
        created_at -> Timestamptz,
    }
}

/// What identifies one intended POST: the caller's key, and what was asked under it.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    hash: [u8; 32],
    fingerprint: [u8; 32],
}

/// A POST with a JSON body and its idempotency key. Commands without a body take [`Command`].
pub struct Post<T> {
    /// The key.
    pub key: IdempotencyKey,
    /// The body.
    pub body: T,
}

/// A POST without a body, and its idempotency key. An empty JSON object is let pass.
pub struct Command {
    /// The key.
    pub key: IdempotencyKey,
}

impl IdempotencyKey {
    /// Reads the key of a request; `content` is whatever else makes two requests the same one.
    ///
    /// # Errors
    /// 400 when it is missing or not 1 to 255 visible ASCII characters.
    pub fn from_request(req: &HttpRequest, content: &[u8]) -> Result<Self, Problem> {
        let Some(value) = req.headers().get(HEADER) else {
            return Err(Problem::new(codes::IDEMPOTENCY_KEY_MISSING));
        };
        let text = value.to_str().unwrap_or("");
        if !(1..=MAX_KEY).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::new(codes::INVALID_HEADER).detail(
                "Idempotency-Key must be 1 to 255 visible ASCII characters, such as a UUID.",
            ));
        }
        let tenant = tenancy::resolved(req);
        let caller = auth::identified(req).ok();
        let method = req.method().as_str();
        let route = req.match_pattern().unwrap_or_default();
        let digest = |parts: &[&[u8]]| {
            let mut hash = Sha256::new();
            for part in parts {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            <[u8; 32]>::from(hash.finalize())
        };
        Ok(Self {
            hash: digest(&[
                tenant.as_ref().map_or(&[], |tenant| tenant.id.0.as_bytes()),
                // Nobody is given an answer that was another caller's.
                caller
                    .as_ref()
                    .map_or(&[], |caller| caller.subject.as_bytes()),
                method.as_bytes(),
                route.as_bytes(),
                text.as_bytes(),
            ]),
            fingerprint: digest(&[
                method.as_bytes(),
                req.path().as_bytes(),
                req.query_string().as_bytes(),
                content,
            ]),
        })
    }

    /// Returns the number whose advisory lock says that a request with this key is under way for this tenant.
    fn lock_number(&self, tenant: &str) -> i64 {
        let mut hash = Sha256::new();
        hash.update(tenant.as_bytes());
        hash.update(self.hash);
        let digest = hash.finalize();
        let mut number = [0; 8];
        number
            .iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        i64::from_be_bytes(number)
    }
}

impl<T: DeserializeOwned + Validate<Context = ()> + 'static> FromRequest for Post<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        let payload = payload.take();
        Box::pin(async move {
            body::require_media_type(&req, &["application/json"])?;
            let bytes = body::read_bytes(payload, body::MAX_BODY).await?;
            let key = IdempotencyKey::from_request(&req, &bytes)?;
            Ok(Self {
                key,
                body: body::parse(&bytes)?,
            })
        })
    }
}

impl FromRequest for Command {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        let payload = payload.take();
        Box::pin(async move {
            let bytes = body::read_bytes(payload, body::MAX_BODY).await?;
            if !bytes.is_empty() {
                body::require_media_type(&req, &["application/json"])?;
                body::parse::<NoFields>(&bytes)?;
            }
            Ok(Self {
                key: IdempotencyKey::from_request(&req, b"")?,
            })
        })
    }
}

#[derive(serde::Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// Runs the work of a POST in one transaction, once per key; a repetition gets the stored answer.
///
/// # Errors
/// Those of the work; 409 while another request with the key is under way; 422 when the key was used for another
/// request. Answers 404, 409 and 422 of the work itself are stored too and given again as they were.
pub async fn once<E, F>(db: &TenantDb, key: &IdempotencyKey, work: F) -> Result<Reply, Problem>
where
    F: AsyncFn(&mut TenantConn) -> Result<Reply, E>,
    E: From<DbError> + From<diesel::result::Error>,
    Problem: From<E>,
{
    let tenant = db.tenant().as_str();
    // What another request was answered until this moment is there when it is asked for the second time.
    for _ in 0..2 {
        let outcome = db
            .transaction_after(
                async |mut conn| recall(&mut conn, key, tenant).await,
                async |conn, recalled| -> Result<Reply, Failed> {
                    if let Some(reply) = recalled? {
                        return Ok(reply);
                    }
                    let reply = work(conn).await.map_err(Problem::from)?;
                    if store(conn, key, &reply).await? {
                        Ok(reply)
                    } else {
                        Err(Failed::Answered)
                    }
                },
            )
            .await;
        match outcome {
            Ok(reply) => return Ok(reply),
            Err(Failed::Answered) => {}
            Err(Failed::Problem(problem)) if is_an_answer(&problem) => {
                if keep(db, key, &problem).await {
                    return Err(*problem);
                }
            }
            Err(Failed::Problem(problem)) => return Err(*problem),
        }
    }
    Err(in_progress())
}

/// Why the work of a key has no effect.
enum Failed {
    /// Another request with the key was answered meanwhile.
    Answered,
    Problem(Box<Problem>),
}

impl<E: Into<Problem>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Problem(Box::new(error.into()))
    }
}

/// Stores a refusal by itself: the work's own transaction is gone, and its key with it. False says that another request with
/// the key was answered before.
async fn keep(db: &TenantDb, key: &IdempotencyKey, problem: &Problem) -> bool {
    let refusal = refusal(problem);
    let stored = db.transaction(async |conn| -> Result<bool, Problem> {
        Ok(store(conn, key, &refusal).await?)
    });
    stored.await.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "a refusal could not be stored under its idempotency key");
        true
    })
}

fn in_progress() -> Problem {
    Problem::new(codes::IDEMPOTENCY_IN_PROGRESS).retry_after(1)
}

/// Whether a problem is the deterministic outcome of the work, rather than of the moment or of the key.
fn is_an_answer(problem: &Problem) -> bool {
    let code = problem.code();
    matches!(code.status, 404 | 409 | 422)
        && !problem.is_of_the_moment()
        && ![
            codes::IDEMPOTENCY_IN_PROGRESS,
            codes::IDEMPOTENCY_MISMATCH,
            codes::CONFLICT,
        ]
        .contains(&code)
}

fn refusal(problem: &Problem) -> Reply {
    let body = problem.body().to_string().into_bytes();
    Reply::replay(problem.code().status, &Value::Null, body)
}

/// Returns the stored answer, or takes the key for this transaction: in one statement, which can travel with BEGIN. Who takes
/// the key in the moment in which another request gives it up may miss that one's answer; [`remember`] finds it.
///
/// # Errors
/// 409 while another request with the key is under way; 422 when the key was used for another request.
pub async fn recall<C>(
    conn: &mut C,
    key: &IdempotencyKey,
    scope: &str,
) -> Result<Option<Reply>, Problem>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let number = key.lock_number(scope);
    let hash = key.hash;
    let row: KeptRow = Recall { number, hash }.get_result(conn).await?;
    if !row.taken {
        return Err(in_progress());
    }
    let (Some(fingerprint), Some(status), Some(headers), Some(body)) =
        (row.fingerprint, row.status, row.headers, row.body)
    else {
        return Ok(None);
    };
    if fingerprint != key.fingerprint {
        return Err(Problem::new(codes::IDEMPOTENCY_MISMATCH));
    }
    let status = u16::try_from(status).unwrap_or(500);
    Ok(Some(Reply::replay(status, &headers, body)))
}

/// Takes a key if it is free, and reads what is stored under it. A type of its own, since one statement with both in it cannot
/// be put together of diesel's parts, and one that is text is prepared anew each time.
#[derive(QueryId)]
struct Recall {
    number: i64,
    hash: [u8; 32],
}

impl QueryFragment<Pg> for Recall {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT taken, fingerprint, status, headers, body FROM (SELECT pg_try_advisory_xact_lock(");
        out.push_bind_param::<BigInt, _>(&self.number)?;
        out.push_sql(") AS taken) AS own LEFT JOIN idempotency_keys ON key_hash = ");
        out.push_bind_param::<Binary, _>(&self.hash)
    }
}

impl Query for Recall {
    type SqlType = (
        Bool,
        Nullable<Binary>,
        Nullable<SmallInt>,
        Nullable<Jsonb>,
        Nullable<Binary>,
    );
}

/// Whether the key was free, and what is stored under it.
#[derive(diesel::Queryable)]
struct KeptRow {
    taken: bool,
    fingerprint: Option<Vec<u8>>,
    status: Option<i16>,
    headers: Option<Value>,
    body: Option<Vec<u8>>,
}

/// Stores an answer under its key.
///
/// # Errors
/// 409 when another request with the key was answered meanwhile; those of the database.
pub async fn remember<C>(conn: &mut C, key: &IdempotencyKey, reply: &Reply) -> Result<(), Problem>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    if store(conn, key, reply).await? {
        Ok(())
    } else {
        Err(in_progress())
    }
}

/// Stores an answer under its key, and forgets some old ones. False says that there is one already.
async fn store<C>(conn: &mut C, key: &IdempotencyKey, reply: &Reply) -> diesel::QueryResult<bool>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let (status, headers, body) = reply.parts();
    if body.len() > MAX_STORED {
        return Ok(true);
    }
    let stored = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::key_hash.eq(key.hash.as_slice()),
            idempotency_keys::fingerprint.eq(key.fingerprint.as_slice()),
            idempotency_keys::status.eq(i16::try_from(status).unwrap_or(500)),
            idempotency_keys::headers.eq(headers),
            idempotency_keys::body.eq(body),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    // One write in 64 pays for the tidying of the rest.
    let [first, ..] = key.hash;
    if first % 64 == 0 {
        let old = diesel::dsl::sql::<diesel::sql_types::Timestamptz>("now() - ")
            .bind::<diesel::sql_types::Text, _>(KEPT)
            .sql("::interval");
        diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(old)))
            .execute(conn)
            .await?;
    }
    Ok(stored == 1)
}

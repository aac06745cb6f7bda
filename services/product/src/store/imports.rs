//! Jobs that import files: the job's row, the file in chunks, the problems found.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{import_chunks, import_problems, imports};

/// For how long a runner that says nothing is believed to be alive.
pub const LEASE: TimeDelta = TimeDelta::seconds(20);

/// A job's row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = imports)]
pub struct ImportRow {
    pub id: Uuid,
    pub status: String,
    pub file_name: String,
    pub bytes: i64,
    pub dialect: Option<String>,
    pub rows_read: i64,
    pub products_read: i64,
    pub products_created: i64,
    pub products_updated: i64,
    pub products_unchanged: i64,
    pub products_refused: i64,
    pub variants_created: i64,
    pub variants_updated: i64,
    pub warnings: i64,
    pub errors: i64,
    pub failure_code: Option<String>,
    pub failure_detail: Option<String>,
    pub lease_until: Option<DateTime<Utc>>,
    /// Who asked for it; nobody is known of old ones.
    pub created_by: Option<Uuid>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl ImportRow {
    /// Whether nobody works on an unfinished job.
    pub fn is_abandoned(&self) -> bool {
        let expired = self.lease_until.is_none_or(|until| until < Utc::now());
        self.status == "queued" || (self.status == "running" && expired)
    }
}

/// Begins a job whose file is still coming.
pub async fn begin(
    conn: &mut TenantConn,
    id: Uuid,
    file_name: &str,
    created_by: Uuid,
) -> QueryResult<()> {
    diesel::insert_into(imports::table)
        .values((
            imports::id.eq(id),
            imports::status.eq("uploading"),
            imports::file_name.eq(file_name),
            imports::created_by.eq(created_by),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Stores a piece of the file.
pub async fn append(conn: &mut TenantConn, id: Uuid, seq: i32, data: &[u8]) -> QueryResult<()> {
    diesel::insert_into(import_chunks::table)
        .values((
            import_chunks::import_id.eq(id),
            import_chunks::seq.eq(seq),
            import_chunks::data.eq(data),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Queues a job whose file is complete.
pub async fn queue(
    conn: &mut TenantConn,
    id: Uuid,
    bytes: i64,
    sha256: &[u8],
) -> QueryResult<ImportRow> {
    diesel::update(imports::table.find(id))
        .set((
            imports::status.eq("queued"),
            imports::bytes.eq(bytes),
            imports::sha256.eq(sha256),
            imports::updated_at.eq(diesel::dsl::now),
        ))
        .returning(ImportRow::as_returning())
        .get_result(conn)
        .await
}

/// Removes a job whose file never came whole, or came twice.
pub async fn discard(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let rows = imports::table
        .filter(imports::id.eq(id))
        .filter(imports::status.eq("uploading"));
    diesel::delete(rows).execute(conn).await.map(drop)
}

/// Removes jobs whose uploader has been gone for a day.
pub async fn discard_stale(conn: &mut TenantConn) -> QueryResult<()> {
    let rows = imports::table
        .filter(imports::status.eq("uploading"))
        .filter(imports::created_at.lt(Utc::now() - TimeDelta::days(1)));
    diesel::delete(rows).execute(conn).await.map(drop)
}

/// Finds a job.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ImportRow>> {
    imports::table
        .find(id)
        .select(ImportRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Lists jobs, newest first.
pub async fn list(
    conn: &mut TenantConn,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ImportRow>> {
    let mut rows = imports::table.select(ImportRow::as_select()).into_boxed();
    if let Some((created_at, id)) = before {
        rows = rows
            .filter(imports::created_at.le(created_at))
            .filter(imports::created_at.lt(created_at).or(imports::id.lt(id)));
    }
    rows.order((imports::created_at.desc(), imports::id.desc()))
        .limit(limit)
        .load(conn)
        .await
}

/// Lists the jobs that wait for a runner or were left by one.
pub async fn list_unfinished(conn: &mut TenantConn) -> QueryResult<Vec<ImportRow>> {
    imports::table
        .filter(imports::status.eq_any(["queued", "running"]))
        .order(imports::created_at)
        .select(ImportRow::as_select())
        .load(conn)
        .await
}

/// Takes a job that waits or was left. `None` when another runner has it or it is finished.
pub async fn claim(
    conn: &mut TenantConn,
    id: Uuid,
    runner: Uuid,
) -> QueryResult<Option<ImportRow>> {
    let now = Utc::now();
    let free = imports::status
        .eq("queued")
        .or(imports::status
            .eq("running")
            .and(imports::lease_until.lt(now)))
        .or(imports::status
            .eq("running")
            .and(imports::runner.eq(runner)));
    let rows = imports::table
        .filter(imports::id.eq(id))
        .filter(free.assume_not_null());
    diesel::update(rows)
        .set((
            imports::status.eq("running"),
            imports::runner.eq(runner),
            imports::lease_until.eq(now + LEASE),
        ))
        .returning(ImportRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Reads a piece of the file.
pub async fn chunk(conn: &mut TenantConn, id: Uuid, seq: i32) -> QueryResult<Option<Vec<u8>>> {
    let row = import_chunks::table
        .find((id, seq))
        .select(import_chunks::data);
    row.first(conn).await.optional()
}

/// What a step of a job adds to its row.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub rows_read: i64,
    pub products_read: i64,
    pub products_created: i64,
    pub products_updated: i64,
    pub products_unchanged: i64,
    pub products_refused: i64,
    pub variants_created: i64,
    pub variants_updated: i64,
    pub warnings: i64,
    pub errors: i64,
}

/// Adds progress and renews the lease. `false` when the job is no longer this runner's: its work must not count.
pub async fn advance(
    conn: &mut TenantConn,
    id: Uuid,
    runner: Uuid,
    progress: &Progress,
) -> QueryResult<bool> {
    let rows = imports::table
        .filter(imports::id.eq(id))
        .filter(imports::status.eq("running"))
        .filter(imports::runner.eq(runner));
    let changed = diesel::update(rows)
        .set((
            imports::rows_read.eq(imports::rows_read + progress.rows_read),
            imports::products_read.eq(imports::products_read + progress.products_read),
            imports::products_created.eq(imports::products_created + progress.products_created),
            imports::products_updated.eq(imports::products_updated + progress.products_updated),
            imports::products_unchanged
                .eq(imports::products_unchanged + progress.products_unchanged),
            imports::products_refused.eq(imports::products_refused + progress.products_refused),
            imports::variants_created.eq(imports::variants_created + progress.variants_created),
            imports::variants_updated.eq(imports::variants_updated + progress.variants_updated),
            imports::warnings.eq(imports::warnings + progress.warnings),
            imports::errors.eq(imports::errors + progress.errors),
            imports::lease_until.eq(Utc::now() + LEASE),
            imports::updated_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

/// How a job ended.
#[derive(Clone, Debug)]
pub struct Ending {
    pub dialect: Option<&'static str>,
    /// Code and words of what ended the job early.
    pub failure: Option<(String, String)>,
}

/// Ends a job and drops its file.
pub async fn finish(
    conn: &mut TenantConn,
    id: Uuid,
    runner: Uuid,
    ending: &Ending,
) -> QueryResult<bool> {
    let (code, detail) = ending.failure.clone().unzip();
    let status = if code.is_some() { "failed" } else { "done" };
    let rows = imports::table
        .filter(imports::id.eq(id))
        .filter(imports::runner.eq(runner));
    let changed = diesel::update(rows.filter(imports::status.eq("running")))
        .set((
            imports::status.eq(status),
            imports::dialect.eq(ending.dialect),
            imports::failure_code.eq(code),
            imports::failure_detail.eq(detail),
            imports::lease_until.eq(None::<DateTime<Utc>>),
            imports::version.eq(imports::version + 1),
            imports::updated_at.eq(diesel::dsl::now),
            imports::finished_at.eq(Some(Utc::now())),
        ))
        .execute(conn)
        .await?;
    if changed == 1 {
        let chunks = import_chunks::table.filter(import_chunks::import_id.eq(id));
        diesel::delete(chunks).execute(conn).await?;
    }
    Ok(changed == 1)
}

/// A problem in the file.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_problems, treat_none_as_default_value = false)]
pub struct ProblemRow {
    pub import_id: Uuid,
    pub seq: i64,
    pub row_number: i64,
    pub product_key: String,
    pub severity: String,
    pub column_name: Option<String>,
    pub code: String,
    pub message: String,
}

/// Stores problems.
pub async fn insert_problems(conn: &mut TenantConn, rows: &[ProblemRow]) -> QueryResult<()> {
    diesel::insert_into(import_problems::table)
        .values(rows)
        .execute(conn)
        .await
        .map(drop)
}

/// Lists problems in the order of the file.
pub async fn list_problems(
    conn: &mut TenantConn,
    id: Uuid,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<ProblemRow>> {
    import_problems::table
        .filter(import_problems::import_id.eq(id))
        .filter(import_problems::seq.gt(after))
        .order(import_problems::seq)
        .limit(limit)
        .select(ProblemRow::as_select())
        .load(conn)
        .await
}

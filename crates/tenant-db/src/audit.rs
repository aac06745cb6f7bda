//! The check of audit trails: that no event was changed, removed or put in between.

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use crate::error::DbError;
use crate::provisioning::{Provisioner, platform_tenants};

/// What the check of one chain came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// The schema that it lies in.
    pub schema: String,
    /// Events that it has.
    pub events: i64,
    /// The first event at which it does not hold, if there is one. One more than there are: the end is missing.
    pub broken_at: Option<i64>,
}

#[derive(diesel::QueryableByName)]
struct ChainRow {
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    broken_at: Option<i64>,
}

#[derive(diesel::QueryableByName)]
struct ExistsRow {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

impl Provisioner {
    /// Checks the chains of a tenant: the one of the platform about it, and one in each of its schemas. `None` when there
    /// is no such tenant.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn verify_audit(&self, key: &TenantKey) -> Result<Option<Vec<ChainReport>>, DbError> {
        let (mut conn, _turn) = self.connect().await?;
        let tenant: Option<Uuid> = platform_tenants::table
            .filter(platform_tenants::key.eq(key.as_str()))
            .select(platform_tenants::id)
            .first(&mut conn)
            .await
            .optional()?;
        let Some(tenant) = tenant else {
            return Ok(None);
        };
        let mut reports = vec![verify(&mut conn, "platform_shared", tenant).await?];
        for domain in Domain::ALL {
            let schema = SchemaName::new(key, domain);
            let there: ExistsRow =
                diesel::sql_query("SELECT to_regnamespace($1) IS NOT NULL AS is_there")
                    .bind::<Text, _>(schema.as_str())
                    .get_result(&mut conn)
                    .await?;
            if there.is_there {
                reports.push(verify(&mut conn, schema.as_str(), Uuid::nil()).await?);
            }
        }
        Ok(Some(reports))
    }
}

async fn verify(
    conn: &mut diesel_async::AsyncPgConnection,
    schema: &str,
    scope: Uuid,
) -> Result<ChainReport, DbError> {
    // The schema's name comes from the validated type, or is the platform's own.
    let sql = format!(
        r#"WITH events AS (
               SELECT *, coalesce(lag(seq) OVER chain, 0) AS seq_before, coalesce(lag(hash) OVER chain, '\x') AS hash_before
               FROM "{schema}".audit_events WHERE scope = $1 WINDOW chain AS (ORDER BY seq)
           ), broken AS (
               SELECT coalesce(seq, seq_before + 1) AS seq FROM events
               WHERE seq IS DISTINCT FROM seq_before + 1 OR previous IS DISTINCT FROM hash_before
                  OR hash IS DISTINCT FROM sha256(previous || platform_shared.audit_text(scope, seq, at, caller, grant_id,
                       request_id, table_name, action, entity_id, changed, before_digest, after_digest))
               UNION ALL
               SELECT least(head.seq, coalesce(tail.seq, 0)) + 1 FROM "{schema}".audit_heads head
               LEFT JOIN LATERAL (SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1) tail ON true
               WHERE head.scope = $1 AND (head.seq IS DISTINCT FROM tail.seq OR head.hash IS DISTINCT FROM tail.hash)
               UNION ALL
               SELECT 1 FROM events WHERE NOT EXISTS (SELECT FROM "{schema}".audit_heads WHERE scope = $1)
           )
           SELECT (SELECT count(*) FROM events) AS events, (SELECT min(seq) FROM broken) AS broken_at"#
    );
    let row: ChainRow = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(scope)
        .get_result(conn)
        .await?;
    Ok(ChainReport {
        schema: schema.to_owned(),
        events: row.events,
        broken_at: row.broken_at,
    })
}

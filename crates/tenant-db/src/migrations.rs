//! The migrations of the platform and of each domain, and how a schema gets them.

use averis_tenant_context::{Domain, SchemaName};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::error::DbError;

const PLATFORM: EmbeddedMigrations = embed_migrations!("../../migrations/platform");
/// What every domain's schema has, before its own tables.
const EVERY_DOMAIN: EmbeddedMigrations = embed_migrations!("../../migrations/every_domain");
const PRODUCT: EmbeddedMigrations = embed_migrations!("../../migrations/product");
const PRICING: EmbeddedMigrations = embed_migrations!("../../migrations/pricing");
const CUSTOMER: EmbeddedMigrations = embed_migrations!("../../migrations/customer");
const ERP: EmbeddedMigrations = embed_migrations!("../../migrations/erp");
const ECOMM: EmbeddedMigrations = embed_migrations!("../../migrations/ecomm");
const OMS: EmbeddedMigrations = embed_migrations!("../../migrations/oms");
const WEBHOOKS: EmbeddedMigrations = embed_migrations!("../../migrations/webhooks");

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the sources of a domain's migrations in the order in which they run.
fn sources(domain: Domain) -> Vec<EmbeddedMigrations> {
    match domain {
        Domain::Product => vec![EVERY_DOMAIN, PRODUCT],
        Domain::Pricing => vec![EVERY_DOMAIN, PRICING],
        Domain::Customer => vec![EVERY_DOMAIN, CUSTOMER],
        Domain::Erp => vec![EVERY_DOMAIN, ERP],
        Domain::Oms => vec![EVERY_DOMAIN, OMS],
        Domain::Ecomm => vec![EVERY_DOMAIN, ECOMM],
        Domain::Webhooks => vec![EVERY_DOMAIN, WEBHOOKS],
    }
}

/// Returns the names of a domain's migrations in the order in which they run.
pub(crate) fn names(domain: Domain) -> Result<Vec<String>, BoxedError> {
    let mut names = Vec::new();
    for source in sources(domain) {
        let mut own = MigrationSource::<Pg>::migrations(&source)?
            .iter()
            .map(|migration| migration.name().to_string())
            .collect::<Vec<_>>();
        own.sort_unstable();
        names.extend(own);
    }
    Ok(names)
}

/// Returns what stands as the comment of a schema that has all migrations of its domain. One query over the
/// catalog then tells which schemas of the fleet lack any.
pub(crate) fn stamp(domain: Domain) -> Result<String, BoxedError> {
    Ok(names(domain)?.join(" "))
}

/// Runs the pending migrations of `domain` in the tenant's schema, inside the caller's transaction, and grants
/// the tables to the schema's role. Returns the connection and how many migrations ran.
pub(crate) async fn migrate_schema(
    mut conn: AsyncPgConnection,
    schema: &SchemaName,
    domain: Domain,
) -> (AsyncPgConnection, Result<usize, DbError>) {
    // The schema alone: with any other behind it a misspelt name would migrate that one.
    let path = format!(r#"SET LOCAL search_path TO "{schema}""#);
    if let Err(error) = conn.batch_execute(&path).await {
        return (conn, Err(DbError::Query(error)));
    }
    let (mut conn, ran) = run_pending(conn, sources(domain), schema.to_string()).await;
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => return (conn, Err(error)),
    };
    let granted = async {
        let stamp = stamp(domain).map_err(|source| migration_error(schema.as_str(), source))?;
        // The role is named like the schema. It may use rows and nothing else; the history is not its business.
        conn.batch_execute(&format!(
            r#"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{schema}" TO "{schema}";
               REVOKE ALL ON "{schema}".__diesel_schema_migrations, "{schema}".audit_heads FROM "{schema}";
               REVOKE INSERT, UPDATE, DELETE ON "{schema}".audit_events FROM "{schema}";
               {AUDIT}
               COMMENT ON SCHEMA "{schema}" IS '{stamp}';
               SET LOCAL search_path TO platform_shared, pg_temp"#
        ))
        .await
        .map_err(DbError::Query)
    }
    .await;
    (conn, granted.map(|()| ran))
}

/// Gives each table of the schema that the path names the trigger that writes the audit trail, unless its comment begins
/// with "unaudited" or it has one.
const AUDIT: &str = "
    DO $$
    DECLARE
        audited regclass;
    BEGIN
        FOR audited IN
            SELECT c.oid FROM pg_catalog.pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
              AND c.relname <> '__diesel_schema_migrations'
              AND coalesce(obj_description(c.oid, 'pg_class'), '') NOT LIKE 'unaudited%'
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit')
            ORDER BY c.relname
        LOOP
            EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s '
                           'FOR EACH ROW EXECUTE FUNCTION platform_shared.audit_row()', audited);
        END LOOP;
    END $$;";

/// Runs the pending migrations of the platform, inside the caller's transaction.
pub(crate) async fn migrate_platform(
    mut conn: AsyncPgConnection,
) -> (AsyncPgConnection, Result<usize, DbError>) {
    if let Err(error) = conn
        .batch_execute("SET LOCAL search_path TO platform_shared")
        .await
    {
        return (conn, Err(DbError::Query(error)));
    }
    run_pending(conn, vec![PLATFORM], "platform_shared".to_owned()).await
}

/// diesel's migrations are synchronous; the wrapper needs a thread that may block.
async fn run_pending(
    conn: AsyncPgConnection,
    sources: Vec<EmbeddedMigrations>,
    schema: String,
) -> (AsyncPgConnection, Result<usize, DbError>) {
    let name = schema.clone();
    let mut wrapper: AsyncConnectionWrapper<AsyncPgConnection> = AsyncConnectionWrapper::from(conn);
    let done = tokio::task::spawn_blocking(move || {
        // "relation already exists, skipping" is no news for whoever reads the log.
        let mut ran = SimpleConnection::batch_execute(
            &mut wrapper,
            "SET LOCAL client_min_messages TO warning",
        )
        .map(|()| 0);
        let mut failed = None;
        for source in sources {
            match wrapper.run_pending_migrations(source) {
                Ok(versions) => ran = ran.map(|count| count + versions.len()),
                Err(error) => {
                    failed = Some(migration_error(&schema, error));
                    break;
                }
            }
        }
        let outcome = match failed {
            Some(error) => Err(error),
            None => ran.map_err(DbError::Query),
        };
        (wrapper.into_inner(), outcome)
    })
    .await;
    match done {
        Ok(done) => done,
        // The closure neither panics nor is cancelled; resuming keeps a bug's panic visible.
        Err(error) => {
            tracing::error!(schema = %name, error = %error, "the migration task died");
            std::panic::resume_unwind(error.into_panic())
        }
    }
}

pub(crate) fn migration_error(schema: &str, source: BoxedError) -> DbError {
    DbError::Migration {
        schema: schema.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_migrations_of_a_schema_have_one_version() {
        for domain in Domain::ALL {
            // A second one would pass for run already.
            let names = names(domain).expect("readable");
            let mut versions: Vec<&str> = names
                .iter()
                .filter_map(|name| name.split_once('_'))
                .map(|(version, _)| version)
                .collect();
            assert_eq!(versions.len(), names.len());
            versions.sort_unstable();
            versions.dedup();
            assert_eq!(versions.len(), names.len(), "{names:?}");
        }
    }
}

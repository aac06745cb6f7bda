//! The matrix of login roles, tenants' roles and schemas: each combination is tried on the database itself.

use std::collections::BTreeMap;

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use averis_tenant_db::LoginRole;
use tokio_postgres::Client;

use crate::support::{Bench, login, schemas, state};

const DENIED: &str = "42501";
const REFERENCE: [&str; 3] = ["regions", "currencies", "countries"];
/// What a bound tenant may not do wherever it points.
const FORBIDDEN: &[&str] = &[
    "CREATE TABLE stray (a int)",
    "CREATE TABLE {own}.stray (a int)",
    "CREATE TABLE public.stray (a int)",
    "CREATE TABLE platform_shared.stray (a int)",
    "CREATE TEMP TABLE stray (a int)",
    "CREATE SCHEMA stray",
    "CREATE FUNCTION {own}.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW {own}.stray AS SELECT 1",
    "CREATE SEQUENCE {own}.stray",
    "CREATE TYPE {own}.stray AS ENUM ('a')",
    "CREATE DOMAIN {own}.stray AS int",
    "CREATE ROLE stray",
    "CREATE EXTENSION dblink",
    "CREATE DATABASE stray",
    "ALTER TABLE {own}.idempotency_keys ADD COLUMN stray int",
    "CREATE INDEX ON {own}.idempotency_keys (status)",
    "CREATE TRIGGER stray BEFORE INSERT ON {own}.idempotency_keys EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DROP TABLE {own}.idempotency_keys",
    "DROP SCHEMA {own} CASCADE",
    "TRUNCATE {own}.idempotency_keys",
    "COPY {own}.idempotency_keys TO PROGRAM 'true'",
    "COPY {own}.idempotency_keys TO '/tmp/stray'",
    "GRANT {own} TO averis_tenant",
    "SELECT * FROM {own}.__diesel_schema_migrations",
    "DELETE FROM {own}.__diesel_schema_migrations",
    "SELECT * FROM platform_shared.tenants",
    "UPDATE platform_shared.tenants SET status = 'active'",
    "SELECT * FROM platform_shared.tenant_users",
    "SELECT * FROM platform_shared.idempotency_keys",
    "SELECT * FROM platform_shared.purge_certificates",
    "SELECT * FROM platform_shared.__diesel_schema_migrations",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT set_config('a.b', 'c', false)",
    "SET session_authorization = averis_provisioner",
    "SET session_replication_role = replica",
    "SET ROLE averis_provisioner",
    "SET ROLE averis_tenant",
];

struct Matrix {
    bench: Bench,
    keys: [TenantKey; 2],
    /// Every tenant schema, its domain, and its tables without diesel's history.
    tables: BTreeMap<SchemaName, (Domain, Vec<(String, String)>)>,
}

impl Matrix {
    async fn new() -> Self {
        let bench = Bench::shared().await;
        let keys = [bench.tenant("mxa").await, bench.tenant("mxb").await];
        let mut tables = BTreeMap::new();
        for key in &keys {
            for (domain, schema) in Domain::ALL.into_iter().zip(schemas(key)) {
                let rows = bench
                    .admin
                    .query(
                        "SELECT c.relname::text, a.attname::text FROM pg_class c \
                         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1 \
                         WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r' \
                         AND c.relname <> '__diesel_schema_migrations' ORDER BY 1",
                        &[&schema.as_str()],
                    )
                    .await
                    .expect("the catalog answers");
                let found: Vec<_> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
                assert!(!found.is_empty(), "{schema} has no tables");
                tables.insert(schema, (domain, found));
            }
        }
        Self {
            bench,
            keys,
            tables,
        }
    }

    async fn login(&self, role: LoginRole) -> Client {
        login(&self.bench.database.url_text(role)).await
    }

    /// The answers to the four uses of rows of every table in `schema`.
    async fn uses(&self, client: &Client, schema: &SchemaName) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for (table, column) in &self.tables[schema].1 {
            for sql in [
                format!("SELECT count(*) FROM {schema}.{table}"),
                format!(
                    "INSERT INTO {schema}.{table} ({column}) SELECT {column} FROM {schema}.{table} WHERE false"
                ),
                format!("UPDATE {schema}.{table} SET {column} = {column} WHERE false"),
                format!("DELETE FROM {schema}.{table} WHERE false"),
            ] {
                let answer = client.batch_execute(&sql).await;
                answers.push((sql, state(&answer)));
            }
        }
        answers
    }
}

fn all(answers: &[(String, String)], wanted: &str, who: &str) -> usize {
    for (sql, got) in answers {
        assert_eq!(got, wanted, "{who}: {sql}");
    }
    answers.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_becomes_the_roles_of_its_own_domain_alone() {
    let matrix = Matrix::new().await;
    let (mut allowed, mut refused) = (0, 0);
    for role in LoginRole::ALL {
        let client = matrix.login(role).await;
        for (schema, (domain, _)) in &matrix.tables {
            let answer = client.batch_execute(&format!("SET ROLE {schema}")).await;
            if role == LoginRole::Service(*domain) {
                assert_eq!(state(&answer), "", "{role:?} is no {schema}");
                allowed += 1;
            } else {
                assert_eq!(state(&answer), DENIED, "{role:?} became {schema}");
                refused += 1;
            }
            client.batch_execute("RESET ROLE").await.expect("reset");
        }
        // Nor may it become another service, or what all tenants have in common.
        let others = LoginRole::ALL.map(LoginRole::name).into_iter();
        for other in others
            .chain(["averis_admin"])
            .filter(|other| *other != role.name())
        {
            let answer = client.batch_execute(&format!("SET ROLE {other}")).await;
            assert_eq!(state(&answer), DENIED, "{role:?} became {other}");
            refused += 1;
        }
        // What all tenants have in common is every member's, by way of any tenant; it reads the reference alone.
        let answer = client.batch_execute("SET ROLE averis_reference").await;
        assert_eq!(
            state(&answer),
            if role == LoginRole::Tenant {
                DENIED
            } else {
                ""
            },
            "{role:?}"
        );
        if role != LoginRole::Tenant {
            for schema in matrix.tables.keys() {
                refused += all(
                    &matrix.uses(&client, schema).await,
                    DENIED,
                    "averis_reference",
                );
            }
        }
    }
    assert_eq!(allowed, 2 * Domain::ALL.len());
    eprintln!("SET ROLE: {allowed} allowed, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_connection_reads_nothing() {
    let matrix = Matrix::new().await;
    let mut refused = 0;
    let runtime = LoginRole::ALL
        .into_iter()
        .filter(|role| *role != LoginRole::Provisioner);
    for role in runtime {
        let client = matrix.login(role).await;
        for schema in matrix.tables.keys() {
            refused += all(&matrix.uses(&client, schema).await, DENIED, role.name());
            let history = format!("SELECT count(*) FROM {schema}.__diesel_schema_migrations");
            assert_eq!(
                state(&client.batch_execute(&history).await),
                DENIED,
                "{role:?}"
            );
        }
        for table in REFERENCE
            .into_iter()
            .chain(["tenants", "tenant_users", "idempotency_keys"])
        {
            let sql = format!("SELECT count(*) FROM platform_shared.{table}");
            let wanted = if role == LoginRole::Tenant {
                ""
            } else {
                DENIED
            };
            assert_eq!(
                state(&client.batch_execute(&sql).await),
                wanted,
                "{role:?}: {sql}"
            );
        }
    }
    eprintln!("{refused} uses of tenants' tables refused to unbound connections");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_connection_uses_the_rows_of_its_own_schema_alone() {
    let matrix = Matrix::new().await;
    let (mut allowed, mut refused, mut forbidden) = (0, 0, 0);
    for (own, (domain, _)) in &matrix.tables {
        let client = matrix.login(LoginRole::Service(*domain)).await;
        let bind = format!("SET ROLE {own}; SET search_path TO {own}, pg_temp");
        client.batch_execute(&bind).await.expect("bound");
        for schema in matrix.tables.keys() {
            let answers = matrix.uses(&client, schema).await;
            if schema == own {
                // The trail is read and not written; where it ends is not even read.
                let (trail, rows): (Vec<_>, Vec<_>) = answers
                    .into_iter()
                    .partition(|(sql, _)| sql.contains(".audit_"));
                allowed += all(&rows, "", own.as_str());
                let (read, other): (Vec<_>, Vec<_>) = trail.into_iter().partition(|(sql, _)| {
                    sql.starts_with("SELECT") && sql.ends_with(".audit_events")
                });
                assert_eq!((read.len(), other.len()), (1, 7));
                allowed += all(&read, "", own.as_str());
                refused += all(&other, DENIED, own.as_str());
            } else {
                refused += all(&answers, DENIED, own.as_str());
            }
        }
        for table in REFERENCE {
            let read = format!("SELECT count(*) FROM platform_shared.{table}");
            assert_eq!(
                state(&client.batch_execute(&read).await),
                "",
                "{own}: {read}"
            );
            for write in [
                format!("INSERT INTO platform_shared.{table} (code) VALUES ('XX')"),
                format!("UPDATE platform_shared.{table} SET name = 'x'"),
                format!("DELETE FROM platform_shared.{table}"),
                format!("TRUNCATE platform_shared.{table}"),
                format!("BEGIN; LOCK TABLE platform_shared.{table} IN ROW EXCLUSIVE MODE"),
            ] {
                assert_eq!(
                    state(&client.batch_execute(&write).await),
                    DENIED,
                    "{own}: {write}"
                );
                client.batch_execute("ROLLBACK").await.expect("rolled back");
            }
        }
        for statement in FORBIDDEN {
            let sql = statement.replace("{own}", own.as_str());
            let answer = state(&client.batch_execute(&sql).await);
            assert_eq!(answer, DENIED, "{own}: {sql}");
            forbidden += 1;
        }
        // PostgreSQL only warns whoever has a right but may not pass it on.
        let grant = format!("GRANT SELECT ON {own}.idempotency_keys TO averis_tenant, PUBLIC");
        client.batch_execute(&grant).await.expect("a warning");
        let passed = format!(
            "SELECT count(*) FROM aclexplode((SELECT relacl FROM pg_class \
             WHERE oid = '{own}.idempotency_keys'::regclass)) acl \
             WHERE grantee NOT IN ('{own}'::regrole, 'averis_provisioner'::regrole)"
        );
        assert_eq!(
            matrix.bench.number(&passed, &[]).await,
            0,
            "{own} gave its rights away"
        );
    }
    eprintln!(
        "{allowed} uses allowed, {refused} refused, {forbidden} forbidden statements refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_service_cannot_reach_a_tenants_schema() {
    let matrix = Matrix::new().await;
    let client = matrix.login(LoginRole::Tenant).await;
    for schema in matrix.tables.keys() {
        all(&matrix.uses(&client, schema).await, DENIED, "averis_tenant");
        for path in [schema.as_str(), "platform_shared"] {
            let sql = format!("SET search_path TO {path}; CREATE TABLE stray (a int)");
            let answer = state(&client.batch_execute(&sql).await);
            assert!(
                [DENIED, "3F000"].contains(&answer.as_str()),
                "{sql}: {answer}"
            );
        }
    }
    client
        .batch_execute("RESET search_path")
        .await
        .expect("reset");
    for key in &matrix.keys {
        let rows = client
            .query(
                "SELECT 1 FROM platform_shared.tenants WHERE key = $1",
                &[&key.as_str()],
            )
            .await
            .expect("its own tables are its own");
        assert_eq!(rows.len(), 1);
    }
    for sql in [
        "DELETE FROM platform_shared.tenants",
        "TRUNCATE platform_shared.tenants CASCADE",
        "INSERT INTO platform_shared.purge_certificates DEFAULT VALUES",
        "UPDATE platform_shared.purge_certificates SET digest = ''",
        "DELETE FROM platform_shared.purge_certificates",
        "INSERT INTO platform_shared.audit_events (scope) VALUES (gen_random_uuid())",
        "UPDATE platform_shared.audit_events SET caller = NULL",
        "DELETE FROM platform_shared.audit_events",
        "SELECT * FROM platform_shared.audit_heads",
        "DELETE FROM platform_shared.regions",
        "SELECT * FROM platform_shared.__diesel_schema_migrations",
        "DROP FUNCTION platform_shared.announce_tenant() CASCADE",
        "ALTER TABLE platform_shared.tenants DISABLE TRIGGER ALL",
        "CREATE TEMP TABLE tenants (a int)",
        "CREATE ROLE stray",
        "SELECT lo_create(0)",
        "SELECT pg_advisory_lock(1)",
    ] {
        assert_eq!(state(&client.batch_execute(sql).await), DENIED, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_objects_are_nobodys_by_default() {
    let bench = Bench::shared().await;
    let key = bench.tenant("dfl").await;
    let defaults = "SELECT count(*) FROM pg_default_acl";
    assert_eq!(bench.number(defaults, &[]).await, 0);
    let strangers = "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) acl \
         WHERE c.relnamespace::regnamespace::text = ANY($1) AND acl.grantee <> c.relowner \
         AND acl.grantee <> c.relnamespace::regnamespace::text::regrole";
    let names: Vec<String> = schemas(&key).iter().map(ToString::to_string).collect();
    assert_eq!(
        bench.number(strangers, &[&names]).await,
        0,
        "somebody else has a grant"
    );
    let members = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid \
         JOIN pg_roles l ON l.oid = m.member WHERE r.rolname = ANY($1) \
         AND (l.rolname <> 'averis_' || substring(r.rolname FROM '[a-z]+$') OR m.admin_option) \
         AND l.rolname NOT IN ('averis_provisioner', 'averis_admin')";
    assert_eq!(
        bench.number(members, &[&names]).await,
        0,
        "a role has a member too many"
    );
}

//! S2 to S6: what an injected or careless statement can reach.

use averis_tenant_db::{DbError, PoolConfig, TenantConn};
use diesel::result::Error;
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

use crate::support::{Bench, add, execute, of, product_schema, products, seen, text};

/// One SELECT each, which would switch tenants, run other text, or leave something for the next borrower.
const PAYLOADS: &[&str] = &[
    "SELECT set_config('role', '{b}', false)",
    "SELECT set_config('role', '{b}', true), query_to_xml('select * from {b}.products', true, false, '')",
    "SELECT vendor FROM products WHERE vendor = '' OR set_config('search_path', '{b}', false) <> ''",
    "UPDATE pg_settings SET setting = '{b}' WHERE name = 'role'",
    "SELECT query_to_xml('select * from {b}.products', true, false, '')",
    "SELECT query_to_xmlschema('select 1', true, false, '')",
    "SELECT query_to_xml_and_xmlschema('select 1', true, false, '')",
    "SELECT cursor_to_xml('c', 1, true, false, '')",
    "SELECT cursor_to_xmlschema('c', true, false, '')",
    "SELECT table_to_xml('products', true, false, '')",
    "SELECT table_to_xmlschema('products', true, false, '')",
    "SELECT table_to_xml_and_xmlschema('products', true, false, '')",
    "SELECT schema_to_xml('{b}', true, false, '')",
    "SELECT schema_to_xmlschema('{b}', true, false, '')",
    "SELECT schema_to_xml_and_xmlschema('{b}', true, false, '')",
    "SELECT database_to_xml(true, false, '')",
    "SELECT database_to_xmlschema(true, false, '')",
    "SELECT database_to_xml_and_xmlschema(true, false, '')",
    "SELECT * FROM ts_stat('select to_tsvector(vendor) from {b}.products')",
    "SELECT * FROM ts_stat('select to_tsvector(vendor) from {b}.products', 'a')",
    "SELECT ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_lock(1, 1)",
    "SELECT pg_advisory_lock_shared(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_try_advisory_lock_shared(1, 1)",
    "SELECT lo_creat(-1)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_open(1, 131072)",
    "SELECT lo_put(1, 0, 'x')",
    "SELECT lo_unlink(1)",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/x')",
    "SELECT lowrite(0, 'x')",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'averis_pricing'",
    "SELECT pg_reload_conf()",
    "SELECT pg_create_restore_point('a')",
    "SELECT pg_stat_reset()",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM {b}.products",
    "SELECT * FROM {b}.__diesel_schema_migrations",
    "SELECT * FROM {a}.__diesel_schema_migrations",
    "SELECT * FROM platform_shared.tenants",
    "SELECT * FROM platform_shared.tenant_users",
    "SELECT * FROM platform_shared.idempotency_keys",
    "SELECT * FROM platform_shared.purge_certificates",
    "SELECT * FROM platform_shared.__diesel_schema_migrations",
];

#[tokio::test(flavor = "multi_thread")]
async fn s2_an_injected_select_is_refused_what_it_needs() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s2a").await, bench.tenant("s2b").await);
    let pool = bench.pool(PoolConfig::sized(1));
    // Signalling needs somebody to signal.
    let url = bench
        .database
        .url_text(averis_tenant_db::LoginRole::Service(
            averis_tenant_context::Domain::Pricing,
        ));
    let neighbour = crate::support::login(&url).await;
    for payload in PAYLOADS {
        let sql = payload
            .replace("{a}", product_schema(&a).as_str())
            .replace("{b}", product_schema(&b).as_str());
        let outcome = of(&pool, &a)
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(execute(conn, &sql).await?)
            })
            .await;
        let Err(DbError::Query(Error::DatabaseError(_, info))) = outcome else {
            panic!("not refused by the database: {sql}: {outcome:?}");
        };
        let message = info.message();
        let refused = message.starts_with("permission denied")
            || message.starts_with("must be a member of the role whose process");
        assert!(refused, "{sql}: {message}");
        assert_eq!(
            seen(&of(&pool, &b)).await.expect("B is served"),
            [b.as_str()]
        );
    }
    neighbour
        .batch_execute("SELECT 1")
        .await
        .expect("the neighbour lives");
    assert_eq!(pool.stats().opened, 1);
    eprintln!("{} payloads refused by the database", PAYLOADS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_the_planner_tells_nothing_of_other_tenants() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s9a").await, bench.tenant("s9b").await);
    bench
        .sql(format!("ANALYZE {}.products", product_schema(&b)))
        .await;
    let pool = bench.pool(PoolConfig::sized(1));
    let b_schema = product_schema(&b);
    let (statistics, activity) = of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            let of_b = format!("SELECT count(*) FROM pg_stats WHERE schemaname = '{b_schema}'");
            let queries = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                           AND query NOT IN ('', '<insufficient privilege>')";
            Ok((text(conn, &of_b).await?, text(conn, queries).await?))
        })
        .await
        .expect("A is served");
    assert_eq!((statistics.as_str(), activity.as_str()), ("0", "0"));
}

/// Texts that would end a statement if they ever became part of one.
fn stacked(b: &str) -> Vec<String> {
    [
        "'; RESET ROLE; SET ROLE {b}; --",
        "'; reset role; --",
        "x'); DROP TABLE products; --",
        "\\'; DROP TABLE products; --",
        "$$; DROP TABLE products; $$",
        "*/ ; SET ROLE {b}; /*",
        "\u{2019}; RESET ROLE; --",
        "\" ; RESET ROLE; --",
        "$1; RESET ROLE",
        "%s%n; {} ; {{b}}",
        "E'\\x27; RESET ROLE",
    ]
    .iter()
    .map(|text| text.replace("{b}", b))
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_stacked_statements_are_only_text() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s3a").await, bench.tenant("s3b").await);
    let pool = bench.pool(PoolConfig::sized(1));
    let a_schema = product_schema(&a).to_string();
    let payloads = stacked(product_schema(&b).as_str());
    for payload in &payloads {
        let (stored, role) = of(&pool, &a)
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                add(conn, &a, payload).await?;
                let found = products::table.filter(products::key.eq(payload));
                diesel::update(found)
                    .set((
                        products::name.eq(payload),
                        products::vendor.eq(payload),
                        products::description.eq(payload),
                    ))
                    .execute(conn)
                    .await?;
                let like = products::description.eq_any([payload.as_str(), "'; reset role"]);
                let stored: Vec<(String, String, String, String)> = products::table
                    .filter(products::vendor.eq(payload))
                    .filter(like)
                    .select((
                        products::key,
                        products::name,
                        products::vendor,
                        products::description,
                    ))
                    .load(conn)
                    .await?;
                Ok((stored, text(conn, "current_user").await?))
            })
            .await
            .expect("a payload is a value like any other");
        let same = payload.clone();
        assert_eq!(stored, [(same.clone(), same.clone(), same.clone(), same)]);
        assert_eq!(role, a_schema);

        // A statement that somebody pasted together: the protocol takes one statement only.
        let pasted = format!("SELECT '{payload}' FROM products; SELECT '{payload}'");
        let outcome = of(&pool, &a)
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(execute(conn, &pasted).await?)
            })
            .await;
        assert!(outcome.is_err(), "{pasted}");
        assert_eq!(
            seen(&of(&pool, &b)).await.expect("B is served"),
            [b.as_str()]
        );
    }
    assert_eq!(
        seen(&of(&pool, &a)).await.expect("A is served").len(),
        payloads.len() + 1
    );
    eprintln!("{} payloads in 4 columns and 3 filters", payloads.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_a_tenants_connection_runs_no_batch() {
    let bench = Bench::shared().await;
    let a = bench.tenant("s3c").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let refused = |answer: Result<(), Error>| matches!(answer, Err(Error::QueryBuilderError(_)));
    let in_read = of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            Ok(refused(conn.batch_execute("RESET ROLE").await))
        })
        .await;
    let in_transaction = of(&pool, &a)
        .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
            let harmless = refused(conn.batch_execute("SELECT 1").await);
            Ok(harmless && refused(conn.batch_execute("COMMIT; RESET ROLE").await))
        })
        .await;
    assert!(in_read.expect("A is served") && in_transaction.expect("A is served"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_no_temporary_table_can_capture_a_tenants_rows() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s4a").await, bench.tenant("s4b").await);
    for key in [&a, &b] {
        let schema = product_schema(key);
        // The plain driver is held back by the database alone.
        let url = bench
            .database
            .url_text(averis_tenant_db::LoginRole::Service(
                averis_tenant_context::Domain::Product,
            ));
        let client = crate::support::login(&url).await;
        let bound = format!("SET ROLE {schema}; SET search_path TO {schema}, pg_temp");
        client.batch_execute(&bound).await.expect("bound");
        for sql in [
            "CREATE TEMP TABLE products (vendor text)",
            "CREATE TEMP TABLE orders2 (card text)",
            "CREATE TABLE pg_temp.products (vendor text)",
            "SELECT 1 AS a INTO TEMP orders2",
            "CREATE TEMP SEQUENCE s",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ] {
            let answer = client.batch_execute(sql).await;
            assert_eq!(crate::support::state(&answer), "42501", "{sql}");
        }
    }
    let pool = bench.pool(PoolConfig::sized(1));
    let path = of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            Ok(text(conn, "current_setting('search_path')").await?)
        })
        .await
        .expect("A is served");
    assert_eq!(path, format!("{}, pg_temp", product_schema(&a)));
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_a_missing_table_is_an_error_and_never_another_schemas() {
    let bench = Bench::own().await;
    let (a, b) = (bench.tenant("s5a").await, bench.tenant("s5b").await);
    let pool = bench.pool(PoolConfig::sized(1));
    assert_eq!(
        seen(&of(&pool, &a)).await.expect("A is served"),
        [a.as_str()]
    );
    let schema = product_schema(&a);
    bench
        .sql(format!(
            "CREATE TABLE public.products AS SELECT * FROM {schema}.products;
             UPDATE public.products SET vendor = 'public';
             CREATE TABLE platform_shared.products AS TABLE public.products;
             GRANT USAGE ON SCHEMA public TO PUBLIC;
             GRANT ALL ON public.products, platform_shared.products TO PUBLIC;
             DROP TABLE {schema}.products CASCADE"
        ))
        .await;
    for round in 0..3 {
        let read = seen(&of(&pool, &a)).await;
        let Err(DbError::Query(Error::DatabaseError(_, info))) = read else {
            panic!("round {round}: {read:?}");
        };
        assert_eq!(info.message(), "relation \"products\" does not exist");
        let written = of(&pool, &a)
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(add(conn, &a, "stray").await?)
            })
            .await;
        assert!(written.is_err());
        assert_eq!(
            seen(&of(&pool, &b)).await.expect("B is served"),
            [b.as_str()]
        );
    }
    for place in ["public", "platform_shared"] {
        let rows = format!("SELECT count(*) FROM {place}.products");
        assert_eq!(bench.number(&rows, &[]).await, 1, "{place}");
    }
    // The shared reference is reached by its full name only.
    let regions = of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            assert!(text(conn, "SELECT count(*) FROM regions").await.is_err());
            Ok(text(conn, "SELECT count(*) FROM platform_shared.regions").await?)
        })
        .await
        .expect("A is served");
    assert_eq!(regions, "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_nothing_in_the_catalog_lets_a_path_be_hijacked() {
    let bench = Bench::shared().await;
    let a = bench.tenant("s6a").await;
    let creatable = "SELECT count(*) FROM pg_namespace n, \
         aclexplode(coalesce(nspacl, acldefault('n', nspowner))) acl \
         WHERE acl.grantee = 0 AND acl.privilege_type = 'CREATE'";
    assert_eq!(
        bench.number(creatable, &[]).await,
        0,
        "PUBLIC may create in a schema"
    );
    let database = "SELECT count(*) FROM pg_database d, \
         aclexplode(coalesce(datacl, acldefault('d', datdba))) acl \
         WHERE d.datname = current_database() AND acl.grantee = 0";
    assert_eq!(
        bench.number(database, &[]).await,
        0,
        "PUBLIC may use the database"
    );
    let unfixed = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE (p.prosecdef OR n.nspname = 'platform_shared' OR n.nspname LIKE 'tenant\\_%' \
                OR n.nspname = 'public') \
         AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%')";
    assert_eq!(
        bench.number(unfixed, &[]).await,
        0,
        "a function without a fixed path"
    );
    let known = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname = 'platform_shared'";
    assert!(
        bench.number(known, &[]).await >= 1,
        "the check sees the platform's functions"
    );
    // A tenant's roles own nothing, may create nowhere, and are nothing special. (Owners are read once for all roles: the
    // server of a whole run has thousands.)
    let powers = "SELECT count(*) FROM pg_roles r WHERE (rolname LIKE 'tenant\\_%' OR rolname LIKE 'averis\\_%') \
         AND rolname NOT IN ('averis_provisioner', 'averis_admin') \
         AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication \
              OR (rolname LIKE 'tenant\\_%' AND rolcanlogin) \
              OR (rolname LIKE 'averis\\_%' AND rolinherit AND rolcanlogin) \
              OR r.oid IN (SELECT DISTINCT relowner FROM pg_class) \
              OR r.oid IN (SELECT DISTINCT nspowner FROM pg_namespace) \
              OR r.oid IN (SELECT DISTINCT proowner FROM pg_proc) \
              OR has_database_privilege(r.oid, current_database(), 'CREATE, TEMP'))";
    assert_eq!(
        bench.number(powers, &[]).await,
        0,
        "a role of the run time has a power"
    );
    let creators = "SELECT count(*) FROM pg_roles r, pg_namespace n \
         WHERE r.rolname = ANY($1) AND has_schema_privilege(r.oid, n.oid, 'CREATE')";
    let roles: Vec<String> = crate::support::schemas(&a)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        bench.number(creators, &[&roles]).await,
        0,
        "a tenant's role may create"
    );
    assert_eq!(owners_of(&bench, &a).await, ["averis_provisioner"]);
}

/// The owners of a tenant's schemas and relations.
async fn owners_of(bench: &Bench, key: &averis_tenant_context::TenantKey) -> Vec<String> {
    let rows = bench
        .admin
        .query(
            "SELECT DISTINCT o.rolname::text FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid \
             JOIN pg_roles o ON o.oid IN (n.nspowner, c.relowner) WHERE n.nspname LIKE $1",
            &[&format!("tenant\\_{key}\\_%")],
        )
        .await
        .expect("the catalog answers");
    rows.iter().map(|row| row.get(0)).collect()
}

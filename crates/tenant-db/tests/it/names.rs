//! S11, S12, S13 and S44: a tenant's name is never more than a name.

use averis_tenant_context::{Domain, InvalidName, SchemaName, TenantKey};
use averis_tenant_db::{
    DbError, FleetOptions, LoginRole, PoolConfig, TenantChange, TenantChanges, TenantConn,
    migrate_fleet,
};
use averis_test_kit::unique_key;
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use crate::support::{
    Bench, PLENTY, WHOLE, add, login, of, owners, product_schema, provision, schemas, seen, state,
    text, until,
};

/// What somebody might send as a tenant's key.
const CRAFTED: &[&str] = &[
    "",
    "a",
    "1acme",
    "Acme",
    "acme-shop",
    "acme_shop",
    "acme shop",
    "acme.evil",
    "acme\n",
    "acme\0",
    "acme/",
    "../acme",
    "acme*/",
    "acme*/; SET ROLE x; /*",
    "/* acme */",
    "--acme",
    "acme'; DROP TABLE platform_shared.tenants; --",
    "acme\"; DROP SCHEMA platform_shared CASCADE; --",
    "acme\", public; --",
    "a','other",
    "$$acme$$",
    "acme;",
    "äcme",
    "аcme",
    "acme\u{202e}",
    "acme\u{200b}",
    "ａｃｍｅ",
    "ﬁrma",
    "acme%00",
    "acme\\",
    "a0123456789012345678901234567890",
    "acmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacmeacme",
    "public",
    "platform",
    "postgres",
    "tenant",
    "admin",
    "template",
    "null",
    "tenant_acme_product",
    "acme_product",
    "pg_temp",
    "pg_catalog",
];

#[tokio::test(flavor = "multi_thread")]
async fn s12_long_names_that_differ_at_the_end_are_two_tenants() {
    let bench = Bench::shared().await;
    // 29 of 30 characters are the same.
    let stem = unique_key("averylongtenant");
    let twins: Vec<TenantKey> = ["x", "y"]
        .iter()
        .map(|end| format!("{stem}{end}").parse().expect("a key"))
        .collect();
    for key in &twins {
        assert_eq!(key.as_str().len(), 30);
        provision(&bench.provisioner, key, PLENTY)
            .await
            .expect("made");
        bench.plant(key, "canary").await;
    }
    let pool = bench.pool(PoolConfig::sized(1));
    let mut names = Vec::new();
    for key in &twins {
        assert_eq!(bench.remains(key).await, WHOLE);
        assert_eq!(seen(&of(&pool, key)).await.expect("served"), [key.as_str()]);
        names.extend(schemas(key));
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 2 * Domain::ALL.len());
    assert!(names.iter().all(|name| name.as_str().len() < 63));
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_schema_or_role_that_exists_is_never_taken_over() {
    let bench = Bench::shared().await;
    for (what, domain) in [
        ("SCHEMA", Domain::Erp),
        ("ROLE", Domain::Oms),
        ("SCHEMA", Domain::Product),
    ] {
        let key = unique_key("s12");
        let name = SchemaName::new(&key, domain);
        // The provisioner's own, so that nothing but the name stands in its way.
        let owner = if what == "SCHEMA" {
            "AUTHORIZATION averis_provisioner"
        } else {
            ""
        };
        bench.sql(format!("CREATE {what} {name} {owner}")).await;
        if what == "SCHEMA" {
            bench
                .sql(format!(
                    "CREATE TABLE {name}.somebodys AS SELECT 1 AS a; \
 ALTER TABLE {name}.somebodys OWNER TO averis_provisioner"
                ))
                .await;
        }
        let failed = provision(&bench.provisioner, &key, PLENTY).await;
        assert!(matches!(failed, Err(DbError::Query(_))), "{failed:?}");
        let left = if what == "SCHEMA" {
            (0, 1, 0)
        } else {
            (0, 0, 1)
        };
        assert_eq!(bench.remains(&key).await, left, "{what} {name}");
        if what == "SCHEMA" {
            let rows = format!("SELECT count(*) FROM {name}.somebodys");
            assert_eq!(bench.number(&rows, &[]).await, 1);
        }
        bench
            .sql(format!(
                "DROP {what} {name} {}",
                if what == "SCHEMA" { "CASCADE" } else { "" }
            ))
            .await;
        provision(&bench.provisioner, &key, PLENTY)
            .await
            .expect("the name is free now");
        assert_eq!(bench.remains(&key).await, WHOLE);
    }
}

/// All that exists, as one text.
async fn catalog(bench: &Bench) -> String {
    let rows = bench
        .admin
        .query_one(
            "SELECT concat_ws('|', \
             (SELECT md5(string_agg(concat_ws(',', oid, nspname, nspowner, nspacl::text), ';' ORDER BY oid)) FROM pg_namespace \
              WHERE nspname !~ '^pg_(toast_)?temp'), \
             (SELECT md5(string_agg(concat_ws(',', oid, relname, relowner, relacl::text, relnamespace), ';' ORDER BY oid)) FROM pg_class), \
             (SELECT md5(string_agg(concat_ws(',', oid, rolname, rolsuper, rolcanlogin), ';' ORDER BY oid)) FROM pg_roles), \
             (SELECT md5(string_agg(concat_ws(',', roleid, member, admin_option), ';' ORDER BY roleid, member)) FROM pg_auth_members), \
             (SELECT md5(string_agg(t::text, ';' ORDER BY id)) FROM platform_shared.tenants t))",
            &[],
        )
        .await
        .expect("the catalog answers");
    rows.get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_crafted_names_change_nothing() {
    let bench = Bench::own().await;
    let a = bench.tenant("s13").await;
    let tenant_service = login(&bench.database.url_text(LoginRole::Tenant)).await;
    let mut changes = TenantChanges::listen(bench.database.url(LoginRole::Tenant));
    assert_eq!(changes.next().await, Some(TenantChange::Listening));
    let before = catalog(&bench).await;
    for crafted in CRAFTED {
        let parsed = crafted.parse::<TenantKey>();
        assert!(parsed.is_err(), "{crafted:?} became a key");
        let json = serde_json::Value::from(*crafted);
        assert!(
            serde_json::from_value::<TenantKey>(json).is_err(),
            "{crafted:?} came in as JSON"
        );
        // Also past the type, the row and the news refuse it.
        if parsed != Err(InvalidName::Reserved) && !crafted.contains('\0') {
            let answer = tenant_service
                .query(
                    "INSERT INTO platform_shared.tenants \
                     (id, key, name, subdomain, subscription_tier, status, settings) \
                     VALUES (gen_random_uuid(), $1, 'x', 'xx', 'starter', 'active', '{}')",
                    &[crafted],
                )
                .await;
            assert_eq!(state(&answer), "23514", "{crafted:?}");
            tenant_service
                .query("SELECT pg_notify('averis_tenants', $1)", &[crafted])
                .await
                .expect("a notification is sent");
        }
    }
    assert_eq!(catalog(&bench).await, before);
    assert_eq!(bench.remains(&a).await, WHOLE);
    // The listener has survived all of them and tells of nobody but a tenant.
    let touch = "UPDATE platform_shared.tenants SET version = version + 1 WHERE key = $1";
    tenant_service
        .query(touch, &[&a.as_str()])
        .await
        .expect("updated");
    assert_eq!(changes.next().await, Some(TenantChange::Changed(a.clone())));
    // A fleet in which a row of a bad key stands all the same (put there by hand) is not led astray either.
    bench
        .sql(
            "ALTER TABLE platform_shared.tenants DISABLE TRIGGER USER; \
             ALTER TABLE platform_shared.tenants DROP CONSTRAINT tenants_key_check; \
             INSERT INTO platform_shared.tenants (id, key, name, subdomain, subscription_tier, status, settings) \
             VALUES (gen_random_uuid(), 'x\"; DROP SCHEMA platform_shared CASCADE; --', 'x', 'xx', 'starter', \
                     'active', '{}')",
        )
        .await;
    let report = migrate_fleet(&bench.provisioner, &FleetOptions::default(), |_| {})
        .await
        .expect("the fleet is looked at");
    assert_eq!((report.schemas, report.pending.len()), (7, 0), "{report:?}");
    eprintln!("{} crafted names refused", CRAFTED.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s44_no_key_can_end_the_comment_in_front_of_a_statement(
        head in any::<String>(),
        end in prop::sample::select(vec!["", "*/", "/*", "--", "'", "\"", ";", "\n", "\0", "$$", "\\", "_", "é"]),
        tail in "[a-z0-9]{0,31}",
    ) {
        for text in [format!("{head}{end}{tail}"), format!("{tail}{end}{head}"), format!("a{tail}{end}"), tail] {
            if let Ok(key) = text.parse::<TenantKey>() {
                let plain = key.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                prop_assert!(plain && key.as_str().len() <= 30, "{key}");
                let comment = format!("/* {key} */ ");
                prop_assert_eq!(comment.matches("*/").count(), 1);
                prop_assert_eq!(comment.matches("/*").count(), 1);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_the_server_is_told_whose_statement_runs() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s44a").await, bench.tenant("s44b").await);
    let pool = bench.pool(PoolConfig::sized(2));
    for key in [&a, &b] {
        let db = of(&pool, key);
        let sleeping = db.read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            Ok(text(conn, "pg_sleep(60)").await?)
        });
        let told = until("the tag in pg_stat_activity", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'averis_product' \
                       AND state = 'active' AND starts_with(query, $1)";
            let tag = format!("/* {key} */ SELECT (pg_sleep");
            bench.number(sql, &[&tag]).await == 1
        });
        tokio::select! {
            answer = sleeping => panic!("the sleep ended: {answer:?}"),
            () = told => {}
        }
        let schema = product_schema(key);
        let prepared = db
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                owners(conn).await?;
                let mine = format!(
                    "SELECT count(*) FROM pg_prepared_statements WHERE starts_with(statement, '/* {key} */') \
                     AND statement NOT LIKE '%pg_prepared_statements%' AND current_user = '{schema}'"
                );
                Ok(text(conn, &mine).await?)
            })
            .await
            .expect("served");
        assert_eq!(prepared, "1", "a tenant's statement is its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_no_key_of_one_tenant_is_taken_for_another() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s11a").await, bench.tenant("s11b").await);
    let pool = bench.pool(PoolConfig::sized(1));
    for key in [&a, &b] {
        let owners = of(&pool, key)
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                add(conn, key, "the-same-key").await?;
                Ok(owners(conn).await?)
            })
            .await
            .expect("a unique key is unique within its tenant");
        assert_eq!(owners, [key.as_str(), key.as_str()]);
    }
}

//! The migration of the fleet: an old tenant becomes equal to a new one, and nobody stands in another's way.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use averis_tenant_db::{FleetOptions, FleetReport, PoolConfig, migrate_fleet};

use crate::support::{Bench, WHOLE, of, product_schema, schemas, seen};

/// The newest migration of the product domain: its version as diesel's history has it, its directory's name, and
/// how to undo it.
struct Newest {
    version: String,
    name: String,
    down: String,
}

fn newest() -> Newest {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations/product");
    let name = fs::read_dir(&directory)
        .expect("the migrations are there")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("text")
        })
        .max()
        .expect("there are some");
    let down = fs::read_to_string(directory.join(&name).join("down.sql")).expect("can be undone");
    let version = name.split('_').next().expect("a version").replace('-', "");
    Newest {
        version,
        name,
        down,
    }
}

/// Takes the newest migration from a tenant, as if it had been made before it.
async fn age(bench: &Bench, key: &TenantKey) {
    let (newest, schema) = (newest(), product_schema(key));
    let stamp: String = bench
        .admin
        .query_one(
            "SELECT obj_description($1::text::regnamespace, 'pg_namespace')",
            &[&schema.as_str()],
        )
        .await
        .expect("the catalog answers")
        .get(0);
    let old = stamp
        .strip_suffix(&format!(" {}", newest.name))
        .expect("the stamp ends with the newest");
    bench
        .sql(format!(
            "BEGIN; SET LOCAL search_path TO {schema}; {} \
             DELETE FROM __diesel_schema_migrations WHERE version = '{}'; \
             COMMENT ON SCHEMA {schema} IS '{old}'; COMMIT",
            newest.down, newest.version
        ))
        .await;
}

/// Drops one domain of a tenant, as if the domain were newer than it.
async fn forget(bench: &Bench, key: &TenantKey, domain: Domain) {
    let name = SchemaName::new(key, domain);
    bench
        .sql(format!("DROP SCHEMA {name} CASCADE; DROP ROLE {name}"))
        .await;
}

/// Everything that the catalog tells of a tenant's schemas, one line per thing, its key masked.
async fn description(bench: &Bench, key: &TenantKey) -> Vec<String> {
    let names: Vec<String> = schemas(key).iter().map(ToString::to_string).collect();
    let rows = bench
        .admin
        .query(
            "WITH n AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = ANY($1)),
             c AS (SELECT c.*, nspname FROM pg_class c JOIN n ON n.oid = relnamespace)
             SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl::text, obj_description(oid, 'pg_namespace')) FROM n
             UNION ALL SELECT concat_ws(' ', 'relation', nspname, relname, relkind, relpersistence, relowner::regrole,
                 (SELECT string_agg(acl::text, ',' ORDER BY acl::text) FROM unnest(relacl) acl), relrowsecurity, reloptions) FROM c
             WHERE relkind <> 't'
             UNION ALL SELECT concat_ws(' ', 'column', nspname, relname, attnum, attname, format_type(atttypid, atttypmod),
                 attnotnull, attstorage, attgenerated, attidentity, attcollation::regcollation, attacl::text,
                 pg_get_expr(adbin, adrelid))
             FROM c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
             LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum
             UNION ALL SELECT concat_ws(' ', 'constraint', nspname, conrelid::regclass, conname, contype, convalidated,
                 condeferrable, pg_get_constraintdef(k.oid)) FROM pg_constraint k JOIN n ON n.oid = connamespace
             UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(c.oid), indisvalid, indisunique, indisprimary)
             FROM c JOIN pg_index ON indexrelid = c.oid
             UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN c ON c.oid = tgrelid
             WHERE NOT tgisinternal
             UNION ALL SELECT concat_ws(' ', 'function', pg_get_functiondef(p.oid)) FROM pg_proc p JOIN n ON n.oid = pronamespace
             UNION ALL SELECT concat_ws(' ', 'member', roleid::regrole, member::regrole, admin_option)
             FROM pg_auth_members WHERE roleid::regrole::text = ANY($1) OR member::regrole::text = ANY($1)
             UNION ALL SELECT concat_ws(' ', 'role', rolname, rolcanlogin, rolinherit, rolsuper, rolconfig::text)
             FROM pg_roles WHERE rolname = ANY($1)",
            &[&names],
        )
        .await
        .expect("the catalog answers");
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0).replace(key.as_str(), "KEY"))
        .collect();
    for (schema, domain) in schemas(key).iter().zip(Domain::ALL) {
        let history = format!("SELECT version::text FROM {schema}.__diesel_schema_migrations");
        let rows = bench
            .admin
            .query(&history, &[])
            .await
            .expect("the history is there");
        lines.extend(
            rows.iter()
                .map(|row| format!("history {domain} {}", row.get::<_, String>(0))),
        );
    }
    lines.sort_unstable();
    lines
}

/// Migrates one tenant.
async fn migrate(bench: &Bench, key: &TenantKey, dry_run: bool) -> FleetReport {
    let options = FleetOptions {
        tenant: Some(key.clone()),
        dry_run,
        ..FleetOptions::default()
    };
    migrate_fleet(&bench.provisioner, &options, |_| {})
        .await
        .expect("the fleet is looked at")
}

fn names(keys: &[TenantKey]) -> Vec<String> {
    let mut names: Vec<String> = keys
        .iter()
        .map(|key| product_schema(key).to_string())
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migrated_old_tenant_equals_a_new_one() {
    let bench = Bench::shared().await;
    let (old, new) = (bench.tenant("old").await, bench.tenant("new").await);
    let wanted = description(&bench, &new).await;
    assert_eq!(
        description(&bench, &old).await,
        wanted,
        "two new tenants differ"
    );
    age(&bench, &old).await;
    forget(&bench, &old, Domain::Erp).await;
    let remaining = bench.remains(&old).await;
    assert_eq!(remaining, (1, 6, 6));

    // Telling changes nothing.
    let pending = [
        product_schema(&old).to_string(),
        SchemaName::new(&old, Domain::Erp).to_string(),
    ];
    for _ in 0..2 {
        let report = migrate(&bench, &old, true).await;
        assert_eq!(
            (report.schemas, report.migrated, report.platform),
            (7, 0, 0),
            "{report:?}"
        );
        assert_eq!(report.pending, pending);
    }
    assert_eq!(bench.remains(&old).await, remaining);

    let report = migrate(&bench, &old, false).await;
    assert_eq!(
        (report.pending.as_slice(), report.migrated),
        (pending.as_slice(), 2),
        "{report:?}"
    );
    assert_eq!(
        (report.failures.len(), report.skipped),
        (0, 0),
        "{report:?}"
    );
    assert_eq!(description(&bench, &old).await, wanted);
    assert_eq!(bench.remains(&old).await, WHOLE);
    // Its rows are still there and its service may use them.
    let pool = bench.pool(PoolConfig::sized(1));
    assert_eq!(
        seen(&of(&pool, &old)).await.expect("served"),
        [old.as_str()]
    );
    let report = migrate(&bench, &old, false).await;
    assert_eq!(
        (report.pending.len(), report.migrated),
        (0, 0),
        "{report:?}"
    );
    eprintln!("{} facts of the catalog are equal", wanted.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_cannot_be_migrated_stops_no_other() {
    let bench = Bench::own().await;
    let mut keys = Vec::new();
    for _ in 0..6 {
        keys.push(bench.tenant("flt").await);
    }
    keys.sort();
    for key in &keys {
        age(&bench, key).await;
    }
    // The 2nd lacks a table that the migration wants.
    let wanted = |key: &TenantKey| format!("{}.attribute_definitions", product_schema(key));
    let hide = |key: &TenantKey| format!("ALTER TABLE {} RENAME TO hidden", wanted(key));
    let show = |key: &TenantKey| {
        let schema = product_schema(key);
        format!("ALTER TABLE {schema}.hidden RENAME TO attribute_definitions")
    };
    bench.sql(hide(&keys[1])).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let report = migrate_fleet(
        &bench.provisioner,
        &FleetOptions::default(),
        move |progress| {
            listener.lock().expect("nobody panics").push(progress);
        },
    )
    .await
    .expect("the fleet is looked at");
    assert_eq!(report.pending, names(&keys));
    assert_eq!(
        (report.schemas, report.migrated, report.skipped),
        (42, 5, 0),
        "{report:?}"
    );
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].schema, product_schema(&keys[1]).as_str());
    let reason = &report.failures[0].reason;
    assert!(
        reason.contains("relation \"attribute_definitions\" does not exist"),
        "{reason}"
    );
    let mut told: Vec<_> = told.lock().expect("nobody panics").clone();
    told.sort_by_key(|progress| progress.done);
    let done: Vec<usize> = told.iter().map(|progress| progress.done).collect();
    assert_eq!(done, [1, 2, 3, 4, 5, 6]);
    assert!(told.iter().all(|progress| progress.total == 6));
    // It is as it was, and in use.
    let pool = bench.pool(PoolConfig::sized(1));
    assert_eq!(
        seen(&of(&pool, &keys[1])).await.expect("served"),
        [keys[1].as_str()]
    );

    // Too many failures stop the run.
    for key in &keys {
        if *key != keys[1] {
            age(&bench, key).await;
            bench.sql(hide(key)).await;
        }
    }
    let options = FleetOptions {
        concurrency: 1,
        max_failures: 2,
        ..FleetOptions::default()
    };
    let report = migrate_fleet(&bench.provisioner, &options, |_| {})
        .await
        .expect("looked at");
    let failed: Vec<&str> = report
        .failures
        .iter()
        .map(|failure| failure.schema.as_str())
        .collect();
    assert_eq!(failed, names(&keys[..2]));
    assert_eq!((report.migrated, report.skipped), (0, 4), "{report:?}");

    // Once the causes are gone, the next run picks up the rest.
    for key in &keys {
        bench.sql(show(key)).await;
    }
    let report = migrate_fleet(&bench.provisioner, &options, |_| {})
        .await
        .expect("looked at");
    assert_eq!(
        (report.pending.len(), report.migrated, report.failures.len()),
        (6, 6, 0),
        "{report:?}"
    );
    let report = migrate_fleet(&bench.provisioner, &options, |_| {})
        .await
        .expect("looked at");
    assert_eq!(
        (report.schemas, report.pending.len(), report.platform),
        (42, 0, 0),
        "{report:?}"
    );
    let wanted = description(&bench, &keys[0]).await;
    for key in &keys[1..] {
        assert_eq!(description(&bench, key).await, wanted);
    }
    eprintln!(
        "a look at {} schemas without work took {:?}",
        report.schemas, report.elapsed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_do_each_other_no_harm() {
    let bench = Bench::own().await;
    let mut keys = Vec::new();
    for _ in 0..6 {
        keys.push(bench.tenant("cnc").await);
    }
    let new = bench.tenant("new").await;
    for key in &keys {
        age(&bench, key).await;
    }
    forget(&bench, &keys[0], Domain::Oms).await;
    let other = bench.database.provisioner();
    let options = FleetOptions::default();
    // While tenants are served and another one is made.
    let pool = bench.pool(PoolConfig::sized(2));
    let served = async {
        for _ in 0..20 {
            for key in &keys {
                assert_eq!(seen(&of(&pool, key)).await.expect("served"), [key.as_str()]);
            }
        }
    };
    let (first, second, made, ()) = tokio::join!(
        migrate_fleet(&bench.provisioner, &options, |_| {}),
        migrate_fleet(&other, &options, |_| {}),
        bench.bare_tenant("mid"),
        served,
    );
    for report in [first.expect("looked at"), second.expect("looked at")] {
        assert!(
            report.failures.is_empty() && report.skipped == 0,
            "{report:?}"
        );
        assert_eq!(report.migrated, report.pending.len());
    }
    let wanted = description(&bench, &new).await;
    for key in keys.iter().chain([&made]) {
        assert_eq!(bench.remains(key).await, WHOLE);
        assert_eq!(description(&bench, key).await, wanted, "{key}");
    }
    let report = migrate_fleet(&bench.provisioner, &options, |_| {})
        .await
        .expect("looked at");
    assert_eq!(
        (report.schemas, report.pending.len()),
        (56, 0),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_tenant_is_no_part_of_the_fleet() {
    let bench = Bench::shared().await;
    let key = bench.tenant("prg").await;
    let purged: Result<(), averis_tenant_db::DbError> = bench
        .provisioner
        .purge(
            &key,
            async |_: &mut averis_tenant_db::PlatformConn<'_>, _| Ok(()),
        )
        .await;
    purged.expect("purged");
    bench
        .sql(format!(
            "UPDATE platform_shared.tenants SET status = 'purged', purged_at = now() WHERE key = '{key}'"
        ))
        .await;
    let report = migrate(&bench, &key, false).await;
    assert_eq!((report.schemas, report.pending.len()), (0, 0), "{report:?}");
    assert_eq!(bench.remains(&key).await, (1, 0, 0));
}

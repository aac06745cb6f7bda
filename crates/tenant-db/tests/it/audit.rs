//! The audit trail: the database writes it, and whoever changes it afterwards is found out.

use std::sync::Arc;

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use averis_tenant_db::{Actor, ChainReport, DbError, PoolConfig, acting};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use crate::support::{Bench, of};

diesel::table! {
    categories (id) {
        id -> Uuid,
        code -> Text,
        name -> Text,
    }
}

fn product(key: &TenantKey) -> SchemaName {
    SchemaName::new(key, Domain::Product)
}

/// Adds rows as a caller, all in one transaction.
async fn add(bench: &Bench, key: &TenantKey, actor: Arc<Actor>, codes: &[String]) {
    use diesel::ExpressionMethods as _;
    let db = of(&bench.pool(PoolConfig::sized(2)), key);
    let work = db.transaction(async |conn| -> Result<(), DbError> {
        for code in codes {
            diesel::insert_into(categories::table)
                .values((
                    categories::id.eq(Uuid::now_v7()),
                    categories::code.eq(code),
                    categories::name.eq("x"),
                ))
                .execute(conn)
                .await?;
        }
        Ok(())
    });
    acting(actor, work).await.expect("added");
}

async fn verify(bench: &Bench, key: &TenantKey) -> ChainReport {
    let reports = bench.provisioner.verify_audit(key).await.expect("asked");
    let reports = reports.expect("a tenant");
    let schema = product(key).to_string();
    let found = reports.into_iter().find(|report| report.schema == schema);
    found.expect("a report of each schema")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leaves_an_event_with_who_and_why() {
    let bench = Bench::shared().await;
    let key = bench.tenant("aud").await;
    let actor = Arc::new(Actor::of_request("request-7"));
    let (caller, grant) = (Uuid::now_v7(), Uuid::now_v7());
    actor.identify(caller, Some(grant));
    add(&bench, &key, actor, &["a".to_owned(), "b".to_owned()]).await;
    let schema = product(&key);
    let sql = format!(
        "SELECT count(*) FROM {schema}.audit_events WHERE table_name = 'categories' AND action = 'insert' \
         AND caller::text = $1 AND grant_id::text = $2 AND request_id = 'request-7' AND before_digest IS NULL \
         AND length(after_digest) = 32 AND hash IS NOT NULL"
    );
    let (caller, grant) = (caller.to_string(), grant.to_string());
    assert_eq!(bench.number(&sql, &[&caller, &grant]).await, 2);
    let report = verify(&bench, &key).await;
    assert_eq!(report.broken_at, None);
    // The first is that of the row with which each tenant of these tests begins.
    assert_eq!(report.events, 3);
    // A change that is rolled back leaves none, and the chain has no hole.
    let db = of(&bench.pool(PoolConfig::sized(1)), &key);
    let undone = db.transaction(async |conn| -> Result<(), DbError> {
        diesel::delete(categories::table).execute(conn).await?;
        Err(DbError::Interrupted)
    });
    assert!(undone.await.is_err());
    assert_eq!(verify(&bench, &key).await, report);
    // Nobody remembers the last caller: without an actor it is the platform's own work.
    let none = Arc::new(Actor::default());
    add(&bench, &key, none, &["c".to_owned()]).await;
    let sql = format!("SELECT count(*) FROM {schema}.audit_events WHERE caller IS NULL");
    assert_eq!(bench.number(&sql, &[]).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_changes_make_one_chain() {
    let bench = Bench::shared().await;
    let key = bench.tenant("aud").await;
    let all = (0..16).map(|number| {
        let codes: Vec<String> = (0..3).map(|part| format!("c{number}-{part}")).collect();
        let (bench, key) = (&bench, &key);
        async move { add(bench, key, Arc::new(Actor::default()), &codes).await }
    });
    futures_util::future::join_all(all).await;
    let report = verify(&bench, &key).await;
    // One more: each tenant of these tests begins with a row.
    assert_eq!((report.events, report.broken_at), (49, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chains_in_one_transaction_are_sealed_each_for_itself() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("duea").await, bench.tenant("dueb").await);
    let chains = async || {
        let mut found = Vec::new();
        for key in [&a, &b] {
            let reports = bench.provisioner.verify_audit(key).await.expect("asked");
            let reports = reports.expect("a tenant");
            assert!(reports.iter().all(|report| report.broken_at.is_none()));
            found.push(reports[0].events);
        }
        found
    };
    let before = chains().await;
    let database = bench.database.connect().await;
    let rename = |key: &TenantKey, name: &str| {
        format!("UPDATE platform_shared.tenants SET name = '{name}' WHERE key = '{key}';")
    };
    // In turns; some are sealed before others are written, and what is undone leaves nothing that counts as sealed.
    let work = format!(
        "BEGIN; {} {} {} SAVEPOINT s; {} SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO s; SET CONSTRAINTS ALL DEFERRED; {} {} COMMIT",
        rename(&a, "1"),
        rename(&b, "2"),
        rename(&a, "3"),
        rename(&a, "4"),
        rename(&b, "5"),
        rename(&a, "6"),
    );
    database.batch_execute(&work).await.expect("changed");
    assert_eq!(chains().await, [before[0] + 3, before[1] + 2]);
    // The same session again.
    database
        .batch_execute(&rename(&a, "7"))
        .await
        .expect("changed");
    assert_eq!(chains().await, [before[0] + 4, before[1] + 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_the_trail_shows() {
    let bench = Bench::shared().await;
    for (what, broken_at) in [
        (
            "UPDATE {s}.audit_events SET caller = gen_random_uuid() WHERE seq = 3",
            3,
        ),
        (
            "UPDATE {s}.audit_events SET after_digest = '\\x00' WHERE seq = 1",
            1,
        ),
        ("DELETE FROM {s}.audit_events WHERE seq = 2", 3),
        ("DELETE FROM {s}.audit_events WHERE seq = 1", 2),
        ("DELETE FROM {s}.audit_events WHERE seq = 6", 6),
        ("DELETE FROM {s}.audit_events", 1),
        (
            "UPDATE {s}.audit_events SET at = at + interval '1 second' WHERE seq = 4",
            4,
        ),
        ("UPDATE {s}.audit_heads SET seq = 4", 5),
        ("DELETE FROM {s}.audit_heads", 1),
    ] {
        let key = bench.tenant("aud").await;
        let codes: Vec<String> = (0..5).map(|number| format!("c{number}")).collect();
        add(&bench, &key, Arc::new(Actor::default()), &codes).await;
        assert_eq!(verify(&bench, &key).await.broken_at, None);
        bench.sql(what.replace("{s}", product(&key).as_str())).await;
        assert_eq!(
            verify(&bench, &key).await.broken_at,
            Some(broken_at),
            "{what}"
        );
    }
    let nobody: TenantKey = "nobodyatall".parse().expect("a key");
    assert_eq!(
        bench
            .provisioner
            .verify_audit(&nobody)
            .await
            .expect("asked"),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_a_tenant_is_audited_or_says_why_not() {
    let bench = Bench::shared().await;
    let key = bench.tenant("aud").await;
    let sql = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind = 'r' AND n.nspname LIKE 'tenant\\_' || $1 || '\\_%' \
               AND c.relname <> '__diesel_schema_migrations' \
               AND (coalesce(obj_description(c.oid, 'pg_class'), '') LIKE 'unaudited: _%') \
                   = EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit')";
    assert_eq!(bench.number(sql, &[&key.as_str()]).await, 0);
}

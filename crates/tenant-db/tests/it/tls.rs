//! What goes to a server over the network is encrypted, and goes to that server alone.

use std::path::Path;

use averis_tenant_context::Domain;
use averis_tenant_db::{
    DatabaseUrl, DbError, LoginRole, PlatformDb, PoolConfig, Provisioner, TenantChange,
    TenantChanges, TenantPool, bootstrap,
};
use averis_test_kit::{Database, SECURED, certificate, unique_key};
use url::Url;

use crate::support::{PLENTY, of, provision, seen};

#[tokio::test]
async fn every_way_to_the_database_goes_over_tls() {
    let database = Database::secured().await;
    let url = |role| database.url(role);
    let made = bootstrap(&database.admin, &database.passwords).await;
    made.expect("as administrator");

    let mut changes = TenantChanges::listen(url(LoginRole::Tenant));
    assert_eq!(changes.next().await, Some(TenantChange::Listening));

    let config = PoolConfig::sized(2);
    let provisioner = Provisioner::new(url(LoginRole::Provisioner), config.clone());
    let key = unique_key("tls");
    let made = provision(&provisioner, &key, PLENTY).await;
    made.expect("as provisioner");
    let heard = changes.next().await;
    assert_eq!(heard, Some(TenantChange::Changed(key.clone())));

    let platform = PlatformDb::new(&url(LoginRole::Tenant), &config).expect("a pool");
    platform.ping().await.expect("as the tenant service");

    let service = LoginRole::Service(Domain::Product);
    let pool = TenantPool::new(Domain::Product, url(service), config);
    let products = seen(&of(&pool, &key)).await.expect("as a service");
    assert_eq!(products, Vec::<String>::new());
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_with_in_the_clear() {
    let database = Database::get().await;
    let folder = tempfile::tempdir().expect("a folder");
    certificate(folder.path(), "localhost").await;
    let plain = database.url_text(LoginRole::Tenant);
    let authority = folder.path().join("ca.crt");
    let query = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let url: DatabaseUrl = format!("{plain}?{query}").parse().expect("an address");
    let platform = PlatformDb::new(&url, &PoolConfig::sized(1)).expect("a pool");
    match platform.ping().await {
        Err(DbError::Unreachable(error)) => {
            let told = error.to_string();
            assert!(told.contains("server does not support TLS"), "{told}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_the_server_that_is_meant_is_spoken_with() {
    let database = Database::secured().await;
    let authority = database.authority();
    let others = tempfile::tempdir().expect("a folder");
    certificate(others.path(), SECURED).await;
    let empty = others.path().join("empty.crt");
    std::fs::write(&empty, "nothing").expect("written");

    let at = |host: &str, query: &str| -> DatabaseUrl {
        let mut url = Url::parse(&database.url_text(LoginRole::Tenant)).expect("an address");
        url.set_host(Some(host)).expect("a host");
        url.set_query(Some(&format!("hostaddr=127.0.0.1{query}")));
        url.as_str().parse().expect("an address")
    };
    let checked = |host: &str, file: &Path| {
        let query = format!("&sslmode=verify-full&sslrootcert={}", file.display());
        at(host, &query)
    };
    let ping = async |url: &DatabaseUrl| {
        let platform = PlatformDb::new(url, &PoolConfig::sized(1)).expect("a pool");
        platform.ping().await
    };
    let refused = async |url: DatabaseUrl, why: &str| match ping(&url).await {
        Err(DbError::Unreachable(error)) => {
            assert!(error.to_string().contains(why), "{why}: {error}");
        }
        other => panic!("{why}: {other:?}"),
    };
    let unknown = others.path().join("ca.crt");
    refused(checked("else.test", &authority), "not valid for name").await;
    refused(checked(SECURED, &unknown), "invalid peer certificate").await;
    refused(checked(SECURED, &empty), "holds no certificate").await;
    let missing = checked(SECURED, &others.path().join("none.crt"));
    let told = missing.check_authorities().expect_err("there is none");
    assert!(told.to_string().contains("none.crt"), "{told}");
    refused(missing, "cannot be read").await;
    refused(at(SECURED, "&sslmode=disable"), "no encryption").await;

    let good = checked(SECURED, &authority);
    good.check_authorities().expect("it can be read");
    ping(&good).await.expect("it is spoken with");

    // Whom to believe may change while a process runs.
    std::fs::copy(&authority, &empty).expect("copied");
    let believed = ping(&checked(SECURED, &empty)).await;
    believed.expect("its authority is believed now");
}

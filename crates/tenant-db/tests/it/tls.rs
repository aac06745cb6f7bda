//! What goes to a server over the network is encrypted, and goes to that server alone.

use std::path::Path;

use averis_tenant_context::Domain;
use averis_tenant_db::{
    DatabaseUrl, DbError, LoginRole, PlatformDb, PoolConfig, Provisioner, TenantChange,
    TenantChanges, TenantPool, bootstrap,
};
use averis_test_kit::edge::certificate;
use averis_test_kit::{Database, unique_key};
use tempfile::TempDir;
use url::Url;

use crate::support::{PLENTY, login, of, provision, seen};

const DOMAIN: &str = "db.test";

/// A server that takes nobody in the clear, but its own administrator in a database of his own.
struct Secured {
    database: Database,
    folder: TempDir,
}

impl Secured {
    async fn start() -> Self {
        let mut database = Database::own(false).await;
        let folder = tempfile::tempdir().expect("a folder");
        certificate(folder.path(), DOMAIN).await;
        let admin = login(&database.admin_text).await;
        let put = async |lines: &str, file: &str| {
            // By the server's own account, which has to be the only one that can read it.
            let sql = format!(
                "COPY (SELECT unnest(string_to_array('{lines}', E'\\n'))) TO PROGRAM 'umask 077; cat > {file}'"
            );
            admin.batch_execute(&sql).await.expect("written");
        };
        let read = |file: &str| {
            let text = std::fs::read_to_string(folder.path().join(file)).expect("a file");
            text.trim_end().to_owned()
        };
        put(&read("tls.crt"), "server.crt").await;
        put(&read("tls.key"), "server.key").await;
        let rules = "host postgres averis_admin 127.0.0.1/32 scram-sha-256\n\
                     hostssl all all 127.0.0.1/32 scram-sha-256";
        put(rules, "pg_hba.conf").await;
        admin
            .batch_execute("ALTER SYSTEM SET ssl = on")
            .await
            .expect("set");
        drop(admin);
        let server = database.server.as_mut().expect("a server of our own");
        server.halt().await.expect("it stops");
        server.restart().await.expect("it starts");
        Self { database, folder }
    }

    /// The administrator's address at that name, with the authorities of that file.
    fn at(&self, host: &str, authorities: &Path) -> DatabaseUrl {
        let mut url = Url::parse(&self.database.admin_text).expect("an address");
        url.set_host(Some(host)).expect("a host");
        let file = authorities.display();
        let query = format!("hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={file}");
        url.set_query(Some(&query));
        url.as_str().parse().expect("an address")
    }
}

#[tokio::test]
async fn every_way_to_the_database_goes_over_tls() {
    let secured = Secured::start().await;
    let admin = secured.at(DOMAIN, &secured.folder.path().join("ca.crt"));
    let passwords = &secured.database.passwords;
    let url = |role| passwords.url(&admin, role);
    bootstrap(&admin, passwords)
        .await
        .expect("as administrator");

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
async fn only_the_server_that_is_meant_is_spoken_with() {
    let secured = Secured::start().await;
    let authority = secured.folder.path().join("ca.crt");
    let others = tempfile::tempdir().expect("a folder");
    certificate(others.path(), DOMAIN).await;
    let empty = others.path().join("empty.crt");
    std::fs::write(&empty, "nothing").expect("written");
    let passwords = &secured.database.passwords;

    let refused = async |url: DatabaseUrl, why: &str| match bootstrap(&url, passwords).await {
        Err(DbError::Unreachable(error)) => {
            assert!(error.to_string().contains(why), "{why}: {error}");
        }
        other => panic!("{why}: {other:?}"),
    };
    let at = |host: &str, file: &Path| secured.at(host, file);
    refused(at("else.test", &authority), "not valid for name").await;
    refused(
        at(DOMAIN, &others.path().join("ca.crt")),
        "invalid peer certificate",
    )
    .await;
    refused(at(DOMAIN, &empty), "holds no certificate").await;
    refused(
        at(DOMAIN, &others.path().join("none.crt")),
        "cannot be read",
    )
    .await;
    refused(secured.database.admin.clone(), "no encryption").await;

    let missing = at(DOMAIN, &others.path().join("none.crt"));
    let told = missing.check_authorities().expect_err("there is none");
    assert!(told.to_string().contains("none.crt"), "{told}");
    let read = at(DOMAIN, &authority).check_authorities();
    read.expect("it can be read");

    // What is believed may change while a process runs.
    std::fs::copy(&authority, &empty).expect("copied");
    bootstrap(&at(DOMAIN, &empty), passwords)
        .await
        .expect("its authority is believed now");
}

//! The database of a test process.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use averis_private_postgres::{Options, PrivatePostgres};
use averis_tenant_db::{DatabaseUrl, LoginRole, Passwords, PoolConfig, Provisioner, bootstrap};
use tempfile::TempDir;
use url::Url;

use crate::certificate::certificate;

/// The variable by which `with-postgres` tells the tests where its prepared database is.
pub const PREPARED: &str = "AVERIS_TEST_DATABASE_URL";

/// The name of a server that takes logins by TLS alone; no resolver knows it.
pub const SECURED: &str = "db.test";

/// A prepared database: roles, hardening and the platform's schema are in place.
pub struct Database {
    /// Logs in as a superuser, in the way that services come.
    pub admin: DatabaseUrl,
    /// A superuser's address as text, for tools and drivers.
    pub admin_text: String,
    /// As text, the address that services have, whoever logs in.
    at: String,
    /// Passwords of the login roles.
    pub passwords: Passwords,
    /// The server, when it is this process's own.
    pub server: Option<PrivatePostgres>,
    // Removed after the server has stopped.
    directory: Option<TempDir>,
}

impl Database {
    /// Returns the shared database of the run, or starts one for this process alone.
    pub async fn get() -> Self {
        match std::env::var(PREPARED) {
            Ok(url) => Self {
                admin: url.parse().expect("a database address"),
                at: url.clone(),
                admin_text: url,
                passwords: passwords(),
                server: None,
                directory: None,
            },
            Err(_) => Self::own(false).await,
        }
    }

    /// Starts a server for this test alone, which it may stop and kill.
    pub async fn own(durable: bool) -> Self {
        Self::started(durable, false).await
    }

    /// Like [`own`](Self::own), keeping what it has confirmed, and asked through a socket: as on a machine that has the services too.
    pub async fn beside() -> Self {
        Self::started(true, true).await
    }

    /// Like [`own`](Self::own), keeping what it has confirmed, and elsewhere in a network: whoever logs in has to come by TLS, but a
    /// superuser of this machine. The authority of its certificate is at [`authority`](Self::authority).
    pub async fn secured() -> Self {
        let mut database = Self::started(true, false).await;
        let folder = database.folder().join("tls");
        certificate(&folder, SECURED).await;
        let admin = database.connect().await;
        let put = async |lines: &str, file: &str| {
            // By the server's own account, which has to be the only one that can read it.
            let sql = format!(
                "COPY (SELECT unnest(string_to_array('{lines}', E'\\n'))) TO PROGRAM 'umask 077; cat > {file}'"
            );
            admin.batch_execute(&sql).await.expect("written");
        };
        for (file, name) in [("tls.crt", "server.crt"), ("tls.key", "server.key")] {
            let text = std::fs::read_to_string(folder.join(file)).expect("a file");
            put(text.trim_end(), name).await;
        }
        let rules = "host all averis_admin 127.0.0.1/32 scram-sha-256\n\
                     hostssl all all 127.0.0.1/32 scram-sha-256";
        put(rules, "pg_hba.conf").await;
        let on = admin.batch_execute("ALTER SYSTEM SET ssl = on").await;
        on.expect("set");
        drop(admin);
        let server = database.server.as_mut().expect("a server of our own");
        server.halt().await.expect("it stops");
        server.restart().await.expect("it starts");
        let mut at = Url::parse(&database.at).expect("an address");
        at.set_host(Some(SECURED)).expect("a host");
        let authority = database.authority();
        let query = format!(
            "hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={}",
            authority.display()
        );
        at.set_query(Some(&query));
        database.admin = at.as_str().parse().expect("a database address");
        database.at = at.into();
        database
    }

    /// Returns the file with the certificate of the authority that vouches for a [`secured`](Self::secured) server.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder().join("tls/ca.crt")
    }

    fn folder(&self) -> &Path {
        let own = self.directory.as_ref();
        own.expect("a server of our own").path()
    }

    async fn started(durable: bool, by_socket: bool) -> Self {
        // The server's account must pass through, also when the tests run as root.
        let directory = tempfile::Builder::new()
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()
            .expect("a directory");
        let mut options = Options::new(directory.path().join("state"));
        if by_socket {
            let sockets = directory.path().join("sockets");
            std::fs::create_dir(&sockets).expect("a directory");
            // The server's account makes the socket, whichever that is.
            std::fs::set_permissions(&sockets, PermissionsExt::from_mode(0o777))
                .expect("its permissions");
            options.socket_dir = Some(sockets);
        }
        options.durable = durable;
        options.max_connections = 300;
        let server = PrivatePostgres::start(options)
            .await
            .expect("PostgreSQL starts");
        let database = Self {
            admin: server.admin_url().parse().expect("a database address"),
            at: server.admin_url().to_owned(),
            admin_text: server.admin_url().to_owned(),
            passwords: passwords(),
            server: Some(server),
            directory: Some(directory),
        };
        bootstrap(&database.admin, &database.passwords)
            .await
            .expect("the roles are made");
        database
            .provisioner()
            .migrate_platform()
            .await
            .expect("the platform is migrated");
        database
    }

    /// Returns the address of a superuser, for tools.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_text
    }

    /// Connects as a superuser, to look at what no role of the platform may see.
    pub async fn connect(&self) -> tokio_postgres::Client {
        Self::connect_to(&self.admin_text).await
    }

    /// Connects as a login role, unbound.
    pub async fn connect_as(&self, role: LoginRole) -> tokio_postgres::Client {
        Self::connect_to(&self.url_text(role)).await
    }

    async fn connect_to(url: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .expect("a connection");
        // Ends when the client is dropped; errors reach the client's own calls.
        drop(tokio::spawn(connection));
        client
    }

    /// Returns the address as `role` logs in.
    #[must_use]
    pub fn url(&self, role: LoginRole) -> DatabaseUrl {
        self.passwords.url(&self.admin, role)
    }

    /// Returns the owner of all schemas.
    #[must_use]
    pub fn provisioner(&self) -> Provisioner {
        Provisioner::new(self.url(LoginRole::Provisioner), PoolConfig::sized(4))
    }

    /// Returns the address as `role` logs in, as text for a driver.
    #[must_use]
    pub fn url_text(&self, role: LoginRole) -> String {
        let mut url = Url::parse(&self.at).expect("a database address");
        url.set_username(role.name())
            .expect("the address has a host");
        url.set_password(Some(&password(role)))
            .expect("the address has a host");
        url.into()
    }
}

fn password(role: LoginRole) -> String {
    format!("only-for-tests-{}", role.name())
}

fn passwords() -> Passwords {
    Passwords::collect(password).expect("long enough")
}

//! The roles that the platform logs in as, and what the database denies to all of them.
//!
//! Runs at every start of `averis up` and before every fleet migration, as an administrator, and changes nothing
//! that is right already.

use std::collections::BTreeMap;

use averis_tenant_context::Domain;
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

use crate::config::DatabaseUrl;
use crate::connect;
use crate::error::DbError;

/// A role that some process logs in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoginRole {
    /// A domain's service: member of the roles of its domain's tenant schemas, and nothing by itself.
    Service(Domain),
    /// The tenant service: the platform's own tables.
    Tenant,
    /// Owns every schema and makes roles. Held by the tenant service for provisioning, and by migrations.
    Provisioner,
}

impl LoginRole {
    /// Every login role.
    pub const ALL: [Self; 9] = [
        Self::Service(Domain::Product),
        Self::Service(Domain::Pricing),
        Self::Service(Domain::Customer),
        Self::Service(Domain::Ecomm),
        Self::Service(Domain::Oms),
        Self::Service(Domain::Erp),
        Self::Service(Domain::Webhooks),
        Self::Tenant,
        Self::Provisioner,
    ];

    /// Returns the role's name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service(domain) => domain.login_role(),
            Self::Tenant => "averis_tenant",
            Self::Provisioner => "averis_provisioner",
        }
    }
}

/// Passwords of the login roles.
#[derive(Clone)]
pub struct Passwords(BTreeMap<LoginRole, String>);

impl Passwords {
    /// Asks `password` for each role's password.
    ///
    /// # Errors
    /// The role whose password is shorter than 16 characters or holds others than letters, digits, `-` and `_`.
    pub fn collect(mut password: impl FnMut(LoginRole) -> String) -> Result<Self, LoginRole> {
        let mut passwords = BTreeMap::new();
        for role in LoginRole::ALL {
            let text = password(role);
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if text.len() < 16 || !text.bytes().all(plain) {
                return Err(role);
            }
            passwords.insert(role, text);
        }
        Ok(Self(passwords))
    }

    /// Returns the address of `database` as `role` sees it.
    #[must_use]
    pub fn url(&self, database: &DatabaseUrl, role: LoginRole) -> DatabaseUrl {
        let password = self.0.get(&role).map_or("", String::as_str);
        database.for_role(role.name(), password)
    }

    /// Returns that address as a text, with the password: for whatever hands secrets out.
    #[must_use]
    pub fn address(&self, database: &DatabaseUrl, role: LoginRole) -> String {
        self.url(database, role).with_password().to_owned()
    }
}

/// Makes the roles and the platform's schema where they are missing, sets the passwords, and takes from PUBLIC
/// what a tenant's role could misuse. `admin` must log in as a superuser: only one may revoke the execution of
/// built-in functions.
///
/// # Errors
/// When the database cannot be reached or refuses.
pub async fn bootstrap(admin: &DatabaseUrl, passwords: &Passwords) -> Result<(), DbError> {
    let mut conn = connect::open(admin).await.map_err(DbError::Unreachable)?;
    let mut script = String::from("BEGIN; SELECT pg_advisory_xact_lock(7021789201);");
    script.push_str(ROLES);
    for (role, password) in &passwords.0 {
        let name = role.name();
        script.push_str(&format!("ALTER ROLE {name} PASSWORD '{password}';"));
    }
    script.push_str(HARDENING);
    script.push_str("COMMIT");
    conn.batch_execute(&script).await?;
    Ok(())
}

/// Does that where nobody has yet, and otherwise nothing: who only looks must not take from those that serve what they log in with.
///
/// # Errors
/// Those of [`bootstrap`].
pub async fn bootstrap_new(admin: &DatabaseUrl, passwords: &Passwords) -> Result<(), DbError> {
    let mut conn = connect::open(admin).await.map_err(DbError::Unreachable)?;
    let known = diesel::sql_query("SELECT FROM pg_roles WHERE rolname = 'averis_provisioner'");
    if known.execute(&mut conn).await? > 0 {
        return Ok(());
    }
    drop(conn);
    bootstrap(admin, passwords).await
}

/// Runtime roles neither inherit nor own anything. Each statement of theirs ends, whatever a handler asks for;
/// messages are in English because some failures can only be told by them.
const ROLES: &str = r"
DO $$
DECLARE
    login text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'averis_reference') THEN
        CREATE ROLE averis_reference NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'averis_provisioner') THEN
        CREATE ROLE averis_provisioner LOGIN CREATEROLE NOINHERIT;
        GRANT averis_reference TO averis_provisioner WITH ADMIN OPTION;
    END IF;
    FOREACH login IN ARRAY ARRAY['averis_product', 'averis_pricing', 'averis_customer', 'averis_ecomm',
                                 'averis_oms', 'averis_erp', 'averis_webhooks', 'averis_tenant'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE', login);
        END IF;
        -- Beside the making, so that a setting that is new reaches the roles of an older installation.
        EXECUTE format('ALTER ROLE %I SET statement_timeout = ''15s''', login);
        EXECUTE format('ALTER ROLE %I SET lock_timeout = ''5s''', login);
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''20s''', login);
        EXECUTE format('ALTER ROLE %I SET temp_file_limit = ''256MB''', login);
        EXECUTE format('ALTER ROLE %I SET lc_messages = ''C''', login);
        EXECUTE format('ALTER ROLE %I SET search_path = pg_temp', login);
        -- Statements are prepared once for each tenant and connection: planning five times before the
        -- planner settles, or anew for each LIMIT, costs more than a plan for known values gains.
        EXECUTE format('ALTER ROLE %I SET plan_cache_mode = force_generic_plan', login);
    END LOOP;
    ALTER ROLE averis_tenant SET search_path = platform_shared, pg_temp;
    ALTER ROLE averis_provisioner SET search_path = platform_shared, pg_temp;
    ALTER ROLE averis_provisioner SET lc_messages = 'C';
    ALTER ROLE averis_provisioner SET lock_timeout = '10s';
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'platform_shared') THEN
        CREATE SCHEMA platform_shared AUTHORIZATION averis_provisioner;
    END IF;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO averis_provisioner', current_database());
    GRANT USAGE ON SCHEMA platform_shared TO averis_reference, averis_tenant;
END $$;
";

/// One injected SELECT could otherwise switch tenants (`set_config`, the XML functions run any query text), hold
/// locks beyond its transaction, or leave data where the next tenant's statement finds it (temporary tables,
/// large objects). What an operator's dump needs stays with the owner of the schemas.
const HARDENING: &str = r"
DO $$
DECLARE
    risky regprocedure;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO averis_provisioner, averis_tenant, averis_product, '
                   'averis_pricing, averis_customer, averis_ecomm, averis_oms, averis_erp, averis_webhooks', current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    FOR risky IN
        SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'pg_catalog' AND (
            p.proname IN ('set_config', 'pg_notify', 'ts_stat', 'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import',
                          'lo_open', 'lo_put', 'lo_unlink', 'lowrite')
            OR (p.proname = 'ts_rewrite' AND p.pronargs = 2)
            OR p.proname ~ '_to_xml(schema)?$' OR p.proname ~ '_to_xml_and_xmlschema$'
            OR p.proname ~ '^pg_(try_)?advisory_lock(_shared)?$')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', risky);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO averis_provisioner', risky);
    END LOOP;
    -- Its triggers announce what every service has to hear at once.
    GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO averis_tenant;
END $$;
";

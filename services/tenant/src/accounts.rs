//! Accounts as an installation's operator makes them: the first admin of the platform, and the people of the demo.

use averis_tenant_context::{GlobalRole, TenantRole};
use averis_tenant_db::{DatabaseUrl, DbError, PlatformDb, PoolConfig};
use chrono::Utc;
use uuid::Uuid;

use crate::domain::passwords::{self, HashingFailed, Passwords};
use crate::http::sign_in::end_all_but;
use crate::store::users::{self, UserChanges, UserRow};
use crate::store::{access, providers, sessions};
use averis_identity::emails;

/// Accounts of one database, for those who hold its password.
pub struct Accounts {
    platform: PlatformDb,
    passwords: Passwords,
}

/// An account cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address or the password is out of its form.
    #[error("the {0} {1}")]
    Invalid(&'static str, &'static str),
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for AccountError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(DbError::Query(error))
    }
}

impl Accounts {
    /// `database` must log in as the tenant service's role.
    ///
    /// # Errors
    /// When the pool cannot be built.
    pub fn new(database: &DatabaseUrl) -> Result<Self, AccountError> {
        Ok(Self {
            platform: PlatformDb::new(database, &PoolConfig::sized(1))?,
            passwords: Passwords::new(),
        })
    }

    /// Makes an account, or gives an existing one that password and those roles on the platform.
    ///
    /// # Errors
    /// When the address or the password is out of its form, or the database fails.
    pub async fn put(
        &self,
        email: &str,
        name: &str,
        password: &str,
        roles: &[GlobalRole],
    ) -> Result<Uuid, AccountError> {
        let email =
            emails::normal(email).map_err(|fault| AccountError::Invalid("address", fault))?;
        if let Some(fault) = passwords::fault(password) {
            return Err(AccountError::Invalid("password", fault));
        }
        let hash = self.passwords.hash(password.to_owned()).await?;
        let global_roles: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
        let now = Utc::now();
        let row = UserRow {
            // Without a time in it: when somebody was first known here is nobody's business.
            id: Uuid::new_v4(),
            email: email.clone(),
            name: name.to_owned(),
            password_hash: Some(hash.clone()),
            global_roles: global_roles.clone(),
            default_tenant: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.platform
            .transaction(async |conn| -> Result<Uuid, AccountError> {
                if users::insert(conn, &row).await? {
                    return Ok(row.id);
                }
                let known = users::find_by_email(conn, &email).await?;
                let known = known.ok_or(DbError::Interrupted)?;
                let changes = UserChanges {
                    password_hash: Some(Some(hash.clone())),
                    global_roles: Some(global_roles.clone()),
                    ..UserChanges::default()
                };
                let id = users::update(conn, known.id, &changes).await?.id;
                // Whoever came in with the old password is out.
                end_all_but(conn, id, Uuid::nil()).await?;
                Ok(id)
            })
            .await
    }

    /// Forgets whom the identity provider means by a person, and ends what began with it: the next sign-in there goes by the
    /// address again. `None` says that nobody has the address, otherwise whether there was anything to forget.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlink(&self, email: &str) -> Result<Option<bool>, AccountError> {
        let email =
            emails::normal(email).map_err(|fault| AccountError::Invalid("address", fault))?;
        self.platform
            .transaction(async |conn| -> Result<_, AccountError> {
                let Some(user) = users::find_by_email(conn, &email).await? else {
                    return Ok(None);
                };
                let ended = sessions::end_of(conn, user.id, "oidc").await?;
                access::revoke_sessions(conn, ended).await?;
                Ok(Some(providers::unlink(conn, user.id).await? > 0))
            })
            .await
    }

    /// Makes somebody an active member of a tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn join(
        &self,
        tenant: Uuid,
        user: Uuid,
        roles: &[TenantRole],
    ) -> Result<(), AccountError> {
        let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        self.platform
            .transaction(async |conn| -> Result<(), AccountError> {
                Ok(users::put_member(conn, tenant, user, &roles).await?)
            })
            .await
    }
}

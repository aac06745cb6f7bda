//! The check of credentials, and what is remembered of those that were good.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use averis_contracts::access::{KnownKey, Revocation};
use averis_contracts::tenant::TenantClient;
use averis_tenant_context::{
    GlobalRole, Permission, PermissionSet, TenantContext, TenantRole, TenantStatus,
};
use averis_tokens::{
    API_AUDIENCE, AccessClaims, Algorithm, Expected, FetchError, KeySet, Kind, TokenError, now_ms,
    verify,
};
use moka::future::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

use super::{CallerKind, Identity};
use crate::hex::hex;
use crate::problem::{Problem, codes};
use crate::request;

/// Credentials remembered at most.
const CAPACITY: u64 = 50_000;
/// How long a good key is not asked about again. A revocation is heard of at once all the same.
const KEY_FRESH: Duration = Duration::from_secs(60);
/// How long a bad one is not: nobody can make the tenant service busy by repeating it.
const KEY_BRIEF: Duration = Duration::from_secs(2);
/// What API keys begin with, and how long they are.
const KEY_MARK: &str = "avk_";
const KEY_LENGTH: usize = 47;
/// How often to ask for all that was taken back, while not every revocation is heard of.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How long to go on without an answer to that.
const BLIND: Duration = Duration::from_secs(5);
/// Keys inspected at once: whoever invents keys does not keep the tenant service from its work.
const INSPECTIONS: usize = 8;

/// Checks credentials for one process.
pub(crate) struct Access {
    client: Arc<TenantClient>,
    issuer: String,
    keys: KeySet,
    /// Good tokens, so that a signature is checked once. Names the tenant that the request was for.
    tokens: Cache<Credential, Arc<Identity>>,
    api_keys: Cache<Credential, Arc<Inspected>>,
    /// What was taken back, by tenant and subject: the latest moment.
    revoked: RwLock<HashMap<(Option<Uuid>, Uuid), i64>>,
    inspections: Semaphore,
    /// Whether revocations are being heard of.
    hears: AtomicBool,
    /// Counts beginnings and ends of hearing.
    news: AtomicU64,
    /// The count at which all that was taken back was known last.
    known_as_of: AtomicU64,
    /// When all that was taken back was learned last.
    caught_up: Mutex<Option<Instant>>,
}

/// A credential as it was shown: which tenant the request was for, and its digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Credential {
    tenant: Option<Uuid>,
    digest: [u8; 32],
}

struct Inspected {
    key: Option<KnownKey>,
    learned: Instant,
}

impl Access {
    pub fn new(client: Arc<TenantClient>, issuer: String) -> Self {
        let asked = Arc::clone(&client);
        let keys = KeySet::new(move || {
            let client = Arc::clone(&asked);
            Box::pin(async move {
                let keys = client.keys().await;
                keys.map_err(|error| FetchError(error.to_string()))
            })
        });
        Self {
            client,
            issuer,
            keys,
            tokens: Cache::new(CAPACITY),
            api_keys: Cache::new(CAPACITY),
            revoked: RwLock::default(),
            inspections: Semaphore::new(INSPECTIONS),
            hears: AtomicBool::new(false),
            news: AtomicU64::new(0),
            known_as_of: AtomicU64::new(u64::MAX),
            caught_up: Mutex::new(None),
        }
    }

    /// Returns who shows that credential in a request for `tenant`.
    ///
    /// # Errors
    /// 401 for a bad credential; 403 for another tenant's, and for staff without a grant; 503 when it cannot be told.
    ///
    /// What is not known here already is looked at only if `may_try` says so: the place to refuse those who guess.
    pub async fn identify(
        &self,
        credential: &str,
        tenant: Option<&TenantContext>,
        may_try: impl Fn() -> Result<(), Problem>,
    ) -> Result<Arc<Identity>, Problem> {
        self.ensure_current().await?;
        let shown = Credential {
            tenant: tenant.map(|tenant| tenant.id.0),
            digest: Sha256::digest(credential.as_bytes()).into(),
        };
        let identity = if credential.starts_with(KEY_MARK) {
            let form = credential
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if credential.len() != KEY_LENGTH || !form {
                return Err(invalid("it has not the form of a key"));
            }
            self.identify_key(shown, tenant, may_try).await?
        } else {
            self.identify_token(shown, credential, tenant, may_try)
                .await?
        };
        if now_ms() >= identity.expires_ms {
            return Err(Problem::new(codes::TOKEN_EXPIRED));
        }
        if self.is_revoked(&identity) {
            return Err(invalid("it was taken back"));
        }
        Ok(identity)
    }

    async fn identify_token(
        &self,
        shown: Credential,
        token: &str,
        tenant: Option<&TenantContext>,
        may_try: impl Fn() -> Result<(), Problem>,
    ) -> Result<Arc<Identity>, Problem> {
        if let Some(known) = self.tokens.get(&shown).await {
            return Ok(known);
        }
        may_try()?;
        let expected = Expected {
            kind: Kind::Access,
            issuer: &self.issuer,
            audience: API_AUDIENCE,
            algorithms: &[Algorithm::EdDSA],
        };
        let claims: AccessClaims = match verify(token, &expected, &self.keys).await {
            Ok(claims) => claims,
            Err(TokenError::Expired) => return Err(Problem::new(codes::TOKEN_EXPIRED)),
            Err(error @ TokenError::KeysUnavailable(_)) => {
                return Err(Problem::new(codes::IDENTITY_UNAVAILABLE).because(error));
            }
            Err(error) => return Err(Problem::new(codes::INVALID_TOKEN).because(error)),
        };
        let identity = Arc::new(identity_of(&claims, tenant)?);
        self.tokens.insert(shown, Arc::clone(&identity)).await;
        Ok(identity)
    }

    async fn identify_key(
        &self,
        shown: Credential,
        tenant: Option<&TenantContext>,
        may_try: impl Fn() -> Result<(), Problem>,
    ) -> Result<Arc<Identity>, Problem> {
        let known = match self.api_keys.get(&shown).await {
            // What was taken back may be all of the key or a part: its time after a rotation.
            Some(known) if known.is_fresh() && !self.is_outdated(&known) => known,
            _ => {
                may_try()?;
                let turn = self.inspections.acquire().await;
                let _turn = turn.map_err(|error| Problem::new(codes::INTERNAL).because(error))?;
                let correlation = request::correlation();
                let key = self
                    .client
                    .inspect_key(hex(&shown.digest), &correlation)
                    .await;
                let key =
                    key.map_err(|error| Problem::new(codes::IDENTITY_UNAVAILABLE).because(error))?;
                let known = Arc::new(Inspected {
                    key,
                    learned: Instant::now(),
                });
                self.api_keys.insert(shown, Arc::clone(&known)).await;
                known
            }
        };
        let Some(key) = &known.key else {
            return Err(invalid("no such key"));
        };
        match tenant {
            Some(tenant) if tenant.id.0 != key.tenant => {
                return Err(Problem::new(codes::WRONG_TENANT));
            }
            // People still read and export; machines stop.
            Some(tenant) if tenant.status != TenantStatus::Active => {
                return Err(invalid("the key's tenant is not active"));
            }
            _ => {}
        }
        Ok(Arc::new(Identity {
            subject: key.id,
            kind: CallerKind::Key,
            session: key.id,
            tenant: Some(key.tenant),
            permissions: match tenant {
                Some(_) => key.scopes.iter().copied().collect(),
                None => PermissionSet::NONE,
            },
            issued_ms: key.known_at_ms,
            expires_ms: key.expires_at_ms.unwrap_or(i64::MAX),
        }))
    }

    /// Notes that something was taken back.
    pub fn revoke(&self, taken_back: &Revocation) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        let at = revoked
            .entry((taken_back.tenant, taken_back.subject))
            .or_insert(0);
        *at = taken_back.at_ms.max(*at);
        if revoked.len() > CAPACITY as usize {
            // No token lives that long, so what was taken back before then is past anyhow.
            let past = now_ms() - 3_600_000;
            revoked.retain(|_, at| *at > past);
        }
    }

    /// Notes that from here on every revocation is heard of, or that some may be missed.
    pub fn hears(&self, all: bool) {
        // Counted first: what was known before no longer counts when hearing begins.
        self.news.fetch_add(1, Ordering::AcqRel);
        self.hears.store(all, Ordering::Release);
    }

    /// Whether every revocation is heard of, and all from before are known.
    fn is_current(&self) -> bool {
        self.hears.load(Ordering::Acquire)
            && self.known_as_of.load(Ordering::Acquire) == self.news.load(Ordering::Acquire)
    }

    /// Sees to it that whatever was taken back is known: asks for all of it where something may have been missed, once a
    /// second.
    ///
    /// # Errors
    /// 503 when it could not be had for a few seconds: a credential that was taken back might pass.
    pub async fn ensure_current(&self) -> Result<(), Problem> {
        if self.is_current() {
            return Ok(());
        }
        let mut caught_up = self.caught_up.lock().await;
        let since = |at: Instant, limit: Duration| at.elapsed() < limit;
        if self.is_current() || caught_up.is_some_and(|at| since(at, CATCH_UP)) {
            return Ok(());
        }
        let news = self.news.load(Ordering::Acquire);
        match self.catch_up().await {
            Ok(()) => {
                *caught_up = Some(Instant::now());
                self.known_as_of.store(news, Ordering::Release);
                Ok(())
            }
            Err(_) if caught_up.is_some_and(|at| since(at, BLIND)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    async fn catch_up(&self) -> Result<(), Problem> {
        let taken_back = self.client.revocations().await;
        let taken_back =
            taken_back.map_err(|error| Problem::new(codes::IDENTITY_UNAVAILABLE).because(error))?;
        for one in &taken_back {
            self.revoke(one);
        }
        Ok(())
    }

    /// Whether something of the key was taken back since the tenant service told about it.
    fn is_outdated(&self, known: &Inspected) -> bool {
        known.key.as_ref().is_some_and(|key| {
            let whose = [Some(key.id), Some(key.created_by)];
            self.is_taken_back(whose, Some(key.tenant), key.known_at_ms)
        })
    }

    fn is_revoked(&self, identity: &Identity) -> bool {
        let whose = [
            Some(identity.subject),
            Some(identity.session),
            identity.grant(),
        ];
        self.is_taken_back(whose, identity.tenant, identity.issued_ms)
    }

    /// Whether any of these was taken back at that moment or later, everywhere or in that tenant.
    fn is_taken_back(
        &self,
        whose: impl IntoIterator<Item = Option<Uuid>>,
        tenant: Option<Uuid>,
        since_ms: i64,
    ) -> bool {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        if revoked.is_empty() {
            return false;
        }
        whose.into_iter().flatten().any(|subject| {
            let after = |tenant| {
                let at = revoked.get(&(tenant, subject));
                at.is_some_and(|at| *at >= since_ms)
            };
            after(None) || (tenant.is_some() && after(tenant))
        })
    }
}

impl Inspected {
    fn is_fresh(&self) -> bool {
        let lasts = if self.key.is_some() {
            KEY_FRESH
        } else {
            KEY_BRIEF
        };
        self.learned.elapsed() < lasts
    }
}

fn invalid(reason: &'static str) -> Problem {
    Problem::new(codes::INVALID_TOKEN).because(reason)
}

/// Holds what a token says against the tenant that the request is for.
fn identity_of(claims: &AccessClaims, tenant: Option<&TenantContext>) -> Result<Identity, Problem> {
    let permissions = match (tenant, claims.tenant) {
        (Some(tenant), Some(own)) if tenant.id.0 != own => {
            return Err(Problem::new(codes::WRONG_TENANT));
        }
        (Some(_), None) if !claims.global_roles.is_empty() => {
            return Err(Problem::new(codes::GRANT_REQUIRED));
        }
        // A token without a tenant is nobody's key to any.
        (Some(_), None) => return Err(invalid("it names no tenant")),
        (Some(_), Some(_)) => inside(claims),
        (None, None) => all_of(
            claims
                .global_roles
                .iter()
                .map(|role| GlobalRole::permissions(*role)),
        ),
        // Outside of its tenant it may do nothing but what concerns the person itself.
        (None, Some(_)) => PermissionSet::NONE,
    };
    Ok(Identity {
        subject: claims.sub,
        kind: match claims.grant {
            Some(grant) => CallerKind::Staff { grant },
            None if claims.shopper => CallerKind::Shopper,
            None => CallerKind::Person,
        },
        session: claims.sid,
        tenant: claims.tenant,
        permissions,
        issued_ms: claims.iat_ms,
        expires_ms: claims.exp.saturating_mul(1000),
    })
}

/// What a token allows inside its tenant.
fn inside(claims: &AccessClaims) -> PermissionSet {
    if claims.grant.is_some() {
        return TenantRole::TenantAdmin.permissions().reading();
    }
    if claims.shopper {
        let all = [Permission::StorefrontRead, Permission::StorefrontWrite];
        return all.into_iter().collect();
    }
    all_of(
        claims
            .tenant_roles
            .iter()
            .map(|role| TenantRole::permissions(*role)),
    )
}

fn all_of(sets: impl Iterator<Item = PermissionSet>) -> PermissionSet {
    sets.fold(PermissionSet::NONE, PermissionSet::or)
}

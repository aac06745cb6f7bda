//! How many requests a tenant, a caller and a nameless visitor may make.
//!
//! Each process counts for itself: with n instances a tenant gets up to n times its limit. What is above is refused before
//! it costs a connection, so one tenant's flood is not another's wait.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};
use averis_tenant_context::TenantId;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::sync::Cache;
use std::net::IpAddr;
use uuid::Uuid;

use crate::auth::{CallerKind, identified};
use crate::config::HttpConfig;
use crate::metrics::Counter;
use crate::problem::{Problem, codes};
use crate::tenancy::{names_no_tenant, resolved};

/// Whose requests are counted at most; the least used are forgotten.
const CAPACITY: u64 = 100_000;
/// How long a count is kept after its last request. As long as any of them needs to run full again.
const IDLE: Duration = Duration::from_secs(60);
/// Requests a second of one address without a credential.
const NAMELESS_RATE: u32 = 50;
/// Requests a second of all shoppers at one address: whoever wants another session has it for nothing, so they are not
/// counted one by one, and none of them counts as the tenant's.
const SHOPPERS_RATE: u32 = 200;
/// Passwords, invitations and bad credentials a second of one address.
const GUESSING_RATE: u32 = 10;
/// How long an address with more bad credentials is not listened to.
const BARRED: Duration = Duration::from_secs(2);
/// Where secrets are taken from whoever comes, or made for whoever asks; hashing them is dear.
const GUESSED_AT: [&str; 6] = [
    "/api/tenant/v1/sign-in",
    "/api/tenant/v1/sign-in/codes",
    "/api/tenant/v1/sign-in/code",
    "/api/tenant/v1/sign-in/provider",
    "/api/tenant/v1/reset-password",
    "/api/tenant/v1/invitations/accept",
];
/// How the path begins and ends at which shoppers buy.
const BOUGHT_AT: (&str, &str) = ("/api/ecomm/v1/carts/", "/complete");
/// How often one of them may try to at once, and each minute after: each try prices, reserves, and asks a payment provider.
const CHECKOUT_RATE: u32 = 12;
/// Requests a second that a caller gets even of a tenant with a small limit.
const LEAST_RATE: u32 = 5;

static REFUSED: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new(
        "averis_rate_limited",
        "Requests that were refused because there were too many, by the limit they met.",
    )
});

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// Whose requests are counted together. Every count is some tenant's, or a nameless visitor's of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Tenant(TenantId),
    Caller(Option<TenantId>, Uuid),
    Nameless(Option<TenantId>, Option<IpAddr>),
    Shoppers(Option<TenantId>, Option<IpAddr>),
    Checkouts(Option<TenantId>, Uuid),
    /// Of all tenants: whoever tries passwords tries them wherever they are taken.
    Guessing(Option<IpAddr>),
}

/// The counts of one process.
#[derive(Clone)]
pub struct Limits {
    counts: Cache<Who, Arc<Count>>,
    /// Addresses that showed too many bad credentials just now.
    barred: Cache<IpAddr, ()>,
    clock: DefaultClock,
}

struct Count {
    rate: NonZeroU32,
    limiter: Limiter,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug)]
struct Left {
    policy: &'static str,
    rate: u32,
    /// Seconds in which so many are let through.
    window: u32,
    remaining: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            counts: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_idle(IDLE)
                .build(),
            barred: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(BARRED)
                .build(),
            clock: DefaultClock::default(),
        }
    }
}

impl Limits {
    /// Counts one request, of so many a second.
    fn take(&self, policy: &'static str, who: Who, rate: u32) -> Result<Left, Problem> {
        self.take_in(1, policy, who, rate)
    }

    /// Counts one request, of so many in a window of so many seconds.
    fn take_in(
        &self,
        window: u32,
        policy: &'static str,
        who: Who,
        rate: u32,
    ) -> Result<Left, Problem> {
        let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        let known = self.counts.get(&who).filter(|count| count.rate == rate);
        let count = known.unwrap_or_else(|| {
            let each = Duration::from_secs(u64::from(window)) / rate.get();
            let quota = Quota::with_period(each).unwrap_or(Quota::per_second(rate));
            let quota = quota.allow_burst(rate);
            let count = Arc::new(Count {
                rate,
                limiter: RateLimiter::direct(quota).with_middleware(),
            });
            self.counts.insert(who, Arc::clone(&count));
            count
        });
        match count.limiter.check() {
            Ok(state) => Ok(Left {
                policy,
                rate: rate.get(),
                window,
                remaining: state.remaining_burst_capacity(),
            }),
            Err(refused) => {
                REFUSED.count(&[("policy", policy)]);
                let wait = refused.wait_time_from(self.clock.now());
                let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
                Err(Problem::new(codes::RATE_LIMITED)
                    .with("policy", policy)
                    .with("limit", rate.get())
                    .retry_after(seconds.saturating_add(1)))
            }
        }
    }

    /// Refuses whoever showed too many bad credentials just now.
    ///
    /// # Errors
    /// 429.
    pub(crate) fn may_try(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        match address {
            Some(address) if self.barred.contains_key(&address) => {
                REFUSED.count(&[("policy", "address")]);
                Err(Problem::new(codes::RATE_LIMITED)
                    .with("policy", "address")
                    .retry_after(2))
            }
            _ => Ok(()),
        }
    }

    /// Counts a bad credential.
    pub(crate) fn note_bad(&self, address: Option<IpAddr>) {
        let counted = self.take("address", Who::Guessing(address), GUESSING_RATE);
        if let (Some(address), Err(_)) = (address, counted) {
            self.barred.insert(address, ());
        }
    }

    fn admit(&self, req: &ServiceRequest) -> Result<Left, Problem> {
        let tenant = resolved(req.request());
        let id = tenant.as_ref().map(|tenant| tenant.id);
        let rate = tenant
            .as_ref()
            .map(|tenant| tenant.settings.limits.requests_per_second);
        // Whatever else the request shows; and by the path that is routed, since there are many ways to write it.
        if GUESSED_AT.contains(&req.match_info().as_str()) {
            let address = client_address(req.request());
            self.take("address", Who::Guessing(address), GUESSING_RATE)?;
        }
        let caller = match identified(req.request()) {
            Ok(caller) if caller.kind == CallerKind::Shopper => {
                let address = client_address(req.request());
                let left = self.take("address", Who::Shoppers(id, address), SHOPPERS_RATE)?;
                let path = req.match_info().as_str();
                if path.starts_with(BOUGHT_AT.0) && path.ends_with(BOUGHT_AT.1) {
                    let who = Who::Checkouts(id, caller.subject);
                    return self.take_in(60, "checkout", who, CHECKOUT_RATE);
                }
                return Ok(left);
            }
            Ok(caller) => caller,
            Err(_) => {
                let address = client_address(req.request());
                return self.take("address", Who::Nameless(id, address), NAMELESS_RATE);
            }
        };
        // No caller takes all of its tenant's.
        let own = rate.map_or(NAMELESS_RATE, |rate| (rate / 2).max(LEAST_RATE).min(rate));
        let left = self.take("caller", Who::Caller(id, caller.subject), own)?;
        match id.zip(rate) {
            Some((id, rate)) => {
                let all = self.take("tenant", Who::Tenant(id), rate)?;
                Ok(if all.remaining < left.remaining {
                    all
                } else {
                    left
                })
            }
            None => Ok(left),
        }
    }
}

/// The part of a request's way that refuses what is too much.
pub(crate) async fn limit(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let limits = req.app_data::<web::Data<Limits>>().cloned();
    let config = req.app_data::<web::Data<HttpConfig>>();
    let counts = config.is_some_and(|config| config.rate_limits);
    let Some(limits) = limits.filter(|_| counts && !names_no_tenant(req.path())) else {
        return Ok(next.call(req).await?.map_into_left_body());
    };
    let left = match limits.admit(&req) {
        Ok(left) => left,
        Err(problem) => return Ok(req.error_response(problem).map_into_right_body()),
    };
    let mut response = next.call(req).await?;
    // draft-ietf-httpapi-ratelimit-headers: the limit that is nearest to be reached.
    let Left {
        policy,
        rate,
        window,
        remaining,
    } = left;
    let headers = response.headers_mut();
    for (name, text) in [
        (
            "ratelimit-policy",
            format!("\"{policy}\";q={rate};w={window}"),
        ),
        (
            "ratelimit",
            format!("\"{policy}\";r={remaining};t={window}"),
        ),
    ] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response.map_into_left_body())
}

/// Returns where a request comes from: the peer, or whom a configured proxy names last. Of IPv6 the network, since
/// whoever has one address of it has all.
#[must_use]
pub fn client_address(req: &HttpRequest) -> Option<IpAddr> {
    let peer = req.peer_addr()?.ip();
    let config = req.app_data::<web::Data<HttpConfig>>()?;
    let trusted = |address: &IpAddr| config.trusts(address);
    let mut address = peer;
    if trusted(&peer) {
        let named = req.headers().get_all("x-forwarded-for");
        let named: Vec<&str> = named.filter_map(|value| value.to_str().ok()).collect();
        let named = named.join(",");
        let mut hops = named.rsplit(',').filter_map(|hop| hop.trim().parse().ok());
        address = hops.find(|hop| !trusted(hop)).unwrap_or(peer);
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    })
}

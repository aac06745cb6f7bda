//! A payment provider to develop and test with: a real HTTP server that speaks like Stripe, keeps books, declines, falls silent
//! and tells of things late, twice, in another order or not at all. For no money.
//!
//! What the buyer has says what happens: `pm_declined` is declined, `pm_silent` is done without an answer the first time,
//! `pm_broken` is done and answered with 500 the first time, `pm_later` is done once somebody confirms it at
//! `POST /_simulator/confirm/{id}`; anything else is done at once.

mod api;
mod books;
mod webhooks;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};

pub use books::{Books, Payment, Refund};

/// How the simulator behaves. Chances are in thousandths.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// What the choices follow from: the same again with the same.
    pub seed: u64,
    /// How often a thing is done and not answered.
    pub silent: u64,
    /// How often a thing is answered 50 ms late.
    pub slow: u64,
    /// How often something is not told.
    pub untold: u64,
    /// How often something is told twice.
    pub twice: u64,
    /// How late something is told at most, in milliseconds: later things may come first.
    pub late_ms: u64,
}

pub(crate) struct Shared {
    pub secret: String,
    pub behaviour: Behaviour,
    pub books: Mutex<Books>,
    pub told: tokio::sync::mpsc::UnboundedSender<webhooks::Told>,
}

impl Shared {
    pub fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A running simulator.
pub struct Simulator {
    address: SocketAddr,
    handle: ServerHandle,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Starts it at that address, such as `127.0.0.1:0`, in the runtime of whoever calls. `secret` is its key, and what it signs
    /// with.
    ///
    /// # Errors
    /// When the address is not to be had.
    pub fn start(address: SocketAddr, secret: &str, behaviour: Behaviour) -> std::io::Result<Self> {
        let (told, telling) = tokio::sync::mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            secret: secret.to_owned(),
            behaviour,
            books: Mutex::default(),
            told,
        });
        let state = Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .app_data(web::FormConfig::default().limit(64 * 1024))
                .configure(api::routes)
        });
        let server = server
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(address)?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        let handle = server.handle();
        #[expect(
            clippy::disallowed_methods,
            reason = "the simulator has no tenants, and ends with its handle"
        )]
        {
            actix_web::rt::spawn(server);
            actix_web::rt::spawn(webhooks::tell_all(Arc::downgrade(&shared), telling));
        }
        Ok(Self {
            address,
            handle,
            shared,
        })
    }

    /// Returns where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says where an account wants to be told what happens.
    pub fn tell(&self, account: &str, url: &str) {
        let account = account.to_owned();
        self.shared
            .books()
            .listeners
            .insert(account, url.to_owned());
    }

    /// Lets the buyer of a payment that waits for that say yes. Tells whether there is such a payment.
    #[must_use]
    pub fn confirm(&self, payment: &str) -> bool {
        api::confirmed(&self.shared, payment).status().is_success()
    }

    /// Lets go by itself what is authorised of a payment. Tells whether there is such a payment.
    #[must_use]
    pub fn end(&self, payment: &str) -> bool {
        api::ended(&self.shared, payment).status().is_success()
    }

    /// Refuses the next so many captures and refunds.
    pub fn refuse_next(&self, count: u32) {
        self.shared.books().refusals = count;
    }

    /// Has it answer nobody, and do nothing, until it is told otherwise.
    pub fn be_away(&self, is_away: bool) {
        self.shared.books().is_away = is_away;
    }

    /// Returns all payments in its books.
    #[must_use]
    pub fn payments(&self) -> Vec<Payment> {
        self.shared.books().payments.values().cloned().collect()
    }

    /// Signs a body as it signs what it tells, at that moment in seconds since 1970.
    #[must_use]
    pub fn sign(&self, body: &str, at: i64) -> String {
        webhooks::signature(&self.shared.secret, body, at)
    }

    /// Ends it.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

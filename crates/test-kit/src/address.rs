//! Addresses at which services are found whichever instance answers, as a cluster has them.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

/// Passes each connection on to one of the instances that are ready.
#[derive(Clone)]
pub struct Address {
    port: u16,
    ready: Arc<Mutex<Vec<u16>>>,
}

impl Address {
    /// Takes a free port, with nobody behind it.
    #[must_use]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("nonblocking");
        let address = Self {
            port,
            ready: Arc::default(),
        };
        let ready = Arc::clone(&address.ready);
        tokio::spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let turn = AtomicUsize::new(0);
            while let Ok((mut client, _)) = listener.accept().await {
                let ports = ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let Some(port) = ports.get(turn % ports.len().max(1)).copied() else {
                    continue;
                };
                tokio::spawn(async move {
                    let instance = TcpStream::connect(("127.0.0.1", port)).await;
                    if let Ok(mut instance) = instance {
                        let _ = instance.set_nodelay(true);
                        let _ = client.set_nodelay(true);
                        let _ = copy_bidirectional(&mut client, &mut instance).await;
                    }
                });
            }
        });
        address
    }

    /// Where it is.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on passes connections on to that instance too.
    pub fn add(&self, port: u16) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.push(port);
    }

    /// From now on passes no connection on to that instance. Those that there are stay.
    pub fn remove(&self, port: u16) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|other| *other != port);
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::new()
    }
}

//! On whose behalf work is done: it stands in the audit trail, which the database writes.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

tokio::task_local! {
    static ACTOR: Arc<Actor>;
}

/// Who does something, and in which request.
#[derive(Debug, Default)]
pub struct Actor {
    request_id: String,
    caller: OnceLock<(Uuid, Option<Uuid>)>,
}

impl Actor {
    /// Makes the actor of a request, whose caller is not known yet. An id with other characters than letters, digits,
    /// `.`, `_`, `:` and `-` is left out.
    #[must_use]
    pub fn of_request(request_id: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_:".contains(&b);
        let fits = request_id.len() <= 128 && request_id.bytes().all(plain);
        Self {
            request_id: if fits {
                request_id.to_owned()
            } else {
                String::new()
            },
            caller: OnceLock::new(),
        }
    }

    /// Notes who it is, and the grant under which staff of the platform acts. A request has one caller: a second is not
    /// noted.
    pub fn identify(&self, caller: Uuid, grant: Option<Uuid>) {
        let _ = self.caller.set((caller, grant));
    }

    /// Returns the caller, once known.
    #[must_use]
    pub fn caller(&self) -> Option<Uuid> {
        self.caller.get().map(|(caller, _)| *caller)
    }
}

/// Runs `work` as that actor.
pub async fn acting<T>(actor: Arc<Actor>, work: impl Future<Output = T>) -> T {
    ACTOR.scope(actor, work).await
}

/// Returns the actor of the work that is being done, for what is to go on after it.
#[must_use]
pub fn current_actor() -> Arc<Actor> {
    ACTOR.try_with(Arc::clone).unwrap_or_default()
}

/// The beginning of a transaction that may write, with whoever does it.
pub(crate) fn begin_message() -> String {
    let mut message = String::from("BEGIN");
    // Without an actor it is the platform's own work. Ids are letters and digits by their types.
    let _ = ACTOR.try_with(|actor| {
        if !actor.request_id.is_empty() {
            let _ = write!(
                message,
                "; SET LOCAL averis.request = '{}'",
                actor.request_id
            );
        }
        if let Some((caller, grant)) = actor.caller.get() {
            let _ = write!(message, "; SET LOCAL averis.caller = '{caller}'");
            if let Some(grant) = grant {
                let _ = write!(message, "; SET LOCAL averis.grant_id = '{grant}'");
            }
        }
    });
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_id_cannot_carry_a_statement() {
        for (id, stays) in [
            ("call-7", true),
            ("018f:a.b_c", true),
            ("x'; RESET ROLE; --", false),
            ("x\\", false),
            (&"y".repeat(129), false),
        ] {
            let actor = Arc::new(Actor::of_request(id));
            let message = acting(actor, async { begin_message() }).await;
            assert_eq!(message.contains("SET LOCAL"), stays, "{message}");
        }
        assert_eq!(begin_message(), "BEGIN");
    }
}

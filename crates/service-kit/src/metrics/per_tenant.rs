//! What is known of single tenants and told of all of them together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use averis_tenant_context::TenantId;

use super::watch;

/// What nobody has noted again for so long is of a tenant that is not visited any more.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

type Noted = HashMap<(TenantId, &'static str), (f64, Instant)>;

/// Numbers of tenants, each for one of a few things. Metrics tell what they come to together, while this is kept.
#[derive(Clone, Default)]
pub struct PerTenant(Arc<Mutex<Noted>>);

impl PerTenant {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the number of a tenant; `None` that there is none.
    pub fn note(&self, tenant: TenantId, what: &'static str, number: Option<f64>) {
        let mut noted = self.noted();
        match number {
            Some(number) => noted.insert((tenant, what), (number, Instant::now())),
            None => noted.remove(&(tenant, what)),
        };
    }

    /// Notes the number of a tenant that has none. One that is there is not renewed: whoever visits tenants does that, and visits
    /// none that is gone.
    pub fn note_first(&self, tenant: TenantId, what: &'static str, number: f64) {
        let mut noted = self.noted();
        noted
            .entry((tenant, what))
            .or_insert((number, Instant::now()));
    }

    /// Tells `together` of the numbers for `what` as a metric with these labels.
    pub fn watch(
        &self,
        name: &'static str,
        description: &'static str,
        labels: &[(&'static str, &'static str)],
        what: &'static str,
        together: fn(&[f64]) -> f64,
    ) {
        let kept = Arc::downgrade(&self.0);
        watch(name, description, labels, move || {
            let numbers = Self(kept.upgrade()?).of(what);
            Some(together(&numbers))
        });
    }

    fn of(&self, what: &'static str) -> Vec<f64> {
        let mut noted = self.noted();
        noted.retain(|_, (_, at)| at.elapsed() < FORGOTTEN);
        let own = noted.iter().filter(|((_, of), _)| *of == what);
        own.map(|(_, (number, _))| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_nobody_notes_again_is_forgotten() {
        let numbers = PerTenant::default();
        let of = |number| TenantId(Uuid::from_u128(number));
        numbers.note(of(1), "lag", Some(7.0));
        numbers.note(of(2), "lag", Some(5.0));
        numbers.note(of(2), "dead", Some(1.0));
        let long_ago = Instant::now().checked_sub(FORGOTTEN).expect("a time");
        for (_, at) in numbers.noted().values_mut() {
            *at = long_ago;
        }
        // Who visits a tenant renews what it has; to find that something is there already does not.
        numbers.note(of(1), "lag", Some(8.0));
        numbers.note_first(of(2), "lag", 6.0);
        assert_eq!(numbers.of("lag"), [8.0]);
        assert_eq!(numbers.of("dead"), [0.0; 0]);
        numbers.note(of(1), "lag", None);
        assert_eq!(numbers.of("lag"), [0.0; 0]);
    }
}

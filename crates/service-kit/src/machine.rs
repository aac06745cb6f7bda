//! Lives of things: which command moves them from one state to the next.

use crate::problem::{Problem, codes};

/// How things of a kind live: which command moves them from one state to the next.
pub struct Machine<C: 'static> {
    /// What they are, such as `an order`.
    pub thing: &'static str,
    pub all: &'static [C],
    pub name: fn(C) -> &'static str,
    /// The state after a command, if a thing in that state takes it.
    pub next: fn(C, &str) -> Option<&'static str>,
}

impl<C: Copy> Machine<C> {
    /// Returns the state after a command.
    ///
    /// # Errors
    /// 409 when a thing in that state does not take it, with the commands that it does.
    pub fn apply(&self, command: C, status: &str) -> Result<&'static str, Problem> {
        (self.next)(command, status).ok_or_else(|| {
            let (thing, command) = (self.thing, (self.name)(command));
            let allowed = self.all.iter().copied();
            let allowed = allowed.filter(|one| (self.next)(*one, status).is_some());
            Problem::new(codes::INVALID_TRANSITION)
                .detail(format!(
                    "There is no {command} for {thing} that is {status}."
                ))
                .with("current_status", status)
                .with("allowed", allowed.map(self.name).collect::<Vec<_>>())
        })
    }
}

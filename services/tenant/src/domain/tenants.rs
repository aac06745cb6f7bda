//! The life of a tenant.
//!
//! ```text
//! active --suspend--> suspended --resume--> active
//! active|suspended --close--> closing --purge--> purged
//! ```

use averis_tenant_context::TenantStatus;

use crate::error::TenantError;

/// What moves a tenant from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantCommand {
    /// Refuse writes.
    Suspend,
    /// Accept writes again.
    Resume,
    /// Begin to leave.
    Close,
    /// Remove everything.
    Purge,
}

impl TenantCommand {
    /// Returns the state after the command.
    ///
    /// # Errors
    /// When a tenant in state `from` cannot do that.
    pub fn apply(self, from: TenantStatus) -> Result<TenantStatus, TenantError> {
        use TenantStatus::{Active, Closing, Purged, Suspended};
        match (self, from) {
            (Self::Suspend, Active) => Ok(Suspended),
            (Self::Resume, Suspended) => Ok(Active),
            (Self::Close, Active | Suspended) => Ok(Closing),
            (Self::Purge, Closing) => Ok(Purged),
            _ => Err(TenantError::Transition {
                from,
                verb: self.verb(),
            }),
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Suspend => "be suspended",
            Self::Resume => "be resumed",
            Self::Close => "be closed",
            Self::Purge => "be purged",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TenantStatus::{Active, Closing, Provisioning, Purged, Suspended};

    #[test]
    fn each_state_allows_exactly_its_commands() {
        let table = [
            (Provisioning, [None, None, None, None]),
            (Active, [Some(Suspended), None, Some(Closing), None]),
            (Suspended, [None, Some(Active), Some(Closing), None]),
            (Closing, [None, None, None, Some(Purged)]),
            (Purged, [None, None, None, None]),
        ];
        let commands = [
            TenantCommand::Suspend,
            TenantCommand::Resume,
            TenantCommand::Close,
            TenantCommand::Purge,
        ];
        for (from, outcomes) in table {
            for (command, expected) in commands.into_iter().zip(outcomes) {
                assert_eq!(
                    command.apply(from).ok(),
                    expected,
                    "{command:?} in state {from}"
                );
            }
        }
    }
}

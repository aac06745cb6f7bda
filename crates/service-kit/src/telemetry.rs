//! Log lines: readable on a terminal, JSON elsewhere.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Env};

/// Starts logging to standard error. A second call changes nothing.
///
/// # Errors
/// When `AVERIS_LOG` or `AVERIS_LOG_FORMAT` is malformed.
pub fn start(env: Env<'_>) -> Result<(), ConfigError> {
    let filter: EnvFilter = env.or("AVERIS_LOG", EnvFilter::new("info"))?;
    let terminal = std::io::stderr().is_terminal();
    let format = env.or(
        "AVERIS_LOG_FORMAT",
        if terminal { "text" } else { "json" }.to_owned(),
    )?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An earlier call may have set the subscriber: tests start several services in one process.
    let _ = match format.as_str() {
        "text" => lines.with_target(false).try_init(),
        "json" => lines.json().flatten_event(true).try_init(),
        other => {
            return Err(ConfigError::Invalid(
                "AVERIS_LOG_FORMAT".to_owned(),
                format!("is {other:?}, which is neither text nor json"),
            ));
        }
    };
    Ok(())
}

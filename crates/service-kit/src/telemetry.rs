//! Log lines, readable on a terminal and JSON elsewhere; and where traces go.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use url::Url;

use crate::config::{ConfigError, Env, web_address};

/// Share of the traces that begin here which is recorded, where nothing else is set.
const DEFAULT_RATIO: f64 = 0.1;

/// What a process tells of itself, and where.
#[derive(Debug)]
pub struct TelemetryConfig {
    filter: EnvFilter,
    is_json: bool,
    traces: Option<Url>,
    ratio: f64,
}

/// Starts logging to standard error, and sends traces of the process `service` if a receiver is set. A second call changes nothing.
///
/// # Errors
/// When a variable is malformed.
pub fn start(env: Env<'_>, service: &str) -> Result<(), ConfigError> {
    let config = TelemetryConfig::from_env(env)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(config.filter)
        .with_writer(std::io::stderr);
    // An earlier call may have set the subscriber: tests start several services in one process.
    let _ = if config.is_json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_target(false).try_init()
    };
    if let Some(url) = &config.traces {
        averis_trace::export(url, config.ratio, service).map_err(|error| {
            ConfigError::Invalid(
                "AVERIS_OTLP_URL".to_owned(),
                format!("cannot be used: {error}"),
            )
        })?;
    }
    Ok(())
}

impl TelemetryConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        let filter: EnvFilter = env.or("AVERIS_LOG", EnvFilter::new("info"))?;
        let terminal = std::io::stderr().is_terminal();
        let format = env.or(
            "AVERIS_LOG_FORMAT",
            if terminal { "text" } else { "json" }.to_owned(),
        )?;
        let is_json = match format.as_str() {
            "text" => false,
            "json" => true,
            other => {
                return Err(ConfigError::Invalid(
                    "AVERIS_LOG_FORMAT".to_owned(),
                    format!("is {other:?}, which is neither text nor json"),
                ));
            }
        };
        let ratio = env.or("AVERIS_TRACE_RATIO", DEFAULT_RATIO)?;
        if !(0.0..=1.0).contains(&ratio) {
            return Err(ConfigError::Invalid(
                "AVERIS_TRACE_RATIO".to_owned(),
                format!("is {ratio}; it must be from 0 to 1"),
            ));
        }
        Ok(Self {
            filter,
            is_json,
            traces: web_address(env, "AVERIS_OTLP_URL")?,
            ratio,
        })
    }
}

/// Hands over what is recorded of traces: the last that a process does.
pub async fn stop() {
    let flushed = tokio::task::spawn_blocking(averis_trace::flush).await;
    if let Ok(Err(error)) = flushed {
        tracing::warn!(error, "the last traces are lost");
    }
}

//! Runs a command with a prepared PostgreSQL that ends with it.

use std::process::ExitCode;

use anyhow::Context as _;
use averis_test_kit::{Database, PREPARED};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments
        .next()
        .context("usage: with-postgres COMMAND [ARGUMENT...]")?;
    let mut database = Database::own(false).await;
    let status = tokio::process::Command::new(&program)
        .args(arguments)
        .env(PREPARED, &database.admin_text)
        .status()
        .await
        .with_context(|| format!("running {}", program.display()))?;
    if let Some(server) = database.server.take() {
        server.stop().await?;
    }
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok(ExitCode::from(code))
}

#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    reason = "a command line answers on standard output"
)]

mod api;
mod audit;
mod cli;
mod credentials;
mod demo;
mod import;
mod members;
mod migrate;
mod secrets;
mod state;
mod tenant;
mod up;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

#[actix_web::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let outcome = match cli.command {
        Command::Up(options) => up::run(options).await,
        Command::Tenant { command, server } => tenant::run(command, &server, json).await,
        Command::Audit { command } => audit::run(command, json).await,
        Command::ServiceKeys { state } => members::service_keys(&state),
        Command::Secrets(options) => secrets::run(&options),
        Command::Login { email, server } => members::login(&email, &server).await,
        Command::Logout { server } => members::logout(&server).await,
        Command::Token { tenant, server } => members::token(tenant.as_ref(), &server).await,
        Command::Admin { command } => members::admin(command).await,
        Command::User { command, server } => members::user(command, &server, json).await,
        Command::Key { command, server } => members::key(command, &server, json).await,
        Command::Migrate(options) => migrate::run(options, json).await,
        Command::Import { command, server } => import::run(command, &server, json).await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            if json {
                println!("{}", serde_json::json!({"error": format!("{error:#}")}));
            }
            eprintln!("averis: {error:#}");
            ExitCode::from(cli::FAILED)
        }
    }
}

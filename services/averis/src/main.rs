#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    reason = "a command line answers on standard output"
)]

mod api;
mod cli;
mod demo;
mod import;
mod migrate;
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

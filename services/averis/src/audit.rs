//! `averis audit`.

use std::process::ExitCode;

use averis_tenant_db::{ChainReport, LoginRole, PoolConfig, Provisioner};
use serde_json::json;

use crate::cli::{AuditCommand, FAILED, NOT_FOUND};
use crate::state::{Database, Secrets, prepared};

/// Checks a tenant's trails. The exit code tells whether they hold.
pub async fn run(command: AuditCommand, as_json: bool) -> anyhow::Result<ExitCode> {
    let AuditCommand::Verify { tenant, state } = command;
    let database = Database::open(&state.state_dir).await?;
    let secrets = Secrets::load(&state.state_dir)?;
    let passwords = prepared(&database.admin, &secrets).await?;
    let login = passwords.url(&database.admin, LoginRole::Provisioner);
    let provisioner = Provisioner::new(login, PoolConfig::sized(1));
    let reports = provisioner.verify_audit(&tenant).await;
    database.close().await?;
    let Some(reports) = reports? else {
        eprintln!("averis: there is no tenant {tenant}");
        return Ok(ExitCode::from(NOT_FOUND));
    };
    show(&reports, as_json);
    let holds = reports.iter().all(|report| report.broken_at.is_none());
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn show(reports: &[ChainReport], as_json: bool) {
    if as_json {
        let rows = reports.iter().map(|report| {
            json!({"schema": report.schema, "events": report.events, "broken_at": report.broken_at})
        });
        println!("{}", json!(rows.collect::<Vec<_>>()));
        return;
    }
    for report in reports {
        let outcome = match report.broken_at {
            None => "whole".to_owned(),
            Some(seq) => format!("BROKEN at event {seq}"),
        };
        println!(
            "{:40} {:>8} events  {outcome}",
            report.schema, report.events
        );
    }
}

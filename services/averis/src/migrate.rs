//! `averis migrate`.

use std::process::ExitCode;

use averis_service_kit::config::Env;
use averis_service_kit::telemetry;
use averis_tenant_db::{
    FleetOptions, FleetReport, LoginRole, PoolConfig, Provisioner, migrate_fleet,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::{MigrateOptions, PARTLY};
use crate::state::{Database, Secrets, prepare, prepared};

/// Migrates the fleet.
pub async fn run(options: MigrateOptions, as_json: bool) -> anyhow::Result<ExitCode> {
    telemetry::start(Env::process(), "averis-migrate")?;
    let database = Database::open(&options.state.state_dir).await?;
    let secrets = Secrets::load(&options.state.state_dir)?;
    let migrated = migrate(&options, &secrets, &database, as_json).await;
    database.close().await?;
    let report = migrated?;
    show(&report, options.dry_run, as_json);
    let left = !report.failures.is_empty() || (options.dry_run && !report.pending.is_empty());
    Ok(if left {
        ExitCode::from(PARTLY)
    } else {
        ExitCode::SUCCESS
    })
}

async fn migrate(
    options: &MigrateOptions,
    secrets: &Secrets,
    database: &Database,
    as_json: bool,
) -> anyhow::Result<FleetReport> {
    let passwords = if options.dry_run {
        prepared(&database.admin, secrets).await?
    } else {
        prepare(&database.admin, secrets).await?
    };
    let login = passwords.url(&database.admin, LoginRole::Provisioner);
    let provisioner = Provisioner::new(login, PoolConfig::default());
    let fleet = FleetOptions {
        tenant: options.tenant.clone(),
        concurrency: usize::from(options.concurrency),
        dry_run: options.dry_run,
        max_failures: options.max_failures,
    };
    let bar = if as_json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(0)
    };
    let style = "{bar:40} {pos}/{len} schemas  {per_sec}  {msg}";
    bar.set_style(ProgressStyle::with_template(style)?);
    let shown = bar.clone();
    let report = migrate_fleet(&provisioner, &fleet, move |progress| {
        shown.set_length(progress.total as u64);
        shown.set_position(progress.done as u64);
        shown.set_message(progress.schema);
    })
    .await?;
    bar.finish_and_clear();
    Ok(report)
}

fn show(report: &FleetReport, dry_run: bool, as_json: bool) {
    if as_json {
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|failure| json!({"schema": failure.schema, "reason": failure.reason}))
            .collect();
        let report = json!({
            "dry_run": dry_run, "platform_migrations": report.platform, "schemas": report.schemas,
            "pending": report.pending, "migrated": report.migrated, "failures": failures,
            "skipped": report.skipped, "seconds": report.elapsed.as_secs_f64(),
        });
        println!("{report}");
        return;
    }
    if dry_run {
        println!(
            "{} of {} schemas are behind.",
            report.pending.len(),
            report.schemas
        );
        for schema in &report.pending {
            println!("  {schema}");
        }
        return;
    }
    println!(
        "{} schemas looked at, {} migrated, {} failed, {} not begun, in {:.1} s.",
        report.schemas,
        report.migrated,
        report.failures.len(),
        report.skipped,
        report.elapsed.as_secs_f64()
    );
    for failure in &report.failures {
        println!("  {}: {}", failure.schema, failure.reason);
    }
}

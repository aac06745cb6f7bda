//! `averis import`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use averis_tenant_context::TenantKey;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Body, Method};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::api::Api;
use crate::cli::{ImportCommand, NOT_FOUND, PARTLY, Server};
use crate::tenant;

const PIECE: usize = 128 * 1024;
/// How often to ask how far a job is.
const POLL: Duration = Duration::from_millis(200);

/// Imports a file.
pub async fn run(
    command: ImportCommand,
    server: &Server,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let ImportCommand::Products { tenant: key, file } = command;
    let api = Api::of(server)?;
    if tenant::find(&api, &key).await?.is_none() {
        return Ok(ExitCode::from(NOT_FOUND));
    }
    let job = upload(&api, &key, &file, as_json).await?;
    let job = follow(&api, &key, job, as_json).await?;
    let count = |name: &str| {
        job.pointer(&format!("/counts/{name}"))
            .and_then(Value::as_i64)
            .unwrap_or(0)
    };
    if as_json {
        println!("{job}");
    } else {
        println!(
            "{} rows, {} products: {} created, {} updated, {} unchanged, {} refused; {} warnings, {} errors.",
            count("rows"),
            count("products"),
            count("products_created"),
            count("products_updated"),
            count("products_unchanged"),
            count("products_refused"),
            count("warnings"),
            count("errors")
        );
        show_report(&api, &key, &job).await?;
    }
    if let Some(failure) = job.get("failure") {
        bail!("the file could not be read to its end: {failure}");
    }
    Ok(if count("products_refused") > 0 {
        ExitCode::from(PARTLY)
    } else {
        ExitCode::SUCCESS
    })
}

async fn upload(api: &Api, key: &TenantKey, file: &Path, quiet: bool) -> anyhow::Result<Value> {
    let opened = tokio::fs::File::open(file)
        .await
        .with_context(|| format!("opening {}", file.display()))?;
    let bytes = opened.metadata().await?.len();
    let bar = if quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(bytes)
    };
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {bytes}/{total_bytes}  uploading",
    )?);
    let sent = bar.clone();
    let pieces = stream::try_unfold(opened, move |mut file| {
        let sent = sent.clone();
        async move {
            let mut piece = vec![0; PIECE];
            let count = file.read(&mut piece).await?;
            piece.truncate(count);
            sent.inc(count as u64);
            Ok::<_, std::io::Error>((count > 0).then_some((piece, file)))
        }
    });
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let request = api
        .request(Method::POST, &format!("/t/{key}/api/product/v1/imports"))
        .await?
        .query(&[("file_name", name)])
        .header("content-type", "text/csv")
        .body(Body::wrap_stream(pieces));
    let job = api
        .send(request)
        .await?
        .context("the tenant has no imports")?;
    bar.finish_and_clear();
    Ok(job)
}

async fn follow(api: &Api, key: &TenantKey, mut job: Value, quiet: bool) -> anyhow::Result<Value> {
    let id = job
        .get("id")
        .and_then(Value::as_str)
        .context("a job without id")?
        .to_owned();
    let bar = if quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    bar.set_style(ProgressStyle::with_template(
        "{spinner} {pos} products  {per_sec}  {elapsed}",
    )?);
    loop {
        let status = job
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if matches!(status, "done" | "failed") {
            bar.finish_and_clear();
            return Ok(job);
        }
        bar.set_position(
            job.pointer("/counts/products")
                .and_then(Value::as_u64)
                .unwrap_or(0),
        );
        tokio::time::sleep(POLL).await;
        let path = format!("/t/{key}/api/product/v1/imports/{id}");
        job = api.get(&path).await?.context("the job is gone")?;
    }
}

async fn show_report(api: &Api, key: &TenantKey, job: &Value) -> anyhow::Result<()> {
    let id = job.get("id").and_then(Value::as_str).unwrap_or_default();
    let path = format!("/t/{key}/api/product/v1/imports/{id}/report?limit=20");
    let page = api.get(&path).await?.unwrap_or_default();
    for problem in page
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let word = |name: &str| {
            problem
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let row = problem
            .get("row")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        println!(
            "  row {row} {} {} {}: {}",
            word("severity"),
            word("product_key"),
            word("code"),
            word("message")
        );
    }
    if page
        .get("next_cursor")
        .is_some_and(|cursor| !cursor.is_null())
    {
        println!("  ... the rest is at {path}");
    }
    Ok(())
}

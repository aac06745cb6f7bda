//! All services in one process.

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use averis_contracts::tenant::TenantClient;
use averis_service_kit::config::{Env, HttpConfig, ServiceConfig};
use averis_service_kit::serve::{serve, stop_requested};
use averis_service_kit::telemetry;
use averis_service_kit::tenancy::TenantDirectory;
use averis_tenant_context::Domain;
use averis_tenant_db::{FleetOptions, LoginRole, PoolConfig, Provisioner, migrate_fleet};
use url::Url;

use crate::api::Api;
use crate::cli::UpOptions;
use crate::demo;
use crate::state::{Database, Secrets, prepare};

/// Runs until somebody asks it to stop.
pub async fn run(options: UpOptions) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let env = Env::process();
    telemetry::start(env)?;
    let mut http = HttpConfig::from_env(env, options.port)?;
    http.bind.set_port(options.port);
    let listener =
        TcpListener::bind(http.bind).with_context(|| format!("listening on {}", http.bind))?;
    // The database first: it makes the folder so that its server's account can enter.
    let database = Database::open(&options.state.state_dir).await?;
    let secrets = Secrets::load(&options.state.state_dir)?;
    println!("Database: {}", database.description());
    let served = serve_on(listener, http, &options, &secrets, &database, start).await;
    database.close().await?;
    served
}

async fn serve_on(
    listener: TcpListener,
    http: HttpConfig,
    options: &UpOptions,
    secrets: &Secrets,
    database: &Database,
    start: Instant,
) -> anyhow::Result<ExitCode> {
    let env = Env::process();
    let passwords = prepare(&database.admin, secrets).await?;
    let login = |role| passwords.url(&database.admin, role);
    let pool = match env.optional("AVERIS_DATABASE_POOL")? {
        Some(size) => PoolConfig::sized(size),
        None => PoolConfig::default(),
    };
    let provisioner = Provisioner::new(login(LoginRole::Provisioner), pool.clone());
    let report = migrate_fleet(&provisioner, &FleetOptions::default(), |_| {}).await?;
    for failure in &report.failures {
        tracing::error!(
            schema = failure.schema,
            reason = failure.reason,
            "a schema is not migrated"
        );
    }
    // Calls between services go over HTTP to a configured address, here as everywhere.
    let address = listener.local_addr()?;
    let own = Url::parse(&format!("http://{address}"))?;
    let tenant_url = env.or("AVERIS_TENANT_URL", own)?;
    let tenant = averis_tenant::Config {
        database: login(LoginRole::Tenant),
        provisioner: login(LoginRole::Provisioner),
        pool: pool.clone(),
        tenant_url: tenant_url.clone(),
        cursor_secret: secrets.cursor_secret()?,
        capacity: env.or("AVERIS_DATABASE_CAPACITY", averis_tenant::DEFAULT_CAPACITY)?,
    };
    let product = averis_product::Config {
        common: ServiceConfig {
            database: login(LoginRole::Service(Domain::Product)),
            pool,
            tenant_url: tenant_url.clone(),
            cursor_secret: secrets.cursor_secret()?,
        },
        max_import_bytes: env.or(
            "AVERIS_IMPORT_MAX_BYTES",
            averis_product::DEFAULT_MAX_IMPORT,
        )?,
    };
    let directory = TenantDirectory::new(TenantClient::new(tenant_url)?, login(LoginRole::Tenant));
    let services = vec![
        averis_tenant::service(tenant)?,
        averis_product::service(product)?,
    ];
    let base_domain = http.base_domain.clone();
    let server = serve(listener, http, directory, services)?;
    let handle = server.handle();
    #[expect(
        clippy::disallowed_methods,
        reason = "the server itself, which outlives every request"
    )]
    let serving = actix_web::rt::spawn(server);
    let api = Api::new(&Url::parse(&format!("http://{address}"))?)?;
    let shown = async {
        if options.demo {
            demo::make(&api).await.context("making the demo tenants")?;
        }
        println!(
            "{}",
            demo::page(&api, base_domain.as_str(), address.port(), start.elapsed()).await?
        );
        anyhow::Ok(())
    };
    let outcome = tokio::select! {
        shown = shown => match shown {
            Ok(()) => { stop_requested().await; Ok(()) }
            Err(error) => Err(error),
        },
        () = stop_requested() => Ok(()),
    };
    println!("Stopping: what has begun is finished first.");
    handle.stop(true).await;
    serving.await??;
    outcome.map(|()| ExitCode::SUCCESS)
}

//! All services in one process.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use averis_contracts::tenant::TenantClient;
use averis_oms::{ProvidersConfig, StripeConfig};
use averis_payment_simulator::{Behaviour, Simulator};
use averis_service_kit::config::{Env, HttpConfig, ServiceConfig, ServiceUrls, left_after};
use averis_service_kit::serve::{Serving, listen, serve, serve_metrics, stop_requested};
use averis_service_kit::telemetry;
use averis_service_kit::tenancy::TenantDirectory;
use averis_tenant::Accounts;
use averis_tenant_context::Domain;
use averis_tenant_db::{FleetOptions, LoginRole, PoolConfig, Provisioner, migrate_fleet};
use url::Url;
use uuid::Uuid;

use crate::api::Api;
use crate::cli::UpOptions;
use crate::credentials::Credentials;
use crate::demo;
use crate::state::{Database, Secrets, prepare};

/// Runs until somebody asks it to stop.
pub async fn run(options: UpOptions) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let env = Env::process();
    telemetry::start(env, "averis")?;
    let mut http = HttpConfig::from_env(env, options.port)?;
    http.bind.set_port(options.port);
    let listener = listen(http.bind)?;
    if env.optional::<u16>("AVERIS_METRICS_PORT")?.is_none() {
        // Beside the port that was chosen on the command line; any free one beside any free one.
        let beside = if options.port == 0 {
            0
        } else {
            options.port.saturating_add(1000)
        };
        http.metrics.set_port(beside);
    }
    let metrics = listen(http.metrics)?;
    http.metrics = metrics.local_addr()?;
    // The database first: it makes the folder so that its server's account can enter.
    let database = Database::open(&options.state.state_dir).await?;
    let secrets = Secrets::load(&options.state.state_dir)?;
    println!("Database: {}", database.description());
    #[expect(
        clippy::disallowed_methods,
        reason = "the metrics of the whole process, which are no tenant's"
    )]
    let metrics = actix_web::rt::spawn(serve_metrics(metrics)?);
    let served = serve_on(listener, http, &options, &secrets, &database, start).await;
    metrics.abort();
    database.close().await?;
    telemetry::stop().await;
    served
}

/// Starts a payment provider that moves no money, for the demo, and lets orders be paid with it. It forgets all with the process.
fn simulate(providers: &mut ProvidersConfig) -> anyhow::Result<Simulator> {
    let secret = Uuid::now_v7().to_string();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let simulator = Simulator::start(address, &secret, Behaviour::default())?;
    providers.simulator = Some(StripeConfig {
        url: simulator.url().parse()?,
        webhook_secret: secret.clone(),
        secret,
    });
    Ok(simulator)
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
    let urls = ServiceUrls::from_env(env, Some(&own))?;
    let left_after = left_after(env)?;
    let common = |name: &str, role| -> anyhow::Result<ServiceConfig> {
        Ok(ServiceConfig {
            database: login(role),
            pool: pool.clone(),
            urls: urls.clone(),
            cursor_secret: secrets.cursor_secret()?,
            identity: secrets.identity(name)?,
            trusted: secrets.trusted()?,
            left_after,
        })
    };
    let (providers, stytch_redirect) = averis_tenant::provider_config(env)?;
    let tenant = averis_tenant::Config {
        common: common("tenant", LoginRole::Tenant)?,
        provisioner: login(LoginRole::Provisioner),
        capacity: env.or("AVERIS_DATABASE_CAPACITY", averis_tenant::DEFAULT_CAPACITY)?,
        issuer: http.issuer.clone(),
        signing: secrets.signing()?,
        mail: averis_identity::mail_config(env, Some(options.state.state_dir.join("mail")))?,
        webhooks: averis_tenant::WebhooksConfig {
            database: login(LoginRole::Service(Domain::Webhooks)),
            targets: averis_tenant::webhook_targets(env)?,
            base_domain: http.base_domain.clone(),
        },
        providers,
        stytch_redirect,
    };
    let product = averis_product::Config {
        common: common("product", LoginRole::Service(Domain::Product))?,
        max_import_bytes: env.or(
            "AVERIS_IMPORT_MAX_BYTES",
            averis_product::DEFAULT_MAX_IMPORT,
        )?,
    };
    let pricing = averis_pricing::Config {
        common: common("pricing", LoginRole::Service(Domain::Pricing))?,
        quote_lifetime: averis_pricing::quote_lifetime(env)?,
    };
    let customer = averis_customer::Config {
        common: common("customer", LoginRole::Service(Domain::Customer))?,
        mail: averis_identity::mail_config(env, Some(options.state.state_dir.join("mail")))?,
        shoppers: averis_customer::shopper_provider(env)?,
    };
    let erp = averis_erp::Config {
        common: common("erp", LoginRole::Service(Domain::Erp))?,
        reservation_lifetime: averis_erp::reservation_lifetime(env)?,
    };
    let mut providers = averis_oms::payment_providers(env)?;
    // Kept as long as anybody is served.
    let _simulator = match &providers.simulator {
        None if options.demo => Some(simulate(&mut providers)?),
        _ => None,
    };
    let oms = averis_oms::Config {
        common: common("oms", LoginRole::Service(Domain::Oms))?,
        providers,
    };
    let ecomm = averis_ecomm::Config {
        common: common("ecomm", LoginRole::Service(Domain::Ecomm))?,
        lease: averis_ecomm::lease(env)?,
        cart_lifetime: averis_ecomm::cart_lifetime(env)?,
    };
    let client = TenantClient::new(urls.tenant.clone(), secrets.identity("averis")?)?;
    let directory = TenantDirectory::new(client, login(LoginRole::Tenant), &http.issuer);
    let services = vec![
        averis_tenant::service(tenant)?,
        averis_product::service(product)?,
        averis_pricing::service(pricing)?,
        averis_customer::service(customer)?,
        averis_erp::service(erp)?,
        averis_oms::service(oms)?,
        averis_ecomm::service(ecomm)?,
    ];
    let base_domain = http.base_domain.clone();
    let metrics = http.metrics.port();
    let Serving { server, stop } = serve(listener, http, directory, services)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the server itself, which outlives every request"
    )]
    let serving = actix_web::rt::spawn(server);
    let operator = Credentials::operator(secrets.tokens()?);
    let api = Api::new(&Url::parse(&format!("http://{address}"))?, operator)?;
    let accounts = Accounts::new(&login(LoginRole::Tenant))?;
    let shown = async {
        let made = match options.demo {
            true => Some(
                demo::make(
                    &api,
                    &accounts,
                    &secrets.tokens()?,
                    &options.state.state_dir,
                )
                .await,
            ),
            false => None,
        };
        let made = made.transpose().context("making the demo tenants")?;
        let place = demo::Place {
            domain: base_domain.as_str(),
            port: address.port(),
            metrics,
        };
        let page = demo::page(&api, &place, made.as_ref(), start.elapsed()).await?;
        println!("{page}");
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
    stop.stop().await;
    serving.await??;
    outcome.map(|()| ExitCode::SUCCESS)
}

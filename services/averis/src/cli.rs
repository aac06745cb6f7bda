//! The command line's words.

use std::path::PathBuf;

use averis_tenant_context::{Subdomain, TenantKey, Tier};
use clap::{Args, Parser, Subcommand};
use url::Url;

/// Exit code: it did not work.
pub const FAILED: u8 = 1;
/// Exit code: it worked in part (some schemas failed, some products were refused) or, for a dry run, there is
/// something to do. Code 2 is clap's, for a command line that it does not understand.
pub const PARTLY: u8 = 3;
/// Exit code: there is no such thing.
pub const NOT_FOUND: u8 = 4;

/// Averis: a commerce backend that many organisations share without ever seeing each other.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Exit codes: 0 done, 1 failed, 2 not understood, 3 done in part \
    or something to do, 4 not found."
)]
pub struct Cli {
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run all services in one process on one port.
    Up(UpOptions),
    /// Make, list, show, suspend, resume, close and purge tenants.
    Tenant {
        /// What.
        #[command(subcommand)]
        command: TenantCommand,
        /// Where.
        #[command(flatten)]
        server: Server,
    },
    /// Sign in; the password comes from the terminal or from standard input.
    Login {
        /// Address of the account.
        #[arg(long)]
        email: String,
        /// Where.
        #[command(flatten)]
        server: Server,
    },
    /// Forget the sign-in.
    Logout {
        /// Where.
        #[command(flatten)]
        server: Server,
    },
    /// Print an access token, good for five minutes.
    Token {
        /// Key of the tenant; the platform where absent.
        #[arg(long, value_name = "KEY")]
        tenant: Option<TenantKey>,
        /// Where.
        #[command(flatten)]
        server: Server,
    },
    /// Make the first admin of the platform, and what else takes the operator.
    Admin {
        /// What.
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// List, invite and remove members of a tenant.
    User {
        /// What.
        #[command(subcommand)]
        command: UserCommand,
        /// Where.
        #[command(flatten)]
        server: Server,
    },
    /// List, make and revoke API keys of a tenant.
    Key {
        /// What.
        #[command(subcommand)]
        command: KeyCommand,
        /// Where.
        #[command(flatten)]
        server: Server,
    },
    /// Print the public keys of all services, for AVERIS_TRUSTED_SERVICES.
    ServiceKeys {
        /// Where secrets and the private PostgreSQL are.
        #[command(flatten)]
        state: StateDir,
    },
    /// Hand out what each service needs to know and nobody else: as files, or as manifests for Kubernetes.
    Secrets(SecretsOptions),
    /// Check audit trails.
    Audit {
        /// What.
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Bring the platform and all tenants' schemas to the newest version.
    Migrate(MigrateOptions),
    /// Import files.
    Import {
        /// What.
        #[command(subcommand)]
        command: ImportCommand,
        /// Where.
        #[command(flatten)]
        server: Server,
    },
}

/// Where a running platform is.
#[derive(Clone, Debug, Args)]
pub struct Server {
    /// Address of the platform.
    #[arg(
        long = "url",
        global = true,
        env = "AVERIS_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub url: Url,
    /// Where secrets and the private PostgreSQL are.
    #[command(flatten)]
    pub state: StateDir,
}

/// Where what must outlive the process is kept.
#[derive(Clone, Debug, Args)]
pub struct StateDir {
    /// Folder of the private PostgreSQL and of secrets.
    #[arg(
        long,
        global = true,
        env = "AVERIS_STATE_DIR",
        default_value = ".averis"
    )]
    pub state_dir: PathBuf,
}

/// How to run.
#[derive(Clone, Debug, Args)]
pub struct UpOptions {
    /// Port on loopback.
    #[arg(long, env = "AVERIS_HTTP_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Make the two demo tenants if there are none.
    #[arg(long)]
    pub demo: bool,
    /// Where secrets and the private PostgreSQL are.
    #[command(flatten)]
    pub state: StateDir,
}

/// Whom secrets are for.
#[derive(Clone, Debug, Args)]
pub struct SecretsOptions {
    /// Where the services find the database: HOST:PORT/NAME, with ?sslmode=... of one elsewhere.
    #[arg(long, global = true, default_value = "127.0.0.1:5432/averis")]
    pub database: String,
    /// In which form.
    #[command(subcommand)]
    pub form: SecretsForm,
    /// Where secrets and the private PostgreSQL are.
    #[command(flatten)]
    pub state: StateDir,
}

/// How secrets are handed out.
#[derive(Clone, Debug, Subcommand)]
pub enum SecretsForm {
    /// A folder for each service with a file for each variable, as AVERIS_SECRETS_DIR takes it.
    Files {
        /// Where.
        folder: PathBuf,
    },
    /// A Secret for each service and one for the whole installation, for `kubectl apply` or for a vault.
    Kubernetes {
        /// Where the services run.
        #[arg(long, default_value = "averis-platform")]
        namespace: String,
    },
}

/// What to do with tenants.
#[derive(Clone, Debug, Subcommand)]
pub enum TenantCommand {
    /// Provision a tenant.
    Create {
        /// Immutable key: lower-case letters and digits.
        key: TenantKey,
        /// Name for people; the key where absent.
        #[arg(long)]
        name: Option<String>,
        /// Subdomain; the key where absent.
        #[arg(long)]
        subdomain: Option<Subdomain>,
        /// starter, professional or enterprise.
        #[arg(long, default_value = "starter")]
        tier: Tier,
    },
    /// List all tenants.
    List,
    /// Show a tenant.
    Show {
        /// Its key.
        key: TenantKey,
    },
    /// Refuse a tenant's writes.
    Suspend {
        /// Its key.
        key: TenantKey,
    },
    /// Accept a suspended tenant's writes again.
    Resume {
        /// Its key.
        key: TenantKey,
    },
    /// Begin a tenant's leave: exports go on, writes do not.
    Close {
        /// Its key.
        key: TenantKey,
    },
    /// Remove a closed tenant's data for good.
    Purge {
        /// Its key.
        key: TenantKey,
        /// Its key again: this cannot be undone.
        #[arg(long, value_name = "KEY")]
        confirm: String,
    },
}

/// How to migrate.
#[derive(Clone, Debug, Args)]
pub struct MigrateOptions {
    /// Tell what would be done (exit code 3 if anything) and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Schemas migrated at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
    /// Only this tenant.
    #[arg(long, value_name = "KEY")]
    pub tenant: Option<TenantKey>,
    /// Failed schemas after which no more are begun.
    #[arg(long, default_value_t = 5)]
    pub max_failures: usize,
    /// Where secrets and the private PostgreSQL are.
    #[command(flatten)]
    pub state: StateDir,
}

/// What to import.
#[derive(Clone, Debug, Subcommand)]
pub enum ImportCommand {
    /// Import a Shopify product CSV.
    Products {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
        /// The file.
        file: PathBuf,
    },
}

/// What to do with admins.
#[derive(Clone, Debug, Subcommand)]
pub enum AdminCommand {
    /// Make an account with the role platform_admin, or give an account that role and a new password. The password comes
    /// from the terminal or from standard input.
    Create {
        /// Its address.
        #[arg(long)]
        email: String,
        /// Where secrets and the private PostgreSQL are.
        #[command(flatten)]
        state: StateDir,
    },
    /// Forget whom the OpenID Connect issuer means by a person: for one who comes as another subject from now on.
    Unlink {
        /// The person's address.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        state: StateDir,
    },
}

/// What to do with members.
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// List members and invitations.
    List {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
    },
    /// Invite somebody by mail.
    Invite {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
        /// The address.
        email: String,
        /// Roles, such as product_marketing; may be repeated.
        #[arg(long = "role")]
        roles: Vec<String>,
    },
    /// End a membership, or take an invitation back.
    Remove {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
        /// The address.
        email: String,
    },
}

/// What to do with audit trails.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Tell whether any event of a tenant was changed, removed or put in between (exit code 1).
    Verify {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
        /// Where secrets and the private PostgreSQL are.
        #[command(flatten)]
        state: StateDir,
    },
}

/// What to do with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// List keys.
    List {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
    },
    /// Make a key and print it: it is never shown again.
    Create {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
        /// What it is for.
        name: String,
        /// Scopes, such as product:read; may be repeated.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
    },
    /// Revoke a key.
    Revoke {
        /// Key of the tenant.
        #[arg(long, value_name = "KEY")]
        tenant: TenantKey,
        /// Id of the key.
        id: String,
    },
}

//! The end of a tenant, and the proof of it.

use actix_web::web::Data;
use averis_service_kit::hex::hex;
use averis_service_kit::idempotency::{Post, recall, remember};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{TenantKey, TenantStatus, may};
use averis_tenant_db::TableCount;
use chrono::{DateTime, SubsecRound as _, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::commands::status_of;
use super::locked;
use crate::State;
use crate::domain::tenants::TenantCommand;
use crate::error::{TenantError, answered, codes};
use crate::http::internal;
use crate::http::scope::Platform;
use crate::store::providers;
use crate::store::tenants::{self as store, CertificateRow, TenantChanges, TenantRow};

/// The tenant's key, typed again by whoever asks for its end.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeTenant {
    #[garde(skip)]
    #[schema(example = "acme")]
    confirm_key: String,
}

/// What a purged tenant held.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurgeCertificate {
    tenant_id: Uuid,
    tenant_key: String,
    /// Rows by `schema.table`.
    #[schema(value_type = Object)]
    row_counts: Value,
    /// SHA-256 over id, key, counts and time, in hexadecimal digits.
    digest: String,
    purged_at: DateTime<Utc>,
}

impl From<CertificateRow> for PurgeCertificate {
    fn from(row: CertificateRow) -> Self {
        let CertificateRow {
            tenant_id,
            tenant_key,
            row_counts,
            digest,
            purged_at,
        } = row;
        Self {
            tenant_id,
            tenant_key,
            row_counts,
            digest: hex(&digest),
            purged_at,
        }
    }
}

/// Removes schemas and roles of a closing tenant for good and certifies what they held.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/purge", tag = "tenants", security(("token" = ["platform_tenant:write"])),
    request_body = PurgeTenant, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "What is gone.", body = PurgeCertificate)))]
pub async fn purge_tenant(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<PurgeTenant>,
) -> ApiResult<Reply> {
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(store::find(conn, id).await?) })
        .await?
        .ok_or_else(Problem::not_found)?;
    if row.key != post.body.confirm_key {
        return Err(Problem::new(codes::CONFIRMATION_MISMATCH));
    }
    // Nothing of a tenant that is not about to end is locked for the asking. (One that is purged already may be
    // asked for by a repetition, which gets its first answer.)
    let status = status_of(&row)?;
    if status != TenantStatus::Purged {
        seen.check(row.version)?;
        TenantCommand::Purge.apply(status)?;
    }
    let key: TenantKey = row
        .key
        .parse()
        .map_err(|_ignored| Problem::new(internal()))?;
    let purged = state
        .provisioner
        .purge(&key, async |conn, counts| {
            if let Some(reply) = recall(&mut **conn, &post.key, "platform").await? {
                return Err(TenantError::Replay(Box::new(reply)));
            }
            let row = locked(conn, id, seen).await?;
            let status = TenantCommand::Purge.apply(status_of(&row)?)?;
            let certificate = certify(&row, &counts);
            store::insert_certificate(conn, &certificate).await?;
            store::release_subdomain(conn, &row.subdomain, id).await?;
            providers::disconnect(conn, id).await?;
            let changes = TenantChanges {
                status: Some(status.as_str().to_owned()),
                purged_at: Some(certificate.purged_at),
                ..TenantChanges::default()
            };
            store::update(conn, id, &changes).await?;
            let reply = Reply::ok(&PurgeCertificate::from(certificate));
            remember(&mut **conn, &post.key, &reply).await?;
            Ok(reply)
        })
        .await;
    answered(purged)
}

fn certify(row: &TenantRow, counts: &[TableCount]) -> CertificateRow {
    let row_counts: Value = counts
        .iter()
        .map(|count| {
            (
                format!("{}.{}", count.schema_name, count.table_name),
                json!(count.rows),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    // As exactly as it is stored, so that the digest can be computed again from the certificate.
    let purged_at = Utc::now().trunc_subsecs(6);
    let mut hash = Sha256::new();
    hash.update(format!(
        "{}\n{}\n{row_counts}\n{}",
        row.id,
        row.key,
        purged_at.to_rfc3339()
    ));
    CertificateRow {
        tenant_id: row.id,
        tenant_key: row.key.clone(),
        row_counts,
        digest: hash.finalize().to_vec(),
        purged_at,
    }
}

/// Reads the certificate of a tenant's purge.
#[utoipa::path(get, path = "/api/tenant/v1/tenants/{id}/purge-certificate", tag = "tenants", security(("token" = ["platform_tenant:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "What is gone.", body = PurgeCertificate)))]
pub async fn get_purge_certificate(
    _: Platform<may::PlatformTenantRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(store::find_certificate(conn, id).await?)
        })
        .await?;
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&PurgeCertificate::from(row)))
}

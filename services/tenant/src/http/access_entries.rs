//! Who came into a tenant, when, how and from where: what its admin reads of it.
//!
//! Each session and each key is noted once an hour while it is used.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::limit::client_address;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::error::TenantError;
use crate::http::scope::OwnTenant;
use crate::store::access_log::{self, EntryRow};

/// Longest `User-Agent` that is kept, in characters.
const LONGEST_AGENT: usize = 300;

/// Where somebody comes from.
#[derive(Clone, Debug)]
pub struct Way {
    /// The address; of IPv6 the network.
    pub address: Option<String>,
    /// What it says it uses, as far as that is plain text.
    pub user_agent: String,
}

impl Way {
    /// Reads where a request comes from.
    pub fn of(req: &HttpRequest) -> Self {
        let agent = req.headers().get(USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok());
        Self {
            address: client_address(req).map(|address| address.to_string()),
            user_agent: agent
                .unwrap_or_default()
                .chars()
                .take(LONGEST_AGENT)
                .collect(),
        }
    }
}

/// Somebody came in.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessEntryView {
    id: Uuid,
    at: DateTime<Utc>,
    /// The person or the key.
    caller: Uuid,
    /// How it showed who it is: `local` (a password), `code`, `stytch`, `oidc` or `api_key`.
    via: String,
    /// The sign-in.
    session: Option<Uuid>,
    /// The grant under which staff of the platform came in.
    support_grant: Option<Uuid>,
    /// Of IPv6 the network; of keys nothing.
    address: Option<String>,
    user_agent: String,
}

impl From<EntryRow> for AccessEntryView {
    fn from(row: EntryRow) -> Self {
        let EntryRow {
            id,
            tenant_id: _,
            at,
            caller,
            via,
            session_id,
            grant_id,
            address,
            user_agent,
        } = row;
        Self {
            id,
            at,
            caller,
            via,
            session: session_id,
            support_grant: grant_id,
            address,
            user_agent,
        }
    }
}

/// Filter and page of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListAccessEntries {
    /// Only entries of this person or key.
    caller: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists who came into the tenant within the last 90 days, the latest first.
#[utoipa::path(get, path = "/api/tenant/v1/access-entries", tag = "audit", security(("token" = ["audit:read"])),
    params(ListAccessEntries),
    responses((status = 200, description = "A page of entries.", body = Page<AccessEntryView>)))]
pub async fn list_access_entries(
    tenant: OwnTenant<may::AuditRead>,
    state: Data<State>,
    query: Query<ListAccessEntries>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let own = tenant.context.id.0;
    let caller = query.0.caller;
    let list = format!("access entries {own} {caller:?}");
    let before = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(access_log::list(conn, own, caller, before, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| state.cursors.seal(&list, &row.id));
    Ok(Reply::ok(&page.map(AccessEntryView::from)))
}

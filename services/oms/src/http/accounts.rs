//! Which accounts of payment providers are the tenant's.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::State;
use crate::domain::now;
use crate::error::{OmsError, codes};
use crate::provider::{SIMULATOR, STRIPE};
use crate::store::accounts::{self, AccountRow};

/// A provider that moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnlineProvider {
    Stripe,
    /// For development.
    Simulator,
}

impl OnlineProvider {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => STRIPE,
            Self::Simulator => SIMULATOR,
        }
    }
}

/// An account at a payment provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentAccountView {
    /// `stripe` or `simulator`.
    #[schema(example = "stripe")]
    provider: String,
    #[schema(example = "acct_1032D82eZvKYlo2C")]
    account: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<AccountRow> for PaymentAccountView {
    fn from(row: AccountRow) -> Self {
        Self {
            provider: row.provider,
            account: row.account,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An account at a payment provider.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPaymentAccount {
    #[garde(skip)]
    provider: OnlineProvider,
    /// The tenant's account there, connected to the installation's.
    #[garde(custom(account_form))]
    #[schema(example = "acct_1032D82eZvKYlo2C")]
    account: String,
}

fn account_form(text: &str, _: &()) -> garde::Result {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if (1..=100).contains(&text.len()) && text.bytes().all(good) {
        return Ok(());
    }
    Err(garde::Error::new(
        "must be 1 to 100 letters, digits and underscores",
    ))
}

/// Names the tenant's account at a payment provider that the installation has; no other tenant has named it. Orders that are drafted
/// already are paid where they were. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/payment-accounts", tag = "payments", security(("token" = ["payment:write"])), request_body = SetPaymentAccount,
    responses((status = 200, description = "The account.", body = PaymentAccountView)))]
pub async fn set_payment_account(
    tenant: Tenant<may::PaymentWrite>,
    state: Data<State>,
    post: Post<SetPaymentAccount>,
) -> ApiResult<Reply> {
    let provider = post.body.provider.as_str();
    if state.providers.get(provider).is_none() {
        return Err(Problem::new(codes::PROVIDER_NOT_SET_UP));
    }
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let known = accounts::find(conn, provider).await?;
            let at = now();
            let row = match known {
                Some(known) if known.account == post.body.account => known,
                _ => {
                    let row = AccountRow {
                        provider: provider.to_owned(),
                        account: post.body.account.clone(),
                        version: 1,
                        created_at: at,
                        updated_at: at,
                    };
                    accounts::put(conn, &row).await?
                }
            };
            Ok(Reply::ok(&PaymentAccountView::from(row)))
        },
    )
    .await
}

/// Lists the tenant's accounts at payment providers.
#[utoipa::path(get, path = "/api/oms/v1/payment-accounts", tag = "payments", security(("token" = ["order:read"])),
    responses((status = 200, description = "All of them.", body = Page<PaymentAccountView>)))]
pub async fn list_payment_accounts(tenant: Tenant<may::OrderRead>) -> ApiResult<Reply> {
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, OmsError> { Ok(accounts::all(conn).await?) });
    let rows = rows.await?.into_iter();
    Ok(Reply::ok(&Page {
        data: rows.map(PaymentAccountView::from).collect(),
        next_cursor: None,
    }))
}

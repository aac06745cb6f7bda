//! Companies' ids at tax authorities, and what these have said of them.

use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::companies::{CompanyView, answer, open};
use crate::domain::tax_ids::stored;
use crate::domain::{now, vat};
use crate::error::CustomerError;
use crate::store::companies;

/// Brings ids into the form in which authorities ask for them. A company has one in a country.
///
/// # Errors
/// 422 when one has not the form of its country, or when two are of one country.
pub fn numbers_of(texts: &[String]) -> Result<Vec<String>, CustomerError> {
    let mut numbers: Vec<String> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let pointer = format!("/tax_ids/{index}");
        let number =
            vat::normalized(text).map_err(|message| FieldProblem::new(&pointer, "form", message));
        let number = number?;
        if numbers.iter().any(|known| known[..2] == number[..2]) {
            let message = "must be of another country than those before";
            return Err(FieldProblem::new(&pointer, "duplicate", message).into());
        }
        numbers.push(number);
    }
    Ok(numbers)
}

/// What the authorities have said of a company's id.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckTaxId {
    /// The id that was asked for: one of the company's own.
    #[garde(skip)]
    #[schema(example = "DE136695976")]
    number: String,
    #[garde(skip)]
    valid: bool,
    /// Of the answer, such as the number of a consultation of VIES.
    #[garde(length(chars, min = 1, max = 100), inner(custom(one_line)))]
    #[schema(example = "WAPIAAAAW2kYxxxx")]
    reference: Option<String>,
}

/// Notes what somebody was told who asked the authorities for a company's id. A company with an id that is not valid is not
/// approved.
#[utoipa::path(post, path = "/api/customer/v1/companies/{id}/tax-id-check", tag = "companies", security(("token" = ["company:write"])),
    request_body = CheckTaxId, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The company.", body = CompanyView)))]
pub async fn check_tax_id(
    tenant: Tenant<may::CompanyWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<CheckTaxId>,
) -> ApiResult<Reply> {
    let asked = vat::normalized(&post.body.number)
        .map_err(|message| CustomerError::from(FieldProblem::new("/number", "form", message)))?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let mut row = open(conn, id, seen).await?;
            let mut ids = stored(&row.tax_ids)?;
            let Some(one) = ids.iter_mut().find(|one| one.number == asked) else {
                let message = "must be one of the company's own";
                return Err(FieldProblem::new("/number", "other", message).into());
            };
            one.valid = Some(post.body.valid);
            one.checked_at = Some(now());
            one.reference.clone_from(&post.body.reference);
            row.tax_ids = json!(ids);
            if !post.body.valid && row.status == "approved" {
                "pending".clone_into(&mut row.status);
            }
            answer(companies::update(conn, &row).await?)
        },
    )
    .await
}

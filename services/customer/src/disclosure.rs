//! How a visitor becomes somebody: by degrees, and only by proof.
//!
//! ```text
//! cold (a session, and nothing more) --says who it is--> warm --proves an address--> hot
//! ```
//!
//! What somebody says of itself stays with whoever says it. Whether anybody else has the address shows nowhere, until it is
//! proven.

use averis_service_kit::problem::Problem;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{CustomerError, codes};
use crate::store::customers::{self, ACTIVE, CustomerRow, HOT, MERGED, SUSPENDED, WARM};
use crate::store::visitors::{self, VisitorRow};

/// Makes a customer of whom nothing is known yet.
pub async fn new_customer(
    conn: &mut TenantConn,
    at: DateTime<Utc>,
) -> Result<CustomerRow, CustomerError> {
    Ok(CustomerRow {
        id: Uuid::now_v7(),
        number: customers::next_number(conn).await?,
        disclosure: WARM.to_owned(),
        status: ACTIVE.to_owned(),
        email: None,
        email_verified_at: None,
        given_name: None,
        family_name: None,
        phone: None,
        locale: None,
        segments: Vec::new(),
        merged_into: None,
        version: 1,
        created_at: at,
        updated_at: at,
    })
}

/// Returns the customer that a visitor is, locked; a new, warm one if it is none yet.
///
/// # Errors
/// 409 when the customer is suspended.
pub async fn own_customer(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
    at: DateTime<Utc>,
) -> Result<CustomerRow, CustomerError> {
    if let Some(id) = visitor.customer_id
        && let Some(row) = customers::lock(conn, id).await?
    {
        if row.status == SUSPENDED {
            return Err(Problem::new(codes::CUSTOMER_SUSPENDED).into());
        }
        return Ok(row);
    }
    let row = new_customer(conn, at).await?;
    customers::insert(conn, &row).await?;
    visitors::link(conn, visitor.id, row.id, false).await?;
    Ok(row)
}

/// Makes a visitor who has proven an address the customer of that address: the one who has proven it before, or else what
/// the visitor has said of itself so far, or somebody new.
///
/// # Errors
/// 409 when that customer is suspended, or when another proves the same address at this moment.
pub async fn prove(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
    email: &str,
    at: DateTime<Utc>,
) -> Result<CustomerRow, CustomerError> {
    let own = match visitor.customer_id {
        Some(id) => customers::lock(conn, id).await?,
        None => None,
    };
    if let Some(known) = customers::lock_proven(conn, email).await? {
        if known.status == SUSPENDED {
            return Err(Problem::new(codes::CUSTOMER_SUSPENDED).into());
        }
        visitors::link(conn, visitor.id, known.id, true).await?;
        // Somebody proven is somebody else, whose address is another.
        return match own
            .filter(|own| own.id != known.id && own.disclosure == WARM && own.status == ACTIVE)
        {
            Some(own) => merge(conn, own, known, visitor.id, at).await,
            None => Ok(known),
        };
    }
    let row = match own {
        Some(own) if own.status == ACTIVE => own,
        Some(_) => return Err(Problem::new(codes::CUSTOMER_SUSPENDED).into()),
        None => {
            let row = new_customer(conn, at).await?;
            customers::insert(conn, &row).await?;
            row
        }
    };
    visitors::link(conn, visitor.id, row.id, true).await?;
    let proven = CustomerRow {
        disclosure: HOT.to_owned(),
        email: Some(email.to_owned()),
        email_verified_at: Some(at),
        ..row
    };
    Ok(customers::update(conn, &proven).await?)
}

/// Moves what a visitor has said of itself to the customer that it has proven to be, once. What that one knows of itself
/// stays; what it does not, it learns.
async fn merge(
    conn: &mut TenantConn,
    from: CustomerRow,
    into: CustomerRow,
    visitor: Uuid,
    at: DateTime<Utc>,
) -> Result<CustomerRow, CustomerError> {
    customers::move_all(conn, from.id, into.id).await?;
    customers::note_merge(conn, from.id, into.id, visitor, at).await?;
    visitors::link(conn, visitor, into.id, true).await?;
    let merged = CustomerRow {
        given_name: into.given_name.clone().or(from.given_name.clone()),
        family_name: into.family_name.clone().or(from.family_name.clone()),
        phone: into.phone.clone().or(from.phone.clone()),
        locale: into.locale.clone().or(from.locale.clone()),
        ..into
    };
    let emptied = CustomerRow {
        status: MERGED.to_owned(),
        merged_into: Some(merged.id),
        ..emptied(from)
    };
    customers::update(conn, &emptied).await?;
    Ok(customers::update(conn, &merged).await?)
}

/// Returns a customer of whom nothing personal is known any more.
pub fn emptied(row: CustomerRow) -> CustomerRow {
    CustomerRow {
        email: None,
        email_verified_at: None,
        given_name: None,
        family_name: None,
        phone: None,
        locale: None,
        segments: Vec::new(),
        ..row
    }
}

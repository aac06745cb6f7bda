//! How a visitor becomes somebody: by degrees, and only by proof.
//!
//! ```text
//! cold (a session, and nothing more) --says who it is--> warm --proves an address--> hot --signs out--> cold
//! ```
//!
//! What somebody says of itself stays with whoever says it. Whether anybody else has the address shows nowhere, until it is
//! proven.

use averis_contracts::customer::{CustomerState, kinds};
use averis_identity::ProviderSession;
use averis_outbox::publish;
use averis_service_kit::problem::Problem;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{CustomerError, codes};
use crate::store::customers::{self, ACTIVE, CustomerRow, HOT, MERGED, MergeRow, SUSPENDED, WARM};
use crate::store::telemetry;
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
        entered_by_staff: false,
        identity_issuer: None,
        identity_subject: None,
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
    if let Some(row) = linked(conn, visitor).await? {
        return Ok(row);
    }
    let row = new_customer(conn, at).await?;
    customers::insert(conn, &row).await?;
    visitors::link(conn, visitor.id, row.id, false).await?;
    Ok(row)
}

/// Returns the customer that a visitor is, locked, if it is any.
async fn linked(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
) -> Result<Option<CustomerRow>, CustomerError> {
    let Some(id) = visitor.customer_id else {
        return Ok(None);
    };
    let row = customers::lock(conn, id).await?;
    row.map(not_suspended).transpose()
}

fn not_suspended(row: CustomerRow) -> Result<CustomerRow, CustomerError> {
    if row.status == SUSPENDED {
        return Err(Problem::new(codes::CUSTOMER_SUSPENDED).into());
    }
    Ok(row)
}

/// Makes a visitor who has proven an address the customer of that address: the one who has proven it before, or for whom
/// staff has entered it, or else what the visitor has said of itself so far, or somebody new. Whoever the visitor has proven
/// to be before is left as it is: this is somebody else at the same machine.
///
/// # Errors
/// 409 when that customer is suspended, or when another proves the same address at this moment.
pub async fn prove(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
    email: &str,
    at: DateTime<Utc>,
) -> Result<CustomerRow, CustomerError> {
    let own = linked(conn, visitor).await?;
    let is_own = own.as_ref().filter(|own| is_proven(own, email)).cloned();
    let known = match is_own {
        Some(own) => Some(own),
        None => match customers::lock_proven(conn, email).await? {
            Some(known) => Some(known),
            None => customers::lock_entered(conn, email).await?,
        },
    };
    let into = become_customer(conn, visitor, own, known, at).await?;
    if is_proven(&into, email) {
        return Ok(into);
    }
    let proven = CustomerRow {
        disclosure: HOT.to_owned(),
        email: Some(email.to_owned()),
        email_verified_at: Some(at),
        ..into
    };
    let row = customers::update(conn, &proven).await?;
    tell(conn, kinds::VERIFIED, &row, None).await?;
    Ok(row)
}

/// Tells what has become of a customer.
async fn tell(
    conn: &mut TenantConn,
    kind: &'static str,
    row: &CustomerRow,
    from_id: Option<Uuid>,
) -> Result<(), CustomerError> {
    let state = CustomerState {
        version: row.version,
        from_id,
    };
    Ok(publish(conn, kind, row.id, &state).await?)
}

/// Makes a visitor the customer who signs in at an identity provider: the one who has signed in there before, whatever address
/// it has there now, or else the one of the address, who is bound to that account from then on.
///
/// # Errors
/// 409 when that customer is suspended or signs in by another account, or when another proves the same at this moment.
pub async fn prove_identity(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
    session: &ProviderSession,
    at: DateTime<Utc>,
) -> Result<(), CustomerError> {
    let own = linked(conn, visitor).await?;
    let known = customers::lock_identity(conn, &session.issuer, &session.subject).await?;
    if known.is_some() {
        become_customer(conn, visitor, own, known, at).await?;
        return Ok(());
    }
    let row = prove(conn, visitor, &session.email, at).await?;
    if row.identity_subject.is_some() {
        // The provider has given the address to somebody else, who is not the customer by that.
        return Err(Problem::new(codes::OTHER_IDENTITY).into());
    }
    let bound = CustomerRow {
        identity_issuer: Some(session.issuer.clone()),
        identity_subject: Some(session.subject.clone()),
        ..row
    };
    customers::update(conn, &bound).await?;
    Ok(())
}

/// Makes a visitor, who has proven it, a known customer, who learns what the visitor has said of itself; or else what the
/// visitor has said it is, or somebody new.
async fn become_customer(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
    own: Option<CustomerRow>,
    known: Option<CustomerRow>,
    at: DateTime<Utc>,
) -> Result<CustomerRow, CustomerError> {
    let own = own.filter(|own| own.disclosure == WARM && own.status == ACTIVE);
    let into = match (known.map(not_suspended).transpose()?, own) {
        (Some(known), Some(own)) if own.id != known.id => {
            let merge = MergeRow {
                from_id: own.id,
                into_id: known.id,
                visitor_id: Some(visitor.id),
                at,
                merged_by: None,
                reason: None,
            };
            join(conn, own, known, &merge).await?
        }
        (Some(known), _) => known,
        (None, Some(own)) => own,
        (None, None) => {
            let row = new_customer(conn, at).await?;
            customers::insert(conn, &row).await?;
            row
        }
    };
    visitors::link(conn, visitor.id, into.id, true).await?;
    telemetry::claim(conn, visitor.id, into.id).await?;
    Ok(into)
}

fn is_proven(row: &CustomerRow, email: &str) -> bool {
    row.disclosure == HOT && row.email.as_deref() == Some(email)
}

/// Gives the customer that a visitor has proven to be another address, which the visitor has proven too. Nobody else is
/// taken for that customer from then on. Returns the address before.
///
/// # Errors
/// 409 when the visitor has proven nothing, when the customer is suspended, or when another has the address.
pub async fn change_email(
    conn: &mut TenantConn,
    visitor: &VisitorRow,
    email: &str,
    at: DateTime<Utc>,
) -> Result<Option<String>, CustomerError> {
    let own = linked(conn, visitor).await?;
    let own = own.filter(|own| visitor.proven && own.disclosure == HOT);
    let own = own.ok_or_else(|| Problem::new(codes::NOT_PROVEN))?;
    if is_proven(&own, email) {
        return Ok(None);
    }
    if customers::lock_proven(conn, email).await?.is_some() {
        return Err(Problem::new(codes::EMAIL_TAKEN).into());
    }
    visitors::unlink_all(conn, own.id, Some(visitor.id)).await?;
    let before = own.email.clone();
    let changed = CustomerRow {
        email: Some(email.to_owned()),
        email_verified_at: Some(at),
        ..own
    };
    let row = customers::update(conn, &changed).await?;
    tell(conn, kinds::VERIFIED, &row, None).await?;
    Ok(before)
}

/// Makes one customer of two: what belongs to the first goes to the second, once. What that one knows of itself stays; what it
/// does not, it learns.
///
/// # Errors
/// Those of the database.
pub async fn join(
    conn: &mut TenantConn,
    from: CustomerRow,
    into: CustomerRow,
    merge: &MergeRow,
) -> Result<CustomerRow, CustomerError> {
    customers::move_all(conn, from.id, into.id).await?;
    customers::note_merge(conn, merge).await?;
    let mut segments = into.segments.clone();
    for segment in &from.segments {
        if !segments.contains(segment) {
            segments.push(segment.clone());
        }
    }
    let merged = CustomerRow {
        email: into.email.clone().or(from.email.clone()),
        given_name: into.given_name.clone().or(from.given_name.clone()),
        family_name: into.family_name.clone().or(from.family_name.clone()),
        phone: into.phone.clone().or(from.phone.clone()),
        locale: into.locale.clone().or(from.locale.clone()),
        segments,
        ..into
    };
    let emptied = CustomerRow {
        status: MERGED.to_owned(),
        merged_into: Some(merged.id),
        ..emptied(from)
    };
    customers::update(conn, &emptied).await?;
    let row = customers::update(conn, &merged).await?;
    tell(conn, kinds::MERGED, &row, Some(merge.from_id)).await?;
    Ok(row)
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
        identity_issuer: None,
        identity_subject: None,
        ..row
    }
}
